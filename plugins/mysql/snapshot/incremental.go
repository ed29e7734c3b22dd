package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// IncrementalOptions are what incremental snapshots are made with, beside Options; Marks, Locking and Selects have no meaning for them.
type IncrementalOptions struct {
	Options
	// Captured lists the captured tables that the server has.
	Captured func(context.Context) ([]table.ID, error)
	// SignalTable is where chunks are marked when the server has no GTIDs; zero: there is none, or it must not be written to.
	SignalTable table.ID
	// Exec runs a statement for that, and commits it.
	Exec func(ctx context.Context, statement string, args ...any) error
	// DeleteMark deletes the mark after the chunk instead of writing another.
	DeleteMark bool
	// ChunkRows is how many rows a chunk has.
	ChunkRows int
}

// Incremental reads tables again while the stream goes on. What people order comes by Signal and Order; the rows come between the transactions of
// the stream. All methods but Close are called by the one goroutine that delivers the stream.
type Incremental struct {
	o      IncrementalOptions
	board  *board
	run    context.Context
	cancel context.CancelFunc
	ended  sync.WaitGroup
	wake   chan struct{}
	// active is how many windows there are: with none, changes do not matter.
	active atomic.Int64

	mu       sync.Mutex
	windows  windows
	ready    []*window
	requests []Request // not chosen yet: the first is being worked on
	choosing bool
	blocking []Request
	seen     []string // ids of signals, the latest last
	ordered  string   // the last id of Order
	text     json.RawMessage
	err      error
}

// mostSeen is how many ids of signals are remembered, for those that come again after a crash.
const mostSeen = 20

// outstanding is how many chunks may wait for the stream.
const outstanding = 8

// incrementalJSON is the text form.
type incrementalJSON struct {
	Requests []Request       `json:"requests,omitempty"`
	Blocking []Request       `json:"blocking,omitempty"`
	Progress json.RawMessage `json:"progress,omitempty"`
	Paused   bool            `json:"paused,omitempty"`
	Seen     []string        `json:"seen,omitempty"`
	Ordered  string          `json:"ordered,omitempty"`
}

// NewIncremental goes on from the state of a stored offset, nil for none.
func NewIncremental(ctx context.Context, o IncrementalOptions, stored json.RawMessage) (*Incremental, error) {
	var f incrementalJSON
	if len(stored) > 0 {
		if err := json.Unmarshal(stored, &f); err != nil {
			return nil, err
		}
	}
	p := &Progress{}
	if len(f.Progress) > 0 {
		var err error
		if p, err = ParseProgress(f.Progress); err != nil {
			return nil, err
		}
	}
	o.Source.Snapshot = markIncremental
	x := &Incremental{
		o: o, board: newBoard(p, o.Logger), wake: make(chan struct{}, 1),
		requests: f.Requests, blocking: f.Blocking, seen: f.Seen, ordered: f.Ordered,
	}
	x.board.paused = f.Paused
	x.run, x.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if !p.Done() {
		o.Logger.Info("going on with the incremental snapshot", "tables", len(p.tables))
		x.startReaders()
	}
	x.choose()
	return x, nil
}

const markIncremental = "incremental"

// Close ends the readers.
func (x *Incremental) Close() {
	x.cancel()
	x.ended.Wait()
}

// Wake tells that Boundary should be called, although the stream has nothing new.
func (x *Incremental) Wake() <-chan struct{} { return x.wake }

func (x *Incremental) wakeUp() {
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

// State returns what the source offset keeps, nil when there is nothing to keep. Do not change it.
func (x *Incremental) State() json.RawMessage {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.text != nil {
		return nonEmpty(x.text)
	}
	f := incrementalJSON{Requests: x.requests, Blocking: x.blocking, Seen: x.seen, Ordered: x.ordered}
	x.board.do(func() {
		f.Paused = x.board.paused
		if !x.board.progress.Done() {
			f.Progress = x.board.progress.JSON()
		}
	})
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // texts only
	}
	x.text = text
	return nonEmpty(text)
}

func nonEmpty(text json.RawMessage) json.RawMessage {
	if string(text) == "{}" {
		return nil
	}
	return text
}

// Err returns why incremental snapshots cannot go on, nil while they can.
func (x *Incremental) Err() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

// Order orders a snapshot by the configuration: once for each id.
func (x *Incremental) Order(id, tables string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if id == x.ordered {
		return
	}
	x.ordered, x.text = id, nil
	x.requests = append(x.requests, Request{ID: id, Tables: table.SplitList(tables)})
	x.o.Logger.Info("incremental snapshot ordered", "id", id, "tables", tables)
	x.choose()
}

