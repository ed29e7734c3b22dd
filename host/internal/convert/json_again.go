package convert

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strconv"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// former is a struct that was written with a plan, and its text: a later one copies what it has in common. A change of a row has the row
// twice, of which little differs, and says of where it comes what the change before it has said. Structs inside others whose fields are
// scalars have one.
type former struct {
	// pair: two fields have the plan, and the second one is compared with the first. Else a struct is compared with one of an earlier row.
	pair             bool
	of               uint64 // the number of the row, for a pair
	nulls, row, text []byte
	marks            []mark // where each field begins and, at the end, where the last one ends; none: there is no struct
}

// mark is a place in a struct's row behind its null bits, and in its text.
type mark struct{ row, text int }

// mostFormer is the largest row that is kept for later rows.
const mostFormer = 16 << 10

// scalars tells whether a plan is of a struct whose fields are all scalars.
func (p *plan) scalars() bool {
	if p.typ != data.Struct || p.union || len(p.fields) < 2 {
		return false
	}
	for i := range p.fields {
		switch p.fields[i].plan.typ {
		case data.Struct, data.Array, data.Map, data.Any:
			return false
		}
	}
	return true
}

// again writes a struct whose plan has a former.
func (w *jsonWriter) again(dst []byte, p *plan, nulls data.Nulls) []byte {
	if !w.ok() {
		return dst
	}
	m := p.former
	row := w.whole[len(w.whole)-w.row.Rest():]
	if len(m.marks) == 0 || m.pair && m.of != w.rows || !bytes.Equal(nulls, m.nulls) {
		return w.keep(dst, p, nulls, row)
	}
	at, written := 0, 0
	for i := 0; i < len(p.fields); i++ {
		begin, j := m.marks[i], i
		for n := alike(row[at:], m.row[begin.row:]); j < len(p.fields) && m.marks[j+1].row-begin.row <= n; {
			j++
		}
		if j > i {
			dst = append(dst, m.text[begin.text:m.marks[j].text]...)
			at += m.marks[j].row - begin.row
			if i = j; i == len(p.fields) {
				break
			}
		}
		if dst, at = w.next(dst, p, i, nulls, row, at); !w.ok() {
			return dst
		}
		written++
	}
	if !m.pair && written > len(p.fields)/4 {
		m.marks = m.marks[:0] // the next one is kept instead
	}
	w.row.Reset(row[at:])
	return append(dst, '}')
}

// keep writes a struct to be compared with.
func (w *jsonWriter) keep(dst []byte, p *plan, nulls data.Nulls, row []byte) []byte {
	m, at, from := p.former, 0, len(dst)
	m.marks = m.marks[:0]
	for i := range p.fields {
		m.marks = append(m.marks, mark{at, len(dst) - from})
		if dst, at = w.next(dst, p, i, nulls, row, at); !w.ok() {
			m.marks = m.marks[:0]
			return dst
		}
	}
	m.marks = append(m.marks, mark{at, len(dst) - from})
	switch {
	case m.pair:
		m.of, m.nulls, m.row, m.text = w.rows, nulls, row[:at], dst[from:]
	case at > mostFormer:
		m.marks = m.marks[:0]
	default:
		m.nulls, m.row, m.text = append(m.nulls[:0], nulls...), append(m.row[:0], row[:at]...), append(m.text[:0], dst[from:]...)
	}
	w.row.Reset(row[at:])
	return append(dst, '}')
}

// next writes a field of a struct of scalars, which begins at a place of the row, and returns where the one after it does. What is frequent
// takes no reader.
func (w *jsonWriter) next(dst []byte, p *plan, i int, nulls data.Nulls, row []byte, at int) ([]byte, int) {
	f := &p.fields[i]
	if b := row[at:]; len(b) >= 8 && !nulls.Null(f.nullBit) {
		switch f.plan.typ {
		case data.Int64:
			return f.plan.appendInt(f.open(dst), int64(binary.LittleEndian.Uint64(b))), at + 8
		case data.Int32:
			return strconv.AppendInt(f.open(dst), int64(int32(binary.LittleEndian.Uint32(b))), 10), at + 4
		case data.String:
			if n := int(b[0]); n < 0x80 && n < len(b) && ordinaryASCII(b[1:1+n], 0) == n {
				dst = append(f.open(dst), '"')
				return append(append(dst, b[1:1+n]...), '"'), at + 1 + n
			}
		}
	}
	w.row.Reset(row[at:])
	dst = w.field(dst, p, i, nulls)
	return dst, len(row) - w.row.Rest()
}

// alike returns the number of bytes that a and b have in common at the beginning.
func alike(a, b []byte) int {
	all := len(a)
	for len(a) >= 8 && len(b) >= 8 {
		if x := binary.LittleEndian.Uint64(a) ^ binary.LittleEndian.Uint64(b); x != 0 {
			return all - len(a) + bits.TrailingZeros64(x)/8
		}
		a, b = a[8:], b[8:]
	}
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	return all - len(a)
}
