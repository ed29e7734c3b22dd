package herder

import (
	"context"
	"sync"
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

// lock waits for the name's turn. The caller calls unlock if there is no error.
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
		return func() { <-e.turn; n.leave(name, e) }, nil
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
