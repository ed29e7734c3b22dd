package table

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// Querier runs queries: *sql.DB, *sql.Conn and *sql.Tx do.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// List returns the captured tables that the server has, without views, in the order of their names.
func List(ctx context.Context, q Querier, f *Filter) ([]ID, error) {
	rows, err := q.QueryContext(ctx, "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY 1, 2")
	if err != nil {
		return nil, fmt.Errorf("listing the tables: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var ids []ID
	for rows.Next() {
		var id ID
		if err := rows.Scan(&id.Database, &id.Name); err != nil {
			return nil, fmt.Errorf("listing the tables: %w", err)
		}
		if f.Captures(id) {
			ids = append(ids, id)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing the tables: %w", err)
	}
	return ids, nil
}

// Read returns what information_schema says of tables now, in the order of the ids; tables that do not exist, or that the user may not
// see, are left out. Columns have no Wire and Meta.
func Read(ctx context.Context, q Querier, ids ...ID) ([]Shape, error) {
	var shapes []Shape
	// Naming database and table lets the server open no other table.
	for part := range slices.Chunk(ids, 50) {
		some, err := read(ctx, q, part)
		if err != nil {
			return nil, fmt.Errorf("reading the columns of %s: %w", names(part), err)
		}
		shapes = append(shapes, some...)
	}
	return shapes, nil
}

func names(ids []ID) string {
	if len(ids) == 1 {
		return ids[0].String()
	}
	return fmt.Sprintf("%s and %d more tables", ids[0], len(ids)-1)
}

// tries is how often tables are read that are altered meanwhile.
const tries = 10

func read(ctx context.Context, q Querier, ids []ID) ([]Shape, error) {
	databases, tables := restriction(ids)
	shapes, err := readColumns(ctx, q, databases, tables)
	if err != nil {
		return nil, err
	}
	for range tries {
		if err := readKeys(ctx, q, databases, tables, shapes); err != nil {
			return nil, err
		}
		// Columns and keys are read one after the other. What had the same columns before and after had these keys.
		again, err := readColumns(ctx, q, databases, tables)
		if err != nil {
			return nil, err
		}
		if sameTables(shapes, again) {
			break
		}
		shapes = again
	}
	found := make([]Shape, 0, len(ids))
	for _, id := range ids {
		if s := shapes[id]; s != nil {
			s.Key = s.present(s.Key)
			found = append(found, *s)
		}
	}
	return found, nil
}

func sameTables(a, b map[ID]*Shape) bool {
	if len(a) != len(b) {
		return false
	}
	for id, s := range a {
		if t := b[id]; t == nil || !reflect.DeepEqual(s.Columns, t.Columns) {
			return false
		}
	}
	return true
}

func readColumns(ctx context.Context, q Querier, databases, tables string) (map[ID]*Shape, error) {
	shapes := make(map[ID]*Shape)
	var versioned []*Shape
	// Only MariaDB from 10.3 on reads the comment: it has system-versioned tables, and old servers do not have the column.
	query := "SELECT c.TABLE_SCHEMA, c.TABLE_NAME, c.COLUMN_NAME, c.COLUMN_DEFAULT, c.IS_NULLABLE, c.COLUMN_TYPE, c.CHARACTER_SET_NAME, c.EXTRA, " +
		"COALESCE(NULL /*M!100300 , c.GENERATION_EXPRESSION */), t.TABLE_COLLATION, t.TABLE_TYPE, @@version " +
		"FROM information_schema.COLUMNS c JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME " +
		"WHERE c.TABLE_SCHEMA IN (" + databases + ") AND c.TABLE_NAME IN (" + tables + ") ORDER BY c.TABLE_SCHEMA, c.TABLE_NAME, c.ORDINAL_POSITION"
	err := each(ctx, q, query, func(rows *sql.Rows) error {
		var id ID
		var d declaration
		var collation sql.NullString
		var kind, version string
		if err := rows.Scan(&id.Database, &id.Name, &d.name, &d.defaultText, &d.nullable, &d.columnType, &d.charset, &d.extra, &d.generation, &collation, &kind, &version); err != nil {
			return err
		}
		s := shapes[id]
		if s == nil {
			charset, _, _ := strings.Cut(collation.String, "_")
			s = &Shape{ID: id, Charset: charset}
			shapes[id] = s
			if kind == "SYSTEM VERSIONED" {
				versioned = append(versioned, s)
			}
		}
		c, err := d.column(strings.Contains(version, "MariaDB"))
		if err != nil {
			return fmt.Errorf("column %s of %s: %w", d.name, id, err)
		}
		s.Columns = append(s.Columns, c)
		return nil
	})
	for _, s := range versioned {
		s.hide()
	}
	return shapes, err
}

// restriction returns two lists of text literals. Names come from the server or from its log: they are quoted all the same.
func restriction(ids []ID) (databases, tables string) {
	var d, t []string
	for _, id := range ids {
		d = append(d, Literal(id.Database))
		t = append(t, Literal(id.Name))
	}
	slices.Sort(d)
	return strings.Join(slices.Compact(d), ", "), strings.Join(t, ", ")
}

// Literal returns a text literal that means the same whatever sql_mode says about backslashes.
func Literal(text string) string {
	if strings.ContainsRune(text, '\\') {
		return fmt.Sprintf("_utf8mb4 X'%X'", text)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

func each(ctx context.Context, q Querier, query string, row func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// declaration is a row of information_schema.COLUMNS.
type declaration struct {
	name, nullable, columnType, extra string
	defaultText, charset, generation  sql.NullString
}

func (d declaration) column(mariadb bool) (column.Column, error) {
	c, err := columnOf(d.columnType)
	if err != nil {
		return c, err
	}
	extra := strings.ToUpper(d.extra)
	c.Name, c.Nullable, c.Charset = d.name, d.nullable == "YES", d.charset.String
	c.AutoIncrement = strings.Contains(extra, "AUTO_INCREMENT")
	c.Generated = strings.Contains(extra, "STORED GENERATED") || strings.Contains(extra, "VIRTUAL GENERATED") || strings.Contains(extra, "PERSISTENT")
	c.RowEnd = d.generation.String == "ROW END"
	if d.defaultText.Valid && !c.Generated {
		c.Default = literalDefault(d.defaultText.String, mariadb, strings.Contains(extra, "DEFAULT_GENERATED"))
	}
	return c, nil
}

// literalDefault returns the text of a default that is a literal, or CURRENT_TIMESTAMP with its digits, and nil for other expressions and for NULL.
func literalDefault(text string, mariadb, generated bool) *string {
	upper := strings.ToUpper(text)
	switch {
	case strings.HasPrefix(upper, "CURRENT_TIMESTAMP"):
		upper = strings.TrimSuffix(upper, "()")
		return &upper
	case generated:
		return nil
	case !mariadb:
		return &text
	}
	// MariaDB shows the expression, a text in quotes.
	s := &scanner{text: text}
	if literal, ok := s.quoted(); ok && s.end() {
		return &literal
	}
	first := strings.TrimLeft(text, "+-.")
	if upper == "NULL" || first == "" || !isDigit(first[0]) && !strings.HasPrefix(upper, "B'") && !strings.HasPrefix(upper, "X'") && upper != "TRUE" && upper != "FALSE" {
		return nil
	}
	if strings.ContainsAny(text, "() *") {
		return nil
	}
	return &text
}

// readKeys sets the keys: the primary key, or the first unique key without nullable columns. The servers number keys so that unique ones
// without nullable columns come before the others, in the order in which they were made; SHOW INDEX keeps that, information_schema need not.
func readKeys(ctx context.Context, q Querier, databases, tables string, shapes map[ID]*Shape) error {
	query := "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.STATISTICS " +
		"WHERE INDEX_NAME = 'PRIMARY' AND TABLE_SCHEMA IN (" + databases + ") AND TABLE_NAME IN (" + tables + ") ORDER BY TABLE_SCHEMA, TABLE_NAME, SEQ_IN_INDEX"
	err := each(ctx, q, query, func(rows *sql.Rows) error {
		var id ID
		var name string
		if err := rows.Scan(&id.Database, &id.Name, &name); err != nil {
			return err
		}
		if s := shapes[id]; s != nil {
			if i := s.Column(name); i >= 0 {
				s.Key = append(s.Key, i)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range shapes {
		if len(s.Key) == 0 {
			if err := readUniqueKey(ctx, q, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func readUniqueKey(ctx context.Context, q Querier, s *Shape) error {
	var index string
	var key []int
	usable := false
	done := false
	finish := func() {
		if !done && usable && len(key) > 0 {
			s.Key, done = key, true
		}
	}
	err := each(ctx, q, "SHOW INDEX FROM "+s.ID.Quoted()+" WHERE Non_unique = 0", func(rows *sql.Rows) error {
		name, columnName, err := indexPart(rows)
		if err != nil {
			return err
		}
		if name != index {
			finish()
			index, key, usable = name, nil, true
		}
		i := -1
		if columnName != "" { // else the key is of an expression
			i = s.Column(columnName)
		}
		if i < 0 || s.Columns[i].Nullable {
			usable = false
			return nil
		}
		key = append(key, i)
		return nil
	})
	finish()
	if failedWith(err, 1146) {
		return nil // dropped since its columns were read
	}
	return err
}

// failedWith tells whether the server answered with an error of a number: 1054 is an unknown column, 1146 an unknown table.
func failedWith(err error, number uint16) bool {
	var answer *mysql.MySQLError
	return errors.As(err, &answer) && answer.Number == number
}

// indexPart reads a row of SHOW INDEX, which has a number of columns that differs from release to release.
func indexPart(rows *sql.Rows) (index, columnName string, err error) {
	names, err := rows.Columns()
	if err != nil {
		return "", "", err
	}
	values := make([]sql.NullString, len(names))
	targets := make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return "", "", err
	}
	for i, name := range names {
		switch strings.ToLower(name) {
		case "key_name":
			index = values[i].String
		case "column_name":
			columnName = values[i].String
		}
	}
	return index, columnName, nil
}

// Charsets are the character sets of a server.
type Charsets struct {
	byCollation map[uint64]Charset // table maps name them so
	byName      map[string]Charset
}

// Charset is a character set of the server.
type Charset struct {
	Name  string
	Bytes int // the most that a character has
}

// NewCharsets returns the character sets of collations.
func NewCharsets(byCollation map[uint64]Charset) Charsets {
	c := Charsets{byCollation, make(map[string]Charset)}
	for _, charset := range byCollation {
		c.byName[charset.Name] = charset
	}
	return c
}

// bytes returns the most bytes that a character has, 0 for a character set that is not known. Servers have called one of them by two names.
func (c Charsets) bytes(name string) int {
	if charset, ok := c.byName[name]; ok {
		return charset.Bytes
	}
	switch name {
	case "utf8", "utf8mb3":
		return 3
	}
	return 0
}

// ReadCharsets returns the server's character sets.
func ReadCharsets(ctx context.Context, q Querier) (Charsets, error) {
	charsets := make(map[uint64]Charset)
	add := func(collations string) error {
		query := "SELECT c.ID, c.CHARACTER_SET_NAME, s.MAXLEN FROM information_schema." + collations + " c " +
			"JOIN information_schema.CHARACTER_SETS s ON s.CHARACTER_SET_NAME = c.CHARACTER_SET_NAME WHERE c.ID IS NOT NULL"
		return each(ctx, q, query, func(rows *sql.Rows) error {
			var id uint64
			var c Charset
			if err := rows.Scan(&id, &c.Name, &c.Bytes); err != nil {
				return err
			}
			charsets[id] = c
			return nil
		})
	}
	if err := add("COLLATIONS"); err != nil {
		return Charsets{}, fmt.Errorf("reading the character sets: %w", err)
	}
	// From MariaDB 10.10 on, collations that several character sets have are listed there alone. MySQL has no numbers there.
	if err := add("COLLATION_CHARACTER_SET_APPLICABILITY"); err != nil && !failedWith(err, 1054) {
		return Charsets{}, fmt.Errorf("reading the character sets: %w", err)
	}
	return NewCharsets(charsets), nil
}
