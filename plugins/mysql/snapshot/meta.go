package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// meta is what is known of a table that is read.
type meta struct {
	signature string // of the columns, as the server describes a result
	shape     table.Shape
	table     *change.Table
	key       key
	own       string   // a statement of the user's own
	condition string   // of a snapshot of part of the table
	surrogate string   // a column that a signal names to divide the table by
	names     []string // of the columns that are read
	places    []int    // in the shape, of the columns of the result
}

func (k *key) same(other *key) bool {
	return k.index == other.index && slices.Equal(k.names(), other.names())
}

// look locks a table against being altered, until the savepoint, and returns what is known of it.
func (r *reader) look(ctx context.Context, w *work) (*meta, error) {
	rs, err := r.conn.query(ctx, "SELECT * FROM "+w.id.Quoted()+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(r.conn.columns))
	for i, f := range r.conn.columns {
		parts[i] = f.signature
	}
	if err := rs.drain(); err != nil {
		return nil, err
	}
	signature := strings.Join(parts, "\n")
	old := r.board.metaOf(w)
	if old != nil && old.signature == signature {
		m := *old // places are this reader's own
		return &m, nil
	}
	shapes, err := table.Read(ctx, r.o.DB, w.id)
	if err != nil {
		return nil, err
	}
	if len(shapes) == 0 {
		return nil, sdk.Fatal(fmt.Errorf("information_schema does not show the columns of the table; run GRANT SELECT ON %s TO the user", w.id.Quoted()))
	}
	m := &meta{signature: signature, shape: shapes[0], own: r.o.Selects[w.id]}
	m.condition, m.surrogate = r.board.request(w.id)
	if m.table, err = r.o.Compile(m.shape); err != nil {
		return nil, err
	}
	if m.own == "" {
		if m.key, err = r.findKey(ctx, &m.shape, m.surrogate); err != nil {
			return nil, err
		}
	}
	keys := m.table.KeyColumns()
	for i := range m.shape.Columns {
		c := &m.shape.Columns[i]
		if r.o.Wanted(w.id, c) || slices.Contains(m.shape.Key, i) || slices.Contains(keys, i) {
			m.names = append(m.names, c.Name)
		}
	}
	if old != nil {
		if old.key.same(&m.key) {
			r.board.setMeta(w, m)
		}
		r.o.Logger.Info("the table was altered while it is read", "table", w.id.String())
	}
	return m, nil
}

// findKey asks for the indexes of a table.
func (r *reader) findKey(ctx context.Context, s *table.Shape, surrogate string) (key, error) {
	rows, err := r.conn.all(ctx, "SELECT s.INDEX_NAME AS index_name, s.COLUMN_NAME AS column_name, s.COLLATION AS direction, s.SUB_PART AS sub_part, s.INDEX_TYPE AS index_type, c.COLLATION_NAME AS collation_name "+
		"FROM information_schema.STATISTICS s LEFT JOIN information_schema.COLUMNS c "+
		"ON c.TABLE_SCHEMA = s.TABLE_SCHEMA AND c.TABLE_NAME = s.TABLE_NAME AND c.COLUMN_NAME = s.COLUMN_NAME "+
		"WHERE s.TABLE_SCHEMA = "+table.Literal(s.ID.Database)+" AND s.TABLE_NAME = "+table.Literal(s.ID.Name)+" ORDER BY s.INDEX_NAME <> 'PRIMARY', s.NON_UNIQUE, s.INDEX_NAME, s.SEQ_IN_INDEX")
	if err != nil {
		return key{}, err
	}
	parts := make([]indexPart, len(rows))
	for i, row := range rows {
		parts[i] = indexPart{
			index: row["index_name"], column: row["column_name"], collation: row["direction"], prefix: row["sub_part"],
			kind: row["index_type"], textCollation: row["collation_name"],
		}
	}
	return chooseKey(s, surrogate, parts), nil
}

