package transform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// unwrap is Debezium's ExtractNewRecordState: of a change event, an envelope with the row before and after, only the row
// stays.
type unwrap struct {
	target
	deletes, tombstones fate
	rewrites            bool // a field __deleted tells deleted rows from others
	fields, headers     []reference
	route               string
	dropHeader          string // the header that names fields to drop, "" for none
	dropFromKey         bool
	dropRequired        bool
	replaceNull         bool
	topics              interned
	plans               bySchema[*envelope]
	keys                map[*data.Schema]map[string]*keyWithout // by the fields to drop
}

// fate is what becomes of a deletion or of a tombstone.
type fate uint8

const (
	dropped   fate = iota // it goes no further
	asNull                // it becomes null, with the schema of the row
	asNothing             // it becomes null without schema
	asRow                 // it becomes the row before, marked as deleted
	unchanged             // it stays
)

// deletedField is the field that marks deleted rows.
const deletedField = "__deleted"

// reference is a field of the envelope that is added to the row, or becomes a header.
type reference struct {
	parent string // the struct it is in, "" for the envelope
	field  string
	as     string
}

// envelope is what is known of the schema of change events.
type envelope struct {
	op, before, after int // positions; -1: there is none
	images            [2]*image
	fields, headers   []added
}

// image is what becomes of the row before, or after.
type image struct {
	row      *layout      // nil: it is no struct
	schema   *data.Schema // with what is added
	defaults []fieldDefault
	route    int               // the field that names the topic, -1: there is none
	take     []int             // the fields that stay, nil: all
	without  map[string]*image // the same without some fields, by the row of their names
}

// added is a reference in a schema.
type added struct {
	reference
	parent int // position of the struct, -1: the envelope
	in     *layout
	field  int
	schema *data.Schema // what is added may be null
}

func newUnwrap(s settings) (built, error) {
	t := &unwrap{target: target{value, s.prefix, "unwrapping change events"}, route: s.text("route.by.field"),
		dropHeader: s.text("drop.fields.header.name"), dropFromKey: s.flag("drop.fields.from.key"),
		dropRequired: !s.flag("drop.fields.keep.schema.compatible"), replaceNull: s.flag(replaceNullKey)}
	t.setDeletes(s)
	var err error
	if t.fields, err = s.references("add.fields"); err != nil {
		return built{}, err
	}
	if t.headers, err = s.references("add.headers"); err != nil {
		return built{}, err
	}
	return built{transformation: t}, nil
}

// setDeletes reads the mode of deletions and tombstones, in its present form or in the two settings it once was.
func (t *unwrap) setDeletes(s settings) {
	if !s.has("delete.tombstone.handling.mode") && (s.has("delete.handling.mode") || s.has("drop.tombstones")) {
		t.tombstones = unchanged
		if !s.has("drop.tombstones") || s.flag("drop.tombstones") {
			t.tombstones = dropped
		}
		switch s.text("delete.handling.mode") {
		case "none":
			t.deletes = asNull
		case "rewrite":
			t.deletes = asRow
		}
	} else {
		switch s.text("delete.tombstone.handling.mode") {
		case "", "tombstone":
			t.deletes = asNull
		case "rewrite":
			t.deletes = asRow
		case "rewrite-with-tombstone":
			t.deletes, t.tombstones = asRow, unchanged
		case "delete-to-tombstone":
			t.deletes = asNothing
		}
	}
	t.rewrites = t.deletes == asRow
}

// references reads a list of fields: op, source.ts_ms, or db:database for another name.
func (s settings) references(name string) ([]reference, error) {
	var all []reference
	for _, element := range s.list(name) {
		from, as, renamed := strings.Cut(element, ":")
		if strings.Contains(as, ":") || from == "" {
			return nil, s.wrong(name, "Unexpected field name: %s. It must be field, struct.field, or either with :name behind it", element)
		}
		r := reference{field: from}
		if parent, field, ok := strings.Cut(from, "."); ok {
			field, _, _ = strings.Cut(field, ".")
			r.parent, r.field = parent, field
			r.as = parent + "_" + field
		} else {
			r.parent, r.as = parentOf(from), from
		}
		if renamed {
			r.as = as
		}
		r.as = s.text(name+".prefix") + r.as
		all = append(all, r)
	}
	return all, nil
}

