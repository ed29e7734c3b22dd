package data

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// ErrShort is returned when a row ends before its schema does.
var ErrShort = errors.New("data: row is shorter than its schema says")

// Reader takes a row apart in the order of its schema. Every method checks the
// bounds, so that rows from a stranger are safe; the first mistake is kept and
// returned by Err, later calls return zero values. A Reader is reused with
// Reset and is not safe for concurrent use.
//
// The caller follows the schema: for each value it asks Null when the schema is
// optional, then calls the method of the type. Struct, Array and Map step into
// a part; there is nothing to call at its end.
type Reader struct {
	b   []byte
	at  int
	err error
}

// Reset starts to read a row.
func (r *Reader) Reset(row []byte) { r.b, r.at, r.err = row, 0, nil }

// Err returns the first mistake so far.
func (r *Reader) Err() error { return r.err }

// Offset returns the position of the value that comes next.
func (r *Reader) Offset() int { return r.at }

// Rest returns the number of bytes that were not read.
func (r *Reader) Rest() int { return len(r.b) - r.at }

func (r *Reader) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b)-r.at {
		if r.err == nil {
			r.err = ErrShort
		}
		return nil
	}
	b := r.b[r.at : r.at+n : r.at+n]
	r.at += n
	return b
}

func (r *Reader) length() int {
	if r.err != nil {
		return 0
	}
	n, k := binary.Uvarint(r.b[r.at:])
	if k <= 0 || n > math.MaxInt32 {
		r.err = ErrShort
		return 0
	}
	r.at += k
	return int(n)
}

// Bool reads a BOOLEAN.
func (r *Reader) Bool() bool {
	b := r.take(1)
	return b != nil && b[0] != 0
}

// Int8 reads an INT8.
func (r *Reader) Int8() int8 {
	if b := r.take(1); b != nil {
		return int8(b[0])
	}
	return 0
}

// Int16 reads an INT16.
func (r *Reader) Int16() int16 {
	if b := r.take(2); b != nil {
		return int16(binary.LittleEndian.Uint16(b))
	}
	return 0
}

// Int32 reads an INT32.
func (r *Reader) Int32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.LittleEndian.Uint32(b))
	}
	return 0
}

// Int64 reads an INT64.
func (r *Reader) Int64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// Float32 reads a FLOAT32.
func (r *Reader) Float32() float32 {
	if b := r.take(4); b != nil {
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	}
	return 0
}

