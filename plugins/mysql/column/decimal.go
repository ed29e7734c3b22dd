package column

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// The most digits that a DECIMAL has, and the most bytes as a text: a sign, a zero and a point with them.
const (
	maxDigits  = 65
	maxDecimal = maxDigits + 3
)

func decimalSchema(c *Codec) *data.Builder {
	switch c.options.Decimal {
	case DecimalDouble:
		return data.NewSchema(data.Float64)
	case DecimalString:
		return data.NewSchema(data.String)
	}
	return decimalBuilder(c.column.Length, c.column.Scale)
}

func decimalBuilder(precision, scale int) *data.Builder {
	return data.NewDecimal(scale).Version(1).Parameter("connect.decimal.precision", strconv.Itoa(precision))
}

// groupBytes is the size of a group of digits in the binary form.
var groupBytes = [10]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

// decimalSize returns the size of the binary form.
func decimalSize(precision, scale int) (int, error) {
	if precision < 1 || precision > maxDigits || scale < 0 || scale > precision {
		return 0, fmt.Errorf("DECIMAL(%d,%d) does not exist", precision, scale)
	}
	whole := precision - scale
	return whole/9*4 + groupBytes[whole%9] + scale/9*4 + groupBytes[scale%9], nil
}

// The binary form: groups of nine digits in four bytes, the incomplete group of the whole part first and that of the fraction last; big-endian,
// the highest bit turned over, of negative numbers all bits.
func decimalBinlog(c *Codec, w *data.Writer, src []byte) error {
	precision, scale := int(c.column.Meta>>8), int(c.column.Meta&0xff)
	if len(src) != c.size {
		return errLength
	}
	if c.options.Decimal == DecimalPrecise && precision <= 18 {
		v, ok := smallDecimal(src, precision, scale)
		if !ok {
			return errNumber
		}
		w.DecimalInt64(v)
		return nil
	}
	var b [maxDecimal]byte
	text, ok := decimalDigits(b[:0], src, precision, scale)
	if !ok {
		return errNumber
	}
	return decimalText(c, w, text)
}

// smallDecimal reads the binary form of a number of up to 18 digits, without its point.
func smallDecimal(src []byte, precision, scale int) (int64, bool) {
	flip := byte(0xff) // of a negative number
	if src[0]&0x80 != 0 {
		flip = 0
	}
	at := 0
	group := func(digits int) int64 {
		var v int64
		for range groupBytes[digits] {
			x := src[at] ^ flip
			if at == 0 {
				x ^= 0x80
			}
			v = v<<8 | int64(x)
			at++
		}
		return v
	}
	valid := true
	var v int64
	add := func(digits int) {
		g := group(digits)
		valid = valid && g < powers[digits]
		v = v*powers[digits] + g
	}
	whole := precision - scale
	if whole%9 > 0 {
		add(whole % 9)
	}
	for range whole / 9 {
		add(9)
	}
	for range scale / 9 {
		add(9)
	}
	if scale%9 > 0 {
		add(scale % 9)
	}
	if flip != 0 {
		v = -v
	}
	return v, valid
}

var powers = [10]int64{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000}

// decimalDigits appends the binary form as a text, as the servers show it. src has the size that precision and scale say.
func decimalDigits(dst, src []byte, precision, scale int) ([]byte, bool) {
	flip := byte(0xff)
	if src[0]&0x80 != 0 {
		flip = 0
	}
	at := 0
	group := func(digits int) uint32 {
		var v uint32
		for range groupBytes[digits] {
			x := src[at] ^ flip
			if at == 0 {
				x ^= 0x80
			}
			v = v<<8 | uint32(x)
			at++
		}
		return v
	}
	valid := true
	add := func(digits int) {
		v := int64(group(digits))
		valid = valid && v < powers[digits]
		for i := digits - 1; i >= 0; i-- {
			dst = append(dst, '0'+byte(v/powers[i]%10))
		}
	}
	if flip != 0 {
		dst = append(dst, '-')
	}
	from := len(dst)
	whole := precision - scale
	if whole%9 > 0 {
		add(whole % 9)
	}
	for range whole / 9 {
		add(9)
	}
	zeros := 0
	for from+zeros < len(dst)-1 && dst[from+zeros] == '0' {
		zeros++
	}
	dst = append(dst[:from], dst[from+zeros:]...)
	if whole == 0 {
		dst = append(dst, '0')
	}
	if scale > 0 {
		dst = append(dst, '.')
	}
	for range scale / 9 {
		add(9)
	}
	if scale%9 > 0 {
		add(scale % 9)
	}
	return dst, valid
}

// decimalText takes a number in plain notation. It may have fewer digits after the point than the scale, which counts as zeros.
func decimalText(c *Codec, w *data.Writer, src []byte) error {
	switch c.options.Decimal {
	case DecimalDouble:
		v, err := strconv.ParseFloat(view(src), 64)
		if err != nil {
			return errNumber
		}
		w.Float64(v)
		return nil
	case DecimalString:
		w.StringBytes(src)
		return nil
	}
	digits, negative := src, false
	if len(src) > 0 && src[0] == '-' {
		digits, negative = src[1:], true
	}
	whole, fraction, ok := countDigits(digits)
	if !ok || fraction > c.column.Scale || whole+c.column.Scale > maxDigits+1 { // one for the zero before the point
		return errNumber
	}
	if whole+c.column.Scale <= 18 {
		var v int64
		for _, d := range digits {
			if d != '.' {
				v = v*10 + int64(d-'0')
			}
		}
		for ; fraction < c.column.Scale; fraction++ {
			v *= 10
		}
		if negative {
			v = -v
		}
		w.DecimalInt64(v)
		return nil
	}
	var n wide
	for _, d := range digits {
		if d != '.' {
			n.shift(d - '0')
		}
	}
	for ; fraction < c.column.Scale; fraction++ {
		n.shift(0)
	}
	n.append(w, negative)
	return nil
}

// countDigits counts the digits before and after the point of a number without a sign.
func countDigits(text []byte) (whole, fraction int, ok bool) {
	point := false
	for _, d := range text {
		switch {
		case d == '.' && !point:
			point = true
		case d < '0' || d > '9':
			return 0, 0, false
		case point:
			fraction++
		default:
			whole++
		}
	}
	return whole, fraction, whole+fraction > 0
}

// wide is a number of 256 bits, the lowest first: 10^66 has 220.
type wide [4]uint64

// shift makes room for one more digit.
func (n *wide) shift(digit byte) {
	carry := uint64(digit)
	for i := range n {
		hi, lo := bits.Mul64(n[i], 10)
		var c uint64
		n[i], c = bits.Add64(lo, carry, 0)
		carry = hi + c
	}
}

// append writes the number as the shortest two's complement.
func (n *wide) append(w *data.Writer, negative bool) {
	if negative {
		carry := uint64(1)
		for i := range n {
			n[i], carry = bits.Add64(^n[i], 0, carry)
		}
	}
	var b [32]byte
	for i := range n {
		binary.BigEndian.PutUint64(b[24-8*i:], n[i])
	}
	from := 0
	for from < len(b)-1 && (b[from] == 0 && b[from+1] < 0x80 || b[from] == 0xff && b[from+1] >= 0x80) {
		from++
	}
	w.Bytes(b[from:])
}
