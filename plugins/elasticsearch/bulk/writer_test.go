package bulk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugins/elasticsearch/search"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/searchtest"
)

func newWriter(t testing.TB, s *searchtest.Server, adjust func(*Settings)) *Writer {
	t.Helper()
	settings := Settings{InFlight: 4, Documents: 2000, Bytes: 5 << 20, Retries: 5, Backoff: time.Millisecond, Patience: time.Minute}
	if adjust != nil {
		adjust(&settings)
	}
	client, err := search.New(search.Config{URLs: []string{s.URL}, ConnectTimeout: time.Minute, RequestTimeout: time.Minute, Connections: settings.InFlight})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return NewWriter(client, settings)
}

func index(id string, version int64, doc string) *Operation {
	return &Operation{Kind: Index, Index: "a", ID: []byte(id), Version: version, Document: []byte(doc)}
}

// write writes one batch of operations.
func write(t testing.TB, w *Writer, list ...*Operation) (Outcome, error) {
	t.Helper()
	w.Begin(t.Context())
	for i, o := range list {
		w.Add(i, o)
	}
	return w.Finish()
}

// numbered makes n documents with ids of their own.
func numbered(n int) []*Operation {
	var list []*Operation
	for i := range n {
		list = append(list, index(fmt.Sprint("id-", i), Unversioned, fmt.Sprintf(`{"n":%d}`, i)))
	}
	return list
}

func mustWrite(t testing.TB, w *Writer, list ...*Operation) Outcome {
	t.Helper()
	outcome, err := write(t, w, list...)
	if err != nil {
		t.Fatal(err)
	}
	if len(outcome.Rejected) > 0 {
		t.Fatalf("%d are rejected, one of them: %v", len(outcome.Rejected), outcome.Rejected[0].Err)
	}
	return outcome
}

func count(t testing.TB, s *searchtest.Server, want int) {
	t.Helper()
	if n := len(s.Documents("a")); n != want {
		t.Errorf("%d documents are there, expected are %d", n, want)
	}
}

func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		adjust func(*Settings)
		check  func(b *searchtest.Bulk) bool
	}{
		"documents": {func(s *Settings) { s.Documents = 10 }, func(b *searchtest.Bulk) bool { return len(b.Operations) <= 10 }},
		"bytes":     {func(s *Settings) { s.Bytes = 1000 }, func(b *searchtest.Bulk) bool { return b.Bytes <= 1000+70 }},
		"neither":   {func(s *Settings) { s.Documents, s.Bytes = 0, 0 }, func(b *searchtest.Bulk) bool { return len(b.Operations) == 500 }},
	} {
		t.Run(name, func(t *testing.T) {
			s := searchtest.New(t, searchtest.Elasticsearch9)
			mustWrite(t, newWriter(t, s, c.adjust), numbered(500)...)
			for _, b := range s.Bulks() {
				if !c.check(b) {
					t.Errorf("a request has %d operations and %d bytes", len(b.Operations), b.Bytes)
				}
			}
			count(t, s, 500)
		})
	}
}

func TestEmptyBatch(t *testing.T) {
	s := searchtest.New(t, searchtest.Elasticsearch9)
	w := newWriter(t, s, nil)
	if o := mustWrite(t, w); o.Requests != 0 || len(s.Bulks()) != 0 {
		t.Errorf("%v", o)
	}
}

// A large batch uses as many requests at the same time as it may, and a small one a single request.
func TestRequestsAtTheSameTime(t *testing.T) {
	s := searchtest.New(t, searchtest.OpenSearch2)
	var gate sync.WaitGroup
	gate.Add(4)
	s.OnBulk(func(*searchtest.Bulk) *searchtest.Trouble {
		gate.Done()
		gate.Wait() // all four are there
		return nil
	})
	w := newWriter(t, s, nil)
	pad := strings.Repeat("x", 1000)
	var list []*Operation
	for i := range 700 {
		list = append(list, index(fmt.Sprint("id-", i), Unversioned, fmt.Sprintf(`{"n":%d,"pad":%q}`, i, pad)))
	}
	w.Begin(t.Context())
	for i, o := range list { // less than what makes a request go out by itself
		w.Add(i, o)
	}
	outcome, err := w.Finish()
	if err != nil || outcome.Requests != 4 {
		t.Errorf("%v, %v", outcome, err)
	}
	s.OnBulk(nil)
	if o := mustWrite(t, w, numbered(100)...); o.Requests != 1 {
		t.Errorf("%d requests for a small batch", o.Requests)
	}
}

