package worker

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/convert"
	"github.com/outboard-connect/outboard/host/internal/producer"
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

// made is memory of what was made of the records of a plugin.
type made struct {
	arena       convert.Arena
	transformed transform.Arena
	headers     []kgo.RecordHeader
}

func (m *made) reset() {
	m.arena.Reset()
	m.transformed.Reset()
	m.headers = m.headers[:0]
}

// batch is one batch of the plugin on its way to Kafka. It and all that it
// holds is used again when its last record is acknowledged.
type batch struct {
	of    *submitted
	seq   uint64
	cost  int
	frame *wire.Frame
	// made is what the Kafka records refer to, besides the frame: kept, when franz-go's producer gets them, which keeps them, and memory that
	// is used again at once with the own one.
	made *made
	kept made
	// records are for franz-go's producer, and empty with the own one.
	records []kgo.Record
	offsets wire.Offsets
	// done has a bit for each record that is acknowledged, filtered or skipped.
	done []uint64
	// handed is how many records the producer has got in all; left how many of them are open, much more while they are not all converted.
	handed int
	left   atomic.Int64
	// skipped is how many of those that are not open are not in their topic.
	skipped atomic.Int64
	last    []partitionOffset
	// promise is what franz-go's producer calls for each of records.
	promise func(*kgo.Record, error)
	refused func(b *batch, index int, r *kgo.Record, err error) bool
	returns func(cost int, written int64)
	// delivered is told where the records went; nil when the plugin does not care.
	delivered func(*batch)
	places    []destination // of the records, for delivered
	// completed is guarded by the lock of submitted.
	completed bool
}

// maxRoom is how much room a batch gets beforehand at most: one large batch does not make all others large.
const maxRoom = 4 << 20

// filling is added to the number of open records while more may follow.
const filling = 1 << 40

// destination is where a record went.
type destination struct {
	topic              string
	partition          int32 // -1: nowhere
	offset             int64 // -1: not known
	timestamp          int64
	keySize, valueSize int32
}

// partitionOffset is the last offset of a source partition in a batch.
type partitionOffset struct {
	index     int // in the batch's dictionary
	partition string
	offset    []byte // in the frame
	text      string // the same
}

// next returns a batch to fill, for n records. refused decides about records
// that Kafka refuses: true means that they are skipped, false that they stay open. returns is called with
// what the batch cost, and how many of its records are in their topics, when it is complete, by any goroutine.
func (s *submitted) next(f *wire.Frame, n int, refused func(*batch, int, *kgo.Record, error) bool, returns func(cost int, written int64)) *batch {
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
	b.made = &b.kept
	b.made.arena.Grow(room)
	b.seq, b.frame, b.refused, b.returns, b.completed = f.Batch.GetSeq(), f, refused, returns, false
	b.cost = len(f.Batch.Values) + len(f.Batch.Keys) + len(f.Batch.Headers) + len(f.Batch.SourceOffsets)
	words := (n + 63) / 64
	if cap(b.done) < words {
		b.done = make([]uint64, words)
	}
	b.done = b.done[:words]
	clear(b.done)
	b.last = b.last[:0]
	b.left.Store(filling)
	b.skipped.Store(0)
	s.mu.Lock()
	s.queue = append(s.queue, b)
	s.mu.Unlock()
	return b
}

// open prepares the batch for n records: kept ones, when franz-go's producer gets them, and their places, when delivered wants to know them.
func (b *batch) open(n int, kept bool, delivered func(*batch)) {
	if kept && cap(b.records) < n {
		b.records = make([]kgo.Record, n)
	}
	if kept {
		b.records = b.records[:n]
	}
	b.places, b.delivered = b.places[:0], delivered
	if delivered != nil {
		for range n {
			b.places = append(b.places, destination{partition: -1, offset: -1, keySize: -1, valueSize: -1})
		}
	}
}

