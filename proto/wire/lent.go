package wire

import (
	"encoding/binary"

	"google.golang.org/grpc/mem"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// Lent is the message of a source task with the batch of a builder, for SendMsg: the codec sends the values from where the builder has put
// them, without a copy, and the builder takes other memory with its Reset, which must follow.
type Lent struct{ builder *Builder }

// Lend returns the message with what [Builder.Batch] has returned last, which is without values when it is sent.
func (b *Builder) Lend() *Lent { return &Lent{b} }

// Message returns what is sent. It is complete until then.
func (l *Lent) Message() *connectv1.SourceToHost {
	return &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: &l.builder.batch}}
}

// leastLent is how many bytes of values are lent at least: fewer are copied in less time than other memory takes.
const leastLent = 8 << 10

// tagOfValues is the tag of RecordBatch.values, field 31, in two bytes.
const tagOfValues = 31<<3 | 2

// marshal encodes the message in two pieces: the values are the last field of the batch, and the batch the only one of the message.
func (l *Lent) marshal() (mem.BufferSlice, error) {
	m := &l.builder.batch
	values := m.Values
	if len(values) < leastLent {
		return codec{}.Marshal(l.Message())
	}
	m.Values = nil
	rest := m.SizeVT()
	var end, start [1 + binary.MaxVarintLen64]byte
	ending := binary.AppendUvarint(binary.AppendUvarint(end[:0], tagOfValues), uint64(len(values)))
	starting := binary.AppendUvarint(append(start[:0], batchFromSource), uint64(rest+len(ending)+len(values)))
	size := len(starting) + rest + len(ending)
	buf := Pool().Get(size)
	at := copy(*buf, starting)
	if _, err := m.MarshalToSizedBufferVT((*buf)[at : at+rest]); err != nil {
		Pool().Put(buf)
		return nil, err
	}
	copy((*buf)[at+rest:], ending)
	l.builder.lent = len(values)
	return mem.BufferSlice{mem.NewBuffer(buf, Pool()), mem.NewBuffer(&values, Pool())}, nil
}
