package convert

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	hamba "github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// withRegistry makes a converter that talks to a registry of its own.
func withRegistry(t testing.TB, class string, settings ...string) (Converter, *srfake.Registry) {
	t.Helper()
	fake := srfake.New()
	t.Cleanup(fake.Close)
	values := map[string]string{"schema.registry.url": fake.URL()}
	for i := 0; i < len(settings); i += 2 {
		values[settings[i]] = settings[i+1]
	}
	c, err := New(class, values, Value)
	if err != nil {
		t.Fatal(err)
	}
	return c, fake
}

func rowOf(t testing.TB, s *data.Schema, v any) data.Value {
	t.Helper()
	if v == nil {
		return data.Value{Kind: data.KindRow, Schema: s}
	}
	row, err := data.Encode(nil, s, v)
	if err != nil {
		t.Fatal(err)
	}
	return data.Value{Kind: data.KindRow, Schema: s, Data: row}
}

// avroShapes are schemas with the text and the bytes that Confluent's converter writes for a value.
var avroShapes = map[string]struct {
	schema *data.Schema
	value  any
	text   string
	bytes  string
}{
	"int8":                          {data.Int8Schema, int8(-3), `{"type":"int","connect.type":"int8"}`, "05"},
	"int16":                         {data.Int16Schema, int16(300), `{"type":"int","connect.type":"int16"}`, "d804"},
	"int32":                         {data.Int32Schema, int32(-1), `"int"`, "01"},
	"int64":                         {data.Int64Schema, int64(1) << 40, `"long"`, "808080808080" + "01"[:0] + "40"},
	"float":                         {data.Float32Schema, float32(1.5), `"float"`, "0000c03f"},
	"double":                        {data.Float64Schema, 1.5, `"double"`, "000000000000f83f"},
	"string":                        {data.StringSchema, "é", `"string"`, "04c3a9"},
	"bytes are written as they are": {data.BytesSchema, []byte{1, 2}, `"bytes"`, "0102"},
	"optional":                      {data.OptionalStringSchema, "a", `["null","string"]`, "020261"},
	"decimal": {data.NewDecimal(2).MustBuild(), data.Decimal{Unscaled: big.NewInt(-129), Scale: 2},
		`{"type":"bytes","scale":2,"precision":64,"connect.version":1,"connect.parameters":{"scale":"2"},"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}`,
		"04ff7f"},
	"timestamp": {data.TimestampSchema, int64(1000),
		`{"type":"long","connect.version":1,"connect.name":"org.apache.kafka.connect.data.Timestamp","logicalType":"timestamp-millis"}`, "d00f"},
	"array": {data.NewArray(data.Int32Schema).MustBuild(), []any{int32(1), int32(2)}, `{"type":"array","items":"int"}`, "04020400"},
	"empty": {data.NewArray(data.Int32Schema).MustBuild(), []any{}, `{"type":"array","items":"int"}`, "00"},
	"map":   {data.NewMap(data.StringSchema, data.BooleanSchema).MustBuild(), map[string]any{"a": true}, `{"type":"map","values":"boolean"}`, "0202610100"},
	"map of other keys": {data.NewMap(data.Int32Schema, data.StringSchema).MustBuild(), []data.Entry{{Key: int32(1), Value: "a"}},
		`{"type":"array","items":{"type":"record","name":"MapEntry","namespace":"io.confluent.connect.avro","fields":[{"name":"key","type":"int"},{"name":"value","type":"string"}],"connect.internal.type":"MapEntry"}}`,
		"0202026100"},
	"nameless struct": {data.NewStruct("").Field("a", data.Int32Schema).MustBuild(), map[string]any{"a": int32(1)},
		`{"type":"record","name":"ConnectDefault","namespace":"io.confluent.connect.avro","fields":[{"name":"a","type":"int"}]}`, "02"},
	"envelope": {func() *data.Schema {
		fields := func() *data.Builder {
			return data.NewStruct("shop.users.Value").Optional().Field("id", data.Int32Schema).Field("name", data.OptionalStringSchema)
		}
		snapshot := data.NewSchema(data.String).Optional().Name("io.debezium.data.Enum").Version(1).Parameter("allowed", "true,last,false").Default("false").MustBuild()
		return data.NewStruct("shop.users.Envelope").Field("before", fields().MustBuild()).Field("after", fields().MustBuild()).
			Field("source", data.NewStruct("io.debezium.connector.mysql.Source").Field("snapshot", snapshot).MustBuild()).
			Field("op", data.StringSchema).MustBuild()
	}(), map[string]any{"before": nil, "after": map[string]any{"id": int32(7), "name": nil}, "source": map[string]any{"snapshot": nil}, "op": "c"},
		`{"type":"record","name":"Envelope","namespace":"shop.users","fields":[` +
			`{"name":"before","type":["null",{"type":"record","name":"Value","fields":[{"name":"id","type":"int"},{"name":"name","type":["null","string"],"default":null}],"connect.name":"shop.users.Value"}],"default":null},` +
			`{"name":"after","type":["null","Value"],"default":null},` +
			`{"name":"source","type":{"type":"record","name":"Source","namespace":"io.debezium.connector.mysql","fields":[{"name":"snapshot","type":[{"type":"string","connect.version":1,"connect.parameters":{"allowed":"true,last,false"},"connect.default":"false","connect.name":"io.debezium.data.Enum"},"null"],"default":"false"}],"connect.name":"io.debezium.connector.mysql.Source"}},` +
			`{"name":"op","type":"string"}],"connect.name":"shop.users.Envelope"}`,
		"00" + "020e00" + "02" + "0263"},
}

