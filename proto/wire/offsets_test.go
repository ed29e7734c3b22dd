package wire_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// Offsets are what the records of their batch have, whatever becomes of the batch, and of the batches before.
func TestOffsets(t *testing.T) {
	type source struct{ partition, offset string }
	var b wire.Builder
	var o wire.Offsets
	for i, records := range [][]source{
		{{"{1}", "{a}"}, {"{2}", ""}, {"", ""}, {"{1}", "{b}"}},
		{},
		{{"{3}", "{c}"}, {"{3}", "{d}"}},
		{{"", ""}, {"", ""}},
		{{"{4}", ""}, {"{4}", ""}, {"{4}", "{long}"}},
	} {
		b.Reset()
		var want []string
		for k, r := range records {
			b.Begin("t", data.NoPartition, data.NoTimestamp)
			var offset []byte
			if r.offset != "" {
				offset = []byte(r.offset)
			}
			b.Source(r.partition, offset)
			b.End()
			if r.partition != "" {
				want = append(want, fmt.Sprintf("%d %s %s %v", k, r.partition, r.offset, offset == nil))
			}
		}
		batch, err := b.Batch(uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		text, err := batch.MarshalVT()
		if err != nil {
			t.Fatal(err)
		}
		received := connectv1.RecordBatchFromVTPool()
		if err := received.UnmarshalVT(text); err != nil {
			t.Fatal(err)
		}
		o.Take(received)
		received.ReturnToVTPool()
		var got []string
		o.Each(func(k int, partition, offset []byte) {
			got = append(got, fmt.Sprintf("%d %s %s %v", k, partition, offset, offset == nil))
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("batch %d: %s", i, diff)
		}
	}
}
