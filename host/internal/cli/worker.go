package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/spf13/cobra"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/host/internal/convert"
	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/host/internal/logging"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/transform"
	"github.com/outboard-connect/outboard/host/internal/worker"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

func workerCommand(stdout, stderr io.Writer) *cobra.Command {
	var logs logFlags
	command := &cobra.Command{
		Use:   "worker [FILE.properties]",
		Short: "Run a worker that keeps its state in Kafka, as connect-distributed does",
		Long: "Runs a worker with a properties file of Kafka Connect's distributed mode. Connectors are made with the REST API.\n" +
			"Workers with the same group.id and topics share the connectors and tasks; each needs a rest.advertised.host.name under which\n" +
			"the others reach it.\n\n" +
			"Environment variables win over the file, and may stand for all of it: CONNECT_GROUP_ID is group.id; _ is a dot, __ a hyphen, ___ an\n" +
			"underscore. Without a file those of the images of Debezium (BOOTSTRAP_SERVERS, GROUP_ID …) and Strimzi\n" +
			"(KAFKA_CONNECT_CONFIGURATION) are taken, too. The log tells which keys are from the environment.",
		Args: atMostOneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			log, levels, err := logs.logger(stderr)
			if err != nil {
				return err
			}
			source, props, err := workerProperties(args, os.Environ(), log)
			if err != nil {
				return err
			}
			return runWorker(cmd.Context(), composition{source: source, props: props, mode: distributed, pluginCache: pluginCache(), out: stdout, log: log, levels: levels, brokerLimit: brokerLimit})
		},
	}
	logs.flags(command.Flags(), "info")
	return command
}

func atMostOneFile(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("usage: outboard worker [FILE.properties] (%d arguments given)", len(args))
	}
	return nil
}

// workerProperties are those of the file, if there is one, and of environment variables. source names where they are from, for messages.
func workerProperties(files, variables []string, log hclog.Logger) (source string, props map[string]string, err error) {
	if len(files) > 0 {
		source = files[0]
		if props, err = readProperties(source); err != nil {
			return "", nil, err
		}
	}
	env, err := readEnvironment(variables, len(files) == 0)
	if err != nil {
		return "", nil, err
	}
	if len(env.ignored) > 0 {
		log.Debug("environment variables that are no settings", "names", strings.Join(env.ignored, ", "))
	}
	keys := env.keys()
	switch {
	case len(keys) == 0 && source == "":
		return "", nil, errNoSettings
	case len(keys) == 0:
		return source, props, nil
	case source == "":
		source = "the environment"
	default:
		source += " and the environment"
	}
	log.Info("settings from environment variables", "keys", strings.Join(keys, ", "))
	return source, env.over(props), nil
}

// composition is what distinguishes one worker from another.
type composition struct {
	source      string // of the properties, for messages
	props       map[string]string
	mode        modes
	pluginPath  []string        // in place of plugin.path
	pluginCache string          // file of what is known of plugins; empty: none
	connectors  []connectorFile // to create at the start
	out         io.Writer
	log         hclog.Logger
	levels      *logging.Levels // of log
	brokerLimit time.Duration   // to wait for Kafka
	single      bool            // no other workers are expected
	// ready is called when the worker is at work, and returns soon. Nil: there is nothing to do.
	ready func(running)
}

// running is a worker at work.
type running struct {
	herder     *herder.Herder
	catalog    *isolation.Catalog
	pluginPath []string
	url        string
	group      *runGroup
}

