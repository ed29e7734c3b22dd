package binlog

import (
	"context"
	"sync"
)

// queue hands events from the reader to the task, all that there are at once. Its bytes are bounded: push waits.
type queue struct {
	limit int

	mu     sync.Mutex
	events []Event
	bytes  int
	err    error // the end

	filled, drained chan struct{} // capacity 1
}

// overhead is what an event takes besides its bytes.
const overhead = 256

func newQueue(limit int) *queue {
	return &queue{limit: limit, filled: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
}

// push adds an event that holds so many bytes. It waits while the queue is full, but for an empty queue no event is too large.
func (q *queue) push(ctx context.Context, e *Event, bytes int) error {
	for {
		q.mu.Lock()
		if q.bytes < q.limit {
			q.events = append(q.events, *e)
			q.bytes += bytes
			wake := len(q.events) == 1
			q.mu.Unlock()
			if wake {
				signal(q.filled)
			}
			return nil
		}
		q.mu.Unlock()
		select {
		case <-q.drained:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fail ends the queue behind the events that are in it.
func (q *queue) fail(err error) {
	q.mu.Lock()
	q.err = err
	q.mu.Unlock()
	signal(q.filled)
}

// take returns all events, or waits for the first one; nil when ctx ends or wake has something first. The slice given is used for those to come.
func (q *queue) take(ctx context.Context, wake <-chan struct{}, reuse []Event) ([]Event, error) {
	for {
		q.mu.Lock()
		events, err := q.events, q.err
		if len(events) > 0 {
			letGo(reuse)
			q.events, q.bytes = reuse[:0], 0
		}
		q.mu.Unlock()
		switch {
		case len(events) > 0:
			signal(q.drained)
			return events, nil
		case err != nil:
			return nil, err
		}
		select {
		case <-q.filled:
		case <-wake:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// letGo forgets events: their memory is used again.
func letGo(events []Event) {
	for i := range events {
		if b := events[i].block; b != nil {
			b.release()
		}
	}
	clear(events)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
