//go:build integration

package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// resumeLimit is how long no record may flow after the death of a plugin, and how long the connectors beside it may be
// without progress: far more than it takes, for machines that are busy; the log has what it took.
const resumeLimit = 20 * time.Second

// amounts of the crash tests.
type amounts struct {
	records int64
	kills   int
}

func readAmounts(t *testing.T) amounts {
	t.Helper()
	read := func(key string, standard int64) int64 {
		text, ok := os.LookupEnv(key)
		if !ok {
			return standard
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			t.Fatalf("%s is %q: it takes a number from 1", key, text)
		}
		return n
	}
	a := amounts{records: read("OUTBOARD_CRASH_RECORDS", 100_000), kills: int(read("OUTBOARD_CRASH_KILLS", 1))}
	if a.records < 1000*int64(a.kills) {
		t.Fatalf("OUTBOARD_CRASH_RECORDS is %d: it takes at least 1000 for each of the %d kills, to have a middle", a.records, a.kills)
	}
	return a
}

// The kills are spread over the records evenly, one in each part. It happens within a window of the part that begins after
// a while of quiet flow.
const (
	part        = 8 * time.Second
	patientPart = 70 * time.Second // more than the minute after which the death of a plugin is a first one again
	quiet       = time.Second
	window      = 6 * time.Second
)

// flow is a source of numbered records, the topic that they go through, and the sink that writes them to a file.
type flow struct {
	source, sink, topic string
	out                 *arrivals
	// produced counts the records of the topic, written the lines of the file.
	produced, written progress
}

// crash is numbered records on their way from a datagen source through Kafka into a file, and beside them another such flow.
type crash struct {
	*worker
	amounts
	every       time.Duration // of a part
	main, other *flow
}

// startCrash starts a worker and both flows.
func startCrash(t *testing.T, k *kafka, every time.Duration) *crash {
	t.Helper()
	c := &crash{worker: newWorker(t, k, nil), amounts: readAmounts(t), every: every}
	c.start()
	rate := float64(c.records) / (float64(c.kills) * c.every.Seconds())
	c.main, c.other = c.flow("main", c.records, rate), c.flow("other", 0, 500)
	follow, stop := context.WithCancel(t.Context())
	var following sync.WaitGroup
	for _, f := range []*flow{c.main, c.other} {
		following.Go(func() {
			f.produced.follow(follow, func(ctx context.Context) (int64, error) { return k.end(ctx, f.topic) })
		})
		following.Go(func() {
			f.written.follow(follow, func(context.Context) (int64, error) {
				err := f.out.look()
				_, lines := f.out.count()
				return lines, err
			})
		})
	}
	t.Cleanup(following.Wait)
	t.Cleanup(stop)
	return c
}

// flow makes the connectors of one flow.
func (c *crash) flow(name string, records int64, rate float64) *flow {
	c.t.Helper()
	p := newPipeline(c.worker, name)
	c.put(p.source, map[string]string{
		"connector.class": "DatagenSource", "tasks.max": "1", "topic": p.topic, "records": strconv.FormatInt(records, 10),
		"rate": strconv.FormatFloat(rate, 'f', -1, 64), "key": "sequence", "value.size": strconv.Itoa(digits),
		"key.converter": "ByteArrayConverter", "value.converter": "ByteArrayConverter",
	})
	c.put(p.sink, p.sinkConfig())
	c.awaitState(p.source, "RUNNING", 1)
	c.awaitState(p.sink, "RUNNING", 1)
	return &flow{source: p.source, sink: p.sink, topic: p.topic, out: p.out}
}

// number is the one at whose arrival the nth kill comes.
func (c *crash) number(n int) int64 {
	perSecond := float64(c.records) / (float64(c.kills) * c.every.Seconds())
	into := quiet + time.Duration(rand.Int64N(int64(window)))
	return c.records*int64(n)/int64(c.kills) + int64(perSecond*into.Seconds())
}

// arrive waits until a number is in the file.
func (c *crash) arrive(number int64) {
	c.t.Helper()
	eventually(c.t, flowLimit+2*c.every, fmt.Sprintf("number %d in %s", number, c.main.out.path), func() string {
		if numbers, _ := c.main.out.count(); numbers <= number {
			return fmt.Sprintf("%d have arrived", numbers)
		}
		return ""
	})
}

// flowsAgain waits until a record that is new to it is in the file.
func (c *crash) flowsAgain() {
	c.t.Helper()
	before, _ := c.main.out.count()
	eventually(c.t, flowLimit, "records to flow again", func() string {
		if !c.running() {
			c.t.Fatalf("the worker ended: %s", c.process.ProcessState)
		}
		if now, _ := c.main.out.count(); now == before {
			return "none came"
		}
		return ""
	})
}

