package convert

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// jsonReader reads a JSON value straight into the row encoding of a schema. Where the JSON is of another type than the
// schema asks for it does what Kafka does: numbers lose what does not fit, other values become zero, false, null or an
// empty array; only what has no such stand-in is refused, as are moments and decimals.
type jsonReader struct {
	b           []byte
	i           int
	out         []byte
	replaceNull bool
	confluent   bool // maps and unions in the form of JsonSchemaConverter

	depth   int     // as data.Check counts it
	spots   []int32 // where the members of open structs are that came before their turn
	nulls   []bool  // of the elements of open arrays and maps
	scratch []byte
}

// read appends the row that the JSON value text is. The row is nil when that is null.
func (r *jsonReader) read(dst []byte, s *data.Schema, text []byte) ([]byte, error) {
	r.start(dst, text, 0)
	row, err := r.next(s)
	if err == nil {
		if r.i = space(r.b, r.i); r.i < len(r.b) {
			err = &syntaxError{r.i, "text behind the value"}
		}
	}
	return row, err
}

func (r *jsonReader) start(dst, text []byte, at int) {
	r.b, r.i, r.out = text, at, dst
	r.depth, r.spots, r.nulls = -1, r.spots[:0], r.nulls[:0]
}

// next reads the value that comes next as a row of its own; nil is null.
func (r *jsonReader) next(s *data.Schema) ([]byte, error) {
	from := len(r.out)
	null, err := r.element(s)
	if err != nil || null {
		return nil, err
	}
	if len(r.out) == from {
		return []byte{}, nil
	}
	return r.out[from:len(r.out):len(r.out)], nil
}

// element reads a value that may be null. If it is, nothing was appended.
func (r *jsonReader) element(s *data.Schema) (null bool, err error) {
	r.i = space(r.b, r.i)
	if r.i < len(r.b) && r.b[r.i] == 'n' {
		if r.i, err = skipWord(r.b, r.i, "null"); err != nil {
			return false, err
		}
		return r.absent(s)
	}
	if null, err = r.value(s); !null || err != nil {
		return false, err
	}
	if !s.Optional() {
		return false, fmt.Errorf("%v is required, and what is there counts as null because it is of another type", s)
	}
	return r.absent(s)
}

// absent puts the default in place of a null, if there is one.
func (r *jsonReader) absent(s *data.Schema) (null bool, err error) {
	if row, _ := s.Default(); row != nil && r.replaceNull {
		r.out = append(r.out, row...)
		return false, nil
	}
	if s.Optional() {
		return true, nil
	}
	return false, fmt.Errorf("%v is required and is null or missing", s)
}

// value reads a value that is not the word null; it may yet count as null.
func (r *jsonReader) value(s *data.Schema) (null bool, err error) {
	if r.i >= len(r.b) {
		return false, unexpected(r.b, r.i, "a value")
	}
	switch t := s.Type(); t {
	case data.Struct, data.Array, data.Map, data.Any:
		return false, r.compound(s)
	case data.String:
		return r.text()
	case data.Bytes:
		if s.Name() == data.DecimalName {
			return false, r.decimal(s)
		}
		return r.bytes()
	case data.Boolean:
		return false, r.boolean()
	case data.Float32, data.Float64:
		return false, r.float(t)
	case data.Int32:
		if name := s.Name(); name == data.DateName || name == data.TimeName {
			return false, r.moment(s)
		}
		return false, r.integer(t)
	case data.Int64:
		if s.Name() == data.TimestampName {
			return false, r.moment(s)
		}
		return false, r.integer(t)
	default:
		return false, r.integer(t)
	}
}

// compound reads a value that has parts, or may have.
func (r *jsonReader) compound(s *data.Schema) (err error) {
	if r.depth++; r.depth >= data.MaxDepth {
		return fmt.Errorf("value is nested deeper than %d", data.MaxDepth)
	}
	switch s.Type() {
	case data.Struct:
		if r.confluent && s.Name() == jsonUnion {
			err = r.union(s)
		} else {
			err = r.structure(s)
		}
	case data.Array:
		err = r.array(s)
	case data.Map:
		err = r.mapping(s)
	default:
		err = r.any()
	}
	r.depth--
	return err
}

