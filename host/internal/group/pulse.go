package group

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// pulse is the clock of a membership, and what its heartbeats share with it.
//
//	 answered           2/3: the worker       19/20: what still   the session ends:
//	 request            begins to stop        runs is killed      others may run it
//	────┴────────────────────┬───────────────────────┬───────────────────┬────────▶
//	  heard               ctx ends               over ends
//
// The clock begins when an answered request was sent, not when its answer came: the coordinator's begins in between.
type pulse struct {
	// ctx ends when the membership is lost; its cause is a *lost or a *refusal. over ends when others are about to run what this
	// worker ran.
	ctx  context.Context
	lose context.CancelCauseFunc
	over context.Context
	give context.CancelFunc

	session, every time.Duration
	rebalance      chan struct{} // has room for one: work is to be divided
	hurry          chan struct{} // has room for one: the next heartbeat is due earlier

	mu         sync.Mutex
	id         string // of the member; empty before the coordinator gave it one
	generation int32  // negative before the first round
	joining    bool
	soon       bool // the next round is near
	heard      time.Time
	silent     *time.Timer
	last       *time.Timer
}

// Times between two heartbeats: the longest, and that while the next round is near.
const (
	heartbeatMost = time.Second
	heartbeatSoon = 50 * time.Millisecond
)

func newPulse(id string, session, every time.Duration) *pulse {
	p := &pulse{id: id, generation: -1, session: session, every: min(every, heartbeatMost), rebalance: make(chan struct{}, 1), hurry: make(chan struct{}, 1)}
	p.ctx, p.lose = context.WithCancelCause(context.Background())
	p.over, p.give = context.WithCancel(context.Background())
	return p
}

// hear takes in that a request was answered well that was sent at a time.
func (p *pulse) hear(sent time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil || !sent.After(p.heard) {
		return
	}
	p.heard = sent
	patience, rest := time.Until(sent.Add(p.session/3*2)), time.Until(sent.Add(p.lease()))
	if p.silent == nil {
		p.silent = time.AfterFunc(patience, func() {
			p.lose(&lost{err: fmt.Errorf("the coordinator has not answered for %s", time.Since(p.lastHeard()).Round(time.Millisecond))})
		})
		p.last = time.AfterFunc(rest, p.give)
		return
	}
	p.silent.Reset(patience)
	p.last.Reset(rest)
}

// lease is how long after an answered request nobody else runs what this worker ran.
func (p *pulse) lease() time.Duration { return p.session / 20 * 19 }

// lapsed tells that over has ended or, in a process that stood still, is about to: it looks at the clock itself.
func (p *pulse) lapsed() bool {
	if p.over.Err() != nil {
		return true
	}
	heard := p.lastHeard()
	return !heard.IsZero() && time.Since(heard) >= p.lease()
}

func (p *pulse) lastHeard() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard
}

// expel ends everything at once: the coordinator says that the member is none any more, and others may run its work.
func (p *pulse) expel(err error) {
	p.lose(err)
	p.give()
}

// remembered is the id under which the coordinator may still know the member, empty when it does not.
func (p *pulse) remembered() string {
	var l *lost
	if errors.As(context.Cause(p.ctx), &l) && l.expelled {
		return ""
	}
	id, _ := p.member()
	return id
}

// member returns under which id, in which generation, requests are sent.
func (p *pulse) member() (id string, generation int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.id, p.generation
}

// named takes in the id that the coordinator gave.
func (p *pulse) named(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.id = id
}

// joins tells that a JoinGroup is under way: heartbeats may be told of a generation that the member does not know yet.
func (p *pulse) joins() {
	p.mu.Lock()
	p.joining, p.soon = true, false
	p.mu.Unlock()
	select {
	case <-p.rebalance: // it is what the request is for
	default:
	}
}

// joined takes in a generation. The first one starts the clock.
func (p *pulse) joined(id string, generation int32) {
	p.mu.Lock()
	p.id, p.generation, p.joining = id, generation, false
	first := p.heard.IsZero()
	p.mu.Unlock()
	if first { // a JoinGroup may have waited for long, and a member that owns nothing cannot be late
		p.hear(time.Now())
	}
}

// expect takes in that the next round is near.
func (p *pulse) expect() {
	p.mu.Lock()
	p.soon = true
	p.mu.Unlock()
	select {
	case p.hurry <- struct{}{}:
	default: // the heartbeats were told already
	}
}

// await waits until the next heartbeat is due; ok is false when there is none.
func (p *pulse) await() (ok bool) {
	for {
		p.mu.Lock()
		interval := p.every
		if p.soon {
			interval = min(interval, heartbeatSoon)
		}
		p.mu.Unlock()
		select {
		case <-p.ctx.Done():
			return false
		case <-time.After(interval):
			return true
		case <-p.hurry:
		}
	}
}

// current tells whether a generation is the one that the member is in, with no other one about to begin.
func (p *pulse) current(generation int32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.joining && generation == p.generation
}

// divide tells that work is to be divided.
func (p *pulse) divide() {
	select {
	case p.rebalance <- struct{}{}:
	default: // it is known already
	}
}

// stop ends what is left.
func (p *pulse) stop() {
	p.lose(&lost{err: errClosed})
	p.give()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.silent != nil {
		p.silent.Stop()
		p.last.Stop()
	}
}
