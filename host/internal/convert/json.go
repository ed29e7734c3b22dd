package convert

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// jsonConverter is Kafka's JsonConverter.
type jsonConverter struct {
	use     Use
	schemas bool         // schemas.enable: values are in an envelope with their schema
	content *data.Schema // schema.content, nil for none

	writer  jsonWriter
	written lru[*data.Schema, *written]
	last    *written // the schema that was written last

	reader   jsonReader
	schemaOf lru[string, *data.Schema]
	lastText []byte // the JSON of the schema that was read last, an object
	lastRead *data.Schema
}

// written is a schema that values are written with.
type written struct {
	plan     *plan
	envelope []byte // what comes before the payload, empty without schemas.enable
}

func newJSON(s settings) (Converter, error) {
	c := &jsonConverter{use: s.use, schemas: s.flag("schemas.enable")}
	size := s.size("schemas.cache.size")
	c.written, c.schemaOf = newLRU[*data.Schema, *written](size), newLRU[string, *data.Schema](size)
	c.writer.numeric = s.text("decimal.format") == "NUMERIC"
	c.writer.replaceNull = s.flag("replace.null.with.default")
	c.reader.replaceNull = c.writer.replaceNull
	if content := s.text("schema.content"); content != "" && c.schemas {
		var err error
		if c.content, err = parseContent([]byte(content), c.reader.replaceNull); err != nil {
			return nil, fmt.Errorf("%s is not a schema as JSON: %w", s.use.setting("schema.content"), err)
		}
	}
	return c, nil
}

func parseContent(text []byte, replaceNull bool) (*data.Schema, error) {
	if err := check(text); err != nil {
		return nil, err
	}
	s, err := parseSchema(bytes.TrimSpace(text), replaceNull)
	if err == nil && s == nil {
		err = errors.New("it is null")
	}
	return s, err
}

// check tells whether text is JSON, and nothing else.
func check(text []byte) error {
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	end, _, err := skipValue(text, 0)
	if err == nil {
		if end = space(text, end); end < len(text) {
			err = &syntaxError{end, "text behind the value"}
		}
	}
	return err
}

// Envelopes of values that have no schema of their own.
const (
	stringEnvelope = `{"schema":{"type":"string","optional":false},"payload":`
	bytesEnvelope  = `{"schema":{"type":"bytes","optional":false},"payload":`
	noEnvelope     = `{"schema":null,"payload":`
)

func (c *jsonConverter) FromConnect(a *Arena, _ string, v data.Value) ([]byte, error) {
	if v.Kind == data.KindRow {
		return c.fromRow(a, v)
	}
	if isNull(v) {
		return nil, nil
	}
	if v.Kind == data.KindJSON && !c.schemas {
		return v.Data, nil
	}
	from, buf := len(a.buf), a.buf
	var err error
	switch v.Kind {
	case data.KindString:
		buf, err = appendText(c.open(buf, stringEnvelope), v.Data)
	case data.KindBytes:
		buf = appendBase64(c.open(buf, bytesEnvelope), v.Data)
	default:
		buf = append(c.open(buf, noEnvelope), v.Data...)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; the source says it is a string: it should send bytes", c.use, err)
	}
	return a.cut(c.close(buf), from), nil
}

func (c *jsonConverter) open(dst []byte, envelope string) []byte {
	if c.schemas {
		return append(dst, envelope...)
	}
	return dst
}

func (c *jsonConverter) close(dst []byte) []byte {
	if c.schemas {
		return append(dst, '}')
	}
	return dst
}

func (c *jsonConverter) fromRow(a *Arena, v data.Value) ([]byte, error) {
	w := c.last
	if w == nil || w.plan.schema != v.Schema {
		var err error
		if w, err = c.prepare(v.Schema); err != nil {
			return nil, fmt.Errorf("%s with schema %v cannot be written as JSON: %w", c.use, v.Schema, err)
		}
		c.last = w
	}
	if row, _ := v.Schema.Default(); v.Data == nil && !v.Schema.Optional() && (row == nil || !c.writer.replaceNull) {
		return nil, fmt.Errorf("%s is null, and its schema %v is neither optional nor has a default", c.use, v.Schema)
	}
	from := len(a.buf)
	buf, err := c.writer.append(append(a.buf, w.envelope...), w.plan, v.Data)
	if err != nil {
		return nil, fmt.Errorf("%s with schema %v cannot be written as JSON: %w", c.use, v.Schema, err)
	}
	return a.cut(c.close(buf), from), nil
}

// prepare finds or works out what is needed to write values of a schema.
func (c *jsonConverter) prepare(s *data.Schema) (*written, error) {
	if w, ok := c.written.get(s); ok {
		return w, nil
	}
	p, err := c.writer.plan(s)
	if err != nil {
		return nil, err
	}
	w := &written{plan: p}
	if c.schemas {
		if w.envelope, err = c.writer.appendSchema([]byte(`{"schema":`), p, nil); err != nil {
			return nil, err
		}
		w.envelope = append(w.envelope, `,"payload":`...)
	}
	c.written.put(s, w)
	return w, nil
}

var byteOrderMark = []byte("\xEF\xBB\xBF")

func (c *jsonConverter) ToConnect(a *Arena, _ string, b []byte) (data.Value, error) {
	if b == nil {
		return data.Value{}, nil
	}
	text := bytes.TrimPrefix(b, byteOrderMark)
	if !utf8.Valid(text) {
		return data.Value{}, c.refuse(b, errNotUTF8)
	}
	var v data.Value
	var err error
	switch {
	case !c.schemas && space(text, 0) == len(text):
	case !c.schemas:
		v, err = schemaless(a, text)
	case c.content != nil:
		v, err = c.payload(a, c.content, text)
	default:
		v, err = c.unwrap(a, text)
	}
	if err != nil {
		return data.Value{}, c.refuse(b, err)
	}
	return v, nil
}

