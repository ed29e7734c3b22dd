package wire_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

var user = data.NewStruct("user").Version(3).Doc("a user").Parameter("k", "v").
	Field("id", data.Int64Schema).
	Field("name", data.OptionalStringSchema).
	Field("tags", data.NewArray(data.StringSchema).Optional().MustBuild()).
	Field("map", data.NewMap(data.Int32Schema, data.AnySchema).Optional().MustBuild()).
	Field("n", data.NewSchema(data.Int32).Default(7).MustBuild()).
	MustBuild()

func randomValue(r *rand.Rand) data.Value {
	switch r.IntN(7) {
	case 0:
		return data.Value{}
	case 1:
		return data.BytesValue([]byte{})
	case 2:
		return data.BytesValue(bytes.Repeat([]byte{1}, r.IntN(300)+1))
	case 3:
		return data.StringValue(fmt.Sprint("text ", r.IntN(1000)))
	case 4:
		return data.JSONValue([]byte(`{"a":1}`))
	case 5:
		return data.RowValue(data.OptionalInt32Schema, nil)
	}
	row, err := data.Encode(nil, user, map[string]any{"id": r.Int64(), "name": "x", "tags": []any{"a", "b"}})
	if err != nil {
		panic(err)
	}
	return data.RowValue(user, row)
}

func randomSource(r *rand.Rand, uniform bool) data.SourceRecord {
	rec := data.SourceRecord{Topic: "t", Partition: data.NoPartition, Timestamp: data.NoTimestamp}
	if uniform {
		rec.Value = data.BytesValue(bytes.Repeat([]byte{2}, 100))
		return rec
	}
	rec.Topic = fmt.Sprint("topic-", r.IntN(3))
	rec.Partition = int32(r.IntN(4)) - 1
	if r.IntN(3) > 0 {
		rec.Timestamp = 1700000000000 + r.Int64N(1000) - 500
	}
	rec.Key, rec.Value = randomValue(r), randomValue(r)
	for range r.IntN(3) {
		rec.Headers = append(rec.Headers, data.Header{Key: fmt.Sprint("h", r.IntN(5)), Value: randomValue(r)})
	}
	if r.IntN(3) > 0 {
		rec.SourcePartition = []byte(fmt.Sprintf(`{"p":%d}`, r.IntN(2)))
		if r.IntN(3) > 0 {
			rec.SourceOffset = []byte(fmt.Sprintf(`{"o":%d}`, r.IntN(100)))
		}
	}
	return rec
}

func buildSource(b *wire.Builder, rec data.SourceRecord) {
	b.Begin(rec.Topic, rec.Partition, rec.Timestamp)
	b.Key(rec.Key)
	b.Value(rec.Value)
	for _, h := range rec.Headers {
		b.Header(h.Key, h.Value)
	}
	b.Source(string(rec.SourcePartition), rec.SourceOffset)
	b.End()
}

var sameSchema = cmp.Comparer(func(a, b *data.Schema) bool { return a.Equal(b) })

// send passes a message through the codec as gRPC would.
func send(t testing.TB, in *connectv1.SourceToHost) *wire.Frame {
	t.Helper()
	b, err := wire.Codec().Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out wire.FromSource
	if err := wire.Codec().Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	b.Free()
	return out.Take()
}

func TestSourceRecordsArriveAsTheyWereSent(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b wire.Builder
	var d wire.Decoder
	for seq := uint64(1); seq < 200; seq++ {
		uniform := seq%5 == 0
		var want []data.SourceRecord
		for range r.IntN(20) {
			rec := randomSource(r, uniform)
			want = append(want, rec)
			buildSource(&b, rec)
		}
		m, err := b.Batch(seq)
		if err != nil {
			t.Fatal(err)
		}
		f := send(t, &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: m}})
		b.Reset()
		if err := d.Open(f.Batch); err != nil {
			t.Fatal(err)
		}
		var got []data.SourceRecord
		var rec data.SourceRecord
		for d.NextSource(&rec) {
			own := rec
			own.Headers = slices.Clone(rec.Headers)
			got = append(got, own)
		}
		if diff := cmp.Diff(want, got, sameSchema); diff != "" {
			t.Fatalf("batch %d: %s", seq, diff)
		}
		f.Release()
	}
}

