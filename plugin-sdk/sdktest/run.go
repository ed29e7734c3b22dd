package sdktest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// Suite is a plugin and what Run needs to know of its connectors.
type Suite struct {
	Plugin sdk.Plugin
	// Package, such as ".", is built for a second run with the binary; empty: there is none.
	Package string
	Sources []SourceCase
	Sinks   []SinkCase
}

// SourceCase is a configuration of a source.
type SourceCase struct {
	Class string
	// Config makes a configuration, and what is to be read with it. It is called
	// for each part of the suite.
	Config func(t testing.TB) map[string]string
	// Records is how many come at least from each task, from an empty offset
	// store: the same ones in the same order whenever they are read.
	Records int
	// Bad has for a key a value that must be refused.
	Bad map[string]string
}

// SinkCase is a configuration of a sink.
type SinkCase struct {
	Class string
	// Config makes a configuration, and what is to be written to with it. It is
	// called for each part of the suite.
	Config func(t testing.TB) map[string]string
	// Written returns the values that arrived, in any order, as people read them.
	// It is called after Flush. Nil: nobody can tell.
	Written func(t testing.TB, config map[string]string) []string
	// Bad has for a key a value that must be refused.
	Bad map[string]string
}

// Run checks that a plugin keeps the contract of the SDK and of the protocol, in
// the process of the test and, with Suite.Package, as a binary.
func Run(t *testing.T, s Suite) {
	t.Run("in process", func(t *testing.T) {
		s.run(t, func(t *testing.T) *Plugin { return InProcess(t, s.Plugin) })
	})
	if s.Package != "" {
		t.Run("binary", func(t *testing.T) {
			path := Build(t, s.Package)
			s.run(t, func(t *testing.T) *Plugin { return Binary(t, path) })
		})
	}
}

func (s Suite) run(t *testing.T, start func(*testing.T) *Plugin) {
	t.Run("describe", func(t *testing.T) { s.describe(start(t)) })
	for _, c := range s.Sources {
		for name, part := range map[string]func(*Plugin){
			"start and stop":    c.startAndStop,
			"resume":            c.resume,
			"credit and pause":  c.creditAndPause,
			"bad configuration": func(p *Plugin) { badConfig(p, c.Class, c.Config(p.t), c.Bad) },
		} {
			t.Run(c.Class+"/"+name, func(t *testing.T) {
				t.Parallel()
				part(start(t))
			})
		}
	}
	for _, c := range s.Sinks {
		for name, part := range map[string]func(*Plugin){
			"start and stop":    c.startAndStop,
			"put and flush":     c.putAndFlush,
			"bad configuration": func(p *Plugin) { badConfig(p, c.Class, c.Config(p.t), c.Bad) },
		} {
			t.Run(c.Class+"/"+name, func(t *testing.T) {
				t.Parallel()
				part(start(t))
			})
		}
	}
}

// describe checks the description, and that every connector has a case.
func (s Suite) describe(p *Plugin) {
	cased := map[string]bool{}
	for _, c := range s.Sources {
		cased[c.Class] = true
	}
	for _, c := range s.Sinks {
		cased[c.Class] = true
	}
	for _, c := range p.Describe().GetConnectors() {
		if c.GetDocumentation() == "" {
			p.t.Errorf("%s is not documented; set Documentation", c.GetClass())
		}
		_, d := p.connector(c.GetClass())
		for _, problem := range d.Lint() {
			p.t.Errorf("%s: %s", c.GetClass(), problem)
		}
		if !cased[c.GetClass()] {
			p.t.Errorf("%s has no case in the suite", c.GetClass())
		}
	}
}

