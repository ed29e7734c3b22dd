package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"strconv"
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
	headers []kgo.RecordHeader // of all records, one after the other
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
	keyed := f.Bool("key", false, "the first bytes of the value are the key")
	headers := f.Int("headers", 0, "headers of each record")
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
	produce(failed, client, values, extras(*keyed, *headers), *records, fail)
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

// numberSize is the size of DatagenSource's keys and headers.
const numberSize = 16

// extra is what records have beside their value: keys and headers are its first bytes, which are the record's number.
type extra struct {
	keyed   bool
	headers []string
}

func extras(keyed bool, headers int) extra {
	e := extra{keyed: keyed}
	for i := range headers {
		e.headers = append(e.headers, "header"+strconv.Itoa(i))
	}
	return e
}

// add gives record i of a slab its key and its headers.
func (e *extra) add(s *slab, i int) {
	r := &s.records[i]
	if e.keyed {
		r.Key = r.Value[:numberSize]
	}
	if n := len(e.headers); n > 0 {
		r.Headers = s.headers[i*n : (i+1)*n : (i+1)*n]
		for h, name := range e.headers {
			r.Headers[h] = kgo.RecordHeader{Key: name, Value: r.Value[:numberSize]}
		}
	}
}

// produce hands over records, all of them when there is no end to them, until ctx ends. A record that Kafka does not take
// is told to fail.
func produce(ctx context.Context, client *kgo.Client, values [][]byte, more extra, records int64, fail func(error)) {
	free := make(chan *slab, slabs)
	for range slabs {
		s := &slab{headers: make([]kgo.RecordHeader, slabSize*len(more.headers))}
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
			more.add(s, i)
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
