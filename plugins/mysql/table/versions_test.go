package table

import (
	"reflect"
	"testing"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// The map is MariaDB's of CREATE TABLE h (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING. What is hidden is known from information_schema, or,
// when the table is gone, from the map itself; a table that has the same columns for its own purposes keeps them.
func TestSystemVersioned(t *testing.T) {
	t.Parallel()
	body := append([]byte{7, 0, 0, 0, 0, 0, 0, 0, 4}, "shop\x00\x01h\x00\x04\x03\x03\x11\x11\x02\x06\x06\x02\x01\x01\x00\x04\x17\x02id\x01v\trow_start\x07row_end\x08\x02\x00\x03"...)
	shape := func(columns ...column.Column) *Shape {
		return &Shape{ID: ID{"shop", "h"}, Columns: append([]column.Column{{Name: "id", Type: column.Int, SQLType: "INT"}, {Name: "v", Type: column.Int, SQLType: "INT", Nullable: true}}, columns...), Key: []int{0}}
	}
	moment := column.Column{Type: column.Timestamp, SQLType: "TIMESTAMP", Scale: 6}
	own := func(name string, end bool) column.Column {
		c := moment
		c.Name, c.RowEnd = name, end
		return c
	}
	versioned := shape()
	versioned.hide()
	for name, c := range map[string]struct {
		known   *Shape
		mariadb bool
		hidden  int
		key     []int
	}{
		"known":                  {versioned, true, 2, []int{0}},
		"dropped":                {nil, true, 2, []int{0}},
		"not versioned any more": {shape(), true, 2, []int{0}},
		"columns of its own":     {shape(own("row_start", false), own("row_end", false)), true, 0, []int{0, 3}},
		"named":                  {shape(own("row_start", false), own("row_end", true)), true, 0, []int{0}},
		"MySQL":                  {nil, false, 0, []int{0, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := ParseMap(body, c.mariadb)
			if err != nil {
				t.Fatal(err)
			}
			s, _, err := m.Shape(charsets, c.known)
			if err != nil {
				t.Fatal(err)
			}
			hidden := 0
			for _, column := range s.Columns {
				if column.Hidden {
					hidden++
				}
			}
			if hidden != c.hidden || !reflect.DeepEqual(s.Key, c.key) || s.Columns[2].Hidden != (hidden > 0) || s.Columns[1].Hidden {
				t.Errorf("%d columns are hidden and the key is %v: %+v", hidden, s.Key, s.Columns)
			}
		})
	}
}

// Statements and offsets keep what is hidden at the end.
func TestHiddenColumnsStay(t *testing.T) {
	t.Parallel()
	s := shapeOf(t, "CREATE TABLE h (id INT PRIMARY KEY)")
	s.hide()
	c := catalogOf(nil)
	c.Add([]Shape{*s})
	c.Apply(ParseStatement("ALTER TABLE h ADD COLUMN v INT", "shop", true))
	text, err := c.Text()
	if err != nil {
		t.Fatal(err)
	}
	again := catalogOf(nil)
	if err := again.Load(text); err != nil {
		t.Fatal(err)
	}
	got := again.tables[s.ID].shape.Columns
	if len(got) != 4 || got[1].Name != "v" || got[1].Hidden || !got[2].Hidden || got[2].RowEnd || !got[3].Hidden || !got[3].RowEnd {
		t.Errorf("the columns are %+v", got)
	}
}
