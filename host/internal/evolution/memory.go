package evolution

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Use is the part of a record that a schema is of.
type Use string

// The uses of schemas.
const (
	Key   Use = "key"
	Value Use = "value"
)

// Entry is a schema that is remembered.
type Entry struct {
	Topic string
	Use   Use
	// Kind is the name of a struct, "" for all others.
	Kind   string
	Schema *data.Schema
}

// Memory holds the schemas of one task. Check is for one goroutine, the other methods may be called at the same time by others.
type Memory struct {
	topics map[string]*topic
	last   *topic

	mu    sync.Mutex
	fresh map[place]*data.Schema
}

// place is what an entry is found by.
type place struct {
	topic string
	use   Use
	kind  string
}

type topic struct {
	name       string
	key, value part
}

// part is what is remembered of the keys or of the values of a topic.
type part struct {
	last  *data.Schema            // of the record before
	kinds map[string]*data.Schema // by name, "" for what is no struct with a name
}

// NewMemory returns a memory with what was stored.
func NewMemory(stored []Entry) *Memory {
	m := &Memory{topics: map[string]*topic{}, fresh: map[place]*data.Schema{}}
	for _, e := range stored {
		t := m.topic(e.Topic)
		p := &t.value
		if e.Use == Key {
			p = &t.key
		}
		p.set(e.Kind, e.Schema)
	}
	return m
}

// Check compares the schemas of a record with those remembered. A *Change is returned, and nothing learned, when one breaks with them.
// A record like the one before it in its topic costs a comparison of pointers.
func (m *Memory) Check(topic string, key, value data.Value) error {
	t := m.last
	if t == nil || t.name != topic {
		t = m.topic(topic)
		m.last = t
	}
	k, v := schemaOf(key), schemaOf(value)
	if (k == nil || k == t.key.last) && (v == nil || v == t.value.last) {
		return nil
	}
	if err := t.key.check(topic, Key, k); err != nil {
		return err
	}
	if err := t.value.check(topic, Value, v); err != nil {
		return err
	}
	m.learn(t, &t.key, Key, k)
	m.learn(t, &t.value, Value, v)
	return nil
}

func (m *Memory) topic(name string) *topic {
	t := m.topics[name]
	if t == nil {
		name = strings.Clone(name)
		t = &topic{name: name}
		m.topics[name] = t
	}
	return t
}

// learn remembers a schema that does not break.
func (m *Memory) learn(t *topic, p *part, use Use, s *data.Schema) {
	if s == nil || s == p.last {
		return
	}
	p.last = s
	kind := kindOf(s)
	known := p.kinds[kind]
	if known == s {
		return
	}
	p.set(kind, s)
	if known.Equal(s) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fresh[place{t.name, use, kind}] = s
}

// Take returns what was learned since the last call, to be stored.
func (m *Memory) Take() []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	var entries []Entry
	for p, s := range m.fresh {
		entries = append(entries, Entry{p.topic, p.use, p.kind, s})
	}
	clear(m.fresh)
	return entries
}

// GiveBack undoes Take, except for what was learned in the meantime.
func (m *Memory) GiveBack(entries []Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range entries {
		p := place{e.Topic, e.Use, e.Kind}
		if m.fresh[p] == nil {
			m.fresh[p] = e.Schema
		}
	}
}

func (p *part) set(kind string, s *data.Schema) {
	if p.kinds == nil {
		p.kinds = map[string]*data.Schema{}
	}
	p.kinds[kind] = s
}

// check returns the *Change from what is remembered to s.
func (p *part) check(topic string, use Use, s *data.Schema) error {
	if s == nil || s == p.last {
		return nil
	}
	known := p.rival(s)
	if known == nil || known.Equal(s) {
		return nil
	}
	if d := Differences(known, s); len(d) > 0 {
		return &Change{Topic: topic, Use: use, Differences: d}
	}
	return nil
}

// rival is the schema that s is to be compared with, nil for a kind of its own: a struct with a name beside others.
func (p *part) rival(s *data.Schema) *data.Schema {
	kind := kindOf(s)
	if known := p.kinds[kind]; known != nil {
		return known
	}
	if kind != "" {
		return p.kinds[""]
	}
	if len(p.kinds) == 0 {
		return nil
	}
	return p.kinds[slices.Min(slices.Collect(maps.Keys(p.kinds)))] // it breaks with all of them: they are structs with names, it is none
}

func kindOf(s *data.Schema) string {
	if s.Type() == data.Struct {
		return s.Name()
	}
	return ""
}

// schemaOf returns the schema that a value counts as, nil for null.
func schemaOf(v data.Value) *data.Schema {
	if v.IsNull() {
		return nil
	}
	switch v.Kind {
	case data.KindRow:
		return v.Schema
	case data.KindBytes:
		return data.BytesSchema
	case data.KindString:
		return data.StringSchema
	case data.KindJSON:
		return data.AnySchema
	}
	return nil
}

// Change is a record whose schema breaks with the one remembered.
type Change struct {
	Topic string
	Use   Use
	// Differences has at least one element.
	Differences []Difference
}

// Error names the topic and the first difference.
func (c *Change) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the schema of the %s of topic %s changes so that not all readers can follow: %s", c.Use, c.Topic, c.Differences[0])
	if more := len(c.Differences) - 1; more > 0 {
		fmt.Fprintf(&b, " (and %d more)", more)
	}
	return b.String()
}

// More returns all differences but the first.
func (c *Change) More() []Difference { return c.Differences[1:] }
