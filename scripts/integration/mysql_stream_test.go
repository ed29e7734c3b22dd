//go:build integration

package integration

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/herder"
)

// capture is a MySqlSource that writes the rows of one database as plain JSON.
type capture struct {
	*worker
	db   *database
	name string
}

var plainJSON = map[string]string{
	"key.converter": jsonConverter, "key.converter.schemas.enable": "false",
	"value.converter": jsonConverter, "value.converter.schemas.enable": "false",
}

// newCapture starts a worker with a connector that captures a database, without what is in it already.
func newCapture(t *testing.T, db *database, changes map[string]string) *capture {
	t.Helper()
	c := &capture{worker: newWorker(t, shared(t), plainJSON), db: db}
	c.name = c.prefix + "-source"
	c.start()
	config := map[string]string{"output": "row", "snapshot.mode": "no_data", "heartbeat.interval.ms": "500"}
	maps.Copy(config, changes)
	c.put(c.name, db.source(c.prefix, config))
	c.awaitState(c.name, "RUNNING", 1)
	c.awaitLog("reading the binary log")
	// Where the stream begins is stored before: a task that dies now misses nothing.
	if offsets, err := c.rest.Offsets(c.ctx(), c.name); err != nil || len(offsets) != 1 {
		t.Errorf("the stream has begun, and the offsets are %v, %v", offsets, err)
	}
	return c
}

// awaitLog waits until the connector has logged a message.
func (c *capture) awaitLog(message string) {
	c.t.Helper()
	eventually(c.t, flowLimit, fmt.Sprintf("%q in the log", message), func() string {
		if c.logged(message) == 0 {
			return "it is not there"
		}
		return ""
	})
}

// logged counts lines of the connector's log.
func (c *capture) logged(message string) int {
	n := 0
	for _, e := range c.entries() {
		if e.Connector == c.name && strings.Contains(e.Message, message) {
			n++
		}
	}
	return n
}

func (c *capture) topic(table string) string { return c.prefix + "." + c.db.name + "." + table }

// values returns the records of a table so far: keys and values as text, null for no value.
func (c *capture) values(table string) []string {
	c.t.Helper()
	topics, err := c.kafka.admin.ListTopics(c.t.Context(), c.topic(table))
	if err != nil {
		c.t.Fatal(err)
	}
	if !topics.Has(c.topic(table)) {
		return nil
	}
	var all []string
	for _, r := range c.kafka.records(c.t, c.topic(table)) {
		all = append(all, text(r))
	}
	return all
}

func text(r *kgo.Record) string {
	value := string(r.Value)
	if r.Value == nil {
		value = "null"
	}
	return string(r.Key) + " " + value
}

// await waits until a table has as many records, and compares them.
func (c *capture) await(table string, want []string) {
	c.t.Helper()
	var got []string
	eventually(c.t, flowLimit, fmt.Sprintf("%d records of %s", len(want), table), func() string {
		if got = c.values(table); len(got) < len(want) {
			status, _ := c.rest.Status(c.ctx(), c.name)
			return fmt.Sprintf("%d came: %s\n%+v", len(got), strings.Join(got, "\n"), status)
		}
		return ""
	})
	if !slices.Equal(got, want) {
		c.t.Errorf("%s: got\n%s\nwant\n%s", table, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// eachServer runs a test on both kinds of servers.
func eachServer(t *testing.T, test func(t *testing.T, name string)) {
	for _, name := range []string{"mariadb", "mysql"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, name)
		})
	}
}

// Rows before and after any statement that alters a table have the columns of their time, whether the log names them or not.
func TestMySQLStreamAlterations(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		for _, metadata := range []string{"FULL", "MINIMAL"} {
			t.Run(metadata, func(t *testing.T) {
				t.Parallel()
				s := newServer(t, name, "--binlog-row-metadata="+metadata)
				alterations(t, newDatabase(t, s))
				oddities(t, newDatabase(t, s))
			})
		}
	})
}

