package document

import (
	"fmt"
	"strings"
)

// Path leads to a value inside a document, member by member.
type Path []string

// DotPath reads a path of names separated by dots, such as "customer.id".
func DotPath(text string) (Path, error) {
	p := Path(strings.Split(text, "."))
	for _, name := range p {
		if name == "" {
			return nil, fmt.Errorf("%q is not names separated by dots", text)
		}
	}
	return p, nil
}

// PointerPath reads a JSON Pointer (RFC 6901) into objects, such as "/customer/id".
func PointerPath(text string) (Path, error) {
	rest, ok := strings.CutPrefix(text, "/")
	if !ok {
		return nil, fmt.Errorf("%q is not a JSON Pointer: it begins with a slash, as in /customer/id", text)
	}
	p := Path(strings.Split(rest, "/"))
	for i, name := range p {
		p[i] = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
	}
	return p, nil
}

// String returns the names, separated by dots.
func (p Path) String() string { return strings.Join(p, ".") }

// Lookup returns the JSON of the value that a path leads to, nil when there is
// none. It is a part of the document.
func (p Path) Lookup(document []byte) []byte {
	for _, name := range p {
		var found []byte
		members(document, func(written, value []byte) bool {
			if named(written, name) {
				found = value
				return false
			}
			return true
		})
		if found == nil {
			return nil
		}
		document = found
	}
	return document
}

// scalar appends the text that a JSON value stands for, and tells whether it is
// a text, a number or a boolean; null and values with parts are not.
func scalar(dst, json []byte) ([]byte, bool) {
	if len(json) == 0 {
		return dst, false
	}
	switch json[0] {
	case '{', '[', 'n':
		return dst, false
	case '"':
		text, err := unquote(json)
		return append(dst, text...), err == nil
	}
	return append(dst, json...), true
}

// Text returns the text, number or boolean that a path leads to, as text.
func (p Path) Text(document []byte) (string, bool) {
	text, ok := scalar(nil, p.Lookup(document))
	return string(text), ok
}
