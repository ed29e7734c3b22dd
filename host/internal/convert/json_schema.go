package convert

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// jsonType returns the name of a type in schemas written as JSON.
func jsonType(t data.Type) string {
	switch t {
	case data.Int8:
		return "int8"
	case data.Int16:
		return "int16"
	case data.Int32:
		return "int32"
	case data.Int64:
		return "int64"
	case data.Float32:
		return "float"
	case data.Float64:
		return "double"
	case data.Boolean:
		return "boolean"
	case data.String:
		return "string"
	case data.Bytes:
		return "bytes"
	case data.Array:
		return "array"
	case data.Map:
		return "map"
	case data.Struct:
		return "struct"
	}
	return ""
}

// appendSchema writes the schema of a plan as JSON; field is the name that it has in a struct, nil outside of one.
func (w *jsonWriter) appendSchema(dst []byte, p *plan, field []byte) ([]byte, error) {
	s := p.schema
	if p.typ == data.Any {
		if field != nil {
			return dst, errors.New("values that carry their own type have no schema in JSON; set schemas.enable=false")
		}
		return append(dst, "null"...), nil
	}
	t := texts{dst: dst}
	t.raw(`{"type":"`, jsonType(p.typ), `"`)
	var err error
	switch p.typ {
	case data.Array:
		t.raw(`,"items":`)
		t.dst, err = w.appendSchema(t.dst, p.elem, nil)
	case data.Map:
		t.raw(`,"keys":`)
		if t.dst, err = w.appendSchema(t.dst, p.key, nil); err == nil {
			t.raw(`,"values":`)
			t.dst, err = w.appendSchema(t.dst, p.elem, nil)
		}
	case data.Struct:
		t.raw(`,"fields":[`)
		for i, f := range s.Fields() {
			if i > 0 {
				t.raw(",")
			}
			if t.dst, err = w.appendSchema(t.dst, p.fields[i].plan, []byte(f.Name)); err != nil {
				return dst, within(err, f.Name)
			}
		}
		t.raw("]")
	}
	if err != nil {
		return dst, err
	}
	t.raw(`,"optional":`, strconv.FormatBool(s.Optional()))
	if s.Name() != "" {
		t.raw(`,"name":`)
		t.text(s.Name())
	}
	if version, ok := s.Version(); ok {
		t.raw(`,"version":`, strconv.Itoa(int(version)))
	}
	if s.Doc() != "" {
		t.raw(`,"doc":`)
		t.text(s.Doc())
	}
	for i, param := range s.Parameters() {
		if i == 0 {
			t.raw(`,"parameters":{`)
		} else {
			t.raw(",")
		}
		t.text(param.Key)
		t.raw(":")
		t.text(param.Value)
	}
	if len(s.Parameters()) > 0 {
		t.raw("}")
	}
	if row, _ := s.Default(); row != nil {
		t.raw(`,"default":`)
		if t.dst, err = w.append(t.dst, p, row); err != nil {
			return dst, err
		}
	}
	if field != nil {
		t.raw(`,"field":`)
		t.text(string(field))
	}
	t.raw("}")
	return t.dst, t.err
}

// texts collects texts and keeps the first mistake.
type texts struct {
	dst []byte
	err error
}

func (t *texts) raw(parts ...string) {
	for _, p := range parts {
		t.dst = append(t.dst, p...)
	}
}

func (t *texts) text(s string) {
	var err error
	if t.dst, err = appendText(t.dst, []byte(s)); err != nil && t.err == nil {
		t.err = fmt.Errorf("%w: %q", err, s)
	}
}

// parseSchema reads a schema from valid JSON, nil from null. replaceNull is for the defaults inside defaults.
func parseSchema(text []byte, replaceNull bool) (*data.Schema, error) {
	return schemaParser{replaceNull}.schema(text, 0)
}

type schemaParser struct{ replaceNull bool }

// schemaText is a schema taken apart: the JSON of its members, nil where there is none.
type schemaText struct {
	typ, items, keys, values, fields, optional, name, version, doc, parameters, def, field []byte
}

func takeApart(text []byte) (schemaText, error) {
	var t schemaText
	if text[0] != '{' {
		return t, fmt.Errorf("a schema is an object, not %s", jsonKind(text))
	}
	err := members(text, func(name string, value []byte) error {
		switch name {
		case "type":
			t.typ = value
		case "items":
			t.items = value
		case "keys":
			t.keys = value
		case "values":
			t.values = value
		case "fields":
			t.fields = value
		case "optional":
			t.optional = value
		case "name":
			t.name = value
		case "version":
			t.version = value
		case "doc":
			t.doc = value
		case "parameters":
			t.parameters = value
		case "default":
			t.def = value
		case "field":
			t.field = value
		}
		return nil
	})
	return t, err
}

