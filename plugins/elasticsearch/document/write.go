package document

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// writer writes rows as JSON in one pass. Its first mistake stays in err.
type writer struct {
	row     data.Reader
	err     error
	depth   int // of values that carry their own type
	compact bool
}

var errRest = errors.New("the row goes on behind its last field")

// append writes a row, which is not null.
func (w *writer) append(dst []byte, p *plan, row []byte) ([]byte, error) {
	w.err, w.depth = nil, 0
	w.row.Reset(row)
	dst = w.value(dst, p)
	switch {
	case w.err != nil:
		return dst, w.err
	case w.row.Err() != nil:
		return dst, w.row.Err()
	case w.row.Rest() != 0:
		return dst, errRest
	}
	return dst, nil
}

func (w *writer) ok() bool { return w.err == nil && w.row.Err() == nil }

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// value writes the value that comes next, which is not null.
func (w *writer) value(dst []byte, p *plan) []byte {
	switch p.form {
	case formBool:
		return strconv.AppendBool(dst, w.row.Bool())
	case formInt8:
		return strconv.AppendInt(dst, int64(w.row.Int8()), 10)
	case formInt16:
		return strconv.AppendInt(dst, int64(w.row.Int16()), 10)
	case formInt32:
		return strconv.AppendInt(dst, int64(w.row.Int32()), 10)
	case formInt64:
		return strconv.AppendInt(dst, w.row.Int64(), 10)
	case formFloat32:
		return appendFloat(dst, float64(w.row.Float32()), 32)
	case formFloat64:
		return appendFloat(dst, w.row.Float64(), 64)
	case formText:
		return w.text(dst)
	case formBase64:
		return appendBase64(dst, w.row.Bytes())
	case formDecimal:
		return appendDecimal(dst, w.row.Bytes(), p.scale)
	case formVariableDecimal:
		return w.variableDecimal(dst)
	case formDays:
		return strconv.AppendInt(dst, int64(w.row.Int32())*millisOfDay, 10)
	case formMicros:
		return appendTime(dst, time.UnixMicro(w.row.Int64()), `"2006-01-02T15:04:05.000000Z"`)
	case formNanos:
		return appendTime(dst, time.Unix(0, w.row.Int64()), `"2006-01-02T15:04:05.000000000Z"`)
	case formStruct:
		return w.structure(dst, p)
	case formArray:
		n, nulls := w.row.Array(p.schema)
		return w.array(dst, p.elem, n, nulls)
	case formObject, formAnyMap, formEntries:
		n, keys, values := w.row.Map(p.schema)
		return w.mapping(dst, p, n, keys, values)
	default:
		return w.any(dst)
	}
}

// text writes a text. One that is not UTF-8 cannot be JSON.
func (w *writer) text(dst []byte) []byte {
	text := w.row.Bytes()
	if !utf8.Valid(text) {
		w.fail(errors.New("a text in it is not UTF-8"))
		return dst
	}
	return appendText(dst, text)
}

const millisOfDay = 24 * 60 * 60 * 1000

func appendTime(dst []byte, t time.Time, layout string) []byte {
	return t.UTC().AppendFormat(dst, layout)
}

func (w *writer) structure(dst []byte, p *plan) []byte {
	nulls := w.row.Struct(p.schema)
	if len(p.fields) == 0 {
		return append(dst, '{', '}')
	}
	for i := range p.fields {
		f := &p.fields[i]
		dst = append(dst, f.prefix...)
		if nulls.Null(f.nullBit) {
			dst = append(dst, "null"...)
			continue
		}
		if dst = w.value(dst, f.plan); !w.ok() {
			return dst
		}
	}
	return append(dst, '}')
}

func (w *writer) array(dst []byte, elem *plan, n int, nulls data.Nulls) []byte {
	dst = append(dst, '[')
	for i := 0; i < n && w.ok(); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = w.element(dst, elem, nulls.Null(i))
	}
	return append(dst, ']')
}

func (w *writer) element(dst []byte, p *plan, null bool) []byte {
	if null {
		return append(dst, "null"...)
	}
	return w.value(dst, p)
}

// mapping writes a map: an object when all keys are text, else an array of entries.
func (w *writer) mapping(dst []byte, p *plan, n int, keys, values data.Nulls) []byte {
	asObject := p.form == formObject || p.form == formAnyMap && w.textKeys(p, n, keys, values)
	opening, closing := byte('['), byte(']')
	if asObject {
		opening, closing = '{', '}'
	}
	dst = append(dst, opening)
	for i := 0; i < n && w.ok(); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !asObject {
			dst = append(dst, `{"key":`...)
			dst = w.element(dst, p.key, keys.Null(i))
			dst = append(dst, `,"value":`...)
			dst = append(w.element(dst, p.elem, values.Null(i)), '}')
			continue
		}
		if keys.Null(i) {
			w.fail(errors.New("a key of a map is null"))
			return dst
		}
		dst = append(w.value(dst, p.key), ':')
		dst = w.element(dst, p.elem, values.Null(i))
	}
	return append(dst, closing)
}

