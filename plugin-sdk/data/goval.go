package data

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Entry is an entry of a map whose keys are not strings.
type Entry struct{ Key, Value any }

// Encode appends the row encoding of a Go value. It takes:
//
//	BOOLEAN            bool
//	INT8 … INT64       any Go integer that fits; time.Time for Date and
//	                   Timestamp, time.Duration for Time
//	FLOAT32 FLOAT64    float32, float64
//	STRING             string
//	BYTES              []byte; Decimal or *big.Int (unscaled) for Decimal
//	ARRAY              []any
//	MAP                map[string]any (written in the order of the keys), []Entry
//	STRUCT             map[string]any (left out: default or null)
//	ANY                all of the above but STRUCT; integers keep their size, int is INT64
//
// v must not be nil.
func Encode(dst []byte, s *Schema, v any) ([]byte, error) {
	var w Writer
	w.Reset(dst, s)
	if s.typ == Struct {
		m, ok := v.(map[string]any)
		if !ok {
			return dst, fmt.Errorf("data: %v takes a map[string]any, not %T", s, v)
		}
		w.fields(s, m)
	} else {
		w.Any(v)
	}
	return w.Finish()
}

// fields writes the fields of the open struct.
func (w *Writer) fields(s *Schema, m map[string]any) {
	for name := range m {
		if s.Lookup(name) < 0 {
			w.fail("%v has no field %q", s, name)
		}
	}
	for _, f := range s.fields {
		v, given := m[f.Name]
		switch {
		case given:
			w.Any(v)
		case f.Schema.hasDefault && f.Schema.def != nil:
			w.Row(f.Schema.def)
		default:
			w.Null()
		}
	}
}

// Any writes a Go value as the schema asks for it; see Encode.
func (w *Writer) Any(v any) {
	s := w.expected()
	if s == nil {
		return
	}
	switch v := v.(type) {
	case nil:
		w.Null()
	case bool:
		w.Bool(v)
	case string:
		w.String(v)
	case []byte:
		w.Bytes(v)
	case float32:
		if s.typ == Float64 {
			w.Float64(float64(v))
		} else {
			w.Float32(v)
		}
	case float64:
		if s.typ == Float32 {
			w.Float32(float32(v))
		} else {
			w.Float64(v)
		}
	case int:
		w.integer(s, int64(v), Int64)
	case int8:
		w.integer(s, int64(v), Int8)
	case int16:
		w.integer(s, int64(v), Int16)
	case int32:
		w.integer(s, int64(v), Int32)
	case int64:
		w.integer(s, v, Int64)
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			w.fail("%s: %v", w.where(), err)
			return
		}
		w.integer(s, n, Int64)
	case time.Time:
		if s.name == DateName {
			w.Date(v)
		} else {
			w.Timestamp(v)
		}
	case time.Duration:
		w.Int32(TimeOfDay(v))
	case *big.Int:
		w.Decimal(v)
	case Decimal:
		if scale, err := s.Scale(); err != nil || scale != v.Scale {
			w.fail("%s: decimal has scale %d, the schema %d", w.where(), v.Scale, scale)
			return
		}
		w.Decimal(v.Unscaled)
	case []any:
		w.Array(len(v))
		for _, e := range v {
			w.Any(e)
		}
		w.End()
	case []Entry:
		w.Map(len(v))
		for _, e := range v {
			w.Any(e.Key)
			w.Any(e.Value)
		}
		w.End()
	case map[string]any:
		w.object(s, v)
	default:
		w.fail("%s: cannot encode a %T as %v", w.where(), v, s)
	}
}

