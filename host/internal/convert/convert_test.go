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
			needed := map[string]string{"schema.registry.url": "http://127.0.0.1:1"}
			if _, err := New(name, needed, Value); (err == nil) != d.Converter {
				t.Errorf("New(%s): %v", name, err)
			}
			if _, err := NewHeader(name, needed); (err == nil) != d.HeaderConverter {
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