// badConfig checks that what is missing or wrong is refused by Validate, and by
// a task, with an error that names the key.
func badConfig(p *Plugin, class string, good map[string]string, bad map[string]string) {
	description, d := p.connector(class)
	start := func(config map[string]string) error {
		// The way of a host: a connector that divides its work sees the mistake first.
		configs, err := p.TaskConfigs(class, config, 1)
		if err != nil || len(configs) == 0 {
			return err
		}
		if description.GetType() == connectv1.ConnectorType_CONNECTOR_TYPE_SOURCE {
			s, err := p.StartSource(class, configs[0], nil)
			return errors.Join(err, s.Stop())
		}
		s, err := p.StartSink(class, configs[0])
		return errors.Join(err, s.Stop())
	}
	refused := func(key string, config map[string]string) {
		p.t.Helper()
		if err := start(config); err == nil || !strings.Contains(err.Error(), key) {
			p.t.Errorf("%s=%q: started with %v, expected an error that names the key", key, config[key], err)
		}
	}
	if err := start(good); err != nil {
		p.t.Fatalf("the configuration of the case is refused: %v", err)
	}
	if found, err := p.Validate(class, good); err != nil || len(found) > 0 {
		p.t.Errorf("the configuration of the case is not valid: %v, %v", found, err)
	}
	for _, k := range d {
		if !k.Required {
			continue
		}
		config := with(good, k.Name, "")
		delete(config, k.Name)
		if found, err := p.Validate(class, config); err == nil && len(found[k.Name]) == 0 {
			p.t.Errorf("%s is required, but a configuration without it is valid", k.Name)
		}
		refused(k.Name, config)
	}
	for key, value := range bad {
		refused(key, with(good, key, value))
	}
}

// with returns a copy of a configuration with one key set.
func with(config map[string]string, key, value string) map[string]string {
	c := map[string]string{key: value}
	for k, v := range config {
		if k != key {
			c[k] = v
		}
	}
	return c
}

// configs are those of a case's tasks.
func configs(p *Plugin, class string, config map[string]string) []map[string]string {
	p.t.Helper()
	const most = 2 // so that work is divided where it can be
	tasks, err := p.TaskConfigs(class, config, most)
	if err != nil {
		p.t.Fatalf("TaskConfigs: %v", err)
	}
	if len(tasks) == 0 {
		p.t.Fatal("the connector has no tasks")
	}
	return tasks
}

func (c SourceCase) startAndStop(p *Plugin) {
	for _, config := range configs(p, c.Class, c.Config(p.t)) {
		s, err := p.StartSource(c.Class, config, nil)
		if err != nil {
			p.t.Fatalf("Start: %v", err)
		}
		if err := s.Stop(); err != nil {
			p.t.Errorf("Stop: %v", err)
		}
		if n := s.Received(); n > 0 {
			p.t.Errorf("%d batches came without credit", n)
		}
	}
}

// resume reads everything once, and then again from offsets in between: what was
// not committed must come again, and nothing else.
func (c SourceCase) resume(p *Plugin) {
	for i, config := range configs(p, c.Class, c.Config(p.t)) {
		whole := c.read(p, config, nil, c.Records)
		for _, share := range []int{0, 1, 3, 4} {
			n := len(whole) * share / 4
			offsets, rest := uncommitted(whole, n)
			if got := c.read(p, config, offsets, len(rest)); !slices.EqualFunc(got, rest, Record.equal) {
				p.t.Errorf("task %d: after %d of %d records were committed, %s", i, n, len(whole), difference(got, rest))
			}
		}
	}
}

// read takes n records from a task.
func (c SourceCase) read(p *Plugin, config map[string]string, offsets *Offsets, n int) []Record {
	p.t.Helper()
	s, err := p.StartSource(c.Class, config, offsets)
	if err != nil {
		p.t.Fatalf("Start: %v", err)
	}
	records := s.Take(n)
	if err := s.Stop(); err != nil {
		p.t.Errorf("Stop: %v", err)
	}
	return records
}

// uncommitted returns an offset store as it is when the first n records are
// committed, and the records that are not.
func uncommitted(records []Record, n int) (*Offsets, []Record) {
	offsets := new(Offsets)
	committed := map[string]int{} // by source partition: index after the last record covered
	for i, r := range records[:n] {
		if r.SourceOffset != nil {
			offsets.set(string(r.SourcePartition), r.SourceOffset)
			committed[string(r.SourcePartition)] = i + 1
		}
	}
	var rest []Record
	for i, r := range records {
		if i >= committed[string(r.SourcePartition)] {
			rest = append(rest, r)
		}
	}
	return offsets, rest
}

