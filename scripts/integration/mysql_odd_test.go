//go:build integration

package integration

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// oddities are what a database may do and few do: names that have to be quoted, tables that change places, transactions of other kinds, large rows.
func oddities(t *testing.T, db *database) {
	statements := []string{
		"CREATE TABLE `it's a ``\"t\"``.tëst` (`a.b` INT, `c``d` VARCHAR(10), kept INT AS (`a.b` * 2) STORED, computed INT AS (`a.b` + 1) VIRTUAL, " +
			"`日本 x` VARCHAR(10) CHARACTER SET utf8mb4, hidden INT DEFAULT 4" + invisible(db) + ")",
		"CREATE TABLE a (id INT PRIMARY KEY, n INT)",
		"CREATE TABLE b (id INT PRIMARY KEY, s VARCHAR(9)) DEFAULT CHARSET latin1",
		"CREATE TABLE members (id INT PRIMARY KEY, e ENUM('a','b'), s SET('x','y'))",
		"CREATE TABLE m (id INT PRIMARY KEY)",
		"CREATE TABLE large (id INT PRIMARY KEY, b LONGBLOB)",
	}
	for _, statement := range statements {
		db.exec(statement)
	}
	c := newCapture(t, db, map[string]string{"producer.override.max.request.size": "60000000"})
	c.kafka.create(t, c.topic("large"), 1, map[string]string{"max.message.bytes": "60000000"})

	// All at once, so that the connector reads the first rows when the tables look like after the last statement.
	odd(t, db, c)
	exchanged(db, c)
	membersChanged(db, c)
	transactionsOfAllKinds(t, db, c)
	largeRow(t, db, c)
}

// invisible is how a column is hidden from SELECT *, where the server can.
func invisible(db *database) string {
	if db.server.name == "mariadb" {
		return " INVISIBLE"
	}
	return ""
}

func odd(t *testing.T, db *database, c *capture) {
	const quoted = "`it's a ``\"t\"``.tëst`"
	const topic = "it_s_a___t__.t_st"
	db.exec("INSERT INTO " + quoted + " (`a.b`, `c``d`, `日本 x`) VALUES (1, 'x', 'ü')")
	db.exec("UPDATE " + quoted + " SET `c``d` = NULL, hidden = 5")
	streamed := []string{
		" {\"a.b\":1,\"c`d\":\"x\",\"kept\":2,\"computed\":2,\"日本 x\":\"ü\",\"hidden\":4}",
		" {\"a.b\":1,\"c`d\":null,\"kept\":2,\"computed\":2,\"日本 x\":\"ü\",\"hidden\":5}",
	}
	c.await(topic, streamed)
	// A snapshot has the same row.
	config := db.source(c.prefix, map[string]string{"output": "row", "snapshot.mode": "initial_only", "table.include.list": db.name + `\.it's a .*`})
	c.put(c.name+"-again", config)
	c.await(topic, append(streamed, streamed[1]))
	c.do(c.rest.Delete, c.name+"-again")
}

// exchanged has two tables of other columns change places, and back.
func exchanged(db *database, c *capture) {
	for _, statement := range []string{
		"INSERT INTO a VALUES (1, 10)", "INSERT INTO b VALUES (1, 'ä')",
		"RENAME TABLE a TO c, b TO a, c TO b",
		"INSERT INTO a VALUES (2, 'ö')", "INSERT INTO b VALUES (2, 20)",
		"RENAME TABLE a TO c, b TO a, c TO b",
		"INSERT INTO a VALUES (3, 30)", "INSERT INTO b VALUES (3, 'ü')",
	} {
		db.exec(statement)
	}
	c.await("a", []string{`{"id":1} {"id":1,"n":10}`, `{"id":2} {"id":2,"s":"ö"}`, `{"id":3} {"id":3,"n":30}`})
	c.await("b", []string{`{"id":1} {"id":1,"s":"ä"}`, `{"id":2} {"id":2,"n":20}`, `{"id":3} {"id":3,"s":"ü"}`})
}