// skip steps over the value that comes next and returns its text.
func (r *jsonReader) skip() ([]byte, error) {
	from := r.i
	end, _, err := skipValue(r.b, r.i)
	r.i = end
	return r.b[from:end], err
}

func (r *jsonReader) boolean() error {
	text, err := r.skip()
	b := byte(0)
	if string(text) == "true" {
		b = 1
	}
	r.out = append(r.out, b)
	return err
}

// number returns the text of the number that comes next, nil when the value is none.
func (r *jsonReader) number() ([]byte, error) {
	if c := r.b[r.i]; c != '-' && !isDigit(c) {
		_, err := r.skip()
		return nil, err
	}
	from := r.i
	end, _, err := skipNumber(r.b, from)
	r.i = end
	return r.b[from:end], err
}

func (r *jsonReader) integer(t data.Type) error {
	text, err := r.number()
	if err != nil {
		return err
	}
	n := int64(0)
	if text != nil {
		n = integerOf(text)
	}
	switch t {
	case data.Int8:
		r.out = append(r.out, byte(n))
	case data.Int16:
		r.out = binary.LittleEndian.AppendUint16(r.out, uint16(n))
	case data.Int32:
		r.out = binary.LittleEndian.AppendUint32(r.out, uint32(n))
	default:
		r.out = binary.LittleEndian.AppendUint64(r.out, uint64(n))
	}
	return nil
}

// moment reads a Date, a Time or a Timestamp. These have no stand-in: what is no whole number, or not of the size of the type, would become
// another day.
func (r *jsonReader) moment(s *data.Schema) error {
	from := r.i
	text, err := r.skip()
	if err != nil {
		return err
	}
	digits := bytes.TrimPrefix(text, []byte("-"))
	whole := len(digits) > 0 && skipDigits(digits, 0) == len(digits)
	if s.Type() == data.Int32 && whole {
		_, err := strconv.ParseInt(view(text), 10, 32)
		whole = err == nil
	}
	if !whole {
		return fmt.Errorf("%v is read from a whole number of %v, not from %.100s", s, s.Type(), text)
	}
	r.i = from
	return r.integer(s.Type())
}

// integerOf returns the whole number that a JSON number begins with, modulo 2^64.
func integerOf(text []byte) int64 {
	digits, negative := text, text[0] == '-'
	if negative {
		digits = text[1:]
	}
	n := int64(0)
	for _, c := range digits {
		if !isDigit(c) {
			return parseLiteral(text).integer()
		}
		n = 10*n + int64(c-'0')
	}
	if negative {
		return -n
	}
	return n
}

func (r *jsonReader) float(t data.Type) error {
	bits := 64
	if t == data.Float32 {
		bits = 32
	}
	f := 0.0
	if r.b[r.i] == '"' {
		text, _, err := r.quoted()
		if err != nil {
			return err
		}
		switch string(text) {
		case "NaN":
			f = math.NaN()
		case "Infinity":
			f = math.Inf(1)
		case "-Infinity":
			f = math.Inf(-1)
		}
	} else {
		text, err := r.number()
		if err != nil {
			return err
		}
		if text != nil {
			// The text is a number; one that is too large reads as infinite.
			f, _ = strconv.ParseFloat(view(text), bits)
		}
	}
	if t == data.Float32 {
		r.out = binary.LittleEndian.AppendUint32(r.out, math.Float32bits(float32(f)))
	} else {
		r.out = binary.LittleEndian.AppendUint64(r.out, math.Float64bits(f))
	}
	return nil
}