// parentOf is the struct in which a field is looked for that is named without one.
func parentOf(field string) string {
	switch field {
	case "op", "ts_ms", "ts_us", "ts_ns":
		return ""
	case "id", "total_order", "data_collection_order":
		return "transaction"
	case "updateDescription":
		return "updateDescription"
	}
	return "source"
}

func (t *unwrap) apply(m *message) (bool, error) {
	c := t.of(m)
	if c.isNull() {
		return t.tombstone(m), nil
	}
	s := c.schemaOf()
	if s == nil || s.Type() != data.Struct || !strings.HasSuffix(s.Name(), ".Envelope") {
		return true, nil
	}
	e, err := t.plans.of(s, t.plan)
	if err != nil {
		return true, fmt.Errorf("the value: %w", err)
	}
	if c, err = t.split(m); err != nil {
		return true, err
	}
	if op := text(c.cells[e.op]); string(op) == "t" {
		return false, nil // a table was emptied
	}
	for i := range e.headers {
		h := &e.headers[i]
		cell, err := h.cell(c.cells)
		if err != nil {
			return true, err
		}
		m.addHeader(h.as, data.RowValue(h.schema, cell))
	}
	return t.extract(m, c, e)
}

// tombstone decides about a record without value.
func (t *unwrap) tombstone(m *message) bool {
	if t.tombstones == dropped {
		return false
	}
	for _, h := range t.headers {
		if h.field == "op" {
			m.addHeader(h.as, data.RowValue(data.StringSchema, deletedOp))
		}
	}
	return true
}

// Cells of strings.
var (
	deletedOp    = appendSized([]byte{}, "d")
	deletedTrue  = appendSized([]byte{}, "true")
	deletedFalse = appendSized([]byte{}, "false")
)

// text returns what a cell of a STRING says.
func text(cell []byte) []byte {
	if len(cell) > 0 && cell[0] < 0x80 {
		return cell[1:]
	}
	var r data.Reader
	r.Reset(cell)
	return r.Bytes()
}

// extract puts the row in the place of its envelope.
func (t *unwrap) extract(m *message, c *content, e *envelope) (bool, error) {
	row, i := c.cells[e.after], e.images[1]
	mark := deletedFalse
	if row == nil {
		switch t.deletes {
		case dropped:
			return false, nil
		case asNull, asNothing:
			return true, t.deleted(m, c, e)
		}
		mark = deletedTrue
		if e.before >= 0 {
			row, i = c.cells[e.before], e.images[0]
		}
	}
	if i.row == nil || row == nil {
		c.setRow(c.schema.Fields()[e.after].Schema, row)
		return true, nil
	}
	names, err := t.dropNames(m)
	if err != nil {
		return true, err
	}
	if names != nil {
		if i, err = t.without(i, e, names); err != nil {
			return true, err
		}
	}
	if err := t.build(m, c, e, i, row, mark); err != nil {
		return true, err
	}
	if names != nil && t.dropFromKey {
		return true, t.dropKey(m, names)
	}
	return true, nil
}

// deleted makes a null of a deletion.
func (t *unwrap) deleted(m *message, c *content, e *envelope) error {
	if t.route != "" && e.before >= 0 && c.cells[e.before] != nil && e.images[0].row != nil {
		i := e.images[0]
		if i.route < 0 {
			return t.noRoute(i.row.schema)
		}
		cell, err := i.row.field(c.cells[e.before], i.route)
		if err != nil {
			return err
		}
		t.to(m, cell)
	}
	if t.deletes == asNothing {
		c.set(data.Value{})
	} else {
		c.setRow(c.schema.Fields()[e.after].Schema, nil)
	}
	return nil
}