// runWorker composes a worker and runs it until ctx is done, or a part of it fails. It returns when all is stopped.
func runWorker(ctx context.Context, w composition) (err error) {
	c, err := parseWorkerConfig(w.props, w.mode)
	if err != nil {
		return fmt.Errorf("%s: %w", w.source, err)
	}
	c.report(w.log)
	if !w.single {
		c.reportAddress(w.log)
	}
	clients, err := newClients(c, w.log.Named("kafka"))
	if err != nil {
		return err
	}
	own, err := clients.own()
	if err != nil {
		return err
	}
	pluginPath, err := c.pluginPath(w.pluginPath)
	if err != nil {
		return err
	}

	peers, err := c.peers()
	if err != nil {
		return err
	}

	group := newRunGroup(w.log)
	defer func() { err = errors.Join(err, group.Stop(c.stopLimit())) }()

	if peers != nil {
		group.Add("requests to other workers", func(context.Context) error { peers.Close(); return nil })
	}
	port, err := openRESTPort(c.listeners, w.log.Named("rest"))
	if err != nil {
		return err
	}
	group.Add("REST", port.Stop)
	group.Watch("REST", port.Failed(), port.Err)
	url := port.url()
	for _, l := range port.listeners {
		if l.admin {
			fmt.Fprintf(w.out, "REST for /admin %s\n", l.url(l.Addr().(*net.TCPAddr)))
			continue
		}
		fmt.Fprintf(w.out, "REST %s\n", l.url(l.Addr().(*net.TCPAddr)))
	}

	supervisor := isolation.NewSupervisor(isolation.SupervisorSettings{
		HostVersion: version, StopTimeout: c.Duration("task.shutdown.graceful.timeout.ms"), Logger: w.log.Named("isolation"),
	})
	group.Add("plugin processes", func(ctx context.Context) error { supervisor.Shutdown(ctx); return nil })

	catalog, err := isolation.NewCatalog(isolation.CatalogSettings{
		Path: pluginPath, CacheFile: w.pluginCache, HostVersion: version, Logger: w.log.Named("plugins"),
	})
	if err != nil {
		return err
	}
	scanning, endScan := context.WithCancel(ctx)
	scanned := make(chan error, 1)
	go func() {
		defer close(scanned)
		scanned <- catalog.Scan(scanning)
	}()
	group.Add("plugin scan", func(context.Context) error {
		endScan()
		for range scanned { // until it is closed
		}
		return nil
	})

	port.Say("waiting for Kafka at " + c.Raw()["bootstrap.servers"])
	starting, cancel := context.WithTimeout(ctx, w.brokerLimit)
	defer cancel()
	clusterID, err := findCluster(starting, c, own, w.log)
	if err != nil {
		return stopped(ctx, err)
	}
	port.Say("reading what is stored")
	logs, err := openLogs(starting, c, own, group, w.log)
	if err != nil {
		return stopped(ctx, err)
	}
	offsets := storage.NewOffsetStore(logs.offsets, w.log.Named("storage"))
	if err := offsets.Open(starting); err != nil {
		return stopped(ctx, err)
	}
	port.Say("looking at the plugins in " + strings.Join(pluginPath, ", "))
	if err := <-scanned; err != nil {
		return stopped(ctx, err)
	}
	group.Go("plugin catalog", func(ctx context.Context) error { catalog.Watch(ctx); return nil })

	id := c.workerID(port.Addresses()[c.shown])
	settings := herder.Settings{
		Logger: w.log.Named("herder"), Levels: w.levels,
		Worker: worker.Settings{
			ID: id, Logger: w.log.Named("worker"),
			Catalog: catalog, Supervisor: supervisor, Offsets: offsets, Properties: c.Raw(), Providers: c.providers,
			FlushInterval: c.Duration("offset.flush.interval.ms"), FlushTimeout: c.Duration("offset.flush.timeout.ms"),
			GracefulTimeout: c.Duration("task.shutdown.graceful.timeout.ms"), TopicCreation: c.Bool("topic.creation.enable"),
		},
		Config:     c.configStore(logs, own, group, w.log),
		Status:     storage.NewStatusStore(logs.status, id, w.log.Named("storage")),
		Converters: converters(), Transforms: transforms(), ClusterID: clusterID, Commit: commit(),
		ClientOverrides: clients.overrides, LiveValidate: liveValidation(supervisor), ExactlyOnce: exactlyOnce(supervisor),
		TopicTracking: c.Bool("topic.tracking.enable"), TopicTrackingReset: c.Bool("topic.tracking.allow.reset"),
		Group: c.membership(own, w.log), URL: c.listeners[c.shown].protocol + "://" + id + "/", Signing: c.signing(),
	}
	if peers != nil {
		settings.Send = peers.Send
	}
	c.transactions(&settings.Worker)
	h := herder.New(settings)
	group.Add("herder", h.Close)
	// Others may make this worker their leader, and ask it, before it knows itself.
	port.Serve(c.servers(h, peers, w.log.Named("rest")))
	joining, cancel := context.WithTimeout(ctx, c.joinLimit(w.brokerLimit))
	defer cancel()
	if err := h.Start(joining); err != nil {
		return stopped(ctx, err)
	}
	group.Watch("group", h.Failed(), h.Err)
	w.log.Info("the worker is at work", "id", id, "rest", url)

	for _, connector := range w.connectors {
		if err := create(ctx, h, connector, w.log); err != nil {
			return stopped(ctx, err)
		}
	}
	if w.ready != nil {
		w.ready(running{herder: h, catalog: catalog, pluginPath: pluginPath, url: url, group: group})
	}
	err = group.Wait(ctx)
	w.log.Info("stopping")
	return err
}

// stopped returns no error for a start that ended because a stop was asked for.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	var exit *exitError
	if errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &exit) {
		return &exitError{codeNoKafka, err}
	}
	return err
}