// quoted reads the string that comes next and returns its text. When that had escapes it is in the scratch memory, valid
// until the next one.
func (r *jsonReader) quoted() (text []byte, escaped bool, err error) {
	from := r.i
	end, escaped, err := skipString(r.b, from)
	r.i = end
	if err != nil {
		return nil, escaped, err
	}
	text = r.b[from+1 : end-1]
	if escaped {
		r.scratch = appendUnescaped(r.scratch[:0], text)
		text = r.scratch
	}
	return text, escaped, nil
}

func (r *jsonReader) text() (null bool, err error) {
	if r.b[r.i] != '"' {
		_, err := r.skip()
		return true, err
	}
	text, _, err := r.quoted()
	r.out = appendSized(r.out, text)
	return false, err
}

func appendSized(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func (r *jsonReader) bytes() (null bool, err error) {
	if r.b[r.i] != '"' {
		_, err := r.skip()
		return true, err
	}
	return false, r.base64()
}

func (r *jsonReader) base64() error {
	text, escaped, err := r.quoted()
	if err != nil {
		return err
	}
	from := len(r.out)
	if r.out, err = base64.StdEncoding.AppendDecode(r.out, text); err != nil || escaped && bytes.ContainsAny(text, "\r\n") {
		return errors.New("the string is not base64")
	}
	r.size(from)
	return nil
}

// size puts the length of what was appended since from in front of it.
func (r *jsonReader) size(from int) {
	var head [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(r.out)-from))
	r.out = slices.Insert(r.out, from, head[:n]...)
}

func (r *jsonReader) decimal(s *data.Schema) error {
	switch c := r.b[r.i]; {
	case c == '"':
		from := len(r.out)
		if err := r.base64(); err != nil {
			return err
		}
		if len(r.out) == from+1 {
			return errors.New("the string of a decimal has no bytes")
		}
		return nil
	case c != '-' && !isDigit(c):
		text, err := r.skip()
		if err != nil {
			return err
		}
		return fmt.Errorf("a decimal is a number or a string of base64, not %s", jsonKind(text))
	}
	scale, err := scaleOf(s)
	if err != nil {
		return err
	}
	text, err := r.number()
	if err != nil {
		return err
	}
	from := len(r.out)
	var ok bool
	if r.out, ok = parseLiteral(text).appendUnscaled(r.out, scale); !ok {
		return fmt.Errorf("the number does not fit a decimal of scale %d without rounding", scale)
	}
	r.size(from)
	return nil
}

// open steps into an object or an array; done when there is nothing in it.
func (r *jsonReader) open(bracket byte) (done bool) {
	r.i = space(r.b, r.i+1)
	if r.i < len(r.b) && r.b[r.i] == bracket+2 {
		r.i++
		return true
	}
	return false
}

// more steps to the next member or element; done when there is none.
func (r *jsonReader) more(bracket byte) (done bool, err error) {
	r.i = space(r.b, r.i)
	if r.i >= len(r.b) || r.b[r.i] != ',' && r.b[r.i] != bracket+2 {
		return false, unexpected(r.b, r.i, "a comma or a closing bracket")
	}
	done = r.b[r.i] != ','
	r.i++
	if !done {
		r.i = space(r.b, r.i)
	}
	return done, nil
}

// name reads the name of a member and the colon behind it. With escapes the name is in the scratch memory.
func (r *jsonReader) name() ([]byte, error) {
	if r.i >= len(r.b) || r.b[r.i] != '"' {
		return nil, unexpected(r.b, r.i, "the name of a member")
	}
	name, _, err := r.quoted()
	if err != nil {
		return nil, err
	}
	if r.i = space(r.b, r.i); r.i >= len(r.b) || r.b[r.i] != ':' {
		return nil, unexpected(r.b, r.i, "a colon")
	}
	r.i = space(r.b, r.i+1)
	return name, nil
}

