package change

import (
	"bytes"
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// Image is a row before or after a change: one cell a column of the shape, in its order.
type Image []column.Cell

// Table makes the records of a table of one shape. It is immutable and safe for concurrent use.
type Table struct {
	ID    table.ID
	Topic string
	// Warnings say what of the settings has no effect on this table: texts to log, once.
	Warnings []string

	output                     Output
	version, connector, prefix string
	columns                    int // of the shape
	key, row                   *data.Schema
	source, envelope           *data.Schema
	keyFields, rowFields       []field
}

// field is a column of the shape in a struct.
type field struct {
	column int
	codec  *column.Codec
}

// Compile makes the table of a shape. Columns that the filter leaves out are not in values, but stay in the key, and no mask applies there: a key
// that is cut or hidden would make one row of several. The error names the table and what of its shape cannot be had.
func Compile(shape table.Shape, o Options, f *table.Filter) (*Table, error) {
	t := &Table{
		ID: shape.ID, Topic: o.Topic(shape.ID), output: o.Output, version: o.Version, connector: o.Connector, prefix: o.Prefix, columns: len(shape.Columns),
	}
	if err := t.compile(&shape, o, f); err != nil {
		return nil, fmt.Errorf("table %s: %w", shape.ID, err)
	}
	return t, nil
}

func (t *Table) compile(shape *table.Shape, o Options, f *table.Filter) error {
	base := o.SchemaNames.schema(t.Topic)
	if err := t.compileRow(shape, o, f, base+".Value"); err != nil {
		return err
	}
	if err := t.compileKey(shape, o, base+".Key"); err != nil {
		return err
	}
	var err error
	if t.source, err = sourceSchema(o.Connector); err != nil {
		return err
	}
	transaction, err := transactionSchema()
	if err != nil {
		return err
	}
	t.envelope, err = data.NewStruct(base+".Envelope").Version(2).
		Field("before", t.row).
		Field("after", t.row).
		Field("source", t.source).
		Field("transaction", transaction).
		Field("op", data.StringSchema).
		Field("ts_ms", data.OptionalInt64Schema).
		Field("ts_us", data.OptionalInt64Schema).
		Field("ts_ns", data.OptionalInt64Schema).
		Build()
	return err
}

func (t *Table) compileRow(shape *table.Shape, o Options, f *table.Filter, name string) error {
	b := data.NewStruct(name).Optional()
	for i := range shape.Columns {
		c := &shape.Columns[i]
		if c.Hidden {
			continue
		}
		options := o.Column
		if f != nil {
			rule := f.Column(shape.ID, c)
			if !rule.Included {
				continue
			}
			options.Mask, options.PropagateType = rule.Mask, rule.PropagateType
		}
		codec, err := column.Compile(*c, options)
		if err != nil {
			return err
		}
		if codec.MaskIgnored {
			t.Warnings = append(t.Warnings, fmt.Sprintf("column %s of %s is not masked: masks are for texts, and it is %s; column.exclude.list leaves it out",
				c.Name, shape.ID, c.SQLType))
		}
		b.Field(o.FieldNames.field(c.Name), codec.Schema)
		t.rowFields = append(t.rowFields, field{i, codec})
	}
	var err error
	t.row, err = b.Build()
	return err
}

func (t *Table) compileKey(shape *table.Shape, o Options, name string) error {
	key, err := o.keyOf(shape)
	if err != nil || len(key) == 0 {
		return err
	}
	options := o.Column
	options.Mask, options.PropagateType = column.Mask{}, false
	b := data.NewStruct(name)
	for _, i := range key {
		codec, err := column.Compile(shape.Columns[i], options)
		if err != nil {
			return err
		}
		b.Field(o.FieldNames.field(shape.Columns[i].Name), codec.Schema)
		t.keyFields = append(t.keyFields, field{i, codec})
	}
	t.key, err = b.Build()
	return err
}

// keyOf returns the positions of the columns that make the key.
func (o *Options) keyOf(shape *table.Shape) ([]int, error) {
	names := o.KeyColumns.of(shape.ID.String())
	if names == nil {
		return shape.Key, nil
	}
	var key []int
	for _, name := range names {
		i := shape.Column(name)
		if i < 0 {
			return nil, fmt.Errorf("message.key.columns names the column %s, which the table does not have", name)
		}
		key = append(key, i)
	}
	return key, nil
}

// KeyColumns returns the positions in the shape of the columns that make the key.
func (t *Table) KeyColumns() []int {
	key := make([]int, len(t.keyFields))
	for i, f := range t.keyFields {
		key[i] = f.column
	}
	return key
}

// KeySchema returns the schema of keys, nil when the table has none: its records have a null key.
func (t *Table) KeySchema() *data.Schema { return t.key }

// ValueSchema returns the schema of values: the envelope, or the row.
func (t *Table) ValueSchema() *data.Schema {
	if t.output == Row {
		return t.row
	}
	return t.envelope
}

// Key writes the key of a row, with a writer made for KeySchema, which is not nil. The error names the column.
func (t *Table) Key(w *data.Writer, image Image) error {
	if err := t.fits(image); err != nil {
		return err
	}
	for _, f := range t.keyFields {
		if err := f.codec.Append(w, image[f.column]); err != nil {
			return fmt.Errorf("table %s: key: %w", t.ID, err)
		}
	}
	return w.Err()
}

// KeyChanged tells whether an update gives a row another key. Cells that after does not have are those of before.
func (t *Table) KeyChanged(before, after Image) bool {
	for _, f := range t.keyFields {
		if a := &after[f.column]; a.State != column.Absent && !equal(a, &before[f.column]) {
			return true
		}
	}
	return false
}

func equal(a, b *column.Cell) bool { return a.State == b.State && bytes.Equal(a.Bytes, b.Bytes) }

func (t *Table) fits(image Image) error {
	if len(image) != t.columns {
		return fmt.Errorf("table %s has %d columns, the row has %d", t.ID, t.columns, len(image))
	}
	return nil
}
