package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/binlog"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/snapshot"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// stream makes records of the events of the binary log. It is used by Poll alone.
type stream struct {
	settings *settings
	log      hclog.Logger
	mariadb  bool
	captures func(table.ID) bool // what is read: with the signal table
	wanted   func(table.ID) bool // what is delivered
	sources  sourceFilter
	catalog  *table.Catalog
	compile  func(table.Shape) (*change.Table, error)
	// incremental takes the orders of the signal table, and gives rows to deliver between transactions; nil before the stream is open.
	incremental *snapshot.Incremental
	signals     table.ID // the signal table; zero: none

	read   *binlog.Stream // nil: not open
	events []binlog.Event // taken; those from next on are to be handled
	next   int
	// delivered is when the last batch that was not full was complete.
	delivered time.Time

	// position is behind what was appended to batches, at any time.
	position position.Position
	timeSec  int64
	serverID uint32
	// server is the identity of the server whose log the position is of.
	server string

	// Of the transaction under way.
	source       change.Source
	encoder      change.Encoder
	query        string
	uncounted    bool          // its source does not count, see gtid.source.filter.dml.events
	standalone   bool          // it is a statement
	between      bool          // there is none
	transactions *transactions // nil: no metadata are wanted

	tables map[uint64]*mapped
	// nameless: there were table maps without the names of columns.
	nameless bool
	rows     binlog.Rows
	inside   bool // rows is within an event
	row      int  // rows of it that are done
	table    *mapped
	watched  bool // incremental wants to know of changes of table
}

// mapped is a table as a table map describes it.
type mapped struct {
	m      *table.Map
	wanted bool // else it is read for its orders alone
	// table and columns are nil until rows come, and again after a statement that may have changed the table.
	table   *change.Table
	columns []column.Column
	rowEnd  int           // the position of the column of that kind; -1: not system-versioned
	left    bool          // its rows are left out, since nobody knows what they mean
	orders  *change.Table // makes plain rows of the signal table
	noKey   bool          // told that deletes cannot be delivered
}

// poll appends records until the batch is full, or there is nothing more to read and there is a record, or limit ends, or a snapshot is to be
// taken for which the stream has to wait.
func (s *stream) poll(ctx, limit context.Context, out *output) error {
	for !out.full() {
		if s.between {
			if err := s.deliverIncremental(out); err != nil || s.incremental.Blocking() != nil {
				return err
			}
		}
		if s.next == len(s.events) {
			if out.batch.Len() > 0 {
				s.delivered = time.Now()
				return nil
			}
			time.Sleep(gather - time.Since(s.delivered))
			events, err := s.read.Take(limit, s.incremental.Wake())
			if err != nil || events == nil {
				return err
			}
			s.events, s.next = events, 0
		}
		done, err := s.handle(ctx, &s.events[s.next], out)
		if err != nil {
			return err
		}
		if done {
			s.next++
		}
	}
	return nil
}

// gather is the least time between two batches that are not full. A change that comes alone does not wait; of many, those of this time go together,
// which is far less work.
const gather = 2 * time.Millisecond

// deliverIncremental appends the rows of an incremental snapshot that belong between two transactions.
func (s *stream) deliverIncremental(out *output) error {
	s.incremental.Boundary(s.position)
	for b := s.incremental.Next(); b != nil; b = s.incremental.Next() {
		out.block(b)
		s.incremental.Delivered(b)
	}
	return s.incremental.Err()
}

// open starts to read at the position.
func (s *stream) open(c binlog.Config) {
	s.tables = make(map[uint64]*mapped)
	s.events, s.next, s.inside, s.between = nil, 0, false, s.position.Events == 0
	s.read = binlog.Open(c, s.position)
}

func (s *stream) close() {
	if s.read != nil {
		s.read.Close()
		s.read = nil
	}
}

