package snapshot

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// A key divides a table into ranges: the leading columns of a unique index whose values can be written into a statement and come back as they
// were. It may be shorter than the index, so that several rows have the same values. Without columns the table cannot be divided.
type key struct {
	index   string
	columns []keyColumn
}

// keyColumn is a column of a key.
type keyColumn struct {
	name     string
	position int // in the shape
	kind     keyKind
	alphabet alphabet // of text
}

// keyKind says how values of a column are written and what is half way between two.
type keyKind uint8

const (
	keyNone keyKind = iota
	keyNumber
	keyDecimal
	keyText
	keyBytes
	keyDate // and times with a date
	keyTime // no way to find half way
	keyUUID
	keyOpaque // text of another meaning, no way to find half way
)

// bound is a place between rows: values of the columns of a key, as the text protocol has them. Rows from it on include the row that has them.
// Nil is the open end.
type bound []string

func (b bound) equal(c bound) bool { return (b == nil) == (c == nil) && slices.Equal(b, c) }

// kindOf says whether a column can be part of a key. FLOAT and DOUBLE lose digits as text; ENUM and SET are ordered by number and compared by name;
// BIT has no literal that is ordered as it is.
func kindOf(c *column.Column) keyKind {
	switch c.Type {
	case column.TinyInt, column.SmallInt, column.MediumInt, column.Int, column.BigInt, column.Year:
		return keyNumber
	case column.Decimal:
		return keyDecimal
	case column.String:
		if c.Charset == "binary" {
			return keyBytes
		}
		return keyText
	case column.Binary, column.Blob:
		return keyBytes
	case column.Date, column.DateTime, column.Timestamp:
		return keyDate
	case column.Time:
		return keyTime
	case column.UUID:
		return keyUUID
	case column.INET4, column.INET6:
		return keyOpaque
	}
	return keyNone
}

// indexPart is a column of an index, from information_schema.
type indexPart struct {
	index, column string
	collation     string // "A" ascending
	prefix        string // length of the part of the column that is indexed, "" is all
	kind          string // BTREE
	textCollation string // of the column
}

// chooseKey finds the index that holds the key of a shape, and of it what can divide the table; or the index that begins with a column that a
// signal names. Parts are in the order of the index.
func chooseKey(s *table.Shape, surrogate string, parts []indexPart) key {
	byIndex := map[string][]indexPart{}
	var names []string
	for _, p := range parts {
		if _, known := byIndex[p.index]; !known {
			names = append(names, p.index)
		}
		byIndex[p.index] = append(byIndex[p.index], p)
	}
	for _, name := range names {
		k := key{}
		if index := byIndex[name]; surrogate == "" {
			k = keyOf(s, name, s.Key, index)
		} else if i := s.Column(surrogate); i >= 0 && !s.Columns[i].Nullable {
			k = keyOf(s, name, []int{i}, index[:1])
		}
		if len(k.columns) > 0 {
			return k
		}
	}
	return key{}
}

// keyOf returns the key that an index makes of columns, none when rows do not come in their order.
func keyOf(s *table.Shape, index string, columns []int, parts []indexPart) key {
	if len(columns) == 0 || len(parts) != len(columns) {
		return key{}
	}
	k := key{index: index}
	for i, p := range parts {
		if s.Column(p.column) != columns[i] || p.collation != "A" || p.prefix != "" || p.kind != "BTREE" {
			return key{}
		}
	}
	for i, p := range parts {
		c := &s.Columns[columns[i]]
		kind := kindOf(c)
		if kind == keyNone {
			break
		}
		k.columns = append(k.columns, keyColumn{
			name: c.Name, position: columns[i], kind: kind,
			alphabet: alphabet{binary: strings.HasSuffix(p.textCollation, "_bin"), unicode: strings.HasPrefix(c.Charset, "utf") || c.Charset == "ucs2"},
		})
	}
	return k
}

