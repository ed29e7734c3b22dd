package rest_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/rest"
)

func TestSignIn(t *testing.T) {
	handler := rest.New(rest.Settings{
		Herder: shared.herder, Logger: hclog.NewNullLogger(), AllowOrigin: "https://a.example",
		SignIn: func(user, password string) bool { return user == "alice" && password == "pä:ss" },
	}).Handler()
	for name, test := range map[string]struct {
		method, path string
		authorize    func(r *http.Request)
		status       int
	}{
		"right":                           {"GET", "/connectors", func(r *http.Request) { r.SetBasicAuth("alice", "pä:ss") }, 200},
		"nobody":                          {"GET", "/connectors", func(*http.Request) {}, 401},
		"wrong password":                  {"GET", "/connectors", func(r *http.Request) { r.SetBasicAuth("alice", "pass") }, 401},
		"wrong user":                      {"GET", "/connectors", func(r *http.Request) { r.SetBasicAuth("bob", "pä:ss") }, 401},
		"nothing in it":                   {"GET", "/connectors", func(r *http.Request) { r.SetBasicAuth("", "") }, 401},
		"another scheme":                  {"GET", "/connectors", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401},
		"no base64":                       {"GET", "/connectors", func(r *http.Request) { r.Header.Set("Authorization", "Basic !") }, 401},
		"the worker itself":               {"GET", "/", func(*http.Request) {}, 401},
		"health":                          {"GET", "/health", func(*http.Request) {}, 401},
		"metrics":                         {"GET", "/metrics", func(*http.Request) {}, 401},
		"metrics, right":                  {"GET", "/metrics", func(r *http.Request) { r.SetBasicAuth("alice", "pä:ss") }, 200},
		"loggers":                         {"PUT", "/admin/loggers/root", func(*http.Request) {}, 401},
		"the page":                        {"GET", "/ui/", func(*http.Request) {}, 401},
		"what is not there":               {"GET", "/nowhere", func(*http.Request) {}, 401},
		"a change":                        {"DELETE", "/connectors/no-such", func(*http.Request) {}, 401},
		"a change, right":                 {"DELETE", "/connectors/no-such", func(r *http.Request) { r.SetBasicAuth("alice", "pä:ss") }, 404},
		"task configurations of a worker": {"POST", "/connectors/a/tasks", func(*http.Request) {}, 403}, // it asks for a signature, in a group
		"a fence of a worker":             {"PUT", "/connectors/a/fence", func(*http.Request) {}, 403},
		"what is like it":                 {"PUT", "/connectors/a/tasks", func(*http.Request) {}, 401},
		"the tasks":                       {"GET", "/connectors/a/tasks", func(*http.Request) {}, 401},
		"options":                         {"OPTIONS", "/connectors", func(*http.Request) {}, 401},
		"a browser that asks": {"OPTIONS", "/connectors", func(r *http.Request) {
			r.Header.Set("Origin", "https://a.example")
			r.Header.Set("Access-Control-Request-Method", "GET")
		}, 200},
		"of another page that may": {"GET", "/connectors", func(r *http.Request) { r.Header.Set("Origin", "https://a.example") }, 401},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, test.path, nil)
			test.authorize(r)
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, r)
			if recorder.Code != test.status {
				t.Errorf("status %d, want %d: %s", recorder.Code, test.status, recorder.Body)
			}
			checkAnswer(t, r, recorder)
			if challenge := recorder.Header().Get("WWW-Authenticate"); (challenge != "") != (test.status == 401) {
				t.Errorf("WWW-Authenticate is %q", challenge)
			}
		})
	}
}

func TestPartsOfTheAPI(t *testing.T) {
	for name, test := range map[string]struct {
		part rest.Part
		have []string
	}{
		"everything":    {rest.Everything, []string{"/", "/admin/loggers", "/connectors", "/metrics", "/ui/"}},
		"without admin": {rest.WithoutAdmin, []string{"/", "/connectors", "/metrics", "/ui/"}},
		"admin only":    {rest.AdminOnly, []string{"/admin/loggers"}},
	} {
		t.Run(name, func(t *testing.T) {
			handler := rest.New(rest.Settings{Herder: shared.herder, Logger: hclog.NewNullLogger(), Part: test.part}).Handler()
			for _, path := range []string{"/", "/admin/loggers", "/connectors", "/metrics", "/ui/"} {
				recorder := httptest.NewRecorder()
				handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
				want := http.StatusNotFound
				if slices.Contains(test.have, path) {
					want = http.StatusOK
				}
				if recorder.Code != want {
					t.Errorf("%s: status %d, want %d", path, recorder.Code, want)
				}
			}
		})
	}
}