func alterations(t *testing.T, db *database) {
	db.exec("CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20), n INT UNSIGNED DEFAULT 5) DEFAULT CHARSET latin1")
	c := newCapture(t, db, map[string]string{"skipped.operations": "none"})
	// All at once, so that the connector reads the first rows when the table looks like after the last statement.
	for _, statement := range []string{
		"INSERT INTO t VALUES (1, 'ä', 4294967295)",
		"ALTER TABLE t ADD COLUMN w INT DEFAULT 8 AFTER id",
		"INSERT INTO t (id, v) VALUES (2, 'é')",
		"ALTER TABLE t DROP COLUMN v, RENAME COLUMN n TO m",
		"UPDATE t SET w = 1 WHERE id = 2",
		"ALTER TABLE t MODIFY m BIGINT, ADD e ENUM('a','b') DEFAULT 'b' FIRST, ADD d DECIMAL(8,2) DEFAULT 1.5",
		"INSERT INTO t (id) VALUES (3)",
		"UPDATE t SET id = 4 WHERE id = 3",
		"DELETE FROM t WHERE id = 4",
		"ALTER TABLE t CHANGE m renamed DOUBLE AFTER d, DROP COLUMN w",
		"INSERT INTO t (id) VALUES (5)",
		"TRUNCATE TABLE t",
		"RENAME TABLE t TO u",
		"INSERT INTO u (id) VALUES (6)",
		"CREATE TABLE t LIKE u",
		"INSERT INTO t (id, e) VALUES (7, 'a')",
		"DROP TABLE t",
		"CREATE TABLE t (a VARCHAR(10) CHARACTER SET utf8mb4, b INT, c SET('x','y'), PRIMARY KEY (b)) DEFAULT CHARSET latin1",
		"INSERT INTO t VALUES ('ü', 1, 'x,y')",
		"ALTER TABLE t CONVERT TO CHARACTER SET latin1",
		"INSERT INTO t VALUES ('ü', 2, NULL)",
		"ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (b, a)",
		"INSERT INTO t VALUES ('k', 3, 'x')",
	} {
		db.exec(statement)
	}
	c.await("t", []string{
		`{"id":1} {"id":1,"v":"ä","n":4294967295}`,
		`{"id":2} {"id":2,"w":8,"v":"é","n":5}`,
		`{"id":2} {"id":2,"w":1,"m":5}`,
		`{"id":3} {"e":"b","id":3,"w":8,"m":null,"d":"AJY="}`,
		`{"id":3} null`,
		`{"id":4} {"e":"b","id":4,"w":8,"m":null,"d":"AJY="}`,
		`{"id":4} null`,
		`{"id":5} {"e":"b","id":5,"d":"AJY=","renamed":null}`,
		`{"id":7} {"e":"a","id":7,"d":"AJY=","renamed":null}`,
		`{"b":1} {"a":"ü","b":1,"c":"x,y"}`,
		`{"b":2} {"a":"ü","b":2,"c":null}`,
		`{"b":3,"a":"k"} {"a":"k","b":3,"c":"x"}`,
	})
	c.await("u", []string{`{"id":6} {"e":"b","id":6,"d":"AJY=","renamed":null}`})
}

// A table that is altered while the connector is down gives rows with the columns of their time, even where the log does not name them.
func TestMySQLStreamAlteredWhileDown(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		db := newDatabase(t, newServer(t, name, "--binlog-row-metadata=MINIMAL"))
		db.exec("CREATE TABLE t (id INT PRIMARY KEY, old VARCHAR(20))")
		c := newCapture(t, db, nil)
		db.exec("INSERT INTO t VALUES (1, 'a')")
		c.await("t", []string{`{"id":1} {"id":1,"old":"a"}`})
		c.do(c.rest.Stop, c.name)
		c.awaitState(c.name, "STOPPED", 0)
		// The types stay, so that only a connector that knows the columns' history can tell.
		db.exec("INSERT INTO t VALUES (2, 'b')")
		db.exec("ALTER TABLE t RENAME COLUMN old TO new")
		db.exec("INSERT INTO t VALUES (3, 'c')")
		c.do(c.rest.Resume, c.name)
		c.await("t", []string{`{"id":1} {"id":1,"old":"a"}`, `{"id":2} {"id":2,"old":"b"}`, `{"id":3} {"id":3,"new":"c"}`})
	})
}

