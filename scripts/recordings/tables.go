package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// A table is what a server says of a table, and its rows in the text protocol.
type table struct {
	Name    string              `json:"name"`
	Columns []map[string]any    `json:"columns"` // information_schema.columns, names in upper case
	Keys    []map[string]any    `json:"keys"`    // information_schema.statistics of unique indexes
	Charset string              `json:"charset"`
	Rows    [][]json.RawMessage `json:"rows"` // a string is text; {"hex": …} are bytes that are not
}

func (s *server) keepTables(ctx context.Context, schema, prefix string) error {
	names, err := s.tables(ctx, schema)
	if err != nil {
		return err
	}
	var tables []table
	for _, name := range names {
		t := table{Name: name}
		where := " WHERE table_schema = '" + schema + "' AND table_name = '" + name + "'"
		if t.Columns, err = s.query(ctx, "SELECT * FROM information_schema.columns"+where+" ORDER BY ordinal_position"); err != nil {
			return err
		}
		if t.Keys, err = s.query(ctx, "SELECT * FROM information_schema.statistics"+where+" AND non_unique = 0 ORDER BY index_name, seq_in_index"); err != nil {
			return err
		}
		if t.Charset, err = s.charset(ctx, schema, name); err != nil {
			return err
		}
		if t.Rows, err = s.cells(ctx, schema, t); err != nil {
			return err
		}
		tables = append(tables, t)
	}
	var b strings.Builder
	b.WriteString("[\n")
	for i, t := range tables {
		text, err := json.Marshal(t)
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteString(",\n")
		}
		b.Write(text)
	}
	b.WriteString("\n]\n")
	return store(filepath.Join(s.folder, prefix+"tables.json.gz"), []byte(b.String()))
}

func (s *server) charset(ctx context.Context, schema, name string) (charset string, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT c.character_set_name FROM information_schema.tables t JOIN information_schema.collation_character_set_applicability c "+
		"ON t.table_collation IN (c.collation_name"+map[bool]string{true: ", c.full_collation_name"}[s.name == "mariadb"]+") WHERE t.table_schema = ? AND t.table_name = ? LIMIT 1", schema, name).Scan(&charset)
	return charset, err
}

// query returns rows as names in upper case and texts or nulls; without what has no meaning later.
func (s *server) query(ctx context.Context, text string) ([]map[string]any, error) {
	rows, err := s.db.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []map[string]any
	for rows.Next() {
		cells := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := map[string]any{}
		for i, n := range names {
			n = strings.ToUpper(n)
			switch n {
			case "TABLE_CATALOG", "TABLE_SCHEMA", "TABLE_NAME", "PRIVILEGES", "CARDINALITY", "INDEX_SCHEMA", "INDEX_COMMENT", "COLUMN_COMMENT":
				continue
			}
			if cells[i].Valid {
				row[n] = cells[i].String
			} else {
				row[n] = nil
			}
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

// cells reads a table in the session that the connector's snapshot has, too.
func (s *server) cells(ctx context.Context, schema string, t table) ([][]json.RawMessage, error) {
	c, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, "SET NAMES utf8mb4, time_zone = '+00:00'"); err != nil {
		return nil, err
	}
	var list []string
	for _, column := range t.Columns {
		name := "`" + column["COLUMN_NAME"].(string) + "`"
		if column["DATA_TYPE"] == "float" {
			name += " + 0e0" // else it has six digits
		}
		list = append(list, name)
	}
	rows, err := c.QueryContext(ctx, "SELECT "+strings.Join(list, ", ")+" FROM `"+schema+"`.`"+t.Name+"`")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	raw := make([]sql.RawBytes, len(list))
	into := make([]any, len(list))
	for i := range raw {
		into[i] = &raw[i]
	}
	var out [][]json.RawMessage
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		row := make([]json.RawMessage, len(raw))
		for i, b := range raw {
			var v any
			switch {
			case b == nil:
			case utf8.Valid(b):
				v = string(b)
			default:
				v = map[string][]byte{"base64": b}
			}
			if row[i], err = json.Marshal(v); err != nil {
				return nil, err
			}
		}
		out = append(out, row)
	}
	return out, rows.Err()
}
