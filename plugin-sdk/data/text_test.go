package data_test

import (
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func TestAppendText(t *testing.T) {
	order := data.NewStruct("Order").
		Field("id", data.Int64Schema).
		Field("note", data.OptionalStringSchema).
		Field("raw", data.BytesSchema).
		Field("price", data.NewDecimal(2).MustBuild()).
		Field("at", data.TimestampSchema).
		Field("tags", data.NewArray(data.OptionalStringSchema).MustBuild()).
		Field("more", data.NewMap(data.StringSchema, data.Int32Schema).MustBuild()).
		Field("any", data.AnySchema).
		MustBuild()
	row := func(s *data.Schema, v any) data.Value {
		t.Helper()
		b, err := data.Encode(nil, s, v)
		if err != nil {
			t.Fatal(err)
		}
		return data.RowValue(s, b)
	}
	decimal := func(unscaled int64, scale int) data.Value {
		return row(data.NewDecimal(scale).MustBuild(), data.Decimal{Unscaled: big.NewInt(unscaled), Scale: scale})
	}
	for name, c := range map[string]struct {
		v    data.Value
		want string
	}{
		"null":              {data.Value{}, "null"},
		"null row":          {data.RowValue(data.OptionalInt32Schema, nil), "null"},
		"string":            {data.StringValue("a\tb"), "a\tb"},
		"empty string":      {data.StringValue(""), ""},
		"bytes":             {data.BytesValue([]byte{0xff, 'x'}), "\xffx"},
		"json object":       {data.JSONValue([]byte(`{"a": 1}`)), `{"a": 1}`},
		"json string":       {data.JSONValue([]byte(` "a\"b"`)), `a"b`},
		"json null":         {data.JSONValue([]byte("null")), "null"},
		"string row":        {row(data.StringSchema, "x"), "x"},
		"bytes row":         {row(data.BytesSchema, []byte("raw")), "raw"},
		"boolean":           {row(data.BooleanSchema, true), "true"},
		"int8":              {row(data.Int8Schema, -8), "-8"},
		"int64":             {row(data.Int64Schema, int64(math.MinInt64)), "-9223372036854775808"},
		"float whole":       {row(data.Float64Schema, 1.0), "1.0"},
		"float zero":        {row(data.Float64Schema, math.Copysign(0, -1)), "-0.0"},
		"float large":       {row(data.Float64Schema, 1e10), "1.0E10"},
		"float limit":       {row(data.Float64Schema, 1e7), "1.0E7"},
		"float below limit": {row(data.Float64Schema, 9999999.5), "9999999.5"},
		"float small":       {row(data.Float64Schema, 0.00012), "1.2E-4"},
		"float thousandth":  {row(data.Float64Schema, 0.001), "0.001"},
		"float smallest":    {row(data.Float64Schema, math.SmallestNonzeroFloat64), "4.9E-324"},
		"float32":           {row(data.Float32Schema, float32(0.1)), "0.1"},
		"float NaN":         {row(data.Float64Schema, math.NaN()), "NaN"},
		"float infinite":    {row(data.Float32Schema, float32(math.Inf(-1))), "-Infinity"},
		"decimal":           {decimal(1250, 2), "12.50"},
		"decimal negative":  {decimal(-5, 2), "-0.05"},
		"decimal whole":     {decimal(12, 0), "12"},
		"decimal tiny":      {decimal(12, 9), "1.2E-8"},
		"decimal times ten": {decimal(12, -3), "1.2E+4"},
		"date":              {row(data.DateSchema, time.Unix(0, 0)), "Thu Jan 01 00:00:00 UTC 1970"},
		"time":              {row(data.TimeSchema, 90*time.Minute), "Thu Jan 01 01:30:00 UTC 1970"},
		"array of anything": {row(data.NewArray(nil).MustBuild(), []any{int32(1), nil, "x", []any{true}}), "[1, null, x, [true]]"},
		"map with null":     {row(data.NewMap(data.Int32Schema, data.OptionalInt32Schema).MustBuild(), []data.Entry{{Key: 1, Value: nil}, {Key: 2, Value: 3}}), "{1=null, 2=3}"},
		"struct, no nulls in": {row(order, map[string]any{
			"id": 7, "note": nil, "raw": []byte{1, 2}, "price": data.Decimal{Unscaled: big.NewInt(1999), Scale: 2}, "at": time.UnixMilli(0),
			"tags": []any{"a", nil}, "more": map[string]any{"k": 1, "l": 2}, "any": map[string]any{"x": 1.5},
		}), "Struct{id=7,raw=AQI=,price=19.99,at=Thu Jan 01 00:00:00 UTC 1970,tags=[a, null],more={k=1, l=2},any={x=1.5}}"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := data.AppendText([]byte("> "), c.v)
			if err != nil || string(got) != "> "+c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestAppendTextDamaged(t *testing.T) {
	for name, v := range map[string]data.Value{
		"too short":     data.RowValue(data.Int64Schema, []byte{1}),
		"too long":      data.RowValue(data.Int8Schema, []byte{1, 2}),
		"endless array": data.RowValue(data.NewArray(data.StringSchema).MustBuild(), []byte{0x90, 0x01}),
		"json":          data.JSONValue([]byte(`"a`)),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := data.AppendText(nil, v); err == nil {
				t.Errorf("no error, but %q", got)
			}
		})
	}
}

func FuzzAppendText(f *testing.F) {
	s := data.NewStruct("").
		Field("a", data.OptionalStringSchema).
		Field("b", data.NewDecimal(3).MustBuild()).
		Field("c", data.NewMap(nil, nil).MustBuild()).
		Field("d", data.NewArray(nil).MustBuild()).
		Field("e", data.TimestampSchema).
		MustBuild()
	row, err := data.Encode(nil, s, map[string]any{
		"a": "x", "b": big.NewInt(-12), "c": []data.Entry{{Key: "k", Value: []any{1}}}, "d": []any{nil, "y", 2.5}, "e": time.UnixMilli(5)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(row)
	f.Fuzz(func(t *testing.T, row []byte) {
		// What Check accepts has a text, what it refuses has none.
		_, err := data.AppendText(nil, data.RowValue(s, row))
		if wrong := data.Check(s, row); row != nil && (wrong == nil) != (err == nil) {
			t.Errorf("AppendText: %v, Check: %v", err, wrong)
		}
	})
}

func TestUnscaledInt64(t *testing.T) {
	for _, b := range [][]byte{nil, {}, {0}, {1}, {0x7f}, {0x80}, {0xff}, {0, 0x80}, {0xff, 0x7f}, {0, 0, 0, 1}, {0x80, 0, 0, 0, 0, 0, 0, 0}, {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		want := data.Unscaled(b)
		if n, ok := data.UnscaledInt64(b); !ok || !want.IsInt64() || n != want.Int64() {
			t.Errorf("% x: got %d %v, want %d", b, n, ok, want)
		}
	}
	if n, ok := data.UnscaledInt64(make([]byte, 9)); ok {
		t.Errorf("nine bytes are %d", n)
	}
}
