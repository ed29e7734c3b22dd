package column

import (
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func bitSchema(c *Codec) *data.Builder {
	if c.column.Length <= 1 {
		return data.NewSchema(data.Boolean)
	}
	return data.NewSchema(data.Bytes).Name("io.debezium.data.Bits").Version(1).Parameter("length", strconv.Itoa(c.column.Length))
}

// bitValue reads the big-endian bytes of both protocols; Debezium's Bits are little-endian.
func bitValue(c *Codec, w *data.Writer, src []byte) error {
	if len(src) != (max(c.column.Length, 1)+7)/8 {
		return errLength
	}
	if c.Schema.Type() == data.Boolean {
		w.Bool(src[0] != 0)
		return nil
	}
	var b [8]byte
	for i, x := range src {
		b[len(src)-1-i] = x
	}
	w.Bytes(b[:len(src)])
	return nil
}

// bitLiteral turns b'101' into the bytes of a value.
func bitLiteral(text string, length int) (string, bool) {
	inside, ok := strings.CutPrefix(strings.ToLower(text), "b'")
	base := 2
	if !ok {
		inside, base = text, 10
	}
	v, err := strconv.ParseUint(strings.TrimSuffix(inside, "'"), base, 64)
	if err != nil {
		return "", false
	}
	n := (max(length, 1) + 7) / 8
	b := make([]byte, n)
	for i := n - 1; i >= 0; i-- {
		b[i] = byte(v)
		v >>= 8
	}
	return string(b), true
}
