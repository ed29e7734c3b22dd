package transform

import (
	"bytes"
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// flatten is Kafka's Flatten: the fields of structs within the key or value become its own, under joined names.
type flatten struct {
	target
	delimiter string
	separator []byte // the delimiter
	plans     bySchema[*flatPlan]
	cells     [][]byte // of the structs that are open
	flat      []entry  // room for the outcome
	stack     []entry  // the entries of the maps that are open
	meet      bool     // a name has the delimiter in it: joined names may meet
}

// flatPlan is the tree of a struct's fields.
type flatPlan struct {
	schema *data.Schema
	fields []flatField
}

type flatField struct {
	def    []byte  // the default of what is no struct, which stands for null
	in     *layout // of a struct within, nil for anything else
	inner  []flatField
	leaves int // how many cells come out of a struct within
}

func newFlatten(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		delimiter := s.text("delimiter")
		return built{transformation: &flatten{target: target{side, s.prefix, "flattening"}, delimiter: delimiter, separator: []byte(delimiter)}}, nil
	}
}

func (t *flatten) apply(m *message) (bool, error) {
	if t.of(m).isNull() {
		return true, nil
	}
	c, err := t.split(m)
	if err != nil {
		return true, err
	}
	if c.form == members {
		t.flat, t.stack, t.meet = t.flat[:0], append(t.stack[:0], c.entries...), false
		if err := t.entries(m.arena, c.codec, nil, 0, 0); err != nil {
			return true, fmt.Errorf("the %s: %w", t.side, err)
		}
		if t.meet {
			t.flat = once(t.flat)
		}
		c.entries, t.flat = t.flat, c.entries
		return true, nil
	}
	p, err := t.plans.of(c.schema, t.plan)
	if err != nil {
		return true, fmt.Errorf("the %s: %w", t.side, err)
	}
	c.spare = c.spare[:0]
	for i := range p.fields {
		if c.spare, err = t.append(c.spare, &p.fields[i], c.cells[i]); err != nil {
			return true, fmt.Errorf("the %s: %w", t.side, err)
		}
	}
	c.schema, c.cells, c.spare = p.schema, c.spare, c.cells
	return true, nil
}

// append appends the cells that come out of a field.
func (t *flatten) append(cells [][]byte, f *flatField, cell []byte) ([][]byte, error) {
	switch {
	case f.in == nil && cell == nil:
		return append(cells, f.def), nil
	case f.in == nil:
		return append(cells, cell), nil
	case cell == nil:
		for range f.leaves {
			cells = append(cells, nil)
		}
		return cells, nil
	}
	from := len(t.cells)
	var err error
	if t.cells, err = f.in.split(t.cells, cell); err != nil {
		return cells, err
	}
	for i := range f.inner {
		if cells, err = t.append(cells, &f.inner[i], t.cells[from+i]); err != nil {
			return cells, err
		}
	}
	t.cells = t.cells[:from]
	return cells, nil
}

// plan works out the flat schema.
func (t *flatten) plan(s *data.Schema) (*flatPlan, error) {
	b := likeStruct(s)
	def, _ := s.Default()
	fields, err := t.level(b, s, "", s.Optional(), def)
	if err != nil {
		return nil, err
	}
	flat, err := b.Build()
	return &flatPlan{flat, fields}, err
}

// level adds the fields of a struct to the flat schema. What may be null further out may be null in the flat one too;
// def is the default of the struct, nil for none.
func (t *flatten) level(b *data.Builder, s *data.Schema, prefix string, optional bool, def []byte) ([]flatField, error) {
	var defaults [][]byte
	if def != nil {
		var err error
		if defaults, err = newLayout(s).split(nil, def); err != nil {
			return nil, err
		}
	}
	var all []flatField
	for i, f := range s.Fields() {
		name := prefix + f.Name
		own, _ := f.Schema.Default()
		inherited := own
		if inherited == nil && defaults != nil {
			inherited = defaults[i]
		}
		field := flatField{def: own}
		mayBeNull := optional || f.Schema.Optional()
		switch f.Schema.Type() {
		case data.Struct:
			inner, err := t.level(b, f.Schema, name+t.delimiter, mayBeNull, inherited)
			if err != nil {
				return nil, err
			}
			field.in, field.inner = newLayout(f.Schema), inner
			for _, part := range inner {
				if part.in == nil {
					field.leaves++
				} else {
					field.leaves += part.leaves
				}
			}
		case data.Map:
			return nil, fmt.Errorf("field %s is %v, and only structs can be flattened where there is a schema; leave it out with ReplaceField before", name, f.Schema)
		default:
			leaf := like(f.Schema)
			if mayBeNull {
				leaf.Optional()
			}
			if inherited != nil {
				leaf.DefaultRow(inherited)
			}
			flat, err := leaf.Build()
			if err != nil {
				return nil, fmt.Errorf("field %s: %w", name, err)
			}
			b.Field(name, flat)
		}
		all = append(all, field)
	}
	return all, nil
}

// entries appends the flat form of the entries that lie on the stack from position from on.
func (t *flatten) entries(a *Arena, k codec, prefix []byte, from, depth int) error {
	if depth > data.MaxDepth {
		return fmt.Errorf("maps are nested deeper than %d", data.MaxDepth)
	}
	to := len(t.stack)
	for i := from; i < to; i++ {
		e := t.stack[i]
		if e.name == nil {
			return fmt.Errorf("a map has a key that is no string, and flattening makes names of keys")
		}
		t.meet = t.meet || bytes.Contains(e.name, t.separator)
		if prefix != nil {
			at := len(a.buf)
			e.name = a.cut(append(append(a.buf, prefix...), e.name...), at)
			at = len(a.buf)
			e.raw = a.cut(k.key(a.buf, e.name), at)
		}
		if !k.isMap(e.val) {
			t.flat = append(t.flat, e)
			continue
		}
		at := len(a.buf)
		inner := a.cut(append(append(a.buf, e.name...), t.delimiter...), at)
		var err error
		if t.stack, err = k.split(t.stack[:to], a, e.val); err != nil {
			return fmt.Errorf("field %s: %w", e.name, err)
		}
		if err := t.entries(a, k, inner, to, depth+1); err != nil {
			return err
		}
	}
	t.stack = t.stack[:to]
	return nil
}
