package storage_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

const us = "us:8083"

func openStatusStore(t *testing.T, log storage.Log) *storage.StatusStore {
	t.Helper()
	store := storage.NewStatusStore(log, us, hclog.NewNullLogger())
	must(t, store.Open(t.Context()))
	t.Cleanup(func() { store.Close(context.Background()) })
	return store
}

func settle(t *testing.T, store *storage.StatusStore) {
	t.Helper()
	must(t, store.Flush(t.Context()))
	must(t, store.Sync(t.Context()))
}

func running(worker string, generation int32) storage.Status {
	return storage.Status{State: storage.StateRunning, WorkerID: worker, Generation: generation, Version: "1.2"}
}

// Records are those of Kafka Connect.
func TestStatusStoreRecords(t *testing.T) {
	t.Parallel()
	log := openFile(t, "", hclog.NewNullLogger())
	var got []string
	store := openStatusStore(t, tap{log, func(e storage.Entry) { got = append(got, fmt.Sprintf("%s %s", e.Key, e.Value)) }})
	began := time.Now().UnixMilli()
	store.PutConnector("my-c", running(us, 3))
	store.PutTask("my-c", 12, storage.Status{State: storage.StateFailed, WorkerID: us, Generation: 3, Trace: "line \"1\"\n\tat <x>\xff"})
	store.PutTopic("my-c", 12, "orders.v1")
	settle(t, store)
	slices.Sort(got)
	var discovered int64
	if _, err := fmt.Sscanf(got[len(got)-1], `status-topic-orders.v1:connector-my-c {"topic":{"name":"orders.v1","connector":"my-c","task":12,"discoverTimestamp":%d}}`, &discovered); err != nil || discovered < began {
		t.Errorf("topic: %s: %v", got[len(got)-1], err)
	}
	want := []string{
		`status-connector-my-c {"state":"RUNNING","trace":null,"worker_id":"us:8083","generation":3,"version":"1.2"}`,
		`status-task-my-c-12 {"state":"FAILED","trace":"line \"1\"\n\tat <x>` + "\uFFFD" + `","worker_id":"us:8083","generation":3,"version":null}`,
	}
	if diff := cmp.Diff(want, got[:len(got)-1]); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// tap is a log that shows what it delivers.
type tap struct {
	storage.Log
	show func(storage.Entry)
}

func (t tap) Follow(ctx context.Context, fn func(storage.Entry)) error {
	return t.Log.Follow(ctx, func(e storage.Entry) {
		t.show(e)
		fn(e)
	})
}

// dumpStatuses writes down all that a store knows.
func dumpStatuses(s *storage.StatusStore) string {
	var b strings.Builder
	line := func(name string, s storage.Status) {
		fmt.Fprintf(&b, "%s %s %s@%d", name, s.State, s.WorkerID, s.Generation)
		if s.Trace != "" {
			fmt.Fprintf(&b, " trace=%q", s.Trace)
		}
		if s.Version != "" {
			fmt.Fprintf(&b, " version=%s", s.Version)
		}
		b.WriteByte('\n')
	}
	for _, name := range s.Connectors() {
		if status, ok := s.Connector(name); ok {
			line(name, status)
		}
		for _, task := range s.Tasks(name) {
			line(fmt.Sprint(name, "-", task.Task), task.Status)
		}
		if topics := s.Topics(name); len(topics) > 0 {
			fmt.Fprintln(&b, name, topics)
		}
	}
	return b.String()
}

// What any version of Kafka Connect wrote is understood; what nobody could have written is ignored.
func TestStatusStoreReads(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ records, want string }{
		"older and newer versions": {
			`status-connector-a {"state":"RUNNING","trace":null,"worker_id":"w:1","generation":1}
status-task-a-0 {"state":"FAILED","trace":"boom","worker_id":"w:1","generation":2,"version":"3.9","new":{"x":[1]}}
status-task-a-b-10 {"state":"PAUSED","worker_id":"w:2","generation":3}
status-topic-t-1:connector-a-b {"topic":{"name":"t-1","connector":"a-b","task":0,"discoverTimestamp":5}}
status-topic-t:connector-a-b {"topic":{"name":"t","connector":"a-b","task":0,"discoverTimestamp":5}}`,
			"a RUNNING w:1@1\na-0 FAILED w:1@2 trace=\"boom\" version=3.9\na-b-10 PAUSED w:2@3\na-b [t t-1]\n"},
		"tombstones": {
			`status-connector-a {"state":"RUNNING","worker_id":"w:1","generation":1}
status-task-a-0 {"state":"RUNNING","worker_id":"w:1","generation":1}
status-topic-t:connector-a {"topic":{"name":"t"}}
status-task-b-0 {"state":"RUNNING","worker_id":"w:1","generation":1}
status-connector-a null
status-task-a-0 null
status-topic-t:connector-a null
status-connector-nobody null`,
			"b-0 RUNNING w:1@1\n"},
		"the old owner's goodbye comes late": {
			`status-task-a-0 {"state":"RUNNING","worker_id":"new:1","generation":5}
status-task-a-0 {"state":"UNASSIGNED","worker_id":"old:1","generation":4}
status-task-a-1 {"state":"RUNNING","worker_id":"w:1","generation":5}
status-task-a-1 {"state":"UNASSIGNED","worker_id":"w:1","generation":5}
status-task-a-2 {"state":"PAUSED","worker_id":"new:1","generation":5}
status-task-a-2 {"state":"UNASSIGNED","worker_id":"old:1","generation":4}`,
			"a-0 RUNNING new:1@5\na-1 UNASSIGNED w:1@5\na-2 PAUSED new:1@5\n"},
		"damaged": {
			`status-connector-a {"state":"RUNNING","worker_id":"w:1","generation":1}
status-connector-a nonsense
status-connector-a {"state":7,"worker_id":"w:1","generation":1}
status-connector-a {"worker_id":"w:1","generation":1}
status-connector-a {"state":"FAILED","generation":1}
status-connector- {"state":"RUNNING","worker_id":"w:1","generation":1}
status-task-a {"state":"RUNNING","worker_id":"w:1","generation":1}
status-task-a-x {"state":"RUNNING","worker_id":"w:1","generation":1}
status-task-a-99999999999 {"state":"RUNNING","worker_id":"w:1","generation":1}
status-topic-t {"topic":{"name":"t"}}
status-topic-:connector-a {"topic":{"name":"t"}}
status-topic-t:connector-a {"topic":null}
status-topic-t:connector-a nonsense
other {"x":1}`,
			"a RUNNING w:1@1\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := openFile(t, "", hclog.NewNullLogger())
			store := openStatusStore(t, log)
			put(t, log, records(c.records)...)
			must(t, store.Sync(t.Context()))
			if diff := cmp.Diff(c.want, dumpStatuses(store)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// The last word of an old owner never replaces the status of a newer one.
func TestStatusStoreGuard(t *testing.T) {
	t.Parallel()
	states := []storage.State{storage.StateUnassigned, storage.StateFailed, storage.StateRunning, storage.StatePaused, storage.StateStopped, storage.StateRestarting}
	stored := map[string]struct {
		status  *storage.Status
		guarded bool // against what we say in generation 5
	}{
		"nothing":                            {nil, false},
		"our own":                            {&storage.Status{State: storage.StatePaused, WorkerID: us, Generation: 9}, false},
		"another's of an earlier generation": {&storage.Status{State: storage.StateRunning, WorkerID: "other:1", Generation: 4}, false},
		"another's of the same generation":   {&storage.Status{State: storage.StatePaused, WorkerID: "other:1", Generation: 5}, false},
		"another's of a later one":           {&storage.Status{State: storage.StatePaused, WorkerID: "other:1", Generation: 6}, true},
		"another's last word of a later one": {&storage.Status{State: storage.StateFailed, WorkerID: "other:1", Generation: 6}, true},
	}
	for name, c := range stored {
		for _, state := range states {
			t.Run(name+", "+string(state), func(t *testing.T) {
				t.Parallel()
				log := openFile(t, "", hclog.NewNullLogger())
				ours := openStatusStore(t, log)
				if c.status != nil {
					put(t, log, records(fmt.Sprintf(`status-task-a-0 {"state":"%s","worker_id":"%s","generation":%d}`, c.status.State, c.status.WorkerID, c.status.Generation))...)
					must(t, ours.Sync(t.Context()))
				}
				ours.PutTask("a", 0, storage.Status{State: state, WorkerID: us, Generation: 5})
				settle(t, ours)
				got, _ := ours.Task("a", 0)
				refused := c.guarded && (state == storage.StateUnassigned || state == storage.StateFailed)
				if (got.WorkerID != us || got.State != state) != refused {
					t.Errorf("stored is %+v", got)
				}
			})
		}
	}
}

func TestStatusStoreRemoves(t *testing.T) {
	t.Parallel()
	log := openFile(t, "", hclog.NewNullLogger())
	store := openStatusStore(t, log)
	fill := func() {
		for _, c := range []string{"a", "b"} {
			store.PutConnector(c, running(us, 1))
			for task := range 3 {
				store.PutTask(c, task, running(us, 1))
				store.PutTopic(c, task, fmt.Sprint("t", task))
			}
		}
	}
	const b = "b RUNNING us:8083@1 version=1.2\nb-0 RUNNING us:8083@1 version=1.2\nb-1 RUNNING us:8083@1 version=1.2\nb-2 RUNNING us:8083@1 version=1.2\nb [t0 t1 t2]\n"
	cases := []struct {
		name   string
		remove func()
		want   string
	}{
		{"a task", func() { store.RemoveTask("a", 1) }, "a RUNNING us:8083@1 version=1.2\na-0 RUNNING us:8083@1 version=1.2\na-2 RUNNING us:8083@1 version=1.2\na [t0 t1 t2]\n" + b},
		{"topics", func() { store.ResetTopics("a") }, "a RUNNING us:8083@1 version=1.2\na-0 RUNNING us:8083@1 version=1.2\na-1 RUNNING us:8083@1 version=1.2\na-2 RUNNING us:8083@1 version=1.2\n" + b},
		{"a connector", func() { store.RemoveConnector("a") }, b},
	}
	for _, c := range cases {
		for _, first := range []bool{true, false} { // settled before the removal, or still on its way
			fill()
			if first {
				settle(t, store)
			}
			c.remove()
			settle(t, store)
			if diff := cmp.Diff(c.want, dumpStatuses(store)); diff != "" {
				t.Errorf("%s, settled first %t (-want +got)\n%s", c.name, first, diff)
			}
		}
	}
	store.RemoveConnector("nobody")
	settle(t, store)
}

// What is written and not read back yet is removed too.
func TestStatusStoreRemovesUnread(t *testing.T) {
	t.Parallel()
	late := &lateLog{Log: openFile(t, "", hclog.NewNullLogger())}
	store := openStatusStore(t, late)
	store.PutConnector("c", running(us, 1))
	store.PutTask("c", 0, running(us, 1))
	store.PutTopic("c", 0, "orders")
	must(t, store.Flush(t.Context()))
	if names := store.Connectors(); len(names) != 0 {
		t.Fatalf("%v was read back already", names)
	}
	store.RemoveConnector("c")
	must(t, store.Flush(t.Context()))
	late.deliver()
	if left := dumpStatuses(store); left != "" {
		t.Errorf("left:\n%s", left)
	}
}

// lateLog is a log that delivers what it has when it is told to.
type lateLog struct {
	storage.Log
	mu   sync.Mutex
	held []storage.Entry
	fn   func(storage.Entry)
}

func (l *lateLog) Follow(ctx context.Context, fn func(storage.Entry)) error {
	l.fn = fn
	return l.Log.Follow(ctx, func(e storage.Entry) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.held = append(l.held, e)
	})
}

func (l *lateLog) deliver() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.held {
		l.fn(e)
	}
	l.held = nil
}

// A topic is written once, and again after it was forgotten.
func TestStatusStoreTopicsOnce(t *testing.T) { // not parallel: it counts allocations
	log := openFile(t, "", hclog.NewNullLogger())
	written := 0
	store := openStatusStore(t, tap{log, func(e storage.Entry) { written++ }})
	for range 3 {
		for range 100 {
			store.PutTopic("a", 0, "t")
		}
		settle(t, store)
	}
	if written != 1 {
		t.Errorf("the same topic was written %d times", written)
	}
	store.ResetTopics("a")
	store.PutTopic("a", 0, "t") // after the reset, though that is on its way
	settle(t, store)
	if got := store.Topics("a"); !slices.Equal(got, []string{"t"}) {
		t.Errorf("topics %v", got)
	}
	// The least of several: what the log and its clients allocate meanwhile is counted, too.
	allocs := testing.AllocsPerRun(100, func() { store.PutTopic("a", 0, "t") })
	for range 20 {
		allocs = min(allocs, testing.AllocsPerRun(100, func() { store.PutTopic("a", 0, "t") }))
	}
	if allocs != 0 {
		t.Errorf("a known topic costs %v allocations", allocs)
	}
}

// While nothing can be written the newest status of each key waits, nobody else does, and the log says so once.
func TestStatusStoreOutage(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		v := &virtual{}
		cluster := v.start(t)
		log := v.open(t, storage.Topic{Name: "statuses", Setting: "status.storage", Partitions: 5, ReplicationFactor: 1})
		var said bytes.Buffer
		store := storage.NewStatusStore(log, us, hclog.New(&hclog.LoggerOptions{Output: &said}))
		must(t, store.Open(t.Context()))
		outage := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: -1})
		began := time.Now()
		for generation := range int32(50) {
			store.PutTask("a", 0, running(us, generation))
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("putting took %v", took)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := store.Flush(short); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 statuses are not written") {
			t.Errorf("Flush: %v", err)
		}
		store.PutTask("a", 0, running(us, 99))
		outage.Remove()
		settle(t, store)
		if got, _ := store.Task("a", 0); got.Generation != 99 {
			t.Errorf("stored is %+v", got)
		}
		must(t, store.Close(t.Context()))
		if n := strings.Count(said.String(), "cannot be written"); n != 1 || strings.Count(said.String(), "written again") != 1 {
			t.Errorf("log:\n%s", &said)
		}
	})
}

