package transform

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// extractField is Kafka's ExtractField: a field, which may be deep inside, takes the place of the key or value.
type extractField struct {
	target
	path        path
	fix         string
	replaceNull bool
	plans       bySchema[*pathPlan]
}

func newExtractField(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		p, err := s.path("field")
		if err != nil {
			return built{}, err
		}
		t := &extractField{target: target{side, s.prefix, "taking a field out"}, path: p, fix: s.fix("field"), replaceNull: s.flag(replaceNullKey)}
		return built{transformation: t}, nil
	}
}

func (t *extractField) apply(m *message) (bool, error) {
	c := t.of(m)
	s := c.schemaOf()
	if c.isNull() && (s == nil || s.Type() != data.Struct) {
		return true, nil
	}
	if s == nil {
		return true, t.entry(m)
	}
	if s.Type() != data.Struct {
		return true, t.refuse(c)
	}
	p, err := t.plans.of(s, t.path.plan)
	if err != nil {
		return true, fmt.Errorf("the %s: %w; correct %s", t.side, err, t.fix)
	}
	if c.isNull() {
		c.setRow(p.schema, nil)
		return true, nil
	}
	cell, err := p.cell(c, t.replaceNull)
	if err != nil {
		return true, fmt.Errorf("the %s: %w", t.side, err)
	}
	c.setRow(p.schema, cell)
	return true, nil
}

// entry takes an entry of a map without schema out.
func (t *extractField) entry(m *message) error {
	c, err := t.split(m)
	if err != nil {
		return err
	}
	val, err := t.path.entry(m.arena, c)
	if err != nil {
		return fmt.Errorf("the %s: %w; correct %s", t.side, err, t.fix)
	}
	c.set(c.codec.value(val))
	return nil
}
