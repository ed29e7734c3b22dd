package snapshot

import (
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// marks sets source.snapshot of the first and the last record, of each table and of the snapshot. Readers cannot know which these are, and with
// several of them it is not known before the end. So the last row of a piece is held back until another one of its table follows, and the last row
// of a table until another table follows.
//
//	piece ends ──▶ held, one a table ──▶ table ends ──▶ tail, one ──▶ snapshot ends ──▶ "last"
//	                     │ another piece ended               │ another table ended
//	                     ▼ "true"                            ▼ "last_in_data_collection"
type marks struct {
	begun  map[table.ID]bool // a row was handed over
	first  bool              // of the snapshot is still to come
	held   map[table.ID]*heldRow
	tail   *heldRow
	blocks []*Block // to be handed over before anything else
}

// heldRow is a row that waits for its mark, and with it the end of its piece.
type heldRow struct {
	finished
	table      *change.Table
	key, value []byte
}

// newMarks makes the marks of a snapshot; one that was resumed had its first record already, and its tables may have had theirs.
func newMarks(fresh bool, p *Progress) *marks {
	m := &marks{begun: map[table.ID]bool{}, first: fresh, held: map[table.ID]*heldRow{}}
	for _, t := range p.tables {
		m.begun[t.id] = len(t.key) > 0
	}
	return m
}

// ready returns a block that is to be handed over first, or nil.
func (m *marks) ready() *Block {
	if len(m.blocks) == 0 {
		return nil
	}
	b := m.blocks[0]
	m.blocks = m.blocks[1:]
	return b
}

// put marks the rows of a block, which is handed over next unless no row is left in it. Open is the number of pieces of its table that are not
// delivered, this one and a held one included.
func (m *marks) put(b *Block, open int) error {
	var ended *heldRow // what is left of a table that has ended
	if b.last {
		open -= m.hold(b)
		if h := m.held[b.id]; h != nil && open <= 1 {
			ended = h
			delete(m.held, b.id)
		}
	}
	if b.Len() > 0 && !m.begun[b.id] {
		to := markFirstOfTable
		if m.first {
			to = markFirst
		}
		m.begun[b.id], m.first = true, false
		if err := b.markFirst(to); err != nil {
			return err
		}
	}
	if ended == nil {
		return nil
	}
	tail := m.tail
	m.tail = ended
	if tail == nil {
		return nil
	}
	return m.release(tail, markLastOfTable)
}

// hold keeps the last row of a piece back, and puts the one that was held into the block instead. It returns how many pieces the block now ends.
func (m *marks) hold(b *Block) int {
	if b.Len() == 0 {
		b.done = append(b.done, finished{b.id, b.piece})
		return 1
	}
	h := &heldRow{finished: finished{b.id, b.piece}, table: b.Table}
	h.key, h.value = b.cutLast()
	before := m.held[b.id]
	m.held[b.id] = h
	if before == nil {
		return 0
	}
	b.add(before.key, before.value)
	b.done = append(b.done, before.finished)
	return 1
}

// release makes a block of a held row.
func (m *marks) release(h *heldRow, to string) error {
	if m.first && to != markLast {
		to = markFirst
	}
	m.begun[h.id], m.first = true, false
	value, err := mark(h.table.ValueSchema(), h.value, to)
	if err != nil {
		return err
	}
	b := &Block{Table: h.table, done: []finished{h.finished}}
	b.add(h.key, value)
	m.blocks = append(m.blocks, b)
	return nil
}

// end returns the last record of the snapshot, nil when there is none, or no more.
func (m *marks) end() (*Block, error) {
	for id, h := range m.held { // of tables that were dropped, or planned again, in the meantime
		delete(m.held, id)
		if err := m.release(h, markLastOfTable); err != nil {
			return nil, err
		}
	}
	if m.tail == nil {
		return m.ready(), nil
	}
	if err := m.release(m.tail, markLast); err != nil {
		return nil, err
	}
	m.tail = nil
	return m.ready(), nil
}

// markFirst replaces the mark of the first row.
func (b *Block) markFirst(to string) error {
	_, value := b.Row(0)
	marked, err := mark(b.Table.ValueSchema(), value, to)
	if err != nil {
		return err
	}
	from, end := b.ends[0].key, b.ends[0].value
	grown := len(marked) - len(value)
	buf := append(make([]byte, 0, max(cap(b.buf), len(b.buf)+grown)), b.buf[:from]...)
	buf = append(buf, marked...)
	b.buf = append(buf, b.buf[end:]...)
	b.ends[0].value += grown
	for i := 1; i < len(b.ends); i++ {
		b.ends[i].start += grown
		b.ends[i].key += grown
		b.ends[i].value += grown
	}
	return nil
}
