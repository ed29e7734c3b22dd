package column

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
)

// The types of the protocol, as table maps have them.
const (
	wireTiny              = 1
	wireShort             = 2
	wireLong              = 3
	wireFloat             = 4
	wireDouble            = 5
	wireNull              = 6
	wireTimestamp         = 7
	wireLongLong          = 8
	wireInt24             = 9
	wireDate              = 10
	wireTime              = 11
	wireDateTime          = 12
	wireYear              = 13
	wireNewDate           = 14
	wireVarchar           = 15
	wireBit               = 16
	wireTimestamp2        = 17
	wireDateTime2         = 18
	wireTime2             = 19
	wireBlobCompressed    = 140
	wireVarcharCompressed = 141
	wireVector            = 242
	wireJSON              = 245
	wireNewDecimal        = 246
	wireEnum              = 247
	wireSet               = 248
	wireTinyBlob          = 249
	wireMediumBlob        = 250
	wireLongBlob          = 251
	wireBlob              = 252
	wireVarString         = 253
	wireString            = 254
	wireGeometry          = 255
)

// Width returns the length of the encoded cell at the start of src, which is part of a row image. The error says that the type is not known,
// or that the cell goes beyond src.
func Width(wire byte, meta uint16, src []byte) (int, error) {
	size, counted, err := layout(wire, meta)
	if err != nil {
		return 0, err
	}
	if len(src) < size {
		return 0, errShort
	}
	if counted {
		size += number(src[:size])
	}
	if size > len(src) {
		return 0, errShort
	}
	return size, nil
}

// layout returns the size of a cell, or that of the length which precedes it.
func layout(wire byte, meta uint16) (size int, counted bool, err error) {
	switch wire {
	case wireNull:
		return 0, false, nil
	case wireTiny, wireYear:
		return 1, false, nil
	case wireShort:
		return 2, false, nil
	case wireInt24, wireDate, wireTime, wireNewDate:
		return 3, false, nil
	case wireLong, wireFloat, wireTimestamp:
		return 4, false, nil
	case wireLongLong, wireDouble, wireDateTime:
		return 8, false, nil
	case wireTime2, wireTimestamp2, wireDateTime2:
		if meta > 6 {
			break
		}
		whole := 3
		switch wire {
		case wireTimestamp2:
			whole = 4
		case wireDateTime2:
			whole = 5
		}
		return whole + int(meta+1)/2, false, nil
	case wireNewDecimal:
		size, err := decimalSize(int(meta>>8), int(meta&0xff))
		return size, false, err
	case wireBit:
		if bits := int(meta>>8)*8 + int(meta&0xff); bits <= 64 {
			return (bits + 7) / 8, false, nil
		}
	case wireEnum, wireSet:
		return int(meta & 0xff), false, setSize(int(meta & 0xff))
	case wireString:
		if t := byte(meta >> 8); t == wireEnum || t == wireSet {
			return int(meta & 0xff), false, setSize(int(meta & 0xff))
		}
		// The two highest bits of the length are hidden in the type, turned over.
		if int(meta&0xff)|int(meta>>4&0x300^0x300) > 255 {
			return 2, true, nil
		}
		return 1, true, nil
	case wireVarchar, wireVarString, wireVarcharCompressed:
		if meta > 255 {
			return 2, true, nil
		}
		return 1, true, nil
	case wireTinyBlob, wireMediumBlob, wireLongBlob, wireBlob, wireBlobCompressed, wireJSON, wireGeometry, wireVector:
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
	if t := byte(c.Meta >> 8); c.Wire == wireString && (t == wireEnum || t == wireSet) {
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
		return []byte{wireTiny}
	case SmallInt:
		return []byte{wireShort}
	case MediumInt:
		return []byte{wireInt24}
	case Int:
		return []byte{wireLong}
	case BigInt:
		return []byte{wireLongLong}
	case Float:
		return []byte{wireFloat}
	case Double:
		return []byte{wireDouble}
	case Decimal:
		return []byte{wireNewDecimal}
	case Bit:
		return []byte{wireBit}
	case Year:
		return []byte{wireYear}
	case Date:
		return []byte{wireDate, wireNewDate}
	case Time:
		return []byte{wireTime, wireTime2}
	case DateTime:
		return []byte{wireDateTime, wireDateTime2}
	case Timestamp:
		return []byte{wireTimestamp, wireTimestamp2}
	case String, Binary, Blob:
		return []byte{wireVarchar, wireVarString, wireString, wireTinyBlob, wireMediumBlob, wireLongBlob, wireBlob, wireVarcharCompressed, wireBlobCompressed}
	case Enum:
		return []byte{wireEnum}
	case Set:
		return []byte{wireSet}
	case JSON:
		return []byte{wireJSON}
	case Point, Geometry:
		return []byte{wireGeometry}
	case Vector:
		return []byte{wireVector, wireVarchar, wireVarString, wireBlob}
	case UUID, INET4, INET6:
		return []byte{wireString}
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
