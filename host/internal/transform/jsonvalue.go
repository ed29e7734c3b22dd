package transform

import (
	"fmt"
	"math"
	"strconv"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// jsonParser reads JSON into the row encoding of ANY, or into Go values.
type jsonParser struct {
	b     []byte
	i     int
	depth int
}

// mostNestedJSON is the deepest nesting of JSON that is parsed.
const mostNestedJSON = data.MaxDepth / 2

// parseJSON returns a JSON text as Go values: nil, bool, int64, float64, string, []any, map[string]any.
func parseJSON(text []byte) (any, error) {
	p := jsonParser{b: text}
	v, err := p.value()
	if err == nil {
		if p.i = space(text, p.i); p.i < len(text) {
			err = fmt.Errorf("%w: there is text behind the value at byte %d", errJSON, p.i)
		}
	}
	return v, err
}

func (p *jsonParser) value() (any, error) {
	if p.i = space(p.b, p.i); p.i == len(p.b) {
		return nil, notJSON(p.i, "a value")
	}
	switch p.b[p.i] {
	case '{':
		return p.object()
	case '[':
		return p.array()
	}
	end, err := skipValue(p.b, p.i)
	if err != nil {
		return nil, err
	}
	text := p.b[p.i:end]
	p.i = end
	if string(text) == "null" {
		return nil, nil
	}
	var a Arena
	v, err := jsonCodec.read(&a, text)
	if err != nil {
		return nil, err
	}
	switch v.typ {
	case data.Boolean:
		return v.n != 0, nil
	case data.Int64:
		if n, err := strconv.ParseInt(view(text), 10, 64); err == nil {
			return n, checkNumber(text)
		}
		v.f, _ = strconv.ParseFloat(view(text), 64) // beyond 64 bits
		return v.f, checkFloat(v.f, text)
	case data.Float64:
		return v.f, checkFloat(v.f, text)
	}
	for _, c := range text {
		if c < 0x20 {
			return nil, notJSON(p.i, "an escape for a control character")
		}
	}
	return string(v.b), nil
}

// checkFloat refuses a number that is too large, besides what checkNumber does.
func checkFloat(f float64, text []byte) error {
	if math.IsInf(f, 0) {
		return fmt.Errorf("%w that can be read: the number %.40s is too large", errJSON, text)
	}
	return checkNumber(text)
}

// checkNumber refuses what strconv reads and JSON does not have.
func checkNumber(text []byte) error {
	i := 0
	if text[0] == '-' {
		i++
	}
	digits := func() bool {
		from := i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		return i > from
	}
	zero := i < len(text) && text[i] == '0'
	from := i
	ok := digits() && !(zero && i > from+1)
	if ok && i < len(text) && text[i] == '.' {
		i++
		ok = digits()
	}
	if ok && i < len(text) && text[i]|0x20 == 'e' {
		if i++; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		ok = digits()
	}
	if !ok || i < len(text) {
		return notJSON(i, "a number")
	}
	return nil
}

func (p *jsonParser) open() error {
	p.i++
	if p.depth++; p.depth > mostNestedJSON {
		return fmt.Errorf("%w that can be read: it is nested deeper than %d", errJSON, mostNestedJSON)
	}
	return nil
}

// next steps over a comma, or over the closing bracket, which is the end.
func (p *jsonParser) next(closing byte) (more bool, err error) {
	if p.i = space(p.b, p.i); p.i < len(p.b) {
		switch p.b[p.i] {
		case ',':
			p.i++
			return true, nil
		case closing:
			p.i++
			p.depth--
			return false, nil
		}
	}
	return false, notJSON(p.i, "a comma or a closing bracket")
}

func (p *jsonParser) empty(closing byte) bool {
	if p.i = space(p.b, p.i); p.i < len(p.b) && p.b[p.i] == closing {
		p.i++
		p.depth--
		return true
	}
	return false
}

func (p *jsonParser) array() (any, error) {
	list := []any{}
	if err := p.open(); err != nil || p.empty(']') {
		return list, err
	}
	for more := true; more; {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if more, err = p.next(']'); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (p *jsonParser) object() (any, error) {
	m := map[string]any{}
	if err := p.open(); err != nil || p.empty('}') {
		return m, err
	}
	for more := true; more; {
		if p.i = space(p.b, p.i); p.i == len(p.b) || p.b[p.i] != '"' {
			return nil, notJSON(p.i, "the name of a member")
		}
		name, err := p.value()
		if err != nil {
			return nil, err
		}
		if p.i = space(p.b, p.i); p.i == len(p.b) || p.b[p.i] != ':' {
			return nil, notJSON(p.i, "a colon")
		}
		p.i++
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		m[name.(string)] = v
		if more, err = p.next('}'); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// jsonWriter writes rows as JSON: decimals as numbers, logical types as the type they are based on, bytes in base64, maps
// whose keys are no texts as arrays of pairs.
type jsonWriter struct {
	r     data.Reader
	depth int
	err   error
}

// appendJSON appends a value.
func appendJSON(dst []byte, v data.Value) ([]byte, error) {
	if isNull(v) {
		return append(dst, "null"...), nil
	}
	switch v.Kind {
	case data.KindString:
		return appendQuoted(dst, v.Data), nil
	case data.KindBytes:
		return jsonCodec.append(dst, scalar{typ: data.Bytes, b: v.Data}), nil
	case data.KindJSON:
		return append(dst, v.Data...), nil
	}
	w := jsonWriter{}
	w.r.Reset(v.Data)
	dst = w.value(dst, v.Schema)
	if w.err == nil {
		w.err = finished(&w.r, v.Schema)
	}
	return dst, w.err
}

func (w *jsonWriter) value(dst []byte, s *data.Schema) []byte {
	if w.depth++; w.depth > data.MaxDepth && w.err == nil {
		w.err = fmt.Errorf("value is nested deeper than %d", data.MaxDepth)
	}
	defer func() { w.depth-- }()
	if w.err != nil || w.r.Err() != nil {
		return dst
	}
	v := scalar{typ: s.Type(), name: s.Name()}
	switch v.typ {
	case data.Struct:
		nulls := w.r.Struct(s)
		dst = append(dst, '{')
		for i, f := range s.Fields() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = w.element(append(appendQuoted(dst, f.Name), ':'), f.Schema, nulls.Null(s.NullBit(i)))
		}
		return append(dst, '}')
	case data.Array:
		n, nulls := w.r.Array(s)
		return w.array(dst, s.Element(), n, nulls)
	case data.Map:
		n, keys, values := w.r.Map(s)
		return w.mapping(dst, s.Key(), s.Element(), n, keys, values)
	case data.Any:
		switch v.typ = w.r.AnyType(); v.typ {
		case 0:
			return append(dst, "null"...)
		case data.Array:
			n, nulls := w.r.AnyArray()
			return w.array(dst, data.AnySchema, n, nulls)
		case data.Map:
			n, keys, values := w.r.AnyMap()
			return w.mapping(dst, data.AnySchema, data.AnySchema, n, keys, values)
		}
	}
	if v.readFixed(&w.r); v.isDecimal() {
		if v.scale, w.err = scaleOf(s); w.err != nil {
			return dst
		}
		return append(dst, v.decimal().String()...)
	}
	return jsonCodec.append(dst, v)
}

func (w *jsonWriter) element(dst []byte, s *data.Schema, null bool) []byte {
	if null {
		return append(dst, "null"...)
	}
	return w.value(dst, s)
}

func (w *jsonWriter) array(dst []byte, s *data.Schema, n int, nulls data.Nulls) []byte {
	dst = append(dst, '[')
	for i := 0; i < n && w.err == nil && w.r.Err() == nil; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = w.element(dst, s, nulls.Null(i))
	}
	return append(dst, ']')
}

func (w *jsonWriter) mapping(dst []byte, k, v *data.Schema, n int, keys, values data.Nulls) []byte {
	object := k.Type() == data.String || k.Type() == data.Any
	from := len(dst)
	dst = append(dst, '{')
	if !object {
		dst[from] = '['
	}
	for i := 0; i < n && w.err == nil && w.r.Err() == nil; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		at := len(dst)
		if !object {
			dst = append(dst, '[')
		}
		dst = w.element(dst, k, keys.Null(i))
		if object && dst[at] != '"' {
			// A key that carries its own type and is no text: its text is.
			text := string(dst[at:])
			dst = appendQuoted(dst[:at], text)
		}
		dst = append(dst, map[bool]byte{true: ':', false: ','}[object])
		dst = w.element(dst, v, values.Null(i))
		if !object {
			dst = append(dst, ']')
		}
	}
	return append(dst, map[bool]byte{true: '}', false: ']'}[object])
}
