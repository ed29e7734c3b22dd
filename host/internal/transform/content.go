package transform

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// form is how a content is held.
type form uint8

const (
	whole   form = iota // as it came: v
	fields              // a struct, split into cells: schema, cells
	members             // a map without schema, split into entries: codec, entries
)

// content is a key or a value on its way through a chain. It is split when a transformation first looks inside, and joined
// at the end of the chain.
type content struct {
	form form
	v    data.Value

	schema *data.Schema
	cells  [][]byte // one a field of schema, in the row encoding; nil is null
	spare  [][]byte // room for the next cells

	in, out layouts // of what is split, and of what is joined

	codec   codec
	entries []entry
}

// entry is an entry of a map without schema whose key is a string.
type entry struct {
	name []byte // nil for a key that is no string
	raw  []byte // the key as the codec writes it
	val  []byte // the value as the codec writes it; nil is null
}

// set makes v the content.
func (c *content) set(v data.Value) { c.form, c.v = whole, v }

// setRow makes a struct's field, or another row, the content.
func (c *content) setRow(s *data.Schema, row []byte) { c.set(data.RowValue(s, row)) }

// isNull tells whether the content is null, with or without schema.
func (c *content) isNull() bool { return c.form == whole && isNull(c.v) }

func isNull(v data.Value) bool {
	switch {
	case v.Data == nil:
		return true
	case v.Kind == data.KindJSON:
		return len(v.Data) >= 4 && string(trimJSON(v.Data)) == "null"
	case v.Kind == data.KindRow && v.Schema.Type() == data.Any:
		return len(v.Data) == 1 && v.Data[0] == 0
	}
	return false
}

// schemaOf returns the schema, nil for what has none: null without schema, JSON, and values that carry their own type.
func (c *content) schemaOf() *data.Schema {
	switch {
	case c.form == fields:
		return c.schema
	case c.form == members:
		return nil
	}
	switch c.v.Kind {
	case data.KindString:
		if c.v.Data != nil {
			return data.StringSchema
		}
	case data.KindBytes:
		if c.v.Data != nil {
			return data.BytesSchema
		}
	case data.KindRow:
		if c.v.Schema.Type() != data.Any {
			return c.v.Schema
		}
	}
	return nil
}

// row returns a content with schema that is whole as a row of it; text and bytes are not rows yet.
func (c *content) row(a *Arena) []byte {
	if c.v.Data == nil || c.v.Kind == data.KindRow {
		return c.v.Data
	}
	from := len(a.buf)
	return a.cut(appendSized(a.buf, c.v.Data), from)
}

// bare returns a content without schema that is whole, or was joined, with the codec that reads it. A null is that of JSON.
func (c *content) bare(a *Arena) (codec, []byte, error) {
	v, err := c.join(a)
	switch {
	case err != nil:
		return 0, nil, err
	case v.Kind == data.KindRow:
		if isNull(v) {
			return anyCodec, nil, nil
		}
		return anyCodec, v.Data, nil
	case isNull(v):
		return jsonCodec, nil, nil
	}
	return jsonCodec, trimJSON(v.Data), nil
}

// split opens a struct or a map without schema; false for anything else, which stays whole.
func (c *content) split(a *Arena) (bool, error) {
	if c.form != whole {
		return true, nil
	}
	if c.isNull() {
		return false, nil
	}
	var err error
	switch c.v.Kind {
	case data.KindRow:
		switch c.v.Schema.Type() {
		case data.Struct:
			if c.cells, err = c.in.of(c.v.Schema).split(c.cells[:0], c.v.Data); err != nil {
				return false, err
			}
			c.form, c.schema = fields, c.v.Schema
			return true, nil
		case data.Any:
			if c.v.Data[0] != byte(data.Map) {
				return false, nil
			}
			if c.entries, err = splitAny(c.entries[:0], c.v.Data); err != nil {
				return false, err
			}
			c.form, c.codec = members, anyCodec
			return true, nil
		}
	case data.KindJSON:
		if i := space(c.v.Data, 0); i == len(c.v.Data) || c.v.Data[i] != '{' {
			return false, nil
		}
		if c.entries, a.buf, err = splitJSON(c.entries[:0], a.buf, c.v.Data); err != nil {
			return false, err
		}
		c.form, c.codec = members, jsonCodec
		return true, nil
	}
	return false, nil
}

// finished returns the first mistake of a row that was read to its end.
func finished(r *data.Reader, s *data.Schema) error {
	if err := r.Err(); err != nil {
		return fmt.Errorf("row of %v is damaged: %w", s, err)
	}
	if r.Rest() != 0 {
		return fmt.Errorf("row of %v is damaged: %d bytes too many", s, r.Rest())
	}
	return nil
}

