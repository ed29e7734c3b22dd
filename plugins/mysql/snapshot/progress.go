package snapshot

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// Progress is what is left of a snapshot, as the source offset keeps it. It names what is left, not what is done, so that it is small at any time:
// a table that is being read has about as many ranges left as there are readers, however many rows it has.
//
//	{"tables":[{"table":"shop.orders","key":["id"],"left":[[["1000"],["250000"]],[["490007"],null]]},{"table":"shop.customers"}]}
//
// A range goes from a place in the key, which is included, to another, which is not; null is the open end.
type Progress struct {
	tables []*tableProgress // in the order in which they are read
}

// tableProgress is what is left of one table.
type tableProgress struct {
	id   table.ID
	key  []string // the columns of the bounds
	left []*piece // in the order of the key; nil: all of it
	// condition and surrogate are those of a signal, see Request.
	condition, surrogate string
	// next is how the table is to be read once more after this time; nil: it is not.
	next *tableProgress
}

// piece is a range that one reader reads.
type piece struct {
	interval
	taken bool // by a reader
}

// NewProgress is that of a snapshot of tables, to be read in this order.
func NewProgress(tables []table.ID) *Progress {
	p := &Progress{}
	for _, id := range tables {
		p.tables = append(p.tables, &tableProgress{id: id})
	}
	return p
}

// Tables returns the tables that are not done.
func (p *Progress) Tables() []table.ID {
	ids := make([]table.ID, len(p.tables))
	for i, t := range p.tables {
		ids[i] = t.id
	}
	return ids
}

// Done tells that nothing is left.
func (p *Progress) Done() bool { return len(p.tables) == 0 }

// progressJSON and tableJSON are the text form.
type progressJSON struct {
	Tables []tableJSON `json:"tables"`
}

type tableJSON struct {
	Table     string     `json:"table"`
	Key       []string   `json:"key,omitempty"`
	Left      [][2]bound `json:"left,omitempty"`
	Condition string     `json:"condition,omitempty"`
	Surrogate string     `json:"surrogate,omitempty"`
	Next      *tableJSON `json:"next,omitempty"`
}

// JSON returns the text of what is left.
func (p *Progress) JSON() json.RawMessage {
	f := progressJSON{Tables: make([]tableJSON, 0, len(p.tables))}
	for _, t := range p.tables {
		j := tableJSON{Table: t.id.String(), Condition: t.condition, Surrogate: t.surrogate}
		if started := len(t.left) > 0 && !(len(t.left) == 1 && t.left[0].from == nil && t.left[0].to == nil); started {
			j.Key = t.key
		}
		for _, piece := range t.left {
			if n := len(j.Left); n > 0 && piece.from != nil && j.Left[n-1][1].equal(piece.from) {
				j.Left[n-1][1] = piece.to
			} else {
				j.Left = append(j.Left, [2]bound{piece.from, piece.to})
			}
		}
		if len(j.Left) == 1 && j.Left[0][0] == nil && j.Left[0][1] == nil {
			j.Key, j.Left = nil, nil
		}
		if t.next != nil {
			j.Next = &tableJSON{Table: t.id.String(), Condition: t.next.condition, Surrogate: t.next.surrogate}
		}
		f.Tables = append(f.Tables, j)
	}
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // strings only
	}
	return text
}

// ParseProgress reads what JSON wrote.
func ParseProgress(text json.RawMessage) (*Progress, error) {
	var f progressJSON
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	p := &Progress{}
	for _, j := range f.Tables {
		id, ok := table.ParseID(j.Table)
		if !ok {
			return nil, fmt.Errorf("%q is no table", j.Table)
		}
		t := &tableProgress{id: id, key: j.Key, condition: j.Condition, surrogate: j.Surrogate}
		for _, ends := range j.Left {
			for _, b := range ends {
				if b != nil && len(b) != len(j.Key) {
					return nil, fmt.Errorf("%s: %q is no place in the key %q", j.Table, []string(b), j.Key)
				}
			}
			t.left = append(t.left, &piece{interval: interval{ends[0], ends[1]}})
		}
		if j.Next != nil {
			t.next = &tableProgress{id: id, condition: j.Next.Condition, surrogate: j.Next.Surrogate}
		}
		p.tables = append(p.tables, t)
	}
	return p, nil
}

// again has the table read once more after this time. Several times become one, with all rows unless they want the same ones.
func (t *tableProgress) again(next *tableProgress) {
	if t.next == nil {
		t.next = next
		return
	}
	if t.next.condition != next.condition {
		t.next.condition = ""
	}
	t.next.surrogate = next.surrogate
}

func (p *Progress) find(id table.ID) *tableProgress {
	i := slices.IndexFunc(p.tables, func(t *tableProgress) bool { return t.id == id })
	if i < 0 {
		return nil
	}
	return p.tables[i]
}

// intervals returns what of a table is left to be planned with a key. When it was read by another key, or not at all, that is all of it.
func (t *tableProgress) intervals(k *key) []interval {
	if len(t.left) == 0 || !slices.Equal(t.key, k.names()) {
		return []interval{{}}
	}
	var whole []interval
	for _, piece := range t.left {
		if n := len(whole); n > 0 && piece.from != nil && whole[n-1].to.equal(piece.from) {
			whole[n-1].to = piece.to
		} else {
			whole = append(whole, piece.interval)
		}
	}
	return whole
}

// planned sets the pieces that a table is read in.
func (t *tableProgress) planned(k *key, pieces []interval) {
	t.key = k.names()
	t.left = t.left[:0:0]
	for _, i := range pieces {
		t.left = append(t.left, &piece{interval: i})
	}
}

// finish notes that a piece is delivered. It tells whether it was the last one of its table.
func (p *Progress) finish(id table.ID, done *piece) bool {
	t := p.find(id)
	if t == nil {
		return false
	}
	if i := slices.Index(t.left, done); i >= 0 {
		t.left = slices.Delete(t.left, i, i+1)
	}
	if len(t.left) > 0 {
		return false
	}
	p.drop(id)
	if t.next != nil {
		p.tables = append(p.tables, t.next)
	}
	return true
}

// drop takes a table out.
func (p *Progress) drop(id table.ID) {
	p.tables = slices.DeleteFunc(p.tables, func(t *tableProgress) bool { return t.id == id })
}
