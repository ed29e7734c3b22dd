package convert

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// seeds adds what the cases of a folder read.
func seeds(f *testing.F, folder string, add func([]byte)) {
	files, err := filepath.Glob("testdata/" + folder + "/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no cases:", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if read, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "read: "); ok {
				add([]byte(read))
			}
		}
	}
}

// FuzzSchemaless holds the scanner against encoding/json.
func FuzzSchemaless(f *testing.F) {
	seeds(f, "json", func(b []byte) { f.Add(b) })
	f.Add([]byte(strings.Repeat("[", deepest) + strings.Repeat("]", deepest)))
	f.Add([]byte(strings.Repeat(`{"a":`, deepest+1) + "1" + strings.Repeat("}", deepest+1)))
	c := converter(f, "Json", "schemas.enable=false")
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := c.ToConnect(new(Arena), "topic", b)
		blank := len(bytes.Trim(bytes.TrimPrefix(b, byteOrderMark), " \t\r\n")) == 0
		switch {
		case err != nil && json.Valid(b) && utf8.Valid(b) && bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) <= deepest:
			t.Fatalf("refused: %v", err)
		case err == nil && v.Kind == data.KindNone && !blank && !bytes.Contains(b, []byte("null")):
			t.Fatal("read as null")
		case err == nil && v.Kind == data.KindJSON && !json.Valid(v.Data):
			t.Fatalf("accepted: %q", v.Data)
		case err == nil && v.Kind == data.KindJSON && json.Valid(b) && !bytes.Equal(v.Data, bytes.Trim(b, " \t\r\n")):
			t.Fatalf("changed to %q", v.Data)
		}
	})
}

// checkRead holds what was read from foreign bytes against the promises of rows, and reads it again after writing it.
func checkRead(t *testing.T, c Converter, v data.Value) {
	if v.Kind != data.KindRow {
		if v.Kind == data.KindJSON && !json.Valid(v.Data) {
			t.Fatalf("not JSON: %q", v.Data)
		}
		return
	}
	if v.Data != nil {
		if err := data.Check(v.Schema, v.Data); err != nil {
			t.Fatal(err)
		}
	}
	text, err := c.FromConnect(new(Arena), "topic", v)
	if err != nil {
		t.Fatalf("what was read cannot be written: %v", err)
	}
	if !json.Valid(text) {
		t.Fatalf("not JSON: %s", text)
	}
	again, err := converter(t, "Json", "").ToConnect(new(Arena), "topic", text)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, text)
	}
	if !again.Schema.Equal(v.Schema) || !bytes.Equal(again.Data, v.Data) || (again.Data == nil) != (v.Data == nil) {
		t.Fatalf("%s\n%x became\n%x", text, v.Data, again.Data)
	}
}

func FuzzEnvelope(f *testing.F) {
	seeds(f, "json", func(b []byte) { f.Add(b) })
	c := converter(f, "Json", "")
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := c.ToConnect(new(Arena), "topic", b); err == nil {
			checkRead(t, c, v)
		}
	})
}

// shapes are schemas with everything in them.
func shapes() []string {
	return []string{
		`{"type":"struct","fields":[{"type":"int8","field":"a"},{"type":"int64","optional":true,"field":"b"},{"type":"string","optional":true,"default":"x","field":"c"},{"type":"struct","fields":[{"type":"boolean","field":"p"},{"type":"double","optional":true,"field":"q"}],"optional":true,"field":"d"}]}`,
		`{"type":"array","items":{"type":"struct","fields":[{"type":"string","field":"a"},{"type":"array","items":{"type":"int16","optional":true},"optional":true,"field":"b"}],"optional":true}}`,
		`{"type":"map","keys":{"type":"string"},"values":{"type":"float","optional":true}}`,
		`{"type":"map","keys":{"type":"int32","optional":true},"values":{"type":"bytes"}}`,
		`{"type":"map","keys":null,"values":null,"optional":true}`,
		`{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"3"}}`,
		`{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp","version":1,"optional":true}`,
	}
}

func FuzzPayload(f *testing.F) {
	for i := range shapes() {
		for _, text := range []string{
			`{"a":1,"b":2,"c":"x","d":{"p":true,"q":1.5}}`, `{"d":{"q":null,"p":0},"zz":[{}],"a":-1}`, `[{"a":"x","b":[1,null]},null]`, `{"x":1e5,"y":null}`,
			`[[1,"AA=="],[null,""]]`, `{"a":[1,{"b":null}]}`, `[["a",1],[2,[3]]]`, `-12.5e1`, `"AJw="`, `1700000000123`, `null`,
		} {
			f.Add(uint8(i), []byte(text))
		}
	}
	converters := make([]Converter, len(shapes()))
	for i, s := range shapes() {
		converters[i] = converter(f, "Json", "schema.content="+s)
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		c := converters[int(which)%len(converters)]
		v, err := c.ToConnect(new(Arena), "topic", b)
		if err != nil {
			return
		}
		if len(bytes.TrimSpace(b)) == 0 {
			t.Fatal("nothing was read as something")
		}
		checkRead(t, c, v)
	})
}

// FuzzRow writes rows of strangers.
func FuzzRow(f *testing.F) {
	schemas := []*data.Schema{}
	for i, s := range shapes() {
		f.Add(uint8(i), []byte("\x00\x01\x02a\x01b\x03xyz"))
		schemas = append(schemas, schemaNamed(f, s))
	}
	writers := []Converter{converter(f, "Json", ""), converter(f, "Json", "decimal.format=NUMERIC"), converter(f, "String", ""), converter(f, "ByteArray", "")}
	header, err := NewHeader("Simple", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, which uint8, row []byte) {
		if row == nil {
			row = []byte{}
		}
		v := data.RowValue(schemas[int(which)%len(schemas)], row)
		broken := data.Check(v.Schema, v.Data)
		if broken != nil && strings.Contains(broken.Error(), "nested deeper") {
			return // what is too deep to read need not be too deep to write
		}
		for i, c := range writers {
			out, err := c.FromConnect(new(Arena), "topic", v)
			if err == nil && broken != nil {
				t.Fatalf("writer %d wrote a broken row (%v): %s", i, broken, out)
			}
			if err == nil && i < 2 && !json.Valid(out) {
				t.Fatalf("not JSON: %s", out)
			}
		}
		if out, err := header.FromConnectHeader(new(Arena), "topic", "h", v); err == nil && broken != nil {
			t.Fatalf("wrote a broken row (%v): %s", broken, out)
		}
	})
}

func FuzzHeader(f *testing.F) {
	seeds(f, "header", func(b []byte) { f.Add(b) })
	header, err := NewHeader("Simple", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var v data.Value
		if err := header.ToConnectHeader(&v, new(Arena), "topic", "h", b); err != nil {
			t.Fatal(err)
		}
		switch v.Kind {
		case data.KindRow:
			if err := data.Check(v.Schema, v.Data); err != nil {
				t.Fatal(err)
			}
		case data.KindString, data.KindBytes:
			if !bytes.Equal(v.Data, b) {
				t.Fatalf("changed to %q", v.Data)
			}
		}
		if _, err := header.FromConnectHeader(new(Arena), "topic", "h", v); err != nil {
			t.Fatal(err)
		}
	})
}
