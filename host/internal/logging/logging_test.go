package logging

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// output is a logger with what it writes.
func output(level hclog.Level) (hclog.Logger, *Levels, *bytes.Buffer) {
	var text bytes.Buffer
	log, levels := New(hclog.LoggerOptions{Name: "outboard", Level: level, Output: &text, DisableTime: true})
	return log, levels, &text
}

func TestLevelsByName(t *testing.T) {
	log, levels, text := output(hclog.Info)
	rest := log.Named("rest").With("port", 1)
	worker := log.With("id", "w").Named("worker")
	deep := worker.With("task", 0).Named("source")

	rest.Debug("hidden")
	if changed := levels.Set("outboard.rest", "DEBUG"); !slices.Equal(changed, []string{"org.apache.kafka.connect.runtime.rest", "outboard.rest"}) {
		t.Errorf("changed %v", changed)
	}
	rest.Debug("shown")
	worker.Debug("hidden")
	levels.Set("outboard.worker", "WARN")
	deep.Info("hidden")
	deep.Warn("shown")
	deep.With("more", true).Warn("shown")
	want := "[DEBUG] outboard.rest: shown: port=1\n" +
		"[WARN]  outboard.worker.source: shown: id=w task=0\n" +
		"[WARN]  outboard.worker.source: shown: id=w more=true task=0\n"
	if text.String() != want {
		t.Errorf("logged\n%s\nwant\n%s", text, want)
	}
}

func TestLoggersToComeHaveTheLevelAboveThem(t *testing.T) {
	log, levels, _ := output(hclog.Info)
	levels.Set("outboard", "ERROR")
	levels.Set("outboard.storage.topics", "TRACE")
	for name, want := range map[string]hclog.Level{"rest": hclog.Error, "storage": hclog.Error, "storage.topics": hclog.Trace, "storage.topics.deep": hclog.Trace} {
		if got := log.Named(name).GetLevel(); got != want {
			t.Errorf("%s has level %v, want %v", name, got, want)
		}
	}
	if got := log.ResetNamed("elsewhere").GetLevel(); got != hclog.Info {
		t.Errorf("a logger that is not below outboard has level %v", got)
	}
}

func TestNamesOfKafkaConnect(t *testing.T) {
	log, levels, _ := output(hclog.Info)
	parts := map[string]hclog.Logger{}
	for _, name := range []string{"herder", "worker", "rest", "storage", "kafka", "isolation"} {
		parts[name] = log.Named(name)
	}
	for name, want := range map[string]string{
		"root":                             "herder isolation kafka rest storage worker",
		"ROOT":                             "herder isolation kafka rest storage worker",
		"org.apache.kafka":                 "herder isolation kafka rest storage worker",
		"org.apache.kafka.connect":         "herder isolation rest storage worker",
		"org.apache.kafka.connect.runtime": "herder isolation rest worker",
		"org.apache.kafka.connect.runtime.WorkerSinkTask": "worker",
		"org.apache.kafka.connect.storage":                "storage",
		"org.apache.kafka.clients":                        "kafka",
		"outboard":                                        "herder isolation kafka rest storage worker",
		"outboard.re":                                     "",
		"org.example":                                     "",
	} {
		levels.Set("root", "INFO")
		changed := levels.Set(name, "DEBUG")
		var debug []string
		for part, logger := range parts {
			if logger.IsDebug() {
				debug = append(debug, part)
			}
		}
		slices.Sort(debug)
		if got := strings.Join(debug, " "); got != want {
			t.Errorf("%s: at level DEBUG are %q, want %q", name, got, want)
		}
		if name != "ROOT" && !slices.Contains(changed, name) {
			t.Errorf("%s is not among the changed: %v", name, changed)
		}
		if state, ok := levels.Get(name); name != "ROOT" && (!ok || state.Level != "DEBUG") {
			t.Errorf("%s has %+v", name, state)
		}
	}
}

func TestOnlyChangesAreDated(t *testing.T) {
	_, levels, _ := output(hclog.Info)
	at := time.UnixMilli(1)
	levels.now = func() time.Time { at = at.Add(time.Millisecond); return at }
	if state, ok := levels.Get("outboard"); !ok || state.Level != "INFO" || !state.Modified.IsZero() {
		t.Errorf("at first: %+v", state)
	}
	levels.Set("outboard", "WARN")
	first, _ := levels.Get("outboard")
	if changed := levels.Set("outboard", "WARN"); len(changed) != 0 {
		t.Errorf("the same level again changed %v", changed)
	}
	if again, _ := levels.Get("outboard"); again != first || first.Modified.UnixMilli() != 2 {
		t.Errorf("first %+v, again %+v", first, again)
	}
	if got := levels.All()["org.apache.kafka.connect"]; got != first {
		t.Errorf("the other name has %+v", got)
	}
	if _, ok := levels.Get("no.such"); ok {
		t.Error("a name that nothing has has a level")
	}
}

func TestParseLevel(t *testing.T) {
	for text, want := range map[string]string{
		"OFF": "off", "fatal": "off", "Error": "error", "WARN": "warn", "info": "info", "DEBUG": "debug", "TRACE": "trace", "all": "trace",
	} {
		word, err := ParseLevel(text)
		if err != nil || word != strings.ToUpper(text) || levelOf(word).String() != want {
			t.Errorf("%s is %s, %v, %v", text, word, levelOf(word), err)
		}
	}
	for _, text := range []string{"", "banana", "warning", " INFO"} {
		if word, err := ParseLevel(text); err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("invalid log level '%s'.", text)) {
			t.Errorf("%q is %s, %v", text, word, err)
		}
	}
}

func TestZeroLevels(t *testing.T) {
	var levels Levels
	if len(levels.All()) != 0 {
		t.Error("there are loggers")
	}
	if changed := levels.Set("a.b", "DEBUG"); !slices.Equal(changed, []string{"a.b"}) {
		t.Errorf("changed %v", changed)
	}
}

func TestSetLevelOfALogger(t *testing.T) {
	log, levels, _ := output(hclog.Info)
	a := log.Named("a").With("x", 1)
	a.SetLevel(hclog.Error)
	if state, _ := levels.Get("outboard.a"); state.Level != "ERROR" || log.GetLevel() != hclog.Info || log.Named("a").GetLevel() != hclog.Error {
		t.Errorf("outboard.a has %+v, outboard %v", state, log.GetLevel())
	}
}

func TestConcurrentUse(t *testing.T) {
	log, levels, _ := output(hclog.Info)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 100 {
				log.Named(fmt.Sprint("part", i%3)).With("i", i).Debug("x")
				levels.Set("outboard", []string{"INFO", "WARN"}[i%2])
				levels.All()
			}
		})
	}
	all.Wait()
}
