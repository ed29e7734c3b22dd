package transform

import (
	"regexp"

	"cel.dev/cel-go/cel"
)

// hasHeaderKey is Kafka's HasHeaderKey.
type hasHeaderKey struct{ name string }

func newHasHeaderKey(s settings) (built, error) {
	return built{predicate: hasHeaderKey{s.text("name")}}, nil
}

func (p hasHeaderKey) test(m *message) (bool, error) {
	for i := range m.headers {
		if m.headers[i].Key == p.name {
			return true, nil
		}
	}
	return false, nil
}

// recordIsTombstone is Kafka's RecordIsTombstone.
type recordIsTombstone struct{}

func newRecordIsTombstone(settings) (built, error) { return built{predicate: recordIsTombstone{}}, nil }

func (recordIsTombstone) test(m *message) (bool, error) { return m.parts[value].isNull(), nil }

// topicNameMatches is Kafka's TopicNameMatches. It remembers the topics that were asked for.
type topicNameMatches struct {
	regex   *regexp.Regexp
	last    string
	outcome bool // of last
	known   map[string]bool
}

func newTopicNameMatches(s settings) (built, error) {
	regex, err := s.regex("pattern")
	if err != nil {
		return built{}, err
	}
	return built{predicate: &topicNameMatches{regex: regex}}, nil
}

func (p *topicNameMatches) test(m *message) (bool, error) {
	if p.known != nil && p.last == m.topic {
		return p.outcome, nil
	}
	ok, known := p.known[m.topic]
	if !known {
		if p.known == nil || len(p.known) >= mostInterned {
			p.known = map[string]bool{}
		}
		ok = p.regex.MatchString(m.topic)
		p.known[m.topic] = ok
	}
	p.last, p.outcome = m.topic, ok
	return ok, nil
}

// expressionHolds is the predicate Condition: a CEL expression is true.
type expressionHolds struct{ condition *expression }

func newCondition(s settings) (built, error) {
	condition, err := s.expression("condition", cel.BoolType)
	return built{predicate: expressionHolds{condition}}, err
}

func (p expressionHolds) test(m *message) (bool, error) { return p.condition.boolean(m) }
