package convert

import (
	"bytes"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/outboard-connect/outboard/host/internal/registry"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// jsonSchemaShapes are schemas with the text and the value that Confluent's converter writes.
var jsonSchemaShapes = map[string]struct {
	schema     *data.Schema
	value      any
	text, json string
}{
	"int8":     {data.Int8Schema, int8(-3), `{"type":"integer","connect.type":"int8"}`, `-3`},
	"int64":    {data.Int64Schema, int64(1) << 40, `{"type":"integer","connect.type":"int64"}`, `1099511627776`},
	"float":    {data.Float32Schema, float32(1.5), `{"type":"number","connect.type":"float32"}`, `1.5`},
	"boolean":  {data.BooleanSchema, true, `{"type":"boolean"}`, `true`},
	"string":   {data.StringSchema, "é\"", `{"type":"string"}`, `"é\""`},
	"bytes":    {data.BytesSchema, []byte{1, 2}, `{"type":"string","connect.type":"bytes"}`, `"AQI="`},
	"optional": {data.OptionalInt64Schema, int64(7), `{"oneOf":[{"type":"null"},{"type":"integer","connect.type":"int64"}]}`, `7`},
	"null":     {data.OptionalInt64Schema, nil, `{"oneOf":[{"type":"null"},{"type":"integer","connect.type":"int64"}]}`, `null`},
	"decimal": {data.NewDecimal(2).MustBuild(), data.Decimal{Unscaled: big.NewInt(-129), Scale: 2},
		`{"type":"number","title":"org.apache.kafka.connect.data.Decimal","connect.version":1,"connect.type":"bytes","connect.parameters":{"scale":"2"}}`, `"/38="`},
	"array": {data.NewArray(data.BooleanSchema).MustBuild(), []any{true, false}, `{"type":"array","items":{"type":"boolean"}}`, `[true,false]`},
	"map": {data.NewMap(data.StringSchema, data.BooleanSchema).MustBuild(), map[string]any{"a": true},
		`{"type":"object","connect.type":"map","additionalProperties":{"type":"boolean"}}`, `{"a":true}`},
	"map of other keys": {data.NewMap(data.BooleanSchema, data.StringSchema).MustBuild(), []data.Entry{{Key: true, Value: "a"}},
		`{"type":"array","connect.type":"map","items":{"type":"object","properties":{"value":{"type":"string","connect.index":1},"key":{"type":"boolean","connect.index":0}}}}`,
		`[{"key":true,"value":"a"}]`},
	"enum": {data.NewSchema(data.String).Parameter(jsonEnum, "").Parameter(jsonEnum+".A", "A").Parameter(jsonEnum+".B", "B").MustBuild(), "B",
		`{"enum":["A","B"]}`, `"B"`},
	"union": {data.NewStruct(jsonUnion).Optional().Field(jsonUnion+".field.0", data.OptionalBooleanSchema).Field(jsonUnion+".field.1", data.OptionalStringSchema).MustBuild(),
		map[string]any{jsonUnion + ".field.0": nil, jsonUnion + ".field.1": "x"},
		`{"oneOf":[{"type":"null"},{"type":"boolean","connect.index":0},{"type":"string","connect.index":1}]}`, `"x"`},
	// The order of members is that of a schema that Confluent's converter registered for a table.
	"envelope": {data.NewStruct("cdc.Envelope").
		Field("before", data.NewStruct("cdc.Value").Optional().
			Field("date", data.NewSchema(data.Int64).Name("io.debezium.time.Timestamp").Version(1).Optional().MustBuild()).MustBuild()).
		Field("entry_createdate", data.StringSchema).Field("op", data.StringSchema).Field("prg_id", data.Int32Schema).MustBuild(),
		map[string]any{"before": map[string]any{"date": nil}, "entry_createdate": "d", "op": "c", "prg_id": int32(1)},
		`{"type":"object","title":"cdc.Envelope","properties":{"prg_id":{"type":"integer","connect.index":3,"connect.type":"int32"},` +
			`"op":{"type":"string","connect.index":2},"entry_createdate":{"type":"string","connect.index":1},` +
			`"before":{"connect.index":0,"oneOf":[{"type":"null"},{"type":"object","title":"cdc.Value","properties":{"date":{"connect.index":0,"oneOf":[{"type":"null"},` +
			`{"type":"integer","title":"io.debezium.time.Timestamp","connect.version":1,"connect.type":"int64"}]}}}]}}}`,
		`{"before":{"date":null},"entry_createdate":"d","op":"c","prg_id":1}`},
	"details": {data.NewStruct("a.B").Version(3).Doc("of b").Field("n", data.NewSchema(data.Int32).Doc("a number").Default(5).MustBuild()).MustBuild(),
		map[string]any{"n": int32(1)},
		`{"type":"object","title":"a.B","description":"of b","connect.version":3,"properties":{"n":{"type":"integer","description":"a number","default":5,"connect.index":0,"connect.type":"int32"}}}`,
		`{"n":1}`},
}

func TestJSONSchema(t *testing.T) {
	for name, c := range jsonSchemaShapes {
		t.Run(name, func(t *testing.T) {
			conv, fake := withRegistry(t, "io.confluent.connect.json.JsonSchemaConverter")
			var a Arena
			v := rowOf(t, c.schema, c.value)
			b, err := conv.FromConnect(&a, "orders", v)
			if err != nil {
				t.Fatal(err)
			}
			registered := registeredFor(t, fake.URL(), "orders-value")
			if registered.Schema.Schema != c.text {
				t.Errorf("registered\n%s\nwant\n%s", registered.Schema.Schema, c.text)
			}
			if registered.Type != sr.TypeJSON {
				t.Errorf("registered as %s", registered.Type)
			}
			if want := string([]byte{0, 0, 0, 0, byte(registered.ID)}) + c.json; string(b) != want {
				t.Errorf("wrote %q, want %q", b, want)
			}
			back, err := conv.ToConnect(&a, "orders", b)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(back.Data, v.Data) || (back.Data == nil) != (v.Data == nil) {
				t.Errorf("read % x, want % x", back.Data, v.Data)
			}
			if !back.Schema.Equal(c.schema) {
				t.Errorf("read with schema %s, want %s", enveloped(back), enveloped(v))
			}
		})
	}
}

func registeredFor(t testing.TB, url, subject string) sr.SubjectSchema {
	t.Helper()
	client, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		t.Fatal(err)
	}
	s, err := client.SchemaByVersion(t.Context(), subject, -1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// schemaAble tells whether a schema has no part without schema.
func schemaAble(s *data.Schema) bool {
	if s.Type() == data.Any || s.Key() != nil && !schemaAble(s.Key()) || s.Element() != nil && !schemaAble(s.Element()) {
		return false
	}
	for _, f := range s.Fields() {
		if !schemaAble(f.Schema) {
			return false
		}
	}
	return true
}

// A row of any schema comes back as it was, with the same schema, and what is written is JSON.
func TestJSONSchemaRoundTrip(t *testing.T) {
	done := 0
	for seed := range uint64(600) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 5)), t: t}
		s := g.schema(3)
		if !schemaAble(s) {
			continue
		}
		done++
		v := rowOf(t, s, g.value(s, 3))
		conv, fake := withRegistry(t, "JsonSchemaConverter", "decimal.format", []string{"BASE64", "NUMERIC"}[seed%2], "ignore.default.for.nullables", "true")
		var a Arena
		b, err := conv.FromConnect(&a, "t", v)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		text := registeredFor(t, fake.URL(), "t-value").Schema.Schema
		if !json.Valid(b[5:]) || !json.Valid([]byte(text)) {
			t.Fatalf("seed %d: no JSON: %s\n%s", seed, b[5:], text)
		}
		back, err := conv.ToConnect(&a, "t", b)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s\n%s", seed, err, text, b[5:])
		}
		if !bytes.Equal(back.Data, v.Data) {
			t.Fatalf("seed %d: % x came back as % x\n%s\n%s", seed, v.Data, back.Data, text, b[5:])
		}
		if !back.Schema.Equal(s) {
			t.Fatalf("seed %d: the schema came back as %s, not %s", seed, enveloped(back), enveloped(v))
		}
	}
	if done < 100 {
		t.Errorf("only %d schemas were tried", done)
	}
}