// handle makes the records of one event; false: the batch was full before its end. An error that is retriable leaves everything as it was.
func (s *stream) handle(ctx context.Context, e *binlog.Event, out *output) (done bool, err error) {
	switch e.Kind {
	case binlog.Begin:
		err = s.begin(e, out)
	case binlog.Commit:
		err = s.commit(out)
	case binlog.TableMap:
		err = s.tableMap(e)
	case binlog.RowsQuery:
		if s.settings.includeQuery {
			s.query = string(e.Body)
		}
	case binlog.Statement:
		err = s.statement(ctx, e, out)
	case binlog.Incident:
		err = s.bad(s.settings.failure, keyFailureMode, e, errors.New("the server reports that it has lost events: changes may be missing; take a new snapshot"))
	case binlog.Position:
		s.between = true
		if e.File != s.position.File {
			clear(s.tables) // the numbers of tables are those of a file
		}
	case binlog.Insert, binlog.Update, binlog.Delete:
		if done, err = s.change(ctx, e, out); err != nil || !done {
			return done, err
		}
	}
	if err != nil {
		return false, err
	}
	e.Advance(&s.position)
	if e.Micros > 0 {
		s.timeSec, s.serverID = e.Micros/1_000_000, e.ServerID
	}
	return true, nil
}

func (s *stream) begin(e *binlog.Event, out *output) error {
	if s.server != e.Server && s.server != "" {
		s.incremental.OtherServer()
	}
	s.between = false
	s.server, s.standalone, s.query = e.Server, e.Standalone, ""
	s.source = change.Source{Micros: e.Micros, ServerID: e.ServerID, GTID: e.GTID.String(), File: e.File, Thread: e.Thread}
	s.uncounted = s.settings.gtidFilterDML && !e.GTID.IsZero() && !s.sources.counts(e.GTID.SourceName())
	if s.transactions == nil || e.Standalone {
		return nil
	}
	if err := s.transactions.begin(out, e); err != nil {
		return err
	}
	s.source.TransactionID = s.transactions.id
	return nil
}

func (s *stream) commit(out *output) error {
	s.query, s.uncounted, s.between = "", false, true
	if s.transactions == nil || s.standalone {
		return nil
	}
	return s.transactions.end(out)
}

func (s *stream) tableMap(e *binlog.Event) error {
	m, err := table.ParseMap(e.Body, s.mariadb)
	if err != nil {
		return s.bad(s.settings.failure, keyFailureMode, e, err)
	}
	s.tables[e.TableID] = &mapped{m: m, wanted: s.wanted(m.ID)}
	s.nameless = s.nameless || !m.Full()
	return nil
}

// statement follows statements that change tables.
func (s *stream) statement(ctx context.Context, e *binlog.Event, out *output) error {
	changes := table.ParseStatement(string(e.Body), e.Database, s.mariadb)
	for _, c := range changes {
		if !s.captures(c.Table) {
			continue
		}
		if c.Action == table.Truncate || c.Action == table.Drop {
			s.incremental.Emptied(c.Table)
		}
		switch c.Action {
		case table.Write:
			err := s.bad(s.settings.failure, keyFailureMode, e, fmt.Errorf("rows of %s were changed by a statement that is logged itself, so that nobody knows which rows; "+
				"set binlog_format=ROW on the server, for running sessions, too", c.Table))
			if err != nil {
				return err
			}
		case table.Truncate:
			if err := s.truncate(ctx, c.Table, e, out); err != nil {
				return err
			}
		}
	}
	for _, id := range s.catalog.Apply(changes) {
		s.incremental.Altered(id)
		for _, t := range s.tables {
			if t.m.ID == id {
				t.table, t.left = nil, false
			}
		}
	}
	return nil
}

// truncate makes the record of TRUNCATE TABLE, where it is wanted.
func (s *stream) truncate(ctx context.Context, id table.ID, e *binlog.Event, out *output) error {
	if s.settings.rows || s.skips(change.Truncate) || !s.wanted(id) {
		return nil
	}
	t, err := s.anyTable(ctx, id)
	if err != nil || t == nil {
		return err
	}
	src := s.source
	src.Pos, src.Query, src.Now = e.Start, s.query, time.Now().UnixNano()
	if err := s.encoder.Value(out.value.start(t.ValueSchema()), t, change.Truncate, &src, nil, nil); err != nil {
		return err
	}
	value, err := out.value.finish()
	if err != nil {
		return err
	}
	out.write(t.Topic, nil, nil, t.ValueSchema(), value)
	return nil
}

