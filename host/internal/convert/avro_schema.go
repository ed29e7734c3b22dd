package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// avroKind is a type of Avro.
type avroKind uint8

const (
	avroNull avroKind = iota
	avroBoolean
	avroInt
	avroLong
	avroFloat
	avroDouble
	avroBytes
	avroString
	avroFixed
	avroEnum
	avroArray
	avroMap
	avroRecord
	avroUnion
)

var avroKinds = map[string]avroKind{
	"null": avroNull, "boolean": avroBoolean, "int": avroInt, "long": avroLong, "float": avroFloat, "double": avroDouble,
	"bytes": avroBytes, "string": avroString, "fixed": avroFixed, "enum": avroEnum, "array": avroArray, "map": avroMap,
	"record": avroRecord, "error": avroRecord,
}

// avroSchema is a schema of Avro, with the properties in which Confluent's converter keeps what Avro does not have.
type avroSchema struct {
	kind     avroKind
	name     string // full name of a record, enum or fixed
	doc      string
	fields   []avroField
	items    *avroSchema   // of an array, values of a map
	branches []*avroSchema // of a union
	symbols  []string
	size     int // of a fixed

	logical          string
	scale, precision int

	connectName, connectType, connectDoc, internal string
	connectVersion                                 *int32
	parameters                                     []data.Parameter
	connectDefault                                 json.RawMessage
}

type avroField struct {
	name, doc string
	schema    *avroSchema
	initial   json.RawMessage // default, nil: none
}

// avroParser parses schemas that refer to each other by name.
type avroParser struct {
	named map[string]*avroSchema
	open  map[string]bool // records that are being parsed
	depth int
}

// parseAvro parses a schema; refs are those that it refers to, in an order in which each is known when it is needed.
func parseAvro(text string, refs ...string) (*avroSchema, error) {
	p := &avroParser{named: map[string]*avroSchema{}, open: map[string]bool{}}
	for _, r := range refs {
		if _, err := p.parse([]byte(r), ""); err != nil {
			return nil, err
		}
	}
	return p.parse([]byte(text), "")
}

func (p *avroParser) parse(text []byte, namespace string) (*avroSchema, error) {
	if p.depth++; p.depth > data.MaxDepth*2 {
		return nil, fmt.Errorf("the Avro schema is nested too deep")
	}
	defer func() { p.depth-- }()
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return nil, fmt.Errorf("the Avro schema is empty")
	}
	switch text[0] {
	case '"':
		var name string
		if err := json.Unmarshal(text, &name); err != nil {
			return nil, fmt.Errorf("the Avro schema is no JSON: %w", err)
		}
		return p.byName(name, namespace)
	case '[':
		return p.union(text, namespace)
	case '{':
		return p.object(text, namespace)
	}
	var name string // a bare name, as some registries keep primitive schemas
	for name = range strings.FieldsSeq(string(text)) {
		break
	}
	return p.byName(name, namespace)
}

func (p *avroParser) byName(name, namespace string) (*avroSchema, error) {
	if k, ok := avroKinds[name]; ok && k < avroFixed {
		return &avroSchema{kind: k}, nil
	}
	full := avroFullName(name, namespace)
	if p.open[full] {
		return nil, fmt.Errorf("record %s contains itself: Connect has no such schemas", full)
	}
	if s := p.named[full]; s != nil {
		return s, nil
	}
	if s := p.named[name]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("the Avro schema names the type %q, which is not defined", name)
}

// avroFullName is a name in a namespace.
func avroFullName(name, namespace string) string {
	if namespace == "" || strings.Contains(name, ".") {
		return name
	}
	return namespace + "." + name
}

func (p *avroParser) union(text []byte, namespace string) (*avroSchema, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return nil, fmt.Errorf("the Avro schema is no JSON: %w", err)
	}
	s := &avroSchema{kind: avroUnion}
	for _, part := range parts {
		b, err := p.parse(part, namespace)
		if err != nil {
			return nil, err
		}
		if b.kind == avroUnion {
			return nil, fmt.Errorf("the Avro schema has a union directly inside a union")
		}
		s.branches = append(s.branches, b)
	}
	if len(s.branches) == 0 {
		return nil, fmt.Errorf("the Avro schema has a union of nothing")
	}
	return s, nil
}

