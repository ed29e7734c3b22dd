package wire_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// A batch that is lent arrives like one that is copied, though the builder is used again before it is sent.
func TestLent(t *testing.T) {
	for name, size := range map[string]int{"no values": 0, "small": 100, "many": 100_000, "much": 3 << 20} {
		t.Run(name, func(t *testing.T) {
			var b wire.Builder
			for round := range 3 {
				value := bytes.Repeat([]byte{byte('a' + round)}, size/10)
				for i := range 10 {
					b.Begin("t", data.NoPartition, int64(i))
					b.Key(data.StringValue(fmt.Sprint("k", i)))
					if size > 0 {
						b.Value(data.BytesValue(value))
					}
					b.Source("{}", []byte(`{"o":1}`))
					b.End()
				}
				m, err := b.Batch(uint64(round))
				if err != nil {
					t.Fatal(err)
				}
				want, err := (&connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: m}}).MarshalVT()
				if err != nil {
					t.Fatal(err)
				}
				lent, err := wire.Codec().Marshal(b.Lend())
				if err != nil {
					t.Fatal(err)
				}
				b.Reset()
				b.Begin("other", data.NoPartition, data.NoTimestamp)
				b.Value(data.BytesValue(bytes.Repeat([]byte("?"), size)))
				b.End()
				b.Reset()
				var got connectv1.SourceToHost
				if err := got.UnmarshalVT(lent.Materialize()); err != nil {
					t.Fatal(err)
				}
				lent.Free()
				if again, err := got.MarshalVT(); err != nil || !bytes.Equal(again, want) {
					t.Errorf("round %d: %d bytes arrive, want %d; %v", round, len(again), len(want), err)
				}
			}
		})
	}
}
