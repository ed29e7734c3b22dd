package worker

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/tolerance"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/proto/wire"
)

// add converts a Kafka record and appends it to the batch, or skips it (false)
// where its failure is tolerated.
func (r *sinkRun) add(k *kgo.Record) (bool, error) {
	if size := len(k.Key) + len(k.Value); size > wire.MaxRecord {
		return r.unreadable(k, tolerance.TaskPut, 1, fmt.Errorf("record of %d bytes: a plugin takes at most %d", size, wire.MaxRecord))
	}
	a := &r.conv.arena
	key, err := r.conv.key.ToConnect(a, k.Topic, k.Key)
	if err != nil {
		return r.unreadable(k, tolerance.KeyConverter, 0, err)
	}
	value, err := r.conv.value.ToConnect(a, k.Topic, k.Value)
	if err != nil {
		return r.unreadable(k, tolerance.ValueConverter, 1, err)
	}
	var few [8]data.Value
	headers := few[:0]
	for _, h := range k.Headers {
		v, err := r.conv.header.ToConnectHeader(a, k.Topic, h.Key, h.Value)
		if err != nil {
			return r.unreadable(k, tolerance.HeaderConverter, 2, fmt.Errorf("header %s: %w", h.Key, err))
		}
		headers = append(headers, v)
	}
	b := &r.builder
	b.Begin(k.Topic, k.Partition, k.Timestamp.UnixMilli())
	b.Key(key)
	b.Value(value)
	for i, h := range k.Headers {
		b.Header(h.Key, headers[i])
	}
	b.Sink(k.Offset, timestampType(k), "", 0)
	b.End()
	return true, nil
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

func (r *sinkRun) unreadable(k *kgo.Record, stage tolerance.Stage, converter int, err error) (bool, error) {
	return false, r.operator.Handle(tolerance.Failure{
		Stage: stage, Class: r.conv.names[converter], Err: err, Topic: k.Topic, Partition: k.Partition, Offset: k.Offset})
}
