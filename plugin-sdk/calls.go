package sdk

import (
	"context"
	"sync"
	"time"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// heartbeatEvery is the time between heartbeats of a stream.
const heartbeatEvery = 2 * time.Second

// calls knows which of the author's methods is running, for heartbeats.
type calls struct {
	mu      sync.Mutex
	running []call
}

type call struct {
	method string
	since  time.Time
}

// run calls the author's code, notes it and turns a panic into an error.
func (c *calls) run(method string, f func() error) error {
	c.mu.Lock()
	c.running = append(c.running, call{method, time.Now()})
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i := range c.running {
			if c.running[i].method == method {
				c.running = append(c.running[:i], c.running[i+1:]...)
				return
			}
		}
	}()
	return guard(f)
}

// heartbeat returns the message that tells of the call that runs longest.
func (c *calls) heartbeat() *connectv1.Heartbeat {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.running) == 0 {
		return &connectv1.Heartbeat{}
	}
	first := c.running[0]
	return &connectv1.Heartbeat{Call: first.method, RunningMs: uint64(time.Since(first.since).Milliseconds())}
}

// beat sends heartbeats until ctx ends.
func (c *calls) beat(ctx context.Context, send func(*connectv1.Heartbeat) error) {
	t := time.NewTicker(heartbeatEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if send(c.heartbeat()) != nil {
				return
			}
		}
	}
}

// offsetReads are the requests for stored offsets that wait for an answer.
type offsetReads struct {
	mu   sync.Mutex
	next uint64
	wait map[uint64]chan *connectv1.Offsets
	done <-chan struct{} // the stream is over
}

func (r *offsetReads) read(ctx context.Context, partitions []Partition, send func(*connectv1.ReadOffsets) error) ([]Offset, error) {
	m := &connectv1.ReadOffsets{}
	for _, p := range partitions {
		m.Partitions = append(m.Partitions, []byte(p.text))
	}
	answer := make(chan *connectv1.Offsets, 1)
	r.mu.Lock()
	if r.wait == nil {
		r.wait = map[uint64]chan *connectv1.Offsets{}
	}
	r.next++
	m.Id = r.next
	r.wait[m.Id] = answer
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.wait, m.Id)
		r.mu.Unlock()
	}()
	if err := send(m); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-r.done:
		return nil, context.Canceled
	case a := <-answer:
		return offsetsOf(a, len(partitions))
	}
}

func offsetsOf(a *connectv1.Offsets, n int) ([]Offset, error) {
	if a.GetError() != nil {
		return nil, Retriable(errorFromProto(a.GetError()))
	}
	out := make([]Offset, n)
	for i, o := range a.GetOffsets() {
		if i < n && o.Offset != nil {
			out[i] = o.Offset
		}
	}
	return out, nil
}

func (r *offsetReads) answer(a *connectv1.Offsets) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.wait[a.GetId()]; ok {
		c <- a
		delete(r.wait, a.GetId())
	}
}
