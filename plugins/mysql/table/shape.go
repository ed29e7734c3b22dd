package table

import (
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// ID names a table. Names are compared as they are written: the server has made them lower case where it does not tell case apart.
type ID struct{ Database, Name string }

// String returns database.name.
func (id ID) String() string { return id.Database + "." + id.Name }

// ParseID reads database.name, either of which may be quoted with backticks. Without quotes the database ends at the first dot.
func ParseID(text string) (ID, bool) {
	database, rest := part(text, '.')
	name, rest := part(rest, 0)
	id := ID{database, name}
	return id, id.Database != "" && id.Name != "" && rest == ""
}

// part cuts a name off that ends with a character or, if it is quoted, with its quote.
func part(text string, end byte) (name, rest string) {
	s := &scanner{text: strings.TrimSpace(text)}
	if strings.HasPrefix(s.text, "`") {
		name, ok := s.name()
		if !ok || end != 0 && !s.take(end) {
			return "", ""
		}
		return name, s.text[s.at:]
	}
	if end == 0 {
		return s.text, ""
	}
	name, rest, _ = strings.Cut(s.text, string(end))
	return strings.TrimSpace(name), rest
}

// Quoted returns the name for a statement.
func (id ID) Quoted() string { return Quote(id.Database) + "." + Quote(id.Name) }

// Quote returns an identifier for a statement.
func Quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// Shape is what a table looks like. Treat it as constant.
type Shape struct {
	ID      ID
	Columns []column.Column
	// Key holds the positions of the columns of the primary key, in its order; without one those of the first unique key without nullable
	// columns; else none.
	Key []int
	// Charset is the default character set of the table, "" when it is not known.
	Charset string
}

// Column returns the position of a column by its name, in any case, or -1.
func (s *Shape) Column(name string) int {
	return slices.IndexFunc(s.Columns, func(c column.Column) bool { return strings.EqualFold(c.Name, name) })
}
