package transform

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// parseSchema reads the short form of a schema:
//
//	int8 int16 int32 int64 float32 float64 boolean string bytes any
//	date time timestamp decimal(scale)
//	array<schema> map<schema,schema> struct{name:schema,…}
//
// each with ? behind it when it is optional, and then with attributes, whose values are JSON:
//
//	[name="a.B",version=1,doc="…",param.p="…",default=payload]
func parseSchema(t testing.TB, text string) *data.Schema {
	t.Helper()
	p := schemaParser{t: t, text: text}
	s := p.schema()
	if p.space(); p.at < len(text) {
		p.fail("the end")
	}
	return s
}

type schemaParser struct {
	t    testing.TB
	text string
	at   int
}

func (p *schemaParser) fail(wanted string) {
	p.t.Helper()
	p.t.Fatalf("schema %s: %s is missing at %d", p.text, wanted, p.at)
}

func (p *schemaParser) space() {
	for p.at < len(p.text) && p.text[p.at] <= ' ' {
		p.at++
	}
}

func (p *schemaParser) take(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *schemaParser) expect(c byte) {
	if !p.take(c) {
		p.fail(string(c))
	}
}

var bareWord = regexp.MustCompile(`^[A-Za-z0-9_.$-]+`)

func (p *schemaParser) word() string {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == '"' {
		var s string
		if err := json.Unmarshal([]byte(p.json()), &s); err != nil {
			p.fail("a name")
		}
		return s
	}
	w := bareWord.FindString(p.text[p.at:])
	if w == "" {
		p.fail("a name")
	}
	p.at += len(w)
	return w
}

// json returns the JSON value that comes next.
func (p *schemaParser) json() string {
	p.space()
	from, depth, quoted := p.at, 0, false
	for ; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case quoted && c == '\\':
			p.at++
		case quoted:
			quoted = c != '"'
		case c == '"':
			quoted = true
		case c == '[' || c == '{':
			depth++
		case depth == 0 && strings.IndexByte(",]:}", c) >= 0:
			return strings.TrimSpace(p.text[from:p.at])
		case c == ']' || c == '}':
			depth--
		}
	}
	return strings.TrimSpace(p.text[from:p.at])
}

func (p *schemaParser) schema() *data.Schema {
	b := p.builder()
	if b == nil {
		return data.AnySchema
	}
	if p.take('?') {
		b.Optional()
	}
	var def any
	if p.take('[') {
		for more := true; more; more = p.take(',') {
			name := p.word()
			p.expect('=')
			v := tree(p.t, []byte(p.json()))
			param, isParam := strings.CutPrefix(name, "param.")
			switch {
			case name == "name":
				b.Name(v.(string))
			case name == "version":
				n, _ := v.(json.Number).Int64()
				b.Version(int32(n))
			case name == "doc":
				b.Doc(v.(string))
			case name == "default":
				def = v
			case isParam:
				b.Parameter(param, v.(string))
			default:
				p.fail("an attribute instead of " + name)
			}
		}
		p.expect(']')
	}
	s, err := b.Build()
	if err != nil {
		p.t.Fatal(err)
	}
	if def == nil {
		return s
	}
	s, err = b.Default(payload(p.t, s, def)).Build()
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

func (p *schemaParser) builder() *data.Builder {
	switch name := p.word(); name {
	case "any":
		return nil
	case "date":
		return data.NewSchema(data.Int32).Name(data.DateName).Version(1)
	case "time":
		return data.NewSchema(data.Int32).Name(data.TimeName).Version(1)
	case "timestamp":
		return data.NewSchema(data.Int64).Name(data.TimestampName).Version(1)
	case "decimal":
		p.expect('(')
		scale, err := strconv.Atoi(p.word())
		if err != nil {
			p.fail("a scale")
		}
		p.expect(')')
		return data.NewDecimal(scale)
	case "array":
		p.expect('<')
		element := p.schema()
		p.expect('>')
		return data.NewArray(element)
	case "map":
		p.expect('<')
		k := p.schema()
		p.expect(',')
		v := p.schema()
		p.expect('>')
		return data.NewMap(k, v)
	case "struct":
		b := data.NewStruct("")
		p.expect('{')
		if p.take('}') {
			return b
		}
		for more := true; more; more = p.take(',') {
			field := p.word()
			p.expect(':')
			b.Field(field, p.schema())
		}
		p.expect('}')
		return b
	default:
		for typ := data.Int8; typ <= data.Bytes; typ++ {
			if strings.EqualFold(name, typ.String()) {
				return data.NewSchema(typ)
			}
		}
		p.fail("a type instead of " + name)
		return nil
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// printSchema writes a schema as parseSchema reads it, with parameters in the order of their names.
func printSchema(t testing.TB, s *data.Schema) string {
	if s.Type() == data.Any {
		return "any"
	}
	text, logical := logicalName(s)
	if !logical {
		text = typeText(t, s)
	}
	if s.Optional() {
		text += "?"
	}
	var more []string
	if s.Name() != "" && !logical {
		more = append(more, "name="+quote(s.Name()))
	}
	if v, ok := s.Version(); ok && !logical {
		more = append(more, fmt.Sprint("version=", v))
	}
	if s.Doc() != "" {
		more = append(more, "doc="+quote(s.Doc()))
	}
	var params []string
	for _, p := range s.Parameters() {
		if !logical || p.Key != data.DecimalScale {
			params = append(params, "param."+p.Key+"="+quote(p.Value))
		}
	}
	slices.Sort(params)
	more = append(more, params...)
	if row, _ := s.Default(); row != nil {
		v, err := json.Marshal(printRow(t, s, row))
		if err != nil {
			t.Fatal(err)
		}
		more = append(more, "default="+string(v))
	}
	if len(more) > 0 {
		text += "[" + strings.Join(more, ",") + "]"
	}
	return text
}

func logicalName(s *data.Schema) (string, bool) {
	if v, ok := s.Version(); !ok || v != 1 {
		return "", false
	}
	switch {
	case s.Name() == data.DateName && s.Type() == data.Int32:
		return "date", true
	case s.Name() == data.TimeName && s.Type() == data.Int32:
		return "time", true
	case s.Name() == data.TimestampName && s.Type() == data.Int64:
		return "timestamp", true
	case s.Name() == data.DecimalName && s.Type() == data.Bytes:
		scale, _ := s.Parameter(data.DecimalScale)
		return "decimal(" + scale + ")", true
	}
	return "", false
}

func typeText(t testing.TB, s *data.Schema) string {
	switch s.Type() {
	case data.Array:
		return "array<" + printSchema(t, s.Element()) + ">"
	case data.Map:
		return "map<" + printSchema(t, s.Key()) + "," + printSchema(t, s.Element()) + ">"
	case data.Struct:
		var parts []string
		for _, f := range s.Fields() {
			n := f.Name
			if bareWord.FindString(n) != n || n == "" {
				n = quote(n)
			}
			parts = append(parts, n+":"+printSchema(t, f.Schema))
		}
		return "struct{" + strings.Join(parts, ",") + "}"
	}
	return strings.ToLower(s.Type().String())
}
