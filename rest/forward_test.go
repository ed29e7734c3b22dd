package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/labstack/echo/v4"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

// serverOf serves paths with one handler in place of the API's, through everything that requests go through.
func serverOf(s Settings, handle echo.HandlerFunc) http.Handler {
	s.Logger = hclog.NewNullLogger()
	server := New(s)
	e := echo.New()
	e.HTTPErrorHandler = server.refuse
	e.Any("/*", server.forwarded(handle))
	return escaped(e)
}

// at says that another worker is to carry out a request.
func at(url string) error {
	return &herder.Error{Code: herder.Elsewhere, URL: url, Message: conflicting}
}

// received is what a worker got.
type received struct {
	Method, URI, Host, Body string
	Header                  map[string]string
}

// worker answers as told and tells what it got.
func worker(t *testing.T, status int, headers map[string]string, body string) (url string, got *received) {
	t.Helper()
	got = &received{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*got = received{r.Method, r.RequestURI, r.Host, string(text), map[string]string{}}
		for name := range r.Header {
			got.Header[name] = r.Header.Get(name)
		}
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/", got
}

func TestForwardedRequestIsTheSame(t *testing.T) {
	const asked = "/connectors/a%2Fb%20%25/restart"
	for name, test := range map[string]struct {
		method, uri, body string
		header            map[string]string
		want              received
	}{
		"first hop":  {"POST", asked, "", nil, received{Method: "POST", URI: asked + "?forward=true"}},
		"second hop": {"POST", asked + "?forward=true", "", nil, received{Method: "POST", URI: asked + "?forward=false"}},
		"a query": {"POST", asked + "?onlyFailed=true&includeTasks=", "", nil,
			received{Method: "POST", URI: asked + "?forward=true&includeTasks=&onlyFailed=true"}},
		"a trailing slash": {"DELETE", asked + "/", "", nil, received{Method: "DELETE", URI: asked + "?forward=true"}},
		"a body": {"PUT", "/connectors/a/config", `{"a": "ä"}`, map[string]string{"Content-Type": "application/json; charset=utf-8"},
			received{Method: "PUT", URI: "/connectors/a/config?forward=true", Body: `{"a": "ä"}`,
				Header: map[string]string{"Content-Type": "application/json; charset=utf-8", "Content-Length": "11"}}},
		"headers": {"DELETE", "/connectors/a", "", map[string]string{
			"Authorization": "Basic YTpi", "X-Connect-Authorization": "c2ln", "X-Connect-Request-Signature-Algorithm": "HmacSHA256",
			"Cookie": "a=b", "Origin": "http://x.example", "X-Forwarded-For": "1.2.3.4", "Accept": "text/html",
		}, received{Method: "DELETE", URI: "/connectors/a?forward=true", Header: map[string]string{
			"Authorization": "Basic YTpi", "X-Connect-Authorization": "c2ln", "X-Connect-Request-Signature-Algorithm": "HmacSHA256"}}},
	} {
		t.Run(name, func(t *testing.T) {
			url, got := worker(t, http.StatusNoContent, nil, "")
			peers := NewPeers(nil)
			defer peers.Close()
			r := httptest.NewRequest(test.method, test.uri, strings.NewReader(test.body))
			for name, value := range test.header {
				r.Header.Set(name, value)
			}
			recorder := httptest.NewRecorder()
			serverOf(Settings{Peers: peers}, func(c echo.Context) error {
				if test.body != "" {
					if _, err := readObject(c, ""); err != nil {
						return err
					}
				}
				return fmt.Errorf("wrapped: %w", at(url))
			}).ServeHTTP(recorder, r)
			if recorder.Code != http.StatusNoContent {
				t.Fatalf("status %d: %s", recorder.Code, recorder.Body)
			}
			want := test.want
			want.Host = strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
			maps.DeleteFunc(got.Header, func(name, _ string) bool { return name == "User-Agent" })
			if want.Header == nil {
				want.Header = map[string]string{}
			}
			if want.Body == "" && want.Method != "DELETE" {
				want.Header["Content-Length"] = "0"
			}
			if d := cmp.Diff(want, *got); d != "" {
				t.Errorf("- want, + got:\n%s", d)
			}
		})
	}
}

func TestAnswerOfAnotherWorkerIsRelayed(t *testing.T) {
	type answer struct {
		Status int
		Header map[string]string
		Body   string
	}
	const refused = `{"error_code":404,"message":"Connector a not found"}`
	for name, test := range map[string]struct {
		status  int
		headers map[string]string
		body    string
		want    answer
	}{
		"created": {201, map[string]string{"Content-Type": "application/json", "Location": "http://leader:8083/connectors/a%2Fb", "Set-Cookie": "a=b", "X-Frame-Options": "DENY"}, `{"name":"a/b"}`,
			answer{201, map[string]string{"Content-Type": "application/json", "Content-Length": "14", "Location": "http://addressed.example:8083/connectors/a%2Fb"}, `{"name":"a/b"}`}},
		"no body":     {202, nil, "", answer{202, map[string]string{}, ""}},
		"nothing":     {204, nil, "", answer{204, map[string]string{}, ""}},
		"a refusal":   {404, map[string]string{"Content-Type": "application/json"}, refused, answer{404, map[string]string{"Content-Type": "application/json", "Content-Length": "52"}, refused}},
		"a challenge": {401, map[string]string{"Content-Type": "application/json", "Www-Authenticate": "Basic"}, refused, answer{401, map[string]string{"Content-Type": "application/json", "Content-Length": "52", "Www-Authenticate": "Basic"}, refused}},
		"a redirect":  {307, map[string]string{"Location": "http://attacker.example/connectors"}, "", answer{307, map[string]string{"Location": "http://addressed.example:8083/connectors"}, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := worker(t, test.status, test.headers, test.body)
			peers := NewPeers(nil)
			defer peers.Close()
			r := httptest.NewRequest("POST", "http://addressed.example:8083/connectors", nil)
			recorder := httptest.NewRecorder()
			serverOf(Settings{Peers: peers}, func(echo.Context) error { return at(url) }).ServeHTTP(recorder, r)
			got := answer{recorder.Code, map[string]string{}, recorder.Body.String()}
			for name := range recorder.Header() {
				got.Header[name] = recorder.Header().Get(name)
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("- want, + got:\n%s", d)
			}
		})
	}
}

func TestHopsAreLimited(t *testing.T) {
	peers := NewPeers(nil)
	defer peers.Close()
	for name, test := range map[string]struct {
		peers *Peers
		query string
		err   error
	}{
		"the last hop":              {peers, "?forward=false", at("http://127.0.0.1:1/")},
		"a hop of somebody's own":   {peers, "?forward=nonsense", at("http://127.0.0.1:1/")},
		"nobody knows the worker":   {peers, "", at("")},
		"a worker without a group":  {nil, "", at("http://127.0.0.1:1/")},
		"the last, wrapped":         {peers, "?forward=false", fmt.Errorf("x: %w", at("http://127.0.0.1:1/"))},
		"any other conflict it has": {peers, "", &herder.Error{Code: herder.Rebalance, Message: conflicting}},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			serverOf(Settings{Peers: test.peers}, func(echo.Context) error { return test.err }).
				ServeHTTP(recorder, httptest.NewRequest("POST", "/connectors"+test.query, nil))
			want := `{"error_code":409,"message":"` + conflicting + `"}`
			if recorder.Code != 409 || recorder.Body.String() != want {
				t.Errorf("%d %s, want 409 %s", recorder.Code, recorder.Body, want)
			}
		})
	}
}

