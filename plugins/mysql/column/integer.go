package column

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// integerSchema takes the type that holds all values: that of twice the size for unsigned ones, and for TINYINT since INT8 is none of JDBC's.
func integerSchema(c *Codec) *data.Builder {
	switch unsigned := c.column.Unsigned; c.column.Type {
	case TinyInt:
		if c.options.TinyIntBool && c.column.Length == 1 && !unsigned {
			return data.NewSchema(data.Boolean)
		}
		return data.NewSchema(data.Int16)
	case SmallInt:
		if unsigned {
			return data.NewSchema(data.Int32)
		}
		return data.NewSchema(data.Int16)
	case MediumInt:
		return data.NewSchema(data.Int32)
	case Int:
		if unsigned {
			return data.NewSchema(data.Int64)
		}
		return data.NewSchema(data.Int32)
	default:
		if unsigned && c.options.BigintUnsigned == BigintPrecise {
			return decimalBuilder(20, 0)
		}
		return data.NewSchema(data.Int64)
	}
}

func integerBinlog(c *Codec, w *data.Writer, src []byte) error {
	if len(src) != c.size {
		return errLength
	}
	var v int64
	switch c.size {
	case 1:
		v = int64(int8(src[0]))
	case 2:
		v = int64(int16(binary.LittleEndian.Uint16(src)))
	case 3:
		v = int64(int32(uint32(src[0])<<8|uint32(src[1])<<16|uint32(src[2])<<24) >> 8)
	case 4:
		v = int64(int32(binary.LittleEndian.Uint32(src)))
	default:
		v = int64(binary.LittleEndian.Uint64(src))
	}
	if c.column.Unsigned && c.size < 8 {
		v &= 1<<(8*c.size) - 1
	}
	c.appendInteger(w, v)
	return nil
}

// appendInteger writes a number; a BIGINT UNSIGNED comes with its 64 bits.
func (c *Codec) appendInteger(w *data.Writer, v int64) {
	switch c.Schema.Type() {
	case data.Int16:
		w.Int16(int16(v))
	case data.Int32:
		w.Int32(int32(v))
	case data.Int64:
		w.Int64(v)
	case data.Boolean:
		w.Bool(v != 0)
	default:
		if v >= 0 {
			w.DecimalInt64(v)
			return
		}
		var b [9]byte
		binary.BigEndian.PutUint64(b[1:], uint64(v))
		w.Bytes(b[:])
	}
}

var errNumber = errors.New("the value is not a number that its type can have")

func integerText(c *Codec, w *data.Writer, src []byte) error {
	digits, negative := src, false
	if len(src) > 0 && src[0] == '-' {
		digits, negative = src[1:], true
	}
	var v uint64
	for _, d := range digits {
		d -= '0'
		if d > 9 || v > math.MaxUint64/10 || v*10 > math.MaxUint64-uint64(d) {
			return errNumber
		}
		v = v*10 + uint64(d)
	}
	if len(digits) == 0 || negative && v > 1<<63 || v > math.MaxInt64 && !negative && !c.column.Unsigned {
		return errNumber
	}
	if negative {
		v = -v
	}
	c.appendInteger(w, int64(v))
	return nil
}
