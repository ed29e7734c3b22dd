package transform

import (
	"encoding/binary"
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// layout is how the rows of a struct's schema lie in memory, so that they can be taken apart without asking the schema.
type layout struct {
	schema    *data.Schema
	fields    []slot
	nullBytes int
}

// slot is the place of a field.
type slot struct {
	bit    int32 // its null bit, -1 when it is required
	size   int32 // of what has a fixed size, else one of the constants below
	inner  *layout
	schema *data.Schema
}

// Sizes of what has none.
const (
	sized  = -1 // STRING, BYTES: the length comes first
	nested = -2 // STRUCT
	other  = -3
)

func newLayout(s *data.Schema) *layout {
	l := &layout{schema: s, nullBytes: s.NullBytes()}
	for i, f := range s.Fields() {
		p := slot{bit: int32(s.NullBit(i)), size: other, schema: f.Schema}
		switch f.Schema.Type() {
		case data.Boolean, data.Int8:
			p.size = 1
		case data.Int16:
			p.size = 2
		case data.Int32, data.Float32:
			p.size = 4
		case data.Int64, data.Float64:
			p.size = 8
		case data.String, data.Bytes:
			p.size = sized
		case data.Struct:
			p.size, p.inner = nested, newLayout(f.Schema)
		}
		l.fields = append(l.fields, p)
	}
	return l
}

// skip returns the position behind the value of the slot that begins at at, -1 when the row is damaged.
func (p *slot) skip(row []byte, at int) int {
	switch {
	case p.size > 0:
		if at += int(p.size); at > len(row) {
			return -1
		}
		return at
	case p.size == sized:
		if at < len(row) && row[at] < 0x80 {
			at += 1 + int(row[at])
		} else {
			n, k := binary.Uvarint(row[min(at, len(row)):])
			if k <= 0 || n > uint64(len(row)) {
				return -1
			}
			at += k + int(n)
		}
		if at > len(row) {
			return -1
		}
		return at
	case p.size == nested:
		return p.inner.skip(row, at)
	}
	var r data.Reader
	r.Reset(row[min(at, len(row)):])
	r.Skip(p.schema)
	if r.Err() != nil {
		return -1
	}
	return at + r.Offset()
}

// skip returns the position behind the struct that begins at at, -1 when the row is damaged.
func (l *layout) skip(row []byte, at int) int {
	nulls := at
	if at += l.nullBytes; at > len(row) {
		return -1
	}
	for i := range l.fields {
		p := &l.fields[i]
		if p.bit >= 0 && row[nulls+int(p.bit>>3)]&(1<<(p.bit&7)) != 0 {
			continue
		}
		if at = p.skip(row, at); at < 0 {
			return -1
		}
	}
	return at
}

// split appends a cell for each field of a row, its bytes as they are; nil is null.
func (l *layout) split(cells [][]byte, row []byte) ([][]byte, error) {
	at := l.nullBytes
	if at > len(row) {
		return cells, l.damaged()
	}
	for i := range l.fields {
		p := &l.fields[i]
		if p.bit >= 0 && row[p.bit>>3]&(1<<(p.bit&7)) != 0 {
			cells = append(cells, nil)
			continue
		}
		to := p.skip(row, at)
		if to < 0 {
			return cells, l.damaged()
		}
		cells = append(cells, row[at:to:to])
		at = to
	}
	if at != len(row) {
		return cells, l.damaged()
	}
	return cells, nil
}

// field returns the cell of one field of a row, nil when it is null, without looking at those behind it.
func (l *layout) field(row []byte, field int) ([]byte, error) {
	at := l.nullBytes
	if at > len(row) {
		return nil, l.damaged()
	}
	for i := range l.fields[:field+1] {
		p := &l.fields[i]
		if p.bit >= 0 && row[p.bit>>3]&(1<<(p.bit&7)) != 0 {
			if i == field {
				return nil, nil
			}
			continue
		}
		to := p.skip(row, at)
		if to < 0 {
			return nil, l.damaged()
		}
		if i == field {
			return row[at:to:to], nil
		}
		at = to
	}
	return nil, nil
}

// join appends the row of cells.
func (l *layout) join(dst []byte, cells [][]byte) ([]byte, error) {
	nulls := len(dst)
	for range l.nullBytes {
		dst = append(dst, 0)
	}
	for i, cell := range cells {
		if cell == nil {
			bit := l.fields[i].bit
			if bit < 0 {
				return dst, fmt.Errorf("field %s of %v is required and is null; make the field optional where it comes from, or give it a value",
					l.schema.Fields()[i].Name, l.schema)
			}
			dst[nulls+int(bit>>3)] |= 1 << (bit & 7)
			continue
		}
		dst = append(dst, cell...)
	}
	return dst, nil
}

func (l *layout) damaged() error { return fmt.Errorf("row of %v is damaged", l.schema) }

// layouts keeps the layouts of schemas.
type layouts struct{ known bySchema[*layout] }

func (k *layouts) of(s *data.Schema) *layout {
	if l, ok := k.known.get(s); ok {
		return l
	}
	return k.known.put(s, newLayout(s))
}
