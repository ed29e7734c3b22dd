package convert

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// plan is what the writer needs to know of a schema, worked out once.
type plan struct {
	schema    *data.Schema
	typ       data.Type
	numeric   bool // a decimal that is written as a number
	scale     int
	keyed     bool   // a map that is written as objects with key and value
	union     bool   // a struct of which the one field that is not null is written
	null      []byte // what a null is written as: the default, if that is wanted, or null
	fields    []planField
	key, elem *plan
	former    *former // of a struct inside another
	number    int64   // that was written last, if it is long
	digits    []byte  // of it
}

type planField struct {
	prefix  []byte   // what comes before the value: the bracket or comma, the name, the colon
	short   [16]byte // the beginning of prefix
	nullBit int
	plan    *plan
}

// jsonWriter writes rows as JSON in one pass. Its first mistake stays in err.
type jsonWriter struct {
	row         data.Reader
	whole       []byte // what row reads
	rows        uint64 // that were written
	err         error
	depth       int  // of values that carry their own type
	numeric     bool // decimals as numbers
	replaceNull bool
	confluent   bool // maps and unions in the form of JsonSchemaConverter
}

// plan works a schema out.
func (w *jsonWriter) plan(s *data.Schema) (*plan, error) {
	p := &plan{schema: s, typ: s.Type(), null: []byte("null")}
	var err error
	switch p.typ {
	case data.Bytes:
		if s.Name() == data.DecimalName {
			p.numeric = w.numeric
			if p.scale, err = scaleOf(s); err != nil {
				return nil, err
			}
		}
	case data.Array:
		if p.elem, err = w.plan(s.Element()); err != nil {
			return nil, err
		}
	case data.Map:
		p.keyed = w.confluent && !textKeys(s)
		if p.key, err = w.plan(s.Key()); err != nil {
			return nil, err
		}
		if p.elem, err = w.plan(s.Element()); err != nil {
			return nil, err
		}
	case data.Struct:
		p.union = w.confluent && s.Name() == jsonUnion
		for i, f := range s.Fields() {
			prefix := byte(',')
			if i == 0 {
				prefix = '{'
			}
			field := planField{prefix: []byte{prefix}, nullBit: s.NullBit(i)}
			if field.prefix, err = appendText(field.prefix, []byte(f.Name)); err != nil {
				return nil, fmt.Errorf("name of a field of %v: %w", s, err)
			}
			field.prefix = append(field.prefix, ':')
			copy(field.short[:], field.prefix)
			if field.plan, err = w.part(p, f.Schema); err != nil {
				return nil, within(err, f.Name)
			}
			p.fields = append(p.fields, field)
		}
	}
	if row, _ := s.Default(); row != nil && w.replaceNull {
		if p.null, err = w.append(nil, p, row); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// part works out the schema of a field of a struct. Fields of the same schema have one plan, so that one is compared with the other.
func (w *jsonWriter) part(of *plan, s *data.Schema) (*plan, error) {
	if s.Type() == data.Struct {
		for i := range of.fields {
			if p := of.fields[i].plan; p.schema.Equal(s) {
				if p.former != nil {
					p.former.pair = true
				}
				return p, nil
			}
		}
	}
	p, err := w.plan(s)
	if err == nil && p.scalars() {
		p.former = new(former)
	}
	return p, err
}

// mostScale bounds the zeros that a scale may ask for.
const mostScale = 10_000

func scaleOf(s *data.Schema) (int, error) {
	scale, err := s.Scale()
	if err == nil && (scale > mostScale || scale < -mostScale) {
		err = fmt.Errorf("schema %v: scale %d is beyond %d", s, scale, mostScale)
	}
	return scale, err
}

// append writes a row; a nil row is null.
func (w *jsonWriter) append(dst []byte, p *plan, row []byte) ([]byte, error) {
	if row == nil {
		return append(dst, p.null...), nil
	}
	w.err, w.depth, w.whole = nil, 0, row
	w.rows++
	w.row.Reset(row)
	dst = w.value(dst, p)
	if w.err == nil {
		w.err = whole(&w.row, p.schema)
	}
	return dst, w.err
}

// value writes the value that comes next, which is not null.
func (w *jsonWriter) value(dst []byte, p *plan) []byte {
	switch p.typ {
	case data.Int64:
		return p.appendInt(dst, w.row.Int64())
	case data.Array:
		return w.array(dst, p)
	case data.Map:
		return w.mapping(dst, p)
	case data.Struct:
		return w.structure(dst, p)
	case data.Any:
		return w.any(dst)
	case data.Bytes:
		if p.numeric {
			return data.AppendDecimalText(dst, w.row.Bytes(), p.scale)
		}
	}
	return w.scalar(dst, p.typ)
}

// long is the least number whose text is kept.
const long = 1_000_000

// appendInt writes a number, which often is the one before: that of a time.
func (p *plan) appendInt(dst []byte, v int64) []byte {
	if v < long {
		return strconv.AppendInt(dst, v, 10)
	}
	if v != p.number {
		p.number, p.digits = v, strconv.AppendInt(p.digits[:0], v, 10)
	}
	return append(dst, p.digits...)
}

func (w *jsonWriter) scalar(dst []byte, t data.Type) []byte {
	switch t {
	case data.Boolean:
		return strconv.AppendBool(dst, w.row.Bool())
	case data.Int8:
		return strconv.AppendInt(dst, int64(w.row.Int8()), 10)
	case data.Int16:
		return strconv.AppendInt(dst, int64(w.row.Int16()), 10)
	case data.Int32:
		return strconv.AppendInt(dst, int64(w.row.Int32()), 10)
	case data.Int64:
		return strconv.AppendInt(dst, w.row.Int64(), 10)
	case data.Float32:
		return appendJSONFloat(dst, float64(w.row.Float32()), 32)
	case data.Float64:
		return appendJSONFloat(dst, w.row.Float64(), 64)
	case data.Bytes:
		return appendBase64(dst, w.row.Bytes())
	}
	dst, err := appendText(dst, w.row.Bytes())
	if err != nil && w.err == nil {
		w.err = err
	}
	return dst
}

func (w *jsonWriter) structure(dst []byte, p *plan) []byte {
	if len(p.fields) == 0 {
		return append(dst, '{', '}')
	}
	nulls := w.row.Struct(p.schema)
	if p.union {
		return w.branch(dst, p, nulls)
	}
	if p.former != nil {
		return w.again(dst, p, nulls)
	}
	for i := range p.fields {
		if dst = w.field(dst, p, i, nulls); w.err != nil {
			return dst
		}
	}
	return append(dst, '}')
}

// field writes a field of a struct.
func (w *jsonWriter) field(dst []byte, p *plan, i int, nulls data.Nulls) []byte {
	f := &p.fields[i]
	dst = f.open(dst)
	if nulls.Null(f.nullBit) {
		return append(dst, f.plan.null...)
	}
	if dst = w.value(dst, f.plan); w.err != nil {
		w.err = within(w.err, p.schema.Fields()[i].Name)
	}
	return dst
}

// branch writes the first field of a union that is not null, and reads the others.
func (w *jsonWriter) branch(dst []byte, p *plan, nulls data.Nulls) []byte {
	found := false
	for i := range p.fields {
		f := &p.fields[i]
		switch {
		case nulls.Null(f.nullBit):
		case found:
			w.row.Skip(f.plan.schema)
		default:
			dst, found = w.value(dst, f.plan), true
		}
	}
	if !found {
		dst = append(dst, "null"...)
	}
	return dst
}

// open appends the prefix.
func (f *planField) open(dst []byte) []byte {
	n := len(dst)
	if len(f.prefix) > len(f.short) || cap(dst)-n < len(f.short) {
		return append(dst, f.prefix...)
	}
	*(*[len(f.short)]byte)(dst[n : n+len(f.short)]) = f.short // a fixed number of bytes takes no call
	return dst[:n+len(f.prefix)]
}

func (w *jsonWriter) array(dst []byte, p *plan) []byte {
	n, nulls := w.row.Array(p.schema)
	dst = append(dst, '[')
	for i := 0; i < n && w.ok(); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = w.element(dst, p.elem, nulls.Null(i))
	}
	return append(dst, ']')
}

func (w *jsonWriter) element(dst []byte, p *plan, null bool) []byte {
	if null {
		return append(dst, p.null...)
	}
	return w.value(dst, p)
}

func (w *jsonWriter) mapping(dst []byte, p *plan) []byte {
	n, keys, values := w.row.Map(p.schema)
	if p.keyed {
		return w.entries(dst, p, n, keys, values)
	}
	if p.key.typ == data.String || p.key.typ == data.Any && w.textKeys(p, n, keys, values) {
		return w.object(dst, p, n, keys, values)
	}
	dst = append(dst, '[')
	for i := 0; i < n && w.ok(); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = w.element(append(dst, '['), p.key, keys.Null(i))
		dst = w.element(append(dst, ','), p.elem, values.Null(i))
		dst = append(dst, ']')
	}
	return append(dst, ']')
}

