package convert

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// headed makes two converters on one registry: one that writes headers, and one of the settings given.
func headed(t *testing.T, class string, use Use, settings ...string) (writer, other Headed, registry *srfake.Registry) {
	t.Helper()
	registry = srfake.New()
	t.Cleanup(registry.Close)
	with := func(settings ...string) Headed {
		values := map[string]string{"schema.registry.url": registry.URL()}
		for i := 0; i < len(settings); i += 2 {
			values[settings[i]] = settings[i+1]
		}
		c, err := New(class, values, use)
		if err != nil {
			t.Fatal(err)
		}
		return c.(Headed)
	}
	return with(use.String()+".schema.id.serializer", "io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer"), with(settings...), registry
}

// item is a schema whose value is the same after each of the three converters.
var item = data.NewStruct("item").Field("n", data.Int64Schema).Field("name", data.StringSchema).MustBuild()

func TestSchemaInAHeader(t *testing.T) {
	for class, c := range map[string]struct{ value, behind string }{
		"AvroConverter":       {"0e0261", ""},
		"JsonSchemaConverter": {hex.EncodeToString([]byte(`{"n":7,"name":"a"}`)), ""},
		"ProtobufConverter":   {"0807120161", "00"},
	} {
		for use, name := range map[Use]string{Key: "__key_schema_id", Value: "__value_schema_id"} {
			t.Run(class+" "+use.String(), func(t *testing.T) {
				writer, reader, registry := headed(t, class, use)
				v := rowOf(t, item, map[string]any{"n": int64(7), "name": "a"})
				var a Arena
				b, header, err := writer.FromConnectHeaded(&a, "orders", v)
				if err != nil {
					t.Fatal(err)
				}
				client, err := sr.NewClient(sr.URLs(registry.URL()))
				if err != nil {
					t.Fatal(err)
				}
				registered, err := client.SchemaByVersion(t.Context(), "orders-"+use.String(), -1)
				if err != nil {
					t.Fatal(err)
				}
				want := "01" + strings.ReplaceAll(registered.GUID, "-", "") + c.behind
				if got := hex.EncodeToString(header); got != want || writer.SchemaHeader() != name || len(registered.GUID) != 36 {
					t.Errorf("header %s is %s, want %s %s", writer.SchemaHeader(), got, name, want)
				}
				if got := hex.EncodeToString(b); got != c.value {
					t.Errorf("the bytes are %s, want %s", got, c.value)
				}

				inFront, none, err := reader.FromConnectHeaded(&a, "orders", v)
				if err != nil || none != nil || !bytes.HasSuffix(inFront, b) || len(inFront) != 5+len(c.behind)/2+len(b) {
					t.Errorf("without a header it is %x %x, %v", inFront, none, err)
				}
				for from, record := range map[string][2][]byte{
					"the header":             {b, header},
					"in front":               {inFront, nil},
					"a number in the header": {b, append(bytes.Clone(inFront[:5]), header[17:]...)},
					"a GUID in front":        {append(bytes.Clone(header), b...), nil},
				} {
					got, err := reader.ToConnectHeaded(&a, "orders", record[0], record[1])
					if err != nil {
						t.Errorf("%s: %v", from, err)
						continue
					}
					back, err := data.Decode(got.Schema, got.Data)
					if err != nil || !reflect.DeepEqual(back, must(data.Decode(v.Schema, v.Data))) {
						t.Errorf("%s: read as %v, %v", from, back, err)
					}
				}
			})
		}
	}
}

func must(v any, err error) any {
	if err != nil {
		panic(err)
	}
	return v
}

// A tombstone names no schema, and is one whatever the header says.
func TestNullsHaveNoHeader(t *testing.T) {
	for _, class := range []string{"AvroConverter", "JsonSchemaConverter", "ProtobufConverter"} {
		t.Run(class, func(t *testing.T) {
			writer, reader, _ := headed(t, class, Value)
			b, header, err := writer.FromConnectHeaded(&Arena{}, "t", data.Value{})
			if b != nil || header != nil || err != nil {
				t.Errorf("null is %x %x, %v", b, header, err)
			}
			v, err := reader.ToConnectHeaded(&Arena{}, "t", nil, []byte{1, 2})
			if !v.IsNull() || err != nil {
				t.Errorf("null is read as %v, %v", v, err)
			}
		})
	}
}

