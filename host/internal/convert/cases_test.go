package convert

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// TestCases runs the files in testdata. A file holds cases with an empty line between them; lines that begin with # are
// comments. A case is lines of "key: text":
//
//	case      what it shows
//	class     the converter, JsonConverter when left out
//	use       key, value (when left out) or header
//	settings  such as schemas.enable=false decimal.format=NUMERIC
//
// To write, these give the value:
//
//	kind      string, bytes, json, none or row (when left out)
//	schema    of a row: a type, a name of literals, or a schema as JSON
//	value     the text; for a row JSON, with decimals as strings, logical types as numbers, maps as arrays of pairs;
//	          null when left out
//	valuehex  the bytes in hex; for a row its encoding
//
// To read, one of these gives the bytes, and null: true gives none:
//
//	read, hex
//
// And one of these is the outcome:
//
//	want      when writing: the bytes; when reading: the kind, the schema and the value (see dump); null for null
//	wanthex   the bytes in hex
//	error     part of the message
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases:", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range strings.Split(string(text), "\n\n") {
			c := parseCase(t, file, block)
			if len(c) == 0 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d %s", file, i+1, c["case"]), func(t *testing.T) { c.run(t) })
		}
	}
}

type testCase map[string]string

func parseCase(t *testing.T, file, block string) testCase {
	c := testCase{}
	for _, line := range strings.Split(block, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, text, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("%s: %q is not key: text", file, line)
		}
		switch key {
		case "case", "class", "use", "settings", "kind", "schema", "value", "valuehex", "read", "hex", "null", "want", "wanthex", "error":
		default:
			t.Fatalf("%s: unknown key in %q", file, line)
		}
		c[key] = strings.TrimPrefix(text, " ")
	}
	return c
}

func (c testCase) has(key string) bool { _, ok := c[key]; return ok }

func (c testCase) or(key, fallback string) string {
	if v, ok := c[key]; ok {
		return v
	}
	return fallback
}

