package worker

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/tolerance"
	"github.com/outboard-connect/outboard/host/internal/transform"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// sinkHop is the host's side of a sink from fetched records to the message, and
// reading the message.
type sinkHop struct {
	run     *sinkRun
	records []kgo.Record
	decoder wire.Decoder
}

func newSinkHop(tb testing.TB, size int, whole bool) *sinkHop {
	conv, err := newConverters(map[string]string{"key.converter": "ByteArrayConverter", "value.converter": "ByteArrayConverter"}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	log := hclog.NewNullLogger()
	h := &sinkHop{run: &sinkRun{
		task: newTask(New(Settings{Logger: log}), TaskSpec{ID: TaskID{Connector: "bench"}}),
		conv: conv, chain: &transform.Chain{}, operator: tolerance.NewOperator(tolerance.Policy{}, log),
	}}
	for i := range benchRecords {
		k := kgo.Record{Topic: "bench", Offset: int64(i), Timestamp: time.UnixMilli(1_700_000_000_000), Value: bytes.Repeat([]byte{'x'}, size)}
		if whole {
			k.Key = fmt.Appendf(nil, "%016d", i)
			for n := range 2 {
				k.Headers = append(k.Headers, kgo.RecordHeader{Key: fmt.Sprint("header", n), Value: k.Key})
			}
		}
		h.records = append(h.records, k)
	}
	return h
}

// batch makes the message of all records.
func (h *sinkHop) batch(tb testing.TB) *connectv1.RecordBatch {
	for i := range h.records {
		if added, err := h.run.add(&h.records[i]); !added || err != nil {
			tb.Fatal(added, err)
		}
	}
	m, err := h.run.builder.Batch(1)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// reset forgets a batch.
func (h *sinkHop) reset() {
	h.run.builder.Reset()
	h.run.conv.arena.Reset()
}

// read reads a batch as a plugin does.
func (h *sinkHop) read(tb testing.TB, m *connectv1.RecordBatch, size int) {
	if err := h.decoder.Open(m); err != nil {
		tb.Fatal(err)
	}
	var rec data.SinkRecord
	for h.decoder.NextSink(&rec) {
		if len(rec.Value.Data) != size {
			tb.Fatal("wrong size")
		}
	}
}

// The host's sink path does not allocate per record.
func TestSinkDoesNotAllocatePerRecord(t *testing.T) {
	for name, whole := range map[string]bool{"value": false, "key, headers and value": true} {
		t.Run(name, func(t *testing.T) {
			h := newSinkHop(t, 100, whole)
			h.batch(t)
			h.reset()
			if n := testing.AllocsPerRun(10, func() { h.batch(t); h.reset() }); n > 10 {
				t.Errorf("%v allocations for %d records", n, benchRecords)
			}
		})
	}
}

func BenchmarkSinkHop(b *testing.B) {
	for _, c := range []struct {
		name  string
		whole bool
	}{{"100", false}, {"whole", true}} {
		b.Run("write/"+c.name, func(b *testing.B) {
			h := newSinkHop(b, 100, c.whole)
			b.ReportAllocs()
			for i := 0; i < b.N; i += benchRecords {
				h.batch(b)
				h.reset()
			}
		})
		b.Run("read/"+c.name, func(b *testing.B) {
			h := newSinkHop(b, 100, c.whole)
			m := h.batch(b)
			h.read(b, m, 100)
			m.Schemas = nil
			b.ReportAllocs()
			for i := 0; i < b.N; i += benchRecords {
				h.read(b, m, 100)
			}
		})
	}
}
