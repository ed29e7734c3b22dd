package data

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// AppendText appends a value as people read it, in the words of Java's toString:
//
//	null                 null
//	bytes, strings       as they are
//	JSON                 its text, a JSON string without the quotes
//	STRUCT               Struct{id=7,name=Ada}, without fields that are null
//	ARRAY, MAP           [1, 2], {a=1, b=2}
//	Date, Time,          Thu Jan 01 00:00:00 UTC 1970
//	Timestamp
//	Decimal              12.50
//	FLOAT32, FLOAT64     1.0, 1.0E10, NaN, Infinity
//	BYTES inside another base64
//
// The error says in which way a row is damaged.
func AppendText(dst []byte, v Value) ([]byte, error) {
	if v.Data == nil {
		return append(dst, "null"...), nil
	}
	switch v.Kind {
	case KindRow:
		t := text{}
		t.row.Reset(v.Data)
		dst = t.value(dst, v.Schema, 0)
		if t.err == nil {
			t.err = t.row.Err()
		}
		if t.err == nil && t.row.Rest() != 0 {
			t.err = fmt.Errorf("data: row of %v has %d bytes too many", v.Schema, t.row.Rest())
		}
		return dst, t.err
	case KindJSON:
		trimmed := bytes.TrimLeft(v.Data, " \t\r\n")
		if len(trimmed) == 0 || trimmed[0] != '"' {
			return append(dst, v.Data...), nil
		}
		var s string
		if err := json.Unmarshal(trimmed, &s); err != nil {
			return dst, fmt.Errorf("data: value of kind json: %w", err)
		}
		return append(dst, s...), nil
	}
	return append(dst, v.Data...), nil
}

// text writes the parts of a row.
type text struct {
	row Reader
	err error
}

func (t *text) ok() bool { return t.err == nil && t.row.err == nil }

// value appends the value that comes next; depth is 0 for the whole row.
func (t *text) value(dst []byte, s *Schema, depth int) []byte {
	if depth > MaxDepth && t.err == nil {
		t.err = fmt.Errorf("data: value is nested deeper than %d", MaxDepth)
	}
	if !t.ok() {
		return dst
	}
	switch {
	case s.typ == Struct:
		return t.structure(dst, s, depth)
	case s.typ == Array:
		return t.array(dst, s, depth)
	case s.typ == Map:
		return t.mapping(dst, s, depth)
	case s.typ == Any:
		return t.any(dst, depth)
	case s.name == DecimalName && s.typ == Bytes:
		scale, err := s.Scale()
		if err != nil {
			t.err = err
		}
		return AppendDecimalText(dst, t.row.Bytes(), scale)
	case s.name == DateName && s.typ == Int32:
		return appendTime(dst, time.Unix(int64(t.row.Int32())*86400, 0))
	case s.name == TimeName && s.typ == Int32:
		return appendTime(dst, time.UnixMilli(int64(t.row.Int32())))
	case s.name == TimestampName && s.typ == Int64:
		return appendTime(dst, time.UnixMilli(t.row.Int64()))
	}
	return t.scalar(dst, s.typ, depth)
}

func (t *text) scalar(dst []byte, typ Type, depth int) []byte {
	switch typ {
	case Boolean:
		return strconv.AppendBool(dst, t.row.Bool())
	case Int8:
		return strconv.AppendInt(dst, int64(t.row.Int8()), 10)
	case Int16:
		return strconv.AppendInt(dst, int64(t.row.Int16()), 10)
	case Int32:
		return strconv.AppendInt(dst, int64(t.row.Int32()), 10)
	case Int64:
		return strconv.AppendInt(dst, t.row.Int64(), 10)
	case Float32:
		return AppendFloatText(dst, float64(t.row.Float32()), 32)
	case Float64:
		return AppendFloatText(dst, t.row.Float64(), 64)
	case Bytes:
		if depth > 0 {
			return base64.StdEncoding.AppendEncode(dst, t.row.Bytes())
		}
	}
	return append(dst, t.row.Bytes()...)
}

func (t *text) element(dst []byte, s *Schema, null bool, depth int) []byte {
	if null {
		return append(dst, "null"...)
	}
	return t.value(dst, s, depth+1)
}