// refusing makes every connection fail as on a port where nobody listens.
func refusing() *Peers {
	p := NewPeers(nil)
	p.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	return p
}

// The request waits until the group has noticed that its leader is dead.
func TestDeadLeaderIsReplaced(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		r := httptest.NewRequest("PUT", "/connectors/a/config", strings.NewReader(`{"a":"b"}`))
		r.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		began := time.Now()
		serverOf(Settings{Peers: refusing()}, func(c echo.Context) error {
			members, err := readObject(c, "")
			if err != nil {
				return err
			}
			if time.Since(began) < 11*time.Second {
				return at("http://dead.example:8083/")
			}
			return answer(c, http.StatusOK, members)
		}).ServeHTTP(recorder, r)
		if recorder.Code != 200 || recorder.Body.String() != `{"a":"b"}` {
			t.Errorf("%d %s", recorder.Code, recorder.Body)
		}
	})
}

// dialed has peers reach a server in memory.
func dialed(t *testing.T, handler http.Handler) *Peers {
	listener := &inMemory{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: handler}
	served := make(chan error)
	go func() { served <- server.Serve(listener) }()
	p := NewPeers(nil)
	p.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		listener.accepted <- far
		return near, nil
	}
	t.Cleanup(func() {
		p.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return p
}

type inMemory struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (l *inMemory) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *inMemory) Close() error { close(l.closed); return nil }

