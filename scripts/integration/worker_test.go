//go:build integration

package integration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/rest/client"
)

// Limits of waiting. They are far beyond what a working product needs on a busy machine.
const (
	startLimit = 2 * time.Minute  // until a worker is healthy
	stopLimit  = 60 * time.Second // until one has stopped in order
	flowLimit  = 2 * time.Minute  // until records arrive, or a state does
	callLimit  = 30 * time.Second // a REST call
	goneLimit  = 30 * time.Second // until the plugins of a dead host are gone
)

// worker is a worker process of a test, with all that is its own. Start and kill it as often as needed.
type worker struct {
	t       *testing.T
	kafka   *kafka
	command string // worker or standalone
	args    []string
	folder  string // for files of the test
	plugins string // plugin.path
	port    string
	prefix  string // of the names of the test in Kafka
	rest    *client.Client
	props   map[string]string
	log     string // file of all that it prints
	process *exec.Cmd
	ended   chan struct{} // closed when process has
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

// newWorker prepares a worker, which start starts. It is stopped at the end of the test, when its log is shown if that failed.
func newWorker(t *testing.T, k *kafka, changes map[string]string) *worker {
	t.Helper()
	w := &worker{t: t, kafka: k, command: "worker", folder: t.TempDir(), port: freePort(t)}
	w.prefix = fmt.Sprintf("%s-%x", strings.Trim(unfit.ReplaceAllString(strings.ToLower(t.Name()), "-"), "-"), time.Now().UnixNano()&0xffffff)
	w.plugins = filepath.Join(w.folder, "plugins")
	w.log = filepath.Join(w.folder, "outboard.log")
	w.installAll()
	w.props = map[string]string{
		"bootstrap.servers": k.address, "group.id": w.prefix,
		"key.converter": "org.apache.kafka.connect.storage.StringConverter", "value.converter": "org.apache.kafka.connect.storage.StringConverter",
		"config.storage.topic": w.prefix + "-configs", "config.storage.replication.factor": "1",
		"offset.storage.topic": w.prefix + "-offsets", "offset.storage.replication.factor": "1",
		"status.storage.topic": w.prefix + "-status", "status.storage.replication.factor": "1",
		"offset.flush.interval.ms": "1000",
		// A sink's task that was killed is missed by its group after this time, and not after 45 s.
		"consumer.session.timeout.ms": "6000",
		"listeners":                   "http://127.0.0.1:" + w.port, "plugin.path": w.plugins,
	}
	maps.Copy(w.props, changes)
	var err error
	if w.rest, err = client.New("http://127.0.0.1:"+w.port, &http.Client{Timeout: callLimit}); err != nil {
		t.Fatal(err)
	}
	k.forget(t, w.prefix)
	t.Cleanup(w.end)
	return w
}

// installAll puts the plugins into the worker's own folder: where a process's executable is tells whose it is.
func (w *worker) installAll() {
	w.t.Helper()
	if err := os.Mkdir(w.plugins, 0o755); err != nil {
		w.t.Fatal(err)
	}
	plugins, err := os.ReadDir(stage.plugins)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range plugins {
		if err := os.Link(filepath.Join(stage.plugins, p.Name()), filepath.Join(w.plugins, p.Name())); err != nil {
			w.t.Fatal(err)
		}
	}
}

// freePort returns a port below those that the system hands out, which nobody else is given between now and its use.
func freePort(t *testing.T) string {
	t.Helper()
	for range 50 {
		if port := int(nextPort.Add(1)%10_000) + 22_000; free(port) {
			return strconv.Itoa(port)
		}
	}
	t.Fatal("no free port found from 22000 to 32000")
	return ""
}

// nextPort counts from a number of this process's own, so that two runs at a time seldom meet.
var nextPort = func() *atomic.Uint32 {
	n := new(atomic.Uint32)
	n.Store(rand.Uint32N(10_000))
	return n
}()

// launch starts the process and does not wait for anything.
func (w *worker) launch() {
	w.t.Helper()
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(w.props)) {
		fmt.Fprintf(&text, "%s=%s\n", key, w.props[key])
	}
	file := filepath.Join(w.folder, "worker.properties")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	log, err := os.OpenFile(w.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	w.process = exec.Command(stage.outboard, append([]string{w.command, file, "--log-format", "json"}, w.args...)...)
	w.process.Stdout, w.process.Stderr = log, log
	w.process.Dir = w.folder
	// What is known of plugins must not come from, or end in, the folders of whoever runs the tests.
	w.process.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(stage.folder, "cache"))
	if err := w.process.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan struct{})
	w.ended = ended
	process := w.process
	go func() {
		defer close(ended)
		_ = process.Wait() // its state is looked at by those who care
	}()
}

// start starts the process and waits until the worker is healthy.
func (w *worker) start() {
	w.t.Helper()
	w.launch()
	w.noOrphans()
	w.awaitHealthy()
}

func (w *worker) awaitHealthy() {
	w.t.Helper()
	eventually(w.t, startLimit, "the worker to be healthy", func() string {
		if !w.running() {
			w.t.Fatalf("the worker ended while it started: %s", w.process.ProcessState)
		}
		health, err := w.rest.Health(w.ctx())
		switch {
		case err != nil:
			return err.Error()
		case health.Status != herder.Healthy:
			return health.Message
		}
		return ""
	})
}

