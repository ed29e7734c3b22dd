package transform

import "github.com/outboard-connect/outboard/plugin-sdk/data"

// hoistField is Kafka's HoistField: the key or value becomes the only field of a new struct or map.
type hoistField struct {
	target
	name  name
	plans bySchema[*data.Schema]
}

func newHoistField(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		return built{transformation: &hoistField{target: target{side, s.prefix, "hoisting"}, name: newName(s.text("field"))}}, nil
	}
}

func (t *hoistField) apply(m *message) (bool, error) {
	c := t.of(m)
	s := c.schemaOf()
	if s == nil {
		k, val, err := c.bare(m.arena)
		if err != nil {
			return true, err
		}
		c.form, c.codec, c.entries = members, k, c.entries[:0]
		c.put(t.name, val)
		return true, nil
	}
	to, ok := t.plans.get(s)
	if !ok {
		var err error
		if to, err = data.NewStruct("").Field(t.name.text, s).Build(); err != nil {
			return true, err
		}
		t.plans.put(s, to)
	}
	v, err := c.join(m.arena)
	if err != nil {
		return true, err
	}
	c.set(v)
	row := c.row(m.arena)
	c.form, c.schema, c.cells = fields, to, append(c.cells[:0], row)
	return true, nil
}
