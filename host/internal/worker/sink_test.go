package worker_test

import (
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

func blackhole(extra ...string) map[string]string {
	c := map[string]string{"connector.class": "BlackholeSink", "topics": "in"}
	for i := 0; i < len(extra); i += 2 {
		c[extra[i]] = extra[i+1]
	}
	return c
}

func (b *bench) taken() int64 {
	var n int64
	for _, s := range b.worker.Stats() {
		n += s.Records
	}
	return n
}

func (b *bench) takenBy(connector string) int64 {
	for _, s := range b.worker.Stats() {
		if s.ID.Connector == connector {
			return s.Records
		}
	}
	return 0
}

func TestSinkTakesAndCommits(t *testing.T) {
	b := newBench(t, nil)
	b.produce("in", 3000)
	id := b.start("hole", blackhole())
	b.await(id, is(worker.Running))
	b.until("all records", func() bool { return b.taken() == 3000 })
	b.until("the commit", func() bool { return b.groupOffsets("hole") == 3000 })
	b.stop(id)
	b.produce("in", 10)
	b.start("hole", blackhole())
	b.until("the new records", func() bool { return b.groupOffsets("hole") == 3010 })
	if n := b.taken(); n != 10 {
		t.Errorf("after a restart %d records came, want 10", n)
	}
}

// What was put before a stop is committed by it (Invariant 7).
func TestStopOfASinkCommits(t *testing.T) {
	b := newBench(t, func(s *worker.Settings) { s.FlushInterval = time.Hour })
	b.produce("in", 500)
	id := b.start("hole", blackhole())
	b.until("all records", func() bool { return b.taken() == 500 })
	b.stop(id)
	if n := b.groupOffsets("hole"); n != 500 {
		t.Errorf("%d is committed, want 500", n)
	}
}

// After the death of its plugin a sink goes on at once, without a rebalance,
// with what was not committed.
func TestSinkSurvivesItsPlugin(t *testing.T) {
	b := newBench(t, nil)
	b.produce("in", 2000)
	id := b.start("hole", blackhole("delay.ms", "20"))
	for range 3 {
		b.await(id, is(worker.Running))
		before := b.taken()
		b.until("records", func() bool { return b.taken() > before })
		for _, p := range b.sup.Processes() {
			if p.PID != 0 {
				_ = syscall.Kill(p.PID, syscall.SIGKILL)
			}
		}
		b.produce("in", 200)
	}
	b.until("the commit of everything", func() bool { return b.groupOffsets("hole") == 2600 })
}

func TestRetriablePutsAreGivenAgain(t *testing.T) {
	b := newBench(t, nil)
	b.produce("in", 1000)
	b.start("hole", blackhole("fail.every", "100", "fail.kind", "retriable"))
	b.until("the commit of everything", func() bool { return b.groupOffsets("hole") == 1000 })
}

func TestFatalPutsFailTheTask(t *testing.T) {
	b := newBench(t, nil)
	b.produce("in", 100)
	id := b.start("hole", blackhole("fail.every", "50", "fail.kind", "fatal"))
	s := b.await(id, is(worker.Failed))
	checkTrace(t, s.Trace, []string{"plugin.SinkTask.Put()"})
}

func TestErrantRecords(t *testing.T) {
	for name, c := range map[string]struct {
		tolerance string
		committed int64
	}{"none": {"none", 0}, "all": {"all", 100}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.produce("in", 100)
			id := b.start("hole", blackhole("fail.every", "50", "fail.kind", "errant", "errors.tolerance", c.tolerance))
			if c.tolerance == "none" {
				s := b.await(id, is(worker.Failed))
				checkTrace(t, s.Trace, []string{"TASK_PUT", "topic in partition"})
				return
			}
			b.until("the commit", func() bool { return b.groupOffsets("hole") == c.committed })
			if s := b.worker.Stats()[0].Skipped; s != 2 {
				t.Errorf("%d records were skipped, want 2", s)
			}
		})
	}
}

func TestUnreadableRecords(t *testing.T) {
	for name, tolerance := range map[string]string{"none": "none", "all": "all"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.produce("in", 100) // numbers without envelope
			id := b.start("hole", blackhole("value.converter", "JsonConverter", "errors.tolerance", tolerance))
			if tolerance == "none" {
				s := b.await(id, is(worker.Failed))
				checkTrace(t, s.Trace, []string{"VALUE_CONVERTER", "topic in partition", "schemas.enable"})
				return
			}
			b.until("the commit", func() bool { return b.groupOffsets("hole") == 100 })
			if s := b.worker.Stats()[0].Skipped; s != 100 {
				t.Errorf("%d records were skipped, want 100", s)
			}
		})
	}
}

