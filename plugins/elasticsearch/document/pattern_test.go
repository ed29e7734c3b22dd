package document

import (
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func TestPatterns(t *testing.T) {
	at := time.Date(2024, 12, 30, 3, 4, 5, 0, time.UTC).UnixMilli() // in the first week of 2025
	for name, c := range map[string]struct{ pattern, topic, document, want string }{
		"topic":             {"${topic}", "Orders.EU", "", "orders.eu"},
		"start of a topic":  {"${topic}", "_-+orders", "", "orders"},
		"literals":          {"logs-${topic}-v1", "a", "", "logs-a-v1"},
		"time":              {"${topic}-${time:yyyy.MM.dd}", "a", "", "a-2024.12.30"},
		"short time":        {"x${time:yyMMdd-HH.mm.ss}", "a", "", "x241230-03.04.05"},
		"week":              {"x-${time:YYYY-'w'ww}", "a", "", "x-2025-w01"},
		"day of the year":   {"x-${time:uuuuDDD}", "a", "", "x-2024365"},
		"unpadded":          {"x-${time:M.d.H.m.s}", "a", "", "x-12.30.3.4.5"},
		"field":             {"${topic}-${field:Tenant}", "a", `{"Tenant":"ACME"}`, "a-acme"},
		"nested field":      {"x-${field:a.b}", "a", `{"b":1,"a":{"c":2,"b":true}}`, "x-true"},
		"escaped name":      {"x-${field:ü}", "a", `{"\u00fc":"y"}`, "x-y"},
		"no field":          {"x-${field:a}", "a", `{"b":1}`, "error the document has no text or number in field a, which the name of its index needs (x-${field:a})"},
		"null field":        {"x-${field:a}", "a", `{"a":null}`, "error the document has no text or number in field a"},
		"bad name":          {"x-${field:a}", "a", `{"a":"b c"}`, `error the name of the index would be "x-b c" (x-${field:a}), which has one of`},
		"too long":          {"x-${field:a}", "a", `{"a":"` + strings.Repeat("y", 300) + `"}`, "error the name of the index would be"},
		"begins with field": {"${field:a}", "a", `{"a":"_x"}`, "error the name of the index would be"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := ParsePattern(c.pattern)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // made, then remembered
				got, err := p.Name(c.topic, at, []byte(c.document))
				if err != nil {
					got = "error " + err.Error()
				}
				if got != c.want && !(strings.HasPrefix(c.want, "error ") && strings.HasPrefix(got, c.want)) {
					t.Errorf("got %s, want %s", got, c.want)
				}
			}
		})
	}
}

func TestPatternsThatAreNone(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                  "empty",
		"${topic":           "no closing bracket",
		"${what}":           "not known",
		"${field:}":         "names separated by dots",
		"${field:a..b}":     "names separated by dots",
		"${time}":           "needs a pattern",
		"${time:yyy}":       "not known",
		"${time:QQ}":        "not known",
		"${time:yyyy/MM}":   `"/" has one of`,
		"${time:yyyy'T}":    "no closing quote",
		"${time:yyyy'Log'}": "upper case",
		"Logs-${topic}":     "upper case",
		"-x":                "begins with",
		"a b":               "blank",
		"a-${topic}-B":      "upper case",
	} {
		t.Run(pattern, func(t *testing.T) {
			if _, err := ParsePattern(pattern); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, expected is %s", err, want)
			}
		})
	}
}

func TestNamesChangeWithTheTime(t *testing.T) {
	p, err := ParsePattern("x-${time:HH-mm-ss}")
	if err != nil {
		t.Fatal(err)
	}
	for millis, want := range map[int64]string{0: "x-00-00-00", 999: "x-00-00-00", 1000: "x-00-00-01", -1: "x-23-59-59", 60_000: "x-00-01-00"} {
		if got, err := p.Name("t", millis, nil); err != nil || got != want {
			t.Errorf("%d: %s, %v, want %s", millis, got, err, want)
		}
	}
	if _, err := p.Name("t", data.NoTimestamp, nil); err == nil || !strings.Contains(err.Error(), "no time") {
		t.Errorf("%v", err)
	}
	hot := func() {
		if _, err := p.Name("t", 1000, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(100, hot); n > 0 {
		t.Errorf("a name that is known takes %v allocations", n)
	}
}

func TestIndexNames(t *testing.T) {
	for name, fine := range map[string]bool{
		"orders": true, ".hidden": true, "a-b_c.d+1": true, "ü": true,
		"": false, ".": false, "..": false, "_a": false, "A": false, "a:b": false, "a#b": false, "a\nb": false, "\xff": false,
		strings.Repeat("a", 255): true, strings.Repeat("a", 256): false,
	} {
		if err := CheckIndex(name); (err == nil) != fine {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPaths(t *testing.T) {
	p, err := PointerPath("/a~1b/~0c")
	if err != nil || p.String() != "a/b.~c" {
		t.Fatalf("%v, %v", p, err)
	}
	if text, ok := p.Text([]byte(`{"a/b":{"~c":5}}`)); !ok || text != "5" {
		t.Errorf("%q, %v", text, ok)
	}
	if _, err := PointerPath("a/b"); err == nil {
		t.Error("a pointer without a slash is one")
	}
}

func TestTimestamped(t *testing.T) {
	for name, c := range map[string]struct {
		document string
		fields   []Path
		millis   int64
		want     string
	}{
		"record's":        {`{"a":1}`, nil, 5, `{"@timestamp":5,"a":1}`},
		"empty":           {`{ }`, nil, 5, `{"@timestamp":5}`},
		"own":             {`{"@timestamp":7,"a":1}`, nil, 5, `{"@timestamp":7,"a":1}`},
		"field":           {`{"a":1,"at":"2024-01-01"}`, []Path{{"x"}, {"at"}}, 5, `{"@timestamp":"2024-01-01","a":1,"at":"2024-01-01"}`},
		"field over own":  {`{"@timestamp":7,"at":8}`, []Path{{"at"}}, 5, `{"@timestamp":8,"at":8}`},
		"null field":      {`{"at":null}`, []Path{{"at"}}, 5, `{"@timestamp":5,"at":null}`},
		"own as a field":  {`{"a":1,"@timestamp":7}`, []Path{{"@timestamp"}}, 5, `{"a":1,"@timestamp":7}`},
		"nested field":    {`{"a":{"at":9}}`, []Path{{"a", "at"}}, data.NoTimestamp, `{"@timestamp":9,"a":{"at":9}}`},
		"no time at all":  {`{"a":1}`, nil, data.NoTimestamp, "error"},
		"own without any": {`{"@timestamp":7}`, nil, data.NoTimestamp, `{"@timestamp":7}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := AppendTimestamped(nil, []byte(c.document), c.fields, c.millis)
			if err != nil && c.want == "error" {
				return
			}
			if err != nil || string(got) != c.want {
				t.Errorf("%s, %v, want %s", got, err, c.want)
			}
		})
	}
}
