package herder

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/logging"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// Settings is what a herder needs.
type Settings struct {
	Logger hclog.Logger
	// Worker is for the worker that the herder makes and owns. Its Events are the herder's to fill in. Its Catalog should have
	// been scanned before Start: a connector whose class is not known FAILS.
	Worker worker.Settings
	// Config and Status are not open yet: Start opens them. Close closes Status; the logs below stay open.
	Config *storage.ConfigStore
	Status *storage.StatusStore
	// Levels are those of the worker's loggers. Nil: there are none.
	Levels *logging.Levels
	// Converters are those that configurations may name.
	Converters []ConverterInfo
	// Transforms are the transformations and predicates that configurations may name.
	Transforms Transforms
	// ClientOverrides checks the client overrides in the configuration of a source or sink against the worker's policy and
	// returns an entry for each of them. Nil: there is no check.
	ClientOverrides func(connectorType string, values map[string]string) []config.Info
	// LiveValidate calls the connector's own validation. Its values are those with something to say. Nil: it is not called.
	LiveValidate func(ctx context.Context, c *isolation.Connector, values map[string]string) ([]config.Value, error)
	// TopicTracking and TopicTrackingReset are topic.tracking.enable and topic.tracking.allow.reset.
	TopicTracking, TopicTrackingReset bool
	// ClusterID is that of the Kafka cluster; Commit that of the build.
	ClusterID, Commit string
}

// Herder herds the connectors of a cluster: it keeps what should run, and has its worker run it.
//
// Its methods may be called at the same time, by anybody, once New has returned. Their errors are *[Error]. Those that read
// answer from memory and do not wait; those that change something wait until it is stored and read back, at most 90
// seconds. When the context of such a call ends it returns, but what it was about to write may still be written.
type Herder struct {
	settings Settings
	log      hclog.Logger
	config   *storage.ConfigStore
	plugins  *isolation.Catalog
	worker   *worker.Worker
	statuses *statuses
	names    names

	loop  *loop
	lanes map[string]*lane // the loop's
	jobs  sync.WaitGroup

	started atomic.Bool
	// closing ends when Close begins: nothing new is begun then. killed ends when Close must not wait any longer.
	closing, killed context.Context
	close, kill     context.CancelFunc
}

// New returns a herder that does nothing before Start.
func New(s Settings) *Herder {
	if s.Levels == nil {
		s.Levels = &logging.Levels{}
	}
	h := &Herder{
		settings: s, log: s.Logger, config: s.Config, plugins: s.Worker.Catalog,
		statuses: newStatuses(s.Status, s.Worker.ID),
		loop:     newLoop(), lanes: map[string]*lane{},
	}
	h.closing, h.close = context.WithCancel(context.Background())
	h.killed, h.kill = context.WithCancel(context.Background())
	s.Worker.Events = h.events()
	h.worker = worker.New(s.Worker)
	return h
}

// events has the worker's reports noted at once, and acted upon by the loop.
func (h *Herder) events() worker.Events {
	return worker.Events{
		Connector: func(name string, s worker.Status) {
			if h.closing.Err() == nil { // while everything is stopped, statuses are what release makes of them
				h.statuses.setConnector(name, s)
			}
		},
		Task: func(id worker.TaskID, s worker.Status) {
			if h.closing.Err() == nil {
				h.statuses.setTask(id, s)
			}
		},
		Expired:     h.expired,
		Reconfigure: func(name string) { h.loop.post(func() { h.reconfigurationRequested(name) }) },
		TopicUsed: func(id worker.TaskID, topic string) {
			if h.settings.TopicTracking {
				h.settings.Status.PutTopic(id.Connector, id.Task, topic)
			}
		},
	}
}

// Start reads what is stored and has everything run that should. It returns when everything is read; what runs shows in
// the statuses. When it fails, Close is still to be called.
func (h *Herder) Start(ctx context.Context) error {
	h.config.OnChange(func(c storage.Change) { h.loop.post(func() { h.changed(c) }) })
	if err := h.config.Open(ctx); err != nil {
		return err
	}
	if err := h.settings.Status.Open(ctx); err != nil {
		return err
	}
	h.statuses.open()
	h.loop.post(h.takeUp)
	go h.loop.run()
	h.started.Store(true)
	return nil
}

// takeUp starts what is stored and deletes what is left of connectors and tasks that ended while nobody looked. It runs on
// the loop.
func (h *Herder) takeUp() {
	snapshot := h.config.Snapshot()
	for _, name := range h.settings.Status.Connectors() {
		c := snapshot.Connector(name)
		if c == nil {
			h.statuses.remove(name)
			continue
		}
		for _, t := range h.settings.Status.Tasks(name) {
			if t.Task >= c.Tasks() {
				h.statuses.removeTask(worker.TaskID{Connector: name, Task: t.Task})
			}
		}
	}
	for _, c := range snapshot.Connectors() {
		h.step(h.lane(c.Name))
	}
}

// Close stops everything that runs, shows it as UNASSIGNED and returns when that is stored. When the context ends first,
// what still runs is killed; the error says what was not stored. Requests that wait fail. A second Close does nothing.
func (h *Herder) Close(ctx context.Context) error {
	if h.closing.Err() != nil {
		return nil
	}
	h.close()
	defer h.kill()
	if !h.started.Load() {
		return h.settings.Status.Close(ctx)
	}
	stop := context.AfterFunc(ctx, h.kill)
	defer stop()
	h.loop.close()
	h.jobs.Wait()
	h.worker.Close(ctx)
	h.statuses.release()
	if err := h.settings.Status.Close(ctx); err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	return nil
}
