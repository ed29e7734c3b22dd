package worker

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/convert"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/transform"
	"github.com/outboard-connect/outboard/proto/wire"
)

// submitted are the batches of one source task that are not committed yet, in
// the order they came. The task's goroutine adds batches, the producer's
// goroutine completes records, and whoever commits takes what is ready.
type submitted struct {
	mu    sync.Mutex
	queue []*batch // open batches, oldest first
	free  []*batch
	room  int // bytes that the latest batch took in its arena, and a little more

	ready    map[string]string // source partition: last offset that may be committed
	readySeq uint64            // all batches up to it are acknowledged or skipped
	takenSeq uint64

	settled chan struct{} // signalled when a batch was completed
}

func newSubmitted() *submitted {
	return &submitted{ready: map[string]string{}, settled: make(chan struct{}, 1)}
}

// batch is one batch of the plugin on its way to Kafka. It and all that it
// holds is used again when its last record is acknowledged.
type batch struct {
	of    *submitted
	seq   uint64
	cost  int
	frame *wire.Frame
	arena convert.Arena
	// transformed is the memory of what transformations made.
	transformed transform.Arena
	records     []kgo.Record
	headers     []kgo.RecordHeader
	// done has a 1 for each record that is acknowledged, filtered or skipped.
	done []uint32
	// handed is how many records the producer has got in all, notFilled while they
	// are not all converted; acknowledged is how many of them Kafka has, or were
	// skipped. It is kgo's, which keeps its promises one after the other.
	handed       atomic.Int64
	acknowledged int64
	// skipped is how many of those acknowledged are not in their topic. It is kgo's, too.
	skipped int64
	last    []partitionOffset
	// promise is what the producer calls for each record.
	promise func(*kgo.Record, error)
	refused func(*batch, *kgo.Record, error) bool
	returns func(cost int, written int64)
	// delivered is told where the records went; nil when the plugin does not care.
	delivered func(*batch)
	// completed is guarded by the lock of submitted.
	completed bool
}

// maxRoom is how much room a batch gets beforehand at most: one large batch does not make all others large.
const maxRoom = 4 << 20

// notFilled is the number of records handed over while more may follow.
const notFilled = -1

// partitionOffset is the last offset of a source partition in a batch.
type partitionOffset struct {
	index     int // in the batch's dictionary
	partition string
	offset    []byte
}

// next returns a batch to fill, for n records. refused decides about records
// that Kafka refuses: true means that they are skipped, false that they stay open. returns is called with
// what the batch cost, and how many of its records are in their topics, when it is complete, by any goroutine.
func (s *submitted) next(f *wire.Frame, n int, refused func(*batch, *kgo.Record, error) bool, returns func(cost int, written int64)) *batch {
	s.mu.Lock()
	var b *batch
	if k := len(s.free); k > 0 {
		b, s.free = s.free[k-1], s.free[:k-1]
	}
	room := s.room
	s.mu.Unlock()
	if b == nil {
		b = &batch{of: s}
		b.promise = b.settle
	}
	b.arena.Grow(room)
	b.seq, b.frame, b.refused, b.returns, b.completed = f.Batch.GetSeq(), f, refused, returns, false
	b.cost = len(f.Batch.Values) + len(f.Batch.Keys) + len(f.Batch.Headers) + len(f.Batch.SourceOffsets)
	if cap(b.records) < n {
		b.records, b.done = make([]kgo.Record, n), make([]uint32, n)
	}
	b.records, b.done = b.records[:n], b.done[:n]
	clear(b.done)
	b.headers, b.last = b.headers[:0], b.last[:0]
	b.handed.Store(notFilled)
	b.acknowledged, b.skipped = 0, 0
	s.mu.Lock()
	s.queue = append(s.queue, b)
	s.mu.Unlock()
	return b
}

// position returns the index of a record of the batch.
func (b *batch) position(r *kgo.Record) int {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(b.records)))
	return int((uintptr(unsafe.Pointer(r)) - first) / unsafe.Sizeof(kgo.Record{}))
}

