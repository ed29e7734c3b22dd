package worker_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

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

// Settings of transformations, predicates and converters are quoted by their errors: at the start of a task and with every record. Neither
// status, nor log, nor dead letter, nor preview shows what stands behind a reference in them.
func TestSecretsOfSettingsStayHidden(t *testing.T) {
	const canary = `canary-"4711"-(`
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	reference := "${dir:" + filepath.Dir(path) + ":secret}"
	for name, c := range map[string]struct {
		settings []string
		letters  int // how many records get as far as to fail
	}{
		"a transformation's, at the start": {[]string{"transforms", "t", "transforms.t.type", "RegexRouter", "transforms.t.replacement", "x", "transforms.t.regex", reference}, 0},
		"a transformation's, with a record": {[]string{"transforms", "t", "transforms.t.type", "MaskField$Value", "transforms.t.fields", "id",
			"transforms.t.replacement", reference}, 1},
		"a predicate's": {[]string{"transforms", "t", "transforms.t.type", "Filter", "transforms.t.predicate", "p",
			"predicates", "p", "predicates.p.type", "TopicNameMatches", "predicates.p.pattern", reference}, 0},
		"a header converter's": {[]string{"header.converter", "JsonConverter", "header.converter.decimal.format", reference}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			var writing sync.Mutex
			b := newBench(t, func(s *worker.Settings) {
				var err error
				if s.Providers, err = provider.New(map[string]string{"config.providers": "dir", "config.providers.dir.class": "DirectoryConfigProvider"}); err != nil {
					t.Fatal(err)
				}
				s.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: &log, Mutex: &writing})
			})
			config := queue(datagen(append([]string{"shape", "row", "value.converter", "JsonConverter", "records", "1",
				"errors.log.enable", "true", "errors.log.include.messages", "true"}, c.settings...)...), "none")
			id := b.start("gen", config)
			trace := b.await(id, is(worker.Failed)).Trace
			if !strings.Contains(trace, "********") {
				t.Errorf("the trace quotes no secret, so nothing is proved: %s", trace)
			}
			shown := []string{trace}
			for _, letter := range b.letters(c.letters) {
				for _, h := range letter.Headers {
					shown = append(shown, h.Key, string(h.Value))
				}
				if !strings.Contains(strings.Join(shown, "\n"), "********") {
					t.Error("the letter quotes no secret, so nothing is proved")
				}
			}
			b.stop(id)
			previews, err := b.worker.Preview(t.Context(), config, 1)
			shown = append(shown, fmt.Sprint(err))
			text, err := json.Marshal(previews)
			if err != nil {
				t.Fatal(err)
			}
			writing.Lock()
			shown = append(shown, string(text), log.String())
			writing.Unlock()
			for _, text := range shown {
				for _, form := range []string{canary, `canary-\"4711\"-(`, "canary", "4711"} {
					if at := strings.Index(text, form); at >= 0 {
						t.Errorf("the secret is shown: …%s…", text[max(0, at-200):min(len(text), at+100)])
					}
				}
			}
		})
	}
}

// Where a transformation puts a secret into records, a preview does not show it.
func TestPreviewHidesSecretsInRecords(t *testing.T) {
	reference, _, change := withSecrets(t, "word=canary\nnumber=4711815")
	b := newBench(t, change)
	config := datagen("name", "trial", "shape", "row", "records", "1", "value.converter", "JsonConverter", "transforms", "field,header,number,route",
		"transforms.field.type", "InsertField$Value", "transforms.field.static.field", "word", "transforms.field.static.value", "a "+reference("word"),
		"transforms.header.type", "InsertHeader", "transforms.header.header", "h", "transforms.header.value.literal", reference("word"),
		"transforms.number.type", "InsertHeader", "transforms.number.header", "n", "transforms.number.value.literal", reference("number"),
		"transforms.route.type", "RegexRouter", "transforms.route.regex", ".*", "transforms.route.replacement", reference("word"))
	previews, err := b.worker.Preview(t.Context(), config, 1)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(previews)
	if err != nil {
		t.Fatal(err)
	}
	if len(previews) != 1 || previews[0].Kafka == nil || previews[0].Kafka.Topic != "********" || strings.Contains(string(text), "canary") || strings.Contains(string(text), "4711815") {
		t.Errorf("the preview is %s", text)
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
