package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// cluster starts a Kafka with a topic "t", and a client of it.
func cluster(t *testing.T, partitions int32, kafka []kfake.Opt, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kfake.NewCluster(append(kafka, kfake.NumBrokers(1), kfake.SeedTopics(partitions, "t"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(c.ListenAddrs()...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// numbered makes values of their number.
func numbered(n int) (values [][]byte) {
	for i := range n {
		values = append(values, fmt.Appendf(nil, "%032d", i))
	}
	return values
}

// TestPreparedBatch consumes more than a batch holds, so that its length, checksum and numbers have to be right.
func TestPreparedBatch(t *testing.T) {
	const most = 30_000
	for _, codec := range []string{"none", "snappy"} {
		t.Run(codec, func(t *testing.T) {
			values := numbered(7)
			batch, err := preparedBatch(values, extra{}, codec)
			if err != nil {
				t.Fatal(err)
			}
			if codec == "none" && len(batch) < preparedSize || codec != "none" && len(batch) > preparedSize/2 {
				t.Errorf("%d bytes, of %d before compression", len(batch), preparedSize)
			}
			client := cluster(t, 1, []kfake.Opt{kfake.SyntheticFetch(kfake.SyntheticBatch{Batch: batch})},
				kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			next := int64(0)
			for next < most {
				fetches := client.PollFetches(ctx)
				if err := fetches.Err(); err != nil {
					t.Fatal(err)
				}
				inBatch := int64(0)
				fetches.EachRecord(func(r *kgo.Record) {
					if r.Offset != next {
						t.Fatalf("offset %d follows %d", r.Offset, next-1)
					}
					next++
					// Every batch begins with the first value.
					if string(r.Value) == string(values[0]) && inBatch%int64(len(values)) != 0 {
						inBatch = 0
					}
					if want := values[inBatch%int64(len(values))]; string(r.Value) != string(want) {
						t.Fatalf("record %d is %q, want %q", r.Offset, r.Value, want)
					}
					inBatch++
				})
			}
		})
	}
	if _, err := preparedBatch(numbered(1), extra{}, "lz5"); err == nil {
		t.Error("no error for a compression that does not exist")
	}
}