// join returns the content as a value.
func (c *content) join(a *Arena) (data.Value, error) {
	switch c.form {
	case fields:
		from := len(a.buf)
		buf, err := c.out.of(c.schema).join(a.buf, c.cells)
		if err != nil {
			return data.Value{}, err
		}
		return data.RowValue(c.schema, a.cut(buf, from)), nil
	case members:
		from := len(a.buf)
		if c.codec == anyCodec {
			return data.RowValue(data.AnySchema, a.cut(joinAny(a.buf, c.entries), from)), nil
		}
		return data.JSONValue(a.cut(joinJSON(a.buf, c.entries), from)), nil
	}
	return c.v, nil
}

// fill puts the defaults of the schema in the place of nulls, as a Java Struct does when it is asked for a field.
func (c *content) fill(defaults []fieldDefault) { fill(c.cells, defaults) }

func fill(cells [][]byte, defaults []fieldDefault) {
	for _, d := range defaults {
		if cells[d.field] == nil {
			cells[d.field] = d.row
		}
	}
}

// fieldDefault is the default of a field that may be null.
type fieldDefault struct {
	field int
	row   []byte
}

// defaultsOf returns the defaults of a struct's fields that may be null.
func defaultsOf(s *data.Schema) []fieldDefault {
	var all []fieldDefault
	for i, f := range s.Fields() {
		if row, _ := f.Schema.Default(); row != nil && s.NullBit(i) >= 0 {
			all = append(all, fieldDefault{i, row})
		}
	}
	return all
}

// take makes a struct of other fields: field i of s is the cell take[i], null when that is negative.
func (c *content) take(s *data.Schema, take []int) {
	c.spare = c.spare[:0]
	for _, from := range take {
		if from < 0 {
			c.spare = append(c.spare, nil)
		} else {
			c.spare = append(c.spare, c.cells[from])
		}
	}
	c.schema, c.cells, c.spare = s, c.spare, c.cells
}

// find returns the position of the entry called name, -1 when there is none. Of several the last one counts.
func (c *content) find(name string) int {
	for i := len(c.entries) - 1; i >= 0; i-- {
		if e := &c.entries[i]; string(e.name) == name && e.name != nil {
			return i
		}
	}
	return -1
}

// once leaves one entry of each name, at the place of the first and with the value of the last, as a map would have it.
func once(entries []entry) []entry {
	kept := entries[:0]
	for _, e := range entries {
		if i := indexOf(kept, e.name); i >= 0 {
			kept[i].val = e.val
		} else {
			kept = append(kept, e)
		}
	}
	return kept
}

// indexOf returns the position of the first entry of a name, -1 when there is none.
func indexOf(entries []entry, name []byte) int {
	return slices.IndexFunc(entries, func(e entry) bool { return e.name != nil && bytes.Equal(e.name, name) })
}

// get returns the value of the entry called name, nil when it is null or missing.
func (c *content) get(name string) []byte {
	if i := c.find(name); i >= 0 {
		return c.entries[i].val
	}
	return nil
}

// put gives the entry called name a value, and makes it when it is missing.
func (c *content) put(n name, val []byte) {
	if i := c.find(n.text); i >= 0 {
		c.entries[i].val = val
		return
	}
	c.entries = append(c.entries, entry{n.bytes, n.raw[c.codec], val})
}

// remove takes the entries called name away.
func (c *content) remove(name string) {
	kept := c.entries[:0]
	for _, e := range c.entries {
		if e.name == nil || string(e.name) != name {
			kept = append(kept, e)
		}
	}
	c.entries = kept
}

// name is the name of an entry, ready to be written.
type name struct {
	text  string
	bytes []byte
	raw   [2][]byte // by codec
}

func newName(text string) name {
	return name{text, []byte(text), [2][]byte{jsonCodec: appendQuoted(nil, text), anyCodec: appendSized([]byte{byte(data.String)}, text)}}
}

// describe names what the content is, for messages.
func (c *content) describe() string {
	switch {
	case c.isNull():
		return "null"
	case c.form == fields:
		return c.schema.String()
	case c.form == members:
		return "a map without schema"
	}
	return describe(c.v)
}

func describe(v data.Value) string {
	switch v.Kind {
	case data.KindString:
		return "text"
	case data.KindBytes:
		return "bytes"
	case data.KindJSON:
		switch text := trimJSON(v.Data); {
		case len(text) == 0:
			return "empty JSON"
		case text[0] == '{':
			return "a JSON object without schema"
		case text[0] == '[':
			return "a JSON array without schema"
		case text[0] == '"':
			return "a JSON string without schema"
		}
		return "a JSON value without schema"
	case data.KindRow:
		if v.Schema.Type() == data.Any && len(v.Data) > 0 {
			return data.Type(v.Data[0]).String() + " without schema"
		}
		return v.Schema.String()
	}
	return "null"
}
