package convert

import (
	"encoding/binary"
	"fmt"

	"github.com/outboard-connect/outboard/host/internal/registry"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// magic is the first byte of a value with the id of its schema in the four bytes that follow.
const magic = 0

// headSize is how many bytes the magic byte and the id take.
const headSize = 5

// magicGUID is the first byte of what names a schema by its GUID, in the sixteen bytes that follow: usually a header of the record.
const magicGUID = 1

// guidSize is how many bytes the magic byte and the GUID take.
const guidSize = 17

// Headed is a Converter whose values can be named by a header of their record: what HeaderSchemaIdSerializer writes and
// DualSchemaIdDeserializer reads.
type Headed interface {
	Converter
	// SchemaHeader is the name of the header. When a record has several of the name, the last one counts.
	SchemaHeader() string
	// FromConnectHeaded is FromConnect, and returns the header as well; nil is none. It is valid as long as the converter.
	FromConnectHeaded(a *Arena, topic string, v data.Value) (b, header []byte, err error)
	// ToConnectHeaded is ToConnect with the header of the record, nil when there is none.
	ToConnectHeaded(a *Arena, topic string, b, header []byte) (data.Value, error)
}

// stamp is what names the schema of a value: bytes in front of it, or a header of its record.
type stamp struct{ front, header []byte }

// stamp returns the one for a schema; more is what follows the id.
func (r *registered) stamp(id registry.ID, more ...byte) stamp {
	if r.client.WritesHeader() {
		return stamp{header: append(append([]byte{magicGUID}, id.GUID[:]...), more...)}
	}
	return stamp{front: append(binary.BigEndian.AppendUint32([]byte{magic}, uint32(id.Number)), more...)}
}

// SchemaHeader implements Headed.
func (r *registered) SchemaHeader() string {
	if r.use == Key {
		return "__key_schema_id"
	}
	return "__value_schema_id"
}

// target is a schema in a topic.
type target struct {
	schema *data.Schema
	topic  string
}

// registered is what converters have in common whose schemas are in a registry.
type registered struct {
	use    Use
	name   string // of the converter
	format registry.Format
	client *registry.Client
}

func newRegistered(s settings, name string, format registry.Format) (registered, error) {
	client, err := registry.New(s.registry, s.use.String())
	if err != nil {
		return registered{}, fmt.Errorf("%s: %w", s.use.setting(""), err)
	}
	return registered{use: s.use, name: name, format: format, client: client}, nil
}

// id returns the id of the schema that a value names, what follows it there, and the bytes of the value itself, of which there are at
// least so many. What follows the id in front of the value is a part of these.
func (r *registered) id(b, header []byte, least int) (id registry.ID, more, value []byte, err error) {
	if header != nil && r.client.ReadsHeader() {
		id, more, ok := splitID(header)
		if !ok {
			return id, nil, nil, fmt.Errorf("header %s of %d bytes begins with %#x: it takes magic byte 1 and the 16 bytes of a GUID, or 0 and the 4 of a number; set %s to %s if it is not meant to name a schema",
				r.SchemaHeader(), len(header), header[:min(len(header), 4)], r.use.setting(r.use.String()+".schema.id.deserializer"), "PrefixSchemaIdDeserializer")
		}
		return id, more, b, nil
	}
	id, value, ok := splitID(b)
	if !ok || len(value) < least {
		return id, nil, nil, fmt.Errorf("%s of %d bytes %s; set %s to the converter that wrote it", r.use, len(b), notRegistered(b), r.use.setting(""))
	}
	return id, nil, value, nil
}

// splitID takes the id of a schema off.
func splitID(b []byte) (id registry.ID, rest []byte, ok bool) {
	switch {
	case len(b) >= headSize && b[0] == magic:
		id.Number = int(binary.BigEndian.Uint32(b[1:]))
		return id, b[headSize:], true
	case len(b) >= guidSize && b[0] == magicGUID:
		id.GUID = registry.GUID(b[1:guidSize])
		return id, b[guidSize:], true
	}
	return id, nil, false
}

// schema returns the schema of an id, which is one of the converter's format.
func (r *registered) schema(id registry.ID) (*registry.Schema, error) {
	s, err := r.client.Schema(id)
	if err != nil {
		return nil, err
	}
	if s.Type != r.format {
		return nil, fmt.Errorf("schema %s of the %s is %s, the converter is %s; set %s to the converter that wrote it", id, r.use, s.Type, r.name, r.use.setting(""))
	}
	return s, nil
}

// unusable is the error of a schema that has an id, but no form in Connect.
func (r *registered) unusable(id registry.ID, err error) error {
	return fmt.Errorf("schema %s of the %s: %w", id, r.use, err)
}

// notRegistered tells what a value is that does not begin with the id of a schema.
func notRegistered(b []byte) string {
	switch {
	case len(b) == 0:
		return "is empty: it names no schema"
	case b[0] == '{' || b[0] == '[':
		return "begins like JSON, not with magic byte 0 and the id of a schema"
	case foreign(b) != "":
		return foreign(b)
	}
	return fmt.Sprintf("begins with %#02x, not with magic byte 0 and the id of a schema", b[0])
}

// flag is a setting of a format that is on or off.
func flag(group string, order int, name, value, doc string) config.Key {
	return config.Key{Name: name, Type: config.TypeBoolean, Default: config.Default(value), Importance: config.ImportanceLow, Doc: doc,
		Group: group, Order: order, Width: config.WidthShort, DisplayName: name}
}
