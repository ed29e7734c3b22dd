//go:build integration

package integration

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// exactlyOnce is what makes a worker write in transactions, and be missed soon by its group when it is killed.
var exactlyOnce = map[string]string{"exactly.once.source.support": "enabled", "session.timeout.ms": "6000"}

// seen returns the numbers that begin the values of a topic, in the order of the topic, for readers of committed records or of all.
func (k *kafka) seen(t *testing.T, topic string, isolation kgo.IsolationLevel) []int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), flowLimit)
	defer cancel()
	ends := k.list(t, topic, k.admin.ListCommittedOffsets)
	client, err := kgo.NewClient(kgo.SeedBrokers(k.address), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords()) // the last record may be the end of a transaction
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var numbers []int
	next := map[int32]int64{}
	for {
		behind := false
		ends.Each(func(o kadm.ListedOffset) { behind = behind || next[o.Partition] < o.Offset })
		if !behind {
			return numbers
		}
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("reading topic %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next[r.Partition] = r.Offset + 1
			if r.Attrs.IsControl() {
				return
			}
			n, err := strconv.Atoi(string(r.Value[:min(digits, len(r.Value))]))
			if err != nil {
				t.Fatalf("value %q of topic %s does not begin with a number", r.Value, topic)
			}
			numbers = append(numbers, n)
		})
	}
}

// awaitOnce waits until readers of committed records see n numbers, and checks that they are 0 to n-1 in their order, each once.
func (k *kafka) awaitOnce(t *testing.T, topic string, n int) {
	t.Helper()
	var numbers []int
	eventually(t, flowLimit, fmt.Sprintf("%d committed numbers in topic %s", n, topic), func() string {
		if numbers = k.seen(t, topic, kgo.ReadCommitted()); len(numbers) < n {
			return fmt.Sprintf("there are %d", len(numbers))
		}
		return ""
	})
	for i, number := range numbers {
		if number != i {
			t.Fatalf("topic %s: number %d is at place %d of %d: one is missing or there twice", topic, number, i, len(numbers))
		}
	}
	if len(numbers) != n {
		t.Fatalf("topic %s has %d committed numbers, want %d", topic, len(numbers), n)
	}
	t.Logf("topic %s: %d committed, %d written", topic, n, len(k.seen(t, topic, kgo.ReadUncommitted())))
}

// Whatever is killed, plugin or host, readers of committed records see each number exactly once, in order: with a transaction a
// batch and with one an interval, with offsets in the worker's topic and in the connector's own.
func TestExactlyOnceSurvivesKills(t *testing.T) {
	t.Parallel()
	k := shared(t)
	w := newWorker(t, k, exactlyOnce)
	w.start()

	const perRound = 2000
	made, lines := w.prefix+"-made", w.prefix+"-lines"
	for _, topic := range []string{made, lines} {
		k.create(t, topic, 1, nil)
	}
	file := filepath.Join(w.folder, "lines.txt")
	kills := []func(){
		func() { w.killPlugin(made) },
		func() { w.kill(); w.start() },
		func() { w.killPlugin(lines) },
	}
	total := perRound * (len(kills) + 1)
	appendTo(t, file, numbered(0, perRound))
	w.put(made, map[string]string{
		"connector.class": "DatagenSource", "topic": made, "records": strconv.Itoa(total), "rate": "1000", "value.size": strconv.Itoa(digits),
		"key.converter": "ByteArrayConverter", "value.converter": "ByteArrayConverter",
	})
	w.put(lines, map[string]string{
		"connector.class": "FileStreamSource", "topic": lines, "file": file, "batch.size": "10",
		"exactly.once.support": "required", "transaction.boundary": "interval", "transaction.boundary.interval.ms": "100",
		"offsets.storage.topic": w.prefix + "-lines-offsets",
	})
	for i, kill := range kills {
		// Somewhere among the records of the round.
		at := int64(perRound*i + perRound/4 + rand.IntN(perRound/2))
		eventually(t, flowLimit, fmt.Sprintf("record %d of topic %s", at, made), func() string {
			if end, err := k.end(t.Context(), made); err != nil || end < at {
				return fmt.Sprintf("there are %d, %v", end, err)
			}
			return ""
		})
		appendTo(t, file, numbered(perRound*(i+1), perRound))
		kill()
	}
	k.awaitOnce(t, made, total)
	k.awaitOnce(t, lines, total)
	w.stop()
	k.awaitOnce(t, made, total)
}

// killPlugin kills the plugin of a connector, as soon as it runs.
func (w *worker) killPlugin(connector string) {
	w.t.Helper()
	pid := 0
	eventually(w.t, flowLimit, "the plugin of "+connector+" to run", func() string {
		if pid = w.plugin(connector); pid == 0 {
			return "it does not"
		}
		return ""
	})
	sigkill(w.t, pid)
}

// A source is asked whether it can, and the worker knows whether it does.
func TestExactlyOnceRequired(t *testing.T) {
	t.Parallel()
	k := shared(t)
	w := newWorker(t, k, exactlyOnce)
	w.start()
	for name, c := range map[string]struct {
		config map[string]string
		want   string
	}{
		"silent": {map[string]string{"connector.class": "DatagenSource", "topic": "none", "exactly.once.support": "required"}, "does not implement the API required for preflight validation"},
		"bounds": {map[string]string{"connector.class": "DatagenSource", "topic": "none", "transaction.boundary": "connector"}, "does not support connector-defined transaction boundaries"},
	} {
		_, _, err := w.rest.PutConfig(w.ctx(), w.prefix+"-"+name, c.config)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
	// A set of fewer tasks shuts the earlier ones out, and the config topic remembers it.
	name := w.prefix + "-many"
	config := map[string]string{"connector.class": "DatagenSource", "topic": w.prefix + "-out", "tasks.max": "3", "rate": "100", "value.size": strconv.Itoa(digits)}
	w.put(name, config)
	w.awaitState(name, "RUNNING", 3)
	config["tasks.max"] = "2"
	w.put(name, config)
	eventually(t, flowLimit, "the fencing record of two tasks", func() string {
		if got := string(k.latest(t, w.prefix+"-configs")["tasks-fencing-"+name]); got != `{"task-count":2}` {
			return "it is " + got
		}
		return ""
	})
	w.awaitState(name, "RUNNING", 2)
	w.do(w.rest.Stop, name)
	w.awaitState(name, "STOPPED", 0)
	if _, err := w.rest.ResetOffsets(w.ctx(), name); err != nil {
		t.Fatal(err)
	}
	offsets, err := w.rest.Offsets(w.ctx(), name)
	if err != nil || len(offsets) != 0 {
		t.Errorf("after the reset there are offsets %v, %v", offsets, err)
	}
}
