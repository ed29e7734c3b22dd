package wire

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// Builder fills record batches of one stream, one after the other. It is not
// safe for concurrent use.
//
//	b.Begin(topic, partition, timestamp)
//	b.Key(value); b.Value(value); b.Header(name, value)…
//	b.Source(partition, offset)  or  b.Sink(offset, …)
//	b.End()
//	…
//	batch := b.Batch(seq)   // send it, then
//	b.Reset()
type Builder struct {
	batch   connectv1.RecordBatch
	schemas schemaIDs
	cols    columns

	topics     index
	headerKeys index
	partitions index

	count       uint32
	headers     uint32 // of the open record
	allHeaders  uint32 // of the batch
	has         parts  // of the open record
	hasBase     bool
	sinkStarted bool
	lastOffset  int64
	lent        int // bytes of values that left with the batch; 0: they did not
}

// parts are those of a record that were set.
type parts uint8

const (
	hasKey parts = 1 << iota
	hasValue
	hasSource
)

// column is one column of the batch. Most are alike in all elements and are no
// more than their first; only others have their elements written down.
type column[T comparable] struct {
	first  [1]T
	varied bool
	v      []T // when varied
}

// add appends element number n.
func (c *column[T]) add(n uint32, v T) {
	if v == c.first[0] && !c.varied {
		return
	}
	c.differ(n, v)
}

// differ appends an element that is unlike the first, or is the first. It stays out of add, which is inlined wherever a column is written.
//
//go:noinline
func (c *column[T]) differ(n uint32, v T) {
	if n == 0 {
		c.first[0] = v
		return
	}
	if !c.varied {
		c.varied = true
		for range n {
			c.v = append(c.v, c.first[0])
		}
	}
	c.v = append(c.v, v)
}

// packed returns the column as it is sent.
func (c *column[T]) packed() []T {
	var zero T
	switch {
	case c.varied:
		return c.v
	case c.first[0] == zero:
		return nil
	}
	return c.first[:]
}

func (c *column[T]) reset() {
	var zero T
	c.first[0], c.varied, c.v = zero, false, c.v[:0]
}

type columns struct {
	topic, partition, keyType, keyLength, valueType, valueLength column[uint32]
	headerCount, headerKey, headerType, headerLength             column[uint32]
	sourcePartition, sourceOffsetLength                          column[uint32]
	timestampType, originalTopic, originalPartition              column[uint32]
	timestamp                                                    column[uint64]
	offset                                                       column[int64]
}

func (c *columns) each() []*column[uint32] {
	return []*column[uint32]{
		&c.topic, &c.partition, &c.keyType, &c.keyLength, &c.valueType, &c.valueLength,
		&c.headerCount, &c.headerKey, &c.headerType, &c.headerLength,
		&c.sourcePartition, &c.sourceOffsetLength, &c.timestampType, &c.originalTopic, &c.originalPartition,
	}
}

// index is a dictionary of a batch. Most batches have one entry, or entries that
// follow one another in turn, as the headers of a record do: so the last one
// found is tried first, then the one that was added after it.
type index struct {
	at   map[string]uint32
	keys []string
	last int // position of the last one found
}

// find returns the position of k, which is added when it is new.
func (d *index) find(k string) (at uint32, added bool) {
	if d.last < len(d.keys) && d.keys[d.last] == k {
		return uint32(d.last), false
	}
	return d.search(k)
}

func (d *index) search(k string) (at uint32, added bool) {
	if next := d.last + 1; next < len(d.keys) && d.keys[next] == k {
		d.last = next
	} else if len(d.keys) > 0 && d.keys[0] == k {
		d.last = 0
	} else if i, ok := d.at[k]; ok {
		d.last = int(i)
	} else {
		if d.at == nil {
			d.at = map[string]uint32{}
		}
		d.last = len(d.keys)
		d.keys = append(d.keys, k)
		d.at[k] = uint32(d.last)
		return uint32(d.last), true
	}
	return uint32(d.last), false
}

func (d *index) reset() {
	if len(d.keys) > 0 {
		clear(d.at)
		clear(d.keys)
		d.keys, d.last = d.keys[:0], 0
	}
}

// Len returns the number of records.
func (b *Builder) Len() int { return int(b.count) }

// Bytes returns what the batch costs in credit: the size of its blobs.
func (b *Builder) Bytes() int {
	return len(b.batch.Values) + len(b.batch.Keys) + len(b.batch.Headers) + len(b.batch.SourceOffsets)
}

// Begin starts a record. partition may be data.NoPartition, timestamp data.NoTimestamp.
func (b *Builder) Begin(topic string, partition int32, timestamp int64) {
	t, added := b.topics.find(topic)
	if added {
		b.batch.Topics = append(b.batch.Topics, topic)
	}
	b.cols.topic.add(b.count, t)
	b.cols.partition.add(b.count, uint32(partition+1))
	b.timestamp(timestamp)
}

