package wire

import (
	"bytes"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// Offsets are the source offsets of a batch, for one who needs them longer than the rest of it. The zero value has none.
type Offsets struct {
	count             int
	partition, length []uint32 // columns of the batch
	partitions        [][]byte
	blob              []byte
}

// Take takes the offsets out of a batch that [Decoder.Open] has accepted, and forgets those that it had. What remains of the batch has no
// source partitions and no offsets.
func (o *Offsets) Take(b *connectv1.RecordBatch) {
	o.count = int(b.Count)
	o.partition, b.SourcePartition = b.SourcePartition, o.partition[:0]
	o.length, b.SourceOffsetLength = b.SourceOffsetLength, o.length[:0]
	o.blob, b.SourceOffsets = append(o.blob[:0], b.SourceOffsets...), nil
	o.partitions = o.partitions[:0]
	for _, p := range b.SourcePartitions {
		o.partitions = append(o.partitions, bytes.Clone(p))
	}
	b.SourcePartitions = b.SourcePartitions[:0]
}

// Each calls fn for each record that has a source partition, with its position, partition and offset (nil for none).
func (o *Offsets) Each(fn func(i int, partition, offset []byte)) {
	var partition, length values[uint32]
	_ = partition.open("source_partition", o.partition, o.count)
	_ = length.open("source_offset_length", o.length, o.count)
	at := 0
	for i := range o.count {
		var offset []byte
		if l := length.at(i); l > 0 {
			end := at + int(l) - 1
			offset, at = o.blob[at:end:end], end
		}
		if p := partition.at(i); p > 0 {
			fn(i, o.partitions[p-1], offset)
		}
	}
}
