package transform

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a worker's machine may have no time zones

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// timezoneConverter is Debezium's TimezoneConverter: the times in change events, which are in UTC, are shown in a time zone.
type timezoneConverter struct {
	target
	zone     *time.Location
	exclude  bool // rules name what is not converted
	rules    []zoneRule
	plans    bySchema[*zonePlan]
	selected map[zoneKey]*zoneSelection
	cells    [][]byte // room for a row that is within the event
}

// zoneRule names events, and one of their fields, or all ("").
type zoneRule struct {
	kind        ruleKind
	name, field string
}

// ruleKind tells what the name of a rule is compared with.
type ruleKind uint8

const (
	ruleTopic ruleKind = iota
	ruleTable
	ruleEither
)

// zonePlan is what is known of the schema of events.
type zonePlan struct {
	source, table int // positions: of source, and of table in it; -1: there is none
	parts         [3]zonePart
}

// Parts of a change event, by their place in zonePlan.
const (
	partBefore = iota
	partAfter
	partSource
)

// zonePart is a struct of the event, with its fields that are times.
type zonePart struct {
	at     int // position in the event, -1: there is none
	layout *layout
	times  []zoneField
}

type zoneField struct {
	name  string
	field int
	kind  zoneKind
}

// zoneKind is how a time is written.
type zoneKind uint8

const (
	zonedTimestamp zoneKind = iota + 1
	zonedTime
	unixMillis
	unixMicros
	unixNanos
	shownMillis // source.ts_ms: a moment, and not what clocks showed
)

// zoneKey is what rules look at.
type zoneKey struct{ topic, table string }

// zoneSelection says which fields of an event are converted.
type zoneSelection struct {
	none   bool
	fields [3][]string // by part: those that are named
	all    bool        // all but those that are named, in before and after
}

var zoneOffset = regexp.MustCompile(`^([+-])(\d{2}):(\d{2})(?::(\d{2}))?$`)

func newTimezoneConverter(s settings) (built, error) {
	t := &timezoneConverter{target: target{value, s.prefix, "converting time zones"}, selected: map[zoneKey]*zoneSelection{}}
	var err error
	if t.zone, err = s.zone("converted.timezone"); err != nil {
		return built{}, err
	}
	include, exclude := s.list("include.list"), s.list("exclude.list")
	list, name := include, "include.list"
	switch {
	case len(include) > 0 && len(exclude) > 0:
		return built{}, s.wrong("exclude.list", "Both include and exclude lists are specified. Please specify only one.")
	case len(exclude) > 0:
		list, name, t.exclude = exclude, "exclude.list", true
	}
	before := ruleEither
	for _, item := range list {
		r, problem := parseZoneRule(item, before)
		if problem != "" {
			return built{}, s.wrong(name, "%s", problem)
		}
		before = r.kind
		t.rules = append(t.rules, r)
	}
	return built{transformation: t}, nil
}

// zone reads a time zone.
func (s settings) zone(name string) (*time.Location, error) {
	text := s.text(name)
	if m := zoneOffset.FindStringSubmatch(text); m != nil {
		d, err := time.ParseDuration(m[2] + "h" + m[3] + "m" + cmp.Or(m[4], "0") + "s")
		if err != nil || d > 18*time.Hour {
			return nil, s.wrong(name, "An offset is between -18:00 and +18:00")
		}
		if m[1] == "-" {
			d = -d
		}
		return time.FixedZone(text, int(d/time.Second)), nil
	}
	zone, err := time.LoadLocation(text)
	if err != nil || text == "Local" {
		return nil, s.wrong(name, "Invalid timezone format. Please specify either a geographic timezone (e.g. America/Los_Angeles) or a UTC offset in the format of +/-hh:mm, (e.g. +08:00)")
	}
	return zone, nil
}

