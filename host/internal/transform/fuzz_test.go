package transform

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func FuzzDateFormat(f *testing.F) {
	for _, p := range []string{"yyyy-MM-dd'T'HH:mm:ss.SSSX", "yyyyMMdd", "''yy 'o''clock' EEE MMM d", "G yyyyy D F u w W Y k K h a z Z XXX", "'", "qq"} {
		f.Add(p, "2023-11-14T22:13:20.123Z", int64(1700000000123))
	}
	exact, _ := parseDateFormat("yyyy-MM-dd'T'HH:mm:ss.SSSX")
	f.Fuzz(func(t *testing.T, pattern, text string, millis int64) {
		if format, problem := parseDateFormat(pattern); problem == "" {
			format.parse(text)
			format.append(nil, millis)
		}
		if year := time.UnixMilli(millis).UTC().Year(); year < 1 || year > 9999 {
			return
		}
		written := string(exact.append(nil, millis))
		if read, ok := exact.parse(written); !ok || read != millis {
			t.Fatalf("%d is written %s and read %d, %v", millis, written, read, ok)
		}
	})
}

func FuzzLiteral(f *testing.F) {
	for _, text := range []string{"1", "-1e3", "[1,2]", `{"a":[1.5]}`, `["2024-02-29"]`, "12:34:56.789Z", "null", `"`, "[[[", "{1:2,1:3}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseLiteral(text)
		if err != nil || v.Data == nil {
			return
		}
		if err := data.Check(v.Schema, v.Data); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, text := range []string{"a.b", "`a.b`.c", "`a\\`.b`", "a.", "", "`a`b`.c", "`"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, problem := parsePath(text)
		if problem == "" && len(p) == 0 {
			t.Fatal("a path without names")
		}
		if !strings.Contains(text, "`") && !reflect.DeepEqual([]string(p), strings.Split(text, ".")) {
			t.Fatalf("%q is read as %q", text, p)
		}
	})
}