// textKeys looks ahead whether all keys of a map are text.
func (w *writer) textKeys(p *plan, n int, keys, values data.Nulls) bool {
	ahead := w.row
	for i := range n {
		if keys.Null(i) {
			return false
		}
		typed := ahead
		if typed.AnyType() != data.String {
			return false
		}
		ahead.Skip(p.key.schema)
		if !values.Null(i) {
			ahead.Skip(p.elem.schema)
		}
		if ahead.Err() != nil {
			return false
		}
	}
	return true
}

// anyPlans are those of values that carry their own type.
var anyPlans = map[data.Type]*plan{
	data.Boolean: {form: formBool}, data.Int8: {form: formInt8}, data.Int16: {form: formInt16}, data.Int32: {form: formInt32},
	data.Int64: {form: formInt64}, data.Float32: {form: formFloat32}, data.Float64: {form: formFloat64},
	data.String: {form: formText}, data.Bytes: {form: formBase64},
}

// The plans of parts of values that carry their own type.
var (
	anyElement = &plan{schema: data.AnySchema, form: formAny}
	anyObject  = &plan{form: formAnyMap, key: anyElement, elem: anyElement}
	anyEntries = &plan{form: formEntries, key: anyElement, elem: anyElement}
)

func (w *writer) any(dst []byte) []byte {
	if w.depth++; w.depth > data.MaxDepth {
		w.fail(fmt.Errorf("it is nested deeper than %d", data.MaxDepth))
		return dst
	}
	defer func() { w.depth-- }()
	switch t := w.row.AnyType(); t {
	case 0:
		return append(dst, "null"...)
	case data.Array:
		n, nulls := w.row.AnyArray()
		return w.array(dst, anyElement, n, nulls)
	case data.Map:
		n, keys, values := w.row.AnyMap()
		p := anyEntries
		if w.compact {
			p = anyObject
		}
		return w.mapping(dst, p, n, keys, values)
	default:
		return w.value(dst, anyPlans[t])
	}
}

// variableDecimal writes Debezium's decimal with a scale of its own.
func (w *writer) variableDecimal(dst []byte) []byte {
	scale := w.row.Int32()
	unscaled := w.row.Bytes()
	if scale > mostScale || scale < -mostScale {
		w.fail(fmt.Errorf("the scale of a decimal is %d, beyond %d", scale, mostScale))
		return dst
	}
	return appendDecimal(dst, unscaled, int(scale))
}

// appendDecimal writes a number of any size with a point, digit for digit.
func appendDecimal(dst, unscaled []byte, scale int) []byte {
	from := len(dst)
	if len(unscaled) <= 8 {
		n := int64(0)
		for i, b := range unscaled {
			if i == 0 {
				n = int64(int8(b))
				continue
			}
			n = n<<8 | int64(b)
		}
		dst = strconv.AppendInt(dst, n, 10)
	} else {
		dst = data.Unscaled(unscaled).Append(dst, 10)
	}
	if scale == 0 {
		return dst
	}
	first := from
	if dst[first] == '-' {
		first++
	}
	if scale < 0 {
		if dst[first] != '0' {
			for range -scale {
				dst = append(dst, '0')
			}
		}
		return dst
	}
	if missing := scale + 1 - (len(dst) - first); missing > 0 {
		dst = append(dst, make([]byte, missing)...)
		copy(dst[first+missing:], dst[first:len(dst)-missing])
		for i := range missing {
			dst[first+i] = '0'
		}
	}
	point := len(dst) - scale
	dst = append(dst, 0)
	copy(dst[point+1:], dst[point:])
	dst[point] = '.'
	return dst
}

// appendFloat writes a number with a point or an exponent. What is no number is
// a text: the server refuses it and says so.
func appendFloat(dst []byte, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(strconv.AppendFloat(append(dst, '"'), f, 'g', -1, bits), '"')
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, format, -1, bits)
	for _, c := range dst[from:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

func appendBase64(dst, b []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(dst, '"'), b), '"')
}

const hexDigits = "0123456789abcdef"

// plainText tells which bytes stand for themselves in a JSON text.
var plainText = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = c >= ' ' && c != '"' && c != '\\'
	}
	return plain
}()

// appendText writes a text in quotes.
func appendText(dst, text []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i, c := range text {
		if plainText[c] {
			continue
		}
		dst = append(dst, text[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, text[from:]...), '"')
}
