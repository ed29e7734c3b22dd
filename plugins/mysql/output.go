package main

import (
	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/snapshot"
)

// output appends records to the batch of one Poll. All are of the connector's one source partition; the last one of the batch gets the offset, and
// with it what is before is settled, too.
type output struct {
	partition  sdk.Partition
	batch      *sdk.SourceBatch
	last       *sdk.Record // has no offset yet
	key, value part
}

// part is where a key or a value is put together: a record that fails half way must not be in the batch.
type part struct {
	writer data.Writer
	room   []byte
}

// start returns the writer of the next one.
func (p *part) start(s *data.Schema) *data.Writer {
	p.writer.Reset(p.room[:0], s)
	return &p.writer
}

// finish returns what was written; it is valid until the next start.
func (p *part) finish() ([]byte, error) {
	row, err := p.writer.Finish()
	if err == nil && cap(row) <= mostRoom {
		p.room = row
	}
	return row, err
}

// mostRoom is the largest buffer that is kept for the next record: one large value must not take its memory for ever.
const mostRoom = 1 << 20

// begin starts with the batch of a Poll.
func (o *output) begin(batch *sdk.SourceBatch) { o.batch, o.last = batch, nil }

// full tells that Poll should return.
func (o *output) full() bool { return o.batch.Full() }

// add starts a record.
func (o *output) add(topic string) *sdk.Record {
	if o.last != nil {
		o.last.Offset(o.partition, nil)
	}
	o.last = o.batch.Add(topic)
	return o.last
}

// write appends a record that is encoded. A nil key schema is a null key; a nil value is a null.
func (o *output) write(topic string, keySchema *data.Schema, key []byte, valueSchema *data.Schema, value []byte) *sdk.Record {
	r := o.add(topic)
	if keySchema != nil {
		r.Key(data.RowValue(keySchema, key))
	}
	if value != nil {
		r.Value(data.RowValue(valueSchema, value))
	}
	return r
}

// block appends the rows of a block of a snapshot.
func (o *output) block(b *snapshot.Block) {
	for i := range b.Len() {
		key, value := b.Row(i)
		o.write(b.Table.Topic, b.Table.KeySchema(), key, b.Table.ValueSchema(), value)
	}
}

// end gives the last record the offset behind it.
func (o *output) end(offset func() (sdk.Offset, error)) error {
	if o.last == nil {
		return nil
	}
	text, err := offset()
	if err != nil {
		return err
	}
	o.last.Offset(o.partition, text)
	o.last = nil
	return nil
}
