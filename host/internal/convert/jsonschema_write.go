package convert

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Names with a meaning in Confluent's mapping between JSON Schema and Connect.
const (
	jsonNamespace = "io.confluent.connect.json"
	jsonUnion     = jsonNamespace + ".OneOf"
	jsonEnum      = jsonNamespace + ".Enum"
	noIndex       = -1
)

// jsonSchemaText makes the JSON Schemas of Connect schemas as Confluent's converter does, in the order in which it writes the
// members of objects: the registry takes another text for another schema.
type jsonSchemaText struct {
	closed   bool // objects have no further properties
	required bool // fields that are not optional are listed
	writer   jsonWriter
}

// jsonObject is a JSON object.
type jsonObject struct{ members []jsonMember }

type jsonMember struct{ name, value string }

func (o *jsonObject) add(name, value string) { o.members = append(o.members, jsonMember{name, value}) }

// schemaOrder is the order in which Confluent's converter writes the members of schemas.
var schemaOrder = []string{
	"$schema", "type", "title", "description", "default", "enum", "connect.index", "connect.version", "connect.type", "connect.parameters",
	"oneOf", "items", "properties", "required", "additionalProperties",
}

// String returns the members of a schema.
func (o *jsonObject) String() string {
	sorted := slices.Clone(o.members)
	slices.SortStableFunc(sorted, func(a, b jsonMember) int {
		return slices.Index(schemaOrder, a.name) - slices.Index(schemaOrder, b.name)
	})
	return joined(sorted)
}

// properties returns the members in the order of Java's HashMap, in which Confluent's converter keeps properties.
func (o *jsonObject) properties() string {
	size := 16
	for len(o.members)*4 > size*3 {
		size *= 2
	}
	slot := func(name string) uint32 {
		h := uint32(0)
		for _, c := range utf16.Encode([]rune(name)) {
			h = 31*h + uint32(c)
		}
		return (h ^ h>>16) & uint32(size-1)
	}
	sorted := slices.Clone(o.members)
	slices.SortStableFunc(sorted, func(a, b jsonMember) int { return int(slot(a.name)) - int(slot(b.name)) })
	return joined(sorted)
}

