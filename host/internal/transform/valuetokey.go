package transform

import (
	"fmt"
	"slices"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// valueToKey is Kafka's ValueToKey: fields of the value become the key.
type valueToKey struct {
	target
	fix         string
	names       []name
	replaceNull bool
	plans       bySchema[*keyPlan]
}

type keyPlan struct {
	schema *data.Schema
	from   []int
}

func newValueToKey(s settings) (built, error) {
	t := &valueToKey{target: target{value, s.prefix, "copying fields to the key"}, fix: s.fix("fields"), replaceNull: s.flag(replaceNullKey)}
	for i, n := range s.list("fields") {
		if slices.Index(s.list("fields"), n) < i {
			continue // once is enough
		}
		t.names = append(t.names, newName(n))
	}
	return built{transformation: t}, nil
}

func (t *valueToKey) apply(m *message) (bool, error) {
	c, err := t.split(m)
	if err != nil {
		return true, err
	}
	k := &m.parts[key]
	if c.form == members {
		k.form, k.codec, k.entries = members, c.codec, k.entries[:0]
		for _, n := range t.names {
			k.put(n, c.get(n.text))
		}
		return true, nil
	}
	p, err := t.plans.of(c.schema, t.plan)
	if err != nil {
		return true, fmt.Errorf("the value: %w; correct %s", err, t.fix)
	}
	k.form, k.schema, k.cells = fields, p.schema, k.cells[:0]
	all := p.schema.Fields()
	for i, from := range p.from {
		cell := c.cells[from]
		if cell == nil && t.replaceNull {
			cell, _ = all[i].Schema.Default()
		}
		k.cells = append(k.cells, cell)
	}
	return true, nil
}

func (t *valueToKey) plan(s *data.Schema) (*keyPlan, error) {
	p := &keyPlan{}
	b := data.NewStruct("")
	for _, n := range t.names {
		at := s.Lookup(n.text)
		if at < 0 {
			return nil, unknownField(n.text, s)
		}
		b.Field(n.text, s.Fields()[at].Schema)
		p.from = append(p.from, at)
	}
	var err error
	p.schema, err = b.Build()
	return p, err
}
