package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Partition names a part of a source that is read in order, such as a file or
// a table: a JSON object. Make it once and keep it. The zero Partition is none.
type Partition struct{ text string }

// NewPartition returns a partition of the given names and values in turn:
//
//	sdk.NewPartition("filename", path)
//
// It panics when that is not what it is given.
func NewPartition(namesAndValues ...any) Partition {
	return Partition{string(object(namesAndValues))}
}

// String returns the JSON text.
func (p Partition) String() string { return p.text }

// Offset is a position in a Partition: the text of a JSON object. A nil Offset is none.
type Offset []byte

// NewOffset returns an offset of the given names and values in turn; see NewPartition.
func NewOffset(namesAndValues ...any) Offset { return object(namesAndValues) }

// SourceOffset is a partition with its offset.
type SourceOffset struct {
	Partition Partition
	Offset    Offset
}

func object(namesAndValues []any) []byte {
	if len(namesAndValues)%2 != 0 {
		panic("sdk: a name without a value")
	}
	b := []byte{'{'}
	for i := 0; i < len(namesAndValues); i += 2 {
		name, ok := namesAndValues[i].(string)
		if !ok {
			panic(fmt.Sprintf("sdk: name %v is not a string", namesAndValues[i]))
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSON(b, name), ':')
		b = appendJSON(b, namesAndValues[i+1])
	}
	return append(b, '}')
}

func appendJSON(b []byte, v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("sdk: %v cannot be part of an offset: %v", v, err))
	}
	return append(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))...)
}

// Decode decodes the partition into a pointer to a struct or a map.
func (p Partition) Decode(v any) error { return json.Unmarshal([]byte(p.text), v) }

// Decode decodes the offset into a pointer to a struct or a map.
func (o Offset) Decode(v any) error { return json.Unmarshal(o, v) }

// Int64 returns the integer with the given name.
func (o Offset) Int64(name string) (int64, bool) {
	raw, ok := o.member(name)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	return n, err == nil
}

// Text returns the string with the given name.
func (o Offset) Text(name string) (string, bool) {
	raw, ok := o.member(name)
	if !ok {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

func (o Offset) member(name string) (json.RawMessage, bool) {
	if o == nil {
		return nil, false
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(o, &m) != nil {
		return nil, false
	}
	raw, ok := m[name]
	return raw, ok
}
