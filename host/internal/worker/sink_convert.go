package worker

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/tolerance"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/proto/wire"
)

// add converts and transforms a Kafka record and appends it to the batch. It
// returns false for one that is not in it: that a transformation dropped, or
// whose failure is tolerated; and errInterrupted when the task is to stop before that is known.
func (r *sinkRun) add(k *kgo.Record) (bool, error) {
	if size := len(k.Key) + len(k.Value); size > wire.MaxRecord {
		return false, r.unreadable(k, &recordFailure{tolerance.TaskPut, r.conv.names[1],
			fmt.Errorf("record of %d bytes: a plugin takes at most %d", size, wire.MaxRecord)})
	}
	keep, failed := r.read(k)
	if failed != nil {
		var attempt tolerance.Attempt
		for failed != nil && r.operator.Again(r.unhurried, &attempt, failed) {
			keep, failed = r.read(k)
		}
		if attempt.Interrupted() {
			return false, errInterrupted
		}
	}
	if failed != nil {
		return false, r.unreadable(k, failed)
	}
	if !keep {
		return false, nil
	}
	b, rec := &r.builder, &r.rec
	b.Begin(rec.Topic, rec.Partition, rec.Timestamp)
	b.Key(rec.Key)
	b.Value(rec.Value)
	for _, h := range rec.Headers {
		b.Header(h.Key, h.Value)
	}
	if rec.Topic == k.Topic && rec.Partition == k.Partition {
		b.Sink(k.Offset, timestampType(k), "", 0)
	} else {
		b.Sink(k.Offset, timestampType(k), k.Topic, k.Partition)
	}
	b.End()
	return true, nil
}

// read makes what a Kafka record is to the plugin, in rec. It returns false for
// a record that a transformation dropped.
func (r *sinkRun) read(k *kgo.Record) (bool, *recordFailure) {
	a, rec := &r.conv.arena, &r.rec
	var err error
	if rec.Key, err = r.conv.key.toConnect(a, k, k.Key); err != nil {
		return false, &recordFailure{tolerance.KeyConverter, r.conv.names[0], err}
	}
	if rec.Value, err = r.conv.value.toConnect(a, k, k.Value); err != nil {
		return false, &recordFailure{tolerance.ValueConverter, r.conv.names[1], err}
	}
	rec.Headers = r.headers[:0]
	for _, h := range k.Headers {
		v, err := r.conv.header.ToConnectHeader(a, k.Topic, h.Key, h.Value)
		if err != nil {
			return false, &recordFailure{tolerance.HeaderConverter, r.conv.names[2], fmt.Errorf("header %s: %w", h.Key, err)}
		}
		rec.Headers = append(rec.Headers, data.Header{Key: h.Key, Value: v})
	}
	r.headers = rec.Headers
	rec.Topic, rec.Partition, rec.Offset, rec.Timestamp = k.Topic, k.Partition, k.Offset, k.Timestamp.UnixMilli()
	if r.chain.Empty() {
		return true, nil
	}
	keep, err := r.chain.Apply(&r.transformed, rec)
	if err != nil {
		return false, untransformed(err)
	}
	return keep, nil
}

func timestampType(k *kgo.Record) data.TimestampType {
	switch k.Attrs.TimestampType() {
	case 0:
		return data.TimestampCreate
	case 1:
		return data.TimestampLogAppend
	}
	return data.TimestampNone
}

func (r *sinkRun) unreadable(k *kgo.Record, failed *recordFailure) error {
	return r.handle(tolerance.Failure{
		Stage: failed.stage, Class: failed.class, Err: discreet(r.resolved.Load(), failed.err), Topic: k.Topic, Partition: k.Partition, Offset: k.Offset, Record: k})
}

// handle decides about a record that failed: nil means that it is skipped.
func (r *sinkRun) handle(f tolerance.Failure) error {
	if r.post != nil {
		r.post.Send(&f)
	}
	return r.operator.Handle(f)
}