func (b *Builder) timestamp(ts int64) {
	if ts == data.NoTimestamp {
		b.cols.timestamp.add(b.count, 0)
		return
	}
	if !b.hasBase {
		b.batch.BaseTimestamp, b.hasBase = ts, true
	}
	d := ts - b.batch.BaseTimestamp
	b.cols.timestamp.add(b.count, 1+uint64(d<<1^d>>63))
}

// typeOf returns the type of a value on the wire.
func (b *Builder) typeOf(kind data.Kind, s *data.Schema) uint32 {
	if kind == data.KindRow {
		return b.schemas.id(s)
	}
	return uint32(kind)
}

// Key sets the key of the record.
func (b *Builder) Key(v data.Value) { b.KeyAt(&v) }

// Value sets the value of the record.
func (b *Builder) Value(v data.Value) { b.ValueAt(&v) }

// KeyAt is Key for one who has the value in memory: to copy it takes longer
// than to add a short one.
func (b *Builder) KeyAt(v *data.Value) {
	b.has |= hasKey
	b.cols.keyType.add(b.count, b.typeOf(v.Kind, v.Schema))
	b.cols.keyLength.add(b.count, length(v.Data))
	b.batch.Keys = append(b.batch.Keys, v.Data...)
}

// ValueAt is Value for one who has the value in memory, as KeyAt is Key.
func (b *Builder) ValueAt(v *data.Value) {
	b.has |= hasValue
	b.cols.valueType.add(b.count, b.typeOf(v.Kind, v.Schema))
	b.cols.valueLength.add(b.count, length(v.Data))
	b.batch.Values = append(b.batch.Values, v.Data...)
}

// length is how a column of lengths has it: 0 for null, else one more than the bytes.
func length(v []byte) uint32 {
	if v == nil {
		return 0
	}
	return uint32(len(v)) + 1
}

// KeyBuffer and ValueBuffer let a row be written in place: append to the slice
// they return and hand it back to KeyWritten or ValueWritten.
func (b *Builder) KeyBuffer() []byte { return b.batch.Keys }

// ValueBuffer returns the blob of the values; see KeyBuffer.
func (b *Builder) ValueBuffer() []byte { return b.batch.Values }

// KeyWritten sets the key to what was appended to KeyBuffer.
func (b *Builder) KeyWritten(kind data.Kind, s *data.Schema, blob []byte) {
	b.has |= hasKey
	b.cols.keyType.add(b.count, b.typeOf(kind, s))
	b.cols.keyLength.add(b.count, uint32(len(blob)-len(b.batch.Keys))+1)
	b.batch.Keys = blob
}

// ValueWritten sets the value to what was appended to ValueBuffer.
func (b *Builder) ValueWritten(kind data.Kind, s *data.Schema, blob []byte) {
	b.has |= hasValue
	b.cols.valueType.add(b.count, b.typeOf(kind, s))
	b.cols.valueLength.add(b.count, uint32(len(blob)-len(b.batch.Values))+1)
	b.batch.Values = blob
}

// Header adds a header to the record.
func (b *Builder) Header(name string, v data.Value) { b.HeaderAt(name, &v) }

// HeaderAt is Header for one who has the value in memory, as KeyAt is Key.
func (b *Builder) HeaderAt(name string, v *data.Value) {
	k, added := b.headerKeys.find(name)
	if added {
		b.batch.HeaderKeys = append(b.batch.HeaderKeys, name)
	}
	b.cols.headerKey.add(b.allHeaders, k)
	b.cols.headerType.add(b.allHeaders, b.typeOf(v.Kind, v.Schema))
	b.cols.headerLength.add(b.allHeaders, length(v.Data))
	b.batch.Headers = append(b.batch.Headers, v.Data...)
	b.headers++
	b.allHeaders++
}

// Source sets where the record of a source comes from: the source partition
// ("" for none) and the offset, both JSON object texts; a nil offset means that
// the next one of the partition covers the record.
func (b *Builder) Source(partition string, offset []byte) {
	b.sourcePartition(partition)
	b.cols.sourceOffsetLength.add(b.count, length(offset))
	if len(offset) > 0 {
		b.batch.SourceOffsets = append(b.batch.SourceOffsets, offset...)
	}
}

// OffsetBuffer and SourceWritten let a source offset be written in place.
func (b *Builder) OffsetBuffer() []byte { return b.batch.SourceOffsets }

// SourceWritten is Source with an offset that was appended to OffsetBuffer.
func (b *Builder) SourceWritten(partition string, blob []byte) {
	b.sourcePartition(partition)
	b.cols.sourceOffsetLength.add(b.count, uint32(len(blob)-len(b.batch.SourceOffsets))+1)
	b.batch.SourceOffsets = blob
}

