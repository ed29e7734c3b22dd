package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// mostNesting is the deepest nesting of JSON; servers refuse more than 1000.
const mostNesting = 1000

var errNesting = fmt.Errorf("it is nested deeper than %d", mostNesting)

// syntaxError says where text stops being JSON. It shows none of the text, which may be secret.
type syntaxError struct {
	at   int
	want string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("byte %d is not %s", e.at, e.want) }

// blank skips white space.
func blank(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// value returns the position behind the value that begins at i.
func value(b []byte, i, depth int) (int, error) {
	if i >= len(b) {
		return i, &syntaxError{i, "a value"}
	}
	switch c := b[i]; {
	case c == '"':
		return quoted(b, i)
	case c == '{':
		return object(b, i, depth, nil)
	case c == '[':
		return array(b, i, depth)
	case c == '-' || '0' <= c && c <= '9':
		return number(b, i)
	}
	for _, word := range []string{"true", "false", "null"} {
		if end := i + len(word); end <= len(b) && string(b[i:end]) == word {
			return end, nil
		}
	}
	return i, &syntaxError{i, "a value"}
}

// member is what is called with each member of an object: its name as it is written between the quotes, and its value.
// It returns false when it has seen enough.
type member func(name, value []byte) bool

// errEnough ends a scan before the end of the text.
var errEnough = errors.New("enough")

// object returns the position behind the object that begins at i.
func object(b []byte, i, depth int, visit member) (int, error) {
	if depth >= mostNesting {
		return i, errNesting
	}
	i = blank(b, i+1)
	if i < len(b) && b[i] == '}' {
		return i + 1, nil
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return i, &syntaxError{i, "the name of a member"}
		}
		end, err := quoted(b, i)
		if err != nil {
			return end, err
		}
		name := b[i+1 : end-1]
		if i = blank(b, end); i >= len(b) || b[i] != ':' {
			return i, &syntaxError{i, "a colon"}
		}
		i = blank(b, i+1)
		if end, err = value(b, i, depth+1); err != nil {
			return end, err
		}
		if visit != nil && !visit(name, b[i:end]) {
			return end, errEnough
		}
		more, next, err := separator(b, end, '}')
		if !more {
			return next, err
		}
		i = next
	}
}

func array(b []byte, i, depth int) (int, error) {
	if depth >= mostNesting {
		return i, errNesting
	}
	i = blank(b, i+1)
	if i < len(b) && b[i] == ']' {
		return i + 1, nil
	}
	for {
		end, err := value(b, i, depth+1)
		if err != nil {
			return end, err
		}
		more, next, err := separator(b, end, ']')
		if !more {
			return next, err
		}
		i = next
	}
}

// separator steps over a comma, or over the bracket that ends what it stands in.
func separator(b []byte, i int, end byte) (more bool, next int, err error) {
	i = blank(b, i)
	switch {
	case i < len(b) && b[i] == ',':
		return true, blank(b, i+1), nil
	case i < len(b) && b[i] == end:
		return false, i + 1, nil
	}
	return false, i, &syntaxError{i, "a comma or '" + string(end) + "'"}
}

func quoted(b []byte, i int) (int, error) {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, nil
		case c < ' ':
			return i, &syntaxError{i, "allowed inside a text"}
		case c == '\\':
			if i++; i >= len(b) {
				return i, &syntaxError{i, "an escape"}
			}
			switch b[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					if i++; i >= len(b) || !isHex(b[i]) {
						return i, &syntaxError{i, "a hexadecimal digit"}
					}
				}
			default:
				return i, &syntaxError{i, "an escape"}
			}
		}
	}
	return i, &syntaxError{i, "the end of a text"}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func number(b []byte, i int) (int, error) {
	if b[i] == '-' {
		i++
	}
	var ok bool
	if i < len(b) && b[i] == '0' {
		i++
	} else if i, ok = digits(b, i); !ok {
		return i, &syntaxError{i, "a digit"}
	}
	if i < len(b) && b[i] == '.' {
		if i, ok = digits(b, i+1); !ok {
			return i, &syntaxError{i, "a digit"}
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if i, ok = digits(b, i); !ok {
			return i, &syntaxError{i, "a digit"}
		}
	}
	return i, nil
}

func digits(b []byte, i int) (int, bool) {
	from := i
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i, i > from
}

// checkObject tells whether text is one JSON object and nothing else.
func checkObject(text []byte) error {
	i := blank(text, 0)
	if i >= len(text) || text[i] != '{' {
		return &syntaxError{i, "'{'"}
	}
	end, err := object(text, i, 0, nil)
	if err != nil {
		return err
	}
	if end = blank(text, end); end < len(text) {
		return &syntaxError{end, "the end"}
	}
	return nil
}

// members calls visit for the members of an object that is known to be JSON.
func members(text []byte, visit member) {
	if i := blank(text, 0); i < len(text) && text[i] == '{' {
		_, _ = object(text, i, 0, visit) // what is no JSON has no further members
	}
}

// firstName returns the name of the first member of an object, as it is written.
func firstName(text []byte) []byte {
	i := blank(text, 0)
	if i >= len(text) || text[i] != '{' {
		return nil
	}
	if i = blank(text, i+1); i >= len(text) || text[i] != '"' {
		return nil
	}
	end, err := quoted(text, i)
	if err != nil {
		return nil
	}
	return text[i+1 : end-1]
}

// named tells whether a name as it is written is the wanted one.
func named(written []byte, want string) bool {
	if bytes.IndexByte(written, '\\') < 0 {
		return string(written) == want
	}
	text, err := unquote(append(append([]byte{'"'}, written...), '"'))
	return err == nil && text == want
}

// unquote returns the text that a JSON string stands for.
func unquote(text []byte) (string, error) {
	if len(text) >= 2 && bytes.IndexByte(text, '\\') < 0 {
		return string(text[1 : len(text)-1]), nil
	}
	var s string
	err := json.Unmarshal(text, &s)
	return s, err
}
