package producer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/producer"
)

// limit is how long anything may take.
const limit = 20 * time.Second

// bench is a cluster with a producer.
type bench struct {
	*testing.T
	cluster *kfake.Cluster
	client  *kgo.Client
	p       *producer.Producer
	ctx     context.Context
}

func newBench(t *testing.T, topics []kfake.Opt, opts ...kgo.Opt) *bench {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, topics...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	soon := func(int) time.Duration { return 5 * time.Millisecond }
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.MaxBufferedBytes(1 << 20), kgo.ProducerLinger(time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RetryBackoffFn(soon)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	p, err := producer.New(client, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return &bench{t, cluster, client, p, ctx}
}

var oneTopic = []kfake.Opt{kfake.SeedTopics(1, "t")}

// ledger is an origin that writes down what it is told.
type ledger struct {
	mu       sync.Mutex
	written  map[int]int64 // offset of each record
	refused  map[int]error
	contents map[int]string // of the refused
	order    []int
}

func newLedger() *ledger {
	return &ledger{written: map[int]int64{}, refused: map[int]error{}, contents: map[int]string{}}
}

func (l *ledger) Written(w producer.Written) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range w.Count {
		l.written[w.First+i] = w.Offset + int64(i)
		l.order = append(l.order, w.First+i)
	}
}

func (l *ledger) Refused(index int, r *kgo.Record, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused[index] = err
	l.contents[index] = string(r.Value)
}

// append hands over records with the values from to to-1, some alone and some together.
func (b *bench) append(l producer.Origin, from, to int) {
	for i := from; i < to; {
		if i%5 > 2 {
			value := strconv.AppendInt(nil, int64(i), 10)
			b.p.Append(b.ctx, l, i, []kgo.Record{{Topic: "t", Partition: -1, Value: value, Timestamp: timeOf(i)}})
			clear(value) // it is the caller's again
			i++
			continue
		}
		end := min(i+i%40+1, to)
		b.together(l, i, end)
		i = end
	}
}

// together hands over the records of append with one call: they are in one batch, when there is room.
func (b *bench) together(l producer.Origin, from, to int) {
	v := producer.Values{Count: to - from}
	for i := from; i < to; i++ {
		at := len(v.Blob)
		v.Blob = strconv.AppendInt(v.Blob, int64(i), 10)
		v.Lengths = append(v.Lengths, uint32(len(v.Blob)-at)+1)
	}
	b.p.AppendValues(b.ctx, l, from, kgo.Record{Topic: "t", Partition: -1, Timestamp: timeOf(from)}, v)
	clear(v.Blob)
}

func timeOf(i int) time.Time { return time.UnixMilli(int64(1_700_000_000_000 + i)) }

func (b *bench) flush() {
	b.Helper()
	if err := b.p.Flush(b.ctx); err != nil {
		b.Fatal(err)
	}
}

// values reads the values of all that is in a topic.
func (b *bench) values(topic string) (values []string) {
	b.Helper()
	for _, r := range b.records(topic) {
		values = append(values, string(r.Value))
	}
	return values
}

// records reads all that is in a topic.
func (b *bench) records(topic string) (records []*kgo.Record) {
	b.Helper()
	ends, err := kadm.NewClient(b.client).ListEndOffsets(b.ctx, topic)
	if err != nil {
		b.Fatal(err)
	}
	left := int64(0)
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	consumer, err := kgo.NewClient(kgo.SeedBrokers(b.cluster.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.Fatal(err)
	}
	defer consumer.Close()
	for left > 0 {
		f := consumer.PollFetches(b.ctx)
		if err := f.Err(); err != nil {
			b.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			records = append(records, r)
			left--
		})
	}
	return records
}

func numbers(from, to int) (n []string) {
	for i := from; i < to; i++ {
		n = append(n, strconv.Itoa(i))
	}
	return n
}

// A record is in its topic as it was handed over, whatever it has and whatever the compression.
func TestContents(t *testing.T) {
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, oneTopic, kgo.ProducerBatchCompression(codec), kgo.ConsumeTopics("t"))
			in := []*kgo.Record{
				{Key: []byte("k"), Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "h"}}, Timestamp: time.UnixMilli(5)},
				{Key: []byte{}, Value: nil, Timestamp: time.UnixMilli(3)},
				{Key: nil, Value: []byte{}, Timestamp: time.UnixMilli(7_000_000_000_000)},
				{Value: []byte(strings.Repeat("much of the same ", 10_000)), Timestamp: time.UnixMilli(4)},
				{Value: []byte("now")},
			}
			before := time.Now().Truncate(time.Millisecond)
			var wg sync.WaitGroup
			for i, r := range in {
				r.Topic, r.Partition = "t", -1
				wg.Add(1)
				b.p.Produce(b.ctx, r, func(r *kgo.Record, err error) {
					defer wg.Done()
					if err != nil || r.Offset != int64(i) || r.Partition != 0 {
						t.Errorf("record %d: partition %d, offset %d, %v", i, r.Partition, r.Offset, err)
					}
				})
			}
			wg.Wait()
			for i := 0; i < len(in); {
				f := b.client.PollFetches(b.ctx)
				if err := f.Err(); err != nil {
					t.Fatal(err)
				}
				f.EachRecord(func(r *kgo.Record) {
					want := in[i]
					if string(r.Key) != string(want.Key) || (r.Key == nil) != (want.Key == nil) || string(r.Value) != string(want.Value) ||
						(r.Value == nil) != (want.Value == nil) || !r.Timestamp.Equal(want.Timestamp.Truncate(time.Millisecond)) || fmt.Sprint(r.Headers) != fmt.Sprint(want.Headers) {
						t.Errorf("record %d is %.200v, want %.200v", i, r, want)
					}
					i++
				})
			}
			if in[4].Timestamp.Before(before) {
				t.Errorf("a record without a time has %s", in[4].Timestamp)
			}
		})
	}
}