// anyTable returns a table without a table map at hand; nil when it is gone.
func (s *stream) anyTable(ctx context.Context, id table.ID) (*change.Table, error) {
	for _, t := range s.tables {
		if t.m.ID == id && t.table != nil {
			return t.table, nil
		}
	}
	shape, err := s.catalog.Known(ctx, id)
	if err != nil {
		return nil, sdk.Retriable(err)
	}
	if shape == nil {
		return nil, nil
	}
	return s.compile(*shape)
}

func (s *stream) skips(op change.Op) bool { return slices.Contains(s.settings.skipped, string(op)) }

// operations are what kinds of events do.
var operations = map[binlog.Kind]change.Op{binlog.Insert: change.Create, binlog.Update: change.Update, binlog.Delete: change.Delete}

// change makes records of the rows of an event, from the first one that is not done.
func (s *stream) change(ctx context.Context, e *binlog.Event, out *output) (done bool, err error) {
	op := operations[e.Kind]
	if !s.inside {
		if s.uncounted {
			return true, nil
		}
		if ready, err := s.prepare(ctx, e); err != nil || !ready {
			return err == nil, err
		}
	}
	t := s.table
	for !out.full() {
		more, err := s.rows.Next()
		if err != nil {
			s.inside = false
			return true, s.bad(s.settings.failure, keyFailureMode, e, fmt.Errorf("rows of %s: %w", t.m.ID, err))
		}
		if !more {
			s.inside = false
			return true, nil
		}
		s.source.Row = s.row
		if err := s.deliver(t, op, out); err != nil {
			if err := s.bad(s.settings.failure, keyFailureMode, e, fmt.Errorf("row %d: %w", s.row+1, err)); err != nil {
				return false, err
			}
		}
		s.row++
		s.position.Events, s.position.Rows = e.Index, s.row
	}
	return false, nil
}

// prepare starts with an event of rows; false: there is nothing to do.
func (s *stream) prepare(ctx context.Context, e *binlog.Event) (bool, error) {
	t := s.tables[e.TableID]
	if t == nil {
		return false, s.bad(s.settings.failure, keyFailureMode, e, fmt.Errorf("rows of table number %d, whose table map was left out", e.TableID))
	}
	if t.table == nil && !t.left {
		if err := s.resolve(ctx, t, e); err != nil {
			return false, err
		}
	}
	if t.left {
		return false, nil
	}
	if err := s.rows.Reset(e, t.columns); err != nil {
		return false, s.bad(s.settings.failure, keyFailureMode, e, fmt.Errorf("rows of %s: %w", t.m.ID, err))
	}
	s.table, s.row = t, 0
	if e.Done != 0 {
		skipped, err := s.skipDone(e)
		if err != nil {
			return false, s.bad(s.settings.failure, keyFailureMode, e, fmt.Errorf("rows of %s: %w", t.m.ID, err))
		}
		if s.transactions != nil && skipped > 0 {
			s.transactions.count(t.m.ID, int64(skipped))
		}
		if e.Done < 0 {
			return false, nil
		}
	}
	s.source.Pos, s.source.Query, s.source.Now = e.Start, s.query, time.Now().UnixNano()
	s.inside, s.watched = true, s.incremental.Watching(t.m.ID)
	return true, nil
}

// skipDone steps over rows that were delivered before a restart.
func (s *stream) skipDone(e *binlog.Event) (int, error) {
	if e.Done < 0 {
		return s.rows.Count()
	}
	for s.row < e.Done {
		more, err := s.rows.Next()
		if err != nil || !more {
			return s.row, err
		}
		s.row++
	}
	return s.row, nil
}