// parseZoneRule reads a rule. A name alone is of the kind of the rule before it.
func parseZoneRule(item string, before ruleKind) (zoneRule, string) {
	parts := strings.Split(item, ":")
	r := zoneRule{kind: before}
	kind := strings.ToLower(parts[0])
	if kind == "topic" || kind == "source" {
		if r.kind = ruleTable; kind == "topic" {
			r.kind = ruleTopic
		}
		parts = parts[1:]
	} else if len(parts) == 1 && before == ruleEither {
		parts = nil
	}
	if len(parts) == 0 || len(parts) > 2 || slices.Contains(parts, "") {
		return r, fmt.Sprintf("%q is no rule. There are source:table, source:table:field, topic:topic, topic:topic:field and table:field", item)
	}
	r.name = parts[0]
	if len(parts) == 2 {
		r.field = parts[1]
	}
	return r, ""
}

func (t *timezoneConverter) apply(m *message) (bool, error) {
	c := t.of(m)
	s := c.schemaOf()
	if c.isNull() || s == nil || s.Type() != data.Struct || !strings.HasSuffix(s.Name(), ".Envelope") {
		return true, nil
	}
	p, ok := t.plans.get(s)
	if !ok {
		p = t.plans.put(s, newZonePlan(s))
	}
	c, err := t.split(m)
	if err != nil {
		return true, err
	}
	var table []byte
	if p.table >= 0 && c.cells[p.source] != nil {
		cell, err := p.parts[partSource].layout.field(c.cells[p.source], p.table)
		if err != nil {
			return true, err
		}
		table = text(cell)
	}
	chosen := t.choose(m.topic, table)
	if chosen.none {
		return true, nil
	}
	for i := range p.parts {
		part := &p.parts[i]
		if part.at < 0 || len(part.times) == 0 || c.cells[part.at] == nil || i == partSource && len(chosen.fields[i]) == 0 {
			continue
		}
		if c.cells[part.at], err = t.convert(m.arena, part, chosen.all, chosen.fields[i], c.cells[part.at]); err != nil {
			return true, err
		}
	}
	return true, nil
}

// newZonePlan finds the times in the schema of an event.
func newZonePlan(s *data.Schema) *zonePlan {
	p := &zonePlan{source: s.Lookup("source"), table: -1}
	for i, name := range [...]string{partBefore: "before", partAfter: "after", partSource: "source"} {
		part := zonePart{at: s.Lookup(name)}
		if part.at < 0 || s.Fields()[part.at].Schema.Type() != data.Struct {
			part.at = -1
			p.parts[i] = part
			continue
		}
		part.layout = newLayout(s.Fields()[part.at].Schema)
		for j, f := range part.layout.schema.Fields() {
			switch kind := zoneKindOf(f.Schema); {
			case kind != 0:
				part.times = append(part.times, zoneField{f.Name, j, kind})
			case i == partSource && f.Name == "ts_ms" && f.Schema.Type() == data.Int64:
				part.times = append(part.times, zoneField{f.Name, j, shownMillis})
			case i == partSource && f.Name == "table" && f.Schema.Type() == data.String:
				p.table = j
			}
		}
		p.parts[i] = part
	}
	return p
}

// zoneKindOf tells how a schema writes times, 0 when it is none that has a date or a zone.
func zoneKindOf(s *data.Schema) zoneKind {
	kind := map[string]zoneKind{
		"io.debezium.time.ZonedTimestamp": zonedTimestamp, "io.debezium.time.ZonedTime": zonedTime,
		"io.debezium.time.Timestamp": unixMillis, data.TimestampName: unixMillis,
		"io.debezium.time.MicroTimestamp": unixMicros, "io.debezium.time.NanoTimestamp": unixNanos,
	}[s.Name()]
	if kind <= zonedTime && s.Type() != data.String || kind > zonedTime && s.Type() != data.Int64 {
		return 0
	}
	return kind
}

