package convert

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// number is Kafka's BooleanConverter, ShortConverter, IntegerConverter, LongConverter, FloatConverter and
// DoubleConverter: big-endian bytes of one type.
type number struct {
	name   string
	typ    data.Type
	size   int
	schema *data.Schema // of what it reads
	use    Use
}

func newNumber(name string, size int, schema *data.Schema) func(settings) (Converter, error) {
	return func(s settings) (Converter, error) {
		return number{name, schema.Type(), size, schema, s.use}, nil
	}
}

func (c number) FromConnect(a *Arena, _ string, v data.Value) ([]byte, error) {
	if isNull(v) {
		return nil, nil
	}
	from := len(a.buf)
	switch {
	case v.Kind == data.KindRow && v.Schema.Type() == c.typ:
		if len(v.Data) != c.size {
			return nil, fmt.Errorf("row of %v is damaged: %d bytes instead of %d", v.Schema, len(v.Data), c.size)
		}
		return a.cut(appendReversed(a.buf, v.Data), from), nil
	case v.Kind == data.KindJSON:
		if buf, ok := c.appendJSON(a.buf, v.Data); ok {
			return a.cut(buf, from), nil
		}
		return nil, fmt.Errorf("%s is JSON without schema that is not one %v; set %s to JsonConverter", c.use, c.typ, c.use.setting(""))
	}
	return nil, fmt.Errorf("%s is %s, and %s takes %v only; set %s to the converter of its type, or to JsonConverter",
		c.use, describe(v), c.name, c.typ, c.use.setting(""))
}

func (c number) ToConnect(a *Arena, _ string, b []byte) (data.Value, error) {
	if b == nil {
		return data.RowValue(c.schema, nil), nil
	}
	if len(b) != c.size {
		return data.Value{}, fmt.Errorf("%s has %d bytes, and %s reads %d; set %s to the converter that wrote it",
			c.use, len(b), c.name, c.size, c.use.setting(""))
	}
	if c.typ == data.Boolean && b[0] > 1 {
		return data.Value{}, fmt.Errorf("%s is the byte 0x%02x, and %s reads 0x00 and 0x01; set %s to the converter that wrote it",
			c.use, b[0], c.name, c.use.setting(""))
	}
	from := len(a.buf)
	return data.RowValue(c.schema, a.cut(appendReversed(a.buf, b), from)), nil
}

// appendReversed changes the byte order: rows are little-endian, Kafka's numbers big-endian.
func appendReversed(dst, b []byte) []byte {
	for i := len(b) - 1; i >= 0; i-- {
		dst = append(dst, b[i])
	}
	return dst
}

// appendJSON appends the number that a JSON text is, if it is one and fits: the members that a transformation takes out
// of schemaless records have no type of their own.
func (c number) appendJSON(dst, text []byte) ([]byte, bool) {
	text = bytes.TrimSpace(text)
	switch c.typ {
	case data.Boolean:
		switch string(text) {
		case "true":
			return append(dst, 1), true
		case "false":
			return append(dst, 0), true
		}
		return dst, false
	case data.Float32, data.Float64:
		f, err := strconv.ParseFloat(string(text), 8*c.size)
		if err != nil {
			return dst, false
		}
		if c.typ == data.Float32 {
			return binary.BigEndian.AppendUint32(dst, math.Float32bits(float32(f))), true
		}
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)), true
	}
	n, err := strconv.ParseInt(string(text), 10, 8*c.size)
	if err != nil {
		return dst, false
	}
	switch c.typ {
	case data.Int16:
		return binary.BigEndian.AppendUint16(dst, uint16(n)), true
	case data.Int32:
		return binary.BigEndian.AppendUint32(dst, uint32(n)), true
	}
	return binary.BigEndian.AppendUint64(dst, uint64(n)), true
}
