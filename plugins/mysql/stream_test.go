package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
	"github.com/outboard-connect/outboard/plugins/mysql/binlog"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/snapshot"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// The table of the tests is shop.t (id INT PRIMARY KEY, v VARCHAR(20)), with binlog_row_metadata=FULL.
const (
	tableT  = 7
	latin1  = 8
	signalT = 9 // shop.signals (id, type, data), texts
)

func tableMapT(full bool) []byte {
	body := binary.LittleEndian.AppendUint64(nil, tableT)[:6]
	body = append(body, 0, 0, 4)
	body = append(body, "shop\x00\x01t\x00"...)
	body = append(body, 2, 3, 15, 2, 20, 0, 0b10)
	if full {
		body = append(body, 1, 1, 0, 2, 1, latin1, 4, 5, 2, 'i', 'd', 1, 'v', 8, 1, 0)
	}
	return body
}

func tableMapSignals() []byte {
	body := binary.LittleEndian.AppendUint64(nil, signalT)[:6]
	body = append(body, 0, 0, 4)
	body = append(body, "shop\x00\x07signals\x00"...)
	body = append(body, 3, 15, 15, 15, 6, 40, 0, 40, 0, 200, 0, 0)
	return append(body, 2, 1, latin1, 4, 6, 1, 'a', 1, 'b', 1, 'c', 8, 1, 0)
}

// row is one of table t; an empty v is NULL.
func row(id int, v string) []byte {
	null := byte(0)
	if v == "" {
		null = 0b10
	}
	r := binary.LittleEndian.AppendUint32([]byte{null}, uint32(id))
	if v != "" {
		r = append(append(r, byte(len(v))), v...)
	}
	return r
}

func rowsT(images int, rows ...[]byte) []byte {
	body := binary.LittleEndian.AppendUint64(nil, tableT)[:6]
	body = append(body, 0, 0, 2, 0, 2)
	body = append(body, slices.Repeat([]byte{3}, images)...)
	return append(body, slices.Concat(rows...)...)
}

// script makes events, with their places.
type script struct {
	events []binlog.Event
	pos    uint64
	index  int
}

func (l *script) add(e binlog.Event) *script {
	e.File, e.Start, e.End, e.Index, e.ServerID, e.Micros = "b.000001", l.pos, l.pos+100, l.index, 5, 1_700_000_000_000_000
	l.pos += 100
	l.index++
	l.events = append(l.events, e)
	return l
}

func (l *script) begin(n uint64) *script {
	l.index = 0
	return l.add(binlog.Event{Kind: binlog.Begin, Server: "s", Thread: 3, GTID: gtid(n)})
}

func gtid(n uint64) position.GTID {
	return position.GTID{Source: position.Source{MariaDB: true}, Server: 1, N: n}
}

func (l *script) tableMap(full bool) *script {
	return l.add(binlog.Event{Kind: binlog.TableMap, TableID: tableT, Body: tableMapT(full)})
}

func (l *script) rows(kind binlog.Kind, rows ...[]byte) *script {
	images := 1
	if kind == binlog.Update {
		images = 2
	}
	return l.add(binlog.Event{Kind: kind, TableID: tableT, Extra: true, Body: rowsT(images, rows...)})
}

func (l *script) statement(text string) *script {
	return l.add(binlog.Event{Kind: binlog.Statement, Database: "shop", Body: []byte(text)})
}

func (l *script) commit() *script { return l.add(binlog.Event{Kind: binlog.Commit}) }

// replay is a task that delivers events as the stream does.
type replay struct {
	stream *stream
	out    output
	events []binlog.Event
	ended  bool // told by a record
}

func (r *replay) Start(context.Context, *sdk.SourceContext) error { return nil }
func (r *replay) Stop(context.Context) error                      { return nil }

func (r *replay) Poll(ctx context.Context, batch *sdk.SourceBatch) error {
	r.out.begin(batch)
	var err error
	for err == nil && len(r.events) > 0 && !r.out.full() {
		var done bool
		if done, err = r.stream.handle(ctx, &r.events[0], &r.out); done && err == nil {
			r.events = r.events[1:]
		}
	}
	switch {
	case err != nil || len(r.events) > 0:
	case !r.ended:
		r.out.add("end")
		r.ended = true
	default:
		<-ctx.Done()
	}
	o := position.Offset{Position: r.stream.position, TimeSec: r.stream.timeSec, ServerID: r.stream.serverID, Server: r.stream.server}
	return errors.Join(err, r.out.end(func() (sdk.Offset, error) { return o.JSON() }))
}

