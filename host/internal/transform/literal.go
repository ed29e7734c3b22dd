package transform

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// parseDecimal reads a number as Java's BigDecimal does.
func parseDecimal(text string) (*data.Decimal, bool) {
	number := strings.TrimPrefix(text, "+")
	if len(number) < len(text) && strings.HasPrefix(number, "-") {
		return nil, false
	}
	mantissa, exponent := number, 0
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		e, err := strconv.Atoi(number[i+1:])
		if err != nil || e > mostDigits || e < -mostDigits {
			return nil, false
		}
		mantissa, exponent = number[:i], e
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimPrefix(whole, "-") + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" || len(digits) > mostDigits {
		return nil, false
	}
	unscaled, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return nil, false
	}
	if strings.HasPrefix(whole, "-") {
		unscaled.Neg(unscaled)
	}
	return &data.Decimal{Unscaled: unscaled, Scale: len(fraction) - exponent}, true
}

// parseLiteral reads a header's value as Kafka's class Values does: what looks like a number, a date, a list or a map is
// one, everything else is text.
func parseLiteral(text string) (data.Value, error) {
	trimmed := strings.TrimFunc(text, func(r rune) bool { return r <= ' ' })
	l := literal{}
	switch {
	case trimmed == "":
		return textValue(text), nil
	case trimmed[0] == '[' || trimmed[0] == '{':
		p := literalParser{text: trimmed}
		var ok bool
		if l, ok = p.value(0); !ok || strings.TrimSpace(p.text[p.at:]) != "" {
			return textValue(text), nil
		}
	default:
		var ok bool
		if l, ok = scalarLiteral(trimmed); !ok {
			return textValue(text), nil
		}
		if l.schema == nil {
			return data.Value{}, nil
		}
	}
	row, err := data.Encode([]byte{}, l.schema, l.value)
	if err != nil {
		return data.Value{}, fmt.Errorf("%q cannot be a header: %w", text, err)
	}
	return data.RowValue(l.schema, row), nil
}

func textValue(text string) data.Value {
	return data.RowValue(data.StringSchema, appendSized([]byte{}, text))
}

// literal is a value with the schema that fits it; null has none.
type literal struct {
	schema *data.Schema
	value  any
}

// scalarLiteral reads null, a boolean, a date, a time or a number.
func scalarLiteral(text string) (literal, bool) {
	switch text {
	case "null":
		return literal{}, true
	case "true", "false":
		return literal{data.BooleanSchema, text == "true"}, true
	}
	if l, ok := temporalLiteral(text); ok {
		return l, true
	}
	return numberLiteral(text)
}

// temporalLiteral reads a date, a time or a timestamp. Colons may be escaped, as they are within maps.
func temporalLiteral(text string) (literal, bool) {
	text = strings.ReplaceAll(text, `\:`, ":")
	for _, form := range [...]struct {
		layout string
		schema *data.Schema
	}{{time.DateOnly, data.DateSchema}, {"15:04:05.000Z", data.TimeSchema}, {"2006-01-02T15:04:05.000Z", data.TimestampSchema}} {
		if len(text) != len(form.layout) {
			continue
		}
		if t, err := time.Parse(form.layout, text); err == nil {
			if form.schema == data.TimeSchema {
				return literal{form.schema, time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute +
					time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())}, true
			}
			return literal{form.schema, t}, true
		}
	}
	return literal{}, false
}

// numberLiteral reads a number: whole ones as the smallest of INT8, INT16, INT32 and INT64 that they fit, others as
// FLOAT32 or FLOAT64, whichever is the first that is not infinite; what is beyond these as a Decimal.
func numberLiteral(text string) (literal, bool) {
	d, ok := parseDecimal(text)
	if !ok || text[0] == '.' {
		return literal{}, false
	}
	if n, ok := rescale(*d, 0); ok && n.IsInt64() {
		switch i := n.Int64(); {
		case i == int64(int8(i)):
			return literal{data.Int8Schema, i}, true
		case i == int64(int16(i)):
			return literal{data.Int16Schema, i}, true
		case i == int64(int32(i)):
			return literal{data.Int32Schema, i}, true
		default:
			return literal{data.Int64Schema, i}, true
		}
	}
	if d.Scale != 0 {
		if f, err := strconv.ParseFloat(text, 32); err == nil {
			return literal{data.Float32Schema, f}, true
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return literal{data.Float64Schema, f}, true
		}
	}
	s, err := data.NewDecimal(d.Scale).Build()
	return literal{s, *d}, err == nil
}

