package convert

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// literalParser reads arrays and maps as Kafka's class Values does. A value comes with the schema that fits it; the
// schema of a null is nil. What cannot be read makes the whole text a string, so that mistakes need no words.
type literalParser struct {
	b     []byte
	i     int
	depth int
}

// mostNested is the deepest nesting of literals.
const mostNested = data.MaxDepth / 2

func (p *literalParser) space() {
	for p.i < len(p.b) && p.b[p.i] <= ' ' {
		p.i++
	}
}

// take steps over white space and then over c, if it is there.
func (p *literalParser) take(c byte) bool {
	p.space()
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *literalParser) value() (*data.Schema, any, bool) {
	if p.depth++; p.depth > mostNested {
		return nil, nil, false
	}
	defer func() { p.depth-- }()
	switch {
	case p.take('['):
		return p.array()
	case p.take('{'):
		return p.mapping()
	case p.take('"'):
		return p.quoted()
	}
	// Times have colons, which end every other token.
	for _, layout := range [...]string{timestampLayout, timeLayout} {
		end := p.i + len(layout)
		if end <= len(p.b) && (end == len(p.b) || ends(p.b[end]) || p.b[end] <= ' ') {
			if v := temporal(p.b[p.i:end]); v.schema != nil {
				p.i = end
				return v.schema, v.boxed(), true
			}
		}
	}
	switch token := p.token(); string(token) {
	case "":
		return nil, nil, false
	case "null":
		return nil, nil, true
	case "true":
		return data.BooleanSchema, true, true
	case "false":
		return data.BooleanSchema, false, true
	default:
		v := scalarLiteral(token)
		if v.schema == nil {
			return nil, nil, false
		}
		return v.schema, v.boxed(), true
	}
}

// ends tells whether c ends a token.
func ends(c byte) bool {
	switch c {
	case ':', ',', '{', '}', '[', ']', '"':
		return true
	}
	return false
}

func (p *literalParser) token() []byte {
	from := p.i
	for p.i < len(p.b) && !ends(p.b[p.i]) {
		if p.b[p.i] == '\\' && p.i+1 < len(p.b) {
			p.i++
		}
		p.i++
	}
	return trim(p.b[from:p.i])
}

// quoted reads a string, which may be a date or a time.
func (p *literalParser) quoted() (*data.Schema, any, bool) {
	text := []byte{}
	for ; p.i < len(p.b) && p.b[p.i] != '"'; p.i++ {
		if p.b[p.i] == '\\' && p.i+1 < len(p.b) && (p.b[p.i+1] == '"' || p.b[p.i+1] == '\\') {
			p.i++
		}
		text = append(text, p.b[p.i])
	}
	if p.i == len(p.b) {
		return nil, nil, false
	}
	p.i++
	if v := temporal(trim(text)); v.schema != nil {
		return v.schema, v.boxed(), true
	}
	return data.StringSchema, string(text), true
}

func (p *literalParser) array() (*data.Schema, any, bool) {
	list := []any{}
	var element parts
	for !p.take(']') {
		s, v, ok := p.value()
		if !ok {
			return nil, nil, false
		}
		list = append(list, v)
		element.add(s)
		if p.take(']') {
			break
		}
		if !p.take(',') {
			return nil, nil, false
		}
	}
	s, ok := element.schema()
	if !ok {
		return nil, nil, false
	}
	array, err := data.NewArray(s).Build()
	return array, list, err == nil
}

func (p *literalParser) mapping() (*data.Schema, any, bool) {
	entries := []data.Entry{}
	place := map[any]int{} // of the scalars among the keys; the last value of a key counts
	var key, value parts
	for !p.take('}') {
		ks, k, ok := p.value()
		if !ok || ks == nil || !p.take(':') {
			return nil, nil, false
		}
		vs, v, ok := p.value()
		if !ok {
			return nil, nil, false
		}
		at := len(entries)
		if ks.Type() <= data.String {
			if before, ok := place[k]; ok {
				at = before
			}
			place[k] = at
		}
		if at == len(entries) {
			entries = append(entries, data.Entry{Key: k})
		}
		entries[at].Value = v
		key.add(ks)
		value.add(vs)
		p.take(',')
	}
	ks, ok := key.schema()
	if !ok {
		return nil, nil, false
	}
	vs, ok := value.schema()
	if !ok {
		return nil, nil, false
	}
	m, err := data.NewMap(ks, vs).Build()
	return m, entries, err == nil
}

