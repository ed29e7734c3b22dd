package bulk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/outboard-connect/outboard/plugins/elasticsearch/search"
)

// verdict is what follows from the answer to a request.
type verdict struct {
	// again is what is to be sent again because of trouble; nil or empty: nothing.
	again   *request
	trouble error
	// progress tells that something of the request was settled.
	progress bool
	// end fails the batch.
	end error
}

// do sends a request until all of it is done or rejected. The error fails the batch.
func (w *Writer) do(b *batch, r *request) error {
	tries := 0 // without progress
	since := time.Now()
	for n := 0; len(r.items) > 0; n++ {
		if w.tooLarge(r) {
			return w.halves(b, r)
		}
		items, err := w.try(b, r, n > 0)
		v := verdict{}
		if err != nil {
			v = w.failed(b, r, err)
		} else if items != nil {
			v = w.settle(b, r, items)
		}
		if v.end != nil || v.again == nil || len(v.again.items) == 0 {
			return v.end
		}
		if v.progress {
			tries, since = 0, time.Now()
		}
		wait := w.wait(tries, v.trouble)
		if err := w.giveUp(v.trouble, tries, time.Since(since)+wait); err != nil {
			return err
		}
		if err := sleep(b.ctx, wait); err != nil {
			return err
		}
		tries++
		r = v.again
	}
	return nil
}

// giveUp returns the error when it is time to give up.
func (w *Writer) giveUp(trouble error, tries int, elapsed time.Duration) error {
	switch {
	case classOf(trouble) == search.Busy:
		if elapsed > w.settings.Patience {
			return fmt.Errorf("%w; it has done nothing for as long as flush.timeout.ms=%d allows", trouble, w.settings.Patience.Milliseconds())
		}
	case tries >= w.settings.Retries:
		return fmt.Errorf("%w; it was tried %d times (max.retries=%d)", trouble, tries+1, w.settings.Retries)
	}
	return nil
}

// try sends a request once.
func (w *Writer) try(b *batch, r *request, again bool) ([]search.Item, error) {
	epoch, err := w.limiter.acquire(b.ctx)
	if err != nil {
		return nil, err
	}
	items, err := w.client.Bulk(b.ctx, r.body, len(r.items))
	busy := err != nil && classOf(err) == search.Busy
	for i := range items {
		busy = busy || items[i].Class() == search.Busy
	}
	w.limiter.release(epoch, busy)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.outcome.Requests++
	if again {
		b.outcome.Retries++
	}
	return items, err
}

// itemError is the failure of an operation that is tried again, or that fails the batch.
type itemError struct {
	class search.Class
	text  string
}

func (e *itemError) Error() string { return e.text }

// classOf returns the class of a failed request or operation.
func classOf(err error) search.Class {
	var refusal *search.Refusal
	if errors.As(err, &refusal) {
		return refusal.Class()
	}
	var item *itemError
	if errors.As(err, &item) {
		return item.class
	}
	return search.Unavailable
}

// failed decides about a request that failed as a whole.
func (w *Writer) failed(b *batch, r *request, err error) verdict {
	if b.ctx.Err() != nil {
		return verdict{end: context.Cause(b.ctx)}
	}
	var refusal *search.Refusal
	if !errors.As(err, &refusal) || refusal.Class() != search.TooLarge && refusal.Class() != search.Document {
		if search.Temporary(err) {
			return verdict{again: r, trouble: err}
		}
		return verdict{end: err}
	}
	// One operation is too large, or keeps the server from reading the others: find it.
	if len(r.items) == 1 {
		b.reject(r.items[0].record, err)
		return verdict{}
	}
	if refusal.Class() == search.TooLarge {
		w.lower(int64(len(r.body)) / 2)
	}
	return verdict{end: w.halves(b, r)}
}

func (w *Writer) tooLarge(r *request) bool {
	most := w.most.Load()
	return most > 0 && int64(len(r.body)) > 2*most && len(r.items) > 1
}

// lower notes how large a request may be.
func (w *Writer) lower(most int64) {
	for {
		now := w.most.Load()
		if now > 0 && now <= most || w.most.CompareAndSwap(now, max(most, 1)) {
			return
		}
	}
}

// halves sends a request in two parts, one after the other.
func (w *Writer) halves(b *batch, r *request) error {
	first, second := r.split()
	if err := w.do(b, first); err != nil {
		return err
	}
	return w.do(b, second)
}

// settle decides about each operation of a request that was answered.
func (w *Writer) settle(b *batch, r *request, items []search.Item) verdict {
	v := verdict{again: &request{}}
	redo := map[uint64]bool{} // documents with an operation that is sent again
	for i := range items {
		it, at := &items[i], &r.items[i]
		class := it.Class()
		if class == search.Conflict && at.kind == Upsert {
			class = search.Unavailable // somebody else changes the document: once more
		}
		switch class {
		case search.Done, search.Conflict:
			v.progress = v.progress || !at.again
			if class == search.Conflict && at.kind != Create && !at.again {
				b.conflict(at.record, it.Explain(at.index, w.settings.Values))
			}
			if redo[at.hash] {
				v.again.take(r, i)
				v.again.last().again = true
			}
		case search.Document, search.TooLarge:
			v.progress = true
			b.reject(at.record, &itemError{class, it.Explain(at.index, w.settings.Values)})
		case search.Busy, search.Unavailable, search.Blocked:
			v.trouble = &itemError{class, it.Explain(at.index, w.settings.Values)}
			v.again.take(r, i)
			v.again.last().again = at.again
			redo[at.hash] = at.hash != 0
		default:
			return verdict{end: &itemError{class, it.Explain(at.index, w.settings.Values)}}
		}
	}
	return v
}

func (b *batch) reject(record int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.outcome.Rejected = append(b.outcome.Rejected, Rejection{record, err})
}

func (b *batch) conflict(record int, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.outcome.Conflicts = append(b.outcome.Conflicts, Rejection{record, errors.New(text)})
}

// mostWait bounds the wait before a retry.
const mostWait = 10 * time.Second

// wait returns how long to wait before a retry: twice as long each time, of which a part is random, so that the tasks
// of a connector do not come at the same time; at least what the server asks for.
func (w *Writer) wait(tries int, trouble error) time.Duration {
	d := min(w.settings.Backoff<<min(tries, 16), mostWait)
	if d > 0 {
		d = d/2 + rand.N(d/2+1)
	}
	var refusal *search.Refusal
	if errors.As(trouble, &refusal) {
		d = max(d, refusal.After)
	}
	return d
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
