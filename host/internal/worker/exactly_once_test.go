package worker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// fences is what a herder would do for Fencing.
type fences struct {
	mu         sync.Mutex
	superseded bool
	asked      []worker.TaskID
	err        error
}

func (f *fences) fencing() worker.Fencing {
	return worker.Fencing{
		Fence: func(_ context.Context, id worker.TaskID, _ int64) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.asked = append(f.asked, id)
			return f.err
		},
		Current: func(context.Context, worker.TaskID, int64) (bool, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			return !f.superseded, nil
		},
	}
}

func (f *fences) set(superseded bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.superseded, f.err = superseded, err
}

func (f *fences) times() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

// newTopicBench is a bench whose offsets are in a topic.
func newTopicBench(t *testing.T, change func(*worker.Settings)) (b *bench, shared *storage.OffsetStore) {
	t.Helper()
	b = newBench(t, func(s *worker.Settings) {
		log := hclog.NewNullLogger()
		topic := storage.Topic{Name: "offsets", Setting: "offset.storage", Partitions: 3, ReplicationFactor: 1, ReadCommitted: true}
		l, err := storage.OpenKafkaLog(t.Context(), topic, []kgo.Opt{kgo.SeedBrokers(strings.Split(s.Properties["bootstrap.servers"], ",")...)}, log)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		shared = storage.NewOffsetStore(l, log)
		if err := shared.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.Offsets, s.OffsetsTopic = shared, topic
		if change != nil {
			change(s)
		}
	})
	return b, shared
}

func newExactlyOnceBench(t *testing.T) (*bench, *storage.OffsetStore, *fences) {
	t.Helper()
	f := &fences{}
	b, shared := newTopicBench(t, func(s *worker.Settings) { s.ExactlyOnceGroup, s.Fencing = "cluster", f.fencing() })
	return b, shared, f
}

// committed returns the numbers in a topic that readers of committed records see, once there is no open transaction left.
func (b *bench) committed(topic string) []int {
	b.t.Helper()
	return numbers(b.t, b.visible(topic))
}

// visible returns the values in a topic that readers of committed records see, those of a partition in order, once there is no
// open transaction left.
func (b *bench) visible(topic string) []string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 60*time.Second)
	defer cancel()
	ends, err := kadm.NewClient(b.client).ListEndOffsets(ctx, topic)
	if err != nil {
		b.t.Fatal(err)
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(b.kafka.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		b.t.Fatal(err)
	}
	defer reader.Close()
	var values []string
	next := map[int32]int64{}
	for {
		behind := false
		ends.Each(func(o kadm.ListedOffset) { behind = behind || next[o.Partition] < o.Offset })
		if !behind {
			return values
		}
		fetches := reader.PollFetches(ctx)
		if ctx.Err() != nil {
			b.t.Fatalf("topic %s was read up to %v only, want %v", topic, next, ends)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				values = append(values, string(r.Value))
			}
		})
	}
}

// checkOnce checks that the numbers from 0 to n-1 are there, each once.
func checkOnce(t *testing.T, got []int, n int) {
	t.Helper()
	for i, number := range got {
		if number != i {
			t.Fatalf("number %d at place %d of %d: one is missing or there twice", number, i, len(got))
		}
	}
	if len(got) != n {
		t.Fatalf("%d numbers, want %d", len(got), n)
	}
}

// position returns what is stored for datagen's slice.
func position(offsets []storage.PartitionOffset) string {
	if len(offsets) != 1 {
		return ""
	}
	return string(offsets[0].Offset)
}

func (b *bench) stored(name string, config map[string]string) string {
	b.t.Helper()
	offsets, err := b.worker.SourceOffsets(b.t.Context(), name, config)
	if err != nil {
		b.t.Fatal(err)
	}
	return position(offsets)
}

