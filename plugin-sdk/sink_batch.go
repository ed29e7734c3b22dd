package sdk

import (
	"fmt"
	"iter"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// SinkBatch is what Put is given. Its records are views of the message they
// came in and are valid until Put returns: copy what is to be kept. Topics,
// header names and schemas may be kept.
type SinkBatch struct {
	dec    *wire.Decoder
	rec    data.SinkRecord
	errant []*connectv1.ErrantRecord
}

// Len returns the number of records.
func (b *SinkBatch) Len() int { return b.dec.Len() }

// Records iterates over the records with their positions in the batch. It may
// be called again to start over, but not twice at the same time. The record is
// the same variable each time; do not change it.
func (b *SinkBatch) Records() iter.Seq2[int, *data.SinkRecord] {
	return func(yield func(int, *data.SinkRecord) bool) {
		b.dec.Rewind()
		for i := 0; b.dec.NextSink(&b.rec); i++ {
			if !yield(i, &b.rec) {
				return
			}
		}
	}
}

// Errant reports record i as one that the system will never take, with the
// reason. The host dead-letters, logs or skips it, or fails the task, as the
// user chose. The other records of the batch count as put. It panics when there
// is no record i.
func (b *SinkBatch) Errant(i int, reason error) {
	if i < 0 || i >= b.Len() {
		panic(fmt.Sprintf("sdk: Errant(%d) for a batch of %d records", i, b.Len()))
	}
	b.errant = append(b.errant, &connectv1.ErrantRecord{Index: uint32(i), Error: errorToProto(reason, "SinkTask.Put")})
}
