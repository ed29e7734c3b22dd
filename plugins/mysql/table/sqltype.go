package table

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// sqlTypes are the names that servers give types, without synonyms.
var sqlTypes = map[string]column.Type{
	"TINYINT": column.TinyInt, "SMALLINT": column.SmallInt, "MEDIUMINT": column.MediumInt, "INT": column.Int, "BIGINT": column.BigInt,
	"FLOAT": column.Float, "DOUBLE": column.Double, "DECIMAL": column.Decimal, "BIT": column.Bit, "YEAR": column.Year,
	"DATE": column.Date, "TIME": column.Time, "DATETIME": column.DateTime, "TIMESTAMP": column.Timestamp,
	"CHAR": column.String, "VARCHAR": column.String,
	"TINYTEXT": column.String, "TEXT": column.String, "MEDIUMTEXT": column.String, "LONGTEXT": column.String,
	"BINARY": column.Binary, "VARBINARY": column.Blob,
	"TINYBLOB": column.Blob, "BLOB": column.Blob, "MEDIUMBLOB": column.Blob, "LONGBLOB": column.Blob,
	"ENUM": column.Enum, "SET": column.Set, "JSON": column.JSON, "VECTOR": column.Vector,
	"POINT": column.Point, "GEOMETRY": column.Geometry, "LINESTRING": column.Geometry, "POLYGON": column.Geometry,
	"MULTIPOINT": column.Geometry, "MULTILINESTRING": column.Geometry, "MULTIPOLYGON": column.Geometry,
	"GEOMETRYCOLLECTION": column.Geometry, "GEOMCOLLECTION": column.Geometry,
	"UUID": column.UUID, "INET4": column.INET4, "INET6": column.INET6,
}

// columnOf reads a type as information_schema's COLUMN_TYPE has it, such as "int(10) unsigned" or "enum('a','b')".
func columnOf(columnType string) (column.Column, error) {
	s := &scanner{text: columnType}
	c, err := s.dataType()
	if err != nil {
		return c, fmt.Errorf("type %q: %w", columnType, err)
	}
	return c, nil
}

// dataType reads a type of the server's own spelling with its attributes; other words end it.
func (s *scanner) dataType() (column.Column, error) {
	name := strings.ToUpper(s.word())
	t, known := sqlTypes[name]
	if !known {
		return column.Column{}, fmt.Errorf("%s is not known", name)
	}
	c := column.Column{Type: t, SQLType: name}
	if err := s.arguments(&c); err != nil {
		return c, err
	}
	for {
		mark := s.at
		switch w := strings.ToUpper(s.word()); w {
		case "UNSIGNED", "ZEROFILL":
			c.Unsigned = true // ZEROFILL implies it
			c.SQLType += " " + w
		case "SIGNED":
			c.SQLType += " " + w
		default:
			s.at = mark
			return c, nil
		}
	}
}

// arguments reads what follows a type in parentheses.
func (s *scanner) arguments(c *column.Column) error {
	if !s.take('(') {
		if c.Type == column.Bit {
			c.Length = 1
		}
		if c.Type == column.Decimal {
			c.Length = 10
		}
		return nil
	}
	if c.Type == column.Enum || c.Type == column.Set {
		for {
			member, ok := s.quoted()
			if !ok {
				return fmt.Errorf("the members of %s cannot be read", c.SQLType)
			}
			c.Members = append(c.Members, member)
			if !s.take(',') {
				break
			}
		}
	} else {
		var err error
		if c.Length, err = strconv.Atoi(s.word()); err != nil {
			return fmt.Errorf("the length of %s is not a number", c.SQLType)
		}
		if s.take(',') {
			if c.Scale, err = strconv.Atoi(s.word()); err != nil {
				return fmt.Errorf("the scale of %s is not a number", c.SQLType)
			}
		}
		switch c.Type {
		case column.Time, column.DateTime, column.Timestamp:
			c.Length, c.Scale = 0, c.Length
		case column.Year:
			c.Length = 4
		}
	}
	if !s.take(')') {
		return fmt.Errorf("a parenthesis of %s is not closed", c.SQLType)
	}
	return nil
}