// resolve finds out what the columns of a table are.
func (s *stream) resolve(ctx context.Context, t *mapped, e *binlog.Event) error {
	shape, err := s.catalog.Shape(ctx, t.m)
	var mismatch *table.Mismatch
	if errors.As(err, &mismatch) {
		t.left = true
		return s.bad(s.settings.inconsistentSchema, keyInconsistentSchema, e, fmt.Errorf("%w. The table was altered while nobody followed, and the log itself has no names: "+
			"run SET GLOBAL binlog_row_metadata=FULL on the server, and take a new snapshot of the table", err))
	}
	if err != nil {
		return sdk.Retriable(err)
	}
	t.columns = shape.Columns
	t.rowEnd = slices.IndexFunc(t.columns, func(c column.Column) bool { return c.RowEnd })
	if t.table, err = s.compile(*shape); err != nil {
		t.left = true
		return s.bad(s.settings.failure, keyFailureMode, e, err)
	}
	return nil
}

// bad decides about what cannot be delivered, by a setting of a key.
func (s *stream) bad(mode failureMode, key string, e *binlog.Event, err error) error {
	switch mode {
	case failureWarn:
		s.log.Warn("left out, since "+key+"=warn", "file", e.File, "pos", e.Start, "gtid", e.GTID.String(), "err", err)
		return nil
	case failureSkip:
		return nil
	}
	return sdk.Fatal(fmt.Errorf("the binary log at %s:%d: %w; %s=warn leaves it out", e.File, e.Start, err, key))
}

// deliver makes the records of one row, if they are wanted, and takes the orders of the signal table.
func (s *stream) deliver(t *mapped, op change.Op, out *output) error {
	if t.rowEnd >= 0 {
		var present bool
		if op, present = presentOp(op, s.rows.Before(), s.rows.After(), t.rowEnd); !present {
			return nil
		}
	}
	if t.m.ID == s.signals && op == change.Create {
		if err := s.order(t); err != nil {
			return err
		}
	}
	if !t.wanted || len(s.settings.skipped) > 0 && s.skips(op) {
		return nil
	}
	return s.record(t, op, out)
}

// order takes a row of the signal table: id, type and data, whatever the columns are called.
func (s *stream) order(t *mapped) error {
	var err error
	if t.orders == nil {
		if t.orders, err = change.Compile(table.Shape{ID: t.m.ID, Columns: t.columns}, change.Options{Output: change.Row}, nil); err != nil {
			return err
		}
	}
	var w data.Writer
	w.Reset(nil, t.orders.ValueSchema())
	if err := s.encoder.Value(&w, t.orders, change.Create, nil, nil, change.Image(s.rows.After())); err != nil {
		return err
	}
	row, err := w.Finish()
	if err != nil {
		return err
	}
	var fields data.Fields
	if err := fields.Index(t.orders.ValueSchema(), row); err != nil {
		return err
	}
	if fields.Len() != 3 {
		s.log.Error("the signal table does not have the three columns id, type and data; its rows are ignored", "table", t.m.ID.String())
		return nil
	}
	var texts [3]string
	for i := range texts {
		if !fields.IsNull(i) {
			text, err := data.AppendText(nil, fields.Value(i))
			if err != nil {
				return err
			}
			texts[i] = string(text)
		}
	}
	s.incremental.Signal(texts[0], texts[1], texts[2])
	return nil
}

// record makes the records of one row: two or three when an update changes the key.
func (s *stream) record(t *mapped, op change.Op, out *output) error {
	before, after := change.Image(s.rows.Before()), change.Image(s.rows.After())
	switch {
	case op == change.Create:
		return s.write(t, op, nil, after, out, nil)
	case op == change.Delete:
		return s.remove(t, before, out, nil)
	case t.table.KeyChanged(before, after):
		return s.rekey(t, before, after, out)
	}
	return s.write(t, op, before, after, out, nil)
}

// header is a header of a record: Debezium links the two records of a changed key.
type header struct {
	name string
	key  []byte
}

const (
	headerNewKey = "__debezium.newkey"
	headerOldKey = "__debezium.oldkey"
)