// parts finds the schema that all elements of an array, or all keys or values of a map, have in common.
type parts struct {
	common *data.Schema
	nulls  bool
	mixed  bool
	named  bool // one of them has a name: it is no longer itself without its schema
}

func (p *parts) add(s *data.Schema) {
	switch {
	case s == nil:
		p.nulls = true
		return
	case p.common == nil:
		p.common = s
	case !p.mixed:
		if both := unite(p.common, s); both != nil {
			p.common = both
		} else {
			p.mixed = true
		}
	}
	p.named = p.named || named(s)
}

// schema returns the schema in common, nil when there is none because elements differ or are null; false when that
// cannot be: where elements have a schema in common it does not take nulls.
func (p *parts) schema() (*data.Schema, bool) {
	switch {
	case p.mixed:
		return nil, !p.named
	case p.nulls && p.common != nil:
		return nil, false
	}
	return p.common, true
}

func named(s *data.Schema) bool {
	return s != nil && (s.Name() != "" || named(s.Key()) || named(s.Element()))
}

// unite returns the schema that takes the values of both, nil when none does.
func unite(a, b *data.Schema) *data.Schema {
	switch {
	case a.Equal(b):
		return a
	case a.Type() <= data.Float64 && b.Type() <= data.Float64 && a.Name() == "" && b.Name() == "":
		if a.Type() < b.Type() {
			return b
		}
		return a
	}
	return nil
}

// signature is the same for equal schemas of literals.
func signature(s *data.Schema) string {
	if s == nil {
		return ""
	}
	scale, _ := s.Parameter(data.DecimalScale)
	return s.Type().String() + s.Name() + scale + "(" + signature(s.Key()) + "," + signature(s.Element()) + ")"
}

// scalar is a date, a time or a number; without schema it is none of them.
type scalar struct {
	schema  *data.Schema
	whole   int64
	float   float64
	decimal data.Decimal
}

// boxed returns the scalar as the Go value of its schema.
func (v scalar) boxed() any {
	switch v.schema.Type() {
	case data.Int8:
		return int8(v.whole)
	case data.Int16:
		return int16(v.whole)
	case data.Int32:
		return int32(v.whole)
	case data.Int64:
		return v.whole
	case data.Float32:
		return float32(v.float)
	case data.Float64:
		return v.float
	}
	return v.decimal
}

// append appends the scalar's row.
func (v scalar) append(dst []byte) []byte {
	switch t := v.schema.Type(); t {
	case data.Int8, data.Int16, data.Int32, data.Int64:
		return appendWhole(dst, t, v.whole)
	case data.Float32:
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(v.float)))
	case data.Float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.float))
	}
	return appendSized(dst, data.AppendUnscaled(nil, v.decimal.Unscaled))
}

// scalarLiteral reads a date, a time or a number.
func scalarLiteral(text []byte) scalar {
	if v := temporal(text); v.schema != nil {
		return v
	}
	return numberLiteral(text)
}

// temporal reads a date, a time or a timestamp.
func temporal(text []byte) scalar {
	if len(text) == 0 || !isDigit(text[0]) {
		return scalar{}
	}
	if bytes.Contains(text, []byte(`\:`)) {
		text = bytes.ReplaceAll(text, []byte(`\:`), []byte(":"))
	}
	switch len(text) {
	case len(time.DateOnly):
		if t, ok := parseTime(text, time.DateOnly); ok {
			return scalar{schema: data.DateSchema, whole: int64(data.DateOf(t))}
		}
	case len(timeLayout):
		if t, ok := parseTime(text, timeLayout); ok {
			midnight := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
			return scalar{schema: data.TimeSchema, whole: int64(data.TimeOfDay(t.Sub(midnight)))}
		}
	case len(timestampLayout):
		if t, ok := parseTime(text, timestampLayout); ok {
			return scalar{schema: data.TimestampSchema, whole: t.UnixMilli()}
		}
	}
	return scalar{}
}

func parseTime(text []byte, layout string) (time.Time, bool) {
	for i, c := range text {
		if l := layout[i]; isDigit(l) != isDigit(c) || !isDigit(l) && l != c {
			return time.Time{}, false
		}
	}
	t, err := time.Parse(layout, string(text))
	return t, err == nil
}

