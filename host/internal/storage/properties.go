package storage

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// properties is the value {"properties":{…}} of a connector or task record. The bytes are checked when they are read
// and decoded when somebody asks: a worker that starts reads every version of every configuration and needs few.
type properties struct {
	raw     []byte
	decoded atomic.Pointer[map[string]string]
}

// newProperties checks a record's value and keeps a copy of it.
func newProperties(value []byte) (*properties, error) {
	if err := checkObject(value); err != nil {
		return nil, err
	}
	var members []byte
	walk(value, func(key, value []byte) {
		if unquote(key) == "properties" {
			members = value
		}
	})
	if members == nil || members[0] != '{' {
		return nil, fmt.Errorf(`no object "properties" in %.100q`, value)
	}
	return &properties{raw: bytes.Clone(members)}, nil
}

// decode returns the properties in a map of the caller's own. A null is no property. A number or truth value that
// another writer left unquoted is its text.
func (p *properties) decode() map[string]string {
	if m := p.decoded.Load(); m != nil {
		return maps.Clone(*m)
	}
	m := map[string]string{}
	walk(p.raw, func(key, value []byte) {
		switch name := unquote(key); {
		case value[0] == '"':
			m[name] = unquote(value)
		case bytes.Equal(value, []byte("null")):
			delete(m, name)
		default:
			m[name] = string(value)
		}
	})
	p.decoded.Store(&m)
	return maps.Clone(m)
}

// encodeProperties writes a configuration in the form of Kafka's JsonConverter, its keys sorted.
// JSON cannot hold what is not UTF-8, and Invariant 5 forbids to write something else instead.
func encodeProperties(config map[string]string) ([]byte, error) {
	value := []byte(`{"properties":{`)
	for i, name := range slices.Sorted(maps.Keys(config)) {
		text := config[name]
		if !utf8.ValidString(name) || !utf8.ValidString(text) {
			return nil, fmt.Errorf("key %q or its value is not UTF-8; encode bytes as text, e.g. in base64", strings.ToValidUTF8(name, "\uFFFD"))
		}
		if i > 0 {
			value = append(value, ',')
		}
		value = append(appendQuoted(value, name), ':')
		value = appendQuoted(value, text)
	}
	return append(value, "}}"...), nil
}
