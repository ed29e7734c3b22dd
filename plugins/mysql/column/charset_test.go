package column

import (
	"testing"
)

// The characters are what the servers answered.
func TestDecode(t *testing.T) {
	for name, c := range map[string]struct{ charset, bytes, want string }{
		"":                        {"utf8mb4", "\xf0\x9f\x8e\x89", "🎉"},
		"bytes":                   {"binary", "a\xff", "a\uFFFD"},
		"no name":                 {"", "abc", "abc"},
		"in capitals":             {"LATIN1", "\xe9", "é"},
		"latin1 is cp1252":        {"latin1", "\x80\x81", "€\u0081"},
		"tis620":                  {"tis620", "\xca", "ส"},
		"not in the charset":      {"greek", "\xd2", "?"},
		"swe7":                    {"swe7", "\x5b\x5d\x40", "ÄÅÉ"},
		"ucs2":                    {"ucs2", "\x6c\x34", "水"},
		"utf16 with a pair":       {"utf16", "\xd8\x34\xdd\x1e", "𝄞"},
		"utf16 with half of one":  {"utf16", "\xd8\x34\x00a", "?a"},
		"utf16le, cut":            {"utf16le", "\x34\x6c\x00", "水?"},
		"utf32":                   {"utf32", "\x00\x01\xd1\x1e", "𝄞"},
		"utf32 beyond Unicode":    {"utf32", "\x7f\x00\x00\x00", "?"},
		"sjis, its own backslash": {"sjis", "\x81\x5f", `\`},
		"cp932":                   {"cp932", "\x81\x5f", "＼"},
		"cp932, private":          {"cp932", "\xf0\x40\xf9\xfc", "\uE000\uE757"},
		"half a kana":             {"cp932", "\xb1", "ｱ"},
		"ujis of three bytes":     {"ujis", "\x8f\xb0\xa1a", "丂a"},
		"eucjpms":                 {"eucjpms", "\xad\xa1", "①"},
		"big5":                    {"big5", "\xa4\xa4\xa4\xe5", "中文"},
		"gbk, cut":                {"gbk", "\xd6\xd0\xce", "中?"},
		"gb18030 of four bytes":   {"gb18030", "\x94\x39\xfc\x36", "😀"},
		"gb18030, private":        {"gb18030", "\xa1\x40", "\uE4C6"},
		"euckr":                   {"euckr", "\xc7\xd1", "한"},
		"koi8u":                   {"koi8u", "\xa6", "і"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode(c.charset, []byte(c.bytes))
			if err != nil || got != c.want {
				t.Errorf("%q, %v; expected %q", got, err, c.want)
			}
		})
	}
	if _, err := Decode("klingon", nil); err == nil {
		t.Error("klingon is known")
	}
}
