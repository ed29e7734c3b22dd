package worker_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/metrics"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// counted checks the counters of the only task.
func (b *bench) counted(want metrics.TaskErrors) {
	b.t.Helper()
	got := b.worker.Stats()[0].TaskErrors
	if (got.LastFailed != 0) != (want.Failed != 0) || got.LastFailed > time.Now().UnixMilli() {
		b.t.Errorf("the last record failed at %d", got.LastFailed)
	}
	if got.LastFailed = 0; got != want {
		b.t.Errorf("counted %+v, want %+v", got, want)
	}
}

// registry is one of a single schema, which it tells after it has refused some requests.
func registry(t *testing.T, refusals int64) (url string) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= refusals {
			http.Error(w, `{"error_code":50301,"message":"not now"}`, http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"schema":"\"string\""}`)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// asAvro has values read with a registry that refuses some requests.
func asAvro(t *testing.T, refusals int64, more ...string) map[string]string {
	return blackhole(append([]string{
		"value.converter", "io.confluent.connect.avro.AvroConverter", "value.converter.schema.registry.url", registry(t, refusals),
	}, more...)...)
}

// Each of the counters that Kafka Connect has, in the cases that it counts.
func TestCountersOfErrors(t *testing.T) {
	const always = 1 << 40
	once := []string{"errors.retry.timeout", "1"} // the first wait uses it up
	untilDone := []string{"errors.retry.timeout", "-1", "errors.retry.delay.max.ms", "1"}
	for name, c := range map[string]struct {
		config map[string]string
		avro   int    // records that the registry is needed for
		mixed  int    // records of which every second one is no JSON
		refuse string // topic
		// commits is how many records are committed in the end; 0: the task fails, or holds.
		commits int
		records int64
		want    metrics.TaskErrors
	}{
		"sink, success at the third attempt": {
			config: asAvro(t, 2, untilDone...), avro: 1, commits: 1, records: 1,
			want: metrics.TaskErrors{Failures: 2, Retries: 2},
		},
		"sink, retries used up, none": {
			config: asAvro(t, always, once...), avro: 1,
			want: metrics.TaskErrors{Failures: 2, Retries: 1, Failed: 1},
		},
		"sink, retries used up, all": {
			config: asAvro(t, always, append(once, "errors.tolerance", "all")...), avro: 3, commits: 3,
			want: metrics.TaskErrors{Failures: 6, Retries: 3, Failed: 3, Skipped: 3},
		},
		"sink, converter, all, queue and log": {
			config: queue(asJSON(blackhole("errors.log.enable", "true")), "all"), mixed: 10, commits: 10, records: 5,
			want: metrics.TaskErrors{Failures: 5, Failed: 5, Skipped: 5, Logged: 5, Letters: 5},
		},
		"sink, converter, none, queue that cannot be written": {
			config: queue(asJSON(blackhole()), "none"), mixed: 2, refuse: "dlq", records: -1,
			want: metrics.TaskErrors{Failures: 1, Failed: 1, Letters: 1, LostLetters: 1},
		},
		"sink, errant records, all and queue": {
			config: queue(blackhole("key.converter", "ByteArrayConverter", "fail.every", "2", "fail.kind", "errant"), "all"), mixed: 10, commits: 10, records: 10,
			want: metrics.TaskErrors{Failures: 5, Failed: 5, Skipped: 5, Letters: 5},
		},
		"sink, errant records, none and log": {
			config: blackhole("key.converter", "ByteArrayConverter", "fail.every", "1", "fail.kind", "errant", "errors.log.enable", "true"), mixed: 2,
			want: metrics.TaskErrors{Failures: 1, Failed: 1, Logged: 1},
		},
		"source, converter, all and queue": {
			config:  queue(datagen("records", "7", "shape", "row", "value.converter", "ByteArrayConverter"), "all"),
			commits: 7,
			want:    metrics.TaskErrors{Failures: 7, Failed: 7, Skipped: 7, Letters: 7},
		},
		"source, converter, none, queue that cannot be written": {
			config: queue(datagen("records", "7", "shape", "row", "value.converter", "ByteArrayConverter"), "none"), refuse: "dlq",
			want: metrics.TaskErrors{Failures: 1, Failed: 1, Letters: 1, LostLetters: 1},
		},
		"source, refused by Kafka, all": {
			config: datagen("records", "3", "producer.override.enable.idempotence", "false", "errors.tolerance", "all"), refuse: "out", commits: 3,
			want: metrics.TaskErrors{Failures: 3, Failed: 3, Skipped: 3},
		},
		"source, refused by Kafka, none and queue": {
			config: queue(datagen("records", "1", "producer.override.enable.idempotence", "false"), "none"), refuse: "out",
			want: metrics.TaskErrors{Failures: 1, Failed: 1, Letters: 1},
		},
		"source, schema change, fail": {
			config: evolves("fail", "ac"), records: -1,
			want: metrics.TaskErrors{Failures: 1, Failed: 1},
		},
		"source, schema change, hold": {
			config: evolves("hold", "ac"), records: -1,
			want: metrics.TaskErrors{Failures: 1, Failed: 1},
		},
		"source, schema change, dlq": {
			config: queue(evolves("dlq", "acbca"), "none"), commits: 5, records: 3,
			want: metrics.TaskErrors{Failures: 2, Failed: 2, Skipped: 2, Letters: 2},
		},
		"source, dropped by a transformation": {
			config:  datagen("records", "7", "transforms", "drop", "transforms.drop.type", "org.apache.kafka.connect.transforms.Filter"),
			commits: 7,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			if c.refuse != "" {
				b.refuse(c.refuse)
			}
			for range c.avro {
				if err := b.client.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Value: []byte("\x00\x00\x00\x00\x01\x02a")}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			b.mixed(c.mixed)
			id := b.start("one", c.config)
			if c.commits == 0 {
				b.await(id, func(s worker.Status) bool { return s.State == worker.Failed || holds(s) })
			} else {
				b.until("the commit", func() bool { return b.groupOffsets("one") == int64(c.commits) || b.offset("one") == c.commits })
			}
			b.counted(c.want)
			if c.records >= 0 { // those of the batch in which the task fails are not in yet
				b.until(fmt.Sprintf("%d records", c.records), func() bool { return b.worker.Stats()[0].Records == c.records })
			}
		})
	}
}

// What cannot be written to the queue is counted each time it is tried.
func TestCountersOfLostLetters(t *testing.T) {
	b := newBench(t, nil)
	b.mixed(2)
	b.refuse("dlq")
	b.start("one", queue(asJSON(blackhole()), "all"))
	b.until("two attempts", func() bool { return b.worker.Stats()[0].LostLetters >= 2 })
	if e := b.worker.Stats()[0].TaskErrors; e.Letters < e.LostLetters || e.Failed < 2 || e.Skipped < 2 {
		t.Errorf("counted %+v", e)
	}
}

// Counters begin again with the task, not with its attempts.
func TestCountersRestartWithTheTask(t *testing.T) {
	b := newBench(t, nil)
	b.mixed(10)
	want := metrics.TaskErrors{Failures: 5, Failed: 5, Skipped: 5}
	config := asJSON(blackhole("errors.tolerance", "all"))
	id := b.start("one", config)
	b.until("the commit", func() bool { return b.groupOffsets("one") == 10 })
	b.counted(want)
	b.killPlugins()
	b.mixed(2)
	b.until("the commit after a death", func() bool { return b.groupOffsets("one") == 12 })
	if s := b.worker.Stats()[0]; s.Failed < 6 || s.Type != metrics.Sink {
		t.Errorf("counted %+v", s)
	}
	b.stop(id)
	if s := b.worker.Stats(); len(s) != 0 {
		t.Errorf("a task that was stopped has counters: %+v", s)
	}
	b.start("one", config)
	b.mixed(2)
	b.until("the commit after a restart", func() bool { return b.groupOffsets("one") == 14 })
	b.counted(metrics.TaskErrors{Failures: 1, Failed: 1, Skipped: 1})
}