// series is a table of numbers that one session writes in order, in transactions of different sizes. Each committed number must be delivered, in
// order, however often things are killed.
type series struct {
	c  *capture
	mu sync.Mutex
	// last is the last number that was committed.
	last int
}

// newSeries makes the table and captures it.
func newSeries(t *testing.T, db *database, changes map[string]string) *series {
	t.Helper()
	db.exec("CREATE TABLE n (id INT PRIMARY KEY, filler VARCHAR(200)) ENGINE=InnoDB")
	return &series{c: newCapture(t, db, changes)}
}

// write commits transactions until ctx ends; a lost connection is made again, and what was committed looked up.
func (n *series) write(ctx context.Context, sizes ...int) {
	for i := 0; ctx.Err() == nil; i++ {
		size := sizes[i%len(sizes)]
		if err := n.commit(ctx, size); err != nil {
			n.resync(ctx)
		}
	}
}

func (n *series) commit(ctx context.Context, size int) error {
	tx, err := n.c.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	from := n.committed()
	for at := 0; at < size; {
		some := min(size-at, 1000)
		var rows strings.Builder
		for i := range some {
			if i > 0 {
				rows.WriteByte(',')
			}
			fmt.Fprintf(&rows, "(%d,REPEAT('x',%d))", from+at+i+1, (from+at+i)%150)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO n VALUES "+rows.String()); err != nil {
			return err
		}
		at += some
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	n.mu.Lock()
	n.last = from + size
	n.mu.Unlock()
	return nil
}

func (n *series) committed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last
}

