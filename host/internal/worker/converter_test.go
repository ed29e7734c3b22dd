package worker_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

// Keys and values whose schemas headers name, behind the record's own headers, there and back.
func TestSchemasInHeaders(t *testing.T) {
	const guids = "io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer"
	b := newBench(t, nil)
	registry := srfake.New()
	t.Cleanup(registry.Close)
	converters := map[string]string{
		"key.converter": "AvroConverter", "key.converter.schema.registry.url": registry.URL(), "key.converter.key.schema.id.serializer": guids,
		"value.converter": "ProtobufConverter", "value.converter.schema.registry.url": registry.URL(), "value.converter.value.schema.id.serializer": guids,
	}
	with := func(config map[string]string) map[string]string {
		for k, v := range converters {
			config[k] = v
		}
		return config
	}
	b.start("gen", with(datagen("topic", "in", "records", "20", "shape", "row", "key", "sequence", "headers", "1")))
	b.until("the records", func() bool { return b.end("in") == 20 })
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.kafka.ListenAddrs()...), kgo.ConsumeTopics("in"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	seen := map[string]int{}
	for n := 0; n < 20; {
		f := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d of 20 records came", n)
		}
		f.EachRecord(func(k *kgo.Record) {
			n++
			h := k.Headers
			if len(h) != 3 || h[1].Key != "__key_schema_id" || len(h[1].Value) != 17 || h[2].Key != "__value_schema_id" || len(h[2].Value) != 18 || h[2].Value[0] != 1 {
				t.Fatalf("the headers are %q", h)
			}
			if k.Key[0] == 0 || k.Value[0] == 0 {
				t.Errorf("a record begins with a magic byte: %x %x", k.Key, k.Value)
			}
			seen[string(h[1].Value)]++
		})
	}
	if len(seen) != 1 {
		t.Errorf("the keys name %d schemas", len(seen))
	}
	id := b.start("hole", with(blackhole()))
	b.await(id, is(worker.Running))
	b.until("the commit", func() bool { return b.groupOffsets("hole") == 20 })
	if n := b.takenBy("hole"); n != 20 {
		t.Errorf("%d of 20 records were taken", n)
	}
}