// What has no bytes at all besides its header is a value, not a tombstone.
func TestEmptyValueWithHeader(t *testing.T) {
	writer, reader, _ := headed(t, "ProtobufConverter", Value)
	empty := data.NewStruct("item").Field("n", data.Int64Schema).MustBuild()
	b, header, err := writer.FromConnectHeaded(&Arena{}, "t", rowOf(t, empty, map[string]any{"n": int64(0)}))
	if err != nil || b == nil || len(b) != 0 {
		t.Fatalf("it is %#v, %v", b, err)
	}
	v, err := reader.ToConnectHeaded(&Arena{}, "t", b, header)
	if err != nil || v.IsNull() {
		t.Errorf("it is read as %v, %v", v, err)
	}
}

func TestBadSchemaHeaders(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		front  bool // whether the value names its schema, too
		deaf   bool // PrefixSchemaIdDeserializer
		want   string
	}{
		"short":             {"01aabb", true, false, "header __value_schema_id of 3 bytes begins with 0x01aabb: it takes magic byte 1 and the 16 bytes of a GUID"},
		"empty":             {"", true, false, "header __value_schema_id of 0 bytes"},
		"another magic":     {"02" + strings.Repeat("00", 16), true, false, "begins with 0x02000000"},
		"unknown":           {"01" + strings.Repeat("0a", 16), true, false, "schema 0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a, which the value names, cannot be read"},
		"not looked at":     {"01aabb", true, true, ""},
		"not looked at, no": {"01" + strings.Repeat("0a", 16), false, true, "set value.converter to the converter that wrote it"},
	} {
		t.Run(name, func(t *testing.T) {
			var settings []string
			if c.deaf {
				settings = []string{"value.schema.id.deserializer", "PrefixSchemaIdDeserializer"}
			}
			_, reader, _ := headed(t, "AvroConverter", Value, settings...)
			v := rowOf(t, item, map[string]any{"n": int64(7), "name": "a"})
			b, _, err := reader.FromConnectHeaded(&Arena{}, "t", v)
			if err != nil {
				t.Fatal(err)
			}
			if !c.front {
				b = b[5:]
			}
			header, err := hex.DecodeString(c.header)
			if err != nil {
				t.Fatal(err)
			}
			_, err = reader.ToConnectHeaded(&Arena{}, "t", b, header)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// The header converter of a record writes no header of a header.
func TestHeaderConverterWithoutHeaders(t *testing.T) {
	registry := srfake.New()
	defer registry.Close()
	c, err := New("AvroConverter", map[string]string{"schema.registry.url": registry.URL(), "value.schema.id.serializer": "HeaderSchemaIdSerializer"}, Header)
	if err != nil {
		t.Fatal(err)
	}
	b, header, err := c.(Headed).FromConnectHeaded(&Arena{}, "t", data.StringValue("x"))
	if err != nil || header != nil || len(b) != 7 {
		t.Errorf("it is %x %x, %v", b, header, err)
	}
}

func FuzzSchemaID(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 2}, []byte(nil))
	f.Add([]byte{2}, append([]byte{1}, make([]byte, 17)...))
	f.Fuzz(func(t *testing.T, b, header []byte) {
		for _, text := range [][]byte{b, header} {
			id, rest, ok := splitID(text)
			if ok && len(rest) != len(text)-5 && len(rest) != len(text)-17 || !ok && (rest != nil || id.Number != 0) {
				t.Errorf("%x is %s and %x, %v", text, id, rest, ok)
			}
			if ok {
				_, _, _ = messageOf(id, rest)
			}
		}
	})
}
