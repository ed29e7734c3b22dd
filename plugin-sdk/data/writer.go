package data

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"time"
)

// Writer appends one row, value after value in the order of the schema. The
// first mistake is kept and returned by Finish; later calls do nothing. A
// Writer is reused with Reset and is not safe for concurrent use.
//
// For a struct at the top the calls start with its first field:
//
//	w.Reset(nil, schema)
//	w.Int64(7)
//	w.String("Ada")
//	w.Null()
//	row, err := w.Finish()
type Writer struct {
	buf   []byte
	err   error
	top   *Schema
	stack []frame
	cur   frame
	// openFields are those of the open struct; none in an array or a map, and after a mistake.
	openFields []Field
}

// frame is the open struct, array, map, or the row itself (schema nil).
type frame struct {
	schema *Schema
	next   int // fields, elements, or keys and values written
	count  int // how many there will be
	nulls  int // position of the null bits: of a map those of the keys, with those of the values behind them
}

// Reset starts a row that is appended to dst.
func (w *Writer) Reset(dst []byte, s *Schema) {
	w.buf, w.err, w.top = dst, nil, s
	w.stack, w.openFields = w.stack[:0], nil
	w.cur = frame{count: 1}
	if s.typ == Struct {
		w.Struct()
	}
}

// Finish closes what is open and returns dst with the row appended. Fields of
// the outermost struct that were not written get their default, or null.
func (w *Writer) Finish() ([]byte, error) {
	if w.err == nil && len(w.stack) == 1 && w.top.typ == Struct {
		w.End()
	}
	if w.err == nil && (len(w.stack) != 0 || w.cur.next != 1) {
		w.fail("row of %v is not complete", w.top)
	}
	if w.buf == nil {
		w.buf = []byte{} // a struct without fields: nil would be null
	}
	return w.buf, w.err
}

// Err returns the first mistake so far.
func (w *Writer) Err() error { return w.err }

func (w *Writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err, w.openFields = fmt.Errorf("data: "+format, args...), nil
	}
}

// where names the place of the value that comes next.
func (w *Writer) where() string {
	if w.cur.schema == nil {
		return "row"
	}
	if w.cur.schema.typ == Struct && w.cur.next < len(w.cur.schema.fields) {
		return "field " + w.cur.schema.fields[w.cur.next].Name
	}
	return "element of " + w.cur.schema.String()
}

// expected returns the schema of the value that comes next, nil when there is none.
func (w *Writer) expected() *Schema {
	if w.err != nil {
		return nil
	}
	s := w.cur.schema
	if w.cur.next >= w.cur.count {
		w.fail("too many values for %v", orTop(s, w.top))
		return nil
	}
	if s == nil {
		return w.top
	}
	switch {
	case s.typ == Struct:
		return s.fields[w.cur.next].Schema
	case s.typ == Map && w.cur.next&1 == 0:
		return s.key
	}
	return s.elem
}

func orTop(s, top *Schema) *Schema {
	if s == nil {
		return top
	}
	return s
}

// begin checks the type of the value that comes next and steps over it. Most
// values are fields of a struct: these take no further call.
func (w *Writer) begin(t Type) bool {
	if i := w.cur.next; i < len(w.openFields) && w.openFields[i].Schema.typ == t {
		w.cur.next = i + 1
		return true
	}
	return w.beginOther(t)
}

func (w *Writer) beginOther(t Type) bool {
	s := w.expected()
	if s == nil {
		return false
	}
	if s.typ != t {
		if s.typ == Any && t != Struct {
			w.buf = append(w.buf, byte(t))
			w.cur.next++
			return true
		}
		w.fail("%s is %v, not %v", w.where(), s, t)
		return false
	}
	w.cur.next++
	return true
}

// Null writes a null.
func (w *Writer) Null() {
	s := w.expected()
	if s == nil {
		return
	}
	c := &w.cur
	switch {
	case c.schema == nil:
		w.fail("a null row has no encoding: use a Value without data")
	case s.optional:
		w.setNull()
	case s.typ == Any:
		w.buf = append(w.buf, 0)
	default:
		w.fail("%s is required and cannot be null", w.where())
	}
	c.next++
}

