package snapshot

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// compiled is a table with an envelope.
func compiled(t *testing.T, name string) *change.Table {
	t.Helper()
	shape := table.Shape{
		ID: table.ID{Database: "shop", Name: name}, Key: []int{0},
		Columns: []column.Column{{Name: "id", Type: column.Int}, {Name: "note", Type: column.String, Charset: "utf8mb4", Nullable: true}},
	}
	c, err := change.Compile(shape, change.Options{Prefix: "p", Connector: "mysql", Version: "1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// encoded appends a row as a reader does.
func encoded(t *testing.T, b *Block, id int) {
	t.Helper()
	r := &reader{image: change.Image{{Bytes: fmt.Append(nil, id), State: column.Text}, {State: column.Null}}}
	if err := r.encode(b, &meta{table: b.Table}, &change.Source{Snapshot: markTrue, File: "binlog.000001"}); err != nil {
		t.Fatal(err)
	}
}

// record is what a test sees of one.
type record struct {
	table, mark string
	id          int32
}

func recordsOf(t *testing.T, b *Block) (records []record) {
	t.Helper()
	for i := range b.Len() {
		key, value := b.Row(i)
		k, err := data.Decode(b.Table.KeySchema(), key)
		if err != nil {
			t.Fatal(err)
		}
		v, err := data.Decode(b.Table.ValueSchema(), value)
		if err != nil {
			t.Fatal(err)
		}
		id := v.(map[string]any)["after"].(map[string]any)["id"].(int32)
		if id != k.(map[string]any)["id"].(int32) {
			t.Fatalf("key %v, value %v", k, v)
		}
		records = append(records, record{b.Table.ID.Name, v.(map[string]any)["source"].(map[string]any)["snapshot"].(string), id})
	}
	return records
}

// However rows are dealt to pieces and blocks: the first and the last record of the snapshot and of each table are marked, and no others; every
// row comes once; and what is left at any time is what was not handed over.
func TestMarks(t *testing.T) {
	var tables []*change.Table
	for i := range 4 {
		tables = append(tables, compiled(t, fmt.Sprint("t", i)))
	}
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 3))
		var blocks []*Block
		p := NewProgress(nil)
		want := 0
		for _, c := range tables[:1+random.IntN(4)] {
			tp := &tableProgress{id: c.ID, key: []string{"id"}}
			p.tables = append(p.tables, tp)
			id := 0
			for range 1 + random.IntN(3) {
				piece := &piece{}
				tp.left = append(tp.left, piece)
				for n := random.IntN(5); ; n-- {
					b := &Block{Table: c, id: c.ID, piece: piece, last: n <= 1}
					for range min(n, 1) * (1 + random.IntN(2)) {
						id++
						want++
						encoded(t, b, id)
					}
					blocks = append(blocks, b)
					if b.last {
						break
					}
				}
			}
		}
		// Blocks of a piece stay in order; those of different pieces mix.
		order := random.Perm(len(blocks))
		dealt := make([]*Block, len(blocks))
		byPiece := map[*piece][]*Block{}
		for _, b := range blocks {
			byPiece[b.piece] = append(byPiece[b.piece], b)
		}
		for i, j := range order {
			queue := byPiece[blocks[j].piece]
			dealt[i], byPiece[blocks[j].piece] = queue[0], queue[1:]
		}
		begun := newMarks(true, NewProgress(p.Tables()))
		s := &Snapshot{board: newBoard(p, quiet()), queue: newQueue(1 << 20), marks: begun}
		for _, b := range dealt {
			if !s.queue.put(t.Context(), b) {
				t.Fatal("the queue is closed")
			}
		}
		s.queue.close(nil)
		var records []record
		for {
			b, err := s.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if b == nil {
				break
			}
			records = append(records, recordsOf(t, b)...)
			s.Delivered(b)
		}
		if len(records) != want || !p.Done() {
			t.Fatalf("seed %d: %d records of %d, left %s", seed, len(records), want, p.JSON())
		}
		checkMarks(t, seed, records)
	}
}

func checkMarks(t *testing.T, seed uint64, records []record) {
	for i, r := range records {
		same := func(other record) bool { return other.table == r.table }
		first, last := slices.IndexFunc(records, same) == i, !slices.ContainsFunc(records[i+1:], same)
		want := markTrue
		switch {
		case i == len(records)-1:
			want = markLast
		case i == 0:
			want = markFirst
		case last:
			want = markLastOfTable
		case first:
			want = markFirstOfTable
		}
		if r.mark != want {
			t.Fatalf("seed %d: record %d, %v, should be %s; all are %v", seed, i, r, want, records)
		}
	}
}

func TestResumedSnapshotHasNoFirst(t *testing.T) {
	c := compiled(t, "t")
	p := NewProgress([]table.ID{c.ID, {Database: "shop", Name: "u"}})
	p.tables[0].key = []string{"id"}
	m := newMarks(false, p)
	b := &Block{Table: c, id: c.ID, piece: &piece{}}
	encoded(t, b, 1)
	if err := m.put(b, 2); err != nil {
		t.Fatal(err)
	}
	if got := recordsOf(t, b); got[0].mark != markTrue {
		t.Error(got)
	}
}

func TestMarkOfARow(t *testing.T) {
	row := data.NewStruct("row").Field("id", data.Int32Schema).MustBuild()
	if _, err := mark(row, []byte{1, 0, 0, 0}, markLast); err == nil {
		t.Error("a row has no mark")
	}
}
