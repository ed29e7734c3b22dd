package exchanges

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	steps, err := Parse("# x\n[a] GET /\n\n@until /connectors/a/status RUNNING \"id\":0\n[b] PUT /c/%2F d\n: Content-Type: x/y\n: Accept: \n{\n  \"a\": 1}\n\n[c] DELETE /c")
	if err != nil {
		t.Fatal(err)
	}
	want := []Step{
		{Line: 2, Label: "a", Method: "GET", Path: "/"},
		{Line: 4, Method: "GET", Path: "/connectors/a/status", Until: []string{"RUNNING", `"id":0`}},
		{Line: 5, Label: "b", Method: "PUT", Path: "/c/%2F d", Headers: [][2]string{{"Content-Type", "x/y"}, {"Accept", ""}}, Body: "{\n  \"a\": 1}", HasBody: true},
		{Line: 11, Label: "c", Method: "DELETE", Path: "/c"},
	}
	if d := cmp.Diff(want, steps); d != "" {
		t.Error(d)
	}
	for _, wrong := range []string{"GET /", "[a] GET", "[a GET /", "@until /x", "[a] GET /\n\n[a] GET /"} {
		if _, err := Parse(wrong); err == nil {
			t.Errorf("%q is a script", wrong)
		}
	}
}

func TestCompare(t *testing.T) {
	list := func(names ...string) string {
		return `{"configs":[{"value":{"name":"` + strings.Join(names, `","x":[]}},{"value":{"name":"`) + `","x":[]}}]}`
	}
	for name, c := range map[string]struct {
		one, other string
		want       string // fields that differ
	}{
		"the same":            {`{"a":[1,{"b":null}],"c":9007199254740993}`, ` {"c":9007199254740993, "a":[1,{"b":null}]}`, ""},
		"a number's text":     {`{"a":1}`, `{"a":1.0}`, "body.a"},
		"absent":              {`{"a":1}`, `{"a":1,"b":{"c":true}}`, "body.b.c"},
		"empty and absent":    {`{"a":[]}`, `{}`, "body body.a"},
		"a longer list":       {`[1]`, `[1,2]`, "body[1]"},
		"named elements":      {list("a", "b"), list("a", "c", "b"), "body.configs[c].value.name body.configs[c].value.x"},
		"another order":       {list("a", "b"), list("b", "x", "a"), "body.configs.order of elements body.configs[x].value.name body.configs[x].value.x"},
		"strings of a list":   {`["x"]`, `["y"]`, "body[x] body[y]"},
		"a name twice":        {`["x"]`, `["x","x"]`, "body[x#2]"},
		"no JSON":             {`<html>`, `{"a":1}`, "body body.a"},
		"nothing":             {``, `{}`, "body"},
		"equal, with no JSON": {`GET, PUT`, `GET, PUT`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range Compare("x", Answer{Status: 200, Body: c.one}, Answer{Status: 200, Body: c.other}) {
				got = append(got, d.Field)
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("differ in %s, want %s", text, c.want)
			}
		})
	}
	d := Compare("x", Answer{Status: 200, Headers: map[string]string{"Allow": "GET"}}, Answer{Status: 404})
	if len(d) != 2 || d[0].String() != "x | Allow | GET ≠ (absent)" || d[1].Field != "status" {
		t.Errorf("got %v", d)
	}
	d = Compare("x", Answer{Status: 200, Body: `{"a":1}`}, Answer{Status: 400, Body: `{"message":"no"}`})
	if len(d) != 2 || d[0].String() != `x | body | {"a":1} ≠ {"message":"no"}` {
		t.Errorf("got %v", d)
	}
}

func TestRules(t *testing.T) {
	rules, err := ParseRules("# why\noffsets-* | body.message | (goes on) ours helps\n* | body.x[*].y | because\nnever | status | not\nnever | x | (sometimes) perhaps\n")
	if err != nil {
		t.Fatal(err)
	}
	for d, want := range map[Difference]string{
		{"offsets-1", "body.message", `"No."`, `"No. Do this"`}: "ours helps",
		{"offsets-1", "body.message", `"No."`, `"Yes"`}:         "",
		{"other", "body.message", `"No."`, `"No. Do this"`}:     "",
		{"a", "body.x[org/b].y", "1", "2"}:                      "because",
		{"a", "body.x.y", "1", "2"}:                             "",
	} {
		if reason, ok := rules.Explain(d); reason != want || ok != (want != "") {
			t.Errorf("%v is explained by %q", d, reason)
		}
	}
	if unused := rules.Unused(); len(unused) != 1 || !strings.HasPrefix(unused[0], "line 4: never") {
		t.Errorf("unused %v", unused)
	}
	for _, wrong := range []string{"a | b", "a | b | "} {
		if _, err := ParseRules(wrong); err == nil {
			t.Errorf("%q is a rule", wrong)
		}
	}
}

func TestSides(t *testing.T) {
	asked := 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		if asked++; asked == 8 {
			cancel() // the patience of who waits for what never comes
		}
		w.Header().Set("Allow", "PUT,GET")
		w.Header().Set("Location", "http://"+r.Host+r.RequestURI)
		if r.Method == "GET" && asked > 3 {
			io.WriteString(w, "READY ")
		}
		io.WriteString(w, r.Header.Get("Content-Type")+" "+string(text))
	}))
	defer server.Close()
	side := Side{Address: strings.TrimPrefix(server.URL, "http://"), Names: []Name{{"id", "xyz"}}}
	got, err := side.Send(t.Context(), Step{Method: "PUT", Path: "/a-{id}/%2F", Body: `{"n": "{id}"}`, HasBody: true})
	if err != nil {
		t.Fatal(err)
	}
	want := Answer{200, map[string]string{"Content-Type": "text/plain; charset=utf-8", "Allow": "GET, PUT", "Location": "http://{address}/a-{id}/%2F"}, `application/json {"n": "{id}"}`}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if err := side.Await(t.Context(), Step{Path: "/", Method: "GET", Until: []string{"READY"}}); err != nil || asked != 4 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	if err := side.Await(ctx, Step{Path: "/", Method: "GET", Until: []string{"NEVER"}}); err == nil || !strings.Contains(err.Error(), "READY") {
		t.Errorf("got %v", err)
	}
}
