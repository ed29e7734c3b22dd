package worker_test

import (
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

// A plugin that misbehaves hurts only its own connector, and the status names
// the plugin, the method and the cause.
func TestHostileSources(t *testing.T) {
	for mode, c := range map[string]struct {
		state worker.State
		want  []string
	}{
		"raw lengths":              {worker.Restarting, []string{"hostile", "breaks the protocol: record batch 1 is malformed: lengths of value add up to 402 bytes, there are 6"}},
		"raw sequence":             {worker.Restarting, []string{"hostile", "breaks the protocol: batch 7 came where 1 was due"}},
		"raw record of 100 MB":     {worker.Restarting, []string{"hostile", "SourceTask", "larger than max"}},
		"raw offset":               {worker.Restarting, []string{"hostile", "is not the text of a JSON object"}},
		"raw before started":       {worker.Restarting, []string{"hostile", "came before Started"}},
		"raw end":                  {worker.Restarting, []string{"hostile", "SourceTask.Start"}},
		"hang in SourceTask.Start": {worker.Restarting, []string{"hostile", "SourceTask.Start has not returned for"}},
		"hang in SourceTask.Poll":  {worker.Restarting, []string{"hostile", "SourceTask.Poll has not returned for"}},
		"exit in SourceTask.Start": {worker.Restarting, []string{"hostile", "exited with code 3", "going down"}},
		// Its process may be gone before it was heard that it has started.
		"exit in SourceTask.Poll":          {worker.Restarting, []string{"hostile", "exited with code 3", "during SourceTask."}},
		"panic in SourceTask.Poll":         {worker.Failed, []string{"panic: on purpose", "plugin.SourceTask.Poll()"}},
		"fail in SourceTask.Start":         {worker.Failed, []string{"it failed", "plugin.SourceTask.Start()", "outboard.restart(attempt"}},
		"fail for good in SourceTask.Poll": {worker.Failed, []string{"it failed for good", "plugin.SourceTask.Poll()"}},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			id := b.start("h", limited(map[string]string{"connector.class": "HostileSource", "mode": mode}))
			s := b.await(id, func(s worker.Status) bool { return s.Trace != "" })
			if s.State != c.state {
				t.Errorf("state is %s, want %s", s.State, c.state)
			}
			checkTrace(t, s.Trace, c.want)
		})
	}
}

func TestHostileSinks(t *testing.T) {
	for mode, c := range map[string]struct {
		state worker.State
		want  []string
	}{
		"hang in SinkTask.Start":         {worker.Restarting, []string{"hostile", "SinkTask.Start has not returned for"}},
		"hang in SinkTask.Put":           {worker.Restarting, []string{"hostile", "SinkTask.Put has not returned for"}},
		"hang in SinkTask.Open":          {worker.Restarting, []string{"hostile", "SinkTask.Open has not returned for"}},
		"hang in SinkTask.Flush":         {worker.Restarting, []string{"hostile", "SinkTask.Flush has not returned for"}},
		"exit in SinkTask.Put":           {worker.Restarting, []string{"hostile", "exited with code 3", "SinkTask.Put"}},
		"panic in SinkTask.Put":          {worker.Failed, []string{"panic: on purpose"}},
		"fail in SinkTask.Put":           {worker.Failed, []string{"it failed", "plugin.SinkTask.Put()"}},
		"fail for good in SinkTask.Open": {worker.Failed, []string{"it failed for good"}},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.produce("in", 10)
			id := b.start("h", limited(map[string]string{"connector.class": "HostileSink", "mode": mode, "topics": "in"}))
			s := b.await(id, func(s worker.Status) bool { return s.Trace != "" })
			if s.State != c.state {
				t.Errorf("state is %s, want %s", s.State, c.state)
			}
			checkTrace(t, s.Trace, c.want)
		})
	}
}

func TestHostileConnectors(t *testing.T) {
	for mode, c := range map[string]struct {
		state worker.State
		want  []string
	}{
		"hang in Connector.Start":  {worker.Restarting, []string{"hostile", "Connector.Start has not returned for"}},
		"exit in Connector.Start":  {worker.Restarting, []string{"hostile", "exited with code 3"}},
		"panic in Connector.Start": {worker.Failed, []string{"panic: on purpose"}},
		"fail in Connector.Start":  {worker.Failed, []string{"it failed", "plugin.Connector.Start()"}},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			b.worker.StartConnector(worker.ConnectorSpec{Name: "h", Target: worker.TargetStarted, Config: limited(map[string]string{
				"name": "h", "connector.class": "HostileSource", "mode": mode,
			})})
			s := b.awaitConnector("h", func(s worker.Status) bool { return s.Trace != "" })
			if s.State != c.state {
				t.Errorf("state is %s, want %s", s.State, c.state)
			}
			checkTrace(t, s.Trace, c.want)
		})
	}
}

// limited bounds the call that hangs. What does not hang has as long as it needs on a busy machine, also where it has the limit of the call
// that hangs after it.
func limited(config map[string]string) map[string]string {
	switch method, hangs := strings.CutPrefix(config["mode"], "hang in "); {
	case !hangs:
	case strings.HasSuffix(method, ".Start"):
		config["outboard.call.timeout.ms"] = "500"
	case method == "SourceTask.Poll":
		config["outboard.stall.timeout.ms"] = "3000"
	default:
		config["outboard.call.timeout.ms"], config["outboard.stall.timeout.ms"] = "10000", "10000"
	}
	return config
}

// Stopping does not wait longer than the graceful time-out for a plugin that hangs.
func TestStopOfAPluginThatHangs(t *testing.T) {
	for _, mode := range []string{"hang in SourceTask.Stop", "hang in SourceTask.Poll"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(s *worker.Settings) { s.GracefulTimeout = time.Second })
			id := b.start("h", map[string]string{"connector.class": "HostileSource", "mode": mode})
			b.await(id, is(worker.Running))
			b.until("a record", func() bool { return b.end("hostile") > 0 })
			began := time.Now()
			b.stop(id)
			if d := time.Since(began); d > patience/2 { // far less than the plugin hangs
				t.Errorf("it took %s", d)
			}
		})
	}
}

// checkTrace checks the shape that readers of Kafka Connect's traces rely on.
func checkTrace(t *testing.T, trace string, want []string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(trace, w) {
			t.Errorf("trace lacks %q:\n%s", w, trace)
		}
	}
	lines := strings.Split(trace, "\n")
	if !strings.HasPrefix(lines[0], "org.apache.kafka.connect.errors.") || !strings.Contains(lines[0], ": ") {
		t.Errorf("the first line is not type and message: %s", lines[0])
	}
	for _, l := range lines[1:] {
		if !strings.HasPrefix(l, "Caused by: ") && (!strings.HasPrefix(l, "\tat ") || !strings.HasSuffix(l, ")")) {
			t.Errorf("line has no Java shape: %q", l)
		}
	}
}
