package tolerance

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// firstDelay is the wait before the second attempt; it doubles with each one.
const firstDelay = 300 * time.Millisecond

// retriable is implemented by errors after which the same stage may succeed, such as a schema registry that is away.
type retriable interface{ Retriable() bool }

// Attempt is a stage that a record goes through, again after a retriable error. The zero Attempt is the first.
type Attempt struct {
	began       time.Time
	delay       time.Duration
	interrupted bool
}

// Interrupted tells that Again would have had the stage tried once more, had its context not ended: nothing is decided about the record,
// which is to be neither skipped nor a failure of the task.
func (a *Attempt) Interrupted() bool { return a.interrupted }

// Again tells whether the stage that ended with err is to be tried once more, after it has waited. It returns false when
// the error is not retriable, when errors.retry.timeout is over, and when ctx ends: a is Interrupted then.
func (o *Operator) Again(ctx context.Context, a *Attempt, err error) bool {
	var r retriable
	if o.policy.RetryTimeout == 0 || !errors.As(err, &r) || !r.Retriable() {
		return false
	}
	now := time.Now()
	if a.began.IsZero() {
		a.began, a.delay = now, firstDelay
	}
	wait := a.delay
	if wait > o.policy.RetryDelay {
		wait = time.Duration(rand.Int64N(int64(o.policy.RetryDelay) + 1))
	} else {
		a.delay *= 2
	}
	if o.policy.RetryTimeout > 0 {
		left := o.policy.RetryTimeout - now.Sub(a.began)
		if left <= 0 {
			return false
		}
		wait = min(wait, left)
	}
	o.log.Warn("retriable error, will be tried again", "err", err, "in", wait)
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		o.retries.Add(1)
		return true
	case <-ctx.Done():
		a.interrupted = true
		return false
	}
}
