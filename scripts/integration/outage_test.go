//go:build integration

package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/host/herder"
)

// promptly is how long answers may take that need no broker.
const promptly = 20 * time.Second

// lastLine is what a worker that ended says of the reason.
func (w *worker) lastLine() string {
	w.t.Helper()
	for _, line := range strings.Split(w.tail(20), "\n") {
		if strings.HasPrefix(line, "outboard: ") {
			return line
		}
	}
	w.t.Fatalf("the worker does not say why it ended:\n%s", w.tail(20))
	return ""
}

// Without a broker a worker says so, waits for a minute, and ends.
func TestNoBroker(t *testing.T) {
	nobody := "127.0.0.1:" + freePort(t)
	w := newWorker(t, shared(t), map[string]string{"bootstrap.servers": nobody})
	began := time.Now()
	w.launch()
	eventually(t, startLimit, "the worker to say what it waits for", func() string {
		health, err := w.rest.Health(t.Context())
		switch {
		case err != nil:
			return err.Error()
		case health.Status != herder.Starting || !strings.Contains(health.Message, nobody):
			return fmt.Sprintf("it says %s: %s", health.Status, health.Message)
		}
		return ""
	})
	if _, err := w.rest.Connectors(t.Context()); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("the list of connectors while there is no broker: %v", err)
	}
	t.Parallel() // the others need not wait
	if code := w.await(max(time.Second, time.Until(began.Add(90*time.Second)))); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	if line := w.lastLine(); !strings.Contains(line, "no Kafka broker answers at bootstrap.servers="+nobody) {
		t.Errorf("it says %q", line)
	}
}

// While the broker is away a worker answers and loses nothing, and can be stopped; when the broker is back all goes on.
func TestBrokerOutage(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	w := newWorker(t, newKafka(t, b.address), nil)
	w.start()
	p := newPipeline(w, "lines")
	p.send(1000)
	p.create()
	p.delivered()

	b.stop()
	p.send(1000)
	checkAnswersWithoutBroker(t, p)
	b.start()
	back := time.Now()
	p.delivered()
	t.Logf("delivered %s after the broker was back", time.Since(back).Round(time.Millisecond))
	eventually(t, flowLimit, "the worker to be healthy again", func() string {
		health, err := w.rest.Health(t.Context())
		if err != nil || health.Status != herder.Healthy {
			return fmt.Sprintf("%+v, %v", health, err)
		}
		return ""
	})
	w.do(w.rest.Pause, p.sink)
	w.awaitState(p.sink, "PAUSED", 1)
	w.do(w.rest.Resume, p.sink)
	w.awaitState(p.sink, "RUNNING", 1)
	p.send(1000)
	p.delivered()

	b.stop()
	p.send(1000)
	checkStopWithoutBroker(t, w)
	b.start()
	w.start()
	p.delivered()
	w.stop()
}

func checkAnswersWithoutBroker(t *testing.T, p *pipeline) {
	t.Helper()
	asked := time.Now()
	if names, err := p.rest.Connectors(t.Context()); err != nil || len(names) != 2 {
		t.Errorf("connectors while the broker is away: %v, %v", names, err)
	}
	status, err := p.rest.Status(t.Context(), p.source)
	if err != nil {
		t.Error(err)
	}
	if _, err := p.rest.Config(t.Context(), p.source); err != nil {
		t.Error(err)
	}
	if took := time.Since(asked); took > promptly {
		t.Errorf("three answers that need no broker took %s", took)
	}
	if status.Connector.State != "RUNNING" || len(status.Tasks) != 1 || status.Tasks[0].State != "RUNNING" {
		t.Errorf("while the broker is away, %s is %+v", p.source, status)
	}
	health, err := p.rest.Health(t.Context())
	if err != nil || health.Status != herder.Unhealthy {
		t.Errorf("health while the broker is away: %+v, %v", health, err)
	}
}

// checkStopWithoutBroker stops a worker, which is bounded in time and says what it could not do.
func checkStopWithoutBroker(t *testing.T, w *worker) {
	t.Helper()
	if err := w.process.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if code := w.await(stopLimit); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	t.Logf("stopped without a broker after %s", time.Since(began).Round(time.Millisecond))
	if line := w.lastLine(); !strings.Contains(line, "not written") {
		t.Errorf("it says %q, want what was not written", line)
	}
	w.noOrphans()
}

// A worker refuses internal topics that would lose its state.
func TestWrongInternalTopics(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		setting    string
		partitions int32
		policy     string
		want       []string
	}{
		"offsets that are deleted after a week":   {"offset.storage.topic", 5, "delete", []string{"cleanup.policy=delete", "needs compact"}},
		"statuses that are deleted and compacted": {"status.storage.topic", 5, "compact,delete", []string{"cleanup.policy=compact,delete", "needs compact"}},
		"configurations in two partitions":        {"config.storage.topic", 2, "compact", []string{"2 partitions"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := shared(t)
			w := newWorker(t, k, nil)
			k.create(t, w.props[c.setting], c.partitions, map[string]string{"cleanup.policy": c.policy})
			w.launch()
			if code := w.await(startLimit); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			line := w.lastLine()
			for _, want := range append(c.want, w.props[c.setting]) {
				if !strings.Contains(line, want) {
					t.Errorf("it says %q, want %q in it", line, want)
				}
			}
		})
	}
}

// A topic that is deleted under a pipeline takes its records with it. What is sent afterwards arrives.
func TestTopicDeleted(t *testing.T) {
	t.Parallel()
	k := shared(t)
	w := newWorker(t, k, nil)
	w.start()
	p := newPipeline(w, "lines")
	p.send(1000)
	p.create()
	p.delivered()
	if _, err := k.admin.DeleteTopic(t.Context(), p.topic); err != nil {
		t.Fatal(err)
	}
	eventually(t, flowLimit, "what is sent after the topic was deleted", func() string {
		p.send(1) // makes the topic again
		if err := p.out.look(); err != nil {
			t.Fatal(err)
		}
		if _, lines := p.out.count(); lines <= 1000 {
			return fmt.Sprintf("%d lines arrived", lines)
		}
		return ""
	})
	p.awaitState(p.source, "RUNNING", 1)
	p.awaitState(p.sink, "RUNNING", 1)
	w.stop()
}

// Without its own topic a worker has no state: it ends and says so, and the next one starts with a new topic.
func TestInternalTopicDeleted(t *testing.T) {
	t.Parallel()
	k := shared(t)
	w := newWorker(t, k, nil)
	w.start()
	topic := w.props["config.storage.topic"]
	if _, err := k.admin.DeleteTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	if code := w.await(flowLimit); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if line := w.lastLine(); !strings.Contains(line, topic) || !strings.Contains(line, "deleted") {
		t.Errorf("it says %q", line)
	}
	w.start()
	w.stop()
}
