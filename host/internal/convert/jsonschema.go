package convert

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/host/internal/registry"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// jsonSchemaConverter is Confluent's JsonSchemaConverter.
type jsonSchemaConverter struct {
	use      Use
	client   *registry.Client
	text     jsonSchemaText // the settings of new ones
	optional bool           // use.optional.for.nonrequired
	writer   jsonWriter
	reader   jsonReader
	written  lru[target, *jsonSchemaWritten]
	schemaOf lru[int, *data.Schema]

	// last is what was written last, lastRead what was read: most records are alike.
	last     target
	lastWay  *jsonSchemaWritten
	lastID   int
	lastRead *data.Schema
}

// target is a schema in a topic.
type target struct {
	schema *data.Schema
	topic  string
}

// jsonSchemaWritten is how values of a schema are written to a topic.
type jsonSchemaWritten struct {
	prefix [5]byte
	plan   *plan
}

func jsonSchemaDefinition() config.Definition {
	flag := func(order int, name, value, doc string) config.Key {
		return config.Key{Name: name, Type: config.TypeBoolean, Default: config.Default(value), Importance: config.ImportanceLow, Doc: doc,
			Group: "JSON Schema", Order: order, Width: config.WidthShort, DisplayName: name}
	}
	return append(registry.Definition(),
		config.Key{
			Name: "decimal.format", Type: config.TypeString, Default: config.Default("BASE64"), Importance: config.ImportanceLow,
			Doc: "How decimals are written: NUMERIC as JSON numbers, which people and most programs can read; " +
				"BASE64 as the bytes of the unscaled number. Both are read always.",
			Group: "JSON Schema", Order: 1, Width: config.WidthShort, DisplayName: "Decimal format",
			Valid: []string{"BASE64", "NUMERIC"}, IgnoreCase: true,
		},
		flag(2, "object.additional.properties", "true", "Whether JSON Schemas allow objects to have further properties."),
		flag(3, "use.optional.for.nonrequired", "false", "Whether properties that a JSON Schema does not list as required are optional, and required fields are listed."),
		flag(4, "ignore.default.for.nullables", "false", "Whether a null of an optional field stays null. With false it becomes the field's default, where there is one."),
	)
}

func newJSONSchema(s settings) (Converter, error) {
	c := &jsonSchemaConverter{use: s.use, optional: s.flag("use.optional.for.nonrequired")}
	var err error
	if c.client, err = registry.New(s.registry, s.use.String()); err != nil {
		return nil, fmt.Errorf("%s: %w", s.use.setting(""), err)
	}
	size := s.size("schemas.cache.config")
	c.written, c.schemaOf = newLRU[target, *jsonSchemaWritten](size), newLRU[int, *data.Schema](size)
	c.text = jsonSchemaText{closed: !s.flag("object.additional.properties"), required: c.optional}
	replaceNull := !s.flag("ignore.default.for.nullables")
	c.writer = jsonWriter{numeric: s.text("decimal.format") == "NUMERIC", replaceNull: replaceNull, confluent: true}
	c.reader = jsonReader{replaceNull: replaceNull, confluent: true}
	return c, nil
}

func (c *jsonSchemaConverter) FromConnect(a *Arena, topic string, v data.Value) ([]byte, error) {
	schema := v.Schema
	switch {
	case v.Kind == data.KindRow:
	case v.Data == nil:
		return nil, nil
	case v.Kind == data.KindBytes:
		schema = data.BytesSchema
	case v.Kind == data.KindString:
		schema = data.StringSchema
	default:
		return nil, fmt.Errorf("%s is JSON without schema, and JsonSchemaConverter needs one; set %s to JsonConverter with schemas.enable=false", c.use, c.use.setting(""))
	}
	if row, _ := schema.Default(); v.Data == nil && !schema.Optional() && row == nil {
		return nil, fmt.Errorf("%s is null, and its schema %v is neither optional nor has a default", c.use, schema)
	}
	w, err := c.way(schema, topic)
	if err != nil {
		return nil, err
	}
	from := len(a.buf)
	buf := append(a.buf, w.prefix[:]...)
	switch v.Kind {
	case data.KindBytes:
		buf = appendBase64(buf, v.Data)
	case data.KindString:
		buf, err = appendText(buf, v.Data)
	default:
		buf, err = c.writer.append(buf, w.plan, v.Data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s with schema %v cannot be written as JSON: %w", c.use, schema, err)
	}
	return a.cut(buf, from), nil
}

// way returns how values of a schema are written to a topic.
func (c *jsonSchemaConverter) way(s *data.Schema, topic string) (*jsonSchemaWritten, error) {
	if c.lastWay != nil && c.last.schema == s && c.last.topic == topic {
		return c.lastWay, nil
	}
	t := target{s, topic}
	w, ok := c.written.get(t)
	if !ok {
		var err error
		if w, err = c.prepare(s, topic); err != nil {
			return nil, err
		}
		c.written.put(t, w)
	}
	c.last, c.lastWay = t, w
	return w, nil
}

// prepare registers a schema.
func (c *jsonSchemaConverter) prepare(s *data.Schema, topic string) (*jsonSchemaWritten, error) {
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
	subject, err := c.client.Subject(topic, s.Name())
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
	w := &jsonSchemaWritten{plan: p}
	w.prefix[0] = magic
	binary.BigEndian.PutUint32(w.prefix[1:], uint32(id))
	return w, nil
}

func (c *jsonSchemaConverter) ToConnect(a *Arena, _ string, b []byte) (data.Value, error) {
	if b == nil {
		return data.Value{}, nil
	}
	if len(b) < 6 || b[0] != magic {
		return data.Value{}, fmt.Errorf("%s of %d bytes %s; set %s to the converter that wrote it", c.use, len(b), notRegistered(b), c.use.setting(""))
	}
	id := int(binary.BigEndian.Uint32(b[1:]))
	s, err := c.schema(id)
	if err != nil {
		return data.Value{}, err
	}
	text := b[5:]
	if !utf8.Valid(text) {
		return data.Value{}, fmt.Errorf("%s with JSON Schema %d is no JSON: %w", c.use, id, errNotUTF8)
	}
	row, err := c.reader.read(a.buf, s, text)
	if err != nil {
		return data.Value{}, fmt.Errorf("%s does not fit its JSON Schema, id %d: %w", c.use, id, err)
	}
	a.buf = c.reader.out
	return data.RowValue(s, row), nil
}

// schema returns the schema of an id.
func (c *jsonSchemaConverter) schema(id int) (*data.Schema, error) {
	if c.lastRead != nil && c.lastID == id {
		return c.lastRead, nil
	}
	s, ok := c.schemaOf.get(id)
	if !ok {
		var err error
		if s, err = c.read(id); err != nil {
			return nil, err
		}
		c.schemaOf.put(id, s)
	}
	c.lastID, c.lastRead = id, s
	return s, nil
}

// read gets the schema of an id.
func (c *jsonSchemaConverter) read(id int) (*data.Schema, error) {
	found, err := c.client.Schema(id)
	if err != nil {
		return nil, err
	}
	if found.Type != registry.JSON {
		return nil, fmt.Errorf("schema %d of the %s is %s, the converter is JsonSchemaConverter; set %s to the converter that wrote it", id, c.use, found.Type, c.use.setting(""))
	}
	s, err := parseJSONSchema(found.Text, found.References, c.optional, c.reader.replaceNull)
	if err != nil {
		return nil, fmt.Errorf("schema %d of the %s: %w", id, c.use, err)
	}
	return s, nil
}