// numberLiteral reads a number: whole ones as the smallest of INT8, INT16, INT32 and INT64 that they fit, others as
// FLOAT32 or FLOAT64, whichever is the first that is not infinite; what is beyond these as a Decimal.
func numberLiteral(text []byte) scalar {
	n, ok := javaNumber(text)
	if !ok {
		return scalar{}
	}
	if i, ok := n.int64(); ok {
		return scalar{schema: wholeSchema(i), whole: i}
	}
	scale := len(n.fraction) - n.exponent
	if scale != 0 {
		if f, err := strconv.ParseFloat(view(text), 32); err == nil {
			return scalar{schema: data.Float32Schema, float: f}
		}
		if f, err := strconv.ParseFloat(view(text), 64); err == nil {
			return scalar{schema: data.Float64Schema, float: f}
		}
	}
	if scale > mostScale || scale < -mostScale || len(text) > mostScale {
		return scalar{}
	}
	s, err := data.NewDecimal(scale).Build()
	if err != nil {
		return scalar{}
	}
	unscaled, _ := new(big.Int).SetString(string(n.whole)+string(n.fraction), 10)
	if n.negative {
		unscaled.Neg(unscaled)
	}
	return scalar{schema: s, decimal: data.Decimal{Unscaled: unscaled, Scale: scale}}
}

// wholeSchema returns the smallest of INT8, INT16, INT32 and INT64 that i fits.
func wholeSchema(i int64) *data.Schema {
	switch {
	case i == int64(int8(i)):
		return data.Int8Schema
	case i == int64(int16(i)):
		return data.Int16Schema
	case i == int64(int32(i)):
		return data.Int32Schema
	}
	return data.Int64Schema
}

// appendWhole appends the row of a whole number of type t.
func appendWhole(dst []byte, t data.Type, i int64) []byte {
	switch t {
	case data.Int8:
		return append(dst, byte(i))
	case data.Int16:
		return binary.LittleEndian.AppendUint16(dst, uint16(i))
	case data.Int32:
		return binary.LittleEndian.AppendUint32(dst, uint32(i))
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(i))
}

// wholeNumber reads a number that has no more than digits, up to 18 of them, and a minus. What else numberLiteral takes
// for a whole number is not one here.
func wholeNumber(text []byte) (int64, bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	n := int64(0)
	for _, c := range text {
		if !isDigit(c) {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// javaNumber takes a number apart as Java's BigDecimal reads it: with either sign, and with digits on one side of the
// point at least.
func javaNumber(text []byte) (literal, bool) {
	var n literal
	if len(text) > 0 && text[0] == '+' {
		text = text[1:]
		if len(text) > 0 && text[0] == '-' {
			return n, false
		}
	}
	i := 0
	if len(text) > 0 && text[0] == '-' {
		i = 1
	}
	from := i
	i = skipDigits(text, i)
	digits := i - from
	if i < len(text) && text[i] == '.' {
		from = i + 1
		i = skipDigits(text, from)
		digits += i - from
	}
	if digits == 0 {
		return n, false
	}
	if i < len(text) {
		if text[i]|0x20 != 'e' {
			return n, false
		}
		if i++; i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if from = i; from == len(text) || skipDigits(text, from) != len(text) {
			return n, false
		}
	}
	n = parseLiteral(text)
	return n, !n.exponentTooLarge
}

// int64 returns the number if it is whole and fits.
func (n literal) int64() (int64, bool) {
	var room [40]byte
	digits := append(append(room[:0], n.whole...), n.fraction...)
	digits = bytes.TrimLeft(digits, "0")
	power := n.exponent - len(n.fraction)
	for len(digits) > 0 && power < 0 && digits[len(digits)-1] == '0' {
		digits = digits[:len(digits)-1]
		power++
	}
	if len(digits) == 0 {
		return 0, true
	}
	if power < 0 || len(digits)+power > 19 {
		return 0, false
	}
	u := uint64(0)
	for _, c := range digits {
		u = 10*u + uint64(c-'0')
	}
	for range power {
		u *= 10
	}
	switch {
	case n.negative && u <= -math.MinInt64:
		return -int64(u), true
	case !n.negative && u <= math.MaxInt64:
		return int64(u), true
	}
	return 0, false
}
