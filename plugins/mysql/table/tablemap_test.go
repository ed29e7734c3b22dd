package table

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

// recordedMaps returns the table maps of a log in package binlog's testdata.
func recordedMaps(t testing.TB, name string, mariadb bool) []*Map {
	t.Helper()
	log, err := os.ReadFile(filepath.Join("..", "binlog", "testdata", name+".binlog"))
	if err != nil {
		t.Fatal(err)
	}
	const header, checksum, tableMapEvent = 19, 4, 19
	var maps []*Map
	for log = log[4:]; len(log) > 0; {
		size := binary.LittleEndian.Uint32(log[9:])
		if log[4] == tableMapEvent {
			m, err := ParseMap(log[header:size-checksum], mariadb)
			if err != nil {
				t.Fatal(err)
			}
			maps = append(maps, m)
		}
		log = log[size:]
	}
	return maps
}

// charsets are those of the recorded logs.
var charsets = NewCharsets(map[uint64]Charset{8: {"latin1", 1}, 45: {"utf8mb4", 4}, 255: {"utf8mb4", 4}, 63: {"binary", 1}})

func TestFullShape(t *testing.T) {
	t.Parallel()
	for name, mariadb := range map[string]bool{"mariadb": true, "mysql": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, complete, err := recordedMaps(t, name, mariadb)[0].Shape(charsets)
			if err != nil || complete {
				t.Fatal(complete, err)
			}
			want := "id INT UNSIGNED not null, n TINYINT, d DECIMAL(8,2), v VARCHAR(300,0) utf8mb4, w VARCHAR(20,0) latin1, b BLOB, e ENUM[\"x\" \"y\"] utf8mb4, " +
				"s SET[\"p\" \"q\"] utf8mb4, k BIT(9,0), ts DATETIME(0,3), z VARCHAR(5,0) utf8mb4"
			if got := showColumns(s.Columns); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if fmt.Sprint(s.ID, s.Key) != "recorded.t [0]" {
				t.Errorf("%s has the key %v", s.ID, s.Key)
			}
		})
	}
}

// What the map lacks comes from what is known, where it fits.
func TestCompletedShape(t *testing.T) {
	t.Parallel()
	m := recordedMaps(t, "mysql", false)[0]
	literal := "7"
	known := &Shape{ID: m.ID, Charset: "utf8mb4", Columns: []column.Column{
		{Name: "ID", Type: column.Int, SQLType: "INT UNSIGNED", Unsigned: true, AutoIncrement: true},
		{Name: "n", Type: column.TinyInt, SQLType: "TINYINT", Length: 1, Default: &literal},
		{Name: "d", Type: column.Decimal, SQLType: "DECIMAL", Length: 8, Scale: 3, Default: &literal}, // another scale
		{Name: "w", Type: column.String, SQLType: "VARCHAR", Length: 20, Charset: "utf8mb4", Default: &literal},
	}}
	s, complete, err := m.Shape(charsets, nil, known)
	if err != nil || complete {
		t.Fatal(complete, err)
	}
	got := showColumns(s.Columns[:5])
	want := `id INT UNSIGNED not null auto, n TINYINT(1,0) default "7", d DECIMAL(8,2), v VARCHAR(300,0) utf8mb4, w VARCHAR(20,0) latin1`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, complete, err = m.Shape(charsets, s); err != nil || !complete {
		t.Errorf("its own shape does not complete it: %v", err)
	}
}

func TestUnknownCollation(t *testing.T) {
	t.Parallel()
	_, _, err := recordedMaps(t, "mysql", false)[0].Shape(NewCharsets(nil))
	if err == nil || !strings.Contains(err.Error(), "collation 255 is not known") {
		t.Errorf("error %v", err)
	}
}

func TestDamagedMaps(t *testing.T) {
	t.Parallel()
	m := recordedMaps(t, "mysql", false)[0]
	if m.Full() == false {
		t.Fatal("the map has no names")
	}
	log, err := os.ReadFile(filepath.Join("..", "binlog", "testdata", "mysql.binlog"))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(log, []byte("recorded\x00\x01t\x00"))
	body := log[at-9 : at+120]
	for n := range body {
		if m, err := ParseMap(body[:n], false); err == nil && m.Full() && n < 60 {
			t.Errorf("%d bytes were taken", n)
		}
	}
}

