package kafka_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/kafka"
)

// stalls is a partitioner that has no partition for the record "wait", and takes its time to say so.
type stalls struct{ reached chan struct{} }

func (s stalls) ForTopic(string) kgo.TopicPartitioner { return s }

func (stalls) RequiresConsistency(*kgo.Record) bool { return true }

func (s stalls) Partition(r *kgo.Record, _ int) int {
	if string(r.Value) != "wait" {
		return 0
	}
	close(s.reached)
	time.Sleep(100 * time.Millisecond)
	return -1
}

// What a client writes first to a topic is committed however long it takes to take note of the topic's partitions.
func TestCommitOfATopicsFirstRecords(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	slow := stalls{make(chan struct{})}
	transactions := kafka.NewTransactions(slow)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("topic"), kgo.TransactionalID("id"),
		kgo.RecordPartitioner(transactions), kgo.ProducerLinger(0))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	first, refused := make(chan error, 1), make(chan error, 1)
	client.TryProduce(ctx, kgo.StringRecord("first"), func(_ *kgo.Record, err error) { first <- err })
	client.TryProduce(ctx, kgo.StringRecord("wait"), func(_ *kgo.Record, err error) { refused <- err })
	<-slow.reached
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	if err := transactions.End(ctx, client, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if <-refused == nil {
		t.Error("a record without a partition was written")
	}
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(ctx, kgo.StringRecord("second")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := transactions.End(ctx, client, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}

	reader, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics("topic"), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var values []string
	for !slices.Contains(values, "second") && ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	if !slices.Equal(values, []string{"first", "second"}) {
		t.Errorf("committed are %q", values)
	}
}
