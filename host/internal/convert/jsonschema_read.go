package convert

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/host/internal/registry"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// jsonSchemaParser makes Connect schemas of JSON Schemas.
type jsonSchemaParser struct {
	documents   map[string][]byte // by the names under which they are referred to; "" is the schema itself
	optional    bool              // properties that are not required are optional
	replaceNull bool              // nulls inside defaults become defaults
	open        []string          // references that are being followed
	depth       int
	parts       int
}

// mostParts bounds schemas that refer to themselves many times over.
const mostParts = 20_000

func parseJSONSchema(text string, references []registry.Reference, optional, replaceNull bool) (*data.Schema, error) {
	p := &jsonSchemaParser{documents: map[string][]byte{"": []byte(text)}, optional: optional, replaceNull: replaceNull}
	for _, r := range references {
		p.documents[r.Name] = []byte(r.Text)
	}
	for name, text := range p.documents {
		if err := check(text); err != nil {
			return nil, fmt.Errorf("the JSON Schema %s is no JSON: %w", name, err)
		}
		p.documents[name] = text[space(text, 0):]
	}
	return p.schema("", p.documents[""], false)
}

// schema makes the Connect schema of a part of a document.
func (p *jsonSchemaParser) schema(document string, text []byte, optional bool) (*data.Schema, error) {
	if p.depth++; p.depth > data.MaxDepth {
		return nil, fmt.Errorf("the JSON Schema is nested deeper than %d", data.MaxDepth)
	}
	defer func() { p.depth-- }()
	if p.parts++; p.parts > mostParts {
		return nil, fmt.Errorf("the JSON Schema has more than %d parts", mostParts)
	}
	if string(text) == "true" {
		return data.AnySchema, nil
	}
	if text[0] != '{' {
		return nil, fmt.Errorf("a JSON Schema is an object, not %s", jsonKind(text))
	}
	m := membersOf(text)
	if ref, ok := unquoted(m["$ref"]); ok {
		return p.follow(document, ref, optional)
	}
	s := jsonSchemaPart{p, document, m, optional}
	return s.schema()
}

func membersOf(object []byte) map[string][]byte {
	m := map[string][]byte{}
	_ = members(object, func(name string, value []byte) error { m[name] = value; return nil }) // the function does not fail
	return m
}

// follow makes the schema that a reference means.
func (p *jsonSchemaParser) follow(document, ref string, optional bool) (*data.Schema, error) {
	name, pointer, _ := strings.Cut(ref, "#")
	if name == "" {
		name = document
	}
	full := name + "#" + pointer
	if slices.Contains(p.open, full) {
		return nil, fmt.Errorf("%q contains itself: Connect has no such schemas", ref)
	}
	text, ok := p.documents[name]
	if !ok {
		text, ok = p.documents[strings.TrimPrefix(name, "./")]
	}
	if id, _ := unquoted(membersOf(object(p.documents[""]))["$id"]); !ok && name == id {
		name, text, ok = "", p.documents[""], true
	}
	if !ok {
		return nil, fmt.Errorf("the JSON Schema refers to %q, which is not among its references", ref)
	}
	if pointer != "" && pointer[0] != '/' {
		return nil, fmt.Errorf("the JSON Schema refers to %q, and of such names only those like #/definitions/name are known", ref)
	}
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		step, err := url.PathUnescape(step)
		if err != nil {
			return nil, fmt.Errorf("the JSON Schema refers to %q: %w", ref, err)
		}
		step = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		if text, ok = membersOf(object(text))[step]; !ok {
			return nil, fmt.Errorf("the JSON Schema refers to %q, which is not there", ref)
		}
	}
	p.open = append(p.open, full)
	defer func() { p.open = p.open[:len(p.open)-1] }()
	return p.schema(name, text, optional)
}

// object is text if that is an object, or else an empty one.
func object(text []byte) []byte {
	if len(text) == 0 || text[0] != '{' {
		return []byte("{}")
	}
	return text
}

// jsonSchemaPart is a schema of which the members are known.
type jsonSchemaPart struct {
	*jsonSchemaParser
	document string
	m        map[string][]byte
	optional bool
}

