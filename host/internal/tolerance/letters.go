package tolerance

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// header is the beginning of the names of context headers.
const header = "__connect.errors."

// Letters makes the dead letters of one task.
type Letters struct {
	operator  *Operator
	topic     string
	connector string
	task      int
}

// NewLetters returns what makes the dead letters of a task, nil when its operator's policy has no queue for them.
func NewLetters(o *Operator, connector string, task int) *Letters {
	if o.policy.Letters == "" {
		return nil
	}
	return &Letters{o, o.policy.Letters, connector, task}
}

// Ensure creates the queue's topic with one partition unless it exists.
func (l *Letters) Ensure(ctx context.Context, admin *kadm.Client, replication int16) error {
	details, err := admin.ListTopics(ctx, l.topic)
	if err == nil && details.Has(l.topic) {
		return nil
	}
	answer, err := admin.CreateTopic(ctx, 1, replication, nil, l.topic)
	if err == nil {
		err = answer.Err
	}
	switch {
	case err == nil, errors.Is(err, kerr.TopicAlreadyExists):
		return nil
	case errors.Is(err, kerr.InvalidReplicationFactor):
		return fmt.Errorf("errors.deadletterqueue.topic.replication.factor is %d, but the cluster has fewer brokers: set it to their number, or create topic %s: %w",
			replication, l.topic, err)
	}
	return fmt.Errorf("creating the dead letter queue's topic %s (errors.deadletterqueue.topic.name): %w", l.topic, err)
}

// Write gives the dead letter of a failure to produce: a client's Produce, or its TryProduce where nobody may wait. The letter shares
// the memory of the failed record. The client calls then once, with nil when Kafka has the letter, or with the error of a task
// whose letter was lost.
func (l *Letters) Write(ctx context.Context, produce func(context.Context, *kgo.Record, func(*kgo.Record, error)), f *Failure, then func(error)) {
	l.operator.letters.Add(1)
	produce(ctx, l.letter(f), func(_ *kgo.Record, err error) {
		if err != nil {
			l.operator.lostLetters.Add(1)
			err = fmt.Errorf("the dead letter queue %s (errors.deadletterqueue.topic.name) did not take the record of %s, which failed in %s (%v): %w",
				l.topic, f.where(), f.Stage, f.Err, err)
		}
		then(err)
	})
}

// letter returns the dead letter of a failure.
func (l *Letters) letter(f *Failure) *kgo.Record {
	k := &kgo.Record{Topic: l.topic, Partition: -1, Timestamp: time.Now()}
	context := l.operator.policy.Context
	if f.Record != nil {
		k.Key, k.Value, k.Headers = f.Record.Key, f.Record.Value, f.Record.Headers
		if !f.Record.Timestamp.IsZero() {
			k.Timestamp = f.Record.Timestamp
		}
	} else {
		context = true // all that there is
	}
	if context {
		k.Headers = append(k.Headers[:len(k.Headers):len(k.Headers)], l.headers(f)...)
	}
	return k
}

// headers are the context headers, in Kafka Connect's order.
func (l *Letters) headers(f *Failure) []kgo.RecordHeader {
	var h []kgo.RecordHeader
	add := func(name, value string) { h = append(h, kgo.RecordHeader{Key: header + name, Value: []byte(value)}) }
	add("topic", f.Topic)
	if f.Partition >= 0 && f.Offset >= 0 {
		add("partition", strconv.Itoa(int(f.Partition)))
		add("offset", strconv.FormatInt(f.Offset, 10))
	}
	if f.SourcePartition != nil {
		add("source.partition", string(f.SourcePartition))
	}
	if f.SourceOffset != nil {
		add("source.offset", string(f.SourceOffset))
	}
	add("connector.name", l.connector)
	add("task.id", strconv.Itoa(l.task))
	add("stage", string(f.Stage))
	add("class.name", f.Class)
	if f.Err != nil {
		message := f.Err.Error()
		add("exception.class.name", f.exception())
		add("exception.message", message)
		add("exception.stacktrace", Trace(f.exception(), message, "outboard."+string(f.Stage)))
	}
	return h
}

// Post writes the dead letters of a sink's task to Kafka. It is safe for concurrent use.
type Post struct {
	letters *Letters
	client  *kgo.Client

	mu   sync.Mutex
	lost error // a letter that could not be written, until it was told
}

// NewPost returns the post of letters over a client of its own, which Close closes.
func NewPost(l *Letters, client *kgo.Client) *Post { return &Post{letters: l, client: client} }

// Send writes a letter about a failure, some time before Flush returns.
func (p *Post) Send(f *Failure) {
	p.letters.Write(context.Background(), p.client.Produce, f, func(err error) {
		if err == nil {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.lost = err
	})
}

// Flush waits until all letters sent are in Kafka. The error is about one that will never be, or of ctx.
func (p *Post) Flush(ctx context.Context) error {
	err := p.client.Flush(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost != nil {
		err, p.lost = p.lost, nil
		return err
	}
	if err != nil {
		return fmt.Errorf("records of the dead letter queue %s are not in Kafka yet: %w", p.letters.topic, err)
	}
	return nil
}

// Close ends the client.
func (p *Post) Close() { p.client.Close() }
