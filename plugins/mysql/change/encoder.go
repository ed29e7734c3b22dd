package change

import (
	"encoding/binary"
	"errors"
	"fmt"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// Encoder writes the values of changes. What rows have in common it encodes once: the source of an event, and the cells that an update leaves as
// they were. The zero Encoder is ready; it is for one goroutine at a time.
type Encoder struct {
	// source is that of the last row of an event, for a table; row is where the row's number is in it.
	source []byte
	row    int
	of     shared
	table  *Table

	writer data.Writer
	marks  []int // where each field of the row before begins, and where the last one ends
}

// Value writes the value of a change, with a writer made for the table's ValueSchema. before is nil for Create and Read, after for Delete, both for
// Truncate. A cell that after lacks is that of before, as with binlog_row_image=MINIMAL where nothing was written to it. With Output Row, a
// Delete has no value: its record is a null, and Truncate has no form at all; src may be nil. A value that no record has room for is an error.
func (e *Encoder) Value(w *data.Writer, t *Table, op Op, src *Source, before, after Image) error {
	from := w.Mark()
	if err := e.value(w, t, op, src, before, after); err != nil {
		return err
	}
	if n := w.Mark() - from; n > mostBytes {
		advice := "leave a column out with column.exclude.list"
		if t.output == Envelope {
			advice += ", or set output=row, which has the row after a change alone"
		}
		return fmt.Errorf("table %s: the value has %d bytes, a record takes %d: %s", t.ID, n, mostBytes, advice)
	}
	return nil
}

// mostBytes of a value leave room for the key, the headers and the offset of its record.
const mostBytes = sdk.MaxRecord - 1<<20

func (e *Encoder) value(w *data.Writer, t *Table, op Op, src *Source, before, after Image) error {
	if t.output == Row {
		if after == nil {
			return errNoRow
		}
		return t.appendRow(w, after, before)
	}
	if err := e.images(w, t, before, after); err != nil {
		return err
	}
	if err := e.appendSource(w, t, src); err != nil {
		return err
	}
	src.appendTail(w, op)
	return w.Err()
}

var errNoRow = errors.New("a change that leaves no row has no value with output=row")

// images writes the rows before and after the change.
func (e *Encoder) images(w *data.Writer, t *Table, before, after Image) error {
	if before == nil || after == nil {
		if err := t.optionalRow(w, before); err != nil {
			return err
		}
		return t.optionalRow(w, after)
	}
	if err := t.fits(before); err != nil {
		return err
	}
	if err := t.fits(after); err != nil {
		return err
	}
	return e.update(w, t, before, after)
}

// optionalRow writes a row or a null as a field of the envelope.
func (t *Table) optionalRow(w *data.Writer, image Image) error {
	if image == nil {
		w.Null()
		return w.Err()
	}
	w.Struct()
	if err := t.appendRow(w, image, nil); err != nil {
		return err
	}
	w.End()
	return w.Err()
}

// appendRow writes the fields of a row; what image lacks comes from the other one.
func (t *Table) appendRow(w *data.Writer, image, other Image) error {
	if err := t.fits(image); err != nil {
		return err
	}
	for _, f := range t.rowFields {
		cell := image[f.column]
		if cell.State == column.Absent && f.column < len(other) {
			cell = other[f.column]
		}
		if err := t.appendCell(w, f, cell); err != nil {
			return err
		}
	}
	return nil
}

func (t *Table) appendCell(w *data.Writer, f field, cell column.Cell) error {
	if err := f.codec.Append(w, cell); err != nil {
		return fmt.Errorf("table %s: %w", t.ID, err)
	}
	return nil
}

// update writes both rows of an update. A run of fields that were not changed is copied from the one to the other.
func (e *Encoder) update(w *data.Writer, t *Table, before, after Image) error {
	e.marks = e.marks[:0]
	w.Struct()
	for _, f := range t.rowFields {
		e.marks = append(e.marks, w.Mark())
		if err := t.appendCell(w, f, before[f.column]); err != nil {
			return err
		}
	}
	e.marks = append(e.marks, w.Mark())
	w.End()
	w.Struct()
	run := 0 // where the fields begin that are to be copied
	for i, f := range t.rowFields {
		cell := &after[f.column]
		if cell.State == column.Absent {
			cell = &before[f.column]
		}
		if equal(cell, &before[f.column]) && e.marks[i] < e.marks[i+1] { // a null has no bytes, it is a bit elsewhere
			continue
		}
		w.Again(i-run, e.marks[run], e.marks[i])
		run = i + 1
		if err := t.appendCell(w, f, *cell); err != nil {
			return err
		}
	}
	n := len(t.rowFields)
	w.Again(n-run, e.marks[run], e.marks[n])
	w.End()
	return w.Err()
}

// appendSource writes source: what it was for the row before, with another number, for all rows of an event but the first.
func (e *Encoder) appendSource(w *data.Writer, t *Table, s *Source) error {
	if of := s.shared(); e.table == t && e.of == of {
		binary.LittleEndian.PutUint32(e.source[e.row:], uint32(s.Row))
	} else if err := e.encodeSource(t, s); err != nil {
		return err
	}
	w.Row(e.source)
	return w.Err()
}

func (e *Encoder) encodeSource(t *Table, s *Source) error {
	e.table = nil // until it is complete
	e.writer.Reset(e.source[:0], t.source)
	e.row = t.appendSource(&e.writer, s)
	source, err := e.writer.Finish()
	if err != nil {
		return err
	}
	e.source, e.table, e.of = source, t, s.shared()
	return nil
}
