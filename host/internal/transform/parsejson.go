package transform

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// jsonFields are the fields that ParseJson and FormatJson work on.
type jsonFields struct {
	target
	names []name // none: all of it
	fix   string
	plans bySchema[*rewritePlan]
}

// rewritePlan is what becomes of fields that get another schema.
type rewritePlan struct {
	schema *data.Schema
	fields []int
}

func newJSONFields(side side, s settings, doing string) jsonFields {
	f := jsonFields{target: target{side, s.prefix, doing}, fix: s.fix("fields")}
	for _, n := range s.list("fields") {
		f.names = append(f.names, newName(n))
	}
	return f
}

// plan gives the fields of a struct the schemas that to says.
func (f *jsonFields) plan(s *data.Schema, to func(data.Field) (*data.Schema, error)) (*rewritePlan, error) {
	p, err := f.plans.of(s, func(s *data.Schema) (*rewritePlan, error) { return rewrite(s, f.names, to) })
	if err != nil {
		return nil, fmt.Errorf("the %s: %w; correct %s", f.side, err, f.fix)
	}
	return p, nil
}

// entries puts what to makes of it in the place of each entry of a map without schema that is there and not null.
func (f *jsonFields) entries(c *content, to func(name string, val []byte) ([]byte, error)) error {
	for _, n := range f.names {
		at := c.find(n.text)
		if at < 0 || c.entries[at].val == nil {
			continue
		}
		val, err := to(n.text, c.entries[at].val)
		if err != nil {
			return err
		}
		c.entries[at].val = val
	}
	return nil
}

// parseJSONField is ParseJson: text that is JSON becomes a value without schema.
type parseJSONField struct{ jsonFields }

func newParseJSON(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		return built{transformation: &parseJSONField{newJSONFields(side, s, "parsing JSON in fields")}}, nil
	}
}

func (t *parseJSONField) apply(m *message) (bool, error) {
	c := t.of(m)
	if c.isNull() {
		return true, nil
	}
	if len(t.names) == 0 {
		return true, t.all(m, c)
	}
	c, err := t.split(m)
	if err != nil {
		return true, err
	}
	if c.form == members {
		return true, t.entries(c, func(name string, val []byte) ([]byte, error) { return t.entry(m.arena, c.codec, name, val) })
	}
	p, err := t.plan(c.schema, parsedSchema)
	if err != nil {
		return true, err
	}
	for _, at := range p.fields {
		if c.cells[at] == nil {
			continue
		}
		if c.cells[at], err = t.any(m.arena, text(c.cells[at])); err != nil {
			return true, fmt.Errorf("field %s of the %s: %w", c.schema.Fields()[at].Name, t.side, err)
		}
	}
	c.schema = p.schema
	return true, nil
}

// parsedSchema is the schema of a field whose text is parsed.
func parsedSchema(f data.Field) (*data.Schema, error) {
	if typ := f.Schema.Type(); typ != data.String && typ != data.Bytes {
		return nil, fmt.Errorf("field %s is %v, and JSON is text", f.Name, f.Schema)
	}
	return data.AnySchema, nil
}

// rewrite gives fields of a struct the schemas that to says.
func rewrite(s *data.Schema, names []name, to func(data.Field) (*data.Schema, error)) (*rewritePlan, error) {
	p := &rewritePlan{}
	b := likeStruct(s)
	if s.Optional() {
		b.Optional()
	}
	for i, f := range s.Fields() {
		for _, n := range names {
			if n.text != f.Name {
				continue
			}
			changed, err := to(f)
			if err != nil {
				return nil, err
			}
			f.Schema = changed
			p.fields = append(p.fields, i)
			break
		}
		b.Field(f.Name, f.Schema)
	}
	if len(p.fields) == 0 {
		return nil, unknownField(names[0].text, s)
	}
	var err error
	p.schema, err = b.Build()
	return p, err
}

// any returns JSON in the row encoding of ANY.
func (t *parseJSONField) any(a *Arena, b []byte) ([]byte, error) {
	tree, err := parseJSON(b)
	if err != nil {
		return nil, fmt.Errorf("the text %.100q: %w", b, err)
	}
	if tree == nil {
		return nil, nil
	}
	from := len(a.buf)
	buf, err := data.Encode(a.buf, data.AnySchema, tree)
	if err != nil {
		return nil, err
	}
	return a.cut(buf, from), nil
}

