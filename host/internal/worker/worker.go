package worker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/metrics"
)

// TaskID names a task of a connector.
type TaskID struct {
	Connector string
	Task      int
}

// String returns the form used in logs and client ids: connector-task.
func (id TaskID) String() string { return fmt.Sprintf("%s-%d", id.Connector, id.Task) }

// State is a word of Kafka Connect's status.
type State string

// The states that a worker reports. STOPPED is for connectors only.
const (
	Running    State = "RUNNING"
	Paused     State = "PAUSED"
	Stopped    State = "STOPPED"
	Failed     State = "FAILED"
	Unassigned State = "UNASSIGNED"
	Restarting State = "RESTARTING"
)

// Target is what a connector and its tasks are meant to do.
type Target string

// The targets of Kafka Connect.
const (
	TargetStarted Target = "STARTED"
	TargetPaused  Target = "PAUSED"
	TargetStopped Target = "STOPPED"
)

// Status is what became of a connector or a task.
type Status struct {
	State State
	// Trace is the error of a failure in the shape of a Java stack trace, its
	// first line for newcomers; empty otherwise.
	Trace string
	// Version is that of the plugin, empty before it is known.
	Version string
}

// Events is what a worker tells its herder. The functions are called from
// several goroutines, in order for one connector or task; they must return
// quickly and must not call the worker back.
type Events struct {
	// Connector tells the status of a connector that runs here.
	Connector func(name string, s Status)
	// Task tells the status of a task that runs here.
	Task func(id TaskID, s Status)
	// Reconfigure tells that a connector wants TaskConfigs to be asked again.
	// It is also called each time a connector has started.
	Reconfigure func(name string)
	// Expired tells that what references in a connector's configuration stand for
	// has changed: connector and tasks should start again. Called at most once a start.
	Expired func(name string)
	// TopicUsed tells that a task produces to or consumes from a topic: at the
	// first record and about once a second while there are records.
	TopicUsed func(id TaskID, topic string)
}

// ConnectorSpec is a connector to run.
type ConnectorSpec struct {
	Name   string
	Config map[string]string
	Target Target
}

// TaskSpec is a task to run.
type TaskSpec struct {
	ID TaskID
	// Generation rises with each new set of task configurations.
	Generation int64
	// ConnectorConfig is the configuration of the connector, which holds what
	// concerns the host: converters, error handling, client overrides.
	ConnectorConfig map[string]string
	// Config is what the connector made for this task.
	Config map[string]string
	Target Target
}

// Worker runs connectors and tasks. It decides nothing: it runs what it is told
// to run, keeps it running when a process dies, and reports what happens.
//
// All methods are safe for concurrent use, except that calls that concern the
// same connector or task must not overlap.
type Worker struct {
	settings Settings
	log      hclog.Logger
	previews atomic.Int64 // so far

	mu         sync.Mutex
	connectors map[string]*connector
	tasks      map[TaskID]*task
}

// New returns a worker that runs nothing yet.
func New(s Settings) *Worker {
	return &Worker{settings: s, log: s.Logger, connectors: map[string]*connector{}, tasks: map[TaskID]*task{}}
}

// lapsed tells that others may run what this worker runs.
func (w *Worker) lapsed() bool { return w.settings.Lapsed != nil && w.settings.Lapsed() }

// StartConnector runs a connector until StopConnector. It returns at once; how
// it went is told through Events. With TargetPaused or TargetStopped no process
// is started and that state is reported.
func (w *Worker) StartConnector(spec ConnectorSpec) {
	c := newConnector(w, spec)
	w.mu.Lock()
	w.connectors[spec.Name] = c
	w.mu.Unlock()
	go c.run()
}

// StopConnector stops a connector and returns when it is gone, at the latest
// after the graceful time-out, when its process is killed. It reports nothing.
func (w *Worker) StopConnector(ctx context.Context, name string) {
	w.mu.Lock()
	c := w.connectors[name]
	delete(w.connectors, name)
	w.mu.Unlock()
	if c == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, w.settings.GracefulTimeout)
	defer cancel()
	c.stop(ctx)
}

// TaskConfigs asks a running connector to divide its work into at most maxTasks
// tasks.
func (w *Worker) TaskConfigs(ctx context.Context, name string, maxTasks int) ([]map[string]string, error) {
	w.mu.Lock()
	c := w.connectors[name]
	w.mu.Unlock()
	if c == nil {
		return nil, fmt.Errorf("connector %s does not run on this worker", name)
	}
	return c.taskConfigs(ctx, maxTasks)
}

// StartTask runs a task until StopTasks. It returns at once; how it went is told
// through Events. With TargetPaused nothing is started before SetTarget.
func (w *Worker) StartTask(spec TaskSpec) {
	t := newTask(w, spec)
	w.mu.Lock()
	w.tasks[spec.ID] = t
	w.mu.Unlock()
	go t.run()
}

// StopTasks stops tasks together and returns when they are gone: delivered
// records are committed (Invariant 7); what does not end within the graceful
// time-out is killed. It reports nothing.
func (w *Worker) StopTasks(ctx context.Context, ids ...TaskID) {
	ctx, cancel := context.WithTimeout(ctx, w.settings.GracefulTimeout)
	defer cancel()
	var wait sync.WaitGroup
	for _, id := range ids {
		w.mu.Lock()
		t := w.tasks[id]
		delete(w.tasks, id)
		w.mu.Unlock()
		if t != nil {
			wait.Go(func() { t.stop(ctx) })
		}
	}
	wait.Wait()
}

// SetTarget pauses or resumes a connector and those of its tasks that run here.
func (w *Worker) SetTarget(name string, target Target) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.connectors[name]; c != nil {
		c.setTarget(target)
	}
	for id, t := range w.tasks {
		if id.Connector == name {
			t.setTarget(target)
		}
	}
}

// Running returns the connectors and tasks that were started and not stopped.
func (w *Worker) Running() (connectors []string, tasks []TaskID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.connectors {
		connectors = append(connectors, name)
	}
	for id := range w.tasks {
		tasks = append(tasks, id)
	}
	slices.Sort(connectors)
	slices.SortFunc(tasks, func(a, b TaskID) int {
		return cmp.Or(cmp.Compare(a.Connector, b.Connector), cmp.Compare(a.Task, b.Task))
	})
	return connectors, tasks
}

// TaskStats are the counters of a task since it was started here.
type TaskStats struct {
	ID   TaskID
	Type metrics.TaskType
	// Records is the number of records that Kafka has, for a source, or that the
	// plugin took, for a sink. Batches count whole: when Kafka has all of one, or the plugin has put it.
	Records int64
	metrics.TaskErrors
}

// Stats returns the counters of all tasks.
func (w *Worker) Stats() []TaskStats {
	_, ids := w.Running()
	var all []TaskStats
	for _, id := range ids {
		w.mu.Lock()
		t := w.tasks[id]
		w.mu.Unlock()
		if t != nil {
			all = append(all, t.stats())
		}
	}
	return all
}

// Close stops everything, as StopConnector and StopTasks do.
func (w *Worker) Close(ctx context.Context) {
	connectors, tasks := w.Running()
	w.StopTasks(ctx, tasks...)
	var wait sync.WaitGroup
	for _, name := range connectors {
		wait.Go(func() { w.StopConnector(ctx, name) })
	}
	wait.Wait()
}

// find returns the plugin's connector that a configuration names.
func (w *Worker) find(config map[string]string) (*isolation.Connector, error) {
	return w.settings.Catalog.Find(strings.TrimSpace(config["connector.class"]), strings.TrimSpace(config["connector.plugin.version"]))
}
