//go:build integration

package integration

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/host/herder"
)

// newSnapshot starts a worker with a connector that reads what is in a database, and returns without waiting for it.
func newSnapshot(t *testing.T, db *database, changes map[string]string) *capture {
	t.Helper()
	c := &capture{worker: newWorker(t, shared(t), plainJSON), db: db}
	c.name = c.prefix + "-source"
	c.start()
	config := map[string]string{"output": "row", "heartbeat.interval.ms": "500"}
	maps.Copy(config, changes)
	c.put(c.name, db.source(c.prefix, config))
	return c
}

// crowd is a table with many rows that are changed at random while they are read.
type crowd struct {
	name    string
	columns string   // of CREATE TABLE, with the key
	keys    []string // the columns of the key
	key     string   // their values in the nth row: SQL with the placeholder n
	one     func(n int) []string
}

var crowds = []crowd{
	{
		"numbers", "id BIGINT UNSIGNED NOT NULL, v INT, pad VARCHAR(200), PRIMARY KEY (id)", []string{"id"}, "n * 3",
		func(n int) []string { return []string{strconv.Itoa(n)} },
	},
	{
		"names", "id VARCHAR(60) NOT NULL, v INT, pad VARCHAR(200), PRIMARY KEY (id)", []string{"id"}, "CONCAT('Ключ-', n, '-', MD5(n))",
		func(n int) []string {
			if n%3 > 0 {
				return []string{fmt.Sprintf("'new %d'", n)}
			}
			return []string{fmt.Sprintf("'Ключ-%d-%x'", n/3, md5.Sum(fmt.Append(nil, n/3)))}
		},
	},
	{
		"pairs", "a SMALLINT NOT NULL, b DATETIME(3) NOT NULL, id BINARY(4) NOT NULL, v INT, pad VARCHAR(200), PRIMARY KEY (a, b, id)", []string{"a", "b", "id"},
		"n % 5, '2024-01-01' + INTERVAL n DIV 10 SECOND, UNHEX(LPAD(HEX(n), 8, '0'))",
		func(n int) []string {
			at := time.Date(2024, 1, 1, 0, 0, n/30, 0, time.UTC)
			return []string{strconv.Itoa(n / 3 % 5), "'" + at.Format(time.DateTime) + "'", fmt.Sprintf("X'%08X'", n/3)}
		},
	},
}

// where is the condition for the row with a key.
func (c crowd) where(values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = c.keys[i] + " = " + v
	}
	return strings.Join(parts, " AND ")
}

// fill makes the tables, with the same number of rows each.
func fill(db *database, rows int) {
	db.t.Helper()
	conn, err := db.Conn(db.t.Context())
	if err != nil {
		db.t.Fatal(err)
	}
	defer conn.Close()
	recursion := "cte_max_recursion_depth"
	if db.server.name == "mariadb" {
		recursion = "max_recursive_iterations"
	}
	statements := []string{
		"SET SESSION " + recursion + " = 10000000",
		"CREATE TABLE seq (n INT PRIMARY KEY)",
		fmt.Sprintf("INSERT INTO seq WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT n FROM s", rows),
	}
	for _, c := range crowds {
		statements = append(statements, fmt.Sprintf("CREATE TABLE %s (%s) DEFAULT CHARSET utf8mb4", c.name, c.columns),
			fmt.Sprintf("INSERT INTO %s SELECT %s, 0, REPEAT('x', n %% 150) FROM seq", c.name, c.key))
	}
	statements = append(statements, "DROP TABLE seq", "ANALYZE TABLE numbers, names, pairs")
	for _, statement := range statements {
		if _, err := conn.ExecContext(db.t.Context(), statement); err != nil {
			db.t.Fatalf("%.100s: %v", statement, err)
		}
	}
}

