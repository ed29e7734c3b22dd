package transform

import (
	"fmt"
	"slices"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// headerFrom is Kafka's HeaderFrom: fields are copied or moved to headers.
type headerFrom struct {
	target
	fix         string
	names       []string
	headers     []string
	move        bool
	replaceNull bool
	plans       bySchema[*headerPlan]
}

// headerPlan is what moving fields does to a struct.
type headerPlan struct {
	from     []int // the fields that headers are made of
	defaults []fieldDefault
	schema   *data.Schema // what is left
	take     []int
}

func newHeaderFrom(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		t := &headerFrom{target: target{side, s.prefix, "making headers of fields"}, fix: s.fix("fields"),
			names: s.list("fields"), headers: s.list("headers"), move: s.text("operation") == "move", replaceNull: s.flag(replaceNullKey)}
		if len(t.names) != len(t.headers) {
			return built{}, s.wrong("headers", "'fields' config must have the same number of elements as 'headers' config; there are %d fields and %d headers",
				len(t.names), len(t.headers))
		}
		return built{transformation: t}, nil
	}
}

func (t *headerFrom) apply(m *message) (bool, error) {
	c, err := t.split(m)
	if err != nil {
		return true, err
	}
	if c.form == members {
		for i, n := range t.names {
			m.addHeader(t.headers[i], c.codec.value(c.get(n)))
		}
		if t.move {
			for _, n := range t.names {
				c.remove(n)
			}
		}
		return true, nil
	}
	p, err := t.plans.of(c.schema, t.plan)
	if err != nil {
		return true, fmt.Errorf("the %s: %w; correct %s", t.side, err, t.fix)
	}
	all := c.schema.Fields()
	for i, from := range p.from {
		cell := c.cells[from]
		if cell == nil && t.replaceNull {
			cell, _ = all[from].Schema.Default()
		}
		m.addHeader(t.headers[i], data.RowValue(all[from].Schema, cell))
	}
	if t.move {
		if t.replaceNull {
			c.fill(p.defaults)
		}
		c.take(p.schema, p.take)
	}
	return true, nil
}

func (t *headerFrom) plan(s *data.Schema) (*headerPlan, error) {
	p := &headerPlan{defaults: defaultsOf(s)}
	for _, n := range t.names {
		at := s.Lookup(n)
		if at < 0 {
			return nil, unknownField(n, s)
		}
		p.from = append(p.from, at)
	}
	b := likeStruct(s)
	for i, f := range s.Fields() {
		if !slices.Contains(t.names, f.Name) {
			b.Field(f.Name, f.Schema)
			p.take = append(p.take, i)
		}
	}
	var err error
	p.schema, err = b.Build()
	return p, err
}