// resync finds out whether the transaction whose commit got no answer is there.
func (n *series) resync(ctx context.Context) {
	for ctx.Err() == nil {
		var last sql.NullInt64
		if err := n.c.db.QueryRowContext(ctx, "SELECT MAX(id) FROM n").Scan(&last); err == nil {
			n.mu.Lock()
			n.last = int(last.Int64)
			n.mu.Unlock()
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// delivered returns the numbers in the topic, in order.
func (n *series) delivered() []int {
	n.c.t.Helper()
	topics, err := n.c.kafka.admin.ListTopics(n.c.t.Context(), n.c.topic("n"))
	if err != nil {
		n.c.t.Fatal(err)
	}
	if !topics.Has(n.c.topic("n")) {
		return nil
	}
	var ids []int
	for _, r := range n.c.kafka.records(n.c.t, n.c.topic("n")) {
		var key struct{ ID int }
		if err := json.Unmarshal(r.Key, &key); err != nil {
			n.c.t.Fatal(err)
		}
		ids = append(ids, key.ID)
	}
	return ids
}

// check waits for the last number. No number is missing; a number that comes again begins a stretch that was delivered before, and there are no more
// of those than allowed.
func (n *series) check(again int) {
	n.c.t.Helper()
	// The database has the last word about what was committed.
	var count, last int
	if err := n.c.db.QueryRowContext(n.c.t.Context(), "SELECT COUNT(*), MAX(id) FROM n").Scan(&count, &last); err != nil {
		n.c.t.Fatal(err)
	}
	if count != last {
		n.c.t.Fatalf("the table has %d rows up to %d", count, last)
	}
	var ids []int
	eventually(n.c.t, 2*flowLimit, fmt.Sprintf("number %d", last), func() string {
		if ids = n.delivered(); len(ids) == 0 || slices.Max(ids) < last {
			return fmt.Sprintf("%d records came", len(ids))
		}
		return ""
	})
	rewinds, next := 0, 1
	for i, id := range ids {
		switch {
		case id == next:
		case id < next:
			rewinds++
		default:
			n.c.t.Fatalf("record %d is %d, but %d was never delivered", i, id, next)
		}
		next = id + 1
	}
	if next != last+1 {
		n.c.t.Errorf("the last record is %d of %d", next-1, last)
	}
	if rewinds > again {
		n.c.t.Errorf("records were delivered again %d times, allowed are %d", rewinds, again)
	}
	n.c.t.Logf("%d numbers, %d records, %d stretches again", last, len(ids), rewinds)
}

// A plugin that is killed, also in the middle of large transactions, goes on where it was.
func TestMySQLStreamPluginKilled(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]string{"mariadb": nil, "mysql": nil, "mysql without GTIDs": {"--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _, _ := strings.Cut(name, " ")
			db := newDatabase(t, newServer(t, server, options...))
			n := newSeries(t, db, nil)
			c := n.c
			ctx, stop := context.WithCancel(t.Context())
			var writing sync.WaitGroup
			writing.Go(func() { n.write(ctx, 20000, 1, 1, 3000, 1) })
			const kills = 4
			for i := range kills {
				eventually(t, flowLimit, "progress", func() string {
					if len(n.delivered()) < (i+1)*15000 {
						return "too little came"
					}
					return ""
				})
				killPlugin(c.worker, c.name)
			}
			stop()
			writing.Wait()
			n.resync(t.Context())
			n.check(kills)
		})
	}
}

// A server that is killed and started again, and one that cuts the connection, costs nothing and repeats nothing: the process goes on by itself.
func TestMySQLStreamServerKilled(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		s := newServer(t, name, "--sync-binlog=1", "--innodb-flush-log-at-trx-commit=1")
		db := newDatabase(t, s)
		n := newSeries(t, db, map[string]string{"retriable.restart.connector.wait.ms": "500"})
		c := n.c
		before := c.plugin(c.name)
		ctx, stop := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		writing.Go(func() { n.write(ctx, 1, 2000, 1, 1, 50) })
		for range 2 {
			awaitMore(t, n)
			s.kill()
			s.start()
			awaitMore(t, n)
			if killDumps(t, db) == 0 {
				t.Error("nobody reads the binary log")
			}
		}
		awaitMore(t, n)
		stop()
		writing.Wait()
		n.resync(t.Context())
		n.check(0)
		if after := c.plugin(c.name); after != before {
			t.Errorf("the plugin's process was %d and is %d", before, after)
		}
	})
}

// awaitMore waits until more is delivered.
func awaitMore(t *testing.T, n *series) {
	t.Helper()
	before := len(n.delivered())
	eventually(t, flowLimit, "more records", func() string {
		if len(n.delivered()) < before+500 {
			return "too little came"
		}
		return ""
	})
}

// killDumps ends the connections that read the binary log, and returns how many there were.
func killDumps(t *testing.T, db *database) int {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT id FROM information_schema.PROCESSLIST WHERE command LIKE 'Binlog Dump%'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var ids []int
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		db.exec(fmt.Sprintf("KILL %d", id))
	}
	return len(ids)
}

