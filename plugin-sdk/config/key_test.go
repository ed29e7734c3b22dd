package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

func TestLookup(t *testing.T) {
	if k, ok := shop.Lookup("retries"); !ok || k.DisplayName != "Retries" {
		t.Errorf("found %v %+v", ok, k)
	}
	if k, ok := shop.Lookup("Retries"); ok {
		t.Errorf("found %+v", k)
	}
}

func TestGroups(t *testing.T) {
	if d := cmp.Diff([]string{"Connection", "Tables"}, shop.Groups()); d != "" {
		t.Error(d)
	}
	if groups := (config.Definition{}).Groups(); groups == nil {
		t.Error("no groups are nil, which JSON writes as null")
	}
}

func TestWithPrefix(t *testing.T) {
	values := map[string]string{"a.b": "1", "a.": "2", "a": "3", "ab.c": "4", "a.b.c": "5"}
	if d := cmp.Diff(map[string]string{"b": "1", "b.c": "5"}, config.WithPrefix(values, "a.")); d != "" {
		t.Error(d)
	}
	if got := config.WithPrefix(nil, "a."); got == nil || len(got) != 0 {
		t.Errorf("nothing with a prefix is %v", got)
	}
}

func TestDefinitionWithPrefix(t *testing.T) {
	d := shop.WithPrefix("source.", "Source")
	if d[0].Name != "source.url" || d[0].Group != "Source" || !slices.Equal(d[0].Dependents, []string{"source.tables"}) {
		t.Errorf("prefixed: %+v", d[0])
	}
	if shop[0].Name != "url" || shop[0].Group != "Connection" || shop[0].Dependents[0] != "tables" {
		t.Errorf("the definition itself changed: %+v", shop[0])
	}
}

func TestNearest(t *testing.T) {
	known := []string{"name", "connector.class", "tasks.max", "tasks.max.enforce", "topics", "topics.regex", "errors.tolerance", "errors.log.enable", "batch.size", "id"}
	tests := map[string]struct{ typed, want string }{
		"exact":            {"topics.regex", "topics.regex"},
		"missing letter":   {"task.max", "tasks.max"},
		"superfluous":      {"topicss", "topics"},
		"swapped":          {"topisc", "topics"},
		"two mistakes":     {"error.tolerence", "errors.tolerance"},
		"camel case":       {"batchSize", "batch.size"},
		"underscore":       {"connector_class", "connector.class"},
		"upper case":       {"TASKS-MAX", "tasks.max"},
		"too short to say": {"ip", ""},
		"another word":     {"table", ""},
		"far":              {"producer.override.linger.ms", ""},
		"empty":            {"", ""},
		"huge":             {strings.Repeat("a", 1<<20), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := config.Nearest(test.typed, known); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	if got := config.Nearest("tasks.mox", []string{"tasks.max", "tasks.mix"}); got != "tasks.max" {
		t.Errorf("of two equally near ones it is %q, not the first", got)
	}
	if got := config.Nearest("a.b", []string{strings.Repeat("x", 1<<20), "a.c"}); got != "a.c" {
		t.Errorf("next to a huge one, %q", got)
	}
}

func TestLint(t *testing.T) {
	good := config.Key{
		Name: "k", Type: config.TypeString, Importance: config.ImportanceLow, Doc: "What it does.", Group: "G", DisplayName: "K",
	}
	tests := map[string]struct {
		change func(*config.Key)
		want   []string
	}{
		"good": {func(k *config.Key) {}, nil},
		"good list": {func(k *config.Key) {
			k.Type, k.Valid, k.Default = config.TypeList, []string{"a", "b"}, config.Default("a,b")
		}, nil},
		"empty password":   {func(k *config.Key) { k.Type, k.Default = config.TypePassword, config.Default("") }, nil},
		"no name":          {func(k *config.Key) { k.Name = "" }, []string{`: the name "" cannot stand in a properties file; use lower case and dots, such as batch.size`}},
		"name with space":  {func(k *config.Key) { k.Name = "a b" }, []string{`a b: the name "a b" cannot stand in a properties file; use lower case and dots, such as batch.size`}},
		"secret":           {func(k *config.Key) { k.Name = "db.password" }, []string{`db.password: by its name it is a secret; make its type TypePassword, so that it is never shown`}},
		"undescribed":      {func(k *config.Key) { *k = config.Key{Name: "k"} }, []string{"k: has no type; set Type", "k: has no importance; set Importance", "k: is not documented; set Doc", "k: has no group; set Group", "k: has no label; set DisplayName"}},
		"width":            {func(k *config.Key) { k.Width = 4 }, []string{"k: Width is none of the constants"}},
		"order":            {func(k *config.Key) { k.Order = -1 }, []string{"k: Order is -1; count from 1, or leave it out"}},
		"required":         {func(k *config.Key) { k.Required, k.Default = true, config.Default("a") }, []string{"k: a key with a default is never missing; drop Required or Default"}},
		"limits of a text": {func(k *config.Key) { k.Max = config.Limit(1) }, []string{"k: Min and Max are for numbers"}},
		"limits":           {func(k *config.Key) { k.Type, k.Min, k.Max = config.TypeInt, config.Limit(2), config.Limit(1.5) }, []string{"k: Min 2 is above Max 1.5"}},
		"non-empty number": {func(k *config.Key) { k.Type, k.NonEmpty = config.TypeInt, true }, []string{"k: NonEmpty is for texts and lists"}},
		"ignored case":     {func(k *config.Key) { k.IgnoreCase = true }, []string{"k: IgnoreCase does nothing without Valid"}},
		"pattern":          {func(k *config.Key) { k.Pattern = "[" }, []string{"k: Pattern is broken: error parsing regexp: missing closing ]: `[`"}},
		"default":          {func(k *config.Key) { k.Valid, k.Default = []string{"a"}, config.Default("b") }, []string{"k: Default: Invalid value b for configuration k: String must be one of: a"}},
		"known password":   {func(k *config.Key) { k.Type, k.Default = config.TypePassword, config.Default("changeit") }, []string{"k: a password that everybody knows is none; drop Default"}},
		"choices":          {func(k *config.Key) { k.Type, k.Valid = config.TypeList, []string{"a,b"} }, []string{"k: Valid: Invalid value a for configuration k: String must be one of: a,b"}},
		"recommendation":   {func(k *config.Key) { k.Type, k.Recommended = config.TypeBoolean, []string{"yes"} }, []string{"k: Recommended: Invalid value yes for configuration k: Expected value to be either true or false"}},
		"dependents":       {func(k *config.Key) { k.Dependents = []string{"k", "l"} }, []string{"k: Dependents names l, which is no key of the definition"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			k := good
			test.change(&k)
			if d := cmp.Diff(test.want, config.Definition{k}.Lint()); d != "" {
				t.Error(d)
			}
		})
	}
	if d := cmp.Diff([]string{"k: is declared twice"}, config.Definition{good, good}.Lint()); d != "" {
		t.Error(d)
	}
}
