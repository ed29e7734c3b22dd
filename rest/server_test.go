package rest_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/rest"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

// pipes is a listener whose connections are in memory, so that time-outs need no time.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { close(p.closed); return nil }

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

// dial returns the client's end of a new connection.
func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.accepted <- server
	return client
}

// serve runs a server over pipes inside a synctest bubble.
func serve(t *testing.T, s rest.Settings, test func(p *pipes)) {
	t.Helper()
	s.Logger = hclog.NewNullLogger()
	server, p := rest.New(s), newPipes()
	served := make(chan error)
	go func() { served <- server.Serve(p) }()
	test(p)
	if err := server.Shutdown(t.Context()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

// drip writes a byte a second until the other side has enough, and returns how long that took.
func drip(conn net.Conn) time.Duration {
	began := time.Now()
	for {
		if _, err := conn.Write([]byte("a")); err != nil {
			return time.Since(began)
		}
		time.Sleep(time.Second) // a bubble's clock
	}
}

func TestSlowHeadIsCutOff(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		serve(t, rest.Settings{}, func(p *pipes) {
			conn := p.dial()
			defer conn.Close()
			go io.Copy(io.Discard, conn)
			fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
			if took := drip(conn); took < 9*time.Second || took > 11*time.Second {
				t.Errorf("cut off after %v, want 10 s", took)
			}
		})
	})
}

func TestSlowBodyIsCutOff(t *testing.T) {
	for _, request := range []string{
		"PUT /connectors/slow/config HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n",
		"PUT /connectors/slow/config HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n",
		"PUT /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", // nobody reads it
	} {
		bubble.Test(t, func(t *testing.T) {
			serve(t, rest.Settings{}, func(p *pipes) {
				conn := p.dial()
				defer conn.Close()
				answered := make(chan string, 1)
				go func() {
					text, _ := io.ReadAll(conn)
					answered <- string(text)
				}()
				fmt.Fprint(conn, request)
				if took := drip(conn); took > 40*time.Second {
					t.Errorf("cut off after %v, want about 30 s", took)
				}
				if answer := <-answered; !strings.HasPrefix(answer, "HTTP/1.1 4") || !strings.Contains(answer, `{"error_code":4`) {
					t.Errorf("the answer is %q", answer)
				}
			})
		})
	}
}

func TestIdleConnectionIsClosed(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		serve(t, rest.Settings{}, func(p *pipes) {
			conn := p.dial()
			defer conn.Close()
			reader := bufio.NewReader(conn)
			for range 2 { // a connection is kept alive
				fmt.Fprint(conn, "GET /openapi.yaml HTTP/1.1\r\nHost: a\r\n\r\n")
				response, err := http.ReadResponse(reader, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, response.Body); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			if _, err := reader.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("%v, want the end", err)
			}
			if took := time.Since(began); took != 2*time.Minute {
				t.Errorf("closed after %v, want 2 min", took)
			}
		})
	})
}

func TestHeadersAreLimited(t *testing.T) {
	conn, err := net.Dial("tcp", shared.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nX-Large: %s\r\n\r\n", shared.address, strings.Repeat("a", 1<<20))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %s, want 431", response.Status)
	}
}

// blocked is a body that says when it is asked for first, and is there when ready is closed.
type blocked struct {
	asked func()
	ready <-chan struct{}
	text  io.Reader
}

func (b blocked) Read(p []byte) (int, error) {
	b.asked()
	<-b.ready
	return b.text.Read(p)
}

func TestShutdownWaitsForRequests(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := rest.New(rest.Settings{Herder: shared.herder, Logger: hclog.NewNullLogger()})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	asked, ready, answered := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	request, err := http.NewRequest(http.MethodPut, "http://"+listener.Addr().String()+"/connectors/a/config",
		blocked{sync.OnceFunc(func() { close(asked) }), ready, strings.NewReader("[]")})
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	// The body is asked for when the server wants it, and so is serving the request: one whose head it has not read yet it may drop.
	request.Header.Set("Expect", "100-continue")
	client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	go func() {
		response, err := client.Do(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusBadRequest {
				err = errors.New(response.Status)
			}
		}
		answered <- err
	}()
	select {
	case <-asked:
	case err := <-answered:
		t.Fatal(err)
	}

	stopped := make(chan error, 1)
	go func() { stopped <- server.Shutdown(t.Context()) }()
	if err := <-served; err != nil { // returns at once, as the listener is closed
		t.Errorf("serve: %v", err)
	}
	close(ready)
	if err := <-answered; err != nil {
		t.Errorf("the request that was being served: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := server.Serve(listener); err != nil {
		t.Errorf("serve after shutdown: %v", err)
	}
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		server, p := rest.New(rest.Settings{Logger: hclog.NewNullLogger()}), newPipes()
		served := make(chan error)
		go func() { served <- server.Serve(p) }()
		conn := p.dial()
		defer conn.Close()
		go io.Copy(io.Discard, conn)
		fmt.Fprint(conn, "PUT /connectors/slow/config HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if _, err := conn.Write([]byte("a")); err == nil {
			t.Error("the connection is still there")
		}
	})
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	if err := rest.New(rest.Settings{Logger: hclog.NewNullLogger()}).Serve(listener); !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v, want that the listener is closed", err)
	}
}