// membersChanged gives the numbers of members other meanings.
func membersChanged(db *database, c *capture) {
	for _, statement := range []string{
		"INSERT INTO members VALUES (1, 'b', 'x,y')",
		"ALTER TABLE members MODIFY e ENUM('new','b','a'), MODIFY s SET('y','z','x')",
		"INSERT INTO members VALUES (2, 'a', 'x,z')",
		"UPDATE members SET e = 'new' WHERE id = 1",
	} {
		db.exec(statement)
	}
	c.await("members", []string{`{"id":1} {"id":1,"e":"b","s":"x,y"}`, `{"id":2} {"id":2,"e":"a","s":"z,x"}`, `{"id":1} {"id":1,"e":"new","s":"y,x"}`})
}

// transactionsOfAllKinds are those that a statement ends, those that go back a part of the way, and those of XA.
func transactionsOfAllKinds(t *testing.T, db *database, c *capture) {
	session, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	for _, statement := range []string{
		"BEGIN", "INSERT INTO m VALUES (1)", "ALTER TABLE m ADD n INT DEFAULT 7", "INSERT INTO m VALUES (2, 2)", // committed by ALTER, and alone
		"BEGIN", "INSERT INTO m VALUES (3, 3)", "SAVEPOINT s", "INSERT INTO m VALUES (4, 4)", "ROLLBACK TO s", "INSERT INTO m (id) VALUES (5)", "COMMIT",
		"BEGIN", "INSERT INTO m VALUES (6, 6)", "ROLLBACK",
		"XA START 'two'", "INSERT INTO m VALUES (7, 7)", "XA END 'two'", "XA PREPARE 'two'", "XA COMMIT 'two'",
		"XA START 'one'", "INSERT INTO m VALUES (8, 8)", "XA END 'one'", "XA COMMIT 'one' ONE PHASE",
		"XA START 'none'", "INSERT INTO m VALUES (9, 9)", "XA END 'none'", "XA ROLLBACK 'none'",
		"INSERT INTO m VALUES (10, 10)",
	} {
		if _, err := session.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	c.await("m", []string{
		`{"id":1} {"id":1}`, `{"id":2} {"id":2,"n":2}`, `{"id":3} {"id":3,"n":3}`, `{"id":5} {"id":5,"n":7}`, `{"id":7} {"id":7,"n":7}`, `{"id":8} {"id":8,"n":8}`,
		`{"id":10} {"id":10,"n":10}`,
	})
}

// largeRow is one that takes several packets of the servers' protocol.
func largeRow(t *testing.T, db *database, c *capture) {
	const size = 16<<20 + 5
	// The server makes it; the client's own packets are smaller.
	db.exec(fmt.Sprintf("INSERT INTO large VALUES (1, REPEAT('outboard ', %d))", size/9+1))
	var length sql.NullInt64
	if err := db.QueryRowContext(t.Context(), "SELECT LENGTH(b) FROM large").Scan(&length); err != nil || length.Int64 < size {
		t.Fatalf("the row has %d bytes, %v", length.Int64, err)
	}
	var got []string
	eventually(t, flowLimit, "the large row", func() string {
		if got = c.values("large"); len(got) < 1 {
			status, _ := c.rest.Status(c.ctx(), c.name)
			return fmt.Sprintf("%+v", status)
		}
		return ""
	})
	var row struct {
		ID int    `json:"id"`
		B  string `json:"b"`
	}
	text := strings.TrimPrefix(got[0], `{"id":1} `)
	if err := json.Unmarshal([]byte(text), &row); err != nil || row.ID != 1 {
		t.Fatalf("%.100s: %v", text, err)
	}
	if b, err := base64.StdEncoding.DecodeString(row.B); err != nil || string(b) != strings.Repeat("outboard ", size/9+1) {
		t.Errorf("%d bytes came, of %d: %v", len(b), length.Int64, err)
	}
}
