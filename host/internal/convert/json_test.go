package convert

import (
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// TestSchemaIdentity: the address of a schema is its identity on the wire, so equal texts must give the same schema.
func TestSchemaIdentity(t *testing.T) {
	read := func(c Converter, text string) *data.Schema {
		t.Helper()
		v, err := c.ToConnect(new(Arena), "topic", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return v.Schema
	}
	const a, b = `{"schema":{"type":"int8","doc":"a"},"payload":1}`, `{ "payload":2, "schema":{"type":"int8","doc":"b"}}`
	c := converter(t, "Json", "schemas.cache.size=2")
	first, other := read(c, a), read(c, b)
	if first.Doc() != "a" || other.Doc() != "b" {
		t.Fatal("schemas are mixed up")
	}
	for range 3 {
		if read(c, a) != first || read(c, b) != other || read(c, b) != other {
			t.Fatal("an equal text gave another schema")
		}
	}
	for i := range 100 { // more schemas than the cache holds
		doc := strings.Repeat("x", i)
		if s := read(c, `{"schema":{"type":"int8","doc":"`+doc+`"},"payload":1}`); s.Doc() != doc {
			t.Fatal("schemas are mixed up")
		}
	}

	h, err := NewHeader("Simple", nil)
	if err != nil {
		t.Fatal(err)
	}
	schemas := map[*data.Schema]bool{}
	for _, text := range []string{"[1]", "[2,3]", "[[4]]", "[[5]]", `{"a":1}`, `{"b":2}`, "99999999999999999999", "88888888888888888888"} {
		var v data.Value
		err := h.ToConnectHeader(&v, new(Arena), "topic", "h", []byte(text))
		if err != nil || v.Kind != data.KindRow {
			t.Fatal(text, v.Kind, err)
		}
		schemas[v.Schema] = true
	}
	if len(schemas) != 4 {
		t.Errorf("%d schemas, want 4", len(schemas))
	}
}

// TestEnvelopeSwitch reads envelopes whose beginning is that of the one before, and ends in another way.
func TestEnvelopeSwitch(t *testing.T) {
	c := converter(t, "Json", "")
	for _, step := range []struct{ text, want string }{
		{`{"schema":{"type":"int8"},"payload":1}`, "INT8 1"},
		{`{"schema":{"type":"int8"},"payload":2}`, "INT8 2"},
		{`{"schema":{"type":"int8"},"payload":3 } `, "INT8 3"},
		{`{"schema":{"type":"int8"}, "payload":4}`, "INT8 4"},
		{`{"schema":{"type":"int8"},"payload":5,"x":6}`, `requires "schema" and "payload"`},
		{`{"schema":{"type":"int8"},"payload":5,"payload":6}`, `requires "schema" and "payload"`},
		{`{"schema":{"type":"int8"},"payload":7`, "is not JSON"},
		{`{"schema":{"type":"int8"},"payload":7}}`, "is not JSON"},
		{`{"schema":{"type":"int8"},"payload":`, "is not JSON"},
		{`{"schema":{"type":"int8"},"payload":null}`, "INT8 is required"},
		{`{"schema":null,"payload":8}`, "json 8"},
		{`{"schema":{"type":"int16"},"payload":9}`, "INT16 9"},
		{`{"schema":{"type":"int8"},"payload":10}`, "INT8 10"},
	} {
		v, err := c.ToConnect(new(Arena), "topic", []byte(step.text))
		got := dump(v)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, step.want) {
			t.Errorf("%s gave %s, want %s", step.text, got, step.want)
		}
	}
}

func TestDeepest(t *testing.T) {
	c := converter(t, "Json", "schemas.enable=false")
	for name, level := range map[string][2]string{"arrays": {"[", "]"}, "objects": {`{"a":`, "}"}} {
		t.Run(name, func(t *testing.T) {
			nested := func(levels int) []byte {
				return []byte(strings.Repeat(level[0], levels) + "[]" + strings.Repeat(level[1], levels))
			}
			if _, err := c.ToConnect(new(Arena), "topic", nested(deepest)); err == nil || !strings.Contains(err.Error(), "nested deeper than 1000") {
				t.Error(err)
			}
			if _, err := c.ToConnect(new(Arena), "topic", nested(deepest-1)); err != nil {
				t.Error(err)
			}
		})
	}
}