func (t *text) structure(dst []byte, s *Schema, depth int) []byte {
	dst = append(dst, "Struct{"...)
	nulls := t.row.Struct(s)
	first := true
	for i, f := range s.fields {
		if nulls.Null(int(s.nullBit[i])) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(append(dst, f.Name...), '=')
		dst = t.value(dst, f.Schema, depth+1)
	}
	return append(dst, '}')
}

func (t *text) array(dst []byte, s *Schema, depth int) []byte {
	n, nulls := t.row.Array(s)
	dst = append(dst, '[')
	for i := 0; i < n && t.ok(); i++ {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = t.element(dst, s.elem, nulls.Null(i), depth)
	}
	return append(dst, ']')
}

func (t *text) mapping(dst []byte, s *Schema, depth int) []byte {
	n, keys, values := t.row.Map(s)
	dst = append(dst, '{')
	for i := 0; i < n && t.ok(); i++ {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(t.element(dst, s.key, keys.Null(i), depth), '=')
		dst = t.element(dst, s.elem, values.Null(i), depth)
	}
	return append(dst, '}')
}

func (t *text) any(dst []byte, depth int) []byte {
	switch typ := t.row.AnyType(); typ {
	case 0:
		return append(dst, "null"...)
	case Array:
		return t.value(dst, anyArray, depth+1)
	case Map:
		return t.value(dst, anyMap, depth+1)
	default:
		return t.scalar(dst, typ, depth)
	}
}

// appendTime appends a moment as Java's Date.toString does in UTC.
func appendTime(dst []byte, at time.Time) []byte {
	at = at.UTC()
	return strconv.AppendInt(at.AppendFormat(dst, "Mon Jan 02 15:04:05 UTC "), int64(at.Year()), 10)
}

// AppendFloatText appends a floating-point number of 32 or 64 bits as [AppendText] writes it, which is as Java's
// Float.toString and Double.toString do: the shortest digits that read back as the same number, at least one of them after
// the point, with an exponent below 0.001 and from 10000000 on; NaN, Infinity, -Infinity.
func AppendFloatText(dst []byte, f float64, bits int) []byte {
	abs := math.Abs(f)
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case abs > math.MaxFloat64:
		if f < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "Infinity"...)
	case abs < 1e7 && f == math.Trunc(f):
		if f == 0 && math.Signbit(f) {
			dst = append(dst, '-')
		}
		return append(strconv.AppendInt(dst, int64(f), 10), '.', '0')
	case abs >= 1e-3 && abs < 1e7:
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	return appendScientific(dst, f, bits)
}

func appendScientific(dst []byte, f float64, bits int) []byte {
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	if bytes.IndexByte(dst[from:], '.') < 0 {
		// One digit is enough, Java writes two: the nearest ones, which are not always "d.0" where floats are sparse.
		dst = strconv.AppendFloat(dst[:from], f, 'e', 1, bits)
	}
	e := from + bytes.IndexByte(dst[from:], 'e')
	exponent, _ := strconv.Atoi(string(dst[e+1:]))
	return strconv.AppendInt(append(dst[:e], 'E'), int64(exponent), 10)
}

// AppendDecimalText appends a decimal, given as the two's complement bytes of its unscaled number, as [AppendText] writes
// it, which is as Java's BigDecimal.toString does: plain, but with an exponent when the scale is negative or the number is
// below 0.000001.
func AppendDecimalText(dst, unscaled []byte, scale int) []byte {
	var room [24]byte
	digits := room[:0]
	if n, ok := UnscaledInt64(unscaled); ok {
		digits = strconv.AppendInt(digits, n, 10)
	} else {
		digits = Unscaled(unscaled).Append(digits, 10)
	}
	if digits[0] == '-' {
		dst, digits = append(dst, '-'), digits[1:]
	}
	exponent := len(digits) - 1 - scale
	switch {
	case scale == 0:
		return append(dst, digits...)
	case scale < 0 || exponent < -6:
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(append(dst, '.'), digits[1:]...)
		}
		dst = append(dst, 'E')
		if exponent >= 0 {
			dst = append(dst, '+')
		}
		return strconv.AppendInt(dst, int64(exponent), 10)
	case len(digits) > scale:
		point := len(digits) - scale
		dst = append(append(dst, digits[:point]...), '.')
		return append(dst, digits[point:]...)
	}
	dst = append(dst, '0', '.')
	for range scale - len(digits) {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}