// disturb changes rows until ctx ends: inserts, updates, deletes and changes of the key.
func disturb(ctx context.Context, db *database, rows int, seed uint64) (changes int) {
	random := rand.New(rand.NewPCG(seed, 1))
	for ctx.Err() == nil {
		c := crowds[random.IntN(len(crowds))]
		key := c.one(random.IntN(rows * 3)) // two of three are not there in the beginning
		var statement string
		switch random.IntN(8) {
		case 0, 1, 2:
			statement = fmt.Sprintf("INSERT INTO %s (%s, v, pad) VALUES (%s, %d, 'new') ON DUPLICATE KEY UPDATE v = v + 1",
				c.name, strings.Join(c.keys, ", "), strings.Join(key, ", "), random.IntN(1000))
		case 3, 4:
			statement = fmt.Sprintf("UPDATE %s SET v = v + 1, pad = 'updated' WHERE %s", c.name, c.where(key))
		case 5, 6:
			statement = fmt.Sprintf("DELETE FROM %s WHERE %s", c.name, c.where(key))
		case 7: // another key, when it is free
			to := c.one(random.IntN(rows * 3))
			statement = fmt.Sprintf("UPDATE IGNORE %s SET %s = %s, v = v + 1 WHERE %s", c.name, c.keys[0], to[0], c.where(key))
		}
		result, err := db.ExecContext(ctx, statement)
		if err != nil {
			if ctx.Err() == nil {
				time.Sleep(50 * time.Millisecond) // the server is being restarted
			}
			continue
		}
		if n, err := result.RowsAffected(); err == nil && n > 0 {
			changes++
		}
	}
	return changes
}

// tableRows returns v of each row by its key as records have it.
func tableRows(t *testing.T, db *database, c crowd) map[string]string {
	t.Helper()
	key := `CONCAT('{"id":', id, '}')`
	switch c.name {
	case "names":
		key = `CONCAT('{"id":"', id, '"}')`
	case "pairs":
		key = `CONCAT('{"a":', a, ',"b":', TIMESTAMPDIFF(MICROSECOND, '1970-01-01', b) DIV 1000, ',"id":"', TO_BASE64(id), '"}')`
	}
	rows, err := db.QueryContext(t.Context(), "SELECT "+key+", CONCAT(COALESCE(v, 'null'), ' ', pad) FROM "+c.name)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			t.Fatal(err)
		}
		all[key] = value
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// lastRecords returns the same of the last record of each key, without those that were deleted.
func (c *capture) lastRecords(table string) map[string]string {
	c.t.Helper()
	topics, err := c.kafka.admin.ListTopics(c.t.Context(), c.topic(table))
	if err != nil {
		c.t.Fatal(err)
	}
	last := map[string]string{}
	if !topics.Has(c.topic(table)) {
		return last
	}
	for key, value := range c.kafka.latest(c.t, c.topic(table)) {
		if value == nil {
			continue
		}
		var r struct {
			V   *int
			Pad string
		}
		if err := json.Unmarshal(value, &r); err != nil {
			c.t.Fatalf("%s: %s: %v", table, value, err)
		}
		v := "null"
		if r.V != nil {
			v = fmt.Sprint(*r.V)
		}
		last[key] = v + " " + r.Pad
	}
	return last
}

// equal waits until the last record of every key is what its row is, in the given tables.
func (c *capture) equal(tables ...crowd) {
	c.t.Helper()
	for _, table := range tables {
		eventually(c.t, flowLimit, "the last records of "+table.name+" to equal the table", func() string {
			want, got := tableRows(c.t, c.db, table), c.lastRecords(table.name)
			var wrong []string
			for _, key := range slices.Sorted(maps.Keys(want)) {
				if g, ok := got[key]; !ok || g != want[key] {
					wrong = append(wrong, fmt.Sprintf("%s is %q, its record %q (%v)", key, want[key], g, ok))
				}
			}
			for _, key := range slices.Sorted(maps.Keys(got)) {
				if _, ok := want[key]; !ok {
					wrong = append(wrong, fmt.Sprintf("%s is deleted, its record is %q", key, got[key]))
				}
			}
			if len(wrong) == 0 {
				return ""
			}
			return fmt.Sprintf("%d of %d keys differ:\n%s", len(wrong), len(want), strings.Join(wrong[:min(5, len(wrong))], "\n"))
		})
	}
}