func TestPanicIsOneFailedRequest(t *testing.T) {
	var log bytes.Buffer
	logger := hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Info})
	handler := rest.New(rest.Settings{Herder: nil, Logger: logger}).Handler() // no herder: every call of it panics
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/connectors/a%20b", nil))
	want := `{"error_code":500,"message":"Internal error while the worker handled GET /connectors/a%20b; its log has the details."}`
	if recorder.Code != 500 || recorder.Body.String() != want {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
	for _, part := range []string{"[ERROR]", "a request failed with a panic", `path="/connectors/a%20b"`, "nil pointer", "connectors.go"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log does not have %q:\n%s", part, &log)
		}
	}
}

func TestAccessLogIsForDebug(t *testing.T) {
	for level, want := range map[hclog.Level]string{
		hclog.Info:  "",
		hclog.Debug: "[DEBUG] request: from=192.0.2.1:1234 method=PUT path=/nowhere status=404 bytes=49 took=",
	} {
		var log bytes.Buffer
		logger := hclog.New(&hclog.LoggerOptions{Output: &log, Level: level, DisableTime: true})
		rest.New(rest.Settings{Logger: logger}).Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPut, "/nowhere", nil))
		if got := log.String(); want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%v: %q, want %q", level, got, want)
		}
	}
}

func TestLocationIsOfTheAddressedListener(t *testing.T) {
	server := rest.New(rest.Settings{Herder: shared.herder, Logger: hclog.NewNullLogger()})
	create := func(name string) *http.Request {
		body := fmt.Sprintf(`{"name": %q, "initial_state": "stopped", "config": {"connector.class": "RestTestSource", "topic": "t"}}`, name)
		r := httptest.NewRequest(http.MethodPost, "/connectors", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	tests := map[string]struct {
		request func(r *http.Request)
		want    string
	}{
		"plain":     {func(r *http.Request) { r.Host = "connect.example.com:8083" }, "http://connect.example.com:8083/connectors/"},
		"TLS":       {func(r *http.Request) { r.Host, r.TLS = "connect.example.com", &tls.ConnectionState{} }, "https://connect.example.com/connectors/"},
		"no Host":   {func(r *http.Request) { r.Host = ""; addLocalAddress(r) }, "http://10.1.2.3:8083/connectors/"},
		"proxied":   {func(r *http.Request) { r.Host = "a"; r.Header.Set("X-Forwarded-Host", "attacker.example") }, "http://a/connectors/"},
		"loopback6": {func(r *http.Request) { r.Host = "[::1]:8083" }, "http://[::1]:8083/connectors/"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := create("location " + name)
			test.request(r)
			recorder := httptest.NewRecorder()
			server.Handler().ServeHTTP(recorder, r)
			defer shared.herder.Delete(t.Context(), "location "+name)
			if want := test.want + "location%20" + strings.ReplaceAll(name, " ", "%20"); recorder.Header().Get("Location") != want {
				t.Errorf("%d %s: Location %q, want %q", recorder.Code, recorder.Body, recorder.Header().Get("Location"), want)
			}
		})
	}
}

func addLocalAddress(r *http.Request) {
	addr := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 8083}
	*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr))
}

