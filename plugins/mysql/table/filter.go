package table

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// Selection is what settings say about the choice of tables and columns. Lists are comma-separated regular expressions that match a whole
// name in any case; a comma inside one is written \, as for Debezium. "" is no list.
type Selection struct {
	DatabaseInclude, DatabaseExclude string // names of databases
	TableInclude, TableExclude       string // database.table
	ColumnInclude, ColumnExclude     string // database.table.column
	BuiltIn                          bool   // the server's own databases may be captured, too
	Masks                            []MaskRule
	PropagateColumns                 string // database.table.column, whose schemas show the SQL type
	PropagateTypes                   string // database.table.TYPE or TYPE
}

// MaskRule hides the values of columns.
type MaskRule struct {
	Columns string // database.table.column
	Mask    column.Mask
}

// Filter chooses tables and columns. It is safe for concurrent use.
type Filter struct {
	databaseInclude, databaseExclude patterns
	tableInclude, tableExclude       patterns
	columnInclude, columnExclude     patterns
	builtIn                          bool
	masks                            []mask
	propagateColumns, propagateTypes patterns
}

type mask struct {
	columns patterns
	mask    column.Mask
}

// NewFilter compiles a selection. The error names the expression that does not compile; the caller adds the key.
func NewFilter(s Selection) (*Filter, error) {
	f := &Filter{builtIn: s.BuiltIn}
	var problems []error
	compile := func(key, list string) patterns {
		p, err := Patterns(list)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", key, err))
		}
		return p
	}
	f.databaseInclude, f.databaseExclude = compile("database.include.list", s.DatabaseInclude), compile("database.exclude.list", s.DatabaseExclude)
	f.tableInclude, f.tableExclude = compile("table.include.list", s.TableInclude), compile("table.exclude.list", s.TableExclude)
	f.columnInclude, f.columnExclude = compile("column.include.list", s.ColumnInclude), compile("column.exclude.list", s.ColumnExclude)
	f.propagateColumns = compile("column.propagate.source.type", s.PropagateColumns)
	f.propagateTypes = compile("datatype.propagate.source.type", s.PropagateTypes)
	for _, m := range s.Masks {
		f.masks = append(f.masks, mask{compile("the columns of a mask", m.Columns), m.Mask})
	}
	return f, errors.Join(problems...)
}

// patterns are alternatives.
type patterns []*regexp.Regexp

// Patterns compiles a list of regular expressions.
func Patterns(list string) ([]*regexp.Regexp, error) {
	var compiled []*regexp.Regexp
	for _, text := range SplitList(list) {
		re, err := Pattern(text)
		if err != nil {
			return nil, err
		}
		compiled = append(compiled, re)
	}
	return compiled, nil
}

// Pattern compiles one regular expression, an element of a list: a comma is part of it. White space around it does not count.
func Pattern(text string) (*regexp.Regexp, error) {
	text = strings.TrimSpace(text)
	re, err := regexp.Compile(`(?i)\A(?:` + text + `)\z`)
	if err != nil {
		if strings.Contains(text, "(?!") || strings.Contains(text, "(?<") || strings.Contains(text, "(?=") {
			err = errors.New("(?= (?! (?<= and (?<! are not supported; name what is to be left out in the exclude list instead")
		}
		return nil, fmt.Errorf("regular expression %q: %w", text, err)
	}
	return re, nil
}

// SplitList splits a list at its commas, but not at \, of which the comma alone remains. White space around elements does not count.
func SplitList(list string) []string {
	var elements []string
	var b strings.Builder
	add := func() {
		if e := strings.TrimSpace(b.String()); e != "" {
			elements = append(elements, e)
		}
		b.Reset()
	}
	for i := 0; i < len(list); i++ {
		switch {
		case list[i] == '\\' && i+1 < len(list) && list[i+1] == ',':
			b.WriteByte(',')
			i++
		case list[i] == '\\' && i+1 < len(list):
			b.WriteString(list[i : i+2])
			i++
		case list[i] == ',':
			add()
		default:
			b.WriteByte(list[i])
		}
	}
	add()
	return elements
}

func (p patterns) match(name string) bool {
	for _, re := range p {
		if re.MatchString(name) {
			return true
		}
	}
	return false
}

// allows tells whether a name is chosen by two lists, of which the first may be missing.
func allows(include, exclude patterns, name string) bool {
	return (len(include) == 0 || include.match(name)) && !exclude.match(name)
}

// Captures tells whether changes of a table are wanted.
func (f *Filter) Captures(id ID) bool {
	return f.CapturesDatabase(id.Database) && allows(f.tableInclude, f.tableExclude, id.String())
}

// CapturesDatabase tells whether a database may have tables that are captured.
func (f *Filter) CapturesDatabase(name string) bool {
	return (f.builtIn || !BuiltIn(name)) && allows(f.databaseInclude, f.databaseExclude, name)
}

// BuiltIn tells whether a database is the server's own.
func BuiltIn(database string) bool {
	switch strings.ToLower(database) {
	case "mysql", "information_schema", "performance_schema", "sys":
		return true
	}
	return false
}

// Rule is what is wanted of a column.
type Rule struct {
	Included      bool
	Mask          column.Mask
	PropagateType bool
}

// Column returns what is wanted of a column of a table that is captured.
func (f *Filter) Column(id ID, c *column.Column) Rule {
	name := id.String() + "." + c.Name
	r := Rule{
		Included:      !c.Hidden && allows(f.columnInclude, f.columnExclude, name),
		PropagateType: f.propagateColumns.match(name) || f.propagateTypes.match(name[:len(name)-len(c.Name)]+c.SQLType) || f.propagateTypes.match(c.SQLType),
	}
	for _, m := range f.masks {
		if m.columns.match(name) {
			r.Mask = m.mask
			break
		}
	}
	return r
}
