package document

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Action is what is to be done with a document.
type Action uint8

const (
	// Index writes the document.
	Index Action = iota
	// Delete deletes it: the record's value is null, or the change event says so.
	Delete
	// Skip does nothing: the change event is of no single row, such as TRUNCATE.
	Skip
)

// Document is what a record's value says.
type Document struct {
	Action Action
	// JSON is the document, one object on one line. With Delete it is the deleted
	// one, as far as the change event tells, else nil. It is a part of the value
	// or of memory that the next Encode uses again.
	JSON []byte
	// Schema is that of the document, nil when it was JSON.
	Schema *data.Schema
}

// Envelope tells which values are taken for change events.
type Envelope uint8

const (
	// Auto takes those that look like one.
	Auto Envelope = iota
	// None takes none.
	None
	// Debezium takes all, and refuses what is none.
	Debezium
)

// mostPlans bounds the schemas that are remembered.
const mostPlans = 1000

// Encoder makes documents of values and ids of keys. Not safe for concurrent use.
type Encoder struct {
	envelope Envelope
	wrap     []byte // what comes before a value that is no object, nil: it is refused
	writer   writer
	plans    map[*data.Schema]*plan
	last     *plan
	fields   data.Fields
	out      []byte

	keyFields data.Fields
}

// NewEncoder returns an encoder. compactMaps writes maps with keys of text as
// objects, else all maps are arrays of entries. A value that is no object becomes
// the member of the name field, and is refused when that is empty.
func NewEncoder(envelope Envelope, compactMaps bool, field string) *Encoder {
	e := &Encoder{envelope: envelope, writer: writer{compact: compactMaps}, plans: map[*data.Schema]*plan{}}
	if field != "" {
		e.wrap = append(appendText([]byte{'{'}, []byte(field)), ':')
	}
	return e
}

// Encode makes a document of a value. The error says why there is none.
func (e *Encoder) Encode(v data.Value) (Document, error) {
	if v.IsNull() {
		return Document{Action: Delete}, nil
	}
	switch v.Kind {
	case data.KindRow:
		return e.row(v)
	case data.KindJSON:
		return e.json(v.Data)
	}
	if !utf8.Valid(v.Data) {
		return Document{}, fmt.Errorf("the value is %v that are not UTF-8: set value.converter to the format of the topic, such as io.confluent.connect.avro.AvroConverter", v.Kind)
	}
	err := checkObject(v.Data)
	switch {
	case err == nil:
		return e.text(v.Data)
	case e.wrap != nil:
		e.out = append(appendText(append(e.out[:0], e.wrap...), v.Data), '}')
		return Document{JSON: e.out}, nil
	}
	return Document{}, fmt.Errorf("the value is %v and no JSON object (%w): set value.converter to the format of the topic, or name a member for it in value.field", v.Kind, err)
}

// json makes a document of a value that the host has found to be JSON.
func (e *Encoder) json(text []byte) (Document, error) {
	i := blank(text, 0)
	switch {
	case i < len(text) && text[i] == '{':
		return e.text(text)
	case e.wrap != nil:
		e.out = append(append(append(e.out[:0], e.wrap...), text...), '}')
		return Document{JSON: e.line(e.out)}, nil
	}
	return Document{}, fmt.Errorf("the value is %s, a document is a JSON object: name a member for it in value.field", kindOf(text, i))
}

func kindOf(json []byte, i int) string {
	if i < len(json) {
		switch json[i] {
		case '[':
			return "a JSON array"
		case '"':
			return "a JSON text"
		case 'n':
			return "a JSON null"
		}
	}
	return "a JSON number or boolean"
}