// answer is what a broker does with a request to produce, instead of what it would do; nil: it does that.
type answer func(*kmsg.ProduceRequest) (*kmsg.ProduceResponse, error)

// failing answers every partition with an error.
func failing(err *kerr.Error, more ...func(*kmsg.ProduceResponseTopicPartition)) answer {
	return func(req *kmsg.ProduceRequest) (*kmsg.ProduceResponse, error) {
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		for _, t := range req.Topics {
			rt := kmsg.NewProduceResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewProduceResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, err.Code
				for _, m := range more {
					m(&rp)
				}
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil
	}
}

// tooLarge is what failing is for batches that can be smaller. One record is let through, and the next request is answered instead.
func tooLarge(req *kmsg.ProduceRequest) (*kmsg.ProduceResponse, error) {
	for _, t := range req.Topics {
		for _, p := range t.Partitions {
			var b kmsg.RecordBatch
			if err := b.ReadFrom(p.Records); err != nil {
				return nil, err
			}
			if b.NumRecords < 2 {
				return nil, nil
			}
		}
	}
	return failing(kerr.MessageTooLarge)(req)
}

// hangUp breaks the connection.
func hangUp(*kmsg.ProduceRequest) (*kmsg.ProduceResponse, error) { return nil, errors.New("hang up") }

// empty answers with nothing.
func empty(req *kmsg.ProduceRequest) (*kmsg.ProduceResponse, error) {
	return req.ResponseKind().(*kmsg.ProduceResponse), nil
}

// answering has the broker answer the first requests, one each, unless an answer lets one through.
func (b *bench) answering(answers ...answer) {
	b.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		if len(answers) == 0 || answers[0] == nil {
			answers = answers[min(1, len(answers)):]
			return nil, nil, false
		}
		resp, err := answers[0](req.(*kmsg.ProduceRequest))
		if resp == nil && err == nil {
			return nil, nil, false
		}
		answers = answers[1:]
		return resp, err, true
	})
}

