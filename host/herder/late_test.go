package herder

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// tap keeps what a log has delivered.
type tap struct {
	storage.Log
	mu   sync.Mutex
	last map[string]string
}

func (l *tap) Follow(ctx context.Context, fn func(storage.Entry)) error {
	return l.Log.Follow(ctx, func(e storage.Entry) {
		l.mu.Lock()
		l.last[string(e.Key)] = string(e.Value)
		l.mu.Unlock()
		fn(e)
	})
}

func (l *tap) lastOf(key string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last[key]
}

// Whatever others write late, the last word on what runs here is this worker's.
func TestLateStatuses(t *testing.T) {
	const ours, earlier = `{"state":"RUNNING","trace":null,"worker_id":"us:1","generation":7,"version":null}`, `{"state":"FAILED","worker_id":"them:1","generation":6}`
	work := map[string]func(*statuses, worker.State){
		"status-connector-c": func(s *statuses, state worker.State) { s.setConnector("c", worker.Status{State: state}) },
		"status-task-c-0": func(s *statuses, state worker.State) {
			s.setTask(worker.TaskID{Connector: "c"}, worker.Status{State: state})
		},
	}
	for name, test := range map[string]struct {
		late string // empty: a deletion
		then func(*statuses)
		want storage.State
	}{
		"an earlier owner":                      {late: earlier, want: "RUNNING"},
		"an earlier owner's goodbye":            {late: `{"state":"UNASSIGNED","worker_id":"them:1","generation":6}`, want: "RUNNING"},
		"a later owner":                         {late: `{"state":"FAILED","worker_id":"them:1","generation":8}`, want: "FAILED"},
		"an owner of the same generation":       {late: `{"state":"FAILED","worker_id":"them:1","generation":7}`, want: "FAILED"},
		"an earlier owner, who cleans up":       {want: "RUNNING"},
		"an earlier owner, after this one, too": {late: earlier, want: "FAILED", then: func(s *statuses) { s.yieldConnector("c"); s.yieldTask(worker.TaskID{Connector: "c"}) }},
	} {
		for key, say := range work {
			t.Run(name+" of "+key, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				logger := hclog.NewNullLogger()
				log := &tap{Log: must(storage.OpenFileLog("", logger))(t), last: map[string]string{}}
				defer log.Close()
				store := storage.NewStatusStore(log, "us:1", logger)
				s := newStatuses(store, "us:1", false)
				store.OnOther(s.insist)
				if err := store.Open(ctx); err != nil {
					t.Fatal(err)
				}
				defer store.Close(ctx)
				settle := func() {
					t.Helper()
					if err := store.Flush(ctx); err != nil {
						t.Fatal(err)
					}
					if err := store.Sync(ctx); err != nil {
						t.Fatal(err)
					}
				}
				s.enter(group.Assignment{Generation: 7})
				say(s, worker.Running)
				settle()
				if test.then != nil {
					test.then(s)
					settle()
				}
				entry := storage.Entry{Key: []byte(key)}
				if test.late != "" {
					entry.Value = []byte(test.late)
				}
				if err := log.Append(ctx, entry); err != nil {
					t.Fatal(err)
				}
				settle() // it is read
				settle() // and what is said to it, too
				got, _ := store.Connector("c")
				if key != "status-connector-c" {
					got, _ = store.Task("c", 0)
				}
				if got.State != test.want {
					t.Errorf("the status is %+v, want %s", got, test.want)
				}
				if last := log.lastOf(key); test.want == "RUNNING" && last != ours {
					t.Errorf("who reads the log anew reads %s, want %s", last, ours)
				}
			})
		}
	}
}

// Task configurations that the connector made when another worker ran it come behind those that it makes here.
func TestLateTaskConfigurations(t *testing.T) {
	w := newWorld(t)
	h, _ := w.start()
	w.control("c", "2")
	must(h.Create(t.Context(), "c", w.source("c"), ""))(t)
	awaitStates(t, h, "c", "RUNNING RUNNING RUNNING")
	if err := h.config.PutTasks(t.Context(), "c", []map[string]string{{"part": "of before"}}); err != nil {
		t.Fatal(err)
	}
	await(t, "0 of 2 1 of 2", func() string {
		text := ""
		for _, task := range must(h.Tasks(t.Context(), "c"))(t) {
			text += " " + task.Config["part"]
		}
		return text[1:]
	})
	awaitStates(t, h, "c", "RUNNING RUNNING RUNNING")
}

// A worker is told to stop a task while its connector waits for the leader, who waits for the worker.
func TestStopsDoNotWaitForTheLeader(t *testing.T) {
	h, _ := inMemory(t)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.config.PutConnector(t.Context(), "c", map[string]string{"name": "c", "connector.class": "Gone"}, nil); err != nil {
		t.Fatal(err)
	}
	r, err := h.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.cancel()
	if err := h.settled(r, "c"); err != nil {
		t.Fatal(err)
	}
	asked, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := make(chan struct{})
	h.loop.post(func() {
		l := h.lane("c")
		l.busy, l.interrupt = true, cancel
		l.running = running{connector: true, revision: l.revision, target: worker.TargetStarted, tasks: map[int]task{0: {spec: worker.TaskSpec{ID: worker.TaskID{Connector: "c"}}}}}
		h.step(l)
		close(began)
	})
	<-began
	if asked.Err() != nil {
		t.Error("the connector is interrupted although nobody waits for what is to stop")
	}
	h.loop.post(func() {
		l := h.lane("c")
		l.stopped = append(l.stopped, make(chan struct{}))
		h.step(l)
	})
	select {
	case <-asked.Done():
	case <-time.After(patience):
		t.Fatal("the connector is not interrupted")
	}
	h.loop.post(func() {
		h.lanes["c"].stopped = nil
		delete(h.lanes, "c")
	})
}