func TestAvro(t *testing.T) {
	for name, c := range avroShapes {
		t.Run(name, func(t *testing.T) {
			conv, fake := withRegistry(t, "AvroConverter")
			var a Arena
			v := rowOf(t, c.schema, c.value)
			b, err := conv.FromConnect(&a, "orders", v)
			if err != nil {
				t.Fatal(err)
			}
			client, err := sr.NewClient(sr.URLs(fake.URL()))
			if err != nil {
				t.Fatal(err)
			}
			registered, err := client.SchemaByVersion(t.Context(), "orders-value", -1)
			if err != nil {
				t.Fatal(err)
			}
			if registered.Schema.Schema != c.text {
				t.Errorf("registered\n%s\nwant\n%s", registered.Schema.Schema, c.text)
			}
			if b[0] != 0 || int(b[4]) != registered.ID {
				t.Errorf("the value begins with % x, the id is %d", b[:5], registered.ID)
			}
			if got := hex.EncodeToString(b[5:]); name != "int64" && got != c.bytes {
				t.Errorf("wrote %s, want %s", got, c.bytes)
			}
			back, err := conv.ToConnect(&a, "orders", b)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(back.Data, v.Data) || (back.Data == nil) != (v.Data == nil) {
				t.Errorf("read % x, want % x", back.Data, v.Data)
			}
			if name != "map of other keys" && !back.Schema.Equal(c.schema) {
				t.Errorf("read with schema %s, want %s", enveloped(back), enveloped(v))
			}
		})
	}
}

// enveloped shows a value with its schema.
func enveloped(v data.Value) string {
	j := &jsonConverter{schemas: true, written: newLRU[*data.Schema, *written](1)}
	text, err := j.FromConnect(&Arena{}, "", v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// What we write is Avro to others, too, and what they write to us.
func TestAvroWithAnotherLibrary(t *testing.T) {
	for seed := range uint64(300) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 2)), t: t, names: true}
		s := g.schema(3)
		if !avroAble(s) {
			continue
		}
		v := rowOf(t, s, g.value(s, 3))
		conv, fake := withRegistry(t, "AvroConverter")
		var a Arena
		b, err := conv.FromConnect(&a, "t", v)
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			continue
		}
		client, _ := sr.NewClient(sr.URLs(fake.URL()))
		registered, err := client.SchemaByVersion(t.Context(), "t-value", -1)
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := hamba.Parse(registered.Schema.Schema)
		if err != nil {
			t.Fatalf("%v\n%s", err, registered.Schema.Schema)
		}
		if s.Type() != data.Bytes {
			var tree any
			if err := hamba.Unmarshal(theirs, b[5:], &tree); err != nil {
				t.Fatalf("%v\n%s\n% x", err, registered.Schema.Schema, b)
			}
		}
		back, err := conv.ToConnect(&a, "t", b)
		if err != nil {
			t.Fatalf("%v\n%s", err, registered.Schema.Schema)
		}
		if !bytes.Equal(back.Data, v.Data) {
			t.Fatalf("% x came back as % x\n%s", v.Data, back.Data, registered.Schema.Schema)
		}
		if !back.Schema.Equal(s) {
			t.Fatalf("seed %d: the schema came back as %s, not %s", seed, enveloped(back), enveloped(v))
		}
	}
}

// avroAble leaves out what Avro has no form for.
func avroAble(s *data.Schema) bool {
	if s.Type() == data.Any || s.Optional() && s.Type() == data.Map && !textKeys(s) {
		return false
	}
	if s.Type() == data.Map && !avroAble(s.Key()) {
		return false
	}
	if s.Element() != nil && !avroAble(s.Element()) {
		return false
	}
	for _, f := range s.Fields() {
		if !avroAble(f.Schema) {
			return false
		}
	}
	return true
}

