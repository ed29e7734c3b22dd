package convert

import (
	"bytes"
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// protobufShapes are schemas with the text and the bytes of a value.
var protobufShapes = map[string]struct {
	settings []string
	schema   *data.Schema
	value    map[string]any
	text     string
	hex      string
}{
	"numbers": {nil, data.NewStruct("shop.N").Field("a", data.Int32Schema).Field("b", data.Int64Schema).Field("c", data.BooleanSchema).
		Field("d", data.Float64Schema).Field("e", data.Float32Schema).MustBuild(),
		map[string]any{"a": -1, "b": 300, "c": true, "d": 1.5, "e": float32(0)},
		"syntax = \"proto3\";\npackage shop;\n\nmessage N {\n  int32 a = 1;\n  int64 b = 2;\n  bool c = 3;\n  double d = 4;\n  float e = 5;\n}\n",
		"08ffffffffffffffffff01" + "10ac02" + "1801" + "21000000000000f83f"},
	"texts": {nil, data.NewStruct("").Field("a", data.StringSchema).Field("b", data.BytesSchema).Field("c", data.StringSchema).MustBuild(),
		map[string]any{"a": "é", "b": []byte{1, 2}, "c": ""},
		"syntax = \"proto3\";\n\nmessage ConnectDefault1 {\n  string a = 1;\n  bytes b = 2;\n  string c = 3;\n}\n",
		"0a02c3a9" + "12020102"},
	"logical types": {nil, data.NewStruct("L").Field("d", data.NewDecimal(2).MustBuild()).Field("day", data.DateSchema).Field("at", data.TimestampSchema).
		Field("t", data.TimeSchema).MustBuild(),
		map[string]any{"d": data.Decimal{Unscaled: big.NewInt(-129), Scale: 2}, "day": time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
			"at": time.UnixMilli(-1), "t": 3661001 * time.Millisecond},
		"syntax = \"proto3\";\n\nimport \"confluent/meta.proto\";\nimport \"confluent/type/decimal.proto\";\nimport \"google/protobuf/timestamp.proto\";\n" +
			"import \"google/type/date.proto\";\nimport \"google/type/timeofday.proto\";\n\nmessage L {\n  confluent.type.Decimal d = 1 [(confluent.field_meta) = {\n" +
			"    params: [\n      {\n        key: \"scale\",\n        value: \"2\"\n      }\n    ]\n  }];\n  google.type.Date day = 2;\n" +
			"  google.protobuf.Timestamp at = 3;\n  google.type.TimeOfDay t = 4;\n}\n",
		"0a08" + "0a02ff7f" + "1003" + "1802" + "1207" + "08e80f" + "1002" + "181d" + "1a11" + "08ffffffffffffffffff01" + "10c08faedc03" + "220a" + "0801" + "1001" + "1801" + "20c0843d"},
	"lists": {nil, data.NewStruct("A").Field("n", data.NewArray(data.Int32Schema).MustBuild()).Field("s", data.NewArray(data.StringSchema).MustBuild()).MustBuild(),
		map[string]any{"n": []any{1, 0, 300}, "s": []any{"a", ""}},
		"syntax = \"proto3\";\n\nmessage A {\n  repeated int32 n = 1;\n  repeated string s = 2;\n}\n",
		"0a040100ac02" + "120161" + "1200"},
	"map": {nil, data.NewStruct("M").Field("m", data.NewMap(data.StringSchema, data.Int32Schema).MustBuild()).MustBuild(),
		map[string]any{"m": map[string]any{"a": 1}},
		"syntax = \"proto3\";\n\nmessage M {\n  repeated ConnectDefault2Entry m = 1;\n\n  message ConnectDefault2Entry {\n    string key = 1;\n    int32 value = 2;\n  }\n}\n",
		"0a05" + "0a0161" + "1001"},
	"optional": {[]string{"optional.for.nullables", "true"}, data.NewStruct("O").Field("a", data.OptionalInt32Schema).Field("b", data.OptionalInt32Schema).MustBuild(),
		map[string]any{"a": 0, "b": nil}, "syntax = \"proto3\";\n\nmessage O {\n  optional int32 a = 1;\n  optional int32 b = 2;\n}\n", "0800"},
	"wrapper": {[]string{"wrapper.for.nullables", "true"}, data.NewStruct("W").Field("a", data.OptionalInt32Schema).Field("b", data.OptionalStringSchema).Field("c", data.OptionalInt32Schema).MustBuild(),
		map[string]any{"a": 0, "b": "x", "c": nil},
		"syntax = \"proto3\";\n\nimport \"google/protobuf/wrappers.proto\";\n\nmessage W {\n  google.protobuf.Int32Value a = 1;\n  google.protobuf.StringValue b = 2;\n  google.protobuf.Int32Value c = 3;\n}\n",
		"0a00" + "12030a0178"},
	"envelope": {nil, func() *data.Schema {
		row := data.NewStruct("shop.users.Value").Optional().Field("id", data.Int32Schema).MustBuild()
		return data.NewStruct("shop.users.Envelope").Field("before", row).Field("after", row).Field("op", data.StringSchema).MustBuild()
	}(), map[string]any{"before": nil, "after": map[string]any{"id": 7}, "op": "c"},
		"syntax = \"proto3\";\npackage shop.users;\n\nmessage Envelope {\n  Value before = 1;\n  Value after = 2;\n  string op = 3;\n\n  message Value {\n    int32 id = 1;\n  }\n}\n",
		"12020807" + "1a0163"},
	"enum": {nil, data.NewStruct("E").Field("c", data.NewSchema(data.String).Parameter(protoEnum, "Color").Parameter(protoEnum+".RED", "0").Parameter(protoEnum+".BLUE", "5").MustBuild()).MustBuild(),
		map[string]any{"c": "BLUE"}, "syntax = \"proto3\";\n\nmessage E {\n  Color c = 1;\n\n  enum Color {\n    RED = 0;\n    BLUE = 5;\n  }\n}\n", "0805"},
	"oneof": {nil, data.NewStruct("U").Field("x_0", data.NewStruct(protoUnion+"x").Optional().
		Field("n", data.NewSchema(data.Int32).Optional().Parameter(protoTag, "2").MustBuild()).
		Field("s", data.NewSchema(data.String).Optional().Parameter(protoTag, "3").MustBuild()).MustBuild()).MustBuild(),
		map[string]any{"x_0": map[string]any{"n": nil, "s": ""}},
		"syntax = \"proto3\";\n\nmessage U {\n\n  oneof x {\n    int32 n = 2;\n    string s = 3;\n  }\n}\n", "1a00"},
	"int16": {nil, data.NewStruct("I").Field("a", data.Int16Schema).MustBuild(), map[string]any{"a": 2},
		"syntax = \"proto3\";\n\nimport \"confluent/meta.proto\";\n\nmessage I {\n  int32 a = 1 [(confluent.field_meta) = {\n    params: [\n      {\n        key: \"connect.type\",\n        value: \"int16\"\n      }\n    ]\n  }];\n}\n",
		"0802"},
}

func TestProtobuf(t *testing.T) {
	for name, c := range protobufShapes {
		t.Run(name, func(t *testing.T) {
			conv, fake := withRegistry(t, "io.confluent.connect.protobuf.ProtobufConverter", c.settings...)
			var a Arena
			b, err := conv.FromConnect(&a, "orders", rowOf(t, c.schema, c.value))
			if err != nil {
				t.Fatal(err)
			}
			registered := registeredFor(t, fake.URL(), "orders-value")
			if registered.Schema.Schema != c.text || registered.Type != sr.TypeProtobuf {
				t.Errorf("registered as %s\n%s\nwant\n%s", registered.Type, registered.Schema.Schema, c.text)
			}
			if want := hex.EncodeToString([]byte{0, 0, 0, 0, byte(registered.ID), 0}) + c.hex; hex.EncodeToString(b) != want {
				t.Errorf("wrote %x, want %s", b, want)
			}
			back, err := conv.ToConnect(&a, "orders", b)
			if err != nil {
				t.Fatal(err)
			}
			want, err := data.Decode(c.schema, rowOf(t, c.schema, c.value).Data)
			if err != nil {
				t.Fatal(err)
			}
			got, err := data.Decode(back.Schema, back.Data)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("read %v, %v, want %v", got, err, want)
			}
			if back.Schema.Name() != c.schema.Name()[strings.LastIndexByte(c.schema.Name(), '.')+1:] && c.schema.Name() != "" {
				t.Errorf("read with the schema %v", back.Schema)
			}
		})
	}
}

