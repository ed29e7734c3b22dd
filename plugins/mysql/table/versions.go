package table

import (
	"slices"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// The columns that MariaDB gives a system-versioned table whose statement names none. They are the last ones in the log, and
// information_schema does not list them.
const (
	rowStart = "row_start"
	rowEnd   = "row_end"
)

// hide adds them to the shape of a system-versioned table, unless the table names columns of its own for their purpose.
func (s *Shape) hide() {
	if s.rowEnd() >= 0 {
		return
	}
	moment := column.Column{Type: column.Timestamp, SQLType: "TIMESTAMP", Scale: 6, Generated: true, Hidden: true}
	start, end := moment, moment
	start.Name = rowStart
	end.Name, end.RowEnd = rowEnd, true
	s.Columns = append(s.Columns, start, end)
}

// rowEnd returns the position of the column that tells when a row stopped to be the present one, -1 without one.
func (s *Shape) rowEnd() int {
	return slices.IndexFunc(s.Columns, func(c column.Column) bool { return c.RowEnd })
}

// present returns a key without the end of the row, which is part of the keys of system-versioned tables and the same for all present rows.
func (s *Shape) present(key []int) []int {
	end := s.rowEnd()
	if end < 0 {
		return key
	}
	return slices.DeleteFunc(slices.Clone(key), func(i int) bool { return i == end })
}
