package storage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// The internal topics hold JSON as Kafka's JsonConverter writes it without schemas. It is read piecewise, so that
// what nobody asks for is never decoded, and written as Jackson writes it, so that Kafka Connect finds equal bytes.

var (
	errNotJSON   = errors.New("not a JSON text in UTF-8")
	errNotObject = errors.New("not a JSON object")
)

// checkObject tells whether text is one valid JSON object, which walk relies on.
func checkObject(text []byte) error {
	if !json.Valid(text) || !utf8.Valid(text) {
		return errNotJSON
	}
	if bytes.TrimLeft(text, " \t\r\n")[0] != '{' {
		return errNotObject
	}
	return nil
}

// walk calls fn with each member of a JSON object (key in its quotes) or element of an array (key nil), in order.
// text is valid JSON and starts with the bracket, blanks before it aside.
func walk(text []byte, fn func(key, value []byte)) {
	i := skipBlank(text, 0) + 1
	object := text[i-1] == '{'
	for {
		i = skipBlank(text, i)
		switch text[i] {
		case '}', ']':
			return
		case ',':
			i++
			continue
		}
		var key []byte
		if object {
			end := endOfValue(text, i)
			key = text[i:end]
			i = skipBlank(text, skipBlank(text, end)+1) // past the colon
		}
		end := endOfValue(text, i)
		fn(key, text[i:end])
		i = end
	}
}

func skipBlank(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n') {
		i++
	}
	return i
}

// endOfValue returns the index after the JSON value that starts at i.
func endOfValue(text []byte, i int) int {
	switch text[i] {
	case '"':
		for i++; text[i] != '"'; i++ {
			if text[i] == '\\' {
				i++
			}
		}
		return i + 1
	case '{', '[':
		for depth := 0; ; i++ {
			switch text[i] {
			case '"':
				i = endOfValue(text, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	default:
		for i < len(text) && !bytes.ContainsRune([]byte(",}] \t\r\n"), rune(text[i])) {
			i++
		}
		return i
	}
}

// unquote returns the text of a valid JSON string in its quotes.
func unquote(quoted []byte) string {
	if !bytes.ContainsRune(quoted, '\\') {
		return string(quoted[1 : len(quoted)-1])
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		panic("storage: unquote was given " + err.Error())
	}
	return s
}

// appendQuoted appends s as Jackson quotes it: escaped are quotes, backslashes, control characters, and what Java
// holds in two chars. s is valid UTF-8.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendEscaped(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			dst = fmt.Appendf(dst, `\u%04X\u%04X`, high, low)
		} else {
			dst = append(dst, s[i:i+size]...)
		}
		i += size
	}
	return append(dst, '"')
}

// appendEscaped appends one character of ASCII.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\t':
		return append(dst, `\t`...)
	case '\n':
		return append(dst, `\n`...)
	case '\f':
		return append(dst, `\f`...)
	case '\r':
		return append(dst, `\r`...)
	}
	if c < ' ' {
		return fmt.Appendf(dst, `\u%04X`, c)
	}
	return append(dst, c)
}

// appendCompact appends valid JSON without blanks between its tokens; spelling and order stay.
func appendCompact(dst, text []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		panic("storage: appendCompact was given " + err.Error())
	}
	return append(dst, b.Bytes()...)
}

// appendCanonical appends the one form that equal JSON values share: members sorted, the last of equal ones kept,
// no blanks, strings escaped alike. Numbers stay as they are written: 1 and 1.0 are different values to Java.
func appendCanonical(dst, text []byte) []byte {
	text = text[skipBlank(text, 0):]
	switch text[0] {
	case '"':
		return appendQuoted(dst, unquote(text[:endOfValue(text, 0)]))
	case '[':
		dst = append(dst, '[')
		first := true
		walk(text, func(_, value []byte) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendCanonical(dst, value)
		})
		return append(dst, ']')
	case '{':
		members := map[string][]byte{}
		names := []string{}
		walk(text, func(key, value []byte) {
			name := unquote(key)
			if _, again := members[name]; !again {
				names = append(names, name)
			}
			members[name] = value
		})
		slices.Sort(names)
		dst = append(dst, '{')
		for i, name := range names {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, name), ':')
			dst = appendCanonical(dst, members[name])
		}
		return append(dst, '}')
	default:
		return append(dst, text[:endOfValue(text, 0)]...)
	}
}
