package worker_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// away is a schema registry that does not work before it is back.
type away struct {
	url   string
	asked atomic.Int64
	back  atomic.Bool
}

func newAway(t *testing.T) *away {
	registry := srfake.New()
	t.Cleanup(registry.Close)
	at, err := url.Parse(registry.URL())
	if err != nil {
		t.Fatal(err)
	}
	a := &away{}
	proxy := httputil.NewSingleHostReverseProxy(at)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.asked.Add(1); !a.back.Load() {
			http.Error(w, `{"error_code":50301,"message":"not now"}`, http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	a.url = server.URL
	return a
}

// patient has what needs the registry tried for ever, and everything else skipped.
func (a *away) patient(config map[string]string) map[string]string {
	config["value.converter"], config["value.converter.schema.registry.url"] = "AvroConverter", a.url
	config["errors.retry.timeout"] = "-1"
	return queue(config, "all")
}

// undecided checks that nothing became a dead letter.
func (b *bench) undecided() {
	b.t.Helper()
	if slices.Contains(b.kafkaTopics(), "dlq") && b.end("dlq") > 0 {
		b.t.Errorf("%d dead letters, though nothing was wrong with any record", b.end("dlq"))
	}
}

// A stop while a record is about to be tried again decides nothing: it is neither skipped nor kept apart, and comes again.
func TestStopWhileARetryIsWaitedFor(t *testing.T) {
	for name, newBench := range map[string]func(*testing.T) *bench{
		"at least once": func(t *testing.T) *bench { return newBench(t, nil) },
		"exactly once": func(t *testing.T) *bench {
			b, _, _ := newExactlyOnceBench(t)
			return b
		},
	} {
		t.Run("source, "+name, func(t *testing.T) {
			t.Parallel()
			b, a := newBench(t), newAway(t)
			config := a.patient(datagen("records", "7", "shape", "row"))
			id := b.start("one", config)
			b.until("a request", func() bool { return a.asked.Load() > 0 })
			b.stop(id)
			b.undecided()
			a.back.Store(true)
			id = b.start("one", config)
			if got := b.consume("out", 7); len(got) != 7 {
				t.Errorf("%d records", len(got))
			}
			b.stop(id)
			b.undecided()
		})
	}
	t.Run("sink", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, nil)
		a := newAway(t)
		values := [][]byte{nil, nil, []byte("\x00\x00\x00\x00\x01\x02a"), []byte("\x00\x00\x00\x00\x01\x02b")}
		for _, v := range values {
			if err := b.client.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Partition: 0, Value: v, Key: []byte("k")}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		config := a.patient(blackhole())
		id := b.start("one", config)
		b.until("a request", func() bool { return a.asked.Load() > 0 })
		b.stop(id)
		if n := b.groupOffsets("one"); n != 2 {
			t.Errorf("%d offsets are committed, want those of the two records before", n)
		}
		b.undecided()
		a.back.Store(true)
		registered, err := http.Post(a.url+"/subjects/in-value/versions", "application/vnd.schemaregistry.v1+json", strings.NewReader(`{"schema":"\"string\""}`))
		if err != nil {
			t.Fatal(err)
		}
		registered.Body.Close()
		id = b.start("one", config)
		b.until("the commit", func() bool { return b.groupOffsets("one") == 4 })
		b.stop(id)
		b.undecided()
	})
}