// What the server has deleted is an explicit failure that says what to do, or what the configuration says instead.
func TestMySQLStreamPurged(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		db := newDatabase(t, newServer(t, name))
		db.exec("CREATE TABLE t (id INT PRIMARY KEY)")
		c := newCapture(t, db, nil)
		db.exec("INSERT INTO t VALUES (1)")
		c.await("t", []string{`{"id":1} {"id":1}`})
		c.do(c.rest.Stop, c.name)
		c.awaitState(c.name, "STOPPED", 0)
		// What is left of the connection keeps the file.
		eventually(t, flowLimit, "nobody to read the binary log", func() string {
			if n := killDumps(t, db); n > 0 {
				return fmt.Sprintf("%d do", n)
			}
			return ""
		})
		db.exec("INSERT INTO t VALUES (2)")
		db.exec("FLUSH BINARY LOGS")
		db.exec("INSERT INTO t VALUES (3)")
		purge(t, db)
		c.do(c.rest.Resume, c.name)
		status := c.awaitTask(c.name, "FAILED")
		first, _, _ := strings.Cut(status, "\n")
		for _, word := range []string{"position in the binary log is lost", "take a new snapshot", "position.lost.action"} {
			if !strings.Contains(first, word) {
				t.Errorf("the first line lacks %q: %s", word, first)
			}
		}
		c.put(c.name, db.source(c.prefix, map[string]string{"output": "row", "snapshot.mode": "no_data", "position.lost.action": "skip_to_oldest"}))
		c.await("t", []string{`{"id":1} {"id":1}`, `{"id":3} {"id":3}`})
	})
}

// purge has the server delete all files of its log but the last. It keeps for a while what a recovery would need.
func purge(t *testing.T, db *database) {
	t.Helper()
	eventually(t, flowLimit, "one file of the log to be left", func() string {
		files := binaryLogs(t, db)
		db.exec("PURGE BINARY LOGS TO '" + files[len(files)-1] + "'")
		if files = binaryLogs(t, db); len(files) > 1 {
			return fmt.Sprint(files)
		}
		return ""
	})
}

func binaryLogs(t *testing.T, db *database) (files []string) {
	t.Helper()
	for _, log := range db.show("SHOW BINARY LOGS") {
		files = append(files, log["Log_name"])
	}
	return files
}

// awaitTask waits until the task of a connector is in a state, and returns its trace.
func (c *capture) awaitTask(name, state string) string {
	c.t.Helper()
	trace := ""
	eventually(c.t, flowLimit, "the task of "+name+" to be "+state, func() string {
		status, err := c.rest.Status(c.ctx(), name)
		if err != nil {
			return err.Error()
		}
		if len(status.Tasks) != 1 || status.Tasks[0].State != state {
			return fmt.Sprintf("%+v", status)
		}
		trace = status.Tasks[0].Trace
		return ""
	})
	return trace
}

// An idle capture's position follows the log, with the changes of others and with none at all.
func TestMySQLStreamIdle(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		server := sharedServer(t, name)
		db, other := newDatabase(t, server), newDatabase(t, server)
		db.exec("CREATE TABLE t (id INT PRIMARY KEY)")
		other.exec("CREATE TABLE t (id INT PRIMARY KEY)")
		c := newCapture(t, db, nil)
		position := func() string {
			offsets, err := c.rest.Offsets(c.ctx(), c.name)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(offsets)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		before := ""
		eventually(t, flowLimit, "an offset", func() string {
			if before = position(); !strings.Contains(before, `"pos"`) {
				return before
			}
			return ""
		})
		other.exec("INSERT INTO t VALUES (1)")
		eventually(t, flowLimit, "the offset to move on", func() string {
			if now := position(); now == before {
				return now
			}
			return ""
		})
		if got := c.values("t"); len(got) > 0 {
			t.Errorf("records of a table without changes: %q", got)
		}
	})
}