// A plugin that is killed again and again while it reads, and while rows change, does not start over; and at the end the last record of every key is
// the row, also of rows that were deleted or given another key in between. So it is when tables are read again while the stream goes on.
func TestMySQLSnapshotKilled(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]string{"mariadb": nil, "mysql": nil, "mysql without GTIDs": {"--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _, _ := strings.Cut(name, " ")
			db := newDatabase(t, newServer(t, server, options...))
			const rows = 70_000
			fill(db, rows)
			db.exec(createSignals)
			changes := map[string]string{
				"snapshot.max.threads": "3", "max.queue.size.in.bytes": "1000000",
				"signal.data.collection": db.name + ".orders_to_connector", "incremental.snapshot.chunk.size": "500",
			}
			if len(options) > 0 { // who may not take a global read lock locks the tables for a moment
				db.exec("CREATE USER locker@'127.0.0.1' IDENTIFIED BY 'locker'")
				db.exec("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO locker@'127.0.0.1'")
				db.exec("GRANT SELECT, INSERT, LOCK TABLES ON " + db.name + ".* TO locker@'127.0.0.1'")
				maps.Copy(changes, map[string]string{"database.user": "locker", "database.password": "locker"})
			}
			ctx, stop := context.WithCancel(t.Context())
			var writing sync.WaitGroup
			changed := 0
			writing.Go(func() { changed = disturb(ctx, db, rows, 1) })
			c := newSnapshot(t, db, changes)
			kills := c.killWhileReading("the snapshot is complete", 25_000, 3)
			c.awaitLog("reading the binary log")
			if n := c.logged("the snapshot begins"); n != 1 {
				t.Errorf("the snapshot began %d times", n)
			}
			if n := c.logged("locking the captured tables"); n != len(options)/2 {
				t.Errorf("tables were locked %d times", n)
			}
			read := c.delivered()

			db.exec(fmt.Sprintf(`INSERT INTO orders_to_connector VALUES ('one', 'execute-snapshot', '{"data-collections": ["%s.numbers", "%[1]s.pairs"]}')`, db.name))
			request := fmt.Sprintf("monday: %s.names", db.name)
			if _, err := c.rest.PatchConfig(c.ctx(), c.name, map[string]*string{"incremental.snapshot.request": &request}); err != nil {
				t.Fatal(err)
			}
			again := c.killWhileReading("incremental snapshot is complete", 60_000, 1)
			stop()
			writing.Wait()
			c.equal(crowds...)
			t.Logf("%d and %d kills, %d changes, %d and %d records of %d rows", kills, again, changed, read, c.delivered()-read, len(crowds)*rows)
			if kills < 2 || again < 1 || changed < 1000 {
				t.Errorf("%d and %d kills and %d changes prove nothing", kills, again, changed)
			}
			if c.delivered()-read < len(crowds)*rows*9/10 {
				t.Error("not all tables were read again")
			}
			c.ordersAreDone()
		})
	}
}

// killWhileReading kills the plugin whenever so many records have come, until it has logged a message. It returns how often. The worker waits longer
// each time before it starts the task again.
func (c *capture) killWhileReading(message string, records, most int) (kills int) {
	c.t.Helper()
	for c.logged(message) == 0 && kills < most {
		before := c.delivered()
		eventually(c.t, flowLimit, "more records", func() string {
			// It runs for a moment at a time: a fast machine must not be done before anybody looks.
			defer c.hold()()
			if c.logged(message) > 0 || c.delivered() > before+records {
				return ""
			}
			return "too little came"
		})
		if c.logged(message) > 0 {
			break
		}
		killPlugin(c.worker, c.name)
		kills++
	}
	c.awaitLog(message)
	return kills
}

