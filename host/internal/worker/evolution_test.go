package worker_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// evolves is a source whose records have the schemas that versions names.
func evolves(policy, versions string) map[string]string {
	c := map[string]string{
		"connector.class": "EvolvingSource", "topic": "out", "versions": versions, "topic.creation.default.partitions": "1",
		"topic.creation.default.replication.factor": "1", "value.converter": "JsonConverter", "value.converter.schemas.enable": "false",
	}
	if policy != "" {
		c["outboard.schema.evolution"] = policy
	}
	return c
}

// offset returns how many records of the source are committed.
func (b *bench) offset(name string) int {
	l := b.offsets.List(name)
	if len(l) != 1 {
		return 0
	}
	var n int
	if _, err := fmt.Sscanf(string(l[0].Offset), `{"n":%d}`, &n); err != nil {
		b.t.Fatalf("the offset is %s", l[0].Offset)
	}
	return n
}

// items returns the numbers of records.
func (b *bench) items(values []string) []int {
	b.t.Helper()
	var all []int
	for _, text := range values {
		var n int
		if _, err := fmt.Sscanf(text, `{"n":%d,`, &n); err != nil {
			b.t.Fatalf("a record is %s", text)
		}
		all = append(all, n)
	}
	return all
}

// delivered reads as many records as there are to be and makes sure of their numbers.
func (b *bench) delivered(want ...int) {
	b.t.Helper()
	got := b.items(b.consume("out", len(want)))
	if end := b.end("out"); !slices.Equal(got, want) || end != int64(len(want)) {
		b.t.Errorf("the topic has the %d records %v, want %v", end, got, want)
	}
}

// holds tells a task that holds from one that somebody paused.
func holds(s worker.Status) bool { return s.State == worker.Paused && s.Trace != "" }

// holding returns how often a task has told that it holds.
func (b *bench) holding(id worker.TaskID) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.tasks[id] {
		if holds(s) {
			n++
		}
	}
	return n
}

const priceChanged = "the schema of the value of topic out changes so that not all readers can follow: field price is INT64 and was INT32; "

func TestSchemasMayEvolve(t *testing.T) {
	for name, c := range map[string]struct{ policy, versions string }{
		"by default":            {"", "abcab"},
		"when told so":          {"evolve", "abcab"},
		"when readers can, too": {"hold", "abbab"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.start("evo", evolves(c.policy, c.versions))
			b.until("the commit", func() bool { return b.offset("evo") == 5 })
			b.delivered(1, 2, 3, 4, 5)
		})
	}
}

// A task that holds delivers what came before the change and nothing after it, keeps its plugin, and says why; it goes on where it stood
// once the policy lets the change pass, which then is what is known.
func TestHoldAtAChange(t *testing.T) {
	b := newBench(t, nil)
	id := b.start("evo", evolves("hold", "aabcabc"))
	s := b.await(id, holds)
	if !strings.Contains(s.Trace, priceChanged+"the task holds (outboard.schema.evolution=hold). Nothing is lost: ") || s.Version != "1.0.0" {
		t.Errorf("the status is %+v", s)
	}
	b.until("the records before the change", func() bool { return b.endOrZero("out") == 3 })
	pid := b.sup.Processes()[0].PID
	for _, target := range []worker.Target{worker.TargetPaused, worker.TargetStarted} {
		before := b.holding(id)
		b.worker.SetTarget("evo", target)
		b.until("the task to say again that it holds", func() bool { return b.holding(id) > before })
	}
	if now := b.sup.Processes()[0].PID; now != pid || pid == 0 {
		t.Errorf("process %d became %d", pid, now)
	}
	b.stop(id)
	if n := b.offset("evo"); n != 3 {
		t.Errorf("%d records are committed, want 3", n)
	}
	b.delivered(1, 2, 3)

	before := b.holding(id)
	b.start("evo", evolves("hold", "aabcabc")) // a restart does not let it pass
	b.until("the task to hold again", func() bool { return b.holding(id) > before })
	b.stop(id)
	b.delivered(1, 2, 3)

	b.start("evo", evolves("evolve", "aabc"))
	b.until("the commit", func() bool { return b.offset("evo") == 4 })
	b.stop(id)
	b.delivered(1, 2, 3, 4)

	b.start("evo", evolves("fail", "aabccca")) // c is known first now
	s = b.await(id, is(worker.Failed))
	if !strings.Contains(s.Trace, "field price is INT32 and was INT64; the task fails (outboard.schema.evolution=fail)") {
		t.Errorf("the trace is %s", s.Trace)
	}
	b.stop(id)
	b.delivered(1, 2, 3, 4, 5, 6)
}

