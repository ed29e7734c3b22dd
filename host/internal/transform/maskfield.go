package transform

import (
	"fmt"
	"math/big"
	"slices"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// maskField is Kafka's MaskField: fields get a value that says nothing.
type maskField struct {
	target
	fix         string
	names       []name
	replacement replacement
	replaceNull bool
	plans       bySchema[*maskPlan]
}

// maskPlan is what masking does to a struct.
type maskPlan struct {
	defaults []fieldDefault
	masks    []fieldDefault // what takes the place of a field that is not null
	refused  []maskRefusal
}

// maskRefusal is a field that cannot be masked, which matters only when it is not null.
type maskRefusal struct {
	field int
	err   error
}

func newMaskField(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		t := &maskField{target: target{side, s.prefix, "masking fields"}, fix: s.fix("fields"), replaceNull: s.flag(replaceNullKey)}
		for _, n := range s.list("fields") {
			t.names = append(t.names, newName(n))
		}
		if s.has("replacement") {
			t.replacement = replacement{text: s.text("replacement"), bytes: []byte(s.text("replacement")), given: true}
			t.replacement.number, _ = parseDecimal(t.replacement.text)
		}
		return built{transformation: t}, nil
	}
}

func (t *maskField) apply(m *message) (bool, error) {
	c, err := t.split(m)
	if err != nil {
		return true, err
	}
	if c.form == members {
		return true, t.entries(m, c)
	}
	p, ok := t.plans.get(c.schema)
	if !ok {
		p = t.plans.put(c.schema, t.plan(c.schema))
	}
	if t.replaceNull {
		c.fill(p.defaults)
	}
	for _, mask := range p.masks {
		if c.cells[mask.field] != nil {
			c.cells[mask.field] = mask.row
		}
	}
	for _, r := range p.refused {
		if c.cells[r.field] != nil {
			return true, r.err
		}
	}
	return true, nil
}

func (t *maskField) plan(s *data.Schema) *maskPlan {
	p := &maskPlan{defaults: defaultsOf(s)}
	for i, f := range s.Fields() {
		if !slices.ContainsFunc(t.names, func(n name) bool { return n.text == f.Name }) {
			continue
		}
		row, err := t.replacement.cell(f.Schema)
		if err != nil {
			p.refused = append(p.refused, maskRefusal{i, fmt.Errorf("field %s of the %s: %w; correct %s", f.Name, t.side, err, t.fix)})
			continue
		}
		p.masks = append(p.masks, fieldDefault{i, row})
	}
	return p
}

// entries masks entries of a map without schema.
func (t *maskField) entries(m *message, c *content) error {
	for _, n := range t.names {
		if err := t.change(m.arena, c, n, t.fix, t.replacement.mask); err != nil {
			return err
		}
	}
	return nil
}

// replacement is what fields are masked with: the text, as the type of the field, or zero when none is given.
type replacement struct {
	given  bool
	text   string
	bytes  []byte
	number *data.Decimal // the text as a number, nil when it is none
}

// cell returns the row encoding of the mask for a schema.
func (r replacement) cell(s *data.Schema) ([]byte, error) {
	v := scalar{typ: s.Type(), name: s.Name()}
	if v.isDecimal() {
		return r.decimal(s)
	}
	if v.typ == data.Any {
		return nil, fmt.Errorf("%v cannot be masked", s)
	}
	v, err := r.mask(v)
	if err != nil {
		return nil, err
	}
	if v.typ == data.Array || v.typ == data.Map {
		return []byte{0}, nil
	}
	return v.appendCell([]byte{}), nil
}

// decimal returns the mask of a Decimal.
func (r replacement) decimal(s *data.Schema) ([]byte, error) {
	unscaled := new(big.Int)
	if r.given {
		scale, err := scaleOf(s)
		if err != nil {
			return nil, err
		}
		if r.number == nil {
			return nil, fmt.Errorf("the replacement %q is no number", r.text)
		}
		exact, ok := rescale(*r.number, scale)
		if !ok {
			return nil, fmt.Errorf("the replacement %q has more digits behind the point than %v, which has %d", r.text, s, scale)
		}
		unscaled = exact
	}
	return appendSized([]byte{}, data.AppendUnscaled(nil, unscaled)), nil
}

// mask returns what takes the place of v. Of arrays and maps the type alone counts: they become empty.
func (r replacement) mask(v scalar) (scalar, error) {
	to := scalar{typ: v.typ}
	switch {
	case !r.given && v.typ != data.Bytes && v.typ != data.Struct:
		return to, nil
	case !r.given:
		return to, fmt.Errorf("%s cannot be masked", v.typeName())
	case v.name != "" && isTemporal(v.name) || v.typ > data.String || v.typ == data.Boolean:
		return to, fmt.Errorf("%s cannot be masked with a replacement, only numbers and texts can", v.typeName())
	case v.typ == data.String:
		to.b = r.bytes
		return to, nil
	case r.number == nil:
		return to, fmt.Errorf("the replacement %q is no number", r.text)
	}
	exact := scalar{typ: data.Bytes, name: data.DecimalName, b: data.AppendUnscaled(nil, r.number.Unscaled), scale: r.number.Scale}
	switch v.typ {
	case data.Float32:
		to.f = float64(float32(exact.float()))
	case data.Float64:
		to.f = exact.float()
	default:
		to.n = narrow(exact.integral(), v.typ)
	}
	return to, nil
}

func isTemporal(name string) bool {
	return name == data.DateName || name == data.TimeName || name == data.TimestampName
}

// rescale returns the unscaled number of d under another scale, if it loses nothing.
func rescale(d data.Decimal, scale int) (*big.Int, bool) {
	shift := scale - d.Scale
	if shift > mostDigits || shift < -mostDigits {
		return nil, false
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(shift, -shift))), nil)
	if shift >= 0 {
		return ten.Mul(ten, d.Unscaled), true
	}
	quotient, rest := new(big.Int).QuoRem(d.Unscaled, ten, new(big.Int))
	return quotient, rest.Sign() == 0
}