func (s jsonSchemaPart) schema() (*data.Schema, error) {
	for _, word := range []string{"oneOf", "anyOf"} {
		if list := listOf(s.m[word]); list != nil && s.m["properties"] == nil {
			return s.union(list)
		}
	}
	if list := listOf(s.m["allOf"]); list != nil {
		return s.merged(list)
	}
	if types := listOf(s.m["type"]); types != nil {
		return s.types(types)
	}
	kind, _ := unquoted(s.m["type"])
	if kind == "" {
		kind = s.meant()
	}
	b, err := s.builder(kind)
	if err != nil || b == nil {
		return data.AnySchema, err
	}
	return s.finish(b)
}

// listOf returns the elements of an array, nil for anything else and for an empty one.
func listOf(text []byte) [][]byte {
	if len(text) == 0 || text[0] != '[' {
		return nil
	}
	var list [][]byte
	_ = elements(text, func(value []byte) error { list = append(list, value); return nil }) // the function does not fail
	return list
}

// meant is the type of a schema that names none.
func (s jsonSchemaPart) meant() string {
	sample := s.m["const"]
	switch {
	case s.m["enum"] != nil:
		return "string"
	case s.m["properties"] != nil:
		return "object"
	case s.m["items"] != nil:
		return "array"
	case sample == nil:
		return ""
	case integral(sample):
		return "integer"
	}
	return strings.TrimPrefix(strings.TrimPrefix(jsonKind(sample), "an "), "a ")
}

// types makes the schema of a list of types: one besides null, or a union.
func (s jsonSchemaPart) types(names [][]byte) (*data.Schema, error) {
	var others [][]byte
	for _, name := range names {
		if string(name) == `"null"` {
			s.optional = true
		} else {
			others = append(others, name)
		}
	}
	if len(others) == 1 {
		s.m["type"] = others[0]
		return s.schema()
	}
	var list [][]byte
	if s.optional {
		list = append(list, []byte(`{"type":"null"}`))
	}
	for _, name := range others {
		list = append(list, []byte(`{"type":`+string(name)+`}`))
	}
	return s.union(list)
}

// union makes an optional schema of null and another one, of others a struct with a field for each.
func (s jsonSchemaPart) union(list [][]byte) (*data.Schema, error) {
	var others [][]byte
	for _, text := range list {
		if string(membersOf(object(text))["type"]) == `"null"` {
			s.optional = true
		} else {
			others = append(others, text)
		}
	}
	if len(others) == 1 && len(list) == 2 {
		return s.jsonSchemaParser.schema(s.document, others[0], true)
	}
	b := data.NewStruct(jsonUnion)
	for i, text := range others {
		branch, err := s.jsonSchemaParser.schema(s.document, text, true)
		if err != nil {
			return nil, err
		}
		b.Field(fmt.Sprintf("%s.field.%d", jsonUnion, i), branch)
	}
	if s.optional {
		b.Optional()
	}
	return b.Build()
}

// merged makes the schema of parts that hold all at once: the members of all of them.
func (s jsonSchemaPart) merged(list [][]byte) (*data.Schema, error) {
	delete(s.m, "allOf")
	var properties []byte
	for _, text := range list {
		more := membersOf(object(text))
		if ref, ok := unquoted(more["$ref"]); ok {
			if len(list) == 1 && s.m["properties"] == nil {
				return s.follow(s.document, ref, s.optional)
			}
			return nil, fmt.Errorf("allOf with a $ref (%q) is a schema that cannot be read", ref)
		}
		if own := object(more["properties"]); len(own) > 2 {
			if properties != nil {
				properties = append(properties, ',')
			}
			properties = append(properties, own[1:len(own)-1]...)
		}
		for name, value := range more {
			if s.m[name] == nil && name != "properties" {
				s.m[name] = value
			}
		}
	}
	if properties != nil {
		if own := object(s.m["properties"]); len(own) > 2 {
			properties = append(append(properties, ','), own[1:len(own)-1]...)
		}
		s.m["properties"] = []byte("{" + string(properties) + "}")
	}
	return s.schema()
}

var jsonSchemaNumbers = map[string]data.Type{
	"int8": data.Int8, "int16": data.Int16, "int32": data.Int32, "int64": data.Int64, "float32": data.Float32, "float64": data.Float64,
}

