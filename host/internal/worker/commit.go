package worker

import (
	"context"
	"time"
)

// commitRegularly commits offsets every offset.flush.interval.ms until ctx ends.
func (r *sourceRun) commitRegularly(ctx context.Context) {
	t := time.NewTicker(r.worker.settings.FlushInterval)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			limit, cancel := context.WithTimeout(ctx, r.worker.settings.FlushTimeout)
			r.commit(limit)
			cancel()
		case <-ctx.Done():
			return
		}
	}
}

// commit stores the offsets that may be stored, and acknowledges them to the
// plugin when they are. The order is what a source that deletes what it read
// relies on: record in Kafka, offset in the store, acknowledgement.
func (r *sourceRun) commit(ctx context.Context) bool {
	c := r.submitted.take()
	if !c.any {
		return true
	}
	if len(c.offsets) > 0 {
		if err := r.worker.settings.Offsets.Put(ctx, r.name, c.offsets); err != nil {
			r.submitted.giveBack(c)
			r.log.Error("offsets could not be stored; it will be tried again", "err", err)
			return false
		}
	}
	r.credit.sendDelivered(r.stream)
	// A plugin that is gone does not hear it; the next one asks for offsets.
	_ = r.stream.Ack(c.seq)
	return true
}
