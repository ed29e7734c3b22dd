package change

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// Output is the form of values.
type Output uint8

// The forms.
const (
	Envelope Output = iota // Debezium's, with the row before and after the change
	Row                    // the row after the change alone; a delete is a null
)

// Naming is field.name.adjustment.mode and schema.name.adjustment.mode.
type Naming string

// Values of the two keys; "" is NamesAsIs.
const (
	NamesAsIs        Naming = "none"
	NamesAvro        Naming = "avro"         // what Avro does not allow becomes _
	NamesAvroUnicode Naming = "avro_unicode" // what Avro does not allow, and _ itself, becomes _uxxxx
)

// Options are the settings that decide on records.
type Options struct {
	Prefix    string // topic.prefix
	Delimiter string // topic.delimiter; "" is "."
	Output    Output
	Connector string // "mysql" or "mariadb", in source.connector and in the name of its schema
	Version   string // source.version

	// Column is what all columns have in common; the mask and the propagated type of each come from the filter.
	Column                  column.Options
	KeyColumns              KeyColumns
	FieldNames, SchemaNames Naming
}

// KeyColumns is message.key.columns: which columns make the key of which tables.
type KeyColumns []keyRule

type keyRule struct {
	table   *regexp.Regexp // of database.table
	columns []string
}

// ParseKeyColumns reads message.key.columns: "database.table:column,column;…", a regular expression before each colon. The error names the part
// that is wrong; the caller adds the key.
func ParseKeyColumns(text string) (KeyColumns, error) {
	var rules KeyColumns
	for part := range strings.SplitSeq(text, ";") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		expression, list, found := strings.Cut(part, ":")
		if !found {
			return nil, fmt.Errorf("%q has no colon between the table and its columns, as in shop.orders:region,id", part)
		}
		table, err := regexp.Compile(`(?i)\A(?:` + strings.TrimSpace(expression) + `)\z`)
		if err != nil {
			return nil, fmt.Errorf("regular expression %q: %w", expression, err)
		}
		var columns []string
		for name := range strings.SplitSeq(list, ",") {
			if name = strings.TrimSpace(name); name != "" {
				columns = append(columns, name)
			}
		}
		if len(columns) == 0 {
			return nil, fmt.Errorf("%q names no columns after the colon", part)
		}
		rules = append(rules, keyRule{table, columns})
	}
	return rules, nil
}

// of returns the columns that make the key of a table, nil when no rule is for it.
func (k KeyColumns) of(table string) []string {
	for _, rule := range k {
		if rule.table.MatchString(table) {
			return rule.columns
		}
	}
	return nil
}
