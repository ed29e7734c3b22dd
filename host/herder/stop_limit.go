package herder

import (
	"context"
	"sync"
)

// stopLimit bounds how long anything may take to stop. It ends when others are about to run what is being stopped: whatever
// stops then is killed, and what is to be stopped afterwards is killed at once, until there is a new assignment.
type stopLimit struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
}

// renew makes an ended limit a new one, which ends with parent at the latest.
func (l *stopLimit) renew(parent context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil || l.ctx.Err() != nil {
		l.ctx, l.cancel = context.WithCancel(parent)
	}
}

// context is for what is stopped from now on.
func (l *stopLimit) context() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ctx
}

// end ends it.
func (l *stopLimit) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel()
}
