package convert

import (
	"bytes"
	"math"
	"math/big"
	"strconv"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// appendFloat appends a floating-point number of 32 or 64 bits as Java's Float.toString and Double.toString do: the
// shortest digits that read back as the same number, at least one of them after the point, with an exponent below 0.001
// and from 10000000 on.
func appendFloat(dst []byte, f float64, bits int) []byte {
	abs := math.Abs(f)
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case abs > math.MaxFloat64:
		if f < 0 {
			dst = append(dst, '-')
		}
		return append(dst, "Infinity"...)
	case abs < 1e7 && f == math.Trunc(f):
		if f == 0 && math.Signbit(f) {
			dst = append(dst, '-')
		}
		return append(strconv.AppendInt(dst, int64(f), 10), '.', '0')
	case abs >= 1e-3 && abs < 1e7:
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	return appendScientific(dst, f, bits)
}

func appendScientific(dst []byte, f float64, bits int) []byte {
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	if bytes.IndexByte(dst[from:], '.') < 0 {
		// One digit is enough, Java writes two: the nearest ones, which are not always "d.0" where floats are sparse.
		dst = strconv.AppendFloat(dst[:from], f, 'e', 1, bits)
	}
	e := from + bytes.IndexByte(dst[from:], 'e')
	exponent, _ := strconv.Atoi(view(dst[e+1:]))
	return strconv.AppendInt(append(dst[:e], 'E'), int64(exponent), 10)
}

// appendDecimal appends a decimal, given as the two's complement bytes of its unscaled number, as Java's
// BigDecimal.toString does: plain, with an exponent when the scale is negative or the number is below 0.000001.
func appendDecimal(dst, unscaled []byte, scale int) []byte {
	var room [24]byte
	digits := room[:0]
	if len(unscaled) <= 8 {
		digits = strconv.AppendInt(digits, int64Of(unscaled), 10)
	} else {
		digits = data.Unscaled(unscaled).Append(digits, 10)
	}
	if digits[0] == '-' {
		dst, digits = append(dst, '-'), digits[1:]
	}
	exponent := len(digits) - 1 - scale
	switch {
	case scale == 0:
		return append(dst, digits...)
	case scale < 0 || exponent < -6:
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(append(dst, '.'), digits[1:]...)
		}
		dst = append(dst, 'E')
		if exponent >= 0 {
			dst = append(dst, '+')
		}
		return strconv.AppendInt(dst, int64(exponent), 10)
	case len(digits) > scale:
		point := len(digits) - scale
		dst = append(append(dst, digits[:point]...), '.')
		return append(dst, digits[point:]...)
	}
	dst = append(dst, '0', '.')
	for range scale - len(digits) {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}

// int64Of reads at most eight bytes of two's complement.
func int64Of(b []byte) int64 {
	n := int64(0)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n = -1
	}
	for _, c := range b {
		n = n<<8 | int64(c)
	}
	return n
}

// literal is a JSON number taken apart: digits without the point, of which the last fraction ones are behind it, times
// ten to the exponent.
type literal struct {
	negative         bool
	whole, fraction  []byte
	exponent         int
	exponentTooLarge bool
}

// most bounds exponents and digits; what is beyond is nothing but a way to use up memory and time.
const most = 100_000

func parseLiteral(text []byte) literal {
	var n literal
	i := 0
	if text[0] == '-' {
		n.negative, i = true, 1
	}
	from := i
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	n.whole = text[from:i]
	if i < len(text) && text[i] == '.' {
		from = i + 1
		for i++; i < len(text) && isDigit(text[i]); i++ {
		}
		n.fraction = text[from:i]
	}
	if i < len(text) {
		i++
		minus := text[i] == '-'
		if minus || text[i] == '+' {
			i++
		}
		for ; i < len(text); i++ {
			if n.exponent = 10*n.exponent + int(text[i]-'0'); n.exponent > most {
				n.exponent, n.exponentTooLarge = most, true
			}
		}
		if minus {
			n.exponent = -n.exponent
		}
	}
	return n
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// integer returns the number without its fraction, modulo 2^64, as Java's BigDecimal.longValue does.
func (n literal) integer() int64 {
	u := uint64(0)
	at := 0
	point := len(n.whole) + n.exponent
	for ; at < min(point, len(n.whole)); at++ {
		u = 10*u + uint64(n.whole[at]-'0')
	}
	for k := 0; at < point && k < len(n.fraction); at, k = at+1, k+1 {
		u = 10*u + uint64(n.fraction[k]-'0')
	}
	// 10^64 is a multiple of 2^64.
	for zeros := min(point-at, 64); zeros > 0; zeros-- {
		u *= 10
	}
	if n.negative {
		u = -u
	}
	return int64(u)
}

// appendUnscaled appends the two's complement bytes of the number times ten to the scale; false when that is not a whole
// number, or beyond all sizes that decimals have.
func (n literal) appendUnscaled(dst []byte, scale int) ([]byte, bool) {
	power := scale + n.exponent - len(n.fraction)
	if len(n.whole)+len(n.fraction) <= 18 {
		if u, ok := n.shifted(power); ok {
			return data.AppendUnscaledInt64(dst, u), true
		}
	}
	if n.exponentTooLarge || power > most || power < -most || len(n.whole)+len(n.fraction) > most {
		return dst, false
	}
	u, _ := new(big.Int).SetString(string(n.whole)+string(n.fraction), 10)
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(power, -power))), nil)
	if power >= 0 {
		u.Mul(u, ten)
	} else {
		rest := new(big.Int)
		if u.QuoRem(u, ten, rest); rest.Sign() != 0 {
			return dst, false
		}
	}
	if n.negative {
		u.Neg(u)
	}
	return data.AppendUnscaled(dst, u), true
}

// shifted returns a number of at most 18 digits, without its point, times ten to the power; false when that is no
// number of 64 bits.
func (n literal) shifted(power int) (int64, bool) {
	u := int64(0)
	for _, c := range n.whole {
		u = 10*u + int64(c-'0')
	}
	for _, c := range n.fraction {
		u = 10*u + int64(c-'0')
	}
	if u == 0 {
		return 0, true
	}
	for ; power < 0; power++ {
		if u%10 != 0 {
			return 0, false
		}
		u /= 10
	}
	for ; power > 0; power-- {
		if u > math.MaxInt64/10 {
			return 0, false
		}
		u *= 10
	}
	if n.negative {
		u = -u
	}
	return u, true
}