func (l *inMemory) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

// A leader that is starting or shutting down has done nothing, and its answer is not the last word, unless it stays so.
func TestLeaderThatIsNotAtWork(t *testing.T) {
	for name, test := range map[string]struct {
		lasts  time.Duration
		status int
		body   string
	}{
		"for a moment": {5 * time.Second, 200, `{"a":"b"}`},
		"for good":     {time.Hour, 503, `{"error_code":503,"message":"Worker is shutting down"}`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				began := time.Now()
				peers := dialed(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, err := io.ReadAll(r.Body)
					if err != nil {
						t.Error(err)
					}
					w.Header().Set("Content-Type", "application/json")
					if time.Since(began) < test.lasts {
						w.Header().Set("Retry-After", "1")
						w.WriteHeader(503)
						body = []byte(`{"error_code":503,"message":"Worker is shutting down"}`)
					}
					w.Write(body)
				}))
				r := httptest.NewRequest("PUT", "/connectors/a/config", strings.NewReader(`{"a":"b"}`))
				r.Header.Set("Content-Type", "application/json")
				recorder := httptest.NewRecorder()
				serverOf(Settings{Peers: peers}, func(c echo.Context) error {
					if _, err := readObject(c, ""); err != nil {
						return err
					}
					return at("http://leader.example:8083/")
				}).ServeHTTP(recorder, r)
				if recorder.Code != test.status || recorder.Body.String() != test.body {
					t.Errorf("%d %s, want %d %s", recorder.Code, recorder.Body, test.status, test.body)
				}
				if retry := recorder.Header().Get("Retry-After"); (retry != "") != (test.status == 503) {
					t.Errorf("Retry-After is %q", retry)
				}
			})
		})
	}
}

func TestWorkerThatCannotBeReached(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		recorder := httptest.NewRecorder()
		began := time.Now()
		serverOf(Settings{Peers: refusing()}, func(echo.Context) error { return at("http://dead.example:8083/") }).
			ServeHTTP(recorder, httptest.NewRequest("DELETE", "/connectors/a", nil))
		if waited := time.Since(began); waited < absentTime || waited > absentTime+time.Second { // a bubble's clock
			t.Errorf("waited %v", waited)
		}
		want := `"message":"IO Error trying to forward REST request: Delete \"http://dead.example:8083/connectors/a?forward=true\": dial tcp: connection refused.`
		if recorder.Code != 500 || !strings.Contains(recorder.Body.String(), want) {
			t.Errorf("%d %s, want %s", recorder.Code, recorder.Body, want)
		}
	})
}

