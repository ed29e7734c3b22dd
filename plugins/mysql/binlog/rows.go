package binlog

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// Rows splits a row event into rows, and rows into cells. It is reused with Reset; cells are valid as long as the event's body is, and until
// the next row.
type Rows struct {
	columns []column.Column
	layouts []column.Layout // of the columns
	data    []byte
	// before and after are the images of the row that Next found. Insert has no before, Delete no after.
	before, after image
}

type image struct {
	present []byte
	count   int // columns that are present
	cells   []column.Cell
}

// Reset starts with an event of a table whose columns have the types and meta data of its table map.
func (r *Rows) Reset(e *Event, columns []column.Column) error {
	body := e.Body
	header := 8
	if e.Extra {
		// The length counts itself.
		if len(body) < 10 {
			return errDamaged
		}
		header += max(int(body[8])|int(body[9])<<8, 2)
	}
	if len(body) < header {
		return errDamaged
	}
	width, rest, ok := table.Packed(body[header:])
	if !ok || width != uint64(len(columns)) {
		return fmt.Errorf("%w: it has rows of %d columns for a table of %d", errDamaged, width, len(columns))
	}
	size := (len(columns) + 7) / 8
	images := 1
	if e.Kind == Update {
		images = 2
	}
	if len(rest) < images*size {
		return errDamaged
	}
	r.columns, r.layouts = columns, r.layouts[:0]
	for i := range columns {
		r.layouts = append(r.layouts, column.LayoutOf(columns[i].Wire, columns[i].Meta))
	}
	r.before.reset(nil, columns)
	r.after.reset(nil, columns)
	switch e.Kind {
	case Insert:
		r.after.reset(rest[:size], columns)
	case Delete:
		r.before.reset(rest[:size], columns)
	case Update:
		r.before.reset(rest[:size], columns)
		r.after.reset(rest[size:2*size], columns)
	default:
		return fmt.Errorf("an event of kind %d has no rows", e.Kind)
	}
	r.data = rest[images*size:]
	if e.Compressed {
		data, err := inflate(r.data)
		if err != nil {
			return err
		}
		r.data = data
	}
	return nil
}

func (m *image) reset(present []byte, columns []column.Column) {
	m.present, m.count = present, 0
	if present == nil {
		return
	}
	for i := range columns {
		m.count += int(present[i/8] >> (i % 8) & 1)
	}
	if cap(m.cells) < len(columns) {
		m.cells = make([]column.Cell, len(columns))
	}
	m.cells = m.cells[:len(columns)]
}

// Rest returns how many bytes are left: none after the last row.
func (r *Rows) Rest() int { return len(r.data) }

// Next finds the next row and tells whether there is one.
func (r *Rows) Next() (bool, error) {
	if len(r.data) == 0 {
		return false, nil
	}
	if r.before.present != nil {
		if err := r.split(&r.before); err != nil {
			return false, err
		}
	}
	if r.after.present != nil {
		if err := r.split(&r.after); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Before returns the row before an update or delete, one cell a column, nil for an insert.
func (r *Rows) Before() []column.Cell { return r.before.row() }

// After returns the row after an insert or update, nil for a delete.
func (r *Rows) After() []column.Cell { return r.after.row() }

func (m *image) row() []column.Cell {
	if m.present == nil {
		return nil
	}
	return m.cells
}

// Complete tells whether a row image has all columns, as it has with binlog_row_image=FULL.
func (r *Rows) Complete() bool {
	n := len(r.columns)
	return (r.before.present == nil || r.before.count == n) && (r.after.present == nil || r.after.count == n)
}

// split takes one row image from the data: null bits of the columns that are present, then the values of those that are not null.
func (r *Rows) split(m *image) error {
	size := (m.count + 7) / 8
	if len(r.data) < size || m.count == 0 {
		return errDamaged
	}
	nulls, src := r.data[:size], r.data[size:]
	n := 0
	for i := range r.columns {
		if m.present[i/8]>>(i%8)&1 == 0 {
			m.cells[i] = column.Cell{}
			continue
		}
		null := nulls[n/8]>>(n%8)&1 != 0
		n++
		if null {
			m.cells[i] = column.Cell{State: column.Null}
			continue
		}
		width, err := r.layouts[i].Width(src)
		if err != nil {
			return fmt.Errorf("column %s: %w", r.columns[i].Name, err)
		}
		m.cells[i] = column.Cell{Bytes: src[:width:width], State: column.Binlog}
		src = src[width:]
	}
	r.data = src
	return nil
}

// Count returns the number of rows that are left, and steps over them.
func (r *Rows) Count() (int, error) {
	n := 0
	for {
		more, err := r.Next()
		if err != nil || !more {
			return n, err
		}
		n++
	}
}