func FuzzParseMap(f *testing.F) {
	for name, mariadb := range map[string]bool{"mariadb": true, "mysql": false, "mysql-anonymous": false} {
		log, err := os.ReadFile(filepath.Join("..", "binlog", "testdata", name+".binlog"))
		if err != nil {
			f.Fatal(err)
		}
		at := bytes.Index(log, []byte("recorded\x00\x01t\x00"))
		f.Add(log[at-9:at+120], mariadb)
	}
	f.Fuzz(func(t *testing.T, body []byte, mariadb bool) {
		m, err := ParseMap(body, mariadb)
		if err != nil {
			return
		}
		if s, _, err := m.Shape(charsets); err == nil {
			if _, complete, err := m.Shape(charsets, s); err != nil || !complete {
				t.Errorf("the shape of a map does not fit it: %v", err)
			}
			if _, err := m.Adopt(s); err != nil {
				t.Errorf("the shape of a map is not adopted: %v", err)
			}
		}
	})
}

// catalogOf returns a catalog of shop whose information_schema has the shapes given, by name, at any time.
func catalogOf(now map[string]*Shape) *Catalog {
	return NewCatalog(charsets, false, func(id ID) bool { return id.Database == "shop" }, func(_ context.Context, id ID) (*Shape, error) {
		if s, ok := now[id.Name]; ok && s == nil {
			return nil, errors.New("the server is gone")
		}
		return now[id.Name], nil
	})
}

// shapeOf makes a shape of a statement.
func shapeOf(t *testing.T, statement string) *Shape {
	t.Helper()
	changes := ParseStatement(statement, "shop", false)
	c := catalogOf(nil)
	c.Apply(changes)
	return c.tables[changes[0].Table].shape
}

// mapOf makes the table map that a server without names in its log would write for a table.
func mapOf(t *testing.T, statement string) *Map {
	t.Helper()
	s := shapeOf(t, statement)
	m := &Map{ID: s.ID, Nullable: make([]byte, (len(s.Columns)+7)/8)}
	for _, c := range s.Columns {
		wire, meta := byte(column.WireLong), uint16(0)
		switch c.Type {
		case column.BigInt:
			wire = column.WireLongLong
		case column.String:
			wire, meta = column.WireVarchar, uint16(c.Length*charsets.bytes(c.Charset))
		case column.Enum:
			wire, meta = column.WireString, column.WireEnum<<8|1
		}
		m.Types, m.Meta = append(m.Types, wire), append(m.Meta, meta)
	}
	return m
}

