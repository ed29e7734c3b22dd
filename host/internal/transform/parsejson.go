package transform

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// parseJSONField is ParseJson: text that is JSON becomes a value without schema.
type parseJSONField struct {
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

func newParseJSON(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		t := &parseJSONField{target: target{side, s.prefix, "parsing JSON in fields"}, fix: s.fix("fields")}
		for _, n := range s.list("fields") {
			t.names = append(t.names, newName(n))
		}
		return built{transformation: t}, nil
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
		return true, t.entries(m, c)
	}
	p, ok := t.plans.get(c.schema)
	if !ok {
		if p, err = rewrite(c.schema, t.names, func(f data.Field) (*data.Schema, error) {
			if typ := f.Schema.Type(); typ != data.String && typ != data.Bytes {
				return nil, fmt.Errorf("field %s is %v, and JSON is text", f.Name, f.Schema)
			}
			return data.AnySchema, nil
		}); err != nil {
			return true, fmt.Errorf("the %s: %w; correct %s", t.side, err, t.fix)
		}
		t.plans.put(c.schema, p)
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

// entries parses entries of a map without schema.
func (t *parseJSONField) entries(m *message, c *content) error {
	for _, n := range t.names {
		at := c.find(n.text)
		if at < 0 || c.entries[at].val == nil {
			continue
		}
		v, err := c.codec.read(m.arena, c.entries[at].val)
		switch {
		case err != nil:
		case v.typ != data.String && v.typ != data.Bytes:
			err = fmt.Errorf("it is %v, and JSON is text", v.typ)
		case c.codec == anyCodec:
			c.entries[at].val, err = t.any(m.arena, v.b)
		default:
			_, err = parseJSON(v.b)
			if val := trimJSON(v.b); string(val) == "null" {
				c.entries[at].val = nil
			} else {
				c.entries[at].val = val
			}
		}
		if err != nil {
			return fmt.Errorf("field %s of the %s: %w; correct %s", n.text, t.side, err, t.fix)
		}
	}
	return nil
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
type formatJSON struct {
	target
	names []name // none: all of it
	fix   string
	plans bySchema[*rewritePlan]
}

func newFormatJSON(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		t := &formatJSON{target: target{side, s.prefix, "writing fields as JSON"}, fix: s.fix("fields")}
		for _, n := range s.list("fields") {
			t.names = append(t.names, newName(n))
		}
		return built{transformation: t}, nil
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
		return true, t.entries(m, c)
	}
	p, ok := t.plans.get(c.schema)
	if !ok {
		if p, err = rewrite(c.schema, t.names, func(f data.Field) (*data.Schema, error) {
			if f.Schema.Optional() {
				return data.OptionalStringSchema, nil
			}
			return data.StringSchema, nil
		}); err != nil {
			return true, fmt.Errorf("the %s: %w; correct %s", t.side, err, t.fix)
		}
		t.plans.put(c.schema, p)
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

// entries writes entries of a map without schema as JSON.
func (t *formatJSON) entries(m *message, c *content) error {
	for _, n := range t.names {
		at := c.find(n.text)
		if at < 0 || c.entries[at].val == nil {
			continue
		}
		b, err := m.arena.json(c.codec.value(c.entries[at].val))
		if err != nil {
			return fmt.Errorf("field %s of the %s: %w", n.text, t.side, err)
		}
		from := len(m.arena.buf)
		c.entries[at].val = m.arena.cut(c.codec.text(m.arena.buf, b), from)
	}
	return nil
}
