package change_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// days is a table with values that Connect cannot have.
func days() table.Shape {
	return table.Shape{ID: table.ID{Database: "shop", Name: "days"}, Key: []int{0}, Columns: []column.Column{
		{Name: "id", Type: column.Int, SQLType: "INT"},
		{Name: "holiday", Type: column.Date, SQLType: "DATE", Nullable: true},
		{Name: "name", Type: column.String, SQLType: "VARCHAR", Length: 9},
		{Name: "opened", Type: column.Timestamp, SQLType: "TIMESTAMP"},
		{Name: "note", Type: column.String, SQLType: "VARCHAR", Length: 9, Nullable: true},
	}}
}

// encoded is the value of a change.
func encoded(t *testing.T, e *change.Encoder, c *change.Table, op change.Op, src *change.Source, before, after change.Image) []byte {
	t.Helper()
	var w data.Writer
	w.Reset(nil, c.ValueSchema())
	if err := e.Value(&w, c, op, src, before, after); err != nil {
		t.Fatal(err)
	}
	return finish(t, &w)
}

// imagesOf returns the rows before and after a change.
func imagesOf(t *testing.T, c *change.Table, value []byte) (before, after []byte) {
	t.Helper()
	if err := data.Check(c.ValueSchema(), value); err != nil {
		t.Fatal(err)
	}
	var f data.Fields
	if err := f.Index(c.ValueSchema(), value); err != nil {
		t.Fatal(err)
	}
	return f.Row(0), f.Row(1)
}

// What an update does not change is copied from the row before: both rows have to be as if they came alone.
func TestEncoderUpdate(t *testing.T) {
	const day, at, zero = "2024-05-06", "2024-05-06 07:08:09", "0000-00-00 00:00:00"
	before := row("1", day, "a", at, "b")
	c := compiled(t, days(), change.Options{}, table.Selection{})
	var e change.Encoder
	for name, c2 := range map[string]struct{ before, after, whole change.Image }{
		"nothing":                   {before, before, nil},
		"everything":                {before, row("2", "2025-05-06", "c", "2025-05-06 07:08:09", "d"), nil},
		"the first":                 {before, row("2", day, "a", at, "b"), nil},
		"the last":                  {before, row("1", day, "a", at, "c"), nil},
		"one in the middle":         {before, row("1", day, "c", at, "b"), nil},
		"all but one in the middle": {before, row("2", "2025-05-06", "a", zero, "-"), nil},
		"a value to a null":         {before, row("1", "-", "a", at, "-"), nil},
		"a null to a value":         {row("1", "-", "a", at, "-"), before, nil},
		"nulls that stay":           {row("1", "-", "a", at, "-"), row("1", "-", "b", at, "-"), nil},
		"only nulls stay":           {row("1", "-", "a", at, "-"), row("2", "-", "b", zero, "-"), nil},
		"a day without a date":      {row("1", zero, "a", zero, "b"), row("1", zero, "c", zero, "b"), nil},
		"what is absent":            {before, row("", "", "c", "", ""), row("1", day, "c", at, "b")},
		"absent nulls":              {row("1", "-", "a", at, "-"), row("", "", "c", "", ""), row("1", "-", "c", at, "-")},
	} {
		t.Run(name, func(t *testing.T) {
			if c2.whole == nil {
				c2.whole = c2.after
			}
			gotBefore, gotAfter := imagesOf(t, c, encoded(t, &e, c, change.Update, &change.Source{}, c2.before, c2.after))
			wantBefore, _ := imagesOf(t, c, encoded(t, &e, c, change.Delete, &change.Source{}, c2.before, nil))
			_, wantAfter := imagesOf(t, c, encoded(t, &e, c, change.Create, &change.Source{}, nil, c2.whole))
			if !bytes.Equal(gotBefore, wantBefore) {
				t.Errorf("before is %x, alone it is %x", gotBefore, wantBefore)
			}
			if !bytes.Equal(gotAfter, wantAfter) {
				t.Errorf("after is %x, alone it is %x", gotAfter, wantAfter)
			}
		})
	}
}

func TestEncoderUpdateOfAnotherShape(t *testing.T) {
	c := compiled(t, items(), change.Options{}, table.Selection{})
	for name, images := range map[string][2]change.Image{
		"before": {row("1", "a"), row("1", "a", "b")},
		"after":  {row("1", "a", "b"), row("1", "a")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := shown(t, c, change.Update, images[0], images[1])
			if err == nil || err.Error() != "table shop.items has 3 columns, the row has 2" {
				t.Error(err)
			}
		})
	}
}

