package binlog

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// update rewrites what is expected of the recorded logs: go test ./plugins/mysql/binlog -update
var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// raw is an event as a server sends it.
type raw struct {
	header replication.EventHeader
	body   []byte // without checksum
}

func (r raw) start() uint64 { return uint64(r.header.LogPos - r.header.EventSize) }

// logs are the recorded files; those of statements.sql, run on MariaDB 10.11 and MySQL 8.0.
var logs = map[string]bool{"mariadb": true, "mariadb-compressed": true, "mysql": false, "mysql-anonymous": false}

// readLog takes a file of a binary log apart.
func readLog(t testing.TB, name string) []raw {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name+".binlog"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(content, replication.BinLogFileHeader) {
		t.Fatalf("%s is no binary log", name)
	}
	content = content[4:]
	var events []raw
	checksum := 0
	for len(content) > 0 {
		var r raw
		if err := r.header.Decode(content); err != nil {
			t.Fatal(err)
		}
		body := content[replication.EventHeaderSize:r.header.EventSize]
		content = content[r.header.EventSize:]
		if r.header.EventType == replication.FORMAT_DESCRIPTION_EVENT && body[len(body)-5] == byte(replication.BINLOG_CHECKSUM_ALG_CRC32) {
			checksum = replication.BinlogChecksumLength
		}
		r.body = bytes.Clone(body[:len(body)-checksum])
		events = append(events, r)
	}
	return events
}

const logFile = "binlog.000007"

// rotation is what a server sends first on a connection.
func rotation(file string, pos uint64) raw {
	return raw{
		header: replication.EventHeader{EventType: replication.ROTATE_EVENT, Flags: replication.LOG_EVENT_ARTIFICIAL_F, EventSize: uint32(replication.EventHeaderSize + 8 + len(file))},
		body:   append(binary.LittleEndian.AppendUint64(nil, pos), file...),
	}
}

// from returns what a server sends that is asked for a place in the file.
func from(events []raw, pos uint64) []raw {
	sent := []raw{rotation(logFile, pos)}
	for _, r := range events {
		if r.header.EventType == replication.FORMAT_DESCRIPTION_EVENT {
			if pos > 4 {
				r.header.LogPos = 0
			}
			sent = append(sent, r)
		} else if r.start() >= pos {
			sent = append(sent, r)
		}
	}
	return sent
}

// newFramer makes one that collects what it emits.
func newFramer(mariadb bool, start, done position.Position, into *[]Event) *framer {
	f := &framer{
		mariadb: mariadb, at: start, done: done, captures: func(id table.ID) bool { return id.Name != "other" },
		emit: func(e *Event) error { *into = append(*into, *e); return nil },
	}
	f.connected(Start{Server: "server"})
	return f
}

func feed(t testing.TB, f *framer, events []raw) {
	t.Helper()
	for _, r := range events {
		if err := f.handle(&r.header, r.body); err != nil {
			t.Fatal(err)
		}
	}
}

var begin = position.Position{File: logFile, Pos: 4}

// shower renders events. It knows the tables that it was shown.
type shower struct {
	mariadb bool
	tables  map[uint64]*table.Map
	rows    Rows
}

func (s *shower) show(t testing.TB, e *Event) string {
	t.Helper()
	name := [...]string{"", "begin", "commit", "table map", "insert", "update", "delete", "statement", "rows query", "position", "executed", "incident"}[e.Kind]
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d-%d %d %s", e.File, e.Start, e.End, e.Index, name)
	if e.Standalone {
		b.WriteString(" standalone")
	}
	if e.Done != 0 {
		fmt.Fprintf(&b, " done %d", e.Done)
	}
	switch e.Kind {
	case Begin:
		fmt.Fprintf(&b, " %s micros %d server %d thread %d", e.GTID, e.Micros, e.ServerID, e.Thread)
	case Statement, RowsQuery:
		fmt.Fprintf(&b, " %s %q", e.Database, printable(e.Body))
	case Executed:
		fmt.Fprintf(&b, " %s", e.GTIDs)
	case TableMap:
		m, err := table.ParseMap(bytes.Clone(e.Body), s.mariadb)
		if err != nil {
			t.Fatal(err)
		}
		s.tables[e.TableID] = m
		fmt.Fprintf(&b, " %s %v", m.ID, m.Names)
	case Insert, Update, Delete:
		s.showRows(t, &b, e)
	}
	return b.String()
}

func (s *shower) showRows(t testing.TB, b *strings.Builder, e *Event) {
	t.Helper()
	m := s.tables[e.TableID]
	if m == nil {
		t.Fatalf("rows of table %d before its map", e.TableID)
	}
	fmt.Fprintf(b, " %s", m.ID)
	if err := s.rows.Reset(e, columnsOf(m)); err != nil {
		t.Fatal(err)
	}
	for {
		more, err := s.rows.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return
		}
		b.WriteString("\n\t")
		b.WriteString(showRow(s.rows.Before()))
		if e.Kind == Update {
			b.WriteString("\n\t→ ")
		}
		b.WriteString(showRow(s.rows.After()))
	}
}

func columnsOf(m *table.Map) []column.Column {
	columns := make([]column.Column, len(m.Types))
	for i := range columns {
		columns[i].Wire, columns[i].Meta = m.Types[i], m.Meta[i]
	}
	return columns
}

