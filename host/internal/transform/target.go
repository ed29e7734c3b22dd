package transform

import (
	"errors"
	"fmt"
)

// target is the part of a record that a transformation works on, with what messages need.
type target struct {
	side   side
	prefix string // of the transformation's keys
	doing  string // what it does, "casting fields"
}

// of returns the target's part of a message.
func (t target) of(m *message) *content { return &m.parts[t.side] }

// split opens the target's part of a message, which must be a struct or a map without schema.
func (t target) split(m *message) (*content, error) {
	c := &m.parts[t.side]
	if c.form != whole { // what an earlier transformation split
		return c, nil
	}
	ok, err := c.split(m.arena)
	switch {
	case errors.Is(err, errJSON):
		return c, fmt.Errorf("the %s is no JSON object that can be read: %w; the connector that sent it should be mended", t.side, err)
	case err != nil:
		return c, fmt.Errorf("the %s: %w", t.side, err)
	case !ok:
		return c, t.refuse(c)
	}
	return c, nil
}

// change puts what to makes of it in the place of the entry n of a map without schema. One that is null or missing is null then.
func (t target) change(a *Arena, c *content, n name, fix string, to func(scalar) (scalar, error)) error {
	val := c.get(n.text)
	if val != nil {
		v, err := c.codec.read(a, val)
		if err == nil {
			v, err = to(v)
		}
		if err != nil {
			return fmt.Errorf("field %s of the %s: %w; correct %s", n.text, t.side, err, fix)
		}
		from := len(a.buf)
		val = a.cut(c.codec.append(a.buf, v), from)
	}
	c.put(n, val)
	return nil
}

// refuse says that a content has no fields.
func (t target) refuse(c *content) error {
	if c.isNull() {
		return fmt.Errorf("the %s is null, and %s needs a struct or a map; keep tombstones away from it with a predicate: "+
			"predicates.tombstone.type=RecordIsTombstone, %spredicate=tombstone, %snegate=true", t.side, t.doing, t.prefix, t.prefix)
	}
	return fmt.Errorf("the %s is %s, and %s needs a struct or a map; set %s.converter to one that reads fields, such as JsonConverter, "+
		"or put HoistField$%s before it", t.side, c.describe(), t.doing, t.side, title(t.side))
}

func title(s side) string {
	if s == key {
		return "Key"
	}
	return "Value"
}
