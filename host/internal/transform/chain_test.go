package transform

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func TestNewChainErrors(t *testing.T) {
	for name, c := range map[string]struct {
		config map[string]string
		want   []string // parts of the message, each in a line of its own
	}{
		"no type":          {map[string]string{"transforms": "a"}, []string{`Missing required configuration "transforms.a.type"`}},
		"unknown class":    {map[string]string{"transforms": "a", "transforms.a.type": "RegexRuter"}, []string{"transforms.a.type: Class RegexRuter could not be found. Did you mean RegexRouter?"}},
		"neither side":     {map[string]string{"transforms": "a", "transforms.a.type": "org.apache.kafka.connect.transforms.Cast"}, []string{"Write org.apache.kafka.connect.transforms.Cast$Key or org.apache.kafka.connect.transforms.Cast$Value"}},
		"a predicate":      {map[string]string{"transforms": "a", "transforms.a.type": "HasHeaderKey"}, []string{"Class HasHeaderKey could not be found"}},
		"a transformation": {map[string]string{"transforms": "", "predicates": "p", "predicates.p.type": "Filter"}, []string{"predicates.p.type: Class Filter could not be found"}},
		"negate alone":     {map[string]string{"transforms": "a", "transforms.a.type": "Filter", "transforms.a.negate": "true"}, []string{"there is no config 'transforms.a.predicate' defining a predicate to be negated"}},
		"negate no flag":   {map[string]string{"transforms": "a", "transforms.a.type": "Filter", "transforms.a.negate": "yes"}, []string{"Invalid value yes for configuration transforms.a.negate"}},
		"no such predicate": {map[string]string{"transforms": "a", "transforms.a.type": "Filter", "transforms.a.predicate": "p", "predicates": "q", "predicates.q.type": "RecordIsTombstone"},
			[]string{"transforms.a.predicate: No predicate has this alias. Add it to predicates and configure predicates.p.type"}},
		"all at once": {map[string]string{"transforms": "a,b,c", "transforms.a.type": "RegexRouter", "transforms.a.regex": "(", "transforms.a.replacement": "x",
			"transforms.b.type": "Cast$Value", "transforms.b.spec": "x", "transforms.c.type": "Nope", "predicates": "p"},
			[]string{"predicates.p.type", "transforms.a.regex", "transforms.b.spec", "transforms.c.type"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewChain(c.config)
			if err == nil {
				t.Fatal("no error")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(c.want) {
				t.Fatalf("got %d lines, not %d:\n%v", len(lines), len(c.want), err)
			}
			for i, want := range c.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("got  %s\nwant %s", lines[i], want)
				}
			}
		})
	}
}

func TestEmptyChain(t *testing.T) {
	for name, config := range map[string]map[string]string{"nothing": nil, "an empty list": {"transforms": " , "}, "predicates alone": {"predicates": "p", "predicates.p.type": "RecordIsTombstone"}} {
		c, err := NewChain(config)
		if err != nil || !c.Empty() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r := Record{Topic: "t", Value: data.StringValue("x")}
		before := r
		if keep, err := c.Apply(&Arena{}, &r); !keep || err != nil || !reflect.DeepEqual(r, before) {
			t.Errorf("%s: %v, %v", name, keep, err)
		}
	}
}

func TestErrorNamesItsPlace(t *testing.T) {
	c, err := NewChain(map[string]string{"transforms": "fine,number", "transforms.fine.type": "InsertHeader", "transforms.fine.header": "h", "transforms.fine.value.literal": "1",
		"transforms.number.type": "org.apache.kafka.connect.transforms.Cast$Value", "transforms.number.spec": "int8"})
	if err != nil {
		t.Fatal(err)
	}
	r := Record{Topic: "t", Value: data.StringValue("x")}
	_, err = c.Apply(&Arena{}, &r)
	var e *Error
	if !errors.As(err, &e) || e.Alias != "number" || e.Class != "org.apache.kafka.connect.transforms.Cast$Value" || e.Predicate {
		t.Fatalf("got %#v", err)
	}
	if want := `transformation number (Cast$Value): the value: the text "x" is no INT8; correct transforms.number.spec=int8`; err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if len(r.Headers) != 0 {
		t.Error("the record was changed by the step before")
	}
}