func joined(members []jsonMember) string {
	parts := make([]string, len(members))
	for i, m := range members {
		parts[i] = jsonText(m.name) + ":" + m.value
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// schema makes the JSON Schema of a plan; index is the place of a field in its struct.
func (t *jsonSchemaText) schema(p *plan, index int) (*jsonObject, error) {
	var o *jsonObject
	var err error
	switch {
	case p.union:
		o, err = t.union(p)
	case p.schema.Optional():
		var required *jsonObject
		if required, err = t.typed(p); err == nil {
			o = &jsonObject{}
			o.add("oneOf", `[{"type":"null"},`+required.String()+`]`)
		}
	default:
		o, err = t.typed(p)
	}
	if err == nil && index != noIndex {
		o.add("connect.index", strconv.Itoa(index))
	}
	return o, err
}

// typed makes the JSON Schema of a value that is not null.
func (t *jsonSchemaText) typed(p *plan) (*jsonObject, error) {
	s := p.schema
	o := &jsonObject{}
	switch p.typ {
	case data.Any:
		return nil, errors.New("a value without schema has no JSON Schema; use a source or a transformation that gives it one, or JsonConverter with schemas.enable=false")
	case data.Int8, data.Int16, data.Int32, data.Int64:
		o.add("type", `"integer"`)
		o.add("connect.type", `"`+strings.ToLower(p.typ.String())+`"`)
	case data.Float32, data.Float64:
		o.add("type", `"number"`)
		o.add("connect.type", `"`+strings.ToLower(p.typ.String())+`"`)
	case data.Boolean:
		o.add("type", `"boolean"`)
	case data.String:
		if _, ok := s.Parameter(jsonEnum); ok {
			o.add("enum", enumText(s))
		} else {
			o.add("type", `"string"`)
		}
	case data.Bytes:
		if s.Name() == data.DecimalName {
			o.add("type", `"number"`)
		} else {
			o.add("type", `"string"`)
		}
		o.add("connect.type", `"bytes"`)
	case data.Array:
		items, err := t.schema(p.elem, noIndex)
		if err != nil {
			return nil, err
		}
		o.add("type", `"array"`)
		o.add("items", items.String())
	case data.Map:
		if err := t.mapping(o, p); err != nil {
			return nil, err
		}
	case data.Struct:
		if err := t.structure(o, p); err != nil {
			return nil, err
		}
	}
	return o, t.details(o, p)
}

// enumText is the values of a string that was an enum.
func enumText(s *data.Schema) string {
	var values []string
	for _, p := range s.Parameters() {
		if strings.HasPrefix(p.Key, jsonEnum+".") {
			values = append(values, jsonText(p.Value))
		}
	}
	return "[" + strings.Join(values, ",") + "]"
}

func (t *jsonSchemaText) mapping(o *jsonObject, p *plan) error {
	o.add("connect.type", `"map"`)
	if !p.keyed {
		values, err := t.schema(p.elem, noIndex)
		if err != nil {
			return err
		}
		o.add("type", `"object"`)
		o.add("additionalProperties", values.String())
		return nil
	}
	key, err := t.schema(p.key, 0)
	if err != nil {
		return err
	}
	value, err := t.schema(p.elem, 1)
	if err != nil {
		return err
	}
	var properties, entry jsonObject
	properties.add("key", key.String())
	properties.add("value", value.String())
	entry.add("type", `"object"`)
	entry.add("properties", properties.properties())
	o.add("type", `"array"`)
	o.add("items", entry.String())
	return nil
}

func (t *jsonSchemaText) structure(o *jsonObject, p *plan) error {
	var properties jsonObject
	var required []string
	for i, f := range p.schema.Fields() {
		field, err := t.schema(p.fields[i].plan, i)
		if err != nil {
			return within(err, f.Name)
		}
		properties.add(f.Name, field.String())
		if !f.Schema.Optional() {
			required = append(required, jsonText(f.Name))
		}
	}
	o.add("type", `"object"`)
	if len(properties.members) > 0 {
		o.add("properties", properties.properties())
	}
	if t.required && len(required) > 0 {
		o.add("required", "["+strings.Join(required, ",")+"]")
	}
	if t.closed {
		o.add("additionalProperties", "false")
	}
	return nil
}

// union makes the JSON Schema of a struct that stands for one of several types.
func (t *jsonSchemaText) union(p *plan) (*jsonObject, error) {
	var branches []string
	if p.schema.Optional() {
		branches = append(branches, `{"type":"null"}`)
	}
	for i, f := range p.fields {
		branch, err := t.typed(f.plan)
		if err != nil {
			return nil, within(err, p.schema.Fields()[i].Name)
		}
		branch.add("connect.index", strconv.Itoa(i))
		branches = append(branches, branch.String())
	}
	o := &jsonObject{}
	o.add("oneOf", "["+strings.Join(branches, ",")+"]")
	return o, nil
}

// details adds what is the same for all types.
func (t *jsonSchemaText) details(o *jsonObject, p *plan) error {
	s := p.schema
	if s.Name() != "" {
		o.add("title", jsonText(s.Name()))
	}
	if s.Doc() != "" {
		o.add("description", jsonText(s.Doc()))
	}
	if row, _ := s.Default(); row != nil {
		text, err := t.writer.append(nil, p, row)
		if err != nil {
			return fmt.Errorf("default: %w", err)
		}
		o.add("default", string(text))
	}
	if v, ok := s.Version(); ok {
		o.add("connect.version", strconv.Itoa(int(v)))
	}
	var parameters jsonObject
	for _, param := range s.Parameters() {
		if !strings.HasPrefix(param.Key, jsonNamespace) {
			parameters.add(param.Key, jsonText(param.Value))
		}
	}
	if len(parameters.members) > 0 {
		o.add("connect.parameters", joined(parameters.members))
	}
	return nil
}