// Transactions are marked: in records, and by records of their own.
func TestMySQLStreamTransactions(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		db := newDatabase(t, newServer(t, name))
		db.exec("CREATE TABLE a (id INT PRIMARY KEY)")
		db.exec("CREATE TABLE b (id INT PRIMARY KEY)")
		c := newCapture(t, db, map[string]string{"output": "envelope", "provide.transaction.metadata": "true"})
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{"INSERT INTO a VALUES (1), (2)", "INSERT INTO b VALUES (1)", "UPDATE a SET id = 3 WHERE id = 2", "DELETE FROM b"} {
			if _, err := tx.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		type transaction struct {
			ID         string `json:"id"`
			TotalOrder int    `json:"total_order"`
			Order      int    `json:"data_collection_order"`
		}
		orders := func(table string) (got []string, id string) {
			for _, r := range c.kafka.records(t, c.topic(table)) {
				var v struct {
					Op          string
					Transaction transaction
				}
				if r.Value == nil {
					continue
				}
				if err := json.Unmarshal(r.Value, &v); err != nil {
					t.Fatal(err)
				}
				got, id = append(got, fmt.Sprint(v.Op, v.Transaction.TotalOrder, v.Transaction.Order)), v.Transaction.ID
			}
			return got, id
		}
		var marks []string
		eventually(t, flowLimit, "the end of the transaction", func() string {
			marks = nil
			topic := c.prefix + ".transaction"
			topics, err := c.kafka.admin.ListTopics(t.Context(), topic)
			if err != nil || !topics.Has(topic) {
				return "there is no topic"
			}
			for _, r := range c.kafka.records(t, topic) {
				var v struct {
					Status string
					ID     string
					Count  *int `json:"event_count"`
				}
				if err := json.Unmarshal(r.Value, &v); err != nil {
					t.Fatal(err)
				}
				if v.Count == nil {
					marks = append(marks, v.Status+" "+v.ID)
				} else {
					marks = append(marks, fmt.Sprint(v.Status, " ", v.ID, " ", *v.Count))
				}
			}
			if len(marks) < 2 {
				return fmt.Sprint(marks)
			}
			return ""
		})
		var id string
		eventually(t, flowLimit, "the order of events", func() string { // topics have no order among each other
			var a, b []string
			a, id = orders("a")
			b, _ = orders("b")
			if got, want := fmt.Sprint(a, b), "[c1 1 c2 2 d4 3 c5 4] [c3 1 d6 2]"; got != want {
				return fmt.Sprintf("got %s, want %s", got, want)
			}
			return ""
		})
		if got, want := strings.Join(marks, ", "), "BEGIN "+id+", END "+id+" 6"; got != want {
			t.Errorf("marks: got %s, want %s", got, want)
		}
	})
}

