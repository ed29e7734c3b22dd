package convert

import (
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func TestKnown(t *testing.T) {
	seen := map[string]string{}
	for _, d := range Known() {
		for _, problem := range d.Definition.Lint() {
			t.Errorf("%s: %s", d.Name, problem)
		}
		for _, name := range append([]string{d.Class, d.Name}, d.Aliases...) {
			if other, ok := seen[name]; ok {
				t.Errorf("%s is the name of %s and of %s", name, other, d.Name)
			}
			seen[name] = d.Name
			if _, err := New(name, nil, Value); (err == nil) != d.Converter {
				t.Errorf("New(%s): %v", name, err)
			}
			if _, err := NewHeader(name, nil); (err == nil) != d.HeaderConverter {
				t.Errorf("NewHeader(%s): %v", name, err)
			}
		}
	}
	if seen[DefaultHeaderConverter] == "" {
		t.Error("the default header converter is not known")
	}
}

func TestNewErrors(t *testing.T) {
	header := func(class string, values map[string]string, _ Use) (Converter, error) {
		_, err := NewHeader(class, values)
		return nil, err
	}
	for name, c := range map[string]struct {
		build    func(string, map[string]string, Use) (Converter, error)
		use      Use
		class    string
		settings string
		want     []string
	}{
		"unknown": {New, Key, "com.acme.XmlConverter", "", []string{
			"key.converter: Class com.acme.XmlConverter could not be found.", "JsonConverter, StringConverter, ByteArrayConverter", "DoubleConverter"}},
		"mistyped":               {New, Value, "JsonConvertor", "", []string{"Class JsonConvertor could not be found. Did you mean JsonConverter?"}},
		"empty":                  {New, Value, "", "", []string{"value.converter: Class  could not be found."}},
		"only for headers":       {New, Value, "SimpleHeaderConverter", "", []string{"value.converter: Class SimpleHeaderConverter is not a converter."}},
		"unknown for headers":    {header, Header, "X", "", []string{"header.converter: Class X could not be found.", "SimpleHeaderConverter"}},
		"flag":                   {New, Value, "Json", "schemas.enable=yes", []string{"value.converter JsonConverter", "Invalid value yes for configuration value.converter.schemas.enable"}},
		"flag of a header":       {header, Header, "Json", "schemas.enable=yes", []string{"header.converter.schemas.enable"}},
		"size":                   {New, Key, "Json", "schemas.cache.size=-1", []string{"Invalid value -1 for configuration key.converter.schemas.cache.size"}},
		"choice":                 {New, Value, "Json", "decimal.format=HEX", []string{"Invalid value HEX for configuration value.converter.decimal.format", "BASE64", "NUMERIC"}},
		"all of them":            {New, Value, "Json", "decimal.format=HEX schemas.enable=0", []string{"decimal.format", "schemas.enable"}},
		"null as the schema":     {New, Value, "Json", "schema.content=null", []string{"value.converter.schema.content is not a schema as JSON: it is null"}},
		"more behind the schema": {New, Value, "Json", `schema.content={"type":"int8"}x`, []string{"text behind the value"}},
		"not UTF-8":              {New, Value, "Json", "schema.content=\xff", []string{"text is not UTF-8"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.build(c.class, pairs(c.settings), c.use)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got error %v\nwant       %s", err, want)
				}
			}
		})
	}
}

// TestForeignSettings: settings of others are no mistake.
func TestForeignSettings(t *testing.T) {
	if _, err := New("Json", map[string]string{"converter.type": "value", "schema.registry.url": "x"}, Value); err != nil {
		t.Error(err)
	}
}

// TestUntouched: what needs no conversion is passed on, not copied.
func TestUntouched(t *testing.T) {
	b := []byte(`{"a":1}`)
	for name, c := range map[string]struct {
		class, settings string
		v               data.Value
	}{
		"bytes":  {"ByteArray", "", data.BytesValue(b)},
		"string": {"String", "", data.Value{Kind: data.KindString, Data: b}},
		"JSON":   {"Json", "schemas.enable=false", data.JSONValue(b)},
	} {
		t.Run(name, func(t *testing.T) {
			k := converter(t, c.class, c.settings)
			out, err := k.FromConnect(new(Arena), "topic", c.v)
			if err != nil || &out[0] != &b[0] || len(out) != len(b) {
				t.Errorf("written: %q, %v", out, err)
			}
			v, err := k.ToConnect(new(Arena), "topic", b)
			if err != nil || v.Kind != c.v.Kind || &v.Data[0] != &b[0] || len(v.Data) != len(b) {
				t.Errorf("read: %v %q, %v", v.Kind, v.Data, err)
			}
		})
	}
}

func TestArena(t *testing.T) {
	c := converter(t, "Json", "schemas.enable=false")
	var a Arena
	var outs [][]byte
	for range 1000 {
		out, err := c.FromConnect(&a, "topic", data.StringValue("0123456789"))
		if err != nil {
			t.Fatal(err)
		}
		outs = append(outs, out)
	}
	for i, out := range outs {
		if string(out) != `"0123456789"` {
			t.Fatalf("result %d became %q", i, out)
		}
		if cap(out) != len(out) {
			t.Fatalf("result %d can be appended to", i)
		}
	}
	large := cap(a.buf)
	a.Reset()
	if cap(a.buf) != large {
		t.Error("Reset gave memory back that is needed again")
	}
	if _, err := c.FromConnect(&a, "topic", data.StringValue(strings.Repeat("x", 2*keep))); err != nil {
		t.Fatal(err)
	}
	a.Reset() // all of it was used
	if cap(a.buf) < 2*keep {
		t.Error("Reset gave memory back that was used")
	}
	a.Reset() // none of it was used
	if cap(a.buf) != 0 {
		t.Error("Reset kept the memory that one large batch needed")
	}
	if out := a.cut(a.buf, 0); out == nil {
		t.Error("an empty result is null")
	}
}

func TestLRU(t *testing.T) {
	for name, c := range map[string]struct {
		limit int
		want  string
	}{
		"zero counts as one": {0, "3"},
		"one":                {1, "3"},
		"two":                {2, "1 3"},
		"enough":             {3, "1 2 3"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLRU[string, int](c.limit)
			l.put("1", 1)
			l.put("2", 2)
			l.get("1")
			l.put("3", 3)
			var have []string
			for _, k := range []string{"1", "2", "3"} {
				if _, ok := l.get(k); ok {
					have = append(have, k)
				}
			}
			if got := strings.Join(have, " "); got != c.want {
				t.Errorf("kept %s, want %s", got, c.want)
			}
		})
	}
}

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
		v, err := h.ToConnectHeader(new(Arena), "topic", "h", []byte(text))
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
			if _, err := c.ToConnect(new(Arena), "topic", nested(deepest+2)); err == nil || !strings.Contains(err.Error(), "nested deeper than 1000") {
				t.Error(err)
			}
		})
	}
}
