package transform

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// insertField is Kafka's InsertField: facts about the record, or a text, become fields.
type insertField struct {
	target
	inserts     []insertion
	replaceNull bool
	plans       bySchema[*insertPlan]
}

// insertion is a field that is inserted.
type insertion struct {
	name   name
	what   inserted
	schema *data.Schema
	key    string // the setting, for messages
	row    []byte // of a static value
	bare   [2][]byte
}

// inserted is what a field is filled with.
type inserted uint8

const (
	insertTopic inserted = iota
	insertPartition
	insertOffset
	insertTimestamp
	insertStatic
)

// insertPlan is what inserting does to a struct.
type insertPlan struct {
	schema   *data.Schema
	defaults []fieldDefault
}

func newInsertField(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		t := &insertField{target: target{side, s.prefix, "inserting fields"}, replaceNull: s.flag(replaceNullKey)}
		for _, k := range []struct {
			key                string
			what               inserted
			required, optional *data.Schema
		}{
			{"topic.field", insertTopic, data.StringSchema, data.OptionalStringSchema},
			{"partition.field", insertPartition, data.Int32Schema, data.OptionalInt32Schema},
			{"offset.field", insertOffset, data.Int64Schema, data.OptionalInt64Schema},
			{"timestamp.field", insertTimestamp, data.TimestampSchema, data.OptionalTimestampSchema},
			{"static.field", insertStatic, data.StringSchema, data.OptionalStringSchema},
		} {
			if !s.has(k.key) {
				continue
			}
			field, i := s.text(k.key), insertion{what: k.what, schema: k.optional, key: s.prefix + k.key}
			if required, ok := strings.CutSuffix(field, "!"); ok {
				field, i.schema = required, k.required
			} else {
				field = strings.TrimSuffix(field, "?")
			}
			i.name = newName(field)
			if k.what == insertStatic && s.has("static.value") {
				text := s.text("static.value")
				i.row = appendSized([]byte{}, text)
				i.bare = newName(text).raw
			}
			t.inserts = append(t.inserts, i)
		}
		if len(t.inserts) == 0 {
			return built{}, s.wrong("topic.field", "No field insertion configured. Give at least one of topic.field, partition.field, offset.field, timestamp.field and static.field")
		}
		if s.has("static.field") && !s.has("static.value") {
			return built{}, s.wrong("static.field", "It needs %sstatic.value, the text to insert", s.prefix)
		}
		return built{transformation: t}, nil
	}
}

func (t *insertField) apply(m *message) (bool, error) {
	if t.of(m).isNull() {
		return true, nil
	}
	c, err := t.split(m)
	if err != nil {
		return true, err
	}
	if c.form == members {
		for i := range t.inserts {
			if err := t.inserts[i].put(m, c); err != nil {
				return true, err
			}
		}
		return true, nil
	}
	p, err := t.plans.of(c.schema, t.plan)
	if err != nil {
		return true, err
	}
	if t.replaceNull {
		c.fill(p.defaults)
	}
	for i := range t.inserts {
		cell, err := t.inserts[i].cell(m)
		if err != nil {
			return true, err
		}
		c.cells = append(c.cells, cell)
	}
	c.schema = p.schema
	return true, nil
}

func (t *insertField) plan(s *data.Schema) (*insertPlan, error) {
	p := &insertPlan{defaults: defaultsOf(s)}
	b := likeStruct(s)
	for _, f := range s.Fields() {
		b.Field(f.Name, f.Schema)
	}
	for _, i := range t.inserts {
		if s.Lookup(i.name.text) >= 0 {
			return nil, fmt.Errorf("%v has a field %q already; change %s", s, i.name.text, i.key)
		}
		b.Field(i.name.text, i.schema)
	}
	var err error
	p.schema, err = b.Build()
	return p, err
}

// missing tells that the record does not have what is to be inserted.
func (i *insertion) missing(m *message) (bool, error) {
	switch {
	case i.what == insertPartition:
		return m.partition == data.NoPartition, nil
	case i.what == insertTimestamp:
		return m.timestamp == data.NoTimestamp, nil
	case i.what == insertOffset && m.offset == NoOffset:
		return true, fmt.Errorf("a record that comes from a source has no offset yet; remove %s, which is for sinks", i.key)
	}
	return false, nil
}

// cell returns what is inserted into a struct, nil for null.
func (i *insertion) cell(m *message) ([]byte, error) {
	if none, err := i.missing(m); none {
		return nil, err
	}
	from, buf := len(m.arena.buf), m.arena.buf
	switch i.what {
	case insertTopic:
		buf = appendSized(buf, m.topic)
	case insertPartition:
		buf = binary.LittleEndian.AppendUint32(buf, uint32(m.partition))
	case insertOffset:
		buf = binary.LittleEndian.AppendUint64(buf, uint64(m.offset))
	case insertTimestamp:
		buf = binary.LittleEndian.AppendUint64(buf, uint64(m.timestamp))
	case insertStatic:
		return i.row, nil
	}
	return m.arena.cut(buf, from), nil
}

// put inserts an entry into a map without schema; nothing when the record does not have it.
func (i *insertion) put(m *message, c *content) error {
	if none, err := i.missing(m); none {
		return err
	}
	from, buf := len(m.arena.buf), m.arena.buf
	switch i.what {
	case insertTopic:
		if c.codec == jsonCodec {
			buf = appendQuoted(buf, m.topic)
		} else {
			buf = appendSized(append(buf, byte(data.String)), m.topic)
		}
	case insertPartition:
		buf = c.codec.integer(buf, data.Int32, int64(m.partition))
	case insertOffset:
		buf = c.codec.integer(buf, data.Int64, m.offset)
	case insertTimestamp:
		buf = c.codec.integer(buf, data.Int64, m.timestamp)
	case insertStatic:
		c.put(i.name, i.bare[c.codec])
		return nil
	}
	c.put(i.name, m.arena.cut(buf, from))
	return nil
}