// A worker that does not answer costs the client no more than the limit.
func TestSilentWorker(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		p := newPeerPipe()
		defer p.far.Close()
		go io.Copy(io.Discard, p.far)
		recorder := httptest.NewRecorder()
		began := time.Now()
		serverOf(Settings{Peers: p.peers}, func(echo.Context) error { return at("http://silent.example:8083/") }).
			ServeHTTP(recorder, httptest.NewRequest("DELETE", "/connectors/a", nil))
		if waited := time.Since(began); waited != forwardTime { // a bubble's clock
			t.Errorf("waited %v", waited)
		}
		if recorder.Code != 500 || !strings.Contains(recorder.Body.String(), "IO Error trying to forward REST request: ") {
			t.Errorf("%d %s", recorder.Code, recorder.Body)
		}
	})
}

// peerPipe is a worker at the other end of a pipe.
type peerPipe struct {
	peers *Peers
	far   net.Conn
}

func newPeerPipe() peerPipe {
	near, far := net.Pipe()
	p := NewPeers(nil)
	p.http.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { return near, nil }
	return peerPipe{p, far}
}

// What may have had an effect is not sent again.
func TestBrokenAnswerIsNoSecondTry(t *testing.T) {
	for name, text := range map[string]string{
		"no answer":     "",
		"half a head":   "HTTP/1.1 20",
		"half a body":   "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
		"not HTTP":      "SSH-2.0-OpenSSH\r\n",
		"a wrong chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					if _, err := conn.Read(make([]byte, 4096)); err == nil {
						fmt.Fprint(conn, text)
					}
					conn.Close()
				}
			}()
			peers := NewPeers(nil)
			defer peers.Close()
			tries := 0
			recorder := httptest.NewRecorder()
			serverOf(Settings{Peers: peers}, func(echo.Context) error {
				tries++
				return at("http://" + listener.Addr().String() + "/")
			}).ServeHTTP(recorder, httptest.NewRequest("DELETE", "/connectors/a", nil))
			if recorder.Code != 500 || !strings.Contains(recorder.Body.String(), "IO Error trying to forward REST request: ") || tries != 1 {
				t.Errorf("%d tries: %d %s", tries, recorder.Code, recorder.Body)
			}
		})
	}
}

func TestSend(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		answer string
		body   string
		want   string // after "the worker at URL answers "; empty: no error
	}{
		"done":            {status: 204, body: `[{"a":"b"}]`},
		"an answer":       {status: 200, answer: "{}"},
		"refused":         {status: 403, answer: `{"error_code":403,"message":"internal request contained invalid signature"}`, want: "403: internal request contained invalid signature"},
		"not a worker":    {status: 502, answer: "bad gateway\n", want: "502: bad gateway"},
		"nothing said":    {status: 409, want: "409: "},
		"another address": {status: 301, answer: "moved", want: "301: moved"},
	} {
		t.Run(name, func(t *testing.T) {
			url, got := worker(t, test.status, map[string]string{"Location": "/nowhere"}, test.answer)
			peers := NewPeers(nil)
			defer peers.Close()
			header := http.Header{"X-Connect-Authorization": {"c2ln"}}
			err := peers.Send(t.Context(), "POST", url+"connectors/a/tasks", header, []byte(test.body))
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || err.Error() != "the worker at "+url+"connectors/a/tasks answers "+test.want):
				t.Errorf("%v, want %s", err, test.want)
			}
			if got.Method != "POST" || got.URI != "/connectors/a/tasks" || got.Body != test.body || got.Header["X-Connect-Authorization"] != "c2ln" {
				t.Errorf("the worker got %+v", got)
			}
			if json := got.Header["Content-Type"] == "application/json"; json != (test.body != "") {
				t.Errorf("Content-Type is %q", got.Header["Content-Type"])
			}
			if header.Get("Content-Type") != "" {
				t.Error("the caller's headers were changed")
			}
		})
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer s.Close()
	peers := NewPeers(nil)
	defer peers.Close()
	if err := peers.Send(ctx, "PUT", s.URL+"/connectors/a/fence", nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
