package main

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// keepLog stores a binary log file as it is on the server, up to its present end.
func (s *server) keepLog(ctx context.Context, name, file string) error {
	var end uint32
	var ignored any
	rows, err := s.db.QueryContext(ctx, "SHOW MASTER STATUS")
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	into := make([]any, len(columns))
	for i := range into {
		into[i] = &ignored
	}
	into[1] = &end
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	host, text, err := net.SplitHostPort(s.address)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return err
	}
	flags := uint16(0)
	if s.name == "mariadb" {
		flags = replication.BINLOG_SEND_ANNOTATE_ROWS_EVENT
	}
	syncer := replication.NewBinlogSyncer(replication.BinlogSyncerConfig{
		DumpCommandFlag: flags,
		ServerID:        uint32(s.serverID + 99), Flavor: s.name, Host: host, Port: uint16(port), User: s.user, Password: s.user, RawModeEnabled: true,
	})
	defer syncer.Close()
	stream, err := syncer.StartSync(mysql.Position{Name: name, Pos: 4})
	if err != nil {
		return err
	}
	var out bytes.Buffer
	out.Write(replication.BinLogFileHeader)
	for {
		e, err := stream.GetEvent(ctx)
		if err != nil {
			return err
		}
		// Rotate events in front of the file are not in it.
		if e.Header.LogPos == 0 || e.Header.Timestamp == 0 {
			continue
		}
		out.Write(e.RawData)
		if e.Header.LogPos >= end {
			return store(filepath.Join(s.folder, file), out.Bytes())
		}
	}
}