func TestSinkRecordsArriveAsTheyWereSent(t *testing.T) {
	var b wire.Builder
	want := []data.SinkRecord{
		{Topic: "a", Partition: 0, Offset: 17, Timestamp: 5, TimestampType: data.TimestampCreate, Value: data.StringValue("x"), OriginalTopic: "a"},
		{Topic: "b", Partition: 3, Offset: 2, Timestamp: data.NoTimestamp, Key: data.BytesValue([]byte("k")), OriginalTopic: "a", OriginalPartition: 1},
	}
	for i, rec := range want {
		b.Begin(rec.Topic, rec.Partition, rec.Timestamp)
		b.Key(rec.Key)
		b.Value(rec.Value)
		if i == 0 {
			b.Sink(rec.Offset, rec.TimestampType, "", 0)
		} else {
			b.Sink(rec.Offset, rec.TimestampType, rec.OriginalTopic, rec.OriginalPartition)
		}
		b.End()
	}
	m, err := b.Batch(1)
	if err != nil {
		t.Fatal(err)
	}
	var d wire.Decoder
	if err := d.Open(m); err != nil {
		t.Fatal(err)
	}
	var got []data.SinkRecord
	var rec data.SinkRecord
	for d.NextSink(&rec) {
		got = append(got, rec)
	}
	if diff := cmp.Diff(want, got, sameSchema); diff != "" {
		t.Error(diff)
	}
}

