package snapshot

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

var orders = table.ID{Database: "shop", Name: "orders"}

func at(pos uint64) position.Position { return position.Position{File: "binlog.000001", Pos: pos} }

// blockOf makes a block of rows whose key and value are texts.
func blockOf(rows map[string]string) *Block {
	b := &Block{id: orders}
	for _, k := range slices.Sorted(func(yield func(string) bool) {
		for k := range rows {
			if !yield(k) {
				return
			}
		}
	}) {
		b.add([]byte(k), []byte(rows[k]))
	}
	return b
}

func rowsOf(b *Block) map[string]string {
	rows := map[string]string{}
	for i := range b.Len() {
		k, v := b.Row(i)
		rows[string(k)] = string(v)
	}
	return rows
}

// A table is changed at random; the stream follows with a lag; chunks are read now and then, and see some transaction's state that they do not
// know exactly. At the end what was delivered last of each key is what the table has, and it never went back in time in between.
func TestWindowsKeepTheLastRecordRight(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 7))
		type change struct {
			key     string
			version int // 0: deleted
		}
		var log []change
		states := []map[string]int{{}} // after each change
		commit := func() {
			state := map[string]int{}
			for k, v := range states[len(states)-1] {
				state[k] = v
			}
			c := change{key: fmt.Sprint("k", random.IntN(6)), version: len(log) + 1}
			if random.IntN(3) == 0 {
				c.version = 0
				delete(state, c.key)
			} else {
				state[c.key] = c.version
			}
			log = append(log, c)
			states = append(states, state)
		}
		var ws windows
		topic := map[string]int{} // the last record of each key; missing: none or deleted
		newest := map[string]int{}
		delivered := 0
		put := func(key string, version, when int) {
			if when < newest[key] {
				t.Fatalf("seed %d: %s goes back from %d to %d", seed, key, newest[key], when)
			}
			newest[key] = when
			if version == 0 {
				delete(topic, key)
			} else {
				topic[key] = version
			}
		}
		boundary := func() {
			for _, w := range ws.boundary(at(uint64(delivered))) {
				close(w.closed)
				w.settle()
				for k, v := range rowsOf(w.block) {
					var version, when int
					fmt.Sscan(v, &version, &when)
					put(k, version, when)
				}
			}
		}
		deliver := func() {
			if delivered == len(log) {
				return
			}
			c := log[delivered]
			delivered++
			put(c.key, c.version, delivered)
			if ws.watching(orders) {
				ws.change(orders, []byte(c.key))
			}
		}
		// Chunks have different rows: each of three has two of the keys.
		parts := map[*window]int{}
		request := func() {
			for part := range 3 {
				if !slices.ContainsFunc(ws.list, func(w *window) bool { return parts[w] == part }) {
					parts[ws.request(orders)] = part
					return
				}
			}
		}
		read := func() {
			for _, w := range ws.list {
				if !w.isOpen || w.block != nil {
					continue
				}
				// What it sees is not before what the stream had, and its position is not before what it sees.
				sees := int(w.start.Pos) + random.IntN(len(log)-int(w.start.Pos)+1)
				rows := map[string]string{}
				for k, v := range states[sees] {
					if int(k[1]-'0')%3 == parts[w] {
						rows[k] = fmt.Sprint(v, sees)
					}
				}
				w.block, w.high = blockOf(rows), at(uint64(sees+random.IntN(len(log)-sees+1)))
				return
			}
		}
		for range 40 {
			switch random.IntN(6) {
			case 0, 1:
				commit()
			case 2:
				deliver()
			case 3:
				boundary()
			case 4:
				request()
			case 5:
				read()
			}
		}
		for range 3 {
			request()
		}
		boundary()
		for range 6 {
			read()
		}
		for delivered < len(log) {
			deliver()
			boundary()
		}
		boundary()
		if fmt.Sprint(topic) != fmt.Sprint(states[len(states)-1]) {
			t.Fatalf("seed %d: the topic has %v, the table %v", seed, topic, states[len(states)-1])
		}
		if len(ws.list) > 0 {
			t.Fatalf("seed %d: %d windows are left", seed, len(ws.list))
		}
	}
}

func TestWindow(t *testing.T) {
	var ws windows
	w := ws.request(orders)
	if ws.watching(orders) {
		t.Error("a window watches before it is open")
	}
	ws.boundary(at(100))
	select {
	case <-w.opened:
	default:
		t.Fatal("the window is not open")
	}
	if !ws.watching(orders) || ws.watching(table.ID{Database: "shop", Name: "items"}) {
		t.Error("the window does not watch its table, or watches another")
	}
	w.block, w.high = blockOf(map[string]string{"1": "a", "2": "b"}), at(200)
	ws.change(orders, []byte("2"))
	if passed := ws.boundary(at(199)); len(passed) > 0 {
		t.Error("the window is passed too early")
	}
	if passed := ws.boundary(at(200)); len(passed) != 1 {
		t.Fatal("the window is not passed")
	}
	w.settle()
	if rows := rowsOf(w.block); len(rows) != 1 || rows["1"] != "a" {
		t.Errorf("%v are left", rows)
	}
}