// report logs what comes of the properties, secrets hidden.
func (c workerConfig) report(log hclog.Logger) {
	for _, text := range c.warnings {
		log.Warn(text)
	}
	for _, text := range c.inert {
		log.Debug(text)
	}
	shown := kafka.Redact(c.Raw())
	for _, key := range slices.Sorted(maps.Keys(shown)) {
		log.Debug("setting", "key", key, "value", shown[key])
	}
	for _, l := range c.listeners {
		host, _, _ := net.SplitHostPort(l.address)
		mutual := l.tls != nil && l.tls.ClientAuth == tls.RequireAndVerifyClientCert
		switch {
		case isLoopback(host) || mutual:
		case c.users == nil:
			log.Warn("REST asks nobody who they are, and whoever reaches it can read and change all connectors: set outboard.rest.users.file, let only those reach it who may, or listen on 127.0.0.1", "listener", l.protocol+"://"+l.address)
		case l.tls == nil:
			log.Warn("passwords and configurations pass over the network in clear: use an https listener", "listener", l.protocol+"://"+l.address)
		}
	}
}

// reportAddress warns of a worker of a group that only those on its machine reach.
func (c workerConfig) reportAddress(log hclog.Logger) {
	host, _, _ := net.SplitHostPort(c.listeners[c.shown].address)
	if c.mode == distributed && isLoopback(host) && c.String("rest.advertised.host.name") == "" {
		log.Warn("workers on other machines do not reach this one: before there are any, set listeners, as http://:8083, and rest.advertised.host.name",
			"listener", c.listeners[c.shown].protocol+"://"+c.listeners[c.shown].address)
	}
}

// workerID is host:port under which others reach the worker.
func (c workerConfig) workerID(listener *net.TCPAddr) string {
	host, port := c.String("rest.advertised.host.name"), c.Int("rest.advertised.port")
	if host == "" {
		host = listener.IP.String()
		if name, err := os.Hostname(); listener.IP.IsUnspecified() && err == nil {
			host = name
		}
	}
	if port == 0 {
		port = listener.Port
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// advertisedHosts are the names that requests may use for this worker.
func (c workerConfig) advertisedHosts() []string {
	if host := c.String("rest.advertised.host.name"); host != "" {
		return []string{host}
	}
	return nil
}

// url is where the first listener is reached from this machine.
func (p *restPort) url() string { return p.listeners[0].url(p.Addresses()[0]) }

// pluginCache is the file that spares known plugins the launch to be described; empty when the user has no folder for
// such files.
func pluginCache() string {
	folder, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(folder, "outboard", "plugins.json")
}

// converters are those that configurations may name.
func converters() []herder.ConverterInfo {
	var all []herder.ConverterInfo
	for _, d := range convert.Known() {
		all = append(all, herder.ConverterInfo{
			Class: d.Class, Aliases: append([]string{d.Name}, d.Aliases...),
			Converter: d.Converter, HeaderConverter: d.HeaderConverter, Definition: d.Definition,
		})
	}
	return all
}

// transforms are the transformations and predicates that configurations may name.
func transforms() herder.Transforms {
	all := herder.Transforms{Definition: transform.Definition, Check: transform.Check}
	for _, d := range transform.Known() {
		all.Known = append(all.Known, herder.TransformInfo{
			Class: d.Class, Aliases: append([]string{d.Name}, d.Aliases...), Type: d.Kind.String(), Definition: d.Definition,
		})
	}
	return all
}

// liveValidation has a connector's own code look at a configuration, in a process that is shared by all validations of the
// plugin at the same time.
func liveValidation(supervisor *isolation.Supervisor) func(context.Context, *isolation.Connector, map[string]string) ([]config.Value, error) {
	return func(ctx context.Context, c *isolation.Connector, values map[string]string) ([]config.Value, error) {
		lease, err := supervisor.Acquire(ctx, isolation.Request{Plugin: c.Plugin, Key: "validation", Name: "validation of " + c.Class()})
		if err != nil {
			return nil, err
		}
		defer lease.Release()
		return client.Validate(ctx, lease.Process().Conn(), c.Class(), values, client.Limits{})
	}
}

// exactlyOnce asks a connector's own code, in such a process, whether it supports exactly once.
func exactlyOnce(supervisor *isolation.Supervisor) func(context.Context, *isolation.Connector, map[string]string) (supported, declared bool, err error) {
	return func(ctx context.Context, c *isolation.Connector, values map[string]string) (supported, declared bool, err error) {
		lease, err := supervisor.Acquire(ctx, isolation.Request{Plugin: c.Plugin, Key: "validation", Name: "validation of " + c.Class()})
		if err != nil {
			return false, false, err
		}
		defer lease.Release()
		return client.ExactlyOnce(ctx, lease.Process().Conn(), c.Class(), values, client.Limits{})
	}
}