func (w *Writer) object(s *Schema, m map[string]any) {
	if s.typ == Struct {
		w.Struct()
		w.fields(s, m)
		w.End()
		return
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	w.Map(len(m))
	for _, k := range keys {
		w.String(k)
		w.Any(m[k])
	}
	w.End()
}

func (w *Writer) integer(s *Schema, n int64, own Type) {
	t := s.typ
	if t == Any {
		t = own
	}
	bits := 8 * t.fixedSize()
	if t >= Int8 && t <= Int64 && bits < 64 && n>>(bits-1) != 0 && n>>(bits-1) != -1 {
		w.fail("%s: %d does not fit into %v", w.where(), n, t)
		return
	}
	switch t {
	case Int8:
		w.Int8(int8(n))
	case Int16:
		w.Int16(int16(n))
	case Int32:
		w.Int32(int32(n))
	case Int64:
		w.Int64(n)
	case Float32:
		w.Float32(float32(n))
	case Float64:
		w.Float64(float64(n))
	default:
		w.fail("%s is %v, not a number", w.where(), s)
	}
}

// Decode returns a row as Go values: bool, int8 … int64, float32, float64,
// string, []byte, []any, map[string]any for STRUCT and for a MAP with string
// keys, []Entry for other maps. Decimal becomes Decimal, Date and Timestamp
// time.Time in UTC, Time time.Duration. A nil row is nil.
func Decode(s *Schema, row []byte) (any, error) {
	if row == nil {
		return nil, nil
	}
	r := Reader{b: row}
	v := r.value(s, 0)
	if r.err == nil && r.Rest() != 0 {
		return nil, fmt.Errorf("data: row of %v has %d bytes too many", s, r.Rest())
	}
	return v, r.err
}

func (r *Reader) value(s *Schema, depth int) any {
	if depth > MaxDepth && r.err == nil {
		r.err = fmt.Errorf("data: value is nested deeper than %d", MaxDepth)
	}
	if r.err != nil {
		return nil
	}
	switch s.typ {
	case Bytes:
		b := r.Bytes()
		if s.name == DecimalName {
			scale, err := s.Scale()
			if err != nil && r.err == nil {
				r.err = err
			}
			return Decimal{Unscaled(b), scale}
		}
		return append([]byte{}, b...)
	case Int32:
		n := r.Int32()
		switch s.name {
		case DateName:
			return time.Unix(int64(n)*86400, 0).UTC()
		case TimeName:
			return time.Duration(n) * time.Millisecond
		}
		return n
	case Int64:
		n := r.Int64()
		if s.name == TimestampName {
			return time.UnixMilli(n).UTC()
		}
		return n
	case Struct:
		m := make(map[string]any, len(s.fields))
		nulls := r.Struct(s)
		for i, f := range s.fields {
			if nulls.Null(int(s.nullBit[i])) {
				m[f.Name] = nil
			} else {
				m[f.Name] = r.value(f.Schema, depth+1)
			}
		}
		return m
	case Array:
		n, nulls := r.Array(s)
		a := []any{}
		for i := 0; i < n && r.err == nil; i++ {
			if nulls.Null(i) {
				a = append(a, nil)
			} else {
				a = append(a, r.value(s.elem, depth+1))
			}
		}
		return a
	case Map:
		return r.mapValue(s, depth)
	case Any:
		return r.anyValue(depth)
	}
	return r.scalar(s.typ)
}

func (r *Reader) mapValue(s *Schema, depth int) any {
	n, keys, values := r.Map(s)
	entries := []Entry{}
	strings := true
	for i := 0; i < n && r.err == nil; i++ {
		var e Entry
		if !keys.Null(i) {
			e.Key = r.value(s.key, depth+1)
		}
		if !values.Null(i) {
			e.Value = r.value(s.elem, depth+1)
		}
		_, text := e.Key.(string)
		strings = strings && text
		entries = append(entries, e)
	}
	if !strings {
		return entries
	}
	m := make(map[string]any, len(entries))
	for _, e := range entries {
		m[e.Key.(string)] = e.Value
	}
	return m
}

func (r *Reader) anyValue(depth int) any {
	switch t := r.AnyType(); t {
	case 0:
		return nil
	case Array:
		return r.value(anyArray, depth+1)
	case Map:
		return r.value(anyMap, depth+1)
	case Bytes:
		return append([]byte{}, r.Bytes()...)
	default:
		return r.scalar(t)
	}
}

func (r *Reader) scalar(t Type) any {
	switch t {
	case Boolean:
		return r.Bool()
	case Int8:
		return r.Int8()
	case Int16:
		return r.Int16()
	case Int32:
		return r.Int32()
	case Int64:
		return r.Int64()
	case Float32:
		return r.Float32()
	case Float64:
		return r.Float64()
	}
	return r.String()
}