// finish waits for the last number and checks the file. Each kill may have torn a line.
func (c *crash) finish() {
	c.t.Helper()
	c.main.out.await(c.t, flowLimit+time.Duration(c.kills)*c.every, c.records)
	if c.main.out.torn > int64(c.kills) {
		c.t.Errorf("%d lines are torn after %d kills", c.main.out.torn, c.kills)
	}
	for _, name := range []string{c.main.source, c.main.sink, c.other.source, c.other.sink} {
		c.awaitState(name, "RUNNING", 1)
	}
	end, err := c.kafka.end(c.t.Context(), c.main.topic)
	if err != nil {
		c.t.Fatal(err)
	}
	_, lines := c.main.out.count()
	c.t.Logf("%d numbers sent, all arrived in order: %d records in Kafka (%d twice), %d lines (%d again, %d torn)",
		c.records, end, end-c.records, lines, lines-end-c.main.out.torn, c.main.out.torn)
	c.stop()
	c.other.out.check(c.t)
}

// The death of a plugin interrupts its own connector for a moment, and no other.
func TestPluginCrash(t *testing.T) {
	for name, victim := range map[string]struct {
		connector func(*crash) string
		stream    func(*crash) *progress // that it moves
	}{
		"source": {func(c *crash) string { return c.main.source }, func(c *crash) *progress { return &c.main.produced }},
		"sink":   {func(c *crash) string { return c.main.sink }, func(c *crash) *progress { return &c.main.written }},
	} {
		t.Run(name, func(t *testing.T) {
			every := part
			if readAmounts(t).kills > 1 {
				every = patientPart
				t.Parallel()
			}
			c := startCrash(t, shared(t), every)
			connector := victim.connector(c)
			beside := slices.DeleteFunc([]string{c.main.source, c.main.sink, c.other.source, c.other.sink}, func(n string) bool { return n == connector })
			pids := map[string]int{}
			for _, n := range beside {
				pids[n] = c.plugin(n)
			}
			before := c.kafka.position(t, c.props["status.storage.topic"])
			var kills []time.Time
			for n := range c.kills {
				c.arrive(c.number(n))
				pid := c.plugin(connector)
				if pid == 0 {
					t.Fatalf("connector %s has no process", connector)
				}
				kills = append(kills, time.Now())
				sigkill(t, pid)
			}
			c.main.out.await(t, flowLimit+time.Duration(c.kills)*c.every, c.records)

			for n, at := range kills {
				until := victim.stream(c).end()
				if n+1 < len(kills) {
					until = kills[n+1]
				}
				pause := victim.stream(c).pause(at, until)
				others := max(c.other.produced.pause(at, until), c.other.written.pause(at, until))
				t.Logf("kill %d: records flowed again after %s; the longest pause of the connectors beside it was %s", n+1, pause.Round(time.Millisecond), others.Round(time.Millisecond))
				if pause > resumeLimit {
					t.Errorf("after the death of the %s plugin no record flowed for %s, want at most %s", name, pause, resumeLimit)
				}
				if others > resumeLimit {
					t.Errorf("the death of the %s plugin stopped the connectors beside it for %s, want at most %s", name, others, resumeLimit)
				}
			}
			for _, n := range beside {
				if pid := c.plugin(n); pid != pids[n] {
					t.Errorf("the process of %s was %d and is %d after the death of another", n, pids[n], pid)
				}
			}
			for _, r := range c.kafka.since(t, c.props["status.storage.topic"], before) {
				state := member(t, r.Value, "state")
				if state != nil && state != "RUNNING" && !strings.Contains(string(r.Key), connector) {
					t.Errorf("status %s became %v by the death of another", r.Key, state)
				}
			}
			c.finish()
		})
	}
}

// A host that is killed takes its plugins with it; the next one goes on where it was.
func TestHostCrash(t *testing.T) {
	t.Parallel()
	c := startCrash(t, shared(t), part)
	for n := range c.kills {
		c.arrive(c.number(n))
		at := time.Now()
		c.kill()
		c.start()
		healthy := time.Since(at)
		c.flowsAgain()
		t.Logf("kill %d: healthy after %s, records flowed again after %s from the source and after %s to the sink", n+1, healthy.Round(time.Millisecond),
			c.main.produced.longest(at).Round(time.Millisecond), c.main.written.longest(at).Round(time.Millisecond))
	}
	c.finish()
}

// A broker that is killed and comes back with its data costs time and nothing else.
func TestBrokerCrash(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	c := startCrash(t, newKafka(t, b.address), part)
	for n := range c.kills {
		c.arrive(c.number(n))
		at := time.Now()
		b.kill()
		b.start()
		answered := time.Since(at)
		c.flowsAgain()
		t.Logf("kill %d: the broker answered after %s, records flowed again after %s from the source and after %s to the sink", n+1, answered.Round(time.Millisecond),
			c.main.produced.longest(at).Round(time.Millisecond), c.main.written.longest(at).Round(time.Millisecond))
	}
	c.finish()
}