// entries writes a map as objects with key and value.
func (w *jsonWriter) entries(dst []byte, p *plan, n int, keys, values data.Nulls) []byte {
	dst = append(dst, '[')
	for i := 0; i < n && w.ok(); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = w.element(append(dst, `{"key":`...), p.key, keys.Null(i))
		dst = w.element(append(dst, `,"value":`...), p.elem, values.Null(i))
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func (w *jsonWriter) object(dst []byte, p *plan, n int, keys, values data.Nulls) []byte {
	dst = append(dst, '{')
	for i := 0; i < n && w.ok(); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		if keys.Null(i) && p.key.null[0] != '"' {
			dst = append(dst, `"null"`...)
		} else {
			dst = w.element(dst, p.key, keys.Null(i))
		}
		dst = w.element(append(dst, ':'), p.elem, values.Null(i))
	}
	return append(dst, '}')
}

// textKeys looks ahead whether all keys of a map that carry their own type are strings.
func (w *jsonWriter) textKeys(p *plan, n int, keys, values data.Nulls) bool {
	ahead := w.row
	for i := 0; i < n && ahead.Err() == nil; i++ {
		if keys.Null(i) || ahead.AnyType() != data.String {
			return false
		}
		ahead.Bytes()
		if !values.Null(i) {
			ahead.Skip(p.elem.schema)
		}
	}
	return true
}