// structure reads an object. Members that come in the order of the fields, as converters write them, are read at once;
// of those that come before their turn it first remembers where they are.
func (r *jsonReader) structure(s *data.Schema) error {
	if r.b[r.i] != '{' {
		return r.refuse(s, "an object")
	}
	base := len(r.out)
	for range s.NullBytes() {
		r.out = append(r.out, 0)
	}
	fields := s.Fields()
	spots := len(r.spots) // from here on: a spot for each field from early on
	next, early := 0, -1
	var err error
	for done := r.open('{'); !done; {
		name, err := r.name()
		if err != nil {
			return err
		}
		if early < 0 && next < len(fields) && string(name) == fields[next].Name {
			if err := r.field(s, next, base); err != nil {
				return err
			}
			next++
		} else if at := s.Lookup(view(name)); at >= 0 {
			if early < 0 {
				early = next
				for range len(fields) - early {
					r.spots = append(r.spots, -1)
				}
			}
			if at < early || r.spots[spots+at-early] >= 0 {
				return fmt.Errorf("the object has two members %q", fields[at].Name)
			}
			r.spots[spots+at-early] = int32(r.i)
			if _, err = r.skip(); err != nil {
				return within(err, fields[at].Name)
			}
		} else if _, err = r.skip(); err != nil {
			return err
		}
		if done, err = r.more('{'); err != nil {
			return err
		}
	}
	end := r.i
	for i := next; i < len(fields); i++ {
		if early < 0 || r.spots[spots+i-early] < 0 {
			err = r.missing(s, i, base)
		} else {
			r.i = int(r.spots[spots+i-early])
			err = r.field(s, i, base)
		}
		if err != nil {
			return err
		}
	}
	r.i, r.spots = end, r.spots[:spots]
	return nil
}

// field reads the value of field i of the struct whose null bits are at base.
func (r *jsonReader) field(s *data.Schema, i, base int) error {
	f := &s.Fields()[i]
	null, err := r.element(f.Schema)
	if err != nil {
		return within(err, f.Name)
	}
	if null {
		r.setNull(s, i, base)
	}
	return nil
}

func (r *jsonReader) missing(s *data.Schema, i, base int) error {
	f := &s.Fields()[i]
	null, err := r.absent(f.Schema)
	if err != nil {
		return within(err, f.Name)
	}
	if null {
		r.setNull(s, i, base)
	}
	return nil
}

func (r *jsonReader) setNull(s *data.Schema, i, base int) {
	bit := s.NullBit(i)
	r.out[base+bit/8] |= 1 << (bit % 8)
}

// refuse is the error of a value that cannot stand for one of the schema.
func (r *jsonReader) refuse(s *data.Schema, want string) error {
	text, err := r.skip()
	if err != nil {
		return err
	}
	return fmt.Errorf("%v is read from %s, not from %s", s, want, jsonKind(text))
}

func (r *jsonReader) array(s *data.Schema) error {
	from, flags, n := len(r.out), len(r.nulls), 0
	switch r.b[r.i] {
	case '{':
		return r.refuse(s, "an array")
	case '[':
		for done := r.open('['); !done; n++ {
			null, err := r.element(s.Element())
			if err != nil {
				return within(err, "["+strconv.Itoa(n)+"]")
			}
			r.nulls = append(r.nulls, null)
			if done, err = r.more('['); err != nil {
				return err
			}
		}
	default:
		if _, err := r.skip(); err != nil {
			return err
		}
	}
	r.head(from, flags, n, 1, s.Element().Optional(), false)
	return nil
}

// head puts the head of an array or a map in front of its n entries, which were appended since from: their number and
// their null bits. The flags hold width of them for each entry; first and second tell which become null bits.
func (r *jsonReader) head(from, flags, n, width int, first, second bool) {
	r.scratch = binary.AppendUvarint(r.scratch[:0], uint64(n))
	for k, wanted := range [...]bool{first, second} {
		if !wanted {
			continue
		}
		at := len(r.scratch)
		for range (n + 7) / 8 {
			r.scratch = append(r.scratch, 0)
		}
		for i := range n {
			if r.nulls[flags+i*width+k] {
				r.scratch[at+i/8] |= 1 << (i % 8)
			}
		}
	}
	r.out = slices.Insert(r.out, from, r.scratch...)
	r.nulls = r.nulls[:flags]
}

