package transform

import (
	"fmt"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// cast is Kafka's Cast: fields, or the whole key or value, become another type.
type cast struct {
	target
	fix         string
	replaceNull bool
	all         data.Type // of the whole content, 0 when fields are cast
	casts       []castOf
	plans       bySchema[*castPlan]
	wholes      bySchema[*data.Schema]
}

// castOf is one element of spec.
type castOf struct {
	name name
	to   data.Type
}

// castPlan is what casting does to a struct.
type castPlan struct {
	schema   *data.Schema
	defaults []fieldDefault
	casts    []castCell
}

type castCell struct {
	field int
	from  *data.Schema
	to    data.Type
}

// castTypes are the types to cast to.
var castTypes = [...]data.Type{data.Int8, data.Int16, data.Int32, data.Int64, data.Float32, data.Float64, data.Boolean, data.String}

func newCast(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		t := &cast{target: target{side, s.prefix, "casting fields"}, fix: s.fix("spec"), replaceNull: s.flag(replaceNullKey)}
		spec := s.list("spec")
		for _, element := range spec {
			field, typ, ok := strings.Cut(element, ":")
			if !ok {
				field, typ = "", element
			}
			to, known := castType(strings.TrimSpace(typ))
			switch {
			case !known:
				return built{}, s.wrong("spec", "%q is no type to cast to in %q; there are int8, int16, int32, int64, float32, float64, boolean and string", typ, element)
			case !ok && len(spec) > 1:
				return built{}, s.wrong("spec", "%q is a type without a field, for the whole %s; it must be the only element, or be field:%s", element, side, typ)
			case !ok:
				t.all = to
			default:
				t.add(castOf{newName(strings.TrimSpace(field)), to})
			}
		}
		return built{transformation: t}, nil
	}
}

func castType(name string) (data.Type, bool) {
	for _, t := range castTypes {
		if strings.EqualFold(name, t.String()) {
			return t, true
		}
	}
	return 0, false
}

// add adds an element of spec; the last one of a field counts.
func (t *cast) add(c castOf) {
	for i := range t.casts {
		if t.casts[i].name.text == c.name.text {
			t.casts[i] = c
			return
		}
	}
	t.casts = append(t.casts, c)
}

func (t *cast) apply(m *message) (bool, error) {
	c := t.of(m)
	if c.isNull() {
		return true, nil
	}
	if t.all != 0 {
		return true, t.whole(m, c)
	}
	c, err := t.split(m)
	if err != nil {
		return true, err
	}
	if c.form == members {
		return true, t.entries(m, c)
	}
	p, err := t.plans.of(c.schema, func(s *data.Schema) (*castPlan, error) { return t.plan(m.arena, s) })
	if err != nil {
		return true, err
	}
	if t.replaceNull {
		c.fill(p.defaults)
	}
	for _, f := range p.casts {
		if c.cells[f.field] == nil {
			continue
		}
		v, err := readCell(f.from, c.cells[f.field])
		if err == nil {
			v, err = castTo(m.arena, v, f.to)
		}
		if err != nil {
			return true, fmt.Errorf("field %s of the %s: %w; correct %s", c.schema.Fields()[f.field].Name, t.side, err, t.fix)
		}
		from := len(m.arena.buf)
		c.cells[f.field] = m.arena.cut(v.appendCell(m.arena.buf), from)
	}
	c.schema = p.schema
	return true, nil
}

// entries casts entries of a map without schema.
func (t *cast) entries(m *message, c *content) error {
	for _, e := range t.casts {
		if err := t.change(m.arena, c, e.name, t.fix, func(v scalar) (scalar, error) { return castTo(m.arena, v, e.to) }); err != nil {
			return err
		}
	}
	return nil
}

// whole casts the whole content.
func (t *cast) whole(m *message, c *content) error {
	s := c.schemaOf()
	if s == nil {
		k, val, err := c.bare(m.arena)
		if err != nil {
			return err
		}
		v, err := k.read(m.arena, val)
		if err == nil {
			v, err = castTo(m.arena, v, t.all)
		}
		if err != nil {
			return fmt.Errorf("the %s: %w; correct %s", t.side, err, t.fix)
		}
		from := len(m.arena.buf)
		c.set(k.value(m.arena.cut(k.append(m.arena.buf, v), from)))
		return nil
	}
	to, ok := t.wholes.get(s)
	if !ok {
		var err error
		if to, err = castSchema(m.arena, s, basics(data.NewSchema(t.all).Name(s.Name()), s), t.all); err != nil {
			return fmt.Errorf("the %s: %w; correct %s", t.side, err, t.fix)
		}
		t.wholes.put(s, to)
	}
	if c.form != whole {
		return fmt.Errorf("the %s is %v, which cannot be cast to %v; name its fields in %s", t.side, s, t.all, t.fix)
	}
	v, err := readCell(s, c.row(m.arena))
	if err == nil {
		v, err = castTo(m.arena, v, t.all)
	}
	if err != nil {
		return fmt.Errorf("the %s: %w; correct %s", t.side, err, t.fix)
	}
	from := len(m.arena.buf)
	c.setRow(to, m.arena.cut(v.appendCell(m.arena.buf), from))
	return nil
}

