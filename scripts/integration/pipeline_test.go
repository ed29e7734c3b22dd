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

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/outboard-connect/outboard/host/herder"
)

// pipeline is lines of a file that go through a topic into another file.
type pipeline struct {
	*worker
	source, sink, topic string
	in                  string // file
	sent                int    // numbers written to it
	out                 *arrivals
}

// newPipeline names the parts; nothing exists yet.
func newPipeline(w *worker, name string) *pipeline {
	return &pipeline{
		worker: w, source: w.prefix + "-" + name + "-source", sink: w.prefix + "-" + name + "-sink", topic: w.prefix + "-" + name,
		in: filepath.Join(w.folder, name+".in"), out: &arrivals{path: filepath.Join(w.folder, name+".out")},
	}
}

func (p *pipeline) sourceConfig() map[string]string {
	return map[string]string{"connector.class": "FileStreamSource", "tasks.max": "1", "file": p.in, "topic": p.topic}
}

func (p *pipeline) sinkConfig() map[string]string {
	return map[string]string{"connector.class": "FileStreamSink", "tasks.max": "1", "file": p.out.path, "topics": p.topic}
}

// create makes both connectors and waits until they run.
func (p *pipeline) create() {
	p.t.Helper()
	p.put(p.source, p.sourceConfig())
	p.put(p.sink, p.sinkConfig())
	p.awaitState(p.source, "RUNNING", 1)
	p.awaitState(p.sink, "RUNNING", 1)
}

// send writes further numbers to the source's file.
func (p *pipeline) send(count int) {
	p.t.Helper()
	appendTo(p.t, p.in, numbered(p.sent, count))
	p.sent += count
}

// delivered waits until all that was sent is in the sink's file.
func (p *pipeline) delivered() {
	p.t.Helper()
	p.out.await(p.t, flowLimit, int64(p.sent))
}

// A file goes through Kafka into another one, line for line, over restarts of the worker.
func TestFileToFile(t *testing.T) {
	t.Parallel()
	k := shared(t)
	w := newWorker(t, k, nil)
	w.start()
	p := newPipeline(w, "lines")
	p.send(2000)
	p.create()
	p.delivered()
	p.send(500)
	p.delivered()
	checkConfigTopic(t, p)
	checkOffsetTopic(t, p)
	checkStatusTopic(t, p)
	checkTopicsOf(t, p)

	w.stop()
	p.out.once(t)
	group := "connect-" + p.sink
	if at, _ := k.committed(t, group, p.topic); at != int64(p.sent) {
		t.Errorf("group %s has committed %d records of %d, though the worker was stopped in order", group, at, p.sent)
	}
	for key, value := range k.latest(t, w.props["status.storage.topic"]) {
		if state := member(t, value, "state"); strings.HasPrefix(key, "status-connector-") || strings.HasPrefix(key, "status-task-") {
			if state != "UNASSIGNED" {
				t.Errorf("%s says %v after the worker stopped", key, state)
			}
		}
	}

	p.send(500) // nobody is there
	w.start()
	p.delivered()
	w.stop()
	p.out.once(t)

	w.start()
	p.awaitState(p.sink, "RUNNING", 1)
	p.send(20000)
	p.out.await(t, flowLimit, int64(p.sent)-20000)
	w.kill()
	p.send(500)
	w.start()
	p.delivered()
	p.awaitState(p.source, "RUNNING", 1)
	p.awaitState(p.sink, "RUNNING", 1)
	w.stop()
}

// member returns a member of a JSON object, nil for a tombstone.
func member(t *testing.T, object []byte, name string) any {
	t.Helper()
	if object == nil {
		return nil
	}
	var members map[string]any
	if err := json.Unmarshal(object, &members); err != nil {
		t.Fatalf("%q is no JSON object: %v", object, err)
	}
	return members[name]
}