// Plans of a value that carries its own type, and of the arrays and maps that it may be.
var (
	anyPlan  = &plan{schema: data.AnySchema, typ: data.Any, null: []byte("null")}
	anyArray = &plan{schema: data.NewArray(nil).MustBuild(), typ: data.Array, elem: anyPlan}
	anyMap   = &plan{schema: data.NewMap(nil, nil).MustBuild(), typ: data.Map, key: anyPlan, elem: anyPlan}
)

func (w *jsonWriter) any(dst []byte) []byte {
	if w.depth++; w.depth > data.MaxDepth && w.err == nil {
		w.err = fmt.Errorf("value is nested deeper than %d", data.MaxDepth)
	}
	switch t := w.row.AnyType(); {
	case w.err != nil:
	case t == 0:
		dst = append(dst, "null"...)
	case t == data.Array:
		dst = w.array(dst, anyArray)
	case t == data.Map:
		dst = w.mapping(dst, anyMap)
	default:
		dst = w.scalar(dst, t)
	}
	w.depth--
	return dst
}

func (w *jsonWriter) ok() bool { return w.err == nil && w.row.Err() == nil }

func appendJSONFloat(dst []byte, f float64, bits int) []byte {
	if f-f != 0 { // NaN, infinite: JSON has no numbers for these
		dst = data.AppendFloatText(append(dst, '"'), f, bits)
		return append(dst, '"')
	}
	return data.AppendFloatText(dst, f, bits)
}

func appendBase64(dst, b []byte) []byte {
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), b)
	return append(dst, '"')
}

var errNotUTF8 = errors.New("text is not UTF-8")

// appendText appends a JSON string as Kafka's JSON library writes it: characters beyond U+FFFF are escaped as pairs,
// other characters only where they must be.
func appendText(dst, s []byte) ([]byte, error) {
	dst = append(dst, '"')
	for i := 0; ; {
		j := ordinaryASCII(s, i)
		dst = append(dst, s[i:j]...)
		if i = j; i == len(s) {
			return append(dst, '"'), nil
		}
		if s[i] < utf8.RuneSelf {
			dst = appendEscaped(dst, s[i])
			i++
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return dst, errNotUTF8
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			dst = appendHex(appendHex(dst, high), low)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
}

// appendEscaped appends the escape of a quote, a backslash or a control character.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return appendHex(dst, rune(c))
}

func appendHex(dst []byte, r rune) []byte {
	const hex = "0123456789ABCDEF"
	return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