func (w *worker) running() bool {
	if w.process == nil {
		return false
	}
	select {
	case <-w.ended:
		return false
	default:
		return true
	}
}

// stop stops the worker in order.
func (w *worker) stop() {
	w.t.Helper()
	if err := w.process.Process.Signal(syscall.SIGTERM); err != nil {
		w.t.Fatal(err)
	}
	if code := w.await(stopLimit); code != 0 {
		w.t.Fatalf("a worker that was asked to stop exited with %d", code)
	}
	w.noOrphans()
}

// await waits for the end of the process and returns its exit code.
func (w *worker) await(limit time.Duration) int {
	w.t.Helper()
	select {
	case <-w.ended:
		return w.process.ProcessState.ExitCode()
	case <-time.After(limit):
		w.t.Fatalf("the worker still runs after %s", limit)
		return -1
	}
}

// kill kills the worker as kill -9 does.
func (w *worker) kill() {
	w.t.Helper()
	sigkill(w.t, w.process.Process.Pid)
	<-w.ended
}

// noOrphans waits until all plugin processes are children of the host that runs, if one does.
func (w *worker) noOrphans() {
	w.t.Helper()
	deadline := time.Now().Add(goneLimit)
	for {
		left := processesOf(w.t, w.plugins)
		if w.running() {
			left = slices.DeleteFunc(left, func(p process) bool { return p.parent == w.process.Process.Pid })
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			w.t.Errorf("plugin processes survived their host by %s: %v", goneLimit, left)
			for _, p := range left {
				_ = syscall.Kill(p.pid, syscall.SIGKILL)
			}
			return
		}
		time.Sleep(pollEvery)
	}
}

// end leaves nothing behind.
func (w *worker) end() {
	if w.running() {
		_ = w.process.Process.Signal(syscall.SIGTERM)
		select {
		case <-w.ended:
		case <-time.After(stopLimit):
			w.t.Errorf("the worker did not stop within %s", stopLimit)
			_ = w.process.Process.Kill()
			<-w.ended
		}
	}
	w.noOrphans()
	if w.t.Failed() && w.process != nil {
		w.t.Logf("the end of the worker's log, which is in %s:\n%s", w.keep(), w.tail(20))
	}
}

// keep copies the log to where it outlives the test, and returns where that is.
func (w *worker) keep() string {
	to := filepath.Join(os.TempDir(), "outboard-"+w.prefix+"-"+w.port+".log")
	if err := copyFile(to, w.log, 0o600); err != nil {
		return err.Error()
	}
	return to
}

// tail returns the last lines of the log.
func (w *worker) tail(lines int) string {
	text, err := os.ReadFile(w.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// entry is a line of the worker's log.
type entry struct {
	Message   string `json:"@message"`
	Level     string `json:"@level"`
	Connector string `json:"connector"`
	Task      int    `json:"task"`
	PID       int    `json:"pid"`
	Path      string `json:"path"`
	Err       string `json:"err"`
}

// entries returns the log. Lines that are not of the logger are left out.
func (w *worker) entries() []entry {
	w.t.Helper()
	text, err := os.ReadFile(w.log)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []entry
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			all = append(all, e)
		}
	}
	return all
}

// plugin returns the process id of a connector's plugin, 0 while none runs.
func (w *worker) plugin(connector string) int {
	w.t.Helper()
	pid := 0
	for _, e := range w.entries() {
		if e.Message == "plugin process started" && e.Connector == connector && e.PID != 0 {
			pid = e.PID
		}
	}
	for _, p := range processesOf(w.t, w.plugins) {
		if p.pid == pid && p.parent == w.process.Process.Pid {
			return pid
		}
	}
	return 0
}

// ctx bounds one REST call.
func (w *worker) ctx() context.Context { return w.t.Context() }

// put makes a connector, or changes its configuration.
func (w *worker) put(name string, config map[string]string) {
	w.t.Helper()
	if _, _, err := w.rest.PutConfig(w.ctx(), name, config); err != nil {
		w.t.Fatal(err)
	}
}

// do checks the outcome of a REST call that has no answer.
func (w *worker) do(call func(context.Context, string) error, name string) {
	w.t.Helper()
	if err := call(w.ctx(), name); err != nil {
		w.t.Fatal(err)
	}
}

// awaitState waits until a connector and its tasks, of which there is a given number, are in a state.
func (w *worker) awaitState(name string, state string, tasks int) herder.ConnectorStatus {
	w.t.Helper()
	var status herder.ConnectorStatus
	eventually(w.t, flowLimit, fmt.Sprintf("connector %s with %d tasks to be %s", name, tasks, state), func() (lacks string) {
		var err error
		if status, err = w.rest.Status(w.ctx(), name); err != nil {
			return err.Error()
		}
		all := status.Connector.State == state && len(status.Tasks) == tasks
		for _, t := range status.Tasks {
			all = all && t.State == state
		}
		if all {
			return ""
		}
		return fmt.Sprintf("%+v", status)
	})
	return status
}
