package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"log"
	"os"
	"path/filepath"

	_ "github.com/go-sql-driver/mysql" // the driver
)

const database = "recorded"

type server struct {
	name, class, address, user string
	serverID                   int
	sql, folder                string // the scripts, the recordings
	broker, connect            string
	db                         *sql.DB
}

func (s *server) record(ctx context.Context, column string) error {
	var err error
	s.db, err = sql.Open("mysql", s.user+":"+s.user+"@tcp("+s.address+")/?multiStatements=true&charset=utf8mb4")
	if err != nil {
		return err
	}
	defer s.db.Close()
	if err := os.MkdirAll(s.folder, 0o755); err != nil {
		return err
	}
	if err := s.exec(ctx, "", "DROP DATABASE IF EXISTS "+database+"; DROP DATABASE IF EXISTS beyond; RESET MASTER; CREATE DATABASE "+database+" CHARACTER SET utf8mb4"); err != nil {
		return err
	}
	if s.name == "mysql" {
		if err := s.keepCharsets(ctx, filepath.Join(column, "charsets.txt")); err != nil {
			return err
		}
		if err := s.keepDoubles(ctx, filepath.Join(column, "testdata", "doubles.txt")); err != nil {
			return err
		}
		if err := s.exec(ctx, "", "SET GLOBAL binlog_rows_query_log_events = ON"); err != nil {
			return err
		}
	}
	if err := s.run(ctx, database, "tables.sql", s.name+".sql", "rows.sql", s.name+"-rows.sql"); err != nil {
		return err
	}
	if err := s.exec(ctx, database, "CREATE TABLE marker (id INT PRIMARY KEY); INSERT INTO marker VALUES (1)"); err != nil {
		return err
	}
	log.Printf("%s: tables and rows are made; snapshots", s.name)
	records, err := s.listen(ctx)
	if err != nil {
		return err
	}
	defer records.close()
	for i, r := range runs {
		if err := s.create(ctx, r, s.serverID+i); err != nil {
			return err
		}
	}
	if err := records.await(ctx, "the snapshot", `"snapshot":"last"`); err != nil {
		return err
	}
	log.Printf("%s: snapshots are done; changes", s.name)
	tables, err := s.tables(ctx, database)
	if err != nil {
		return err
	}
	if err := s.exec(ctx, database, "FLUSH BINARY LOGS"); err != nil {
		return err
	}
	for _, t := range tables {
		if err := s.exec(ctx, database, "DELETE FROM `"+t+"`"); err != nil {
			return err
		}
	}
	if err := s.run(ctx, database, "rows.sql", s.name+"-rows.sql"); err != nil {
		return err
	}
	if err := s.keepTables(ctx, database, ""); err != nil {
		return err
	}
	if err := s.run(ctx, database, "changes.sql"); err != nil {
		return err
	}
	if err := s.exec(ctx, database, "INSERT INTO marker VALUES (2)"); err != nil {
		return err
	}
	if err := records.await(ctx, "the last change", `"after":{"id":2}`); err != nil {
		return err
	}
	if err := records.keep(s.folder); err != nil {
		return err
	}
	for _, r := range runs {
		if err := s.remove(ctx, r); err != nil {
			return err
		}
	}
	if err := s.keepLog(ctx, "binlog.000002", "binlog.gz"); err != nil {
		return err
	}
	if s.name == "mariadb" {
		return s.beyond(ctx)
	}
	return nil
}

// beyond makes the tables that Debezium cannot read, when its connectors are gone.
func (s *server) beyond(ctx context.Context) error {
	if err := s.exec(ctx, "", "FLUSH BINARY LOGS; CREATE DATABASE beyond CHARACTER SET utf8mb4"); err != nil {
		return err
	}
	if err := s.run(ctx, "beyond", "mariadb-beyond.sql"); err != nil {
		return err
	}
	if err := s.keepTables(ctx, "beyond", "beyond-"); err != nil {
		return err
	}
	return s.keepLog(ctx, "binlog.000003", "beyond-binlog.gz")
}

// run executes scripts in a session of their own.
func (s *server) run(ctx context.Context, schema string, scripts ...string) error {
	for _, name := range scripts {
		text, err := os.ReadFile(filepath.Join(s.sql, name))
		if err != nil {
			return err
		}
		if err := s.exec(ctx, schema, string(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (s *server) exec(ctx context.Context, schema, text string) error {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	// A session is not used again: the scripts change its variables.
	defer c.Raw(func(any) error { return driver.ErrBadConn })
	if schema != "" {
		text = "USE " + schema + ";" + text
	}
	_, err = c.ExecContext(ctx, text)
	return err
}

func (s *server) tables(ctx context.Context, schema string) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT table_name FROM information_schema.tables WHERE table_schema = '"+schema+"' ORDER BY table_name")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
