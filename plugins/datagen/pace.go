package main

import (
	"context"
	"math"
	"time"
)

const (
	// burstEvery is the least time between two batches.
	burstEvery = 5 * time.Millisecond
	// catchUp bounds what a task that was held up makes all at once.
	catchUp = 100 * time.Millisecond
)

// pace limits the records a second. What was not made because nobody took it is
// made up for, up to catchUp.
type pace struct {
	rate float64 // 0: no limit
	last time.Time
	due  float64 // records that may be made
}

func newPace(rate float64) pace { return pace{rate: rate, last: time.Now()} }

// wait returns how many records are due, as soon as there are any and, at high
// rates, not more often than each burstEvery. It returns 0 when ctx ends.
func (p *pace) wait(ctx context.Context) int64 {
	if p.rate == 0 {
		return math.MaxInt64
	}
	p.earn()
	// A record, or what comes in the time of a burst.
	least := max(1, p.rate*burstEvery.Seconds())
	for p.due < least {
		missing := (least - p.due) / p.rate * float64(time.Second)
		t := time.NewTimer(time.Duration(min(math.Ceil(missing), math.MaxInt64/2)))
		select {
		case <-ctx.Done():
			t.Stop()
			return 0
		case <-t.C:
		}
		p.earn()
	}
	return int64(p.due)
}

func (p *pace) earn() {
	now := time.Now()
	most := max(1, p.rate*catchUp.Seconds())
	p.due = min(p.due+now.Sub(p.last).Seconds()*p.rate, most)
	p.last = now
}

// spend notes that records were made.
func (p *pace) spend(n int64) {
	if p.rate > 0 {
		p.due -= float64(n)
	}
}
