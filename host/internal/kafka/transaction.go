package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Transactions ends the transactions of one client. It is the client's partitioner, too, so that it hears of every topic that
// the client writes to.
//
// It is needed because franz-go (v1.22.2) forgets a client's first records of a topic: they are sent as soon as the topic's
// partitions have been learned, and only then are the partitions stored where EndTransaction looks for what was written. When it
// comes in between, and finds nothing, it aborts the transaction, or leaves it open with brokers before Kafka 4, and reports success.
type Transactions struct {
	partitioner kgo.Partitioner

	mu      sync.Mutex
	written []string // topics whose partitions may not be stored yet
}

// NewTransactions returns what is to be the partitioner of a transactional client, which asks p.
func NewTransactions(p kgo.Partitioner) *Transactions { return &Transactions{partitioner: p} }

// ForTopic implements [kgo.Partitioner]. The client calls it once a topic, before the first record of it is sent.
func (t *Transactions) ForTopic(topic string) kgo.TopicPartitioner {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.written = append(t.written, topic)
	return t.partitioner.ForTopic(topic)
}

// End is [kgo.Client.EndTransaction] for a transaction whose records are all acknowledged, or have failed. After an error nothing is
// committed, or, when it is one of the request's, perhaps everything.
func (t *Transactions) End(ctx context.Context, client *kgo.Client, commit kgo.TransactionEndTry) error {
	t.mu.Lock()
	written := t.written
	t.written = nil
	t.mu.Unlock()
	for _, topic := range written {
		if err := stored(ctx, client, topic); err != nil {
			return err
		}
	}
	return client.EndTransaction(ctx, commit)
}

// stored waits until the client has the partitions of a topic where EndTransaction looks for them: some microseconds, if at all.
func stored(ctx context.Context, client *kgo.Client, topic string) error {
	const unknown = -1
	for {
		if leader, _, err := client.PartitionLeader(topic, 0); leader != unknown || err != nil {
			return nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("waiting for the partitions of topic %s: %w", topic, ctx.Err())
		}
	}
}
