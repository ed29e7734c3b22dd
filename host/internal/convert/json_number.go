package convert

import (
	"math"
	"math/big"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

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