// mapping reads an object for a map with strings as keys, an array of [key, value] for another.
func (r *jsonReader) mapping(s *data.Schema) error {
	from, flags := len(r.out), len(r.nulls)
	n, err := 0, error(nil)
	switch t := s.Key().Type(); {
	case r.confluent && t != data.Any && !textKeys(s):
		n, err = r.keyed(s)
	case t == data.String || t == data.Any && r.b[r.i] == '{':
		n, err = r.members(s)
	default:
		n, err = r.entries(s)
	}
	if err != nil {
		return err
	}
	r.head(from, flags, n, 2, s.Key().Optional(), s.Element().Optional())
	return nil
}

func (r *jsonReader) members(s *data.Schema) (n int, err error) {
	if r.b[r.i] != '{' {
		return 0, r.refuse(s, "an object")
	}
	for done := r.open('{'); !done; n++ {
		name, err := r.name()
		if err != nil {
			return n, err
		}
		if s.Key().Type() == data.Any {
			r.out = append(r.out, byte(data.String))
		}
		r.out = appendSized(r.out, name)
		key := r.out[len(r.out)-len(name):]
		null, err := r.element(s.Element())
		if err != nil {
			return n, within(err, string(key))
		}
		r.nulls = append(r.nulls, false, null)
		if done, err = r.more('{'); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (r *jsonReader) entries(s *data.Schema) (n int, err error) {
	if r.b[r.i] != '[' {
		return 0, r.refuse(s, "an array of [key, value]")
	}
	for done := r.open('['); !done; n++ {
		if err = r.entry(s); err != nil {
			return n, within(err, "["+strconv.Itoa(n)+"]")
		}
		if done, err = r.more('['); err != nil {
			return n, err
		}
	}
	return n, nil
}

var errEntry = errors.New("the entry of a map is an array of two, [key, value]")

func (r *jsonReader) entry(s *data.Schema) error {
	if r.i >= len(r.b) || r.b[r.i] != '[' || r.open('[') {
		return errEntry
	}
	key, err := r.element(s.Key())
	if err != nil {
		return err
	}
	if done, err := r.more('['); err != nil {
		return err
	} else if done {
		return errEntry
	}
	value, err := r.element(s.Element())
	if err != nil {
		return err
	}
	r.nulls = append(r.nulls, key, value)
	if done, err := r.more('['); err != nil {
		return err
	} else if !done {
		return errEntry
	}
	return nil
}

// any reads a value without schema: INT64, or FLOAT64 when it does not fit, STRING, BOOLEAN, arrays and maps.
func (r *jsonReader) any() error {
	c := r.b[r.i]
	switch {
	case c == '"':
		text, _, err := r.quoted()
		r.out = appendSized(append(r.out, byte(data.String)), text)
		return err
	case c == 't' || c == 'f':
		r.out = append(r.out, byte(data.Boolean))
		return r.boolean()
	case c == '-' || isDigit(c):
		return r.anyNumber()
	}
	switch c {
	case '{':
		r.out = append(r.out, byte(data.Map))
		return r.compound(anyMap.schema)
	case '[':
		r.out = append(r.out, byte(data.Array))
		return r.compound(anyArray.schema)
	}
	return unexpected(r.b, r.i, "a value")
}

func (r *jsonReader) anyNumber() error {
	text, err := r.number()
	if err != nil {
		return err
	}
	if integral(text) {
		if n, err := strconv.ParseInt(view(text), 10, 64); err == nil {
			r.out = binary.LittleEndian.AppendUint64(append(r.out, byte(data.Int64)), uint64(n))
			return nil
		}
	}
	f, _ := strconv.ParseFloat(view(text), 64)
	r.out = binary.LittleEndian.AppendUint64(append(r.out, byte(data.Float64)), math.Float64bits(f))
	return nil
}
