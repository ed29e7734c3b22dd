package data_test

import (
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

var inner = data.NewStruct("inner").Field("x", data.OptionalInt8Schema).Field("y", data.StringSchema).MustBuild()

var all = data.NewStruct("all").Version(2).Doc("every type").
	Field("b", data.BooleanSchema).
	Field("i8", data.Int8Schema).
	Field("i16", data.OptionalInt16Schema).
	Field("i32", data.Int32Schema).
	Field("i64", data.OptionalInt64Schema).
	Field("f32", data.Float32Schema).
	Field("f64", data.OptionalFloat64Schema).
	Field("s", data.StringSchema).
	Field("by", data.OptionalBytesSchema).
	Field("dec", data.NewDecimal(2).Optional().MustBuild()).
	Field("date", data.DateSchema).
	Field("time", data.TimeSchema).
	Field("ts", data.OptionalTimestampSchema).
	Field("arr", data.NewArray(data.OptionalStringSchema).MustBuild()).
	Field("map", data.NewMap(data.StringSchema, data.OptionalInt32Schema).MustBuild()).
	Field("imap", data.NewMap(data.Int64Schema, inner).Optional().MustBuild()).
	Field("inner", inner).
	Field("any", data.AnySchema).
	Field("def", data.NewSchema(data.Int32).Default(7).MustBuild()).
	MustBuild()

func sample() map[string]any {
	return map[string]any{
		"b": true, "i8": int8(-3), "i16": nil, "i32": int32(1 << 30), "i64": int64(-1 << 60), "f32": float32(1.5), "f64": 2.25,
		"s": "héllo", "by": []byte{0, 255}, "dec": data.Decimal{Unscaled: big.NewInt(-12345), Scale: 2},
		"date": time.Date(1969, 12, 31, 0, 0, 0, 0, time.UTC), "time": 3 * time.Hour, "ts": time.UnixMilli(1700000000123).UTC(),
		"arr": []any{"a", nil, "c"}, "map": map[string]any{"k": int32(1), "n": nil},
		"imap":  []data.Entry{{Key: int64(5), Value: map[string]any{"x": nil, "y": "z"}}},
		"inner": map[string]any{"x": int8(1), "y": ""},
		"any":   map[string]any{"l": []any{int64(1), "two", nil, 3.5, true}},
		"def":   int32(7),
	}
}

var compare = cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })

func TestEncodeAndDecodeAgree(t *testing.T) {
	in := sample()
	delete(in, "def")
	row, err := data.Encode([]byte("prefix"), all, in)
	if err != nil {
		t.Fatal(err)
	}
	row = row[len("prefix"):]
	if err := data.Check(all, row); err != nil {
		t.Fatal(err)
	}
	out, err := data.Decode(all, row)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(sample(), out, compare); d != "" {
		t.Error(d)
	}
	for n := range row {
		if err := data.Check(all, row[:n]); err == nil {
			t.Errorf("a row cut to %d of %d bytes passes for whole", n, len(row))
		}
	}
	if err := data.Check(all, append(row, 0)); err == nil {
		t.Error("a row with a byte too many passes for whole")
	}
}

func TestFieldsFindsValues(t *testing.T) {
	row, err := data.Encode(nil, all, sample())
	if err != nil {
		t.Fatal(err)
	}
	var f data.Fields
	if err := f.Index(all, row); err != nil {
		t.Fatal(err)
	}
	for i, field := range all.Fields() {
		got, err := data.Decode(field.Schema, f.Row(i))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(sample()[field.Name], got, compare); d != "" {
			t.Errorf("field %s: %s", field.Name, d)
		}
	}
}