// JSON Schemas that other programs write.
func TestJSONSchemaOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		settings   []string
		text, json string
		schema     string // part of the schema
		value      any
	}{
		"plain": {nil, `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"n":{"type":"integer"},"x":{"type":"number"}}}`,
			`{"x":1.5,"n":3,"more":[]}`, `"type":"int64"`, map[string]any{"n": int64(3), "x": 1.5}},
		"list of types":     {nil, `{"type":["string","null"]}`, `null`, `"type":"string","optional":true`, nil},
		"anyOf":             {nil, `{"anyOf":[{"type":"integer"},{"type":"null"}]}`, `4`, `"type":"int64","optional":true`, int64(4)},
		"several types":     {nil, `{"type":["string","integer"]}`, `4`, `io.confluent.connect.json.OneOf`, map[string]any{jsonUnion + ".field.0": nil, jsonUnion + ".field.1": int64(4)}},
		"enum":              {nil, `{"type":"string","enum":["A","B"]}`, `"B"`, `"io.confluent.connect.json.Enum.A":"A"`, "B"},
		"string of const":   {nil, `{"const":"x"}`, `"x"`, `"type":"string"`, "x"},
		"definitions":       {nil, `{"type":"object","properties":{"a":{"$ref":"#/definitions/T"}},"definitions":{"T":{"type":"object","title":"T","properties":{"b":{"type":"boolean"}}}}}`, `{"a":{"b":true}}`, `"name":"T"`, map[string]any{"a": map[string]any{"b": true}}},
		"map":               {nil, `{"type":"object","additionalProperties":{"type":"integer"}}`, `{"k":1}`, `"type":"map"`, map[string]any{"k": int64(1)}},
		"allOf":             {nil, `{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}}},{"properties":{"b":{"type":"integer"}}}]}`, `{"b":2,"a":1}`, `"field":"b"`, map[string]any{"a": int64(1), "b": int64(2)}},
		"not required":      {[]string{"use.optional.for.nonrequired", "true"}, `{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a"]}`, `{"a":1}`, `"optional":true,"field":"b"`, map[string]any{"a": int64(1), "b": nil}},
		"default":           {nil, `{"type":"object","properties":{"a":{"type":"integer","default":9}}}`, `{}`, `"default":9`, map[string]any{"a": int64(9)}},
		"reversed entries":  {nil, `{"type":"array","connect.type":"map","items":{"type":"object","properties":{"key":{"type":"integer"},"value":{"type":"string"}}}}`, `[{"value":"x","key":1}]`, `"type":"map"`, []data.Entry{{Key: int64(1), Value: "x"}}},
		"union of objects":  {nil, `{"oneOf":[{"type":"object","properties":{"a":{"type":"string"}}},{"type":"object","properties":{"b":{"type":"string"}}}]}`, `{"b":"x"}`, "OneOf", map[string]any{jsonUnion + ".field.0": nil, jsonUnion + ".field.1": map[string]any{"b": "x"}}},
		"connect.index":     {nil, `{"type":"object","properties":{"a":{"type":"string","connect.index":1},"b":{"type":"string","connect.index":0}}}`, `{"a":"x","b":"y"}`, `"field":"b"},{"type":"string","optional":false,"field":"a"`, map[string]any{"a": "x", "b": "y"}},
		"without any types": {nil, `{"type":"object","properties":{"a":{}}}`, `{"a":[1,{"b":null}]}`, ``, map[string]any{"a": []any{int64(1), map[string]any{"b": nil}}}},
	} {
		t.Run(name, func(t *testing.T) {
			conv, fake := withRegistry(t, "JsonSchemaConverter", c.settings...)
			v := readRegistered(t, conv, fake.URL(), sr.Schema{Schema: c.text, Type: sr.TypeJSON}, c.json)
			if text := enveloped(v); !strings.Contains(text, c.schema) {
				t.Errorf("the schema is %s, want %s in it", text, c.schema)
			}
			got, err := data.Decode(v.Schema, v.Data)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, c.value) {
				t.Errorf("read %v, want %v", got, c.value)
			}
		})
	}
}