// builder starts the Connect schema of a type, nil where everything goes.
func (s jsonSchemaPart) builder(kind string) (*data.Builder, error) {
	connect, _ := unquoted(s.m["connect.type"])
	switch kind {
	case "":
		return nil, nil
	case "boolean":
		return data.NewSchema(data.Boolean), nil
	case "integer", "number":
		switch t, ok := jsonSchemaNumbers[connect]; {
		case ok:
			return data.NewSchema(t), nil
		case connect == "bytes":
			return data.NewSchema(data.Bytes), nil
		case connect != "":
			return nil, fmt.Errorf("connect.type of a %s is %q", kind, connect)
		case kind == "integer":
			return data.NewSchema(data.Int64), nil
		}
		return data.NewSchema(data.Float64), nil
	case "string":
		if connect == "bytes" {
			return data.NewSchema(data.Bytes), nil
		}
		b := data.NewSchema(data.String)
		if values := listOf(s.m["enum"]); values != nil {
			b.Parameter(jsonEnum, "")
			for _, v := range values {
				if text, ok := unquoted(v); ok {
					b.Parameter(jsonEnum+"."+text, text)
				}
			}
		}
		return b, nil
	case "array":
		return s.array(connect)
	case "object":
		return s.object(connect)
	case "null":
		return nil, errors.New("a value that can only be null has no Connect schema")
	}
	return nil, fmt.Errorf("the JSON Schema has the type %q, which is none", kind)
}

func (s jsonSchemaPart) array(connect string) (*data.Builder, error) {
	items := s.m["items"]
	if items == nil {
		return data.NewArray(nil), nil
	}
	if connect == "map" {
		properties := membersOf(object(membersOf(object(items))["properties"]))
		if properties["key"] == nil || properties["value"] == nil {
			return nil, errors.New("the items of an array that is a map have no properties key and value")
		}
		key, err := s.jsonSchemaParser.schema(s.document, properties["key"], false)
		if err != nil {
			return nil, err
		}
		value, err := s.jsonSchemaParser.schema(s.document, properties["value"], false)
		return data.NewMap(key, value), err
	}
	item, err := s.jsonSchemaParser.schema(s.document, items, false)
	return data.NewArray(item), err
}

// object makes a struct, or a map when there is nothing but additional properties.
func (s jsonSchemaPart) object(connect string) (*data.Builder, error) {
	type property struct {
		name  string
		text  []byte
		index int
	}
	var properties []property
	if object := object(s.m["properties"]); connect != "map" {
		_ = members(object, func(name string, text []byte) error { // the function does not fail
			index := len(properties)
			if text[0] == '{' {
				if n, err := strconv.Atoi(string(membersOf(text)["connect.index"])); err == nil {
					index = n
				}
			}
			properties = append(properties, property{name, text, index})
			return nil
		})
	}
	if additional := s.m["additionalProperties"]; len(properties) == 0 && (connect == "map" || additional != nil && additional[0] == '{') {
		if additional == nil {
			return data.NewMap(data.StringSchema, nil), nil
		}
		value, err := s.jsonSchemaParser.schema(s.document, additional, false)
		return data.NewMap(data.StringSchema, value), err
	}
	slices.SortStableFunc(properties, func(a, b property) int { return a.index - b.index })
	required := map[string]bool{}
	for _, text := range listOf(s.m["required"]) {
		name, _ := unquoted(text)
		required[name] = true
	}
	b := data.NewStruct("")
	for _, f := range properties {
		field, err := s.jsonSchemaParser.schema(s.document, f.text, s.jsonSchemaParser.optional && !required[f.name])
		if err != nil {
			return nil, within(err, f.name)
		}
		b.Field(f.name, field)
	}
	return b, nil
}