func TestPredicateErrorNamesItsPlace(t *testing.T) {
	c, err := NewChain(map[string]string{"transforms": "a", "transforms.a.type": "Filter", "transforms.a.predicate": "big",
		"predicates": "big", "predicates.big.type": "Condition", "predicates.big.condition": "value.size > 5"})
	if err != nil {
		t.Fatal(err)
	}
	r := Record{Topic: "t", Value: data.JSONValue([]byte(`{"length": 7}`))}
	_, err = c.Apply(&Arena{}, &r)
	var e *Error
	if !errors.As(err, &e) || e.Alias != "big" || e.Class != "Condition" || !e.Predicate {
		t.Fatalf("got %#v", err)
	}
	if want := `predicate big (Condition): the expression "value.size > 5" cannot be evaluated: no such key: size; `; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got  %v\nwant %s…", err, want)
	}
}

func TestCheck(t *testing.T) {
	values := map[string]string{
		"transforms":         "a,b,c,d,e,f,g",
		"transforms.a.type":  "Cast$Value", // the missing spec is what Definition says
		"transforms.b.type":  "RegexRouter",
		"transforms.b.regex": "(", "transforms.b.replacement": "x",
		"transforms.c.type": "Nope",
		"transforms.d.type": "HeaderFrom$Key", "transforms.d.fields": "a,b", "transforms.d.headers": "a", "transforms.d.operation": "copy",
		"transforms.e.type": "ContentFilter", "transforms.e.condition": "value.",
		"transforms.f.type": "InsertField$Value",
		"predicates":        "p",
		"predicates.p.type": "TopicNameMatches", "predicates.p.pattern": "*",
	}
	found := Check(values)
	want := []string{"predicates.p.pattern", "transforms.b.regex", "transforms.c.type", "transforms.d.headers", "transforms.e.condition", "transforms.f.topic.field"}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for key, texts := range found {
		if len(texts) != 1 || !strings.HasPrefix(texts[0], "Invalid value ") || !strings.Contains(texts[0], " for configuration "+key+": ") {
			t.Errorf("%s: %q", key, texts)
		}
	}
	if found := Check(map[string]string{"transforms": "a", "transforms.a.type": "DropHeaders", "transforms.a.headers": "x"}); len(found) != 0 {
		t.Errorf("a valid configuration has %v", found)
	}
}