// readRegistered reads a value under a schema that another program registered.
func readRegistered(t *testing.T, conv Converter, url string, schema sr.Schema, value string) data.Value {
	t.Helper()
	client, err := sr.NewClient(sr.URLs(url))
	if err != nil {
		t.Fatal(err)
	}
	s, err := client.CreateSchema(t.Context(), "x", schema)
	if err != nil {
		t.Fatal(err)
	}
	v, err := conv.ToConnect(&Arena{}, "t", append([]byte{0, 0, 0, 0, byte(s.ID)}, value...))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestJSONSchemaReferences(t *testing.T) {
	conv, fake := withRegistry(t, "JsonSchemaConverter")
	client, err := sr.NewClient(sr.URLs(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	product := sr.Schema{Type: sr.TypeJSON, Schema: `{"type":"object","title":"Product","properties":{"id":{"$ref":"#/definitions/id"}},"definitions":{"id":{"type":"integer"}}}`}
	if _, err := client.CreateSchema(t.Context(), "product", product); err != nil {
		t.Fatal(err)
	}
	v := readRegistered(t, conv, fake.URL(), sr.Schema{
		Type: sr.TypeJSON, Schema: `{"type":"object","properties":{"p":{"$ref":"product.json"},"id":{"$ref":"product.json#/definitions/id"}}}`,
		References: []sr.SchemaReference{{Name: "product.json", Subject: "product", Version: 1}},
	}, `{"p":{"id":4},"id":5}`)
	got, err := data.Decode(v.Schema, v.Data)
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]any{"p": map[string]any{"id": int64(4)}, "id": int64(5)}; !reflect.DeepEqual(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}

func TestJSONSchemaErrors(t *testing.T) {
	loose := data.NewStruct("a").Field("x", data.AnySchema).MustBuild()
	for name, c := range map[string]struct {
		settings []string
		value    data.Value
		want     string
	}{
		"no schema":      {nil, data.JSONValue([]byte(`{}`)), "JSON without schema, and JsonSchemaConverter needs one"},
		"any":            {nil, rowOf(t, loose, map[string]any{"x": "a"}), "field x: a value without schema has no JSON Schema"},
		"null":           {nil, data.RowValue(data.StringSchema, nil), "is null, and its schema STRING is neither optional nor has a default"},
		"not registered": {[]string{"auto.register.schemas", "false"}, rowOf(t, data.Int32Schema, 1), "is not in the registry under subject t-value, and auto.register.schemas is false"},
	} {
		t.Run(name, func(t *testing.T) {
			conv, _ := withRegistry(t, "JsonSchemaConverter", c.settings...)
			_, err := conv.FromConnect(&Arena{}, "t", c.value)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if b, err := (&jsonSchemaConverter{}).FromConnect(&Arena{}, "t", data.Value{}); b != nil || err != nil {
		t.Errorf("a tombstone is %q, %v", b, err)
	}
}

func TestJSONSchemaReadErrors(t *testing.T) {
	for name, c := range map[string]struct{ text, json, want string }{
		"recursive":    {`{"type":"object","properties":{"a":{"$ref":"#"}}}`, `{}`, `"#" contains itself`},
		"missing":      {`{"$ref":"#/definitions/x"}`, `1`, "refers to \"#/definitions/x\", which is not there"},
		"foreign":      {`{"$ref":"other.json"}`, `1`, "not among its references"},
		"misfit":       {`{"type":"object","properties":{"a":{"type":"string"}}}`, `{}`, "field a: STRING is required and is null or missing"},
		"no JSON":      {`{"type":"string"}`, `"a`, "does not fit its JSON Schema"},
		"no UTF-8":     {`{"type":"string"}`, "\"\xff\"", "not UTF-8"},
		"no such type": {`{"type":["string","integer"]}`, `true`, "a boolean is none of the types of the union"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := parseJSONSchema(c.text, nil, false, true)
			if err == nil {
				conv, fake := withRegistry(t, "JsonSchemaConverter")
				client, _ := sr.NewClient(sr.URLs(fake.URL()))
				if _, err := client.CreateSchema(t.Context(), "x", sr.Schema{Schema: c.text, Type: sr.TypeJSON}); err != nil {
					t.Fatal(err)
				}
				_, err = conv.ToConnect(&Arena{}, "t", append([]byte{0, 0, 0, 0, 1}, c.json...))
				if err == nil {
					t.Fatalf("read as %v", s)
				}
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %s", err, c.want)
				}
				return
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func FuzzJSONSchemaRead(f *testing.F) {
	for _, c := range jsonSchemaShapes {
		f.Add(c.text, []byte(c.json))
	}
	f.Add(`{"allOf":[{"properties":{"a":{"$ref":"#/definitions/b"}}},{"type":"object"}],"definitions":{"b":{"type":["null","string"]}}}`, []byte(`{"a":"x"}`))
	f.Fuzz(func(t *testing.T, text string, b []byte) {
		s, err := parseJSONSchema(text, []registry.Reference{{Name: "r", Text: `{"type":"string"}`}}, false, true)
		if err != nil || check(b) != nil {
			return
		}
		r := jsonReader{replaceNull: true, confluent: true}
		row, err := r.read(nil, s, b)
		if err != nil || row == nil {
			return
		}
		if err := data.Check(s, row); err != nil {
			t.Errorf("%s read %s into a row that is none: %v", text, b, err)
		}
	})
}

func BenchmarkJSONSchema(b *testing.B) { benchmarkRegistered(b, "JsonSchemaConverter") }

// benchmarkRegistered writes and reads the row of ten fields.
func benchmarkRegistered(b *testing.B, class string) {
	conv, _ := withRegistry(b, class)
	v := order(b)
	var a Arena
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := conv.FromConnect(&a, "t", v); err != nil {
				b.Fatal(err)
			}
			a.Reset()
		}
	})
	bytes, err := conv.FromConnect(new(Arena), "t", v)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := conv.ToConnect(&a, "t", bytes); err != nil {
				b.Fatal(err)
			}
			a.Reset()
		}
	})
}

// TestRegisteredAllocations pins that a record costs no allocation once the arena has its size.
func TestRegisteredAllocations(t *testing.T) {
	for _, class := range []string{"AvroConverter", "JsonSchemaConverter", "ProtobufConverter"} {
		t.Run(class, func(t *testing.T) {
			conv, _ := withRegistry(t, class)
			v := order(t)
			bytes, err := conv.FromConnect(new(Arena), "t", v)
			if err != nil {
				t.Fatal(err)
			}
			var a Arena
			both := func() {
				a.Reset()
				if _, err := conv.FromConnect(&a, "t", v); err != nil {
					t.Fatal(err)
				}
				if _, err := conv.ToConnect(&a, "t", bytes); err != nil {
					t.Fatal(err)
				}
			}
			both()
			if n := testing.AllocsPerRun(100, both); n != 0 {
				t.Errorf("%v allocations a record", n)
			}
		})
	}
}
