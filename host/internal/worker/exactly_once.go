package worker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/plugin-sdk/client"
)

// boundary says when a source task commits.
type boundary struct {
	// batch: after every batch of the plugin, as a transaction.
	batch bool
	// interval is the least time between commits otherwise.
	interval time.Duration
}

// credit is how many batches may be in flight. With a transaction for each, the next one gathers in the source while one is
// committed, as in Kafka Connect: many small ones on their way would take a transaction each.
func (b boundary) credit() uint32 {
	if b.batch {
		return 2
	}
	return creditBatches
}

// newBoundary reads where the task's transactions end. Without transactions, offsets are committed at the worker's interval.
func (t *task) newBoundary() (boundary, error) {
	b := boundary{interval: t.worker.settings.FlushInterval}
	if t.worker.settings.ExactlyOnceGroup == "" {
		return b, nil
	}
	const key, intervalKey = "transaction.boundary", "transaction.boundary.interval.ms"
	switch word := strings.ToLower(strings.TrimSpace(t.config[key])); word {
	case "", "poll":
		b.batch = true
	case "interval":
		text := strings.TrimSpace(t.config[intervalKey])
		if text == "" {
			return b, nil
		}
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil || ms < 0 {
			return b, fmt.Errorf("%s is %q: it takes a number of milliseconds from 0", intervalKey, text)
		}
		b.interval = time.Duration(ms) * time.Millisecond
	case "connector":
		return b, fmt.Errorf("%s=connector is not supported by this version, in which no connector says where transactions end: use poll or interval", key)
	default:
		return b, fmt.Errorf("%s is %q: use poll or interval", key, word)
	}
	return b, nil
}

// errSuperseded tells that a task is not, or no longer, this worker's to run in its generation.
var errSuperseded = errors.New("the task is another's to run")

// exclusiveTransaction makes the producer of the task's transactions: the only one that can commit. Ownership is looked at before
// it is made, because making it shuts out a task that rightly runs elsewhere, and afterwards, because a later task may have been
// started and shut out just then.
func (t *task) exclusiveTransaction(ctx context.Context, stored *sourceOffsets, opts []kgo.Opt) (made *transaction, memory int64, err error) {
	f := t.worker.settings.Fencing
	if err := f.Fence(ctx, t.spec.ID, t.spec.Generation); err != nil {
		return nil, 0, fmt.Errorf("shutting out the connector's earlier tasks: %w", err)
	}
	if err := t.current(ctx); err != nil {
		return nil, 0, err
	}
	made, memory, err = t.worker.newTransaction(ctx, t.spec.ID, t.config, stored, t.log, opts...)
	if err != nil {
		return nil, 0, err
	}
	if err := t.current(ctx); err != nil {
		made.producer.Close()
		return nil, 0, err
	}
	return made, memory, nil
}

func (t *task) current(ctx context.Context) error {
	current, err := t.worker.settings.Fencing.Current(ctx, t.spec.ID, t.spec.Generation)
	if err != nil {
		return fmt.Errorf("reading whose the task is to run: %w", err)
	}
	if !current {
		return errSuperseded
	}
	return nil
}

// spoil notes that the open transaction, if there is one, holds a part of a batch, and ends it. The batches that are whole do not count
// either: their offsets are forgotten, so that nobody tries again and again to commit them while the task holds.
func (r *sourceRun) spoil() {
	if r.transaction == nil {
		return
	}
	r.transaction.spoiled = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), r.worker.settings.FlushTimeout)
	defer cancel()
	r.abort(ctx)
	r.submitted.take()
}

func (r *sourceRun) abort(ctx context.Context) {
	if err := r.transaction.abort(ctx); err != nil {
		r.log.Warn("the open transaction could not be aborted; the brokers do it when its time is over, or when the task starts again", "err", explainTransaction(err))
	}
}

// commitOpen commits the open transaction, if there is one. What fails ends the attempt.
func (r *sourceRun) commitOpen() {
	if r.transaction == nil {
		return
	}
	r.transaction.mu.Lock()
	defer r.transaction.mu.Unlock()
	if err := r.endTransaction(); err != nil {
		r.fail(err)
	}
}

// endTransaction commits the open transaction with the offsets of its records, and acknowledges them to the plugin. The
// caller holds the transaction, which has no half batches.
func (r *sourceRun) endTransaction() error {
	if !r.transaction.opened {
		return context.Cause(r.ctx)
	}
	_ = r.producer.Flush(r.ctx) // it fails with the context
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	if n := r.submitted.open(); n > 0 {
		r.transaction.spoiled = true
		return fmt.Errorf("%d batches of the transaction are not written although nothing is on its way any more", n)
	}
	if err := r.evolving.save(r.ctx, r.name); err != nil {
		return fmt.Errorf("no transaction is committed, because schemas could not be stored: %w", err)
	}
	c := r.submitted.take()
	if err := r.transaction.commit(r.ctx, c.offsets); err != nil {
		return err
	}
	r.credit.release()
	r.credit.sendDelivered(r.stream)
	// A plugin that is gone does not hear it; the next one asks for offsets.
	_ = r.stream.Ack(c.seq)
	return nil
}

// lastTransaction ends the open transaction when the pump has ended with err: it is committed when it holds whole batches.
// It tells whether all that was delivered is committed, but for what a task that holds has given up.
func (r *sourceRun) lastTransaction(ctx context.Context, err error) bool {
	t := r.transaction
	t.mu.Lock()
	defer t.mu.Unlock()
	defer r.submitted.abandon()
	var author *client.AuthorError
	var broken *streamError
	if whole := err == nil || errors.As(err, &author) || errors.As(err, &broken); whole && !t.spoiled && !t.unknown {
		if err := r.endTransaction(); err != nil {
			r.log.Warn("the last transaction is not committed; its records will be read again", "err", firstLine(err))
		}
	}
	acked := !t.opened && !t.unknown || r.gaveUp()
	r.abort(ctx)
	return acked
}