// Signal takes a row that was inserted into the signal table. What is wrong with it is logged: nobody else is there to be told.
func (x *Incremental) Signal(id, kind, data string) {
	log := x.o.Logger.With("signal", id, "type", kind)
	if kind == signalOpen || kind == signalClose {
		return // marks, ours or those of others
	}
	d, err := parseSignal(data)
	if err != nil {
		log.Error("signal is ignored", "err", err)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if slices.Contains(x.seen, id) {
		log.Info("signal is ignored: one with this id was carried out before")
		return
	}
	switch kind {
	case signalExecute:
		r, err := d.request(id)
		if err != nil {
			log.Error("signal is ignored", "err", err)
			return
		}
		if r.Blocking {
			x.blocking = append(x.blocking, r)
		} else {
			x.requests = append(x.requests, r)
		}
		log.Info("snapshot ordered", "tables", d.DataCollection, "blocking", r.Blocking)
	case signalStop:
		x.stop(d)
	case signalPause, signalResume:
		x.board.do(func() { x.board.paused = kind == signalPause })
		log.Info("signal is carried out")
	case signalLog:
		log.Info(d.Message)
		return
	default:
		log.Error("signal is ignored: its type is none of execute-snapshot, stop-snapshot, pause-snapshot, resume-snapshot, log")
		return
	}
	x.text = nil
	x.seen = append(x.seen, id)
	x.seen = x.seen[max(0, len(x.seen)-mostSeen):]
	x.choose()
}

// stop takes tables out, all without a list. The caller holds the mutex.
func (x *Incremental) stop(d signalData) {
	out := func(id table.ID) bool { return len(d.DataCollection) == 0 || matches(d.DataCollection, id) }
	var gone []string
	x.board.do(func() {
		for _, id := range x.board.progress.Tables() {
			if out(id) {
				x.board.progress.drop(id)
				gone = append(gone, id.String())
			}
		}
	})
	if len(d.DataCollection) == 0 {
		x.requests = nil
	}
	x.windows.drop(func(w *window) bool { return out(w.id) })
	x.count()
	x.o.Logger.Info("incremental snapshot stopped", "tables", gone)
}

// Blocking returns the first snapshot that the stream is to wait for, nil when there is none. Call BlockingDone when the offset says that it is
// under way.
func (x *Incremental) Blocking() *Request {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.blocking) == 0 {
		return nil
	}
	r := x.blocking[0]
	return &r
}

// BlockingDone takes it out of the state.
func (x *Incremental) BlockingDone() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.blocking, x.text = slices.Clone(x.blocking[1:]), nil
}

// Watching tells whether Changed must be called for changes of a table.
func (x *Incremental) Watching(id table.ID) bool {
	if x.active.Load() == 0 {
		return false
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.windows.watching(id)
}

// Changed notes that a change of a row is delivered; key is what change.Table.Key writes of it. A change of the key is one of both keys.
func (x *Incremental) Changed(id table.ID, key []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.windows.change(id, key)
}

// Emptied notes that a table was truncated or dropped at this place of the stream.
func (x *Incremental) Emptied(id table.ID) {
	if x.active.Load() == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.windows.empty(id)
}

// Altered notes that a statement at this place of the stream changed the columns of a table.
func (x *Incremental) Altered(id table.ID) {
	if x.active.Load() == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.windows.alter(id)
}

// Boundary tells where the stream is between two transactions; everything before is delivered. Next has rows afterwards, maybe.
func (x *Incremental) Boundary(at position.Position) {
	if x.active.Load() == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ready = append(x.ready, x.windows.boundary(at)...)
	x.count()
}

// OtherServer tells that the stream goes on from another server: positions of the former one mean nothing. Chunks on their way are read again.
func (x *Incremental) OtherServer() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.windows.drop(func(w *window) bool {
		x.again(w)
		return true
	})
	x.count()
}

// Next returns rows to deliver before the stream goes on, nil when there are none. Call Delivered after.
func (x *Incremental) Next() *Block {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.ready) > 0 {
		w := x.ready[0]
		x.ready[0] = nil
		x.ready = x.ready[1:]
		close(w.closed)
		if w.stale {
			x.again(w)
			continue
		}
		w.settle()
		if w.block.Len() > 0 {
			return w.block
		}
		x.delivered(w.block)
	}
	return nil
}

// Delivered notes that the rows of a block are on their way: State does not have them any more.
func (x *Incremental) Delivered(b *Block) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.delivered(b)
}

func (x *Incremental) delivered(b *Block) {
	x.text = nil
	x.board.delivered(b)
	x.board.do(func() {
		if x.board.progress.Done() && len(x.requests) == 0 {
			x.o.Logger.Info("incremental snapshot is complete")
		}
	})
}

// again gives a chunk back to be read again. The caller holds the mutex.
func (x *Incremental) again(w *window) {
	if w.block != nil { // otherwise its reader sees that it is dropped
		x.board.readAgain(w.block, w.part)
		x.startReaders()
	}
}

