package column

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
)

// The types of the protocol, as table maps and Column.Wire have them.
const (
	WireTiny       = 1
	WireShort      = 2
	WireLong       = 3
	WireFloat      = 4
	WireDouble     = 5
	WireNull       = 6
	WireTimestamp  = 7
	WireLongLong   = 8
	WireInt24      = 9
	WireDate       = 10
	WireTime       = 11
	WireDateTime   = 12
	WireYear       = 13
	WireNewDate    = 14
	WireVarchar    = 15
	WireBit        = 16
	WireTimestamp2 = 17
	WireDateTime2  = 18
	WireTime2      = 19
	// MariaDB's columns with the attribute COMPRESSED.
	WireBlobCompressed    = 140
	WireVarcharCompressed = 141
	WireVector            = 242
	WireJSON              = 245
	WireNewDecimal        = 246
	WireEnum              = 247
	WireSet               = 248
	WireTinyBlob          = 249
	WireMediumBlob        = 250
	WireLongBlob          = 251
	WireBlob              = 252
	WireVarString         = 253
	WireString            = 254
	WireGeometry          = 255
)

// Layout says how the cells of a type are delimited.
type Layout struct {
	size    int
	counted bool // size is that of the length which precedes the cell's bytes
	err     error
}

// LayoutOf returns the layout of a type of the table map. Of one that is not known it is Width that fails.
func LayoutOf(wire byte, meta uint16) Layout {
	size, counted, err := layout(wire, meta)
	return Layout{size, counted, err}
}

// Width returns the length of the encoded cell at the start of src, which is part of a row image. The error says that the type is not known,
// or that the cell goes beyond src.
func (l *Layout) Width(src []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	size := l.size
	if len(src) < size {
		return 0, errShort
	}
	if l.counted {
		if size += number(src[:size]); size > len(src) {
			return 0, errShort
		}
	}
	return size, nil
}

// layout returns the size of a cell, or that of the length which precedes it.
func layout(wire byte, meta uint16) (size int, counted bool, err error) {
	switch wire {
	case WireNull:
		return 0, false, nil
	case WireTiny, WireYear:
		return 1, false, nil
	case WireShort:
		return 2, false, nil
	case WireInt24, WireDate, WireTime, WireNewDate:
		return 3, false, nil
	case WireLong, WireFloat, WireTimestamp:
		return 4, false, nil
	case WireLongLong, WireDouble, WireDateTime:
		return 8, false, nil
	case WireTime2, WireTimestamp2, WireDateTime2:
		if meta > 6 {
			break
		}
		whole := 3
		switch wire {
		case WireTimestamp2:
			whole = 4
		case WireDateTime2:
			whole = 5
		}
		return whole + int(meta+1)/2, false, nil
	case WireNewDecimal:
		size, err := decimalSize(int(meta>>8), int(meta&0xff))
		return size, false, err
	case WireBit:
		if bits := int(meta>>8)*8 + int(meta&0xff); bits <= 64 {
			return (bits + 7) / 8, false, nil
		}
	case WireEnum, WireSet:
		return int(meta & 0xff), false, setSize(int(meta & 0xff))
	case WireString:
		if t := byte(meta >> 8); t == WireEnum || t == WireSet {
			return int(meta & 0xff), false, setSize(int(meta & 0xff))
		}
		// The two highest bits of the length are hidden in the type, turned over.
		if int(meta&0xff)|int(meta>>4&0x300^0x300) > 255 {
			return 2, true, nil
		}
		return 1, true, nil
	case WireVarchar, WireVarString, WireVarcharCompressed:
		if meta > 255 {
			return 2, true, nil
		}
		return 1, true, nil
	case WireTinyBlob, WireMediumBlob, WireLongBlob, WireBlob, WireBlobCompressed, WireJSON, WireGeometry, WireVector:
		if meta >= 1 && meta <= 4 {
			return int(meta), true, nil
		}
	}
	return 0, false, fmt.Errorf("type %d of the table map with meta data %#x is not known", wire, meta)
}