// finish adds what is the same for all types.
func (s jsonSchemaPart) finish(b *data.Builder) (*data.Schema, error) {
	if s.optional {
		b.Optional()
	}
	if title, ok := unquoted(s.m["title"]); ok {
		b.Name(title)
	}
	if version := s.m["connect.version"]; integral(version) {
		b.Version(int32(integerOf(version)))
	}
	if doc, ok := unquoted(s.m["description"]); ok {
		b.Doc(doc)
	}
	err := members(object(s.m["connect.parameters"]), func(name string, value []byte) error {
		v, ok := unquoted(value)
		if !ok {
			return fmt.Errorf("connect.parameters: %q is %s, not a string", name, jsonKind(value))
		}
		b.Parameter(name, v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	schema, err := b.Build()
	if err != nil {
		return nil, err
	}
	if schema.Type() == data.Bytes && schema.Name() == data.DecimalName {
		if _, err := scaleOf(schema); err != nil {
			return nil, err
		}
	}
	if text := s.m["default"]; text != nil && string(text) != "null" {
		r := jsonReader{replaceNull: s.replaceNull, confluent: true}
		row, err := r.read(nil, schema, text)
		if err != nil {
			return nil, fmt.Errorf("default of %v: %w", schema, err)
		}
		if row != nil {
			return b.DefaultRow(row).Build()
		}
	}
	return schema, nil
}

// union reads the value of the first field that it fits.
func (r *jsonReader) union(s *data.Schema) error {
	from := r.i
	text, err := r.skip()
	if err != nil {
		return err
	}
	base, found := len(r.out), false
	for range s.NullBytes() {
		r.out = append(r.out, 0)
	}
	for i, f := range s.Fields() {
		if found || !fitsJSON(f.Schema, text) {
			r.setNull(s, i, base)
			continue
		}
		found, r.i = true, from
		if err := r.field(s, i, base); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%s is none of the types of the union", jsonKind(text))
	}
	return nil
}

// fitsJSON tells whether a valid JSON value is of a type.
func fitsJSON(s *data.Schema, text []byte) bool {
	c := text[0]
	switch s.Type() {
	case data.Int8, data.Int16, data.Int32, data.Int64:
		return integral(text)
	case data.Float32, data.Float64:
		return c == '-' || isDigit(c)
	case data.Boolean:
		return c == 't' || c == 'f'
	case data.String:
		return c == '"'
	case data.Bytes:
		return c == '"' || s.Name() == data.DecimalName && (c == '-' || isDigit(c))
	case data.Array:
		return c == '['
	case data.Map:
		return c == '[' && !textKeys(s) || c == '{' && textKeys(s)
	case data.Struct:
		if s.Name() == jsonUnion {
			return slices.ContainsFunc(s.Fields(), func(f data.Field) bool { return fitsJSON(f.Schema, text) })
		}
		return c == '{' && members(text, func(name string, _ []byte) error {
			if s.Lookup(name) < 0 {
				return errors.New("an unknown member")
			}
			return nil
		}) == nil
	}
	return true
}

// keyed reads an array of objects with key and value for a map.
func (r *jsonReader) keyed(s *data.Schema) (n int, err error) {
	if r.b[r.i] != '[' {
		return 0, r.refuse(s, `an array of objects with "key" and "value"`)
	}
	for done := r.open('['); !done; n++ {
		if err = r.keyedEntry(s); err != nil {
			return n, within(err, "["+strconv.Itoa(n)+"]")
		}
		if done, err = r.more('['); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (r *jsonReader) keyedEntry(s *data.Schema) error {
	if r.i >= len(r.b) || r.b[r.i] != '{' {
		return errors.New(`the entry of a map is an object with "key" and "value"`)
	}
	at := [2]int{-1, -1}
	for done := r.open('{'); !done; {
		name, err := r.name()
		if err != nil {
			return err
		}
		which := slices.Index([]string{"key", "value"}, view(name))
		if which < 0 || at[which] >= 0 {
			return fmt.Errorf(`the entry of a map has the member %q besides "key" and "value"`, name)
		}
		at[which] = r.i
		if _, err = r.skip(); err != nil {
			return err
		}
		if done, err = r.more('{'); err != nil {
			return err
		}
	}
	end := r.i
	for which, schema := range [2]*data.Schema{s.Key(), s.Element()} {
		var null bool
		var err error
		if r.i = at[which]; r.i < 0 {
			null, err = r.absent(schema)
		} else {
			null, err = r.element(schema)
		}
		if err != nil {
			return err
		}
		r.nulls = append(r.nulls, null)
	}
	r.i = end
	return nil
}
