package snapshot

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// index is a table's index in memory: places in order.
type index struct {
	places  []bound
	less    func(a, b bound) bool
	queries int
}

func newIndex(less func(a, b bound) bool, places ...bound) *index {
	i := &index{places: places, less: less}
	sort.Slice(i.places, func(a, b int) bool { return less(i.places[a], i.places[b]) })
	return i
}

func (x *index) in(from, to bound) []bound {
	x.queries++
	first, end := 0, len(x.places)
	if from != nil {
		first = sort.Search(len(x.places), func(i int) bool { return !x.less(x.places[i], from) })
	}
	if to != nil {
		end = sort.Search(len(x.places), func(i int) bool { return !x.less(x.places[i], to) })
	}
	return x.places[first:max(first, end)]
}

func (x *index) planner(k key) *planner {
	return &planner{
		key:      k,
		estimate: func(_ context.Context, from, to bound) (int64, error) { return int64(len(x.in(from, to))), nil },
		first: func(_ context.Context, from, to, prefix bound) (bound, error) {
			for _, p := range x.in(from, to) {
				n := len(prefix)
				if n == 0 || slices.Equal(p[:n-1], prefix[:n-1]) && !x.less(p[:n], prefix) {
					return p, nil
				}
			}
			return nil, nil
		},
		last: func(_ context.Context, from, to bound) (bound, error) {
			rows := x.in(from, to)
			if len(rows) == 0 {
				return nil, nil
			}
			return rows[len(rows)-1], nil
		},
	}
}

// numbers compares values as numbers, texts as MySQL's collations do without regard to case.
func byKind(columns []keyColumn) func(a, b bound) bool {
	return func(a, b bound) bool {
		for i := range min(len(a), len(b)) {
			x, y := a[i], b[i]
			switch columns[i].kind {
			case keyNumber, keyDecimal:
				var m, n float64
				fmt.Sscan(x, &m)
				fmt.Sscan(y, &n)
				if m != n {
					return m < n
				}
			case keyText:
				if !columns[i].alphabet.binary {
					x, y = strings.ToLower(x), strings.ToLower(y)
				}
				if x != y {
					return x < y
				}
			default:
				if x != y {
					return x < y
				}
			}
		}
		return len(a) < len(b)
	}
}