// Only what failed is sent again.
func TestItemsThatFail(t *testing.T) {
	for name, trouble := range map[string]searchtest.Trouble{
		"busy":        {Status: 429, Type: "es_rejected_execution_exception", Reason: "rejected execution of coordinating operation"},
		"busy (OS)":   {Status: 429, Type: "rejected_execution_exception", Reason: "rejected execution of primary operation"},
		"memory":      {Status: 429, Type: "circuit_breaking_exception", Reason: "[parent] Data too large"},
		"unavailable": {Status: 503, Type: "unavailable_shards_exception", Reason: "primary shard is not active"},
	} {
		t.Run(name, func(t *testing.T) {
			s := searchtest.New(t, searchtest.Elasticsearch8)
			s.OnItem(func(b *searchtest.Bulk, o *searchtest.Operation) *searchtest.Trouble {
				if b.Number <= 2 && strings.HasSuffix(o.ID, "7") {
					return &trouble
				}
				return nil
			})
			outcome := mustWrite(t, newWriter(t, s, nil), numbered(100)...)
			bulks := s.Bulks()
			if len(bulks) != 3 || len(bulks[1].Operations) != 10 || len(bulks[2].Operations) != 10 || outcome.Retries != 2 {
				t.Errorf("%d requests, the second with %d operations; %v", len(bulks), len(bulks[1].Operations), outcome)
			}
			count(t, s, 100)
		})
	}
}

// With an operation, the later ones on the same document are sent again: the last one wins.
func TestOrderAfterARetry(t *testing.T) {
	s := searchtest.New(t, searchtest.Elasticsearch7)
	s.OnItem(func(b *searchtest.Bulk, o *searchtest.Operation) *searchtest.Trouble {
		if b.Number == 1 && string(o.Document) == `{"n":1}` {
			return &searchtest.Trouble{Status: 429, Type: "es_rejected_execution_exception", Reason: "full"}
		}
		return nil
	})
	mustWrite(t, newWriter(t, s, nil), index("x", Unversioned, `{"n":0}`), index("x", Unversioned, `{"n":1}`), index("y", Unversioned, `{"n":5}`), index("x", Unversioned, `{"n":2}`))
	if got := s.Documents("a"); got["x"] != `{"n":2}` || got["y"] != `{"n":5}` {
		t.Error(got)
	}
	if second := s.Bulks()[1].Operations; len(second) != 2 {
		t.Errorf("%d operations were sent again", len(second))
	}
}