// build makes the row's cells, with what is added to them.
func (t *unwrap) build(m *message, c *content, e *envelope, i *image, row []byte, mark []byte) error {
	var err error
	if c.spare, err = i.row.split(c.spare[:0], row); err != nil {
		return err
	}
	if i.take != nil {
		kept := c.spare[:0]
		for _, from := range i.take {
			kept = append(kept, c.spare[from])
		}
		c.spare = kept
	}
	if t.rewrites {
		if t.replaceNull {
			for _, d := range i.defaults {
				if c.spare[d.field] == nil {
					c.spare[d.field] = d.row
				}
			}
		}
		c.spare = append(c.spare, mark)
	}
	for j := range e.fields {
		cell, err := e.fields[j].cell(c.cells)
		if err != nil {
			return err
		}
		c.spare = append(c.spare, cell)
	}
	c.schema, c.cells, c.spare = i.schema, c.spare, c.cells
	if t.route != "" {
		if i.route < 0 {
			return t.noRoute(i.schema)
		}
		t.to(m, c.cells[i.route])
	}
	return nil
}

// to sends the message to the topic that a cell names, unless it is blank.
func (t *unwrap) to(m *message, cell []byte) {
	if name := text(cell); len(strings.TrimSpace(view(name))) > 0 {
		m.topic = t.topics.own(name)
	}
}

func (t *unwrap) noRoute(s *data.Schema) error {
	if at := s.Lookup(t.route); at >= 0 {
		return fmt.Errorf("field %s is %v, and a topic is named by a STRING; correct %sroute.by.field=%s", t.route, s.Fields()[at].Schema, t.prefix, t.route)
	}
	return fmt.Errorf("%w; correct %sroute.by.field=%s", unknownField(t.route, s), t.prefix, t.route)
}

// cell returns what is added, nil for null.
func (a *added) cell(envelope [][]byte) ([]byte, error) {
	if a.parent < 0 {
		return envelope[a.field], nil
	}
	if envelope[a.parent] == nil {
		return nil, nil
	}
	return a.in.field(envelope[a.parent], a.field)
}