// hold has the plugin's process stand still, if there is one, and returns what lets it go on.
func (c *capture) hold() (release func()) {
	pid := c.plugin(c.name)
	if pid == 0 || syscall.Kill(pid, syscall.SIGSTOP) != nil {
		return func() {}
	}
	return func() { _ = syscall.Kill(pid, syscall.SIGCONT) }
}

// ordersAreDone checks that orders are carried out once, although the configuration and the signal table still have them.
func (c *capture) ordersAreDone() {
	c.t.Helper()
	before := c.delivered()
	c.do(c.rest.Stop, c.name)
	c.awaitState(c.name, "STOPPED", 0)
	c.do(c.rest.Resume, c.name)
	c.awaitState(c.name, "RUNNING", 1)
	c.db.exec("UPDATE numbers SET v = v + 1 LIMIT 1")
	c.equal(crowds[0])
	if n := c.delivered(); n > before+10 {
		c.t.Errorf("%d records came again after a restart", n-before)
	}
}

// delivered counts the records of the crowds.
func (c *capture) delivered() int {
	c.t.Helper()
	total := 0
	for _, table := range crowds {
		if n, err := c.kafka.end(c.ctx(), c.topic(table.name)); err == nil {
			total += int(n)
		}
	}
	return total
}

// A server that is killed and started again while it is read costs nothing: the process goes on by itself.
func TestMySQLSnapshotServerKilled(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		s := newServer(t, name, "--sync-binlog=1", "--innodb-flush-log-at-trx-commit=1")
		db := newDatabase(t, s)
		const rows = 50_000
		fill(db, rows)
		c := newSnapshot(t, db, map[string]string{"max.queue.size.in.bytes": "500000", "retriable.restart.connector.wait.ms": "500"})
		ctx, stop := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		writing.Go(func() { disturb(ctx, db, rows, 2) })
		eventually(t, flowLimit, "the snapshot to be under way", func() string {
			if c.delivered() < 20_000 {
				return "too little came"
			}
			return ""
		})
		before := c.plugin(c.name)
		s.kill()
		s.start()
		c.awaitLog("reading the binary log")
		stop()
		writing.Wait()
		c.equal(crowds...)
		if after := c.plugin(c.name); after != before {
			t.Errorf("the plugin's process was %d and is %d", before, after)
		}
	})
}

// Tables that are altered while they are read give all of their rows, and the stream goes on from there.
func TestMySQLSnapshotAltered(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		db := newDatabase(t, sharedServer(t, name))
		const rows = 60_000
		fill(db, rows)
		c := newSnapshot(t, db, map[string]string{"max.queue.size.in.bytes": "500000", "snapshot.max.threads": "2"})
		ctx, stop := context.WithCancel(t.Context())
		var writing sync.WaitGroup
		writing.Go(func() { disturb(ctx, db, rows, 3) })
		for i, statement := range []string{
			"ALTER TABLE numbers ADD COLUMN extra INT DEFAULT 7",
			"ALTER TABLE names ADD COLUMN extra INT DEFAULT 7 AFTER id, ENGINE=InnoDB",
			"ALTER TABLE pairs MODIFY pad VARCHAR(300)",
			"ALTER TABLE numbers DROP COLUMN extra",
		} {
			eventually(t, flowLimit, "the snapshot to be under way", func() string {
				if c.delivered() < (i+1)*25_000 && c.logged("the snapshot is complete") == 0 {
					return "too little came"
				}
				return ""
			})
			db.exec(statement)
		}
		c.awaitLog("reading the binary log")
		stop()
		writing.Wait()
		c.equal(crowds...)
	})
}

