package sdk

import (
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// BenchmarkSourceBatch is what a record costs an author's Poll, without the
// making of what is in it.
func BenchmarkSourceBatch(b *testing.B) {
	value := make([]byte, 100)
	partition := NewPartition("slice", 0, "of", 1)
	offset := NewOffset("position", 123456789, "file", "2a003f-100-9f86d081")
	schema := data.NewStruct("Order").
		Field("id", data.Int64Schema).Field("quantity", data.Int32Schema).Field("discount", data.OptionalInt32Schema).
		Field("customer", data.StringSchema).Field("city", data.StringSchema).Field("note", data.OptionalStringSchema).
		Field("paid", data.BooleanSchema).Field("at", data.TimestampSchema).Field("price", data.NewDecimal(2).MustBuild()).
		Field("weight", data.Float64Schema).MustBuild()
	for name, add := range map[string]func(*SourceBatch, int){
		"bytes":           func(s *SourceBatch, _ int) { s.Add("t").ValueBytes(value).Offset(partition, nil) },
		"bytes, number":   func(s *SourceBatch, i int) { s.Add("t").ValueBytes(value).OffsetInt64(partition, "n", int64(i)) },
		"text and offset": func(s *SourceBatch, _ int) { s.Add("t").ValueText(value).Offset(partition, offset) },
		"row of ten fields": func(s *SourceBatch, i int) {
			w := s.Add("t").Offset(partition, nil).ValueRow(schema)
			w.Int64(int64(i))
			w.Int32(3)
			w.Null()
			w.String("somebody")
			w.String("Amsterdam")
			w.String("leave at the door")
			w.Bool(true)
			w.Int64(1767225600000)
			w.DecimalInt64(1999)
			w.Float64(1.5)
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var batch SourceBatch
			for i := range b.N {
				if batch.Full() {
					if err := batch.take(); err != nil {
						b.Fatal(err)
					}
					if _, err := batch.b.Batch(1); err != nil {
						b.Fatal(err)
					}
					batch.reset()
				}
				add(&batch, i)
			}
		})
	}
}
