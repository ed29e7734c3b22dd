package transform

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// setSchemaMetadata is Kafka's SetSchemaMetadata: the schema gets a name or a version.
type setSchemaMetadata struct {
	target
	name        string
	version     int32
	hasName     bool
	hasVersion  bool
	replaceNull bool
	plans       bySchema[*insertPlan]
}

func newSetSchemaMetadata(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		t := &setSchemaMetadata{target: target{side, s.prefix, "naming a schema"}, replaceNull: s.flag(replaceNullKey),
			hasName: s.has("schema.name"), hasVersion: s.has("schema.version")}
		if !t.hasName && !t.hasVersion {
			return built{}, s.wrong("schema.name", "Neither schema name nor version configured. Give %sschema.name, %sschema.version or both", s.prefix, s.prefix)
		}
		if t.hasName {
			t.name = s.text("schema.name")
		}
		if t.hasVersion {
			t.version = int32(s.number("schema.version"))
		}
		return built{transformation: t}, nil
	}
}

func (t *setSchemaMetadata) apply(m *message) (bool, error) {
	c := t.of(m)
	s := c.schemaOf()
	if s == nil {
		if c.isNull() {
			return true, nil
		}
		return true, fmt.Errorf("the %s is %s, and %s needs a schema; set %s.converter to one that reads a schema, such as JsonConverter with schemas.enable=true",
			t.side, c.describe(), t.doing, t.side)
	}
	p, err := t.plans.of(s, t.plan)
	if err != nil {
		return true, fmt.Errorf("the %s: %w", t.side, err)
	}
	if len(p.defaults) > 0 && t.replaceNull && !c.isNull() {
		if _, err := t.split(m); err != nil {
			return true, err
		}
		c.fill(p.defaults)
	}
	if c.form == fields {
		c.schema = p.schema
	} else {
		c.setRow(p.schema, c.row(m.arena))
	}
	return true, nil
}

func (t *setSchemaMetadata) plan(s *data.Schema) (*insertPlan, error) {
	b := same(s)
	if t.hasName {
		b.Name(t.name)
	}
	if t.hasVersion {
		b.Version(t.version)
	}
	named, err := b.Build()
	return &insertPlan{named, defaultsOf(s)}, err
}
