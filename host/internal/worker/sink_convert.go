package worker

import (
	"fmt"
	"slices"

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
	b.KeyAt(&rec.Key)
	b.ValueAt(&rec.Value)
	for i := range rec.Headers {
		b.HeaderAt(rec.Headers[i].Key, &rec.Headers[i].Value)
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
	if err := r.conv.key.toConnect(&rec.Key, a, k, k.Key); err != nil {
		return false, &recordFailure{tolerance.KeyConverter, r.conv.names[0], err}
	}
	if err := r.conv.value.toConnect(&rec.Value, a, k, k.Value); err != nil {
		return false, &recordFailure{tolerance.ValueConverter, r.conv.names[1], err}
	}
	r.headers = slices.Grow(r.headers[:0], len(k.Headers))[:len(k.Headers)]
	for i := range k.Headers {
		h, to := &k.Headers[i], &r.headers[i]
		if err := r.conv.header.ToConnectHeader(&to.Value, a, k.Topic, h.Key, h.Value); err != nil {
			return false, &recordFailure{tolerance.HeaderConverter, r.conv.names[2], fmt.Errorf("header %s: %w", h.Key, err)}
		}
		to.Key = h.Key
	}
	rec.Headers = r.headers
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