func setSize(n int) error {
	if n < 1 || n > 8 {
		return fmt.Errorf("an ENUM or a SET of %d bytes does not exist", n)
	}
	return nil
}

// sizeOf returns the size of a column's cells, or that of the length which precedes them, if its type can be sent as the table map says.
func sizeOf(c Column) (int, error) {
	real := c.Wire
	if t := byte(c.Meta >> 8); c.Wire == WireString && (t == WireEnum || t == WireSet) {
		real = t
	}
	if bytes.IndexByte(wires(c.Type), real) < 0 {
		return 0, fmt.Errorf("its rows in the binary log are of another type (%d)", real)
	}
	size, _, err := layout(c.Wire, c.Meta)
	return size, err
}

// wires returns how a type may be sent.
func wires(t Type) []byte {
	switch t {
	case TinyInt:
		return []byte{WireTiny}
	case SmallInt:
		return []byte{WireShort}
	case MediumInt:
		return []byte{WireInt24}
	case Int:
		return []byte{WireLong}
	case BigInt:
		return []byte{WireLongLong}
	case Float:
		return []byte{WireFloat}
	case Double:
		return []byte{WireDouble}
	case Decimal:
		return []byte{WireNewDecimal}
	case Bit:
		return []byte{WireBit}
	case Year:
		return []byte{WireYear}
	case Date:
		return []byte{WireDate, WireNewDate}
	case Time:
		return []byte{WireTime, WireTime2}
	case DateTime:
		return []byte{WireDateTime, WireDateTime2}
	case Timestamp:
		return []byte{WireTimestamp, WireTimestamp2}
	case String, Binary, Blob:
		return []byte{WireVarchar, WireVarString, WireString, WireTinyBlob, WireMediumBlob, WireLongBlob, WireBlob, WireVarcharCompressed, WireBlobCompressed}
	case Enum:
		return []byte{WireEnum}
	case Set:
		return []byte{WireSet}
	case JSON:
		return []byte{WireJSON}
	case Point, Geometry:
		return []byte{WireGeometry}
	case Vector:
		return []byte{WireVector, WireVarchar, WireVarString, WireBlob}
	case UUID, INET4, INET6:
		return []byte{WireString}
	}
	return nil
}

var errCompressed = errors.New("the compressed value in the binary log is damaged")

// decompress reads a value of MariaDB's COMPRESSED columns: one byte with the algorithm in the upper half, a flag for zlib's frame and the
// number of bytes of the length, the length, big-endian, then the data.
func decompress(src []byte, into *[]byte) ([]byte, error) {
	if len(src) == 0 {
		return src, nil
	}
	head := src[0]
	src = src[1:]
	if head>>4 == 0 {
		return src, nil // too short to gain from compression
	}
	const deflate = 8
	n := int(head & 7)
	if head>>4 != deflate || n < 1 || n > 4 || len(src) < n {
		return nil, errCompressed
	}
	length := 0
	for _, b := range src[:n] {
		length = length<<8 | int(b)
	}
	// Deflate gains a factor of 1032 at the most: a damaged length takes no memory.
	if length > 1032*len(src)+64 {
		return nil, errCompressed
	}
	var r io.ReadCloser
	var err error
	if framed := head&8 == 0; framed {
		if r, err = zlib.NewReader(bytes.NewReader(src[n:])); err != nil {
			return nil, errCompressed
		}
	} else {
		r = flate.NewReader(bytes.NewReader(src[n:]))
	}
	out := bytes.NewBuffer((*into)[:0])
	got, err := out.ReadFrom(io.LimitReader(r, int64(length)+1))
	*into = out.Bytes()
	if err != nil || got != int64(length) {
		return nil, errCompressed
	}
	return out.Bytes(), nil
}
