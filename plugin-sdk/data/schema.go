package data

import (
	"bytes"
	"fmt"
	"strconv"
)

// Type is the type of a schema. The numbers are those of the protocol.
type Type uint8

// The types of Kafka Connect, and Any for a value that carries its own type.
const (
	Int8    Type = 1
	Int16   Type = 2
	Int32   Type = 3
	Int64   Type = 4
	Float32 Type = 5
	Float64 Type = 6
	Boolean Type = 7
	String  Type = 8
	Bytes   Type = 9
	Array   Type = 10
	Map     Type = 11
	Struct  Type = 12
	Any     Type = 13
)

// MaxDepth is the deepest nesting of a schema or of an Any value.
const MaxDepth = 64

// String returns Kafka Connect's name of the type, "INT8" for instance.
func (t Type) String() string {
	switch t {
	case Int8:
		return "INT8"
	case Int16:
		return "INT16"
	case Int32:
		return "INT32"
	case Int64:
		return "INT64"
	case Float32:
		return "FLOAT32"
	case Float64:
		return "FLOAT64"
	case Boolean:
		return "BOOLEAN"
	case String:
		return "STRING"
	case Bytes:
		return "BYTES"
	case Array:
		return "ARRAY"
	case Map:
		return "MAP"
	case Struct:
		return "STRUCT"
	case Any:
		return "ANY"
	}
	return "type " + strconv.Itoa(int(t))
}

// fixedSize returns the size of a value of a type of fixed size, else 0.
func (t Type) fixedSize() int {
	switch t {
	case Int8, Boolean:
		return 1
	case Int16:
		return 2
	case Int32, Float32:
		return 4
	case Int64, Float64:
		return 8
	}
	return 0
}

// Parameter is a named property of a schema.
type Parameter struct{ Key, Value string }

// Field is a field of a struct schema.
type Field struct {
	Name   string
	Schema *Schema
}

// Schema describes values. It is immutable and safe for concurrent use; make
// one with [NewSchema], [NewStruct], [NewArray], [NewMap] or the variables of
// this package, once, and keep it: its address is its identity on the wire.
type Schema struct {
	typ        Type
	optional   bool
	hasVersion bool
	version    int32
	name, doc  string
	params     []Parameter
	hasDefault bool
	def        []byte // row encoding; nil: the default is null
	fields     []Field
	nullBit    []int32 // ordinal of a field among the optional ones, -1 when required
	nullBytes  int
	byName     map[string]int
	key, elem  *Schema
	depth      int
}

// Type returns the type.
func (s *Schema) Type() Type { return s.typ }

// Optional tells whether null is a value.
func (s *Schema) Optional() bool { return s.optional }

// Name returns the name, which marks a logical type; "" is none.
func (s *Schema) Name() string { return s.name }

// Version returns the version and whether there is one.
func (s *Schema) Version() (int32, bool) { return s.version, s.hasVersion }

// Doc returns the documentation.
func (s *Schema) Doc() string { return s.doc }

// Parameters returns the parameters in the order they were set. Do not change them.
func (s *Schema) Parameters() []Parameter { return s.params }

