package config_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// text shows an optional text in tables.
func text(s *string) string {
	if s == nil {
		return "<nil>"
	}
	return *s
}

func TestValidateReadsLikeKafka(t *testing.T) {
	tests := map[string]struct {
		key   config.Key
		given string
		value string // <nil>: there is none
		want  []string
	}{
		"boolean":             {config.Key{Type: config.TypeBoolean}, " TRUE\n", "true", nil},
		"boolean no":          {config.Key{Type: config.TypeBoolean}, "yes", "<nil>", []string{"Invalid value yes for configuration k: Expected value to be either true or false"}},
		"boolean empty":       {config.Key{Type: config.TypeBoolean}, "", "<nil>", []string{"Invalid value  for configuration k: Expected value to be either true or false"}},
		"string":              {config.Key{Type: config.TypeString}, "\t a b ", "a b", nil},
		"string keeps NBSP":   {config.Key{Type: config.TypeString}, "\u00a0a", "\u00a0a", nil},
		"string empty":        {config.Key{Type: config.TypeString}, "", "", nil},
		"string not empty":    {config.Key{Type: config.TypeString, NonEmpty: true}, " ", "", []string{"Invalid value  for configuration k: String may not be empty"}},
		"class":               {config.Key{Type: config.TypeClass}, " FileStreamSource ", "FileStreamSource", nil},
		"int":                 {config.Key{Type: config.TypeInt}, " +5 ", "5", nil},
		"int least":           {config.Key{Type: config.TypeInt}, "-2147483648", "-2147483648", nil},
		"int too large":       {config.Key{Type: config.TypeInt}, "2147483648", "<nil>", []string{"Invalid value 2147483648 for configuration k: Not a number of type INT. It takes a whole number from -2147483648 to 2147483647"}},
		"int fraction":        {config.Key{Type: config.TypeInt}, "1.0", "<nil>", []string{"Invalid value 1.0 for configuration k: Not a number of type INT. It takes a whole number from -2147483648 to 2147483647"}},
		"int underscore":      {config.Key{Type: config.TypeInt}, "1_000", "<nil>", []string{"Invalid value 1_000 for configuration k: Not a number of type INT. It takes a whole number from -2147483648 to 2147483647"}},
		"int empty":           {config.Key{Type: config.TypeInt}, "", "<nil>", []string{"Invalid value  for configuration k: Not a number of type INT. It takes a whole number from -2147483648 to 2147483647; the value is empty"}},
		"int with limit":      {config.Key{Type: config.TypeInt, Min: config.Limit(1)}, "abc", "<nil>", []string{"Invalid value abc for configuration k: Not a number of type INT. It takes a whole number from -2147483648 to 2147483647, such as 1", "Invalid value null for configuration k: Value must be non-null"}},
		"int low":             {config.Key{Type: config.TypeInt, Min: config.Limit(1)}, "0", "0", []string{"Invalid value 0 for configuration k: Value must be at least 1"}},
		"int high":            {config.Key{Type: config.TypeInt, Max: config.Limit(10)}, "11", "11", []string{"Invalid value 11 for configuration k: Value must be no more than 10"}},
		"int at limits":       {config.Key{Type: config.TypeInt, Min: config.Limit(3), Max: config.Limit(3)}, "3", "3", nil},
		"int choice":          {config.Key{Type: config.TypeInt, Valid: []string{"1", "2"}}, "3", "3", []string{"Invalid value 3 for configuration k: String must be one of: 1, 2"}},
		"short":               {config.Key{Type: config.TypeShort}, "32768", "<nil>", []string{"Invalid value 32768 for configuration k: Not a number of type SHORT. It takes a whole number from -32768 to 32767"}},
		"long":                {config.Key{Type: config.TypeLong}, "9223372036854775807", "9223372036854775807", nil},
		"long too large":      {config.Key{Type: config.TypeLong, Default: config.Default("5")}, "9223372036854775808", "<nil>", []string{"Invalid value 9223372036854775808 for configuration k: Not a number of type LONG. It takes a whole number from -9223372036854775808 to 9223372036854775807, such as 5"}},
		"double":              {config.Key{Type: config.TypeDouble}, " 1.50 ", "1.50", nil},
		"double infinite":     {config.Key{Type: config.TypeDouble, Max: config.Limit(2)}, "Infinity", "Infinity", []string{"Invalid value Infinity for configuration k: Value must be no more than 2"}},
		"double NaN":          {config.Key{Type: config.TypeDouble}, "NaN", "<nil>", []string{"Invalid value NaN for configuration k: Not a number of type DOUBLE. It takes a number"}},
		"double low":          {config.Key{Type: config.TypeDouble, Min: config.Limit(0.5)}, "0.49", "0.49", []string{"Invalid value 0.49 for configuration k: Value must be at least 0.5"}},
		"list":                {config.Key{Type: config.TypeList}, " a , b\t,c ", "a,b,c", nil},
		"list empty":          {config.Key{Type: config.TypeList}, "  ", "", nil},
		"list blank element":  {config.Key{Type: config.TypeList}, "a,,b,", "a,,b,", nil},
		"list not empty":      {config.Key{Type: config.TypeList, NonEmpty: true}, "", "", []string{"Invalid value [] for configuration k: List may not be empty. Give one or more values separated by commas"}},
		"list comma too many": {config.Key{Type: config.TypeList, NonEmpty: true}, "a,", "a,", []string{"Invalid value  for configuration k: String may not be empty. There is a comma too many in the list"}},
		"list choices":        {config.Key{Type: config.TypeList, Valid: []string{"insert", "update"}}, "insert,updaet", "insert,updaet", []string{"Invalid value updaet for configuration k: String must be one of: insert, update. Did you mean update?"}},
		"list in any case":    {config.Key{Type: config.TypeList, Valid: []string{"Insert", "Update"}, IgnoreCase: true}, "UPDATE, insert", "Update,Insert", nil},
		"list pattern":        {config.Key{Type: config.TypeList, Pattern: "[a-z]+"}, "a,B", "a,B", []string{"Invalid value B for configuration k: Value must match the regular expression [a-z]+ from beginning to end"}},
		"choice":              {config.Key{Type: config.TypeString, Valid: []string{"none", "all"}}, " all", "all", nil},
		"no choice":           {config.Key{Type: config.TypeString, Valid: []string{"none", "all"}}, "ALL", "ALL", []string{"Invalid value ALL for configuration k: String must be one of: none, all. Did you mean all?"}},
		"choice in any case":  {config.Key{Type: config.TypeString, Valid: []string{"poll", "interval"}, IgnoreCase: true}, "INTERVAL", "interval", nil},
		"exact choice first":  {config.Key{Type: config.TypeString, Valid: []string{"a", "A"}, IgnoreCase: true}, "A", "A", nil},
		"no choice in any":    {config.Key{Type: config.TypeString, Valid: []string{"poll", "interval"}, IgnoreCase: true}, "x", "x", []string{"Invalid value x for configuration k: String must be one of (case insensitive): poll, interval"}},
		"pattern in part":     {config.Key{Type: config.TypeString, Pattern: "a|b"}, "ab", "ab", []string{"Invalid value ab for configuration k: Value must match the regular expression a|b from beginning to end"}},
		"pattern":             {config.Key{Type: config.TypeString, Pattern: "a|bc"}, "bc", "bc", nil},
		"broken pattern":      {config.Key{Type: config.TypeString, Pattern: "a)(b"}, "ab", "ab", []string{"Invalid value ab for configuration k: Value cannot be checked, the pattern in the definition of k is broken (error parsing regexp: unexpected ): `a)(b`). Report this to the author of the plugin"}},
		"password":            {config.Key{Type: config.TypePassword}, " s3cret ", "s3cret", nil},
		"password hidden":     {config.Key{Type: config.TypePassword, Pattern: "[0-9]+"}, "s3cret", "s3cret", []string{"Invalid value [hidden] for configuration k: Value must match the regular expression [0-9]+ from beginning to end"}},
		"password choice":     {config.Key{Type: config.TypePassword, Valid: []string{"s3cret1"}}, "s3cret", "s3cret", []string{"Invalid value [hidden] for configuration k: String must be one of: s3cret1"}},
		"unknown type":        {config.Key{Type: 99}, " any ", "any", nil},
		"control characters":  {config.Key{Type: config.TypeInt}, "1\nERROR \x1b[31m", "<nil>", []string{`Invalid value "1\nERROR \x1b[31m" for configuration k: Not a number of type INT. It takes a whole number from -2147483648 to 2147483647`}},
		"not UTF-8":           {config.Key{Type: config.TypeBoolean}, "\xff", "<nil>", []string{`Invalid value "\xff" for configuration k: Expected value to be either true or false`}},
		"long value":          {config.Key{Type: config.TypeBoolean}, strings.Repeat("é", 1000), "<nil>", []string{"Invalid value " + strings.Repeat("é", 100) + "… for configuration k: Expected value to be either true or false"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.key.Name = "k"
			d := config.Definition{test.key}
			result := d.Validate(map[string]string{"k": test.given})
			if len(result) != 1 || result[0].Name != "k" || !result[0].Visible {
				t.Fatalf("results: %+v", result)
			}
			if got := text(result[0].Value); got != test.value {
				t.Errorf("value %q, want %q", got, test.value)
			}
			if d := cmp.Diff(test.want, result[0].Errors); d != "" {
				t.Error(d)
			}
			_, err := d.Parse(map[string]string{"k": test.given})
			if want := strings.Join(test.want, "\n"); err == nil && want != "" || err != nil && err.Error() != want {
				t.Errorf("Parse says %v, want %s", err, want)
			}
		})
	}
}