func TestWindowOfAnEmptiedTable(t *testing.T) {
	var ws windows
	w := ws.request(orders)
	ws.boundary(at(1))
	w.block, w.high = blockOf(map[string]string{"1": "a"}), at(2)
	ws.empty(orders)
	ws.boundary(at(2))
	if w.settle(); w.block.Len() > 0 {
		t.Error("rows of before TRUNCATE are left")
	}
}

func TestCrowdedWindow(t *testing.T) {
	var ws windows
	w := ws.request(orders)
	ws.boundary(at(1))
	for i := range mostChanged + 1 {
		ws.change(orders, fmt.Append(nil, i))
	}
	if !w.stale || len(w.changed) > 0 { // it is read again
		t.Errorf("%d keys are kept", len(w.changed))
	}
}

func TestPositionsInFiles(t *testing.T) {
	a := position.Position{File: "binlog.000009", Pos: 500}
	b := position.Position{File: "binlog.000010", Pos: 4}
	if !before(a, b) || before(b, a) || !before(a, a) {
		t.Error("positions are not ordered by file, then by byte")
	}
}

// A chunk whose table was altered meanwhile is read again, since nobody knows whether it is older than what was delivered.
func TestWindowOfAnAlteredTable(t *testing.T) {
	var ws windows
	w := ws.request(orders)
	ws.alter(orders)
	if w.stale {
		t.Error("a window that is not open knows nothing yet")
	}
	ws.boundary(at(1))
	ws.alter(table.ID{Database: "shop", Name: "items"})
	if w.stale {
		t.Error("another table was altered")
	}
	if ws.alter(orders); !w.stale {
		t.Error("the chunk is not read again")
	}
}

// What is given back is read again, wherever in its piece it is; the rest of the piece goes on.
func TestReadAgain(t *testing.T) {
	k := key{index: "PRIMARY", columns: []keyColumn{{name: "id", kind: keyNumber}}}
	p := NewProgress([]table.ID{orders})
	b := newBoard(p, quiet())
	plan, _ := b.find(&reader{})
	b.plan(plan, &meta{key: k}, []interval{{}})
	w, _ := b.find(&reader{})
	chunk := func(from, to string, last bool) (*Block, interval) {
		c := &Block{id: orders, piece: w.piece, last: last}
		part := interval{from: bound{from}}
		if last {
			c.done = []finished{{orders, w.piece}}
		} else {
			part.to = bound{to}
			c.upto = part.to
		}
		return c, part
	}
	first, _ := chunk("", "10", false)
	b.delivered(first)
	b.readAgain(chunk("10", "20", false))
	third, _ := chunk("20", "30", false)
	b.delivered(third)
	b.readAgain(chunk("30", "", true))
	if got := string(p.JSON()); got != `{"tables":[{"table":"shop.orders","key":["id"],"left":[[["10"],["20"]],[["30"],null]]}]}` {
		t.Fatal(got)
	}
	for range 2 {
		again, _ := b.find(&reader{})
		if again == nil {
			t.Fatal("a part is not dealt again")
		}
		b.delivered(&Block{id: orders, piece: again.piece, done: []finished{{orders, again.piece}}})
	}
	if !p.Done() {
		t.Error(string(p.JSON()))
	}
}

// A table that is ordered while it is read is read once more.
func TestReadOnceMore(t *testing.T) {
	p := NewProgress([]table.ID{orders})
	p.tables[0].condition = "a"
	p.tables[0].again(&tableProgress{id: orders, condition: "b"})
	p.tables[0].again(&tableProgress{id: orders, condition: "c", surrogate: "s"})
	again, err := ParseProgress(p.JSON())
	if err != nil {
		t.Fatal(err)
	}
	b := newBoard(again, quiet())
	for _, want := range []string{"a", ""} {
		w, _ := b.find(&reader{})
		if w == nil || w.piece != nil {
			t.Fatal("the table is not planned")
		}
		if condition, _ := b.request(orders); condition != want {
			t.Errorf("condition %q instead of %q", condition, want)
		}
		b.plan(w, &meta{}, []interval{{}})
		piece, _ := b.find(&reader{})
		b.delivered(&Block{id: orders, piece: piece.piece, done: []finished{{orders, piece.piece}}})
	}
	if !again.Done() {
		t.Error(string(again.JSON()))
	}
}
