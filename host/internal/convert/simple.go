package convert

import (
	"fmt"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// simple is Kafka's SimpleHeaderConverter: values are written as literals, and what is read has the type that its text
// looks like.
type simple struct {
	writer  textWriter
	schemas lru[string, *data.Schema] // of what was read, by their signature, so that the same one is found again
}

func newSimple(settings) (HeaderConverter, error) {
	return &simple{writer: textWriter{literal: true}, schemas: newLRU[string, *data.Schema](1000)}, nil
}

func (c *simple) FromConnectHeader(a *Arena, _, name string, v data.Value) ([]byte, error) {
	if isNull(v) {
		return nil, nil
	}
	b, err := c.writer.text(a, v)
	if err != nil {
		return nil, fmt.Errorf("header %q cannot be written as text: %w; set header.converter to JsonConverter", name, err)
	}
	return b, nil
}

func (c *simple) ToConnectHeader(v *data.Value, a *Arena, _, _ string, b []byte) error {
	from := len(a.buf)
	if n, ok := wholeNumber(b); ok {
		s := wholeSchema(n)
		v.Kind, v.Schema, v.Data = data.KindRow, s, a.cut(appendWhole(a.buf, s.Type(), n), from)
		return nil
	}
	*v = c.value(a, b)
	return nil
}

// value returns the value of a header that is not a whole number in its plainest form.
func (c *simple) value(a *Arena, b []byte) data.Value {
	if b == nil {
		return data.Value{}
	}
	if !utf8.Valid(b) {
		return data.BytesValue(b)
	}
	text := trim(b)
	if len(text) == 0 {
		return data.Value{Kind: data.KindString, Data: b}
	}
	from := len(a.buf)
	switch first := text[0]; {
	case string(text) == "null":
		return data.Value{}
	case string(text) == "true":
		return data.RowValue(data.BooleanSchema, a.cut(append(a.buf, 1), from))
	case string(text) == "false":
		return data.RowValue(data.BooleanSchema, a.cut(append(a.buf, 0), from))
	case first == '-' || first == '+' || isDigit(first):
		if v := scalarLiteral(text); v.schema != nil {
			return data.RowValue(c.canonical(v.schema), a.cut(v.append(a.buf), from))
		}
	case first == '[' || first == '{':
		if v, ok := c.compound(a, text); ok {
			return v
		}
	}
	return data.Value{Kind: data.KindString, Data: b}
}

// trim cuts what Java's String.trim cuts.
func trim(b []byte) []byte {
	for len(b) > 0 && b[0] <= ' ' {
		b = b[1:]
	}
	for len(b) > 0 && b[len(b)-1] <= ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// compound reads an array or a map.
func (c *simple) compound(a *Arena, text []byte) (data.Value, bool) {
	p := literalParser{b: text}
	s, v, ok := p.value()
	if !ok || len(trim(text[p.i:])) > 0 {
		return data.Value{}, false
	}
	s = c.canonical(s)
	from := len(a.buf)
	buf, err := data.Encode(a.buf, s, v)
	if err != nil {
		return data.Value{}, false
	}
	return data.RowValue(s, a.cut(buf, from)), true
}

// canonical returns the same schema for equal ones, because it is its address that is sent once and then known.
func (c *simple) canonical(s *data.Schema) *data.Schema {
	switch s {
	case data.Int8Schema, data.Int16Schema, data.Int32Schema, data.Int64Schema, data.Float32Schema, data.Float64Schema,
		data.DateSchema, data.TimeSchema, data.TimestampSchema:
		return s
	}
	key := signature(s)
	if known, ok := c.schemas.get(key); ok {
		return known
	}
	c.schemas.put(key, s)
	return s
}
