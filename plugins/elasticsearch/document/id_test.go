package document

import (
	"math/big"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func TestIDs(t *testing.T) {
	two := data.NewStruct("k").Field("a", data.StringSchema).Field("b", data.OptionalInt64Schema).MustBuild()
	for name, c := range map[string]struct {
		key  data.Value
		want string // or the beginning of the error
	}{
		"text":              {data.StringValue("ä|b\\c"), `ä|b\c`},
		"bytes":             {data.BytesValue([]byte("x")), "x"},
		"number":            {row(t, data.Int32Schema, -5), "-5"},
		"boolean":           {row(t, data.BooleanSchema, true), "true"},
		"one field":         {row(t, data.NewStruct("").Field("id", data.Int16Schema).MustBuild(), map[string]any{"id": 7}), "7"},
		"one text":          {row(t, data.NewStruct("").Field("id", data.StringSchema).MustBuild(), map[string]any{"id": `a|b`}), `a|b`},
		"several fields":    {row(t, two, map[string]any{"a": `x|y\`, "b": 1}), `x\|y\\|1`},
		"others than these": {row(t, two, map[string]any{"a": `x`, "b": 1}), `x|1`},
		"decimal":           {row(t, data.NewDecimal(1).MustBuild(), data.Decimal{Unscaled: big.NewInt(15), Scale: 1}), "1.5"},
		"binary":            {row(t, data.NewStruct("").Field("id", data.BytesSchema).MustBuild(), map[string]any{"id": []byte{0xff}}), "/w=="},
		"JSON text":         {data.JSONValue([]byte(` "a\"b" `)), `a"b`},
		"JSON number":       {data.JSONValue([]byte("17 ")), "17"},
		"JSON object":       {data.JSONValue([]byte(`{"id": 17}`)), "17"},
		"JSON of several":   {data.JSONValue([]byte(`{"a":"x|y","b":true}`)), `x\|y|true`},

		"null":            {data.Value{}, "error the key is null"},
		"empty":           {data.StringValue(""), "error the key is empty"},
		"JSON array":      {data.JSONValue([]byte(`[1]`)), "error the key cannot be the document's id: a JSON array"},
		"JSON null":       {data.JSONValue([]byte(`{"id":null}`)), "error the key cannot be the document's id: member id"},
		"no members":      {data.JSONValue([]byte(`{}`)), "error the key cannot be the document's id: it has no members"},
		"null field":      {row(t, two, map[string]any{"a": "x"}), "error the key cannot be the document's id: field b: it is null"},
		"float":           {row(t, data.Float64Schema, 1.5), "error the key cannot be the document's id: FLOAT64"},
		"not UTF-8":       {data.BytesValue([]byte{0xff}), "error the key is to be the document's id and is not UTF-8"},
		"longer than 512": {data.StringValue(strings.Repeat("x", 513)), "error the key makes an id of 513 bytes"},
		"damaged":         {data.RowValue(data.Int64Schema, []byte{1}), "error the key cannot be the document's id: data: row is shorter"},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := NewEncoder(Auto, true, "").AppendID([]byte("before "), c.key)
			got := strings.TrimPrefix(string(id), "before ")
			if err != nil {
				got = "error " + err.Error()
			}
			if want, isError := strings.CutPrefix(c.want, "error "); got != c.want && !(isError && strings.HasPrefix(got, "error "+want)) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
