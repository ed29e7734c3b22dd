package wire

import (
	"fmt"
	"math/bits"
	"sync"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// Limits of the transport, the same on both sides.
const (
	// MaxMessage is the largest message either side accepts, in bytes.
	MaxMessage = 64 << 20
	// MaxRecord is the largest record an SDK sends, in bytes.
	MaxRecord = 32 << 20
	// StreamWindow and ConnWindow are the HTTP/2 flow control windows in bytes.
	StreamWindow = 4 << 20
	ConnWindow   = 32 << 20
)

// Codec returns the gRPC codec: protobuf on the wire, pooled memory in between.
func Codec() encoding.CodecV2 { return codec{} }

type codec struct{}

// marshaler is a message with generated vtprotobuf code.
type marshaler interface {
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
	UnmarshalVT([]byte) error
}

// framed is a message that keeps the memory it was received in.
type framed interface{ receive(mem.Buffer) error }

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	if l, ok := v.(*Lent); ok {
		return l.marshal()
	}
	m, ok := v.(marshaler)
	if !ok {
		p, ok := v.(proto.Message)
		if !ok {
			return nil, fmt.Errorf("wire: cannot marshal %T", v)
		}
		b, err := proto.Marshal(p)
		return mem.BufferSlice{mem.SliceBuffer(b)}, err
	}
	size := m.SizeVT()
	if mem.IsBelowBufferPoolingThreshold(size) {
		small := make([]byte, size)
		_, err := m.MarshalToSizedBufferVT(small)
		return mem.BufferSlice{mem.SliceBuffer(small)}, err
	}
	buf := Pool().Get(size)
	if _, err := m.MarshalToSizedBufferVT(*buf); err != nil {
		Pool().Put(buf)
		return nil, err
	}
	return mem.BufferSlice{mem.NewBuffer(buf, Pool())}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	buf := data.MaterializeToBuffer(Pool())
	if f, ok := v.(framed); ok {
		return f.receive(buf)
	}
	defer buf.Free()
	switch m := v.(type) {
	case marshaler:
		return m.UnmarshalVT(buf.ReadOnlyData())
	case proto.Message:
		return proto.Unmarshal(buf.ReadOnlyData(), m)
	}
	return fmt.Errorf("wire: cannot unmarshal %T", v)
}

// Pool returns the memory of all messages of this process: powers of two from
// 2 KiB, because gRPC gives nothing smaller back, to 64 MiB, handed out as they
// are, where gRPC's own pool clears the whole capacity of each buffer.
func Pool() mem.BufferPool { return buffers }

var buffers = newPool()

const (
	smallest = 11
	largest  = 26
)

type pool struct {
	classes [largest - smallest + 1]sync.Pool
}

func newPool() *pool {
	p := &pool{}
	for i := range p.classes {
		size := 1 << (smallest + i)
		p.classes[i].New = func() any {
			b := make([]byte, size)
			return &b
		}
	}
	return p
}

// class returns the index of the smallest class of at least n bytes.
func class(n int) int { return max(0, bits.Len(uint(max(n, 1)-1))-smallest) }

func (p *pool) Get(n int) *[]byte {
	i := class(n)
	if i >= len(p.classes) {
		b := make([]byte, n)
		return &b
	}
	b := p.classes[i].Get().(*[]byte)
	*b = (*b)[:n]
	return b
}

func (p *pool) Put(b *[]byte) {
	c := cap(*b)
	if c < 1<<smallest || c > 1<<largest || c&(c-1) != 0 {
		return
	}
	*b = (*b)[:c]
	if poison {
		for i := range *b {
			(*b)[i] = 0xDB
		}
	}
	p.classes[bits.TrailingZeros(uint(c))-smallest].Put(b)
}
