package worker_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

func datagen(extra ...string) map[string]string {
	c := map[string]string{"connector.class": "DatagenSource", "topic": "out", "records": "5000", "value.size": "32", "slice": "0", "slices": "1"}
	for i := 0; i < len(extra); i += 2 {
		c[extra[i]] = extra[i+1]
	}
	return c
}

// numbers returns the record numbers, 16 digits, that begin datagen's values, sorted.
func numbers(t *testing.T, values []string) []int {
	t.Helper()
	var all []int
	for _, v := range values {
		n, err := strconv.Atoi(v[:min(16, len(v))])
		if err != nil {
			t.Fatalf("value %q does not begin with a number", v)
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

func checkAll(t *testing.T, got []int, n int) {
	t.Helper()
	got = slices.Compact(slices.Clone(got))
	if len(got) != n || got[0] != 0 || got[n-1] != n-1 {
		t.Errorf("%d different numbers from %d to %d, want %d", len(got), got[0], got[len(got)-1], n)
	}
}

func TestSourceDeliversAndCommits(t *testing.T) {
	b := newBench(t, nil)
	id := b.start("gen", datagen())
	b.await(id, is(worker.Running))
	got := numbers(t, b.consume("out", 5000))
	checkAll(t, got, 5000)
	b.until("the commit", func() bool { return len(b.offsets.List("gen")) == 1 })
	b.stop(id)
	b.start("gen", datagen())
	b.await(id, is(worker.Running))
	b.stop(id)
	if n := b.end("out"); n != 5000 {
		t.Errorf("after a restart there are %d records, want 5000", n)
	}
}

// What was delivered before a stop is committed by it (Invariant 7).
func TestStopOfASourceCommits(t *testing.T) {
	b := newBench(t, func(s *worker.Settings) { s.FlushInterval = time.Hour })
	for range 5 {
		id := b.start("gen", datagen("records", "0", "rate", "20000"))
		before := b.endOrZero("out")
		b.until("records", func() bool { return b.endOrZero("out") > before+500 })
		b.stop(id)
	}
	n := int(b.end("out"))
	got := numbers(t, b.consume("out", n))
	checkAll(t, got, n)
	if len(slices.Compact(slices.Clone(got))) != n {
		t.Error("a stop in order made duplicates")
	}
}

func (b *bench) endOrZero(topic string) (n int64) {
	if !slices.Contains(b.kafkaTopics(), topic) {
		return 0
	}
	return b.end(topic)
}

func (b *bench) kafkaTopics() []string {
	m, err := kmsg.NewPtrMetadataRequest().RequestWith(b.t.Context(), b.client)
	if err != nil {
		b.t.Fatal(err)
	}
	var names []string
	for _, t := range m.Topics {
		if t.Topic != nil && t.ErrorCode == 0 {
			names = append(names, *t.Topic)
		}
	}
	return names
}

// A plugin that is killed goes on where it was, in less than two seconds, and
// since the worker lives on nothing is read twice either (Invariant 1).
func TestSourceSurvivesItsPlugin(t *testing.T) {
	b := newBench(t, func(s *worker.Settings) { s.FlushInterval = time.Hour })
	id := b.start("gen", datagen("records", "0", "rate", "20000"))
	b.await(id, is(worker.Running))
	for range 4 {
		before := b.endOrZero("out")
		b.until("records", func() bool { return b.endOrZero("out") > before+500 })
		b.killPlugins()
	}
	b.stop(id)
	n := int(b.end("out"))
	checkAll(t, numbers(t, b.consume("out", n)), n)
}

func (b *bench) killPlugins() {
	for _, p := range b.sup.Processes() {
		if p.PID != 0 {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
	}
}

// While others may run the task it writes nothing, and goes on without a gap when it turns out that nobody did.
func TestLapsedSourceWritesNothing(t *testing.T) {
	var lapsed atomic.Bool
	b := newBench(t, func(s *worker.Settings) { s.Lapsed = lapsed.Load })
	id := b.start("gen", datagen("records", "0", "rate", "20000"))
	b.until("records", func() bool { return b.endOrZero("out") > 500 && len(b.offsets.List("gen")) == 1 })
	lapsed.Store(true)
	stored := func() string { return fmt.Sprint(b.offsets.List("gen")) }
	offsets, end := "", int64(-1)
	b.until("what is under way to arrive", func() bool {
		before, was := offsets, end
		time.Sleep(3 * 200 * time.Millisecond) // the interval of commits, three times
		offsets, end = stored(), b.end("out")
		return offsets == before && end == was
	})
	lapsed.Store(false)
	b.until("more records", func() bool { return b.end("out") > end+500 })
	lapsed.Store(true)
	b.until("the end of records", func() bool { before := b.end("out"); time.Sleep(100 * time.Millisecond); return b.end("out") == before })
	offsets = stored()
	b.stop(id) // at once, though the task is not done with what its process said
	if after := stored(); after != offsets {
		t.Errorf("the stop of a task that others may run has stored %s, want %s as before", after, offsets)
	}
	lapsed.Store(false)
	n := int(b.end("out"))
	got := numbers(t, b.consume("out", n))
	checkAll(t, got, n)
}

func TestSourcePauses(t *testing.T) {
	b := newBench(t, nil)
	id := b.start("gen", datagen("records", "0", "rate", "5000"))
	b.until("records", func() bool { return b.endOrZero("out") > 100 })
	b.worker.SetTarget("gen", worker.TargetPaused)
	b.await(id, is(worker.Paused))
	// What was under way arrives; then nothing does.
	var at int64 = -1
	b.until("silence", func() bool {
		last := at
		at = b.end("out")
		time.Sleep(50 * time.Millisecond)
		return at == last
	})
	b.worker.SetTarget("gen", worker.TargetStarted)
	b.until("records again", func() bool { return b.end("out") > at+100 })
	b.stop(id)
	n := int(b.end("out"))
	checkAll(t, numbers(t, b.consume("out", n)), n)
}

func TestATaskStartedPausedStartsNothing(t *testing.T) {
	b := newBench(t, nil)
	id := worker.TaskID{Connector: "gen"}
	cfg := datagen("name", "gen")
	b.worker.StartTask(worker.TaskSpec{ID: id, ConnectorConfig: cfg, Config: cfg, Target: worker.TargetPaused})
	b.await(id, is(worker.Paused))
	if p := b.sup.Processes(); len(p) != 0 {
		t.Errorf("there are processes: %v", p)
	}
	b.worker.SetTarget("gen", worker.TargetStarted)
	b.await(id, is(worker.Running))
	checkAll(t, numbers(t, b.consume("out", 5000)), 5000)
}

// Kafka refusing records fails the task, or is tolerated, as configured.
func TestRefusedRecords(t *testing.T) {
	for name, c := range map[string]struct {
		tolerance string
		state     worker.State
	}{"none": {"none", worker.Failed}, "all": {"all", worker.Running}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			id := b.start("gen", datagen("value.size", "3000000", "records", "3", "errors.tolerance", c.tolerance))
			if c.state == worker.Failed {
				s := b.await(id, is(worker.Failed))
				checkTrace(t, s.Trace, []string{"KAFKA_PRODUCE", "too large", "producer.override.max.request.size"})
				return
			}
			b.await(id, is(worker.Running))
			b.until("three skipped records", func() bool { return b.worker.Stats()[0].Skipped == 3 })
			b.until("the commit", func() bool { return len(b.offsets.List("gen")) == 1 })
		})
	}
}

func TestTopicCreationSettings(t *testing.T) {
	b := newBench(t, nil)
	b.start("gen", datagen("topic.creation.default.partitions", "5", "topic.creation.default.replication.factor", "1",
		"topic.creation.default.retention.ms", "12345"))
	checkAll(t, numbers(t, b.consume("out", 5000)), 5000)
	if info := b.kafka.TopicInfo("out"); info == nil || len(b.partitions("out")) != 5 {
		t.Errorf("the topic has %d partitions, want 5", len(b.partitions("out")))
	}
}

func (b *bench) partitions(topic string) []kmsg.MetadataResponseTopicPartition {
	m, err := kmsg.NewPtrMetadataRequest().RequestWith(b.t.Context(), b.client)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, t := range m.Topics {
		if t.Topic != nil && *t.Topic == topic {
			return t.Partitions
		}
	}
	return nil
}

// Records whose produce requests fail for a while are not lost and stay in order.
func TestSourceSurvivesTheBroker(t *testing.T) {
	b := newBench(t, nil)
	fault := b.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotLeaderForPartition, Count: 3})
	defer fault.Remove()
	b.start("gen", datagen("key", "sequence"))
	checkAll(t, numbers(t, b.consume("out", 5000)), 5000)
	if fault.Hits() == 0 {
		t.Error("no request failed")
	}
}

