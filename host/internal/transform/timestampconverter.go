package transform

import (
	"fmt"
	"math"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// timestampConverter is Kafka's TimestampConverter: a field, or the whole key or value, is a moment in another form.
type timestampConverter struct {
	target
	field       name
	whole       bool
	to          moment
	fix         string
	replaceNull bool
	plans       bySchema[*momentPlan]
	wholes      bySchema[*momentPlan]
}

// momentPlan is what converting does to a schema.
type momentPlan struct {
	schema   *data.Schema
	field    int // -1: the struct does not have it
	from     *data.Schema
	kind     momentKind
	refused  error // the field is no moment, which matters only when the struct is not null
	defaults []fieldDefault
}

// momentKind is a form of a moment.
type momentKind uint8

const (
	momentText momentKind = iota + 1
	momentUnix
	momentDate
	momentTime
	momentTimestamp
)

// moment is a form of a moment with its details.
type moment struct {
	kind       momentKind
	format     *dateFormat // nil: none is given
	multiplier int64       // units of unix in a millisecond
	divisor    int64       // milliseconds in a unit of unix
}

var momentKinds = map[string]momentKind{
	"string": momentText, "unix": momentUnix, "Date": momentDate, "Time": momentTime, "Timestamp": momentTimestamp,
}

func newTimestampConverter(side side) func(settings) (built, error) {
	return func(s settings) (built, error) {
		t := &timestampConverter{target: target{side, s.prefix, "converting timestamps"}, field: newName(s.text("field")),
			fix: s.fix("field"), replaceNull: s.flag(replaceNullKey)}
		t.whole = t.field.text == ""
		t.to = moment{kind: momentKinds[s.text("target.type")], multiplier: 1, divisor: 1}
		switch s.text("unix.precision") {
		case "seconds":
			t.to.divisor = 1000
		case "microseconds":
			t.to.multiplier = 1000
		case "nanoseconds":
			t.to.multiplier = 1000_000
		}
		pattern := s.text("format")
		if strings.TrimSpace(pattern) == "" {
			if t.to.kind == momentText {
				return built{}, s.wrong("target.type", "TimestampConverter requires format option to be specified when using string timestamps. Give %sformat, such as yyyy-MM-dd", s.prefix)
			}
			return built{transformation: t}, nil
		}
		var problem string
		if t.to.format, problem = parseDateFormat(pattern); problem != "" {
			return built{}, s.wrong("format", "%s", problem)
		}
		return built{transformation: t}, nil
	}
}

func (t *timestampConverter) apply(m *message) (bool, error) {
	c := t.of(m)
	s := c.schemaOf()
	if t.whole {
		return true, t.all(m, c, s)
	}
	if c.isNull() && (s == nil || s.Type() != data.Struct) {
		return true, nil
	}
	if s == nil {
		return true, t.entry(m)
	}
	if s.Type() != data.Struct {
		return true, t.refuse(c)
	}
	p, err := t.plans.of(s, func(s *data.Schema) (*momentPlan, error) { return t.plan(m.arena, s) })
	if err != nil {
		return true, fmt.Errorf("the %s: %w", t.side, err)
	}
	if c.isNull() {
		c.setRow(p.schema, nil)
		return true, nil
	}
	if p.refused != nil {
		return true, p.refused
	}
	if _, err := t.split(m); err != nil {
		return true, err
	}
	if t.replaceNull {
		c.fill(p.defaults)
	}
	if p.field >= 0 && c.cells[p.field] != nil {
		cell, err := t.convert(m.arena, p.from, p.kind, c.cells[p.field])
		if err != nil {
			return true, fmt.Errorf("field %s of the %s: %w", t.field.text, t.side, err)
		}
		c.cells[p.field] = cell
	}
	c.schema = p.schema
	return true, nil
}

// all converts the whole content.
func (t *timestampConverter) all(m *message, c *content, s *data.Schema) error {
	if s == nil {
		if c.isNull() {
			return nil
		}
		k, val, err := c.bare(m.arena)
		if err == nil {
			val, err = t.convertBare(m.arena, k, val)
		}
		if err != nil {
			return fmt.Errorf("the %s: %w", t.side, err)
		}
		c.set(k.value(val))
		return nil
	}
	p, ok := t.wholes.get(s)
	if !ok {
		kind, err := momentOf(s)
		if err != nil {
			return fmt.Errorf("the %s: %w; name a field of it in %s", t.side, err, t.fix)
		}
		p = t.wholes.put(s, &momentPlan{schema: t.to.schema(s.Optional()), kind: kind})
	}
	if c.isNull() {
		c.setRow(p.schema, nil)
		return nil
	}
	cell, err := t.convert(m.arena, s, p.kind, c.row(m.arena))
	if err != nil {
		return fmt.Errorf("the %s: %w", t.side, err)
	}
	c.setRow(p.schema, cell)
	return nil
}

// entry converts an entry of a map without schema. One that is missing is null then.
func (t *timestampConverter) entry(m *message) error {
	c, err := t.split(m)
	if err != nil {
		return err
	}
	val := c.get(t.field.text)
	if val != nil {
		if val, err = t.convertBare(m.arena, c.codec, val); err != nil {
			return fmt.Errorf("field %s of the %s: %w", t.field.text, t.side, err)
		}
	}
	c.put(t.field, val)
	return nil
}

func (t *timestampConverter) plan(a *Arena, s *data.Schema) (*momentPlan, error) {
	p := &momentPlan{field: s.Lookup(t.field.text), defaults: defaultsOf(s)}
	b := likeStruct(s)
	if s.Optional() {
		b.Optional()
	}
	for i, f := range s.Fields() {
		if i != p.field {
			b.Field(f.Name, f.Schema)
			continue
		}
		var err error
		if p.kind, err = momentOf(f.Schema); err != nil {
			p.refused = fmt.Errorf("the %s: field %s: %w; correct %s", t.side, f.Name, err, t.fix)
		}
		p.from = f.Schema
		b.Field(f.Name, t.to.schema(f.Schema.Optional()))
	}
	var err error
	if p.schema, err = b.Build(); err != nil {
		return nil, err
	}
	if row, _ := s.Default(); row != nil {
		if row, err = t.converted(a, p, s, row); err != nil {
			return nil, fmt.Errorf("its default: %w", err)
		}
		p.schema, err = b.DefaultRow(row).Build()
	}
	return p, err
}

// converted returns the default of a struct in its new form.
func (t *timestampConverter) converted(a *Arena, p *momentPlan, s *data.Schema, row []byte) ([]byte, error) {
	if p.refused != nil {
		return nil, p.refused
	}
	cells, err := newLayout(s).split(nil, row)
	if err != nil {
		return nil, err
	}
	if t.replaceNull {
		fill(cells, p.defaults)
	}
	if p.field >= 0 && cells[p.field] != nil {
		if cells[p.field], err = t.convert(a, p.from, p.kind, cells[p.field]); err != nil {
			return nil, err
		}
	}
	return newLayout(p.schema).join(nil, cells)
}

// momentOf tells in which form values of a schema are moments.
func momentOf(s *data.Schema) (momentKind, error) {
	switch {
	case s.Name() == data.TimestampName && s.Type() == data.Int64:
		return momentTimestamp, nil
	case s.Name() == data.DateName && s.Type() == data.Int32:
		return momentDate, nil
	case s.Name() == data.TimeName && s.Type() == data.Int32:
		return momentTime, nil
	case s.Type() == data.String:
		return momentText, nil
	case s.Type() == data.Int64:
		return momentUnix, nil
	}
	return 0, fmt.Errorf("%v is no timestamp; a Timestamp, a Date, a Time, a STRING or an INT64 can be converted", s)
}

// schema returns the schema of the form.
func (f moment) schema(optional bool) *data.Schema {
	s := [...][2]*data.Schema{
		momentText:      {data.StringSchema, data.OptionalStringSchema},
		momentUnix:      {data.Int64Schema, data.OptionalInt64Schema},
		momentDate:      {data.DateSchema, data.OptionalDateSchema},
		momentTime:      {data.TimeSchema, data.OptionalTimeSchema},
		momentTimestamp: {data.TimestampSchema, data.OptionalTimestampSchema},
	}[f.kind]
	if optional {
		return s[1]
	}
	return s[0]
}

// convert converts a cell.
func (t *timestampConverter) convert(a *Arena, s *data.Schema, kind momentKind, cell []byte) ([]byte, error) {
	v, err := readCell(s, cell)
	if err != nil {
		return nil, err
	}
	millis, err := t.to.read(kind, v)
	if err != nil {
		return nil, err
	}
	to := t.to.write(a, millis)
	from := len(a.buf)
	return a.cut(to.appendCell(a.buf), from), nil
}

// convertBare converts a value without schema: whole numbers are unix time.
func (t *timestampConverter) convertBare(a *Arena, k codec, val []byte) ([]byte, error) {
	v, err := k.read(a, val)
	if err != nil {
		return nil, err
	}
	kind := momentText
	switch v.typ {
	case data.Int64:
		kind = momentUnix
	case data.String:
	default:
		return nil, fmt.Errorf("%s is no timestamp; a STRING or an INT64 can be converted", v.typeName())
	}
	millis, err := t.to.read(kind, v)
	if err != nil {
		return nil, err
	}
	to := t.to.write(a, millis)
	from := len(a.buf)
	return a.cut(k.append(a.buf, to), from), nil
}

// read returns the milliseconds since the epoch of a moment in one of the forms.
func (f moment) read(kind momentKind, v scalar) (int64, error) {
	switch kind {
	case momentText:
		if f.format == nil {
			return 0, fmt.Errorf("the text %.100q needs a format to be read; set format", v.b)
		}
		millis, ok := f.format.parse(view(v.b))
		if !ok {
			return 0, fmt.Errorf("the text %.100q does not match format=%s", v.b, f.format.pattern)
		}
		return millis, nil
	case momentUnix:
		if f.divisor > 1 {
			return times(v.n, f.divisor), nil
		}
		return v.n / f.multiplier, nil
	case momentDate:
		return v.n * dayMillis, nil
	}
	return v.n, nil
}

// write returns a moment in the form. Texts are written to the arena.
func (f moment) write(a *Arena, millis int64) scalar {
	v := scalar{typ: data.Int64, n: millis}
	switch f.kind {
	case momentText:
		from := len(a.buf)
		v.typ, v.b = data.String, a.cut(f.format.append(a.buf, millis), from)
	case momentUnix:
		v.n = times(millis/f.divisor, f.multiplier)
	case momentDate:
		v.typ, v.n = data.Int32, floorDiv(millis, dayMillis)
	case momentTime:
		v.typ, v.n = data.Int32, millis-floorDiv(millis, dayMillis)*dayMillis
	}
	return v
}

// floorDiv divides and rounds down.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// times multiplies; what does not fit becomes the nearest number that does, as in Java's TimeUnit.
func times(n, by int64) int64 {
	switch {
	case n > math.MaxInt64/by:
		return math.MaxInt64
	case n < math.MinInt64/by:
		return math.MinInt64
	}
	return n * by
}