// sent notes what the place of a record will be, when delivered wants to know it.
func (b *batch) sent(index int, k *kgo.Record) {
	b.places[index] = destination{k.Topic, k.Partition, -1, k.Timestamp.UnixMilli(), size(k.Key), size(k.Value)}
}

// position returns the index of a record of the batch.
func (b *batch) position(r *kgo.Record) int {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(b.records)))
	return int((uintptr(unsafe.Pointer(r)) - first) / unsafe.Sizeof(kgo.Record{}))
}

// settle is the promise of one of records: Kafka has it, or will never have it.
func (b *batch) settle(r *kgo.Record, err error) {
	if err != nil {
		b.Refused(b.position(r), r, err)
		return
	}
	b.Written(producer.Written{First: b.position(r), Count: 1, Partition: r.Partition, Offset: r.Offset, Timestamp: -1})
}

// Written implements [producer.Origin].
func (b *batch) Written(w producer.Written) {
	if b.delivered != nil {
		for i := range w.Count {
			p := &b.places[w.First+i]
			p.partition = w.Partition
			if w.Offset >= 0 {
				p.offset = w.Offset + int64(i)
			}
			if w.Timestamp >= 0 {
				p.timestamp = w.Timestamp
			}
		}
	}
	b.acknowledge(w.First, w.Count)
}

// Refused implements [producer.Origin].
func (b *batch) Refused(index int, r *kgo.Record, err error) {
	if b.refused(b, index, r, err) { // else the record stays open and holds back its offset
		b.skip(index)
	}
}

// skip is for a record that is not in its topic, and need not be any more: perhaps its dead letter is in its queue.
func (b *batch) skip(index int) {
	if b.delivered != nil {
		b.places[index].partition, b.places[index].offset = -1, -1
	}
	b.skipped.Add(1)
	b.acknowledge(index, 1)
}

func (b *batch) acknowledge(first, n int) {
	b.mark(first, n)
	if b.left.Add(-int64(n)) == 0 {
		b.complete()
	}
}

// mark notes that records are done.
func (b *batch) mark(first, n int) {
	for end := first + n; first < end; {
		word, bit := first/64, first%64
		count := min(64-bit, end-first)
		atomic.OrUint64(&b.done[word], (1<<count-1)<<bit)
		first += count
	}
}

// isDone tells whether a record is marked.
func (b *batch) isDone(i int) bool {
	return i/64 < len(b.done) && atomic.LoadUint64(&b.done[i/64])>>(i%64)&1 == 1
}

// filled tells how many records the producer got in all.
func (b *batch) filled(handed int) {
	b.handed = handed
	if b.left.Add(int64(handed)-filling) == 0 {
		b.complete()
	}
}

// complete takes the batches that are done off the head of the queue.
func (b *batch) complete() {
	s, cost, written, returns := b.of, b.cost, int64(b.handed)-b.skipped.Load(), b.returns
	if b.delivered != nil {
		b.delivered(b)
	}
	s.mu.Lock()
	b.completed = true
	for len(s.queue) > 0 && s.queue[0].completed {
		head := s.queue[0]
		s.queue = s.queue[1:]
		for _, l := range head.last {
			s.ready[l.partition] = l.text
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

// release gives the frame back, when nothing refers to it any more.
func (b *batch) release() {
	if b.frame != nil {
		b.frame.Release()
		b.frame = nil
	}
}

// recycle gives the batch's memory back. The lock is held.
func (b *batch) recycle() {
	b.release()
	used := b.kept.arena.Len()
	b.of.room = min(used+used/8, maxRoom)
	b.kept.reset()
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
		b.release()
	}
	s.queue = nil
}

// prefix adds, for each source partition that is not blocked, the offset of the
// last record before the first open one.
func (b *batch) prefix(blocked map[string]bool, ready map[string]string) {
	b.offsets.Each(func(i int, partition, offset []byte) {
		p := string(partition)
		switch {
		case blocked[p]:
		case !b.isDone(i):
			blocked[p] = true
		case offset != nil:
			ready[p] = string(offset)
		}
	})
}
