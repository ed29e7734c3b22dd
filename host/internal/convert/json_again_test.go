package convert

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// TestAgain: what a converter wrote before makes no difference to what it writes, however much of it comes again.
func TestAgain(t *testing.T) {
	for class, settings := range map[string]string{
		"Json": "schemas.enable=false", "JsonConverter": "schemas.enable=false decimal.format=NUMERIC replace.null.with.default=false",
	} {
		for seed := range uint64(rounds) {
			g := &generator{Rand: rand.New(rand.NewPCG(seed, 4)), t: t, nans: true}
			row, source := g.flat(), g.flat()
			s := data.NewStruct("a.Change").Field("before", row).Field("after", row).Field("source", source).Field("at", data.OptionalInt64Schema).
				Field("third", row).MustBuild()
			now, back := g.value(row, 0).(map[string]any), g.value(source, 0).(map[string]any)
			c := converter(t, class, settings)
			var a Arena
			for i := range 20 {
				if i%7 == 0 {
					a.Reset()
				}
				v := map[string]any{"source": back, "at": int64(i/3) * 1_000_000_000, "third": now}
				if g.IntN(8) > 0 {
					v["before"] = now
				}
				if now = g.change(row, now); g.IntN(8) > 0 {
					v["after"] = now
				}
				back = g.change(source, back)
				b, err := data.Encode(nil, s, v)
				if err != nil {
					t.Fatal(err)
				}
				want, err := converter(t, class, settings).FromConnect(new(Arena), "topic", data.RowValue(s, b))
				if err != nil {
					t.Fatal(err)
				}
				if i%5 == 4 { // a row that is cut short, of which nothing may stay
					if _, err := c.FromConnect(&a, "topic", data.RowValue(s, b[:g.IntN(len(b))])); err == nil {
						t.Fatalf("seed %d: a damaged row was written", seed)
					}
				}
				got, err := c.FromConnect(&a, "topic", data.RowValue(s, b))
				clear(b) // its memory is used again
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("seed %d, row %d, schema %v: %v\n%s\nwant\n%s", seed, i, s, err, got, want)
				}
			}
		}
	}
}

// flat makes the schema of a struct of scalars, which may be null.
func (g *generator) flat() *data.Schema {
	b := data.NewStruct("a.Row").Optional()
	for i := range 1 + g.IntN(12) {
		b.Field(strings.Repeat("f", i+1), g.schema(0))
	}
	return b.MustBuild()
}

// change returns a struct of which a few fields differ.
func (g *generator) change(s *data.Schema, v map[string]any) map[string]any {
	changed := map[string]any{}
	for _, f := range s.Fields() {
		if changed[f.Name] = v[f.Name]; g.IntN(5) == 0 {
			changed[f.Name] = g.maybe(f.Schema, 0)
		}
	}
	return changed
}

func TestAlike(t *testing.T) {
	for name, c := range map[string]struct {
		a, b string
		want int
	}{
		"empty":                  {"", "abc", 0},
		"first":                  {"abc", "xbc", 0},
		"third":                  {"abc", "abx", 2},
		"all of one":             {"abc", "abcdefghi", 3},
		"eight":                  {"abcdefgh", "abcdefgh", 8},
		"within the first eight": {"abcdefghij", "abcxefghij", 3},
		"behind eight":           {"abcdefghijk", "abcdefghixk", 9},
		"within the second":      {"abcdefghABCDEFGH_", "abcdefghABCDXFGH_", 12},
	} {
		t.Run(name, func(t *testing.T) {
			if got, other := alike([]byte(c.a), []byte(c.b)), alike([]byte(c.b), []byte(c.a)); got != c.want || other != c.want {
				t.Errorf("%d and %d, want %d", got, other, c.want)
			}
		})
	}
}
