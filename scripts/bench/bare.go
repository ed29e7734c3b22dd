package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The settings of the host's clients, which are Kafka's for the tasks of connectors, beside those that kgo shares with them.
const (
	linger         = 5 * time.Millisecond
	requestSize    = 1 << 20
	bufferMemory   = 32 << 20
	stickyBytes    = 64 << 10
	fetchWait      = 500 * time.Millisecond
	commitInterval = 200 * time.Millisecond // short, because committed offsets tell how far a sink is
)

// Records that are filled and handed over together.
const (
	slabSize = 2000
	slabs    = 64
)

// slab is a block of records that is used again when Kafka has all of them.
type slab struct {
	records [slabSize]kgo.Record
	left    atomic.Int32
	promise func(*kgo.Record, error)
}

// runProduce produces values as fast as franz-go can, until ctx ends, the parent does, or -records are stored.
func runProduce(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("produce", flag.ContinueOnError)
	broker := f.String("broker", "", "address")
	topic := f.String("topic", "", "topic")
	path := f.String("values", "", "file of the values")
	codec := f.String("codec", "none", "compression")
	records := f.Int64("records", 0, "how many; 0: without end")
	if err := f.Parse(args); err != nil {
		return err
	}
	values, err := readValues(*path)
	if err != nil {
		return err
	}
	compression, err := codecOf(*codec)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(*broker), kgo.DefaultProduceTopic(*topic), kgo.ProducerBatchCompression(compression),
		kgo.ProducerLinger(linger), kgo.ProducerBatchMaxBytes(requestSize),
		kgo.MaxBufferedBytes(bufferMemory), kgo.MaxBufferedRecords(math.MaxInt32),
		kgo.RecordPartitioner(kgo.UniformBytesPartitioner(stickyBytes, true, true, nil)),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := withParent(ctx)
	defer cancel()
	failed, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	produce(failed, client, values, *records, fail)
	if failed.Err() == nil {
		if err := client.Flush(failed); err != nil && failed.Err() == nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil // the parent has seen enough
	}
	return context.Cause(failed)
}

// produce hands over records, all of them when there is no end to them, until ctx ends. A record that Kafka does not take
// is told to fail.
func produce(ctx context.Context, client *kgo.Client, values [][]byte, records int64, fail func(error)) {
	free := make(chan *slab, slabs)
	for range slabs {
		s := &slab{}
		s.promise = func(_ *kgo.Record, err error) {
			if err != nil {
				fail(fmt.Errorf("producing: %w", err))
			}
			if s.left.Add(-1) == 0 {
				free <- s
			}
		}
		free <- s
	}
	next := 0
	for sent := int64(0); records == 0 || sent < records; {
		var s *slab
		select {
		case s = <-free:
		case <-ctx.Done():
			return
		}
		n := slabSize
		if records > 0 {
			n = int(min(int64(n), records-sent))
		}
		s.left.Store(int32(n))
		now := time.Now()
		for i := range n {
			s.records[i] = kgo.Record{Value: values[next], Timestamp: now}
			if next++; next == len(values) {
				next = 0
			}
			client.Produce(ctx, &s.records[i], s.promise)
		}
		sent += int64(n)
	}
}

// runConsume consumes a topic in a group as fast as franz-go can, until ctx ends or the parent does.
func runConsume(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("consume", flag.ContinueOnError)
	broker := f.String("broker", "", "address")
	topic := f.String("topic", "", "topic")
	group := f.String("group", "", "group")
	if err := f.Parse(args); err != nil {
		return err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(*broker), kgo.ConsumeTopics(*topic), kgo.ConsumerGroup(*group),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(fetchWait), kgo.AutoCommitInterval(commitInterval),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := withParent(ctx)
	defer cancel()
	records, size := 0, 0
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			break
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("consuming: %w", err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			records++
			size += len(r.Key) + len(r.Value)
		})
	}
	fmt.Println("consumed", records, "records,", size, "bytes")
	return nil
}