// protoAble tells whether Protobuf has a form for a schema, inside is that it is part of another.
func protoAble(s *data.Schema, inside data.Type) bool {
	switch s.Type() {
	case data.Any:
		return false
	case data.Array:
		return inside != data.Array && !s.Element().Optional() && protoAble(s.Element(), data.Array)
	case data.Map:
		return inside != data.Array && protoAble(s.Key(), data.Map) && protoAble(s.Element(), data.Map)
	}
	for _, f := range s.Fields() {
		if !protoAble(f.Schema, data.Struct) {
			return false
		}
	}
	return true
}

// plausible brings a value into what Protobuf has: times of day, lists instead of null.
func plausible(s *data.Schema, v any) any {
	switch s.Name() {
	case data.TimeName:
		if v != nil {
			return int32(uint32(v.(int32)) % 86_400_000)
		}
	case data.TimestampName:
		if v != nil {
			return v.(int64) / 1_000_000
		}
	case data.DateName:
		if v != nil {
			return v.(int32) / 1000
		}
	}
	switch v := v.(type) {
	case nil:
		switch s.Type() {
		case data.Array:
			return []any{}
		case data.Map:
			return []data.Entry{}
		}
	case []any:
		for i := range v {
			v[i] = plausible(s.Element(), v[i])
		}
	case []data.Entry:
		for i := range v {
			v[i].Key, v[i].Value = plausible(s.Key(), v[i].Key), plausible(s.Element(), v[i].Value)
		}
	case map[string]any:
		for _, f := range s.Fields() {
			v[f.Name] = plausible(f.Schema, v[f.Name])
		}
	}
	return v
}