// lying has the broker write the first request, and answer something else.
func (b *bench) lying(a answer) {
	lied := false
	b.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		if lied {
			return nil, nil, false
		}
		lied = true
		copied := *req.(*kmsg.ProduceRequest)
		written := make(chan struct{})
		go func() {
			defer close(written)
			other, err := kgo.NewClient(kgo.SeedBrokers(b.cluster.ListenAddrs()...))
			if err != nil {
				b.Error(err)
				return
			}
			defer other.Close()
			if _, err := other.Broker(0).Request(b.ctx, &copied); err != nil {
				b.Error(err)
			}
		}()
		b.cluster.SleepControl(func() { <-written })
		resp, err := a(&copied)
		return resp, err, true
	})
}

// Whatever can go wrong for a while, all records arrive once and in their order.
func TestOrderSurvives(t *testing.T) {
	for name, answers := range map[string][]answer{
		"nothing":                     nil,
		"another leader":              {failing(kerr.NotLeaderForPartition)},
		"too few replicas":            {failing(kerr.NotEnoughReplicas), failing(kerr.NotEnoughReplicas), nil, failing(kerr.NotEnoughReplicas)},
		"broken connections":          {hangUp, nil, hangUp, hangUp},
		"an answer without an answer": {empty, nil, empty},
		"a broker that lost count":    {nil, failing(kerr.OutOfOrderSequenceNumber), nil, failing(kerr.UnknownProducerID)},
		"too large":                   {tooLarge, tooLarge, nil, tooLarge},
		"an unknown topic":            {failing(kerr.UnknownTopicOrPartition), failing(kerr.UnknownTopicOrPartition)},
	} {
		t.Run(name, func(t *testing.T) {
			for how, opts := range map[string][]kgo.Opt{
				"numbered": nil, "not numbered": {kgo.DisableIdempotentWrite()}, "small batches": {kgo.ProducerBatchMaxBytes(1 << 10)},
			} {
				t.Run(how, func(t *testing.T) {
					b := newBench(t, oneTopic, opts...)
					b.answering(slices.Clone(answers)...)
					const n = 3000
					l := newLedger()
					for i := 0; i < n; i += 500 {
						b.append(l, i, i+500)
						time.Sleep(2 * time.Millisecond) // for more requests
					}
					b.flush()
					if got := b.values("t"); !slices.Equal(got, numbers(0, n)) {
						t.Errorf("%d records, %.200v", len(got), got)
					}
					for i := range n {
						if l.written[i] != int64(i) || l.order[i] != i {
							t.Fatalf("record %d: said to be at offset %d; the %dth that was told of is %d; refused: %v", i, l.written[i], i, l.order[i], l.refused)
						}
					}
				})
			}
		})
	}
}

// A batch whose answer was lost is there once when batches have numbers, because the broker knows them, and else twice.
func TestLostAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		answer answer
		opts   []kgo.Opt
		first  []string // in the topic
	}{
		"broken connection": {hangUp, nil, numbers(0, 100)},
		"timed out":         {failing(kerr.RequestTimedOut), nil, numbers(0, 100)},
		"no numbers":        {hangUp, []kgo.Opt{kgo.DisableIdempotentWrite()}, append(numbers(0, 100), numbers(0, 100)...)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, oneTopic, c.opts...)
			b.lying(c.answer)
			l := newLedger()
			b.together(l, 0, 100)
			b.flush()
			b.append(l, 100, 200)
			b.flush()
			if got := b.values("t"); !slices.Equal(got, append(c.first, numbers(100, 200)...)) {
				t.Errorf("%d records: %.300v", len(got), got)
			}
			if len(l.written) != 200 {
				t.Errorf("%d are written, refused: %v", len(l.written), l.refused)
			}
		})
	}
}

