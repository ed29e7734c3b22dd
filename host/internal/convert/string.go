package convert

import (
	"fmt"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// charset is how text is written to Kafka.
type charset uint8

const (
	utf8Text charset = iota
	ascii
	latin1
)

// stringConverter is Kafka's StringConverter.
type stringConverter struct {
	use     Use
	charset charset
	writer  textWriter
}

func newString(s settings) (Converter, error) {
	c := &stringConverter{use: s.use}
	switch s.text("converter.encoding") {
	case "US-ASCII", "ASCII":
		c.charset = ascii
	case "ISO-8859-1", "ISO8859_1", "LATIN1":
		c.charset = latin1
	}
	return c, nil
}

func (c *stringConverter) FromConnect(a *Arena, _ string, v data.Value) ([]byte, error) {
	if isNull(v) {
		return nil, nil
	}
	text, err := c.writer.text(a, v)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written as text: %w; set %s to ByteArrayConverter or JsonConverter", c.use, err, c.use.setting(""))
	}
	if c.charset == utf8Text || isASCII(text) {
		return text, nil
	}
	limit := rune(utf8.RuneSelf - 1)
	if c.charset == latin1 {
		limit = 0xFF
	}
	from, buf := len(a.buf), a.buf
	for _, r := range view(text) {
		if r > limit {
			return nil, fmt.Errorf("%s has the character %q, which %s=%s cannot write; set it to UTF-8",
				c.use, r, c.use.setting("converter.encoding"), c.charset)
		}
		buf = append(buf, byte(r))
	}
	return a.cut(buf, from), nil
}

// String returns the name of the character set.
func (c charset) String() string { return [...]string{"UTF-8", "US-ASCII", "ISO-8859-1"}[c] }

func (c *stringConverter) ToConnect(a *Arena, _ string, b []byte) (data.Value, error) {
	switch {
	case c.charset == latin1 && !isASCII(b):
		from, buf := len(a.buf), a.buf
		for _, x := range b {
			buf = utf8.AppendRune(buf, rune(x))
		}
		b = a.cut(buf, from)
	case c.charset == ascii && !isASCII(b), c.charset == utf8Text && !utf8.Valid(b):
		what := foreign(b)
		if what == "" {
			what = "is not text in " + c.charset.String()
		}
		return data.Value{}, fmt.Errorf("%s %s, the converter is StringConverter; set %s to the converter that wrote it (ByteArrayConverter takes anything)",
			c.use, what, c.use.setting(""))
	}
	return data.Value{Kind: data.KindString, Data: b}, nil
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
