//go:build integration

package integration

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// column is a column of a table as information_schema describes it, with what the workload knows of its values.
type column struct {
	name, dataType, sqlType string // such as c1, int, int(10) unsigned
	nullable, key           bool
}

// shape is a table's columns, in their order.
type shape struct{ columns []column }

// shape reads that of a table.
func (d *database) shape(ctx context.Context, table string) (s shape, err error) {
	rows, err := d.QueryContext(ctx, "SELECT column_name, data_type, column_type, is_nullable = 'YES', column_key = 'PRI' "+
		"FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position", d.name, table)
	if err != nil {
		return s, err
	}
	defer rows.Close()
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.name, &c.dataType, &c.sqlType, &c.nullable, &c.key); err != nil {
			return s, err
		}
		s.columns = append(s.columns, c)
	}
	if err := rows.Err(); err != nil {
		return s, err
	}
	if len(s.columns) == 0 {
		return s, fmt.Errorf("table %s.%s is not there", d.name, table)
	}
	return s, nil
}

// keyList is the columns of the primary key, for ORDER BY.
func (s shape) keyList() string {
	var names []string
	for _, c := range s.columns {
		if c.key {
			names = append(names, "`"+c.name+"`")
		}
	}
	return strings.Join(names, ", ")
}

// keyValue is the value of a key's column in the nth row. Keys that differ in case are the same to the database, and not to
// Kafka.
func (c column) keyValue(random *rand.Rand, n int) any {
	switch c.dataType {
	case "varchar":
		if random.IntN(10) == 0 {
			return fmt.Sprintf("Ключ/KEY %d", n)
		}
		return fmt.Sprintf("Ключ/Key %d", n)
	case "smallint":
		return n % 7
	}
	return n
}

var typeSize = regexp.MustCompile(`\((\d+)`)

// size is the number in the parentheses of a type.
func (c column) size() int {
	if found := typeSize.FindStringSubmatch(c.sqlType); found != nil {
		n, _ := strconv.Atoi(found[1]) // digits
		return n
	}
	return 0
}

