package document

import (
	"encoding/json"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// TestDocuments runs the cases of testdata/documents.txt.
func TestDocuments(t *testing.T) {
	text, err := os.ReadFile("testdata/documents.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	given := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch want, isWant := strings.CutPrefix(line, "-> "); {
		case isWant:
			cases++
			t.Run(given, func(t *testing.T) {
				if got := encodeCase(t, given); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		case !strings.HasPrefix(line, "#"):
			given = line
		}
	}
	if cases < 20 {
		t.Errorf("%d cases", cases)
	}
}

var actionNames = map[Action]string{Index: "index", Delete: "delete", Skip: "skip"}

func encodeCase(t *testing.T, line string) string {
	kind, value, _ := strings.Cut(line, " ")
	envelope, field := Auto, ""
	if rest, ok := strings.CutPrefix(value, "["); ok && strings.Contains(rest, "=") && strings.Index(rest, "=") < strings.Index(rest, "]") {
		setting, after, _ := strings.Cut(rest, "] ")
		value = after
		name, v, _ := strings.Cut(setting, "=")
		switch name {
		case "envelope":
			envelope = map[string]Envelope{"none": None, "debezium": Debezium}[v]
		case "field":
			field = v
		default:
			t.Fatalf("setting %s", name)
		}
	}
	v := data.Value{Kind: map[string]data.Kind{"json": data.KindJSON, "text": data.KindString, "bytes": data.KindBytes}[kind], Data: []byte(value)}
	doc, err := NewEncoder(envelope, true, field).Encode(v)
	if err != nil {
		return "error " + err.Error()
	}
	return strings.TrimSuffix(actionNames[doc.Action]+" "+string(doc.JSON), " ")
}

func TestNullDeletes(t *testing.T) {
	for name, v := range map[string]data.Value{"none": {}, "row": {Kind: data.KindRow, Schema: data.OptionalInt64Schema}} {
		t.Run(name, func(t *testing.T) {
			if doc, err := NewEncoder(Auto, true, "").Encode(v); err != nil || doc.Action != Delete || doc.JSON != nil {
				t.Errorf("%v, %v", doc, err)
			}
		})
	}
}

func TestTextThatIsNotUTF8(t *testing.T) {
	_, err := NewEncoder(Auto, true, "x").Encode(data.BytesValue([]byte{0, 0, 0, 0, 5, 0xff}))
	if err == nil || !strings.Contains(err.Error(), "value.converter") {
		t.Errorf("%v", err)
	}
	s := data.NewStruct("s").Field("t", data.StringSchema).MustBuild()
	if _, err = NewEncoder(Auto, true, "").Encode(data.RowValue(s, []byte{1, 0xff})); err == nil || !strings.Contains(err.Error(), "not UTF-8") {
		t.Errorf("%v", err)
	}
}

func row(t testing.TB, s *data.Schema, v any) data.Value {
	t.Helper()
	encoded, err := data.Encode(nil, s, v)
	if err != nil {
		t.Fatal(err)
	}
	return data.RowValue(s, encoded)
}

func named64(name string) *data.Schema { return data.NewSchema(data.Int64).Name(name).MustBuild() }

func TestTypes(t *testing.T) {
	decimal := func(unscaled int64, scale int) (s *data.Schema, v any) {
		return data.NewDecimal(scale).MustBuild(), data.Decimal{Unscaled: big.NewInt(unscaled), Scale: scale}
	}
	huge, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	variable := data.NewStruct("io.debezium.data.VariableScaleDecimal").Field("scale", data.Int32Schema).Field("value", data.BytesSchema).MustBuild()
	for name, c := range map[string]struct {
		schema  *data.Schema
		value   any
		want    string
		mapping string
	}{
		"boolean":          {data.BooleanSchema, true, `true`, `{"type":"boolean"}`},
		"byte":             {data.Int8Schema, -128, `-128`, `{"type":"byte"}`},
		"short":            {data.Int16Schema, 300, `300`, `{"type":"short"}`},
		"integer":          {data.Int32Schema, 70000, `70000`, `{"type":"integer"}`},
		"long":             {data.Int64Schema, math.MaxInt64, `9223372036854775807`, `{"type":"long"}`},
		"whole float":      {data.Float32Schema, float32(3), `3.0`, `{"type":"float"}`},
		"float":            {data.Float32Schema, float32(0.1), `0.1`, `{"type":"float"}`},
		"whole double":     {data.Float64Schema, -2.0, `-2.0`, `{"type":"double"}`},
		"large double":     {data.Float64Schema, 1e300, `1e+300`, `{"type":"double"}`},
		"no number":        {data.Float64Schema, math.NaN(), `"NaN"`, `{"type":"double"}`},
		"text":             {data.StringSchema, "a\"\\\n\r\t\x01ü€😀", `"a\"\\\n\r\t\u0001ü€😀"`, `{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}}`},
		"bytes":            {data.BytesSchema, []byte{0xff, 0}, `"/wA="`, `{"type":"binary"}`},
		"null":             {data.OptionalStringSchema, nil, `null`, `{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}}`},
		"date":             {data.DateSchema, time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), `-86400000`, `{"type":"date"}`},
		"time":             {data.TimeSchema, time.Hour, `3600000`, `{"type":"date"}`},
		"timestamp":        {data.TimestampSchema, time.UnixMilli(1_700_000_000_123), `1700000000123`, `{"type":"date"}`},
		"debezium date":    {data.NewSchema(data.Int32).Name("io.debezium.time.Date").MustBuild(), 1, `86400000`, `{"type":"date"}`},
		"millis":           {named64("io.debezium.time.Timestamp"), 1, `1`, `{"type":"date"}`},
		"micros":           {named64("io.debezium.time.MicroTimestamp"), 1_700_000_000_123_456, `"2023-11-14T22:13:20.123456Z"`, `{"type":"date"}`},
		"micros before 70": {named64("io.debezium.time.MicroTimestamp"), -1, `"1969-12-31T23:59:59.999999Z"`, `{"type":"date"}`},
		"nanos":            {named64("io.debezium.time.NanoTimestamp"), 1_700_000_000_123_456_789, `"2023-11-14T22:13:20.123456789Z"`, `{"type":"date"}`},
		"zoned":            {data.NewSchema(data.String).Name("io.debezium.time.ZonedTimestamp").MustBuild(), "2024-01-01T00:00:00Z", `"2024-01-01T00:00:00Z"`, `{"type":"date"}`},
		"micro time":       {named64("io.debezium.time.MicroTime"), -5, `-5`, `{"type":"long"}`},
		"array":            {data.NewArray(data.OptionalInt32Schema).MustBuild(), []any{1, nil}, `[1,null]`, `{"type":"integer"}`},
		"no elements":      {data.NewArray(data.Int32Schema).MustBuild(), []any{}, `[]`, `{"type":"integer"}`},
		"map":              {data.NewMap(data.StringSchema, data.Int32Schema).MustBuild(), map[string]any{"a": 1, "b\"": 2}, `{"a":1,"b\"":2}`, `{"type":"object"}`},
		"map of numbers":   {data.NewMap(data.Int32Schema, data.OptionalStringSchema).MustBuild(), []data.Entry{{Key: 1, Value: nil}}, `[{"key":1,"value":null}]`, `{"properties":{"key":{"type":"integer"},"value":{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}}}}`},
		"variable decimal": {variable, map[string]any{"scale": 3, "value": data.AppendUnscaledInt64(nil, -5)}, `-0.005`, `{"type":"double"}`},
		"empty struct":     {data.NewStruct("").MustBuild(), map[string]any{}, `{}`, `{"properties":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := data.NewStruct("doc").Field("x", c.schema).MustBuild()
			doc, err := NewEncoder(Auto, true, "").Encode(row(t, s, map[string]any{"x": c.value}))
			if want := `{"x":` + c.want + `}`; err != nil || string(doc.JSON) != want || !json.Valid(doc.JSON) {
				t.Errorf("%s, %v, expected is %s", doc.JSON, err, want)
			}
			if got, want := string(Mapping(s, nil, true)), `{"properties":{"x":`+c.mapping+`}}`; got != want {
				t.Errorf("the mapping is %s, expected is %s", got, want)
			}
			if Mapping(s, map[string]bool{"x": true}, true) != nil {
				t.Error("a field that is there is mapped again")
			}
		})
	}
	for want, c := range map[string]struct {
		unscaled int64
		scale    int
	}{
		"12.50": {1250, 2}, "-12.50": {-1250, 2}, "0.05": {5, 2}, "-0.05": {-5, 2}, "0.00": {0, 2}, "7": {7, 0}, "700": {7, -2}, "0": {0, -3},
		"-9223372036854775808": {math.MinInt64, 0},
	} {
		s, v := decimal(c.unscaled, c.scale)
		doc, err := NewEncoder(Auto, true, "v").Encode(row(t, s, v))
		if err != nil || string(doc.JSON) != `{"v":`+want+`}` {
			t.Errorf("%d with scale %d is %s, %v, expected is %s", c.unscaled, c.scale, doc.JSON, err, want)
		}
	}
	if got := string(appendDecimal(nil, data.AppendUnscaled(nil, huge), 10)); got != "-12345678901234567890.1234567890" {
		t.Error(got)
	}
}

func TestMapsAsEntries(t *testing.T) {
	s := data.NewMap(data.StringSchema, data.Int32Schema).MustBuild()
	doc, err := NewEncoder(Auto, false, "m").Encode(row(t, s, map[string]any{"a": 1}))
	if err != nil || string(doc.JSON) != `{"m":[{"key":"a","value":1}]}` {
		t.Errorf("%s, %v", doc.JSON, err)
	}
	if got := string(Mapping(data.NewStruct("").Field("m", s).MustBuild(), nil, false)); !strings.Contains(got, `"key":{"type":"text"`) {
		t.Error(got)
	}
}

func TestValuesThatCarryTheirType(t *testing.T) {
	v := map[string]any{"a": []any{1, "x", nil, true, 1.5}, "m": map[string]any{"k": []byte("b")}, "e": []data.Entry{{Key: 1, Value: 2}}}
	doc, err := NewEncoder(Auto, true, "").Encode(row(t, data.AnySchema, v))
	if want := `{"a":[1,"x",null,true,1.5],"e":[{"key":1,"value":2}],"m":{"k":"Yg=="}}`; err != nil || string(doc.JSON) != want {
		t.Errorf("%s, %v, expected is %s", doc.JSON, err, want)
	}
	for name, field := range map[string]string{"refused": "", "wrapped": "v"} {
		t.Run(name, func(t *testing.T) {
			doc, err := NewEncoder(Auto, true, field).Encode(row(t, data.AnySchema, []any{1}))
			if field == "" && err == nil || field != "" && string(doc.JSON) != `{"v":[1]}` {
				t.Errorf("%s, %v", doc.JSON, err)
			}
		})
	}
	s := data.NewStruct("").Field("any", data.AnySchema).Field("list", data.NewArray(nil).MustBuild()).Field("n", data.Int8Schema).MustBuild()
	if got := string(Mapping(s, nil, true)); got != `{"properties":{"n":{"type":"byte"}}}` {
		t.Error(got)
	}
}

func TestDamagedRows(t *testing.T) {
	s := data.NewStruct("s").Field("a", data.Int64Schema).Field("b", data.StringSchema).MustBuild()
	for name, r := range map[string][]byte{"short": {1, 2}, "long": {1, 0, 0, 0, 0, 0, 0, 0, 0, 9}, "lying": {1, 0, 0, 0, 0, 0, 0, 0, 200, 1}} {
		t.Run(name, func(t *testing.T) {
			if doc, err := NewEncoder(Auto, true, "").Encode(data.RowValue(s, r)); err == nil {
				t.Errorf("made %s", doc.JSON)
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	s := data.NewStruct("row").Field("id", data.Int64Schema).Field("a", data.Int32Schema).Field("ok", data.BooleanSchema).
		Field("name", data.StringSchema).Field("city", data.StringSchema).Field("note", data.OptionalStringSchema).
		Field("at", data.TimestampSchema).Field("n", data.OptionalInt32Schema).Field("price", data.NewDecimal(2).MustBuild()).Field("raw", data.BytesSchema).MustBuild()
	v := row(b, s, map[string]any{"id": 123456, "a": 7, "price": data.Decimal{Unscaled: big.NewInt(1250), Scale: 2}, "ok": true, "name": "Ada Lovelace", "city": "London",
		"note": "a text of some length, as texts are", "at": int64(1_700_000_000_123), "raw": []byte("0123456789abcdef")})
	e := NewEncoder(Auto, true, "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Encode(v); err != nil {
			b.Fatal(err)
		}
	}
}