// Whatever goes wrong: each document ends as its last operation says.
func TestOrderUnderTrouble(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	chance := func(n int) bool { mu.Lock(); defer mu.Unlock(); return r.IntN(n) == 0 }
	for name, kind := range map[string]Kind{"index": Index, "upsert": Upsert} {
		t.Run(name, func(t *testing.T) {
			s := searchtest.New(t, searchtest.OpenSearch3)
			s.MaxBytes(3000)
			s.OnBulk(func(*searchtest.Bulk) *searchtest.Trouble {
				switch {
				case chance(8):
					return &searchtest.Trouble{Cut: true, Done: chance(2)}
				case chance(8):
					return &searchtest.Trouble{Status: 429, Type: "rejected_execution_exception", Reason: "full"}
				case chance(8):
					return &searchtest.Trouble{Status: 502, Reason: "bad gateway"}
				}
				return nil
			})
			s.OnItem(func(*searchtest.Bulk, *searchtest.Operation) *searchtest.Trouble {
				if chance(20) {
					return &searchtest.Trouble{Status: 503, Type: "unavailable_shards_exception", Reason: "moving"}
				}
				return nil
			})
			w := newWriter(t, s, func(s *Settings) { s.Documents, s.Retries = 20, 50 })
			want := map[string]string{}
			for range 5 {
				var list []*Operation
				for i := range 300 {
					id := fmt.Sprint("id-", i%17)
					o := index(id, Unversioned, fmt.Sprintf(`{"n":%d}`, i))
					o.Kind = kind
					want[id] = string(o.Document)
					if chance(10) {
						o.Kind, o.Document = Delete, nil
						delete(want, id)
					}
					list = append(list, o)
				}
				mustWrite(t, w, list...)
			}
			if got := s.Documents("a"); !maps.Equal(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	s := searchtest.New(t, searchtest.Elasticsearch8)
	w := newWriter(t, s, nil)
	// The answer to the first request is lost: what was done is found to be done.
	s.OnBulk(func(b *searchtest.Bulk) *searchtest.Trouble {
		if b.Number == 1 {
			return &searchtest.Trouble{Cut: true, Done: true}
		}
		return nil
	})
	if o := mustWrite(t, w, index("x", 7, `{"n":7}`), index("y", 8, `{"n":8}`)); len(o.Conflicts) != 0 || o.Retries != 1 {
		t.Errorf("%v", o)
	}
	gone := &Operation{Kind: Delete, Index: "a", ID: []byte("y"), Version: 9}
	o := mustWrite(t, w, index("x", 3, `{"n":3}`), gone, index("y", 2, `{"n":2}`), index("z", 1, `{"n":1}`))
	if len(o.Conflicts) != 2 || !strings.Contains(o.Conflicts[0].Err.Error(), "current version [") {
		t.Errorf("%v", o)
	}
	if got := s.Documents("a"); got["x"] != `{"n":7}` || got["z"] != `{"n":1}` || len(got) != 2 {
		t.Error(got)
	}
}

func TestCreate(t *testing.T) {
	s := searchtest.New(t, searchtest.Elasticsearch9)
	w := newWriter(t, s, nil)
	create := &Operation{Kind: Create, Index: "a", ID: []byte("t+0+0"), Version: Unversioned, Document: []byte(`{}`)}
	for range 2 {
		if o := mustWrite(t, w, create); len(o.Conflicts) > 0 {
			t.Errorf("%v", o)
		}
	}
	count(t, s, 1)
}

func TestRequestsThatAreTooLarge(t *testing.T) {
	s := searchtest.New(t, searchtest.OpenSearch1)
	s.MaxBytes(2000)
	w := newWriter(t, s, nil)
	list := numbered(200)
	list[50] = index("large", Unversioned, `{"pad":"`+strings.Repeat("x", 3000)+`"}`)
	outcome, err := write(t, w, list...)
	if err != nil || len(outcome.Rejected) != 1 || outcome.Rejected[0].Record != 50 || !strings.Contains(outcome.Rejected[0].Err.Error(), "http.max_content_length") {
		t.Fatalf("%v, %v", outcome, err)
	}
	count(t, s, 199)
	// From now on, requests are small enough at once.
	before := len(s.Bulks())
	if again := mustWrite(t, w, numbered(200)...); again.Requests != len(s.Bulks())-before {
		t.Errorf("%d requests, of which the server took %d", again.Requests, len(s.Bulks())-before)
	}
}

// An operation that keeps the server from reading the request is found.
func TestRequestsThatAreRefused(t *testing.T) {
	s := searchtest.New(t, searchtest.Elasticsearch8)
	list := numbered(100)
	list[33] = index("id-\x00", Unversioned, `{"n":33}`)
	list[34] = index(strings.Repeat("x", 600), Unversioned, `{"n":34}`) // the server refuses the whole request for its id
	outcome, err := write(t, newWriter(t, s, nil), list...)
	if err != nil || len(outcome.Rejected) != 1 || outcome.Rejected[0].Record != 34 {
		t.Fatalf("%v, %v", outcome, err)
	}
	count(t, s, 99)
}

func TestBatchesThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		trouble searchtest.Trouble
		adjust  func(*Settings)
		want    []string
		tries   int
	}{
		"gone":          {searchtest.Trouble{Cut: true}, nil, []string{"closed the connection", "tried 6 times (max.retries=5)"}, 6},
		"no retries":    {searchtest.Trouble{Status: 503, Reason: "no server"}, func(s *Settings) { s.Retries = 0 }, []string{"503", "max.retries=0"}, 1},
		"always busy":   {searchtest.Trouble{Status: 429, Type: "es_rejected_execution_exception", Reason: "queue"}, func(s *Settings) { s.Patience = 20 * time.Millisecond }, []string{"queue", "flush.timeout.ms=20", "max.in.flight.requests"}, 0},
		"wrong user":    {searchtest.Trouble{Status: 401, Type: "security_exception", Reason: "unable to authenticate"}, nil, []string{"connection.username"}, 1},
		"no permission": {searchtest.Trouble{Status: 403, Type: "security_exception", Reason: "action [x] is unauthorized"}, nil, []string{"does not allow", "give the right"}, 1},
		"proxy's no":    {searchtest.Trouble{Status: 400, Reason: "Bad Request"}, nil, []string{"400"}, 1},
		"redirect":      {searchtest.Trouble{Status: 302, Reason: "elsewhere"}, nil, []string{"no search server", "connection.url"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := searchtest.New(t, searchtest.Elasticsearch8)
			s.OnBulk(func(*searchtest.Bulk) *searchtest.Trouble { return &c.trouble })
			outcome, err := write(t, newWriter(t, s, c.adjust), numbered(3)...)
			if err == nil {
				t.Fatalf("%v", outcome)
			}
			for _, words := range c.want {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
			if n := len(s.Bulks()); c.tries > 0 && n != c.tries {
				t.Errorf("tried %d times", n)
			}
		})
	}
}

// Items that fail the batch: the others may be done, the whole batch comes again.
func TestItemsThatFailTheBatch(t *testing.T) {
	for name, c := range map[string]struct {
		trouble searchtest.Trouble
		want    string
	}{
		"no index":  {searchtest.Trouble{Status: 404, Type: "index_not_found_exception", Reason: "no such index [a]"}, "auto.create.indices.at.start"},
		"shards":    {searchtest.Trouble{Status: 400, Type: "validation_exception", Reason: "this action would add [2] shards, but this cluster currently has [1]/[1] maximum normal shards open;"}, "shards"},
		"alias":     {searchtest.Trouble{Status: 400, Type: "illegal_argument_exception", Reason: "no write index is defined for alias [a]"}, "alias"},
		"forbidden": {searchtest.Trouble{Status: 403, Type: "security_exception", Reason: "action [indices:data/write/bulk[s]] is unauthorized"}, "give the user the right"},
		"blocked":   {searchtest.Trouble{Status: 403, Type: "cluster_block_exception", Reason: "index [a] blocked by: [FORBIDDEN/8/index write (api)];"}, "index.blocks.write"},
	} {
		t.Run(name, func(t *testing.T) {
			s := searchtest.New(t, searchtest.Elasticsearch8)
			s.OnItem(func(_ *searchtest.Bulk, o *searchtest.Operation) *searchtest.Trouble {
				if o.ID == "id-1" {
					return &c.trouble
				}
				return nil
			})
			_, err := write(t, newWriter(t, s, func(s *Settings) { s.Retries = 1 }), numbered(3)...)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.trouble.Reason) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A batch ends with its context, also while it waits for a busy server.
func TestContextEnds(t *testing.T) {
	s := searchtest.New(t, searchtest.Elasticsearch8)
	ctx, cancel := context.WithCancel(t.Context())
	s.OnBulk(func(b *searchtest.Bulk) *searchtest.Trouble {
		if b.Number == 2 {
			cancel()
		}
		return &searchtest.Trouble{Status: 429, Type: "es_rejected_execution_exception", Reason: "full", RetryAfter: b.Number / 2 * 3600}
	})
	w := newWriter(t, s, nil)
	w.Begin(ctx)
	w.Add(0, index("x", Unversioned, `{}`))
	if _, err := w.Finish(); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	s.OnBulk(nil)
	mustWrite(t, w, index("y", Unversioned, `{}`)) // and the next one begins anew
	count(t, s, 1)
}

func TestCancel(t *testing.T) {
	s := searchtest.New(t, searchtest.Elasticsearch8)
	w := newWriter(t, s, nil)
	w.Begin(t.Context())
	w.Add(0, index("x", Unversioned, `{}`))
	broken := errors.New("broken")
	w.Cancel(broken)
	if _, err := w.Finish(); !errors.Is(err, broken) || len(s.Documents("a")) != 0 {
		t.Errorf("%v", err)
	}
}

// A busy server gets fewer requests at the same time, and more again when it has recovered.
func TestLessForABusyServer(t *testing.T) {
	s := searchtest.New(t, searchtest.Elasticsearch9)
	w := newWriter(t, s, func(s *Settings) { s.InFlight, s.Documents = 8, 5 })
	s.OnBulk(func(b *searchtest.Bulk) *searchtest.Trouble {
		if b.Number <= 8 {
			return &searchtest.Trouble{Status: 429, Type: "es_rejected_execution_exception", Reason: "more than it takes"}
		}
		return nil
	})
	bound := func() int {
		w.limiter.mu.Lock()
		defer w.limiter.mu.Unlock()
		return w.limiter.limit
	}
	mustWrite(t, w, numbered(80)...)
	if n := bound(); n >= 8 {
		t.Errorf("%d requests at the same time after the server was busy", n)
	}
	mustWrite(t, w, numbered(1000)...)
	if n := bound(); n != 8 {
		t.Errorf("%d requests at the same time after it has recovered", n)
	}
}

func TestWait(t *testing.T) {
	w := &Writer{settings: Settings{Backoff: 100 * time.Millisecond}}
	for tries, most := range map[int]time.Duration{0: 100 * time.Millisecond, 1: 200 * time.Millisecond, 3: 800 * time.Millisecond, 1000: mostWait} {
		for range 100 {
			if d := w.wait(tries, nil); d < most/2 || d > most {
				t.Errorf("after %d tries: %s", tries, d)
			}
		}
	}
	if d := w.wait(0, fmt.Errorf("as it says: %w", &search.Refusal{Status: http.StatusTooManyRequests, After: time.Hour})); d != time.Hour {
		t.Errorf("%s", d)
	}
	w.settings.Backoff = 0
	if d := w.wait(3, nil); d != 0 {
		t.Errorf("%s", d)
	}
}

func TestSplit(t *testing.T) {
	r := &request{}
	for i, size := range []int{1, 1, 1000, 1, 1} {
		r.add(index(fmt.Sprint(i), Unversioned, `{"p":"`+strings.Repeat("x", size)+`"}`), i, 0)
	}
	first, second := r.split()
	if len(first.items) != 3 || len(second.items) != 2 || string(first.body)+string(second.body) != string(r.body) {
		t.Errorf("%d and %d", len(first.items), len(second.items))
	}
	second.join(first)
	if !strings.HasPrefix(string(second.lines(2)), `{"index":{"_index":"a","_id":"0"}}`) || second.last().record != 2 {
		t.Errorf("%s", second.lines(2))
	}
	for _, n := range []int{2, 3} {
		r := &request{}
		for i := range n {
			r.add(index(fmt.Sprint(i), Unversioned, `{}`), i, 0)
		}
		if first, second := r.split(); len(first.items) == 0 || len(second.items) == 0 {
			t.Errorf("%d operations become %d and %d", n, len(first.items), len(second.items))
		}
	}
}

func TestLines(t *testing.T) {
	for want, o := range map[string]*Operation{
		"{\"index\":{\"_index\":\"a\",\"_id\":\"x\\\"\\\\\\u000a\",\"version\":0,\"version_type\":\"external\"}}\n{}\n": index("x\"\\\n", 0, `{}`),
		"{\"index\":{\"_index\":\"a\"}}\n{}\n":                                                                              {Kind: Index, Index: "a", Version: Unversioned, Document: []byte(`{}`)},
		"{\"create\":{\"_index\":\"a\",\"_id\":\"x\",\"routing\":\"r\\\"\"}}\n{}\n":                                         {Kind: Create, Index: "a", ID: []byte("x"), Routing: `r"`, Version: Unversioned, Document: []byte(`{}`)},
		"{\"update\":{\"_index\":\"a\",\"_id\":\"x\",\"retry_on_conflict\":3}}\n" + "{\"doc\":{},\"doc_as_upsert\":true}\n": {Kind: Upsert, Index: "a", ID: []byte("x"), Version: Unversioned, Document: []byte(`{}`)},
		"{\"delete\":{\"_index\":\"a\",\"_id\":\"x\",\"version\":7,\"version_type\":\"external\"}}\n":                       {Kind: Delete, Index: "a", ID: []byte("x"), Version: 7},
	} {
		if got := string(o.append(nil)); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}