func TestPlan(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := keyColumn{name: "t", kind: keyText, alphabet: alphabet{unicode: true}}
	number := keyColumn{name: "n", kind: keyNumber}
	tests := map[string]struct {
		columns []keyColumn
		place   func(i int) bound
		// slack is how much larger than wanted the largest piece may be.
		slack float64
	}{
		"dense numbers":  {[]keyColumn{number}, func(i int) bound { return bound{fmt.Sprint(i + 1)} }, 1.6},
		"signed numbers": {[]keyColumn{number}, func(i int) bound { return bound{fmt.Sprint(i - 5000)} }, 1.6},
		"outlier": {[]keyColumn{number}, func(i int) bound {
			return bound{fmt.Sprint(map[bool]uint64{true: 1<<64 - 1, false: uint64(i)}[i == 9999])}
		}, 1.6},
		"two clusters": {[]keyColumn{number}, func(i int) bound { return bound{fmt.Sprint(i%2*1_000_000_000_000 + i)} }, 1.6},
		"decimals":     {[]keyColumn{{name: "d", kind: keyDecimal}}, func(i int) bound { return bound{fmt.Sprintf("%.2f", float64(i-3000)/7)} }, 1.6},
		"dates": {[]keyColumn{{name: "d", kind: keyDate}}, func(i int) bound {
			return bound{fmt.Sprintf("20%02d-%02d-%02d 10:00:%02d.%03d", i%20, 1+i%12, 1+i%28, i%60, i%1000)}
		}, 1.6},
		"uuid":                {[]keyColumn{text}, func(i int) bound { return bound{randomHex(random, 8) + "-" + randomHex(random, 4)} }, 1.8},
		"uuid in bytes":       {[]keyColumn{{name: "b", kind: keyBytes}}, func(i int) bound { return bound{randomHex(random, 32)} }, 1.6},
		"numbered names":      {[]keyColumn{text}, func(i int) bound { return bound{fmt.Sprintf("customer-%06d", i)} }, 1.6},
		"names":               {[]keyColumn{text}, func(i int) bound { return bound{randomName(random)} }, 2.5},
		"binary names":        {[]keyColumn{{name: "t", kind: keyText, alphabet: alphabet{binary: true, unicode: true}}}, func(i int) bound { return bound{randomName(random)} }, 2.5},
		"few tenants":         {[]keyColumn{number, number}, func(i int) bound { return bound{fmt.Sprint(i % 3), fmt.Sprint(i)} }, 1.6},
		"one tenant":          {[]keyColumn{text, number}, func(i int) bound { return bound{"acme", fmt.Sprint(i)} }, 1.6},
		"one value":           {[]keyColumn{number}, func(int) bound { return bound{"7"} }, 1e9},
		"prefix of an index":  {[]keyColumn{number}, func(i int) bound { return bound{fmt.Sprint(i / 100)} }, 1.8},
		"times":               {[]keyColumn{{name: "t", kind: keyTime}}, func(i int) bound { return bound{fmt.Sprintf("%02d:%02d:00", i%24, i%60)} }, 1e9},
		"beyond ASCII":        {[]keyColumn{text}, func(i int) bound { return bound{string(rune(0x4e00+i%5000)) + fmt.Sprint(i)} }, 2},
		"latin1 beyond ASCII": {[]keyColumn{{name: "t", kind: keyText}}, func(i int) bound { return bound{"é" + fmt.Sprintf("%05d", i)} }, 2},
	}
	const rows, target = 10_000, 500
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			places := make([]bound, rows)
			for i := range places {
				places[i] = test.place(i)
			}
			x := newIndex(byKind(test.columns), places...)
			pieces, err := x.planner(key{columns: test.columns}).plan(t.Context(), interval{}, target)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d pieces, %d queries", len(pieces), x.queries)
			total, largest := 0, 0
			for i, p := range pieces {
				n := len(x.in(p.from, p.to))
				total, largest = total+n, max(largest, n)
				if i > 0 && !p.from.equal(pieces[i-1].to) {
					t.Errorf("piece %d begins at %v, the one before ends at %v", i, p.from, pieces[i-1].to)
				}
				if n == 0 {
					t.Errorf("piece %v is empty", p)
				}
			}
			if first, last := pieces[0].from, pieces[len(pieces)-1].to; first != nil || last != nil {
				t.Errorf("the plan goes from %v to %v", first, last)
			}
			if total != rows {
				t.Errorf("%d rows are planned of %d", total, rows)
			}
			if float64(largest) > test.slack*target {
				t.Errorf("the largest piece has %d rows", largest)
			}
			if x.queries > 2000 {
				t.Errorf("%d queries", x.queries)
			}
		})
	}
}

func randomHex(r *rand.Rand, digits int) string {
	b := make([]byte, digits/2)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return hex.EncodeToString(b)
}

func randomName(r *rand.Rand) string {
	letters := "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	b := make([]byte, 3+r.IntN(8))
	for i := range b {
		b[i] = letters[r.IntN(len(letters))]
	}
	return string(b)
}

// A value between two others can be written into a statement, whatever they are.
func FuzzBetween(f *testing.F) {
	f.Add(uint8(keyNumber), "1", "100")
	f.Add(uint8(keyDecimal), "-1.50", "7")
	f.Add(uint8(keyText), "a", "Zebra")
	f.Add(uint8(keyBytes), "00ff", "01")
	f.Add(uint8(keyDate), "2024-01-01", "2024-12-31")
	f.Add(uint8(keyUUID), "123e4567-e89b-12d3-a456-426614174000", "923e4567-e89b-12d3-a456-426614174000")
	f.Fuzz(func(t *testing.T, kind uint8, low, high string) {
		c := keyColumn{name: "c", kind: keyKind(kind % uint8(keyOpaque+1)), alphabet: alphabet{unicode: kind&64 > 0, binary: kind&128 > 0}}
		value, ok := c.between(low, high, 1, 2)
		if !ok {
			return
		}
		if _, err := c.literal(value); err != nil {
			t.Errorf("between %q and %q is %q: %v", low, high, value, err)
		}
	})
}

