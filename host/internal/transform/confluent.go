package transform

import (
	"errors"
	"fmt"

	"cel.dev/cel-go/cel"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// conditionFilter is Confluent's Filter: records for which a condition in JSONPath holds stay, or go.
type conditionFilter struct {
	target
	condition *expression
	fields    []path
	plans     bySchema[[]*pathPlan]
	include   bool
	missing   string // what becomes of records that lack one of the fields
	fix       string
}

func newConditionFilter(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		c, problem := parseJSONCondition(s.text("filter.condition"), side.String())
		if problem != "" {
			return built{}, s.wrong("filter.condition", "%s", problem)
		}
		e, err := s.compile("filter.condition", c.cel, cel.BoolType)
		if err != nil {
			return built{}, err
		}
		e.text = s.text("filter.condition")
		return built{transformation: &conditionFilter{target: target{side, s.prefix, "filtering by fields"}, condition: e, fields: c.fields,
			include: s.text("filter.type") == "include", missing: s.text("missing.or.null.behavior"), fix: s.fix("filter.condition")}}, nil
	}
}

func (t *conditionFilter) apply(m *message) (bool, error) {
	lacks, err := t.lacks(m)
	if err != nil {
		return true, err
	}
	if lacks != "" {
		switch t.missing {
		case "include":
			return true, nil
		case "exclude":
			return false, nil
		}
		return true, fmt.Errorf("field %s of the %s is missing or null; correct %s, or set %smissing.or.null.behavior to include or exclude",
			lacks, t.side, t.fix, t.prefix)
	}
	holds, err := t.condition.boolean(m)
	return holds == t.include, err
}

// lacks names a field that is missing or null, "" for none.
func (t *conditionFilter) lacks(m *message) (string, error) {
	c := t.of(m)
	s := c.schemaOf()
	if c.isNull() {
		return t.fields[0].String(), nil
	}
	if s == nil || s.Type() != data.Struct {
		c, err := t.split(m)
		if err != nil {
			return "", err
		}
		for _, p := range t.fields {
			if val, err := p.entry(m.arena, c); val == nil || err != nil {
				return p.String(), nil
			}
		}
		return "", nil
	}
	plans, ok := t.plans.get(s)
	if !ok {
		for _, p := range t.fields {
			plan, err := p.plan(s)
			if err != nil {
				plan = nil // the schema does not have it
			}
			plans = append(plans, plan)
		}
		t.plans.put(s, plans)
	}
	for i, p := range plans {
		if p == nil {
			return t.fields[i].String(), nil
		}
		if cell, err := p.cell(c, true); cell == nil || err != nil {
			return t.fields[i].String(), err
		}
	}
	return "", nil
}

// drop is Confluent's Drop: the key or value becomes null.
type drop struct {
	target
	behavior string
	plans    bySchema[*data.Schema]
}

func newDrop(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		return built{transformation: &drop{target: target{side, s.prefix, "dropping it"}, behavior: s.text("schema.behavior")}}, nil
	}
}

func (t *drop) apply(m *message) (bool, error) {
	c := t.of(m)
	s := c.schemaOf()
	if s == nil || t.behavior == "nullify" {
		c.set(data.Value{})
		return true, nil
	}
	if t.behavior == "force_optional" {
		to, ok := t.plans.get(s)
		if !ok {
			var err error
			if to, err = optional(s); err != nil {
				return true, err
			}
			t.plans.put(s, to)
		}
		s = to
	}
	if !s.Optional() {
		return true, fmt.Errorf("the schema %v of the %s does not take null; set %sschema.behavior to force_optional or nullify", s, t.side, t.prefix)
	}
	c.setRow(s, nil)
	return true, nil
}

// tombstoneHandler is Confluent's TombstoneHandler: what becomes of records without value.
type tombstoneHandler struct {
	prefix, behavior string
}

func newTombstoneHandler(s settings) (built, error) {
	return built{transformation: &tombstoneHandler{s.prefix, s.text("behavior")}}, nil
}

func (t *tombstoneHandler) apply(m *message) (bool, error) {
	if !m.parts[value].isNull() {
		return true, nil
	}
	switch t.behavior {
	case "drop_silent", "drop_warn":
		return false, nil
	case "fail":
		return true, fmt.Errorf("the record has no value, and %sbehavior=fail says that this must not be", t.prefix)
	}
	return true, nil
}

// messageTimestampRouter is Confluent's MessageTimestampRouter: the time that a field tells becomes part of the topic.
type messageTimestampRouter struct {
	target
	fields []path
	read   *dateFormat
	write  *dateFormat
	parts  []topicPart
	fix    string
	topics interned
	room   []byte
}

func newMessageTimestampRouter(s settings) (built, error) {
	t := &messageTimestampRouter{target: target{value, s.prefix, "naming topics by a time"}, parts: parseTopicFormat(s.text("topic.format")), fix: s.fix("message.timestamp.keys")}
	var problem string
	if t.read, problem = parseDateFormat(s.text("message.timestamp.format")); problem != "" {
		return built{}, s.wrong("message.timestamp.format", "%s", problem)
	}
	if t.write, problem = parseDateFormat(s.text("topic.timestamp.format")); problem != "" {
		return built{}, s.wrong("topic.timestamp.format", "%s", problem)
	}
	for _, f := range s.list("message.timestamp.keys") {
		t.fields = append(t.fields, path{f})
	}
	return built{transformation: t}, nil
}

func (t *messageTimestampRouter) apply(m *message) (bool, error) {
	c, err := t.split(m)
	if err != nil {
		return true, err
	}
	millis, err := t.moment(m, c)
	if err != nil {
		return true, err
	}
	t.room = appendTopic(t.room[:0], t.parts, m.topic, t.write, millis)
	m.topic = t.topics.own(t.room)
	return true, nil
}

// moment returns the time that the first of the fields tells which is there and not null.
func (t *messageTimestampRouter) moment(m *message, c *content) (int64, error) {
	if c.form == members {
		for _, p := range t.fields {
			if val := c.get(p[0]); val != nil {
				v, err := c.codec.read(m.arena, val)
				if err != nil {
					return 0, err
				}
				return t.millis(p, v)
			}
		}
	} else {
		for _, p := range t.fields {
			if at := c.schema.Lookup(p[0]); at >= 0 && c.cells[at] != nil {
				v, err := readCell(c.schema.Fields()[at].Schema, c.cells[at])
				if err != nil {
					return 0, err
				}
				return t.millis(p, v)
			}
		}
	}
	return 0, fmt.Errorf("the value has none of the fields that tell a time; correct %s", t.fix)
}

var errNoTime = errors.New("tells no time")

func (t *messageTimestampRouter) millis(p path, v scalar) (int64, error) {
	kind := momentText
	switch {
	case v.name == data.DateName:
		kind = momentDate
	case v.typ == data.Int64:
		kind = momentUnix
	case v.typ != data.String:
		return 0, fmt.Errorf("field %s of the value is %s, which %w", p, v.typeName(), errNoTime)
	}
	millis, err := moment{format: t.read, multiplier: 1, divisor: 1}.read(kind, v)
	if err != nil {
		return 0, fmt.Errorf("field %s of the value %w: %w", p, errNoTime, err)
	}
	return millis, nil
}
