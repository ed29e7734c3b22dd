package herder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

func TestLifecycle(t *testing.T) {
	w := newWorld(t)
	h, _ := w.start()
	ctx := t.Context()

	t.Run("create", func(t *testing.T) {
		w.control("one", "2")
		config := w.source("one")
		info := must(h.Create(ctx, " one ", config, ""))(t)
		if _, ok := config["name"]; ok {
			t.Error("the caller's map was changed")
		}
		if want := with(config, "name", "one"); !maps.Equal(info.Config, want) || info.Name != "one" || info.Type != TypeSource || info.Tasks == nil {
			t.Errorf("answer: %+v", info)
		}
		awaitStates(t, h, "one", "RUNNING RUNNING RUNNING")
		tasks := must(h.Tasks(ctx, "one"))(t)
		if got := tasks[1].Config; got["part"] != "1 of 2" || got["task.class"] != "ProbeSourceTask" || tasks[1].ID != (TaskRef{"one", 1}) {
			t.Errorf("task 1: %+v", tasks[1])
		}
		got, err := json.Marshal(must(h.Status(ctx, "one"))(t))
		want := `{"name":"one","connector":{"state":"RUNNING","worker_id":"test:8083","version":"1.2.3"},` +
			`"tasks":[{"id":0,"state":"RUNNING","worker_id":"test:8083","version":"1.2.3"},{"id":1,"state":"RUNNING","worker_id":"test:8083","version":"1.2.3"}],"type":"source"}`
		if err != nil || string(got) != want {
			t.Errorf("status %s, %v\nwant   %s", got, err, want)
		}
		if _, err := h.Create(ctx, "one", config, ""); err == nil {
			t.Error("created twice")
		} else {
			refused(t, err, AlreadyExists, "Connector one already exists")
		}
	})

	t.Run("an identical configuration restarts the connector only", func(t *testing.T) {
		config := must(h.Config(ctx, "one"))(t)
		_, created, err := h.PutConfig(ctx, "one", config)
		if err != nil || created {
			t.Fatalf("created %t, %v", created, err)
		}
		await(t, 2, func() int { return w.noted("one", "divide 2") })
		awaitStates(t, h, "one", "RUNNING RUNNING RUNNING")
		if n := w.noted("one", "start"); n != 2 {
			t.Errorf("the connector was started %d times, want 2", n)
		}
		if n := w.noted("one", "start 0"); n != 1 {
			t.Errorf("task 0 was started %d times, want once", n)
		}
	})

	t.Run("a changed key restarts the tasks too", func(t *testing.T) {
		size := "2"
		info := must(h.PatchConfig(ctx, "one", map[string]*string{"size": &size}))(t)
		if info.Config["size"] != "2" {
			t.Errorf("answer: %+v", info)
		}
		await(t, 2, func() int { return w.noted("one", "start 1") })
		awaitStates(t, h, "one", "RUNNING RUNNING RUNNING")
		if n := w.noted("one", "start"); n != 3 {
			t.Errorf("the connector was started %d times, want 3", n)
		}
		if _, err := h.PatchConfig(ctx, "one", map[string]*string{"size": nil}); err != nil {
			t.Fatal(err)
		}
		if config := must(h.Config(ctx, "one"))(t); config["size"] != "" {
			t.Errorf("size is still there: %v", config)
		}
		await(t, 3, func() int { return w.noted("one", "start 1") })
	})

	t.Run("the connector asks to be divided again", func(t *testing.T) {
		w.control("one", "1")
		awaitStates(t, h, "one", "RUNNING RUNNING")
		if _, err := h.TaskStatus(ctx, "one", 1); err == nil {
			t.Error("task 1 still has a status")
		} else {
			refused(t, err, NotFound, "Task one-1 not found")
		}
		await(t, 0, func() int { // its record too is gone
			n := 0
			for _, s := range h.settings.Status.Tasks("one") {
				n += s.Task
			}
			return n
		})
	})

	t.Run("pause, stop, resume", func(t *testing.T) {
		for _, step := range []struct {
			do     func(context.Context, string) error
			states string
		}{
			{h.Pause, "PAUSED PAUSED"}, {h.Pause, "PAUSED PAUSED"}, {h.Resume, "RUNNING RUNNING"},
			{h.Stop, "STOPPED"}, {h.Stop, "STOPPED"}, {h.Pause, "PAUSED"}, {h.Resume, "RUNNING RUNNING"}, {h.Stop, "STOPPED"},
		} {
			if err := step.do(ctx, "one"); err != nil {
				t.Fatal(err)
			}
			awaitStates(t, h, "one", step.states)
		}
		refused(t, h.RestartTask(ctx, "one", 0), Conflict, "Connector one is STOPPED")
		if err := h.RestartConnector(ctx, "one"); err != nil {
			t.Error(err)
		}
		awaitStates(t, h, "one", "STOPPED")
		if err := h.Resume(ctx, "one"); err != nil {
			t.Fatal(err)
		}
		awaitStates(t, h, "one", "RUNNING RUNNING")
	})

	t.Run("restart", func(t *testing.T) {
		before := w.noted("one", "start 0")
		if err := h.RestartTask(ctx, "one", 0); err != nil {
			t.Fatal(err)
		}
		await(t, before+1, func() int { return w.noted("one", "start 0") })
		refused(t, h.RestartTask(ctx, "one", 1), NotFound, "Task one-1 not found: the connector has tasks 0 to 0")

		starts := w.noted("one", "start")
		if err := h.RestartConnector(ctx, "one"); err != nil {
			t.Fatal(err)
		}
		if n := w.noted("one", "start"); n != starts+1 {
			t.Errorf("the connector was started %d times, want %d", n, starts+1)
		}
		awaitStates(t, h, "one", "RUNNING RUNNING")

		status := must(h.Restart(ctx, "one", true, true))(t)
		if status.Connector.State != "RUNNING" || status.Tasks[0].State != "RUNNING" {
			t.Errorf("a healthy connector: %+v", status)
		}
		status = must(h.Restart(ctx, "one", true, false))(t)
		if status.Connector.State != "RESTARTING" || status.Connector.Version == nil || *status.Connector.Version != "1.2.3" || status.Tasks[0].State != "RESTARTING" {
			t.Errorf("answer: %+v", status)
		}
		await(t, before+2, func() int { return w.noted("one", "start 0") })
		await(t, starts+2, func() int { return w.noted("one", "start") })
		awaitStates(t, h, "one", "RUNNING RUNNING")
	})

	t.Run("what others write is acted upon", func(t *testing.T) {
		if err := h.config.PutConnector(ctx, "other", with(w.source("other"), "name", "other"), nil); err != nil {
			t.Fatal(err)
		}
		awaitStates(t, h, "other", "RUNNING RUNNING")
		if err := h.config.RemoveConnector(ctx, "other"); err != nil {
			t.Fatal(err)
		}
		await(t, 1, func() int { return w.noted("other", "stop") })
	})

	t.Run("delete", func(t *testing.T) {
		if err := h.Delete(ctx, "one"); err != nil {
			t.Fatal(err)
		}
		for name, call := range map[string]func() error{
			"info":    func() error { _, err := h.Info(ctx, "one"); return err },
			"config":  func() error { _, err := h.Config(ctx, "one"); return err },
			"tasks":   func() error { _, err := h.Tasks(ctx, "one"); return err },
			"status":  func() error { _, err := h.Status(ctx, "one"); return err },
			"task":    func() error { _, err := h.TaskStatus(ctx, "one", 0); return err },
			"topics":  func() error { _, err := h.Topics(ctx, "one"); return err },
			"reset":   func() error { return h.ResetTopics(ctx, "one") },
			"delete":  func() error { return h.Delete(ctx, "one") },
			"pause":   func() error { return h.Pause(ctx, "one") },
			"resume":  func() error { return h.Resume(ctx, "one") },
			"stop":    func() error { return h.Stop(ctx, "one") },
			"restart": func() error { return h.RestartConnector(ctx, "one") },
			"all":     func() error { _, err := h.Restart(ctx, "one", true, false); return err },
			"patch":   func() error { _, err := h.PatchConfig(ctx, "one", nil); return err },
		} {
			if err := call(); err == nil {
				t.Errorf("%s of a deleted connector works", name)
			} else {
				refused(t, err, NotFound, "Connector one not found")
			}
		}
		await(t, "", func() string { return strings.Join(h.settings.Status.Connectors(), ",") })
		await(t, 0, func() int { c, tasks := h.worker.Running(); return len(c) + len(tasks) })
		must(h.Create(ctx, "one", w.source("one"), TargetRunning))(t)
		awaitStates(t, h, "one", "RUNNING RUNNING")
	})
}

