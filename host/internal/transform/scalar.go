package transform

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// scalar is a value that a transformation understands: a cell or an entry, decoded.
type scalar struct {
	typ   data.Type
	name  string  // of its schema, for logical types
	n     int64   // BOOLEAN, integers, Date, Time, Timestamp
	f     float64 // FLOAT32, FLOAT64
	b     []byte  // STRING, BYTES; the unscaled number of a Decimal
	scale int     // of a Decimal
}

func (v scalar) isFloat() bool { return v.typ == data.Float32 || v.typ == data.Float64 }

func (v scalar) isDecimal() bool { return v.typ == data.Bytes && v.name == data.DecimalName }

// readCell decodes a cell. Of arrays, maps and structs it returns the type alone.
func readCell(s *data.Schema, cell []byte) (scalar, error) {
	v := scalar{typ: s.Type(), name: s.Name()}
	var r data.Reader
	r.Reset(cell)
	switch v.typ {
	case data.Array, data.Map, data.Struct:
		return v, nil
	case data.Any:
		return anyCodec.read(nil, cell)
	case data.Bytes:
		v.b = r.Bytes()
		if v.isDecimal() {
			var err error
			if v.scale, err = scaleOf(s); err != nil {
				return v, err
			}
		}
	default:
		v.readFixed(&r)
	}
	return v, finished(&r, s)
}

// mostDigits limits the scale of decimals, so that 1e999999999 does not become a billion digits.
const mostDigits = math.MaxInt16

// scaleOf returns the scale of a Decimal schema.
func scaleOf(s *data.Schema) (int, error) {
	scale, err := s.Scale()
	if err == nil && (scale > mostDigits || scale < -mostDigits) {
		err = fmt.Errorf("%v has the scale %d, beyond %d", s, scale, mostDigits)
	}
	return scale, err
}

// readFixed reads what the type alone tells how to read.
func (v *scalar) readFixed(r *data.Reader) {
	switch v.typ {
	case data.Boolean:
		if r.Bool() {
			v.n = 1
		}
	case data.Int8:
		v.n = int64(r.Int8())
	case data.Int16:
		v.n = int64(r.Int16())
	case data.Int32:
		v.n = int64(r.Int32())
	case data.Int64:
		v.n = r.Int64()
	case data.Float32:
		v.f = float64(r.Float32())
	case data.Float64:
		v.f = r.Float64()
	case data.String, data.Bytes:
		v.b = r.Bytes()
	}
}

// read decodes a value without schema that is not null. Strings with escapes are written to the arena. Numbers of JSON are
// INT64 or FLOAT64, as JsonConverter reads them.
func (k codec) read(a *Arena, val []byte) (scalar, error) {
	var v scalar
	if k == anyCodec {
		var r data.Reader
		r.Reset(val)
		if v.typ = r.AnyType(); v.typ == data.Array || v.typ == data.Map {
			return v, nil
		}
		v.readFixed(&r)
		return v, finished(&r, data.AnySchema)
	}
	if len(val) == 0 {
		return v, notJSON(0, "a value")
	}
	switch val[0] {
	case '{':
		return scalar{typ: data.Map}, nil
	case '[':
		return scalar{typ: data.Array}, nil
	case '"':
		end, escaped, err := skipString(val, 0)
		if err != nil || end != len(val) {
			return v, notJSON(end, "the end of a string")
		}
		v.typ, v.b = data.String, val[1:end-1]
		if escaped {
			from := len(a.buf)
			buf, err := appendUnescaped(a.buf, v.b)
			if err != nil {
				return v, err
			}
			v.b = a.cut(buf, from)
		}
		return v, nil
	case 't', 'f':
		if string(val) != "true" && string(val) != "false" {
			return v, notJSON(0, "a value")
		}
		v.typ = data.Boolean
		if val[0] == 't' {
			v.n = 1
		}
		return v, nil
	}
	return readJSONNumber(val)
}

func readJSONNumber(val []byte) (scalar, error) {
	v := scalar{typ: data.Int64}
	if c := val[0]; c != '-' && !isDigit(c) {
		return v, notJSON(0, "a value")
	}
	for _, c := range val[1:] {
		switch {
		case c == '.' || c|0x20 == 'e' || c == '+' || c == '-':
			v.typ = data.Float64
		case !isDigit(c):
			return v, notJSON(0, "a number")
		}
	}
	var err error
	if v.typ == data.Int64 {
		if v.n, err = strconv.ParseInt(view(val), 10, 64); errors.Is(err, strconv.ErrRange) {
			return scalar{typ: data.Int64, n: wrapped(val)}, nil
		}
	} else if v.f, err = strconv.ParseFloat(view(val), 64); errors.Is(err, strconv.ErrRange) {
		err = nil // infinite
	}
	if err != nil {
		return v, notJSON(0, "a number")
	}
	return v, nil
}

// wrapped reads a whole number as Java's BigInteger.longValue does: what is beyond 64 bits is cut off.
func wrapped(text []byte) int64 {
	n := uint64(0)
	for _, c := range text {
		if isDigit(c) {
			n = n*10 + uint64(c-'0')
		}
	}
	if text[0] == '-' {
		n = -n
	}
	return int64(n)
}

// appendCell appends the scalar in the row encoding of its type.
func (v scalar) appendCell(dst []byte) []byte {
	switch v.typ {
	case data.Boolean:
		return append(dst, byte(v.n))
	case data.Float32, data.Float64:
		return appendFloat(dst, v.typ, v.f)
	case data.String, data.Bytes:
		return appendSized(dst, v.b)
	}
	return appendInteger(dst, v.typ, v.n)
}

