package worker

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/client"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"

	"github.com/outboard-connect/outboard/host/internal/metrics"
	"github.com/outboard-connect/outboard/host/internal/tolerance"
)

// task runs a task of a connector.
type task struct {
	*runner
	spec    TaskSpec
	records atomic.Int64
	kind    atomic.Int32 // a connectv1.ConnectorType, not known before the first attempt
	handled atomic.Pointer[tolerance.Operator]
	// topics are those told through TopicUsed since told, by the attempt's goroutine.
	topics map[string]bool
	last   string // one of topics
	told   time.Time
	// source or sink is the Kafka client, which outlives attempts.
	source *sourceClient
	sink   *sinkConsumer
}

func newTask(w *Worker, spec TaskSpec) *task {
	t := &task{runner: newRunner(w, spec.ID.Connector, spec.ID.Task, spec.ConnectorConfig, spec.Target), spec: spec, topics: map[string]bool{}}
	t.attempt = t.live
	t.report = func(s Status) { w.settings.Events.Task(spec.ID, s) }
	return t
}

func (t *task) run() {
	t.runner.run()
	if t.source != nil {
		t.closeSource()
	}
	if t.sink != nil {
		t.sink.close()
	}
}

// live runs the task in one process.
func (t *task) live(ctx context.Context, a *attempt) error {
	kind := a.connector.Description.GetType()
	t.kind.Store(int32(kind))
	if kind == connectv1.ConnectorType_CONNECTOR_TYPE_SINK {
		return t.runSink(ctx, a)
	}
	return t.runSource(ctx, a)
}

// start is what the plugin is told of the task. The connector's references are
// resolved already, those of the task are resolved here.
func (t *task) start(class string) (client.TaskStart, error) {
	config, err := t.worker.settings.Providers.Resolve(t.spec.Config)
	if err != nil {
		return client.TaskStart{}, fmt.Errorf("resolving the configuration of the task: %w", err)
	}
	return client.TaskStart{
		Connector: t.name, Class: class, Task: t.spec.ID.Task, Generation: t.spec.Generation, Config: config.Values,
	}, nil
}

// operator returns the error handling of the task, the same over all attempts.
func (t *task) operator() (*tolerance.Operator, error) {
	if o := t.handled.Load(); o != nil {
		return o, nil
	}
	p, err := tolerance.NewPolicy(t.config)
	if err != nil {
		return nil, err
	}
	o := tolerance.NewOperator(p, t.log)
	t.handled.Store(o)
	return o, nil
}

// tellAgain is how often TopicUsed is called for a topic: the user may have
// reset the list in the meantime.
const tellAgain = time.Second

// forgetTopics has usesTopic tell of all topics again, now and then.
func (t *task) forgetTopics(now time.Time) {
	if now.Sub(t.told) > tellAgain {
		clear(t.topics)
		t.last, t.told = "", now
	}
}

// usesTopic tells the herder of a topic that it was not told of lately.
func (t *task) usesTopic(topic string) {
	if topic != t.last {
		t.tellOf(topic)
	}
}

// tellOf is usesTopic for another topic than before.
func (t *task) tellOf(topic string) {
	t.last = topic
	if !t.topics[topic] {
		t.topics[topic] = true
		t.worker.settings.Events.TopicUsed(t.spec.ID, topic)
	}
}

func (t *task) stats() TaskStats {
	s := TaskStats{ID: t.spec.ID, Records: t.records.Load()}
	switch connectv1.ConnectorType(t.kind.Load()) {
	case connectv1.ConnectorType_CONNECTOR_TYPE_SOURCE:
		s.Type = metrics.Source
	case connectv1.ConnectorType_CONNECTOR_TYPE_SINK:
		s.Type = metrics.Sink
	}
	if o := t.handled.Load(); o != nil {
		s.TaskErrors = o.Errors()
	}
	return s
}