func TestInitialState(t *testing.T) {
	w := newWorld(t)
	h, _ := w.start()
	for initial, states := range map[Target]string{TargetPaused: "PAUSED", TargetStopped: "STOPPED", "stopped": "STOPPED"} {
		name := "initially " + string(initial)
		if _, err := h.Create(t.Context(), name, w.source(name), initial); err != nil {
			t.Fatal(err)
		}
		awaitStates(t, h, name, states)
		if n := w.noted(name, "start"); n != 0 {
			t.Errorf("%s was started", name)
		}
		if err := h.Resume(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		awaitStates(t, h, name, "RUNNING RUNNING")
	}
	_, err := h.Create(t.Context(), "x", w.source("x"), "STARTED")
	refused(t, err, BadRequest, "initial_state STARTED is none of")
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	h, _ := w.start()
	ctx := t.Context()
	sink := map[string]string{"connector.class": "ProbeSink", "topics": "t"}
	if _, err := h.Create(ctx, "sink", sink, TargetStopped); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		connector string
		config    map[string]string
		message   string
	}{
		"no class":      {"x", map[string]string{"b": "secret", "a": "1"}, "Connector config {a, b, name} contains no connector type"},
		"unknown class": {"x", map[string]string{"connector.class": "Prob"}, "Failed to find any class that implements Connector and which name matches Prob"},
		"other name":    {"x", with(sink, "name", "y"), "Connector name configuration (y) doesn't match connector name in the URL (x)"},
		"no name":       {"", sink, "Connector configuration is invalid and contains the following 1 error(s):\n"},
		"long name":     {strings.Repeat("ä", 125), sink, "Connector configuration is invalid and contains the following 1 error(s):\n"},
		"other type":    {"sink", w.source("sink"), "Connector sink is a sink and cannot become a source"},
		"wrong version": {"x", with(sink, "connector.plugin.version", "9"), "Connector configuration is invalid and contains the following 2 error(s):\nPlugin ProbeSink not found"},
		"invalid": {
			"x", map[string]string{"connector.class": "ProbeSource", "size": "0", "tasks.max": "many"},
			"Connector configuration is invalid and contains the following 3 error(s):\n" +
				"Invalid value many for configuration tasks.max: Not a number of type INT",
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := must(h.Connectors(ctx))(t)
			_, created, err := h.PutConfig(ctx, test.connector, test.config)
			refused(t, err, BadRequest, test.message)
			if created {
				t.Error("created")
			}
			if err != nil && strings.Contains(err.Error(), "error(s)") && !strings.HasSuffix(err.Error(),
				"\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`") {
				t.Errorf("the message ends otherwise: %s", err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the message shows a value: %s", err)
			}
			if after := must(h.Connectors(ctx))(t); len(after) != len(before) {
				t.Errorf("connectors are %v, were %v", after, before)
			}
		})
	}
	other := "other"
	_, err := h.PatchConfig(ctx, "sink", map[string]*string{"name": &other})
	refused(t, err, BadRequest, "Connector name configuration (other) doesn't match")
}

