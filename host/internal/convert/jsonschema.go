package convert

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/host/internal/registry"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// jsonSchemaConverter is Confluent's JsonSchemaConverter.
type jsonSchemaConverter struct {
	registered
	text     jsonSchemaText // the settings of new ones
	optional bool           // use.optional.for.nonrequired
	writer   jsonWriter
	reader   jsonReader
	ways     recent[target, *jsonSchemaWritten]
	schemas  recent[registry.ID, *data.Schema]
}

// jsonSchemaWritten is how values of a schema are written to a topic.
type jsonSchemaWritten struct {
	stamp
	plan *plan
}

func jsonSchemaDefinition() config.Definition {
	return append(registry.Definition(),
		config.Key{
			Name: "decimal.format", Type: config.TypeString, Default: config.Default("BASE64"), Importance: config.ImportanceLow,
			Doc: "How decimals are written: NUMERIC as JSON numbers, which people and most programs can read; " +
				"BASE64 as the bytes of the unscaled number. Both are read always.",
			Group: "JSON Schema", Order: 1, Width: config.WidthShort, DisplayName: "Decimal format",
			Valid: []string{"BASE64", "NUMERIC"}, IgnoreCase: true,
		},
		flag("JSON Schema", 2, "object.additional.properties", "true", "Whether JSON Schemas allow objects to have further properties."),
		flag("JSON Schema", 3, "use.optional.for.nonrequired", "false", "Whether properties that a JSON Schema does not list as required are optional, and required fields are listed."),
		flag("JSON Schema", 4, "ignore.default.for.nullables", "false", "Whether a null of an optional field stays null. With false it becomes the field's default, where there is one."),
	)
}

func newJSONSchema(s settings) (Converter, error) {
	r, err := newRegistered(s, "JsonSchemaConverter", registry.JSON)
	if err != nil {
		return nil, err
	}
	c := &jsonSchemaConverter{registered: r, optional: s.flag("use.optional.for.nonrequired")}
	size := s.size("schemas.cache.config")
	c.ways, c.schemas = newRecent(size, c.prepare), newRecent(size, c.read)
	c.text = jsonSchemaText{closed: !s.flag("object.additional.properties"), required: c.optional}
	replaceNull := !s.flag("ignore.default.for.nullables")
	c.writer = jsonWriter{numeric: s.text("decimal.format") == "NUMERIC", replaceNull: replaceNull, confluent: true}
	c.reader = jsonReader{replaceNull: replaceNull, confluent: true}
	return c, nil
}

func (c *jsonSchemaConverter) FromConnect(a *Arena, topic string, v data.Value) ([]byte, error) {
	b, _, err := c.FromConnectHeaded(a, topic, v)
	return b, err
}

// FromConnectHeaded implements Headed.
func (c *jsonSchemaConverter) FromConnectHeaded(a *Arena, topic string, v data.Value) (b, header []byte, err error) {
	schema := v.Schema
	switch {
	case v.Kind == data.KindRow:
	case v.Data == nil:
		return nil, nil, nil
	case v.Kind == data.KindBytes:
		schema = data.BytesSchema
	case v.Kind == data.KindString:
		schema = data.StringSchema
	default:
		return nil, nil, fmt.Errorf("%s is JSON without schema, and JsonSchemaConverter needs one; set %s to JsonConverter with schemas.enable=false", c.use, c.use.setting(""))
	}
	if row, _ := schema.Default(); v.Data == nil && !schema.Optional() && row == nil {
		return nil, nil, fmt.Errorf("%s is null, and its schema %v is neither optional nor has a default", c.use, schema)
	}
	w, err := c.ways.get(target{schema, topic})
	if err != nil {
		return nil, nil, err
	}
	from := len(a.buf)
	buf := append(a.buf, w.front...)
	switch v.Kind {
	case data.KindBytes:
		buf = appendBase64(buf, v.Data)
	case data.KindString:
		buf, err = appendText(buf, v.Data)
	default:
		buf, err = c.writer.append(buf, w.plan, v.Data)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s with schema %v cannot be written as JSON: %w", c.use, schema, err)
	}
	return a.cut(buf, from), w.header, nil
}

// prepare registers a schema.
func (c *jsonSchemaConverter) prepare(of target) (*jsonSchemaWritten, error) {
	s := of.schema
	p, err := c.writer.plan(s)
	if err != nil {
		return nil, fmt.Errorf("%s with schema %v cannot be written as JSON: %w", c.use, s, err)
	}
	t := c.text
	t.writer = c.writer
	object, err := t.schema(p, noIndex)
	if err != nil {
		return nil, fmt.Errorf("%s with schema %v cannot be written with a JSON Schema: %w", c.use, s, err)
	}
	subject, err := c.client.Subject(of.topic, s.Name())
	if err != nil {
		return nil, err
	}
	id, _, err := c.client.ID(subject, object.String(), registry.JSON)
	var answer *registry.Error
	if errors.As(err, &answer) && !answer.Retriable() {
		// Confluent's converter writes no $schema; Apicurio's registry refuses JSON Schemas without.
		object.add("$schema", `"http://json-schema.org/draft-07/schema#"`)
		var second error
		if id, _, second = c.client.ID(subject, object.String(), registry.JSON); second == nil {
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	return &jsonSchemaWritten{stamp: c.stamp(id), plan: p}, nil
}

func (c *jsonSchemaConverter) ToConnect(a *Arena, topic string, b []byte) (data.Value, error) {
	return c.ToConnectHeaded(a, topic, b, nil)
}

// ToConnectHeaded implements Headed.
func (c *jsonSchemaConverter) ToConnectHeaded(a *Arena, _ string, b, header []byte) (data.Value, error) {
	if b == nil {
		return data.Value{}, nil
	}
	id, _, text, err := c.id(b, header, 1)
	if err != nil {
		return data.Value{}, err
	}
	s, err := c.schemas.get(id)
	if err != nil {
		return data.Value{}, err
	}
	if !utf8.Valid(text) {
		return data.Value{}, fmt.Errorf("%s with JSON Schema %s is no JSON: %w", c.use, id, errNotUTF8)
	}
	row, err := c.reader.read(a.buf, s, text)
	if err != nil {
		return data.Value{}, fmt.Errorf("%s does not fit its JSON Schema, id %s: %w", c.use, id, err)
	}
	a.buf = c.reader.out
	return data.RowValue(s, row), nil
}

// read gets the schema of an id.
func (c *jsonSchemaConverter) read(id registry.ID) (*data.Schema, error) {
	found, err := c.schema(id)
	if err != nil {
		return nil, err
	}
	s, err := parseJSONSchema(found.Text, found.References, c.optional, c.reader.replaceNull)
	if err != nil {
		return nil, c.unusable(id, err)
	}
	return s, nil
}
