package column

import (
	"encoding/hex"
	"net/netip"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// The types of MariaDB that are stored as BINARY, the zeros at their end left out.

func uuidSchema(*Codec) *data.Builder {
	return data.NewSchema(data.String).Name("io.debezium.data.Uuid").Version(1)
}

// fixedContent copies the bytes of such a value.
func (c *Codec) fixedContent(dst, src []byte) error {
	value, err := c.content(src, nil)
	if err != nil {
		return err
	}
	if len(value) > len(dst) {
		return errLength
	}
	copy(dst, value)
	return nil
}

func uuidBinlog(c *Codec, w *data.Writer, src []byte) error {
	var u [16]byte
	if err := c.fixedContent(u[:], src); err != nil {
		return err
	}
	var b [36]byte
	for _, part := range [...]struct{ at, from, to int }{{0, 0, 4}, {9, 4, 6}, {14, 6, 8}, {19, 8, 10}, {24, 10, 16}} {
		hex.Encode(b[part.at:], u[part.from:part.to])
	}
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	w.StringBytes(b[:])
	return nil
}

func inet4Binlog(c *Codec, w *data.Writer, src []byte) error {
	var a [4]byte
	if err := c.fixedContent(a[:], src); err != nil {
		return err
	}
	var b [15]byte
	w.StringBytes(netip.AddrFrom4(a).AppendTo(b[:0]))
	return nil
}

func inet6Binlog(c *Codec, w *data.Writer, src []byte) error {
	var a [16]byte
	if err := c.fixedContent(a[:], src); err != nil {
		return err
	}
	var b [48]byte
	w.StringBytes(appendINET6(b[:0], a))
	return nil
}

// appendINET6 writes an address as MariaDB does: the longest run of zero groups, the first of several, becomes ::, even one alone, and addresses
// that hold one of IPv4 show it.
func appendINET6(dst []byte, a [16]byte) []byte {
	var groups [8]uint16
	for i := range groups {
		groups[i] = uint16(a[2*i])<<8 | uint16(a[2*i+1])
	}
	from, length := -1, 0
	for i := 0; i < len(groups); i++ {
		n := 0
		for i+n < len(groups) && groups[i+n] == 0 {
			n++
		}
		if n > length {
			from, length = i, n
		}
		i += n
	}
	for i := 0; i < len(groups); i++ {
		if i == from {
			dst = append(dst, ':')
			if i == 0 {
				dst = append(dst, ':')
			}
			i += length - 1
			continue
		}
		if from == 0 && i == 6 && (length == 6 || length == 5 && groups[5] == 0xffff) {
			return netip.AddrFrom4([4]byte(a[12:])).AppendTo(dst)
		}
		dst = appendHex(dst, groups[i])
		if i < len(groups)-1 {
			dst = append(dst, ':')
		}
	}
	return dst
}

func appendHex(dst []byte, n uint16) []byte {
	const digits = "0123456789abcdef"
	for shift := 12; shift >= 0; shift -= 4 {
		if n>>shift != 0 || shift == 0 {
			dst = append(dst, digits[n>>shift&15])
		}
	}
	return dst
}
