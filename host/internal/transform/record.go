package transform

import "github.com/outboard-connect/outboard/plugin-sdk/data"

// NoOffset is the Offset of a record that comes from a source: it has no place in Kafka yet.
const NoOffset = -1

// Record is a record on its way between connector and Kafka, in either direction.
type Record struct {
	Topic string
	// Partition is the Kafka partition or data.NoPartition.
	Partition int32
	// Offset is the offset in Kafka of a record on its way to a sink, NoOffset for a source. Transformations read it.
	Offset int64
	// Timestamp is in milliseconds since the epoch, or data.NoTimestamp.
	Timestamp  int64
	Key, Value data.Value
	// Headers are never changed in place: a chain that changes them puts a new slice here.
	Headers []data.Header
}

// side is the part of a record that a transformation works on: its key or its value.
type side uint8

const (
	key side = iota
	value
)

// String returns "key" or "value".
func (s side) String() string {
	if s == key {
		return "key"
	}
	return "value"
}

// message is a record inside a chain.
type message struct {
	arena     *Arena
	topic     string
	partition int32
	offset    int64
	timestamp int64
	parts     [2]content // by side
	headers   []data.Header
}

// open takes a record over. What it points to is not changed.
func (m *message) open(a *Arena, r *Record) {
	m.arena, m.topic, m.partition, m.offset, m.timestamp, m.headers = a, r.Topic, r.Partition, r.Offset, r.Timestamp, r.Headers
	m.parts[key].set(r.Key)
	m.parts[value].set(r.Value)
}

// close gives the record its new form.
func (m *message) close(r *Record) error {
	k, err := m.parts[key].join(m.arena)
	if err != nil {
		return err
	}
	v, err := m.parts[value].join(m.arena)
	if err != nil {
		return err
	}
	r.Topic, r.Partition, r.Timestamp, r.Headers = m.topic, m.partition, m.timestamp, m.headers
	r.Key, r.Value = k, v
	return nil
}

// addHeader appends a header, to a copy of those that came with the record.
func (m *message) addHeader(name string, v data.Value) {
	m.headers = m.arena.withHeader(m.headers, data.Header{Key: name, Value: v})
}
