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

// opened returns a decoder of what was built.
func opened(t *testing.T, b *wire.Builder) *wire.Decoder {
	t.Helper()
	m, err := b.Batch(1)
	if err != nil {
		t.Fatal(err)
	}
	var d wire.Decoder
	if err := d.Open(m); err != nil {
		t.Fatal(err)
	}
	return &d
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
	d := opened(t, &b)
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
			d := opened(t, &b)
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
		checkColumns(t, &d)
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

// checkColumns compares what is read of a batch as a whole with what is read record by record.
func checkColumns(t *testing.T, d *wire.Decoder) {
	t.Helper()
	type offset struct {
		partition int
		text      string
	}
	var offsets, same []offset
	d.EachOffset(func(partition int, text []byte) { offsets = append(offsets, offset{partition, string(text)}) })
	plain := d.Plain()
	var blob []byte
	var lengths []uint32
	var each uint32
	if plain {
		blob, lengths, each = d.Values()
	}
	d.Rewind()
	var r data.SourceRecord
	first := data.SourceRecord{}
	for i := 0; d.NextSource(&r); i++ {
		if r.SourceOffset != nil {
			same = append(same, offset{d.SourcePartition(), string(r.SourceOffset)})
		}
		if !plain {
			continue
		}
		if i == 0 {
			first = r
		}
		if r.Topic != first.Topic || r.Partition != first.Partition || r.Timestamp != first.Timestamp || r.Key.Kind != data.KindNone || r.Key.Data != nil ||
			len(r.Headers) > 0 || r.Value.Kind != data.KindBytes {
			t.Fatalf("record %d of a plain batch is %+v", i, r)
		}
		length := each
		if lengths != nil {
			length = lengths[i]
		}
		if length == 0 {
			if r.Value.Data != nil {
				t.Fatalf("value %d is %q, of the column it is null", i, r.Value.Data)
			}
			continue
		}
		if want := blob[:length-1]; r.Value.Data == nil || !bytes.Equal(r.Value.Data, want) {
			t.Fatalf("value %d is %q, of the column it is %q", i, r.Value.Data, want)
		}
		blob = blob[length-1:]
	}
	if plain && len(blob) > 0 {
		t.Fatalf("%d bytes are left", len(blob))
	}
	if !slices.Equal(offsets, same) {
		t.Fatalf("offsets are %v, record by record they are %v", offsets, same)
	}
}

// A batch of values and nothing else is plain, and no other is.
func TestPlainBatches(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*data.SourceRecord) // of one record
		plain  bool
	}{
		"the same":          {func(*data.SourceRecord) {}, true},
		"another length":    {func(r *data.SourceRecord) { r.Value = data.BytesValue([]byte("longer")) }, true},
		"an empty value":    {func(r *data.SourceRecord) { r.Value = data.BytesValue([]byte{}) }, true},
		"null":              {func(r *data.SourceRecord) { r.Value = data.Value{Kind: data.KindBytes} }, true},
		"a source offset":   {func(r *data.SourceRecord) { r.SourceOffset = []byte(`{"o":1}`) }, true},
		"another partition": {func(r *data.SourceRecord) { r.SourcePartition = []byte(`{"p":2}`) }, true},
		"no value":          {func(r *data.SourceRecord) { r.Value = data.Value{} }, false},
		"text":              {func(r *data.SourceRecord) { r.Value = data.StringValue("value") }, false},
		"a key":             {func(r *data.SourceRecord) { r.Key = data.BytesValue([]byte("k")) }, false},
		"a null key":        {func(r *data.SourceRecord) { r.Key = data.Value{Kind: data.KindString} }, false},
		"a header":          {func(r *data.SourceRecord) { r.Headers = []data.Header{{Key: "h"}} }, false},
		"another topic":     {func(r *data.SourceRecord) { r.Topic = "u" }, false},
		"another time":      {func(r *data.SourceRecord) { r.Timestamp++ }, false},
		"a Kafka partition": {func(r *data.SourceRecord) { r.Partition = 3 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, at := range []int{0, 1, 2} {
				var b wire.Builder
				for i := range 3 {
					r := data.SourceRecord{Topic: "t", Partition: data.NoPartition, Timestamp: 5, Value: data.BytesValue([]byte("value")), SourcePartition: []byte(`{"p":1}`)}
					if i == at {
						c.change(&r)
					}
					buildSource(&b, r)
				}
				d := opened(t, &b)
				if d.Plain() != c.plain {
					t.Errorf("record %d: %t, want %t", at, d.Plain(), c.plain)
				}
				checkColumns(t, d)
			}
		})
	}
	var d wire.Decoder
	if err := d.Open(&connectv1.RecordBatch{ValueType: []uint32{uint32(data.KindBytes)}}); err != nil || d.Plain() {
		t.Errorf("a batch without records: %t, %v", d.Plain(), err)
	}
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
	for _, n := range []int{0, 1, 2047, 2048, 2049, 1 << 20, 1<<20 + 1, 1 << 26, 1<<26 + 1} {
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