func FuzzReplacement(f *testing.F) {
	f.Add("(.*)-(?P<x>.)", "$1${x}\\$", "a-b")
	f.Fuzz(func(t *testing.T, regex, replacement, topic string) {
		r, err := regexp.Compile(regex)
		if err != nil {
			return
		}
		if parts, problem := parseReplacement(replacement, r); problem == "" {
			(&regexRouter{regex: r, parts: parts}).route(topic)
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, text := range []string{`{"a": 1, "b": [1.5e3, null, {"c": "d\u00e9"}], "a": true}`, `{}`, `[`, `"x`, `-0`, ` 1 `, `{"a":"\ud83d\ude00"}`, `{"a" : 01}`, "1e999", "2" + strings.Repeat("0", 400)} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tree, err := parseJSON(text)
		if valid := json.Valid(text); err == nil && !valid {
			t.Fatalf("%q is read, and is no JSON", text)
		} else if err != nil && valid && !strings.Contains(err.Error(), "that can be read") {
			t.Fatalf("%q is JSON: %v", text, err)
		}
		entries, _, splitErr := splitJSON(nil, nil, text)
		_, object := tree.(map[string]any)
		if err != nil || !utf8.Valid(text) {
			return
		}
		if object != (splitErr == nil) {
			t.Fatalf("%q is split: %v", text, splitErr)
		}
		if object {
			again, err := parseJSON(joinJSON(nil, entries))
			if err != nil || !reflect.DeepEqual(again, tree) {
				t.Fatalf("%q becomes %s", text, joinJSON(nil, entries))
			}
		}
		if tree == nil {
			return
		}
		row, err := data.Encode([]byte{}, data.AnySchema, tree)
		if err != nil {
			t.Fatal(err)
		}
		written, err := appendJSON(nil, data.RowValue(data.AnySchema, row))
		if err != nil || !json.Valid(written) {
			t.Fatalf("%q is written %s: %v", text, written, err)
		}
		again, err := parseJSON(written)
		if err != nil || !strings.ContainsAny(string(text), "eE.") && !reflect.DeepEqual(again, tree) && !bytes.Contains(written, []byte("E")) {
			t.Fatalf("%q is written %s: %v", text, written, err)
		}
	})
}

const fuzzSchema = `struct{a:int64,b:string?,c:struct{d:bytes?,e:array<int32?>,f:int8},g:map<string,any>,h:boolean?,i:any,j:float64}`

func FuzzRow(f *testing.F) {
	s := parseSchema(f, fuzzSchema)
	row, err := data.Encode([]byte{}, s, payload(f, s, tree(f, []byte(`{"a": 1, "b": "x", "c": {"d": "AQ==", "e": [1, null], "f": 2}, "g": {"k": [1, "v"]}, "h": null, "i": {"l": 1.5}, "j": 2.5}`))))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(row)
	l := newLayout(s)
	f.Fuzz(func(t *testing.T, row []byte) {
		cells, err := l.split(nil, row)
		if whole := data.Check(s, row); (whole == nil) != (err == nil) {
			t.Fatalf("split says %v, the row is %v", err, whole)
		}
		for i := range l.fields {
			cell, fieldErr := l.field(row, i)
			if err == nil && (fieldErr != nil || !bytes.Equal(cell, cells[i]) || (cell == nil) != (cells[i] == nil)) {
				t.Fatalf("field %d is %x, %v, and not %x", i, cell, fieldErr, cells[i])
			}
		}
		if err != nil {
			return
		}
		joined, err := l.join(nil, cells)
		if err != nil {
			t.Fatal(err)
		}
		if err := data.Check(s, joined); err != nil || len(joined) != len(row) || !bytes.Equal(joined[l.nullBytes:], row[l.nullBytes:]) {
			t.Fatalf("%x becomes %x: %v", row, joined, err)
		}
	})
}

func FuzzAny(f *testing.F) {
	row, err := data.Encode([]byte{}, data.AnySchema, map[string]any{"a": int64(1), "b": []any{nil, "x"}, "c": nil, "d": map[string]any{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(row)
	f.Fuzz(func(t *testing.T, row []byte) {
		entries, err := splitAny(nil, row)
		if len(row) == 0 || row[0] != byte(data.Map) {
			return
		}
		if whole := data.Check(data.AnySchema, row); (whole == nil) != (err == nil) {
			t.Fatalf("split says %v, the row is %v", err, whole)
		}
		if err == nil {
			if err := data.Check(data.AnySchema, joinAny(nil, entries)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzTimestamp(f *testing.F) {
	for _, text := range []string{"2024-01-15T12:00:00.5Z", "+12024-01-01T00:00:00+01", "2024-03-31T02:30Z", "x"} {
		f.Add(text)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	c := &timezoneConverter{zone: berlin}
	f.Fuzz(func(t *testing.T, text string) {
		var a Arena
		shown, err := c.timestamp(&a, []byte(text))
		if err != nil {
			return
		}
		before, _ := parseISO(text)
		after, ok := parseISO(string(shown))
		if !ok || !after.Equal(before) {
			t.Fatalf("%q is shown as %q", text, shown)
		}
	})
}

func FuzzZoneRule(f *testing.F) {
	f.Add("source:t:f")
	f.Add("t")
	f.Fuzz(func(t *testing.T, item string) {
		if r, problem := parseZoneRule(item, ruleEither); problem == "" && r.name == "" {
			t.Fatal("a rule without a name")
		}
	})
}

func FuzzCondition(f *testing.F) {
	for _, text := range []string{"$[?(@.a == 'b' && !(@.c > 1.5) || @.d in ['x', 2])]", "$.a['b'][?(@.c =~ /x\\/y/i)]", "$.a", "$[?(", "$[?(((((@.a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, problem := parseJSONCondition(text, "value")
		if problem != "" {
			return
		}
		if strings.Count(c.cel, "(") > 100 || len(c.cel) > 500 {
			return
		}
		if _, err := (settings{raw: map[string]string{}}).compile("filter.condition", c.cel, cel.BoolType); err != nil && !strings.Contains(err.Error(), "overload") {
			t.Fatalf("%q becomes %q: %v", text, c.cel, err)
		}
	})
}

// FuzzChain sends what a plugin may send, JSON that is none, through a chain that looks inside.
func FuzzChain(f *testing.F) {
	f.Add([]byte(`{"id": 4711, "name": "Ada", "t": "2023-11-14", "n": {"a": [1, {"b": "c"}]}}`))
	f.Add([]byte(`{"id": `))
	chain, err := NewChain(map[string]string{
		"transforms":                    "cast,mask,insert,only,flatten,time,key,json",
		"transforms.cast.type":          "Cast$Value",
		"transforms.cast.spec":          "id:string",
		"transforms.mask.type":          "MaskField$Value",
		"transforms.mask.fields":        "name,id",
		"transforms.insert.type":        "InsertField$Value",
		"transforms.insert.topic.field": "topic",
		"transforms.only.type":          "ContentFilter",
		"transforms.only.condition":     "has(value.n) && value.n.a[1].b == 'c' || value.topic == 't'",
		"transforms.flatten.type":       "Flatten$Value",
		"transforms.time.type":          "TimestampConverter$Value",
		"transforms.time.field":         "t",
		"transforms.time.format":        "yyyy-MM-dd",
		"transforms.time.target.type":   "unix",
		"transforms.key.type":           "ValueToKey",
		"transforms.key.fields":         "id,topic",
		"transforms.json.type":          "FormatJson$Value",
		"transforms.json.fields":        "n.a",
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var a Arena
		r := Record{Topic: "t", Value: data.JSONValue(text)}
		keep, err := chain.Apply(&a, &r)
		if err == nil && keep && json.Valid(text) && utf8.Valid(text) && (!json.Valid(r.Value.Data) || !json.Valid(r.Key.Data)) {
			t.Fatalf("%q becomes %q and %q", text, r.Key.Data, r.Value.Data)
		}
	})
}
