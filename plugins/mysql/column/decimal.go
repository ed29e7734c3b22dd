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

// groups takes the groups of digits off the binary form, the highest first.
type groups struct {
	src          []byte
	flip         [2]byte // of the first byte, of the others
	whole, scale int     // digits to come before and after the point
	invalid      bool    // a group had more digits than it may
}

// readGroups starts with a number whose size is what precision and scale say.
func readGroups(src []byte, precision, scale int) groups {
	g := groups{src: src, whole: precision - scale, scale: scale, flip: [2]byte{0x80, 0}}
	if src[0]&0x80 == 0 {
		g.flip = [2]byte{0x7f, 0xff}
	}
	return g
}

func (g *groups) negative() bool { return g.flip[1] != 0 }

// next returns a group and how many digits it has; 0: there is none.
func (g *groups) next() (v int64, digits int) {
	switch {
	case g.whole > 0:
		if digits = g.whole % 9; digits == 0 {
			digits = 9
		}
		g.whole -= digits
	default:
		digits = min(9, g.scale)
		g.scale -= digits
	}
	size := groupBytes[digits]
	for _, b := range g.src[:size] {
		v = v<<8 | int64(b^g.flip[0])
		g.flip[0] = g.flip[1]
	}
	g.src = g.src[size:]
	g.invalid = g.invalid || v >= powers[digits]
	return v, digits
}

// smallDecimal reads the binary form of a number of up to 18 digits, without its point.
func smallDecimal(src []byte, precision, scale int) (n int64, ok bool) {
	g := readGroups(src, precision, scale)
	for v, digits := g.next(); digits > 0; v, digits = g.next() {
		n = n*powers[digits] + v
	}
	if g.negative() {
		n = -n
	}
	return n, !g.invalid
}

var powers = [10]int64{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000}

// decimalDigits appends the binary form as a text, as the servers show it. src has the size that precision and scale say.
func decimalDigits(dst, src []byte, precision, scale int) (text []byte, ok bool) {
	g := readGroups(src, precision, scale)
	if g.negative() {
		dst = append(dst, '-')
	}
	from := len(dst)
	for g.whole > 0 {
		dst = g.appendNext(dst)
	}
	zeros := 0
	for from+zeros < len(dst)-1 && dst[from+zeros] == '0' {
		zeros++
	}
	dst = append(dst[:from], dst[from+zeros:]...)
	if len(dst) == from {
		dst = append(dst, '0')
	}
	if scale > 0 {
		dst = append(dst, '.')
	}
	for g.scale > 0 {
		dst = g.appendNext(dst)
	}
	return dst, !g.invalid
}

func (g *groups) appendNext(dst []byte) []byte {
	v, digits := g.next()
	for digits--; digits >= 0; digits-- {
		dst = append(dst, '0'+byte(v/powers[digits]%10))
	}
	return dst
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