// entry parses an entry of a map without schema.
func (t *parseJSONField) entry(a *Arena, k codec, name string, val []byte) ([]byte, error) {
	v, err := k.read(a, val)
	switch {
	case err != nil:
	case v.typ != data.String && v.typ != data.Bytes:
		err = fmt.Errorf("it is %v, and JSON is text", v.typ)
	case k == anyCodec:
		val, err = t.any(a, v.b)
	default:
		_, err = parseJSON(v.b)
		if val = trimJSON(v.b); string(val) == "null" {
			val = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("field %s of the %s: %w; correct %s", name, t.side, err, t.fix)
	}
	return val, nil
}

// all makes JSON without schema of all of the content.
func (t *parseJSONField) all(m *message, c *content) error {
	var b []byte
	switch s := c.schemaOf(); {
	case s != nil && (s.Type() == data.String || s.Type() == data.Bytes) && c.v.Kind != data.KindRow:
		b = c.v.Data
	case s != nil && (s.Type() == data.String || s.Type() == data.Bytes && s.Name() != data.DecimalName):
		b = text(c.v.Data)
	case s == nil && c.form == whole && c.v.Kind == data.KindJSON:
		v, err := jsonCodec.read(m.arena, trimJSON(c.v.Data))
		if err != nil {
			return err
		}
		if v.typ != data.String {
			return nil // it is JSON already
		}
		b = v.b
	default:
		return fmt.Errorf("the %s is %s, and JSON is text; name the fields that are JSON in %sfields", t.side, c.describe(), t.prefix)
	}
	if _, err := parseJSON(b); err != nil {
		return fmt.Errorf("the %s: the text %.100q: %w", t.side, b, err)
	}
	c.set(data.JSONValue(trimJSON(b)))
	return nil
}

// formatJSON is FormatJson: a value becomes text that is JSON.
type formatJSON struct{ jsonFields }

func newFormatJSON(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		return built{transformation: &formatJSON{newJSONFields(side, s, "writing fields as JSON")}}, nil
	}
}

func (t *formatJSON) apply(m *message) (bool, error) {
	c := t.of(m)
	if c.isNull() {
		return true, nil
	}
	if len(t.names) == 0 {
		v, err := c.join(m.arena)
		if err != nil {
			return true, err
		}
		b, err := m.arena.json(v)
		if err != nil {
			return true, fmt.Errorf("the %s: %w", t.side, err)
		}
		c.set(data.Value{Kind: data.KindString, Data: b})
		return true, nil
	}
	c, err := t.split(m)
	if err != nil {
		return true, err
	}
	if c.form == members {
		return true, t.entries(c, func(name string, val []byte) ([]byte, error) { return t.entry(m.arena, c.codec, name, val) })
	}
	p, err := t.plan(c.schema, formattedSchema)
	if err != nil {
		return true, err
	}
	for _, at := range p.fields {
		if c.cells[at] == nil {
			continue
		}
		f := c.schema.Fields()[at]
		b, err := m.arena.json(data.RowValue(f.Schema, c.cells[at]))
		if err != nil {
			return true, fmt.Errorf("field %s of the %s: %w", f.Name, t.side, err)
		}
		from := len(m.arena.buf)
		c.cells[at] = m.arena.cut(appendSized(m.arena.buf, b), from)
	}
	c.schema = p.schema
	return true, nil
}

// json returns a value as JSON.
func (a *Arena) json(v data.Value) ([]byte, error) {
	from := len(a.buf)
	buf, err := appendJSON(a.buf, v)
	if err != nil {
		return nil, err
	}
	return a.cut(buf, from), nil
}

// formattedSchema is the schema of a field that becomes text.
func formattedSchema(f data.Field) (*data.Schema, error) {
	if f.Schema.Optional() {
		return data.OptionalStringSchema, nil
	}
	return data.StringSchema, nil
}

// entry writes an entry of a map without schema as JSON.
func (t *formatJSON) entry(a *Arena, k codec, name string, val []byte) ([]byte, error) {
	b, err := a.json(k.value(val))
	if err != nil {
		return nil, fmt.Errorf("field %s of the %s: %w", name, t.side, err)
	}
	from := len(a.buf)
	return a.cut(k.text(a.buf, b), from), nil
}
