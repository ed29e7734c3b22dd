package transform

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON without schema is split into members; their values stay text. What nobody looks into is not checked either: it goes
// out as it came in.

var errJSON = errors.New("it is not JSON")

func notJSON(at int, wanted string) error {
	return fmt.Errorf("%w: %s is missing at byte %d", errJSON, wanted, at)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func isDigit(c byte) bool { return c-'0' <= 9 }

// space returns the position of the first byte from i on that is not white space.
func space(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// trimJSON cuts the white space around a text.
func trimJSON(b []byte) []byte {
	i, end := space(b, 0), len(b)
	for end > i && isSpace(b[end-1]) {
		end--
	}
	return b[i:end:end]
}

// skipString returns the position behind the string whose opening quote is at i, and whether it has escapes.
func skipString(b []byte, i int) (end int, escaped bool, err error) {
	from := i + 1
	for at := from; ; {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return len(b), escaped, notJSON(len(b), "a closing quote")
		}
		end = at + n
		back := end
		for back > from && b[back-1] == '\\' {
			back--
		}
		if !escaped {
			escaped = back < end || bytes.IndexByte(b[at:end], '\\') >= 0
		}
		at = end + 1
		if (end-back)%2 == 0 {
			return at, escaped, nil
		}
	}
}

// skipValue returns the position behind the value that begins at i.
func skipValue(b []byte, i int) (int, error) {
	if i >= len(b) {
		return i, notJSON(i, "a value")
	}
	switch c := b[i]; {
	case c == '"':
		end, _, err := skipString(b, i)
		return end, err
	case c != '{' && c != '[':
		from := i
		for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] != '"' && b[i] != '{' && b[i] != '[' && b[i] != ':' && !isSpace(b[i]) {
			i++
		}
		if i == from {
			return i, notJSON(i, "a value")
		}
		return i, nil
	}
	for depth := 0; i < len(b); {
		switch b[i] {
		case '"':
			end, _, err := skipString(b, i)
			if err != nil {
				return end, err
			}
			i = end
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, nil
			}
		}
		i++
	}
	return i, notJSON(i, "a closing bracket")
}

// hex4 reads the escape \uXXXX that b begins with, -1 when there is none.
func hex4(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case isDigit(c):
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// appendUnescaped appends the text that a string, given without its quotes, stands for. Half a surrogate pair, which no
// text can hold, becomes U+FFFD.
func appendUnescaped(dst, s []byte) ([]byte, error) {
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			dst = append(dst, s[i])
			continue
		}
		if i++; i == len(s) {
			return dst, notJSON(i, "the rest of an escape")
		}
		switch c := s[i]; c {
		case '"', '\\', '/':
			dst = append(dst, c)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(s[i-1:])
			if r < 0 {
				return dst, notJSON(i, "four hexadecimal digits")
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low := hex4(s[i+1:])
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			return dst, notJSON(i, "an escape that JSON has")
		}
	}
	return dst, nil
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends a text as a JSON string.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}

// splitJSON appends the members of the JSON object that text is. Names with escapes are written to buf.
func splitJSON(entries []entry, buf, text []byte) ([]entry, []byte, error) {
	i := space(text, 0) + 1
	if i = space(text, i); i < len(text) && text[i] == '}' {
		return entries, buf, end(text, i)
	}
	for {
		if i >= len(text) || text[i] != '"' {
			return entries, buf, notJSON(i, "the name of a member")
		}
		e := entry{}
		after, escaped, err := skipString(text, i)
		if err != nil {
			return entries, buf, err
		}
		e.raw, e.name = text[i:after:after], text[i+1:after-1:after-1]
		if escaped {
			from := len(buf)
			if buf, err = appendUnescaped(buf, e.name); err != nil {
				return entries, buf, err
			}
			e.name = buf[from:len(buf):len(buf)]
		}
		if i = space(text, after); i >= len(text) || text[i] != ':' {
			return entries, buf, notJSON(i, "a colon")
		}
		i = space(text, i+1)
		if after, err = skipValue(text, i); err != nil {
			return entries, buf, err
		}
		if e.val = text[i:after:after]; string(e.val) == "null" {
			e.val = nil
		}
		entries = append(entries, e)
		i = space(text, after)
		switch {
		case i < len(text) && text[i] == ',':
			i = space(text, i+1)
		case i < len(text) && text[i] == '}':
			return entries, buf, end(text, i)
		default:
			return entries, buf, notJSON(i, "a comma or a closing bracket")
		}
	}
}

// end checks that the bracket at i is the last of a text.
func end(text []byte, i int) error {
	if i = space(text, i+1); i < len(text) {
		return fmt.Errorf("%w: there is text behind the object at byte %d", errJSON, i)
	}
	return nil
}

// joinJSON appends the object of entries.
func joinJSON(dst []byte, entries []entry) []byte {
	dst = append(dst, '{')
	for i, e := range entries {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, e.raw...), ':')
		if e.val == nil {
			dst = append(dst, "null"...)
		} else {
			dst = append(dst, e.val...)
		}
	}
	return append(dst, '}')
}

// appendSized appends bytes behind their length, as rows have them.
func appendSized[T string | []byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}