func (w *Writer) setNull() {
	c := &w.cur
	at, bit := c.nulls, c.next
	switch c.schema.typ {
	case Struct:
		bit = int(c.schema.nullBit[c.next])
	case Map:
		bit = c.next / 2
		if c.next&1 == 1 && c.schema.key.optional {
			at += (c.count/2 + 7) / 8
		}
	}
	w.buf[at+bit/8] |= 1 << (bit % 8)
}

// Bool writes a BOOLEAN.
func (w *Writer) Bool(v bool) {
	if w.begin(Boolean) {
		b := byte(0)
		if v {
			b = 1
		}
		w.buf = append(w.buf, b)
	}
}

// Int8 writes an INT8.
func (w *Writer) Int8(v int8) {
	if w.begin(Int8) {
		w.buf = append(w.buf, byte(v))
	}
}

// Int16 writes an INT16.
func (w *Writer) Int16(v int16) {
	if w.begin(Int16) {
		w.buf = binary.LittleEndian.AppendUint16(w.buf, uint16(v))
	}
}

// Int32 writes an INT32, which may be a Date or a Time.
func (w *Writer) Int32(v int32) {
	if w.begin(Int32) {
		w.buf = binary.LittleEndian.AppendUint32(w.buf, uint32(v))
	}
}

// Int64 writes an INT64, which may be a Timestamp.
func (w *Writer) Int64(v int64) {
	if w.begin(Int64) {
		w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(v))
	}
}

// Float32 writes a FLOAT32.
func (w *Writer) Float32(v float32) {
	if w.begin(Float32) {
		w.buf = binary.LittleEndian.AppendUint32(w.buf, math.Float32bits(v))
	}
}

// Float64 writes a FLOAT64.
func (w *Writer) Float64(v float64) {
	if w.begin(Float64) {
		w.buf = binary.LittleEndian.AppendUint64(w.buf, math.Float64bits(v))
	}
}

// String writes a STRING; v must be UTF-8.
func (w *Writer) String(v string) {
	if w.begin(String) {
		w.buf = binary.AppendUvarint(w.buf, uint64(len(v)))
		w.buf = append(w.buf, v...)
	}
}

// StringBytes writes a STRING from bytes; v must be UTF-8.
func (w *Writer) StringBytes(v []byte) {
	if w.begin(String) {
		w.buf = binary.AppendUvarint(w.buf, uint64(len(v)))
		w.buf = append(w.buf, v...)
	}
}

// Bytes writes a BYTES.
func (w *Writer) Bytes(v []byte) {
	if w.begin(Bytes) {
		w.buf = binary.AppendUvarint(w.buf, uint64(len(v)))
		w.buf = append(w.buf, v...)
	}
}

// Decimal writes the unscaled number of a Decimal.
func (w *Writer) Decimal(unscaled *big.Int) {
	if w.begin(Bytes) {
		at := len(w.buf)
		w.buf = AppendUnscaled(append(w.buf, 0), unscaled)
		w.patchLength(at)
	}
}

// DecimalInt64 writes the unscaled number of a Decimal.
func (w *Writer) DecimalInt64(unscaled int64) {
	if w.begin(Bytes) {
		at := len(w.buf)
		w.buf = AppendUnscaledInt64(append(w.buf, 0), unscaled)
		w.patchLength(at)
	}
}