// choose says which fields of an event are converted.
func (t *timezoneConverter) choose(topic string, table []byte) *zoneSelection {
	if known, ok := t.selected[zoneKey{topic, view(table)}]; ok {
		return known
	}
	k := zoneKey{topic, string(table)}
	if len(t.selected) >= mostInterned {
		clear(t.selected)
	}
	s := t.selectFields(k)
	t.selected[k] = s
	return s
}

// selectFields finds the rules of an event: those of its topic, or else of its table, or else of either.
func (t *timezoneConverter) selectFields(k zoneKey) *zoneSelection {
	if len(t.rules) == 0 {
		return &zoneSelection{all: true}
	}
	matches := func(kind ruleKind, name string) func(zoneRule) bool {
		return func(r zoneRule) bool { return r.kind == kind && r.name == name }
	}
	for _, match := range [...]func(zoneRule) bool{
		matches(ruleTopic, k.topic), matches(ruleTable, k.table), matches(ruleEither, k.topic), matches(ruleEither, k.table),
	} {
		if slices.ContainsFunc(t.rules, match) {
			return t.selectBy(match)
		}
	}
	return &zoneSelection{none: !t.exclude, all: t.exclude}
}

// selectBy selects by the rules that match.
func (t *timezoneConverter) selectBy(match func(zoneRule) bool) *zoneSelection {
	s := &zoneSelection{all: t.exclude}
	named := false
	for _, r := range t.rules {
		if !match(r) || r.field == "" {
			continue
		}
		named = true
		part, field, ok := strings.Cut(r.field, ".")
		at := map[string]int{"before": partBefore, "after": partAfter, "source": partSource}
		if i, known := at[part]; ok && known {
			s.fields[i] = append(s.fields[i], field)
		} else {
			s.fields[partBefore] = append(s.fields[partBefore], r.field)
			s.fields[partAfter] = append(s.fields[partAfter], r.field)
		}
	}
	if !named { // the whole event
		return &zoneSelection{none: t.exclude, all: !t.exclude}
	}
	return s
}

// convert converts the times of a struct that is within the event.
func (t *timezoneConverter) convert(a *Arena, p *zonePart, all bool, names []string, row []byte) ([]byte, error) {
	var err error
	if t.cells, err = p.layout.split(t.cells[:0], row); err != nil {
		return nil, err
	}
	for _, f := range p.times {
		if t.cells[f.field] == nil || slices.Contains(names, f.name) == all {
			continue
		}
		if t.cells[f.field], err = t.cell(a, f.kind, p.layout.fields[f.field].schema, t.cells[f.field]); err != nil {
			return nil, fmt.Errorf("field %s of the value: %w", f.name, err)
		}
	}
	from := len(a.buf)
	buf, err := p.layout.join(a.buf, t.cells)
	if err != nil {
		return nil, err
	}
	return a.cut(buf, from), nil
}

// cell converts a time.
func (t *timezoneConverter) cell(a *Arena, kind zoneKind, s *data.Schema, cell []byte) ([]byte, error) {
	v, err := readCell(s, cell)
	if err != nil {
		return nil, err
	}
	switch kind {
	case zonedTimestamp:
		v.b, err = t.timestamp(a, v.b)
	case zonedTime:
		v.b, err = t.time(a, v.b)
	case unixMillis:
		v.n -= t.offset(floorDiv(v.n, 1000)) * 1000
	case shownMillis:
		_, offset := time.UnixMilli(v.n).In(t.zone).Zone()
		v.n += int64(offset) * 1000
	case unixMicros:
		v.n -= t.offset(floorDiv(v.n, 1000_000)) * 1000_000
	case unixNanos:
		v.n -= t.offset(floorDiv(v.n, 1000_000_000)) * 1000_000_000
	}
	if err != nil {
		return nil, err
	}
	from := len(a.buf)
	return a.cut(v.appendCell(a.buf), from), nil
}