func TestWriterNamesMistakes(t *testing.T) {
	s := data.NewStruct("s").Field("a", data.Int32Schema).Field("b", data.OptionalStringSchema).MustBuild()
	for name, c := range map[string]struct {
		write func(*data.Writer)
		want  string
	}{
		"wrong type":      {func(w *data.Writer) { w.String("x") }, "data: field a is INT32, not STRING"},
		"null required":   {func(w *data.Writer) { w.Null() }, "data: field a is required and cannot be null"},
		"missing":         {func(*data.Writer) {}, "data: field a of STRUCT(s) is required and was not written"},
		"too many":        {func(w *data.Writer) { w.Int32(1); w.Null(); w.Null() }, "data: too many values for STRUCT(s)"},
		"optional at end": {func(w *data.Writer) { w.Int32(1) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var w data.Writer
			w.Reset(nil, s)
			c.write(&w)
			_, err := w.Finish()
			if got := message(err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestWriterDoesNothingAfterAMistake(t *testing.T) {
	s := data.NewStruct("s").Field("a", data.Int32Schema).Field("b", data.OptionalStringSchema).MustBuild()
	var w data.Writer
	w.Reset(nil, s)
	w.String("x")
	at := w.Mark()
	w.Int32(1)
	w.Again(1, 0, at)
	if _, err := w.Finish(); w.Mark() != at || message(err) != "data: field a is INT32, not STRING" {
		t.Errorf("%d bytes were written after the mistake at %d, the error is %q", w.Mark()-at, at, message(err))
	}
	w.Reset(nil, s)
	w.Int32(1)
	if row, err := w.Finish(); err != nil || len(row) != 5 {
		t.Errorf("after Reset: %v, %v", row, err)
	}
}

func TestWriterAgain(t *testing.T) {
	point := data.NewStruct("point").Field("x", data.Int32Schema).Field("name", data.OptionalStringSchema).Field("y", data.Int32Schema).MustBuild()
	pair := data.NewStruct("pair").Field("a", point).Field("b", point).Field("n", data.Int32Schema).MustBuild()
	for name, c := range map[string]struct {
		again func(w *data.Writer, x, name, y, end int)
		want  string
	}{
		"all":            {func(w *data.Writer, x, _, _, end int) { w.Again(3, x, end) }, ""},
		"in parts":       {func(w *data.Writer, x, name, _, end int) { w.Again(1, x, name); w.Again(2, name, end) }, ""},
		"among others":   {func(w *data.Writer, _, name, y, _ int) { w.Int32(1); w.Again(1, name, y); w.Int32(2) }, ""},
		"nothing":        {func(w *data.Writer, x, _, _, end int) { w.Again(0, x, x); w.Again(3, x, end) }, ""},
		"more than fit":  {func(w *data.Writer, x, _, _, end int) { w.Int32(1); w.Again(3, x, end) }, "data: too many values for STRUCT(point)"},
		"where none fit": {func(w *data.Writer, x, name, _, end int) { w.Again(3, x, end); w.Again(1, x, name) }, "data: too many values for STRUCT(point)"},
	} {
		t.Run(name, func(t *testing.T) {
			var w data.Writer
			w.Reset([]byte("before"), pair)
			w.Struct()
			var marks [4]int
			marks[0] = w.Mark()
			w.Int32(1)
			marks[1] = w.Mark()
			w.String("p")
			marks[2] = w.Mark()
			w.Int32(2)
			marks[3] = w.Mark()
			w.End()
			w.Struct()
			c.again(&w, marks[0], marks[1], marks[2], marks[3])
			w.End()
			w.Int32(9)
			row, err := w.Finish()
			if message(err) != c.want {
				t.Fatalf("got %q, want %q", message(err), c.want)
			}
			if c.want != "" {
				return
			}
			one := map[string]any{"x": int32(1), "name": "p", "y": int32(2)}
			got, err := data.Decode(pair, row[len("before"):])
			if d := cmp.Diff(any(map[string]any{"a": one, "b": one, "n": int32(9)}), got); err != nil || d != "" {
				t.Errorf("%v: %s", err, d)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestUnscaledIsBigEndianTwosComplement(t *testing.T) {
	for _, n := range []string{"0", "1", "-1", "127", "128", "-128", "-129", "255", "256", "9223372036854775807", "-9223372036854775808",
		"9223372036854775808", "-9223372036854775809", "-340282366920938463463374607431768211456", "340282366920938463463374607431768211455"} {
		v, _ := new(big.Int).SetString(n, 10)
		b := data.AppendUnscaled(nil, v)
		if got := data.Unscaled(b); got.Cmp(v) != 0 {
			t.Errorf("%s became %s through % x", n, got, b)
		}
		if len(b) > 1 && (b[0] == 0 && b[1] < 0x80 || b[0] == 0xff && b[1] >= 0x80) {
			t.Errorf("%s: % x is not the shortest form", n, b)
		}
	}
}

func TestLongDecimalGetsALongLength(t *testing.T) {
	s := data.NewDecimal(0).MustBuild()
	n := new(big.Int).Lsh(big.NewInt(1), 4000)
	row, err := data.Encode(nil, s, n)
	if err != nil {
		t.Fatal(err)
	}
	v, err := data.Decode(s, row)
	if err != nil || v.(data.Decimal).Unscaled.Cmp(n) != 0 {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestAStructWithoutFieldsIsNotNull(t *testing.T) {
	row, err := data.Encode(nil, data.NewStruct("empty").MustBuild(), map[string]any{})
	if err != nil || row == nil {
		t.Errorf("got %v, %v", row, err)
	}
}

func TestDecimalText(t *testing.T) {
	for want, d := range map[string]data.Decimal{
		"-1.05": {Unscaled: big.NewInt(-105), Scale: 2}, "0.001": {Unscaled: big.NewInt(1), Scale: 3},
		"12": {Unscaled: big.NewInt(12)}, "1200": {Unscaled: big.NewInt(12), Scale: -2}, "0.0": {Unscaled: big.NewInt(0), Scale: 1},
	} {
		if got := d.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzCheck(f *testing.F) {
	row, _ := data.Encode(nil, all, sample())
	f.Add(row)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, row []byte) {
		err := data.Check(all, row)
		_, derr := data.Decode(all, row)
		if err == nil && derr != nil && row != nil {
			t.Errorf("Check accepts what Decode refuses: %v", derr)
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	var w data.Writer
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		w.Reset(buf[:0], inner)
		w.Int8(1)
		w.String("some text")
		buf, _ = w.Finish()
	}
}