// patchLength replaces the byte at position at by the length of what follows.
func (w *Writer) patchLength(at int) {
	n := len(w.buf) - at - 1
	if n < 0x80 {
		w.buf[at] = byte(n)
		return
	}
	var head [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(head[:], uint64(n))
	w.buf = append(w.buf, head[:k-1]...)
	copy(w.buf[at+k:], w.buf[at+1:at+1+n])
	copy(w.buf[at:], head[:k])
}

// Date writes a Date: the date that t shows in UTC.
func (w *Writer) Date(t time.Time) { w.Int32(DateOf(t)) }

// Timestamp writes a Timestamp, to the millisecond.
func (w *Writer) Timestamp(t time.Time) { w.Int64(t.UnixMilli()) }

// Row writes a value that is encoded already. It is not checked.
func (w *Writer) Row(encoded []byte) {
	if w.expected() != nil {
		w.cur.next++
		w.buf = append(w.buf, encoded...)
	}
}

// Mark returns the place where the next value begins, for Again.
func (w *Writer) Mark() int { return len(w.buf) }

// Again writes n values once more, which were written one after the other to
// this row between two marks. None of them may be a null, and the schemas have
// to be the same: they are not checked.
func (w *Writer) Again(n, from, to int) {
	if n == 0 || w.expected() == nil {
		return
	}
	if w.cur.next+n > w.cur.count {
		w.fail("too many values for %v", orTop(w.cur.schema, w.top))
		return
	}
	w.cur.next += n
	w.buf = append(w.buf, w.buf[from:to]...)
}

// Struct opens a struct; its fields follow, then End.
func (w *Writer) Struct() {
	s := w.expected()
	if s == nil || !w.begin(Struct) {
		return
	}
	w.open(frame{schema: s, count: len(s.fields), nulls: len(w.buf)})
	w.zeros(s.nullBytes)
}

// open makes the next values those of a struct, an array or a map.
func (w *Writer) open(f frame) {
	w.stack = append(w.stack, w.cur)
	w.cur, w.openFields = f, f.schema.fields
}

// Array opens an array of n elements; they follow, then End.
func (w *Writer) Array(n int) {
	s := w.expected()
	if s == nil || !w.begin(Array) {
		return
	}
	if s.typ == Any {
		s = anyArray
	}
	w.buf = binary.AppendUvarint(w.buf, uint64(n))
	w.open(frame{schema: s, count: n, nulls: len(w.buf)})
	if s.elem.optional {
		w.zeros((n + 7) / 8)
	}
}

// Map opens a map of n entries; key and value of each follow, then End.
func (w *Writer) Map(n int) {
	s := w.expected()
	if s == nil || !w.begin(Map) {
		return
	}
	if s.typ == Any {
		s = anyMap
	}
	w.buf = binary.AppendUvarint(w.buf, uint64(n))
	w.open(frame{schema: s, count: 2 * n, nulls: len(w.buf)})
	if s.key.optional {
		w.zeros((n + 7) / 8)
	}
	if s.elem.optional {
		w.zeros((n + 7) / 8)
	}
}

// The schemas of an array and a map inside an Any.
var (
	anyArray = &Schema{typ: Array, elem: AnySchema, depth: 2}
	anyMap   = &Schema{typ: Map, key: AnySchema, elem: AnySchema, depth: 2}
)

func (w *Writer) zeros(n int) {
	for range n {
		w.buf = append(w.buf, 0)
	}
}

// End closes the struct, array or map opened last. Fields of a struct that were
// not written get their default, or null.
func (w *Writer) End() {
	for w.err == nil && w.cur.schema != nil && w.cur.schema.typ == Struct && w.cur.next < w.cur.count {
		f := w.cur.schema.fields[w.cur.next]
		switch {
		case f.Schema.hasDefault && f.Schema.def != nil:
			w.Row(f.Schema.def)
		case f.Schema.optional:
			w.Null()
		default:
			w.fail("field %s of %v is required and was not written", f.Name, w.cur.schema)
		}
	}
	switch {
	case w.err != nil:
	case len(w.stack) == 0:
		w.fail("End without Struct, Array or Map")
	case w.cur.next != w.cur.count:
		w.fail("%v was opened for %d values and has %d", w.cur.schema, w.cur.count, w.cur.next)
	default:
		w.cur, w.openFields = w.stack[len(w.stack)-1], nil
		w.stack = w.stack[:len(w.stack)-1]
		if w.cur.schema != nil {
			w.openFields = w.cur.schema.fields
		}
	}
}
