package worker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/host/internal/provider"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// withSecrets gives the worker a provider "file" that reads a file of the given text, which the test may write again.
func withSecrets(t *testing.T, text string) (reference func(key string) string, write func(string), change func(*worker.Settings)) {
	path := filepath.Join(t.TempDir(), "secrets.properties")
	write = func(text string) {
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	return func(key string) string { return "${file:" + path + ":" + key + "}" }, write, func(s *worker.Settings) {
		var err error
		s.Providers, err = provider.New(map[string]string{
			"config.providers": "file", "config.providers.file.class": "FileConfigProvider", "config.providers.file.param.ttl.ms": "20",
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The plugin and the clients get values, the status does not show them.
func TestReferencesAreResolved(t *testing.T) {
	reference, _, change := withSecrets(t, "topic=hidden-topic\nmany=one-hundred")
	b := newBench(t, change)
	b.start("gen", datagen("topic", reference("topic"), "records", "100"))
	b.consume("hidden-topic", 100)
	id := b.start("bad", datagen("records", reference("many")))
	s := b.await(id, is(worker.Failed))
	if strings.Contains(s.Trace, "one-hundred") || !strings.Contains(s.Trace, "********") {
		t.Errorf("the trace is %s", s.Trace)
	}
	id = b.start("worse", datagen("topic", "${file:/nowhere/secrets.properties:topic}"))
	s = b.await(id, func(s worker.Status) bool { return s.Trace != "" })
	if !strings.Contains(s.Trace, "topic: the reference ${file:/nowhere/secrets.properties:topic} cannot be resolved: could not read properties from file") {
		t.Errorf("the trace is %s", s.Trace)
	}
}

// Tasks' configurations, which are stored, have references again, and a change
// of what they stand for is told.
func TestReferencesOfTasksAndTheirChange(t *testing.T) {
	for name, c := range map[string]struct {
		reload string
		told   bool
	}{"restart": {"restart", true}, "none": {"none", false}} {
		t.Run(name, func(t *testing.T) {
			reference, write, change := withSecrets(t, "topic=hidden-topic")
			b := newBench(t, change)
			config := datagen("name", "gen", "topic", reference("topic"), "config.action.reload", c.reload)
			delete(config, "slice")
			delete(config, "slices")
			b.worker.StartConnector(worker.ConnectorSpec{Name: "gen", Config: config, Target: worker.TargetStarted})
			b.awaitConnector("gen", is(worker.Running))
			configs, err := b.worker.TaskConfigs(t.Context(), "gen", 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range configs {
				if task["topic"] != reference("topic") {
					t.Errorf("a task has the topic %s", task["topic"])
				}
			}
			write("topic=another-topic")
			expired := func() bool {
				b.mu.Lock()
				defer b.mu.Unlock()
				return len(b.expired) == 1 && b.expired[0] == "gen"
			}
			if c.told {
				b.until("the news of the change", expired)
			} else if expired() {
				t.Error("the change was told")
			}
		})
	}
}
