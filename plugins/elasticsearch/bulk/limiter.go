package bulk

import (
	"context"
	"sync"
)

// limiter bounds the requests at the same time. The bound follows what the server bears.
type limiter struct {
	mu    sync.Mutex
	free  *sync.Cond
	limit int // now
	most  int
	used  int
	good  int // requests that went well since the limit changed
	// epoch counts the times that the limit was lowered: a request that began
	// before the last time says nothing new.
	epoch int
}

func newLimiter(most int) *limiter {
	l := &limiter{limit: most, most: most}
	l.free = sync.NewCond(&l.mu)
	return l
}

// goodToGrow is how many requests must go well before there may be one more at the same time.
const goodToGrow = 16

// acquire waits for a place, or for the end of the context. Give the epoch to release.
func (l *limiter) acquire(ctx context.Context) (epoch int, err error) {
	stop := context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.free.Broadcast()
	})
	defer stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.used >= l.limit && ctx.Err() == nil {
		l.free.Wait()
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	l.used++
	return l.epoch, nil
}

// release gives the place back. busy tells that the server has too much to do.
func (l *limiter) release(epoch int, busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used--
	switch {
	case busy && epoch == l.epoch:
		l.limit = max(1, l.limit/2)
		l.epoch++
		l.good = 0
	case !busy && l.limit < l.most:
		if l.good++; l.good >= goodToGrow {
			l.limit++
			l.good = 0
		}
	}
	l.free.Broadcast()
}