func TestTheOverridePolicyHolds(t *testing.T) {
	b := newBench(t, func(s *worker.Settings) { s.Properties["connector.client.config.override.policy"] = "None" })
	s := b.await(b.start("gen", datagen("producer.override.acks", "all")), is(worker.Failed))
	checkTrace(t, s.Trace, []string{"producer.override.acks", "policy does not allow"})
}

func TestUnknownSettingsAreNamed(t *testing.T) {
	for want, change := range map[string][]string{
		`outboard.isolation is "thread": use connector, task or plugin`:                {"outboard.isolation", "thread"},
		`errors.tolerance is "some": use none or all`:                                  {"errors.tolerance", "some"},
		`outboard.call.timeout.ms is "soon": it takes a number of milliseconds from 1`: {"outboard.call.timeout.ms", "soon"},
		`Failed to find any class that implements Connector`:                           {"connector.class", "NoSuch"},
		`topic.creation.default.replication.factor is missing`:                         {"topic.creation.default.partitions", "1"},
	} {
		t.Run(fmt.Sprint(change), func(t *testing.T) {
			b := newBench(t, nil)
			s := b.await(b.start("gen", datagen(change...)), is(worker.Failed))
			checkTrace(t, s.Trace, []string{want})
		})
	}
}

// A source may wait for its first offset to be stored before it goes on.
func TestFirstOffsetIsStoredAtOnce(t *testing.T) {
	b := newBench(t, func(s *worker.Settings) { s.FlushInterval = time.Hour })
	b.start("gen", datagen("records", "10"))
	b.until("the commit", func() bool {
		l := b.offsets.List("gen")
		return len(l) == 1 && string(l[0].Offset) == `{"n":10}`
	})
}
