package rest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/host/herder/herdertest"
	"github.com/outboard-connect/outboard/rest"
	"github.com/outboard-connect/outboard/rest/client"
)

// hop is a request that a worker of a group got.
type hop struct {
	worker  int
	method  string
	path    string
	forward string
	signed  bool
	status  int
}

// group is workers that share their work, each with its REST API.
type group struct {
	t       *testing.T
	workers []*herdertest.Worker
	urls    []string // of the API of each, without a slash at the end

	mu   sync.Mutex
	hops []hop
}

// startGroup starts workers of a group of the test's own.
func startGroup(t *testing.T, workers int) *group {
	t.Helper()
	g, name := &group{t: t}, rand.Text()
	for n := range workers {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		peers := rest.NewPeers(nil)
		url := "http://" + listener.Addr().String()
		w, err := shared.kafka.Join(herdertest.Member{Group: name, URL: url + "/", Send: peers.Send})
		if err != nil {
			t.Fatal(err)
		}
		api := rest.New(rest.Settings{Herder: w.Herder, Peers: peers, Logger: hclog.NewNullLogger()})
		server := &http.Server{Handler: g.recorded(n, api.Handler())}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		t.Cleanup(func() {
			peers.Close()
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
		t.Cleanup(w.Stop)
		g.workers, g.urls = append(g.workers, w), append(g.urls, url)
	}
	return g
}

// recorded notes what a worker is asked.
func (g *group) recorded(worker int, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := hop{worker, r.Method, r.URL.EscapedPath(), r.URL.Query().Get("forward"), r.Header.Get("X-Connect-Authorization") != "", 0}
		seen := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		g.mu.Lock()
		defer g.mu.Unlock()
		h.status = seen.status
		g.hops = append(g.hops, h)
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// seen returns what was asked that fits; who answered last comes first, as the last hop does.
func (g *group) seen(fits func(hop) bool) (all []hop) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.hops {
		if fits(h) {
			all = append(all, h)
		}
	}
	return all
}

// reply is an answer of a worker.
type reply struct {
	status                      int
	contentType, location, body string
}

// ask sends a request to a worker.
func (g *group) ask(worker int, method, path, body string, headers ...string) reply {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, g.urls[worker]+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := io.Copy(&text, response.Body); err != nil {
		g.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header.Get("Content-Type"), response.Header.Get("Location"), text.String()}
}

// until asks a worker for the status of a connector until it fits.
func (g *group) until(worker int, name string, fits func(herder.ConnectorStatus) bool) herder.ConnectorStatus {
	g.t.Helper()
	c, err := client.New(g.urls[worker], nil)
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(g.t.Context(), patience)
	defer cancel()
	for {
		status, err := c.Status(ctx, name)
		if err == nil && fits(status) {
			return status
		}
		select {
		case <-time.After(20 * time.Millisecond): // the API has no other way to wait than to ask again
		case <-ctx.Done():
			g.t.Fatalf("%s: %+v, %v", name, status, err)
		}
	}
}

// leader finds the worker that carries out a change by itself.
func (g *group) leader() int {
	g.t.Helper()
	for n := range g.urls {
		path := fmt.Sprintf("/connectors/nobody-%d", n)
		if got := g.ask(n, "DELETE", path, ""); got.status != 404 {
			g.t.Fatalf("worker %d answers %+v", n, got)
		}
		if len(g.seen(func(h hop) bool { return h.path == path })) == 1 {
			return n
		}
	}
	g.t.Fatal("no worker leads")
	return 0
}

const groupConfig = `"connector.class":"RestTestSource","topic":"group","tasks.max":"6"`

// Whichever worker is asked, the answer is that of the one that carries the request out.
func TestWorkersAnswerForEachOther(t *testing.T) {
	g := startGroup(t, 3)
	leader := g.leader()
	for n := range g.urls {
		name := fmt.Sprintf("a%%2Fb %d", n) // of the connector a%2Fb
		path := fmt.Sprintf("/connectors/a%%252Fb%%20%d", n)
		named := strings.NewReplacer(name, "NAME", path, "/connectors/NAME", g.urls[n], "ASKED")
		for _, step := range []struct {
			method, path, body string
			want               reply
		}{
			{"POST", "/connectors", `{"name":"` + name + `","config":{` + groupConfig + `}}`,
				reply{201, "application/json", "ASKED/connectors/NAME", `{"name":"NAME","config":{` + `"connector.class":"RestTestSource","name":"NAME","tasks.max":"6","topic":"group"` + `},"tasks":[],"type":"source"}`}},
			{"POST", "/connectors", `{"name":"` + name + `","config":{` + groupConfig + `}}`,
				reply{409, "application/json", "", `{"error_code":409,"message":"Connector NAME already exists"}`}},
			{"PUT", path + "/pause", "", reply{202, "", "", ""}},
			{"PUT", path + "/stop", "", reply{204, "", "", ""}},
			{"POST", path + "/tasks/0/restart", "", reply{409, "application/json", "", `{"error_code":409,"message":"Connector NAME is STOPPED and has no tasks: resume it, which starts it with its tasks"}`}},
			{"DELETE", path, "", reply{204, "", "", ""}},
			{"DELETE", path, "", reply{404, "application/json", "", `{"error_code":404,"message":"Connector NAME not found"}`}},
		} {
			got := g.ask(n, step.method, step.path, step.body)
			got.location, got.body = named.Replace(got.location), named.Replace(got.body)
			if got != step.want {
				t.Errorf("worker %d, where %d leads: %s %s\n%+v, want\n%+v", n, leader, step.method, step.path, got, step.want)
			}
		}
	}
	if long := g.seen(func(h hop) bool { return h.forward == "false" }); len(long) > 0 {
		t.Errorf("what concerns the leader took a second hop: %+v", long)
	}
}

// A restart goes to the leader, and from there to the worker that runs the task, and no further.
func TestRestartTakesTwoHops(t *testing.T) {
	g := startGroup(t, 3)
	leader := g.leader()
	if got := g.ask(leader, "PUT", "/connectors/two-hops/config", "{"+groupConfig+"}"); got.status != 201 {
		t.Fatalf("%+v", got)
	}
	asked := (leader + 1) % 3
	third := (leader + 2) % 3
	everywhere := func(s herder.ConnectorStatus) bool { return len(s.Tasks) == 6 && in("RUNNING")(s) }
	var status herder.ConnectorStatus
	for n := range g.urls { // the leader must know the owners, too
		status = g.until(n, "two-hops", everywhere)
	}
	ownerOf := func(worker int) int {
		for _, task := range status.Tasks {
			if "http://"+task.WorkerID == g.urls[worker] {
				return task.ID
			}
		}
		t.Fatalf("worker %d runs no task: %+v", worker, status)
		return 0
	}
	for name, test := range map[string]struct {
		at, owner int
		want      []hop // the last one answers first
	}{
		"asked of the leader about its own":      {leader, leader, []hop{{leader, "POST", "", "", false, 204}}},
		"asked of the leader about another's":    {leader, third, []hop{{third, "POST", "", "true", false, 204}, {leader, "POST", "", "", false, 204}}},
		"asked of the owner":                     {third, third, []hop{{third, "POST", "", "", false, 204}}},
		"asked of a follower about the leader's": {asked, leader, []hop{{leader, "POST", "", "true", false, 204}, {asked, "POST", "", "", false, 204}}},
		"asked of a follower about another's": {asked, third, []hop{
			{third, "POST", "", "false", false, 204}, {leader, "POST", "", "true", false, 204}, {asked, "POST", "", "", false, 204}}},
	} {
		t.Run(name, func(t *testing.T) {
			path := fmt.Sprintf("/connectors/two-hops/tasks/%d/restart", ownerOf(test.owner))
			before := len(g.seen(func(h hop) bool { return h.path == path }))
			if got := g.ask(test.at, "POST", path, ""); got != (reply{status: 204}) {
				t.Errorf("%+v", got)
			}
			got := g.seen(func(h hop) bool { return h.path == path })[before:]
			for i := range got {
				got[i].path = ""
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("the hops were %+v, want %+v", got, test.want)
			}
		})
	}
}

// The connector's worker has the leader store the configurations of tasks, and signs what it asks. Nobody else can.
func TestOnlyWorkersPublishTasks(t *testing.T) {
	g := startGroup(t, 2)
	leader := g.leader()
	for n := range 4 { // of which each worker gets some
		name := fmt.Sprintf("published-%d", n)
		if got := g.ask(leader, "PUT", "/connectors/"+name+"/config", "{"+groupConfig+"}"); got.status != 201 {
			t.Fatalf("%+v", got)
		}
		g.until(leader, name, in("RUNNING"))
	}
	published := g.seen(func(h hop) bool { return strings.HasSuffix(h.path, "/tasks") && h.method == "POST" })
	if len(published) == 0 {
		t.Error("the leader alone published tasks")
	}
	for _, h := range published {
		if h.worker != leader || !h.signed || h.status != 204 {
			t.Errorf("tasks were published so: %+v", h)
		}
	}
	const path = "/connectors/published-0/tasks"
	before := g.ask(leader, "GET", path, "").body
	for name, test := range map[string]struct {
		headers []string
		status  int
		message string
	}{
		"no signature":    {nil, 400, "internal request missing required signature"},
		"no algorithm":    {[]string{"X-Connect-Authorization", "c2ln"}, 400, "internal request missing required signature"},
		"no base64":       {[]string{"X-Connect-Authorization", "!", "X-Connect-Request-Signature-Algorithm", "HmacSHA256"}, 400, "signature"},
		"other algorithm": {[]string{"X-Connect-Authorization", "c2ln", "X-Connect-Request-Signature-Algorithm", "HmacSHA1"}, 400, "HmacSHA1"},
		"wrong signature": {[]string{"X-Connect-Authorization", "c2ln", "X-Connect-Request-Signature-Algorithm", "HmacSHA256"}, 403, "internal request contained invalid signature"},
	} {
		t.Run(name, func(t *testing.T) {
			for n := range g.urls {
				for _, body := range []string{`[]`, `{`, ``} { // what is in it is not even looked at
					got := g.ask(n, "POST", path, body, test.headers...)
					if got.status != test.status || !strings.Contains(got.body, test.message) {
						t.Errorf("worker %d, body %q: %+v, want %d %s", n, body, got, test.status, test.message)
					}
				}
			}
		})
	}
	if after := g.ask(leader, "GET", path, "").body; after != before {
		t.Errorf("the tasks were %s and are %s", before, after)
	}
}

// A request that finds the leader on its way out waits for the next one.
func TestRequestsOutliveTheLeader(t *testing.T) {
	g := startGroup(t, 3)
	leader := g.leader()
	asked := (leader + 1) % 3
	stopped := make(chan struct{})
	go func() {
		g.workers[leader].Stop() // its API goes on answering, as that of a worker does until all else is stopped
		close(stopped)
	}()
	for g.ask(leader, "GET", "/connectors", "").status != 503 { // until it is about to stop
		time.Sleep(time.Millisecond)
	}
	if got := g.ask(asked, "PUT", "/connectors/outlives/config", "{"+groupConfig+"}"); got.status != 201 {
		t.Errorf("%+v", got)
	}
	<-stopped
	g.until(asked, "outlives", in("RUNNING"))
}
