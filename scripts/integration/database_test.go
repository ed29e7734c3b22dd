//go:build integration

package integration

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Whom the servers of scripts/services let do everything.
const databaseUser, databasePassword = "outboard", "outboard"

// database is one of a test's own on a server, which other tests may use too.
type database struct {
	*sql.DB
	t      *testing.T
	server *server
	name   string
}

// newDatabase makes one, which is dropped at the end of the test. Its sessions are in UTC.
func newDatabase(t *testing.T, s *server) *database {
	t.Helper()
	d := &database{t: t, server: s}
	d.name = fmt.Sprintf("%.40s_%x", strings.Trim(unfit.ReplaceAllString(strings.ToLower(t.Name()), "_"), "_"), time.Now().UnixNano()&0xffffff)
	admin := openDatabase(t, s, "")
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+d.name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		// A test's own server is gone with its data.
		if _, err := admin.ExecContext(ctx, "DROP DATABASE "+d.name); err != nil && s.shared {
			t.Error(err)
		}
	})
	d.DB = openDatabase(t, s, d.name)
	return d
}

// openDatabase connects as the user who may do everything, to a database or to none.
func openDatabase(t *testing.T, s *server, name string) *sql.DB {
	t.Helper()
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd, c.DBName = "tcp", s.address, databaseUser, databasePassword, name
	c.Params = map[string]string{"time_zone": "'+00:00'"}
	c.Timeout = 5 * time.Second
	c.Logger = &mysql.NopLogger{} // servers that are killed are no news
	connector, err := mysql.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() }) // the server may be gone
	return db
}

// exec runs one statement.
func (d *database) exec(statement string, args ...any) {
	d.t.Helper()
	if _, err := d.ExecContext(d.t.Context(), statement, args...); err != nil {
		d.t.Fatalf("%.200s: %v", statement, err)
	}
}

// show returns the rows of a small result by the names of its columns. NULL is "".
func (d *database) show(statement string) (all []map[string]string) {
	d.t.Helper()
	rows, err := d.QueryContext(d.t.Context(), statement)
	if err != nil {
		d.t.Fatalf("%s: %v", statement, err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		d.t.Fatal(err)
	}
	for rows.Next() {
		values, targets := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			d.t.Fatal(err)
		}
		row := make(map[string]string, len(names))
		for i, name := range names {
			row[name] = values[i].String
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		d.t.Fatalf("%s: %v", statement, err)
	}
	return all
}

// source is the configuration of a MySqlSource that captures this database, with changes.
func (d *database) source(prefix string, changes map[string]string) map[string]string {
	config := map[string]string{
		"connector.class": "MySqlSource", "tasks.max": "1", "topic.prefix": prefix,
		"database.hostname": "127.0.0.1", "database.port": strconv.Itoa(d.server.port),
		"database.user": databaseUser, "database.password": databasePassword,
		"database.server.id": strconv.FormatInt(5400+time.Now().UnixNano()%(1<<31), 10), "database.include.list": d.name,
	}
	maps.Copy(config, changes)
	return config
}
