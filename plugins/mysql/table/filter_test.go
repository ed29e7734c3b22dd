package table

import (
	"slices"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
)

func TestSplitList(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]string{
		"":                 nil,
		" , ":              nil,
		"a":                {"a"},
		" a , b ":          {"a", "b"},
		`a{1\,2},b`:        {"a{1,2}", "b"},
		`shop\.orders,x.*`: {`shop\.orders`, "x.*"},
		`a\\,b`:            {`a\\`, "b"},
	} {
		if got := SplitList(list); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", list, got, want)
		}
	}
}

func TestCaptures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		selection Selection
		yes, no   []string
	}{
		"everything":          {Selection{}, []string{"shop.orders"}, []string{"mysql.user", "sys.x", "INFORMATION_SCHEMA.COLUMNS", "performance_schema.y"}},
		"built in":            {Selection{BuiltIn: true}, []string{"mysql.user"}, nil},
		"databases":           {Selection{DatabaseInclude: "shop,stock.*"}, []string{"shop.x", "stock2.y"}, []string{"shops.x", "x.shop"}},
		"databases left out":  {Selection{DatabaseExclude: "test.*"}, []string{"shop.x"}, []string{"test.x", "tests.x"}},
		"tables":              {Selection{TableInclude: `shop\.orders, shop\.c.*`}, []string{"shop.orders", "SHOP.Customers"}, []string{"shop.orders2", "myshop.orders"}},
		"tables left out":     {Selection{TableExclude: `shop\.tmp_.*`}, []string{"shop.orders"}, []string{"shop.tmp_1"}},
		"both":                {Selection{DatabaseInclude: "shop", TableInclude: `.*\.orders`}, []string{"shop.orders"}, []string{"stock.orders", "shop.x"}},
		"a comma in a regexp": {Selection{TableInclude: `shop\.t\d{1\,2}`}, []string{"shop.t7", "shop.t42"}, []string{"shop.t123"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := NewFilter(c.selection)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range append(c.yes, c.no...) {
				id, _ := ParseID(text)
				if got, want := f.Captures(id), slices.Contains(c.yes, text); got != want {
					t.Errorf("%s: %v", text, got)
				}
			}
		})
	}
}

func TestColumnRules(t *testing.T) {
	t.Parallel()
	masked := column.Mask{Kind: column.MaskFixed, Length: 3}
	f, err := NewFilter(Selection{
		ColumnExclude: `shop\.orders\.secret`, Masks: []MaskRule{{`.*\.name`, masked}, {`.*`, column.Mask{Kind: column.MaskTruncate, Length: 1}}},
		PropagateColumns: `shop\.orders\.id`, PropagateTypes: `INT,shop\.orders\.DECIMAL`,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		column column.Column
		want   Rule
	}{
		"left out":          {column.Column{Name: "secret"}, Rule{Mask: column.Mask{Kind: column.MaskTruncate, Length: 1}}},
		"first mask":        {column.Column{Name: "name"}, Rule{Included: true, Mask: masked}},
		"column propagated": {column.Column{Name: "id", SQLType: "BIGINT"}, Rule{Included: true, PropagateType: true, Mask: column.Mask{Kind: column.MaskTruncate, Length: 1}}},
		"type propagated":   {column.Column{Name: "x", SQLType: "INT"}, Rule{Included: true, PropagateType: true, Mask: column.Mask{Kind: column.MaskTruncate, Length: 1}}},
		"of the table":      {column.Column{Name: "x", SQLType: "DECIMAL"}, Rule{Included: true, PropagateType: true, Mask: column.Mask{Kind: column.MaskTruncate, Length: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := f.Column(ID{"shop", "orders"}, &c.column); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestWrongPatterns(t *testing.T) {
	t.Parallel()
	_, err := NewFilter(Selection{TableInclude: "a(", DatabaseExclude: "^(?!mysql).*"})
	if err == nil {
		t.Fatal("they were taken")
	}
	for _, want := range []string{`table.include.list: regular expression "a("`, `database.exclude.list`, "name what is to be left out in the exclude list"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ID{"a.b": {"a", "b"}, " `a` . `b` ": {"a", "b"}, "`a.b`.`c.d`": {"a.b", "c.d"}, "a.b.c": {"a", "b.c"}, "`a": {}, "`a`.`b`c": {}, "`a`.`b`": {"a", "b"}, "a": {}, ".b": {}, "a.": {}} {
		if id, ok := ParseID(text); ok != (want != ID{}) || ok && id != want {
			t.Errorf("%q: %v, %v", text, id, ok)
		}
	}
	if got, want := (ID{"a`b", "c"}).Quoted(), "`a``b`.`c`"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := Literal("it's"), "'it''s'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := Literal(`a\b`), "_utf8mb4 X'615C62'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
