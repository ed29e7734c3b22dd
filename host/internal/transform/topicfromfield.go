package transform

import (
	"fmt"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// topicFromField makes a field of the key or value, or all of it, or a header, the topic. It is TopicFromField, and the
// ExtractTopic of Confluent and of Aiven.
type topicFromField struct {
	target
	path   path   // empty: all of it
	header string // when it is a header that names the topic
	fix    string
	skip   bool // a name that is missing or null leaves the topic as it is
	plans  bySchema[*pathPlan]
	topics interned
	room   []byte
}

// skipKey is the setting that lets records pass whose topic has no name.
const skipKey = "skip.missing.or.null"

func newTopicFromField(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		p, err := s.path("field")
		if err != nil {
			return built{}, err
		}
		return topicFrom(s, side, p, "field")
	}
}

// topicFrom makes the transformation of a path that the setting called name gives.
func topicFrom(s settings, side side, p path, name string) (built, error) {
	if len(p) == 1 && p[0] == "" {
		p = nil
	}
	return built{transformation: &topicFromField{target: target{side, s.prefix, "naming topics by a field"}, path: p, fix: s.fix(name), skip: s.flag(skipKey)}}, nil
}

// newConfluentExtractTopic reads Confluent's settings: the field may be a path in JSONPath.
func newConfluentExtractTopic(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		p := path{s.text("field")}
		if s.text("field.format") == "JSON_PATH" {
			var problem string
			if p, problem = parseJSONPath(s.text("field")); problem != "" {
				return built{}, s.wrong("field", "%s", problem)
			}
		}
		return topicFrom(s, side, p, "field")
	}
}

func newAivenExtractTopic(side side) func(settings) (built, error) {
	return func(s settings) (built, error) { return topicFrom(s, side, path{s.text("field.name")}, "field.name") }
}

func newExtractTopicHeader(s settings) (built, error) {
	return built{transformation: &topicFromField{target: target{value, s.prefix, "naming topics by a header"}, header: s.text("field"), fix: s.fix("field"), skip: s.flag(skipKey)}}, nil
}

func (t *topicFromField) apply(m *message) (bool, error) {
	t.room = t.room[:0]
	found, err := t.name(m)
	if err != nil {
		return true, err
	}
	if !found || len(t.room) == 0 {
		if t.skip {
			return true, nil
		}
		return true, fmt.Errorf("%s has no text to name a topic by; set %s%s=true to leave the topic as it is", t.place(), t.prefix, skipKey)
	}
	m.topic = t.topics.own(t.room)
	return true, nil
}

// place names what should have the name.
func (t *topicFromField) place() string {
	switch {
	case t.header != "":
		return fmt.Sprintf("the header %q", t.header)
	case len(t.path) == 0:
		return "the " + t.side.String()
	}
	return fmt.Sprintf("field %s of the %s", t.path, t.side)
}

// name writes the name to t.room; false when it is missing or null.
func (t *topicFromField) name(m *message) (bool, error) {
	c := t.of(m)
	switch {
	case t.header != "":
		for i := len(m.headers) - 1; i >= 0; i-- {
			if m.headers[i].Key == t.header {
				h := content{v: m.headers[i].Value}
				return t.all(m, &h)
			}
		}
		return false, nil
	case len(t.path) == 0:
		return t.all(m, c)
	case c.isNull():
		return false, nil
	}
	s := c.schemaOf()
	if s == nil {
		c, err := t.split(m)
		if err != nil {
			return false, err
		}
		val, err := t.path.entry(m.arena, c)
		if err != nil || val == nil {
			return false, t.explain(err)
		}
		return t.bare(m, c.codec, val)
	}
	if s.Type() != data.Struct {
		return false, t.refuse(c)
	}
	p, ok := t.plans.get(s)
	if !ok {
		var err error
		if p, err = t.path.plan(s); err != nil {
			if t.skip {
				return false, nil
			}
			return false, t.explain(err)
		}
		t.plans.put(s, p)
	}
	cell, err := p.cell(c, true)
	if err != nil || cell == nil {
		return false, err
	}
	return t.cell(p.schema, cell)
}

func (t *topicFromField) explain(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the %s: %w; correct %s", t.side, err, t.fix)
}

// all takes the name from all of a content.
func (t *topicFromField) all(m *message, c *content) (bool, error) {
	if c.isNull() {
		return false, nil
	}
	if s := c.schemaOf(); s != nil {
		if c.form != whole {
			return false, fmt.Errorf("%s is %v, and topics are named by text; name a field of it in %s", t.place(), s, t.fix)
		}
		return t.cell(s, c.row(m.arena))
	}
	k, val, err := c.bare(m.arena)
	if err != nil {
		return false, err
	}
	return t.bare(m, k, val)
}

func (t *topicFromField) cell(s *data.Schema, cell []byte) (bool, error) {
	v, err := readCell(s, cell)
	return true, t.write(v, err)
}

func (t *topicFromField) bare(m *message, k codec, val []byte) (bool, error) {
	v, err := k.read(m.arena, val)
	return true, t.write(v, err)
}

// write writes a scalar as text.
func (t *topicFromField) write(v scalar, err error) error {
	switch {
	case err != nil:
		return t.explain(err)
	case v.typ == data.String:
		t.room = append(t.room, strings.TrimSpace(view(v.b))...)
	case v.typ > data.Bytes || v.typ == data.Bytes && !v.isDecimal():
		return fmt.Errorf("%s is %s, and topics are named by text; correct %s", t.place(), v.typeName(), t.fix)
	default:
		t.room = v.appendText(t.room)
	}
	return nil
}
