package snapshot

import (
	"context"
	"slices"
	"sync"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// board has the work that is left, and deals it to readers. It is safe for concurrent use.
type board struct {
	log hclog.Logger

	mu       sync.Mutex
	changed  sync.Cond
	progress *Progress
	tables   map[table.ID]*state
	exact    int // readers at the position where streaming begins
	readers  int // that take work
	paused   bool
}

// state is what readers share of a table.
type state struct {
	planning bool // by a reader
	planned  bool
	// exactOnly tells that the table is not divided, so that only a reader at the very position gives each of its rows once.
	exactOnly bool
	meta      *meta
}

func newBoard(p *Progress, log hclog.Logger) *board {
	b := &board{log: log, progress: p, tables: map[table.ID]*state{}}
	b.changed.L = &b.mu
	for _, id := range p.Tables() {
		b.tables[id] = &state{}
	}
	return b
}

// work is a piece of a table for a reader.
type work struct {
	id    table.ID
	state *state
	piece *piece // nil: the table is to be planned first
	to    bound
	from  bound // where to begin: in the beginning where the piece begins, later where the reader has come to
}

// take gives the next work to a reader. It waits while others plan. Nil means that there is none left, and that the reader does not count any more.
func (b *board) take(ctx context.Context, r *reader) *work {
	stop := context.AfterFunc(ctx, b.wake)
	defer stop()
	b.mu.Lock()
	defer b.mu.Unlock()
	for ctx.Err() == nil {
		w, wait := b.find(r)
		if w != nil {
			return w
		}
		if !wait {
			break
		}
		b.changed.Wait()
	}
	b.readers--
	return nil
}

// find looks for work; wait tells that there may be some later.
func (b *board) find(r *reader) (w *work, wait bool) {
	if b.paused {
		return nil, true
	}
	for _, t := range b.progress.tables {
		st := b.tables[t.id]
		switch {
		case st.planning:
			wait = true
		case st.exactOnly && !r.exact && b.exact > 0:
			// Left to the others, who may still be lost.
			wait = wait || !st.planned || slices.ContainsFunc(t.left, func(p *piece) bool { return !p.taken })
		case !st.planned:
			st.planning = true
			return &work{id: t.id, state: st}, false
		default:
			for _, p := range t.left {
				if !p.taken {
					p.taken = true
					return &work{id: t.id, state: st, piece: p, from: p.from, to: p.to}, false
				}
			}
		}
	}
	return nil, wait
}

func (b *board) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed.Broadcast()
}

// do runs f with the board locked, and wakes the readers.
func (b *board) do(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	b.changed.Broadcast()
}

// plan ends the planning of a table.
func (b *board) plan(w *work, m *meta, pieces []interval) {
	b.do(func() {
		if t := b.progress.find(w.id); t != nil {
			t.planned(&m.key, pieces)
		}
		w.state.planning, w.state.planned, w.state.meta = false, true, m
	})
}

// putBack leaves a table to readers that are at the very position, if there are any.
func (b *board) putBack(w *work) (left bool) {
	b.do(func() {
		if left = b.exact > 0; left {
			w.state.planning, w.state.exactOnly = false, true
		}
	})
	return left
}

// inexact notes that a reader loses the transaction that it began with.
func (b *board) inexact(r *reader) {
	b.do(func() {
		if r.exact {
			r.exact = false
			b.exact--
		}
	})
}

// replan starts a table over, because its key is another one now.
func (b *board) replan(w *work) {
	b.do(func() {
		if t := b.progress.find(w.id); t != nil {
			t.key, t.left = nil, nil
		}
		w.state.planned, w.state.meta = false, nil
	})
}

// drop takes out a table.
func (b *board) drop(id table.ID) {
	b.do(func() {
		b.progress.drop(id)
		if st := b.tables[id]; st != nil {
			st.planning = false
		}
	})
}

// intervals returns what is left of a table to be planned.
func (b *board) intervals(w *work, k *key) (left []interval) {
	b.do(func() {
		if t := b.progress.find(w.id); t != nil {
			left = t.intervals(k)
		}
	})
	return left
}

func (b *board) metaOf(w *work) (m *meta) {
	b.do(func() { m = w.state.meta })
	return m
}

func (b *board) setMeta(w *work, m *meta) { b.do(func() { w.state.meta = m }) }

// request returns what a signal says of a table.
func (b *board) request(id table.ID) (condition, surrogate string) {
	b.do(func() {
		if t := b.progress.find(id); t != nil {
			condition, surrogate = t.condition, t.surrogate
		}
	})
	return condition, surrogate
}

// readAgain gives a part of a piece back, the rows of a block that are not delivered.
func (b *board) readAgain(block *Block, part interval) {
	b.do(func() {
		t := b.progress.find(block.id)
		if t == nil {
			return
		}
		p := block.piece
		i := slices.Index(t.left, p)
		switch {
		case i < 0: // of an older plan
		case block.last: // what was before it is delivered, or given back, too
			p.from, p.taken = part.from, false
		default:
			t.left = slices.Insert(t.left, i, &piece{interval: part})
			p.from = part.to
		}
	})
}

// delivered notes that rows of a piece before a place are on their way, and which pieces are done.
func (b *board) delivered(block *Block) {
	b.do(func() {
		if t := b.progress.find(block.id); t != nil && block.piece != nil && block.upto != nil {
			block.piece.from = block.upto
		}
		for _, f := range block.done {
			if !b.progress.finish(f.id, f.piece) {
				continue
			}
			b.log.Info("table is read", "table", f.id.String(), "left", len(b.progress.tables))
			if b.progress.find(f.id) != nil { // once more
				b.tables[f.id] = &state{}
			}
		}
	})
}
