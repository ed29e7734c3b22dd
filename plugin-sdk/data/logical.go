package data

import (
	"fmt"
	"math/big"
	"strconv"
	"time"
)

// Names of Kafka Connect's logical types.
const (
	DecimalName   = "org.apache.kafka.connect.data.Decimal"
	DateName      = "org.apache.kafka.connect.data.Date"
	TimeName      = "org.apache.kafka.connect.data.Time"
	TimestampName = "org.apache.kafka.connect.data.Timestamp"
)

// DecimalScale is the parameter of a Decimal schema that holds its scale.
const DecimalScale = "scale"

// Schemas of the logical types that need no parameter.
var (
	DateSchema      = NewSchema(Int32).Name(DateName).Version(1).MustBuild()
	TimeSchema      = NewSchema(Int32).Name(TimeName).Version(1).MustBuild()
	TimestampSchema = NewSchema(Int64).Name(TimestampName).Version(1).MustBuild()

	OptionalDateSchema      = NewSchema(Int32).Name(DateName).Version(1).Optional().MustBuild()
	OptionalTimeSchema      = NewSchema(Int32).Name(TimeName).Version(1).Optional().MustBuild()
	OptionalTimestampSchema = NewSchema(Int64).Name(TimestampName).Version(1).Optional().MustBuild()
)

// NewDecimal starts a Decimal schema: BYTES with the parameter "scale".
func NewDecimal(scale int) *Builder {
	return NewSchema(Bytes).Name(DecimalName).Version(1).Parameter(DecimalScale, strconv.Itoa(scale))
}

// Scale returns the scale of a Decimal schema.
func (s *Schema) Scale() (int, error) {
	p, ok := s.Parameter(DecimalScale)
	if !ok {
		return 0, fmt.Errorf("schema %v has no parameter %q", s, DecimalScale)
	}
	n, err := strconv.Atoi(p)
	if err != nil {
		return 0, fmt.Errorf("schema %v: parameter %q is %q, not a number", s, DecimalScale, p)
	}
	return n, nil
}

// Decimal is an exact decimal number, Unscaled divided by ten to the power Scale.
type Decimal struct {
	Unscaled *big.Int
	Scale    int
}

// String returns the plain decimal notation with Scale digits after the point.
func (d Decimal) String() string {
	digits := new(big.Int).Abs(d.Unscaled).String()
	if d.Scale > 0 {
		for len(digits) <= d.Scale {
			digits = "0" + digits
		}
		digits = digits[:len(digits)-d.Scale] + "." + digits[len(digits)-d.Scale:]
	} else if d.Unscaled.Sign() != 0 {
		for range -d.Scale {
			digits += "0"
		}
	}
	if d.Unscaled.Sign() < 0 {
		return "-" + digits
	}
	return digits
}

// AppendUnscaled appends the shortest big-endian two's complement form of n, at
// least one byte, as Java's BigInteger.toByteArray does.
func AppendUnscaled(dst []byte, n *big.Int) []byte {
	if n.IsInt64() {
		return AppendUnscaledInt64(dst, n.Int64())
	}
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 {
		// The smallest size at which 2^(8*size-1) is not below |n|.
		size = new(big.Int).Not(n).BitLen()/8 + 1
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	at := len(dst)
	for range size {
		dst = append(dst, 0)
	}
	n.FillBytes(dst[at:])
	return dst
}

// AppendUnscaledInt64 is AppendUnscaled for numbers of 64 bits.
func AppendUnscaledInt64(dst []byte, n int64) []byte {
	size := 8
	for size > 1 {
		shift := uint(8*size - 9)
		if n>>shift != 0 && n>>shift != -1 {
			break
		}
		size--
	}
	for i := size - 1; i >= 0; i-- {
		dst = append(dst, byte(n>>(8*i)))
	}
	return dst
}

// Unscaled reads a big-endian two's complement number; no bytes are zero.
func Unscaled(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

// UnscaledInt64 is Unscaled for numbers of 64 bits; false when b is longer than these.
func UnscaledInt64(b []byte) (n int64, ok bool) {
	if len(b) > 8 {
		return 0, false
	}
	if len(b) > 0 && b[0]&0x80 != 0 {
		n = -1
	}
	for _, c := range b {
		n = n<<8 | int64(c)
	}
	return n, true
}

const day = 24 * time.Hour

// DateOf returns the days since the epoch of the date that t shows in UTC.
func DateOf(t time.Time) int32 {
	days := t.Unix() / 86400
	if t.Unix()%86400 < 0 {
		days--
	}
	return int32(days)
}

// TimeOfDay returns the milliseconds since midnight of a duration.
func TimeOfDay(d time.Duration) int32 { return int32((d % day) / time.Millisecond) }
