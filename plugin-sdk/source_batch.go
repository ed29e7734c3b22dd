package sdk

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/proto/wire"
)

// Target size of a batch: a source that has more leaves the rest to the next Poll.
const (
	fullRecords = 2000
	fullBytes   = 512 << 10
)

// MaxRecord is the largest record in bytes: key, value, headers and offset
// together. A larger one fails the task.
const MaxRecord = wire.MaxRecord

// SourceBatch takes the records of one Poll. It is written in the form in which
// it travels, nothing is copied twice.
type SourceBatch struct {
	b    wire.Builder
	rec  Record
	open bool
	// last has the last offset of each partition, for Commit.
	last map[string]Offset
	keep bool
	err  error
}

// Len returns the number of records appended so far.
func (b *SourceBatch) Len() int {
	if b.open {
		return b.b.Len() + 1
	}
	return b.b.Len()
}

// Full tells that Poll should return: the batch has its best size.
func (b *SourceBatch) Full() bool {
	return b.b.Len() >= fullRecords || b.b.Bytes() >= fullBytes
}

// Add starts a record for a topic. Its methods set what it has; what is not set
// is null. It ends with the next Add or with Poll.
func (b *SourceBatch) Add(topic string) *Record {
	b.end()
	b.open = true
	r := &b.rec
	r.batch, r.topic, r.partition, r.timestamp = b, topic, data.NoPartition, data.NoTimestamp
	r.keyRow, r.valueRow = nil, nil
	r.start = b.b.Bytes()
	return r
}

func (b *SourceBatch) end() {
	if !b.open {
		return
	}
	b.open = false
	r := &b.rec
	if r.keyRow != nil || r.valueRow != nil {
		r.finishRows()
	}
	if r.topic == "" {
		b.fail(fmt.Errorf("record has no topic"))
	}
	b.b.Begin(r.topic, r.partition, r.timestamp)
	b.b.End()
	if size := b.b.Bytes() - r.start; size > MaxRecord {
		b.fail(fmt.Errorf("record of %d bytes for topic %s: the limit is %d", size, r.topic, MaxRecord))
	}
}

func (b *SourceBatch) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// take ends the batch and returns what is wrong with its records.
func (b *SourceBatch) take() error {
	b.end()
	return b.err
}

func (b *SourceBatch) reset() {
	b.b.Reset()
	b.open, b.err = false, nil
	if len(b.last) > 0 {
		b.last = map[string]Offset{}
	}
}

// Record is the record being appended. Call each method at most once, except
// Header. It returns itself, so that calls can be chained.
type Record struct {
	batch            *SourceBatch
	topic            string
	partition        int32
	timestamp        int64
	start            int
	keyW, valueW     data.Writer
	keyRow, valueRow *data.Schema
}

// KafkaPartition sets the partition to write to; without it the producer chooses.
func (r *Record) KafkaPartition(p int32) *Record { r.partition = p; return r }

// Timestamp sets the time of the record; without it, it is the time of sending.
func (r *Record) Timestamp(t time.Time) *Record { r.timestamp = t.UnixMilli(); return r }

// TimestampMillis is Timestamp in milliseconds since the epoch.
func (r *Record) TimestampMillis(ms int64) *Record { r.timestamp = ms; return r }

// Key sets the key.
func (r *Record) Key(v data.Value) *Record { r.batch.b.Key(v); return r }

// KeyBytes sets the key to opaque bytes, which are copied.
func (r *Record) KeyBytes(k []byte) *Record { return r.Key(data.BytesValue(k)) }

// KeyString sets the key to text.
func (r *Record) KeyString(k string) *Record {
	b := &r.batch.b
	b.KeyWritten(data.KindString, nil, append(b.KeyBuffer(), k...))
	return r
}

// KeyRow returns the writer of a key with a schema; it is complete with the record.
func (r *Record) KeyRow(s *data.Schema) *data.Writer {
	r.keyRow = s
	r.keyW.Reset(r.batch.b.KeyBuffer(), s)
	return &r.keyW
}