func TestChooseKey(t *testing.T) {
	columns := []column.Column{
		{Name: "id", Type: column.Int}, {Name: "kind", Type: column.Enum}, {Name: "name", Type: column.String, Charset: "utf8mb4"},
		{Name: "amount", Type: column.Float}, {Name: "note", Type: column.String, Charset: "latin1", Nullable: true},
	}
	part := func(index, name string) indexPart {
		return indexPart{index: index, column: name, collation: "A", kind: "BTREE"}
	}
	descending, cut, hash := part("PRIMARY", "id"), part("PRIMARY", "name"), part("PRIMARY", "id")
	descending.collation, cut.prefix, hash.kind = "D", "10", "HASH"
	tests := map[string]struct {
		key       []int
		surrogate string
		parts     []indexPart
		want      string
	}{
		"primary":                    {[]int{0}, "", []indexPart{part("PRIMARY", "id")}, "PRIMARY id"},
		"compound":                   {[]int{2, 0}, "", []indexPart{part("PRIMARY", "name"), part("PRIMARY", "id")}, "PRIMARY name id"},
		"ends at the enum":           {[]int{0, 1, 2}, "", []indexPart{part("PRIMARY", "id"), part("PRIMARY", "kind"), part("PRIMARY", "name")}, "PRIMARY id"},
		"begins with a enum":         {[]int{1, 0}, "", []indexPart{part("PRIMARY", "kind"), part("PRIMARY", "id")}, ""},
		"float":                      {[]int{3}, "", []indexPart{part("PRIMARY", "amount")}, ""},
		"no key":                     {nil, "", []indexPart{part("by_name", "name")}, ""},
		"unique key":                 {[]int{2}, "", []indexPart{part("other", "id"), part("by_name", "name")}, "by_name name"},
		"descending":                 {[]int{0}, "", []indexPart{descending}, ""},
		"of a part":                  {[]int{2}, "", []indexPart{cut}, ""},
		"hash":                       {[]int{0}, "", []indexPart{hash}, ""},
		"surrogate":                  {[]int{0}, "name", []indexPart{part("PRIMARY", "id"), part("by_name", "name"), part("by_name", "id")}, "by_name name"},
		"surrogate not indexed":      {[]int{0}, "name", []indexPart{part("PRIMARY", "id")}, ""},
		"surrogate that may be null": {[]int{0}, "note", []indexPart{part("by_note", "note")}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			k := chooseKey(&table.Shape{Columns: columns, Key: test.key}, test.surrogate, test.parts)
			if got := strings.TrimSpace(k.index + " " + strings.Join(k.names(), " ")); got != test.want {
				t.Errorf("%q instead of %q", got, test.want)
			}
		})
	}
}

func TestWhere(t *testing.T) {
	k := key{columns: []keyColumn{{name: "a", kind: keyNumber}, {name: "b`c", kind: keyText}, {name: "d", kind: keyDate}}}
	one := key{columns: []keyColumn{{name: "id", kind: keyBytes}}}
	tests := map[string]struct {
		key      key
		from, to bound
		want     string // "!": an error
	}{
		"all":        {one, nil, nil, ""},
		"from":       {one, bound{"00ff"}, nil, "`id` >= X'00ff'"},
		"range":      {one, bound{"00"}, bound{"ff"}, "`id` >= X'00' AND `id` < X'ff'"},
		"compound":   {k, bound{"1", "é'", "2024-01-01"}, nil, "(`a` > 1 OR `a` = 1 AND (`b``c` > _utf8mb4 X'c3a927' OR `b``c` = _utf8mb4 X'c3a927' AND `d` >= '2024-01-01'))"},
		"not hex":    {one, bound{"' OR 1"}, nil, "!"},
		"not number": {k, bound{"1 OR 1", "", "2024-01-01"}, nil, "!"},
		"not a date": {k, bound{"1", "", "2024' OR '1"}, nil, "!"},
		"too short":  {k, bound{"1"}, nil, "!"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := test.key.where(test.from, test.to)
			if err != nil {
				got = "!"
			}
			if got != test.want {
				t.Errorf("%s (%v)\ninstead of\n%s", got, err, test.want)
			}
		})
	}
}