func (b *Builder) sourcePartition(partition string) {
	b.has |= hasSource
	if partition == "" {
		b.cols.sourcePartition.add(b.count, 0)
		return
	}
	p, added := b.partitions.find(partition)
	if added {
		b.batch.SourcePartitions = append(b.batch.SourcePartitions, []byte(partition))
	}
	b.cols.sourcePartition.add(b.count, p+1)
}

// Sink sets where a record of a sink was consumed. originalTopic is "" when
// the record's topic and partition are those consumed from.
func (b *Builder) Sink(offset int64, ts data.TimestampType, originalTopic string, originalPartition int32) {
	if !b.sinkStarted {
		// One less than the first, so that offsets in a row are a column of ones.
		b.batch.BaseOffset, b.sinkStarted = offset-1, true
		b.lastOffset = offset - 1
	}
	b.cols.offset.add(b.count, offset-b.lastOffset)
	b.lastOffset = offset
	b.cols.timestampType.add(b.count, uint32(ts))
	if originalTopic == "" {
		b.cols.originalTopic.add(b.count, 0)
		b.cols.originalPartition.add(b.count, 0)
		return
	}
	t, added := b.topics.find(originalTopic)
	if added {
		b.batch.Topics = append(b.batch.Topics, originalTopic)
	}
	b.cols.originalTopic.add(b.count, t+1)
	b.cols.originalPartition.add(b.count, uint32(originalPartition+1))
}

// End completes the record: what was not set is null.
func (b *Builder) End() {
	n := b.count
	b.cols.headerCount.add(n, b.headers)
	if b.has != hasKey|hasValue|hasSource {
		b.endWithout(n)
	}
	b.headers, b.has = 0, 0
	b.count = n + 1
}

// endWithout sets what record n does not have.
func (b *Builder) endWithout(n uint32) {
	if b.has&hasKey == 0 {
		b.cols.keyType.add(n, 0)
		b.cols.keyLength.add(n, 0)
	}
	if b.has&hasValue == 0 {
		b.cols.valueType.add(n, 0)
		b.cols.valueLength.add(n, 0)
	}
	if b.has&hasSource == 0 && !b.sinkStarted {
		b.Source("", nil)
	}
}

// Batch returns the batch for sending. It is valid until Reset.
func (b *Builder) Batch(seq uint64) (*connectv1.RecordBatch, error) {
	if len(b.schemas.known) > MaxSchemas {
		return nil, fmt.Errorf("wire: more than %d different schemas in one task", MaxSchemas)
	}
	m, c := &b.batch, &b.cols
	m.Seq, m.Count = seq, b.count
	m.Schemas = b.schemas.fresh
	m.Topic, m.Partition, m.Timestamp = c.topic.packed(), c.partition.packed(), c.timestamp.packed()
	m.KeyType, m.KeyLength = c.keyType.packed(), c.keyLength.packed()
	m.ValueType, m.ValueLength = c.valueType.packed(), c.valueLength.packed()
	m.HeaderCount, m.HeaderKey = c.headerCount.packed(), c.headerKey.packed()
	m.HeaderType, m.HeaderLength = c.headerType.packed(), c.headerLength.packed()
	m.SourcePartition, m.SourceOffsetLength = c.sourcePartition.packed(), c.sourceOffsetLength.packed()
	m.Offset, m.TimestampType = c.offset.packed(), c.timestampType.packed()
	m.OriginalTopic, m.OriginalPartition = c.originalTopic.packed(), c.originalPartition.packed()
	return m, nil
}

// CommitAfter and AbortAfter place a transaction boundary after the last record.
func (b *Builder) CommitAfter() { b.batch.CommitAfter = append(b.batch.CommitAfter, b.count-1) }

// AbortAfter places an abort after the last record.
func (b *Builder) AbortAfter() { b.batch.AbortAfter = append(b.batch.AbortAfter, b.count-1) }

// Reset starts the next batch of the stream, after the last one was sent.
func (b *Builder) Reset() {
	m := &b.batch
	m.Topics, m.HeaderKeys, m.SourcePartitions = m.Topics[:0], m.HeaderKeys[:0], m.SourcePartitions[:0]
	m.SourceOffsets, m.Headers, m.Keys, m.Values = m.SourceOffsets[:0], m.Headers[:0], m.Keys[:0], m.Values[:0]
	m.CommitAfter, m.AbortAfter = m.CommitAfter[:0], m.AbortAfter[:0]
	m.BaseTimestamp, m.BaseOffset = 0, 0
	if b.lent > 0 {
		m.Values = (*Pool().Get(b.lent + b.lent/8))[:0] // about as much comes again
		b.lent = 0
	}
	b.schemas.fresh = nil
	for _, c := range b.cols.each() {
		c.reset()
	}
	b.cols.timestamp.reset()
	b.cols.offset.reset()
	b.topics.reset()
	b.headerKeys.reset()
	b.partitions.reset()
	b.count, b.headers, b.allHeaders, b.has = 0, 0, 0, 0
	b.hasBase, b.sinkStarted = false, false
}