// A row of any schema comes back with the same values, and is what Google's library writes.
func TestProtobufRoundTrip(t *testing.T) {
	done := 0
	for seed := range uint64(1200) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 9)), t: t, names: true}
		s := g.schema(3)
		if s.Type() != data.Struct || !protoAble(s, 0) {
			continue
		}
		done++
		v := rowOf(t, s, plausible(s, g.value(s, 3)))
		conv, fake := withRegistry(t, "ProtobufConverter", []string{"optional.for.nullables", "wrapper.for.nullables"}[seed%2], "true")
		var a Arena
		b, err := conv.FromConnect(&a, "t", v)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		text := registeredFor(t, fake.URL(), "t-value").Schema.Schema
		file, err := parseProto(text, nil)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		theirs := dynamicpb.NewMessage(file.Messages().Get(0))
		if err := proto.Unmarshal(b[6:], theirs); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(theirs)
		if err != nil || !bytes.Equal(again, b[6:]) {
			t.Fatalf("seed %d: another library writes\n%x\nnot\n%x\n%s", seed, again, b[6:], text)
		}
		back, err := conv.ToConnect(&a, "t", b)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		if err := data.Check(back.Schema, back.Data); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		want, err := data.Decode(s, v.Data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := data.Decode(back.Schema, back.Data)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %v\ngot  %v\nwant %v\n%s", seed, err, got, want, text)
		}
	}
	if done < 30 {
		t.Errorf("only %d schemas were tried", done)
	}
}