// What the modes of a snapshot promise.
func TestMySQLSnapshotModes(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		db := newDatabase(t, sharedServer(t, name))
		modes := []string{"initial", "own statement", "some tables"}
		if name == "mysql" {
			modes = []string{"initial_only", "locked", "no_data"}
		}
		db.exec("CREATE TABLE a (id INT PRIMARY KEY, v INT)")
		db.exec("CREATE TABLE b (id INT PRIMARY KEY, v INT)")
		db.exec("CREATE TABLE c (v INT)")
		for _, table := range []string{"a", "b"} {
			db.exec("INSERT INTO " + table + " VALUES (1, 1), (2, 2)")
		}
		db.exec("INSERT INTO c VALUES (1), (1)")
		one := func(id, v int) string { return fmt.Sprintf(`{"id":%d} {"id":%[1]d,"v":%d}`, id, v) }
		for mode, test := range map[string]struct {
			config map[string]string
			phrase string // in the log when the connector has done what it does at its start
			want   map[string][]string
		}{
			"initial": {nil, "reading the binary log", map[string][]string{
				"a": {one(1, 1), one(2, 2), one(3, 3)}, "b": {one(1, 1), one(2, 2)}, "c": {` {"v":1}`, ` {"v":1}`},
			}},
			"initial_only": {map[string]string{"snapshot.mode": "initial_only"}, "the snapshot is complete", map[string][]string{
				"a": {one(1, 1), one(2, 2)}, "b": {one(1, 1), one(2, 2)}, "c": {` {"v":1}`, ` {"v":1}`},
			}},
			"no_data": {map[string]string{"snapshot.mode": "no_data"}, "reading the binary log", map[string][]string{"a": {one(3, 3)}, "b": nil, "c": nil}},
			"some tables": {map[string]string{"snapshot.include.collection.list": db.name + `\.b`}, "reading the binary log", map[string][]string{
				"a": {one(3, 3)}, "b": {one(1, 1), one(2, 2)}, "c": nil,
			}},
			"own statement": {
				map[string]string{
					"snapshot.select.statement.overrides": db.name + ".a", "snapshot.select.statement.overrides." + db.name + ".a": "SELECT v, id FROM " + db.name + ".a WHERE id > 1",
					"table.include.list": db.name + `\.a`,
				},
				"reading the binary log", map[string][]string{"a": {one(2, 2), one(3, 3)}, "b": nil},
			},
			"locked": {map[string]string{"snapshot.locking.mode": "extended"}, "reading the binary log", map[string][]string{
				"a": {one(1, 1), one(2, 2), one(3, 3)}, "b": {one(1, 1), one(2, 2)}, "c": {` {"v":1}`, ` {"v":1}`},
			}},
		} {
			if !slices.Contains(modes, mode) {
				continue // they are no different on the other server
			}
			t.Run(mode, func(t *testing.T) {
				db := *db
				db.t = t
				db.exec("DELETE FROM a WHERE id = 3")
				c := newSnapshot(t, &db, test.config)
				c.awaitLog(test.phrase)
				db.exec("INSERT INTO a VALUES (3, 3)")
				for _, table := range slices.Sorted(maps.Keys(test.want)) {
					c.await(table, test.want[table])
				}
				c.do(c.rest.Stop, c.name) // what was not to come has not come
				c.awaitState(c.name, "STOPPED", 0)
				for table, want := range test.want {
					if got := c.values(table); len(got) != len(want) {
						t.Errorf("%s has %d records: %v", table, len(got), got)
					}
				}
			})
		}
	})
}

// With always, tables are read at every start; what was deleted while the connector was stopped is deleted all the same.
func TestMySQLSnapshotAlways(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, mysqlServer(t))
	db.exec("CREATE TABLE a (id INT PRIMARY KEY)")
	db.exec("INSERT INTO a VALUES (1), (2)")
	c := newSnapshot(t, db, map[string]string{"snapshot.mode": "always", "snapshot.tables.order.by.row.count": "descending"})
	c.awaitLog("reading the binary log")
	c.do(c.rest.Stop, c.name)
	c.awaitState(c.name, "STOPPED", 0)
	db.exec("DELETE FROM a WHERE id = 2")
	db.exec("INSERT INTO a VALUES (3)")
	c.do(c.rest.Resume, c.name)
	c.await("a", []string{`{"id":1} {"id":1}`, `{"id":2} {"id":2}`, `{"id":1} {"id":1}`, `{"id":3} {"id":3}`, `{"id":2} null`, `{"id":3} {"id":3}`})
}

