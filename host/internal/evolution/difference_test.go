package evolution_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outboard-connect/outboard/host/internal/evolution"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// row is a struct of pairs of a field's name and its schema.
func row(name string, fields ...any) *data.Schema {
	b := data.NewStruct(name)
	for i := 0; i < len(fields); i += 2 {
		b.Field(fields[i].(string), fields[i+1].(*data.Schema))
	}
	return b.MustBuild()
}

func TestDifferences(t *testing.T) {
	a := data.Int64Schema
	filled := data.NewSchema(data.String).Default("x").MustBuild()
	optional := func(s *data.Schema) *data.Schema {
		b := data.NewStruct(s.Name()).Optional()
		for _, f := range s.Fields() {
			b.Field(f.Name, f.Schema)
		}
		return b.MustBuild()
	}
	inner := row("inner", "x", data.Int32Schema)
	wider := row("inner", "x", data.Int64Schema)
	for name, c := range map[string]struct {
		known, next *data.Schema
		want        string // one after the other, with "; " between them
	}{
		"the same":                   {row("r", "a", a), row("r", "a", a), ""},
		"documentation":              {row("r", "a", a), data.NewStruct("r").Doc("what it is").Version(3).Parameter("p", "v").Field("a", a).MustBuild(), ""},
		"another order":              {row("r", "a", a, "b", filled), row("r", "b", filled, "a", a), ""},
		"an optional field comes":    {row("r", "a", a), row("r", "a", a, "b", data.OptionalInt32Schema), ""},
		"an optional field goes":     {row("r", "a", a, "b", data.OptionalInt32Schema), row("r", "a", a), ""},
		"a field with default comes": {row("r", "a", a), row("r", "a", a, "b", filled), ""},
		"another default":            {row("r", "a", filled), row("r", "a", data.NewSchema(data.String).Default("y").MustBuild()), ""},
		"a default comes":            {row("r", "a", data.StringSchema), row("r", "a", filled), ""},
		"the whole may be null":      {inner, optional(inner), ""},

		"a required field comes": {row("r", "a", a), row("r", "a", a, "b", a), "field b is new, a required INT64 without default"},
		"a required field goes":  {row("r", "a", a, "b", data.DateSchema), row("r", "a", a), "field b is gone and was a required INT32(org.apache.kafka.connect.data.Date)"},
		"a field is renamed":     {row("r", "a", a), row("r", "b", a), "field a is gone and was a required INT64; field b is new, a required INT64 without default"},
		"a wider type":           {row("r", "a", data.Int32Schema), row("r", "a", a), "field a is INT64 and was INT32"},
		"a narrower type":        {row("r", "a", a), row("r", "a", data.Int32Schema), "field a is INT32 and was INT64"},
		"another type, not null": {row("r", "a", data.OptionalInt32Schema), row("r", "a", a), "field a is INT64 and was INT32"},
		"a logical type":         {row("r", "a", a), row("r", "a", data.TimestampSchema), "field a is INT64(org.apache.kafka.connect.data.Timestamp) and was INT64"},
		"another scale":          {row("r", "a", data.NewDecimal(2).MustBuild()), row("r", "a", data.NewDecimal(3).MustBuild()), "field a has scale 3 and had 2"},
		"null comes":             {row("r", "a", a), row("r", "a", data.OptionalInt64Schema), "field a may be null and could not be"},
		"null goes":              {row("r", "a", data.OptionalInt64Schema), row("r", "a", a), "field a must not be null and could be"},
		"within a struct":        {row("r", "s", inner), row("r", "s", wider), "field s.x is INT64 and was INT32"},
		"a struct's name":        {row("r", "s", inner), row("r", "s", row("outer", "x", data.Int32Schema)), "field s is STRUCT(outer) and was STRUCT(inner)"},
		"within an array":        {row("r", "s", data.NewArray(inner).MustBuild()), row("r", "s", data.NewArray(wider).MustBuild()), "field s[].x is INT64 and was INT32"},
		"elements":               {data.NewArray(a).MustBuild(), data.NewArray(data.OptionalInt64Schema).MustBuild(), "field [] may be null and could not be"},
		"keys and values of a map": {data.NewMap(data.StringSchema, a).MustBuild(), data.NewMap(a, inner).MustBuild(),
			"field {key} is INT64 and was STRING; field {value} is STRUCT(inner) and was INT64"},
		"another kind of value": {data.StringSchema, inner, "it is STRUCT(inner) and was STRING"},
		"any":                   {row("r", "a", data.AnySchema), row("r", "a", data.OptionalInt64Schema), "field a is INT64 and was ANY"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range evolution.Differences(c.known, c.next) {
				got = append(got, d.String())
			}
			if d := cmp.Diff(c.want, strings.Join(got, "; ")); d != "" {
				t.Error(d)
			}
			if back := evolution.Differences(c.next, c.known); (len(back) > 0) != (c.want != "") {
				t.Errorf("the other way there are %v", back)
			}
		})
	}
}

// random returns a schema with few names and types, so that two of them have much in common.
func random(r *rand.Rand, depth int) *data.Schema {
	var b *data.Builder
	switch n := r.IntN(8); {
	case depth == 0 || n < 4:
		b = data.NewSchema([]data.Type{data.Int32, data.Int64, data.String}[r.IntN(3)])
		if r.IntN(4) == 0 {
			b.Name("logical")
		}
	case n == 4:
		b = data.NewArray(random(r, depth-1))
	case n == 5:
		b = data.NewMap(data.StringSchema, random(r, depth-1))
	default:
		b = data.NewStruct([]string{"", "r"}[r.IntN(2)])
		for _, name := range []string{"a", "b", "c"} {
			if r.IntN(2) == 0 {
				b.Field(name, random(r, depth-1))
			}
		}
	}
	if r.IntN(2) == 0 {
		b.Optional()
	}
	return b.MustBuild()
}

// The same schema never breaks with itself, and what breaks one way breaks the other way.
func TestDifferencesGoBothWays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	broken, whole := 0, 0
	for range 5_000 {
		a, b := random(r, 3), random(r, 3)
		if d := evolution.Differences(a, a); len(d) > 0 {
			t.Fatalf("%s breaks with itself: %v", a, d)
		}
		there, back := evolution.Differences(a, b), evolution.Differences(b, a)
		if (len(there) > 0) != (len(back) > 0) {
			t.Fatalf("%s and %s: %v one way, %v the other", a, b, there, back)
		}
		if len(there) > 0 {
			broken++
		} else {
			whole++
		}
	}
	if broken < 200 || whole < 200 {
		t.Errorf("%d pairs break and %d do not: too few of one sort to say anything", broken, whole)
	}
}
