package herder

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/worker"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// claims notes who asks the broker for transactional ids.
type claims struct {
	mu    sync.Mutex
	count map[string]int
}

func (c *claims) watch(w *world) {
	c.count = map[string]int{}
	w.broker.ControlKey(kmsg.InitProducerID.Int16(), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.broker.KeepControl()
		if id := req.(*kmsg.InitProducerIDRequest).TransactionalID; id != nil {
			c.mu.Lock()
			c.count[*id]++
			c.mu.Unlock()
		}
		return nil, nil, false
	})
}

func (c *claims) of(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count[id]
}

// Before the tasks of a new generation run, those of the one before are shut out, also those that there are no more.
func TestNewTasksShutOutEarlierOnes(t *testing.T) {
	w := newWorld(t)
	w.exactlyOnce = "g"
	var claimed claims
	claimed.watch(w)
	h, _ := w.start()
	fenced := func() int {
		c := h.config.Snapshot().Connector("c")
		if c == nil || c.Unfenced {
			return -1
		}
		return c.FencedTasks
	}
	w.control("c", "3")
	must(h.Create(t.Context(), "c", w.source("c"), TargetRunning))(t)
	awaitStates(t, h, "c", "RUNNING RUNNING RUNNING RUNNING")
	if n := fenced(); n != 3 {
		t.Errorf("the fencing record counts %d tasks, want 3", n)
	}
	for _, id := range []string{"g-c-0", "g-c-1", "g-c-2"} {
		if n := claimed.of(id); n < 1 {
			t.Errorf("transactional.id %s was claimed %d times, want once, by its task", id, n)
		}
	}
	w.control("c", "1")
	await(t, 1, fenced)
	awaitStates(t, h, "c", "RUNNING RUNNING")
	for id, want := range map[string]int{"g-c-0": 3, "g-c-1": 2, "g-c-2": 2} {
		await(t, true, func() bool { return claimed.of(id) >= want }) // a slow broker is asked again
	}
	// A reset shuts out what may still run.
	if err := h.Stop(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ResetOffsets(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if n := claimed.of("g-c-0"); n < 4 {
		t.Errorf("transactional.id g-c-0 was claimed %d times, want once more for the reset", n)
	}
}

func TestFence(t *testing.T) {
	w := newWorld(t)
	w.exactlyOnce = "g"
	h, stop := w.start()
	sink := map[string]string{"connector.class": "ProbeSink", "topics": "in"}
	must(h.Create(t.Context(), "sink", sink, TargetStopped))(t)
	must(h.Create(t.Context(), "source", w.source("source"), TargetStopped))(t)
	refused(t, h.Fence(t.Context(), "none"), NotFound, "Connector none not found")
	refused(t, h.Fence(t.Context(), "sink"), BadRequest, "Connector sink has no tasks to fence: it is a sink")
	if err := h.Fence(t.Context(), "source"); err != nil {
		t.Error(err)
	}
	stop()
	w.exactlyOnce = ""
	h, _ = w.start()
	refused(t, h.Fence(t.Context(), "source"), BadRequest, "Connector source has no tasks to fence")
}

// A task that is of an earlier generation, or another worker's, is not current.
func TestCurrent(t *testing.T) {
	w := newWorld(t)
	h, _ := w.start()
	must(h.Create(t.Context(), "c", w.source("c"), TargetRunning))(t)
	awaitStates(t, h, "c", "RUNNING RUNNING")
	generation := h.config.Snapshot().Connector("c").TasksOffset
	for name, c := range map[string]struct {
		id         worker.TaskID
		generation int64
		want       bool
	}{
		"its own":            {worker.TaskID{Connector: "c", Task: 0}, generation, true},
		"earlier":            {worker.TaskID{Connector: "c", Task: 0}, generation - 1, false},
		"of no connector":    {worker.TaskID{Connector: "d"}, generation, false},
		"of a later version": {worker.TaskID{Connector: "c"}, generation + 1, false},
	} {
		if got, err := h.current(t.Context(), c.id, c.generation); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestExactlyOnceRequired(t *testing.T) {
	source := &isolation.Connector{Plugin: &isolation.Plugin{}, Description: &client.ConnectorDescription{Class: "S", Type: connectv1.ConnectorType_CONNECTOR_TYPE_SOURCE}}
	says := func(supported, declared bool, err error) func(context.Context, *isolation.Connector, map[string]string) (bool, bool, error) {
		return func(context.Context, *isolation.Connector, map[string]string) (bool, bool, error) {
			return supported, declared, err
		}
	}
	for name, c := range map[string]struct {
		group   string
		require string
		boundary,
		key string
		asked func(context.Context, *isolation.Connector, map[string]string) (bool, bool, error)
		want  []string // beginnings of the errors
		fails bool
	}{
		"it can":             {group: "g", require: "Required", asked: says(true, true, nil)},
		"requested":          {require: "requested", asked: says(false, true, nil)},
		"it cannot":          {group: "g", require: "required", asked: says(false, true, nil), want: []string{"The connector does not support exactly-once semantics"}},
		"it says nothing":    {group: "g", require: "required", asked: says(false, false, nil), want: []string{"The connector does not implement the API required for preflight validation"}},
		"nobody can":         {require: "required", asked: says(false, true, nil), want: []string{"This worker does not have exactly-once source support enabled", "The connector does not support exactly-once semantics"}},
		"it cannot be asked": {group: "g", require: "required", asked: says(false, false, errors.New("dead")), fails: true},
		"its own boundaries": {group: "g", require: "requested", boundary: "Connector", key: boundaryKey, asked: says(true, true, nil), want: []string{"The connector does not support connector-defined transaction boundaries"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := validation{connector: source, settings: &Settings{Worker: worker.Settings{ExactlyOnceGroup: c.group}, ExactlyOnce: c.asked},
				values: map[string]string{exactlyOnceKey: c.require, boundaryKey: c.boundary}}
			a := &answer{definition: config.Source()}
			v.exactlyOnce(a)
			if err := v.declaration(t.Context(), a); (err != nil) != c.fails {
				t.Fatalf("asking: %v", err)
			}
			key := c.key
			if key == "" {
				key = exactlyOnceKey
			}
			got := a.errors(key)
			if len(got) != len(c.want) || a.count() != len(c.want) {
				t.Fatalf("errors %q, want %q", got, c.want)
			}
			for i, want := range c.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("error %q, want %q …", got[i], want)
				}
			}
		})
	}
}
