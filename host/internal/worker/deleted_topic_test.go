package worker_test

import (
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

// replaceTopic deletes a topic and makes another of its name.
func (b *bench) replaceTopic(topic string) {
	b.t.Helper()
	admin := kadm.NewClient(b.client)
	if _, err := admin.DeleteTopic(b.t.Context(), topic); err != nil {
		b.t.Fatal(err)
	}
	if _, err := admin.CreateTopic(b.t.Context(), 1, 1, nil, topic); err != nil {
		b.t.Fatal(err)
	}
	b.client.PurgeTopicsFromClient(topic)
}

// A source goes on with the new topic.
func TestSourceTopicDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	id := b.start("gen", datagen("records", "0", "rate", "2000"))
	b.until("records", func() bool { return b.endOrZero("out") > 500 })
	b.replaceTopic("out")
	b.until("records in the new topic", func() bool { return b.endOrZero("out") > 500 })
	b.stop(id)
	got := numbers(t, b.consume("out", int(b.end("out"))))
	for i := 1; i < len(got); i++ {
		if got[i] > got[i-1]+1 {
			t.Fatalf("in the new topic %d follows %d: what is between was lost", got[i], got[i-1])
		}
	}
}

// A sink reads the new topic from its beginning.
func TestSinkTopicDeletedAndMadeAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.produce("in", 1000)
	id := b.start("hole", blackhole())
	b.await(id, is(worker.Running))
	b.until("the commit", func() bool { return b.groupOffsets("hole") == 1000 })
	b.replaceTopic("in")
	for n := range 100 {
		r := &kgo.Record{Topic: "in", Value: strconv.AppendInt(nil, int64(n), 10)}
		if err := b.client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	b.until("the records of the new topic", func() bool { return b.taken() == 1100 })
}
