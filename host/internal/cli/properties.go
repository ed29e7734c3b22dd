package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/magiconair/properties"
)

// readProperties reads a file in the syntax of Java's properties. Bytes that are not UTF-8 are read as ISO-8859-1, as Java
// does. ${…} is left alone: it belongs to configuration providers. Of a key that is there twice, the last value counts.
func readProperties(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err // names the path
	}
	values, err := parseProperties(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

func parseProperties(text []byte) (map[string]string, error) {
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, errors.New("it contains NUL bytes, so it is no properties file (UTF-16? save it as UTF-8)")
	}
	encoding := properties.UTF8
	if !utf8.Valid(text) {
		encoding = properties.ISO_8859_1
	}
	loader := properties.Loader{Encoding: encoding, DisableExpansion: true}
	p, err := loader.LoadBytes(lines(text))
	if err != nil {
		return nil, fmt.Errorf("it is no properties file: %s", strings.TrimPrefix(err.Error(), "properties: "))
	}
	values := p.Map()
	// The parser makes two unreadable characters of a \u escape that is half of one; they must not pass for the value.
	if !bytes.Contains(text, []byte("\uFFFD")) {
		for key, value := range values {
			if strings.ContainsRune(key, utf8.RuneError) || strings.ContainsRune(value, utf8.RuneError) {
				return nil, fmt.Errorf(`key %s: \uD800 to \uDFFF escapes cannot be read; write the character itself, in UTF-8`, key)
			}
		}
	}
	return values, nil
}

// lines ends every line with a newline, the last one too: the parser continues a line only over "\\\n", and takes a
// backslash at the very end for a mistake, where Java does neither.
func lines(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n"))
	return append(text, '\n')
}