func TestAvroErrors(t *testing.T) {
	for name, c := range map[string]struct {
		settings []string
		value    data.Value
		want     string
	}{
		"no schema":       {nil, data.Value{Kind: data.KindJSON, Data: []byte(`{}`)}, "JSON without schema, and AvroConverter needs one"},
		"any":             {nil, rowOf(t, data.AnySchema, "a"), "a value without schema cannot be written as Avro"},
		"field name":      {nil, rowOf(t, data.NewStruct("a").Field("b-c", data.Int32Schema).MustBuild(), map[string]any{"b-c": 1}), `field b-c: "b-c" is no name in Avro: set scrub.invalid.names=true`},
		"not registered":  {[]string{"auto.register.schemas", "false"}, rowOf(t, data.Int32Schema, 1), "is not in the registry under subject t-value, and auto.register.schemas is false"},
		"record strategy": {[]string{"value.subject.name.strategy", "io.confluent.kafka.serializers.subject.RecordNameStrategy"}, rowOf(t, data.Int32Schema, 1), "names subjects after records, and the value is none"},
		"latest":          {[]string{"auto.register.schemas", "false", "use.latest.version", "true"}, rowOf(t, data.Int32Schema, 1), "the latest schema of subject t-value cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			conv, _ := withRegistry(t, "io.confluent.connect.avro.AvroConverter", c.settings...)
			_, err := conv.FromConnect(&Arena{}, "t", c.value)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestAvroReadsOnlyAvro(t *testing.T) {
	conv, _ := withRegistry(t, "AvroConverter")
	for name, c := range map[string]struct{ bytes, want string }{
		"json":       {"7b7d", "begins like JSON"},
		"empty":      {"", "is empty"},
		"unknown id": {"000000006302", "schema 99, which the value names, cannot be read"},
		"text":       {"68656c6c6f21", "begins with 0x68"},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := hex.DecodeString(c.bytes)
			_, err := conv.ToConnect(&Arena{}, "t", b)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestRegistryThatIsAwayIsRetriable(t *testing.T) {
	c, err := New("AvroConverter", map[string]string{"schema.registry.url": "http://127.0.0.1:1"}, Value)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.FromConnect(&Arena{}, "t", rowOf(t, data.Int32Schema, 1))
	if err == nil || !strings.Contains(err.Error(), "check schema.registry.url") {
		t.Fatalf("got %v", err)
	}
	if e, ok := err.(interface{ Retriable() bool }); !ok || !e.Retriable() {
		t.Errorf("%v is not retriable", err)
	}
}

func TestAvroOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		text, bytes, want string
		value             any
	}{
		"enum": {`{"type":"enum","name":"x.Color","symbols":["RED","BLUE"]}`, "02", `"name":"x.Color"`, "BLUE"},
		"union": {`["int","string",{"type":"record","name":"a.R","fields":[{"name":"f","type":"long"}]}]`, "020261", `"name":"io.confluent.connect.avro.Union"`,
			map[string]any{"int": nil, "string": "a", "R": nil}},
		"blocks with sizes": {`{"type":"array","items":"int"}`, "0304020401" + "02" + "06" + "00", `"items"`, []any{int32(1), int32(2), int32(3)}},
		"fixed":             {`{"type":"fixed","name":"F","size":2}`, "0102", `"connect.fixed.size":"2"`, []byte{1, 2}},
		"default":           {`{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":5,"doc":"of a"}]}`, "02", `"default":5`, map[string]any{"a": int32(1)}},
		"date":              {`{"type":"record","name":"R","fields":[{"name":"a","type":["null",{"type":"int","logicalType":"date"}],"default":null}]}`, "0202", `"name":"org.apache.kafka.connect.data.Date"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			conv, fake := withRegistry(t, "AvroConverter")
			client, _ := sr.NewClient(sr.URLs(fake.URL()))
			s, err := client.CreateSchema(t.Context(), "x", sr.Schema{Schema: c.text})
			if err != nil {
				t.Fatal(err)
			}
			b, _ := hex.DecodeString(c.bytes)
			v, err := conv.ToConnect(&Arena{}, "t", append([]byte{0, 0, 0, 0, byte(s.ID)}, b...))
			if err != nil {
				t.Fatal(err)
			}
			if text := enveloped(v); !strings.Contains(text, c.want) {
				t.Errorf("the schema is %s, want %s in it", text, c.want)
			}
			got, err := data.Decode(v.Schema, v.Data)
			if err != nil {
				t.Fatal(err)
			}
			if c.value != nil && !reflect.DeepEqual(got, c.value) {
				t.Errorf("read %v, want %v", got, c.value)
			}
		})
	}
}

func FuzzAvroRead(f *testing.F) {
	f.Add(`{"type":"record","name":"R","fields":[{"name":"a","type":["null","int"]},{"name":"b","type":{"type":"array","items":"string"}}]}`, []byte{2, 4, 2, 2, 'a', 0})
	f.Add(`{"type":"map","values":["int","string"]}`, []byte{2, 2, 'a', 0, 2, 0})
	f.Fuzz(func(t *testing.T, text string, b []byte) {
		s, err := parseAvro(text)
		if err != nil {
			return
		}
		r, err := readable(s, true)
		if err != nil {
			return
		}
		in := avroInput{b: b}
		var w data.Writer
		w.Reset(nil, r.schema)
		r.readAll(&w, &in)
		row, err := w.Finish()
		if in.err == nil && err == nil && row != nil && len(row) > 0 {
			if err := data.Check(r.schema, row); err != nil && !r.schema.Optional() {
				t.Errorf("%s read % x into a row that is none: %v", text, b, err)
			}
		}
	})
}

func BenchmarkAvro(b *testing.B) {
	conv, _ := withRegistry(b, "AvroConverter")
	v := order(b)
	var a Arena
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
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
		for range b.N {
			if _, err := conv.ToConnect(&a, "t", bytes); err != nil {
				b.Fatal(err)
			}
			a.Reset()
		}
	})
}
