package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/kafka"
)

// ExclusiveWriter appends to a topic as the only one of all writers that share a transactional id: whoever claims it last
// shuts out those before, each of whose writes fails from then on and leaves nothing behind.
//
//	       ┌──────────────── Append, Claim ─────────────────┐
//	       ▼                                                │
//	nobody's ──Claim──▶ claimed ──Append fails, Resign──▶ nobody's      Close: for good
//
// Its methods may be called concurrently; appends are carried out one after another, each in a transaction of its own.
type ExclusiveWriter struct {
	topic, id string
	options   []kgo.Opt

	turn sync.Mutex
	// client is nil while the id is not claimed.
	client       *kgo.Client
	transactions *kafka.Transactions // the client's
	closed       bool
}

// exclusiveTimeout is how long the brokers keep a transaction of a writer that died. Readers of committed records wait for it.
const exclusiveTimeout = 10 * time.Second

// NewExclusiveWriter returns a writer that has claimed nothing yet. Kafka Connect's id for the config topic is
// connect-cluster-<group.id>.
func NewExclusiveWriter(topic, transactionalID string, clientOptions []kgo.Opt) *ExclusiveWriter {
	return &ExclusiveWriter{topic: topic, id: transactionalID, options: clientOptions}
}

// LostClaimError is the end of a claim: another writer has claimed since. Nothing was written.
type LostClaimError struct {
	TransactionalID string
	Err             error
}

func (e *LostClaimError) Error() string {
	return fmt.Sprintf("another worker has become the leader and has claimed transactional.id %s; this request has changed nothing and can be safely retried: %v", e.TransactionalID, e.Err)
}

func (e *LostClaimError) Unwrap() error { return e.Err }

// Claim shuts out all other writers. It does nothing while the last claim holds, as far as is known here.
func (w *ExclusiveWriter) Claim(ctx context.Context) error {
	w.turn.Lock()
	defer w.turn.Unlock()
	return w.claim(ctx)
}

func (w *ExclusiveWriter) claim(ctx context.Context) error {
	if w.closed {
		return ErrClosed
	}
	if w.client != nil {
		return nil
	}
	transactions := kafka.NewTransactions(kgo.StickyKeyPartitioner(nil))
	client, err := kgo.NewClient(append(slices.Clone(w.options),
		kgo.TransactionalID(w.id),
		kgo.TransactionTimeout(exclusiveTimeout),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(transactions),
	)...)
	if err != nil {
		return fmt.Errorf("topic %s: Kafka client settings: %w", w.topic, err)
	}
	// franz-go would wait with it for the first record, and the writer before could go on until then.
	if _, _, err := client.ProducerID(ctx); err != nil {
		client.Close()
		if errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
			return fmt.Errorf("the worker may not use transactional.id %s: grant its principal WRITE and DESCRIBE on it: %w", w.id, err)
		}
		return fmt.Errorf("claiming transactional.id %s: %w", w.id, err)
	}
	w.client, w.transactions = client, transactions
	return nil
}

// Append writes all entries or none, and returns when they are committed. Without a claim it claims first: only who is
// the leader may call it. After an error the claim is gone; with a [LostClaimError] nothing was written, with any other one it is
// unknown whether the entries were.
func (w *ExclusiveWriter) Append(ctx context.Context, entries ...Entry) error {
	for _, e := range entries {
		if e.Key == nil {
			return errNoKey
		}
	}
	w.turn.Lock()
	defer w.turn.Unlock()
	if err := w.claim(ctx); err != nil {
		return err
	}
	if err := w.transact(ctx, entries); err != nil {
		w.drop()
		if IsFenced(err) {
			return &LostClaimError{w.id, err}
		}
		return fmt.Errorf("topic %s: transaction of %s: %w", w.topic, w.id, err)
	}
	return nil
}

func (w *ExclusiveWriter) transact(ctx context.Context, entries []Entry) error {
	if err := w.client.BeginTransaction(); err != nil {
		return err
	}
	records := make([]*kgo.Record, len(entries))
	for i, e := range entries {
		records[i] = &kgo.Record{Topic: w.topic, Key: slices.Clone(e.Key), Value: cloneValue(e.Value)}
	}
	if err := w.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		// Readers wait for the end of the transaction; who claims next ends it at the latest.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), exclusiveTimeout)
		defer cancel()
		if w.client.AbortBufferedRecords(ending) == nil {
			_ = w.transactions.End(ending, w.client, kgo.TryAbort)
		}
		return err
	}
	// A commit that is cut off may have happened or not: it gets its time whatever the caller's is.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), exclusiveTimeout)
	defer cancel()
	return w.transactions.End(ending, w.client, kgo.TryCommit)
}

// IsFenced tells whether an error of a transaction says that another producer has the transactional id now. The brokers say the
// same of a transaction that took longer than its time-out.
func IsFenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.InvalidTxnState) ||
		errors.Is(err, kerr.InvalidProducerIDMapping)
}

// Resign gives the claim up. The next Append, or Claim, claims again.
func (w *ExclusiveWriter) Resign() {
	w.turn.Lock()
	defer w.turn.Unlock()
	w.drop()
}

func (w *ExclusiveWriter) drop() {
	if w.client != nil {
		w.client.Close()
		w.client = nil
	}
}

// Close frees what the writer holds. Append and Claim return ErrClosed afterwards.
func (w *ExclusiveWriter) Close() error {
	w.turn.Lock()
	defer w.turn.Unlock()
	w.closed = true
	w.drop()
	return nil
}
