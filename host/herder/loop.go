package herder

import "sync"

// loop runs functions one after another on one goroutine, which owns the state that they touch. Its queue has no limit, so
// that a worker's event or a change of the log never waits for a busy herder.
type loop struct {
	mu     sync.Mutex
	queue  []func()
	closed bool
	// wake has room for one signal: there is something in the queue, or the loop is closed.
	wake chan struct{}
	done chan struct{}
}

func newLoop() *loop {
	return &loop{wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// post queues a function. After close it does nothing.
func (l *loop) post(f func()) {
	l.mu.Lock()
	if !l.closed {
		l.queue = append(l.queue, f)
	}
	l.mu.Unlock()
	l.signal()
}

// run works until close.
func (l *loop) run() {
	defer close(l.done)
	for range l.wake {
		queue, closed := l.take()
		if closed {
			return
		}
		for _, f := range queue {
			f()
		}
	}
}

// close drops what is queued and returns when the function that runs has ended.
func (l *loop) close() {
	l.mu.Lock()
	l.closed, l.queue = true, nil
	l.mu.Unlock()
	l.signal()
	<-l.done
}

func (l *loop) take() (queue []func(), closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue, l.queue = l.queue, nil
	return queue, l.closed
}

func (l *loop) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // a signal is pending already
	}
}
