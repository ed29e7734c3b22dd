package bulk

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outboard-connect/outboard/plugins/elasticsearch/search"
)

// Settings of a Writer.
type Settings struct {
	// InFlight is how many requests there may be at the same time.
	InFlight int
	// Documents and Bytes bound a request; 0 is no bound. A single document may be larger.
	Documents, Bytes int
	// Retries is how often a request of which nothing is done is sent again before the batch fails.
	Retries int
	// Backoff is the wait before the first retry; it doubles with each.
	Backoff time.Duration
	// Patience is how long a server may be busy without doing anything before the batch fails.
	Patience time.Duration
	// Values shows values of documents in reasons.
	Values bool
}

// Rejection is an operation that the server does not do.
type Rejection struct {
	Record int
	Err    error
}

// Outcome is what became of a batch, apart from what was done.
type Outcome struct {
	// Rejected are operations that the server will never do.
	Rejected []Rejection
	// Conflicts are operations that the server did not do since it has a later version.
	Conflicts []Rejection
	// Requests were sent, Retries of them because of others.
	Requests, Retries int
}

// Writer writes batches, one after the other: Begin, Add for each operation,
// Finish. It is used by one goroutine.
type Writer struct {
	client   *search.Client
	settings Settings
	limiter  *limiter
	seed     maphash.Seed
	most     atomic.Int64 // bytes of a request, as far as the server let us know; 0: no bound
	lanes    []*lane
	spread   uint64 // deals operations without id to lanes
	batch    *batch
}

// batch is what one batch has under way.
type batch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	active sync.WaitGroup

	mu      sync.Mutex
	outcome Outcome
}

// lane is operations that are done one after the other.
type lane struct {
	open *request

	mu    sync.Mutex
	queue []*request
	busy  atomic.Bool // changes under mu
}

// soon is the size at which an open request goes out, if its lane has nothing under way: the server then works while the
// batch is still taken apart. The rests of lanes join up to that size.
const soon = 256 << 10

// NewWriter returns a writer.
func NewWriter(client *search.Client, s Settings) *Writer {
	w := &Writer{client: client, settings: s, limiter: newLimiter(s.InFlight), seed: maphash.MakeSeed()}
	for range s.InFlight {
		w.lanes = append(w.lanes, &lane{open: &request{}})
	}
	w.most.Store(int64(s.Bytes))
	return w
}

// Begin starts a batch. Requests end with the context.
func (w *Writer) Begin(ctx context.Context) {
	b := &batch{}
	b.ctx, b.cancel = context.WithCancelCause(ctx)
	w.batch = b
	for _, l := range w.lanes {
		l.open.clear() // a batch that was not finished may have left something
	}
}

// Add adds an operation to the batch, for a record that the outcome names by its number.
func (w *Writer) Add(record int, o *Operation) {
	h := hash(w.seed, o.ID)
	n := h >> 1
	if h == 0 {
		n = w.spread
		w.spread++
	}
	l := w.lanes[n%uint64(len(w.lanes))]
	l.open.add(o, record, h)
	if w.full(l.open) || len(l.open.body) >= soon && !l.busy.Load() {
		w.send(l, l.open)
		l.open = l.open.fresh()
	}
}

// Cancel ends the batch with an error, which Finish returns.
func (w *Writer) Cancel(err error) { w.batch.cancel(err) }

func (w *Writer) full(r *request) bool {
	most := w.most.Load()
	return w.settings.Documents > 0 && len(r.items) >= w.settings.Documents || most > 0 && int64(len(r.body)) >= most
}

// Finish waits until the server has answered for all operations. An error means
// that for some it is not known what became of them, or that they cannot be done
// now; the whole batch may be given again.
func (w *Writer) Finish() (Outcome, error) {
	w.sendRests()
	b := w.batch
	b.active.Wait()
	err := context.Cause(b.ctx)
	b.cancel(nil)
	return b.outcome, err
}

// sendRests sends what is open. Lanes that have nothing under way may share a request.
func (w *Writer) sendRests() {
	var shared *request
	var of *lane
	flush := func() {
		if shared != nil {
			w.send(of, shared)
		}
		shared = nil
	}
	for _, l := range w.lanes {
		r := l.open
		switch {
		case len(r.items) == 0:
			continue
		case l.busy.Load():
			w.send(l, r)
			l.open = r.fresh()
			continue
		case shared != nil && len(shared.body)+len(r.body) > soon:
			flush()
		}
		if shared == nil {
			shared, of, l.open = r, l, r.fresh()
			continue
		}
		shared.join(r)
		r.clear()
	}
	flush()
}

// send queues a request of a lane, and sees to it that somebody works on the queue.
func (w *Writer) send(l *lane, r *request) {
	b := w.batch
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, r)
	if !l.busy.Load() {
		l.busy.Store(true)
		b.active.Go(func() { w.drain(b, l) })
	}
}

// drain works on the queue of a lane until it is empty.
func (w *Writer) drain(b *batch, l *lane) {
	for {
		r := l.next()
		if r == nil {
			return
		}
		if b.ctx.Err() != nil {
			continue // the batch has failed
		}
		if err := w.do(b, r); err != nil {
			b.cancel(err)
		}
	}
}

// next takes a request from the queue, nil when there is none any more.
func (l *lane) next() *request {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		l.busy.Store(false)
		return nil
	}
	r := l.queue[0]
	l.queue = l.queue[1:]
	return r
}