// Without GTIDs in the binary log, MariaDB's connector starts by file and position.
func TestMySQLStreamWithoutGTIDState(t *testing.T) {
	t.Parallel()
	s := newServer(t, "mariadb")
	db := openDatabase(t, s, "")
	// As after statements under sql_log_bin=0 alone.
	for _, statement := range []string{"SET SESSION sql_log_bin = 0", "RESET MASTER"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	var gtids string
	if err := db.QueryRowContext(t.Context(), "SELECT @@gtid_binlog_pos").Scan(&gtids); err != nil || gtids != "" {
		t.Fatalf("the server has the GTIDs %q, %v", gtids, err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, statement := range []string{"SET SESSION sql_log_bin = 0", "CREATE DATABASE quiet", "CREATE TABLE quiet.t (id INT PRIMARY KEY)", "INSERT INTO quiet.t VALUES (1)"} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	d := &database{DB: openDatabase(t, s, "quiet"), t: t, server: s, name: "quiet"}
	c := newCapture(t, d, map[string]string{"snapshot.mode": "initial"})
	d.exec("INSERT INTO t VALUES (2)")
	c.await("t", []string{`{"id":1} {"id":1}`, `{"id":2} {"id":2}`})
	killPlugin(c.worker, c.name)
	d.exec("FLUSH BINARY LOGS")
	d.exec("INSERT INTO t VALUES (3)")
	eventually(t, flowLimit, "the last row", func() string {
		got := c.values("t")
		if len(got) == 0 || got[len(got)-1] != `{"id":3} {"id":3}` {
			return strings.Join(got, "\n")
		}
		return ""
	})
}

// A connector that is pointed at another server does not go on there as if nothing had happened.
func TestMySQLStreamOtherServer(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		first, second := newServer(t, name), newServer(t, name)
		db := newDatabase(t, first)
		db.exec("CREATE TABLE t (id INT PRIMARY KEY)")
		c := newCapture(t, db, nil)
		db.exec("INSERT INTO t VALUES (1)")
		c.await("t", []string{`{"id":1} {"id":1}`})
		elsewhere := openDatabase(t, second, "")
		for _, statement := range []string{"CREATE DATABASE " + db.name, "CREATE TABLE " + db.name + ".t (id INT PRIMARY KEY)", "INSERT INTO " + db.name + ".t VALUES (7)"} {
			if _, err := elsewhere.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		moved := db.source(c.prefix, map[string]string{"output": "row", "snapshot.mode": "no_data", "database.port": fmt.Sprint(second.port)})
		c.put(c.name, moved)
		trace := c.awaitTask(c.name, "FAILED")
		if line, _, _ := strings.Cut(trace, "\n"); !strings.Contains(line, "position in the binary log is lost") {
			t.Errorf("the first line is %s", line)
		}
		moved["snapshot.mode"] = "when_needed"
		c.put(c.name, moved)
		c.await("t", []string{`{"id":1} {"id":1}`, `{"id":7} {"id":7}`})
	})
}

// A connector that Debezium leaves in the middle of a transaction goes on with the next row, by GTIDs or by file.
func TestMySQLStreamDebeziumOffset(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		for _, way := range []string{"gtids", "file"} {
			t.Run(way, func(t *testing.T) {
				t.Parallel()
				db := newDatabase(t, newServer(t, name))
				db.exec("CREATE TABLE t (id INT PRIMARY KEY)")
				c := newCapture(t, db, nil)
				offset := map[string]any{"transaction_id": nil, "ts_sec": 1, "server_id": 1, "event": 2, "row": 2}
				before := endOfLog(t, db)
				if way == "gtids" {
					offset["gtids"] = before["gtids"]
				}
				offset["file"], offset["pos"] = before["file"], before["pos"]
				c.do(c.rest.Stop, c.name)
				c.awaitState(c.name, "STOPPED", 0)
				db.exec("INSERT INTO t VALUES (1), (2), (3), (4), (5)")
				if name == "mysql" && way == "file" {
					offset["pos"] = beginOfTransaction(t, db, before["file"].(string))
				}
				if _, err := c.rest.AlterOffsets(c.ctx(), c.name, []herder.Offset{{
					Partition: marshal(t, map[string]string{"server": c.prefix}), Offset: marshal(t, offset),
				}}); err != nil {
					t.Fatal(err)
				}
				c.do(c.rest.Resume, c.name)
				c.await("t", []string{`{"id":3} {"id":3}`, `{"id":4} {"id":4}`, `{"id":5} {"id":5}`})
			})
		}
	})
}

func marshal(t *testing.T, v any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// endOfLog returns file, pos and gtids of the end of the log.
func endOfLog(t *testing.T, db *database) map[string]any {
	t.Helper()
	status := db.show("SHOW MASTER STATUS")
	if len(status) != 1 {
		t.Fatalf("there is no log: %v", status)
	}
	pos, err := strconv.ParseInt(status[0]["Position"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	gtids, mysql := status[0]["Executed_Gtid_Set"]
	if !mysql {
		gtids = db.show("SELECT @@gtid_binlog_pos AS gtids")[0]["gtids"]
	}
	return map[string]any{"file": status[0]["File"], "pos": pos, "gtids": strings.ReplaceAll(gtids, "\n", "")}
}

// beginOfTransaction returns where the last BEGIN of a file is, which Debezium's offsets name.
func beginOfTransaction(t *testing.T, db *database, file string) int64 {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SHOW BINLOG EVENTS IN '"+file+"'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	last := int64(0)
	for rows.Next() {
		var name, kind, info string
		var pos, server, end int64
		if err := rows.Scan(&name, &pos, &kind, &server, &end, &info); err != nil {
			t.Fatal(err)
		}
		if info == "BEGIN" {
			last = pos
		}
	}
	return last
}