// Parameter returns one parameter.
func (s *Schema) Parameter(key string) (string, bool) {
	for _, p := range s.params {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

// Default returns the row encoding of the default value (nil is a null default)
// and whether there is a default. Do not change it.
func (s *Schema) Default() (row []byte, ok bool) { return s.def, s.hasDefault }

// Fields returns the fields of a struct. Do not change them.
func (s *Schema) Fields() []Field { return s.fields }

// Lookup returns the position of a field of a struct, -1 when there is none.
func (s *Schema) Lookup(name string) int {
	if i, ok := s.byName[name]; ok {
		return i
	}
	return -1
}

// NullBit returns the position of a struct's field in the null bits of its row
// encoding, -1 when the field is required.
func (s *Schema) NullBit(field int) int { return int(s.nullBit[field]) }

// NullBytes returns the number of bytes that the null bits of a struct take.
func (s *Schema) NullBytes() int { return s.nullBytes }

// Key returns the schema of a map's keys, nil for other types.
func (s *Schema) Key() *Schema { return s.key }

// Element returns the schema of an array's elements or of a map's values.
func (s *Schema) Element() *Schema { return s.elem }

// Equal tells whether two schemas are the same in every respect.
func (s *Schema) Equal(t *Schema) bool {
	if s == t {
		return true
	}
	if s == nil || t == nil || s.typ != t.typ || s.optional != t.optional || s.name != t.name || s.doc != t.doc ||
		s.hasVersion != t.hasVersion || s.version != t.version || s.hasDefault != t.hasDefault ||
		(s.def == nil) != (t.def == nil) || !bytes.Equal(s.def, t.def) ||
		len(s.params) != len(t.params) || len(s.fields) != len(t.fields) {
		return false
	}
	for i := range s.params {
		if s.params[i] != t.params[i] {
			return false
		}
	}
	for i := range s.fields {
		if s.fields[i].Name != t.fields[i].Name || !s.fields[i].Schema.Equal(t.fields[i].Schema) {
			return false
		}
	}
	return s.key.Equal(t.key) && s.elem.Equal(t.elem)
}

// String returns a short form for messages, such as "STRUCT(a.Order)" or "INT64?".
func (s *Schema) String() string {
	if s == nil {
		return "no schema"
	}
	b := s.typ.String()
	if s.name != "" {
		b += "(" + s.name + ")"
	}
	if s.optional {
		b += "?"
	}
	return b
}

// Builder makes a schema. Its methods return it, so that calls can be chained;
// mistakes are kept and returned by Build.
type Builder struct {
	s      Schema
	def    any
	defRow []byte
	setDef bool
	err    error
}

// NewSchema starts a schema of a type that has no parts.
func NewSchema(t Type) *Builder {
	b := &Builder{s: Schema{typ: t}}
	if t < Int8 || t > Any || t == Array || t == Map {
		b.err = fmt.Errorf("data: NewSchema(%v): use NewArray or NewMap", t)
	}
	return b
}

// NewStruct starts a struct schema; name may be empty.
func NewStruct(name string) *Builder {
	return &Builder{s: Schema{typ: Struct, name: name}}
}

// NewArray starts an array schema. A nil element schema means Any.
func NewArray(element *Schema) *Builder {
	return &Builder{s: Schema{typ: Array, elem: orAny(element)}}
}

// NewMap starts a map schema. A nil key or value schema means Any.
func NewMap(key, value *Schema) *Builder {
	return &Builder{s: Schema{typ: Map, key: orAny(key), elem: orAny(value)}}
}

func orAny(s *Schema) *Schema {
	if s == nil {
		return AnySchema
	}
	return s
}

// Optional makes null a value.
func (b *Builder) Optional() *Builder { b.s.optional = true; return b }

// Name sets the name.
func (b *Builder) Name(name string) *Builder { b.s.name = name; return b }

// Version sets the version.
func (b *Builder) Version(v int32) *Builder { b.s.version, b.s.hasVersion = v, true; return b }

// Doc sets the documentation.
func (b *Builder) Doc(doc string) *Builder { b.s.doc = doc; return b }

// Parameter sets a parameter.
func (b *Builder) Parameter(key, value string) *Builder {
	b.s.params = append(b.s.params, Parameter{key, value})
	return b
}

// Default sets the default to a Go value as Encode takes it.
func (b *Builder) Default(v any) *Builder { b.def, b.setDef = v, true; return b }

// DefaultRow sets the default to a row encoding; nil is null.
func (b *Builder) DefaultRow(row []byte) *Builder {
	b.s.hasDefault, b.defRow = true, row
	return b
}

// Field adds a field to a struct.
func (b *Builder) Field(name string, s *Schema) *Builder {
	switch {
	case b.err != nil:
	case b.s.typ != Struct:
		b.err = fmt.Errorf("data: field %q added to a schema of type %v", name, b.s.typ)
	case s == nil:
		b.err = fmt.Errorf("data: field %q has no schema", name)
	default:
		b.s.fields = append(b.s.fields, Field{name, s})
	}
	return b
}

// Build returns the schema, or what is wrong with it.
func (b *Builder) Build() (*Schema, error) {
	if b.err != nil {
		return nil, b.err
	}
	s := b.s
	if err := s.index(); err != nil {
		return nil, err
	}
	switch {
	case b.setDef && b.def == nil, s.hasDefault && b.defRow == nil:
		if !s.optional {
			return nil, fmt.Errorf("data: the default of a required %v is null", s.typ)
		}
		s.hasDefault = true
	case b.setDef:
		row, err := Encode(nil, &s, b.def)
		if err != nil {
			return nil, fmt.Errorf("data: default: %w", err)
		}
		s.hasDefault, s.def = true, row
	case s.hasDefault:
		if err := Check(&s, b.defRow); err != nil {
			return nil, fmt.Errorf("data: default: %w", err)
		}
		s.def = bytes.Clone(b.defRow)
	}
	return &s, nil
}

// MustBuild is Build for schemas known when the program is written; it panics on a mistake.
func (b *Builder) MustBuild() *Schema {
	s, err := b.Build()
	if err != nil {
		panic(err)
	}
	return s
}

func (s *Schema) index() error {
	deepest := 0
	for _, part := range []*Schema{s.key, s.elem} {
		if part != nil {
			deepest = max(deepest, part.depth)
		}
	}
	if s.typ == Struct {
		s.byName = make(map[string]int, len(s.fields))
		s.nullBit = make([]int32, len(s.fields))
		bits := 0
		for i, f := range s.fields {
			if _, dup := s.byName[f.Name]; dup {
				return fmt.Errorf("data: %v has two fields named %q", s, f.Name)
			}
			s.byName[f.Name] = i
			s.nullBit[i] = -1
			if f.Schema.optional {
				s.nullBit[i] = int32(bits)
				bits++
			}
			deepest = max(deepest, f.Schema.depth)
		}
		s.nullBytes = (bits + 7) / 8
	}
	s.depth = deepest + 1
	if s.depth > MaxDepth {
		return fmt.Errorf("data: schema %v is nested deeper than %d", s, MaxDepth)
	}
	return nil
}

// Schemas without name, as in Kafka Connect's class Schema.
var (
	Int8Schema    = NewSchema(Int8).MustBuild()
	Int16Schema   = NewSchema(Int16).MustBuild()
	Int32Schema   = NewSchema(Int32).MustBuild()
	Int64Schema   = NewSchema(Int64).MustBuild()
	Float32Schema = NewSchema(Float32).MustBuild()
	Float64Schema = NewSchema(Float64).MustBuild()
	BooleanSchema = NewSchema(Boolean).MustBuild()
	StringSchema  = NewSchema(String).MustBuild()
	BytesSchema   = NewSchema(Bytes).MustBuild()

	OptionalInt8Schema    = NewSchema(Int8).Optional().MustBuild()
	OptionalInt16Schema   = NewSchema(Int16).Optional().MustBuild()
	OptionalInt32Schema   = NewSchema(Int32).Optional().MustBuild()
	OptionalInt64Schema   = NewSchema(Int64).Optional().MustBuild()
	OptionalFloat32Schema = NewSchema(Float32).Optional().MustBuild()
	OptionalFloat64Schema = NewSchema(Float64).Optional().MustBuild()
	OptionalBooleanSchema = NewSchema(Boolean).Optional().MustBuild()
	OptionalStringSchema  = NewSchema(String).Optional().MustBuild()
	OptionalBytesSchema   = NewSchema(Bytes).Optional().MustBuild()

	// AnySchema is the schema of values that carry their own type; it takes null.
	AnySchema = &Schema{typ: Any, optional: true, depth: 1}
)