// plan works out what becomes of events of a schema.
func (t *unwrap) plan(s *data.Schema) (*envelope, error) {
	e := &envelope{op: s.Lookup("op"), before: s.Lookup("before"), after: s.Lookup("after")}
	if e.op < 0 || e.after < 0 || s.Fields()[e.op].Schema.Type() != data.String {
		return nil, fmt.Errorf("%v is no change event: it needs the fields op, a STRING, and after", s)
	}
	var err error
	if e.fields, err = find(s, t.fields); err == nil {
		e.headers, err = find(s, t.headers)
	}
	if err != nil {
		return nil, err
	}
	for j, at := range [...]int{e.before, e.after} {
		if at < 0 {
			continue
		}
		if e.images[j], err = t.image(s.Fields()[at].Schema, e, nil); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// find looks references up in the schema of an envelope. Fields that it does not have are left out.
func find(s *data.Schema, references []reference) ([]added, error) {
	var all []added
	for _, r := range references {
		a := added{reference: r, parent: -1}
		in := s
		if r.parent != "" {
			if a.parent = s.Lookup(r.parent); a.parent < 0 {
				return nil, unknownField(r.parent, s)
			}
			if in = s.Fields()[a.parent].Schema; in.Type() != data.Struct {
				return nil, fmt.Errorf("field %s is %v, not a struct that has a field %s", r.parent, in, r.field)
			}
		}
		if a.field = in.Lookup(r.field); a.field < 0 && r.parent != "" {
			a.parent, in, a.field = -1, s, s.Lookup(r.field)
		}
		if a.field < 0 {
			continue
		}
		a.in = newLayout(in)
		var err error
		if a.schema, err = like(in.Fields()[a.field].Schema).Optional().Build(); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// image works out the schema of a row without the fields that drop says, nil for all of them.
func (t *unwrap) image(s *data.Schema, e *envelope, drop func(data.Field) bool) (*image, error) {
	i := &image{route: -1}
	if s.Type() != data.Struct {
		return i, nil
	}
	i.row = newLayout(s)
	b := likeStruct(s)
	defaults := defaultsOf(s)
	for at, f := range s.Fields() {
		if drop != nil {
			if drop(f) {
				continue
			}
			i.take = append(i.take, at)
		}
		for _, d := range defaults {
			if d.field == at {
				i.defaults = append(i.defaults, fieldDefault{len(i.take) - 1, d.row})
			}
		}
		b.Field(f.Name, f.Schema)
	}
	if drop == nil {
		i.defaults = defaults
	} else if i.take == nil {
		i.take = []int{}
	}
	if t.rewrites {
		b.Field(deletedField, data.OptionalStringSchema)
	}
	for _, a := range e.fields {
		b.Field(a.as, a.schema)
	}
	var err error
	if i.schema, err = b.Build(); err != nil {
		return nil, fmt.Errorf("%w; correct %sadd.fields", err, t.prefix)
	}
	all := i.schema.Fields()
	own := len(all) - len(e.fields) // fields that are added do not name topics
	if at := i.schema.Lookup(t.route); at >= 0 && at < own && all[at].Schema.Type() == data.String {
		i.route = at
	}
	return i, nil
}

// keyWithout is a key without some of its fields.
type keyWithout struct {
	schema *data.Schema
	take   []int
}

// mostDrops is the number of different lists of fields that are remembered.
const mostDrops = 1000

// dropNames returns the row of the list of fields to drop that a header has, nil when there is none.
func (t *unwrap) dropNames(m *message) ([]byte, error) {
	if t.dropHeader == "" {
		return nil, nil
	}
	for _, h := range m.headers {
		if h.Key != t.dropHeader {
			continue
		}
		if v := h.Value; !isNull(v) && (v.Kind != data.KindRow || v.Schema.Type() != data.Array || v.Schema.Element().Type() != data.String) {
			return nil, fmt.Errorf("the header %s is %s, and not a list of the names of fields; correct %sdrop.fields.header.name", h.Key, describe(v), t.prefix)
		}
		return h.Value.Data, nil
	}
	return nil, nil
}

// drop tells whether a field goes, by the row of a list of names.
func (t *unwrap) drop(names []byte) func(data.Field) bool {
	list := stringsOf(names)
	return func(f data.Field) bool {
		return slices.Contains(list, f.Name) && (t.dropRequired || f.Schema.Optional())
	}
}

// stringsOf decodes the row of an ARRAY of STRING.
func stringsOf(row []byte) []string {
	var list []string
	var r data.Reader
	r.Reset(row)
	n, _ := r.Array(stringArray)
	for i := 0; i < n && r.Err() == nil; i++ {
		list = append(list, r.String())
	}
	return list
}

var stringArray = data.NewArray(data.StringSchema).MustBuild()

// without returns the image without the fields of a list.
func (t *unwrap) without(i *image, e *envelope, names []byte) (*image, error) {
	if known, ok := i.without[string(names)]; ok {
		return known, nil
	}
	made, err := t.image(i.row.schema, e, t.drop(names))
	if err != nil {
		return nil, err
	}
	if i.without == nil || len(i.without) >= mostDrops {
		i.without = map[string]*image{}
	}
	i.without[string(names)] = made
	return made, nil
}

// dropKey takes fields of a list out of the key, too.
func (t *unwrap) dropKey(m *message, names []byte) error {
	k := &m.parts[key]
	s := k.schemaOf()
	if k.isNull() || s == nil || s.Type() != data.Struct || !strings.HasSuffix(s.Name(), ".Key") {
		return nil
	}
	made := t.keys[s][string(names)]
	if made == nil {
		made = &keyWithout{take: []int{}}
		b, drop := likeStruct(s), t.drop(names)
		for at, f := range s.Fields() {
			if !drop(f) {
				b.Field(f.Name, f.Schema)
				made.take = append(made.take, at)
			}
		}
		var err error
		if made.schema, err = b.Build(); err != nil {
			return err
		}
		if t.keys == nil || len(t.keys) >= mostDrops {
			t.keys = map[*data.Schema]map[string]*keyWithout{}
		}
		if known := t.keys[s]; known == nil || len(known) >= mostDrops {
			t.keys[s] = map[string]*keyWithout{}
		}
		t.keys[s][string(names)] = made
	}
	if _, err := k.split(m.arena); err != nil {
		return err
	}
	k.take(made.schema, made.take)
	return nil
}