func TestTransactions(t *testing.T) {
	for name, extra := range map[string][]string{
		"a batch":            nil,
		"an interval":        {"transaction.boundary", "INTERVAL", "transaction.boundary.interval.ms", "20"},
		"no time between":    {"transaction.boundary", "interval", "transaction.boundary.interval.ms", "0"},
		"own offsets topic":  {"offsets.storage.topic", "gen-offsets"},
		"the end of the run": {"transaction.boundary", "interval", "transaction.boundary.interval.ms", "3600000"},
	} {
		t.Run(name, func(t *testing.T) {
			b, _, _ := newExactlyOnceBench(t)
			// The plugin dies, then the task is stopped, while records flow.
			config := func() map[string]string {
				return datagen(append([]string{"records", "0", "rate", "5000"}, extra...)...)
			}
			id := b.start("gen", config())
			for round := range 2 {
				before := b.endOrZero("out")
				b.until("records", func() bool { return b.endOrZero("out") > before+100 })
				if round%2 == 0 {
					b.killPlugins()
					continue
				}
				b.stop(id)
				b.start("gen", config())
			}
			b.stop(id)
			got := b.committed("out")
			checkOnce(t, got, len(got))
			if len(got) == 0 {
				t.Error("nothing is committed")
			}
			// The offset is that of the last record: it came with it.
			b.start("gen", datagen(append([]string{"records", "1000000"}, extra...)...))
			if at := b.stored("gen", config()); at == "" {
				t.Error("no offset is stored")
			}
			b.stop(id)
			got = b.committed("out")
			checkOnce(t, got, len(got))
		})
	}
}

// A later task that takes the transactional id over ends the earlier one's transaction. What is still this worker's to run goes on.
func TestFencedTaskGoesOnExactly(t *testing.T) {
	b, _, _ := newExactlyOnceBench(t)
	config := datagen("records", "0", "rate", "5000")
	id := b.start("gen", config)
	b.until("records", func() bool { return b.endOrZero("out") > 200 })
	if err := b.worker.FenceTasks(t.Context(), "gen", config, 1); err != nil {
		t.Fatal(err)
	}
	s := b.await(id, is(worker.Failed))
	if first, _, _ := strings.Cut(s.Trace, "\n"); !strings.Contains(first, "transactional.id") {
		t.Errorf("the first line is %q", first)
	}
	before := b.end("out")
	b.until("records again", func() bool { return b.end("out") > before+200 })
	b.stop(id)
	got := b.committed("out")
	checkOnce(t, got, len(got))
}

// A task that is another's to run by now writes nothing, and keeps the other from nothing.
func TestSupersededTaskStaysQuiet(t *testing.T) {
	b, _, f := newExactlyOnceBench(t)
	f.set(true, nil)
	id := b.start("gen", datagen())
	b.until("the question", func() bool { return f.times() > 0 })
	b.stop(id)
	if n := b.endOrZero("out"); n != 0 {
		t.Errorf("it wrote %d records", n)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.tasks[id]) != 0 {
		t.Errorf("it reported %v", b.tasks[id])
	}
}

// A round of fencing that fails is shown, and made again.
func TestFencingIsMadeAgain(t *testing.T) {
	b, _, f := newExactlyOnceBench(t)
	f.set(false, errors.New("no right to"))
	id := b.start("gen", datagen())
	s := b.await(id, is(worker.Failed))
	if !strings.Contains(s.Trace, "no right to") {
		t.Errorf("trace %q", s.Trace)
	}
	f.set(false, nil)
	b.until("the records", func() bool { return b.endOrZero("out") >= 5000 })
	b.stop(id)
	checkOnce(t, b.committed("out"), 5000)
}

