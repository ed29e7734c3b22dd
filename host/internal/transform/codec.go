package transform

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// codec is how values without schema are written.
type codec uint8

const (
	jsonCodec codec = iota // JSON text
	anyCodec               // the row encoding of ANY
)

// value returns what an entry holds as a value of its own.
func (k codec) value(val []byte) data.Value {
	switch {
	case val == nil:
		return data.Value{}
	case k == anyCodec:
		return data.RowValue(data.AnySchema, val)
	}
	return data.JSONValue(val)
}

// isMap tells whether a value is a map.
func (k codec) isMap(val []byte) bool {
	if k == anyCodec {
		return len(val) > 0 && val[0] == byte(data.Map)
	}
	return len(val) > 0 && val[0] == '{'
}

// split appends the entries of a map.
func (k codec) split(entries []entry, a *Arena, val []byte) ([]entry, error) {
	var err error
	if k == anyCodec {
		return splitAny(entries, val)
	}
	entries, a.buf, err = splitJSON(entries, a.buf, val)
	return entries, err
}

// bool, integer, float and text append a value of a type.

func (k codec) bool(dst []byte, b bool) []byte {
	if k == jsonCodec {
		return strconv.AppendBool(dst, b)
	}
	if b {
		return append(dst, byte(data.Boolean), 1)
	}
	return append(dst, byte(data.Boolean), 0)
}

func (k codec) integer(dst []byte, t data.Type, n int64) []byte {
	if k == jsonCodec {
		return strconv.AppendInt(dst, n, 10)
	}
	return appendInteger(append(dst, byte(t)), t, n)
}

func (k codec) float(dst []byte, t data.Type, f float64) []byte {
	switch {
	case k == anyCodec:
		return appendFloat(append(dst, byte(t)), t, f)
	case math.IsNaN(f) || math.IsInf(f, 0):
		return appendQuoted(dst, string(data.AppendFloatText(nil, f, 64))) // as JsonConverter writes them
	case t == data.Float32:
		return data.AppendFloatText(dst, f, 32)
	}
	return data.AppendFloatText(dst, f, 64)
}

func (k codec) text(dst, s []byte) []byte {
	if k == jsonCodec {
		return appendQuoted(dst, s)
	}
	return appendSized(append(dst, byte(data.String)), s)
}

// key appends the key of an entry.
func (k codec) key(dst, name []byte) []byte { return k.text(dst, name) }

// appendInteger appends the row encoding of an integer, which loses what does not fit.
func appendInteger(dst []byte, t data.Type, n int64) []byte {
	switch t {
	case data.Int8:
		return append(dst, byte(n))
	case data.Int16:
		return binary.LittleEndian.AppendUint16(dst, uint16(n))
	case data.Int32:
		return binary.LittleEndian.AppendUint32(dst, uint32(n))
	}
	return binary.LittleEndian.AppendUint64(dst, uint64(n))
}

// appendFloat appends the row encoding of a float.
func appendFloat(dst []byte, t data.Type, f float64) []byte {
	if t == data.Float32 {
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(f)))
	}
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
}

// splitAny appends the entries of a map that carries its own type.
func splitAny(entries []entry, val []byte) ([]entry, error) {
	var r data.Reader
	r.Reset(val)
	if r.AnyType() != data.Map {
		return entries, fmt.Errorf("it is no map")
	}
	n, keys, values := r.AnyMap()
	for i := 0; i < n && r.Err() == nil; i++ {
		e := entry{}
		if !keys.Null(i) {
			e.raw = skipAny(&r, val)
			if len(e.raw) > 1 && e.raw[0] == byte(data.String) {
				_, k := binary.Uvarint(e.raw[1:])
				e.name = e.raw[1+k:]
			}
		}
		if !values.Null(i) {
			if e.val = skipAny(&r, val); len(e.val) == 1 && e.val[0] == 0 {
				e.val = nil
			}
		}
		entries = append(entries, e)
	}
	return entries, finished(&r, data.AnySchema)
}

// skipAny returns the bytes of the value that comes next.
func skipAny(r *data.Reader, b []byte) []byte {
	from := r.Offset()
	r.Skip(data.AnySchema)
	return b[from:r.Offset():r.Offset()]
}

// joinAny appends the map of entries.
func joinAny(dst []byte, entries []entry) []byte {
	n := len(entries)
	dst = binary.AppendUvarint(append(dst, byte(data.Map)), uint64(n))
	keys := len(dst)
	values := keys + (n+7)/8
	for range 2 * ((n + 7) / 8) {
		dst = append(dst, 0)
	}
	for i, e := range entries {
		if e.raw == nil {
			dst[keys+i/8] |= 1 << (i % 8)
		}
		if e.val == nil {
			dst[values+i/8] |= 1 << (i % 8)
		}
		dst = append(append(dst, e.raw...), e.val...)
	}
	return dst
}
