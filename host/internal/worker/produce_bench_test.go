package worker

import (
	"bytes"
	"context"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/producer"
	"github.com/outboard-connect/outboard/host/internal/tolerance"
	"github.com/outboard-connect/outboard/host/internal/transform"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

const benchRecords = 2000

// hop is the host's side of a source: batches as the plugin sends them, from
// the bytes of the message to the acknowledgement of a Kafka that drops records.
type hop struct {
	run     *sourceRun
	message []byte
}

func newHop(tb testing.TB, size int, keyed bool) *hop {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(6, "bench"), kfake.BlackholeProduce())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.MaxBufferedBytes(32<<20), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.UniformBytesPartitioner(64<<10, true, true, nil)))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	log := hclog.NewNullLogger()
	writer, err := producer.New(client, log)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(writer.Close)
	w := New(Settings{Logger: log, Events: Events{TopicUsed: func(TaskID, string) {}}})
	r := &sourceRun{
		task: newTask(w, TaskSpec{ID: TaskID{Connector: "bench"}}), submitted: newSubmitted(), credit: newCredit(), partitions: map[string]string{},
		producer: writer, own: writer, topicsMade: &topicCreator{}, operator: tolerance.NewOperator(tolerance.Policy{}, log), chain: &transform.Chain{},
	}
	r.ctx, r.fail = context.WithCancelCause(context.Background())
	if r.conv, err = newConverters(map[string]string{"key.converter": "ByteArrayConverter", "value.converter": "ByteArrayConverter"}, nil); err != nil {
		tb.Fatal(err)
	}
	var b wire.Builder
	value := bytes.Repeat([]byte{'x'}, size)
	for i := range benchRecords {
		b.Begin("bench", data.NoPartition, data.NoTimestamp)
		b.Value(data.BytesValue(value))
		if keyed {
			b.Key(data.BytesValue(value[:16]))
		}
		b.Source(`{"slice":0}`, nil)
		if i == benchRecords-1 {
			b.CommitAfter()
		}
		b.End()
	}
	m, err := b.Batch(1)
	if err != nil {
		tb.Fatal(err)
	}
	message, err := wire.Codec().Marshal(&connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: m}})
	if err != nil {
		tb.Fatal(err)
	}
	return &hop{r, message.Materialize()}
}

// batch passes one batch.
func (h *hop) batch(tb testing.TB) {
	f, err := wire.Receive(h.message)
	if err != nil {
		tb.Fatal(err)
	}
	if err := h.run.produce(f); err != nil {
		tb.Fatal(err)
	}
}

// settle waits for what is in flight.
func (h *hop) settle(tb testing.TB) {
	if err := h.run.producer.Flush(context.Background()); err != nil {
		tb.Fatal(err)
	}
	if n := h.run.submitted.open(); n != 0 {
		tb.Fatalf("%d batches are open", n)
	}
	h.run.submitted.take()
}

// The host's pass-through path does not allocate per record: what there is
// comes with batches and requests.
func TestPassThroughDoesNotAllocatePerRecord(t *testing.T) {
	for name, keyed := range map[string]bool{"values": false, "keys and values": true} {
		t.Run(name, func(t *testing.T) {
			h := newHop(t, 100, keyed)
			round := func() {
				for range 20 {
					h.batch(t)
				}
				h.settle(t)
			}
			for range 3 {
				round() // fill the pools
			}
			// What allocates for each record gives one or more. How much there is otherwise depends on how full batches are, and under the race detector
			// on what pools lose, so on how busy the machine is.
			if perRecord := testing.AllocsPerRun(4, round) / (20 * benchRecords); perRecord > 0.5 {
				t.Errorf("%.3f allocations per record", perRecord)
			}
		})
	}
}

func BenchmarkSourceHop(b *testing.B) {
	for name, c := range map[string]struct {
		size  int
		keyed bool
	}{"100": {100, false}, "1024": {1024, false}, "keyed": {100, true}} {
		b.Run(name, func(b *testing.B) {
			h := newHop(b, c.size, c.keyed)
			b.ReportAllocs()
			for i := 0; i < b.N; i += benchRecords {
				h.batch(b)
			}
			h.settle(b)
		})
	}
}
