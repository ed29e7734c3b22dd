package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/convert"
	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/host/internal/tolerance"
	"github.com/outboard-connect/outboard/host/internal/transform"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// newLetters returns what makes the task's dead letters, nil without a queue for
// them, whose topic it creates.
func (t *task) newLetters(ctx context.Context, o *tolerance.Operator) (*tolerance.Letters, error) {
	letters := tolerance.NewLetters(o, t.spec.ID.Connector, t.spec.ID.Task)
	if letters == nil {
		return nil, nil
	}
	admin, err := t.worker.settings.admin(t.spec.ID, t.config, t.log)
	if err != nil {
		return nil, &permanentError{err}
	}
	defer admin.Close()
	ctx, cancel := context.WithTimeout(ctx, t.worker.settings.FlushTimeout)
	defer cancel()
	err = letters.Ensure(ctx, admin, o.Policy().Replication)
	if errors.Is(err, kerr.InvalidReplicationFactor) {
		return nil, &permanentError{err}
	}
	return letters, err
}

// newPost returns what writes the dead letters of a sink's task, nil without a queue.
func (t *task) newPost(ctx context.Context, o *tolerance.Operator) (*tolerance.Post, error) {
	letters, err := t.newLetters(ctx, o)
	if letters == nil || err != nil {
		return nil, err
	}
	cfg, err := t.worker.settings.client(kafka.Producer, t.spec.ID, t.config, t.log)
	if err != nil {
		return nil, &permanentError{err}
	}
	client, err := kgo.NewClient(append(cfg.Options, kgo.RecordPartitioner(kafka.ExplicitPartition(cfg.Partitioner)))...)
	if err != nil {
		return nil, &permanentError{fmt.Errorf("making the producer of the dead letter queue: %w", err)}
	}
	return tolerance.NewPost(letters, client), nil
}

// untilStop returns a context that also ends when the task is to stop.
func (t *task) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-t.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// untransformed is the failure of a chain.
func untransformed(err error) *recordFailure {
	var e *transform.Error
	if errors.As(err, &e) {
		return &recordFailure{tolerance.Transformation, e.Class, err}
	}
	return &recordFailure{tolerance.Transformation, "", err}
}

// plain has the converters of what dead letters have of records without Kafka bytes. Each is made when it is needed first.
type plain map[convert.Use]convert.Converter

// record is what a dead letter has of a record that has no Kafka bytes: bytes and text as they are, rows as JSON with their schema.
func (p plain) record(a *convert.Arena, rec *data.SourceRecord) *kgo.Record {
	k := &kgo.Record{Key: p.text(a, convert.Key, rec.Topic, rec.Key), Value: p.text(a, convert.Value, rec.Topic, rec.Value)}
	if rec.Timestamp != data.NoTimestamp {
		k.Timestamp = time.UnixMilli(rec.Timestamp)
	}
	for _, h := range rec.Headers {
		k.Headers = append(k.Headers, kgo.RecordHeader{Key: h.Key, Value: p.text(a, convert.Header, rec.Topic, h.Value)})
	}
	return k
}

func (p plain) text(a *convert.Arena, use convert.Use, topic string, v data.Value) []byte {
	if v.Kind != data.KindRow {
		return v.Data
	}
	err := error(nil)
	if p[use] == nil {
		p[use], err = convert.New("JsonConverter", map[string]string{"schemas.enable": "true"}, use)
	}
	if err == nil {
		if b, err := p[use].FromConnect(a, topic, v); err == nil {
			return b
		}
	}
	text, err := data.AppendText(nil, v)
	if err != nil {
		return fmt.Appendf(nil, "a damaged row of %s: %v", v.Schema, err)
	}
	return text
}
