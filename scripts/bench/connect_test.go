package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestConnectRunning(t *testing.T) {
	tests := map[string]struct {
		code  int
		body  string
		want  bool
		error string
	}{
		"running":          {200, `{"connector":{"state":"RUNNING"},"tasks":[{"state":"RUNNING"}]}`, true, ""},
		"no task yet":      {200, `{"connector":{"state":"RUNNING"},"tasks":[]}`, false, ""},
		"unassigned":       {200, `{"connector":{"state":"RUNNING"},"tasks":[{"state":"RUNNING"},{"state":"UNASSIGNED"}]}`, false, ""},
		"connector paused": {200, `{"connector":{"state":"PAUSED"},"tasks":[{"state":"RUNNING"}]}`, false, ""},
		"not there":        {404, `{"error_code":404,"message":"no"}`, false, ""},
		"task failed":      {200, `{"connector":{"state":"RUNNING"},"tasks":[{"state":"FAILED","trace":"it broke"}]}`, false, "connector c failed: it broke"},
		"connector failed": {200, `{"connector":{"state":"FAILED","trace":"it broke"},"tasks":[]}`, false, "it broke"},
		"refused":          {400, `{"error_code":400,"message":"bad"}`, false, "answered 400"},
		"no JSON":          {200, `<html>`, false, "status of connector c"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != "/connectors/c/status" {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				w.WriteHeader(test.code)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			got, err := connect{server.URL}.running(t.Context(), "c")
			checkError(t, err, test.error)
			if got != test.want {
				t.Errorf("running is %t", got)
			}
		})
	}
}

// TestConnectRepeats: a worker that is busy with a rebalance says so.
func TestConnectRepeats(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		if body, _ := io.ReadAll(r.Body); string(body) != `{"topic":"t"}` {
			t.Errorf("body %s in request %d", body, requests)
		}
		if requests == 1 {
			w.WriteHeader(http.StatusConflict)
			return
		}
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()
	if err := (connect{server.URL}).put(t.Context(), "c", map[string]string{"topic": "t"}); err != nil || requests != 2 {
		t.Errorf("%d requests, error %v", requests, err)
	}
}
