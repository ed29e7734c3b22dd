//go:build integration

package integration

import (
	"fmt"
	"testing"
)

// What is delivered of a system-versioned table of MariaDB are its present rows: neither its history nor the columns that no SELECT * has. The
// snapshot and the stream agree, whether the log names columns or not.
func TestMariaDBSystemVersioned(t *testing.T) {
	t.Parallel()
	for _, metadata := range []string{"FULL", "MINIMAL"} {
		t.Run(metadata, func(t *testing.T) {
			t.Parallel()
			db := newDatabase(t, newServer(t, "mariadb", "--binlog-row-metadata="+metadata, "--system-versioning-alter-history=KEEP"))
			db.exec("CREATE TABLE implied (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING")
			db.exec("CREATE TABLE named (id INT, born TIMESTAMP(6) GENERATED ALWAYS AS ROW START, dead TIMESTAMP(6) GENERATED ALWAYS AS ROW END, v INT, " +
				"PERIOD FOR SYSTEM_TIME(born, dead), PRIMARY KEY (id)) WITH SYSTEM VERSIONING")
			tables := []string{"implied", "named"}
			each := func(statements ...string) {
				for _, table := range tables {
					for _, statement := range statements {
						db.exec(fmt.Sprintf(statement, table))
					}
				}
			}
			each("INSERT INTO %s (id, v) VALUES (1, 1), (2, 2), (3, 3)", "UPDATE %s SET v = 10 WHERE id = 1", "DELETE FROM %s WHERE id = 2")
			c := newSnapshot(t, db, map[string]string{"column.exclude.list": `.*\.(born|dead)`})
			want := []string{`{"id":1} {"id":1,"v":10}`, `{"id":3} {"id":3,"v":3}`}
			for _, table := range tables {
				c.await(table, want)
			}
			each("UPDATE %s SET v = 11 WHERE id = 1", "DELETE FROM %s WHERE id = 3", "INSERT INTO %s (id, v) VALUES (4, 4)", "UPDATE %s SET id = 5 WHERE id = 4",
				"REPLACE INTO %s (id, v) VALUES (5, 6)", "INSERT INTO %s (id, v) VALUES (5, 0) ON DUPLICATE KEY UPDATE v = 7", "DELETE HISTORY FROM %s",
				"ALTER TABLE %s ADD COLUMN w INT", "UPDATE %s SET w = 1 WHERE id = 1", "DELETE FROM %s WHERE id = 1")
			want = append(want, `{"id":1} {"id":1,"v":11}`, `{"id":3} null`, `{"id":4} {"id":4,"v":4}`, `{"id":4} null`, `{"id":5} {"id":5,"v":4}`,
				`{"id":5} null`, `{"id":5} {"id":5,"v":6}`, `{"id":5} {"id":5,"v":7}`, `{"id":1} {"id":1,"v":11,"w":1}`, `{"id":1} null`)
			for _, table := range tables {
				c.await(table, want)
			}
		})
	}
}
