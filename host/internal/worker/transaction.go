package worker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/host/internal/storage"
)

// transaction is what the records of a source task and their offsets are written in, all or nothing. One after the other
// is begun by the same producer.
//
//	none ──begin──▶ open ──commit──▶ none
//	                 │  └──abort───▶ none
//	                 └─ commit fails ─▶ unknown: nothing more can be done with the producer
//
// A record's offset is in the transaction that the record is in, so after a crash the task goes on exactly behind the last
// record that counts. Offsets are written last: whoever reads the offsets topic waits for open transactions in it.
//
// The caller holds mu during all calls: franz-go does not allow to produce while a transaction begins or ends.
type transaction struct {
	mu       sync.Mutex
	producer *kgo.Client
	kafka    *kafka.Transactions // the producer's
	stored   *sourceOffsets
	opened   bool
	// spoiled: it holds a part of a batch, or a record was refused. It must not be committed.
	spoiled bool
	// unknown: the producer is of no use any more.
	unknown bool
}

// endLimit is how long the end of a transaction may take. It is not cut off by anything else: the outcome would be unknown.
const endLimit = time.Minute

// defaultTransactionTimeout is transaction.timeout.ms of Kafka's producer.
const defaultTransactionTimeout = time.Minute

// begin begins a transaction unless one is open.
func (t *transaction) begin() error {
	if t.opened {
		return nil
	}
	if err := t.producer.BeginTransaction(); err != nil {
		t.unknown = true
		return explainTransaction(err)
	}
	t.opened, t.spoiled = true, false
	return nil
}

// commit ends the open transaction, with offsets, when all that it holds is written. After an error nothing of it counts, or,
// when unknown is set, perhaps all of it.
func (t *transaction) commit(ctx context.Context, offsets []storage.PartitionOffset) error {
	if !t.opened {
		return nil
	}
	if t.spoiled {
		return errors.New("a transaction that holds half a batch must not be committed")
	}
	if err := t.stored.deleteCopies(ctx, offsets); err != nil {
		return err
	}
	records, err := t.stored.records(offsets)
	if err != nil {
		return err
	}
	if err := t.producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.spoiled = true
		return explainTransaction(fmt.Errorf("storing %d source offsets of connector %q in topic %s: %w", len(offsets), t.stored.connector, t.stored.writes(), err))
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer cancel()
	t.opened = false
	if err := t.kafka.End(ending, t.producer, kgo.TryCommit); err != nil {
		t.unknown = true
		return explainTransaction(fmt.Errorf("committing: %w", err))
	}
	t.stored.copied(offsets)
	return nil
}

// abort ends the open transaction, and nothing of it counts. When that does not work the brokers do it after the
// transaction's time-out, or when the task starts again.
func (t *transaction) abort(ctx context.Context) error {
	if !t.opened {
		return nil
	}
	t.opened, t.unknown = false, true
	if err := t.producer.AbortBufferedRecords(ctx); err != nil {
		return err
	}
	return t.kafka.End(ctx, t.producer, kgo.TryAbort)
}

// explainTransaction says what is behind an error of the transaction protocol.
func explainTransaction(err error) error {
	if storage.IsFenced(err) {
		return fmt.Errorf("the task's transaction was ended by another: a later task has taken over its transactional.id, or the transaction took longer "+
			"than producer.override.transaction.timeout.ms; nothing of it counts, and the task starts again behind the last committed record if it is still to run here: %w", err)
	}
	return err
}

// transactionPause is how long to wait before an attempt that is not the first. The brokers refuse the first records of a
// transaction while they still end the one before, for some milliseconds: franz-go's own pauses would be most of a short transaction.
func transactionPause(attempt int) time.Duration {
	return min(time.Second, 5*time.Millisecond<<min(attempt-1, 8))
}

// producer makes the producer of a task that is not part of transactions, and returns how much it buffers in bytes.
func (w *Worker) producer(id TaskID, config map[string]string, log hclog.Logger, more ...kgo.Opt) (producer *kgo.Client, memory int64, err error) {
	cfg, err := w.settings.client(kafka.Producer, id, config, log)
	if err != nil {
		return nil, 0, err
	}
	producer, err = kgo.NewClient(append(append(cfg.Options, kgo.RecordPartitioner(kafka.ExplicitPartition(cfg.Partitioner))), more...)...)
	if err != nil {
		return nil, 0, fmt.Errorf("making the producer: %w", err)
	}
	return producer, cfg.BufferMemory, nil
}

// newTransaction makes the producer of a task that writes in transactions, which buffers memory bytes. When it returns, no other one
// with the task's transactional id can commit any more.
func (w *Worker) newTransaction(ctx context.Context, id TaskID, config map[string]string, stored *sourceOffsets, log hclog.Logger, more ...kgo.Opt) (t *transaction, memory int64, err error) {
	props, err := w.settings.clientProperties(kafka.Producer, id, config)
	if err != nil {
		return nil, 0, &permanentError{err}
	}
	for key, value := range map[string]string{"enable.idempotence": "true", "acks": "all"} {
		if given, ok := props[key]; ok && given != value && given != "-1" {
			log.Warn("transactions need another value of the producer's setting", "key", key, "given", given, "used", value)
		}
		props[key] = value
	}
	cfg, err := kafka.NewConfig(kafka.Producer, props, log)
	if err != nil {
		return nil, 0, &permanentError{err}
	}
	transactional := w.transactionalID(id)
	opts := append([]kgo.Opt{kgo.TransactionTimeout(defaultTransactionTimeout), kgo.RetryBackoffFn(transactionPause)}, cfg.Options...)
	transactions := kafka.NewTransactions(kafka.ExplicitPartition(cfg.Partitioner))
	opts = append(opts, kgo.RecordPartitioner(transactions), kgo.TransactionalID(transactional))
	producer, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, 0, &permanentError{fmt.Errorf("making the producer: %w", err)}
	}
	// franz-go would wait with it for the first record: the transaction that the task before has left open would be ended
	// after the offsets were read.
	if _, _, err := producer.ProducerID(ctx); err != nil {
		producer.Close()
		if errors.Is(err, kerr.TransactionalIDAuthorizationFailed) {
			return nil, 0, &permanentError{fmt.Errorf("not allowed to use transactional.id %s: grant the principal of the connector's producer WRITE and DESCRIBE on it: %w", transactional, err)}
		}
		return nil, 0, fmt.Errorf("preparing transactions as transactional.id %s: %w", transactional, err)
	}
	return &transaction{producer: producer, kafka: transactions, stored: stored}, cfg.BufferMemory, nil
}
