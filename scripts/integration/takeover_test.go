//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/rest/client"
)

// takeover is a file that goes through Kafka into another one, whoever runs the two connectors.
type takeover struct {
	t            *testing.T
	source, sink string
	topic        string
	in, out      string
	lines        []string // that were written to in
}

// Apache Kafka Connect makes connectors; Outboard goes on with them from the same properties file, and Kafka Connect after it.
// Each goes on where the other was: no line is lost, none comes twice.
func TestTakeover(t *testing.T) {
	t.Parallel()
	w := newWorker(t, shared(t), nil)
	folder := t.TempDir()
	// Both kinds of plugins are in plugin.path: what is no plugin of its own neither minds.
	java := newKafkaConnect(t, w.prefix, map[string]string{"offset.flush.interval.ms": "1000"}, w.plugins)
	o := &takeover{t: t, source: w.prefix + "-source", sink: w.prefix + "-sink", topic: w.prefix + "-lines",
		in: filepath.Join(folder, "in.txt"), out: filepath.Join(folder, "out.txt")}

	java.start()
	o.write("from Kafka Connect", "zwölf Boxkämpfer 🚣")
	if _, err := java.rest.Create(t.Context(), o.source, map[string]string{
		"connector.class": "FileStreamSource", "tasks.max": "1", "file": o.in, "topic": o.topic}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := java.rest.Create(t.Context(), o.sink, map[string]string{
		"connector.class": "FileStreamSink", "tasks.max": "1", "file": o.out, "topics": o.topic}, ""); err != nil {
		t.Fatal(err)
	}
	o.arrive(java.rest)
	paused := o.source + "-paused"
	if _, err := java.rest.Create(t.Context(), paused, map[string]string{
		"connector.class": "FileStreamSource", "tasks.max": "1", "file": o.in, "topic": o.topic}, herder.TargetPaused); err != nil {
		t.Fatal(err)
	}

	w.port, w.props = java.port, java.properties()
	var err error
	if w.rest, err = client.New("http://127.0.0.1:"+w.port, nil); err != nil {
		t.Fatal(err)
	}
	o.refused(w)
	o.write("still Kafka Connect")
	o.arrive(java.rest)
	before := o.configs(java.rest)
	java.stop()

	o.write("for Outboard", "grüße 🚣")
	w.start()
	o.arrive(w.rest)
	if after := o.configs(w.rest); !maps.EqualFunc(before, after, maps.Equal) {
		t.Errorf("Kafka Connect has the configurations\n%v\nOutboard\n%v", before, after)
	}
	w.awaitState(paused, "PAUSED", 0)
	if _, err := w.rest.PatchConfig(t.Context(), o.sink, map[string]*string{"errors.tolerance": new("all")}); err != nil {
		t.Fatal(err)
	}
	o.write("from Outboard")
	o.arrive(w.rest)
	before = o.configs(w.rest)
	w.stop()

	o.write("for Kafka Connect again")
	java.start()
	o.arrive(java.rest)
	if after := o.configs(java.rest); !maps.EqualFunc(before, after, maps.Equal) {
		t.Errorf("Outboard has the configurations\n%v\nKafka Connect\n%v", before, after)
	}
	if before[o.sink]["errors.tolerance"] != "all" {
		t.Errorf("the change of the sink's configuration was lost: %v", before[o.sink])
	}
	status, err := java.rest.Status(t.Context(), paused)
	if err != nil || status.Connector.State != "PAUSED" {
		t.Errorf("connector %s is %+v, %v", paused, status, err)
	}
	java.stop()
	o.check()
}

// write writes lines to the source's file, many of each text.
func (o *takeover) write(texts ...string) {
	o.t.Helper()
	var b strings.Builder
	for range 50 {
		for _, text := range texts {
			line := fmt.Sprintf("%d %s", len(o.lines), text)
			o.lines = append(o.lines, line)
			b.WriteString(line + "\n")
		}
	}
	appendTo(o.t, o.in, b.String())
}

// arrive waits until both connectors run and all lines are in the sink's file.
func (o *takeover) arrive(at *client.Client) {
	o.t.Helper()
	eventually(o.t, startLimit, "the lines to arrive", func() string {
		for _, name := range []string{o.source, o.sink} {
			status, err := at.Status(o.t.Context(), name)
			if err != nil {
				return err.Error()
			}
			if len(status.Tasks) != 1 || status.Tasks[0].State != "RUNNING" {
				return fmt.Sprintf("%+v", status)
			}
		}
		if n := len(o.arrived()); n < len(o.lines) {
			return fmt.Sprintf("%d of %d are there", n, len(o.lines))
		}
		return ""
	})
	o.check()
}

func (o *takeover) arrived() []string {
	o.t.Helper()
	text, err := os.ReadFile(o.out)
	if err != nil && !os.IsNotExist(err) {
		o.t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	return lines[:len(lines)-1]
}

// check compares the two files.
func (o *takeover) check() {
	o.t.Helper()
	if got := o.arrived(); !slices.Equal(got, o.lines) {
		for n := range min(len(got), len(o.lines)) {
			if got[n] != o.lines[n] {
				o.t.Fatalf("of %d lines %d arrived; line %d is %q, want %q", len(o.lines), len(got), n+1, got[n], o.lines[n])
			}
		}
		o.t.Fatalf("of %d lines %d arrived", len(o.lines), len(got))
	}
}

// refused starts Outboard beside Kafka Connect: it says why it does not join, and how to take over.
func (o *takeover) refused(w *worker) {
	o.t.Helper()
	w.props["listeners"] = "http://127.0.0.1:" + freePort(o.t) // that of Kafka Connect is taken
	w.props["rest.advertised.port"] = strings.TrimPrefix(w.props["listeners"], "http://127.0.0.1:")
	w.launch()
	if code := w.await(startLimit); code != 1 {
		o.t.Errorf("Outboard beside Kafka Connect exited with %d, want 1\n%s", code, w.tail(20))
	}
	if text := w.tail(5); !strings.Contains(text, "group.id="+w.prefix+" has workers that are not Outboard's") {
		o.t.Errorf("Outboard beside Kafka Connect says\n%s", text)
	}
	w.noOrphans()
	w.props["listeners"], w.props["rest.advertised.port"] = "http://127.0.0.1:"+w.port, w.port
}

// configs returns the configurations of all connectors, and fails if an offset of a connector cannot be told.
func (o *takeover) configs(at *client.Client) map[string]map[string]string {
	o.t.Helper()
	names, err := at.Connectors(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	configs := map[string]map[string]string{}
	for _, name := range names {
		if configs[name], err = at.Config(o.t.Context(), name); err != nil {
			o.t.Fatal(err)
		}
	}
	offsets, err := at.Offsets(o.t.Context(), o.source)
	if err != nil || len(offsets) != 1 {
		o.t.Fatalf("the offsets of %s are %v: %v", o.source, offsets, err)
	}
	var at1 struct{ Position int64 }
	if err := json.Unmarshal(offsets[0].Offset, &at1); err != nil || at1.Position == 0 {
		o.t.Fatalf("the offset of %s is %s: %v", o.source, offsets[0].Offset, err)
	}
	return configs
}
