package worker

import (
	"context"
	"sync/atomic"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"

	"github.com/outboard-connect/outboard/host/internal/tolerance"
)

// task runs a task of a connector.
type task struct {
	*runner
	spec    TaskSpec
	records atomic.Int64
	handled atomic.Pointer[tolerance.Operator]
	topics  map[string]bool // those told through TopicUsed, by the attempt's goroutine
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
		t.source.close()
	}
	if t.sink != nil {
		t.sink.close()
	}
}

// live runs the task in one process.
func (t *task) live(ctx context.Context, a *attempt) error {
	if a.connector.Description.GetType() == connectv1.ConnectorType_CONNECTOR_TYPE_SINK {
		return t.runSink(ctx, a)
	}
	return t.runSource(ctx, a)
}

// operator returns the error handling of the task, the same over all attempts.
func (t *task) operator() (*tolerance.Operator, error) {
	if o := t.handled.Load(); o != nil {
		return o, nil
	}
	p, err := policy(t.config)
	if err != nil {
		return nil, err
	}
	o := tolerance.NewOperator(p, t.log)
	t.handled.Store(o)
	return o, nil
}

// usesTopic tells the herder of a topic the first time.
func (t *task) usesTopic(topic string) {
	if !t.topics[topic] {
		t.topics[topic] = true
		t.worker.settings.Events.TopicUsed(t.spec.ID, topic)
	}
}

func (t *task) stats() TaskStats {
	s := TaskStats{ID: t.spec.ID, Records: t.records.Load()}
	if o := t.handled.Load(); o != nil {
		s.Failed, s.Skipped = o.Failed(), o.Skipped()
	}
	return s
}