// errEnvelope has the words of Kafka's message, which people search for.
var errEnvelope = errors.New(`JsonConverter with schemas.enable requires "schema" and "payload" fields and may not contain ` +
	`additional fields. If you are trying to deserialize plain JSON data, set schemas.enable=false in your converter configuration`)

// refuse says what was seen instead of JSON and what can be done.
func (c *jsonConverter) refuse(b []byte, err error) error {
	if what := foreign(b); what != "" {
		return fmt.Errorf("%s %s, the converter is JsonConverter; set %s to the converter that wrote it", c.use, what, c.use.setting(""))
	}
	var syntax *syntaxError
	switch {
	case errors.Is(err, errEnvelope):
		return fmt.Errorf("%s: %w: %s=false", c.use, err, c.use.setting("schemas.enable"))
	case len(b) == 0:
		return fmt.Errorf("%s is empty, and JsonConverter with schemas.enable reads an object with \"schema\" and \"payload\"; set %s=false to read it as null",
			c.use, c.use.setting("schemas.enable"))
	case errors.As(err, &syntax), errors.Is(err, errNotUTF8):
		return fmt.Errorf("%s is not JSON: %w; set %s to the converter that wrote it (StringConverter and ByteArrayConverter read anything of theirs)",
			c.use, err, c.use.setting(""))
	}
	return fmt.Errorf("%s: %w", c.use, err)
}

// schemaless checks a text and returns it as it is, without the space around it.
func schemaless(a *Arena, text []byte) (data.Value, error) {
	from := space(text, 0)
	end, zeros, err := skipValue(text, from)
	if err != nil {
		return data.Value{}, err
	}
	if rest := space(text, end); rest < len(text) {
		return data.Value{}, &syntaxError{rest, "text behind the value"}
	}
	text = text[from:end:end]
	switch {
	case string(text) == "null":
		return data.Value{}, nil
	case zeros:
		at := len(a.buf)
		text = a.cut(appendNormal(a.buf, text), at)
	}
	return data.JSONValue(text), nil
}

// payload reads a text that is nothing but a value of s.
func (c *jsonConverter) payload(a *Arena, s *data.Schema, text []byte) (data.Value, error) {
	row, err := c.reader.read(a.buf, s, text)
	if err != nil {
		return data.Value{}, misfit(s, err)
	}
	a.buf = c.reader.out
	return data.RowValue(s, row), nil
}

// misfit is the error of a payload that is JSON but no value of s.
func misfit(s *data.Schema, err error) error {
	return fmt.Errorf("the payload does not fit its schema %v: %w", s, err)
}

// unwrap reads an envelope.
func (c *jsonConverter) unwrap(a *Arena, text []byte) (data.Value, error) {
	if v, ok, err := c.unwrapKnown(a, text); ok {
		return v, err
	}
	schema, payload, err := envelope(text)
	if err != nil {
		return data.Value{}, err
	}
	if string(schema) == "null" {
		return schemaless(a, payload)
	}
	s, err := c.schema(schema)
	if err != nil {
		return data.Value{}, err
	}
	return c.payload(a, s, payload)
}

const (
	beforeSchema  = `{"schema":`
	beforePayload = `,"payload":`
)

// unwrapKnown reads an envelope written as converters write it, with the same schema as the last one, which is the case
// of nearly all: comparing the schema's text is far quicker than reading it. ok is false when it is another case, or
// the text is not whole.
func (c *jsonConverter) unwrapKnown(a *Arena, text []byte) (v data.Value, ok bool, err error) {
	n := len(beforeSchema) + len(c.lastText)
	if c.lastRead == nil || len(text) < n+len(beforePayload) ||
		string(text[:len(beforeSchema)]) != beforeSchema || !bytes.Equal(text[len(beforeSchema):n], c.lastText) ||
		string(text[n:n+len(beforePayload)]) != beforePayload {
		return v, false, nil
	}
	r := &c.reader
	r.start(a.buf, text, n+len(beforePayload))
	row, err := r.next(c.lastRead)
	if err != nil {
		return v, true, misfit(c.lastRead, err)
	}
	i := space(text, r.i)
	if i >= len(text) || text[i] != '}' || space(text, i+1) != len(text) {
		return v, false, nil
	}
	a.buf = r.out
	return data.RowValue(c.lastRead, row), true, nil
}

// envelope finds the two members of an envelope.
func envelope(text []byte) (schema, payload []byte, err error) {
	i := space(text, 0)
	if err := check(text); err != nil {
		return nil, nil, err
	}
	if text[i] != '{' {
		return nil, nil, errEnvelope
	}
	err = members(text[i:], func(name string, value []byte) error {
		switch {
		case name == "schema" && schema == nil:
			schema = value
		case name == "payload" && payload == nil:
			payload = value
		default:
			return errEnvelope
		}
		return nil
	})
	if err == nil && (schema == nil || payload == nil) {
		err = errEnvelope
	}
	return schema, payload, err
}

// schema returns the schema that a JSON text is. The same text gives the same schema, as long as the cache holds it.
func (c *jsonConverter) schema(text []byte) (*data.Schema, error) {
	s, ok := c.schemaOf.get(view(text))
	if !ok {
		var err error
		if s, err = parseSchema(text, c.reader.replaceNull); err != nil {
			return nil, fmt.Errorf("the schema that comes with it is wrong: %w", err)
		}
		c.schemaOf.put(string(text), s)
	}
	c.lastText, c.lastRead = append(c.lastText[:0], text...), s
	return s, nil
}
