package change_test

import (
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/binlog"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// TestBeyond reads rows that Debezium cannot read from both protocols of MariaDB: they have to be the same.
func TestBeyond(t *testing.T) {
	options := change.Options{Prefix: "p", Connector: "mariadb", Output: change.Row, Column: column.Options{MariaDB: true}}
	shapes := map[string]*table.Shape{}
	rows := map[string][]any{}
	tree := func(c *change.Table, image change.Image) any {
		var w data.Writer
		w.Reset(nil, c.ValueSchema())
		if err := new(change.Encoder).Value(&w, c, change.Read, &change.Source{}, nil, image); err != nil {
			t.Fatal(err)
		}
		return rowTree(t, c.ValueSchema(), finish(t, &w))
	}
	for _, s := range loadTables(t, "mariadb", "beyond-tables.json.gz") {
		if s.Name == "versioned" {
			continue // its rows in the log have columns that no SELECT has
		}
		shape := s.shape(t, "beyond", true)
		c, err := change.Compile(shape, options, nil)
		if err != nil {
			t.Fatal(err)
		}
		shapes[s.Name] = &shape
		for _, image := range s.images(t) {
			rows[s.Name] = append(rows[s.Name], tree(c, image))
		}
	}
	maps := map[uint64]*table.Shape{}
	for _, e := range loadEvents(t, "mariadb", "beyond-binlog.gz") {
		if e.kind == binlog.TableMap {
			m, err := table.ParseMap(e.body, true)
			if err != nil {
				t.Fatal(err)
			}
			if known := shapes[m.ID.Name]; known != nil {
				maps[m.TableID] = adopt(t, known, m)
			}
			continue
		}
		shape := maps[table.TableID(e.body)]
		if shape == nil || e.kind != binlog.Insert {
			continue
		}
		c, err := change.Compile(*shape, options, nil)
		if err != nil {
			t.Fatal(err)
		}
		var r binlog.Rows
		if err := r.Reset(&binlog.Event{Kind: e.kind, Body: e.body, Extra: e.extra}, shape.Columns); err != nil {
			t.Fatal(err)
		}
		for {
			more, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				break
			}
			name := shape.ID.Name
			if len(rows[name]) == 0 {
				t.Fatalf("%s has more rows in the log than in the table", name)
			}
			streamed := tree(c, r.After())
			compare(name, streamed, rows[name][0], func(d difference) {
				t.Errorf("row %v: %s: stream %v, snapshot %v", streamed.(map[string]any)["id"], d.path, d.ours, d.its)
			})
			rows[name] = rows[name][1:]
		}
	}
	for name, left := range rows {
		if len(left) > 0 {
			t.Errorf("%s: %d rows are not in the log", name, len(left))
		}
	}
}
