package isolation

import (
	"math/rand/v2"
	"time"
)

// The pace of restarts.
const (
	// A first failure is answered almost at once, so that records flow again within two seconds of the death of a plugin.
	firstDelay = 350 * time.Millisecond
	minDelay   = time.Second
	maxDelay   = 2 * time.Minute
	// What ran for this long is stable: its next failure is a first one.
	stablePeriod = time.Minute
)

// Backoff is the pace at which something that fails again and again is started again: 0.2–0.5 s after the first failure, about 1 s after the
// second, then twice as long each time up to 2 min, each ±40 % so that what failed together does not come back together. The zero value is
// ready for use; it is not safe for concurrent use.
type Backoff struct {
	failures int
}

// Next returns how long to wait after a failure before the next start. ran is how long the thing had been running; after a minute or more the
// failure counts as the first.
func (b *Backoff) Next(ran time.Duration) time.Duration {
	if ran >= stablePeriod {
		b.failures = 0
	}
	b.failures++
	delay := firstDelay
	if b.failures > 1 {
		delay = maxDelay
		if doublings := b.failures - 2; doublings < 10 {
			delay = min(minDelay<<doublings, maxDelay)
		}
	}
	delay += time.Duration((rand.Float64() - 0.5) * 0.8 * float64(delay))
	return min(delay, maxDelay)
}

// Failures is the number of failures in a row.
func (b *Backoff) Failures() int { return b.failures }

// Reset forgets the failures.
func (b *Backoff) Reset() { b.failures = 0 }
