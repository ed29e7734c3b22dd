package herder

import (
	"context"
	"sync"
	"time"
)

// names lets one change of a connector at a time through, so that what was checked still holds when it is written.
type names struct {
	mu   sync.Mutex
	held map[string]*holder
}

type holder struct {
	// turn holds one token: whoever has taken it holds the name.
	turn chan struct{}
	// users hold the name or wait for it; the last one removes the entry.
	users int
}

// lock waits for the name's turn. The caller calls unlock if there is no error. A turn that comes at the moment at which ctx ends, or
// whose deadline it is, is not taken: nothing is begun that cannot end.
func (n *names) lock(ctx context.Context, name string) (unlock func(), err error) {
	n.mu.Lock()
	if n.held == nil {
		n.held = map[string]*holder{}
	}
	e := n.held[name]
	if e == nil {
		e = &holder{turn: make(chan struct{}, 1)}
		n.held[name] = e
	}
	e.users++
	n.mu.Unlock()

	select {
	case e.turn <- struct{}{}:
		unlock = func() { <-e.turn; n.leave(name, e) }
		if err := over(ctx); err != nil {
			unlock()
			return nil, err
		}
		return unlock, nil
	case <-ctx.Done():
		n.leave(name, e)
		return nil, ctx.Err()
	}
}

func (n *names) leave(name string, e *holder) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e.users--; e.users == 0 {
		delete(n.held, name)
	}
}

// over is ctx.Err, but does not wait for the timer of the deadline to run.
func over(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}
