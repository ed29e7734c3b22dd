package change_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// items is a small table: id INT, name VARCHAR(9), note VARCHAR(9) NULL.
func items() table.Shape {
	return table.Shape{ID: table.ID{Database: "shop", Name: "items"}, Key: []int{0}, Columns: []column.Column{
		{Name: "id", Type: column.Int, SQLType: "INT"},
		{Name: "name", Type: column.String, SQLType: "VARCHAR", Length: 9},
		{Name: "note", Type: column.String, SQLType: "VARCHAR", Length: 9, Nullable: true},
	}}
}

// row makes an image; "-" is NULL, "" absent.
func row(values ...string) change.Image {
	var image change.Image
	for _, v := range values {
		switch v {
		case "-":
			image = append(image, column.Cell{State: column.Null})
		case "":
			image = append(image, column.Cell{})
		default:
			image = append(image, column.Cell{Bytes: []byte(v), State: column.Text})
		}
	}
	return image
}

func filter(t *testing.T, s table.Selection) *table.Filter {
	t.Helper()
	f, err := table.NewFilter(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func compiled(t *testing.T, shape table.Shape, o change.Options, s table.Selection) *change.Table {
	t.Helper()
	o.Prefix, o.Connector = "p", "mysql"
	c, err := change.Compile(shape, o, filter(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shown is a record in words: key and value.
func shown(t *testing.T, c *change.Table, op change.Op, before, after change.Image) (string, error) {
	t.Helper()
	var w data.Writer
	w.Reset(nil, c.ValueSchema())
	if err := new(change.Encoder).Value(&w, c, op, &change.Source{}, before, after); err != nil {
		return "", err
	}
	v, err := data.AppendText(nil, data.Value{Kind: data.KindRow, Schema: c.ValueSchema(), Data: finish(t, &w)})
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(v), ",source=")
	return text, nil
}

func TestValue(t *testing.T) {
	for name, c := range map[string]struct {
		output        change.Output
		op            change.Op
		before, after change.Image
		want          string // "!" and a part of the error
	}{
		"insert":                       {change.Envelope, change.Create, nil, row("1", "a", "b"), "Struct{after=Struct{id=1,name=a,note=b}"},
		"update":                       {change.Envelope, change.Update, row("1", "a", "b"), row("1", "c", "-"), "Struct{before=Struct{id=1,name=a,note=b},after=Struct{id=1,name=c}"},
		"delete":                       {change.Envelope, change.Delete, row("1", "a", "b"), nil, "Struct{before=Struct{id=1,name=a,note=b}"},
		"truncate":                     {change.Envelope, change.Truncate, nil, nil, "Struct{source="},
		"update without what stayed":   {change.Envelope, change.Update, row("1", "a", "b"), row("", "c", ""), "Struct{before=Struct{id=1,name=a,note=b},after=Struct{id=1,name=c,note=b}"},
		"update of the key alone":      {change.Envelope, change.Update, row("1", "", ""), row("", "c", ""), "!binlog_row_image=FULL"},
		"insert without a column":      {change.Envelope, change.Create, nil, row("1", "a", ""), "!column note VARCHAR"},
		"a row of another shape":       {change.Envelope, change.Create, nil, row("1", "a"), "!has 3 columns, the row has 2"},
		"row: insert":                  {change.Row, change.Create, nil, row("1", "a", "-"), "Struct{id=1,name=a}"},
		"row: update":                  {change.Row, change.Update, row("1", "a", "b"), row("1", "", "c"), "Struct{id=1,name=a,note=c}"},
		"row: a delete has no value":   {change.Row, change.Delete, row("1", "a", "b"), nil, "!no value"},
		"row: a truncate has no value": {change.Row, change.Truncate, nil, nil, "!no value"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := shown(t, compiled(t, items(), change.Options{Output: c.output}, table.Selection{}), c.op, c.before, c.after)
			if want, fails := strings.CutPrefix(c.want, "!"); fails {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, expected %s", err, want)
				}
			} else if err != nil || !strings.HasPrefix(got, want) {
				t.Errorf("%s, %v; expected %s", got, err, want)
			}
		})
	}
}

func TestAbsentCell(t *testing.T) {
	_, err := shown(t, compiled(t, items(), change.Options{}, table.Selection{}), change.Create, nil, row("1", "", "-"))
	if !errors.Is(err, column.ErrAbsent) || !strings.HasPrefix(err.Error(), "table shop.items: column name VARCHAR: ") {
		t.Error(err)
	}
}

// The row as a value has the schema of the envelope's rows.
func TestRowSchema(t *testing.T) {
	e := compiled(t, items(), change.Options{}, table.Selection{})
	r := compiled(t, items(), change.Options{Output: change.Row}, table.Selection{})
	after := e.ValueSchema().Fields()[e.ValueSchema().Lookup("after")].Schema
	if !r.ValueSchema().Equal(after) || r.ValueSchema().Name() != "p.shop.items.Value" {
		t.Errorf("%v, in the envelope %v", r.ValueSchema(), after)
	}
}

func TestFilteredColumns(t *testing.T) {
	c := compiled(t, items(), change.Options{Output: change.Row}, table.Selection{
		ColumnExclude: "shop.items.id,shop.items.note",
		Masks:         []table.MaskRule{{Columns: "shop.items.*", Mask: column.Mask{Kind: column.MaskFixed, Length: 3}}},
	})
	// What is left out stays in the key, and the key is not masked.
	if got, err := shown(t, c, change.Create, nil, row("1", "a", "b")); err != nil || got != "Struct{name=***}" {
		t.Error(got, err)
	}
	var w data.Writer
	w.Reset(nil, c.KeySchema())
	if err := c.Key(&w, row("1", "a", "b")); err != nil {
		t.Fatal(err)
	}
	same(t, "key", rowTree(t, c.KeySchema(), finish(t, &w)), tree(t, []byte(`{"id": 1}`)))

	c = compiled(t, items(), change.Options{}, table.Selection{Masks: []table.MaskRule{{Columns: "shop.items.*", Mask: column.Mask{Kind: column.MaskFixed}}}})
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "column id of shop.items is not masked") {
		t.Error(c.Warnings)
	}
}

func TestKey(t *testing.T) {
	keyless := items()
	keyless.Key = nil
	for name, c := range map[string]struct {
		shape table.Shape
		rules string
		want  []int // nil: no key
	}{
		"primary key":         {items(), "", []int{0}},
		"no key":              {keyless, "", nil},
		"message.key.columns": {keyless, "shop.items:note,NAME", []int{2, 1}},
		"of another table":    {items(), "shop.item:note", []int{0}},
		"the first rule":      {items(), "other.*:id; shop\\.i.*:name ; shop.items:note", []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			rules, err := change.ParseKeyColumns(c.rules)
			if err != nil {
				t.Fatal(err)
			}
			made := compiled(t, c.shape, change.Options{KeyColumns: rules}, table.Selection{})
			if !slices.Equal(made.KeyColumns(), c.want) || (made.KeySchema() == nil) != (c.want == nil) {
				t.Errorf("%v %v", made.KeyColumns(), made.KeySchema())
			}
		})
	}
	for text, want := range map[string]string{
		"shop.items":     "no colon",
		"shop.items:":    "names no columns",
		"shop.(items:id": "regular expression",
	} {
		if _, err := change.ParseKeyColumns(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestKeyChanged(t *testing.T) {
	shape := items()
	shape.Key = []int{2, 0}
	c := compiled(t, shape, change.Options{}, table.Selection{})
	for name, x := range map[string]struct {
		before, after change.Image
		want          bool
	}{
		"another column":    {row("1", "a", "b"), row("1", "c", "b"), false},
		"the second":        {row("1", "a", "b"), row("2", "a", "b"), true},
		"to NULL":           {row("1", "a", "b"), row("1", "a", "-"), true},
		"absent from after": {row("1", "a", "b"), row("", "c", ""), false},
	} {
		if got := c.KeyChanged(x.before, x.after); got != x.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	rules, err := change.ParseKeyColumns("shop.items:colour")
	if err != nil {
		t.Fatal(err)
	}
	twins := items()
	twins.Columns[1].Name, twins.Columns[2].Name = "a-b", "a.b"
	strange := items()
	strange.Columns[1].Type = column.Unknown
	for name, c := range map[string]struct {
		shape   table.Shape
		options change.Options
		want    string
	}{
		"no such key column":    {items(), change.Options{KeyColumns: rules}, "message.key.columns names the column colour"},
		"names become the same": {twins, change.Options{FieldNames: change.NamesAvro}, `two fields named "a_b"`},
		"a type of the future":  {strange, change.Options{}, "column name has the type VARCHAR, which is not known"},
	} {
		if _, err := change.Compile(c.shape, c.options, nil); err == nil || !strings.HasPrefix(err.Error(), "table shop.items: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNames(t *testing.T) {
	shape := table.Shape{ID: table.ID{Database: "1 shop", Name: "große.Namen"}, Columns: []column.Column{{Name: "2_a é.b", Type: column.Int}}, Key: []int{0}}
	for name, c := range map[string]struct {
		options              change.Options
		topic, schema, field string
	}{
		"as they are":  {change.Options{Prefix: "p-1"}, "p-1.1_shop.gro_e.Namen", "p-1.1_shop.gro_e.Namen.Key", "2_a é.b"},
		"delimiter":    {change.Options{Prefix: "p", Delimiter: "-"}, "p-1_shop-gro_e.Namen", "p-1_shop-gro_e.Namen.Key", "2_a é.b"},
		"avro":         {change.Options{Prefix: "p-1", SchemaNames: change.NamesAvro, FieldNames: change.NamesAvro}, "p-1.1_shop.gro_e.Namen", "p_1.1_shop.gro_e.Namen.Key", "_2_a___b"},
		"avro_unicode": {change.Options{Prefix: "p-1", SchemaNames: change.NamesAvroUnicode, FieldNames: change.NamesAvroUnicode}, "p-1.1_shop.gro_e.Namen", "p_u002d1.1_u005fshop.gro_u005fe.Namen.Key", "_u0032_u005fa_u0020_u00e9_u002eb"},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := change.Compile(shape, c.options, nil)
			if err != nil {
				t.Fatal(err)
			}
			if made.Topic != c.topic || made.KeySchema().Name() != c.schema || made.KeySchema().Fields()[0].Name != c.field {
				t.Errorf("%s %s %s", made.Topic, made.KeySchema().Name(), made.KeySchema().Fields()[0].Name)
			}
		})
	}
}
