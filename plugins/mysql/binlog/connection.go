package binlog

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// read connects and reads until the connection ends. The error is of type *Error when another connection would not help.
func (s *Stream) read() error {
	start, err := s.config.Locate(s.ctx, s.framer.at)
	if err != nil {
		return err
	}
	var conn closeOnce
	// The client's own Close would say good-bye, for which a server that waits for room has no ear.
	stop := context.AfterFunc(s.ctx, conn.close)
	defer func() {
		stop()
		conn.close()
	}()
	s.framer.connected(start)
	if s.link, err = s.connect(start, &conn); err != nil {
		return classify(err)
	}
	defer s.link.close()
	s.config.Logger.Info("reading the binary log", "position", s.framer.at.String(), "gtid", start.ByGTID)
	for {
		header, body, err := s.link.event()
		if err != nil {
			return classify(err)
		}
		if err := s.framer.handle(header, body); err != nil {
			var final *Error
			if errors.As(err, &final) || errors.Is(err, errStopped) {
				return err
			}
			return &Error{Damaged, err}
		}
	}
}

// connectLimit is how long a server may take to let somebody in.
const connectLimit = 10 * time.Second

// connect gets in, as a replica does, and asks for the log. What the server sends then is read by the link alone: the library copies each
// event several times.
func (s *Stream) connect(start Start, conn *closeOnce) (*link, error) {
	if !start.ByGTID && start.Pos > math.MaxUint32 {
		return nil, &Error{Lost, fmt.Errorf("the position %s:%d cannot be asked for: the protocol has 32 bits for it", start.File, start.Pos)}
	}
	ctx, cancel := context.WithTimeout(s.ctx, connectLimit)
	defer cancel()
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if !conn.set(c) {
			return nil, errStopped
		}
		deadline, _ := ctx.Deadline()
		return c, c.SetDeadline(deadline)
	}
	address := net.JoinHostPort(s.config.Host, strconv.Itoa(s.config.Port))
	c, err := client.ConnectWithDialer(ctx, "tcp", address, s.config.User, s.config.Password, "", dial, func(c *client.Conn) error {
		c.SetTLSConfig(start.TLS)
		c.SetAttributes(map[string]string{"_client_role": "binary_log_listener"})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := s.ask(c, start); err != nil {
		return nil, err
	}
	// All that was answered has been read: what comes now is the log.
	l := &link{net: c.Conn.Conn, silence: s.config.Silence, seq: c.Sequence, refused: c.HandleErrorPacket}
	return l, l.net.SetDeadline(time.Time{})
}

// ask prepares the session, registers and asks for the log.
func (s *Stream) ask(c *client.Conn, start Start) error {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it never fails
	statements := []string{
		// Checksums are for what is stored; the network has its own.
		"SET @master_binlog_checksum = 'NONE', @source_binlog_checksum = 'NONE'",
		fmt.Sprintf("SET @slave_uuid = '%[1]s', @replica_uuid = '%[1]s'", uuidText(id)),
	}
	if d := s.config.Heartbeat; d > 0 {
		statements = append(statements, fmt.Sprintf("SET @master_heartbeat_period = %[1]d, @source_heartbeat_period = %[1]d", d.Nanoseconds()))
	}
	// A reader that waits for Kafka must not be cut off.
	if d := s.config.WriteTimeout; d > 0 {
		statements = append(statements, fmt.Sprintf("SET SESSION net_write_timeout = %d", int64(d.Seconds())))
	}
	if d := s.config.ReadTimeout; d > 0 {
		statements = append(statements, fmt.Sprintf("SET SESSION net_read_timeout = %d", int64(d.Seconds())))
	}
	if s.config.MariaDB {
		// Events with GTIDs, as they are.
		statements = append(statements, "SET @mariadb_slave_capability = 4")
		if start.ByGTID {
			statements = append(statements, "SET @slave_connect_state = '"+start.GTIDs.String()+"'", "SET @slave_gtid_strict_mode = 1")
		}
	}
	for _, statement := range statements {
		if _, err := c.Execute(statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	if err := send(c, s.registration()); err != nil {
		return err
	}
	if _, err := c.ReadOKPacket(); err != nil {
		return err
	}
	return send(c, s.dump(start))
}

// send begins an exchange with a command.
func send(c *client.Conn, command []byte) error {
	c.ResetSequence()
	return c.WritePacket(append(make([]byte, 4), command...))
}

// registration makes the connector one of the replicas that the server shows.
func (s *Stream) registration() []byte {
	host, _ := os.Hostname()
	b := binary.LittleEndian.AppendUint32([]byte{mysql.COM_REGISTER_SLAVE}, s.config.ServerID)
	for _, text := range []string{host, s.config.User, ""} { // a password is nobody's business
		text = text[:min(len(text), math.MaxUint8)]
		b = append(append(b, byte(len(text))), text...)
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(s.config.Port))
	return append(b, make([]byte, 4+4)...) // rank and source, which nobody reads
}

// dump asks for the log from a place on.
func (s *Stream) dump(start Start) []byte {
	if start.ByGTID && !s.config.MariaDB {
		set := start.GTIDs.Encode()
		b := binary.LittleEndian.AppendUint16([]byte{mysql.COM_BINLOG_DUMP_GTID}, 0)
		b = binary.LittleEndian.AppendUint32(b, s.config.ServerID)
		b = binary.LittleEndian.AppendUint32(b, 0) // no file
		b = binary.LittleEndian.AppendUint64(b, 4)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(set)))
		return append(b, set...)
	}
	file, pos, flags := start.File, uint32(start.Pos), uint16(0)
	if s.config.MariaDB {
		if start.ByGTID {
			file, pos = "", 0 // it goes by slave_connect_state
		}
		if s.config.Annotations {
			flags = replication.BINLOG_SEND_ANNOTATE_ROWS_EVENT
		}
	}
	b := binary.LittleEndian.AppendUint32([]byte{mysql.COM_BINLOG_DUMP}, pos)
	b = binary.LittleEndian.AppendUint16(b, flags)
	b = binary.LittleEndian.AppendUint32(b, s.config.ServerID)
	return append(b, file...)
}

// uuidText writes 16 bytes as a UUID.
func uuidText(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// classify finds errors that another connection would meet again.
func classify(err error) error {
	var answer *mysql.MyError
	if !errors.As(err, &answer) {
		return err
	}
	text := strings.ToLower(answer.Message)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
	switch answer.Code {
	case mysql.ER_ACCESS_DENIED_ERROR, mysql.ER_SPECIFIC_ACCESS_DENIED_ERROR, mysql.ER_DBACCESS_DENIED_ERROR:
		return &Error{Denied, err}
	case mysql.ER_MASTER_HAS_PURGED_REQUIRED_GTIDS, gtidStartNotFound, gtidMissing:
		return &Error{Lost, err}
	case mysql.ER_MASTER_FATAL_ERROR_READING_BINLOG:
		// One number for everything; only the text tells more.
		switch {
		case has("same server_uuid", "same server-id", "same server_id"):
			return fmt.Errorf("another replica or connector has the same server id; give this one another database.server.id: %w", err)
		case has("max_allowed_packet"):
			return &Error{TooLarge, err}
		case has("could not find first log file", "impossible position", "position > file size", "purged", "could not find", "not in the master's binlog", "slave has more gtids", "replica has more gtids", "missing"):
			return &Error{Lost, err}
		}
	}
	return err
}

// MariaDB's errors for a GTID that its log does not have.
const (
	gtidStartNotFound = 1945 // ER_GTID_START_FROM_BINLOG_HOLE
	gtidMissing       = 1955 // ER_GTID_POSITION_NOT_FOUND_IN_BINLOG2
)