// append appends a scalar without schema, or a map or an array without anything in it.
func (k codec) append(dst []byte, v scalar) []byte {
	switch v.typ {
	case data.Boolean:
		return k.bool(dst, v.n != 0)
	case data.Float32, data.Float64:
		return k.float(dst, v.typ, v.f)
	case data.String:
		return k.text(dst, v.b)
	case data.Bytes:
		if k == anyCodec {
			return appendSized(append(dst, byte(data.Bytes)), v.b)
		}
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v.b), '"')
	case data.Map, data.Array:
		switch {
		case k == anyCodec:
			return append(dst, byte(v.typ), 0)
		case v.typ == data.Map:
			return append(dst, '{', '}')
		}
		return append(dst, '[', ']')
	}
	return k.integer(dst, v.typ, v.n)
}

// decimal returns the number of a Decimal.
func (v scalar) decimal() data.Decimal {
	return data.Decimal{Unscaled: data.Unscaled(v.b), Scale: v.scale}
}

// integral returns the number without its fraction, as Java's narrowing of a double, a float or a BigDecimal does: a
// float that does not fit becomes the nearest number that does, a decimal loses its high bits.
func (v scalar) integral() int64 {
	switch {
	case v.isDecimal():
		n := v.decimal()
		ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n.Scale, -n.Scale))), nil)
		if n.Scale > 0 {
			n.Unscaled.Quo(n.Unscaled, ten)
		} else {
			n.Unscaled.Mul(n.Unscaled, ten)
		}
		low := new(big.Int).And(n.Unscaled, new(big.Int).SetUint64(math.MaxUint64))
		return int64(low.Uint64())
	case v.isFloat():
		return saturate(v.f, math.MinInt64, math.MaxInt64)
	}
	return v.n
}

// saturate is Java's conversion of a double to an integer.
func saturate(f float64, least, most int64) int64 {
	switch {
	case math.IsNaN(f):
		return 0
	case f <= float64(least):
		return least
	case f >= float64(most):
		return most
	}
	return int64(f)
}

// float returns the number as a double.
func (v scalar) float() float64 {
	switch {
	case v.isDecimal():
		f, _ := strconv.ParseFloat(v.decimal().String(), 64)
		return f
	case v.isFloat():
		return v.f
	}
	return float64(v.n)
}

// appendText appends the value as Java's String.valueOf shows it; dates and times as Kafka's class Values does.
func (v scalar) appendText(dst []byte) []byte {
	switch {
	case v.name == data.DateName && v.typ == data.Int32:
		return appendDate(dst, v.n*86400_000)
	case v.name == data.TimeName && v.typ == data.Int32, v.name == data.TimestampName && v.typ == data.Int64:
		return appendDate(dst, v.n)
	case v.isDecimal():
		return data.AppendDecimalText(dst, v.b, v.scale)
	}
	switch v.typ {
	case data.Boolean:
		return strconv.AppendBool(dst, v.n != 0)
	case data.Float32:
		return data.AppendFloatText(dst, v.f, 32)
	case data.Float64:
		return data.AppendFloatText(dst, v.f, 64)
	case data.String:
		return append(dst, v.b...)
	case data.Bytes:
		return base64.StdEncoding.AppendEncode(dst, v.b)
	}
	return strconv.AppendInt(dst, v.n, 10)
}

const dayMillis = 86400_000

// appendDate appends a moment in the form that fits it: within the first day after the epoch it is a time, at midnight a
// date.
func appendDate(dst []byte, millis int64) []byte {
	t := time.UnixMilli(millis).UTC()
	switch {
	case millis < dayMillis:
		return t.AppendFormat(dst, "15:04:05.000Z")
	case millis%dayMillis == 0:
		return t.AppendFormat(dst, time.DateOnly)
	}
	return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}

// javaInteger reads a text as Java's Long.parseLong does, in that many bits.
func javaInteger(text []byte, bits int) (int64, bool) {
	n, err := strconv.ParseInt(view(text), 10, bits)
	return n, err == nil
}

// javaFloat reads a text as Java's Double.parseDouble does: white space around it and a suffix f or d do not count.
func javaFloat(text []byte, bits int) (float64, bool) {
	for len(text) > 0 && text[0] <= ' ' {
		text = text[1:]
	}
	for len(text) > 0 && text[len(text)-1] <= ' ' {
		text = text[:len(text)-1]
	}
	number := text
	if len(number) > 0 && (number[0] == '+' || number[0] == '-') {
		number = number[1:]
	}
	switch {
	case string(number) == "NaN":
		return math.NaN(), true
	case string(number) == "Infinity":
		if text[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	}
	hex := len(number) > 1 && number[0] == '0' && number[1]|0x20 == 'x'
	if len(text) > 1 && !hex {
		if last := text[len(text)-1] | 0x20; last == 'f' || last == 'd' {
			text = text[:len(text)-1]
		}
	}
	for _, c := range text {
		if !isDigit(c) && c != '.' && c != '+' && c != '-' && c|0x20 != 'e' && !hex {
			return 0, false
		}
		if c == '_' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(view(text), bits)
	if errors.Is(err, strconv.ErrRange) {
		err = nil // too large is infinite
	}
	return f, err == nil
}

// typeName names the type of a scalar for messages.
func (v scalar) typeName() string {
	if v.name != "" {
		return fmt.Sprintf("%v(%s)", v.typ, v.name)
	}
	return v.typ.String()
}