func TestRule19PagesOfAllowedOrigins(t *testing.T) {
	const ours = "https://ui.example.com"
	settings := map[string]rest.Settings{
		"one":     {AllowOrigin: "https://other.example.com, " + ours, AllowMethods: "GET, PUT,DELETE"},
		"all":     {AllowOrigin: "*"},
		"pattern": {AllowOrigin: "https://*.example.com"},
	}
	tests := map[string]struct {
		settings string
		method   string
		origin   string
		asks     string // Access-Control-Request-Method
		status   int
		want     map[string]string // headers, "" for those that must not be there
	}{
		"read":           {"one", "GET", ours, "", 200, map[string]string{"Access-Control-Allow-Origin": ours, "Vary": "Origin", "Access-Control-Allow-Methods": ""}},
		"change":         {"one", "PUT", ours, "", 404, map[string]string{"Access-Control-Allow-Origin": ours}},
		"ask":            {"one", "OPTIONS", ours, "PUT", 200, map[string]string{"Access-Control-Allow-Origin": ours, "Access-Control-Allow-Methods": "GET,PUT,DELETE", "Access-Control-Allow-Headers": "X-Requested-With,Content-Type,Accept,Origin,Authorization", "Access-Control-Max-Age": "1800"}},
		"options":        {"one", "OPTIONS", ours, "", 200, map[string]string{"Access-Control-Allow-Origin": ours, "Allow": "GET, HEAD, POST, OPTIONS"}},
		"stranger reads": {"one", "GET", "https://ui.example.com.attacker.example", "", 200, map[string]string{"Access-Control-Allow-Origin": "", "Vary": "Origin"}},
		"stranger asks":  {"one", "OPTIONS", "https://attacker.example", "PUT", 200, map[string]string{"Access-Control-Allow-Origin": "", "Access-Control-Allow-Methods": ""}},
		"stranger":       {"one", "PUT", "https://attacker.example", "", 403, map[string]string{"Access-Control-Allow-Origin": ""}},
		"program":        {"one", "GET", "", "", 200, map[string]string{"Access-Control-Allow-Origin": ""}},
		"anybody":        {"all", "PUT", "null", "", 404, map[string]string{"Access-Control-Allow-Origin": "null"}},
		"default":        {"all", "OPTIONS", ours, "PUT", 200, map[string]string{"Access-Control-Allow-Methods": "GET,POST,HEAD"}},
		"fits":           {"pattern", "PUT", "https://a.b.example.com", "", 404, map[string]string{"Access-Control-Allow-Origin": "https://a.b.example.com"}},
		"does not fit":   {"pattern", "PUT", "https://example.com", "", 403, map[string]string{"Access-Control-Allow-Origin": ""}},
		"other scheme":   {"pattern", "PUT", "http://a.example.com", "", 403, map[string]string{"Access-Control-Allow-Origin": ""}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := settings[test.settings]
			s.Herder, s.Logger = shared.herder, hclog.NewNullLogger()
			path := "/connectors"
			if test.method == "PUT" {
				path = "/connectors/no-such/pause"
			}
			r := httptest.NewRequest(test.method, path, nil)
			r.Host = "worker.internal:8083"
			for header, value := range map[string]string{"Origin": test.origin, "Access-Control-Request-Method": test.asks} {
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			recorder := httptest.NewRecorder()
			rest.New(s).Handler().ServeHTTP(recorder, r)
			if recorder.Code != test.status {
				t.Errorf("status %d, want %d: %s", recorder.Code, test.status, recorder.Body)
			}
			for header, want := range test.want {
				if got := recorder.Header().Get(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
		})
	}
}

func TestOriginWithoutSchemeIsNoticed(t *testing.T) {
	var log bytes.Buffer
	rest.New(rest.Settings{Logger: hclog.New(&hclog.LoggerOptions{Output: &log}), AllowOrigin: "ui.example.com,*"})
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "access.control.allow.origin") || !strings.Contains(got, "ui.example.com") {
		t.Errorf("the log is %q", got)
	}
}

// FuzzRequest sends anything that is HTTP. Whatever it is, the answer is one that the API may give.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET /connectors?expand=status&expand=info HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /connectors/ HTTP/1.1\r\nHost: a\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 47\r\n\r\n{\"name\":\"\\ud800\",\"config\":{\"a\":1e5,\"b\":[null]}}",
		"PUT /connectors/%25%2f%ff/config HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"PATCH /connectors/../config HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"a\\u\": null}",
		"OPTIONS * HTTP/1.1\r\nHost: a\r\nOrigin: null\r\nAccess-Control-Request-Method: PUT\r\n\r\n",
		"POST /connectors/a/tasks/0/restart?x=%zz HTTP/1.1\r\nHost: \r\nOrigin: http://[::1\r\n\r\n",
		"CONNECT ui HTTP/1.1\r\nHost: a\r\n\r\n",
		"PUT //connector-plugins/a;b/config/validate?#;& HTTP/1.0\r\nContent-Type: application/json;;\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	handler := rest.New(rest.Settings{Herder: shared.herder, Logger: hclog.NewNullLogger(), AllowOrigin: "http://*.example"}).Handler()
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return
		}
		r.Body = http.MaxBytesReader(nil, r.Body, 1<<20)
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		checkAnswer(t, r, recorder)
	})
}

// checkAnswer checks what every answer has in common.
func checkAnswer(t *testing.T, r *http.Request, got *httptest.ResponseRecorder) {
	t.Helper()
	body, contentType := got.Body.Bytes(), got.Header().Get("Content-Type")
	if got.Code >= 300 && got.Code < 400 {
		t.Errorf("%s %s is redirected: %d", r.Method, r.URL, got.Code)
	}
	if strings.Contains(string(body), "Internal error while") {
		t.Errorf("%s %s panicked: %s", r.Method, r.URL, body)
	}
	if got.Code >= 400 && !strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/health") {
		var failure struct {
			Code    int     `json:"error_code"`
			Message *string `json:"message"`
		}
		if err := json.Unmarshal(body, &failure); err != nil || failure.Code != got.Code || failure.Message == nil || *failure.Message == "" {
			t.Errorf("%s %s: %d %s", r.Method, r.URL, got.Code, body)
		}
	}
	if contentType == "application/json" && !json.Valid(body) {
		t.Errorf("%s %s: not JSON: %s", r.Method, r.URL, body)
	}
	if len(body) > 0 && contentType == "" {
		t.Errorf("%s %s: no Content-Type", r.Method, r.URL)
	}
	if length := got.Header().Get("Content-Length"); length != "" && length != fmt.Sprint(len(body)) {
		t.Errorf("%s %s: Content-Length %s of %d bytes", r.Method, r.URL, length, len(body))
	}
}
