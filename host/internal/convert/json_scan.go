package convert

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// deepest is the deepest nesting of JSON without schema, as in Kafka's JSON library.
const deepest = 1000

// syntaxError tells where a text stops being JSON.
type syntaxError struct {
	at      int
	problem string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.problem, e.at) }

// unexpected is the error of b having something else than wanted at i.
func unexpected(b []byte, i int, wanted string) error {
	if i >= len(b) {
		return &syntaxError{i, "the text ends where " + wanted + " should come"}
	}
	return &syntaxError{i, fmt.Sprintf("%q instead of %s", b[i], wanted)}
}

// Every function below works on a text that is valid UTF-8.

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// space returns the position of the first byte from i on that is not white space.
func space(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// ordinary returns the position of the first byte from i on that means something in a JSON string: a quote, a
// backslash, a control character. It looks at eight bytes at once.
func ordinary(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := special(binary.LittleEndian.Uint64(b[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 {
		i++
	}
	return i
}

// ordinaryASCII is ordinary that also stops at bytes that are not ASCII.
func ordinaryASCII(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		if m := special(x) | x&highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= 0x20 && b[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// special sets the top bit of each of eight bytes that is a quote, a backslash or a control character. A byte that is
// zero, or below 0x20, borrows from its top bit; a borrow may also reach the byte above, so that only the lowest bit is
// sure to be right, which is the one asked for.
func special(x uint64) uint64 {
	quote, backslash := x^('"'*ones), x^('\\'*ones)
	return ((quote-ones)&^quote | (backslash-ones)&^backslash | (x-0x20*ones)&^x) & highs
}

// skipString returns the end of the string that begins with a quote at i, behind its closing quote, and whether it has
// escapes.
func skipString(b []byte, i int) (end int, escaped bool, err error) {
	for i++; ; {
		i = ordinary(b, i)
		if i >= len(b) {
			return i, escaped, unexpected(b, i, "a closing quote")
		}
		switch b[i] {
		case '"':
			return i + 1, escaped, nil
		case '\\':
			escaped = true
			n := escapeLen(b[i:])
			if n == 0 {
				return i, escaped, &syntaxError{i, "an escape that JSON does not have"}
			}
			i += n
		default:
			return i, escaped, unexpected(b, i, "a character of a string (control characters need an escape)")
		}
	}
}

// escapeLen returns the length of the escape that b begins with, 0 when there is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads the escape \uXXXX that b begins with.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// appendUnescaped appends the text that a valid string with escapes, given without its quotes, stands for. Half a
// surrogate pair, which no text can hold, becomes U+FFFD.
func appendUnescaped(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			j := ordinary(s, i)
			dst = append(dst, s[i:j]...)
			i = j
			continue
		}
		switch c := s[i+1]; c {
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
			r, _ := hex4(s[i:])
			if utf16.IsSurrogate(r) {
				low, _ := hex4(s[i+6:])
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
			i += 4
		default:
			dst = append(dst, c)
		}
		i += 2
	}
	return dst
}

// skipNumber returns the end of the number that begins at i, and whether it has zeros in front, which JSON does not
// allow and Kafka reads.
func skipNumber(b []byte, i int) (end int, zeros bool, err error) {
	if b[i] == '-' {
		i++
	}
	from := i
	if i = skipDigits(b, i); i == from {
		return i, false, unexpected(b, i, "a digit")
	}
	zeros = i > from+1 && b[from] == '0'
	if i < len(b) && b[i] == '.' {
		from = i + 1
		if i = skipDigits(b, from); i == from {
			return i, zeros, unexpected(b, i, "a digit")
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from = i
		if i = skipDigits(b, from); i == from {
			return i, zeros, unexpected(b, i, "a digit")
		}
	}
	return i, zeros, nil
}

func skipDigits(b []byte, i int) int {
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i
}

// skipWord returns the end of the word that should begin at i.
func skipWord(b []byte, i int, word string) (int, error) {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return i, unexpected(b, i, "a value")
	}
	return i + len(word), nil
}

// skipValue returns the end of the value that begins at i after white space, and whether a number in it has zeros in
// front. It reads each byte once and does not call itself.
func skipValue(b []byte, i int) (end int, zeros bool, err error) {
	var objects [deepest/64 + 1]uint64 // a bit for each level that is open: set for an object
	depth := 0
	for {
		// A value comes next.
		if i = space(b, i); i >= len(b) {
			return i, zeros, unexpected(b, i, "a value")
		}
		switch c := b[i]; {
		case c == '"':
			if end := ordinary(b, i+1); end < len(b) && b[end] == '"' {
				i = end + 1
			} else {
				i, _, err = skipString(b, i)
			}
		case c == '{' || c == '[':
			if depth == deepest {
				return i, zeros, &syntaxError{i, fmt.Sprintf("a value that is nested deeper than %d", deepest)}
			}
			i = space(b, i+1)
			if i < len(b) && b[i] == c+2 { // the closing bracket of both
				i++
				break
			}
			if c == '[' {
				objects[depth/64] &^= 1 << (depth % 64)
				depth++
				continue
			}
			objects[depth/64] |= 1 << (depth % 64)
			depth++
			if i, err = skipName(b, i); err != nil {
				return i, zeros, err
			}
			continue
		case c == '-' || isDigit(c):
			var z bool
			i, z, err = skipNumber(b, i)
			zeros = zeros || z
		case c == 't':
			i, err = skipWord(b, i, "true")
		case c == 'f':
			i, err = skipWord(b, i, "false")
		case c == 'n':
			i, err = skipWord(b, i, "null")
		default:
			err = unexpected(b, i, "a value")
		}
		if err != nil {
			return i, zeros, err
		}
		// A value has ended: close what ends with it.
		for {
			if depth == 0 {
				return i, zeros, nil
			}
			if i = space(b, i); i >= len(b) {
				return i, zeros, unexpected(b, i, "a comma or a closing bracket")
			}
			object := objects[(depth-1)/64]&(1<<((depth-1)%64)) != 0
			if b[i] == ',' {
				i++
				if object {
					if i, err = skipName(b, space(b, i)); err != nil {
						return i, zeros, err
					}
				}
				break
			}
			if object && b[i] != '}' || !object && b[i] != ']' {
				return i, zeros, unexpected(b, i, "a comma or a closing bracket")
			}
			i++
			depth--
		}
	}
}

// skipName returns the position behind the name and the colon of a member that begins at i.
func skipName(b []byte, i int) (int, error) {
	if i >= len(b) || b[i] != '"' {
		return i, unexpected(b, i, "the name of a member")
	}
	if end := ordinary(b, i+1); end+1 < len(b) && b[end] == '"' && b[end+1] == ':' {
		return end + 2, nil
	}
	i, _, err := skipString(b, i)
	if err != nil {
		return i, err
	}
	if i = space(b, i); i >= len(b) || b[i] != ':' {
		return i, unexpected(b, i, "a colon")
	}
	return i + 1, nil
}

// appendNormal appends a valid JSON text without the zeros in front of its numbers.
func appendNormal(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		c := text[i]
		end := i + 1
		switch {
		case c == '"':
			end, _, _ = skipString(text, i)
		case c == '-' || isDigit(c):
			end, _, _ = skipNumber(text, i)
			if c == '-' {
				dst = append(dst, c)
				i++
			}
			for text[i] == '0' && i+1 < end && isDigit(text[i+1]) {
				i++
			}
		}
		dst = append(dst, text[i:end]...)
		i = end
	}
	return dst
}

// members calls f for every member of the object that text is; text is valid JSON.
func members(text []byte, f func(name string, value []byte) error) error {
	for i := space(text, 1); text[i] != '}'; {
		end, _, _ := skipString(text, i)
		name := string(appendUnescaped(nil, text[i+1:end-1]))
		from := space(text, space(text, end)+1)
		end, _, _ = skipValue(text, from)
		if err := f(name, text[from:end]); err != nil {
			return err
		}
		if i = space(text, end); text[i] == ',' {
			i = space(text, i+1)
		}
	}
	return nil
}

// elements calls f for every element of the array that text is; text is valid JSON.
func elements(text []byte, f func(value []byte) error) error {
	for i := space(text, 1); text[i] != ']'; {
		end, _, _ := skipValue(text, i)
		if err := f(text[i:end]); err != nil {
			return err
		}
		if i = space(text, end); text[i] == ',' {
			i = space(text, i+1)
		}
	}
	return nil
}