// Without names in the log, a shape is what it was, what statements made of it, or what information_schema has, but never one that does not fit.
func TestCatalog(t *testing.T) {
	t.Parallel()
	const first = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10)) DEFAULT CHARSET latin1"
	for name, c := range map[string]struct {
		start      string
		statements []string
		now        string // of information_schema; "": the table is gone
		rows       string // what the rows in the log look like
		want       string
		fails      string
	}{
		"as it was":               {first, nil, "CREATE TABLE t (id INT, later INT)", first, "id INT not null, v VARCHAR(10,0) latin1", ""},
		"not known yet":           {"", nil, first, first, "id INT not null, v VARCHAR(10,0) latin1", ""},
		"altered unseen":          {first, nil, "CREATE TABLE t (id INT, w BIGINT)", "CREATE TABLE t (id INT, w BIGINT)", "id INT, w BIGINT", ""},
		"altered unseen, twice":   {first, nil, "CREATE TABLE t (id INT)", "CREATE TABLE t (id INT, w BIGINT)", "", "its column 2, v, is VARCHAR"},
		"altered unseen, dropped": {first, nil, "", "CREATE TABLE t (id INT, w BIGINT)", "", "its column 2, v, is VARCHAR"},
		"renamed, and again later": {
			first, []string{"ALTER TABLE t RENAME COLUMN v TO w"}, "CREATE TABLE t (id INT, x VARCHAR(10)) DEFAULT CHARSET latin1", first, "id INT not null, w VARCHAR(10,0) latin1", "",
		},
		"added, then dropped": {
			first, []string{"ALTER TABLE t ADD n BIGINT FIRST"}, first, "CREATE TABLE t (n BIGINT, id INT, v VARCHAR(10)) DEFAULT CHARSET latin1",
			"n BIGINT, id INT not null, v VARCHAR(10,0) latin1", "",
		},
		"information_schema tells more": {
			first, []string{"ALTER TABLE t ADD n BIGINT"}, "CREATE TABLE t (id INT, v VARCHAR(10), n BIGINT DEFAULT 5) DEFAULT CHARSET latin1",
			"CREATE TABLE t (id INT, v VARCHAR(10), n BIGINT) DEFAULT CHARSET latin1", "id INT, v VARCHAR(10,0) latin1, n BIGINT default \"5\"", "",
		},
		"converted later": {
			"", []string{"CREATE TABLE t (v VARCHAR(10)) DEFAULT CHARSET utf8mb4"}, "CREATE TABLE t (v VARCHAR(10)) DEFAULT CHARSET latin1",
			"CREATE TABLE t (v VARCHAR(10)) DEFAULT CHARSET utf8mb4", "v VARCHAR(10,0) utf8mb4", "",
		},
		"not understood": {
			first, []string{"ALTER TABLE t ADD SYSTEM VERSIONING"}, "CREATE TABLE t (id INT, n BIGINT)", "CREATE TABLE t (id INT, n BIGINT)", "id INT, n BIGINT", "",
		},
		"not understood, and later": {first, []string{"ALTER TABLE t ADD SYSTEM VERSIONING"}, first, "CREATE TABLE t (id INT, n BIGINT)", "", "its column 2"},
		"dropped and made": {
			first, []string{"DROP TABLE t", "CREATE TABLE t (a INT)"}, "CREATE TABLE t (b INT)", "CREATE TABLE t (a INT)", "a INT", "",
		},
		"made like another": {
			"CREATE TABLE u (a INT, b BIGINT)", []string{"CREATE TABLE t LIKE u"}, "", "CREATE TABLE t (a INT, b BIGINT)", "a INT, b BIGINT", "",
		},
		"renamed from a captured table": {"CREATE TABLE u (a INT)", []string{"RENAME TABLE u TO t"}, "", "CREATE TABLE t (a INT)", "a INT", ""},
		"renamed from elsewhere":        {first, []string{"RENAME TABLE t TO x.old, x.new TO t"}, "CREATE TABLE t (a INT)", "CREATE TABLE t (a INT)", "a INT", ""},
		"database dropped":              {first, []string{"DROP DATABASE shop"}, "", first, "", "does not exist any more"},
		"another table":                 {first, []string{"ALTER TABLE other.t ADD n INT"}, "", first, "id INT not null, v VARCHAR(10,0) latin1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := map[string]*Shape{}
			if c.now != "" {
				now["t"] = shapeOf(t, c.now)
			}
			catalog := catalogOf(now)
			if c.start != "" {
				catalog.Add([]Shape{*shapeOf(t, c.start)})
			}
			for _, statement := range c.statements {
				catalog.Apply(ParseStatement(statement, "shop", false))
			}
			// Whatever is known goes through an offset.
			text, err := catalog.Text()
			if err != nil {
				t.Fatal(err)
			}
			restored := catalogOf(now)
			if err := restored.Load(text); err != nil {
				t.Fatal(err)
			}
			m := mapOf(t, c.rows)
			s, err := catalog.Shape(t.Context(), m)
			again, errAgain := restored.Shape(t.Context(), m)
			var mismatch *Mismatch
			if c.fails != "" {
				if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("error %v, expected %q", err, c.fails)
				}
				return
			}
			if err != nil || errAgain != nil {
				t.Fatal(err, errAgain)
			}
			for i := range s.Columns {
				s.Columns[i].Nullable = !strings.Contains(c.want, s.Columns[i].Name+" "+s.Columns[i].SQLType+" not null")
			}
			if got := showColumns(s.Columns); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if got, want := len(again.Columns), len(s.Columns); got != want {
				t.Errorf("from an offset it has %d columns, not %d", got, want)
			}
		})
	}
}

// The primary key of its time stays, even when information_schema has the same columns with another one.
func TestCatalogKey(t *testing.T) {
	t.Parallel()
	catalog := catalogOf(map[string]*Shape{"t": shapeOf(t, "CREATE TABLE t (a INT, b INT, PRIMARY KEY (b, a))")})
	catalog.Apply(ParseStatement("CREATE TABLE t (a INT, b INT, PRIMARY KEY (b))", "shop", false))
	s, err := catalog.Shape(t.Context(), mapOf(t, "CREATE TABLE t (a INT, b INT)"))
	if err != nil || fmt.Sprint(s.Key) != "[1]" {
		t.Errorf("key %v, %v", s, err)
	}
}

// A server that does not answer is no mismatch.
func TestCatalogUnanswered(t *testing.T) {
	t.Parallel()
	_, err := catalogOf(map[string]*Shape{"t": nil}).Shape(t.Context(), mapOf(t, "CREATE TABLE t (a INT)"))
	var mismatch *Mismatch
	if err == nil || errors.As(err, &mismatch) {
		t.Errorf("error %v", err)
	}
}

func TestCatalogDamaged(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"letters": "?", "compression": "AAAA", "nothing": "AwA"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := catalogOf(nil).Load(text); err == nil {
				t.Error("it was taken")
			}
		})
	}
}
