package convert

import (
	"errors"
	"fmt"

	"github.com/outboard-connect/outboard/host/internal/registry"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// avroConverter is Confluent's AvroConverter.
type avroConverter struct {
	registered
	text    avroText // the settings of new ones
	meta    bool
	ways    recent[target, *avroWritten]
	readers recent[registry.ID, *avroReader]
	w       data.Writer
	r       data.Reader
}

// avroWritten is how values of a schema are written to a topic.
type avroWritten struct {
	stamp
	writer *avroWriter
	raw    bool // bytes at the top, which Confluent's serializer writes as they are
}

func avroDefinition() config.Definition {
	return append(registry.Definition(),
		flag("Avro", 1, "connect.meta.data", "true", "Whether Avro schemas have what only Connect knows of a schema (connect.name and so on), so that it is read as it was."),
		flag("Avro", 2, "enhanced.avro.schema.support", "false", "Whether strings that were enums in Avro are enums again. Needs connect.meta.data."),
		flag("Avro", 3, "scrub.invalid.names", "false", "Whether characters that names in Avro cannot have are replaced; without it they are errors."),
		flag("Avro", 4, "discard.type.doc.default", "false", "Whether documentation and defaults are left out of Avro schemas."),
	)
}

func newAvro(s settings) (Converter, error) {
	r, err := newRegistered(s, "AvroConverter", registry.Avro)
	if err != nil {
		return nil, err
	}
	c := &avroConverter{registered: r, meta: s.flag("connect.meta.data")}
	size := s.size("schemas.cache.config")
	c.ways, c.readers = newRecent(size, c.prepare), newRecent(size, c.read)
	c.text = avroText{meta: c.meta, enhanced: s.flag("enhanced.avro.schema.support"), scrub: s.flag("scrub.invalid.names"), nodoc: s.flag("discard.type.doc.default")}
	return c, nil
}

func (c *avroConverter) FromConnect(a *Arena, topic string, v data.Value) ([]byte, error) {
	b, _, err := c.FromConnectHeaded(a, topic, v)
	return b, err
}

// FromConnectHeaded implements Headed.
func (c *avroConverter) FromConnectHeaded(a *Arena, topic string, v data.Value) (b, header []byte, err error) {
	schema, row := v.Schema, v.Data
	switch {
	case v.Data == nil: // also with a schema: what is written then is no value of the schema, but nothing
		return nil, nil, nil
	case v.Kind == data.KindBytes:
		schema = data.BytesSchema
	case v.Kind == data.KindString:
		schema = data.StringSchema
	case v.Kind == data.KindJSON:
		return nil, nil, fmt.Errorf("%s is JSON without schema, and AvroConverter needs one; set %s to JsonConverter with schemas.enable=false", c.use, c.use.setting(""))
	}
	w, err := c.ways.get(target{schema, topic})
	if err != nil {
		return nil, nil, err
	}
	from := len(a.buf)
	buf := append(a.buf, w.front...)
	switch {
	case v.Kind == data.KindBytes:
		buf = append(buf, v.Data...)
	case v.Kind == data.KindString:
		buf = append(appendAvroLong(buf, int64(len(v.Data))), v.Data...)
	default:
		r := &c.r
		r.Reset(row)
		if w.raw {
			buf = append(buf, r.Bytes()...)
		} else {
			buf = w.writer.append(buf, r)
		}
		if err := errors.Join(w.writer.take(), whole(r, schema)); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", c.use, err)
		}
	}
	return a.cut(buf, from), w.header, nil
}