func TestEndsOfRuns(t *testing.T) {
	type end struct {
		topic     string
		partition int32
		next      int64
	}
	for name, c := range map[string]struct{ records, want []end }{
		"empty":      {nil, nil},
		"in a row":   {[]end{{"a", 1, 5}, {"a", 1, 6}, {"a", 1, 7}}, []end{{"a", 1, 8}}},
		"with gaps":  {[]end{{"a", 1, 5}, {"a", 1, 9}}, []end{{"a", 1, 10}}},
		"partitions": {[]end{{"a", 1, 5}, {"a", 1, 6}, {"a", 2, 0}, {"b", 2, 3}}, []end{{"a", 1, 7}, {"a", 2, 1}, {"b", 2, 4}}},
		"backwards":  {[]end{{"a", 1, 5}, {"a", 0, 1}, {"a", 1, 6}}, []end{{"a", 1, 6}, {"a", 0, 2}, {"a", 1, 7}}},
	} {
		t.Run(name, func(t *testing.T) {
			var b wire.Builder
			for _, r := range c.records {
				b.Begin(r.topic, r.partition, 0)
				b.Sink(r.next, data.TimestampCreate, "", 0)
				b.End()
			}
			m, _ := b.Batch(1)
			var d wire.Decoder
			if err := d.Open(m); err != nil {
				t.Fatal(err)
			}
			var got []end
			d.EachEnd(func(topic string, partition int32, next int64) { got = append(got, end{topic, partition, next}) })
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestUniformColumnsCostNothing(t *testing.T) {
	var b wire.Builder
	for range 1000 {
		buildSource(&b, randomSource(nil, true))
	}
	m, _ := b.Batch(1)
	if size := m.SizeVT(); size > 1000*100+100 {
		t.Errorf("1000 values of 100 bytes take %d bytes", size)
	}
}

func TestMalformedBatchesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*connectv1.RecordBatch)
		want  string
	}{
		"values too short":   {func(m *connectv1.RecordBatch) { m.Values = m.Values[1:] }, "record batch 1 is malformed: lengths of value add up to 9 bytes, there are 8"},
		"column too short":   {func(m *connectv1.RecordBatch) { m.ValueLength = []uint32{4, 4} }, "record batch 1 is malformed: column value_length has 2 elements for 3 records"},
		"topic out of range": {func(m *connectv1.RecordBatch) { m.Topic = []uint32{1} }, "record batch 1 is malformed: column topic points to entry 1 of 1"},
		"no topic":           {func(m *connectv1.RecordBatch) { m.Topics = nil }, "record batch 1 is malformed: column topic points to entry 0 of 0"},
		"unknown schema":     {func(m *connectv1.RecordBatch) { m.ValueType = []uint32{16} }, "record batch 1 is malformed: a value is of unknown type 16"},
		"unknown kind":       {func(m *connectv1.RecordBatch) { m.ValueType = []uint32{4} }, "record batch 1 is malformed: a value is of unknown type 4"},
		"too many records":   {func(m *connectv1.RecordBatch) { m.Count = 1 << 31 }, "record batch 1 is malformed: 2147483648 records are more than 1048576"},
		"headers missing":    {func(m *connectv1.RecordBatch) { m.HeaderCount = []uint32{1} }, "record batch 1 is malformed: column header_key points to entry 0 of 0"},
		"schema id":          {func(m *connectv1.RecordBatch) { m.Schemas = []*connectv1.Schema{{Id: 17, Type: 1}} }, "record batch 1 is malformed: schema has id 17, expected is 16"},
		"schema type":        {func(m *connectv1.RecordBatch) { m.Schemas = []*connectv1.Schema{{Id: 16, Type: 99}} }, "record batch 1 is malformed: schema 16: unknown schema type 99"},
		"schema incomplete":  {func(m *connectv1.RecordBatch) { m.Schemas = []*connectv1.Schema{{Id: 16, Type: 10}} }, "record batch 1 is malformed: schema 16: element: schema is missing"},
		"length overflow":    {func(m *connectv1.RecordBatch) { m.ValueLength = []uint32{0xffffffff} }, "record batch 1 is malformed: lengths of value add up to 12884901882 bytes, there are 9"},
	} {
		t.Run(name, func(t *testing.T) {
			var b wire.Builder
			for range 3 {
				b.Begin("t", 0, 0)
				b.Value(data.BytesValue([]byte("abc")))
				b.End()
			}
			m, _ := b.Batch(1)
			m = proto.CloneOf(m)
			c.spoil(m)
			var d wire.Decoder
			err := d.Open(m)
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func FuzzDecoder(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		var b wire.Builder
		for range 5 {
			buildSource(&b, randomSource(r, false))
		}
		m, _ := b.Batch(1)
		raw, _ := m.MarshalVT()
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m connectv1.RecordBatch
		if m.UnmarshalVT(raw) != nil {
			return
		}
		var d wire.Decoder
		if d.Open(&m) != nil {
			return
		}
		var src data.SourceRecord
		n := 0
		for d.NextSource(&src) {
			if src.Value.Kind == data.KindRow && src.Value.Data != nil {
				_, _ = data.Decode(src.Value.Schema, src.Value.Data)
			}
			n++
		}
		d.Rewind()
		var sink data.SinkRecord
		for d.NextSink(&sink) {
			n--
		}
		if n != 0 {
			t.Errorf("the two ways to read differ by %d records", n)
		}
	})
}

// Messages that are not a batch, or say nothing that this version knows, do not become the batch before them.
func TestMessagesAfterABatch(t *testing.T) {
	var b wire.Builder
	b.Begin("t", 1, 2)
	b.Header("h", data.StringValue("x"))
	b.Source(`{"p":1}`, nil)
	b.End()
	m, err := b.Batch(7)
	if err != nil {
		t.Fatal(err)
	}
	empty := &connectv1.RecordBatch{Seq: 8}
	for name, c := range map[string]struct {
		message []byte
		batch   *connectv1.RecordBatch
	}{
		"nothing":            {nil, nil},
		"a field to come":    {[]byte{0x98, 0x06, 1}, nil},
		"another message":    {marshal(t, &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Drained{Drained: &connectv1.Drained{LastSeq: 3}}}), nil},
		"an empty batch":     {marshal(t, &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: empty}}), empty},
		"a batch and an end": {append(marshal(t, &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: m}}), marshal(t, &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Drained{}})...), nil},
	} {
		t.Run(name, func(t *testing.T) {
			send(t, &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: m}}).Release()
			var out wire.FromSource
			if err := wire.Codec().Unmarshal(mem.BufferSlice{mem.SliceBuffer(c.message)}, &out); err != nil {
				t.Fatal(err)
			}
			f := out.Take()
			if (f != nil) != (c.batch != nil) {
				t.Fatalf("got %v", f)
			}
			if f != nil && !proto.Equal(f.Batch, c.batch) {
				t.Errorf("got %v", f.Batch)
			}
		})
	}
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPoolClasses(t *testing.T) {
	for _, n := range []int{0, 1, 1023, 1024, 1025, 1 << 20, 1<<20 + 1, 1 << 26, 1<<26 + 1} {
		b := wire.Pool().Get(n)
		if len(*b) != n {
			t.Errorf("asked for %d bytes, got %d", n, len(*b))
		}
		wire.Pool().Put(b)
	}
	if mem.DefaultBufferPool() == wire.Pool() {
		t.Error("the pool of the process was replaced")
	}
}

// BenchmarkHop is one record through builder, codec and decoder.
func BenchmarkHop(b *testing.B) {
	for _, size := range []int{100, 1024} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var bld wire.Builder
			var d wire.Decoder
			value := bytes.Repeat([]byte{'x'}, size)
			b.ReportAllocs()
			const n = 1000
			for i := 0; i < b.N; i += n {
				for range n {
					bld.Begin("topic", data.NoPartition, data.NoTimestamp)
					bld.Value(data.BytesValue(value))
					bld.Source(`{"file":"x"}`, nil)
					bld.End()
				}
				m, _ := bld.Batch(1)
				f := send(b, &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: m}})
				bld.Reset()
				if err := d.Open(f.Batch); err != nil {
					b.Fatal(err)
				}
				var rec data.SourceRecord
				for d.NextSource(&rec) {
					if len(rec.Value.Data) != size {
						b.Fatal("wrong size")
					}
				}
				f.Release()
			}
		})
	}
}