// newStream makes the stream of a configuration.
func newStream(t *testing.T, changes map[string]string) *stream {
	t.Helper()
	config := map[string]string{keyPrefix: "p", keyHostname: "h", keyUser: "u"}
	for key, value := range changes {
		config[key] = value
	}
	settings, err := parseSettings(config)
	if err != nil {
		t.Fatal(err)
	}
	filter, err := table.NewFilter(settings.selection)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := newSourceFilter(settings)
	if err != nil {
		t.Fatal(err)
	}
	options := change.Options{Prefix: "p", Connector: "mysql", Version: "v"}
	if settings.rows {
		options.Output = change.Row
	}
	charsets := table.NewCharsets(map[uint64]table.Charset{latin1: {Name: "latin1", Bytes: 1}})
	captures := func(id table.ID) bool { return filter.Captures(id) || id == settings.signals.table }
	x, err := snapshot.NewIncremental(t.Context(), snapshot.IncrementalOptions{
		Options:  snapshot.Options{Logger: hclog.NewNullLogger()},
		Captured: func(context.Context) ([]table.ID, error) { return nil, errors.New("there is no server") },
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	s := &stream{
		settings: settings, log: hclog.NewNullLogger(), captures: captures, wanted: filter.Captures, sources: sources, incremental: x, signals: settings.signals.table,
		catalog: table.NewCatalog(charsets, false, captures, func(context.Context, table.ID) (*table.Shape, error) { return nil, nil }),
		compile: func(shape table.Shape) (*change.Table, error) { return change.Compile(shape, options, filter) },
		tables:  map[uint64]*mapped{},
	}
	if settings.transactions {
		records, err := change.NewTransactions(options, "transaction")
		if err != nil {
			t.Fatal(err)
		}
		s.transactions = &transactions{records: records, byTable: map[table.ID]int{}}
	}
	s.position.GTIDs.Add(gtid(1))
	return s
}

// deliver runs events through a stream and returns its records and, when it fails, why.
func deliver(t *testing.T, s *stream, l *script, fails bool) ([]sdktest.Record, error) {
	t.Helper()
	p := sdktest.InProcess(t, sdk.Plugin{Name: "replay", Version: "1.0.0", Sources: []sdk.Source{{
		Description: sdk.Description{Class: "Replay", Documentation: "Replays."},
		Task: func() sdk.SourceTask {
			return &replay{stream: s, events: l.events, out: output{partition: sdk.NewPartition("server", "p")}}
		},
	}}})
	source, err := p.StartSource("Replay", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var records []sdktest.Record
	if fails {
		source.Grant(8)
		err = source.AwaitFailure()
		records = source.TakeWithin(1000, 0)
	} else {
		for len(records) == 0 || records[len(records)-1].Topic != "end" {
			records = append(records, source.Take(1)...)
		}
	}
	if stopErr := source.Stop(); stopErr != nil {
		t.Error(stopErr)
	}
	return records, err
}

// delivered is deliver without a failure, and without the record that marks the end.
func delivered(t *testing.T, s *stream, l *script) []sdktest.Record {
	t.Helper()
	records, err := deliver(t, s, l, false)
	if err != nil {
		t.Fatal(err)
	}
	return records[:len(records)-1]
}

// show renders records: topic, key, op with the rows or the plain row, headers.
func show(t *testing.T, records []sdktest.Record) string {
	t.Helper()
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintf(&b, "%s %s", r.Topic, text(t, r.Key))
		switch {
		case r.Value.IsNull():
			b.WriteString(" null")
		case r.Value.Schema.Lookup("op") >= 0:
			var f data.Fields
			if err := f.Index(r.Value.Schema, r.Value.Data); err != nil {
				t.Fatal(err)
			}
			at := func(name string) string { return text(t, f.Value(r.Value.Schema.Lookup(name))) }
			fmt.Fprintf(&b, " %s %s → %s", at("op"), at("before"), at("after"))
			if transaction := at("transaction"); transaction != "null" {
				b.WriteString(" " + transaction)
			}
		default:
			b.WriteString(" " + text(t, r.Value))
		}
		for _, h := range r.Headers {
			fmt.Fprintf(&b, " [%s %s]", h.Key, text(t, h.Value))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func text(t *testing.T, v data.Value) string {
	t.Helper()
	s, err := data.AppendText(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(s), "Struct", "")
}

func compare(t *testing.T, got, want string) {
	t.Helper()
	want = strings.ReplaceAll(strings.TrimLeft(want, "\n"), "\t", "")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	l := func() *script {
		return new(script).begin(2).tableMap(true).rows(binlog.Insert, row(1, "a"), row(2, "")).rows(binlog.Update, row(1, "a"), row(1, "b"), row(2, ""), row(3, "")).
			rows(binlog.Delete, row(1, "b")).commit()
	}
	for name, c := range map[string]struct {
		config map[string]string
		want   string
	}{
		"envelope": {nil, `
			p.shop.t {id=1} c null → {id=1,v=a}
			p.shop.t {id=2} c null → {id=2}
			p.shop.t {id=1} u {id=1,v=a} → {id=1,v=b}
			p.shop.t {id=2} d {id=2} → null [__debezium.newkey {id=3}]
			p.shop.t {id=2} null
			p.shop.t {id=3} c null → {id=3} [__debezium.oldkey {id=2}]
			p.shop.t {id=1} d {id=1,v=b} → null
			p.shop.t {id=1} null
			`},
		"without tombstones": {map[string]string{keyTombstones: "false"}, `
			p.shop.t {id=1} c null → {id=1,v=a}
			p.shop.t {id=2} c null → {id=2}
			p.shop.t {id=1} u {id=1,v=a} → {id=1,v=b}
			p.shop.t {id=2} d {id=2} → null [__debezium.newkey {id=3}]
			p.shop.t {id=3} c null → {id=3} [__debezium.oldkey {id=2}]
			p.shop.t {id=1} d {id=1,v=b} → null
			`},
		"rows": {map[string]string{keyOutput: "row"}, `
			p.shop.t {id=1} {id=1,v=a}
			p.shop.t {id=2} {id=2}
			p.shop.t {id=1} {id=1,v=b}
			p.shop.t {id=2} null [__debezium.newkey {id=3}]
			p.shop.t {id=3} {id=3} [__debezium.oldkey {id=2}]
			p.shop.t {id=1} null
			`},
		"some operations": {map[string]string{keySkippedOperations: "c,d"}, `
			p.shop.t {id=1} u {id=1,v=a} → {id=1,v=b}
			p.shop.t {id=2} d {id=2} → null [__debezium.newkey {id=3}]
			p.shop.t {id=2} null
			p.shop.t {id=3} c null → {id=3} [__debezium.oldkey {id=2}]
			`},
		"of sources that count": {map[string]string{keyGTIDExcludes: "0-1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compare(t, show(t, delivered(t, newStream(t, c.config), l())), c.want)
		})
	}
}

// The source says where a change is from, and the last record of a batch where to go on.
func TestPlaces(t *testing.T) {
	t.Parallel()
	s := newStream(t, map[string]string{keyIncludeQuery: "true", keyTombstones: "false"})
	l := new(script).begin(2).add(binlog.Event{Kind: binlog.RowsQuery, Body: []byte("INSERT")}).tableMap(true).rows(binlog.Insert, row(1, "a"), row(2, "b")).commit().
		begin(3).rows(binlog.Delete, row(1, "a"))
	records, err := deliver(t, s, l, false)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records[:3] {
		var f data.Fields
		if err := f.Index(r.Value.Schema, r.Value.Data); err != nil {
			t.Fatal(err)
		}
		got = append(got, text(t, f.Value(r.Value.Schema.Lookup("source"))))
	}
	source := "{version=v,connector=mysql,name=p,ts_ms=1700000000000,db=shop,ts_us=1700000000000000,ts_ns=1700000000000000000,table=t,server_id=5," +
		"gtid=0-1-%d,file=b.000001,pos=%d,row=%d,thread=3%s}"
	want := []string{fmt.Sprintf(source, 2, 300, 0, ",query=INSERT"), fmt.Sprintf(source, 2, 300, 1, ",query=INSERT"), fmt.Sprintf(source, 3, 600, 0, "")}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	offset := `{"ts_sec":1700000000,"file":"b.000001","pos":500,"gtids":"0-1-2","server_id":5,"event":2,"gtid":"0-1-3","server_uuid":"s"}`
	if got := string(records[3].SourceOffset); got != offset {
		t.Errorf("offset: got %s, want %s", got, offset)
	}
}

// An event with more rows than a batch takes is delivered in parts, each with the place where it ends.
func TestLargeEvent(t *testing.T) {
	t.Parallel()
	const n = 5000
	var rows [][]byte
	for i := range n {
		rows = append(rows, row(i, "x"))
	}
	l := new(script).begin(2).tableMap(true).rows(binlog.Insert, rows...).commit()
	records := delivered(t, newStream(t, map[string]string{keyOutput: "row"}), l)
	if len(records) != n {
		t.Fatalf("%d records", len(records))
	}
	places := 0
	for i, r := range records {
		if want := fmt.Sprintf("{id=%d}", i); text(t, r.Key) != want {
			t.Fatalf("record %d has the key %s", i, text(t, r.Key))
		}
		if r.SourceOffset == nil {
			continue
		}
		places++
		o, err := position.ParseOffset(r.SourceOffset)
		if err != nil {
			t.Fatal(err)
		}
		if done := i + 1; done < n && (o.Events != 2 || o.Rows != done) {
			t.Errorf("after %d rows the offset is %s", done, r.SourceOffset)
		}
	}
	if places < 2 {
		t.Errorf("%d batches", places)
	}
}

// What the offset says is done does not come again, but counts in its transaction.
func TestDone(t *testing.T) {
	t.Parallel()
	s := newStream(t, map[string]string{keyTransactions: "true"})
	l := new(script).begin(2).tableMap(true).rows(binlog.Insert, row(1, "a"), row(2, "b")).rows(binlog.Insert, row(3, "c"), row(4, "d")).commit()
	l.events[0].Done, l.events[2].Done, l.events[3].Done = -1, -1, 1
	compare(t, show(t, delivered(t, s, l)), `
		p.shop.t {id=4} c null → {id=4,v=d} {id=0-1-2,total_order=4,data_collection_order=4}
		p.transaction {id=0-1-2} {status=END,id=0-1-2,event_count=4,data_collections=[{data_collection=shop.t,event_count=4}],ts_ms=1700000000000}
		`)
}

func TestStatements(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config    map[string]string
		statement string
		want      string
		fails     string
	}{
		"truncate":                  {map[string]string{keySkippedOperations: "none"}, "TRUNCATE TABLE t", "p.shop.t null t null → null\n", ""},
		"truncate by default":       {nil, "TRUNCATE TABLE t", "", ""},
		"truncate as rows":          {map[string]string{keyOutput: "row", keySkippedOperations: "none"}, "TRUNCATE TABLE t", "", ""},
		"truncate of another table": {map[string]string{keySkippedOperations: "none", keyTableInclude: "shop.t"}, "TRUNCATE TABLE u", "", ""},
		"rows as statement":         {nil, "DELETE FROM t", "", "set binlog_format=ROW"},
		"left out":                  {map[string]string{keyFailureMode: "warn"}, "DELETE FROM t", "", ""},
		"of another table":          {map[string]string{keyTableInclude: "shop.t"}, "DELETE FROM u", "", ""},
		"savepoint":                 {nil, "SAVEPOINT a", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStream(t, c.config)
			l := new(script).begin(2).tableMap(true).rows(binlog.Insert, row(1, "")).statement(c.statement).commit()
			records, err := deliver(t, s, l, c.fails != "")
			if fails := err != nil; fails != (c.fails != "") || fails && !strings.Contains(err.Error(), c.fails) {
				t.Fatalf("error %v, expected %q", err, c.fails)
			}
			if err == nil {
				compare(t, show(t, records[1:len(records)-1]), c.want)
			}
		})
	}
}

// What cannot be delivered fails the task with its place and the way out, or is left out where the configuration says so.
func TestBad(t *testing.T) {
	t.Parallel()
	damaged := func() *script {
		l := new(script).begin(2).tableMap(true).rows(binlog.Insert, row(1, "a"), row(2, "b")[:3]).rows(binlog.Insert, row(3, "c"))
		return l
	}
	nameless := func() *script { return new(script).begin(2).tableMap(false).rows(binlog.Insert, row(1, "a")) }
	incident := func() *script { return new(script).add(binlog.Event{Kind: binlog.Incident}) }
	for name, c := range map[string]struct {
		log   func() *script
		key   string
		fails []string
		left  string // what is delivered when it is left out
		first string // and what before it fails
	}{
		"damaged rows":    {damaged, keyFailureMode, []string{"b.000001:200", "shop.t", "event.processing.failure.handling.mode=warn"}, "p.shop.t {id=1} {id=1,v=a}\np.shop.t {id=3} {id=3,v=c}\n", "p.shop.t {id=1} {id=1,v=a}\n"},
		"unknown columns": {nameless, keyInconsistentSchema, []string{"b.000001:200", "shop.t", "binlog_row_metadata=FULL", "inconsistent.schema.handling.mode=warn"}, "", ""},
		"lost events":     {incident, keyFailureMode, []string{"lost events", "new snapshot"}, "", ""},
	} {
		for _, mode := range []string{"fail", "warn", "skip"} {
			t.Run(name+" "+mode, func(t *testing.T) {
				t.Parallel()
				s := newStream(t, map[string]string{keyOutput: "row", c.key: mode})
				want := c.left
				if mode == "fail" {
					want = c.first
				}
				if mode != "fail" {
					compare(t, show(t, delivered(t, s, c.log())), want)
					return
				}
				records, err := deliver(t, s, c.log(), true)
				compare(t, show(t, records), want)
				var e *sdk.Error
				if !errors.As(err, &e) || e.Class != sdk.Permanent {
					t.Fatalf("error %v, expected a permanent one", err)
				}
				for _, part := range c.fails {
					if line, _, _ := strings.Cut(err.Error(), "\n"); !strings.Contains(line, part) {
						t.Errorf("the first line lacks %q: %s", part, line)
					}
				}
			})
		}
	}
}

// A table without a key: records have none, and a delete is left out where it could only be a key.
func TestNoKey(t *testing.T) {
	t.Parallel()
	for output, want := range map[string]string{
		"envelope": "p.shop.t null c null → {id=1,v=a}\np.shop.t null d {id=1,v=a} → null\np.shop.t null c null → {id=2}\n",
		"row":      "p.shop.t null {id=1,v=a}\np.shop.t null {id=2}\n",
	} {
		t.Run(output, func(t *testing.T) {
			t.Parallel()
			l := new(script).begin(2).tableMap(true).rows(binlog.Insert, row(1, "a")).rows(binlog.Delete, row(1, "a")).rows(binlog.Insert, row(2, "")).commit()
			l.events[1].Body = l.events[1].Body[:len(l.events[1].Body)-3] // the primary key
			compare(t, show(t, delivered(t, newStream(t, map[string]string{keyOutput: output}), l)), want)
		})
	}
}

// Rows of the signal table are orders, and records only if the lists say so.
func TestSignals(t *testing.T) {
	t.Parallel()
	s := newStream(t, map[string]string{keyOutput: "row", keySignalTable: "shop.signals", keyTableInclude: "shop.t"})
	order := []byte{0}
	for _, text := range []string{"one", "execute-snapshot", `{"data-collections": ["shop.t"]}`} {
		order = append(append(order, byte(len(text))), text...)
	}
	body := binary.LittleEndian.AppendUint64(nil, signalT)[:6]
	body = append(append(body, 0, 0, 2, 0, 3, 7), order...)
	l := new(script).begin(2).add(binlog.Event{Kind: binlog.TableMap, TableID: signalT, Body: tableMapSignals()}).
		add(binlog.Event{Kind: binlog.Insert, TableID: signalT, Extra: true, Body: body}).tableMap(true).rows(binlog.Insert, row(1, "a")).commit()
	compare(t, show(t, delivered(t, s, l)), "p.shop.t {id=1} {id=1,v=a}\n")
	if state := string(s.incremental.State()); !strings.Contains(state, `"one"`) || !strings.Contains(state, "shop.t") {
		t.Errorf("the state is %s", state)
	}
}

// A statement that alters a table has its shape asked for again.
func TestAltered(t *testing.T) {
	t.Parallel()
	s := newStream(t, map[string]string{keyOutput: "row"})
	asked := 0
	s.catalog = table.NewCatalog(table.NewCharsets(map[uint64]table.Charset{latin1: {Name: "latin1", Bytes: 1}}), false, s.captures,
		func(context.Context, table.ID) (*table.Shape, error) { asked++; return nil, nil })
	l := new(script).begin(2).tableMap(true).rows(binlog.Insert, row(1, "")).commit().begin(3).statement("ALTER TABLE t ALTER v SET DEFAULT 'x'").commit().
		begin(4).rows(binlog.Insert, row(2, "")).commit()
	if n := len(delivered(t, s, l)); n != 2 {
		t.Errorf("%d records", n)
	}
	if asked != 2 {
		t.Errorf("information_schema was asked %d times", asked)
	}
}

// An answer that fails to come is waited for: nothing is lost, and nothing comes twice.
func TestRetriable(t *testing.T) {
	t.Parallel()
	s := newStream(t, map[string]string{keyOutput: "row"})
	asked := 0
	s.catalog = table.NewCatalog(table.NewCharsets(map[uint64]table.Charset{latin1: {Name: "latin1", Bytes: 1}}), false, s.captures,
		func(context.Context, table.ID) (*table.Shape, error) {
			if asked++; asked == 1 {
				return nil, errors.New("the server is gone")
			}
			return nil, nil
		})
	l := new(script).begin(2).tableMap(true).rows(binlog.Insert, row(1, "a")).commit()
	compare(t, show(t, delivered(t, s, l)), "p.shop.t {id=1} {id=1,v=a}\n")
}
