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

// head is what a value under a schema of the registry begins with.
func head(id int) (h [headSize]byte) {
	h[0] = magic
	binary.BigEndian.PutUint32(h[1:], uint32(id))
	return h
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

// id returns the id of the schema that a value of at least so many bytes names.
func (r *registered) id(b []byte, least int) (int, error) {
	if len(b) < least || b[0] != magic {
		return 0, fmt.Errorf("%s of %d bytes %s; set %s to the converter that wrote it", r.use, len(b), notRegistered(b), r.use.setting(""))
	}
	return int(binary.BigEndian.Uint32(b[1:])), nil
}

// schema returns the schema of an id, which is one of the converter's format.
func (r *registered) schema(id int) (*registry.Schema, error) {
	s, err := r.client.Schema(id)
	if err != nil {
		return nil, err
	}
	if s.Type != r.format {
		return nil, fmt.Errorf("schema %d of the %s is %s, the converter is %s; set %s to the converter that wrote it", id, r.use, s.Type, r.name, r.use.setting(""))
	}
	return s, nil
}

// unusable is the error of a schema that has an id, but no form in Connect.
func (r *registered) unusable(id int, err error) error {
	return fmt.Errorf("schema %d of the %s: %w", id, r.use, err)
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