func (x *Incremental) count() { x.active.Store(int64(len(x.windows.list) + len(x.ready))) }

// choose finds the tables of requests in the background. The caller holds the mutex, or nobody else knows x yet.
func (x *Incremental) choose() {
	if len(x.requests) == 0 || x.choosing {
		return
	}
	x.choosing = true
	x.ended.Go(func() {
		wait := 100 * time.Millisecond
		for x.run.Err() == nil {
			captured, err := x.o.Captured(x.run)
			if err == nil {
				if x.chosen(captured) {
					return
				}
				continue
			}
			x.o.Logger.Warn("the tables of an incremental snapshot cannot be listed; it will be tried again", "err", err)
			select {
			case <-time.After(wait):
			case <-x.run.Done():
			}
			wait = min(2*wait, max(x.o.RetryWait, wait))
		}
	})
}

// chosen begins the tables of the first request. It returns true when it was the last one.
func (x *Incremental) chosen(captured []table.ID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.requests) == 0 { // stopped meanwhile
		x.choosing = false
		return true
	}
	r := x.requests[0]
	x.requests, x.text = slices.Clone(x.requests[1:]), nil
	wanted := r.Choose(captured)
	if wanted.Done() {
		x.o.Logger.Error("incremental snapshot reads nothing: no captured table matches", "id", r.ID, "tables", r.Tables)
	}
	x.board.do(func() {
		for _, t := range wanted.tables {
			if under := x.board.progress.find(t.id); under != nil {
				// What is read already may be older than what the order is about.
				under.again(t)
				x.o.Logger.Info("table is being read already; it is read once more after that", "id", r.ID, "table", t.id.String())
				continue
			}
			x.board.progress.tables = append(x.board.progress.tables, t)
			x.board.tables[t.id] = &state{}
		}
	})
	x.startReaders()
	x.wakeUp()
	x.choosing = len(x.requests) > 0
	return !x.choosing
}

// startReaders makes as many as there should be; they end when nothing is left.
func (x *Incremental) startReaders() {
	x.board.do(func() {
		for ; x.board.readers < max(1, x.o.Threads); x.board.readers++ {
			x.ended.Go(x.read)
		}
	})
}

// read is the life of a reader.
func (x *Incremental) read() {
	r := &reader{o: &x.o.Options, board: x.board, brief: true}
	err := r.run(x.run, func(ctx context.Context, w *work) error { return x.chunks(ctx, r, w) })
	if r.conn != nil {
		r.conn.close()
	}
	if err != nil && x.run.Err() == nil {
		x.mu.Lock()
		x.err = errors.Join(x.err, fmt.Errorf("incremental snapshot: %w", err))
		x.mu.Unlock()
		x.wakeUp()
	}
}

// chunks reads a piece.
func (x *Incremental) chunks(ctx context.Context, r *reader, w *work) error {
	most := x.o.ChunkRows
	for {
		win, err := x.open(ctx, w.id)
		if err != nil || win == nil {
			return err
		}
		b, err := x.chunk(ctx, r, w, win, most)
		if b == nil || err != nil {
			x.discard(win)
			return err
		}
		if !x.hand(win, b, interval{w.from, b.upto}) {
			continue // it is read again
		}
		if b.last {
			return nil
		}
		// Many rows may have the same place, when it is not the whole of a key: then the next chunk must reach beyond them.
		if most = x.o.ChunkRows; b.upto.equal(w.from) {
			most = 4 * len(b.ends)
		}
		w.from = b.upto
	}
}

