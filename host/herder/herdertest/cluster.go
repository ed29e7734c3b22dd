package herdertest

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/host/internal/convert"
	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/logging"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// Settings say what a cluster is made of.
type Settings struct {
	// WorkerID is the worker_id of statuses, of a worker that is alone.
	WorkerID string
	// Plugins are main packages, as go build takes them.
	Plugins []string
	// Logger hears of what workers do. Nil: nobody does, but the levels of loggers can be changed.
	Logger hclog.Logger
}

// Cluster is an Outboard that runs.
type Cluster struct {
	// Herder is that of the worker that is alone; nil in a cluster of several.
	Herder *herder.Herder

	settings Settings
	levels   *logging.Levels
	dir      string
	catalog  *isolation.Catalog
	broker   *kfake.Cluster

	mu      sync.Mutex
	closers []func() // in the order of what they close
}

const stringConverter = "org.apache.kafka.connect.storage.StringConverter"

// startTime bounds the start of anything.
const startTime = 2 * time.Minute

// Start builds the plugins and starts a worker that is alone and keeps its state in memory. The cluster must be closed.
func Start(s Settings) (*Cluster, error) {
	c, err := StartKafka(s)
	if err != nil {
		return nil, err
	}
	if c.Herder, err = c.alone(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// StartKafka builds the plugins and starts Kafka, for workers that Join. The cluster must be closed.
func StartKafka(s Settings) (_ *Cluster, err error) {
	c := &Cluster{settings: s}
	if s.Logger == nil {
		c.settings.Logger, c.levels = logging.New(hclog.LoggerOptions{Name: "outboard", Level: hclog.Info, Output: io.Discard})
	}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()
	if c.dir, err = os.MkdirTemp("", "outboard"); err != nil {
		return nil, err
	}
	c.atClose(func() { os.RemoveAll(c.dir) })
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	if c.catalog, err = plugins(ctx, c.settings, c.dir); err != nil {
		return nil, err
	}
	if c.broker, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.AllowAutoTopicCreation()); err != nil {
		return nil, err
	}
	c.atClose(c.broker.Close)
	return c, nil
}

// alone starts a worker that keeps its state in memory.
func (c *Cluster) alone() (*herder.Herder, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	var all logs
	for _, l := range []*storage.Log{&all.config, &all.status, &all.offsets} {
		log, err := storage.OpenFileLog("", c.settings.Logger)
		if err != nil {
			return nil, err
		}
		c.atClose(func() { log.Close() })
		*l = log
	}
	settings, shutdown, err := c.worker(ctx, c.settings.WorkerID, all)
	if err != nil {
		return nil, err
	}
	h := herder.New(settings)
	c.atClose(func() { bounded(shutdown) })
	c.atClose(func() { bounded(func(ctx context.Context) { _ = h.Close(ctx) }) })
	return h, h.Start(ctx)
}

// logs are what the state of a worker is kept in.
type logs struct{ config, status, offsets storage.Log }

// worker returns the settings of a herder and what ends its processes.
func (c *Cluster) worker(ctx context.Context, id string, all logs) (s herder.Settings, shutdown func(context.Context), err error) {
	log := c.settings.Logger
	offsets := storage.NewOffsetStore(all.offsets, log)
	if err := offsets.Open(ctx); err != nil {
		return herder.Settings{}, nil, err
	}
	supervisor := isolation.NewSupervisor(isolation.SupervisorSettings{SocketDir: c.dir, Logger: log})
	return herder.Settings{
		Logger: log.Named("herder"), Levels: c.levels,
		Worker: worker.Settings{
			ID: id, Logger: log.Named("worker"),
			Catalog: c.catalog, Supervisor: supervisor, Offsets: offsets,
			Properties: map[string]string{
				"bootstrap.servers": strings.Join(c.broker.ListenAddrs(), ","),
				"key.converter":     stringConverter, "value.converter": stringConverter,
			},
			FlushInterval: 100 * time.Millisecond, FlushTimeout: 5 * time.Second, GracefulTimeout: 5 * time.Second,
		},
		Config:        storage.NewConfigStore(all.config, log),
		Status:        storage.NewStatusStore(all.status, id, log),
		Converters:    converters(),
		TopicTracking: true, TopicTrackingReset: true,
		ClusterID: "herdertest", Commit: "0123456789abcdef",
	}, supervisor.Shutdown, nil
}

// atClose has something closed before what was started earlier.
func (c *Cluster) atClose(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closers = append(c.closers, f)
}

// bounded ends something within the time that a test can wait. What it could not store was in memory only.
func bounded(end func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	end(ctx)
}

// Close stops everything, the last started first.
func (c *Cluster) Close() {
	c.mu.Lock()
	closers := c.closers
	c.closers = nil
	c.mu.Unlock()
	for _, f := range slices.Backward(closers) {
		f()
	}
}

// plugins builds the plugins and has them described.
func plugins(ctx context.Context, s Settings, dir string) (*isolation.Catalog, error) {
	path := filepath.Join(dir, "plugins")
	if err := os.Mkdir(path, 0o755); err != nil {
		return nil, err
	}
	if len(s.Plugins) > 0 {
		output, err := exec.CommandContext(ctx, "go", append([]string{"build", "-o", path + "/"}, s.Plugins...)...).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("building plugins %v: %w\n%s", s.Plugins, err, output)
		}
	}
	catalog, err := isolation.NewCatalog(isolation.CatalogSettings{Path: []string{path}, Logger: s.Logger})
	if err != nil {
		return nil, err
	}
	if err := catalog.Scan(ctx); err != nil {
		return nil, err
	}
	for _, entry := range catalog.List() {
		if entry.Problem != "" {
			return nil, fmt.Errorf("plugin %s: %s", entry.Path, entry.Problem)
		}
	}
	return catalog, nil
}

func converters() []herder.ConverterInfo {
	var infos []herder.ConverterInfo
	for _, d := range convert.Known() {
		infos = append(infos, herder.ConverterInfo{
			Class: d.Class, Aliases: append([]string{d.Name}, d.Aliases...),
			Converter: d.Converter, HeaderConverter: d.HeaderConverter, Definition: d.Definition,
		})
	}
	return infos
}
