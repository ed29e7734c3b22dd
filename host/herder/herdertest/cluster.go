// Package herdertest runs a whole Outboard in one process for tests of packages above the herder: an embedded Kafka broker, a
// worker, plugins as real binaries in processes of their own, and a herder that keeps its state in memory.
package herdertest

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	// WorkerID is the worker_id of statuses.
	WorkerID string
	// Plugins are main packages, as go build takes them.
	Plugins []string
	// Logger hears of what the worker does. Nil: nobody does, but the levels of loggers can be changed.
	Logger hclog.Logger
}

// Cluster is an Outboard that runs.
type Cluster struct {
	Herder *herder.Herder

	closers []func() // in the order of what they close
}

const stringConverter = "org.apache.kafka.connect.storage.StringConverter"

// Start builds the plugins and starts everything. The cluster must be closed.
func Start(s Settings) (_ *Cluster, err error) {
	var levels *logging.Levels
	if s.Logger == nil {
		s.Logger, levels = logging.New(hclog.LoggerOptions{Name: "outboard", Level: hclog.Info, Output: io.Discard})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := &Cluster{}
	defer func() {
		if err != nil {
			c.Close()
		}
	}()

	dir, err := os.MkdirTemp("", "outboard")
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, func() { os.RemoveAll(dir) })
	catalog, err := plugins(ctx, s, dir)
	if err != nil {
		return nil, err
	}
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.AllowAutoTopicCreation())
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, broker.Close)
	logs := map[string]*storage.FileLog{}
	for _, name := range []string{"config", "status", "offset"} {
		if logs[name], err = storage.OpenFileLog("", s.Logger); err != nil {
			return nil, err
		}
		c.closers = append(c.closers, func() { logs[name].Close() })
	}
	offsets := storage.NewOffsetStore(logs["offset"], s.Logger)
	if err := offsets.Open(ctx); err != nil {
		return nil, err
	}
	supervisor := isolation.NewSupervisor(isolation.SupervisorSettings{SocketDir: dir, Logger: s.Logger})
	c.closers = append(c.closers, func() { bounded(supervisor.Shutdown) })

	c.Herder = herder.New(herder.Settings{
		Logger: s.Logger.Named("herder"), Levels: levels,
		Worker: worker.Settings{
			ID: s.WorkerID, Logger: s.Logger.Named("worker"),
			Catalog: catalog, Supervisor: supervisor, Offsets: offsets,
			Properties: map[string]string{
				"bootstrap.servers": strings.Join(broker.ListenAddrs(), ","),
				"key.converter":     stringConverter, "value.converter": stringConverter,
			},
			FlushInterval: 100 * time.Millisecond, FlushTimeout: 5 * time.Second, GracefulTimeout: 5 * time.Second,
		},
		Config:        storage.NewConfigStore(logs["config"], s.Logger),
		Status:        storage.NewStatusStore(logs["status"], s.WorkerID, s.Logger),
		Converters:    converters(),
		TopicTracking: true, TopicTrackingReset: true,
		ClusterID: "herdertest", Commit: "0123456789abcdef",
	})
	c.closers = append(c.closers, func() { bounded(func(ctx context.Context) { _ = c.Herder.Close(ctx) }) })
	return c, c.Herder.Start(ctx)
}

// bounded ends something within the time that a test can wait. What it could not store was in memory only.
func bounded(end func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	end(ctx)
}

// Close stops everything, the last started first.
func (c *Cluster) Close() {
	for i := len(c.closers) - 1; i >= 0; i-- {
		c.closers[i]()
	}
	c.closers = nil
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
