package wire

import (
	"fmt"

	"google.golang.org/grpc/mem"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// Frame is a received record batch with the memory it points into.
type Frame struct {
	Batch *connectv1.RecordBatch
	buf   mem.Buffer
}

// Release gives the memory back. The batch and every view of it are void after.
func (f *Frame) Release() {
	if f.Batch != nil {
		if poison {
			spoil(f.Batch)
		}
		// A message that was decoded without copying must not keep what it pointed to.
		f.Batch.Values, f.Batch.Keys, f.Batch.Headers, f.Batch.SourceOffsets = nil, nil, nil, nil
		f.Batch.ReturnToVTPool()
		f.Batch = nil
	}
	if f.buf != nil {
		f.buf.Free()
		f.buf = nil
	}
}

// spoil overwrites the columns of a batch.
func spoil(b *connectv1.RecordBatch) {
	for _, column := range [][]uint32{
		b.Topic, b.Partition, b.KeyType, b.KeyLength, b.ValueType, b.ValueLength, b.HeaderCount, b.HeaderKey, b.HeaderType, b.HeaderLength,
		b.SourcePartition, b.SourceOffsetLength, b.TimestampType, b.OriginalTopic, b.OriginalPartition,
	} {
		for i := range column {
			column[i] = 0xDBDBDBDB
		}
	}
}

// Bytes returns the size of the received message.
func (f *Frame) Bytes() int {
	if f.buf == nil {
		return 0
	}
	return f.buf.Len()
}

// The tags of a batch in the messages that have one: number of the field, and
// that its length follows. A batch is decoded into one that was released.
const (
	batchFromSource = 2<<3 | 2
	batchToSink     = 3<<3 | 2
)

func beginsWith(buf mem.Buffer, tag byte) bool {
	b := buf.ReadOnlyData()
	return len(b) > 0 && b[0] == tag
}

// FromSource is a message of a source task, as the host receives it.
type FromSource struct {
	connectv1.SourceToHost
	frame Frame
}

func (m *FromSource) receive(buf mem.Buffer) error {
	m.Message = nil
	if beginsWith(buf, batchFromSource) {
		m.Message = &connectv1.SourceToHost_Batch{Batch: connectv1.RecordBatchFromVTPool()}
	}
	if err := m.UnmarshalVTUnsafe(buf.ReadOnlyData()); err != nil {
		buf.Free()
		return err
	}
	m.frame = Frame{Batch: m.GetBatch(), buf: buf}
	return nil
}

// Take returns the batch of the message, when it is one, which the caller releases.
func (m *FromSource) Take() *Frame { return take(&m.frame) }

// ToSink is a message of the host, as a sink task receives it.
type ToSink struct {
	connectv1.HostToSink
	frame Frame
}

func (m *ToSink) receive(buf mem.Buffer) error {
	m.Message = nil
	if beginsWith(buf, batchToSink) {
		m.Message = &connectv1.HostToSink_Batch{Batch: connectv1.RecordBatchFromVTPool()}
	}
	if err := m.UnmarshalVTUnsafe(buf.ReadOnlyData()); err != nil {
		buf.Free()
		return err
	}
	m.frame = Frame{Batch: m.GetBatch(), buf: buf}
	return nil
}

// Take returns the batch of the message, when it is one, which the caller releases.
func (m *ToSink) Take() *Frame { return take(&m.frame) }

// take hands a batch over. Other messages are small and rare: their memory is
// left to the garbage collector, since their strings point into it.
func take(f *Frame) *Frame {
	t := *f
	*f = Frame{}
	if t.Batch == nil {
		return nil
	}
	return &t
}

// Receive returns the batch of an encoded SourceToHost message in pooled
// memory, as the codec does.
func Receive(message []byte) (*Frame, error) {
	var m FromSource
	if err := m.receive(mem.Copy(message, Pool())); err != nil {
		return nil, err
	}
	f := m.Take()
	if f == nil {
		return nil, fmt.Errorf("wire: the message has no batch")
	}
	return f, nil
}