// rekey makes the records of an update that changes the key: a delete, its tombstone, and a create. They are complete before the first one is
// appended.
func (s *stream) rekey(t *mapped, before, after change.Image, out *output) error {
	after = filled(after, before)
	oldKey, err := s.key(t, before, out)
	if err != nil {
		return err
	}
	oldKey = slices.Clone(oldKey)
	newKey, err := s.key(t, after, out)
	if err != nil {
		return err
	}
	newKey = slices.Clone(newKey)
	// The new row is tried first: if it fails, nothing of the change may be in the batch.
	if err := s.encoder.Value(out.value.start(t.table.ValueSchema()), t.table, change.Create, &s.source, nil, after); err != nil {
		return err
	}
	if err := s.remove(t, before, out, &header{headerNewKey, newKey}); err != nil {
		return err
	}
	return s.write(t, change.Create, nil, after, out, &header{headerOldKey, oldKey})
}

// filled returns an image whose missing cells are those of another.
func filled(image, other change.Image) change.Image {
	if !slices.ContainsFunc(image, func(c column.Cell) bool { return c.State == column.Absent }) {
		return image
	}
	whole := slices.Clone(image)
	for i := range whole {
		if whole[i].State == column.Absent {
			whole[i] = other[i]
		}
	}
	return whole
}

// key encodes the key of a row, nil when the table has none.
func (s *stream) key(t *mapped, image change.Image, out *output) ([]byte, error) {
	schema := t.table.KeySchema()
	if schema == nil {
		return nil, nil
	}
	if err := t.table.Key(out.key.start(schema), image); err != nil {
		return nil, err
	}
	return out.key.finish()
}

// write appends the record of a row.
func (s *stream) write(t *mapped, op change.Op, before, after change.Image, out *output, h *header) error {
	image := after
	if op == change.Delete {
		image = before
	} else if op == change.Update && !s.rows.Complete() {
		image = filled(after, before)
	}
	key, err := s.key(t, image, out)
	if err != nil {
		return err
	}
	s.count(t)
	if err := s.encoder.Value(out.value.start(t.table.ValueSchema()), t.table, op, &s.source, before, after); err != nil {
		s.uncount(t)
		return err
	}
	value, err := out.value.finish()
	if err != nil {
		s.uncount(t)
		return err
	}
	s.append(t, key, value, out, h)
	return nil
}

// remove appends the records of a row that was deleted.
func (s *stream) remove(t *mapped, before change.Image, out *output, h *header) error {
	if !s.settings.rows {
		if err := s.write(t, change.Delete, before, nil, out, h); err != nil {
			return err
		}
		if s.settings.tombstones && t.table.KeySchema() != nil {
			return s.tombstone(t, before, out)
		}
		return nil
	}
	if t.table.KeySchema() == nil {
		if !t.noKey {
			t.noKey = true
			s.log.Warn("deletes of a table without a key are left out: with output=row a delete is a key without a value; name columns in "+keyMessageKey, "table", t.m.ID.String())
		}
		return nil
	}
	key, err := s.key(t, before, out)
	if err != nil {
		return err
	}
	s.count(t)
	s.append(t, key, nil, out, h)
	return nil
}

// tombstone appends a key without a value.
func (s *stream) tombstone(t *mapped, before change.Image, out *output) error {
	key, err := s.key(t, before, out)
	if err == nil {
		s.append(t, key, nil, out, nil)
	}
	return err
}

func (s *stream) append(t *mapped, key, value []byte, out *output, h *header) {
	schema := t.table.KeySchema()
	if s.watched {
		s.incremental.Changed(t.m.ID, key)
	}
	r := out.write(t.table.Topic, schema, key, t.table.ValueSchema(), value)
	if h != nil {
		r.Header(h.name, data.RowValue(schema, h.key))
	}
}

// count numbers the change in its transaction.
func (s *stream) count(t *mapped) {
	if s.transactions != nil {
		s.source.TotalOrder, s.source.TableOrder = s.transactions.count(t.m.ID, 1)
	}
}

// uncount takes the number back of a row that cannot be delivered.
func (s *stream) uncount(t *mapped) {
	if s.transactions != nil {
		s.transactions.count(t.m.ID, -1)
	}
}
