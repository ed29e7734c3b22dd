package main

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestProduce(t *testing.T) {
	const records = 3*slabs*slabSize/2 + 7 // so that slabs are used twice, and the last is not full
	client := cluster(t, 6, nil, kgo.DefaultProduceTopic("t"), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	values := numbered(100)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	produce(ctx, client, values, extra{}, records, func(err error) { t.Error(err) })
	if err := client.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for n := 0; n < records; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("%v after %d of %d records", err, n, records)
		}
		fetches.EachRecord(func(r *kgo.Record) { count[string(r.Value)]++; n++ })
	}
	for i, v := range values {
		want := records / len(values)
		if i < records%len(values) {
			want++
		}
		if count[string(v)] != want {
			t.Errorf("value %s came %d times, want %d", v, count[string(v)], want)
		}
	}
}

func TestProduceFails(t *testing.T) {
	client := cluster(t, 1, nil, kgo.DefaultProduceTopic("missing"), kgo.UnknownTopicRetries(0))
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	produce(ctx, client, numbered(1), extra{}, 0, cancel) // ends because it fails
	checkError(t, context.Cause(ctx), "producing: UNKNOWN_TOPIC")
}