// What comes from the change on does not count, even when it is in a transaction with what came before it: that does not count either then.
// Nothing of the transaction is seen, and no offset is stored, however often the task is restarted; once the change may pass all of it
// comes, each record once.
func TestHoldInATransaction(t *testing.T) {
	// The source polls three records at a time: the change is the second record of the second batch, and a third batch follows.
	const versions, all = "aaaacabcb", 9
	for name, c := range map[string]struct {
		boundary map[string]string
		complete []int // how many records may be in transactions that are committed before
	}{
		"a batch":         {nil, []int{3}},
		"an interval":     {map[string]string{"transaction.boundary": "interval", "transaction.boundary.interval.ms": "3600000"}, []int{0, 3}},
		"no time between": {map[string]string{"transaction.boundary": "interval", "transaction.boundary.interval.ms": "0"}, []int{0, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			b, _, _ := newExactlyOnceBench(t)
			config := func(policy string) map[string]string {
				config := evolves(policy, versions)
				maps.Copy(config, c.boundary)
				return config
			}
			id := worker.TaskID{Connector: "evo"}
			holdsAgain := func(what string, cause func()) {
				t.Helper()
				before := b.holding(id)
				cause()
				b.until("the task to hold after "+what, func() bool { return b.holding(id) > before })
			}
			before := 0
			check := func(after string) {
				t.Helper()
				b.stop(id) // no transaction is open then: what the readers see is all they will see
				seen := b.items(b.visible("out"))
				stored := map[int]string{3: `{"n":3}`}[len(seen)]
				if at := b.stored("evo", config("hold")); !slices.Contains(c.complete, len(seen)) || !slices.Equal(seen, count(len(seen))) || at != stored {
					t.Errorf("after %s the records %v are seen and %q is stored, want one of %v records with their offset", after, seen, at, c.complete)
				}
				if len(seen) < before {
					t.Errorf("after %s %d records are seen, and %d were before", after, len(seen), before)
				}
				before = len(seen)
			}
			holdsAgain("the start", func() { b.start("evo", config("hold")) })
			if s := b.await(id, holds); !strings.Contains(s.Trace, priceChanged+"the task holds (outboard.schema.evolution=hold). Nothing is lost: ") {
				t.Errorf("the status is %+v", s)
			}
			holdsAgain("a pause", func() { b.worker.SetTarget("evo", worker.TargetPaused) })
			holdsAgain("a resumption", func() { b.worker.SetTarget("evo", worker.TargetStarted) })
			check("the first run")
			holdsAgain("a restart", func() { b.start("evo", config("hold")) })
			holdsAgain("the death of the plugin", b.killPlugins)
			check("the second run")

			b.start("evo", config("evolve"))
			b.until("the last record", func() bool { return b.stored("evo", config("evolve")) == fmt.Sprintf(`{"n":%d}`, all) })
			b.stop(id)
			if seen := b.items(b.visible("out")); !slices.Equal(seen, count(all)) {
				t.Errorf("the records %v are seen, want all from 1 to %d, each once", seen, all)
			}
		})
	}
}

// count returns the numbers from 1 to n.
func count(n int) (all []int) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

// A restart compares with what came before it.
func TestSchemasAreRemembered(t *testing.T) {
	b := newBench(t, nil)
	id := b.start("evo", evolves("fail", "ab"))
	b.until("the commit", func() bool { return b.offset("evo") == 2 })
	b.stop(id)
	b.start("evo", evolves("fail", "abc"))
	if s := b.await(id, is(worker.Failed)); !strings.Contains(s.Trace, priceChanged+"the task fails (outboard.schema.evolution=fail)") {
		t.Errorf("the trace is %s", s.Trace)
	}
	b.delivered(1, 2)
	if n := b.offset("evo"); n != 2 {
		t.Errorf("%d records are committed, want 2", n)
	}
}

func TestChangesAsDeadLetters(t *testing.T) {
	b := newBench(t, nil)
	b.start("evo", queue(evolves("dlq", "acbca"), "none"))
	b.until("the commit", func() bool { return b.offset("evo") == 5 })
	b.delivered(1, 3, 5)
	for i, k := range b.letters(2) {
		if want := fmt.Sprintf(`"payload":{"n":%d,"price":1}}`, []int{2, 4}[i]); !strings.HasSuffix(string(k.Value), want) {
			t.Errorf("letter %d is %s, want %s", i, k.Value, want)
		}
		checkContext(t, k, map[string]string{
			"topic": "out", "source.offset": `{"n":`, "connector.name": "evo", "task.id": "0", "stage": "SCHEMA_EVOLUTION", "class.name": "outboard.schema.evolution",
			"exception.message": "field price is INT64 and was INT32",
		})
	}
}

func TestBadPolicies(t *testing.T) {
	for policy, want := range map[string]string{
		"keep": `outboard.schema.evolution is "keep": use evolve, hold, dlq or fail`,
		"dlq":  "outboard.schema.evolution=dlq needs a dead letter queue: name its topic in errors.deadletterqueue.topic.name",
	} {
		t.Run(policy, func(t *testing.T) {
			b := newBench(t, nil)
			id := b.start("evo", evolves(policy, "a"))
			if s := b.await(id, is(worker.Failed)); !strings.Contains(s.Trace, want) {
				t.Errorf("the trace is %s", s.Trace)
			}
		})
	}
}

// What is stored and cannot be read says how to go on.
func TestDamagedMemory(t *testing.T) {
	b := newBench(t, nil)
	if err := b.offsets.Put(t.Context(), "outboard.schemas/evo", []storage.PartitionOffset{{Partition: []byte(`{"topic":"out","use":"value"}`), Offset: []byte(`{"type":"no"}`)}}); err != nil {
		t.Fatal(err)
	}
	id := b.start("evo", evolves("hold", "a"))
	s := b.await(id, is(worker.Failed))
	if !strings.Contains(s.Trace, "reading the schemas remembered for outboard.schema.evolution: ") || !strings.Contains(s.Trace, "start once with outboard.schema.evolution=evolve to forget them") {
		t.Errorf("the trace is %s", s.Trace)
	}
	b.stop(id)
	b.start("evo", evolves("", "a"))
	b.until("the commit", func() bool { return b.offset("evo") == 1 })
	if l := b.offsets.List("outboard.schemas/evo"); len(l) != 0 {
		t.Errorf("%s is still there", l[0].Partition)
	}
}