// open requests a window and waits until the stream has opened it. Nil means that the table was taken out.
func (x *Incremental) open(ctx context.Context, id table.ID) (*window, error) {
	for {
		x.mu.Lock()
		gone := false
		x.board.do(func() { gone = x.board.progress.find(id) == nil })
		if gone {
			x.mu.Unlock()
			return nil, nil
		}
		list := x.windows.list
		if len(list) < max(outstanding, x.o.Threads) {
			win := x.windows.request(id)
			x.count()
			x.mu.Unlock()
			x.wakeUp()
			select {
			case <-win.opened:
				return win, nil
			case <-win.closed:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		first := list[0].closed
		x.mu.Unlock()
		select {
		case <-first:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// discard takes a window out that was not read.
func (x *Incremental) discard(win *window) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.windows.drop(func(w *window) bool { return w == win })
	x.count()
}

// chunkBytes is when a chunk ends before it has its rows.
const chunkBytes = 4 << 20

// chunk reads the next chunk of a piece into a block. No block means that the table is planned again.
func (x *Incremental) chunk(ctx context.Context, r *reader, w *work, win *window, most int) (*Block, error) {
	high, done, err := x.begin(ctx, r, win)
	if err != nil {
		return nil, err
	}
	defer done()
	m, rs, err := r.open(ctx, w, most+1) // the last row is where the next chunk begins
	if m == nil || err != nil {
		return nil, err
	}
	if len(m.key.columns) == 0 {
		if err := rs.drain(); err != nil {
			return nil, err
		}
		x.o.Logger.Error("the table cannot be read incrementally, because it has no key that divides it; order a snapshot of the type blocking, or one with a surrogate-key", "table", w.id.String())
		x.board.drop(w.id)
		return nil, nil
	}
	src := x.o.now()
	src.File, src.Pos = high.File, high.Pos
	b := &Block{Table: m.table, id: w.id, piece: w.piece, last: true}
	for n := 0; ; n++ {
		more, err := r.row(rs, m)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if n == most || len(b.buf) >= chunkBytes {
			if b.upto = m.key.of(r.image); b.upto == nil {
				rs.c.close()
				return nil, sdk.Fatal(errors.New("a row has a key that cannot be written into a statement"))
			}
			b.last = false
			if err := rs.drain(); err != nil {
				return nil, err
			}
			break
		}
		if err := r.encode(b, m, &src); err != nil {
			if err := r.bad(w, m, err); err != nil {
				rs.c.close()
				return nil, err
			}
		}
	}
	if b.last {
		b.done = []finished{{b.id, b.piece}}
	}
	win.high = high
	return b, nil
}

// hand gives a chunk to its window. It returns false when the window is gone, because the stream goes on from another server.
func (x *Incremental) hand(win *window, b *Block, part interval) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if win.dropped {
		return false
	}
	win.block, win.part = b, part
	x.wakeUp()
	return true
}

// begin starts a transaction that sees everything that the stream had delivered when the window was opened. It returns the position up to which
// the stream must come before it has delivered everything that the transaction sees, and what to do after the chunk.
func (x *Incremental) begin(ctx context.Context, r *reader, win *window) (high position.Position, done func(), err error) {
	done = func() {}
	switch s := &x.o.Server; {
	case s.MariaDB:
		// The stream may have a transaction a moment before others see it.
		err = x.until(ctx, func() (bool, error) {
			high, _, err = r.begin(ctx)
			return before(win.start, high), err
		})
		return high, done, err
	case s.GTID && !win.start.GTIDs.Empty():
		err = x.until(ctx, func() (bool, error) {
			executed, err := r.conn.executed(ctx)
			return executed.Contains(win.start.GTIDs), err
		})
	case x.o.SignalTable != table.ID{}:
		// The server commits in the order of the log: when the mark is committed, everything before it is.
		done, err = x.mark(ctx)
	default:
		err = sdk.Fatal(errors.New("an incremental snapshot is not possible: MySQL without GTIDs needs a signal table that may be written to; set signal.data.collection and read.only=false, or gtid_mode=ON on the server"))
	}
	if err != nil {
		return high, done, err
	}
	if err := r.conn.exec(ctx, "ROLLBACK"); err != nil {
		return high, done, err
	}
	if err := r.conn.exec(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); err != nil {
		return high, done, err
	}
	high, err = r.conn.position(ctx)
	return high, done, err
}

// until asks again and again, at first without a pause worth the name.
func (x *Incremental) until(ctx context.Context, reached func() (bool, error)) error {
	wait := time.Millisecond
	for {
		ok, err := reached()
		if ok || err != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
		wait = min(2*wait, time.Second)
	}
}

// mark writes the row that opens a chunk, and returns what closes it.
func (x *Incremental) mark(ctx context.Context) (done func(), err error) {
	id := fmt.Sprintf("%x", time.Now().UnixNano())
	name := x.o.SignalTable.Quoted()
	if err := x.o.Exec(ctx, "INSERT INTO "+name+" VALUES (?, ?, ?)", id+"-open", signalOpen, `{"openWindowTimestamp":"`+time.Now().UTC().Format(time.RFC3339Nano)+`"}`); err != nil {
		return func() {}, fmt.Errorf("marking a chunk in the signal table %s: %w", x.o.SignalTable, err)
	}
	return func() {
		var err error
		if x.o.DeleteMark {
			err = x.o.Exec(ctx, "DELETE FROM "+name+" WHERE id = ?", id+"-open")
		} else {
			err = x.o.Exec(ctx, "INSERT INTO "+name+" VALUES (?, ?, ?)", id+"-close", signalClose, `{"closeWindowTimestamp":"`+time.Now().UTC().Format(time.RFC3339Nano)+`"}`)
		}
		if err != nil && ctx.Err() == nil {
			x.o.Logger.Warn("the mark of a chunk in the signal table was not closed", "table", x.o.SignalTable.String(), "err", err)
		}
	}, nil
}
