package change

import (
	"fmt"
	"strings"

	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// Topic returns the topic of a table: prefix.database.table, with _ for what Kafka does not allow.
func (o *Options) Topic(id table.ID) string { return o.topic(id.Database, id.Name) }

// topic joins the prefix and names.
func (o *Options) topic(names ...string) string {
	delimiter := o.Delimiter
	if delimiter == "" {
		delimiter = "."
	}
	return strings.Map(func(r rune) rune {
		if isLetter(r) || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, strings.Join(append([]string{o.Prefix}, names...), delimiter))
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// schema adjusts the full name of a schema, whose dots stay.
func (n Naming) schema(name string) string { return n.adjust(name, true) }

// field adjusts the name of a field.
func (n Naming) field(name string) string { return n.adjust(name, false) }

func (n Naming) adjust(name string, dots bool) string {
	if n == "" || n == NamesAsIs {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		digit := r >= '0' && r <= '9'
		switch {
		case isLetter(r), r == '_' && n == NamesAvro, digit && i > 0, r == '.' && dots && i > 0:
			b.WriteRune(r)
		case n == NamesAvroUnicode:
			fmt.Fprintf(&b, "_u%04x", r)
		case digit: // not at the start of a name
			b.WriteByte('_')
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}