func TestHintCountsMilliseconds(t *testing.T) {
	d := config.Definition{{Name: "retry.ms", Type: config.TypeLong, Default: config.Default(" 500 ")}}
	_, err := d.Parse(map[string]string{"retry.ms": "5m"})
	want := "Invalid value 5m for configuration retry.ms: Not a number of type LONG. " +
		"It takes a whole number from -9223372036854775808 to 9223372036854775807, such as 500 (milliseconds)"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestMissingKeys(t *testing.T) {
	tests := map[string]struct {
		key   config.Key
		value string
		want  []string
	}{
		"required": {config.Key{Required: true}, "<nil>", []string{`Missing required configuration "k" which has no default value.`}},
		"required, explained": {
			config.Key{Required: true, Doc: "Path of\n the file. It is read from its beginning."}, "<nil>",
			[]string{`Missing required configuration "k" which has no default value. k: Path of the file.`},
		},
		"required, by a stranger": {
			config.Key{Required: true, Doc: "\x1b[2J" + strings.Repeat("a", 300)}, "<nil>",
			[]string{`Missing required configuration "k" which has no default value. k: "\x1b[2J` + strings.Repeat("a", 196) + `…"`},
		},
		"required and limited":  {config.Key{Type: config.TypeInt, Required: true, Min: config.Limit(1)}, "<nil>", []string{`Missing required configuration "k" which has no default value.`}},
		"default":               {config.Key{Type: config.TypeInt, Default: config.Default(" 7 ")}, "7", nil},
		"required with default": {config.Key{Type: config.TypeInt, Default: config.Default("7"), Required: true}, "7", nil},
		"optional":              {config.Key{Type: config.TypeInt, Min: config.Limit(1), NonEmpty: true, Pattern: "1"}, "<nil>", nil},
		"wrong default":         {config.Key{Type: config.TypeInt, Default: config.Default("0"), Min: config.Limit(1)}, "0", []string{"Invalid value 0 for configuration k: Value must be at least 1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.key.Name = "k"
			for given, values := range map[string]map[string]string{"nil": nil, "others": {"other": "x", "K": "1"}} {
				result := config.Definition{test.key}.Validate(values)[0]
				if got := text(result.Value); got != test.value {
					t.Errorf("%s: value %q, want %q", given, got, test.value)
				}
				if d := cmp.Diff(test.want, result.Errors); d != "" {
					t.Errorf("%s: %s", given, d)
				}
			}
		})
	}
}

var every = config.Definition{
	{Name: "boolean", Type: config.TypeBoolean, Default: config.Default("true")},
	{Name: "string", Type: config.TypeString},
	{Name: "int", Type: config.TypeInt},
	{Name: "short", Type: config.TypeShort},
	{Name: "long", Type: config.TypeLong},
	{Name: "double", Type: config.TypeDouble},
	{Name: "list", Type: config.TypeList},
	{Name: "class", Type: config.TypeClass},
	{Name: "password", Type: config.TypePassword},
	{Name: "choice", Type: config.TypeString, Valid: []string{"Fast", "Safe"}, IgnoreCase: true, Default: config.Default("fast")},
}

func TestParseJoinsAllProblems(t *testing.T) {
	_, err := every.Parse(map[string]string{"boolean": "1", "int": "x", "list": "fine"})
	want := "Invalid value 1 for configuration boolean: Expected value to be either true or false\n" +
		"Invalid value x for configuration int: Not a number of type INT. It takes a whole number from -2147483648 to 2147483647"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestValues(t *testing.T) {
	given := map[string]string{
		"boolean": " False", "string": " a ", "int": "-1", "short": "2", "long": "3000000000", "double": "1e3",
		"list": "a, b ,c", "class": "C", "password": " p ", "unknown": " kept ",
	}
	v, err := every.Parse(given)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{
		"boolean": v.Bool("boolean"), "string": v.String("string"), "int": v.Int("int"), "int as long": v.Int64("int"), "short": v.Int("short"),
		"long": v.Int64("long"), "double": v.Float64("double"), "list": v.List("list"), "class": v.String("class"), "password": v.String("password"),
		"choice": v.String("choice"), "duration": v.Duration("long"), "short duration": v.Duration("short"),
		"given": v.Has("string"), "default is not given": v.Has("choice"), "default is set": v.Set("choice"),
	}
	want := map[string]any{
		"boolean": false, "string": "a", "int": -1, "int as long": int64(-1), "short": 2,
		"long": int64(3000000000), "double": 1000.0, "list": []string{"a", "b", "c"}, "class": "C", "password": "p",
		"choice": "Fast", "duration": 3000 * 1000 * time.Second, "short duration": 2 * time.Millisecond,
		"given": true, "default is not given": false, "default is set": true,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}

	raw := v.Raw()
	if d := cmp.Diff(given, raw); d != "" {
		t.Error(d)
	}
	raw["string"], given["string"] = "changed", "changed"
	if got := v.Raw()["string"]; got != " a " {
		t.Errorf("the raw value changed to %q", got)
	}
}

func TestValuesOfKeysWithoutValue(t *testing.T) {
	v, err := every.Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if v.String("string") != "" || v.Int("int") != 0 || v.Float64("double") != 0 || len(v.List("list")) != 0 || v.Duration("long") != 0 {
		t.Error("a key without value does not read as zero")
	}
	if v.Has("string") || v.Set("string") || v.Set("int") {
		t.Error("a key without value counts as given or set")
	}
	if raw := v.Raw(); raw == nil || len(raw) != 0 {
		t.Errorf("the raw configuration is %v", raw)
	}
	if v, err = every.Parse(map[string]string{"string": ""}); err != nil || !v.Has("string") || !v.Set("string") {
		t.Errorf("an empty string is not given: %v", err)
	}
}

func TestDurationsBeyondRange(t *testing.T) {
	tests := map[string]struct {
		ms   string
		want time.Duration
	}{
		"never":         {"9223372036854775807", math.MaxInt64},
		"first too far": {"9223372036855", math.MaxInt64},
		"last in range": {"9223372036854", 9223372036854 * time.Millisecond},
		"long ago":      {"-9223372036854775808", math.MinInt64},
		"negative":      {"-1", -time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v, err := every.Parse(map[string]string{"long": test.ms})
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Duration("long"); got != test.want {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestListsDoNotShareTheirEnd(t *testing.T) {
	v, err := every.Parse(map[string]string{"list": "a,b"})
	if err != nil {
		t.Fatal(err)
	}
	_ = append(v.List("list"), "c")
	if d := append(v.List("list"), "d"); d[2] != "d" || len(v.List("list")) != 2 {
		t.Errorf("appending changed the list: %v", v.List("list"))
	}
}

func TestMistakesOfTheProgramPanic(t *testing.T) {
	v, err := every.Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		call func()
		want string
	}{
		"near":      {func() { v.String("strin") }, `config: Values.String("strin"): the definition has no such key; did you mean "string"?`},
		"far":       {func() { v.Has("nothing.like.it") }, `config: Values.Has("nothing.like.it"): the definition has no such key, only boolean, choice, class, double, int, list, long, password, short, string`},
		"type":      {func() { v.Int("long") }, `config: Values.Int("long"): the key is declared as LONG, the method reads INT, SHORT`},
		"text":      {func() { v.String("list") }, `config: Values.String("list"): the key is declared as LIST, the method reads STRING, CLASS, PASSWORD`},
		"zero":      {func() { config.Values{}.Bool("b") }, `config: Values.Bool("b"): the definition has no such key; it is empty, or the Values do not come from Definition.Parse`},
		"not given": {func() { v.Float64("int") }, `config: Values.Float64("int"): the key is declared as INT, the method reads DOUBLE`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if got := recover(); got != test.want {
					t.Errorf("panic %v\nwant  %s", got, test.want)
				}
			}()
			test.call()
		})
	}
}

func TestRecommendations(t *testing.T) {
	d := config.Definition{
		{Name: "choice", Type: config.TypeString, Valid: []string{"a", "b"}},
		{Name: "suggested", Type: config.TypeString, Valid: []string{"a", "b"}, Recommended: []string{"b"}},
		{Name: "free", Type: config.TypeString},
	}
	results := d.Validate(nil)
	got := [][]string{results[0].Recommended, results[1].Recommended, results[2].Recommended}
	if diff := cmp.Diff([][]string{{"a", "b"}, {"b"}, nil}, got); diff != "" {
		t.Error(diff)
	}
	results[0].Recommended[0], results[1].Recommended[0] = "changed", "changed"
	if d[0].Valid[0] != "a" || d[1].Recommended[0] != "b" {
		t.Error("a result shares its recommendations with the definition")
	}
}

func FuzzValidateAndParseAgree(f *testing.F) {
	f.Add(uint8(3), "1", "2", "", "", 1.0, 9.0, uint8(0b1111))
	f.Add(uint8(7), "a, b", "", "a,b", "[a-z]+", 0.0, 0.0, uint8(0b110001))
	f.Add(uint8(9), "s3cret", "", "", "", 0.0, 0.0, uint8(0b10))
	f.Add(uint8(6), "1e308", "", "", "(", -1.0, 1.0, uint8(0b1100))
	f.Add(uint8(2), "É", "x", "é\x00A", "(?i)É", 0.0, 0.0, uint8(0b10001))
	f.Fuzz(func(t *testing.T, typ uint8, given, byDefault, valid, pattern string, low, high float64, flags uint8) {
		flag := func(i int) bool { return flags>>i&1 == 1 }
		k := config.Key{Name: "k", Type: config.Type(typ), Pattern: pattern, Required: flag(1), IgnoreCase: flag(4), NonEmpty: flag(5), Doc: pattern, Group: valid}
		if flag(0) {
			k.Default = &byDefault
		}
		if flag(2) {
			k.Min = &low
		}
		if flag(3) {
			k.Max = &high
		}
		if valid != "" {
			k.Valid = strings.Split(valid, "\x00")
		}
		values := map[string]string{"k": given}
		if flag(6) {
			values = nil
		}
		d := config.Definition{k}

		result := d.Validate(values)[0]
		parsed, err := d.Parse(values)
		if (err == nil) != (len(result.Errors) == 0) {
			t.Fatalf("Validate finds %q, Parse %v", result.Errors, err)
		}
		if err != nil && result.Value != nil && len(d.Validate(map[string]string{"k": *result.Value})[0].Errors) == 0 {
			t.Errorf("the invalid value is shown as %q, which is valid", *result.Value)
		}
		if err == nil {
			readBack(t, d, parsed, result)
		}
		for _, e := range result.Errors {
			if !strings.Contains(e, "k") || strings.ContainsFunc(given, func(r rune) bool { return r < ' ' }) && strings.Contains(e, given) && len(given) > 1 && !strings.Contains(pattern+valid, given) {
				t.Errorf("the error does not name its key or is not safe to print: %q", e)
			}
		}

		data, err := json.Marshal(d.Info(result))
		if err != nil || strings.Contains(string(data), `s":null`) {
			t.Errorf("%v: %s has a list that is null", err, data)
		}
		d.Lint()
		if lines := strings.Count(d.Markdown(), "\n"); lines > 5 {
			t.Errorf("a table of one key has %d lines:\n%s", lines, d.Markdown())
		}
	})
}

// readBack reads a valid value by its type, and gives the value that validation shows as configuration.
func readBack(t *testing.T, d config.Definition, parsed config.Values, result config.Value) {
	t.Helper()
	if parsed.Set("k") != (result.Value != nil) {
		t.Fatalf("Parse and Validate disagree whether there is a value: %v", result.Value)
	}
	switch d[0].Type {
	case config.TypeBoolean:
		parsed.Bool("k")
	case config.TypeInt, config.TypeShort, config.TypeLong:
		parsed.Duration("k")
	case config.TypeDouble:
		parsed.Float64("k")
	case config.TypeList:
		if got := strings.Join(parsed.List("k"), ","); result.Value != nil && got != *result.Value {
			t.Errorf("Parse reads %q, Validate shows %q", got, *result.Value)
		}
	default:
		if got := parsed.String("k"); result.Value != nil && got != *result.Value {
			t.Errorf("Parse reads %q, Validate shows %q", got, *result.Value)
		}
	}
	spelt := !slices.ContainsFunc(d[0].Valid, func(v string) bool { return v != strings.TrimSpace(v) || strings.ContainsAny(v, ",\x00") })
	if result.Value == nil || !spelt {
		return
	}
	again := d.Validate(map[string]string{"k": *result.Value})[0]
	if diff := cmp.Diff(result, again); diff != "" {
		t.Errorf("the value %q reads differently the second time: %s", *result.Value, diff)
	}
}