// Float64 reads a FLOAT64.
func (r *Reader) Float64() float64 {
	if b := r.take(8); b != nil {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// Bytes reads a STRING or a BYTES without copying: the result is part of the row.
func (r *Reader) Bytes() []byte { return r.take(r.length()) }

// String reads a STRING into a string of its own.
func (r *Reader) String() string { return string(r.Bytes()) }

// StringView reads a STRING without copying: the result is valid as long as the row is.
func (r *Reader) StringView() string {
	b := r.Bytes()
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// AnyType reads the type of an ANY, 0 for a null; the value follows.
func (r *Reader) AnyType() Type {
	b := r.take(1)
	if b == nil || b[0] == 0 {
		return 0
	}
	t := Type(b[0])
	if t >= Struct {
		r.err = fmt.Errorf("data: %v inside an ANY", t)
		return 0
	}
	return t
}

// Struct steps into a struct. The fields follow: use Nulls to find those that are null.
func (r *Reader) Struct(s *Schema) Nulls { return r.take(s.nullBytes) }

// Array steps into an array and returns the number of elements and their null
// bits, which are empty when elements are required.
func (r *Reader) Array(s *Schema) (n int, nulls Nulls) {
	n = r.count()
	if s.elem.optional {
		nulls = r.take((n + 7) / 8)
	}
	return n, nulls
}

// Map steps into a map and returns the number of entries with the null bits of
// the keys and of the values, empty where these are required.
func (r *Reader) Map(s *Schema) (n int, keys, values Nulls) {
	n = r.count()
	if s.key.optional {
		keys = r.take((n + 7) / 8)
	}
	if s.elem.optional {
		values = r.take((n + 7) / 8)
	}
	return n, keys, values
}

// AnyArray and AnyMap are Array and Map for parts of an ANY.
func (r *Reader) AnyArray() (n int, nulls Nulls) { return r.Array(anyArray) }

// AnyMap steps into a map inside an ANY.
func (r *Reader) AnyMap() (n int, keys, values Nulls) { return r.Map(anyMap) }

// count reads the number of elements. Elements without any bytes exist only as
// nulls (an eighth of a byte each) and as structs without fields, so that a
// count far beyond the bytes that are left is a lie.
func (r *Reader) count() int {
	n := r.length()
	if r.err == nil && n > 8*(len(r.b)-r.at)+8 {
		r.err = ErrShort
		return 0
	}
	return n
}

// Nulls are the null bits of a struct, an array or a map.
type Nulls []byte

// Null tells whether the value with the given null bit is null. Bits beyond the
// end are not set, so that it can be asked of required values too with bit -1.
func (n Nulls) Null(bit int) bool {
	return bit >= 0 && bit/8 < len(n) && n[bit/8]&(1<<(bit%8)) != 0
}

// Skip steps over a value that is not null.
func (r *Reader) Skip(s *Schema) { r.skip(s, 0) }

func (r *Reader) skip(s *Schema, depth int) {
	if depth > MaxDepth {
		r.err = fmt.Errorf("data: value is nested deeper than %d", MaxDepth)
	}
	if r.err != nil {
		return
	}
	switch s.typ {
	case String, Bytes:
		r.take(r.length())
	case Struct:
		nulls := r.Struct(s)
		for i := range s.fields {
			if !nulls.Null(int(s.nullBit[i])) {
				r.skip(s.fields[i].Schema, depth+1)
			}
		}
	case Array:
		n, nulls := r.Array(s)
		for i := 0; i < n && r.err == nil; i++ {
			if !nulls.Null(i) {
				r.skip(s.elem, depth+1)
			}
		}
	case Map:
		n, keys, values := r.Map(s)
		for i := 0; i < n && r.err == nil; i++ {
			if !keys.Null(i) {
				r.skip(s.key, depth+1)
			}
			if !values.Null(i) {
				r.skip(s.elem, depth+1)
			}
		}
	case Any:
		switch t := r.AnyType(); t {
		case 0:
		case Array:
			r.skip(anyArray, depth+1)
		case Map:
			r.skip(anyMap, depth+1)
		case String, Bytes:
			r.take(r.length())
		default:
			r.take(t.fixedSize())
		}
	default:
		r.take(s.typ.fixedSize())
	}
}

// Check reports whether row is a whole value of s and nothing more.
func Check(s *Schema, row []byte) error {
	r := Reader{b: row}
	r.Skip(s)
	if r.err == nil && r.Rest() != 0 {
		return fmt.Errorf("data: row of %v has %d bytes too many", s, r.Rest())
	}
	return r.err
}

// Fields finds the fields of a struct's row without decoding them. It is reused
// with Index; the fields are valid as long as the row is.
type Fields struct {
	schema *Schema
	row    []byte
	spans  []span
}

type span struct{ from, to int32 } // to is -1 for null

// Index looks at a row of a struct schema.
func (f *Fields) Index(s *Schema, row []byte) error {
	if s.typ != Struct {
		return fmt.Errorf("data: %v has no fields", s)
	}
	f.schema, f.row, f.spans = s, row, f.spans[:0]
	r := Reader{b: row}
	nulls := r.Struct(s)
	for i := range s.fields {
		from := r.at
		if nulls.Null(int(s.nullBit[i])) {
			f.spans = append(f.spans, span{int32(from), -1})
			continue
		}
		r.skip(s.fields[i].Schema, 1)
		f.spans = append(f.spans, span{int32(from), int32(r.at)})
	}
	if r.err == nil && r.Rest() != 0 {
		return fmt.Errorf("data: row of %v has %d bytes too many", s, r.Rest())
	}
	return r.err
}

// Len returns the number of fields.
func (f *Fields) Len() int { return len(f.spans) }

// Row returns the encoding of field i, nil when it is null.
func (f *Fields) Row(i int) []byte {
	s := f.spans[i]
	if s.to < 0 {
		return nil
	}
	return f.row[s.from:s.to:s.to]
}

// IsNull tells whether field i is null.
func (f *Fields) IsNull(i int) bool { return f.spans[i].to < 0 }

// Value returns field i as a value.
func (f *Fields) Value(i int) Value { return RowValue(f.schema.fields[i].Schema, f.Row(i)) }