// literalParser reads lists and maps. What cannot be read makes the whole text a string, so that mistakes need no words.
type literalParser struct {
	text string
	at   int
}

// mostNested is the deepest nesting of literals.
const mostNested = data.MaxDepth / 2

// take steps over white space and then over c, if it is there.
func (p *literalParser) take(c byte) bool {
	for p.at < len(p.text) && p.text[p.at] <= ' ' {
		p.at++
	}
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *literalParser) value(depth int) (literal, bool) {
	switch {
	case depth > mostNested:
		return literal{}, false
	case p.take('['):
		return p.list(depth)
	case p.take('{'):
		return p.mapping(depth)
	case p.take('"'):
		return p.quoted()
	}
	for _, size := range [...]int{len("2006-01-02T15:04:05.000Z"), len("15:04:05.000Z")} { // their colons would end a token
		if p.at+size <= len(p.text) {
			if l, ok := temporalLiteral(p.text[p.at : p.at+size]); ok {
				p.at += size
				return l, true
			}
		}
	}
	from := p.at
	for p.at < len(p.text) && !strings.ContainsRune(`:,{}[]"`, rune(p.text[p.at])) {
		if p.text[p.at] == '\\' && p.at+1 < len(p.text) {
			p.at++
		}
		p.at++
	}
	return scalarLiteral(strings.TrimSpace(p.text[from:p.at]))
}

// quoted reads a text, which may be a date or a time.
func (p *literalParser) quoted() (literal, bool) {
	var b strings.Builder
	for ; p.at < len(p.text) && p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' && p.at+1 < len(p.text) && (p.text[p.at+1] == '"' || p.text[p.at+1] == '\\') {
			p.at++
		}
		b.WriteByte(p.text[p.at])
	}
	if p.at == len(p.text) {
		return literal{}, false
	}
	p.at++
	if l, ok := temporalLiteral(b.String()); ok {
		return l, true
	}
	return literal{data.StringSchema, b.String()}, true
}

func (p *literalParser) list(depth int) (literal, bool) {
	list := []any{}
	var element inCommon
	for !p.take(']') {
		l, ok := p.value(depth + 1)
		if !ok {
			return l, false
		}
		list = append(list, l.value)
		element.add(l.schema)
		if p.take(']') {
			break
		}
		if !p.take(',') {
			return literal{}, false
		}
	}
	if element.broken() {
		return literal{}, false
	}
	s, err := data.NewArray(element.schema()).Build()
	return literal{s, list}, err == nil
}

func (p *literalParser) mapping(depth int) (literal, bool) {
	entries := []data.Entry{}
	var keys, values inCommon
	for !p.take('}') {
		k, ok := p.value(depth + 1)
		if !ok || k.schema == nil || !p.take(':') {
			return literal{}, false
		}
		v, ok := p.value(depth + 1)
		if !ok {
			return literal{}, false
		}
		entries = append(entries, data.Entry{Key: k.value, Value: v.value})
		keys.add(k.schema)
		values.add(v.schema)
		p.take(',')
	}
	if keys.broken() || values.broken() {
		return literal{}, false
	}
	s, err := data.NewMap(keys.schema(), values.schema()).Build()
	return literal{s, entries}, err == nil
}

// inCommon finds the schema that all elements of a list, or all keys or values of a map, have in common.
type inCommon struct {
	common       *data.Schema
	nulls, mixed bool
	named        bool // one of them has a name: it is not itself without its schema
}

func (c *inCommon) add(s *data.Schema) {
	switch {
	case s == nil:
		c.nulls = true
		return
	case c.common == nil, !c.mixed && c.widens(s):
		c.common = s
	case !c.mixed && !c.common.Equal(s) && !(&inCommon{common: s}).widens(c.common):
		c.mixed = true
	}
	c.named = c.named || hasName(s)
}

// widens tells whether s is a number that takes all that were there so far.
func (c *inCommon) widens(s *data.Schema) bool {
	return c.common.Type() < s.Type() && s.Type() <= data.Float64 && c.common.Name() == "" && s.Name() == ""
}

func hasName(s *data.Schema) bool {
	return s != nil && (s.Name() != "" || hasName(s.Key()) || hasName(s.Element()))
}

// broken tells that there is no list or map of these: what has a schema in common takes no nulls, and what has none in
// common must be itself without one.
func (c *inCommon) broken() bool { return c.mixed && c.named || !c.mixed && c.nulls && c.common != nil }

// schema returns the schema in common, nil for values that carry their own type.
func (c *inCommon) schema() *data.Schema {
	if c.mixed {
		return nil
	}
	return c.common
}
