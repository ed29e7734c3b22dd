package search_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugins/elasticsearch/search"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/searchtest"
)

func open(t testing.TB, c search.Config) (*search.Client, error) {
	t.Helper()
	c.ConnectTimeout, c.Connections = time.Minute, 1
	if c.RequestTimeout == 0 {
		c.RequestTimeout = time.Minute
	}
	client, err := search.New(c)
	if err == nil {
		t.Cleanup(client.Close)
	}
	return client, err
}

func mustOpen(t testing.TB, c search.Config) *search.Client {
	t.Helper()
	client, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestServers(t *testing.T) {
	for _, f := range []searchtest.Flavor{
		searchtest.Elasticsearch6, searchtest.Elasticsearch7, searchtest.Elasticsearch8, searchtest.Elasticsearch9,
		searchtest.OpenSearch1, searchtest.OpenSearch2, searchtest.OpenSearch3,
	} {
		t.Run(f.String(), func(t *testing.T) {
			s, err := mustOpen(t, search.Config{URLs: []string{searchtest.New(t, f).URL}}).Server(t.Context())
			if f.Major == 6 {
				if err == nil || !search.Permanent(err) || !strings.Contains(err.Error(), "Elasticsearch 6.8.23") || search.KeyOf(err) != "connection.url" {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || s.String() != f.String() || s.Major != f.Major {
				t.Errorf("%v, %v", s, err)
			}
		})
	}
}

func TestServersThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body, want string
	}{
		"a page":           {200, "<html>Welcome</html>", "no search server"},
		"another service":  {200, `{"version":{"number":"2.1.0"},"name":"couch"}`, "neither Elasticsearch nor OpenSearch"},
		"not found":        {404, "no such page", "no search server"},
		"moved":            {301, "", "no search server"},
		"no version":       {200, `{"version":{"number":"new"},"tagline":"You Know, for Search"}`, "which is none"},
		"a TLS port":       {400, "The plain HTTP request was sent to HTTPS port", "https://"},
		"down for service": {503, "maintenance", "503"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			t.Cleanup(s.Close)
			if _, err := mustOpen(t, search.Config{URLs: []string{s.URL}}).Server(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
	// A user that may not ask what it is may write all the same.
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(s.Close)
	if got, err := mustOpen(t, search.Config{URLs: []string{s.URL}}).Server(t.Context()); err != nil || got.Product != "" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestUsers(t *testing.T) {
	for name, c := range map[string]struct {
		accept string
		config search.Config
		key    string // of the error, empty: it is let in
	}{
		"password":           {"Basic dTpw", search.Config{Username: "u", Password: "p"}, ""},
		"wrong password":     {"Basic dTpw", search.Config{Username: "u", Password: "x"}, "connection.password"},
		"nobody":             {"Basic dTpw", search.Config{}, "connection.username"},
		"API key":            {"ApiKey aWQ6a2V5", search.Config{APIKey: "id:key"}, ""},
		"encoded API key":    {"ApiKey aWQ6a2V5", search.Config{APIKey: "aWQ6a2V5"}, ""},
		"wrong API key":      {"ApiKey aWQ6a2V5", search.Config{APIKey: "other"}, "connection.api.key"},
		"token":              {"Bearer t", search.Config{Token: "t"}, ""},
		"wrong token":        {"Bearer t", search.Config{Token: "secret"}, "connection.bearer.token"},
		"user alone":         {"", search.Config{Username: "u"}, "connection.username"},
		"two ways":           {"", search.Config{APIKey: "a", Token: "t"}, "connection.username"},
		"user name in a URL": {"", search.Config{URLs: []string{"http://u:secret@h:9200"}}, "connection.url"},
		"no host":            {"", search.Config{URLs: []string{"http://"}}, "connection.url"},
		"other scheme":       {"", search.Config{URLs: []string{"ftp://h"}}, "connection.url"},
		"no URL":             {"", search.Config{URLs: []string{"http://[::1"}}, "connection.url"},
	} {
		t.Run(name, func(t *testing.T) {
			s := searchtest.New(t, searchtest.Elasticsearch9)
			s.Authorization(c.accept)
			if c.config.URLs == nil {
				c.config.URLs = []string{s.URL + "/"}
			}
			client, err := open(t, c.config)
			if err == nil {
				_, err = client.Server(t.Context())
			}
			if c.key == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || search.KeyOf(err) != c.key || !search.Permanent(err) || search.Temporary(err) || !strings.Contains(err.Error(), c.key) {
				t.Errorf("%v has to do with %s", err, search.KeyOf(err))
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("a secret is shown: %v", err)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	closed := searchtest.New(t, searchtest.Elasticsearch9)
	closed.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mute.Close() })
	plain := searchtest.New(t, searchtest.Elasticsearch9)
	for name, c := range map[string]struct {
		url       string
		timeout   time.Duration
		want      []string
		key       string
		permanent bool
	}{
		"nobody listens": {closed.URL, 0, []string{"connection refused", "connection.url"}, "connection.url", false},
		"no such host":   {"http://no-such-host.invalid:9200", 0, []string{"no host of this name"}, "connection.url", false},
		"no answer":      {"http://" + mute.Addr().String(), 50 * time.Millisecond, []string{"no answer within 50ms", "read.timeout.ms"}, "read.timeout.ms", false},
		"no TLS":         {strings.Replace(plain.URL, "http", "https", 1), 0, []string{"does not speak TLS", "http://"}, "connection.url", true},
	} {
		t.Run(name, func(t *testing.T) {
			client := mustOpen(t, search.Config{URLs: []string{c.url}, RequestTimeout: c.timeout})
			_, err := client.Bulk(t.Context(), []byte("{}\n"), 1)
			var away *search.Unreachable
			if !errors.As(err, &away) {
				t.Fatalf("%v", err)
			}
			for _, words := range c.want {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
			if search.KeyOf(err) != c.key || search.Permanent(err) != c.permanent || search.Temporary(err) == c.permanent {
				t.Errorf("%q: key %s, permanent %v", err, search.KeyOf(err), search.Permanent(err))
			}
		})
	}
}

// A node that is gone is left for the others, and comes back.
func TestNodes(t *testing.T) {
	a, b := searchtest.New(t, searchtest.Elasticsearch9), searchtest.New(t, searchtest.Elasticsearch9)
	gone := searchtest.New(t, searchtest.Elasticsearch9)
	gone.Close()
	client := mustOpen(t, search.Config{URLs: []string{gone.URL, a.URL, b.URL}})
	for range 10 {
		if _, err := client.Server(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n, m := len(a.Requests()), len(b.Requests()); n+m != 10 || n < 4 || m < 4 {
		t.Errorf("the nodes got %d and %d requests", n, m)
	}
	a.Close()
	b.Close()
	if _, err := client.Server(t.Context()); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
}

func TestContextEnds(t *testing.T) {
	s := searchtest.New(t, searchtest.Elasticsearch9)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	s.OnBulk(func(*searchtest.Bulk) *searchtest.Trouble { cancel(enough); return &searchtest.Trouble{Cut: true} })
	if _, err := mustOpen(t, search.Config{URLs: []string{s.URL}}).Bulk(ctx, []byte("{\"index\":{\"_index\":\"a\"}}\n{}\n"), 1); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
}

func TestProxy(t *testing.T) {
	s := searchtest.New(t, searchtest.OpenSearch2)
	var seen string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.URL.String() + " " + r.Header.Get("Proxy-Authorization")
		r.URL.Host = strings.TrimPrefix(s.URL, "http://")
		r.RequestURI = ""
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("u", "p")
	if _, err := mustOpen(t, search.Config{URLs: []string{"http://search.invalid:9200"}, Proxy: address}).Server(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen != "http://search.invalid:9200/ Basic dTpw" {
		t.Error(seen)
	}
}

func TestCompression(t *testing.T) {
	s := searchtest.New(t, searchtest.OpenSearch2)
	for _, compress := range []bool{false, true} {
		client := mustOpen(t, search.Config{URLs: []string{s.URL}, Compress: compress})
		if items, err := client.Bulk(t.Context(), []byte("{\"index\":{\"_index\":\"a\"}}\n{\"n\":1}\n"), 1); err != nil || items != nil {
			t.Errorf("%v, %v", items, err)
		}
		if b := s.Bulks(); b[len(b)-1].Gzip != compress {
			t.Errorf("with compression %v it came with gzip: %v", compress, b[len(b)-1].Gzip)
		}
	}
}

func TestResources(t *testing.T) {
	s := searchtest.New(t, searchtest.Elasticsearch9)
	c := mustOpen(t, search.Config{URLs: []string{s.URL}})
	ctx := t.Context()
	if there, err := c.Exists(ctx, "a"); err != nil || there {
		t.Errorf("%v, %v", there, err)
	}
	for range 2 { // another task may have been faster
		if err := c.CreateIndex(ctx, "a", []byte(`{"properties":{"n":{"type":"long"}}}`)); err != nil {
			t.Error(err)
		}
		if err := c.CreateDataStream(ctx, "logs-a-b", "logs-a-b"); err != nil {
			t.Error(err)
		}
	}
	if there, err := c.Exists(ctx, "a"); err != nil || !there {
		t.Errorf("%v, %v", there, err)
	}
	if err := c.PutMapping(ctx, "a", []byte(`{"properties":{"t":{"type":"text"}}}`)); err != nil {
		t.Error(err)
	}
	if fields, open, err := c.Fields(ctx, "a"); err != nil || !open || !fields["n"] || !fields["t"] || len(fields) != 2 {
		t.Errorf("%v, %v, %v", fields, open, err)
	}
	var refusal *search.Refusal
	if err := c.PutMapping(ctx, "a", []byte(`{"properties":{"t":{"type":"long"}}}`)); !errors.As(err, &refusal) || refusal.Class() != search.Document {
		t.Errorf("%v", err)
	}
	if _, _, err := c.Fields(ctx, "none"); !errors.As(err, &refusal) || refusal.Status != http.StatusNotFound {
		t.Errorf("%v", err)
	}
	s.Forbid()
	if err := c.CreateIndex(ctx, "b", nil); !errors.As(err, &refusal) || !strings.Contains(err.Error(), "does not allow") || !strings.Contains(err.Error(), "create index b") {
		t.Errorf("%v", err)
	}
}
