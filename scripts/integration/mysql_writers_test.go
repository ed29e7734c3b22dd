//go:build integration

package integration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// What the workload works on, and how fast: slow enough for all processes together on two cores.
const (
	workloadTables = 20
	lateTables     = 4 // of them, made while the others change
	workloadKeys   = 300
	writers        = 4
	writerPause    = 12 * time.Millisecond
)

// workload is the tables of a database and those who change them.
type workload struct {
	t      *testing.T
	db     *database
	seed   uint64
	tables []*workTable
	late   atomic.Int32 // tables that were made late

	committed, rolledBack, failed, statements, altered, asked atomic.Int64
}

// workTable is a table, whose rows are all rewritten after it was altered: a change of a table is no change of its rows.
type workTable struct {
	name   string
	make   string // the statement
	mu     sync.Mutex
	stale  bool // altered, and not all rows are rewritten
	asks   bool // for an incremental snapshot then, instead of rewriting them
	number int  // of columns that were added
}

// newWorkload makes the tables, but for the late ones, and fills them.
func newWorkload(t *testing.T, db *database, seed uint64) *workload {
	t.Helper()
	l := &workload{t: t, db: db, seed: seed}
	random := rand.New(rand.NewPCG(seed, 1))
	for n := range workloadTables {
		l.tables = append(l.tables, newWorkTable(random, n))
	}
	db.exec("CREATE TABLE " + signals + " (id VARCHAR(42) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048))")
	one := &writer{workload: l, random: random}
	for _, table := range l.tables[:workloadTables-lateTables] {
		db.exec(table.make)
		for range 2 {
			if err := one.fill(t.Context(), db.DB, table, workloadKeys/2); err != nil {
				t.Fatal(err)
			}
		}
	}
	return l
}

// keys are the kinds of primary keys.
var keys = []string{
	"id INT NOT NULL, %s, PRIMARY KEY (id)",
	"id BIGINT UNSIGNED NOT NULL, %s, PRIMARY KEY (id)",
	"%s, code VARCHAR(40) NOT NULL PRIMARY KEY",
	"shop SMALLINT NOT NULL, %s, code VARCHAR(40) NOT NULL, PRIMARY KEY (shop, code)",
}

// columnTypes are what columns are made of; values knows their values.
var columnTypes = []string{
	"TINYINT", "SMALLINT UNSIGNED", "MEDIUMINT", "INT", "INT UNSIGNED", "BIGINT", "DOUBLE", "DECIMAL(12,3)", "BIT(1)",
	"VARCHAR(60)", "CHAR(12)", "TEXT", "VARBINARY(40)", "BLOB", "DATE", "DATETIME", "DATETIME(3)", "DATETIME(6)", "TIMESTAMP(3)",
	"TIME(3)", "YEAR", "ENUM('red','green','blue')", "SET('a','b','c','d')",
}

func newWorkTable(random *rand.Rand, number int) *workTable {
	columns := []string{"rev INT NOT NULL DEFAULT 0"}
	for n := range 4 + random.IntN(6) {
		columns = append(columns, fmt.Sprintf("c%d %s", n, randomType(random)))
	}
	name := fmt.Sprintf("t%02d", number)
	return &workTable{name: name, asks: number%3 == 1, make: "CREATE TABLE " + name + " (" + fmt.Sprintf(keys[number%len(keys)], strings.Join(columns, ", ")) + ")"}
}

// randomType is a type, nullable as a rule.
func randomType(random *rand.Rand) string {
	kind := columnTypes[random.IntN(len(columnTypes))]
	switch {
	case random.IntN(4) > 0:
		return kind + " NULL"
	case strings.HasPrefix(kind, "VARCHAR"):
		return kind + " NOT NULL DEFAULT 'none'"
	case strings.HasSuffix(kind, "INT"):
		return kind + " NOT NULL DEFAULT 7"
	}
	return kind + " NULL"
}

