package storage

import (
	"strings"
	"testing"
)

func TestCheckOffset(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		`{}`: "",
		` {"a": 1, "b": "x", "c": true, "d": null, "e": -1.5e3} `: "",
		`{"a":{"b":1}}`:    "field a contains MAP",
		`{"a":1,"b\n":[]}`: "field b\n contains ARRAY",
		`[]`:               "not a JSON object",
		`null`:             "not a JSON object",
		`{"a":`:            "not a JSON text",
		``:                 "not a JSON text",
		"{\"a\":\"\xff\"}": "not a JSON text",
	} {
		err := CheckOffset([]byte(text))
		if (err != nil) != (problem != "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: %v, want %q", text, err, problem)
		}
	}
}

func FuzzCheckOffset(f *testing.F) {
	f.Add([]byte(`{"a": {"b": [1]}}`))
	f.Add([]byte(` {"a":"\u0000"} `))
	f.Fuzz(func(t *testing.T, text []byte) {
		if CheckOffset(text) == nil && checkObject(text) != nil {
			t.Fatalf("%q is no object", text)
		}
	})
}