// checkCompacted checks an internal topic's settings.
func checkCompacted(t *testing.T, k *kafka, topic string, partitions int) {
	t.Helper()
	details, err := k.admin.ListTopics(t.Context(), topic)
	if err == nil {
		err = details.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := len(details[topic].Partitions); got != partitions {
		t.Errorf("topic %s has %d partitions, want %d", topic, got, partitions)
	}
	configs, err := k.admin.DescribeTopicConfigs(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	config, err := configs.On(topic, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(config.Configs, func(c kadm.Config) bool { return c.Key == "cleanup.policy" })
	if policy := config.Configs[i].MaybeValue(); policy != "compact" {
		t.Errorf("topic %s has cleanup.policy=%s, want compact", topic, policy)
	}
}

func checkConfigTopic(t *testing.T, p *pipeline) {
	t.Helper()
	topic := p.props["config.storage.topic"]
	checkCompacted(t, p.kafka, topic, 1)
	latest := p.kafka.latest(t, topic)
	for key, want := range map[string]map[string]string{
		"connector-" + p.source: p.sourceConfig(), "connector-" + p.sink: p.sinkConfig(),
		"task-" + p.source + "-0": p.sourceConfig(), "task-" + p.sink + "-0": p.sinkConfig(),
	} {
		properties, ok := member(t, latest[key], "properties").(map[string]any)
		if !ok {
			t.Errorf("topic %s has no properties for key %s, but %q", topic, key, latest[key])
			continue
		}
		for name, value := range want {
			if name != "tasks.max" && name != "connector.class" && properties[name] != value {
				t.Errorf("topic %s, key %s: %s is %v, want %s", topic, key, name, properties[name], value)
			}
		}
	}
	for _, name := range []string{p.source, p.sink} {
		if tasks := member(t, latest["commit-"+name], "tasks"); tasks != float64(1) {
			t.Errorf("topic %s, key commit-%s: tasks is %v, want 1", topic, name, tasks)
		}
	}
	config, err := p.rest.Config(t.Context(), p.source)
	if err != nil {
		t.Fatal(err)
	}
	want := p.sourceConfig()
	want["name"] = p.source
	if !maps.Equal(config, want) {
		t.Errorf("the configuration read back is %v, want %v", config, want)
	}
}

func checkOffsetTopic(t *testing.T, p *pipeline) {
	t.Helper()
	topic := p.props["offset.storage.topic"]
	checkCompacted(t, p.kafka, topic, 25)
	size := float64(p.sent * (digits + 1))
	key := fmt.Sprintf(`["%s",{"filename":"%s"}]`, p.source, p.in)
	// Offsets follow the records every offset.flush.interval.ms.
	eventually(t, flowLimit, "the source's offset", func() string {
		latest := p.kafka.latest(t, topic)
		if position := member(t, latest[key], "position"); position == size {
			return ""
		}
		return fmt.Sprintf("topic %s, key %s is %q, want position %v; keys: %v", topic, key, latest[key], size, slices.Collect(maps.Keys(latest)))
	})
}

func checkStatusTopic(t *testing.T, p *pipeline) {
	t.Helper()
	topic := p.props["status.storage.topic"]
	checkCompacted(t, p.kafka, topic, 5)
	for _, name := range []string{p.source, p.sink} {
		for _, key := range []string{"status-connector-" + name, "status-task-" + name + "-0"} {
			eventually(t, flowLimit, "status "+key, func() string { // REST knows it before the topic
				value, ok := p.kafka.latest(t, topic)[key]
				if !ok || member(t, value, "state") != "RUNNING" || member(t, value, "worker_id") != "127.0.0.1:"+p.port {
					return fmt.Sprintf("it is %q", value)
				}
				return ""
			})
		}
		eventually(t, flowLimit, "the topic of "+name, func() string {
			value, ok := p.kafka.latest(t, topic)["status-topic-"+p.topic+":connector-"+name]
			if !ok {
				return "there is no record"
			}
			if used, _ := member(t, value, "topic").(map[string]any); used["name"] != p.topic || used["connector"] != name {
				return fmt.Sprintf("it is %q", value)
			}
			return ""
		})
	}
}

func checkTopicsOf(t *testing.T, p *pipeline) {
	t.Helper()
	for _, name := range []string{p.source, p.sink} {
		// A topic shows when its first use was stored and read back.
		eventually(t, flowLimit, "the topics of "+name, func() string {
			topics, err := p.rest.Topics(t.Context(), name)
			if err != nil || !slices.Equal(topics, []string{p.topic}) {
				return fmt.Sprintf("they are %v (%v), not %s", topics, err, p.topic)
			}
			return ""
		})
	}
}

// A connector that is deleted and made again goes on where it was.
func TestDeleteAndCreateAgain(t *testing.T) {
	t.Parallel()
	w := newWorker(t, shared(t), nil)
	w.start()
	p := newPipeline(w, "lines")
	p.send(1000)
	p.create()
	p.delivered()
	for _, name := range []string{p.source, p.sink} {
		w.do(w.rest.Delete, name)
		eventually(t, flowLimit, "the plugin process of "+name+" to end", func() string {
			if pid := w.plugin(name); pid != 0 {
				return fmt.Sprintf("process %d runs", pid)
			}
			return ""
		})
	}
	if names, err := w.rest.Connectors(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("connectors after all are deleted: %v, %v", names, err)
	}
	eventually(t, flowLimit, "the statuses to be deleted", func() string {
		for key, value := range w.kafka.latest(t, w.props["status.storage.topic"]) {
			if value != nil {
				return key + " is still there"
			}
		}
		return ""
	})
	p.send(1000)
	p.create()
	p.delivered()
	p.out.once(t)
}

// A changed configuration counts from the next record on.
func TestConfigUpdate(t *testing.T) {
	t.Parallel()
	w := newWorker(t, shared(t), nil)
	w.start()
	p := newPipeline(w, "lines")
	p.send(100)
	p.create()
	p.delivered()

	second := &arrivals{path: p.out.path + ".second", next: int64(p.sent)}
	config := p.sinkConfig()
	config["file"] = second.path
	if _, created, err := w.rest.PutConfig(t.Context(), p.sink, config); err != nil || created {
		t.Fatalf("changing %s: created %t, %v", p.sink, created, err)
	}
	awaitFile(t, second.path)
	p.send(100)
	second.await(t, flowLimit, int64(p.sent))
	p.out.await(t, flowLimit, 100)

	third := p.out.path + ".third"
	if _, err := w.rest.PatchConfig(t.Context(), p.sink, map[string]*string{"file": &third}); err != nil {
		t.Fatal(err)
	}
	awaitFile(t, third)
	p.send(100)
	(&arrivals{path: third, next: 200}).await(t, flowLimit, int64(p.sent))

	wrong := p.sinkConfig()
	wrong["topics"] = ""
	if _, _, err := w.rest.PutConfig(t.Context(), p.sink, wrong); err == nil || !strings.Contains(err.Error(), "topics") {
		t.Errorf("a sink without topics: %v", err)
	}
	p.send(100) // what is refused changes nothing
	(&arrivals{path: third, next: 200}).await(t, flowLimit, int64(p.sent))
}

// awaitFile waits for the file that a sink makes when it starts. An answer to a change of configuration says that the change
// is stored; the tasks start again afterwards.
func awaitFile(t *testing.T, path string) {
	t.Helper()
	eventually(t, flowLimit, path+" to appear", func() string {
		if _, err := os.Stat(path); err != nil {
			return err.Error()
		}
		return ""
	})
}

// What is paused or stopped moves nothing and loses nothing.
func TestPauseResumeStop(t *testing.T) {
	t.Parallel()
	w := newWorker(t, shared(t), nil)
	w.start()
	p, other := newPipeline(w, "lines"), newPipeline(w, "other")
	other.in = p.in // the other one shows when the lines could have arrived
	p.send(100)
	p.create()
	other.create()
	p.delivered()
	other.sent = p.sent
	other.delivered()

	stays := func(name, state string, tasks int, ask, resume func()) {
		t.Helper()
		ask()
		w.awaitState(name, state, tasks)
		p.out.await(t, flowLimit, int64(p.sent))
		p.send(100)
		other.sent = p.sent
		other.delivered()
		p.out.await(t, flowLimit, int64(p.sent)-100)
		resume()
		w.awaitState(name, "RUNNING", 1)
		p.delivered()
	}
	for _, name := range []string{p.source, p.sink} {
		resume := func() { w.do(w.rest.Resume, name) }
		stays(name, "PAUSED", 1, func() { w.do(w.rest.Pause, name) }, resume)
		stays(name, "STOPPED", 0, func() { w.do(w.rest.Stop, name) }, resume)
	}
	p.out.once(t)

	// A pause outlives the worker.
	w.do(w.rest.Pause, p.sink)
	w.awaitState(p.sink, "PAUSED", 1)
	if state := member(t, w.kafka.latest(t, w.props["config.storage.topic"])["target-state-"+p.sink], "state.v2"); state != "PAUSED" {
		t.Errorf("target-state-%s says %v", p.sink, state)
	}
	w.stop()
	w.start()
	w.awaitState(p.sink, "PAUSED", 1)
	w.awaitState(p.source, "RUNNING", 1)
	w.do(w.rest.Resume, p.sink)
	p.send(100)
	p.delivered()
	w.stop()
	p.out.once(t)
}

// A standalone worker keeps offsets in a file, and its connectors are on its command line.
func TestStandalone(t *testing.T) {
	t.Parallel()
	w := newWorker(t, shared(t), map[string]string{"offset.flush.interval.ms": "200"})
	maps.DeleteFunc(w.props, func(key, _ string) bool { return strings.Contains(key, ".storage.") || key == "group.id" })
	offsets := filepath.Join(w.folder, "connect.offsets")
	w.props["offset.storage.file.filename"] = offsets
	p := newPipeline(w, "lines")
	w.command = "standalone"
	for name, config := range map[string]map[string]string{p.source: p.sourceConfig(), p.sink: p.sinkConfig()} {
		text, err := json.Marshal(map[string]any{"name": name, "config": config})
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(w.folder, name+".json")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		w.args = append(w.args, file)
	}
	p.send(1000)
	w.start()
	p.delivered()
	w.stop()
	p.out.once(t)

	p.send(1000)
	w.start()
	p.delivered()
	p.send(1000)
	w.kill()
	p.send(1000)
	w.start()
	p.delivered()
	status := w.awaitState(p.source, "RUNNING", 1)
	if status.Type != herder.TypeSource {
		t.Errorf("%s is a %s", p.source, status.Type)
	}
	w.stop()
	if info, err := os.Stat(offsets); err != nil || info.Size() == 0 {
		t.Errorf("the offset file: %v", err)
	}
}
