package snapshot

import (
	"context"
	"sync"
)

// queue hands blocks from readers to the task. It is bounded by the bytes that blocks take, so that a slow Kafka stops the readers.
type queue struct {
	limit int64

	mu      sync.Mutex
	changed sync.Cond
	blocks  []*Block
	bytes   int64
	closed  bool
	err     error
	spare   [][]byte // buffers to be used again
	idle    int64    // bytes of them
}

func newQueue(limit int64) *queue {
	q := &queue{limit: limit}
	q.changed.L = &q.mu
	return q
}

// put appends a block. It waits while the queue is full; a block larger than the whole queue waits until it is empty. It returns false when
// nobody takes blocks any more, or ctx has ended.
func (q *queue) put(ctx context.Context, b *Block) bool {
	stop := context.AfterFunc(ctx, q.wake)
	defer stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	size := int64(cap(b.buf))
	for q.bytes > 0 && q.bytes+size > q.limit && !q.closed && ctx.Err() == nil {
		q.changed.Wait()
	}
	if q.closed || ctx.Err() != nil {
		return false
	}
	q.blocks = append(q.blocks, b)
	q.bytes += size
	q.changed.Broadcast()
	return true
}

// take returns the next block, nil at the end, which may be an error. It waits until there is one, or ctx ends.
func (q *queue) take(ctx context.Context) (*Block, error) {
	stop := context.AfterFunc(ctx, q.wake)
	defer stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.blocks) == 0 && !q.closed && ctx.Err() == nil {
		q.changed.Wait()
	}
	if len(q.blocks) == 0 {
		if q.err != nil {
			return nil, q.err
		}
		return nil, ctx.Err()
	}
	b := q.blocks[0]
	q.blocks[0] = nil
	q.blocks = q.blocks[1:]
	q.bytes -= int64(cap(b.buf))
	q.changed.Broadcast()
	return b, nil
}

// close ends the queue: what is in it is still taken, then the error. Only the first call counts.
func (q *queue) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed, q.err = true, err
	}
	q.changed.Broadcast()
}

func (q *queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.changed.Broadcast()
}

// buffer returns an empty one.
func (q *queue) buffer() []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.spare); n > 0 {
		b := q.spare[n-1]
		q.spare[n-1] = nil
		q.spare = q.spare[:n-1]
		q.idle -= int64(cap(b))
		return b
	}
	return make([]byte, 0, blockBytes+blockBytes/4)
}

// giveBack keeps a buffer for another block, while those kept are a fourth of what may be in the queue.
func (q *queue) giveBack(b []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if size := int64(cap(b)); size >= blockBytes && q.idle+size <= q.limit/4 {
		q.spare = append(q.spare, b[:0])
		q.idle += size
	}
}