// jsonKind names what a valid JSON value is.
func jsonKind(text []byte) string {
	switch text[0] {
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
	}
	return "a number"
}

// unquoted returns the text of a JSON string; false for anything else, also nil.
func unquoted(text []byte) (string, bool) {
	if len(text) == 0 || text[0] != '"' {
		return "", false
	}
	return string(appendUnescaped(nil, text[1:len(text)-1])), true
}

func (p schemaParser) schema(text []byte, depth int) (*data.Schema, error) {
	if string(text) == "null" {
		return nil, nil
	}
	if depth > data.MaxDepth {
		return nil, fmt.Errorf("the schema is nested deeper than %d", data.MaxDepth)
	}
	t, err := takeApart(text)
	if err != nil {
		return nil, err
	}
	b, err := p.start(t, depth)
	if err != nil {
		return nil, err
	}
	if string(t.optional) == "true" {
		b.Optional()
	}
	if name, ok := unquoted(t.name); ok {
		b.Name(name)
	}
	if integral(t.version) {
		b.Version(int32(parseLiteral(t.version).integer()))
	}
	if doc, ok := unquoted(t.doc); ok {
		b.Doc(doc)
	}
	if len(t.parameters) > 0 && t.parameters[0] == '{' {
		err := members(t.parameters, func(name string, value []byte) error {
			v, ok := unquoted(value)
			if !ok {
				return fmt.Errorf("parameter %q of a schema is %s, not a string", name, jsonKind(value))
			}
			b.Parameter(name, v)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return p.finish(b, t)
}

func integral(number []byte) bool {
	if len(number) == 0 || number[0] != '-' && !isDigit(number[0]) {
		return false
	}
	for _, c := range number {
		if c == '.' || c|0x20 == 'e' {
			return false
		}
	}
	return true
}

// start begins the builder of a schema's type.
func (p schemaParser) start(t schemaText, depth int) (*data.Builder, error) {
	name, ok := unquoted(t.typ)
	if !ok {
		return nil, errors.New(`a schema has no "type"`)
	}
	switch name {
	case "array":
		if t.items == nil || string(t.items) == "null" {
			return nil, errors.New(`a schema of type array has no "items"`)
		}
		items, err := p.schema(t.items, depth+1)
		return data.NewArray(items), err
	case "map":
		if t.keys == nil || t.values == nil {
			return nil, errors.New(`a schema of type map lacks "keys" or "values"`)
		}
		keys, err := p.schema(t.keys, depth+1)
		if err != nil {
			return nil, err
		}
		values, err := p.schema(t.values, depth+1)
		return data.NewMap(keys, values), err
	case "struct":
		return p.structure(t, depth)
	}
	for typ := data.Int8; typ <= data.Bytes; typ++ {
		if name == jsonType(typ) {
			return data.NewSchema(typ), nil
		}
	}
	return nil, fmt.Errorf("a schema has the unknown type %q", name)
}

func (p schemaParser) structure(t schemaText, depth int) (*data.Builder, error) {
	if len(t.fields) == 0 || t.fields[0] != '[' {
		return nil, errors.New(`a schema of type struct has no array "fields"`)
	}
	b := data.NewStruct("")
	return b, elements(t.fields, func(value []byte) error {
		if value[0] != '{' {
			return fmt.Errorf("a field of a struct is %s, not a schema", jsonKind(value))
		}
		f, err := takeApart(value)
		if err != nil {
			return err
		}
		name, ok := unquoted(f.field)
		if !ok {
			return errors.New(`the schema of a struct's field has no name, its member "field"`)
		}
		s, err := p.schema(value, depth+1)
		if err != nil {
			return within(err, name)
		}
		b.Field(name, s)
		return nil
	})
}

// finish builds the schema and reads its default.
func (p schemaParser) finish(b *data.Builder, t schemaText) (*data.Schema, error) {
	s, err := b.Build()
	if err != nil {
		return nil, err
	}
	if s.Type() == data.Bytes && s.Name() == data.DecimalName {
		if _, err := scaleOf(s); err != nil {
			return nil, err
		}
	}
	if t.def == nil {
		return s, nil
	}
	r := jsonReader{replaceNull: p.replaceNull}
	row, err := r.read(nil, s, t.def)
	if err != nil {
		return nil, fmt.Errorf("default of %v: %w", s, err)
	}
	if row == nil {
		return s, nil
	}
	return b.DefaultRow(row).Build()
}