// start starts the writers. The function that it returns stops them and does what must not be left undone.
func (l *workload) start() (stop func()) {
	ctx, cancel := context.WithCancel(l.t.Context())
	var writing sync.WaitGroup
	for n := range writers {
		one := &writer{workload: l, random: rand.New(rand.NewPCG(l.seed, uint64(2+n))), shapes: map[string]shape{}, first: n == 0}
		writing.Go(func() { one.write(ctx) })
	}
	return func() {
		l.t.Helper()
		cancel()
		writing.Wait()
		for int(l.late.Load()) < lateTables {
			l.makeLate(l.t.Context())
		}
		for _, table := range l.tables {
			if !l.rewrite(l.t.Context(), table) {
				l.t.Fatalf("the rows of %s cannot be rewritten", table.name)
			}
		}
	}
}

// makeLate makes the next of the late tables.
func (l *workload) makeLate(ctx context.Context) {
	table := l.tables[workloadTables-lateTables+int(l.late.Load())]
	_, err := l.db.ExecContext(ctx, table.make)
	if number(err) == tableExists {
		err = nil // the answer to a former attempt did not arrive
	}
	if err == nil {
		l.late.Add(1)
	}
}

// signals is the table through which the source is asked for snapshots.
const signals = "signals"

// rewrite changes all rows of a table that was altered, or asks the source to read them again, and returns whether that is
// done.
func (l *workload) rewrite(ctx context.Context, table *workTable) bool {
	table.mu.Lock()
	defer table.mu.Unlock()
	for attempt := 0; table.stale && attempt < 100 && ctx.Err() == nil; attempt++ {
		if err := l.renew(ctx, table); err == nil {
			table.stale = false
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return !table.stale
}

// renew does it once.
func (l *workload) renew(ctx context.Context, table *workTable) error {
	if !table.asks {
		_, err := l.db.ExecContext(ctx, "UPDATE "+table.name+" SET rev = rev + 1")
		return err
	}
	_, err := l.db.ExecContext(ctx, "INSERT INTO "+signals+" VALUES (?, 'execute-snapshot', ?)", fmt.Sprintf("%s-%d", table.name, l.asked.Add(1)),
		fmt.Sprintf(`{"type":"incremental","data-collections":["%s.%s"]}`, l.db.name, table.name))
	return err
}

// writer makes transactions, one after another.
type writer struct {
	*workload
	random *rand.Rand
	shapes map[string]shape // as they were when this writer last looked
	first  bool             // makes the late tables
}

// executor is a connection or a transaction.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Numbers of errors that are a part of life: others change the same rows and the same tables.
const (
	tableExists     = 1050
	unknownColumn   = 1054
	duplicateColumn = 1060
	duplicateKey    = 1062
	cannotDrop      = 1091
	lockTimeout     = 1205
	truncated       = 1265 // a value of the type that the column had
	deadlock        = 1213
)

// number is the server's of an error, 0 when it is none of the server's.
func number(err error) uint16 {
	var answer *mysql.MySQLError
	if errors.As(err, &answer) {
		return answer.Number
	}
	return 0
}

// shuttingDown are the numbers of errors of a server that stops.
var shuttingDown = map[uint16]bool{1053: true, 1077: true, 1152: true, 1158: true, 1159: true, 1160: true, 1161: true, 1180: true, 1317: true, 1927: true}

// write writes until the context ends, and then to the end of the transaction: what is cut off could take effect later. A
// server that is away is waited for.
func (w *writer) write(ctx context.Context) {
	for ctx.Err() == nil {
		err := w.once(w.t.Context())
		switch n := number(err); {
		case err == nil:
			w.committed.Add(1)
		case errors.Is(err, errRolledBack):
			w.rolledBack.Add(1)
		case n == 0 || shuttingDown[n]:
			w.failed.Add(1)
			clear(w.shapes)
			pauseFor(ctx, 100*time.Millisecond)
		case n == unknownColumn || n == duplicateColumn || n == cannotDrop || n == truncated:
			w.failed.Add(1)
			clear(w.shapes)
		case n == deadlock || n == lockTimeout || n == duplicateKey:
			w.failed.Add(1)
		default:
			w.t.Errorf("the workload itself is wrong: %v", err)
			return
		}
		pauseFor(ctx, time.Duration(w.random.Int64N(int64(2*writerPause))))
	}
}

// pauseFor waits, or until the context ends.
func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// errRolledBack is a transaction that was meant to be.
var errRolledBack = errors.New("rolled back")

// once makes one transaction, or alters a table.
func (w *writer) once(ctx context.Context) error {
	switch choice := w.random.IntN(1000); {
	case choice < 15:
		return w.alter(ctx)
	case choice < 20:
		if w.first && int(w.late.Load()) < lateTables {
			w.makeLate(ctx)
		}
		return nil
	case choice < 22:
		_, err := w.db.ExecContext(ctx, "FLUSH BINARY LOGS")
		return err
	case choice < 500:
		table := w.table()
		s, err := w.shape(ctx, table)
		if err != nil {
			return err
		}
		return w.change(ctx, w.db, table, s)
	}
	return w.transaction(ctx)
}

// transaction changes rows of several tables, or many rows of one, together or not at all.
func (w *writer) transaction(ctx context.Context) error {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing, after a commit
	saved := false
	for n := range 2 + w.random.IntN(12) {
		table := w.table()
		s, err := w.shape(ctx, table)
		if err != nil {
			return err
		}
		switch choice := w.random.IntN(40); {
		case choice == 0:
			err = w.fill(ctx, tx, table, 50)
		case choice == 1:
			_, err = tx.ExecContext(ctx, "UPDATE "+table.name+" SET rev = rev + 1 ORDER BY "+s.keyList()+" LIMIT 100")
		case choice == 2:
			_, err = tx.ExecContext(ctx, "DELETE FROM "+table.name+" ORDER BY "+s.keyList()+" DESC LIMIT 10")
		case choice == 3 && saved:
			_, err = tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT here")
		case choice == 4:
			_, err = tx.ExecContext(ctx, "SAVEPOINT here")
			saved = err == nil
		default:
			err = w.change(ctx, tx, table, s)
		}
		if err != nil && (number(err) != duplicateKey) {
			return fmt.Errorf("statement %d: %w", n, err)
		}
	}
	if w.random.IntN(10) == 0 {
		return errors.Join(errRolledBack, tx.Rollback())
	}
	return tx.Commit()
}

// table is one that exists.
func (w *writer) table() *workTable {
	return w.tables[w.random.IntN(workloadTables-lateTables+int(w.late.Load()))]
}

// shape is that of the last look at the table, which this may be.
func (w *writer) shape(ctx context.Context, table *workTable) (shape, error) {
	if s, ok := w.shapes[table.name]; ok {
		return s, nil
	}
	s, err := w.db.shape(ctx, table.name)
	if err == nil {
		w.shapes[table.name] = s
	}
	return s, err
}

// change changes one row, or one that is not there.
func (w *writer) change(ctx context.Context, on executor, table *workTable, s shape) error {
	w.statements.Add(1)
	switch choice := w.random.IntN(10); {
	case choice < 5:
		return w.insert(ctx, on, table, s, 1)
	case choice < 7:
		var sets []string
		var args []any
		for _, c := range s.columns {
			if !c.key && w.random.IntN(3) == 0 {
				sets, args = append(sets, "`"+c.name+"` = ?"), append(args, c.value(w.random))
			}
		}
		where, more := w.key(s)
		_, err := on.ExecContext(ctx, "UPDATE "+table.name+" SET "+strings.Join(append(sets, "rev = rev + 1"), ", ")+" WHERE "+where, append(args, more...)...)
		return err
	case choice < 9:
		where, args := w.key(s)
		_, err := on.ExecContext(ctx, "DELETE FROM "+table.name+" WHERE "+where, args...)
		return err
	}
	to, args := w.key(s)
	where, more := w.key(s)
	_, err := on.ExecContext(ctx, "UPDATE "+table.name+" SET "+strings.ReplaceAll(to, " AND ", ", ")+" WHERE "+where, append(args, more...)...)
	return err
}

// key chooses a row: the condition, and its arguments.
func (w *writer) key(s shape) (where string, args []any) {
	var parts []string
	n := w.random.IntN(workloadKeys)
	for _, c := range s.columns {
		if c.key {
			parts, args = append(parts, "`"+c.name+"` = ?"), append(args, c.keyValue(w.random, n))
		}
	}
	return strings.Join(parts, " AND "), args
}

// fill inserts many rows in one statement.
func (w *writer) fill(ctx context.Context, on executor, table *workTable, rows int) error {
	w.statements.Add(1)
	s, err := w.db.shape(ctx, table.name)
	if err != nil {
		return err
	}
	return w.insert(ctx, on, table, s, rows)
}

// insert inserts rows, in the place of others where their keys are taken, if it is not an error then.
func (w *writer) insert(ctx context.Context, on executor, table *workTable, s shape, rows int) error {
	verb, end := "INSERT", ""
	switch choice := w.random.IntN(4); {
	case choice == 0 || rows > 1:
		verb = "REPLACE"
	case choice < 3:
		end = " ON DUPLICATE KEY UPDATE rev = rev + 1"
	}
	var names, marks []string
	for _, c := range s.columns {
		names, marks = append(names, "`"+c.name+"`"), append(marks, "?")
	}
	var tuples []string
	var args []any
	for range rows {
		n := w.random.IntN(workloadKeys)
		tuples = append(tuples, "("+strings.Join(marks, ", ")+")")
		for _, c := range s.columns {
			if c.key {
				args = append(args, c.keyValue(w.random, n))
			} else {
				args = append(args, c.value(w.random))
			}
		}
	}
	_, err := on.ExecContext(ctx, verb+" INTO "+table.name+" ("+strings.Join(names, ", ")+") VALUES "+strings.Join(tuples, ", ")+end, args...)
	return err
}

// alter changes a table in one of many ways, and then all its rows.
func (w *writer) alter(ctx context.Context) error {
	table := w.table()
	s, err := w.db.shape(ctx, table.name)
	if err != nil {
		return err
	}
	what := w.alteration(table, s)
	// Known before it is done: the answer may not arrive.
	table.mu.Lock()
	table.stale = true
	table.mu.Unlock()
	_, err = w.db.ExecContext(ctx, "ALTER TABLE "+table.name+" "+what)
	clear(w.shapes)
	if err == nil {
		w.altered.Add(1)
	} else if number(err) != 0 {
		err = fmt.Errorf("ALTER TABLE %s %s: %w", table.name, what, err)
	}
	w.rewrite(ctx, table)
	return err
}

const mostColumns = 16

// alteration is what can be done to a table of a shape.
func (w *writer) alteration(table *workTable, s shape) string {
	var others []column // that are neither of the key nor counted by
	for _, c := range s.columns {
		if !c.key && c.name != "rev" {
			others = append(others, c)
		}
	}
	table.mu.Lock()
	table.number++
	fresh := fmt.Sprintf("x%d", table.number)
	table.mu.Unlock()
	place := []string{"", " FIRST", " AFTER rev", " AFTER `" + s.columns[w.random.IntN(len(s.columns))].name + "`"}[w.random.IntN(4)]
	if len(others) == 0 {
		return "ADD COLUMN " + fresh + " " + randomType(w.random) + place
	}
	c := others[w.random.IntN(len(others))]
	switch choice := w.random.IntN(8); {
	case choice < 2 && len(others) < mostColumns:
		return "ADD COLUMN " + fresh + " " + randomType(w.random) + place
	case choice < 3 && len(others) > 3:
		return "DROP COLUMN `" + c.name + "`"
	case choice < 4 && len(others) > 3 && len(others) < mostColumns:
		return "DROP COLUMN `" + c.name + "`, ADD COLUMN " + fresh + " " + randomType(w.random) + place
	case choice < 5:
		return "CHANGE COLUMN `" + c.name + "` " + fresh + " " + c.sqlType + " NULL"
	case choice < 7 && wider[c.dataType] != "":
		return "MODIFY COLUMN `" + c.name + "` " + wider[c.dataType] + " NULL"
	}
	return "COMMENT = '" + fresh + "'"
}

// wider are types that can hold what the others do.
var wider = map[string]string{
	"tinyint": "INT", "smallint": "BIGINT", "mediumint": "VARCHAR(40)", "int": "BIGINT", "bigint": "VARCHAR(40)", "double": "TEXT",
	"decimal": "DECIMAL(20,5)", "varchar": "TEXT", "char": "VARCHAR(80)", "text": "MEDIUMTEXT", "varbinary": "BLOB", "blob": "LONGBLOB",
	"date": "DATETIME(3)", "datetime": "DATETIME(6)", "year": "INT", "enum": "VARCHAR(30)", "set": "ENUM('','a','b','c','d','a,b','a,c','a,d','b,c','b,d','c,d','a,b,c','a,b,d','a,c,d','b,c,d','a,b,c,d')",
}