// prepare registers a schema.
func (c *avroConverter) prepare(of target) (*avroWritten, error) {
	s := of.schema
	t := c.text
	t.named = map[string]*data.Schema{}
	if err := t.schema(s, ""); err != nil {
		return nil, fmt.Errorf("%s cannot be written as Avro: %w", c.use, err)
	}
	text := t.b.String()
	record := ""
	if s.Type() == data.Struct {
		if record = s.Name(); record == "" {
			record = avroNamespace + "." + avroNameless
		}
	}
	subject, err := c.client.Subject(of.topic, record)
	if err != nil {
		return nil, err
	}
	id, under, err := c.client.ID(subject, text, registry.Avro)
	if err != nil {
		return nil, err
	}
	w := &avroWritten{stamp: c.stamp(id), writer: newAvroWriter(s, c.text.enums()), raw: s.Type() == data.Bytes && !s.Optional() && s.Name() != data.DecimalName}
	if under != text {
		if err := sameShape(under, text, subject); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// sameShape refuses to write under another schema of which the values would look different.
func sameShape(under, text, subject string) error {
	theirs, err := parseAvro(under)
	if err != nil {
		return fmt.Errorf("the latest schema of subject %s: %w", subject, err)
	}
	ours, err := parseAvro(text)
	if err != nil {
		return err
	}
	if err := theirs.alike(ours); err != nil {
		return fmt.Errorf("values cannot be written under the latest schema of subject %s: %w; set use.latest.version=false, or bring the record into its form", subject, err)
	}
	return nil
}

// alike tells in what the encoding of two schemas differs.
func (s *avroSchema) alike(o *avroSchema) error {
	differ := func(what string, a, b any) error { return fmt.Errorf("%s is %v there and %v here", what, a, b) }
	switch {
	case s.kind != o.kind:
		return differ("a type", s.branchName(), o.branchName())
	case s.size != o.size:
		return differ("a size", s.size, o.size)
	case len(s.fields) != len(o.fields):
		return differ("the number of fields of "+s.name, len(s.fields), len(o.fields))
	case len(s.branches) != len(o.branches):
		return differ("the number of types in a union", len(s.branches), len(o.branches))
	}
	for i := range s.fields {
		if s.fields[i].name != o.fields[i].name {
			return differ(fmt.Sprintf("field %d of %s", i+1, s.name), s.fields[i].name, o.fields[i].name)
		}
		if err := s.fields[i].schema.alike(o.fields[i].schema); err != nil {
			return fmt.Errorf("field %s: %w", s.fields[i].name, err)
		}
	}
	for i := range s.branches {
		if err := s.branches[i].alike(o.branches[i]); err != nil {
			return err
		}
	}
	if s.items != nil && o.items != nil {
		return s.items.alike(o.items)
	}
	return nil
}

func (c *avroConverter) ToConnect(a *Arena, topic string, b []byte) (data.Value, error) {
	return c.ToConnectHeaded(a, topic, b, nil)
}

// ToConnectHeaded implements Headed.
func (c *avroConverter) ToConnectHeaded(a *Arena, _ string, b, header []byte) (data.Value, error) {
	if b == nil {
		return data.Value{}, nil
	}
	id, _, value, err := c.id(b, header, 0)
	if err != nil {
		return data.Value{}, err
	}
	r, err := c.readers.get(id)
	if err != nil {
		return data.Value{}, err
	}
	w := &c.w
	if r.kind == avroBytes && r.schema.Name() != data.DecimalName { // at the top, as they are
		from := len(a.buf)
		w.Reset(a.buf, r.schema)
		w.Bytes(value)
		buf, err := w.Finish()
		return data.Value{Kind: data.KindRow, Schema: r.schema, Data: a.cut(buf, from)}, err
	}
	in := avroInput{b: value}
	if ahead := in; r.kind == avroUnion { // a null has no row
		if branch := ahead.long(); ahead.err == nil && len(ahead.b) == 0 && r.isNull(branch) {
			return data.Value{Kind: data.KindRow, Schema: r.schema}, nil
		}
	}
	from := len(a.buf)
	w.Reset(a.buf, r.schema)
	r.readAll(w, &in)
	buf, err := w.Finish()
	switch {
	case in.err != nil:
		return data.Value{}, fmt.Errorf("%s does not fit its Avro schema, id %s: %w", c.use, id, in.err)
	case err != nil:
		return data.Value{}, fmt.Errorf("%s does not fit its Avro schema, id %s: %w", c.use, id, err)
	case len(in.b) > 0:
		return data.Value{}, fmt.Errorf("%s does not fit its Avro schema, id %s: there are %d bytes behind it", c.use, id, len(in.b))
	}
	return data.Value{Kind: data.KindRow, Schema: r.schema, Data: a.cut(buf, from)}, nil
}

// isNull tells whether a branch of a union is null.
func (r *avroReader) isNull(branch int64) bool {
	if r.null >= 0 {
		return branch == int64(r.null)
	}
	return branch >= 0 && branch < int64(len(r.inner)) && r.inner[branch] == nil
}

// read gets the schema of an id.
func (c *avroConverter) read(id registry.ID) (*avroReader, error) {
	s, err := c.schema(id)
	if err != nil {
		return nil, err
	}
	var refs []string
	for _, r := range s.References {
		refs = append(refs, r.Text)
	}
	parsed, err := parseAvro(s.Text, refs...)
	if err != nil {
		return nil, c.unusable(id, err)
	}
	r, err := readable(parsed, c.meta)
	if err != nil {
		return nil, c.unusable(id, err)
	}
	return r, nil
}
