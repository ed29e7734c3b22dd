package transform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// replaceField is Kafka's ReplaceField: fields are left out or renamed.
type replaceField struct {
	target
	fix              string
	exclude, include []string
	renames          map[string]name // by the old name
	targets          map[string]bool // the new names
	replaceNull      bool
	plans            bySchema[*replacePlan]
}

// replacePlan is what replacing does to a struct.
type replacePlan struct {
	schema   *data.Schema
	take     []int
	defaults []fieldDefault
}

func newReplaceField(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		t := &replaceField{target: target{side, s.prefix, "replacing fields"}, fix: s.fix("renames"), exclude: s.list("exclude"), include: s.list("include"),
			renames: map[string]name{}, targets: map[string]bool{}, replaceNull: s.flag(replaceNullKey)}
		for _, r := range s.list("renames") {
			from, to, ok := strings.Cut(r, ":")
			if !ok || from == "" || to == "" || strings.Contains(to, ":") {
				return built{}, s.wrong("renames", "Invalid rename mapping: %s. It must be old:new", r)
			}
			t.renames[from] = newName(to)
			t.targets[to] = true
		}
		return built{transformation: t}, nil
	}
}

// keeps tells whether a field stays.
func (t *replaceField) keeps(field string) bool {
	return !slices.Contains(t.exclude, field) && (len(t.include) == 0 || slices.Contains(t.include, field))
}

func (t *replaceField) apply(m *message) (bool, error) {
	if t.of(m).isNull() {
		return true, nil
	}
	c, err := t.split(m)
	if err != nil {
		return true, err
	}
	if c.form == members {
		t.entries(c)
		return true, nil
	}
	p, err := t.plans.of(c.schema, t.plan)
	if err != nil {
		return true, fmt.Errorf("the %s: %w; correct %s", t.side, err, t.fix)
	}
	if t.replaceNull {
		c.fill(p.defaults)
	}
	c.take(p.schema, p.take)
	return true, nil
}

func (t *replaceField) entries(c *content) {
	kept := c.entries[:0]
	for _, e := range c.entries {
		if !t.keeps(view(e.name)) {
			continue
		}
		if to, ok := t.renames[string(e.name)]; ok {
			e.name, e.raw = to.bytes, to.raw[c.codec]
		}
		if t.targets[string(e.name)] { // no map has a name twice
			if i := indexOf(kept, e.name); i >= 0 {
				kept[i].val = e.val
				continue
			}
		}
		kept = append(kept, e)
	}
	c.entries = kept
}

func (t *replaceField) plan(s *data.Schema) (*replacePlan, error) {
	p := &replacePlan{defaults: defaultsOf(s)}
	b := likeStruct(s)
	for i, f := range s.Fields() {
		if !t.keeps(f.Name) {
			continue
		}
		to := f.Name
		if n, ok := t.renames[f.Name]; ok {
			to = n.text
		}
		b.Field(to, f.Schema)
		p.take = append(p.take, i)
	}
	var err error
	p.schema, err = b.Build()
	return p, err
}
