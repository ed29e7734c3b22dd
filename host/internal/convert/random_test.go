package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// generator makes random schemas and values.
type generator struct {
	*rand.Rand
	t    testing.TB
	nans bool
	// names are those of formats that restrict them: letters and digits, a struct's its own.
	names   bool
	structs int
	// inDay keeps times within a day, as defaults are.
	inDay bool
}

func (g *generator) schema(depth int) *data.Schema {
	var b *data.Builder
	types := 17
	if depth == 0 {
		types = 13
	}
	switch n := g.IntN(types); n {
	case 9:
		b = data.NewDecimal(g.IntN(12) - 3)
	case 10:
		b = data.NewSchema(data.Int32).Name(data.DateName).Version(1)
	case 11:
		b = data.NewSchema(data.Int32).Name(data.TimeName).Version(1)
	case 12:
		b = data.NewSchema(data.Int64).Name(data.TimestampName).Version(1)
	case 13:
		b = data.NewArray(g.schema(depth - 1))
	case 14:
		b = data.NewMap(g.schema(0), g.schema(depth-1))
	case 15:
		name := "a.B"
		if g.names {
			g.structs++
			name = fmt.Sprintf("a.B%d", g.structs)
		}
		b = data.NewStruct(name)
		for i := range g.IntN(12) {
			field := fmt.Sprintf("%s%d", g.text(), i)
			if g.names {
				field = fmt.Sprintf("f%d", i)
			}
			b.Field(field, g.schema(depth-1))
		}
	case 16:
		b = data.NewMap([]*data.Schema{nil, data.StringSchema}[g.IntN(2)], nil)
	default:
		b = data.NewSchema(data.Type(n + 1))
	}
	if g.IntN(2) == 0 {
		b.Optional()
	}
	if g.IntN(8) == 0 {
		b.Doc(g.text()).Parameter("p", g.text())
	}
	s, err := b.Build()
	if err != nil {
		g.t.Fatal(err)
	}
	if g.IntN(8) == 0 {
		g.inDay = true
		row, err := data.Encode([]byte{}, s, g.value(s, 2))
		g.inDay = false
		if err != nil {
			g.t.Fatal(err)
		}
		if s, err = b.DefaultRow(row).Build(); err != nil {
			g.t.Fatal(err)
		}
	}
	return s
}

func (g *generator) text() string {
	alphabet := []rune("abcXYZ019 _-\"\\/\n\t\x01\x1fé€✓😀\u2028")
	r := make([]rune, g.IntN(12))
	for i := range r {
		r[i] = alphabet[g.IntN(len(alphabet))]
	}
	return string(r)
}

func (g *generator) float(bits int) float64 {
	f := math.Float64frombits(g.Uint64())
	switch g.IntN(4) {
	case 0:
		f = float64(g.IntN(100000)) / 100
	case 1:
		f = []float64{0, math.Copysign(0, -1), 1, 1e7, 1e-3, math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1)}[g.IntN(9)]
	}
	if bits == 32 {
		f = float64(float32(f))
	}
	if f != f && !g.nans {
		return 1.5
	}
	if f != f {
		return math.NaN() // of the many, the one that reading gives
	}
	return f
}

// maybe returns nil for optional schemas now and then.
func (g *generator) maybe(s *data.Schema, depth int) any {
	if s.Optional() && g.IntN(4) == 0 {
		return nil
	}
	return g.value(s, depth)
}