// failingOnce is a log whose first Append fails when it is told to.
type failingOnce struct {
	storage.Log
	begun, fail chan struct{}
	once        *sync.Once
}

func (f failingOnce) Append(ctx context.Context, entries ...storage.Entry) (err error) {
	f.once.Do(func() {
		close(f.begun)
		<-f.fail
		err = errors.New("the first append fails")
	})
	if err != nil {
		return err
	}
	return f.Log.Append(ctx, entries...)
}

// What was put while an older value failed to be written is not replaced by that one.
func TestStatusStoreNewestWins(t *testing.T) {
	t.Parallel()
	log := failingOnce{openFile(t, "", hclog.NewNullLogger()), make(chan struct{}), make(chan struct{}), new(sync.Once)}
	store := openStatusStore(t, log)
	store.PutTask("a", 0, running(us, 1))
	store.PutTask("a", 1, running(us, 1))
	<-log.begun
	store.PutTask("a", 0, running(us, 2))
	store.RemoveTask("a", 1)
	close(log.fail)
	settle(t, store)
	if got := dumpStatuses(store); got != "a-0 RUNNING us:8083@2 version=1.2\n" {
		t.Errorf("stored: %s", got)
	}
}

func TestStatusStoreClose(t *testing.T) {
	t.Parallel()
	t.Run("writes what waits", func(t *testing.T) {
		log := openFile(t, "", hclog.NewNullLogger())
		store := openStatusStore(t, log)
		for task := range 100 {
			store.PutTask("a", task, running(us, 1))
		}
		must(t, store.Close(t.Context()))
		must(t, store.Close(t.Context()))
		must(t, log.Sync(t.Context()))
		if n := len(store.Tasks("a")); n != 100 {
			t.Errorf("%d of 100 were written", n)
		}
		store.PutTask("a", 0, running(us, 2)) // too late, and harmless
		if err := store.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("Flush after Close: %v", err)
		}
	})
	t.Run("says what is lost", func(t *testing.T) {
		log := openFile(t, "", hclog.NewNullLogger())
		store := openStatusStore(t, log)
		log.Close()
		store.PutTask("a", 0, running(us, 1))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := store.Close(ctx); err == nil || !strings.Contains(err.Error(), "1 statuses are not written") {
			t.Errorf("Close: %v", err)
		}
	})
	t.Run("before open", func(t *testing.T) {
		must(t, storage.NewStatusStore(openFile(t, "", hclog.NewNullLogger()), us, hclog.NewNullLogger()).Close(t.Context()))
	})
}
