package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/plugin-sdk/client"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// startCommit asks the plugin what may be committed, if anything moved.
func (r *sinkRun) startCommit() {
	r.due = false
	var offsets []*connectv1.PartitionOffset
	r.consumer.each(func(tp topicPartition, p *position) {
		if p.put >= 0 && p.put != p.stored {
			offsets = append(offsets, &connectv1.PartitionOffset{Topic: tp.topic, Partition: tp.partition, Offset: p.put})
		}
	})
	if len(offsets) == 0 {
		return
	}
	r.nextID++
	r.committing = &commitCycle{id: r.nextID, began: time.Now()}
	r.stream.Commit(r.nextID, offsets)
}

// committable commits what the plugin confirms.
func (r *sinkRun) committable(m *connectv1.Committable) error {
	c := r.committing
	if c == nil || c.id != m.GetId() || c.offsets != nil {
		return r.violation(fmt.Sprintf("Committable %d was not asked for", m.GetId()))
	}
	if e := client.AuthorErrorOf(m.GetError(), "SinkTask.Flush"); e != nil {
		r.committing = nil
		r.finishLeaving()
		if r.stopping {
			r.log.Error("the last offsets are not committed, their records will be read again", "err", e.Message)
			return nil
		}
		r.log.Error("nothing is committed, reading goes back to the committed offsets", "method", e.Method, "err", e.Message)
		r.backToCommitted()
		return nil
	}
	c.offsets = map[topicPartition]kgo.EpochOffset{}
	for _, o := range m.GetOffsets() {
		tp := topicPartition{o.GetTopic(), o.GetPartition()}
		p := r.consumer.position(tp)
		if p == nil || o.GetOffset() < 0 || o.GetOffset() > p.put || o.GetOffset() == p.stored {
			continue // not the task's, beyond what was put, or no news
		}
		c.offsets[tp] = kgo.EpochOffset{Epoch: p.epoch, Offset: o.GetOffset()}
	}
	if len(c.offsets) == 0 {
		r.committing = nil
		r.finishLeaving()
		return nil
	}
	go r.store(c)
	return nil
}

// backToCommitted reads again from the committed offsets.
func (r *sinkRun) backToCommitted() {
	to := map[topicPartition]int64{}
	r.consumer.each(func(tp topicPartition, p *position) {
		if p.committed >= 0 {
			to[tp] = p.committed
			p.put, p.next = p.committed, p.committed
		}
	})
	for _, b := range r.inflight {
		b.void = true
	}
	r.seekTo(to)
}

// store commits offsets to the group.
func (r *sinkRun) store(c *commitCycle) {
	ctx, cancel := context.WithTimeout(context.Background(), r.worker.settings.FlushTimeout)
	defer cancel()
	if r.post != nil {
		// Behind the offsets are records of which there is nothing but their dead letters.
		if err := r.post.Flush(ctx); err != nil {
			r.stored <- stored{cycle: c, lost: err}
			return
		}
	}
	offsets := map[string]map[int32]kgo.EpochOffset{}
	for tp, o := range c.offsets {
		if offsets[tp.topic] == nil {
			offsets[tp.topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[tp.topic][tp.partition] = o
	}
	var failed error
	r.consumer.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		failed = err
		if resp == nil {
			return
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					failed = err
				}
			}
		}
	})
	r.stored <- stored{cycle: c, err: failed}
}

// committed notes the outcome of a commit.
func (r *sinkRun) committed(s stored) error {
	r.committing = nil
	switch {
	case s.lost != nil:
		return s.lost
	case s.err == nil:
		for tp, o := range s.cycle.offsets {
			if p := r.consumer.position(tp); p != nil {
				p.committed, p.stored = o.Offset, o.Offset
			}
		}
	case errors.Is(s.err, kerr.RebalanceInProgress), errors.Is(s.err, kerr.IllegalGeneration), errors.Is(s.err, kerr.UnknownMemberID):
		r.log.Info("offsets could not be committed because the group rebalances", "err", s.err)
	default:
		r.log.Error("offsets could not be committed; it will be tried again", "err", s.err)
	}
	r.finishLeaving()
	return nil
}

// rebalance handles a change of the task's partitions.
func (r *sinkRun) rebalance(ev rebalance) {
	switch {
	case ev.assigned != nil:
		r.log.Info("partitions assigned", "count", len(ev.assigned))
		r.open(ev.assigned)
		close(ev.done)
	case ev.lost != nil:
		r.log.Warn("partitions lost", "count", len(ev.lost))
		r.forget(ev.lost)
		r.closePartitions(ev.lost, true)
		close(ev.done)
	default:
		r.log.Info("partitions revoked", "count", len(ev.revoked))
		r.backlog, r.held = without(r.backlog, ev.revoked), without(r.held, ev.revoked)
		if r.retryAt != nil || r.resend >= 0 {
			r.forget(ev.revoked) // a batch that fails is not waited for
		}
		r.leaving = append(r.leaving, &leaving{rebalance: ev, deadline: time.Now().Add(r.worker.settings.FlushTimeout)})
	}
}

// forget drops what is on its way for partitions.
func (r *sinkRun) forget(partitions []topicPartition) {
	r.backlog, r.held = without(r.backlog, partitions), without(r.held, partitions)
	for _, b := range r.inflight {
		b.gone = append(b.gone, partitions...)
		b.ends = slices.DeleteFunc(b.ends, func(e end) bool { return slices.Contains(partitions, e.topicPartition) })
	}
}

func without(records []*kgo.Record, partitions []topicPartition) []*kgo.Record {
	var kept []*kgo.Record
	for _, k := range records {
		if !slices.Contains(partitions, topicPartition{k.Topic, k.Partition}) {
			kept = append(kept, k)
		}
	}
	return kept
}

func (r *sinkRun) closePartitions(partitions []topicPartition, lost bool) {
	list := make([]*connectv1.TopicPartition, len(partitions))
	for i, tp := range partitions {
		list[i] = &connectv1.TopicPartition{Topic: tp.topic, Partition: tp.partition}
	}
	r.nextID++
	r.stream.Close(r.nextID, list, lost)
}

// settleLeaving commits for partitions that go, once nothing is on its way for them.
func (r *sinkRun) settleLeaving() {
	for _, l := range r.leaving {
		if l.committed || r.busy(l.revoked) || r.committing != nil {
			continue
		}
		l.committed = true
		r.startCommit()
		if r.committing == nil {
			r.finishLeaving()
			return
		}
	}
}

func (r *sinkRun) busy(partitions []topicPartition) bool {
	for _, b := range r.inflight {
		for _, e := range b.ends {
			if slices.Contains(partitions, e.topicPartition) {
				return true
			}
		}
	}
	return false
}

// finishLeaving lets the group go on with partitions whose offsets are committed.
func (r *sinkRun) finishLeaving() {
	r.leaving = slices.DeleteFunc(r.leaving, func(l *leaving) bool {
		if l.committed {
			r.release(l)
		}
		return l.committed
	})
}

// giveUpLeaving does not let a slow plugin hold up the group.
func (r *sinkRun) giveUpLeaving(now time.Time) {
	r.leaving = slices.DeleteFunc(r.leaving, func(l *leaving) bool {
		if now.Before(l.deadline) {
			return false
		}
		r.log.Warn("partitions go before their last records were put; these will be read again by another task",
			"timeout", r.worker.settings.FlushTimeout)
		r.forget(l.revoked)
		r.release(l)
		return true
	})
}

func (r *sinkRun) release(l *leaving) {
	r.closePartitions(l.revoked, false)
	close(l.done)
}
