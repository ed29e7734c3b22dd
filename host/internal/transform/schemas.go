package transform

import "github.com/outboard-connect/outboard/plugin-sdk/data"

// mostSchemas is the number of schemas that a transformation remembers. A source that makes more of them in turn has each
// worked out again, under a new address.
const mostSchemas = 1000

// bySchema keeps what was worked out for schemas. Nearly always it is the schema of the record before that is asked for.
type bySchema[P any] struct {
	last  *data.Schema
	plan  P
	plans map[*data.Schema]P
}

// get returns what is known of a schema.
func (b *bySchema[P]) get(s *data.Schema) (p P, ok bool) {
	if s == b.last && s != nil {
		return b.plan, true
	}
	if p, ok = b.plans[s]; ok {
		b.last, b.plan = s, p
	}
	return p, ok
}

// of returns what is known of a schema, which work works out when it is new.
func (b *bySchema[P]) of(s *data.Schema, work func(*data.Schema) (P, error)) (P, error) {
	if p, ok := b.get(s); ok {
		return p, nil
	}
	p, err := work(s)
	if err != nil {
		return p, err
	}
	return b.put(s, p), nil
}

// put keeps what was worked out for a schema.
func (b *bySchema[P]) put(s *data.Schema, p P) P {
	if b.plans == nil || len(b.plans) >= mostSchemas {
		b.plans = map[*data.Schema]P{}
	}
	b.plans[s] = p
	b.last, b.plan = s, p
	return p
}

// likeStruct starts a struct schema with the name, version, documentation and parameters of another one. Like Kafka's
// transformations, it leaves out whether that is optional and its default.
func likeStruct(s *data.Schema) *data.Builder { return basics(data.NewStruct(s.Name()), s) }

// basics copies version, documentation and parameters.
func basics(b *data.Builder, s *data.Schema) *data.Builder {
	if v, ok := s.Version(); ok {
		b.Version(v)
	}
	b.Doc(s.Doc())
	for _, p := range s.Parameters() {
		b.Parameter(p.Key, p.Value)
	}
	return b
}

// like starts a schema with all of another one but whether it is optional and its default.
func like(s *data.Schema) *data.Builder {
	var b *data.Builder
	switch s.Type() {
	case data.Array:
		b = data.NewArray(s.Element())
	case data.Map:
		b = data.NewMap(s.Key(), s.Element())
	case data.Struct:
		b = data.NewStruct("")
		for _, f := range s.Fields() {
			b.Field(f.Name, f.Schema)
		}
	default:
		b = data.NewSchema(s.Type())
	}
	return basics(b.Name(s.Name()), s)
}

// same starts a schema with all of another one.
func same(s *data.Schema) *data.Builder {
	b := like(s)
	if s.Optional() {
		b.Optional()
	}
	if row, ok := s.Default(); ok {
		b.DefaultRow(row)
	}
	return b
}

// optional returns the schema with null as a value.
func optional(s *data.Schema) (*data.Schema, error) {
	if s.Optional() {
		return s, nil
	}
	return same(s).Optional().Build()
}
