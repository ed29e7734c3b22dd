package herder

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/provider"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

const testWorker = "test:8083"

// pluginDir holds the plugin of testdata/probe, built once.
var pluginDir = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "herder")
	if err != nil {
		return "", err
	}
	output, err := exec.Command("go", "build", "-o", dir+"/", "./testdata/probe").CombinedOutput()
	if err != nil {
		return dir, fmt.Errorf("building the plugin: %w\n%s", err, output)
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := pluginDir(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// patience is how long a test waits for what must happen. Only a test that fails takes that long.
const patience = time.Minute

// world is what survives a worker: its logs, and Kafka.
type world struct {
	t       *testing.T
	dir     string
	broker  *kfake.Cluster
	catalog *isolation.Catalog
	logger  hclog.Logger
	// providers are the worker's, nil for none.
	providers *provider.Providers
	// graceful is how long tasks and processes have to stop.
	graceful time.Duration
	// exactlyOnce is the group.id with which sources deliver exactly once, empty when they do not. Offsets are in topic then.
	exactlyOnce string
	topic       storage.Topic
}

func newWorld(t *testing.T) *world {
	t.Helper()
	plugins, err := pluginDir()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: t.TempDir(), logger: hclog.NewNullLogger(), graceful: patience}
	if testing.Verbose() {
		w.logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: t.Output()})
	}
	if w.broker, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.AllowAutoTopicCreation()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.broker.Close)
	w.catalog, err = isolation.NewCatalog(isolation.CatalogSettings{Path: []string{plugins}, CacheFile: filepath.Join(w.dir, "cache"), Logger: w.logger})
	if err == nil {
		err = w.catalog.Scan(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) log(name string) *storage.FileLog {
	w.t.Helper()
	log, err := storage.OpenFileLog(filepath.Join(w.dir, name), w.logger)
	if err != nil {
		w.t.Fatal(err)
	}
	return log
}

// offsets is the log of offsets.
func (w *world) offsets() storage.Log {
	w.t.Helper()
	if w.exactlyOnce == "" {
		return w.log("offset")
	}
	w.topic = storage.Topic{Name: "offsets", Setting: "offset.storage", Partitions: 1, ReplicationFactor: 1, ReadCommitted: true}
	log, err := storage.OpenKafkaLog(w.t.Context(), w.topic, []kgo.Opt{kgo.SeedBrokers(w.broker.ListenAddrs()...)}, w.logger)
	if err != nil {
		w.t.Fatal(err)
	}
	return log
}

// start starts a worker. Call stop before the next one, otherwise the test's end does.
func (w *world) start() (h *Herder, stop func()) {
	w.t.Helper()
	config, status, offset := w.log("config"), w.log("status"), w.offsets()
	offsets := storage.NewOffsetStore(offset, w.logger)
	if err := offsets.Open(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	supervisor := isolation.NewSupervisor(isolation.SupervisorSettings{SocketDir: w.dir, Logger: w.logger, StopTimeout: w.graceful})
	h = New(Settings{
		Logger: w.logger,
		Worker: worker.Settings{
			ID: testWorker, Logger: w.logger, Catalog: w.catalog, Supervisor: supervisor, Offsets: offsets, Providers: w.providers,
			Properties: map[string]string{
				"bootstrap.servers": strings.Join(w.broker.ListenAddrs(), ","),
				"key.converter":     "org.apache.kafka.connect.storage.StringConverter", "value.converter": "org.apache.kafka.connect.storage.StringConverter",
			},
			FlushInterval: 100 * time.Millisecond, FlushTimeout: patience, GracefulTimeout: w.graceful,
			OffsetsTopic: w.topic, ExactlyOnceGroup: w.exactlyOnce,
		},
		Config:        storage.NewConfigStore(config, w.logger),
		Status:        storage.NewStatusStore(status, testWorker, w.logger),
		TopicTracking: true, TopicTrackingReset: true,
		ClusterID: "cluster", Commit: "c0ffee",
	})
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.Close(ctx); err != nil {
			w.t.Errorf("close: %v", err)
		}
		supervisor.Shutdown(ctx)
		for _, log := range []storage.Log{config, status, offset} {
			if err := log.Close(); err != nil {
				w.t.Errorf("close: %v", err)
			}
		}
	})
	w.t.Cleanup(stop)
	if err := h.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return h, stop
}

// source is the configuration of a source that notes what is done to it and can be controlled.
func (w *world) source(name string, more ...string) map[string]string {
	config := map[string]string{
		"connector.class": "ProbeSource", "tasks.max": "4",
		"notes": filepath.Join(w.dir, name+".notes"), "control": filepath.Join(w.dir, name+".control"),
	}
	for i := 0; i < len(more); i += 2 {
		config[more[i]] = more[i+1]
	}
	return config
}

// control tells a connector how to divide its work.
func (w *world) control(name, text string) {
	w.t.Helper()
	path := filepath.Join(w.dir, name+".control")
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		w.t.Fatal(err)
	}
}

// noted counts the notes of a connector that are equal to a line.
func (w *world) noted(name, line string) int {
	text, _ := os.ReadFile(filepath.Join(w.dir, name+".notes"))
	n := 0
	for l := range strings.Lines(string(text)) {
		if strings.TrimSpace(l) == line {
			n++
		}
	}
	return n
}

// must is for calls that have to work: must(call())(t) is the first result.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// states renders a status: the state of the connector and those of the tasks.
func states(h *Herder, name string) string {
	s, err := h.Status(context.Background(), name)
	if err != nil {
		return err.Error()
	}
	text := s.Connector.State
	for _, t := range s.Tasks {
		text += " " + t.State
	}
	return text
}

// await waits until something is as it should be.
func await[T comparable](t *testing.T, want T, get func() T) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for get() != want {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("is %v after %s, want %v", get(), patience, want)
		}
	}
}

// awaitStates waits until a connector and its tasks have these states.
func awaitStates(t *testing.T, h *Herder, name, want string) {
	t.Helper()
	await(t, want, func() string { return states(h, name) })
}

// refused checks the kind and the beginning of an error.
func refused(t *testing.T, err error, code Code, beginning string) {
	t.Helper()
	e, ok := err.(*Error)
	if !ok || e.Code != code || !strings.HasPrefix(e.Message, beginning) {
		t.Errorf("the error is %v, want %v: %s", err, code, beginning)
	}
}

func with(config map[string]string, key, value string) map[string]string {
	config = maps.Clone(config)
	config[key] = value
	return config
}
