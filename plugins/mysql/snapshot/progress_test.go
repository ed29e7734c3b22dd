package snapshot

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// Whenever a snapshot is interrupted, what was delivered and what is left together are everything, and nothing that is left was delivered.
func TestProgressAtAnyMoment(t *testing.T) {
	k := key{index: "PRIMARY", columns: []keyColumn{{name: "id", kind: keyNumber}}}
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		rows := map[table.ID]int{}
		var ids []table.ID
		for i := range 1 + random.IntN(4) {
			id := table.ID{Database: "shop", Name: fmt.Sprintf("t%d", i)}
			ids = append(ids, id)
			rows[id] = random.IntN(200)
		}
		delivered := map[table.ID][]bool{}
		for id, n := range rows {
			delivered[id] = make([]bool, n)
		}
		p := NewProgress(ids)
		for round := 0; !p.Done(); round++ {
			if round > 1000 {
				t.Fatalf("seed %d: no end", seed)
			}
			run(t, random, p, &k, rows, delivered)
			text := p.JSON()
			again, err := ParseProgress(text)
			if err != nil {
				t.Fatalf("seed %d: %s: %v", seed, text, err)
			}
			if string(again.JSON()) != string(text) {
				t.Fatalf("seed %d: %s became %s", seed, text, again.JSON())
			}
			if len(text) > 60+len(ids)*(60+4*50) {
				t.Fatalf("seed %d: %d bytes: %s", seed, len(text), text)
			}
			p = again
			checkLeft(t, seed, p, rows, delivered)
		}
		for id, done := range delivered {
			if i := slices.Index(done, false); i >= 0 {
				t.Fatalf("seed %d: row %d of %s was never delivered", seed, i, id)
			}
		}
	}
}

// run plans and delivers for a while with four readers, as Snapshot does.
func run(t *testing.T, random *rand.Rand, p *Progress, k *key, rows map[table.ID]int, delivered map[table.ID][]bool) {
	b := newBoard(p, hclog.NewNullLogger())
	var active []*work
	for range random.IntN(60) {
		if len(active) < 4 {
			b.readers = 1
			w, _ := b.find(&reader{})
			switch {
			case w == nil:
			case w.piece == nil:
				var pieces []interval
				for _, whole := range b.intervals(w, k) {
					pieces = append(pieces, cut(random, whole, rows[w.id])...)
				}
				b.plan(w, &meta{key: *k}, pieces)
			default:
				active = append(active, w)
			}
		}
		if len(active) == 0 {
			continue
		}
		i := random.IntN(len(active))
		w := active[i]
		from, end := place(w.from, 0), place(w.to, rows[w.id])
		to := min(end, from+random.IntN(30))
		for n := from; n < to; n++ {
			if delivered[w.id][n] {
				t.Fatalf("row %d of %s comes twice", n, w.id)
			}
			delivered[w.id][n] = true
		}
		block := &Block{id: w.id, piece: w.piece}
		if to == end {
			block.done = []finished{{w.id, w.piece}}
			active = slices.Delete(active, i, i+1)
		} else {
			w.from = bound{strconv.Itoa(to)}
			block.upto = w.from
		}
		b.delivered(block)
	}
}

func place(b bound, open int) int {
	if b == nil {
		return open
	}
	n, _ := strconv.Atoi(b[0])
	return n
}

// cut divides an interval at random places.
func cut(random *rand.Rand, whole interval, rows int) []interval {
	from, to := place(whole.from, 0), place(whole.to, rows)
	var pieces []interval
	at := whole.from
	for n := from + 1 + random.IntN(40); n < to; n += 1 + random.IntN(40) {
		b := bound{strconv.Itoa(n)}
		pieces = append(pieces, interval{at, b})
		at = b
	}
	return append(pieces, interval{at, whole.to})
}

func checkLeft(t *testing.T, seed uint64, p *Progress, rows map[table.ID]int, delivered map[table.ID][]bool) {
	left := map[table.ID][]bool{}
	for id, n := range rows {
		left[id] = make([]bool, n)
	}
	for _, tp := range p.tables {
		if tp.left == nil {
			for n := range left[tp.id] {
				left[tp.id][n] = true
			}
		}
		for _, piece := range tp.left {
			for n := place(piece.from, 0); n < place(piece.to, rows[tp.id]); n++ {
				left[tp.id][n] = true
			}
		}
	}
	for id, l := range left {
		for n := range l {
			if l[n] == delivered[id][n] {
				t.Fatalf("seed %d: row %d of %s: left %v, delivered %v", seed, n, id, l[n], delivered[id][n])
			}
		}
	}
}

func TestParseProgress(t *testing.T) {
	tests := map[string]struct {
		text string
		fine bool
	}{
		"nothing left":   {`{"tables":[]}`, true},
		"all of a table": {`{"tables":[{"table":"a.b"}]}`, true},
		"ranges":         {`{"tables":[{"table":"a.b","key":["x","y"],"left":[[null,["1","2"]],[["3","4"],null]]}]}`, true},
		"with a signal":  {`{"tables":[{"table":"a.b","condition":"x=1","surrogate":"y"}]}`, true},
		"no table":       {`{"tables":[{"table":"b"}]}`, false},
		"wrong length":   {`{"tables":[{"table":"a.b","key":["x","y"],"left":[[["1"],null]]}]}`, false},
		"no object":      {`[]`, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := ParseProgress([]byte(test.text))
			if (err == nil) != test.fine {
				t.Fatal(err)
			}
			if err == nil && string(p.JSON()) != test.text {
				t.Errorf("%s became %s", test.text, p.JSON())
			}
		})
	}
}

func FuzzParseProgress(f *testing.F) {
	f.Add([]byte(`{"tables":[{"table":"a.b","key":["x"],"left":[[null,["1"]],[["3"],null]]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseProgress(text)
		if err != nil {
			return
		}
		again, err := ParseProgress(p.JSON())
		if err != nil || string(again.JSON()) != string(p.JSON()) {
			t.Errorf("%s: %v", p.JSON(), err)
		}
	})
}
