package document

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// envelope is where the parts of a Debezium change event are in its schema.
type envelope struct {
	before, after, op int
}

// findEnvelope returns nil for a schema that is not that of a change event.
func findEnvelope(s *data.Schema) *envelope {
	e := &envelope{s.Lookup("before"), s.Lookup("after"), s.Lookup("op")}
	source := s.Lookup("source")
	if e.before < 0 || e.after < 0 || e.op < 0 || source < 0 {
		return nil
	}
	f := s.Fields()
	if f[e.before].Schema.Type() != data.Struct || f[e.after].Schema.Type() != data.Struct ||
		f[e.op].Schema.Type() != data.String || f[source].Schema.Type() != data.Struct {
		return nil
	}
	return e
}

// change is a change event in JSON.
type change struct{ before, after, op, source []byte }

// envelopeMembers are those that a change event may have.
var envelopeMembers = []string{"before", "after", "source", "op", "ts_ms", "ts_us", "ts_ns", "transaction"}

// readChange takes a change event apart. It tells whether the text is one: an
// object with before, after, source and op, and nothing that is not an
// envelope's.
func readChange(text []byte) (c change, ok bool) {
	if !isEnvelopeMember(firstName(text)) {
		return change{}, false // as most documents are, so that they are not scanned
	}
	ok = true
	members(text, func(name, value []byte) bool {
		switch string(name) {
		case "before":
			c.before = value
		case "after":
			c.after = value
		case "op":
			c.op = value
		case "source":
			c.source = value
		default:
			ok = isEnvelopeMember(name)
		}
		return ok
	})
	ok = ok && isObjectOrNull(c.before) && isObjectOrNull(c.after) && len(c.source) > 0 && c.source[0] == '{' &&
		len(c.op) == 3 && c.op[0] == '"'
	return c, ok
}

func isEnvelopeMember(name []byte) bool {
	for _, m := range envelopeMembers {
		if string(name) == m {
			return true
		}
	}
	return false
}

func isObjectOrNull(json []byte) bool {
	return len(json) > 0 && (json[0] == '{' || json[0] == 'n')
}

// actionOf returns what a change event's operation asks for.
func actionOf(op string, hasAfter bool) (Action, error) {
	switch op {
	case "c", "r", "u":
		if !hasAfter {
			return 0, fmt.Errorf("the change event has op %q and nothing in after", op)
		}
		return Index, nil
	case "d":
		return Delete, nil
	case "t", "m":
		return Skip, nil
	}
	return 0, fmt.Errorf("the change event has op %q, which is none of c, r, u, d, t, m", op)
}