// plan works out what casting does to a struct.
func (t *cast) plan(a *Arena, s *data.Schema) (*castPlan, error) {
	p := &castPlan{defaults: defaultsOf(s)}
	b := likeStruct(s)
	if s.Optional() {
		b.Optional()
	}
	for i, f := range s.Fields() {
		to := t.typeOf(f.Name)
		if to == 0 {
			b.Field(f.Name, f.Schema)
			continue
		}
		changed, err := castSchema(a, f.Schema, data.NewSchema(to), to)
		if err != nil {
			return nil, fmt.Errorf("field %s of the %s: %w; correct %s", f.Name, t.side, err, t.fix)
		}
		b.Field(f.Name, changed)
		p.casts = append(p.casts, castCell{i, f.Schema, to})
	}
	var err error
	p.schema, err = b.Build()
	return p, err
}

func (t *cast) typeOf(field string) data.Type {
	for _, c := range t.casts {
		if c.name.text == field {
			return c.to
		}
	}
	return 0
}

// castSchema finishes the schema b of what values of s are cast to: null and the default stay what they were.
func castSchema(a *Arena, s *data.Schema, b *data.Builder, to data.Type) (*data.Schema, error) {
	if s.Optional() || s.Type() == data.Any {
		b.Optional()
	}
	if row, _ := s.Default(); row != nil {
		v, err := readCell(s, row)
		if err == nil {
			v, err = castTo(a, v, to)
		}
		if err != nil {
			return nil, fmt.Errorf("its default: %w", err)
		}
		b.DefaultRow(v.appendCell(nil))
	}
	return b.Build()
}

// castTo converts a value as Java's narrowing and parsing methods do. Texts are written to the arena.
func castTo(a *Arena, v scalar, to data.Type) (scalar, error) {
	r := scalar{typ: to}
	if v.typ > data.Bytes || v.typ == 0 {
		return r, fmt.Errorf("%s cannot be cast", v.typeName())
	}
	if to == data.String {
		from := len(a.buf)
		r.b = a.cut(v.appendText(a.buf), from)
		return r, nil
	}
	if v.typ == data.Bytes && !v.isDecimal() {
		return r, fmt.Errorf("bytes can be cast to string alone, not to %v", to)
	}
	if v.typ == data.String {
		return castText(v.b, to)
	}
	switch to {
	case data.Boolean:
		if v.integral() != 0 {
			r.n = 1
		}
	case data.Float32:
		r.f = float64(float32(v.float()))
	case data.Float64:
		r.f = v.float()
	case data.Int64:
		r.n = v.integral()
	default:
		n := v.integral()
		if v.isFloat() {
			n = saturate(v.f, -1<<31, 1<<31-1) // by way of int, whatever it is then cut down to
		}
		r.n = narrow(n, to)
	}
	return r, nil
}

// narrow cuts a number down to the bits of a type.
func narrow(n int64, t data.Type) int64 {
	switch t {
	case data.Int8:
		return int64(int8(n))
	case data.Int16:
		return int64(int16(n))
	case data.Int32:
		return int64(int32(n))
	}
	return n
}

var integerBits = map[data.Type]int{data.Int8: 8, data.Int16: 16, data.Int32: 32, data.Int64: 64}

// castText reads a number or a boolean from text.
func castText(text []byte, to data.Type) (scalar, error) {
	r := scalar{typ: to}
	ok := true
	switch to {
	case data.Boolean:
		if strings.EqualFold(view(text), "true") {
			r.n = 1
		}
	case data.Float32:
		r.f, ok = javaFloat(text, 32)
	case data.Float64:
		r.f, ok = javaFloat(text, 64)
	default:
		r.n, ok = javaInteger(text, integerBits[to])
	}
	if !ok {
		return r, fmt.Errorf("the text %.100q is no %v", text, to)
	}
	return r, nil
}