// selectRows returns the statement that reads the rest of a piece, most rows at the most, 0 for all.
func (m *meta) selectRows(w *work, most int) (string, error) {
	if m.own != "" {
		return m.own, nil
	}
	expressions := make([]string, len(m.names))
	for i, name := range m.names {
		expressions[i] = m.expression(name)
	}
	where, order := "", ""
	if len(m.key.columns) > 0 {
		var err error
		if where, err = m.key.where(w.from, w.to); err != nil {
			return "", sdk.Fatal(fmt.Errorf("the stored offset: %w; reset or alter the connector's offsets", err))
		}
		order = " ORDER BY " + m.key.order("")
	}
	if m.condition != "" {
		if where != "" {
			where += " AND "
		}
		where += "(" + m.condition + ")"
	}
	if where != "" {
		where = " WHERE " + where
	}
	if most > 0 {
		order += " LIMIT " + strconv.Itoa(most)
	}
	return "SELECT " + strings.Join(expressions, ", ") + " FROM " + m.source() + where + order, nil
}

// expression returns what to select for a column. Servers print a FLOAT with six digits, which are not all it has; as a DOUBLE all are printed.
func (m *meta) expression(name string) string {
	quoted := table.Quote(name)
	if i := m.shape.Column(name); i >= 0 && m.shape.Columns[i].Type == column.Float {
		return quoted + " * 1e0 AS " + quoted
	}
	return quoted
}

// source returns the table, with the index that the range is in.
func (m *meta) source() string {
	name := m.shape.ID.Quoted()
	if m.key.index != "" {
		name += " FORCE INDEX (" + table.Quote(m.key.index) + ")"
	}
	return name
}

// place finds the columns of a result in the shape.
func (m *meta) place(columns []field) error {
	m.places = make([]int, len(columns))
	for i, f := range columns {
		if m.places[i] = m.shape.Column(f.name); m.places[i] < 0 {
			return sdk.Fatal(fmt.Errorf("snapshot.select.statement.overrides: the statement returns a column %s, which the table does not have", f.name))
		}
	}
	return nil
}

// planner asks the server on the reader's connection.
func (r *reader) planner(m *meta) *planner {
	from := func(from, to bound, also string) (string, error) {
		where, err := m.key.where(from, to)
		if err != nil {
			return "", sdk.Fatal(fmt.Errorf("the stored offset: %w; reset or alter the connector's offsets", err))
		}
		if where != "" && also != "" {
			where += " AND "
		}
		if where += also; where != "" {
			where = " WHERE " + where
		}
		return " FROM " + m.source() + where, nil
	}
	return &planner{
		key: m.key,
		estimate: func(ctx context.Context, first, end bound) (int64, error) {
			source, err := from(first, end, "")
			if err != nil {
				return 0, err
			}
			row, err := r.conn.one(ctx, "EXPLAIN SELECT 1"+source)
			if err != nil {
				return 0, err
			}
			n, _ := strconv.ParseInt(row["rows"], 10, 64) // none where the optimizer sees that nothing is there
			return n, nil
		},
		first: func(ctx context.Context, first, end, prefix bound) (bound, error) {
			begins, err := m.key.begins(prefix)
			if err != nil {
				return nil, err
			}
			source, err := from(first, end, begins)
			if err != nil {
				return nil, err
			}
			return r.one(ctx, m, "SELECT "+m.key.order("")+source+" ORDER BY "+m.key.order("")+" LIMIT 1")
		},
		last: func(ctx context.Context, first, end bound) (bound, error) {
			source, err := from(first, end, "")
			if err != nil {
				return nil, err
			}
			return r.one(ctx, m, "SELECT "+m.key.order("")+source+" ORDER BY "+m.key.order(" DESC")+" LIMIT 1")
		},
	}
}

// one returns the place of the row of a query for the columns of the key, nil without a row.
func (r *reader) one(ctx context.Context, m *meta, statement string) (bound, error) {
	rs, err := r.conn.query(ctx, statement)
	if err != nil {
		return nil, err
	}
	cells := make([]column.Cell, len(r.conn.columns))
	if len(cells) != len(m.key.columns) {
		return nil, errors.Join(errMalformed, rs.drain())
	}
	more, err := rs.next(cells)
	if !more {
		return nil, err
	}
	row := make([]column.Cell, len(m.shape.Columns))
	for i, c := range m.key.columns {
		row[c.position] = cells[i]
	}
	b := m.key.of(row)
	return b, rs.drain()
}
