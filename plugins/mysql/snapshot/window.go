package snapshot

import (
	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// window is one chunk of an incremental snapshot on its way between what the stream delivers.
//
//	requested ──▶ open ──▶ read ──▶ passed: its rows are delivered
//	          │                 │
//	          │ the stream is   │ the stream has delivered everything that the chunk may have seen
//	          │ between two     │
//	          │ transactions    │
//
// While it is open, the keys of delivered changes are noted: their rows are left out of the chunk, since the topic has them already, and what it has
// is not older.
type window struct {
	id     table.ID
	opened chan struct{} // closed when it is open
	isOpen bool
	start  position.Position // where the stream was when it was opened

	changed map[string]struct{}
	emptied bool // the table was truncated or dropped: all rows that are still there came later, by the stream
	stale   bool // it is read again: the table was altered meanwhile, or too many rows were changed
	dropped bool // nobody waits for it any more

	block  *Block // the rows; nil: not read yet
	part   interval
	high   position.Position // where the stream has everything that the chunk has seen
	closed chan struct{}     // closed when it is over
}

// mostChanged is how many keys are noted for a chunk before it is rather read again.
const mostChanged = 100_000

// windows are those of all readers. The mutex of Incremental guards it.
type windows struct{ list []*window }

// request adds a window that opens at the next boundary.
func (ws *windows) request(id table.ID) *window {
	w := &window{id: id, opened: make(chan struct{}), closed: make(chan struct{}), changed: map[string]struct{}{}}
	ws.list = append(ws.list, w)
	return w
}

// boundary notes that the stream is between two transactions, at a position. It returns the windows that are passed, in order.
func (ws *windows) boundary(at position.Position) (passed []*window) {
	kept := ws.list[:0]
	for _, w := range ws.list {
		if !w.isOpen {
			w.isOpen, w.start = true, at
			w.start.GTIDs = at.GTIDs.Clone()
			close(w.opened)
		}
		if w.block != nil && before(w.high, at) {
			passed = append(passed, w)
			continue
		}
		kept = append(kept, w)
	}
	clear(ws.list[len(kept):])
	ws.list = kept
	return passed
}

// before tells whether a position in the log is not after another one of the same server.
func before(a, b position.Position) bool {
	a.Events, a.Rows, b.Events, b.Rows = 0, 0, 0, 0
	return position.Compare(a, b) <= 0
}

// watching tells whether changes of a table matter.
func (ws *windows) watching(id table.ID) bool {
	for _, w := range ws.list {
		if w.id == id && w.isOpen {
			return true
		}
	}
	return false
}

// change notes a delivered change of a row with a key.
func (ws *windows) change(id table.ID, key []byte) {
	for _, w := range ws.list {
		if w.id != id || !w.isOpen || w.stale {
			continue
		}
		if len(w.changed) >= mostChanged {
			w.stale, w.changed = true, nil
			continue
		}
		w.changed[string(key)] = struct{}{}
	}
}

// empty notes that a table was truncated or dropped.
func (ws *windows) empty(id table.ID) {
	for _, w := range ws.list {
		if w.id == id && w.isOpen {
			w.emptied = true
		}
	}
}

// alter notes that the columns of a table were changed. A change that was delivered before has the former ones, and the chunk may have the new
// ones, or the other way round: nobody knows which of the two is the newer one.
func (ws *windows) alter(id table.ID) {
	for _, w := range ws.list {
		if w.id == id && w.isOpen {
			w.stale, w.changed = true, nil
		}
	}
}

// drop takes windows out, without their rows being delivered.
func (ws *windows) drop(which func(*window) bool) {
	kept := ws.list[:0]
	for _, w := range ws.list {
		if which(w) {
			w.dropped = true
			close(w.closed)
			continue
		}
		kept = append(kept, w)
	}
	clear(ws.list[len(kept):])
	ws.list = kept
}

// settle takes the rows out of the block that the stream has delivered in a newer form.
func (w *window) settle() {
	b := w.block
	if w.emptied {
		b.ends = b.ends[:0]
		return
	}
	if len(w.changed) == 0 {
		return
	}
	kept := b.ends[:0]
	for i, e := range b.ends {
		key, _ := b.Row(i)
		if _, changed := w.changed[string(key)]; !changed {
			kept = append(kept, e)
		}
	}
	b.ends = kept
}
