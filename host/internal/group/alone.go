package group

import (
	"context"
	"sync"
)

// Alone is a group of one: a worker that shares its work with nobody. It runs everything from Start to Close.
type Alone struct {
	leader   Leader
	assigned func(context.Context, Assignment)
	started  sync.Once
	closed   sync.Once
}

// NewAlone returns a group of one. url is where the worker is reached, assigned is as in [Settings].
func NewAlone(url string, assigned func(context.Context, Assignment)) *Alone {
	return &Alone{leader: Leader{MemberID: url, URL: url, Self: true}, assigned: assigned}
}

// Start tells the worker that everything is its own.
func (a *Alone) Start(ctx context.Context) error {
	a.started.Do(func() { a.assigned(ctx, Assignment{Protocol: Sessioned, Leader: a.leader, all: true}) })
	return nil
}

// WorkChanged does nothing: whatever the work is, it belongs to this worker.
func (a *Alone) WorkChanged() {}

// Leader returns this worker.
func (a *Alone) Leader(context.Context) (Leader, error) { return a.leader, nil }

// Owner returns this worker.
func (a *Alone) Owner(Work) (url string, ok bool) { return a.leader.URL, true }

// Lapsed is false: nobody else runs anything.
func (a *Alone) Lapsed() bool { return false }

// Failed is nil: it never fails.
func (a *Alone) Failed() <-chan struct{} { return nil }

// Err is nil.
func (a *Alone) Err() error { return nil }

// Close has the worker stop everything, if it was started.
func (a *Alone) Close(ctx context.Context) {
	began := true
	a.started.Do(func() { began = false })
	a.closed.Do(func() {
		if began {
			a.assigned(ctx, Assignment{Generation: -1})
		}
	})
}