// avroObject is the JSON of a schema.
type avroObject struct {
	Type        json.RawMessage   `json:"type"`
	Name        string            `json:"name"`
	Namespace   *string           `json:"namespace"`
	Doc         string            `json:"doc"`
	Fields      []avroFieldObject `json:"fields"`
	Items       json.RawMessage   `json:"items"`
	Values      json.RawMessage   `json:"values"`
	Symbols     []string          `json:"symbols"`
	Size        int               `json:"size"`
	LogicalType string            `json:"logicalType"`
	Scale       json.RawMessage   `json:"scale"`
	Precision   json.RawMessage   `json:"precision"`

	ConnectName    string          `json:"connect.name"`
	ConnectType    string          `json:"connect.type"`
	ConnectDoc     string          `json:"connect.doc"`
	ConnectVersion *int32          `json:"connect.version"`
	ConnectDefault json.RawMessage `json:"connect.default"`
	Parameters     json.RawMessage `json:"connect.parameters"`
	Internal       string          `json:"connect.internal.type"`
}

type avroFieldObject struct {
	Name    string          `json:"name"`
	Type    json.RawMessage `json:"type"`
	Doc     string          `json:"doc"`
	Default json.RawMessage `json:"default"`
}

func (p *avroParser) object(text []byte, namespace string) (*avroSchema, error) {
	var o avroObject
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("the Avro schema is no JSON, or none of Avro's: %w", err)
	}
	var kind string
	if err := json.Unmarshal(o.Type, &kind); err != nil { // the type is a schema itself
		return p.parse(o.Type, namespace)
	}
	k, ok := avroKinds[kind]
	if !ok {
		return p.byName(kind, namespace)
	}
	s := &avroSchema{
		kind: k, doc: o.Doc, symbols: o.Symbols, size: o.Size, logical: o.LogicalType,
		connectName: o.ConnectName, connectType: o.ConnectType, connectDoc: o.ConnectDoc, connectVersion: o.ConnectVersion,
		connectDefault: o.ConnectDefault, internal: o.Internal,
	}
	s.scale, s.precision = avroNumber(o.Scale), avroNumber(o.Precision)
	var err error
	if s.parameters, err = avroParameters(o.Parameters); err != nil {
		return nil, err
	}
	if k == avroRecord || k == avroEnum || k == avroFixed {
		if o.Namespace != nil {
			namespace = *o.Namespace
		}
		s.name = avroFullName(o.Name, namespace)
		if i := strings.LastIndexByte(s.name, '.'); i >= 0 {
			namespace = s.name[:i]
		}
		if o.Name == "" {
			return nil, fmt.Errorf("the Avro schema has a %s without name", kind)
		}
	}
	switch k {
	case avroArray:
		s.items, err = p.parse(o.Items, namespace)
	case avroMap:
		s.items, err = p.parse(o.Values, namespace)
	case avroFixed:
		if s.size < 0 || s.size > 64<<20 {
			err = fmt.Errorf("the Avro schema has a fixed %s of %d bytes", s.name, s.size)
		}
		p.named[s.name] = s
	case avroEnum:
		p.named[s.name] = s
	case avroRecord:
		p.open[s.name] = true
		for _, f := range o.Fields {
			inner, ferr := p.parse(f.Type, namespace)
			if ferr != nil {
				return nil, fmt.Errorf("field %s of record %s: %w", f.Name, s.name, ferr)
			}
			s.fields = append(s.fields, avroField{f.Name, f.Doc, inner, f.Default})
		}
		delete(p.open, s.name)
		p.named[s.name] = s
	}
	return s, err
}

// avroNumber reads a number that may be written as a string.
func avroNumber(text json.RawMessage) int {
	n, _ := strconv.Atoi(strings.Trim(string(text), `"`))
	return n
}

// avroParameters keeps the order in which parameters are written.
func avroParameters(text json.RawMessage) ([]data.Parameter, error) {
	if len(text) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	var all []data.Parameter
	open, err := d.Token()
	if err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("connect.parameters of the Avro schema is no object of texts")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := d.Token()
		if err != nil {
			return nil, err
		}
		k, _ := key.(string)
		v, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("parameter %s in connect.parameters of the Avro schema is no text", k)
		}
		all = append(all, data.Parameter{Key: k, Value: v})
	}
	return all, nil
}