// The first and the last record of the snapshot and of each table say so, although several readers read at the same time.
func TestMySQLSnapshotMarks(t *testing.T) {
	t.Parallel()
	db := newDatabase(t, mariadb(t))
	fill(db, 60_000)
	c := newSnapshot(t, db, map[string]string{"output": "envelope", "snapshot.max.threads": "4"})
	c.awaitLog("reading the binary log")
	want := map[string]int{"first": 1, "first_in_data_collection": 2, "last_in_data_collection": 2, "last": 1}
	eventually(t, flowLimit, "marks", func() string {
		marks := map[string]int{}
		for _, table := range crowds {
			for _, r := range c.kafka.records(t, c.topic(table.name)) {
				var v struct{ Source struct{ Snapshot string } }
				if err := json.Unmarshal(r.Value, &v); err != nil {
					t.Fatal(err)
				}
				if v.Source.Snapshot != "true" {
					marks[v.Source.Snapshot]++
				}
			}
		}
		if !maps.Equal(marks, want) {
			return fmt.Sprintf("they are %v instead of %v", marks, want)
		}
		return ""
	})
}

// Tables that a changed configuration adds are read; what was deleted while the connector was stopped is deleted.
func TestMySQLSnapshotTablesAdded(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		db := newDatabase(t, sharedServer(t, name))
		for _, table := range []string{"a", "b", "c"} {
			db.exec("CREATE TABLE " + table + " (id INT PRIMARY KEY, v INT)")
			db.exec("INSERT INTO " + table + " VALUES (1, 1), (2, 2)")
		}
		config := func(tables, more string) map[string]string {
			return db.source("", map[string]string{"output": "row", "table.include.list": tables, "snapshot.new.tables": more, "heartbeat.interval.ms": "500"})
		}
		c := newSnapshot(t, db, map[string]string{"table.include.list": db.name + `\.a`})
		c.awaitLog("reading the binary log")
		c.do(c.rest.Stop, c.name)
		c.awaitState(c.name, "STOPPED", 0)
		db.exec("DELETE FROM a WHERE id = 2")
		db.exec("UPDATE b SET v = 7 WHERE id = 2")
		with := config(db.name+`\.[ab]`, "initial")
		with["topic.prefix"] = c.prefix
		c.put(c.name, with)
		c.do(c.rest.Resume, c.name)
		c.await("a", []string{`{"id":1} {"id":1,"v":1}`, `{"id":2} {"id":2,"v":2}`, `{"id":2} null`})
		// The change of b is after the position where the stream goes on: it comes with the table, and again.
		c.await("b", []string{`{"id":1} {"id":1,"v":1}`, `{"id":2} {"id":2,"v":7}`, `{"id":2} {"id":2,"v":7}`})
		without := config(db.name+`\.[abc]`, "no_data")
		without["topic.prefix"] = c.prefix
		c.put(c.name, without)
		eventually(t, flowLimit, "a second start", func() string {
			if c.logged("reading the binary log") < 3 {
				return "not yet"
			}
			return ""
		})
		db.exec("INSERT INTO c VALUES (3, 3)")
		c.await("c", []string{`{"id":3} {"id":3,"v":3}`})
	})
}

const createSignals = "CREATE TABLE orders_to_connector (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048))"

