package herder

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

// gate is a log that can be made to hang, as one without its broker does.
type gate struct {
	storage.Log
	stuck atomic.Bool
}

func (g *gate) Append(ctx context.Context, entries ...storage.Entry) error {
	if g.stuck.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return g.Log.Append(ctx, entries...)
}

func (g *gate) Sync(ctx context.Context) error {
	if g.stuck.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return g.Log.Sync(ctx)
}

// inMemory returns a herder that is not started, without plugins, over logs in memory, and the log of its configurations.
func inMemory(t *testing.T) (*Herder, *gate) {
	t.Helper()
	logger := hclog.NewNullLogger()
	config, status := must(storage.OpenFileLog("", logger))(t), must(storage.OpenFileLog("", logger))(t)
	log := &gate{Log: config}
	catalog := must(isolation.NewCatalog(isolation.CatalogSettings{Logger: logger}))(t)
	h := New(Settings{
		Logger: logger, Worker: worker.Settings{ID: testWorker, Logger: logger, Catalog: catalog, GracefulTimeout: time.Second},
		Config: storage.NewConfigStore(log, logger), Status: storage.NewStatusStore(status, testWorker, logger),
		ClusterID: "cluster", Commit: "c0ffee",
	})
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
		config.Close()
		status.Close()
	})
	return h, log
}

func TestBeforeStart(t *testing.T) {
	h, _ := inMemory(t)
	if health := h.Health(t.Context()); health.Status != Starting {
		t.Errorf("health: %+v", health)
	}
	_, err := h.Connectors(t.Context())
	refused(t, err, Unavailable, "Worker is starting")
	refused(t, h.Delete(t.Context(), "x"), Unavailable, "Worker is starting")
	if info := h.ServerInfo(t.Context()); info != (ServerInfo{Version: "4.3.1", Commit: "c0ffee", KafkaClusterID: "cluster"}) {
		t.Errorf("server: %+v", info)
	}
}