// What Kafka does not take is refused, with what it says, and nothing else is.
func TestRefused(t *testing.T) {
	only := func(bad ...int32) func(*kmsg.ProduceResponseTopicPartition) {
		return func(p *kmsg.ProduceResponseTopicPartition) {
			for _, n := range bad {
				e := kmsg.NewProduceResponseTopicPartitionErrorRecord()
				e.RelativeOffset, e.ErrorMessage = n, kmsg.StringPtr("no key")
				p.ErrorRecords = append(p.ErrorRecords, e)
			}
		}
	}
	words := func(p *kmsg.ProduceResponseTopicPartition) { p.ErrorMessage = kmsg.StringPtr("because") }
	for name, c := range map[string]struct {
		opts    []kgo.Opt
		answers []answer
		refused []int
		err     error
		says    string
	}{
		"all":                   {answers: []answer{failing(kerr.TopicAuthorizationFailed)}, refused: []int{0, 1, 2, 3}, err: kerr.TopicAuthorizationFailed},
		"in words":              {answers: []answer{failing(kerr.PolicyViolation, words)}, refused: []int{0, 1, 2, 3}, err: kerr.PolicyViolation, says: "because"},
		"some":                  {answers: []answer{failing(kerr.InvalidRecord, only(1, 3, 99))}, refused: []int{1, 3}, err: kerr.InvalidRecord, says: "no key"},
		"some that are not":     {answers: []answer{failing(kerr.InvalidRecord, only(77))}, refused: []int{0, 1, 2, 3}, err: kerr.InvalidRecord},
		"one that is too large": {answers: []answer{failing(kerr.MessageTooLarge), failing(kerr.MessageTooLarge), failing(kerr.MessageTooLarge)}, refused: []int{0}, err: kerr.MessageTooLarge},
		"tried too often": {opts: []kgo.Opt{kgo.RecordRetries(1)}, answers: []answer{failing(kerr.NotEnoughReplicas), failing(kerr.NotEnoughReplicas)},
			refused: []int{0, 1, 2, 3}, err: kgo.ErrRecordRetries, says: "NOT_ENOUGH_REPLICAS"},
		"too late": {opts: []kgo.Opt{kgo.RecordDeliveryTimeout(time.Second), kgo.RetryBackoffFn(func(int) time.Duration { return 600 * time.Millisecond })},
			answers: []answer{failing(kerr.NotEnoughReplicas), failing(kerr.NotEnoughReplicas)}, refused: []int{0, 1, 2, 3}, err: kgo.ErrRecordTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, oneTopic, c.opts...)
			b.answering(c.answers...)
			l := newLedger()
			b.together(l, 0, 4)
			b.flush()
			b.append(l, 4, 6)
			b.flush()
			var want []string
			for i := range 6 {
				if !slices.Contains(c.refused, i) {
					want = append(want, strconv.Itoa(i))
				}
			}
			if got := b.values("t"); !slices.Equal(got, want) {
				t.Errorf("in the topic are %v, want %v", got, want)
			}
			if len(l.refused) != len(c.refused) || len(l.written) != len(want) {
				t.Errorf("%d are refused and %d written", len(l.refused), len(l.written))
			}
			for _, i := range c.refused {
				if err := l.refused[i]; !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) || l.contents[i] != strconv.Itoa(i) {
					t.Errorf("record %d (%q): %v", i, l.contents[i], err)
				}
			}
		})
	}
}