func TestDefinition(t *testing.T) {
	got := Definition(map[string]string{"transforms": "a,b", "transforms.a.type": "HoistField$Value", "transforms.b.type": "Nope", "predicates": "p", "predicates.p.type": "HasHeaderKey"}).Names()
	want := []string{
		"transforms.a.type", "transforms.a.plugin.version", "transforms.a.predicate", "transforms.a.negate", "transforms.a.field",
		"transforms.b.type", "transforms.b.plugin.version", "transforms.b.predicate", "transforms.b.negate",
		"predicates.p.type", "predicates.p.plugin.version", "predicates.p.name",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestKnown(t *testing.T) {
	names := map[string]string{}
	for _, d := range Known() {
		for _, name := range slices.Compact(append([]string{d.Class, d.Name}, d.Aliases...)) {
			if other, ok := names[d.Kind.String()+name]; ok {
				t.Errorf("%s is a name of %s and of %s", name, d.Class, other)
			}
			names[d.Kind.String()+name] = d.Class
			if found, ok := Find(d.Kind, name); !ok || found.Class != d.Class {
				t.Errorf("%s is not found", name)
			}
		}
		if problems := d.Definition.WithPrefix("transforms.a.", "Transforms: a").Lint(); len(problems) > 0 {
			t.Errorf("%s: %s", d.Class, strings.Join(problems, "\n"))
		}
	}
}

// TestNoAllocation: once warm, a record costs no allocation. Expressions are the exception: CEL boxes what it works with.
func TestNoAllocation(t *testing.T) {
	for name, c := range benchChains {
		chain, err := NewChain(c)
		if err != nil {
			t.Fatal(err)
		}
		var a Arena
		in := benchEvent(t)
		apply := func() {
			a.Reset()
			r := in
			if keep, err := chain.Apply(&a, &r); err != nil || !keep {
				t.Fatal(keep, err)
			}
		}
		apply()
		limit := 0.0
		if strings.HasPrefix(name, "content") {
			limit = 6
		}
		if n := testing.AllocsPerRun(100, apply); n > limit {
			t.Errorf("%s: %v allocations a record", name, n)
		}
	}
}

// TestUntouched: what a chain does not touch is not looked into. Texts here are not UTF-8 and a decimal has no scale.
func TestUntouched(t *testing.T) {
	s, err := data.NewStruct("").Field("id", data.Int32Schema).Field("odd", data.OptionalStringSchema).
		Field("broken", data.NewSchema(data.Bytes).Name(data.DecimalName).MustBuild()).Field("list", data.NewArray(data.StringSchema).MustBuild()).Build()
	if err != nil {
		t.Fatal(err)
	}
	row := []byte("\x00\x07\x00\x00\x00\x03\xff\xfe\xfd\x02ab\x01\x02\xff\xff")
	if err := data.Check(s, row); err != nil {
		t.Fatal(err)
	}
	c, err := NewChain(map[string]string{
		"transforms": "cast,mask,rename,insert,key", "transforms.cast.type": "Cast$Value", "transforms.cast.spec": "id:int64",
		"transforms.mask.type": "MaskField$Value", "transforms.mask.fields": "id",
		"transforms.rename.type": "ReplaceField$Value", "transforms.rename.renames": "odd:even,list:all",
		"transforms.insert.type": "InsertField$Value", "transforms.insert.topic.field": "topic",
		"transforms.key.type": "ValueToKey", "transforms.key.fields": "even,broken,all"})
	if err != nil {
		t.Fatal(err)
	}
	r := Record{Topic: "t", Value: data.RowValue(s, row)}
	if keep, err := c.Apply(&Arena{}, &r); err != nil || !keep {
		t.Fatal(keep, err)
	}
	if want := "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\xff\xfe\xfd\x02ab\x01\x02\xff\xff\x01t"; string(r.Value.Data) != want {
		t.Errorf("got value %q\nwant      %q", r.Value.Data, want)
	}
	if want := "\x00\x03\xff\xfe\xfd\x02ab\x01\x02\xff\xff"; string(r.Key.Data) != want {
		t.Errorf("got key %q\nwant    %q", r.Key.Data, want)
	}
}

// TestDamagedRows: a row that is not what its schema says is an error, whoever looks at it first.
func TestDamagedRows(t *testing.T) {
	s := parseSchema(t, "struct{id:int32,name:string?,n:struct{a:int64}}")
	row, err := data.Encode([]byte{}, s, map[string]any{"id": 7, "name": "Ada", "n": map[string]any{"a": 5}})
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]map[string]string{
		"mask":    {"transforms.t.type": "MaskField$Value", "transforms.t.fields": "id"},
		"flatten": {"transforms.t.type": "Flatten$Value"},
		"extract": {"transforms.t.type": "ExtractField$Value", "transforms.t.field": "n.a", "transforms.t.field.syntax.version": "V2"},
		"filter":  {"transforms.t.type": "ContentFilter", "transforms.t.condition": "value.n.a == 5 && value.id == 7"},
		"topic":   {"transforms.t.type": "TopicFromField$Value", "transforms.t.field": "n.a", "transforms.t.field.syntax.version": "V2"},
	} {
		config["transforms"] = "t"
		c, err := NewChain(config)
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(row) {
			r := Record{Topic: "t", Value: data.RowValue(s, row[:n:n])}
			if _, err := c.Apply(&Arena{}, &r); err == nil {
				t.Errorf("%s: no error after %d of %d bytes", name, n, len(row))
			}
		}
	}
}

// TestManySchemas: a source that makes a schema a record does not fill the memory.
func TestManySchemas(t *testing.T) {
	c, err := NewChain(map[string]string{"transforms": "t", "transforms.t.type": "HoistField$Value", "transforms.t.field": "f"})
	if err != nil {
		t.Fatal(err)
	}
	var a Arena
	for i := range 3 * mostSchemas {
		s := data.NewSchema(data.Int8).Name(fmt.Sprint(i)).MustBuild()
		r := Record{Value: data.RowValue(s, []byte{1})}
		if keep, err := c.Apply(&a, &r); err != nil || !keep || r.Value.Schema.Fields()[0].Schema != s {
			t.Fatal(keep, err)
		}
	}
	if n := len(c.steps[0].transformation.(*hoistField).plans.plans); n > mostSchemas {
		t.Errorf("%d schemas are remembered", n)
	}
}

func TestManyTopics(t *testing.T) {
	var n interned
	for i := range 3 * mostInterned {
		if got := n.own(fmt.Append(nil, i)); got != fmt.Sprint(i) {
			t.Fatal(got)
		}
	}
	if len(n.known) > mostInterned {
		t.Errorf("%d texts are remembered", len(n.known))
	}
}

func TestTwoDigitYears(t *testing.T) {
	f, problem := parseDateFormat("yy-MM-dd")
	if problem != "" {
		t.Fatal(problem)
	}
	f.since = time.Date(1946, 11, 22, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]int{"00-01-01": 2000, "45-12-31": 2045, "46-11-21": 2046, "46-11-22": 1946, "47-01-01": 1947, "99-01-01": 1999} {
		millis, ok := f.parse(text)
		if got := time.UnixMilli(millis).UTC().Year(); !ok || got != want {
			t.Errorf("%s is in %d, not %d", text, got, want)
		}
	}
}

func TestArena(t *testing.T) {
	var a Arena
	first := a.cut(append(a.buf, "one"...), 0)
	second := a.cut(append(a.buf, "two"...), len(a.buf))
	if string(first) != "one" || string(second) != "two" || cap(first) != 3 {
		t.Errorf("%q %q, capacity %d", first, second, cap(first))
	}
	if empty := a.cut(a.buf, len(a.buf)); empty == nil {
		t.Error("nothing is null")
	}
	a.Reset()
	a.buf = append(a.buf, make([]byte, 16*keep)...)
	a.Reset()
	for range small - 1 {
		a.Reset()
	}
	if cap(a.buf) < 16*keep {
		t.Error("the memory of a large batch was given back at once")
	}
	a.Reset()
	if cap(a.buf) != 0 {
		t.Error("the memory of a large batch was not given back")
	}
}

func TestHeadersInArena(t *testing.T) {
	var a Arena
	own := []data.Header{{Key: "own"}, {Key: "spare"}}[:1]
	grown := a.withHeader(own, data.Header{Key: "a"})
	other := a.withHeader(own, data.Header{Key: "b"})
	again := a.withHeader(other, data.Header{Key: "c"})
	if own[:2][1].Key != "spare" || keysOf(grown) != "own,a" || keysOf(other) != "own,b" || keysOf(again) != "own,b,c" {
		t.Error(keysOf(own[:2]), keysOf(grown), keysOf(other), keysOf(again))
	}
	if n := len(a.headers); n != 5 {
		t.Errorf("%d headers are in the arena: those that are its latest should grow in place", n)
	}
	if got := keysOf(a.withoutHeaders(again, func(name string) bool { return name == "b" })); got != "own,c" {
		t.Error(got)
	}
}

func keysOf(headers []data.Header) string {
	var names []string
	for _, h := range headers {
		names = append(names, h.Key)
	}
	return strings.Join(names, ",")
}