// settle is the promise: Kafka has a record, or will never have it.
func (b *batch) settle(r *kgo.Record, err error) {
	if err != nil {
		if !b.refused(b, r, err) {
			return // the record stays open and holds back its offset
		}
		r.Offset = -1
		b.skipped++
	}
	b.acknowledge(r)
}

// skip is the promise of a record's dead letter: Kafka has that instead.
func (b *batch) skip(r *kgo.Record) {
	b.skipped++
	b.acknowledge(r)
}

func (b *batch) acknowledge(r *kgo.Record) {
	b.mark(b.position(r))
	if b.acknowledged++; b.acknowledged == b.handed.Load() {
		b.complete()
	}
}

// mark notes that record i is done.
func (b *batch) mark(i int) { atomic.StoreUint32(&b.done[i], 1) }

// filled tells how many records the producer gets. It is called before the
// last of them is handed over, so that the promise of that one completes the batch.
func (b *batch) filled(handed int) {
	b.handed.Store(int64(handed))
	if handed == 0 {
		b.complete()
	}
}

// complete takes the batches that are done off the head of the queue.
func (b *batch) complete() {
	s, cost, written, returns := b.of, b.cost, b.handed.Load()-b.skipped, b.returns
	if b.delivered != nil {
		b.delivered(b)
	}
	s.mu.Lock()
	b.completed = true
	for len(s.queue) > 0 && s.queue[0].completed {
		head := s.queue[0]
		s.queue = s.queue[1:]
		for _, l := range head.last {
			s.ready[l.partition] = string(l.offset)
		}
		s.readySeq = head.seq
		head.recycle()
	}
	s.mu.Unlock()
	returns(cost, written)
	select {
	case s.settled <- struct{}{}:
	default:
	}
}

// recycle gives the batch's memory back. The lock is held.
func (b *batch) recycle() {
	b.frame.Release()
	b.frame = nil
	used := b.arena.Len()
	b.of.room = min(used+used/8, maxRoom)
	b.arena.Reset()
	b.transformed.Reset()
	b.of.free = append(b.of.free, b)
}

// open returns the number of batches that are not complete.
func (s *submitted) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}

// committable is what may be committed.
type committable struct {
	offsets []storage.PartitionOffset
	seq     uint64 // acknowledge to the plugin up to here once it is durable
	any     bool
}

// any tells whether something is committable.
func (s *submitted) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.anyReady()
}

func (s *submitted) anyReady() bool { return s.readySeq > s.takenSeq || len(s.ready) > 0 }

// take returns what became committable since the last call.
func (s *submitted) take() committable {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := committable{seq: s.readySeq, any: s.anyReady()}
	for p, o := range s.ready {
		c.offsets = append(c.offsets, storage.PartitionOffset{Partition: []byte(p), Offset: []byte(o)})
	}
	clear(s.ready)
	s.takenSeq = s.readySeq
	return c
}

// giveBack undoes take after a commit that failed, unless newer offsets came.
func (s *submitted) giveBack(c committable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range c.offsets {
		if _, newer := s.ready[string(o.Partition)]; !newer {
			s.ready[string(o.Partition)] = string(o.Offset)
		}
	}
	s.takenSeq = 0
}

// abandon ends the batches that will not be completed: what of them is done
// with nothing open before it in its source partition becomes committable
// (Invariant 1). No promise may be called for them any more.
func (s *submitted) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	blocked := map[string]bool{}
	for _, b := range s.queue {
		b.prefix(blocked, s.ready)
		b.frame.Release()
		b.frame = nil
	}
	s.queue = nil
}

// prefix adds, for each source partition that is not blocked, the offset of the
// last record before the first open one.
func (b *batch) prefix(blocked map[string]bool, ready map[string]string) {
	wire.EachOffset(b.frame.Batch, func(i int, partition, offset []byte) {
		p := string(partition)
		switch {
		case blocked[p]:
		case i >= len(b.done) || atomic.LoadUint32(&b.done[i]) == 0:
			blocked[p] = true
		case offset != nil:
			ready[p] = string(offset)
		}
	})
}
