package rest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/rest"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

func TestHeaderRules(t *testing.T) {
	for name, test := range map[string]struct {
		text    string
		want    []rest.HeaderRule
		problem string
	}{
		"none":    {" ", nil, ""},
		"one":     {"set X-Frame-Options: DENY", []rest.HeaderRule{{Name: "X-Frame-Options", Value: "DENY"}}, ""},
		"several": {`add  A:1, "add Cache-Control: no-cache, no-store" ,SET b : x:y`, []rest.HeaderRule{{Add: true, Name: "A", Value: "1"}, {Add: true, Name: "Cache-Control", Value: "no-cache, no-store"}, {Name: "b", Value: "x:y"}}, ""},
		"dates":   {"setDate Expires: 31540000000,addDate Date: -1", []rest.HeaderRule{{Date: true, Name: "Expires", Value: "31540000000", After: 31540000 * time.Second}, {Date: true, Add: true, Name: "Date", Value: "-1", After: -time.Millisecond}}, ""},
		"empty":   {"set A:", []rest.HeaderRule{{Name: "A"}}, ""},

		"no action":       {"X-Frame-Options: DENY", nil, "invalid format of header config 'X-Frame-Options: DENY'"},
		"other action":    {"remove A: b", nil, "remove is not one of [set, add, setDate, addDate]"},
		"no value":        {"set A", nil, "invalid format"},
		"no rule":         {"set A: b,,set C: d", nil, "invalid format of header config ''"},
		"comma unquoted":  {"set Cache-Control: no-cache, no-store", nil, "invalid format of header config 'no-store'"},
		"open quote":      {`"set A: b`, nil, "a double quote is not closed"},
		"behind a quote":  {`"set A: b" set C: d`, nil, "invalid header config"},
		"name of spaces":  {"set A B: c", nil, "invalid format"},
		"name with a dot": {"set A(B: c", nil, "A(B is no name of a header"},
		"no date":         {"setDate Expires: tomorrow", nil, "a number of milliseconds"},
		"split answer":    {"set A: b\r\nC: d", nil, "control characters"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := rest.ParseHeaders(test.text)
			if (err != nil) != (test.problem != "") || err != nil && !strings.Contains(err.Error(), test.problem) {
				t.Errorf("err %v, want %q", err, test.problem)
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func FuzzParseHeaders(f *testing.F) {
	f.Add(`set A: b, "add C: d, e", setDate F: 1`)
	f.Add(`"`)
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := rest.ParseHeaders(text)
		if err != nil {
			return
		}
		recorder := httptest.NewRecorder()
		rest.New(rest.Settings{Logger: hclog.NewNullLogger(), Headers: rules}).Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/nowhere", nil))
		if recorder.Code != http.StatusNotFound {
			t.Fatalf("%q: status %d", text, recorder.Code)
		}
		for _, r := range rules {
			if strings.ContainsAny(r.Name+r.Value, "\r\n") || r.Name == "" {
				t.Fatalf("%q: %+v", text, r)
			}
		}
	})
}

// Every answer has them: those of handlers, refusals and failures.
func TestHeadersOfAnswers(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		rules, err := rest.ParseHeaders(`set X-Frame-Options: DENY, add Vary: Accept, set content-type: text/plain, setDate Expires: 60000`)
		if err != nil {
			t.Fatal(err)
		}
		handler := rest.New(rest.Settings{Logger: hclog.NewNullLogger(), Headers: rules, AllowOrigin: "https://a.example"}).Handler()
		for path, status := range map[string]int{"/openapi.yaml": 200, "/nowhere": 404, "/connectors": 500} { // no herder: a panic
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
			h := recorder.Header()
			got := []string{h.Get("X-Frame-Options"), strings.Join(h.Values("Vary"), "+"), h.Get("Content-Type"), h.Get("Expires")}
			if d := cmp.Diff([]string{"DENY", "Origin+Accept", "text/plain", "Sat, 01 Jan 2000 00:01:00 GMT"}, got); d != "" || recorder.Code != status {
				t.Errorf("%s: %d %s", path, recorder.Code, d)
			}
		}
	})
}
