package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
)

// isJSON tells whether a Content-Type is that of JSON, with or without charset.
func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && media == "application/json"
}

// readObject reads a body that must be a JSON object. Of a member that is there twice the last one counts.
func readObject(c echo.Context, example string) (map[string]json.RawMessage, error) {
	text, err := readBody(c, example)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, badRequest("%s", wrongJSON(text, err, example))
	}
	if members == nil {
		return nil, badRequest("The request body is null. It must be a JSON object such as %s.", example)
	}
	if at := loneSurrogate(text); at >= 0 {
		return nil, badRequest("The request body escapes half of a surrogate pair, %s, which is no character, at %s.", text[at:at+6], position(text, at))
	}
	return members, nil
}

// fieldsOf refuses members that an object does not have: of a mistyped one nobody would learn.
func fieldsOf(members map[string]json.RawMessage, where string, fields ...string) error {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(fields, name) {
			return badRequest("Unrecognized field %q in %s. Its fields are %s.", name, where, strings.Join(fields, " and "))
		}
	}
	return nil
}

// readBody reads a whole body, UTF-8 and not empty.
func readBody(c echo.Context, example string) ([]byte, error) {
	if err := checkMedia(c); err != nil {
		return nil, err
	}
	body, err := readAll(c)
	if err != nil {
		return nil, err
	}
	text := bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // some editors and shells begin UTF-8 with a mark
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, badRequest("The request has no body. It needs a JSON object such as %s.", example)
	}
	if at := invalidUTF8(text); at >= 0 {
		return nil, badRequest("The request body is not valid UTF-8: byte 0x%02x at %s.", text[at], position(text, at))
	}
	return text, nil
}

// checkMedia refuses a body that does not say that it is JSON.
func checkMedia(c echo.Context) error {
	r := c.Request()
	if isJSON(r.Header.Get(echo.HeaderContentType)) {
		return nil
	}
	if n, _ := io.ReadFull(r.Body, make([]byte, 1)); n > 0 {
		return notJSON(r)
	}
	return nil
}

func notJSON(r *http.Request) error {
	return refusal(http.StatusUnsupportedMediaType, "HTTP 415 Unsupported Media Type: the Content-Type of the body is %q. "+
		"Send JSON with the header Content-Type: application/json.", r.Header.Get(echo.HeaderContentType))
}

// keptBody is the key under which a context has the body of a request once it was read.
const keptBody = "body"

// readAll reads a whole body, which may be empty, and keeps it for those who read it again.
func readAll(c echo.Context) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, maxBody))
	if err != nil {
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			return nil, refusal(http.StatusRequestEntityTooLarge, "The request body is larger than %d MiB.", maxBody>>20)
		}
		return nil, badRequest("The request body could not be read to its end: %v.", err)
	}
	setReadDeadline(c, time.Time{})
	c.Set(keptBody, body)
	return body, nil
}

// read is the body of a request, nil when nobody has read it.
func read(c echo.Context) []byte {
	body, _ := c.Get(keptBody).([]byte)
	return body
}

// readAgain has the body of a request read once more.
func readAgain(c echo.Context) {
	if body := read(c); body != nil {
		c.Request().Body = io.NopCloser(bytes.NewReader(body))
	}
}

// invalidUTF8 returns where a text stops being UTF-8, or -1. encoding/json would replace such bytes without a word.
func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// wrongJSON says where and why a body is not the JSON object that it should be.
func wrongJSON(text []byte, err error, example string) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at := min(int(syntax.Offset), len(text))
		if at > 0 && !strings.Contains(syntax.Error(), "end of JSON") {
			at-- // the offset counts the byte that is wrong
		}
		return fmt.Sprintf("The request body is not valid JSON: %v, at %s.", syntax, position(text, at))
	case errors.As(err, &kind):
		return fmt.Sprintf("The request body is a JSON %s. It must be an object such as %s.", kind.Value, example)
	default:
		return fmt.Sprintf("The request body is not valid JSON: %v.", err)
	}
}

// position names a place of a text as editors do, both numbers from 1.
func position(text []byte, offset int) string {
	before := text[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d (byte offset %d)", line, column, offset)
}

// stringOf is the text of a member that must be a string; null counts as none, and so does a member that is not there.
func stringOf(raw json.RawMessage, field string) (string, error) {
	var s *string
	if raw == nil {
		return "", nil
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", badRequest("The field %q of the request body must be a string; it is %s.", field, kindOf(raw))
	}
	if s == nil {
		return "", nil
	}
	return *s, nil
}

// configOf is a configuration, in which a null value is a nil.
func configOf(members map[string]json.RawMessage) (map[string]*string, error) {
	values := make(map[string]*string, len(members))
	for _, key := range slices.Sorted(maps.Keys(members)) { // sorted, so that the same request has the same error
		raw := members[key]
		if string(raw) == "null" {
			values[key] = nil
			continue
		}
		value, err := valueOf(raw, key)
		if err != nil {
			return nil, err
		}
		values[key] = &value
	}
	return values, nil
}

// valueOf is the text of a value of a configuration: numbers and booleans stay as they are written.
func valueOf(raw json.RawMessage, key string) (string, error) {
	switch raw[0] {
	case '"':
		return stringOf(raw, key)
	case '{', '[':
		return "", badRequest("The value of configuration %q must be a string, a number or a boolean; it is %s. "+
			"Lists are written as one string with commas.", key, kindOf(raw))
	default:
		return string(raw), nil
	}
}

// withoutNulls is a configuration that is stored as it is.
func withoutNulls(values map[string]*string) (map[string]string, error) {
	config := make(map[string]string, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if values[key] == nil {
			return nil, badRequest("Invalid value null for configuration %s: Null value can not be supplied as the configuration value. "+
				"Leave the key out, or give it a string.", key)
		}
		config[key] = *values[key]
	}
	return config, nil
}

// loneSurrogate returns where a JSON text escapes half of a surrogate pair, which is no character, or -1. encoding/json would
// replace it without a word.
func loneSurrogate(text []byte) int {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		start := i
		unit, ok := escapedUnit(text[i:])
		if i++; !ok { // an escape of one character
			continue
		}
		i += 4
		if !utf16.IsSurrogate(unit) {
			continue
		}
		low, _ := escapedUnit(text[i+1:])
		if utf16.DecodeRune(unit, low) == utf8.RuneError {
			return start
		}
		i += 6
	}
	return -1
}

// escapedUnit reads \uXXXX at the start of a text.
func escapedUnit(text []byte) (unit rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}

// kindOf names the kind of a JSON value.
func kindOf(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}