func (g *generator) value(s *data.Schema, depth int) any {
	switch s.Type() {
	case data.Boolean:
		return g.IntN(2) == 0
	case data.Int8:
		return int8(g.Uint64())
	case data.Int16:
		return int16(g.Uint64())
	case data.Int32:
		n := int32(g.Uint64() >> g.IntN(64))
		if g.inDay && s.Name() == data.TimeName {
			n = int32(uint32(n) % 86_400_000)
		}
		return n
	case data.Int64:
		return int64(g.Uint64() >> g.IntN(64))
	case data.Float32:
		return float32(g.float(32))
	case data.Float64:
		return g.float(64)
	case data.String:
		return g.text()
	case data.Bytes:
		if s.Name() == data.DecimalName {
			scale, err := s.Scale()
			if err != nil {
				g.t.Fatal(err)
			}
			n := big.NewInt(int64(g.Uint64() >> g.IntN(64)))
			if g.IntN(3) == 0 {
				n.Mul(n, big.NewInt(int64(g.Uint64())))
			}
			return data.Decimal{Unscaled: n, Scale: scale}
		}
		return []byte(g.text())
	case data.Array:
		list := []any{}
		for range g.IntN(20) {
			list = append(list, g.maybe(s.Element(), depth))
		}
		return list
	case data.Map:
		entries := []data.Entry{}
		for i := range g.IntN(10) {
			e := data.Entry{Key: g.maybe(s.Key(), depth), Value: g.maybe(s.Element(), depth)}
			if s.Key().Type() == data.String { // a null key of an object becomes a text
				e.Key = fmt.Sprint(g.text(), i)
			} else if s.Key().Type() == data.Any && e.Key == nil {
				e.Key = int64(i)
			}
			entries = append(entries, e)
		}
		return entries
	case data.Struct:
		m := map[string]any{}
		for _, f := range s.Fields() {
			m[f.Name] = g.maybe(f.Schema, depth)
		}
		return m
	}
	return g.any(depth)
}

func (g *generator) any(depth int) any {
	n := g.IntN(6)
	if depth <= 0 {
		n %= 4
	}
	switch n {
	case 0:
		return g.text()
	case 1:
		return int64(g.Uint64())
	case 2:
		return float64(g.IntN(1000)) / 8
	case 3:
		return g.IntN(2) == 0
	case 4:
		return []any{g.any(depth - 1), nil, g.any(depth - 1)}
	}
	return map[string]any{g.text(): g.any(depth - 1), "null": nil}
}

const rounds = 300

// TestRoundTrip: what is written as JSON reads as the same row of the same schema.
func TestRoundTrip(t *testing.T) {
	for name, settings := range map[string]string{
		"base64":  "replace.null.with.default=false",
		"numeric": "replace.null.with.default=false decimal.format=NUMERIC",
	} {
		t.Run(name, func(t *testing.T) {
			c := converter(t, "Json", settings)
			bare := converter(t, "Json", settings+" schemas.enable=false")
			for seed := range uint64(rounds) {
				g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), t: t, nans: true}
				s := g.schema(3)
				for range 5 {
					checkRoundTrip(t, seed, c, bare, s, g)
				}
			}
		})
	}
}

func checkRoundTrip(t *testing.T, seed uint64, c, bare Converter, s *data.Schema, g *generator) {
	t.Helper()
	var a Arena
	row, err := data.Encode([]byte{}, s, g.value(s, 2))
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	text, err := c.FromConnect(&a, "topic", data.RowValue(s, row))
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if !json.Valid(text) || !utf8.Valid(text) {
		t.Fatalf("seed %d: not JSON: %s", seed, text)
	}
	v, err := c.ToConnect(&a, "topic", text)
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, text)
	}
	if !v.Schema.Equal(s) {
		t.Fatalf("seed %d: the schema changed\n%s", seed, text)
	}
	if !bytes.Equal(v.Data, row) {
		t.Fatalf("seed %d: the row changed\n%s\n%x\n%x", seed, text, row, v.Data)
	}
	payload, err := bare.FromConnect(&a, "topic", data.RowValue(s, row))
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if !bytes.HasSuffix(text, append(append([]byte(`,"payload":`), payload...), '}')) {
		t.Fatalf("seed %d: the payload differs with and without envelope\n%s\n%s", seed, text, payload)
	}
}

// TestMemberOrder: the order of an object's members does not matter.
func TestMemberOrder(t *testing.T) {
	c := converter(t, "Json", "replace.null.with.default=false decimal.format=NUMERIC")
	for seed := range uint64(rounds) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 2)), t: t}
		s := g.schema(3)
		row, err := data.Encode([]byte{}, s, g.value(s, 2))
		if err != nil {
			t.Fatal(err)
		}
		var a Arena
		text, err := c.FromConnect(&a, "topic", data.RowValue(s, row))
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var tree any
		if err := decoder.Decode(&tree); err != nil {
			t.Fatal(err)
		}
		sorted, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		v, err := c.ToConnect(&a, "topic", sorted)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, sorted)
		}
		want, err := data.Decode(s, row)
		if err != nil {
			t.Fatal(err)
		}
		got, err := data.Decode(v.Schema, v.Data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %v\ngot  %v\nwant %v\n%s", seed, err, got, want, sorted)
		}
	}
}