// Value sets the value.
func (r *Record) Value(v data.Value) *Record { r.batch.b.Value(v); return r }

// ValueBytes sets the value to opaque bytes, which are copied; nil is null.
func (r *Record) ValueBytes(v []byte) *Record { return r.Value(data.BytesValue(v)) }

// ValueSpace sets the value to n opaque bytes for the caller to write, all of
// them, before it calls anything else of the batch. It saves the copy of
// ValueBytes where a value is put together from pieces.
func (r *Record) ValueSpace(n int) []byte {
	b := &r.batch.b
	blob := b.ValueBuffer()
	at := len(blob)
	blob = slices.Grow(blob, n)[:at+n]
	b.ValueWritten(data.KindBytes, nil, blob)
	return blob[at:]
}

// ValueString sets the value to text.
func (r *Record) ValueString(v string) *Record {
	b := &r.batch.b
	b.ValueWritten(data.KindString, nil, append(b.ValueBuffer(), v...))
	return r
}

// ValueText sets the value to text in bytes, which are copied.
func (r *Record) ValueText(v []byte) *Record {
	b := &r.batch.b
	b.ValueWritten(data.KindString, nil, append(b.ValueBuffer(), v...))
	return r
}

// ValueRow returns the writer of a value with a schema; it is complete with the
// record:
//
//	w := batch.Add(topic).ValueRow(schema)
//	w.Int64(id)
//	w.String(name)
func (r *Record) ValueRow(s *data.Schema) *data.Writer {
	r.valueRow = s
	r.valueW.Reset(r.batch.b.ValueBuffer(), s)
	return &r.valueW
}

// Header adds a header.
func (r *Record) Header(name string, v data.Value) *Record {
	r.batch.b.Header(name, v)
	return r
}

// Offset sets where to resume after this record. A nil offset leaves that to
// the next record of the partition. An offset without a partition fails the task.
func (r *Record) Offset(p Partition, o Offset) *Record {
	if p.text == "" && o != nil {
		r.batch.fail(fmt.Errorf("record for topic %s has the offset %s of no source partition", r.topic, o))
	}
	r.batch.b.Source(p.text, o)
	if r.batch.keep && o != nil {
		r.batch.last[p.text] = append(r.batch.last[p.text][:0], o...)
	}
	return r
}

// OffsetInt64 is Offset with an offset of a single number, e.g. {"position":42}.
func (r *Record) OffsetInt64(p Partition, name string, n int64) *Record {
	if p.text == "" {
		r.batch.fail(fmt.Errorf("record for topic %s has the offset %s %d of no source partition", r.topic, name, n))
	}
	b := &r.batch.b
	blob := b.OffsetBuffer()
	at := len(blob)
	blob = append(blob, '{', '"')
	blob = append(blob, name...)
	blob = append(blob, '"', ':')
	blob = strconv.AppendInt(blob, n, 10)
	blob = append(blob, '}')
	if r.batch.keep {
		r.batch.last[p.text] = append(r.batch.last[p.text][:0], blob[at:]...)
	}
	b.SourceWritten(p.text, blob)
	return r
}

func (r *Record) finishRows() {
	b := &r.batch.b
	if r.keyRow != nil {
		blob, err := r.keyW.Finish()
		if err != nil {
			r.batch.fail(fmt.Errorf("key of a record for topic %s: %w", r.topic, err))
			blob = b.KeyBuffer()
		}
		b.KeyWritten(data.KindRow, r.keyRow, blob)
	}
	if r.valueRow != nil {
		blob, err := r.valueW.Finish()
		if err != nil {
			r.batch.fail(fmt.Errorf("value of a record for topic %s: %w", r.topic, err))
			blob = b.ValueBuffer()
		}
		b.ValueWritten(data.KindRow, r.valueRow, blob)
	}
}
