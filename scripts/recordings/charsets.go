package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// keepCharsets asks a server what its character sets are in Unicode and stores it for package column: all of those of one byte, and of the
// others what the server reads otherwise than the encodings of golang.org/x/text. Bytes without a character are '?', as in the server's answers.
func (s *server) keepCharsets(ctx context.Context, file string) error {
	var out strings.Builder
	out.WriteString("# Made by scripts/recordings from what the server answers. A character set of one byte: its 256 characters.\n" +
		"# Else characters that golang.org/x/text reads otherwise: the bytes of the first, what the server reads, and how many follow each other so.\n")
	singles, err := s.query(ctx, "SELECT character_set_name AS name FROM information_schema.character_sets WHERE maxlen = 1 AND character_set_name <> 'binary' ORDER BY 1")
	if err != nil {
		return err
	}
	for _, row := range singles {
		name := row["NAME"].(string)
		texts := make([]string, 256)
		for b := range texts {
			texts[b] = fmt.Sprintf("%02x", b)
		}
		runes, err := s.decode(ctx, name, texts)
		if err != nil {
			return err
		}
		for i, r := range runes {
			if r == 0 && i > 0 {
				runes[i] = '?'
			}
		}
		fmt.Fprintf(&out, "%s %s\n", name, strconv.QuoteToASCII(string(runes)))
	}
	type prefix struct{ charset, bytes string }
	encodings := map[string]encoding.Encoding{
		"gb2312": simplifiedchinese.GBK, "gbk": simplifiedchinese.GBK, "gb18030": simplifiedchinese.GB18030, "big5": traditionalchinese.Big5, "euckr": korean.EUCKR,
		"sjis": japanese.ShiftJIS, "cp932": japanese.ShiftJIS, "ujis": japanese.EUCJP, "eucjpms": japanese.EUCJP,
	}
	for _, p := range []prefix{
		{"big5", ""}, {"cp932", ""}, {"eucjpms", ""}, {"eucjpms", "8f"}, {"euckr", ""}, {"gb18030", ""}, {"gb2312", ""}, {"gbk", ""}, {"sjis", ""}, {"ujis", ""}, {"ujis", "8f"},
	} {
		r := span{charset: p.charset}
		for lead := 0x80; lead < 0x100; lead++ {
			texts := make([]string, 256)
			for trail := range texts {
				texts[trail] = fmt.Sprintf("%s%02x%02x", p.bytes, lead, trail)
			}
			runes, err := s.decode(ctx, p.charset, texts)
			if err != nil {
				return err
			}
			for i, c := range runes {
				if c == 0 || c == '?' {
					continue // not a character of the set
				}
				n, err := strconv.ParseUint(texts[i], 16, 32)
				if err != nil {
					return err
				}
				raw := []byte{byte(n >> 16), byte(n >> 8), byte(n)}[3-len(texts[i])/2:]
				theirs, err := encodings[p.charset].NewDecoder().Bytes(raw)
				if err != nil {
					return err
				}
				if string(theirs) != string(c) {
					r.add(&out, texts[i], n, c)
				}
			}
		}
		r.end(&out)
	}
	return os.WriteFile(file, []byte(out.String()), 0o644)
}

// A span is a run of characters whose bytes and whose numbers follow each other.
type span struct {
	charset, bytes string
	first          uint64
	char           rune
	count          int
}

func (s *span) add(out *strings.Builder, text string, n uint64, c rune) {
	if s.count > 0 && n == s.first+uint64(s.count) && c == s.char+rune(s.count) {
		s.count++
		return
	}
	s.end(out)
	s.bytes, s.first, s.char, s.count = text, n, c, 1
}

func (s *span) end(out *strings.Builder) {
	if s.count > 0 {
		fmt.Fprintf(out, "%s %s %04X %d\n", s.charset, s.bytes, s.char, s.count)
	}
	s.count = 0
}

// decode returns the characters of some encoded texts, 0 for what is not one.
func (s *server) decode(ctx context.Context, charset string, texts []string) ([]rune, error) {
	var list []string
	for _, t := range texts {
		list = append(list, "HEX(CONVERT(CONVERT(UNHEX('"+t+"') USING "+charset+") USING utf32))")
	}
	answers := make([]sql.NullString, len(texts))
	into := make([]any, len(texts))
	for i := range answers {
		into[i] = &answers[i]
	}
	if err := s.db.QueryRowContext(ctx, "SELECT "+strings.Join(list, ", ")).Scan(into...); err != nil {
		return nil, err
	}
	runes := make([]rune, len(texts))
	for i, a := range answers {
		if len(a.String) == 8 {
			n, err := strconv.ParseUint(a.String, 16, 32)
			if err != nil {
				return nil, err
			}
			runes[i] = rune(n)
		}
	}
	return runes, nil
}