// offset returns the zone's offset, in seconds east of UTC, when its clocks show a time; that is given in seconds since the
// epoch as if it were UTC. A time that clocks show twice is the first one, one that they skip counts as before the change.
func (t *timezoneConverter) offset(wall int64) int64 {
	const day = 24 * 60 * 60
	at := func(unix int64) int64 {
		_, offset := time.Unix(unix, 0).In(t.zone).Zone()
		return int64(offset)
	}
	before, after := at(wall-day), at(wall+day)
	if before != after && at(wall-before) != before && at(wall-after) == after {
		return after
	}
	return before
}

// timestamp converts a text such as 2024-01-15T12:00:00.5Z.
func (t *timezoneConverter) timestamp(a *Arena, b []byte) ([]byte, error) {
	at, ok := parseISO(view(b))
	if !ok {
		return nil, fmt.Errorf("the text %.100q is no ISO 8601 timestamp with an offset", b)
	}
	_, offset := at.Zone()
	zone := t.offset(at.Unix() + int64(offset))
	local := time.Unix(at.Unix()+zone, int64(at.Nanosecond())).UTC()
	from := len(a.buf)
	buf := appendISOYear(a.buf, local.Year())
	buf = local.AppendFormat(buf, "-01-02T15:04:05.999999999")
	return a.cut(appendOffset(buf, zone), from), nil
}

// time converts a text such as 12:00:00+02:00, by the offset that the zone has now.
func (t *timezoneConverter) time(a *Arena, b []byte) ([]byte, error) {
	at, ok := parseISO("1970-01-01T" + view(b))
	if !ok {
		return nil, fmt.Errorf("the text %.100q is no ISO 8601 time with an offset", b)
	}
	_, zone := time.Now().In(t.zone).Zone()
	local := time.Unix(at.Unix()+int64(zone), int64(at.Nanosecond())).UTC()
	from := len(a.buf)
	return a.cut(appendOffset(local.AppendFormat(a.buf, "15:04:05.999999999"), int64(zone)), from), nil
}

var isoTimestamp = regexp.MustCompile(`^([+-]?\d{4,9})-(\d{2}-\d{2})[Tt](\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?(?:[Zz]|([+-]\d{2})(?::?(\d{2}))?(?::?(\d{2}))?)$`)

// parseISO reads a timestamp with an offset.
func parseISO(text string) (time.Time, bool) {
	// Nearly all of them.
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, true
	}
	m := isoTimestamp.FindStringSubmatch(text)
	if m == nil {
		return time.Time{}, false
	}
	t, err := time.Parse("2006-01-02T15:04:05", "2000-"+m[2]+"T"+m[3]+cmp.Or(m[4], ":00"))
	if err != nil {
		return t, false
	}
	var year int
	if _, err := fmt.Sscan(strings.TrimPrefix(m[1], "+"), &year); err != nil {
		return t, false
	}
	var offset time.Duration
	if m[5] != "" {
		if offset, err = time.ParseDuration(m[5] + "h" + cmp.Or(m[6], "0") + "m" + cmp.Or(m[7], "0") + "s"); err != nil {
			return t, false
		}
	}
	zone := time.FixedZone("", int(offset/time.Second))
	moved := time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
	return moved, moved.Day() == t.Day()
}

// appendISOYear appends a year with four digits at least, and with its sign when it has more or is negative.
func appendISOYear(dst []byte, year int) []byte {
	switch {
	case year < 0:
		return padded(append(dst, '-'), -year, 4)
	case year > 9999:
		dst = append(dst, '+')
	}
	return padded(dst, year, 4)
}

// appendOffset appends an offset in seconds.
func appendOffset(dst []byte, offset int64) []byte {
	if offset == 0 {
		return append(dst, 'Z')
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = padded(append(dst, sign), int(offset/3600), 2)
	dst = padded(append(dst, ':'), int(offset/60%60), 2)
	if offset%60 != 0 {
		dst = padded(append(dst, ':'), int(offset%60), 2)
	}
	return dst
}
