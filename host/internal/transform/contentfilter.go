package transform

import (
	"fmt"
	"regexp"

	"cel.dev/cel-go/cel"
)

// contentFilter is Debezium's Filter: records stay for which a condition holds.
type contentFilter struct {
	scope
	condition *expression
}

// scope says which records an expression is evaluated for.
type scope struct {
	topics *topicNameMatches // nil: those of all topics
	nulls  string            // what becomes of records without value
}

// What becomes of records without value.
const (
	keepNulls     = "keep"
	dropNulls     = "drop"
	evaluateNulls = "evaluate"
)

func (s settings) scope() (scope, error) {
	if text := s.text("language"); text != "" && text != "cel" {
		return scope{}, s.wrong("language", "Expressions are written in CEL here, and run in the worker without a script engine. Remove it or set it to cel; "+
			"comparisons such as value.op == 'u' && value.before.id == 2 are the same text")
	}
	sc := scope{nulls: s.text("null.handling.mode")}
	if s.has("topic.regex") {
		var regex *regexp.Regexp
		var err error
		if regex, err = s.regex("topic.regex"); err != nil {
			return sc, err
		}
		sc.topics = &topicNameMatches{regex: regex}
	}
	return sc, nil
}

// covers tells whether the expression is to be evaluated; if not, whether the message stays.
func (sc scope) covers(m *message) (evaluate, keep bool, err error) {
	if sc.topics != nil {
		if ok, err := sc.topics.test(m); !ok || err != nil {
			return false, true, err
		}
	}
	if sc.nulls != evaluateNulls && m.parts[value].isNull() {
		return false, sc.nulls == keepNulls, nil
	}
	return true, true, nil
}

func newContentFilter(s settings) (built, error) {
	sc, err := s.scope()
	if err != nil {
		return built{}, err
	}
	condition, err := s.expression("condition", cel.BoolType)
	if err != nil {
		return built{}, err
	}
	return built{transformation: &contentFilter{sc, condition}}, nil
}

func (t *contentFilter) apply(m *message) (bool, error) {
	evaluate, keep, err := t.covers(m)
	if !evaluate || err != nil {
		return keep, err
	}
	return t.condition.boolean(m)
}

// contentRouter is Debezium's ContentBasedRouter: an expression names the topic.
type contentRouter struct {
	scope
	prefix string
	topic  *expression
	topics interned
}

func newContentRouter(s settings) (built, error) {
	sc, err := s.scope()
	if err != nil {
		return built{}, err
	}
	topic, err := s.expression("topic.expression", cel.StringType, cel.NullType)
	if err != nil {
		return built{}, err
	}
	return built{transformation: &contentRouter{scope: sc, prefix: s.prefix, topic: topic}}, nil
}

func (t *contentRouter) apply(m *message) (bool, error) {
	evaluate, keep, err := t.covers(m)
	if !evaluate || err != nil {
		return keep, err
	}
	name, err := t.topic.name(m)
	if err != nil {
		return true, fmt.Errorf("%w; correct %stopic.expression", err, t.prefix)
	}
	if name != "" {
		m.topic = t.topics.own([]byte(name))
	}
	return true, nil
}
