package transform

import (
	"fmt"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// path leads to a field: its name, or with field.syntax.version=V2 the names of what it is in, with dots between them.
type path []string

// path reads a setting that names a field.
func (s settings) path(name string) (path, error) {
	text := s.text(name)
	if s.text(syntaxKey) != "V2" {
		return path{text}, nil
	}
	p, problem := parsePath(text)
	if problem != "" {
		return nil, s.wrong(name, "%s", problem)
	}
	return p, nil
}

// parsePath reads a path: names with dots between them. Names that have dots are put in backticks; a backtick and a dot
// inside of such a name are told from its end by a backslash before the backtick.
func parsePath(text string) (p path, problem string) {
	for i := 0; i < len(text); {
		if text[i] != '`' {
			name, _, more := strings.Cut(text[i:], ".")
			p = append(p, name)
			i += len(name)
			if more {
				i++
			}
			continue
		}
		name, n := quotedName(text[i+1:])
		if n < 0 {
			return nil, fmt.Sprintf("Incomplete backtick pair in path: [%s], consider adding a backslash before backtick at position %d to escape it", text, i)
		}
		p = append(p, name)
		i += 1 + n
	}
	if text == "" || text[len(text)-1] == '.' {
		p = append(p, "")
	}
	return p, ""
}

// quotedName reads a name behind its opening backtick: it ends with a backtick that a dot or the end follows. n is the
// length of what was read, the dot included, -1 when it has no end.
func quotedName(text string) (name string, n int) {
	var b strings.Builder
	from := 0
	for i := 0; ; i++ {
		next := strings.IndexByte(text[i:], '`')
		if next < 0 {
			return "", -1
		}
		i += next
		escaped := i > 0 && text[i-1] == '\\'
		last := i == len(text)-1
		switch {
		case last && escaped:
			return "", -1
		case last:
			return b.String() + text[from:i], i + 1
		case text[i+1] != '.': // a backtick within the name
		case escaped:
			b.WriteString(text[from : i-1])
			from = i
		default:
			return b.String() + text[from:i], i + 2
		}
	}
}

// String returns the path for messages.
func (p path) String() string { return strings.Join(p, ".") }

// pathPlan is a path through a struct's schema.
type pathPlan struct {
	steps  []pathStep
	schema *data.Schema // of what the path leads to
}

type pathStep struct {
	in    *layout
	field int
}

// plan finds the path in a struct's schema.
func (p path) plan(s *data.Schema) (*pathPlan, error) {
	plan := &pathPlan{schema: s}
	for i, name := range p {
		in := plan.schema
		if in.Type() != data.Struct {
			return nil, fmt.Errorf("field %s is %v, not a struct that has a field %q", p[:i], in, name)
		}
		at := in.Lookup(name)
		if at < 0 {
			return nil, unknownField(p[:i+1].String(), in)
		}
		plan.steps = append(plan.steps, pathStep{newLayout(in), at})
		plan.schema = in.Fields()[at].Schema
	}
	return plan, nil
}

// cell follows the path from a struct. A null on the way makes the outcome null.
func (p *pathPlan) cell(c *content, replaceNull bool) ([]byte, error) {
	row := c.v.Data
	var err error
	for i, step := range p.steps {
		if i == 0 && c.form == fields {
			row = c.cells[step.field]
		} else if row, err = step.in.field(row, step.field); err != nil {
			return nil, err
		}
		if row == nil && replaceNull {
			row, _ = step.in.fields[step.field].schema.Default()
		}
		if row == nil {
			return nil, nil
		}
	}
	return row, nil
}

// entry follows the path from a map without schema. What is missing is null.
func (p path) entry(a *Arena, c *content) ([]byte, error) {
	val := c.get(p[0])
	for i := 1; i < len(p) && val != nil; i++ {
		if !c.codec.isMap(val) {
			return nil, fmt.Errorf("field %s is no map that has a field %q", p[:i], p[i])
		}
		inner := content{form: members, codec: c.codec, entries: c.entries[len(c.entries):]}
		var err error
		if inner.entries, err = c.codec.split(inner.entries, a, val); err != nil {
			return nil, fmt.Errorf("field %s: %w", p[:i], err)
		}
		val = inner.get(p[i])
	}
	return val, nil
}

// unknownField says that a struct has no field of a name, and which it has.
func unknownField(name string, s *data.Schema) error {
	const most = 20
	var names []string
	for i, f := range s.Fields() {
		if i == most {
			names = append(names, "…")
			break
		}
		names = append(names, f.Name)
	}
	return fmt.Errorf("there is no field %q; %v has the fields %s", name, s, strings.Join(names, ", "))
}
