package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/storage"
)

// logs are the implementations that keep the contract of Log. Each value returns a function that opens the same log
// again and again, the handles of a shared one at the same time.
var logs = map[string]struct {
	persistent, shared bool
	opener             func(t *testing.T) func() storage.Log
}{
	"memory": {opener: func(t *testing.T) func() storage.Log {
		return func() storage.Log { return openFile(t, "", hclog.NewNullLogger()) }
	}},
	"file": {persistent: true, opener: func(t *testing.T) func() storage.Log {
		path := filepath.Join(t.TempDir(), "log")
		return func() storage.Log { return openFile(t, path, hclog.NewNullLogger()) }
	}},
	"kafka, one partition": {persistent: true, shared: true, opener: func(t *testing.T) func() storage.Log {
		return kafkaOpener(t, 1)
	}},
	"kafka, five partitions": {persistent: true, shared: true, opener: func(t *testing.T) func() storage.Log {
		return kafkaOpener(t, 5)
	}},
}

func openFile(t *testing.T, path string, logger hclog.Logger) *storage.FileLog {
	t.Helper()
	log, err := storage.OpenFileLog(path, logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func kafkaOpener(t *testing.T, partitions int32) func() storage.Log {
	cluster := newCluster(t)
	return func() storage.Log {
		return openKafka(t, cluster, storage.Topic{Name: "log", Setting: "config.storage", Partitions: partitions, ReplicationFactor: 1})
	}
}

func newCluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func openKafka(t *testing.T, cluster *kfake.Cluster, topic storage.Topic) *storage.KafkaLog {
	t.Helper()
	log, err := storage.OpenKafkaLog(t.Context(), topic, []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)}, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

// reader collects what a log delivers.
type reader struct {
	mu      sync.Mutex
	entries []storage.Entry
}

func (r *reader) take(e storage.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Key, e.Value = bytes.Clone(e.Key), bytes.Clone(e.Value)
	r.entries = append(r.entries, e)
}

func (r *reader) all() []storage.Entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]storage.Entry(nil), r.entries...)
}

// state is the last value of each key, tombstones left out.
func (r *reader) state() map[string]string {
	state := map[string]string{}
	for _, e := range r.all() {
		state[string(e.Key)] = string(e.Value)
		if e.Value == nil {
			delete(state, string(e.Key))
		}
	}
	return state
}

func follow(t *testing.T, log storage.Log) *reader {
	t.Helper()
	r := &reader{}
	if err := log.Follow(t.Context(), r.take); err != nil {
		t.Fatal(err)
	}
	return r
}

func entry(key, value string) storage.Entry {
	return storage.Entry{Key: []byte(key), Value: []byte(value)}
}

func tombstone(key string) storage.Entry { return storage.Entry{Key: []byte(key)} }

func put(t *testing.T, log storage.Log, entries ...storage.Entry) {
	t.Helper()
	if err := log.Append(t.Context(), entries...); err != nil {
		t.Fatal(err)
	}
}

