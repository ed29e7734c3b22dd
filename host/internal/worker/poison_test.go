package worker_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

// letters reads n records of the dead letter queue and makes sure that there are no more.
func (b *bench) letters(n int) []*kgo.Record {
	b.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.kafka.ListenAddrs()...), kgo.ConsumeTopics("dlq"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	var all []*kgo.Record
	for len(all) < n {
		f := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			b.t.Fatalf("got %d of %d dead letters", len(all), n)
		}
		all = append(all, f.Records()...)
	}
	if end := b.end("dlq"); end != int64(n) {
		b.t.Errorf("there are %d dead letters, want %d", end, n)
	}
	return all
}

func contextOf(k *kgo.Record) map[string]string {
	m := map[string]string{}
	for _, h := range k.Headers {
		m[h.Key] = string(h.Value)
	}
	return m
}

// queue adds a dead letter queue to a configuration.
func queue(config map[string]string, tolerance string) map[string]string {
	config["errors.tolerance"] = tolerance
	config["errors.deadletterqueue.topic.name"] = "dlq"
	config["errors.deadletterqueue.topic.replication.factor"] = "1"
	config["errors.deadletterqueue.context.headers.enable"] = "true"
	return config
}

func checkContext(t *testing.T, k *kgo.Record, want map[string]string) {
	t.Helper()
	got := contextOf(k)
	for name, text := range want {
		if !strings.Contains(got["__connect.errors."+name], text) || got["__connect.errors."+name] == "" {
			t.Errorf("header %s is %q, want %q", name, got["__connect.errors."+name], text)
		}
	}
}

// mixed writes n records of which every second one is no JSON.
func (b *bench) mixed(n int) {
	b.t.Helper()
	for i := range n {
		k := &kgo.Record{
			Topic: "in", Key: []byte{0xff}, Value: fmt.Appendf(nil, `{"n":%d}`, i),
			Headers: []kgo.RecordHeader{{Key: "mine", Value: []byte("kept")}},
		}
		if i%2 == 1 {
			k.Value = fmt.Appendf(nil, `{"n":%d`, i)
		}
		if err := b.client.ProduceSync(b.t.Context(), k).FirstErr(); err != nil {
			b.t.Fatal(err)
		}
	}
}

func asJSON(config map[string]string) map[string]string {
	config["key.converter"] = "ByteArrayConverter"
	config["value.converter"] = "JsonConverter"
	config["value.converter.schemas.enable"] = "false"
	return config
}

func TestDeadLettersOfASink(t *testing.T) {
	for name, c := range map[string]struct {
		config map[string]string
		stage  string
		class  string
		text   string
	}{
		"converter": {asJSON(blackhole()), "VALUE_CONVERTER", "org.apache.kafka.connect.json.JsonConverter", "JSON"},
		"transformation": {blackhole("transforms", "t", "transforms.t.type", "org.apache.kafka.connect.transforms.Cast$Value", "transforms.t.spec", "int32",
			"predicates", "odd", "predicates.odd.type", "HasHeaderKey", "predicates.odd.name", "mine", "transforms.t.predicate", "odd"),
			"TRANSFORMATION", "org.apache.kafka.connect.transforms.Cast", "Cast"},
		"task": {blackhole("fail.every", "1", "fail.kind", "errant"), "TASK_PUT", "BlackholeSink", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.mixed(10)
			c.config["key.converter"] = "ByteArrayConverter"
			b.start("hole", queue(c.config, "all"))
			b.until("the commit of everything", func() bool { return b.groupOffsets("hole") == 10 })
			n := 10
			if name == "converter" {
				n = 5
			}
			for _, k := range b.letters(n) {
				if string(k.Key) != "\xff" || !strings.HasPrefix(string(k.Value), `{"n":`) || contextOf(k)["mine"] != "kept" {
					t.Errorf("a dead letter is %q %q %v", k.Key, k.Value, contextOf(k))
				}
				checkContext(t, k, map[string]string{
					"topic": "in", "partition": "", "offset": "", "connector.name": "hole", "task.id": "0", "stage": c.stage, "class.name": c.class,
					"exception.class.name": "org.apache.kafka.connect.errors.", "exception.message": c.text, "exception.stacktrace": "\n\tat outboard.",
				})
			}
		})
	}
}

// With tolerance none the record that fails the task is in the queue, once, and
// the task does not go past it.
func TestDeadLetterOfAFailedSink(t *testing.T) {
	b := newBench(t, nil)
	b.mixed(2)
	id := b.start("hole", queue(asJSON(blackhole()), "none"))
	s := b.await(id, is(worker.Failed))
	if !strings.Contains(s.Trace, "it is in the dead letter queue dlq") {
		t.Errorf("the trace does not tell of the letter: %s", s.Trace)
	}
	b.letters(1)
	if n := b.groupOffsets("hole"); n > 1 {
		t.Errorf("%d is committed, past the record that failed", n)
	}
}

