package document

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// mostID is the longest id in bytes that servers take.
const mostID = 512

// AppendID appends the id that a record's key stands for: a text or a number as
// it is, a struct or an object of one member as that member. Several members are
// joined with |, with a backslash before | and \ inside them, so that different
// keys have different ids.
func (e *Encoder) AppendID(dst []byte, key data.Value) ([]byte, error) {
	if key.IsNull() {
		return dst, errors.New("the key is null and is to be the document's id: set key.ignore=true to make ids of topic, partition and offset")
	}
	from := len(dst)
	dst, err := e.appendKey(dst, key)
	switch id := dst[from:]; {
	case err != nil:
		return dst, fmt.Errorf("the key cannot be the document's id: %w; set key.ignore=true to make ids of topic, partition and offset", err)
	case len(id) == 0:
		return dst, errors.New("the key is empty and is to be the document's id: set key.ignore=true to make ids of topic, partition and offset")
	case len(id) > mostID:
		return dst, fmt.Errorf("the key makes an id of %d bytes, servers take %d: set key.ignore=true to make ids of topic, partition and offset", len(id), mostID)
	case !utf8.Valid(id):
		return dst, errors.New("the key is to be the document's id and is not UTF-8: set key.converter to the format of the topic's keys")
	}
	return dst, nil
}

func (e *Encoder) appendKey(dst []byte, key data.Value) ([]byte, error) {
	switch key.Kind {
	case data.KindRow:
		return e.appendRowKey(dst, key)
	case data.KindJSON:
		return appendJSONKey(dst, key.Data)
	}
	return append(dst, key.Data...), nil
}

func (e *Encoder) appendRowKey(dst []byte, key data.Value) ([]byte, error) {
	if key.Schema.Type() != data.Struct || isVariableDecimal(key.Schema) {
		return appendKeyPart(dst, key)
	}
	fields := &e.keyFields
	if err := fields.Index(key.Schema, key.Data); err != nil {
		return dst, err
	}
	n := fields.Len()
	if n == 0 {
		return dst, errors.New("it has no fields")
	}
	var err error
	for i := range n {
		if i > 0 {
			dst = append(dst, '|')
		}
		from := len(dst)
		if dst, err = appendKeyPart(dst, fields.Value(i)); err != nil {
			return dst, fmt.Errorf("field %s: %w", key.Schema.Fields()[i].Name, err)
		}
		if n > 1 {
			dst = escapePart(dst, from)
		}
	}
	return dst, nil
}

// appendKeyPart appends a value without parts, as a text that people read.
func appendKeyPart(dst []byte, v data.Value) ([]byte, error) {
	if v.IsNull() {
		return dst, errors.New("it is null")
	}
	var r data.Reader
	r.Reset(v.Data)
	switch s := v.Schema; {
	case s.Type() == data.Bytes && s.Name() == data.DecimalName:
		scale, err := s.Scale()
		if err != nil || scale > mostScale || scale < -mostScale {
			return dst, fmt.Errorf("its scale is none: %v", s)
		}
		dst = appendDecimal(dst, r.Bytes(), scale)
	case s.Type() == data.Bytes:
		quoted := appendBase64(nil, r.Bytes())
		dst = append(dst, quoted[1:len(quoted)-1]...)
	case s.Type() == data.String:
		dst = append(dst, r.Bytes()...)
	case s.Type() == data.Boolean:
		dst = strconv.AppendBool(dst, r.Bool())
	case s.Type() == data.Int8:
		dst = strconv.AppendInt(dst, int64(r.Int8()), 10)
	case s.Type() == data.Int16:
		dst = strconv.AppendInt(dst, int64(r.Int16()), 10)
	case s.Type() == data.Int32:
		dst = strconv.AppendInt(dst, int64(r.Int32()), 10)
	case s.Type() == data.Int64:
		dst = strconv.AppendInt(dst, r.Int64(), 10)
	default:
		return dst, fmt.Errorf("%v is not supported as the document id", s)
	}
	return dst, r.Err()
}

func appendJSONKey(dst, text []byte) ([]byte, error) {
	text = text[blank(text, 0):]
	if len(text) == 0 || text[0] != '{' {
		return appendJSONPart(dst, text)
	}
	n := 0
	members(text, func(_, _ []byte) bool { n++; return true })
	if n == 0 {
		return dst, errors.New("it has no members")
	}
	var err error
	begun := false
	members(text, func(name, value []byte) bool {
		if begun {
			dst = append(dst, '|')
		}
		begun = true
		from := len(dst)
		if dst, err = appendJSONPart(dst, value); err != nil {
			err = fmt.Errorf("member %s: %w", name, err)
			return false
		}
		if n > 1 {
			dst = escapePart(dst, from)
		}
		return true
	})
	return dst, err
}

func appendJSONPart(dst, json []byte) ([]byte, error) {
	for len(json) > 0 && blank(json[len(json)-1:], 0) == 1 {
		json = json[:len(json)-1]
	}
	dst, ok := scalar(dst, json)
	if !ok {
		return dst, errors.New("a JSON array, object or null is not supported as the document id")
	}
	return dst, nil
}

// escapePart puts a backslash before each | and \ of a part that begins at from.
func escapePart(dst []byte, from int) []byte {
	for i := from; i < len(dst); i++ {
		if dst[i] == '|' || dst[i] == '\\' {
			dst = append(dst, 0)
			copy(dst[i+1:], dst[i:])
			dst[i] = '\\'
			i++
		}
	}
	return dst
}
