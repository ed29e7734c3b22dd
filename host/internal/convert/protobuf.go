package convert

import (
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/outboard-connect/outboard/host/internal/registry"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// protobufConverter is Confluent's ProtobufConverter.
type protobufConverter struct {
	use      Use
	client   *registry.Client
	scrub    bool
	settings protoSettings
	written  lru[target, *protobufWritten]
	schemaOf lru[protoMessageID, *protoReader]

	// last is what was written last, lastRead what was read: most records are alike.
	last     target
	lastWay  *protobufWritten
	lastID   protoMessageID
	lastRead *protoReader
	in       protoInput
}

// protobufWritten is how values of a schema are written to a topic.
type protobufWritten struct {
	prefix []byte // magic byte, id, indexes of the message
	writer *protoWriter
	state  *protoState
}

// protoMessageID is a schema and the indexes of a message in it.
type protoMessageID struct {
	id      int
	indexes [mostIndexes]int32 // one more than each, 0: there is none
}

// mostIndexes is how deep messages may be defined in messages.
const mostIndexes = 8

func protobufDefinition() config.Definition {
	flag := func(order int, name, value, doc string) config.Key {
		return config.Key{Name: name, Type: config.TypeBoolean, Default: config.Default(value), Importance: config.ImportanceLow, Doc: doc,
			Group: "Protobuf", Order: order, Width: config.WidthShort, DisplayName: name}
	}
	return append(registry.Definition(),
		flag(1, "optional.for.nullables", "false", "Whether optional fields are written as optional ones of Protobuf. Without it, and without wrapper.for.nullables, a null number reads as 0, a null text as an empty one."),
		flag(2, "wrapper.for.nullables", "false", "Whether optional fields are written as messages with one field, such as google.protobuf.Int32Value."),
		flag(3, "enhanced.protobuf.schema.support", "false", "Whether schemas that are read are named with the package of their message."),
		flag(4, "generate.index.for.unions", "true", "Whether the field of a oneof that is read has an index behind its name."),
		flag(5, "int.for.enums", "false", "Whether enums are read as numbers instead of their symbols."),
		flag(6, "scrub.invalid.names", "false", "Whether characters that names in Protobuf cannot have are replaced; without it they are errors."),
	)
}

func newProtobuf(s settings) (Converter, error) {
	c := &protobufConverter{use: s.use, scrub: s.flag("scrub.invalid.names"), settings: protoSettings{
		enhanced: s.flag("enhanced.protobuf.schema.support"), optional: s.flag("optional.for.nullables"), wrapper: s.flag("wrapper.for.nullables"),
		indexed: s.flag("generate.index.for.unions"), numbers: s.flag("int.for.enums"),
	}}
	if c.settings.optional && c.settings.wrapper {
		return nil, fmt.Errorf("%s and %s are both true: set one of them to false", s.use.setting("optional.for.nullables"), s.use.setting("wrapper.for.nullables"))
	}
	var err error
	if c.client, err = registry.New(s.registry, s.use.String()); err != nil {
		return nil, fmt.Errorf("%s: %w", s.use.setting(""), err)
	}
	size := s.size("schemas.cache.config")
	c.written, c.schemaOf = newLRU[target, *protobufWritten](size), newLRU[protoMessageID, *protoReader](size)
	return c, nil
}

func (c *protobufConverter) FromConnect(a *Arena, topic string, v data.Value) ([]byte, error) {
	switch {
	case v.Data == nil: // also with a schema: what is written then is no message, but nothing
		return nil, nil
	case v.Kind != data.KindRow:
		return nil, fmt.Errorf("%s is %s, and ProtobufConverter takes STRUCT only; set %s to the converter of its type", c.use, describe(v), c.use.setting(""))
	}
	w, err := c.way(v.Schema, topic)
	if err != nil {
		return nil, err
	}
	from := len(a.buf)
	w.state.err = nil
	w.state.r.Reset(v.Data)
	buf := w.writer.append(append(a.buf, w.prefix...), w.state)
	if err := w.state.err; err != nil {
		return nil, fmt.Errorf("%s: %w", c.use, err)
	}
	if err := whole(&w.state.r, v.Schema); err != nil {
		return nil, fmt.Errorf("%s: %w", c.use, err)
	}
	return a.cut(buf, from), nil
}

// way returns how values of a schema are written to a topic.
func (c *protobufConverter) way(s *data.Schema, topic string) (*protobufWritten, error) {
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
func (c *protobufConverter) prepare(s *data.Schema, topic string) (*protobufWritten, error) {
	t := &protoText{scrub: c.scrub, optional: c.settings.optional, wrapper: c.settings.wrapper}
	text, name, writer, err := t.file(s)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written as Protobuf: %w", c.use, err)
	}
	ours, err := parseProto(text, nil)
	if err != nil {
		return nil, fmt.Errorf("%s with schema %v cannot be written as Protobuf: %w", c.use, s, err)
	}
	subject, err := c.client.Subject(topic, name)
	if err != nil {
		return nil, err
	}
	id, under, err := c.client.ID(subject, text, registry.Protobuf)
	if err != nil {
		return nil, err
	}
	indexes := []int{0}
	if under != text {
		if indexes, err = c.under(id, name, ours); err != nil {
			return nil, fmt.Errorf("values cannot be written under the latest schema of subject %s: %w; set use.latest.version=false, or bring the record into its form", subject, err)
		}
	}
	w := &protobufWritten{writer: writer, state: &protoState{}}
	w.prefix = binary.BigEndian.AppendUint32([]byte{magic}, uint32(id))
	w.prefix = appendIndexes(w.prefix, indexes)
	return w, nil
}

// appendIndexes appends where in a schema the message of a value is.
func appendIndexes(dst []byte, indexes []int) []byte {
	if len(indexes) == 1 && indexes[0] == 0 {
		return append(dst, 0)
	}
	dst = appendAvroLong(dst, int64(len(indexes)))
	for _, i := range indexes {
		dst = appendAvroLong(dst, int64(i))
	}
	return dst
}

// under finds the message of a name in another schema, and refuses it if the values would look different.
func (c *protobufConverter) under(id int, name string, ours protoreflect.FileDescriptor) ([]int, error) {
	found, err := c.client.Schema(id)
	if err != nil {
		return nil, err
	}
	theirs, err := parseProto(found.Text, found.References)
	if err != nil {
		return nil, err
	}
	for i := range theirs.Messages().Len() {
		if m := theirs.Messages().Get(i); string(m.FullName()) == name {
			return []int{i}, protoAlike(ours.Messages().Get(0), m, 0)
		}
	}
	return nil, fmt.Errorf("it has no message %s", name)
}

// protoAlike tells in what a message lacks or changes fields of ours.
func protoAlike(ours, theirs protoreflect.MessageDescriptor, depth int) error {
	if depth > data.MaxDepth {
		return errors.New("it is nested too deep")
	}
	for i := range ours.Fields().Len() {
		our := ours.Fields().Get(i)
		their := theirs.Fields().ByNumber(our.Number())
		switch {
		case their == nil:
			return fmt.Errorf("field %s with the number %d is not there", our.FullName(), our.Number())
		case their.Name() != our.Name() || their.Kind() != our.Kind() || their.IsList() != our.IsList() && !their.IsMap():
			return fmt.Errorf("field %d is %v %s there and %v %s here", our.Number(), their.Kind(), their.Name(), our.Kind(), our.Name())
		case our.Message() != nil:
			if err := protoAlike(our.Message(), their.Message(), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *protobufConverter) ToConnect(a *Arena, _ string, b []byte) (data.Value, error) {
	if b == nil {
		return data.Value{}, nil
	}
	if len(b) < 6 || b[0] != magic {
		return data.Value{}, fmt.Errorf("%s of %d bytes %s; set %s to the converter that wrote it", c.use, len(b), notRegistered(b), c.use.setting(""))
	}
	id, message, err := messageOf(b)
	if err != nil {
		return data.Value{}, fmt.Errorf("%s: %w; set %s to the converter that wrote it", c.use, err, c.use.setting(""))
	}
	r, err := c.reader(id)
	if err != nil {
		return data.Value{}, err
	}
	from := len(a.buf)
	in := &c.in
	in.spots, in.depth = in.spots[:0], 0
	in.w.Reset(a.buf, r.schema)
	err = in.read(r, message)
	buf, werr := in.w.Finish()
	if err == nil {
		err = werr
	}
	if err != nil {
		return data.Value{}, fmt.Errorf("%s does not fit its Protobuf schema, id %d: %w", c.use, id.id, err)
	}
	return data.RowValue(r.schema, a.cut(buf, from)), nil
}

// messageOf takes the id of the schema and the indexes of the message off a value.
func messageOf(b []byte) (id protoMessageID, message []byte, err error) {
	id.id = int(binary.BigEndian.Uint32(b[1:]))
	in := avroInput{b: b[5:]}
	count := in.long()
	if count < 0 || count > mostIndexes {
		return id, nil, fmt.Errorf("%d indexes of a message are more than %d", count, mostIndexes)
	}
	for i := range count {
		index := in.long()
		if index < 0 || index > 1<<20 {
			return id, nil, fmt.Errorf("the index of a message is %d", index)
		}
		id.indexes[i] = int32(index) + 1
	}
	if count == 0 {
		id.indexes[0] = 1
	}
	return id, in.b, in.err
}

// reader returns what reads the message of an id.
func (c *protobufConverter) reader(id protoMessageID) (*protoReader, error) {
	if c.lastRead != nil && c.lastID == id {
		return c.lastRead, nil
	}
	r, ok := c.schemaOf.get(id)
	if !ok {
		var err error
		if r, err = c.read(id); err != nil {
			return nil, err
		}
		c.schemaOf.put(id, r)
	}
	c.lastID, c.lastRead = id, r
	return r, nil
}

// read gets the schema of an id.
func (c *protobufConverter) read(id protoMessageID) (*protoReader, error) {
	s, err := c.client.Schema(id.id)
	if err != nil {
		return nil, err
	}
	if s.Type != registry.Protobuf {
		return nil, fmt.Errorf("schema %d of the %s is %s, the converter is ProtobufConverter; set %s to the converter that wrote it", id.id, c.use, s.Type, c.use.setting(""))
	}
	file, err := parseProto(s.Text, s.References)
	if err != nil {
		return nil, fmt.Errorf("schema %d of the %s: %w", id.id, c.use, err)
	}
	var indexes []int
	for _, i := range id.indexes {
		if i > 0 {
			indexes = append(indexes, int(i)-1)
		}
	}
	r, err := newProtoReader(file, indexes, c.settings)
	if err != nil {
		return nil, fmt.Errorf("schema %d of the %s: %w", id.id, c.use, err)
	}
	return r, nil
}