// A row that no record has room for is told before it is in a batch, where nothing could leave it out any more.
func TestEncoderTooLarge(t *testing.T) {
	shape := table.Shape{ID: table.ID{Database: "shop", Name: "files"}, Columns: []column.Column{{Name: "content", Type: column.Blob, SQLType: "LONGBLOB"}}}
	large := change.Image{{Bytes: make([]byte, 20<<20), State: column.Text}}
	largest := change.Image{{Bytes: make([]byte, 31<<20), State: column.Text}}
	for name, c := range map[string]struct {
		output        change.Output
		before, after change.Image
		want          string // a part of the error
	}{
		"an insert":              {change.Envelope, nil, large, ""},
		"a larger one":           {change.Envelope, nil, largest, "a record takes 32505856: leave a column out with column.exclude.list, or set output=row"},
		"an update":              {change.Envelope, large, large, "table shop.files: the value has 419"},
		"an update as a row":     {change.Row, large, large, ""},
		"a larger one as a row":  {change.Row, nil, largest, "a record takes 32505856: leave a column out with column.exclude.list"},
		"a row that is no more":  {change.Envelope, large, nil, ""},
		"a larger one that went": {change.Envelope, largest, nil, "the value has 325"},
	} {
		t.Run(name, func(t *testing.T) {
			op := change.Update
			switch {
			case c.before == nil:
				op = change.Create
			case c.after == nil:
				op = change.Delete
			}
			made := compiled(t, shape, change.Options{Output: c.output}, table.Selection{})
			var w data.Writer
			w.Reset(nil, made.ValueSchema())
			err := new(change.Encoder).Value(&w, made, op, &change.Source{}, c.before, c.after)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, expected %q", err, c.want)
			}
		})
	}
}

// An encoder keeps the source of the row before. Whatever differs from it, the value has to be that of an encoder that keeps nothing.
func TestEncoderSource(t *testing.T) {
	orders, other := compiled(t, items(), change.Options{}, table.Selection{}), compiled(t, days(), change.Options{}, table.Selection{})
	first := change.Source{
		Micros: 1717200000456000, Snapshot: "first", ServerID: 7, GTID: "0-1-2", File: "binlog.000002", Pos: 4, Row: 1, Thread: 9, Query: "INSERT",
		TransactionID: "0-1-2", TotalOrder: 5, TableOrder: 6, Now: 1717200000457000000,
	}
	for name, set := range map[string]func(*change.Source){
		"nothing":     func(*change.Source) {},
		"row":         func(s *change.Source) { s.Row = 70000 },
		"time":        func(s *change.Source) { s.Micros++ },
		"snapshot":    func(s *change.Source) { s.Snapshot = "" },
		"server":      func(s *change.Source) { s.ServerID++ },
		"GTID":        func(s *change.Source) { s.GTID = "" },
		"file":        func(s *change.Source) { s.File = "binlog.000003" },
		"position":    func(s *change.Source) { s.Pos++ },
		"thread":      func(s *change.Source) { s.Thread = 0 },
		"query":       func(s *change.Source) { s.Query = "" },
		"transaction": func(s *change.Source) { s.TransactionID, s.TotalOrder, s.TableOrder = "0-1-3", 1, 1 },
		"clock":       func(s *change.Source) { s.Now++ },
	} {
		t.Run(name, func(t *testing.T) {
			second := first
			set(&second)
			var e change.Encoder
			for _, step := range []struct {
				table *change.Table
				src   change.Source
				image change.Image
			}{
				{orders, first, row("1", "a", "b")}, {orders, second, row("2", "a", "-")}, {orders, second, row("3", "a", "-")}, {orders, first, row("4", "a", "b")},
				{other, first, row("1", "-", "a", "2024-05-06 07:08:09", "b")}, {orders, second, row("5", "a", "b")},
			} {
				got := encoded(t, &e, step.table, change.Create, &step.src, nil, step.image)
				want := encoded(t, new(change.Encoder), step.table, change.Create, &step.src, nil, step.image)
				if !bytes.Equal(got, want) {
					t.Errorf("%x, anew it is %x", got, want)
				}
			}
		})
	}
}
