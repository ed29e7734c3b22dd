package herder

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/group"
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
	// ExactlyOnce asks a source connector whether, with these values, it supports exactly once; declared is false when it says
	// nothing about it. Nil: none does.
	ExactlyOnce func(ctx context.Context, c *isolation.Connector, values map[string]string) (supported, declared bool, err error)
	// LiveValidate calls the connector's own validation. Its values are those with something to say. Nil: it is not called.
	LiveValidate func(ctx context.Context, c *isolation.Connector, values map[string]string) ([]config.Value, error)
	// TopicTracking and TopicTrackingReset are topic.tracking.enable and topic.tracking.allow.reset.
	TopicTracking, TopicTrackingReset bool
	// ClusterID is that of the Kafka cluster; Commit that of the build.
	ClusterID, Commit string

	// Group is with whom this worker shares the work; its URL, Work, CatchUp and Assigned are the herder's to fill in. Nil: with
	// nobody.
	Group *group.Settings
	// URL is where other workers reach the REST API of this one. It ends in a slash.
	URL string
	// Signing is how requests between workers are signed.
	Signing group.Signing
	// Send sends a request to another worker. The header has its signature, the body is JSON or nil. An answer that is no success
	// is an error. It is called concurrently. Nil: there are no other workers.
	Send func(ctx context.Context, method, url string, header http.Header, body []byte) error
}

// Herder herds the connectors of a cluster: it keeps what should run, and has its worker run its part of that.
//
// What only one worker may do is done by the leader of the group, or by the worker that runs the connector or task in
// question: on the others the error is an [Elsewhere], and the same call on the worker that it names goes on. While workers
// divide their work such calls wait.
//
// Its methods may be called at the same time, by anybody, once New has returned. Their errors are *[Error]. Those that read
// answer from memory and do not wait; those that change something wait until it is stored and read back, at most 90
// seconds. When the context of such a call ends it returns, but what it was about to write may still be written.
type Herder struct {
	settings  Settings
	log       hclog.Logger
	config    *storage.ConfigStore
	plugins   *isolation.Catalog
	worker    *worker.Worker
	statuses  *statuses
	names     names
	group     membership
	stopLimit stopLimit

	mu      sync.Mutex
	mine    group.Assignment // what this worker is to run
	divided chan struct{}    // closed, and replaced, when mine is another one

	loop  *loop
	lanes map[string]*lane // the loop's
	jobs  sync.WaitGroup

	// What follows is the loop's.

	keyTimer   *time.Timer // when to look at the session key again; nil: nothing is planned
	writingKey bool

	started, joined atomic.Bool
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
		statuses: newStatuses(s.Status, s.Worker.ID, s.Group == nil),
		loop:     newLoop(), lanes: map[string]*lane{}, divided: make(chan struct{}),
		mine: group.Assignment{Generation: -1},
	}
	h.closing, h.close = context.WithCancel(context.Background())
	h.killed, h.kill = context.WithCancel(context.Background())
	s.Worker.Events = h.events()
	h.stopLimit.renew(h.killed)
	s.Worker.Fencing = h.fencing()
	s.Worker.Lapsed = func() bool { return h.group.Lapsed() }
	h.worker = worker.New(s.Worker)
	h.group = h.join()
	return h
}

// events has the worker's reports noted at once, and acted upon by the loop.
func (h *Herder) events() worker.Events {
	return worker.Events{
		Connector: func(name string, s worker.Status) {
			if h.owns(group.Work{Connector: name, Task: group.TheConnector}) { // its status belongs to others already
				h.statuses.setConnector(name, s)
			}
		},
		Task: func(id worker.TaskID, s worker.Status) {
			if h.owns(group.Work{Connector: id.Connector, Task: id.Task}) {
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

// Start reads what is stored, joins the group and has everything run that this worker is given. It returns when that is
// known; what runs shows in the statuses. When it fails, Close is still to be called.
func (h *Herder) Start(ctx context.Context) error {
	h.config.OnChange(func(c storage.Change) { h.loop.post(func() { h.changed(c) }) })
	if err := h.config.Open(ctx); err != nil {
		return err
	}
	h.settings.Status.OnOther(h.statuses.insist)
	if err := h.settings.Status.Open(ctx); err != nil {
		return err
	}
	h.statuses.open()
	go h.loop.run()
	h.started.Store(true)
	if err := h.group.Start(ctx); err != nil {
		return err
	}
	h.joined.Store(true)
	return nil
}

// Close stops everything that runs, shows it as UNASSIGNED, leaves the group and returns when that is stored. When the context
// ends first, what still runs is killed; the error says what was not stored. Requests that wait fail. A second Close does
// nothing.
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
	h.group.Close(ctx) // others take over what has stopped
	h.loop.close()
	h.jobs.Wait()
	if err := h.settings.Status.Close(ctx); err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	return nil
}