func TestSinkPauses(t *testing.T) {
	b := newBench(t, nil)
	id := b.start("hole", blackhole())
	b.produce("in", 10)
	b.until("records", func() bool { return b.taken() == 10 })
	b.worker.SetTarget("hole", worker.TargetPaused)
	b.await(id, is(worker.Paused))
	b.until("the commit of what was put", func() bool { return b.groupOffsets("hole") == 10 })

	// Another sink shows when the records could have come; the poll that was out
	// at the pause brings the first of them.
	b.start("other", blackhole())
	for _, n := range []int64{1010, 2010} {
		b.produce("in", 1000)
		b.until("the other sink's commit", func() bool { return b.groupOffsets("other") == n })
	}
	if n := b.takenBy("hole"); n != 10 {
		t.Errorf("a paused sink took %d records, want the 10 from before the pause", n)
	}
	b.worker.SetTarget("hole", worker.TargetStarted)
	b.until("the rest", func() bool { return b.groupOffsets("hole") == 2010 })
	if n := b.takenBy("hole"); n != 2010 {
		t.Errorf("after the pause %d records were taken in all, want 2010", n)
	}
}

// An author who pauses and rewinds gets all records of each partition in their
// order, and of a paused one no more than was on its way.
func TestSinksThatChoose(t *testing.T) {
	const each = 1500
	for _, mode := range []string{"none", "pause", "rewind", "die"} {
		t.Run(mode, func(t *testing.T) {
			b := newBench(t, nil)
			b.produceTo("in", 0, each)
			b.produceTo("in", 1, each)
			id := b.start("choosy", map[string]string{
				"connector.class": "ChoosySink", "topics": "in", "consumer.override.max.poll.records": "100",
				"mode": mode, "late": "1000", "marker": filepath.Join(t.TempDir(), "died"),
			})
			b.until("the commit of everything", func() bool {
				b.mu.Lock()
				defer b.mu.Unlock()
				for _, s := range b.tasks[id] {
					if s.State == worker.Failed {
						t.Fatal(s.Trace)
					}
				}
				return b.groupOffsets("choosy") == 2*each
			})
		})
	}
}

// Two tasks share the partitions; when one stops the other takes over, with
// nothing lost and nothing committed that was not put.
func TestSinkTasksShareTheGroup(t *testing.T) {
	b := newBench(t, nil)
	cfg := blackhole("name", "hole")
	first, second := worker.TaskID{Connector: "hole"}, worker.TaskID{Connector: "hole", Task: 1}
	for _, id := range []worker.TaskID{first, second} {
		b.worker.StartTask(worker.TaskSpec{ID: id, ConnectorConfig: cfg, Config: cfg, Target: worker.TargetStarted})
		b.await(id, is(worker.Running))
	}
	b.until("both to have records", func() bool {
		b.produce("in", 10)
		s := b.worker.Stats()
		return s[0].Records > 0 && s[1].Records > 0
	})
	b.stop(first)
	b.produce("in", 1000)
	want := b.end("in")
	b.until("the commit of everything", func() bool { return b.groupOffsets("hole") == want })
}

// What a poll brings that was out when reading went back is not lost: the
// records that come again may be in it.
func TestPollsThatAreOutLoseNothing(t *testing.T) {
	b := newBench(t, func(s *worker.Settings) { s.FlushInterval = time.Hour })
	var fetches atomic.Int64
	b.kafka.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.kafka.KeepControl()
		fetches.Add(1)
		return nil, nil, false
	})
	b.produce("in", 1)
	b.start("hole", blackhole("delay.ms", "2000"))
	killed := map[int]bool{}
	for range 2 {
		pid := 0
		b.until("a process", func() bool {
			for _, p := range b.sup.Processes() {
				if p.PID != 0 && !killed[p.PID] {
					pid = p.PID
				}
			}
			return pid != 0
		})
		// The record came with one of these, and the next one waits for more.
		before := fetches.Load()
		b.until("a poll behind the record", func() bool { return fetches.Load() >= before+3 })
		killed[pid] = true
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	b.until("the record", func() bool { return b.taken() == 1 })
}