func difference(got, want []Record) string {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Sprintf("record %d is missing: %s", i, want[i])
		case i >= len(want):
			return fmt.Sprintf("record %d is too many: %s", i, got[i])
		case !got[i].equal(want[i]):
			return fmt.Sprintf("record %d is %s, expected %s", i, got[i], want[i])
		}
	}
	return "nothing differs"
}

func (c SourceCase) creditAndPause(p *Plugin) {
	config := configs(p, c.Class, c.Config(p.t))[0]
	s, err := p.StartSource(c.Class, config, nil)
	if err != nil {
		p.t.Fatalf("Start: %v", err)
	}
	// Messages are in order, so once the plugin says that nothing runs, all that
	// it sent is here. That no batch exceeds the credit is checked for each.
	s.AwaitIdle()
	if n := s.Received(); n != 0 {
		p.t.Errorf("%d batches came without credit", n)
	}
	s.flow(4, true)
	s.AwaitIdle()
	if n := s.Received(); n != 0 {
		p.t.Errorf("%d batches came while paused", n)
	}
	s.Resume()
	s.Take(1)
	if err := s.Stop(); err != nil {
		p.t.Errorf("Stop: %v", err)
	}
}

func (c SinkCase) startAndStop(p *Plugin) {
	for _, config := range configs(p, c.Class, c.Config(p.t)) {
		s, err := p.StartSink(c.Class, config)
		if err != nil {
			p.t.Fatalf("Start: %v", err)
		}
		if err := s.Stop(); err != nil {
			p.t.Errorf("Stop: %v", err)
		}
	}
}

// putAndFlush plays what a host does from one assignment to the next.
func (c SinkCase) putAndFlush(p *Plugin) {
	given := c.Config(p.t)
	s, err := p.StartSink(c.Class, configs(p, c.Class, given)[0])
	if err != nil {
		p.t.Fatalf("Start: %v", err)
	}
	const a, b = "sdktest-a", "sdktest-b"
	must := func(what string, err error) {
		p.t.Helper()
		if err != nil {
			p.t.Fatalf("%s: %v", what, err)
		}
	}
	put := func(batches ...[]data.SinkRecord) {
		p.t.Helper()
		errant, err := s.Put(batches...)
		must("Put", err)
		if len(errant) > 0 {
			p.t.Errorf("%d records were reported as errant, the first one: %v", len(errant), errant[0].Reason)
		}
	}
	flush := func() {
		p.t.Helper()
		_, err := s.Flush()
		must("Flush", err)
	}
	open := func(topic string) {
		p.t.Helper()
		_, err := s.Open(sdk.PartitionOffset{Topic: topic}, sdk.PartitionOffset{Topic: topic, Partition: 1})
		must("Open", err)
	}
	flush() // nothing yet, not even partitions
	open(a)
	put(Records(a, 0, 0, 10))
	flush()
	put(Records(a, 0, 10, 500), Records(a, 1, 0, 1), Records(a, 0, 510, 90), Records(a, 1, 1, 99))
	flush()
	flush() // nothing new
	must("Close", s.Close(sdk.TopicPartition{Topic: a, Partition: 1}))
	open(b)
	put(slices.Concat(Records(b, 0, 0, 50), Records(a, 0, 600, 50), Records(b, 1, 0, 50)))
	flush()
	must("Close", s.Close(sdk.TopicPartition{Topic: a}, sdk.TopicPartition{Topic: b}, sdk.TopicPartition{Topic: b, Partition: 1}))
	must("Stop", s.Stop())
	if c.Written == nil {
		return
	}
	want := slices.Concat(Records(a, 0, 0, 650), Records(a, 1, 0, 100), Records(b, 0, 0, 50), Records(b, 1, 0, 50))
	texts := make([]string, len(want))
	for i, r := range want {
		texts[i] = string(r.Value.Data)
	}
	got := c.Written(p.t, given)
	slices.Sort(texts)
	slices.Sort(got)
	if !slices.Equal(got, texts) {
		p.t.Errorf("%d values arrived, %d were put; the first that differs: %s", len(got), len(texts), firstDifference(got, texts))
	}
}

func firstDifference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%q instead of %q", got[i], want[i])
		}
	}
	return "the last ones"
}
