package snapshot

import (
	"errors"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// blockBytes is when a block is handed over.
const blockBytes = 256 << 10

// Block holds encoded rows of one table. It belongs to who got it until it is given back with Snapshot.Delivered.
type Block struct {
	// Table is what the rows are encoded with: topic and schemas.
	Table *change.Table

	id    table.ID
	piece *piece
	buf   []byte
	ends  []ends
	upto  bound // rows of the piece before this place are in this block or in earlier ones; nil: not known
	last  bool  // the piece ends with this block
	done  []finished
}

// ends are where a row begins in the buffer, and where its key and its value end.
type ends struct{ start, key, value int }

// finished is a piece that is delivered with a block.
type finished struct {
	id    table.ID
	piece *piece
}

// Len returns the number of rows.
func (b *Block) Len() int { return len(b.ends) }

// Row returns the encoded key and value of a row; a table without key has an empty one.
func (b *Block) Row(i int) (key, value []byte) {
	e := b.ends[i]
	return b.buf[e.start:e.key:e.key], b.buf[e.key:e.value:e.value]
}

// Bytes returns the size of the rows.
func (b *Block) Bytes() int { return len(b.buf) }

// add appends a row that is encoded.
func (b *Block) add(key, value []byte) {
	e := ends{start: len(b.buf)}
	b.buf = append(b.buf, key...)
	e.key = len(b.buf)
	b.buf = append(b.buf, value...)
	e.value = len(b.buf)
	b.ends = append(b.ends, e)
}

// cutLast removes the last row and returns a copy of it.
func (b *Block) cutLast() (key, value []byte) {
	n := len(b.ends) - 1
	k, v := b.Row(n)
	key, value = append([]byte(nil), k...), append([]byte(nil), v...)
	b.buf, b.ends = b.buf[:b.ends[n].start], b.ends[:n]
	return key, value
}

// marks are the values of source.snapshot, with Debezium's meaning.
const (
	markFirst        = "first"
	markFirstOfTable = "first_in_data_collection"
	markTrue         = "true"
	markLastOfTable  = "last_in_data_collection"
	markLast         = "last"
)

// mark replaces the value of source.snapshot in an encoded envelope, which readers have written as "true" because they cannot know better.
func mark(schema *data.Schema, value []byte, to string) ([]byte, error) {
	var r data.Reader
	r.Reset(value)
	source := stepTo(&r, schema, "source")
	if source == nil || stepTo(&r, source, "snapshot") == nil {
		return nil, errNoMark
	}
	from := r.Offset()
	r.StringView()
	if err := r.Err(); err != nil {
		return nil, err
	}
	marked := append(make([]byte, 0, len(value)+len(to)), value[:from]...)
	marked = append(marked, byte(len(to))) // a length below 128 is one byte
	marked = append(marked, to...)
	return append(marked, value[r.Offset():]...), nil
}

var errNoMark = errors.New("the record has no source.snapshot")

// stepTo goes to a field of a struct, which must not be null, and returns its schema, nil when there is none.
func stepTo(r *data.Reader, s *data.Schema, name string) *data.Schema {
	at := s.Lookup(name)
	if at < 0 {
		return nil
	}
	nulls := r.Struct(s)
	for i, f := range s.Fields()[:at] {
		if !nulls.Null(s.NullBit(i)) {
			r.Skip(f.Schema)
		}
	}
	if nulls.Null(s.NullBit(at)) {
		return nil
	}
	return s.Fields()[at].Schema
}
