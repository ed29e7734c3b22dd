package wire

import (
	"fmt"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// FirstSchema is the smallest id of a schema; smaller types are the kinds
// without schema.
const FirstSchema = uint32(data.KindRow)

// MaxSchemas is the largest number of schemas in one stream.
const MaxSchemas = 65536

// SchemaToProto returns the message of a schema.
func SchemaToProto(s *data.Schema, id uint32) *connectv1.Schema {
	m := &connectv1.Schema{Id: id, Type: connectv1.Type(s.Type()), Optional: s.Optional(), Name: s.Name(), Doc: s.Doc()}
	if v, ok := s.Version(); ok {
		m.Version = &v
	}
	for _, p := range s.Parameters() {
		m.Parameters = append(m.Parameters, &connectv1.SchemaParameter{Key: p.Key, Value: p.Value})
	}
	// A null default says no more than that the schema is optional.
	if row, ok := s.Default(); ok && row != nil {
		m.Default = row
	}
	for _, f := range s.Fields() {
		m.Fields = append(m.Fields, &connectv1.SchemaField{Name: f.Name, Schema: SchemaToProto(f.Schema, 0)})
	}
	if s.Key() != nil {
		m.Key = SchemaToProto(s.Key(), 0)
	}
	if s.Element() != nil {
		m.Element = SchemaToProto(s.Element(), 0)
	}
	return m
}

// SchemaFromProto returns the schema of a message from a stranger, in memory of its own.
func SchemaFromProto(m *connectv1.Schema) (*data.Schema, error) { return schemaFromProto(m, 0) }

func schemaFromProto(m *connectv1.Schema, depth int) (*data.Schema, error) {
	if m == nil {
		return nil, fmt.Errorf("schema is missing")
	}
	if depth > data.MaxDepth {
		return nil, fmt.Errorf("schema is nested deeper than %d", data.MaxDepth)
	}
	b, err := schemaOfType(m, depth)
	if err != nil {
		return nil, err
	}
	if m.Optional {
		b.Optional()
	}
	b.Name(strings.Clone(m.Name)).Doc(strings.Clone(m.Doc))
	if m.Version != nil {
		b.Version(*m.Version)
	}
	for _, p := range m.Parameters {
		b.Parameter(strings.Clone(p.GetKey()), strings.Clone(p.GetValue()))
	}
	if m.Default != nil {
		b.DefaultRow(m.Default)
	}
	return b.Build()
}

func schemaOfType(m *connectv1.Schema, depth int) (*data.Builder, error) {
	switch t := data.Type(m.Type); t {
	case data.Array:
		elem, err := schemaFromProto(m.Element, depth+1)
		if err != nil {
			return nil, fmt.Errorf("element: %w", err)
		}
		return data.NewArray(elem), nil
	case data.Map:
		key, err := schemaFromProto(m.Key, depth+1)
		if err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		elem, err := schemaFromProto(m.Element, depth+1)
		if err != nil {
			return nil, fmt.Errorf("value: %w", err)
		}
		return data.NewMap(key, elem), nil
	case data.Struct:
		b := data.NewStruct("")
		for _, f := range m.Fields {
			s, err := schemaFromProto(f.GetSchema(), depth+1)
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", f.GetName(), err)
			}
			b.Field(strings.Clone(f.GetName()), s)
		}
		return b, nil
	default:
		if m.Type < 1 || t > data.Any {
			return nil, fmt.Errorf("unknown schema type %d", m.Type)
		}
		return data.NewSchema(t), nil
	}
}

// schemaIDs numbers the schemas that a stream uses.
type schemaIDs struct {
	ids   map[*data.Schema]uint32
	known []*data.Schema // by id; equal schemas share one
	fresh []*connectv1.Schema

	last   *data.Schema // the one asked for last
	lastID uint32
}

// id returns the number of a schema and notes those the peer must be told.
func (t *schemaIDs) id(s *data.Schema) uint32 {
	if s != t.last || t.lastID == 0 {
		t.last, t.lastID = s, t.find(s)
	}
	return t.lastID
}

func (t *schemaIDs) find(s *data.Schema) uint32 {
	if id, ok := t.ids[s]; ok {
		return id
	}
	if t.ids == nil {
		t.ids = map[*data.Schema]uint32{}
	}
	if len(t.ids) > 4*MaxSchemas {
		clear(t.ids) // an author who makes a schema for each record
	}
	for i, k := range t.known {
		if k.Equal(s) {
			t.ids[s] = FirstSchema + uint32(i)
			return t.ids[s]
		}
	}
	id := FirstSchema + uint32(len(t.known))
	t.known = append(t.known, s)
	t.ids[s] = id
	t.fresh = append(t.fresh, SchemaToProto(s, id))
	return id
}