func showRow(cells []column.Cell) string {
	var parts []string
	for _, c := range cells {
		switch c.State {
		case column.Absent:
			parts = append(parts, "-")
		case column.Null:
			parts = append(parts, "NULL")
		default:
			text := fmt.Sprintf("%x", c.Bytes)
			if len(text) > 40 {
				text = fmt.Sprintf("%s…(%d)", text[:40], len(c.Bytes))
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " ")
}

func printable(text []byte) string {
	s := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, string(text))
	if len(s) > 120 {
		s = s[:120] + "…"
	}
	return s
}

func TestRecordedLogs(t *testing.T) {
	t.Parallel()
	for name, mariadb := range logs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var emitted []Event
			feed(t, newFramer(mariadb, begin, begin, &emitted), from(readLog(t, name), 4))
			s := &shower{mariadb: mariadb, tables: map[uint64]*table.Map{}}
			var b strings.Builder
			for i := range emitted {
				b.WriteString(s.show(t, &emitted[i]))
				b.WriteByte('\n')
			}
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("%s differs; see what changed with -update and git diff", golden)
			}
		})
	}
}

// A stream that is cut anywhere and goes on from where it was emits each event once.
func TestReconnectAnywhere(t *testing.T) {
	t.Parallel()
	for name, mariadb := range logs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := readLog(t, name)
			var whole []Event
			feed(t, newFramer(mariadb, begin, begin, &whole), from(events, 4))
			want := signatures(whole)
			sent := from(events, 4)
			for cut := range sent {
				var emitted []Event
				f := newFramer(mariadb, begin, begin, &emitted)
				feed(t, f, sent[:cut])
				f.connected(Start{})
				feed(t, f, from(events, f.at.Pos))
				if got := signatures(emitted); got != want {
					t.Fatalf("cut before event %d: got\n%s\nwant\n%s", cut, got, want)
				}
			}
		})
	}
}

// signatures are what must come once: not table maps, which tell nothing twice, and not positions, of which one more does no harm.
func signatures(events []Event) string {
	var b strings.Builder
	for _, e := range events {
		switch e.Kind {
		case TableMap, Position, Executed, RowsQuery:
		default:
			fmt.Fprintf(&b, "%d %d %d-%d %s\n", e.Kind, e.Index, e.Start, e.End, e.GTID)
		}
	}
	return b.String()
}

// A task that is started again at any row goes on with the next one.
func TestResumeAtAnyRow(t *testing.T) {
	t.Parallel()
	for name, mariadb := range logs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := readLog(t, name)
			var whole []Event
			feed(t, newFramer(mariadb, begin, begin, &whole), from(events, 4))
			places, want := rowsOf(t, mariadb, begin, whole)
			for i, p := range places {
				stored := p
				if i%2 == 0 { // as in Debezium's offset
					stored.Transaction = position.GTID{}
				}
				start := p
				start.Events, start.Rows, start.Transaction = 0, 0, position.GTID{}
				var emitted []Event
				feed(t, newFramer(mariadb, start, stored, &emitted), from(events, p.Pos))
				_, got := rowsOf(t, mariadb, stored, emitted)
				if strings.Join(got, "\n") != strings.Join(want[i+1:], "\n") {
					t.Fatalf("from %s: got\n%s\nwant\n%s", p, strings.Join(got, "\n"), strings.Join(want[i+1:], "\n"))
				}
			}
		})
	}
}

// rowsOf returns the rows of events, and the position behind each.
func rowsOf(t testing.TB, mariadb bool, p position.Position, events []Event) (places []position.Position, rows []string) {
	t.Helper()
	tables := map[uint64]*table.Map{}
	for i := range events {
		e := &events[i]
		if e.Kind == TableMap {
			m, err := table.ParseMap(e.Body, mariadb)
			if err != nil {
				t.Fatal(err)
			}
			tables[e.TableID] = m
		}
		if e.Kind == Insert || e.Kind == Update || e.Kind == Delete {
			var r Rows
			if err := r.Reset(e, columnsOf(tables[e.TableID])); err != nil {
				t.Fatal(err)
			}
			for n := 1; ; n++ {
				more, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !more {
					break
				}
				if e.Done < 0 || n <= e.Done {
					continue
				}
				p.Events, p.Rows = e.Index, n
				places = append(places, p)
				rows = append(rows, fmt.Sprint(e.Kind, showRow(r.Before()), showRow(r.After())))
			}
		}
		e.Advance(&p)
	}
	return places, rows
}

// MariaDB leaves out places inside transactions from 11.4 on.
func TestMissingPlaces(t *testing.T) {
	t.Parallel()
	events := readLog(t, "mariadb")
	var whole, computed []Event
	feed(t, newFramer(true, begin, begin, &whole), from(events, 4))
	sent := from(events, 4)
	for i := range sent {
		switch sent[i].header.EventType {
		case replication.ROTATE_EVENT, replication.FORMAT_DESCRIPTION_EVENT, replication.MARIADB_GTID_EVENT, replication.XID_EVENT:
		default:
			sent[i].header.LogPos = 0
		}
	}
	feed(t, newFramer(true, begin, begin, &computed), sent)
	if got, want := signatures(computed), signatures(whole); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Places have 32 bits in the log.
func TestLargeFile(t *testing.T) {
	t.Parallel()
	var emitted []Event
	start := position.Position{File: logFile, Pos: 1<<32 - 10}
	f := newFramer(false, start, start, &emitted)
	h := &replication.EventHeader{EventType: replication.QUERY_EVENT, EventSize: 100, LogPos: 90}
	body := append(make([]byte, queryHeader+1), "DROP TABLE x"...)
	if err := f.handle(h, body); err != nil {
		t.Fatal(err)
	}
	if got, want := f.at.Pos, uint64(1<<32+90); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}
