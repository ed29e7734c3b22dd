package column

import (
	_ "embed" // charsets.txt
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// Decode turns a text in one of the servers' character sets into UTF-8, as the servers convert it.
func Decode(charset string, text []byte) (string, error) {
	c, err := charsetOf(charset)
	if err != nil {
		return "", err
	}
	return string(c.decode(nil, text)), nil
}

// charset reads texts of a character set.
type charset struct {
	ascii bool // bytes below 0x80 mean what they do in ASCII, if all of a text are such
	utf8  bool
	// decode appends a text in UTF-8; what is no character becomes '?', as in the text protocol.
	decode func(dst, src []byte) []byte
}

// plain tells whether a text is in UTF-8 as it is.
func (c *charset) plain(text []byte) bool {
	if c.utf8 {
		return utf8.Valid(text)
	}
	return c.ascii && isASCII(text)
}

func isASCII(text []byte) bool {
	for len(text) >= 8 {
		if binary.LittleEndian.Uint64(text)&0x8080808080808080 != 0 {
			return false
		}
		text = text[8:]
	}
	for _, b := range text {
		if b >= 0x80 {
			return false
		}
	}
	return true
}

func charsetOf(name string) (*charset, error) {
	name = strings.ToLower(name)
	switch name {
	case "", "binary", "utf8mb4", "utf8", "utf8mb3":
		return &charset{utf8: true, decode: repair}, nil
	case "ucs2", "utf16":
		return &charset{decode: func(dst, src []byte) []byte { return decodeUTF16(dst, src, binary.BigEndian) }}, nil
	case "utf16le":
		return &charset{decode: func(dst, src []byte) []byte { return decodeUTF16(dst, src, binary.LittleEndian) }}, nil
	case "utf32":
		return &charset{decode: decodeUTF32}, nil
	}
	t := charsetTables()
	if runes, ok := t.single[name]; ok {
		return single(runes), nil
	}
	if e, ok := multiByte(name); ok {
		return multi(e, t.exceptions[name]), nil
	}
	return nil, fmt.Errorf("character set %q is not known", name)
}

func decodeUTF16(dst, src []byte, order binary.ByteOrder) []byte {
	for ; len(src) >= 2; src = src[2:] {
		r := rune(order.Uint16(src))
		if utf16.IsSurrogate(r) && len(src) >= 4 {
			if pair := utf16.DecodeRune(r, rune(order.Uint16(src[2:]))); pair != utf8.RuneError {
				r, src = pair, src[2:]
			}
		}
		dst = appendRune(dst, r)
	}
	if len(src) > 0 {
		dst = append(dst, '?')
	}
	return dst
}

func decodeUTF32(dst, src []byte) []byte {
	for ; len(src) >= 4; src = src[4:] {
		dst = appendRune(dst, rune(binary.BigEndian.Uint32(src)))
	}
	if len(src) > 0 {
		dst = append(dst, '?')
	}
	return dst
}

func appendRune(dst []byte, r rune) []byte {
	if !utf8.ValidRune(r) {
		return append(dst, '?')
	}
	return utf8.AppendRune(dst, r)
}

// single is a character set of one byte.
func single(runes []rune) *charset {
	ascii := true
	for i, r := range runes[:0x80] {
		ascii = ascii && r == rune(i)
	}
	return &charset{ascii: ascii, decode: func(dst, src []byte) []byte {
		for _, b := range src {
			dst = utf8.AppendRune(dst, runes[b])
		}
		return dst
	}}
}

func multiByte(name string) (encoding.Encoding, bool) {
	switch name {
	case "gbk", "gb2312":
		return simplifiedchinese.GBK, true
	case "gb18030":
		return simplifiedchinese.GB18030, true
	case "big5":
		return traditionalchinese.Big5, true
	case "euckr":
		return korean.EUCKR, true
	case "sjis", "cp932":
		return japanese.ShiftJIS, true
	case "ujis", "eucjpms":
		return japanese.EUCJP, true
	}
	return nil, false
}

// multi is a character set of several bytes: an encoding with exceptions, by their bytes.
func multi(e encoding.Encoding, exceptions map[string]rune) *charset {
	return &charset{ascii: true, decode: func(dst, src []byte) []byte {
		decoder := e.NewDecoder()
		var b [8]byte
		for len(src) > 0 {
			if src[0] < 0x80 {
				dst = append(dst, src[0])
				src = src[1:]
				continue
			}
			if r, n := exception(exceptions, src); n > 0 {
				dst = utf8.AppendRune(dst, r)
				src = src[n:]
				continue
			}
			// The shortest start that is a character: the encodings have none that begins with another.
			taken := 0
			for n := 1; n <= min(4, len(src)) && taken == 0; n++ {
				decoder.Reset()
				if size, used, err := decoder.Transform(b[:], src[:n], true); err == nil && used == n {
					if r, width := utf8.DecodeRune(b[:size]); width == size && r != utf8.RuneError {
						dst = append(dst, b[:size]...)
						taken = n
					}
				}
			}
			if taken == 0 {
				dst = append(dst, '?')
				taken = 1
			}
			src = src[taken:]
		}
		return dst
	}}
}

func exception(exceptions map[string]rune, src []byte) (r rune, n int) {
	for n := 2; n <= min(3, len(src)); n++ {
		if r, ok := exceptions[string(src[:n])]; ok {
			return r, n
		}
	}
	return 0, 0
}

//go:embed charsets.txt
var charsetsText string

// tables is charsets.txt.
type tables struct {
	single     map[string][]rune
	exceptions map[string]map[string]rune
}

var charsetTables = sync.OnceValue(func() tables {
	t := tables{map[string][]rune{}, map[string]map[string]rune{}}
	for line := range strings.Lines(charsetsText) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case name == "#":
		case strings.HasPrefix(rest, `"`):
			text, err := strconv.Unquote(rest)
			if err != nil {
				panic("column: charsets.txt: " + line)
			}
			t.single[name] = []rune(text)
		default:
			if t.exceptions[name] == nil {
				t.exceptions[name] = map[string]rune{}
			}
			var first, count uint32
			var r rune
			if _, err := fmt.Sscanf(rest, "%x %X %d", &first, &r, &count); err != nil {
				panic("column: charsets.txt: " + line)
			}
			width := strings.IndexByte(rest, ' ') / 2
			for i := range count {
				var b [4]byte
				binary.BigEndian.PutUint32(b[:], first+i)
				t.exceptions[name][string(b[4-width:])] = r + rune(i)
			}
		}
	}
	return t
})