func (c testCase) run(t *testing.T) {
	write, read, err := c.converter()
	var got string
	switch {
	case err != nil:
	case c.has("read"):
		got, err = read([]byte(c["read"]))
	case c.has("hex"):
		b, bad := hex.DecodeString(c["hex"])
		if bad != nil {
			t.Fatal(bad)
		}
		got, err = read(b)
	case c.has("null"):
		got, err = read(nil)
	default:
		got, err = write(c.value(t))
	}
	if want, ok := c["error"]; ok {
		if err == nil {
			t.Fatalf("no error, got %s", got)
		}
		if !strings.Contains(err.Error(), want) {
			t.Fatalf("got error  %v\nwant error %s", err, want)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want := c["want"]
	if h, ok := c["wanthex"]; ok {
		b, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		want = string(b)
	} else if !c.has("want") {
		t.Fatal("no want, wanthex or error")
	}
	if got != want {
		t.Errorf("\ngot  %s\nwant %s", got, want)
	}
}

// converter returns the two directions of the case's converter, with texts for null and for values.
func (c testCase) converter() (write func(data.Value) (string, error), read func([]byte) (string, error), err error) {
	class, settings := c.or("class", "JsonConverter"), pairs(c["settings"])
	text := func(b []byte, err error) (string, error) {
		if b == nil {
			return "null", err
		}
		return string(b), err
	}
	value := func(v data.Value, err error) (string, error) {
		if err != nil {
			return "", err
		}
		return dump(v), nil
	}
	a := &Arena{buf: []byte("what was there before")}
	if c["use"] == "header" {
		h, err := NewHeader(class, settings)
		if err != nil {
			return nil, nil, err
		}
		return func(v data.Value) (string, error) { return text(h.FromConnectHeader(a, "topic", "name", v)) },
			func(b []byte) (string, error) {
				var v data.Value
				err := h.ToConnectHeader(&v, a, "topic", "name", b)
				return value(v, err)
			}, nil
	}
	use := Value
	if c["use"] == "key" {
		use = Key
	}
	k, err := New(class, settings, use)
	if err != nil {
		return nil, nil, err
	}
	return func(v data.Value) (string, error) { return text(k.FromConnect(a, "topic", v)) },
		func(b []byte) (string, error) { return value(k.ToConnect(a, "topic", b)) }, nil
}

func (c testCase) value(t *testing.T) data.Value {
	t.Helper()
	text := []byte(c["value"])
	if h, ok := c["valuehex"]; ok {
		b, err := hex.DecodeString(h)
		if err != nil {
			t.Fatal(err)
		}
		text = b
	} else if !c.has("value") {
		text = nil
	}
	switch c.or("kind", "row") {
	case "none":
		return data.Value{}
	case "string":
		return data.Value{Kind: data.KindString, Data: text}
	case "bytes":
		return data.BytesValue(text)
	case "json":
		return data.JSONValue(text)
	}
	s := schemaNamed(t, c["schema"])
	if c.has("valuehex") || !c.has("value") {
		return data.RowValue(s, text)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatal(err)
	}
	row, err := data.Encode([]byte{}, s, goValue(t, s, v))
	if err != nil {
		t.Fatal(err)
	}
	return data.RowValue(s, row)
}

func schemaNamed(t testing.TB, name string) *data.Schema {
	t.Helper()
	switch name {
	case "Date":
		return data.DateSchema
	case "Time":
		return data.TimeSchema
	case "Timestamp":
		return data.TimestampSchema
	}
	var s *data.Schema
	var err error
	if scale, ok := strings.CutPrefix(name, "Decimal "); ok {
		n, bad := strconv.Atoi(scale)
		if bad != nil {
			t.Fatal(bad)
		}
		s, err = data.NewDecimal(n).Build()
	} else {
		if !strings.HasPrefix(name, "{") {
			name = `{"type":"` + name + `"}`
		}
		s, err = parseSchema([]byte(name), true)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// goValue makes of a JSON value what data.Encode takes for the schema.
func goValue(t testing.TB, s *data.Schema, v any) any {
	t.Helper()
	if v == nil {
		return nil
	}
	switch s.Type() {
	case data.Bytes:
		text := v.(string)
		if s.Name() == data.DecimalName {
			r, ok := new(big.Rat).SetString(text)
			if !ok {
				t.Fatalf("%q is not a decimal", text)
			}
			scale, err := s.Scale()
			if err != nil {
				t.Fatal(err)
			}
			ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(scale, -scale))), nil)
			if scale < 0 {
				r.Quo(r, new(big.Rat).SetInt(ten))
			} else {
				r.Mul(r, new(big.Rat).SetInt(ten))
			}
			return data.Decimal{Unscaled: r.Num(), Scale: scale}
		}
		return []byte(text)
	case data.Float32, data.Float64:
		f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	case data.Array:
		list := v.([]any)
		for i := range list {
			list[i] = goValue(t, s.Element(), list[i])
		}
		return list
	case data.Map:
		entries := []data.Entry{}
		for _, e := range v.([]any) {
			pair := e.([]any)
			entries = append(entries, data.Entry{Key: goValue(t, s.Key(), pair[0]), Value: goValue(t, s.Element(), pair[1])})
		}
		return entries
	case data.Struct:
		m := v.(map[string]any)
		for name := range m {
			m[name] = goValue(t, s.Fields()[s.Lookup(name)].Schema, m[name])
		}
		return m
	case data.Any:
		return anyGoValue(v)
	}
	return v
}

func anyGoValue(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = anyGoValue(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = anyGoValue(v[k])
		}
	}
	return v
}

// dump shows a value: its kind, and for a row the schema and the Go value.
func dump(v data.Value) string {
	switch {
	case v.Kind == data.KindNone:
		return "null"
	case v.Kind == data.KindRow && v.Data == nil:
		return dumpSchema(v.Schema) + " null"
	case v.Data == nil:
		return v.Kind.String() + " null"
	case v.Kind == data.KindBytes:
		return "bytes " + hex.EncodeToString(v.Data)
	case v.Kind != data.KindRow:
		return v.Kind.String() + " " + string(v.Data)
	}
	if err := data.Check(v.Schema, v.Data); err != nil {
		return err.Error()
	}
	decoded, err := data.Decode(v.Schema, v.Data)
	if err != nil {
		return err.Error()
	}
	return dumpSchema(v.Schema) + " " + dumpGo(decoded)
}

func dumpSchema(s *data.Schema) string {
	name := s.Type().String()
	switch {
	case s.Name() != "":
		name = s.Name()[strings.LastIndexByte(s.Name(), '.')+1:]
	case s.Type() == data.Array:
		name += "<" + dumpSchema(s.Element()) + ">"
	case s.Type() == data.Map:
		name += "<" + dumpSchema(s.Key()) + "," + dumpSchema(s.Element()) + ">"
	}
	if s.Optional() && s.Type() != data.Any {
		name += "?"
	}
	return name
}

func dumpGo(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(v)
	case []byte:
		return "0x" + hex.EncodeToString(v)
	case data.Decimal:
		return v.String()
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []any:
		parts := []string{}
		for _, e := range v {
			parts = append(parts, dumpGo(e))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case map[string]any:
		parts := []string{}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, k+":"+dumpGo(v[k]))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case []data.Entry:
		parts := []string{}
		for _, e := range v {
			parts = append(parts, dumpGo(e.Key)+":"+dumpGo(e.Value))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', 1, 64)
		}
	}
	return fmt.Sprint(v)
}