// value is one for the column.
func (c column) value(random *rand.Rand) any {
	if c.nullable && random.IntN(6) == 0 {
		return nil
	}
	integer := func(bits int) any {
		n := random.Uint64() >> (random.IntN(bits) + 64 - bits)
		if strings.Contains(c.sqlType, "unsigned") {
			return n >> 1 // half of the range fits everywhere
		}
		return int64(n) - 1<<(bits-1)
	}
	day := func() time.Time {
		return time.Date(1975+random.IntN(60), time.Month(1+random.IntN(12)), 1+random.IntN(28), random.IntN(24), random.IntN(60), random.IntN(60), random.IntN(1e9), time.UTC)
	}
	switch c.dataType {
	case "tinyint":
		return integer(8)
	case "smallint":
		return integer(16)
	case "mediumint":
		return integer(24)
	case "int":
		return integer(32)
	case "bigint":
		return integer(63)
	case "double":
		return math.Round(random.NormFloat64()*1e9) / 1e4
	case "decimal":
		return fmt.Sprintf("%d.%03d", random.IntN(1e9)-5e8, random.IntN(1000))
	case "bit":
		return random.IntN(2)
	case "date":
		return day().Format("2006-01-02")
	case "datetime", "timestamp":
		return day().Format("2006-01-02 15:04:05.000000")
	case "time":
		return day().Format("15:04:05.000")
	case "year":
		return 1970 + random.IntN(100)
	case "enum":
		return 1 + random.IntN(3)
	case "set":
		return random.IntN(16)
	case "varbinary", "blob", "longblob":
		b := make([]byte, random.IntN(40))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	return c.text(random)
}

// text is now and then long, where the column takes it.
func (c column) text(random *rand.Rand) string {
	words := []string{"plain", `"quoted"`, `back\slash`, "tab\tline\n", "naïve", "Привет", "数据", "🙂🚀", "\u2028", "<&>", "", "\x01"}
	limit := 12
	switch n := c.size(); {
	case n > 0:
		limit = n
	case random.IntN(200) == 0:
		limit = 40_000
	}
	var b []rune
	for len(b) < limit/2 {
		b = append(b, []rune(words[random.IntN(len(words))]+strconv.Itoa(random.IntN(100)))...)
	}
	return string(b[:min(len(b), limit)])
}

// selected is the expression of the value as the converters write it, but for its JSON form.
func (c column) selected() string {
	name := "`" + c.name + "`"
	switch c.dataType {
	case "date":
		return "DATEDIFF(" + name + ", '1970-01-01')"
	case "datetime":
		micros := "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', " + name + ")"
		if c.size() > 3 {
			return micros
		}
		return micros + " DIV 1000"
	case "time":
		return "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', TIMESTAMP('1970-01-01', " + name + "))"
	case "bit":
		return name + " + 0"
	}
	return name
}

// absent stands for NULL among texts that begin with an equals sign.
const absent = "NULL"

// ofTable is the value that selected gave, in a form that is compared.
func (c column) ofTable(text []byte) (string, error) {
	if text == nil {
		return absent, nil
	}
	switch c.dataType {
	case "double":
		n, err := strconv.ParseFloat(string(text), 64)
		return fmt.Sprint("=", n), err
	case "timestamp":
		at, err := time.Parse("2006-01-02 15:04:05.999999", string(text))
		return "=" + at.UTC().Format(time.RFC3339Nano), err
	case "varbinary", "blob", "longblob":
		return "=" + base64.StdEncoding.EncodeToString(text), nil
	case "bit":
		return "=" + strconv.FormatBool(string(text) != "0"), nil
	}
	return "=" + string(text), nil
}

// ofDocument is a field of a document in the same form.
func (c column) ofDocument(value any) (string, error) {
	var numeric, logical bool
	switch c.dataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "double", "date", "datetime", "time", "year":
		numeric = true
	case "bit":
		logical = true
	}
	switch v := value.(type) {
	case nil:
		return absent, nil
	case json.Number:
		if c.dataType == "double" {
			n, err := v.Float64()
			return fmt.Sprint("=", n), err
		}
		if numeric {
			return "=" + v.String(), nil
		}
	case bool:
		if logical {
			return "=" + strconv.FormatBool(v), nil
		}
	case string:
		if c.dataType == "timestamp" {
			at, err := time.Parse(time.RFC3339Nano, v)
			return "=" + at.UTC().Format(time.RFC3339Nano), err
		}
		if !numeric && !logical {
			return "=" + v, nil
		}
	}
	return "", fmt.Errorf("%s %s is %v (%T) in the document", c.name, c.sqlType, value, value)
}

// row is the values of one, in the order of the columns, in the form that is compared.
type row []string

// key joins those of the key.
func (s shape) key(r row) string {
	var parts []string
	for i, c := range s.columns {
		if c.key {
			parts = append(parts, r[i])
		}
	}
	return strings.Join(parts, " ")
}

// rows reads a table.
func (d *database) rows(ctx context.Context, table string, s shape) (map[string]row, error) {
	var list []string
	for _, c := range s.columns {
		list = append(list, c.selected())
	}
	found, err := d.QueryContext(ctx, "SELECT "+strings.Join(list, ", ")+" FROM "+table)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	all := map[string]row{}
	texts, places := make([][]byte, len(s.columns)), make([]any, len(s.columns))
	for i := range texts {
		places[i] = &texts[i]
	}
	for found.Next() {
		clear(texts)
		if err := found.Scan(places...); err != nil {
			return nil, err
		}
		r := make(row, len(texts))
		for i, c := range s.columns {
			if r[i], err = c.ofTable(texts[i]); err != nil {
				return nil, fmt.Errorf("%s.%s: %w", table, c.name, err)
			}
		}
		all[s.key(r)] = r
	}
	return all, found.Err()
}

// document reads a row out of JSON. Fields that the table has not are an error, and so are those that lack.
func (s shape) document(text []byte) (row, error) {
	var fields map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil {
		return nil, err
	}
	r := make(row, len(s.columns))
	var problems []error
	for i, c := range s.columns {
		value, there := fields[c.name]
		delete(fields, c.name)
		if !there {
			problems = append(problems, fmt.Errorf("it has no %s", c.name))
			continue
		}
		var err error
		if r[i], err = c.ofDocument(value); err != nil {
			problems = append(problems, err)
		}
	}
	for name := range fields {
		problems = append(problems, fmt.Errorf("it has %s, which the table has not", name))
	}
	return r, errors.Join(problems...)
}
