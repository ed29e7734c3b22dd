package convert

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/outboard-connect/outboard/host/internal/registry"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// protobufConverter is Confluent's ProtobufConverter.
type protobufConverter struct {
	registered
	scrub    bool
	settings protoSettings
	ways     recent[target, *protobufWritten]
	readers  recent[protoMessageID, *protoReader]
	in       protoInput
}

// protobufWritten is how values of a schema are written to a topic.
type protobufWritten struct {
	stamp  // with the indexes of the message
	writer *protoWriter
	state  *protoState
}

// protoMessageID is a schema and the indexes of a message in it.
type protoMessageID struct {
	id      registry.ID
	indexes [mostIndexes]int32 // one more than each, 0: there is none
}

// mostIndexes is how deep messages may be defined in messages.
const mostIndexes = 8

func protobufDefinition() config.Definition {
	return append(registry.Definition(),
		flag("Protobuf", 1, "optional.for.nullables", "false", "Whether optional fields are written as optional ones of Protobuf. Without it, and without wrapper.for.nullables, a null number reads as 0, a null text as an empty one."),
		flag("Protobuf", 2, "wrapper.for.nullables", "false", "Whether optional fields are written as messages with one field, such as google.protobuf.Int32Value."),
		flag("Protobuf", 3, "enhanced.protobuf.schema.support", "false", "Whether schemas that are read are named with the package of their message."),
		flag("Protobuf", 4, "generate.index.for.unions", "true", "Whether the field of a oneof that is read has an index behind its name."),
		flag("Protobuf", 5, "int.for.enums", "false", "Whether enums are read as numbers instead of their symbols."),
		flag("Protobuf", 6, "scrub.invalid.names", "false", "Whether characters that names in Protobuf cannot have are replaced; without it they are errors."),
	)
}

func newProtobuf(s settings) (Converter, error) {
	form := protoSettings{
		enhanced: s.flag("enhanced.protobuf.schema.support"), optional: s.flag("optional.for.nullables"), wrapper: s.flag("wrapper.for.nullables"),
		indexed: s.flag("generate.index.for.unions"), numbers: s.flag("int.for.enums"),
	}
	if form.optional && form.wrapper {
		return nil, fmt.Errorf("%s and %s are both true: set one of them to false", s.use.setting("optional.for.nullables"), s.use.setting("wrapper.for.nullables"))
	}
	r, err := newRegistered(s, "ProtobufConverter", registry.Protobuf)
	if err != nil {
		return nil, err
	}
	c := &protobufConverter{registered: r, scrub: s.flag("scrub.invalid.names"), settings: form}
	size := s.size("schemas.cache.config")
	c.ways, c.readers = newRecent(size, c.prepare), newRecent(size, c.read)
	return c, nil
}

func (c *protobufConverter) FromConnect(a *Arena, topic string, v data.Value) ([]byte, error) {
	b, _, err := c.FromConnectHeaded(a, topic, v)
	return b, err
}

// FromConnectHeaded implements Headed.
func (c *protobufConverter) FromConnectHeaded(a *Arena, topic string, v data.Value) (b, header []byte, err error) {
	switch {
	case v.Data == nil: // also with a schema: what is written then is no message, but nothing
		return nil, nil, nil
	case v.Kind != data.KindRow:
		return nil, nil, fmt.Errorf("%s is %s, and ProtobufConverter takes STRUCT only; set %s to the converter of its type", c.use, describe(v), c.use.setting(""))
	}
	w, err := c.ways.get(target{v.Schema, topic})
	if err != nil {
		return nil, nil, err
	}
	from := len(a.buf)
	w.state.err = nil
	w.state.r.Reset(v.Data)
	buf := w.writer.append(append(a.buf, w.front...), w.state)
	if err := w.state.err; err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.use, err)
	}
	if err := whole(&w.state.r, v.Schema); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.use, err)
	}
	return a.cut(buf, from), w.header, nil
}

// prepare registers a schema.
func (c *protobufConverter) prepare(of target) (*protobufWritten, error) {
	s := of.schema
	t := &protoText{scrub: c.scrub, optional: c.settings.optional, wrapper: c.settings.wrapper}
	text, name, writer, err := t.file(s)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written as Protobuf: %w", c.use, err)
	}
	ours, err := parseProto(text, nil)
	if err != nil {
		return nil, fmt.Errorf("%s with schema %v cannot be written as Protobuf: %w", c.use, s, err)
	}
	subject, err := c.client.Subject(of.topic, name)
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
	return &protobufWritten{stamp: c.stamp(id, appendIndexes(nil, indexes)...), writer: writer, state: &protoState{}}, nil
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
func (c *protobufConverter) under(id registry.ID, name string, ours protoreflect.FileDescriptor) ([]int, error) {
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

func (c *protobufConverter) ToConnect(a *Arena, topic string, b []byte) (data.Value, error) {
	return c.ToConnectHeaded(a, topic, b, nil)
}

// ToConnectHeaded implements Headed.
func (c *protobufConverter) ToConnectHeaded(a *Arena, _ string, b, header []byte) (data.Value, error) {
	if b == nil {
		return data.Value{}, nil
	}
	schema, indexes, message, err := c.id(b, header, 1)
	if err != nil {
		return data.Value{}, err
	}
	var id protoMessageID
	if indexes != nil {
		id, _, err = messageOf(schema, indexes)
	} else {
		id, message, err = messageOf(schema, message)
	}
	if err != nil {
		return data.Value{}, fmt.Errorf("%s: %w; set %s to the converter that wrote it", c.use, err, c.use.setting(""))
	}
	r, err := c.readers.get(id)
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
		return data.Value{}, fmt.Errorf("%s does not fit its Protobuf schema, id %s: %w", c.use, id.id, err)
	}
	return data.RowValue(r.schema, a.cut(buf, from)), nil
}

// messageOf takes the indexes of the message off what follows the id of the schema.
func messageOf(schema registry.ID, b []byte) (id protoMessageID, message []byte, err error) {
	id.id = schema
	in := avroInput{b: b}
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

// read gets the schema of an id.
func (c *protobufConverter) read(id protoMessageID) (*protoReader, error) {
	s, err := c.schema(id.id)
	if err != nil {
		return nil, err
	}
	file, err := parseProto(s.Text, s.References)
	if err != nil {
		return nil, c.unusable(id.id, err)
	}
	var indexes []int
	for _, i := range id.indexes {
		if i > 0 {
			indexes = append(indexes, int(i)-1)
		}
	}
	r, err := newProtoReader(file, indexes, c.settings)
	if err != nil {
		return nil, c.unusable(id.id, err)
	}
	return r, nil
}
