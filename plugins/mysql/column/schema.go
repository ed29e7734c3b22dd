package column

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// build makes the schema, and what stands for missing values.
func (c *Codec) build(k kind) error {
	bare, err := c.declare(k, nil)
	if err != nil {
		return err
	}
	c.Schema = bare
	def := c.defaultRow(bare)
	if def != nil {
		if c.Schema, err = c.declare(k, def); err != nil {
			return err
		}
	}
	switch {
	case c.optional():
	case def != nil:
		c.missing = def
	case k.zero != nil:
		c.missing, err = zeroRow(bare, k.zero)
	}
	return err
}

// optional tells whether the schema takes null. Debezium's GEOMETRY does in any case.
func (c *Codec) optional() bool { return c.column.Nullable || c.column.Type == Geometry }

func (c *Codec) declare(k kind, def []byte) (*data.Schema, error) {
	b := k.schema(c)
	if c.optional() {
		b.Optional()
	}
	c.parameters(b)
	if def != nil {
		b.DefaultRow(def)
	}
	return b.Build()
}

// parameters marks masks, or else the SQL type where it is wanted: of the two Debezium shows one.
func (c *Codec) parameters(b *data.Builder) {
	switch c.options.Mask.Kind {
	case MaskTruncate:
		if c.column.Length == 0 || c.column.Length > c.options.Mask.Length {
			b.Parameter("truncateLength", strconv.Itoa(c.options.Mask.Length))
		}
		return
	case MaskFixed, MaskHash, MaskHashV2:
		b.Parameter("masked", "true")
		return
	}
	if !c.options.PropagateType {
		return
	}
	const prefix = "__debezium.source.column."
	b.Parameter(prefix+"type", c.column.SQLType)
	if n, ok := c.declaredLength(); ok {
		b.Parameter(prefix+"length", strconv.Itoa(n))
	}
	if c.column.Type == Decimal || c.column.Length > 0 && (c.column.Type == Float || c.column.Type == Double) {
		b.Parameter(prefix+"scale", strconv.Itoa(c.column.Scale))
	}
	b.Parameter(prefix+"name", c.column.Name)
}

// declaredLength is what Debezium takes for the length of a type.
func (c *Codec) declaredLength() (n int, ok bool) {
	switch c.column.Type {
	case Time, DateTime, Timestamp:
		return c.column.Scale, c.column.Scale > 0
	case Enum:
		return 1, true
	case Set:
		return max(0, 2*len(c.column.Members)-1), true
	}
	return c.column.Length, c.column.Length > 0
}

// zeroRow encodes 0, "" and so on as a value of a schema.
func zeroRow(s *data.Schema, zero any) ([]byte, error) {
	switch {
	case s.Name() == "io.debezium.time.ZonedTimestamp", s.Name() == "io.debezium.time.IsoTimestamp":
		zero = "1970-01-01T00:00:00Z"
	case s.Name() == "io.debezium.time.IsoDate":
		zero = "1970-01-01Z"
	case s.Name() == "io.debezium.time.IsoTime":
		zero = "00:00:00Z"
	case s.Name() == data.DecimalName:
		return []byte{1, 0}, nil // one byte of an unscaled number
	case s.Type() == data.Bytes:
		zero = []byte{}
	case s.Type() == data.Boolean:
		zero = false
	case s.Type() == data.String:
		if _, ok := zero.(string); !ok {
			zero = "0"
		}
	case s.Type() == data.Float32 || s.Type() == data.Float64:
		zero = 0.0
	}
	return data.Encode(nil, s, zero)
}

// defaultRow encodes the column's default as a value of its schema, or returns nil when it has none or one that Connect cannot have: the
// schema's default is there for readers and decides nothing here.
func (c *Codec) defaultRow(s *data.Schema) []byte {
	if c.column.Default == nil {
		return nil
	}
	text := *c.column.Default
	now := strings.HasPrefix(strings.ToUpper(text), "CURRENT_TIMESTAMP")
	switch c.column.Type {
	case Timestamp:
		if now && c.optional() {
			return nil
		}
		fallthrough
	case Date, DateTime:
		// The time of insertion is no constant; Debezium shows the epoch.
		if now || strings.HasPrefix(text, "0000-00-00") && !c.optional() {
			return zero(s)
		}
	case JSON, Point, Geometry, Vector, UUID:
		return nil
	case Bit:
		b, ok := bitLiteral(text, c.column.Length)
		if !ok {
			return nil
		}
		text = b
	case Binary, Blob:
		text = c.hexLiteral(text)
	}
	t := *c // as the default is read, it has neither mask nor default
	t.Schema, t.mask, t.missing = s, nil, nil
	if c.column.Type == Timestamp {
		t.column.Scale = trimmed
	}
	var w data.Writer
	w.Reset(nil, data.NewStruct("").Field("v", s).MustBuild())
	if t.text(&t, &w, []byte(text)) != nil {
		return nil
	}
	row, err := w.Finish()
	if err != nil {
		return nil
	}
	if c.column.Type == BigInt && c.column.Unsigned && s.Type() == data.Int64 && int64(binary.LittleEndian.Uint64(row[len(row)-8:])) < 0 {
		// The values wrap round, but Debezium's default stops at the largest number.
		binary.LittleEndian.PutUint64(row[len(row)-8:], math.MaxInt64)
	}
	if s.Optional() { // one byte of null bits stands before it
		if row[0] != 0 {
			return nil
		}
		row = row[1:]
	}
	return row
}

func zero(s *data.Schema) []byte {
	row, err := zeroRow(s, 0)
	if err != nil {
		return nil
	}
	return row
}

// hexLiteral is the default of a binary column as MySQL shows it, 0x6162, and padded as its values are.
func (c *Codec) hexLiteral(text string) string {
	if !c.options.MariaDB && strings.HasPrefix(text, "0x") && len(text)%2 == 0 {
		var b strings.Builder
		for i := 2; i < len(text); i += 2 {
			n, err := strconv.ParseUint(text[i:i+2], 16, 8)
			if err != nil {
				return text
			}
			b.WriteByte(byte(n))
		}
		return b.String()
	}
	return text
}