// TestStuckLog has the log of configurations hang: requests end and say where they hung, those that only read are answered.
func TestStuckLog(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		h, log := inMemory(t)
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		stopped := storage.Stopped
		if err := h.config.PutConnector(t.Context(), "c", map[string]string{"name": "c", "connector.class": "Gone"}, &stopped); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if health := h.Health(t.Context()); health.Status != Healthy {
			t.Errorf("health: %+v", health)
		}
		log.stuck.Store(true)

		began := time.Now()
		refused(t, h.Pause(t.Context(), "c"), Timeout,
			"Request timed out. The worker is currently writing target state PAUSED of connector c and reading it back, which began at 2000-01-01T00:00:00Z")
		if took := time.Since(began); took > requestTimeout {
			t.Errorf("the request took %s", took)
		}
		if health := h.Health(t.Context()); health.Status != Unhealthy || !strings.Contains(health.Message, "cannot read its configurations") {
			t.Errorf("health: %+v", health)
		}
		if s := must(h.Status(t.Context(), "c"))(t); s.Connector.State != "STOPPED" || s.Type != TypeUnknown || s.Tasks == nil {
			t.Errorf("status: %+v", s)
		}

		var all sync.WaitGroup
		var waited atomic.Int32
		for range 6 {
			all.Go(func() {
				err := h.Pause(t.Context(), "c")
				if refused(t, err, Timeout, "Request timed out. The worker is currently "); strings.Contains(err.Error(), "waiting for another change of connector c to end") {
					waited.Add(1)
				}
			})
		}
		began = time.Now()
		all.Wait()
		if took := time.Since(began); took > 2*requestTimeout || waited.Load() == 0 {
			t.Errorf("all took %s, and %d waited for others to the end", took, waited.Load())
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		refused(t, h.Delete(ctx, "c"), Timeout, "Request timed out. The worker is currently writing the deletion of connector c")
		left, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		refused(t, h.Delete(left, "c"), Internal, "Request interrupted while writing the deletion of connector c")

		closed := make(chan error, 1)
		time.AfterFunc(time.Second, func() { closed <- h.Close(context.Background()) })
		refused(t, h.Delete(t.Context(), "c"), Internal, "Worker is shutting down. The request was cut off while writing the deletion of connector c")
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

func TestTopicTrackingIsTheWorkersToAllow(t *testing.T) {
	h, _ := inMemory(t)
	h.settings.TopicTracking = true
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	refused(t, h.ResetTopics(t.Context(), "c"), Forbidden, "Topic tracking reset is disabled")
	off, _ := inMemory(t)
	if err := off.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := off.Topics(t.Context(), "c")
	refused(t, err, Forbidden, "Topic tracking is disabled")
	refused(t, off.ResetTopics(t.Context(), "c"), Forbidden, "Topic tracking is disabled")
}

// TestAbandonedRestart has a restart wait for a connector that is deleted before it has started.
func TestAbandonedRestart(t *testing.T) {
	h, _ := inMemory(t)
	started := make(chan worker.Status, 1)
	h.statuses.await("c", []chan<- worker.Status{started})
	h.statuses.setConnector("c", worker.Status{State: worker.Restarting})
	select {
	case s := <-started:
		t.Fatalf("told of %+v, which is no outcome", s)
	default:
	}
	h.statuses.abandon("c")
	if s, ok := <-started; ok {
		t.Errorf("told of %+v", s)
	}
	h.statuses.setConnector("c", worker.Status{State: worker.Running}) // must not be sent on the closed channel
}

// everything is the assignment of a worker that is alone.
func everything() (a group.Assignment) {
	_ = group.NewAlone("", func(_ context.Context, all group.Assignment) { a = all }).Start(context.Background())
	return a
}

func TestInconsistentTasksAreNotRun(t *testing.T) {
	logger := hclog.NewNullLogger()
	log := must(storage.OpenFileLog("", logger))(t)
	defer log.Close()
	store := storage.NewConfigStore(log, logger)
	if err := store.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	put := func(key, value string) {
		t.Helper()
		if err := log.Append(t.Context(), storage.Entry{Key: []byte(key), Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
		if err := log.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	put("connector-c", `{"properties":{"name":"c","tasks.max":"2"}}`)
	put("task-c-0", `{"properties":{"part":"0"}}`)
	put("commit-c", `{"tasks":2}`)
	all := everything()
	s := shareOf(store.Snapshot().Connector("c"), 3, all)
	if s.connector.Name != "c" || s.revision != 3 || len(s.tasks) != 0 {
		t.Errorf("one of two tasks is stored: %+v", s)
	}
	put("task-c-1", `{"properties":{"part":"1"}}`)
	put("task-c-0", `{"properties":{"part":"0"}}`)
	put("commit-c", `{"tasks":2}`)
	s = shareOf(store.Snapshot().Connector("c"), 3, all)
	if len(s.tasks) != 2 || s.tasks[1].spec.Config["part"] != "1" || s.tasks[1].refusal != "" || s.tasks[1].spec.ConnectorConfig["tasks.max"] != "2" {
		t.Errorf("two tasks are stored: %+v", s)
	}
	before := s.tasks[0].spec.Generation
	put("commit-c", `{"tasks":2}`)
	if s = shareOf(store.Snapshot().Connector("c"), 3, all); s.tasks[0].spec.Generation <= before {
		t.Errorf("generation %d after %d", s.tasks[0].spec.Generation, before)
	}
	put("connector-c", `{"properties":{"name":"c","tasks.max":"1"}}`)
	if s = shareOf(store.Snapshot().Connector("c"), 4, all); s.tasks[0].refusal == "" {
		t.Error("two tasks of one are not refused")
	}
	put("target-state-c", `{"state":"PAUSED","state.v2":"STOPPED"}`)
	if s = shareOf(store.Snapshot().Connector("c"), 4, all); len(s.tasks) != 0 || s.connector.Target != worker.TargetStopped {
		t.Errorf("stopped: %+v", s)
	}
	if s = shareOf(store.Snapshot().Connector("d"), 0, all); s != nil {
		t.Errorf("an unknown connector: %+v", s)
	}
}

func TestTasksMax(t *testing.T) {
	tests := map[string]struct {
		config map[string]string
		max    int
		fails  bool
	}{
		"default":  {map[string]string{}, 1, false},
		"given":    {map[string]string{"tasks.max": " 7 "}, 7, false},
		"zero":     {map[string]string{"tasks.max": "0"}, 0, true},
		"no digit": {map[string]string{"tasks.max": "x"}, 0, true},
		"too long": {map[string]string{"tasks.max": "99999999999"}, 0, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if n, err := tasksMax(test.config); n != test.max || (err != nil) != test.fails {
				t.Errorf("%d, %v", n, err)
			}
		})
	}
}

func TestTraceShape(t *testing.T) {
	got := trace(&noTaskConfigs{"c", context.DeadlineExceeded}, "herder.taskConfigs(c)")
	want := "org.apache.kafka.connect.errors.ConnectException: connector c made no task configurations: context deadline exceeded\n\tat outboard.herder.taskConfigs(c)"
	if got != want {
		t.Errorf("trace %q, want %q", got, want)
	}
	for trace, line := range map[string]string{
		got: "connector c made no task configurations: context deadline exceeded", "no type here: see": "no type here: see", "": "", "X: y\nz": "y",
	} {
		if first := firstLine(trace); first != line {
			t.Errorf("first line of %q: %q", trace, first)
		}
	}
}

// TestPausesDouble has attempts to reconfigure fail one after the other.
func TestPausesDouble(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		h, _ := inMemory(t)
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		onLoop := func(f func()) {
			done := make(chan struct{})
			h.loop.post(func() { f(); close(done) })
			<-done
		}
		l := &lane{name: "c"}
		fails := func(want time.Duration) {
			t.Helper()
			onLoop(func() {
				h.lanes["c"] = l // it goes away with each step, since there is no such connector
				h.reconfigured(l, context.DeadlineExceeded, false)
				if l.delay != want {
					t.Errorf("a pause of %s, want %s", l.delay, want)
				}
			})
		}
		pausing := func() (yes bool) {
			onLoop(func() { yes = l.wait != nil })
			return yes
		}
		want := 250 * time.Millisecond
		for range 12 {
			fails(want)
			time.Sleep(want - time.Nanosecond)
			if !pausing() {
				t.Errorf("the pause was shorter than %s", want)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if pausing() {
				t.Errorf("the pause was longer than %s", want)
			}
			want = min(2*want, time.Minute)
		}
		onLoop(func() { h.reconfigured(l, nil, false) })
		fails(250 * time.Millisecond)
		onLoop(func() { h.reconfigurationRequested("c") })
		if pausing() {
			t.Error("a request of the connector does not end the pause")
		}
	})
}