// Schemas and values of other programs.
func TestProtobufOfOthers(t *testing.T) {
	for name, c := range map[string]struct {
		settings          []string
		text, hex, schema string
		value             any
	}{
		"all numbers": {nil, `syntax = "proto3"; message A { sint32 a = 1; uint32 b = 2; fixed32 c = 3; sfixed64 d = 4; sint64 e = 5; uint64 f = 6; }`,
			"00" + "0801" + "10ffffffff0f" + "1d01000000" + "21ffffffffffffffff" + "2803" + "3005", `"type":"int64"`,
			map[string]any{"a": int32(-1), "b": int64(4294967295), "c": int64(1), "d": int64(-1), "e": int64(-2), "f": int64(5)}},
		"second message":     {nil, `syntax = "proto3"; message A { } message B { message C { int32 a = 1; } }`, "04" + "02" + "00" + "0807", `"name":"C"`, map[string]any{"a": int32(7)}},
		"full names":         {[]string{"enhanced.protobuf.schema.support", "true"}, `syntax = "proto3"; package p.q; message A { }`, "00", `"name":"p.q.A"`, map[string]any{}},
		"real map":           {nil, `syntax = "proto3"; message A { map<string, int32> m = 1; }`, "00" + "0a05" + "0a0161" + "1002" + "0a03" + "0a0162", `"type":"map"`, map[string]any{"m": map[string]any{"a": int32(2), "b": int32(0)}}},
		"not packed":         {nil, `syntax = "proto2"; message A { repeated int32 n = 1; }`, "00" + "0801" + "0a020203" + "0804", `"type":"array"`, map[string]any{"n": []any{int32(1), int32(2), int32(3), int32(4)}}},
		"split message":      {nil, `syntax = "proto3"; message A { B b = 1; message B { int32 x = 1; int32 y = 2; } }`, "00" + "0a020801" + "0a021002", `"name":"B"`, map[string]any{"b": map[string]any{"x": int32(1), "y": int32(2)}}},
		"any order":          {nil, `syntax = "proto3"; message A { int32 x = 1; int32 y = 300; }`, "00" + "e01202" + "0801" + "0803", `"y"`, map[string]any{"x": int32(3), "y": int32(2)}},
		"unknown fields":     {nil, `syntax = "proto3"; message A { int32 x = 1; }`, "00" + "12020102" + "0801", `"x"`, map[string]any{"x": int32(1)}},
		"absent":             {nil, `syntax = "proto3"; message A { int32 x = 1; optional int32 y = 2; string s = 3; }`, "00", `"x"`, map[string]any{"x": int32(0), "y": nil, "s": ""}},
		"oneof":              {nil, `syntax = "proto3"; message A { oneof o { int32 x = 1; string s = 2; } }`, "00" + "0801" + "120161", `"o_0"`, map[string]any{"o_0": map[string]any{"x": nil, "s": "a"}}},
		"oneof, not indexed": {[]string{"generate.index.for.unions", "false"}, `syntax = "proto3"; message A { oneof o { int32 x = 1; } }`, "00", `"field":"o"`, map[string]any{"o": nil}},
		"enum as number":     {[]string{"int.for.enums", "true"}, `syntax = "proto3"; message A { E e = 1; } enum E { X = 0; Y = 3; }`, "00" + "0803", `"type":"int32"`, map[string]any{"e": int32(3)}},
		"group":              {nil, `syntax = "proto2"; message A { optional group G = 1 { optional int32 x = 1; } }`, "00" + "0b" + "0805" + "0c", `"g"`, map[string]any{"g": map[string]any{"x": int32(5)}}},
		"wrapper as message": {nil, `syntax = "proto3"; import "google/protobuf/wrappers.proto"; message A { google.protobuf.Int32Value x = 1; }`, "00" + "0a020805", `"Int32Value"`, map[string]any{"x": map[string]any{"value": int32(5)}}},
	} {
		t.Run(name, func(t *testing.T) {
			conv, fake := withRegistry(t, "ProtobufConverter", c.settings...)
			b, err := hex.DecodeString(c.hex)
			if err != nil {
				t.Fatal(err)
			}
			v := readRegistered(t, conv, fake.URL(), sr.Schema{Schema: c.text, Type: sr.TypeProtobuf}, string(b))
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

func TestProtobufReferences(t *testing.T) {
	conv, fake := withRegistry(t, "ProtobufConverter")
	client, err := sr.NewClient(sr.URLs(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range [][2]string{{"x/base.proto", `syntax = "proto3"; package x; message Base { int32 n = 1; }`}} {
		if _, err := client.CreateSchema(t.Context(), s[0], sr.Schema{Schema: s[1], Type: sr.TypeProtobuf}); err != nil {
			t.Fatal(err)
		}
	}
	v := readRegistered(t, conv, fake.URL(), sr.Schema{
		Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; import "x/base.proto"; message A { x.Base b = 1; }`,
		References: []sr.SchemaReference{{Name: "x/base.proto", Subject: "x/base.proto", Version: 1}},
	}, "\x00\x0a\x02\x08\x05")
	got, err := data.Decode(v.Schema, v.Data)
	if want := (map[string]any{"b": map[string]any{"n": int32(5)}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %v, %v, want %v", got, err, want)
	}
}

func TestProtobufUnderTheLatest(t *testing.T) {
	s := data.NewStruct("p.A").Field("x", data.Int32Schema).MustBuild()
	for name, c := range map[string]struct{ text, want, err string }{
		"more fields": {`syntax = "proto3"; package p; message Z {} message A { int32 x = 1; int32 y = 2; }`, "0202" + "0805", ""},
		"other type":  {`syntax = "proto3"; package p; message A { string x = 1; }`, "", "field 1 is string x there and int32 x here"},
		"no field":    {`syntax = "proto3"; package p; message A { }`, "", "field p.A.x with the number 1 is not there"},
		"no message":  {`syntax = "proto3"; package p; message B { }`, "", "it has no message p.A"},
	} {
		t.Run(name, func(t *testing.T) {
			conv, fake := withRegistry(t, "ProtobufConverter", "auto.register.schemas", "false", "use.latest.version", "true", "latest.compatibility.strict", "false")
			client, err := sr.NewClient(sr.URLs(fake.URL()))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.CreateSchema(t.Context(), "t-value", sr.Schema{Schema: c.text, Type: sr.TypeProtobuf}); err != nil {
				t.Fatal(err)
			}
			b, err := conv.FromConnect(&Arena{}, "t", rowOf(t, s, map[string]any{"x": 5}))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v, want %s", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(b[5:]); got != c.want {
				t.Errorf("wrote %s, want %s", got, c.want)
			}
		})
	}
}

func TestProtobufErrors(t *testing.T) {
	of := func(f *data.Schema, v any) data.Value {
		return rowOf(t, data.NewStruct("a").Field("x", f).MustBuild(), map[string]any{"x": v})
	}
	for name, c := range map[string]struct {
		value data.Value
		want  string
	}{
		"no schema":     {data.JSONValue([]byte(`{}`)), "JSON without schema, and ProtobufConverter takes STRUCT only"},
		"text":          {rowOf(t, data.StringSchema, "a"), "STRING is no STRUCT, and Protobuf has messages only"},
		"any":           {of(data.AnySchema, "a"), "x: a value without schema cannot be written as Protobuf"},
		"nested lists":  {of(data.NewArray(data.NewArray(data.Int32Schema).MustBuild()).MustBuild(), []any{}), "an ARRAY directly inside an ARRAY"},
		"null element":  {of(data.NewArray(data.OptionalInt32Schema).MustBuild(), []any{nil}), "x[0]: a null cannot be an element"},
		"time":          {of(data.TimeSchema, int32(-1)), "-1 is no time of day"},
		"name":          {rowOf(t, data.NewStruct("a").Field("b-c", data.Int32Schema).MustBuild(), map[string]any{"b-c": 1}), `"b-c" is no name in Protobuf: set scrub.invalid.names=true`},
		"no such value": {of(data.NewSchema(data.String).Parameter(protoEnum, "E").Parameter(protoEnum+".A", "0").MustBuild(), "B"), `"B" is none of the symbols`},
	} {
		t.Run(name, func(t *testing.T) {
			conv, _ := withRegistry(t, "ProtobufConverter")
			_, err := conv.FromConnect(&Arena{}, "t", c.value)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if b, err := (&protobufConverter{}).FromConnect(&Arena{}, "t", data.Value{}); b != nil || err != nil {
		t.Errorf("a tombstone is %q, %v", b, err)
	}
}

func FuzzProtobufRead(f *testing.F) {
	var readers []*protoReader
	for _, text := range []string{
		`syntax = "proto3"; message A { int32 a = 1; repeated sint64 b = 2; map<string, B> c = 3; oneof o { string s = 4; B t = 5; } message B { bytes x = 1; repeated E e = 2; } enum E { X = 0; Y = 1; } }`,
		`syntax = "proto2"; import "google/protobuf/timestamp.proto"; import "google/type/date.proto"; import "google/type/timeofday.proto"; import "confluent/type/decimal.proto";
		message A { optional google.protobuf.Timestamp t = 1; optional google.type.Date d = 2; optional google.type.TimeOfDay o = 3; repeated confluent.type.Decimal n = 4; optional group G = 5 { optional float x = 1; } }`,
		`syntax = "proto3"; import "google/protobuf/wrappers.proto"; message A { google.protobuf.Int32Value a = 1; repeated google.protobuf.StringValue b = 2; google.protobuf.DoubleValue c = 3; }`,
	} {
		file, err := parseProto(text, nil)
		if err != nil {
			f.Fatal(err)
		}
		r, err := newProtoReader(file, []int{0}, protoSettings{wrapper: len(readers) == 2, indexed: true})
		if err != nil {
			f.Fatal(err)
		}
		readers = append(readers, r)
	}
	for _, c := range protobufShapes {
		b, err := hex.DecodeString(c.hex)
		if err != nil {
			f.Fatal(err)
		}
		for i := range readers {
			f.Add(uint8(i), b)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		r := readers[int(which)%len(readers)]
		var in protoInput
		in.w.Reset([]byte{}, r.schema)
		err := in.read(r, b)
		row, werr := in.w.Finish()
		if err != nil {
			return
		}
		if werr != nil {
			t.Fatalf("%x: %v", b, werr)
		}
		if err := data.Check(r.schema, row); err != nil {
			t.Fatalf("%x was read into a row that is none: %v", b, err)
		}
	})
}

// FuzzProtobufSchema reads schemas of strangers.
func FuzzProtobufSchema(f *testing.F) {
	for _, c := range protobufShapes {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parseProto(text, nil)
		if err != nil {
			return
		}
		r, err := newProtoReader(file, []int{0}, protoSettings{})
		if err != nil {
			return
		}
		var in protoInput
		in.w.Reset([]byte{}, r.schema)
		if err := in.read(r, nil); err != nil {
			return
		}
		if row, err := in.w.Finish(); err != nil || data.Check(r.schema, row) != nil {
			t.Errorf("an empty message is no row: %v", err)
		}
	})
}

func BenchmarkProtobuf(b *testing.B) { benchmarkRegistered(b, "ProtobufConverter") }