// TestTexts: everything has a text.
func TestTexts(t *testing.T) {
	c := converter(t, "String", "")
	h, err := NewHeader("Simple", nil)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(rounds) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 3)), t: t, nans: true}
		s := g.schema(3)
		row, err := data.Encode([]byte{}, s, g.value(s, 2))
		if err != nil {
			t.Fatal(err)
		}
		var a Arena
		if text, err := c.FromConnect(&a, "topic", data.RowValue(s, row)); err != nil || !utf8.Valid(text) {
			t.Fatalf("seed %d: %v %q", seed, err, text)
		}
		text, err := h.FromConnectHeader(&a, "topic", "h", data.RowValue(s, row))
		if err != nil || !utf8.Valid(text) {
			t.Fatalf("seed %d: %v %q", seed, err, text)
		}
		if err := h.ToConnectHeader(new(data.Value), &a, "topic", "h", text); err != nil {
			t.Fatalf("seed %d: %v %q", seed, err, text)
		}
	}
}

// TestHeaderRoundTrip: literals of numbers, dates, lists and maps read as what they were.
func TestHeaderRoundTrip(t *testing.T) {
	h, err := NewHeader("Simple", nil)
	if err != nil {
		t.Fatal(err)
	}
	dates, err := data.NewArray(data.TimestampSchema).Build()
	if err != nil {
		t.Fatal(err)
	}
	texts, err := data.NewArray(data.StringSchema).Build()
	if err != nil {
		t.Fatal(err)
	}
	counts, err := data.NewMap(data.StringSchema, data.Int16Schema).Build()
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(-1).UTC()
	for name, c := range map[string]struct {
		schema *data.Schema
		value  any
	}{
		"int8":       {data.Int8Schema, int8(-5)},
		"int64":      {data.Int64Schema, int64(1) << 40},
		"float":      {data.Float32Schema, float32(1.5)},
		"double":     {data.Float64Schema, 1e300},
		"boolean":    {data.BooleanSchema, true},
		"date":       {data.DateSchema, time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)},
		"time":       {data.TimeSchema, 3661001 * time.Millisecond},
		"timestamp":  {data.TimestampSchema, at},
		"timestamps": {dates, []any{at, at}},
		"texts":      {texts, []any{`a "b" \ c`, "", " , "}},
		"map":        {counts, map[string]any{"x": int16(300), `"`: int16(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			var a Arena
			row, err := data.Encode(nil, c.schema, c.value)
			if err != nil {
				t.Fatal(err)
			}
			text, err := h.FromConnectHeader(&a, "topic", "h", data.RowValue(c.schema, row))
			if err != nil {
				t.Fatal(err)
			}
			var v data.Value
			if err := h.ToConnectHeader(&v, &a, "topic", "h", text); err != nil {
				t.Fatal(err)
			}
			got, err := data.Decode(v.Schema, v.Data)
			if err != nil || !v.Schema.Equal(c.schema) || !reflect.DeepEqual(got, c.value) {
				t.Errorf("%s became %v %v, %v", text, v.Schema, got, err)
			}
		})
	}
}

// What wholeNumber takes is what numberLiteral says it is.
func TestWholeNumber(t *testing.T) {
	for text, whole := range map[string]bool{
		"0": true, "-0": true, "7": true, "-128": true, "-129": true, "32767": true, "0000000000000042": true, "-2147483649": true,
		"999999999999999999": true, "-999999999999999999": true,
		"": false, "-": false, "+1": false, "--1": false, " 1": false, "1 ": false, "1.0": false, "1e3": false, "0x1": false, "2024-02-29": false,
		"1000000000000000000": false, "0000000000000000001": false,
	} {
		t.Run(text, func(t *testing.T) {
			n, ok := wholeNumber([]byte(text))
			if ok != whole {
				t.Fatalf("got %d, %v", n, ok)
			}
			if v := numberLiteral([]byte(text)); ok && (v.whole != n || v.schema != wholeSchema(n)) {
				t.Errorf("got %d %v, numberLiteral says %d %v", n, wholeSchema(n), v.whole, v.schema)
			}
		})
	}
}