func TestConcurrentCreatesHaveOneWinner(t *testing.T) {
	w := newWorld(t)
	h, _ := w.start()
	var all sync.WaitGroup
	var won atomic.Int32
	for i := range 8 {
		all.Go(func() {
			_, err := h.Create(t.Context(), "one", w.source("one", "size", fmt.Sprint(i+1)), TargetStopped)
			if err == nil {
				won.Add(1)
			} else {
				refused(t, err, AlreadyExists, "Connector one already exists")
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d calls created it", won.Load())
	}
}

func TestFailures(t *testing.T) {
	w := newWorld(t)
	h, _ := w.start()
	ctx := t.Context()

	t.Run("a connector that does not start", func(t *testing.T) {
		must(h.Create(ctx, "broken", w.source("broken", "fail.start", "no such host"), ""))(t)
		awaitStates(t, h, "broken", "FAILED")
		if s := must(h.Status(ctx, "broken"))(t); !strings.Contains(s.Connector.Trace, "no such host") {
			t.Errorf("trace: %s", s.Connector.Trace)
		}
		refused(t, h.RestartConnector(ctx, "broken"), Internal, "Failed to start connector: broken. no such host")
		must(h.Restart(ctx, "broken", false, true))(t)
		await(t, 3, func() int { return w.noted("broken", "start") })
		if err := h.Stop(ctx, "broken"); err != nil {
			t.Fatal(err)
		}
		awaitStates(t, h, "broken", "STOPPED")
	})

	t.Run("a task that does not start", func(t *testing.T) {
		must(h.Create(ctx, "half", w.source("half", "fail.task", "no such table"), ""))(t)
		awaitStates(t, h, "half", "RUNNING FAILED")
		if s := must(h.TaskStatus(ctx, "half", 0))(t); !strings.Contains(s.Trace, "no such table") {
			t.Errorf("trace: %s", s.Trace)
		}
		s := must(h.Restart(ctx, "half", true, true))(t)
		if s.Connector.State != "RUNNING" || s.Tasks[0].State != "RESTARTING" || s.Tasks[0].Trace != "" {
			t.Errorf("answer: %+v", s)
		}
		await(t, 2, func() int { return w.noted("half", "start 0") })
		awaitStates(t, h, "half", "RUNNING FAILED")
	})

	t.Run("a connector that does not divide its work", func(t *testing.T) {
		w.control("stuck", "cannot list tables")
		must(h.Create(ctx, "stuck", w.source("stuck"), ""))(t)
		awaitStates(t, h, "stuck", "FAILED")
		if s := must(h.Status(ctx, "stuck"))(t); !strings.Contains(s.Connector.Trace, "cannot list tables") || *s.Connector.Version != "1.2.3" {
			t.Errorf("status: %+v", s.Connector)
		}
		w.control("stuck", "2")
		awaitStates(t, h, "stuck", "RUNNING RUNNING RUNNING")
		if s := must(h.Status(ctx, "stuck"))(t); s.Connector.Trace != "" || *s.Connector.Version != "1.2.3" {
			t.Errorf("status: %+v", s.Connector)
		}
	})

	t.Run("a connector that does so by itself later", func(t *testing.T) {
		w.control("late", "cannot list tables")
		must(h.Create(ctx, "late", w.source("late", "silent", "yes"), ""))(t)
		awaitStates(t, h, "late", "FAILED")
		w.control("late", "1") // nobody tells the herder
		awaitStates(t, h, "late", "RUNNING RUNNING")
	})

	t.Run("more tasks than tasks.max", func(t *testing.T) {
		w.control("many", "2")
		must(h.Create(ctx, "many", w.source("many", "tasks.max", "2"), ""))(t)
		awaitStates(t, h, "many", "RUNNING RUNNING RUNNING")
		w.control("many", "3")
		awaitStates(t, h, "many", "FAILED RUNNING RUNNING")
		s := must(h.Status(ctx, "many"))(t)
		if want := "The connector many has generated 3 tasks, which is greater than 2"; firstLine(s.Connector.Trace)[:len(want)] != want {
			t.Errorf("trace: %s", s.Connector.Trace)
		}
		config := must(h.Config(ctx, "many"))(t)
		must(two(h.PutConfig(ctx, "many", with(config, "tasks.max.enforce", "false"))))(t)
		awaitStates(t, h, "many", "RUNNING RUNNING RUNNING RUNNING")
		// Now three are stored: with the limit back they go on, and are refused when they start anew.
		must(two(h.PutConfig(ctx, "many", config)))(t)
		awaitStates(t, h, "many", "FAILED RUNNING RUNNING RUNNING")
		refused(t, h.RestartTask(ctx, "many", 1), Internal, "Failed to start task: many-1. The connector many has generated 3 tasks, which is greater than 2")
		awaitStates(t, h, "many", "FAILED RUNNING FAILED RUNNING")
		w.control("many", "1")
		awaitStates(t, h, "many", "RUNNING RUNNING")
	})
}

// two drops whether PutConfig created the connector.
func two(info ConnectorInfo, _ bool, err error) (ConnectorInfo, error) { return info, err }

// TestHangingConnectorHurtsOnlyItself has one connector hang in TaskConfigs and Stop, while others are served.
func TestHangingConnectorHurtsOnlyItself(t *testing.T) {
	w := newWorld(t)
	w.graceful = 2 * time.Second
	h, _ := w.start()
	ctx := t.Context()
	w.control("hung", "hang")
	must(h.Create(ctx, "hung", w.source("hung", "hang.stop", "yes"), ""))(t)
	await(t, 1, func() int { return w.noted("hung", "divide hang") })
	if err := h.Delete(ctx, "hung"); err != nil {
		t.Fatal(err)
	}
	must(h.Create(ctx, "hung", w.source("hung2"), ""))(t)
	began := time.Now()
	must(h.Create(ctx, "fine", w.source("fine"), ""))(t)
	awaitStates(t, h, "fine", "RUNNING RUNNING")
	if err := h.RestartConnector(ctx, "fine"); err != nil {
		t.Error(err)
	}
	if err := h.Delete(ctx, "fine"); err != nil {
		t.Error(err)
	}
	await(t, 2, func() int { return w.noted("fine", "stop") })
	t.Logf("another connector's life took %s", time.Since(began))
	awaitStates(t, h, "hung", "RUNNING RUNNING") // the one of the same name, when the first is gone
}

func TestWorkerRestart(t *testing.T) {
	w := newWorld(t)
	h, stop := w.start()
	ctx := t.Context()
	w.control("runs", "2")
	must(h.Create(ctx, "runs", w.source("runs"), ""))(t)
	must(h.Create(ctx, "paused", w.source("paused"), ""))(t)
	must(h.Create(ctx, "stopped", w.source("stopped"), TargetStopped))(t)
	must(h.Create(ctx, "fails", w.source("fails", "fail.start", "no"), ""))(t)
	awaitStates(t, h, "runs", "RUNNING RUNNING RUNNING")
	awaitStates(t, h, "paused", "RUNNING RUNNING")
	if err := h.Pause(ctx, "paused"); err != nil {
		t.Fatal(err)
	}
	awaitStates(t, h, "paused", "PAUSED PAUSED")
	awaitStates(t, h, "fails", "FAILED")
	stop()
	refused(t, h.Delete(ctx, "runs"), Unavailable, "Worker is shutting down")
	if health := h.Health(ctx); health.Status != Unhealthy {
		t.Errorf("health: %+v", health)
	}

	log := w.log("status")
	statuses := storage.NewStatusStore(log, "somebody", w.logger)
	if err := statuses.Open(ctx); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]storage.State{"runs": "UNASSIGNED", "paused": "UNASSIGNED", "stopped": "UNASSIGNED", "fails": "FAILED"} {
		if s, ok := statuses.Connector(name); !ok || s.State != want || s.WorkerID != testWorker || s.Generation != 0 {
			t.Errorf("%s is stored as %+v, want %s of generation 0", name, s, want)
		}
	}
	if s := statuses.Tasks("runs"); len(s) != 2 || s[0].State != "UNASSIGNED" {
		t.Errorf("tasks of runs are stored as %+v", s)
	}
	statuses.PutConnector("left over", storage.Status{State: "RUNNING", WorkerID: "gone:1", Generation: 6})
	statuses.PutTask("runs", 7, storage.Status{State: "RUNNING", WorkerID: "gone:1"})
	if err := statuses.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}

	h, _ = w.start()
	awaitStates(t, h, "runs", "RUNNING RUNNING RUNNING")
	awaitStates(t, h, "paused", "PAUSED PAUSED")
	awaitStates(t, h, "stopped", "STOPPED")
	awaitStates(t, h, "fails", "FAILED")
	await(t, "fails,paused,runs,stopped", func() string { return strings.Join(h.settings.Status.Connectors(), ",") })
	await(t, 2, func() int { return len(h.settings.Status.Tasks("runs")) })
	await(t, 7, func() int { s, _ := h.settings.Status.Connector("runs"); return int(s.Generation) })
	if n := w.noted("paused", "start 0"); n != 1 {
		t.Errorf("the paused task was started %d times, want once", n)
	}
}

func TestTopics(t *testing.T) {
	w := newWorld(t)
	h, _ := w.start()
	ctx := t.Context()
	must(h.Create(ctx, "one", w.source("one", "topic", "numbers"), ""))(t)
	await(t, "numbers", func() string { return strings.Join(must(h.Topics(ctx, "one"))(t), ",") })
	if err := h.ResetTopics(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if topics := must(h.Topics(ctx, "one"))(t); topics == nil || len(topics) != 0 {
		t.Errorf("topics after the reset: %#v", topics)
	}
	must(h.Create(ctx, "sink", map[string]string{"connector.class": "ProbeSink", "topics": "numbers"}, ""))(t)
	await(t, 1, func() int { return len(must(h.Tasks(ctx, "sink"))(t)) })
	if config := must(h.Tasks(ctx, "sink"))(t)[0].Config; config["topics"] != "numbers" || config["task.class"] != "ProbeSinkTask" {
		t.Errorf("configuration of a sink's task: %v", config)
	}
	await(t, "numbers", func() string { return strings.Join(must(h.Topics(ctx, "sink"))(t), ",") })
}

func TestPlugins(t *testing.T) {
	w := newWorld(t)
	h, _ := w.start()
	h.settings.Converters = testConverters()
	ctx := t.Context()
	got, err := json.Marshal(must(h.Plugins(ctx, false))(t))
	want := `[{"class":"ProbeSink","type":"sink","version":"1.2.3"},{"class":"ProbeSource","type":"source","version":"1.2.3"},` +
		`{"class":"org.example.JsonConverter","type":"converter"},{"class":"org.example.JsonConverter","type":"header_converter"},` +
		`{"class":"org.example.SimpleHeaderConverter","type":"header_converter"}]`
	if err != nil || string(got) != want {
		t.Errorf("plugins %s, %v", got, err)
	}
	if only := must(h.Plugins(ctx, true))(t); len(only) != 2 {
		t.Errorf("connectors: %+v", only)
	}

	keys := must(h.PluginConfig(ctx, "ProbeSourceConnector", ""))(t)
	if keys[0].Name != "notes" {
		t.Errorf("the first key is %s, want the connector's own", keys[0].Name)
	}
	for _, k := range keys {
		if k.Name == "connector.plugin.version" && *k.DefaultValue != "1.2.3" || k.Name == "key.converter" && k.DefaultValue != nil {
			t.Errorf("default of %s: %s", k.Name, *k.DefaultValue)
		}
	}
	must(h.PluginConfig(ctx, "ProbeSource", "[1.0,2.0)"))(t)
	_, err = h.PluginConfig(ctx, "ProbeSource", "9")
	refused(t, err, BadRequest, "Plugin ProbeSource not found that matches the version range 9")
	_, err = h.PluginConfig(ctx, "Nothing", "")
	refused(t, err, NotFound, "Unknown plugin Nothing")
	if keys := must(h.PluginConfig(ctx, "Json", ""))(t); len(keys) != 1 || keys[0].Name != "schemas.enable" {
		t.Errorf("keys of a converter: %+v", keys)
	}

	probe := w.source("x", "name", "x", "connector.class", "org.example.ProbeSourceConnector")
	for _, path := range []string{"ProbeSource", "ProbeSourceConnector", "org.example.ProbeSourceConnector", "SourceConnector"} {
		infos, err := h.Validate(ctx, path, probe)
		if err != nil || infos.ErrorCount != 0 || infos.Name != "org.example.ProbeSourceConnector" {
			t.Errorf("validate by %s: %d errors, %v", path, infos.ErrorCount, err)
		}
	}
	live := map[string]string{"name": "s", "connector.class": "ProbeSink", "topics": "t"}
	h.settings.LiveValidate = func(_ context.Context, c *isolation.Connector, values map[string]string) ([]config.Value, error) {
		if c.Class() != "ProbeSink" || values["topics"] != "t" {
			t.Errorf("live validation of %s with %v", c.Class(), values)
		}
		return []config.Value{{Name: "topic", Errors: []string{"There is no such table."}, Visible: true}}, nil
	}
	if infos := must(h.Validate(ctx, "ProbeSink", live))(t); infos.ErrorCount != 1 {
		t.Errorf("live validation found %d errors", infos.ErrorCount)
	}
	_, err = h.Create(ctx, "s", live, "")
	refused(t, err, BadRequest, "Connector configuration is invalid and contains the following 1 error(s):\nThere is no such table.\n")
	h.settings.LiveValidate = func(context.Context, *isolation.Connector, map[string]string) ([]config.Value, error) {
		return nil, errors.New("connection refused")
	}
	_, err = h.Create(ctx, "s", live, "")
	refused(t, err, Internal, "The request failed while validating the configuration of connector s: the connector's own validation did not work: connection refused")
	if infos := must(h.Validate(ctx, "ProbeSource", probe))(t); infos.ErrorCount != 0 { // it has no such code and is not asked
		t.Errorf("%d errors", infos.ErrorCount)
	}

	_, err = h.Validate(ctx, "ProbeSink", probe)
	refused(t, err, BadRequest, "Included connector type org.example.ProbeSourceConnector does not match request type ProbeSink")
	_, err = h.Validate(ctx, "ProbeSource", map[string]string{})
	refused(t, err, BadRequest, "Connector config {} contains no connector type")
	_, err = h.Validate(ctx, "Nothing", map[string]string{"connector.class": "Nothing"})
	refused(t, err, BadRequest, "Failed to find any class that implements Connector")
}