// text makes a document of a JSON object.
func (e *Encoder) text(text []byte) (Document, error) {
	if e.envelope == None {
		return Document{JSON: e.line(text)}, nil
	}
	c, ok := readChange(text)
	if !ok {
		if e.envelope == Debezium {
			return Document{}, errNoChange
		}
		return Document{JSON: e.line(text)}, nil
	}
	action, err := actionOf(string(c.op[1:len(c.op)-1]), c.after[0] == '{')
	switch {
	case err != nil || action == Skip:
		return Document{Action: action}, err
	case action == Index:
		return Document{JSON: e.line(c.after)}, nil
	case c.before[0] == '{':
		return Document{Action: Delete, JSON: e.line(c.before)}, nil
	}
	return Document{Action: Delete}, nil
}

var errNoChange = errors.New("the value is no change event of Debezium: it needs before, after, source and op; envelope=auto takes other values as they are")

// line puts JSON on one line. Outside of texts a line feed is white space, and inside there is none.
func (e *Encoder) line(text []byte) []byte {
	if bytes.IndexByte(text, '\n') < 0 {
		return text
	}
	e.out = append(e.out[:0], text...) // which may be itself
	for i, c := range e.out {
		if c == '\n' {
			e.out[i] = ' '
		}
	}
	return e.out
}

// row makes a document of a row.
func (e *Encoder) row(v data.Value) (Document, error) {
	p, err := e.plan(v.Schema)
	if err != nil {
		return Document{}, err
	}
	if p.envelope == nil || e.envelope == None {
		if e.envelope == Debezium {
			return Document{}, errNoChange
		}
		return e.write(Index, p, v.Data)
	}
	if err := e.fields.Index(v.Schema, v.Data); err != nil {
		return Document{}, fmt.Errorf("the value is damaged: %w", err)
	}
	op, err := e.op(p)
	if err != nil {
		return Document{}, err
	}
	before, after := p.envelope.before, p.envelope.after
	action, err := actionOf(op, !e.fields.IsNull(after))
	switch {
	case err != nil || action == Skip:
		return Document{Action: action}, err
	case action == Index:
		return e.write(Index, p.fields[after].plan, e.fields.Row(after))
	case !e.fields.IsNull(before):
		return e.write(Delete, p.fields[before].plan, e.fields.Row(before))
	}
	return Document{Action: Delete}, nil
}

// op returns the operation of the change event that was indexed.
func (e *Encoder) op(p *plan) (string, error) {
	if e.fields.IsNull(p.envelope.op) {
		return "", nil
	}
	e.writer.row.Reset(e.fields.Row(p.envelope.op))
	op := e.writer.row.StringView()
	return op, e.writer.row.Err()
}

func (e *Encoder) write(a Action, p *plan, row []byte) (Document, error) {
	isObject := p.form == formStruct || p.form == formObject
	if !isObject && e.wrap != nil {
		return e.writeWrapped(p, row)
	}
	out, err := e.writer.append(e.out[:0], p, row)
	if err != nil {
		return Document{}, fmt.Errorf("the value of schema %v cannot be a document: %w", p.schema, err)
	}
	if e.out = out; out[0] != '{' {
		return Document{}, fmt.Errorf("the value is %v, a document is a struct or a map: name a member for it in value.field", p.schema)
	}
	return Document{Action: a, JSON: out, Schema: p.schema}, nil
}

// writeWrapped writes a value that is no object, unless its own type makes it one.
func (e *Encoder) writeWrapped(p *plan, row []byte) (Document, error) {
	out, err := e.writer.append(append(e.out[:0], e.wrap...), p, row)
	if err != nil {
		return Document{}, fmt.Errorf("the value of schema %v cannot be a document: %w", p.schema, err)
	}
	e.out = append(out, '}')
	if out[len(e.wrap)] == '{' {
		return Document{JSON: out[len(e.wrap):]}, nil
	}
	return Document{JSON: e.out}, nil
}

func (e *Encoder) plan(s *data.Schema) (*plan, error) {
	if e.last != nil && e.last.schema == s {
		return e.last, nil
	}
	p := e.plans[s]
	if p == nil {
		var err error
		if p, err = newPlan(s, e.writer.compact); err != nil {
			return nil, err
		}
		if len(e.plans) >= mostPlans {
			clear(e.plans)
		}
		e.plans[s] = p
	}
	e.last = p
	return p, nil
}
