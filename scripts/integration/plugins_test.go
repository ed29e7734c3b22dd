//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/host/herder"
)

// dropLimit is how long a plugin that was dropped into plugin.path may take to be usable on a machine that is busy; the log has what it took.
const dropLimit = 30 * time.Second

// remove takes a plugin out of the worker's folder.
func (w *worker) remove(plugin string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.plugins, plugin)); err != nil {
		w.t.Fatal(err)
	}
}

// offers tells whether the worker lists a connector.
func (w *worker) offers(class string) bool {
	w.t.Helper()
	plugins, err := w.rest.Plugins(w.ctx(), true)
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.ContainsFunc(plugins, func(p herder.PluginInfo) bool { return p.Class == class })
}

// Files that are no plugins, and those that anybody could have put there, are named and left alone; the others work.
func TestUnusablePlugins(t *testing.T) {
	t.Parallel()
	w := newWorker(t, shared(t), nil)
	w.remove("blackhole")
	garbage := make([]byte, 4096)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range garbage {
		garbage[i] = byte(random.Uint32())
	}
	files := map[string]struct {
		content []byte
		mode    os.FileMode
		problem string
	}{
		"garbage":        {append([]byte("\x7fELF"), garbage...), 0o755, "exec format error"},
		"notes":          {[]byte("this is a shopping list\n"), 0o755, "exec format error"},
		"world-writable": {nil, 0o777, "chmod o-w"},
		"quitter":        {[]byte("#!/bin/sh\nexit 3\n"), 0o755, "exited with code 3"},
	}
	var err error
	blackhole := files["world-writable"]
	if blackhole.content, err = os.ReadFile(filepath.Join(stage.plugins, "blackhole")); err != nil {
		t.Fatal(err)
	}
	files["world-writable"] = blackhole
	for name, f := range files {
		path := filepath.Join(w.plugins, name)
		if err := os.WriteFile(path, f.content, f.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, f.mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
	}
	w.start()
	entries := w.entries()
	for name, f := range files {
		path := filepath.Join(w.plugins, name)
		i := slices.IndexFunc(entries, func(e entry) bool { return e.Message == "plugin cannot be used" && e.Path == path })
		if i < 0 {
			t.Errorf("nothing in the log about %s", path)
		} else if !strings.Contains(entries[i].Err, f.problem) {
			t.Errorf("the log says %q of %s, want %q", entries[i].Err, path, f.problem)
		}
	}
	if w.offers("BlackholeSink") || !w.offers("FileStreamSource") || !w.offers("DatagenSource") {
		t.Errorf("the worker offers BlackholeSink %t, FileStreamSource %t, DatagenSource %t, want only the last two",
			w.offers("BlackholeSink"), w.offers("FileStreamSource"), w.offers("DatagenSource"))
	}
	p := newPipeline(w, "lines")
	p.send(100)
	p.create()
	p.delivered()

	list := exec.CommandContext(t.Context(), stage.outboard, "plugin", "list", "--plugin-path", w.plugins, "--output", "json")
	list.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(stage.folder, "cache"))
	output, err := list.Output()
	if err != nil {
		t.Fatalf("outboard plugin list: %v", err)
	}
	var listed []struct{ Path, Class, Problem string }
	if err := json.Unmarshal(output, &listed); err != nil {
		t.Fatal(err)
	}
	problems := map[string]string{}
	for _, l := range listed {
		problems[l.Path] = l.Problem
	}
	for name, f := range files {
		if path := filepath.Join(w.plugins, name); !strings.Contains(problems[path], f.problem) {
			t.Errorf("outboard plugin list says %q of %s, want %q", problems[path], path, f.problem)
		}
	}
}

// A plugin appears when it is dropped in, works, and disappears with its file; the worker runs all the while.
func TestPluginDroppedIn(t *testing.T) {
	t.Parallel()
	k := shared(t)
	w := newWorker(t, k, nil)
	w.remove("datagen")
	w.start()
	if w.offers("DatagenSource") {
		t.Fatal("DatagenSource is offered before it is there")
	}
	name := w.prefix + "-dropped"
	config := map[string]string{"connector.class": "DatagenSource", "topic": name, "records": "100", "key": "sequence",
		"key.converter": "ByteArrayConverter", "value.converter": "ByteArrayConverter"}
	if _, _, err := w.rest.PutConfig(t.Context(), name, config); err == nil || !strings.Contains(err.Error(), "Failed to find any class that implements Connector") {
		t.Errorf("a connector without its plugin: %v", err)
	}
	// Copied byte by byte, as cp does: half a file is no plugin.
	if err := copyFile(filepath.Join(w.plugins, "datagen"), filepath.Join(stage.plugins, "datagen"), 0o755); err != nil {
		t.Fatal(err)
	}
	dropped := time.Now()
	eventually(t, dropLimit, "DatagenSource to be offered", func() string {
		if !w.offers("DatagenSource") {
			return "it is not"
		}
		return ""
	})
	t.Logf("offered %s after it was dropped in", time.Since(dropped).Round(time.Millisecond))
	w.put(name, config)
	w.awaitState(name, "RUNNING", 1)
	eventually(t, flowLimit, "its records", func() string {
		if n, err := k.end(t.Context(), name); err != nil || n != 100 {
			return fmt.Sprintf("%d of 100 (%v)", n, err)
		}
		return ""
	})

	pid := w.plugin(name)
	w.remove("datagen")
	eventually(t, dropLimit, "DatagenSource to be offered no more", func() string {
		if w.offers("DatagenSource") {
			return "it still is"
		}
		return ""
	})
	if now := w.plugin(name); now != pid {
		t.Errorf("the process of a connector was %d and is %d after its file was removed", pid, now)
	}
	w.awaitState(name, "RUNNING", 1)
}