// The other orders: pause, resume, stop, conditions, and a snapshot that the stream waits for.
func TestMySQLSignals(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		db := newDatabase(t, sharedServer(t, name))
		const rows = 30_000
		fill(db, rows)
		db.exec("CREATE TABLE keyless (v INT)")
		db.exec("INSERT INTO keyless VALUES (1), (2)")
		db.exec(createSignals)
		c := newSnapshot(t, db, map[string]string{"snapshot.mode": "no_data", "signal.data.collection": db.name + ".orders_to_connector", "incremental.snapshot.chunk.size": "200"})
		c.awaitLog("reading the binary log")
		id := 0
		send := func(kind, data string) {
			id++
			db.exec("INSERT INTO orders_to_connector VALUES (?, ?, ?)", fmt.Sprint("o", id), kind, strings.ReplaceAll(data, "DB", db.name))
		}
		send("log", `{"message": "hello from the signal table"}`)
		c.awaitLog("hello from the signal table")
		send("pause-snapshot", "")
		send("execute-snapshot", `{"data-collections": ["DB.numbers", "DB.names"]}`)
		c.awaitLog("snapshot ordered")
		db.exec("UPDATE pairs SET v = 9 LIMIT 1")
		eventually(t, flowLimit, "the stream to go on", func() string {
			if c.delivered() == 0 {
				return "nothing came"
			}
			return ""
		})
		if n := c.delivered(); n != 1 {
			t.Errorf("%d records came in spite of the pause", n)
		}
		send("stop-snapshot", `{"type": "incremental", "data-collections": ["DB.names"]}`)
		c.awaitLog("incremental snapshot stopped")
		send("resume-snapshot", "")
		c.awaitLog("incremental snapshot is complete")
		c.equal(crowds[0])
		if got := c.lastRecords("names"); len(got) > 0 {
			t.Errorf("%d rows came of a table that was taken out", len(got))
		}

		send("execute-snapshot", `{"data-collections": ["DB.names"], "type": "blocking", "additional-conditions": [{"data-collection": "DB.names", "filter": "pad LIKE 'xxxx'"}]}`)
		c.awaitLog("the stream waits for a snapshot")
		c.awaitLog("the snapshot is complete")
		want := 0
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM names WHERE pad LIKE 'xxxx'").Scan(&want); err != nil {
			t.Fatal(err)
		}
		eventually(t, flowLimit, "the rows of the condition", func() string {
			if got := c.lastRecords("names"); len(got) != want || want == 0 {
				return fmt.Sprintf("%d rows came of %d", len(got), want)
			}
			return ""
		})
		send("execute-snapshot", `{"data-collections": ["DB.keyless"]}`)
		c.awaitLog("the table cannot be read incrementally")
		db.exec("UPDATE pairs SET v = 10 LIMIT 1")
		eventually(t, flowLimit, "the stream to go on", func() string {
			if n, _ := c.kafka.end(c.ctx(), c.topic("pairs")); n < 2 {
				return "nothing came"
			}
			return ""
		})
		if state := c.awaitState(c.name, "RUNNING", 1); state.Connector.State != "RUNNING" {
			t.Error(state)
		}
	})
}

