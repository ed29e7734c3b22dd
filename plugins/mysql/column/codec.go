package column

import (
	"errors"
	"fmt"
	"sync"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Codec turns the values of one column into the values of a schema. It is immutable and safe for concurrent use.
type Codec struct {
	// Schema of the column's values: optional when the column may be NULL.
	Schema *data.Schema
	// MaskIgnored tells that a mask was asked for and does nothing, since the column is not a text: for a warning.
	MaskIgnored bool

	column  Column
	options Options
	mask    mask
	charset *charset
	size    int    // bytes of a Binlog cell of a number, or of what stands before the bytes of a text or a blob
	missing []byte // row encoding of what stands for a value that Connect cannot have, in a column that is required; nil: there is none
	pool    *sync.Pool

	binlog, text reader
}

// reader reads a cell's bytes and writes one value.
type reader func(c *Codec, w *data.Writer, src []byte) error

// kind is what there is to know of a type.
type kind struct {
	schema       func(c *Codec) *data.Builder
	binlog, text reader
	zero         any // what stands for a missing value in a required column, unless the schema demands something else; nil: nothing can
}

// kindOf is the table of types.
func kindOf(t Type) kind {
	switch t {
	case TinyInt, SmallInt, MediumInt, Int, BigInt:
		return kind{integerSchema, integerBinlog, integerText, 0}
	case Float:
		return kind{floatSchema, floatBinlog, floatText, 0.0}
	case Double:
		return kind{floatSchema, doubleBinlog, floatText, 0.0}
	case Decimal:
		return kind{decimalSchema, decimalBinlog, decimalText, 0}
	case Bit:
		return kind{bitSchema, bitValue, bitValue, 0}
	case Year:
		return kind{yearSchema, yearBinlog, yearText, 0}
	case Date:
		return kind{dateSchema, dateBinlog, dateText, 0}
	case Time:
		return kind{timeSchema, timeBinlog, timeText, 0}
	case DateTime:
		return kind{dateTimeSchema, dateTimeBinlog, dateTimeText, 0}
	case Timestamp:
		return kind{timestampSchema, timestampBinlog, timestampText, 0}
	case String:
		return kind{stringSchema, stringBinlog, stringText, ""}
	case Binary, Blob:
		return kind{binarySchema, binaryBinlog, binaryText, ""}
	case Enum:
		return kind{membersSchema, enumBinlog, stringText, ""}
	case Set:
		return kind{membersSchema, setBinlog, stringText, ""}
	case JSON:
		return kind{jsonSchema, jsonBinlog, stringText, "{}"}
	case Point:
		return kind{pointSchema, pointBinlog, pointText, nil}
	case Geometry:
		return kind{geometrySchema, geometryBinlog, geometryText, nil}
	case Vector:
		return kind{vectorSchema, vectorBinlog, vectorText, nil}
	case UUID:
		return kind{uuidSchema, uuidBinlog, stringText, ""}
	case INET4:
		return kind{stringSchema, inet4Binlog, stringText, ""}
	case INET6:
		return kind{stringSchema, inet6Binlog, stringText, ""}
	}
	return kind{}
}

// Compile makes the codec of a column. The error says what of the column is not known or contradicts itself.
func Compile(column Column, o Options) (*Codec, error) {
	k := kindOf(column.Type)
	if k.schema == nil {
		return nil, fmt.Errorf("column %s has the type %s, which is not known", column.Name, column.SQLType)
	}
	c := &Codec{column: column, options: o, binlog: k.binlog, text: k.text}
	c.pool = &sync.Pool{New: func() any { return new([]byte) }}
	err := c.prepare()
	if err == nil {
		err = c.build(k)
	}
	if err != nil {
		return nil, fmt.Errorf("column %s %s: %w", column.Name, column.SQLType, err)
	}
	return c, nil
}

// prepare checks the declaration and sets what the readers need.
func (c *Codec) prepare() error {
	if err := c.column.check(); err != nil {
		return err
	}
	var err error
	switch c.column.Type {
	case String, Enum, Set:
		if c.charset, err = charsetOf(c.column.Charset); err != nil {
			return err
		}
		fallthrough
	case Binary, Blob:
		if c.mask, err = newMask(c.options.Mask, c.column); err != nil {
			return err
		}
	default:
		c.MaskIgnored = c.options.Mask.Kind != MaskNone
	}
	if c.options.Mask.Kind != MaskNone && c.mask == nil {
		c.MaskIgnored = true
	}
	if c.column.Wire == 0 {
		c.binlog = noWire
		return nil
	}
	c.size, err = sizeOf(c.column)
	return err
}

// check refuses what no server declares.
func (c *Column) check() error {
	switch c.Type {
	case Bit:
		if c.Length < 0 || c.Length > 64 {
			return fmt.Errorf("BIT(%d) does not exist", c.Length)
		}
	case Decimal:
		_, err := decimalSize(c.Length, c.Scale)
		return err
	case Time, DateTime, Timestamp:
		if c.Scale < 0 || c.Scale > 6 {
			return fmt.Errorf("%d digits of a second do not exist", c.Scale)
		}
	case Set:
		if len(c.Members) > 64 {
			return fmt.Errorf("a SET of %d members does not exist", len(c.Members))
		}
	}
	return nil
}

func noWire(*Codec, *data.Writer, []byte) error {
	return errors.New("it was compiled without the type of the table map")
}

// ErrAbsent is returned for a cell that the row image does not have.
var ErrAbsent = errors.New("its value is not in the binary log: set binlog_row_image=FULL on the server, for running sessions, too")

// Append writes the value of a cell, or the null that stands for it. The error names the column and never shows the value.
func (c *Codec) Append(w *data.Writer, cell Cell) error {
	var err error
	switch cell.State {
	case Binlog:
		err = c.binlog(c, w, cell.Bytes)
	case Text:
		err = c.text(c, w, cell.Bytes)
	case Null:
		if f, ok := c.mask.(fixed); ok {
			w.StringBytes(f)
			return w.Err()
		}
		c.appendMissing(w)
	default:
		err = ErrAbsent
	}
	if err != nil {
		return fmt.Errorf("column %s %s: %w", c.column.Name, c.column.SQLType, err)
	}
	return w.Err()
}

// appendMissing writes what stands for a value that is NULL or that Connect cannot have, such as the date 0000-00-00.
func (c *Codec) appendMissing(w *data.Writer) {
	if c.Schema.Optional() || c.missing == nil {
		w.Null() // refused by the writer when the schema is required
		return
	}
	w.Row(c.missing)
}

// scratch lends a buffer; it comes back with release.
func (c *Codec) scratch() *[]byte { return c.pool.Get().(*[]byte) }

func (c *Codec) release(b *[]byte) {
	const keep = 1 << 20 // a buffer that grew for one large value is not kept
	if cap(*b) <= keep {
		c.pool.Put(b)
	}
}

var (
	errShort  = errors.New("the value in the binary log is shorter than its type says")
	errLength = errors.New("the value in the binary log does not have the length of its type")
)
