package wire

import (
	"fmt"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// MaxRecords is the largest number of records in a batch.
const MaxRecords = 1 << 20

// maxInterned bounds the names kept for one stream.
const maxInterned = 100_000

// Decoder reads the record batches of one stream. It is not safe for
// concurrent use.
//
//	err := d.Open(batch)
//	for d.NextSource(&rec) { … }
//
// Open checks the whole batch, so that reading it cannot fail.
type Decoder struct {
	schemas []*data.Schema
	names   map[string]string

	batch      *connectv1.RecordBatch
	n, i       int
	topics     []string
	headerKeys []string

	topic, partition, keyType, keyLength, valueType, valueLength values[uint32]
	headerCount, headerKey, headerType, headerLength             values[uint32]
	sourcePartition, sourceOffsetLength                          values[uint32]
	timestampType, originalTopic, originalPartition              values[uint32]
	timestamp                                                    values[uint64]
	offset                                                       values[int64]

	// Fields that are the same in all records are set with the first one only.
	samePlace, sameTime, sameKey, sameType, noHeaders, sameSource bool

	key, value, header, srcOffset int // positions in the blobs
	headerAt                      int
	lastOffset                    int64
	headers                       []data.Header
}

// values is a column as received: an element for each record, or one for all.
type values[T any] struct {
	v     []T
	fixed T
}

func (c *values[T]) at(i int) T {
	if c.v != nil {
		return c.v[i]
	}
	return c.fixed
}

func (c *values[T]) open(name string, v []T, n int) error {
	*c = values[T]{}
	switch len(v) {
	case n:
		c.v = v
		if n == 0 {
			c.v = nil
		}
	case 0:
	case 1:
		c.fixed = v[0]
	default:
		return fmt.Errorf("column %s has %d elements for %d records", name, len(v), n)
	}
	return nil
}

// Open starts a batch. The error says in which way the batch is malformed.
func (d *Decoder) Open(b *connectv1.RecordBatch) error {
	if err := d.open(b); err != nil {
		return fmt.Errorf("record batch %d is malformed: %w", b.GetSeq(), err)
	}
	return nil
}

func (d *Decoder) open(b *connectv1.RecordBatch) error {
	if b == nil || b.Count > MaxRecords {
		return fmt.Errorf("%d records are more than %d", b.GetCount(), MaxRecords)
	}
	d.batch, d.n = b, int(b.Count)
	d.Rewind()
	for _, s := range b.Schemas {
		if err := d.learn(s); err != nil {
			return err
		}
	}
	if err := d.columns(); err != nil {
		return err
	}
	var err error
	if d.topics, err = d.intern(d.topics[:0], b.Topics); err != nil {
		return err
	}
	if d.headerKeys, err = d.intern(d.headerKeys[:0], b.HeaderKeys); err != nil {
		return err
	}
	d.samePlace = d.topic.v == nil && d.partition.v == nil && d.originalTopic.v == nil && d.originalPartition.v == nil
	d.sameTime, d.sameType, d.sameSource = d.timestamp.v == nil, d.valueType.v == nil, d.sourcePartition.v == nil
	d.sameKey = d.keyType.v == nil && d.keyLength.v == nil && d.keyLength.fixed == 0
	d.noHeaders = d.headerCount.v == nil && d.headerCount.fixed == 0
	return d.check()
}

func (d *Decoder) learn(m *connectv1.Schema) error {
	want := FirstSchema + uint32(len(d.schemas))
	if m.GetId() != want || len(d.schemas) >= MaxSchemas {
		return fmt.Errorf("schema has id %d, expected is %d", m.GetId(), want)
	}
	s, err := SchemaFromProto(m)
	if err != nil {
		return fmt.Errorf("schema %d: %w", m.GetId(), err)
	}
	d.schemas = append(d.schemas, s)
	return nil
}

// intern returns names that live longer than the batch.
func (d *Decoder) intern(dst []string, names []string) ([]string, error) {
	for _, n := range names {
		own, ok := d.names[n]
		if !ok {
			if d.names == nil {
				d.names = map[string]string{}
			}
			if len(d.names) >= maxInterned {
				return nil, fmt.Errorf("more than %d different topics and header names", maxInterned)
			}
			own = strings.Clone(n)
			d.names[own] = own
		}
		dst = append(dst, own)
	}
	return dst, nil
}

func (d *Decoder) columns() error {
	b, n := d.batch, d.n
	for _, c := range []struct {
		col  *values[uint32]
		name string
		v    []uint32
	}{
		{&d.topic, "topic", b.Topic}, {&d.partition, "partition", b.Partition},
		{&d.keyType, "key_type", b.KeyType}, {&d.keyLength, "key_length", b.KeyLength},
		{&d.valueType, "value_type", b.ValueType}, {&d.valueLength, "value_length", b.ValueLength},
		{&d.headerCount, "header_count", b.HeaderCount},
		{&d.sourcePartition, "source_partition", b.SourcePartition},
		{&d.sourceOffsetLength, "source_offset_length", b.SourceOffsetLength},
		{&d.timestampType, "timestamp_type", b.TimestampType},
		{&d.originalTopic, "original_topic", b.OriginalTopic},
		{&d.originalPartition, "original_partition", b.OriginalPartition},
	} {
		if err := c.col.open(c.name, c.v, n); err != nil {
			return err
		}
	}
	if err := d.timestamp.open("timestamp", b.Timestamp, n); err != nil {
		return err
	}
	if err := d.offset.open("offset", b.Offset, n); err != nil {
		return err
	}
	headers := 0
	for i := range n {
		headers += int(d.headerCount.at(i))
		if headers > MaxRecords*16 {
			return fmt.Errorf("too many headers")
		}
	}
	for _, c := range []struct {
		col  *values[uint32]
		name string
		v    []uint32
	}{
		{&d.headerKey, "header_key", b.HeaderKey}, {&d.headerType, "header_type", b.HeaderType},
		{&d.headerLength, "header_length", b.HeaderLength},
	} {
		if err := c.col.open(c.name, c.v, headers); err != nil {
			return err
		}
	}
	if err := checkIndex("header_key", &d.headerKey, headers, len(b.HeaderKeys)); err != nil {
		return err
	}
	return d.checkValues("header", &d.headerType, &d.headerLength, headers, len(b.Headers))
}

func (d *Decoder) check() error {
	b, n := d.batch, d.n
	if err := checkIndex("topic", &d.topic, n, len(b.Topics)); err != nil {
		return err
	}
	if err := checkIndex("source_partition", &d.sourcePartition, n, len(b.SourcePartitions)+1); err != nil {
		return err
	}
	if err := checkIndex("original_topic", &d.originalTopic, n, len(b.Topics)+1); err != nil {
		return err
	}
	if err := d.checkValues("key", &d.keyType, &d.keyLength, n, len(b.Keys)); err != nil {
		return err
	}
	if err := d.checkValues("value", &d.valueType, &d.valueLength, n, len(b.Values)); err != nil {
		return err
	}
	return checkSum("source_offset", &d.sourceOffsetLength, n, len(b.SourceOffsets))
}

func checkIndex(name string, c *values[uint32], n, size int) error {
	if c.v == nil {
		if n > 0 && int(c.fixed) >= size {
			return fmt.Errorf("column %s points to entry %d of %d", name, c.fixed, size)
		}
		return nil
	}
	for _, v := range c.v {
		if int(v) >= size {
			return fmt.Errorf("column %s points to entry %d of %d", name, v, size)
		}
	}
	return nil
}

func checkSum(name string, c *values[uint32], n, size int) error {
	total := 0
	if c.v == nil {
		if c.fixed > 0 {
			total = n * (int(c.fixed) - 1)
		}
	} else {
		for _, v := range c.v {
			if v > 0 {
				total += int(v) - 1
			}
		}
	}
	if total != size {
		return fmt.Errorf("lengths of %s add up to %d bytes, there are %d", name, total, size)
	}
	return nil
}

func (d *Decoder) checkValues(name string, types, lengths *values[uint32], n, size int) error {
	if err := checkSum(name, lengths, n, size); err != nil {
		return err
	}
	if types.v == nil && lengths.v == nil {
		if n == 0 {
			return nil
		}
		return d.checkType(name, types.fixed, lengths.fixed)
	}
	for i := range n {
		if err := d.checkType(name, types.at(i), lengths.at(i)); err != nil {
			return err
		}
	}
	return nil
}

func (d *Decoder) checkType(name string, t, length uint32) error {
	switch {
	case t == 0 && length != 0:
		return fmt.Errorf("a %s of no type is not null", name)
	case t > uint32(data.KindJSON) && (t < FirstSchema || t-FirstSchema >= uint32(len(d.schemas))):
		return fmt.Errorf("a %s is of unknown type %d", name, t)
	}
	return nil
}

// view makes v the value at a position of a blob and returns the position after it. It sets v field by field, because
// to copy a Value as a whole takes longer than all the rest.
func (d *Decoder) view(v *data.Value, t, length uint32, blob []byte, at int) int {
	d.typed(v, t)
	return fill(v, length, blob, at)
}

func (d *Decoder) typed(v *data.Value, t uint32) {
	if t >= FirstSchema {
		v.Kind, v.Schema = data.KindRow, d.schemas[t-FirstSchema]
	} else {
		v.Kind, v.Schema = data.Kind(t), nil
	}
}

// fill is view for a value that has its type.
func fill(v *data.Value, length uint32, blob []byte, at int) int {
	if length == 0 {
		v.Data = nil
		return at
	}
	end := at + int(length) - 1
	v.Data = blob[at:end:end]
	if v.Data == nil {
		v.Data = []byte{}
	}
	return end
}

// Len returns the number of records of the batch.
func (d *Decoder) Len() int { return d.n }

// Rewind goes back to the first record.
func (d *Decoder) Rewind() {
	d.i, d.key, d.value, d.header, d.srcOffset, d.headerAt = 0, 0, 0, 0, 0, 0
	d.lastOffset = d.batch.BaseOffset
}

// SourcePartition returns the position, in the dictionary of the batch, of the
// source partition of the record read last, -1 when it has none.
func (d *Decoder) SourcePartition() int { return int(d.sourcePartition.at(d.i-1)) - 1 }

// SourcePartitions returns the dictionary of the batch: JSON object texts.
func (d *Decoder) SourcePartitions() [][]byte { return d.batch.SourcePartitions }

// EachOffset calls fn with each source offset, and the position of its partition in the dictionary, -1 when it has none.
func (d *Decoder) EachOffset(fn func(partition int, offset []byte)) {
	c := &d.sourceOffsetLength
	if c.v == nil && c.fixed == 0 {
		return
	}
	at := 0
	for i := range d.n {
		if l := c.at(i); l > 0 {
			end := at + int(l) - 1
			fn(int(d.sourcePartition.at(i))-1, d.batch.SourceOffsets[at:end:end])
			at = end
		}
	}
}

// Plain tells whether the records of a source, of which there are some, differ in nothing but values of bytes: they have one topic, partition
// and time, and neither keys nor headers. Their source offsets may differ.
func (d *Decoder) Plain() bool {
	return d.n > 0 && d.samePlace && d.sameTime && d.sameKey && d.keyType.fixed == 0 && d.noHeaders && d.sameType && d.valueType.fixed == uint32(data.KindBytes)
}

// Values returns the values of a batch that is [Decoder.Plain], one behind the other, in the memory of the batch, and their lengths: 0 for null,
// else one more than the bytes. Without lengths, that of each is each.
func (d *Decoder) Values() (blob []byte, lengths []uint32, each uint32) {
	return d.batch.Values, d.valueLength.v, d.valueLength.fixed
}

// takeTimestamp returns the timestamp of record i.
func (d *Decoder) takeTimestamp(i int) int64 {
	t := d.timestamp.at(i)
	if t == 0 {
		return data.NoTimestamp
	}
	t--
	return d.batch.BaseTimestamp + (int64(t>>1) ^ -int64(t&1))
}

func (d *Decoder) takeHeaders(i int) []data.Header {
	n := int(d.headerCount.at(i))
	if n == 0 {
		return nil
	}
	d.headers = slices.Grow(d.headers[:0], n)[:n]
	at, pos := d.headerAt, d.header
	for j := range d.headers {
		h := &d.headers[j]
		h.Key = d.headerKeys[d.headerKey.at(at)]
		pos = d.view(&h.Value, d.headerType.at(at), d.headerLength.at(at), d.batch.Headers, pos)
		at++
	}
	d.headerAt, d.header = at, pos
	return d.headers
}

// NextSource reads the next record into r, or returns false after the last one.
// It is given the same r for all records of a batch, unchanged. The record's
// headers are valid until the next call.
func (d *Decoder) NextSource(r *data.SourceRecord) bool {
	if d.i >= d.n {
		return false
	}
	i := d.i
	d.i++
	if i == 0 || !d.samePlace {
		r.Topic = d.topics[d.topic.at(i)]
		r.Partition = int32(d.partition.at(i)) - 1
	}
	if i == 0 || !d.sameTime {
		r.Timestamp = d.takeTimestamp(i)
	}
	if i == 0 || !d.sameKey {
		d.key = d.view(&r.Key, d.keyType.at(i), d.keyLength.at(i), d.batch.Keys, d.key)
	}
	if i == 0 || !d.sameType {
		d.typed(&r.Value, d.valueType.at(i))
	}
	d.value = fill(&r.Value, d.valueLength.at(i), d.batch.Values, d.value)
	if i == 0 || !d.noHeaders {
		r.Headers = d.takeHeaders(i)
	}
	if i == 0 || !d.sameSource {
		r.SourcePartition = nil
		if p := d.sourcePartition.at(i); p > 0 {
			r.SourcePartition = d.batch.SourcePartitions[p-1]
		}
	}
	r.SourceOffset = nil
	if l := d.sourceOffsetLength.at(i); l > 0 {
		end := d.srcOffset + int(l) - 1
		r.SourceOffset = d.batch.SourceOffsets[d.srcOffset:end:end]
		d.srcOffset = end
	}
	return true
}

// NextSink is NextSource for a sink.
func (d *Decoder) NextSink(r *data.SinkRecord) bool {
	if d.i >= d.n {
		return false
	}
	i := d.i
	d.i++
	if i == 0 || !d.samePlace {
		r.Topic = d.topics[d.topic.at(i)]
		r.Partition = int32(d.partition.at(i)) - 1
		r.OriginalTopic, r.OriginalPartition = d.origin(i)
	}
	r.Timestamp = d.takeTimestamp(i)
	if i == 0 || !d.sameKey {
		d.key = d.view(&r.Key, d.keyType.at(i), d.keyLength.at(i), d.batch.Keys, d.key)
	}
	d.value = d.view(&r.Value, d.valueType.at(i), d.valueLength.at(i), d.batch.Values, d.value)
	if i == 0 || !d.noHeaders {
		r.Headers = d.takeHeaders(i)
	}
	d.lastOffset += d.offset.at(i)
	r.Offset = d.lastOffset
	r.TimestampType = data.TimestampType(d.timestampType.at(i))
	return true
}

// EachEnd calls fn with the position behind the last record of each run of
// records of one partition, as consumed. A batch is one run more often than not.
func (d *Decoder) EachEnd(fn func(topic string, partition int32, next int64)) {
	if d.n == 0 {
		return
	}
	offset := d.batch.BaseOffset
	if d.samePlace && d.offset.v == nil {
		topic, partition := d.origin(0)
		fn(topic, partition, offset+int64(d.n)*d.offset.fixed+1)
		return
	}
	topic, partition := d.origin(0)
	for i := range d.n {
		if !d.samePlace {
			if t, p := d.origin(i); t != topic || p != partition {
				fn(topic, partition, offset+1)
				topic, partition = t, p
			}
		}
		offset += d.offset.at(i)
	}
	fn(topic, partition, offset+1)
}

// origin returns where record i was consumed.
func (d *Decoder) origin(i int) (topic string, partition int32) {
	if t := d.originalTopic.at(i); t > 0 {
		return d.topics[t-1], int32(d.originalPartition.at(i)) - 1
	}
	return d.topics[d.topic.at(i)], int32(d.partition.at(i)) - 1
}
