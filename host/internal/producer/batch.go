package producer

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// run is some records of one origin that follow each other in it.
type run struct {
	from         Origin
	first, count int
}

// batch is what is sent to a partition at once.
//
//	open ──full, due─▶ closed ──seal──▶ sealed ──▶ in flight ──▶ finished
type batch struct {
	to    *partition
	runs  []run
	count int // of the records
	// buffer has room for the header, and the records behind it; packed is what is sent: it, or another with the records compressed.
	buffer, packed []byte
	space          []byte // that packed used last time
	size           int64  // of the records, as the producer counts them
	first, last    int64  // time of the first record, and the greatest of all, in milliseconds
	since          time.Time
	closed         bool // it gets no more records
	sealed         bool // it is ready to be sent, but for the number
	sealing        bool
	tries          int
	unsure         bool     // it may be in the topic already
	abandoned      bool     // its promises were kept while it was in flight
	topicID        [16]byte // of the request that it is in
	// Who sends it, and its number among the batches of the partition.
	producerID int64
	epoch      int16
	sequence   int32
}

// The header of a batch of version 2 (Kafka's documentation, "Record Batch"), and where its fields are.
const (
	atLength     = 8
	atMagic      = 16
	atSum        = 17
	atAttributes = 21
	atLastDelta  = 23
	atFirstTime  = 27
	atLastTime   = 35
	atProducerID = 43
	atEpoch      = 51
	atSequence   = 53
	atCount      = 57
	headerSize   = 61
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// takes tells whether a record of this contentSize has room left, whatever its time and number.
func (b *batch) takes(content, limit int) bool {
	return !b.closed && (b.count == 0 || len(b.buffer)+content+maxFrameSize <= limit) && b.count < math.MaxInt32
}

// add appends a record, whose time in milliseconds is at, and whose contentSize is given. Of which run it is, is for the caller to note.
func (b *batch) add(r *kgo.Record, at int64, content int) {
	if b.count == 0 {
		b.first, b.last = at, at
	}
	b.last = max(b.last, at)
	b.buffer = appendRecord(b.buffer, r, bodySize(content, at-b.first, b.count), at-b.first, b.count)
	b.size += int64(content + overhead)
	b.count++
}

// each calls fn with each record, as it was handed over, in memory of its own.
func (b *batch) each(fn func(from Origin, index int, r *kgo.Record)) {
	rest := bytes.Clone(b.buffer[headerSize:])
	for _, run := range b.runs {
		for i := range run.count {
			r := &kgo.Record{Topic: b.to.topic.name, Partition: b.to.number, Offset: none}
			rest = readRecord(rest, r, b.first)
			fn(run.from, run.first+i, r)
		}
	}
}

// scratch is where batches are compressed.
var scratch = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// seal compresses a closed batch and writes what its header says of the records. c is nil when nothing is compressed.
func (b *batch) seal(c kgo.Compressor) {
	b.packed = b.buffer
	used := kgo.CodecNone
	if c != nil {
		room := scratch.Get().(*bytes.Buffer)
		room.Reset()
		out, codec := c.Compress(room, b.buffer[headerSize:])
		if codec > kgo.CodecNone && len(out) < len(b.buffer)-headerSize {
			b.space = append(append(b.space[:0], b.buffer[:headerSize]...), out...)
			b.packed, used = b.space, codec
		}
		scratch.Put(room)
	}
	h := b.packed[:headerSize]
	clear(h)
	binary.BigEndian.PutUint32(h[atLength:], uint32(len(b.packed)-atLength-4))
	binary.BigEndian.PutUint32(h[atLength+4:], ^uint32(0)) // the leader's epoch is the broker's to write
	h[atMagic] = 2
	binary.BigEndian.PutUint16(h[atAttributes:], uint16(used))
	binary.BigEndian.PutUint32(h[atLastDelta:], uint32(b.count-1))
	binary.BigEndian.PutUint64(h[atFirstTime:], uint64(b.first))
	binary.BigEndian.PutUint64(h[atLastTime:], uint64(b.last))
	binary.BigEndian.PutUint32(h[atCount:], uint32(b.count))
	b.sealed = true
}

// stamp writes who sends the batch, its number, and the checksum.
func (b *batch) stamp() {
	h := b.packed[:headerSize]
	binary.BigEndian.PutUint64(h[atProducerID:], uint64(b.producerID))
	binary.BigEndian.PutUint16(h[atEpoch:], uint16(b.epoch))
	binary.BigEndian.PutUint32(h[atSequence:], uint32(b.sequence))
	binary.BigEndian.PutUint32(h[atSum:], crc32.Checksum(b.packed[atAttributes:], castagnoli))
}