// What is wrong with a configuration or with the server is told at the key that is to be changed, in a first line that says what to do.
func TestMySQLValidation(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, name string) {
		db := newDatabase(t, newServer(t, name))
		db.exec("CREATE TABLE users (id INT PRIMARY KEY, password VARCHAR(20))")
		db.exec("CREATE USER poor@'127.0.0.1' IDENTIFIED BY 'poor'")
		db.exec("GRANT INSERT ON " + db.name + ".* TO poor@'127.0.0.1'")
		w := newWorker(t, shared(t), plainJSON)
		w.start()
		client := map[string]string{"mariadb": "BINLOG MONITOR", "mysql": "REPLICATION CLIENT"}[name]
		full := func(variable, value string) func() {
			return func() { db.exec("SET GLOBAL " + variable + " = '" + value + "'") }
		}
		nothing := func() {}
		for title, test := range map[string]struct {
			changes       map[string]string
			before, after func()
			key, want     string // want is a regular expression
		}{
			"fine":           {nil, nothing, nothing, "", ""},
			"wrong password": {map[string]string{"database.password": "guess"}, nothing, nothing, "database.password", `denies access to user outboard; check database\.user and database\.password`},
			"wrong port":     {map[string]string{"database.port": "1"}, nothing, nothing, "database.hostname", `cannot connect to 127\.0\.0\.1:1; check database\.hostname and database\.port`},
			"no privileges": {
				map[string]string{"database.user": "poor", "database.password": "poor"}, nothing, nothing, "database.user",
				`GRANT REPLICATION SLAVE, ` + client + ` ON \*\.\* TO 'poor'@'127\.0\.0\.1'(.|\n)*GRANT SELECT ON .` + db.name + `.\.\* TO 'poor'@'127\.0\.0\.1'`,
			},
			"statements": {nil, full("binlog_format", "STATEMENT"), full("binlog_format", "ROW"), "database.hostname", `binlog_format=STATEMENT.*SET GLOBAL binlog_format = 'ROW' and put binlog_format=ROW into the server's my\.cnf`},
			"row image":  {nil, full("binlog_row_image", "MINIMAL"), full("binlog_row_image", "FULL"), "database.hostname", `binlog_row_image=MINIMAL.*SET GLOBAL binlog_row_image = 'FULL'`},
			"server id":  {map[string]string{"database.server.id": fmt.Sprint(db.server.port)}, nothing, nothing, "database.server.id", `The server itself has this id`},
			"unknown table": {
				map[string]string{"table.include.list": db.name + `\.userz`}, nothing, nothing, "table.include.list",
				`No table matches ` + db.name + `\\\.userz.*did you mean ` + db.name + `\.users\?`,
			},
			"unknown database": {map[string]string{"database.include.list": db.name + "x"}, nothing, nothing, "database.include.list", `did you mean ` + db.name + `\?`},
			"unknown column": {
				map[string]string{"column.mask.with.5.chars": db.name + `.users.passwd`}, nothing, nothing, "column.mask.with.5.chars",
				`No column of a captured table matches`,
			},
			"expression":   {map[string]string{"table.include.list": `shop\.(`}, nothing, nothing, "table.include.list", `regular expression`},
			"signal table": {map[string]string{"signal.data.collection": db.name + ".signals"}, nothing, nothing, "signal.data.collection", `Run CREATE TABLE`},
			"certificate":  {map[string]string{"database.ssl.mode": "verify_identity"}, nothing, nothing, map[string]string{"mariadb": "database.ssl.mode", "mysql": "database.ssl.truststore"}[name], `no TLS|not trusted`},
			"Java classes": {map[string]string{"converters": "isbn"}, nothing, nothing, "converters", `Java do not run here`},
		} {
			test.before()
			config := db.source(w.prefix, test.changes)
			config["name"] = w.prefix
			infos, err := w.rest.Validate(w.ctx(), "MySqlSource", config)
			test.after()
			if err != nil {
				t.Errorf("%s: %v", title, err)
				continue
			}
			said := problemsOf(infos)
			if test.key == "" {
				if len(said) > 0 {
					t.Errorf("%s: %v", title, said)
				}
				continue
			}
			if text := said[test.key]; !regexp.MustCompile(test.want).MatchString(text) {
				t.Errorf("%s: %s: %q does not match %q; all are %v", title, test.key, text, test.want, said)
			}
		}
		// It is not created either, and the answer says why.
		_, _, err := w.rest.PutConfig(w.ctx(), w.prefix+"-source", db.source(w.prefix, map[string]string{"table.include.list": db.name + `\.userz`}))
		if err == nil || !strings.Contains(err.Error(), "did you mean") {
			t.Errorf("a connector with an unknown table: %v", err)
		}
	})
}

// problemsOf returns what a validation says, by key.
func problemsOf(infos herder.ConfigInfos) map[string]string {
	said := map[string]string{}
	for _, c := range infos.Configs {
		if len(c.Value.Errors) > 0 {
			said[c.Value.Name] = strings.Join(c.Value.Errors, "\n")
		}
	}
	return said
}