// A record that cannot be sent at all is refused at once.
func TestRefusedBeforehand(t *testing.T) {
	for name, c := range map[string]struct {
		record kgo.Record
		err    error
	}{
		"too large":     {kgo.Record{Topic: "t", Partition: -1, Value: make([]byte, 2000)}, kerr.MessageTooLarge},
		"no such place": {kgo.Record{Topic: "t", Partition: 1}, kerr.UnknownTopicOrPartition},
		"no such topic": {kgo.Record{Topic: "missing", Partition: -1}, kerr.UnknownTopicOrPartition},
	} {
		t.Run(name, func(t *testing.T) {
			explicit := kgo.BasicConsistentPartitioner(func(string) func(*kgo.Record, int) int {
				return func(r *kgo.Record, _ int) int { return max(0, int(r.Partition)) }
			})
			b := newBench(t, oneTopic, kgo.ProducerBatchMaxBytes(1<<10), kgo.UnknownTopicRetries(2), kgo.RecordPartitioner(explicit))
			l := newLedger()
			b.p.Append(b.ctx, l, 7, []kgo.Record{c.record})
			b.flush()
			if err := l.refused[7]; !errors.Is(err, c.err) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Records of a topic that does not exist yet wait for it, in their order.
func TestTopicThatComes(t *testing.T) {
	b := newBench(t, nil, kgo.UnknownTopicRetries(100))
	l := newLedger()
	b.append(l, 0, 50)
	time.Sleep(100 * time.Millisecond)
	b.append(l, 50, 100)
	if _, err := kadm.NewClient(b.client).CreateTopic(b.ctx, 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	b.flush()
	if got := b.values("t"); !slices.Equal(got, numbers(0, 100)) {
		t.Errorf("%v", got)
	}
}

// A topic that was deleted and created again is not the one that the records were for.
func TestTopicThatIsAnother(t *testing.T) {
	b := newBench(t, oneTopic, kgo.UnknownTopicRetries(1000))
	l := newLedger()
	b.append(l, 0, 1)
	b.flush()
	admin := kadm.NewClient(b.client)
	if _, err := admin.DeleteTopic(b.ctx, "t"); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.CreateTopic(b.ctx, 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	b.append(l, 1, 2)
	b.flush()
	if !errors.Is(l.refused[1], kerr.UnknownTopicID) {
		t.Errorf("%v, written: %v", l.refused[1], l.written)
	}
	b.append(l, 2, 3) // whoever goes on means the new one
	b.flush()
	if got := b.values("t"); !slices.Equal(got, []string{"2"}) {
		t.Errorf("%v", got)
	}
}

// Records go to all partitions, those of a key to one, in their order.
func TestPartitions(t *testing.T) {
	b := newBench(t, []kfake.Opt{kfake.NumBrokers(3), kfake.SeedTopics(7, "t")})
	const n, keys = 5000, 20
	var mu sync.Mutex
	where := map[string]int32{}
	last := map[string]int64{}
	used := map[int32]bool{}
	for i := range n {
		key := strconv.Itoa(i % keys)
		b.p.Produce(b.ctx, &kgo.Record{Topic: "t", Partition: -1, Key: []byte(key), Value: []byte(strconv.Itoa(i))}, func(r *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			k := string(r.Key)
			if p, ok := where[k]; err != nil || ok && (p != r.Partition || last[k] >= r.Offset) {
				t.Errorf("key %s went to partition %d offset %d, before to %d, %d (%v)", k, r.Partition, r.Offset, p, last[k], err)
			}
			where[k], last[k], used[r.Partition] = r.Partition, r.Offset, true
		})
	}
	b.flush()
	if len(where) != keys || len(used) < 5 {
		t.Errorf("%d keys in the partitions %v", len(where), used)
	}
}

// hold keeps requests to produce from being answered until release is called.
func (b *bench) hold() (release func()) {
	held := make(chan struct{})
	b.cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.SleepControl(func() { <-held })
		return nil, nil, false
	})
	release = sync.OnceFunc(func() { close(held) })
	b.Cleanup(release)
	return release
}

// When too much waits, TryProduce fails, and Append waits for room or the end of its context.
func TestRoom(t *testing.T) {
	b := newBench(t, oneTopic, kgo.MaxBufferedBytes(1000), kgo.ProducerBatchMaxBytes(900))
	release := b.hold()
	l := newLedger()
	value := make([]byte, 400)
	for i := range 2 {
		b.p.Append(b.ctx, l, i, []kgo.Record{{Topic: "t", Partition: -1, Value: value}})
	}
	told := make(chan error, 1)
	b.p.TryProduce(b.ctx, &kgo.Record{Topic: "t", Partition: -1, Value: value}, func(_ *kgo.Record, err error) { told <- err })
	if err := <-told; !errors.Is(err, kgo.ErrMaxBuffered) {
		t.Errorf("%v", err)
	}
	short, cancel := context.WithTimeout(b.ctx, 50*time.Millisecond)
	defer cancel()
	b.p.Append(short, l, 2, []kgo.Record{{Topic: "t", Partition: -1, Value: value}})
	time.AfterFunc(50*time.Millisecond, release)
	b.p.Append(b.ctx, l, 3, []kgo.Record{{Topic: "t", Partition: -1, Value: value}})
	b.flush()
	if !errors.Is(l.refused[2], context.DeadlineExceeded) || len(l.refused) != 1 || len(l.written) != 3 {
		t.Errorf("refused: %v, written: %v", l.refused, l.written)
	}
}

// After AbortBufferedRecords nobody is told anything more, and what was in flight does not come behind what is handed over later.
func TestAbort(t *testing.T) {
	b := newBench(t, oneTopic)
	l := newLedger()
	b.append(l, 0, 10)
	b.flush()
	release := b.hold()
	b.together(l, 10, 20)
	time.Sleep(50 * time.Millisecond) // it is in flight
	b.append(l, 20, 30)
	short, cancel := context.WithTimeout(b.ctx, 50*time.Millisecond)
	defer cancel()
	if err := b.p.Flush(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if err := b.p.AbortBufferedRecords(b.ctx); err != nil {
		t.Fatal(err)
	}
	if len(l.written) != 10 || len(l.refused) != 20 || !errors.Is(l.refused[10], kgo.ErrAborting) || l.contents[25] != "25" {
		t.Errorf("%d are written, %d refused: %v", len(l.written), len(l.refused), l.refused[10])
	}
	again := newLedger()
	b.append(again, 10, 40)
	release()
	b.flush()
	got := b.values("t")
	if want := append(numbers(0, 20), numbers(10, 40)...); !slices.Equal(got, want) && !slices.Equal(got, numbers(0, 40)) {
		t.Errorf("%v", got)
	}
	if len(again.written) != 30 || len(l.written) != 10 || len(l.refused) != 20 {
		t.Errorf("%d are written, and %d and %d of before", len(again.written), len(l.written), len(l.refused))
	}
}

// Close refuses what is not written, whether it is in flight, waits for room or for its topic, and all that comes later.
func TestClose(t *testing.T) {
	b := newBench(t, oneTopic, kgo.MaxBufferedBytes(2000), kgo.UnknownTopicRetries(1000))
	b.hold()
	l := newLedger()
	b.p.Append(b.ctx, l, 0, []kgo.Record{{Topic: "t", Partition: -1, Value: make([]byte, 1000)}})
	b.p.Append(b.ctx, l, 1, []kgo.Record{{Topic: "missing", Partition: -1, Value: make([]byte, 900)}})
	blocked := make(chan struct{})
	go func() {
		defer close(blocked)
		b.p.Append(b.ctx, l, 2, []kgo.Record{{Topic: "t", Partition: -1, Value: make([]byte, 1000)}})
	}()
	time.Sleep(50 * time.Millisecond)
	b.p.Close()
	<-blocked
	b.p.Append(b.ctx, l, 3, []kgo.Record{{Topic: "t", Partition: -1}})
	b.p.AppendValues(b.ctx, l, 4, kgo.Record{Topic: "t", Partition: -1}, producer.Values{Count: 2, Length: 1})
	for i := range 6 {
		if !errors.Is(l.refused[i], kgo.ErrClientClosed) {
			t.Errorf("record %d: %v", i, l.refused[i])
		}
	}
}

// With acks=0 nobody answers.
func TestUnanswered(t *testing.T) {
	b := newBench(t, oneTopic, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	l := newLedger()
	b.append(l, 0, 100)
	b.flush()
	for len(b.values("t")) < 100 && b.ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	if got := b.values("t"); !slices.Equal(got, numbers(0, 100)) || len(l.written) != 100 {
		t.Errorf("%d are written: %v", len(l.written), got)
	}
}

// Many may use a producer at once.
func TestConcurrency(t *testing.T) {
	b := newBench(t, []kfake.Opt{kfake.SeedTopics(3, "t")}, kgo.MaxBufferedBytes(20_000), kgo.ProducerBatchMaxBytes(2000))
	b.answering(nil, hangUp, nil, failing(kerr.NotLeaderForPartition), nil, nil, hangUp)
	const writers, n = 4, 2000
	ledgers := make([]*ledger, writers)
	var wg sync.WaitGroup
	for w := range writers {
		ledgers[w] = newLedger()
		wg.Go(func() {
			b.append(ledgers[w], 0, n)
			if w == 0 {
				b.flush()
			}
		})
	}
	wg.Wait()
	b.flush()
	for w, l := range ledgers {
		if len(l.written) != n || len(l.refused) > 0 {
			t.Errorf("writer %d: %d are written, refused: %v", w, len(l.written), l.refused)
		}
	}
	if got := len(b.values("t")); got != writers*n {
		t.Errorf("%d records", got)
	}
}

// spread is a partitioner that leaves records without a key to the producer.
type spread struct{ kgo.Partitioner }

type topicSpread struct{ kgo.TopicPartitioner }

func (s spread) ForTopic(topic string) kgo.TopicPartitioner {
	return topicSpread{s.Partitioner.ForTopic(topic)}
}

func (s topicSpread) Anywhere(r *kgo.Record) bool { return r.Key == nil }

// Records that may go anywhere fill one batch after the other, and all partitions get their share of the batches.
func TestAnywhere(t *testing.T) {
	const n, size, batchBytes, partitions = 4000, 100, 4 << 10, 4
	b := newBench(t, []kfake.Opt{kfake.SeedTopics(partitions, "t")}, kgo.RecordPartitioner(spread{kgo.StickyKeyPartitioner(nil)}), kgo.ProducerBatchMaxBytes(batchBytes),
		kgo.ProducerLinger(10*time.Second))
	var mu sync.Mutex
	requests, batches := 0, map[int32]int{}
	b.cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		requests++
		for _, t := range req.(*kmsg.ProduceRequest).Topics {
			for _, p := range t.Partitions {
				batches[p.Partition]++
			}
		}
		return nil, nil, false
	})
	l := newLedger()
	r := kgo.Record{Topic: "t", Partition: -1, Value: make([]byte, size)}
	for i := range n {
		b.p.Append(b.ctx, l, i, []kgo.Record{r})
	}
	b.flush()
	all := 0
	for p := range int32(partitions) {
		all += batches[p]
		if batches[p] < n*size/batchBytes/partitions/3 {
			t.Errorf("partition %d got %d batches of %v", p, batches[p], batches)
		}
	}
	if least, most := n*size/batchBytes, 5*n*size/batchBytes/4; all < least || all > most {
		t.Errorf("%d records are in %d batches", n, all)
	}
	if len(l.written) != n {
		t.Errorf("%d are written, refused: %v", len(l.written), l.refused)
	}
}

// Values get into their topic as single records would, whatever their sizes, and wait for topic and room as those do.
func TestValues(t *testing.T) {
	const memory, batchBytes = 20_000, 2000
	anywhere := kgo.RecordPartitioner(spread{kgo.StickyKeyPartitioner(nil)})
	for name, c := range map[string]struct {
		opts    []kgo.Opt
		headers []kgo.RecordHeader
	}{
		"anywhere":                 {[]kgo.Opt{anywhere}, nil},
		"where a partitioner says": {nil, nil},
		"compressed":               {[]kgo.Opt{anywhere, kgo.ProducerBatchCompression(kgo.SnappyCompression())}, nil},
		"with headers":             {[]kgo.Opt{anywhere}, []kgo.RecordHeader{{Key: "name", Value: []byte("text")}, {Key: "null"}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, []kfake.Opt{kfake.SeedTopics(3, "t")}, append(c.opts, kgo.MaxBufferedBytes(memory), kgo.ProducerBatchMaxBytes(batchBytes))...)
			random := rand.New(rand.NewPCG(1, 2))
			l := newLedger()
			want := map[string]int{}
			wrong := map[int]bool{}
			index := 0
			for range 300 {
				var v producer.Values
				v.Count = random.IntN(100)
				if random.IntN(50) == 0 {
					v.Count *= 100 // more than are handed over at once
				}
				if alike := random.IntN(3) == 0; alike {
					size := random.IntN(30)
					v.Length, v.Blob = uint32(size)+1, make([]byte, size*v.Count)
					want[string(make([]byte, size))] += v.Count
				} else {
					v.Lengths = []uint32{}
					for i := range v.Count {
						value := strings.Repeat("v", random.IntN(300))
						switch random.IntN(20) {
						case 0: // null
							v.Lengths = append(v.Lengths, 0)
							want["null"]++
							continue
						case 1:
							value = strings.Repeat("x", batchBytes)
							wrong[index+i] = true
						default:
							want[value]++
						}
						v.Blob, v.Lengths = append(v.Blob, value...), append(v.Lengths, uint32(len(value))+1)
					}
				}
				at := time.UnixMilli(1_700_000_000_000 + int64(random.IntN(1000)))
				b.p.AppendValues(b.ctx, l, index, kgo.Record{Topic: "t", Partition: -1, Timestamp: at, Headers: c.headers}, v)
				clear(v.Blob) // it is the caller's again
				index += v.Count
			}
			b.flush()
			if len(l.written)+len(l.refused) != index || len(l.refused) != len(wrong) {
				t.Fatalf("%d are written and %d refused of %d, of which %d are too large", len(l.written), len(l.refused), index, len(wrong))
			}
			for i, err := range l.refused {
				if !wrong[i] || !errors.Is(err, kerr.MessageTooLarge) {
					t.Errorf("record %d: %v", i, err)
				}
			}
			got := map[string]int{}
			for _, r := range b.records("t") {
				if fmt.Sprint(r.Headers) != fmt.Sprint(c.headers) {
					t.Fatalf("a record has the headers %v, want %v", r.Headers, c.headers)
				}
				if r.Value == nil {
					got["null"]++
				} else {
					got[string(r.Value)]++
				}
			}
			if !maps.Equal(got, want) {
				t.Errorf("%d different values arrived, want %d", len(got), len(want))
			}
		})
	}
}

// A record that comes alone goes at once; those that follow before linger.ms is over wait for each other.
func TestLinger(t *testing.T) {
	b := newBench(t, oneTopic, kgo.ProducerLinger(time.Minute))
	var mu sync.Mutex
	requests := 0
	b.cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		requests++
		return nil, nil, false
	})
	alone := make(chan error, 1)
	b.p.Produce(b.ctx, &kgo.Record{Topic: "t", Partition: -1}, func(_ *kgo.Record, err error) { alone <- err })
	select {
	case err := <-alone:
		if err != nil {
			t.Fatal(err)
		}
	case <-b.ctx.Done():
		t.Fatal("a record that is alone waits for others")
	}
	l := newLedger()
	b.append(l, 0, 100)
	b.flush()
	if len(l.written) != 100 || requests != 2 {
		t.Errorf("%d are written, with %d requests", len(l.written), requests)
	}
}