func TestTransactionsRefuse(t *testing.T) {
	for name, c := range map[string]struct{ extra, want []string }{
		"a boundary of the connector": {[]string{"transaction.boundary", "connector"}, []string{"transaction.boundary=connector", "poll or interval"}},
		"another boundary":            {[]string{"transaction.boundary", "batch"}, []string{`transaction.boundary is "batch"`, "poll or interval"}},
		"an interval":                 {[]string{"transaction.boundary", "interval", "transaction.boundary.interval.ms", "-1"}, []string{"transaction.boundary.interval.ms", `"-1"`}},
		"records among offsets":       {[]string{"topic", "offsets"}, []string{"topic offsets", "offsets.storage.topic"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, _, _ := newExactlyOnceBench(t)
			id := b.start("gen", datagen(c.extra...))
			s := b.await(id, is(worker.Failed))
			first, _, _ := strings.Cut(s.Trace, "\n")
			for _, want := range c.want {
				if !strings.Contains(first, want) {
					t.Errorf("first line %q lacks %q", first, want)
				}
			}
			b.stop(id)
		})
	}
}

// A connector with a topic of its own has its offsets there and, as a copy, in the worker's; it begins with what is in the
// worker's, and what is altered or reset is altered or reset in both.
func TestOwnOffsetsTopic(t *testing.T) {
	for name, exactly := range map[string]bool{"at least once": false, "exactly once": true} {
		t.Run(name, func(t *testing.T) {
			f := &fences{}
			b, shared := newTopicBench(t, func(s *worker.Settings) {
				if exactly {
					s.ExactlyOnceGroup, s.Fencing = "cluster", f.fencing()
				}
			})
			copied := func(want string) {
				t.Helper()
				b.until("the copy "+want, func() bool {
					if err := shared.Sync(t.Context()); err != nil {
						t.Fatal(err)
					}
					return position(shared.List("gen")) == want
				})
			}
			id := b.start("gen", datagen("records", "2000"))
			copied(`{"n":2000}`)
			b.stop(id)

			// It moves to a topic of its own and goes on.
			config := datagen("records", "5000", "offsets.storage.topic", "gen-offsets")
			if at := b.stored("gen", config); at != `{"n":2000}` {
				t.Fatalf("before the move it is at %s", at)
			}
			b.start("gen", config)
			copied(`{"n":5000}`)
			b.stop(id)
			checkOnce(t, b.committed("out"), 5000)
			if at := b.stored("gen", config); at != `{"n":5000}` {
				t.Errorf("after the move it is at %s", at)
			}
			if !slices.Contains(b.kafkaTopics(), "gen-offsets") {
				t.Errorf("topics are %v", b.kafkaTopics())
			}

			partition := []byte(`{"slice":0,"of":1}`)
			_, err := b.worker.AlterSourceOffsets(t.Context(), "gen", config, []storage.PartitionOffset{{Partition: partition, Offset: []byte(`{"n":7}`)}})
			if err != nil {
				t.Fatal(err)
			}
			if at := b.stored("gen", config); at != `{"n":7}` {
				t.Errorf("altered, it is at %s", at)
			}
			copied(`{"n":7}`)
			if _, err := b.worker.ResetSourceOffsets(t.Context(), "gen", config); err != nil {
				t.Fatal(err)
			}
			if at := b.stored("gen", config); at != "" {
				t.Errorf("reset, it is at %s", at)
			}
			copied("")
		})
	}
}

// Of a bad topic the task tells what to do.
func TestOwnOffsetsTopicThatDoesNotFit(t *testing.T) {
	b, _ := newTopicBench(t, nil)
	cleanup := "delete"
	if _, err := kadm.NewClient(b.client).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": &cleanup}, "short-lived"); err != nil {
		t.Fatal(err)
	}
	id := b.start("gen", datagen("offsets.storage.topic", "short-lived"))
	s := b.await(id, is(worker.Failed))
	if first, _, _ := strings.Cut(s.Trace, "\n"); !strings.Contains(first, "cleanup.policy=delete") || !strings.Contains(first, "set offsets.storage.topic to another name") {
		t.Errorf("first line %q", first)
	}
	b.stop(id)
}