func readToEnd(t *testing.T, log storage.Log) {
	t.Helper()
	if err := log.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestLog(t *testing.T) {
	for name, kind := range logs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("an empty log delivers nothing", func(t *testing.T) {
				log := kind.opener(t)()
				r := follow(t, log)
				readToEnd(t, log)
				put(t, log) // nothing
				readToEnd(t, log)
				if got := r.all(); len(got) != 0 {
					t.Errorf("delivered %v", got)
				}
			})

			t.Run("entries come back as they were, in order", func(t *testing.T) {
				log := kind.opener(t)()
				r := follow(t, log)
				binary := string([]byte{0, 1, 255, '\n'})
				want := []storage.Entry{entry("k", "1"), entry("k", ""), tombstone("k"), entry("k", binary), {Key: []byte{}, Value: []byte("empty key")}}
				put(t, log, want[:3]...)
				put(t, log, want[3])
				put(t, log, want[4])
				readToEnd(t, log)
				var ofK, others []storage.Entry
				for _, e := range r.all() {
					if len(e.Key) > 0 {
						ofK = append(ofK, e)
					} else {
						others = append(others, e)
					}
				}
				if len(ofK) != 4 || len(others) != 1 {
					t.Fatalf("delivered %d and %d entries, want 4 and 1", len(ofK), len(others))
				}
				last := int64(-1)
				for i, e := range ofK {
					if string(e.Key) != string(want[i].Key) || !equalValues(e.Value, want[i].Value) {
						t.Errorf("entry %d is %q=%q, want %q=%q", i, e.Key, e.Value, want[i].Key, want[i].Value)
					}
					if e.Offset <= last {
						t.Errorf("entry %d has offset %d after %d", i, e.Offset, last)
					}
					last = e.Offset
				}
			})

			t.Run("the caller may reuse its bytes", func(t *testing.T) {
				log := kind.opener(t)()
				r := follow(t, log)
				key, value := []byte("key"), []byte("value")
				put(t, log, storage.Entry{Key: key, Value: value})
				copy(key, "xxx")
				copy(value, "yyyyy")
				readToEnd(t, log)
				if got := r.state(); got["key"] != "value" {
					t.Errorf("delivered %v", got)
				}
			})

			t.Run("calls out of turn are refused", func(t *testing.T) {
				log := kind.opener(t)()
				if err := log.Append(t.Context(), entry("k", "v")); err == nil {
					t.Error("Append before Follow succeeded")
				}
				if err := log.Sync(t.Context()); err == nil {
					t.Error("Sync before Follow succeeded")
				}
				follow(t, log)
				if err := log.Follow(t.Context(), func(storage.Entry) {}); err == nil {
					t.Error("a second Follow succeeded")
				}
				if err := log.Append(t.Context(), storage.Entry{Value: []byte("v")}); err == nil {
					t.Error("an entry without a key was taken")
				}
			})

			t.Run("a cancelled context ends the wait", func(t *testing.T) {
				log := kind.opener(t)()
				follow(t, log)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if err := log.Append(ctx, entry("k", "v")); !errors.Is(err, context.Canceled) {
					t.Errorf("Append: %v", err)
				}
				if err := log.Sync(ctx); !errors.Is(err, context.Canceled) {
					t.Errorf("Sync: %v", err)
				}
				put(t, log, entry("k", "after"))
				readToEnd(t, log)
			})

			t.Run("concurrent appends keep the order of each caller", func(t *testing.T) {
				log := kind.opener(t)()
				r := follow(t, log)
				const callers, each = 8, 25
				var wg sync.WaitGroup
				for c := range callers {
					wg.Go(func() {
						for i := range each {
							if err := log.Append(t.Context(), entry(fmt.Sprint("caller", c), fmt.Sprint(i))); err != nil {
								t.Error(err)
								return
							}
							if i%10 == 0 {
								if err := log.Sync(t.Context()); err != nil {
									t.Error(err)
								}
							}
						}
					})
				}
				wg.Wait()
				readToEnd(t, log)
				seen := map[string]int{}
				for _, e := range r.all() {
					if string(e.Value) != fmt.Sprint(seen[string(e.Key)]) {
						t.Fatalf("%s: got %s, want %d", e.Key, e.Value, seen[string(e.Key)])
					}
					seen[string(e.Key)]++
				}
				for c := range callers {
					if n := seen[fmt.Sprint("caller", c)]; n != each {
						t.Errorf("caller %d: %d of %d delivered", c, n, each)
					}
				}
			})

			t.Run("close", func(t *testing.T) {
				log := kind.opener(t)()
				r := follow(t, log)
				put(t, log, entry("k", "v"))
				readToEnd(t, log)
				for range 2 {
					if err := log.Close(); err != nil {
						t.Fatal(err)
					}
				}
				if err := log.Append(t.Context(), entry("k", "late")); !errors.Is(err, storage.ErrClosed) {
					t.Errorf("Append: %v", err)
				}
				if err := log.Sync(t.Context()); !errors.Is(err, storage.ErrClosed) {
					t.Errorf("Sync: %v", err)
				}
				select {
				case <-log.Failed():
					t.Errorf("a closed log says that it failed: %v", log.Err())
				default:
				}
				if got := r.state(); log.Err() != nil || got["k"] != "v" {
					t.Errorf("err %v, state %v", log.Err(), got)
				}
			})

			t.Run("close before follow", func(t *testing.T) {
				log := kind.opener(t)()
				if err := log.Close(); err != nil {
					t.Fatal(err)
				}
				if err := log.Follow(t.Context(), func(storage.Entry) {}); !errors.Is(err, storage.ErrClosed) {
					t.Errorf("Follow: %v", err)
				}
			})

			t.Run("appends under way at close are durable or refused", func(t *testing.T) {
				open := kind.opener(t)
				log := open()
				follow(t, log)
				const callers = 16
				acknowledged := make([]int, callers)
				var wg sync.WaitGroup
				for c := range callers {
					wg.Go(func() {
						for i := 1; ; i++ {
							if err := log.Append(context.Background(), entry(fmt.Sprint(c), fmt.Sprint(i))); err != nil {
								return
							}
							acknowledged[c] = i
						}
					})
				}
				readToEnd(t, log)
				log.Close()
				wg.Wait()
				if !kind.persistent {
					return
				}
				state := follow(t, open()).state()
				for c, i := range acknowledged {
					var stored int
					fmt.Sscan(state[fmt.Sprint(c)], &stored)
					if stored < i {
						t.Errorf("caller %d: %d is acknowledged, %d is stored", c, i, stored)
					}
				}
			})

			if kind.persistent {
				t.Run("a log opened again delivers what counts", func(t *testing.T) {
					open := kind.opener(t)
					log := open()
					follow(t, log)
					put(t, log, entry("a", "1"), entry("b", "1"), entry("c", "1"))
					put(t, log, entry("a", "2"), tombstone("b"))
					log.Close()
					log = open()
					r := follow(t, log)
					put(t, log, entry("c", "2"))
					readToEnd(t, log)
					if got, want := fmt.Sprint(r.state()), "map[a:2 c:2]"; got != want {
						t.Errorf("state %s, want %s", got, want)
					}
				})
			}

			if kind.shared {
				t.Run("sync sees what others appended", func(t *testing.T) {
					open := kind.opener(t)
					ours, theirs := open(), open()
					r := follow(t, ours)
					follow(t, theirs)
					for i := range 20 {
						put(t, theirs, entry("k", fmt.Sprint(i)))
						readToEnd(t, ours)
						if got := r.state()["k"]; got != fmt.Sprint(i) {
							t.Fatalf("after append %d the state is %q", i, got)
						}
					}
				})
			}
		})
	}
}

func equalValues(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