// refuse makes Kafka refuse every batch for a topic.
func (b *bench) refuse(topic string) {
	b.kafka.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.kafka.KeepControl()
		p := req.(*kmsg.ProduceRequest)
		resp := p.ResponseKind().(*kmsg.ProduceResponse)
		other := false
		for _, rt := range p.Topics {
			name := rt.Topic
			if name == "" {
				name = b.topicName(rt.TopicID)
			}
			if name != topic {
				other = true
				continue
			}
			st := kmsg.NewProduceResponseTopic()
			st.Topic, st.TopicID = rt.Topic, rt.TopicID
			for _, rp := range rt.Partitions {
				sp := kmsg.NewProduceResponseTopicPartition()
				sp.Partition, sp.ErrorCode = rp.Partition, kerr.InvalidRecord.Code
				st.Partitions = append(st.Partitions, sp)
			}
			resp.Topics = append(resp.Topics, st)
		}
		return resp, nil, !other
	})
}

func (b *bench) topicName(id [16]byte) string {
	return b.kafka.TopicIDInfo(id).Topic
}

// A dead letter that cannot be written fails the task: its record must not be lost.
func TestLostLettersFailTheTask(t *testing.T) {
	b := newBench(t, nil)
	b.mixed(2)
	b.refuse("dlq")
	id := b.start("hole", queue(asJSON(blackhole()), "all"))
	s := b.await(id, func(s worker.Status) bool { return s.Trace != "" })
	if !strings.Contains(s.Trace, "the dead letter queue dlq") {
		t.Errorf("the trace is %s", s.Trace)
	}
	if n := b.groupOffsets("hole"); n != 0 {
		t.Errorf("%d is committed", n)
	}
}

func TestDeadLettersOfASource(t *testing.T) {
	for name, c := range map[string]struct {
		config map[string]string
		stage  string
		value  string
		refuse bool
	}{
		"converter": {datagen("records", "100", "shape", "row", "value.converter", "ByteArrayConverter"), "VALUE_CONVERTER", `{"schema":{"type":"struct"`, false},
		"transformation": {datagen("records", "100", "transforms", "t", "transforms.t.type", "Cast$Value", "transforms.t.spec", "int32"),
			"TRANSFORMATION", "00000000", false},
		"kafka": {datagen("records", "100", "producer.override.enable.idempotence", "false"), "KAFKA_PRODUCE", "00000000", true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			if c.refuse {
				b.refuse("out")
			}
			b.start("gen", queue(c.config, "all"))
			letters := b.letters(100)
			for _, k := range letters {
				if !strings.HasPrefix(string(k.Value), c.value) {
					t.Fatalf("a dead letter is %q", k.Value)
				}
				checkContext(t, k, map[string]string{"topic": "out", "stage": c.stage, "connector.name": "gen"})
			}
			b.until("the commit", func() bool {
				l := b.offsets.List("gen")
				return len(l) == 1 && string(l[0].Offset) == `{"n":100}`
			})
			if n := b.end("out"); n != 0 {
				t.Errorf("%d records are in the topic all the same", n)
			}
		})
	}
}

func TestDeadLetterOfAFailedSource(t *testing.T) {
	b := newBench(t, nil)
	id := b.start("gen", queue(datagen("records", "100", "shape", "row", "value.converter", "ByteArrayConverter"), "none"))
	b.await(id, is(worker.Failed))
	b.letters(1)
	if l := b.offsets.List("gen"); len(l) != 0 {
		t.Errorf("an offset is stored: %s", l[0].Offset)
	}
}

// A task keeps what transformations make apart for each batch, until Kafka has it.
func TestTransformedSource(t *testing.T) {
	b := newBench(t, nil)
	b.start("gen", datagen("records", "20000", "shape", "row", "transforms", "drop,tag,route",
		"transforms.drop.type", "org.apache.kafka.connect.transforms.ReplaceField$Value", "transforms.drop.include", "id",
		"transforms.tag.type", "InsertField$Value", "transforms.tag.static.field", "from", "transforms.tag.static.value", "us",
		"transforms.route.type", "RegexRouter", "transforms.route.regex", "o(.*)", "transforms.route.replacement", "elsewhere-$1",
		"value.converter", "JsonConverter", "value.converter.schemas.enable", "false"))
	seen := map[string]bool{}
	for _, v := range b.consume("elsewhere-ut", 20000) {
		seen[v] = true
	}
	for i := range 20000 {
		if want := fmt.Sprintf(`{"id":%d,"from":"us"}`, i); !seen[want] {
			t.Fatalf("%s is missing", want)
		}
	}
}

// A record that is dropped counts as done: the offset moves over it.
func TestFilteredSource(t *testing.T) {
	b := newBench(t, nil)
	b.start("gen", datagen("records", "1000", "transforms", "none", "transforms.none.type", "org.apache.kafka.connect.transforms.Filter"))
	b.until("the commit", func() bool {
		l := b.offsets.List("gen")
		return len(l) == 1 && string(l[0].Offset) == `{"n":1000}`
	})
	if n := b.end("out"); n != 0 {
		t.Errorf("%d records came through", n)
	}
}

func TestFilteredSink(t *testing.T) {
	b := newBench(t, nil)
	b.produce("in", 100)
	b.start("hole", blackhole("transforms", "none", "transforms.none.type", "org.apache.kafka.connect.transforms.Filter"))
	b.until("the commit", func() bool { return b.groupOffsets("hole") == 100 })
	if n := b.taken(); n != 0 {
		t.Errorf("%d records came through", n)
	}
}
