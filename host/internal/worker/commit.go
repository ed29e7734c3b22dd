package worker

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"
)

// commitRegularly commits offsets until ctx ends: the first at once, because a
// source may wait for it before it goes on, those that follow at most every
// offset.flush.interval.ms, or transaction.boundary.interval.ms.
func (r *sourceRun) commitRegularly(ctx context.Context) {
	for {
		for !r.submitted.any() {
			select {
			case <-r.submitted.settled:
			case <-ctx.Done():
				return
			}
		}
		if r.transaction != nil {
			r.commitOpen()
		} else {
			limit, cancel := context.WithTimeout(ctx, r.worker.settings.FlushTimeout)
			r.commit(limit) // what fails is tried again
			cancel()
		}
		select {
		case <-time.After(r.boundary.interval):
		case <-ctx.Done():
			return
		}
	}
}

// commit stores the offsets that may be stored, and acknowledges them to the
// plugin when they are. The order is what a source that deletes what it read
// relies on: record in Kafka, offset in the store, acknowledgement.
func (r *sourceRun) commit(ctx context.Context) bool {
	if r.worker.lapsed() {
		return false // whoever runs the task now may have stored later ones
	}
	c := r.submitted.take()
	if !c.any {
		return true
	}
	if err := r.evolving.save(ctx, r.name); err != nil {
		r.submitted.giveBack(c)
		complain(ctx, r.log, "no offset is stored, because schemas could not be; it will be tried again", err)
		return false
	}
	if len(c.offsets) > 0 {
		if err := r.stored.put(ctx, r.kafka, c.offsets); err != nil {
			r.submitted.giveBack(c)
			complain(ctx, r.log, "offsets could not be stored; it will be tried again", err)
			return false
		}
	}
	r.credit.sendDelivered(r.stream)
	// A plugin that is gone does not hear it; the next one asks for offsets.
	_ = r.stream.Ack(c.seq)
	return true
}

// complain logs why a commit failed, unless it was cut short because the task ends: the last commit is about to follow.
func complain(ctx context.Context, log hclog.Logger, what string, err error) {
	if !errors.Is(ctx.Err(), context.Canceled) {
		log.Error(what, "err", err)
	}
}
