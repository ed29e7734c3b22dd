package storage_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/storage"
)

var exclusiveTopic = storage.Topic{Name: "configs", Setting: "config.storage", Partitions: 1, ReplicationFactor: -1, OnePartition: true, ReadCommitted: true}

func newExclusiveWriter(t *testing.T, cluster *kfake.Cluster) *storage.ExclusiveWriter {
	t.Helper()
	w := storage.NewExclusiveWriter("configs", "connect-cluster-g", []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)})
	t.Cleanup(func() { w.Close() })
	return w
}

// keys are those of all entries that a log has delivered.
type keys struct {
	mu  sync.Mutex
	all []string
}

func (k *keys) take(e storage.Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, string(e.Key))
}

func (k *keys) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return strings.Join(k.all, " ")
}

// Whoever claims last shuts out the one before, whose write leaves nothing behind; it can claim again.
func TestExclusiveWriter(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	log := openKafka(t, cluster, exclusiveTopic)
	var seen keys
	must(t, log.Follow(t.Context(), seen.take))
	a, b := newExclusiveWriter(t, cluster), newExclusiveWriter(t, cluster)
	must(t, a.Claim(t.Context()))
	must(t, a.Append(t.Context(), entry("a1", "1"), entry("a2", "2")))
	must(t, b.Claim(t.Context()))
	err := a.Append(t.Context(), entry("a3", "3"))
	var lost *storage.LostClaimError
	if !errors.As(err, &lost) || lost.TransactionalID != "connect-cluster-g" || !strings.Contains(err.Error(), "can be safely retried") {
		t.Fatalf("the writer that was shut out got %v", err)
	}
	must(t, b.Append(t.Context(), entry("b1", "1")))
	must(t, a.Append(t.Context(), entry("a4", "4"))) // its worker is the leader again
	if err := b.Append(t.Context(), entry("b2", "2")); !errors.As(err, &lost) {
		t.Errorf("the second writer got %v", err)
	}
	a.Resign()
	must(t, a.Append(t.Context(), entry("a5", "5")))
	must(t, log.Sync(t.Context()))
	if got, want := seen.String(), "a1 a2 b1 a4 a5"; got != want {
		t.Errorf("the log has %s, want %s", got, want)
	}
	if err := a.Append(t.Context(), storage.Entry{Value: []byte("x")}); err == nil {
		t.Error("an entry without a key was taken")
	}
	must(t, a.Close())
	if err := a.Append(t.Context(), entry("a6", "6")); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// What a dying leader left open neither counts nor keeps a reader from starting; the next claim ends it.
func TestOpenTransactionOfADeadWriter(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	log := openKafka(t, cluster, exclusiveTopic)
	dead, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.TransactionalID("connect-cluster-g"), kgo.DefaultProduceTopic("configs"))
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	must(t, dead.BeginTransaction())
	must(t, dead.ProduceSync(t.Context(), kgo.KeySliceRecord([]byte("half"), []byte("1"))).FirstErr())

	var seen keys
	must(t, log.Follow(t.Context(), seen.take))
	w := newExclusiveWriter(t, cluster)
	must(t, w.Append(t.Context(), entry("whole", "1")))
	must(t, log.Sync(t.Context()))
	if got := seen.String(); got != "whole" {
		t.Errorf("the log has %q", got)
	}
}

func TestExclusiveWriterSaysWhatItMayNot(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	cluster.ControlKey(kmsg.InitProducerID.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
		resp.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
		return resp, nil, true
	})
	err := newExclusiveWriter(t, cluster).Claim(t.Context())
	if err == nil || !strings.Contains(err.Error(), "connect-cluster-g") || !strings.Contains(err.Error(), "grant its principal WRITE") {
		t.Errorf("error %v", err)
	}
}

// Only what a leader alone may write goes through the exclusive writer.
func TestConfigStoreWritesExclusively(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	var stores []*storage.ConfigStore
	for range 2 {
		s := storage.NewConfigStore(openKafka(t, cluster, exclusiveTopic), hclog.NewNullLogger())
		s.WriteExclusively(newExclusiveWriter(t, cluster))
		must(t, s.Open(t.Context()))
		stores = append(stores, s)
	}
	old, leader := stores[0], stores[1]
	must(t, old.Claim(t.Context()))
	must(t, old.PutConnector(t.Context(), "c", map[string]string{"a": "1"}, nil))
	must(t, leader.Claim(t.Context()))
	must(t, old.PutTarget(t.Context(), "c", storage.Paused)) // any worker may
	var lost *storage.LostClaimError
	if err := old.PutTasks(t.Context(), "c", []map[string]string{{"n": "0"}}); !errors.As(err, &lost) {
		t.Errorf("tasks: %v", err)
	}
	old.Resign()
	must(t, leader.PutTasks(t.Context(), "c", []map[string]string{{"n": "0"}, {"n": "1"}}))
	must(t, leader.PutFencing(t.Context(), "c", 2))
	must(t, old.Sync(t.Context()))
	for name, s := range map[string]*storage.ConfigStore{"old": old, "leader": leader} {
		c := s.Snapshot().Connector("c")
		if c == nil || c.Tasks() != 2 || c.Target != storage.Paused || c.Unfenced || c.FencedTasks != 2 {
			t.Errorf("%s has %+v", name, c)
		}
	}
}

func TestMergeOffsets(t *testing.T) {
	t.Parallel()
	list := func(pairs ...string) (offsets []storage.PartitionOffset) {
		for i := 0; i < len(pairs); i += 2 {
			offsets = append(offsets, storage.PartitionOffset{Partition: []byte(pairs[i]), Offset: []byte(pairs[i+1])})
		}
		return offsets
	}
	first := list(`{"a":1,"b":2}`, `{"n":1}`)
	merged := storage.MergeOffsets(first, list(`{"b":2,"a":1}`, `{"n":2}`, `{"c":3}`, `{"n":3}`))
	want := list(`{"a":1,"b":2}`, `{"n":1}`, `{"c":3}`, `{"n":3}`)
	same := func(x, y storage.PartitionOffset) bool {
		return string(x.Partition) == string(y.Partition) && string(x.Offset) == string(y.Offset)
	}
	if !slices.EqualFunc(merged, want, same) {
		t.Errorf("merged %s, want %s", merged, want)
	}
	if len(first) != 1 {
		t.Errorf("the first list has become %s", first)
	}
}