// names returns the columns, as progress keeps them.
func (k *key) names() []string {
	names := make([]string, len(k.columns))
	for i, c := range k.columns {
		names[i] = c.name
	}
	return names
}

// of returns the place of a row, nil when that cannot be kept.
func (k *key) of(row []column.Cell) bound {
	if len(k.columns) == 0 {
		return nil
	}
	b := make(bound, len(k.columns))
	for i, c := range k.columns {
		cell := row[c.position]
		if cell.State != column.Text || c.kind != keyBytes && !utf8.Valid(cell.Bytes) {
			return nil
		}
		if b[i] = string(cell.Bytes); c.kind == keyBytes {
			b[i] = hex.EncodeToString(cell.Bytes)
		}
	}
	return b
}

// literal writes a value into a statement. Values come from a stored offset, which people can alter: what is not what it should be is refused.
func (c keyColumn) literal(value string) (string, error) {
	allowed := ""
	switch c.kind {
	case keyNumber, keyDecimal:
		allowed = "+-.0123456789"
	case keyDate, keyTime:
		allowed = "+-.:0123456789 "
	}
	if allowed != "" {
		if value == "" || strings.Trim(value, allowed) != "" {
			return "", fmt.Errorf("%q is no value of the key column %s", value, c.name)
		}
		if c.kind == keyNumber || c.kind == keyDecimal {
			return value, nil
		}
		return "'" + value + "'", nil
	}
	if c.kind == keyBytes {
		if _, err := hex.DecodeString(value); err != nil {
			return "", fmt.Errorf("%q is no value of the key column %s: it is not hexadecimal", value, c.name)
		}
		return "X'" + value + "'", nil
	}
	return "_utf8mb4 X'" + hex.EncodeToString([]byte(value)) + "'", nil
}

// where returns the condition for rows from one bound on and before another, "" when there is none. Comparisons of rows, (a, b) >= (1, 2), would
// be shorter, but servers do not find a range of the index in them.
func (k *key) where(from, to bound) (string, error) {
	var conditions []string
	for _, side := range []struct {
		b          bound
		strict, or string
	}{{from, ">", ">="}, {to, "<", "<"}} {
		if side.b == nil {
			continue
		}
		c, err := k.compare(side.b, side.strict, side.or)
		if err != nil {
			return "", err
		}
		conditions = append(conditions, c)
	}
	return strings.Join(conditions, " AND "), nil
}

// compare writes: the columns are beyond b, or, in the last column, last.
func (k *key) compare(b bound, strict, last string) (string, error) {
	if len(b) != len(k.columns) {
		return "", fmt.Errorf("%q is no place in the key (%s)", []string(b), strings.Join(k.names(), ", "))
	}
	condition := ""
	for i := len(b) - 1; i >= 0; i-- {
		name := table.Quote(k.columns[i].name)
		value, err := k.columns[i].literal(b[i])
		if err != nil {
			return "", err
		}
		if condition == "" {
			condition = fmt.Sprintf("%s %s %s", name, last, value)
		} else {
			condition = fmt.Sprintf("(%s %s %s OR %s = %s AND %s)", name, strict, value, name, value, condition)
		}
	}
	return condition, nil
}

// order returns the columns for ORDER BY.
func (k *key) order(direction string) string {
	names := k.names()
	for i := range names {
		names[i] = table.Quote(names[i]) + direction
	}
	return strings.Join(names, ", ")
}

// begins returns the condition that the columns begin with the values of a prefix, of which the last is the least allowed; "" without prefix.
func (k *key) begins(prefix bound) (string, error) {
	conditions := make([]string, len(prefix))
	for i, value := range prefix {
		literal, err := k.columns[i].literal(value)
		if err != nil {
			return "", err
		}
		operator := " = "
		if i == len(prefix)-1 {
			operator = " >= "
		}
		conditions[i] = table.Quote(k.columns[i].name) + operator + literal
	}
	return strings.Join(conditions, " AND "), nil
}
