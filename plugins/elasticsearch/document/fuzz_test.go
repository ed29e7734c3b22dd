package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"testing"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// FuzzText holds the scanner against encoding/json: what is taken for an object is one, on one line, and the other way round.
func FuzzText(f *testing.F) {
	for _, seed := range []string{
		`{"a":1}`, `{"before":null,"after":{"id":1},"source":{},"op":"c"}`, "{\"a\":\n[1,2.5e-3,\"\\u00fc\",{}]}", `{"a":"\ud800"}`, `{`, `{"a":01}`, `{"a":1}}`, `[]`, ` { } `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		isObject := json.Valid(text) && bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
		err := checkObject(text)
		if (err == nil) != isObject && !errors.Is(err, errNesting) {
			t.Fatalf("%q: %v", text, err)
		}
		doc, err := NewEncoder(Auto, true, "").Encode(data.BytesValue(text))
		if err != nil || doc.JSON == nil {
			return
		}
		if !json.Valid(doc.JSON) || bytes.IndexByte(doc.JSON, '\n') >= 0 || !utf8.Valid(doc.JSON) {
			t.Fatalf("%q became %q", text, doc.JSON)
		}
		stamped, err := AppendTimestamped(nil, doc.JSON, []Path{{"a"}}, 5)
		if err != nil || !json.Valid(stamped) {
			t.Fatalf("%q became %q, %v", doc.JSON, stamped, err)
		}
	})
}

// FuzzID looks that an id is what a request can carry.
func FuzzID(f *testing.F) {
	f.Add([]byte(`{"a":"x|y","b":1}`))
	f.Add([]byte(`"\\|"`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) {
			return
		}
		id, err := NewEncoder(Auto, true, "").AppendID(nil, data.JSONValue(text))
		if err == nil && (len(id) == 0 || len(id) > mostID || !utf8.Valid(id)) {
			t.Fatalf("%q has the id %q", text, id)
		}
	})
}

// FuzzRow writes whatever bytes there are as a row: the result is JSON or an error.
func FuzzRow(f *testing.F) {
	inner := data.NewStruct("").Field("f", data.OptionalFloat32Schema).Field("d", data.NewDecimal(3).MustBuild()).MustBuild()
	s := data.NewStruct("s").Field("n", data.Int16Schema).Field("t", data.OptionalStringSchema).Field("any", data.AnySchema).
		Field("list", data.NewArray(inner).MustBuild()).Field("map", data.NewMap(data.StringSchema, data.BytesSchema).MustBuild()).
		Field("odd", data.NewMap(nil, nil).MustBuild()).Field("at", named64("io.debezium.time.NanoTimestamp")).MustBuild()
	seed, err := data.Encode(nil, s, map[string]any{"n": 5, "t": "x", "any": map[string]any{"a": []any{1.5}}, "list": []any{map[string]any{"d": data.Decimal{Unscaled: big.NewInt(7), Scale: 3}}},
		"map": map[string]any{"k": []byte("v")}, "odd": []data.Entry{{Key: "x", Value: 1}}, "at": 17})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, row []byte) {
		doc, err := NewEncoder(Auto, true, "").Encode(data.Value{Kind: data.KindRow, Schema: s, Data: row})
		if err == nil && doc.Action == Index && !json.Valid(doc.JSON) {
			t.Fatalf("%x became %q", row, doc.JSON)
		}
	})
}
