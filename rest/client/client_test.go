package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/rest/client"
)

// answering starts a server that answers everything alike, and returns a client of it and what the server was last sent.
func answering(t *testing.T, status int, contentType, body string) (*client.Client, *string) {
	t.Helper()
	var sent string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", r.Method, r.RequestURI, r.Header.Get("Content-Type"), text))
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	c, err := client.New(server.URL+"/", server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return c, &sent
}

func TestRequests(t *testing.T) {
	ctx := context.Background()
	const odd = "a/b %2F->ü?#.;+"
	const escaped = "a%2Fb%20%252F-%3E%C3%BC%3F%23.%3B+"
	value := "1"
	tests := map[string]struct {
		call   func(c *client.Client) (any, error)
		status int
		answer string
		sent   string
		want   string // the result as JSON
	}{
		"ServerInfo": {func(c *client.Client) (any, error) { return c.ServerInfo(ctx) }, 200, `{"version":"4.3.1","commit":"c","kafka_cluster_id":"k"}`,
			"GET /", `{"version":"4.3.1","commit":"c","kafka_cluster_id":"k"}`},
		"Health": {func(c *client.Client) (any, error) { return c.Health(ctx) }, 200, `{"status":"healthy","message":"m"}`,
			"GET /health", `{"status":"healthy","message":"m"}`},
		"Health, starting": {func(c *client.Client) (any, error) { return c.Health(ctx) }, 503, `{"status":"starting","message":"m"}`,
			"GET /health", `{"status":"starting","message":"m"}`},
		"Connectors": {func(c *client.Client) (any, error) { return c.Connectors(ctx) }, 200, `["a"]`, "GET /connectors", `["a"]`},
		"Expand": {func(c *client.Client) (any, error) { return c.Expand(ctx) }, 200, `{"a":{"info":{"name":"a","config":{},"tasks":[],"type":"sink"}}}`,
			"GET /connectors?expand=status&expand=info",
			`{"a":{"status":{"name":"","connector":{"state":"","worker_id":"","version":null},"tasks":null,"type":""},"info":{"name":"a","config":{},"tasks":[],"type":"sink"}}}`},
		"Info": {func(c *client.Client) (any, error) { return c.Info(ctx, odd) }, 200, `{"name":"a","config":{"b":"<c>"},"tasks":[{"connector":"a","task":1}],"type":"source"}`,
			"GET /connectors/" + escaped, `{"name":"a","config":{"b":"\u003cc\u003e"},"tasks":[{"connector":"a","task":1}],"type":"source"}`},
		"Config": {func(c *client.Client) (any, error) { return c.Config(ctx, odd) }, 200, `{"a":"b"}`, "GET /connectors/" + escaped + "/config", `{"a":"b"}`},
		"Tasks": {func(c *client.Client) (any, error) { return c.Tasks(ctx, odd) }, 200, `[{"id":{"connector":"a","task":0},"config":{"b":"c"}}]`,
			"GET /connectors/" + escaped + "/tasks", `[{"id":{"connector":"a","task":0},"config":{"b":"c"}}]`},
		"Status": {func(c *client.Client) (any, error) { return c.Status(ctx, odd) }, 200,
			`{"name":"a","connector":{"state":"RUNNING","worker_id":"w:1","version":"1"},"tasks":[{"id":0,"state":"FAILED","worker_id":"w:1","version":null,"trace":"t"}],"type":"sink"}`,
			"GET /connectors/" + escaped + "/status",
			`{"name":"a","connector":{"state":"RUNNING","worker_id":"w:1","version":"1"},"tasks":[{"id":0,"state":"FAILED","worker_id":"w:1","version":null,"trace":"t"}],"type":"sink"}`},
		"TaskStatus": {func(c *client.Client) (any, error) { return c.TaskStatus(ctx, odd, 12) }, 200, `{"id":12,"state":"PAUSED","worker_id":"w:1","version":null}`,
			"GET /connectors/" + escaped + "/tasks/12/status", `{"id":12,"state":"PAUSED","worker_id":"w:1","version":null}`},
		"Create": {func(c *client.Client) (any, error) { return c.Create(ctx, odd, map[string]string{"a": "b"}, "") }, 201, `{"name":"a","config":{},"tasks":[],"type":"sink"}`,
			`POST /connectors application/json {"name":"a/b %2F-\u003eü?#.;+","config":{"a":"b"}}`, `{"name":"a","config":{},"tasks":[],"type":"sink"}`},
		"Create, stopped": {func(c *client.Client) (any, error) {
			return c.Create(ctx, "a", map[string]string{}, herder.TargetStopped)
		}, 201, `{}`,
			`POST /connectors application/json {"name":"a","config":{},"initial_state":"STOPPED"}`, `{"name":"","config":null,"tasks":null,"type":""}`},
		"PutConfig, new": {func(c *client.Client) (any, error) { return put(c, odd, map[string]string{"a": "b"}) }, 201, `{"name":"a","config":{},"tasks":[],"type":"sink"}`,
			"PUT /connectors/" + escaped + `/config application/json {"a":"b"}`, `{"info":{"name":"a","config":{},"tasks":[],"type":"sink"},"created":true}`},
		"PutConfig, nothing": {func(c *client.Client) (any, error) { return put(c, "a", nil) }, 200, `{"name":"a","config":{},"tasks":[],"type":"sink"}`,
			`PUT /connectors/a/config application/json {}`, `{"info":{"name":"a","config":{},"tasks":[],"type":"sink"},"created":false}`},
		"PatchConfig": {func(c *client.Client) (any, error) {
			return c.PatchConfig(ctx, odd, map[string]*string{"a": &value, "b": nil})
		}, 200, `{"name":"a","config":{},"tasks":[],"type":"sink"}`,
			"PATCH /connectors/" + escaped + `/config application/json {"a":"1","b":null}`, `{"name":"a","config":{},"tasks":[],"type":"sink"}`},
		"PatchConfig, nothing": {func(c *client.Client) (any, error) { return c.PatchConfig(ctx, "a", nil) }, 200, `{"name":"a","config":{},"tasks":[],"type":"sink"}`,
			`PATCH /connectors/a/config application/json {}`, `{"name":"a","config":{},"tasks":[],"type":"sink"}`},
		"Delete":           {func(c *client.Client) (any, error) { return nil, c.Delete(ctx, odd) }, 204, "", "DELETE /connectors/" + escaped, "null"},
		"Pause":            {func(c *client.Client) (any, error) { return nil, c.Pause(ctx, odd) }, 202, "", "PUT /connectors/" + escaped + "/pause", "null"},
		"Resume":           {func(c *client.Client) (any, error) { return nil, c.Resume(ctx, odd) }, 202, "", "PUT /connectors/" + escaped + "/resume", "null"},
		"Stop":             {func(c *client.Client) (any, error) { return nil, c.Stop(ctx, odd) }, 204, "", "PUT /connectors/" + escaped + "/stop", "null"},
		"RestartConnector": {func(c *client.Client) (any, error) { return nil, c.RestartConnector(ctx, odd) }, 204, "", "POST /connectors/" + escaped + "/restart", "null"},
		"Restart": {func(c *client.Client) (any, error) { return c.Restart(ctx, odd, true, false) }, 202, `{"name":"a","connector":{"state":"RESTARTING","worker_id":"w:1","version":null},"tasks":[],"type":"sink"}`,
			"POST /connectors/" + escaped + "/restart?includeTasks=true&onlyFailed=false", `{"name":"a","connector":{"state":"RESTARTING","worker_id":"w:1","version":null},"tasks":[],"type":"sink"}`},
		"RestartTask": {func(c *client.Client) (any, error) { return nil, c.RestartTask(ctx, odd, 3) }, 204, "", "POST /connectors/" + escaped + "/tasks/3/restart", "null"},
		"Topics":      {func(c *client.Client) (any, error) { return c.Topics(ctx, "a") }, 200, `{"a":{"topics":["t"]}}`, "GET /connectors/a/topics", `["t"]`},
		"ResetTopics": {func(c *client.Client) (any, error) { return nil, c.ResetTopics(ctx, odd) }, 202, "", "PUT /connectors/" + escaped + "/topics/reset", "null"},
		"Plugins": {func(c *client.Client) (any, error) { return c.Plugins(ctx, false) }, 200, `[{"class":"A","type":"sink"}]`,
			"GET /connector-plugins?connectorsOnly=false", `[{"class":"A","type":"sink"}]`},
		"Offsets": {func(c *client.Client) (any, error) { return c.Offsets(ctx, odd) }, 200, `{"offsets":[{"partition":{"a":1},"offset":{"b":9007199254740993}}]}`,
			"GET /connectors/" + escaped + "/offsets", `[{"partition":{"a":1},"offset":{"b":9007199254740993}}]`},
		"AlterOffsets": {func(c *client.Client) (any, error) {
			return c.AlterOffsets(ctx, odd, []herder.Offset{{Partition: []byte(`{"a":1}`), Offset: []byte(`{"b":2}`)}, {Partition: []byte(`{"a":2}`)}})
		}, 200, `{"message":"m"}`,
			"PATCH /connectors/" + escaped + `/offsets application/json {"offsets":[{"partition":{"a":1},"offset":{"b":2}},{"partition":{"a":2},"offset":null}]}`, `"m"`},
		"ResetOffsets": {func(c *client.Client) (any, error) { return c.ResetOffsets(ctx, odd) }, 200, `{"message":"m"}`,
			"DELETE /connectors/" + escaped + "/offsets", `"m"`},
		"PluginConfig": {func(c *client.Client) (any, error) { return c.PluginConfig(ctx, "a.B", "") }, 200, `[]`,
			"GET /connector-plugins/a.B/config", `[]`},
		"PluginConfig of a version": {func(c *client.Client) (any, error) { return c.PluginConfig(ctx, "a.B", "[1,2)") }, 200, `[]`,
			"GET /connector-plugins/a.B/config?version=%5B1%2C2%29", `[]`},
		"Loggers": {func(c *client.Client) (any, error) { return c.Loggers(ctx) }, 200, `{"root":{"level":"INFO","last_modified":null}}`,
			"GET /admin/loggers", `{"root":{"level":"INFO","last_modified":null}}`},
		"Logger": {func(c *client.Client) (any, error) { return c.Logger(ctx, "a b") }, 200, `{"level":"INFO","last_modified":5}`,
			"GET /admin/loggers/a%20b", `{"level":"INFO","last_modified":5}`},
		"SetLogger": {func(c *client.Client) (any, error) { return c.SetLogger(ctx, "a.b", "DEBUG") }, 200, `["a.b","a.b.c"]`,
			`PUT /admin/loggers/a.b application/json {"level":"DEBUG"}`, `["a.b","a.b.c"]`},
		"SetClusterLogger": {func(c *client.Client) (any, error) { return nil, c.SetClusterLogger(ctx, "a.b", "DEBUG") }, 204, "",
			`PUT /admin/loggers/a.b?scope=cluster application/json {"level":"DEBUG"}`, "null"},
		"Validate": {func(c *client.Client) (any, error) {
			return c.Validate(ctx, "a.B", map[string]string{"connector.class": "a.B"})
		}, 200,
			`{"name":"a.B","error_count":0,"groups":[],"configs":[]}`,
			`PUT /connector-plugins/a.B/config/validate application/json {"connector.class":"a.B"}`, `{"name":"a.B","error_count":0,"groups":[],"configs":[]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, sent := answering(t, test.status, "application/json", test.answer)
			result, err := test.call(c)
			if err != nil {
				t.Fatal(err)
			}
			if *sent != test.sent {
				t.Errorf("sent\n\t%s\nwant\n\t%s", *sent, test.sent)
			}
			got, err := json.Marshal(result)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, string(got)); d != "" {
				t.Error(d)
			}
		})
	}
}

// putResult is what PutConfig returns.
type putResult struct {
	Info    herder.ConnectorInfo `json:"info"`
	Created bool                 `json:"created"`
}

func put(c *client.Client, name string, config map[string]string) (putResult, error) {
	info, created, err := c.PutConfig(context.Background(), name, config)
	return putResult{info, created}, err
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   client.Error
	}{
		"of a worker":            {404, `{"error_code":404,"message":"Connector a not found"}`, client.Error{Code: 404, Message: "Connector a not found"}},
		"with another code":      {500, `{"error_code":409,"message":"busy"}`, client.Error{Code: 409, Message: "busy"}},
		"without code":           {500, `{"message":"busy"}`, client.Error{Code: 500, Message: "busy"}},
		"without message":        {409, `{"error_code":409,"message":null}`, client.Error{Code: 409, Message: `Conflict {"error_code":409,"message":null}`}},
		"of a proxy":             {502, "<html>\nno upstream</html>\n", client.Error{Code: 502, Message: "Bad Gateway <html>\nno upstream</html>"}},
		"empty":                  {503, "", client.Error{Code: 503, Message: "Service Unavailable"}},
		"empty and of no kind":   {599, "", client.Error{Code: 599, Message: "no message"}},
		"long and not UTF-8":     {500, "\xff" + strings.Repeat("a", 300), client.Error{Code: 500, Message: "Internal Server Error \uFFFD" + strings.Repeat("a", 199) + " …"}},
		"JSON, but of no object": {500, `"a"`, client.Error{Code: 500, Message: `Internal Server Error "a"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := answering(t, test.status, "application/json", test.body)
			_, err := c.Info(context.Background(), "a")
			var got *client.Error
			if !errors.As(err, &got) {
				t.Fatalf("%v is no client.Error", err)
			}
			test.want.Method, test.want.Path = "GET", "/connectors/a"
			if d := cmp.Diff(test.want, *got); d != "" {
				t.Error(d)
			}
			if want := fmt.Sprintf("%s (%d, GET /connectors/a)", test.want.Message, test.want.Code); got.Error() != want {
				t.Errorf("%q, want %q", got, want)
			}
			if client.IsNotFound(err) != (test.want.Code == 404) {
				t.Errorf("IsNotFound is %t", client.IsNotFound(err))
			}
			if _, err := c.Health(context.Background()); !errors.As(err, &got) {
				t.Errorf("health: %v is no client.Error", err)
			}
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	c, _ := answering(t, 200, "text/html", "<html>welcome</html>")
	_, err := c.Connectors(context.Background())
	if err == nil || !strings.Contains(err.Error(), "is not that of a Kafka Connect worker") || !strings.Contains(err.Error(), "welcome") {
		t.Errorf("%v", err)
	}
	var refusal *client.Error
	if errors.As(err, &refusal) {
		t.Errorf("%v is no refusal", err)
	}
}

func TestNoWorker(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c, err := client.New(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Connectors(context.Background())
	if err == nil || !strings.HasPrefix(err.Error(), "the worker at "+server.URL+" gave no answer: ") {
		t.Errorf("%v", err)
	}
}

func TestContextEnds(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(arrived); <-release }))
	defer server.Close()
	defer close(release)
	c, err := client.New(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-arrived; cancel() }()
	if _, err := c.Connectors(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestRestartNeedsAFlag(t *testing.T) {
	c, sent := answering(t, 204, "", "")
	if _, err := c.Restart(context.Background(), "a", false, false); err == nil || *sent != "" {
		t.Errorf("%v, sent %q", err, *sent)
	}
}

func TestAddresses(t *testing.T) {
	for address, ok := range map[string]bool{
		"http://localhost:8083":          true,
		"https://a.example/connect/":     true,
		"http://[::1]:8083":              true,
		"localhost:8083":                 false,
		"":                               false,
		"8083":                           false,
		"http://":                        false,
		"ftp://a":                        false,
		"http://a/?x=y":                  false,
		"http://a b":                     false,
		"http://a/connect#part":          false,
		"unix:///run/outboard/rest.sock": false,
	} {
		_, err := client.New(address, nil)
		if (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && !strings.Contains(err.Error(), "http://localhost:8083") {
			t.Errorf("%q: the error does not show what an address looks like: %v", address, err)
		}
	}
}
