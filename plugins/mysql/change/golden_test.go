package change_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

const recordings = "../testdata/debezium"

func unzip(t *testing.T, path ...string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join(append([]string{recordings}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// recorded is one record of Debezium's.
type recorded struct {
	topic                  string
	keySchema, valueSchema any
	key, value             any // decoded, with json.Number
	headers                []map[string]string
}

// loadRun returns the records of a run in the order of each topic.
func loadRun(t *testing.T, server, run string) map[string][]recorded {
	t.Helper()
	type schemas struct{ key, value any }
	known := map[string]schemas{}
	records := map[string][]recorded{}
	lines := bufio.NewScanner(bytes.NewReader(unzip(t, server, run+".jsonl.gz")))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var l struct {
			Topic       string              `json:"topic"`
			KeySchema   json.RawMessage     `json:"keySchema"`
			ValueSchema json.RawMessage     `json:"valueSchema"`
			Key         json.RawMessage     `json:"key"`
			Value       json.RawMessage     `json:"value"`
			Headers     []map[string]string `json:"headers"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if l.KeySchema != nil || l.ValueSchema != nil {
			known[l.Topic] = schemas{tree(t, l.KeySchema), tree(t, l.ValueSchema)}
			continue
		}
		s := known[l.Topic]
		records[l.Topic] = append(records[l.Topic], recorded{l.Topic, s.key, s.value, tree(t, l.Key), tree(t, l.Value), l.Headers})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

// tree decodes JSON without losing digits.
func tree(t *testing.T, text []byte) any {
	t.Helper()
	if len(text) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// serverTable is what a server said of a table, and its rows.
type serverTable struct {
	Name    string              `json:"name"`
	Columns []map[string]any    `json:"columns"`
	Keys    []map[string]any    `json:"keys"`
	Charset string              `json:"charset"`
	Rows    [][]json.RawMessage `json:"rows"`
}

func loadTables(t *testing.T, server, file string) []serverTable {
	t.Helper()
	var tables []serverTable
	if err := json.Unmarshal(unzip(t, server, file), &tables); err != nil {
		t.Fatal(err)
	}
	return tables
}

// images returns the rows as the text protocol has them.
func (s *serverTable) images(t *testing.T) [][]column.Cell {
	t.Helper()
	var rows [][]column.Cell
	for _, r := range s.Rows {
		var cells []column.Cell
		for _, raw := range r {
			var text string
			var other struct{ Base64 []byte }
			switch {
			case string(raw) == "null":
				cells = append(cells, column.Cell{State: column.Null})
			case json.Unmarshal(raw, &text) == nil:
				cells = append(cells, column.Cell{Bytes: []byte(text), State: column.Text})
			default:
				if err := json.Unmarshal(raw, &other); err != nil {
					t.Fatal(err)
				}
				cells = append(cells, column.Cell{Bytes: other.Base64, State: column.Text})
			}
		}
		rows = append(rows, cells)
	}
	return rows
}

// shape reads what information_schema said.
func (s *serverTable) shape(t *testing.T, database string, mariadb bool) table.Shape {
	t.Helper()
	shape := table.Shape{ID: table.ID{Database: database, Name: s.Name}, Charset: s.Charset}
	for _, c := range s.Columns {
		shape.Columns = append(shape.Columns, declared(t, c, mariadb))
	}
	index := ""
	for _, k := range s.Keys {
		name := k["INDEX_NAME"].(string)
		if len(shape.Key) > 0 && name != index {
			break
		}
		at := shape.Column(k["COLUMN_NAME"].(string))
		if name != "PRIMARY" && s.nullable(name) {
			continue
		}
		index = name
		shape.Key = append(shape.Key, at)
	}
	return shape
}

// adopt is a shape with the types of a table map.
func adopt(t *testing.T, known *table.Shape, m *table.Map) *table.Shape {
	t.Helper()
	if len(known.Columns) != len(m.Types) {
		t.Fatalf("%s has %d columns, its table map %d", known.ID, len(known.Columns), len(m.Types))
	}
	s := *known
	s.Columns = slices.Clone(known.Columns)
	for i := range s.Columns {
		s.Columns[i].Wire, s.Columns[i].Meta = m.Types[i], m.Meta[i]
	}
	return &s
}

// nullable tells whether an index has a column that may be NULL.
func (s *serverTable) nullable(index string) bool {
	for _, k := range s.Keys {
		if k["INDEX_NAME"] == index && k["NULLABLE"] == "YES" {
			return true
		}
	}
	return false
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

var types = map[string]column.Type{
	"tinyint": column.TinyInt, "smallint": column.SmallInt, "mediumint": column.MediumInt, "int": column.Int, "bigint": column.BigInt,
	"float": column.Float, "double": column.Double, "decimal": column.Decimal, "bit": column.Bit, "year": column.Year,
	"date": column.Date, "time": column.Time, "datetime": column.DateTime, "timestamp": column.Timestamp,
	"char": column.String, "varchar": column.String, "tinytext": column.String, "text": column.String, "mediumtext": column.String, "longtext": column.String,
	"binary": column.Binary, "varbinary": column.Blob, "tinyblob": column.Blob, "blob": column.Blob, "mediumblob": column.Blob, "longblob": column.Blob,
	"enum": column.Enum, "set": column.Set, "json": column.JSON, "point": column.Point, "uuid": column.UUID, "inet4": column.INET4, "inet6": column.INET6,
}

// declared makes a column of a row of information_schema.columns.
func declared(t *testing.T, c map[string]any, mariadb bool) column.Column {
	t.Helper()
	full, _, _ := strings.Cut(text(c["COLUMN_TYPE"]), " /*")
	name, arguments, _ := strings.Cut(full, "(")
	name, attributes, _ := strings.Cut(name, " ")
	out := column.Column{
		Name: text(c["COLUMN_NAME"]), Type: types[name], SQLType: strings.ToUpper(name), Nullable: c["IS_NULLABLE"] == "YES",
		Charset: text(c["CHARACTER_SET_NAME"]),
	}
	if out.Type == column.Unknown {
		out.Type = column.Geometry
	}
	arguments, rest, found := strings.Cut(arguments, ")")
	if out.Type == column.Enum || out.Type == column.Set {
		arguments, rest = strings.TrimSuffix(full[strings.IndexByte(full, '(')+1:], ")"), ""
		for _, m := range strings.Split(strings.Trim(arguments, "'"), "','") {
			out.Members = append(out.Members, strings.ReplaceAll(m, "''", "'"))
		}
	} else if found {
		length, scale, _ := strings.Cut(arguments, ",")
		out.Length, _ = strconv.Atoi(length)
		out.Scale, _ = strconv.Atoi(scale)
		attributes = strings.TrimSpace(rest)
	}
	switch out.Type {
	case column.Time, column.DateTime, column.Timestamp:
		out.Scale, out.Length = out.Length, 0
	}
	if attributes != "" {
		out.SQLType += " " + strings.ToUpper(attributes)
		out.Unsigned = true
	}
	if d, ok := c["COLUMN_DEFAULT"].(string); ok {
		extra := strings.ToUpper(text(c["EXTRA"]))
		switch {
		case strings.HasPrefix(strings.ToLower(d), "current_timestamp"):
			out.Default = &d
		case strings.Contains(extra, "GENERATED"), mariadb && (d == "NULL" || strings.HasPrefix(d, "(")):
		case mariadb && strings.HasPrefix(d, "'"):
			d = strings.NewReplacer("''", "'", `\0`, "\x00").Replace(d[1 : len(d)-1])
			out.Default = &d
		default:
			out.Default = &d
		}
	}
	return out
}

// schemaTree is a schema as Kafka Connect's JSON converter writes it.
func schemaTree(t *testing.T, s *data.Schema) any {
	t.Helper()
	if s == nil {
		return nil
	}
	names := map[data.Type]string{data.Int8: "int8", data.Int16: "int16", data.Int32: "int32", data.Int64: "int64", data.Float32: "float", data.Float64: "double",
		data.Boolean: "boolean", data.String: "string", data.Bytes: "bytes", data.Array: "array", data.Map: "map", data.Struct: "struct"}
	m := map[string]any{"type": names[s.Type()], "optional": s.Optional()}
	if s.Name() != "" {
		m["name"] = s.Name()
	}
	if v, ok := s.Version(); ok {
		m["version"] = json.Number(strconv.Itoa(int(v)))
	}
	if s.Doc() != "" {
		m["doc"] = s.Doc()
	}
	if len(s.Parameters()) > 0 {
		p := map[string]any{}
		for _, x := range s.Parameters() {
			p[x.Key] = x.Value
		}
		m["parameters"] = p
	}
	if row, ok := s.Default(); ok && row != nil {
		var r data.Reader
		r.Reset(row)
		m["default"] = valueTree(&r, s)
	}
	if s.Type() == data.Struct {
		var fields []any
		for _, f := range s.Fields() {
			x := schemaTree(t, f.Schema).(map[string]any)
			x["field"] = f.Name
			fields = append(fields, x)
		}
		m["fields"] = fields
	}
	if s.Type() == data.Array {
		m["items"] = schemaTree(t, s.Element())
	}
	return m
}

// valueTree is a value as the JSON converter writes it, numbers as json.Number.
func valueTree(r *data.Reader, s *data.Schema) any {
	switch s.Type() {
	case data.Boolean:
		return r.Bool()
	case data.Int8:
		return json.Number(strconv.Itoa(int(r.Int8())))
	case data.Int16:
		return json.Number(strconv.Itoa(int(r.Int16())))
	case data.Int32:
		return json.Number(strconv.Itoa(int(r.Int32())))
	case data.Int64:
		return json.Number(strconv.FormatInt(r.Int64(), 10))
	case data.Float32:
		return json.Number(strconv.FormatFloat(float64(r.Float32()), 'g', -1, 32))
	case data.Float64:
		return json.Number(strconv.FormatFloat(r.Float64(), 'g', -1, 64))
	case data.String:
		return r.String()
	case data.Bytes:
		return base64.StdEncoding.EncodeToString(r.Bytes())
	case data.Array:
		n, nulls := r.Array(s)
		list := []any{}
		for i := range n {
			if nulls.Null(i) && s.Element().Optional() {
				list = append(list, nil)
			} else {
				list = append(list, valueTree(r, s.Element()))
			}
		}
		return list
	case data.Struct:
		nulls := r.Struct(s)
		m := map[string]any{}
		for i, f := range s.Fields() {
			if nulls.Null(s.NullBit(i)) {
				m[f.Name] = nil
			} else {
				m[f.Name] = valueTree(r, f.Schema)
			}
		}
		return m
	}
	panic(fmt.Sprintf("no tree of %v", s))
}

// rowTree decodes a whole row.
func rowTree(t *testing.T, s *data.Schema, row []byte) any {
	t.Helper()
	if err := data.Check(s, row); err != nil {
		t.Fatal(err)
	}
	var r data.Reader
	r.Reset(row)
	v := valueTree(&r, s)
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	return v
}

// difference is one place where two trees are not the same.
type difference struct {
	path      string
	ours, its any
}

// compare lists the differences of two trees. Numbers are the same when they are as numbers of 64 bits.
func compare(path string, ours, its any, add func(difference)) {
	switch a := ours.(type) {
	case map[string]any:
		b, ok := its.(map[string]any)
		if !ok {
			break
		}
		for k := range a {
			if _, there := b[k]; !there {
				add(difference{path + "/" + k, a[k], "(absent)"})
				continue
			}
			compare(path+"/"+k, a[k], b[k], add)
		}
		for k := range b {
			if _, there := a[k]; !there {
				add(difference{path + "/" + k, "(absent)", b[k]})
			}
		}
		return
	case []any:
		b, ok := its.([]any)
		if !ok || len(a) != len(b) {
			break
		}
		for i := range a {
			at := strconv.Itoa(i)
			if m, ok := a[i].(map[string]any); ok && m["field"] != nil {
				at = text(m["field"])
			}
			compare(path+"/"+at, a[i], b[i], add)
		}
		return
	case json.Number:
		if b, ok := its.(json.Number); ok && sameNumber(a, b) {
			return
		}
	default:
		if ours == its {
			return
		}
	}
	add(difference{path, ours, its})
}

func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	if !strings.ContainsAny(string(a)+string(b), ".eE") {
		return false
	}
	x, err1 := a.Float64()
	y, err2 := b.Float64()
	return err1 == nil && err2 == nil && x == y
}
