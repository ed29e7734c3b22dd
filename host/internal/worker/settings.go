package worker

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/convert"
	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/host/internal/provider"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// Settings is what a worker needs.
type Settings struct {
	// ID is the worker_id of status answers, host:port.
	ID     string
	Logger hclog.Logger
	Events Events

	// Catalog finds plugins, Supervisor runs their processes.
	Catalog    *isolation.Catalog
	Supervisor *isolation.Supervisor
	// Offsets keeps the offsets of source connectors.
	Offsets *storage.OffsetStore
	// OffsetsTopic is the topic of Offsets, which that of a connector with offsets.storage.topic is made like. Its name is empty
	// when offsets are kept in a file: offsets.storage.topic has no effect then.
	OffsetsTopic storage.Topic
	// ExactlyOnceGroup is the worker's group.id when exactly.once.source.support is enabled: source tasks write records and
	// offsets in transactions. Empty: they do not. It needs OffsetsTopic.
	ExactlyOnceGroup string
	// Fencing is needed with ExactlyOnceGroup.
	Fencing Fencing
	// Lapsed tells that others may run what this worker runs: nothing more is to be written for it, and it is about to be
	// killed, unless Lapsed tells otherwise again. Nil: there are no others.
	Lapsed func() bool
	// Properties are those of the worker's properties file: its converters and
	// their settings, and what Kafka clients of connectors start from.
	Properties map[string]string
	// Providers resolve the references in configurations of connectors and tasks. Nil: there are none.
	Providers *provider.Providers

	// FlushInterval is offset.flush.interval.ms, FlushTimeout offset.flush.timeout.ms.
	FlushInterval, FlushTimeout time.Duration
	// GracefulTimeout is task.shutdown.graceful.timeout.ms.
	GracefulTimeout time.Duration
	// TopicCreation is topic.creation.enable.
	TopicCreation bool
}

// client returns what the Kafka client of a task is made with.
func (s *Settings) client(role kafka.Role, id TaskID, config map[string]string, log hclog.Logger) (*kafka.Config, error) {
	props, err := s.clientProperties(role, id, config)
	if err != nil {
		return nil, err
	}
	return kafka.NewConfig(role, props, log)
}

// admin makes an admin client with the rights of a connector. The caller closes it.
func (s *Settings) admin(id TaskID, config map[string]string, log hclog.Logger) (*kadm.Client, error) {
	client, err := s.adminClient(id, config, log)
	if err != nil {
		return nil, err
	}
	return kadm.NewClient(client), nil
}

// adminClient is admin for requests that [kadm.Client] does not make.
func (s *Settings) adminClient(id TaskID, config map[string]string, log hclog.Logger) (*kgo.Client, error) {
	cfg, err := s.client(kafka.Admin, id, config, log)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(cfg.Options...)
	if err != nil {
		return nil, fmt.Errorf("making an admin client: %w", err)
	}
	return client, nil
}

// clientProperties returns the properties of a task's Kafka client. The override
// policy holds here too: a configuration may have been written by others.
func (s *Settings) clientProperties(role kafka.Role, id TaskID, config map[string]string) (map[string]string, error) {
	const key = "connector.client.config.override."
	policy, err := kafka.ParsePolicy(s.Properties[key+"policy"], s.Properties[key+"allowlist"])
	if err != nil {
		return nil, err
	}
	for name, problem := range policy.Check(config) {
		return nil, fmt.Errorf("%s: %s", name, problem)
	}
	return kafka.Properties(role, kafka.Defaults(role, id.Connector, id.Task), s.Properties, config), nil
}

// limits returns how long the author's code may take, from the configuration of a connector.
func limits(config map[string]string) (client.Limits, error) {
	var l client.Limits
	for key, to := range map[string]*time.Duration{"outboard.call.timeout.ms": &l.Call, "outboard.stall.timeout.ms": &l.Work} {
		text := strings.TrimSpace(config[key])
		if text == "" {
			continue
		}
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil || ms < 1 {
			return l, fmt.Errorf("%s is %q: it takes a number of milliseconds from 1", key, text)
		}
		*to = time.Duration(ms) * time.Millisecond
	}
	return l, nil
}

// converters are those of one task.
type converters struct {
	key, value converter
	header     convert.HeaderConverter
	arena      convert.Arena
	names      [3]string // of key, value and header converter
}

// newConverters makes the converters of a task. A class and its settings come
// from the same place: the connector's, else the worker's.
func newConverters(worker, connector map[string]string) (*converters, error) {
	c := &converters{}
	var err error
	class, settings := converterConfig(worker, connector, "key.converter", "")
	if c.key, err = newConverter(class, settings, convert.Key); err != nil {
		return nil, err
	}
	c.names[0] = javaClassOf(class)
	class, settings = converterConfig(worker, connector, "value.converter", "")
	if c.value, err = newConverter(class, settings, convert.Value); err != nil {
		return nil, err
	}
	c.names[1] = javaClassOf(class)
	class, settings = converterConfig(worker, connector, "header.converter", "org.apache.kafka.connect.storage.SimpleHeaderConverter")
	if c.header, err = convert.NewHeader(class, settings); err != nil {
		return nil, err
	}
	c.names[2] = javaClassOf(class)
	return c, nil
}

// javaClassOf returns the class that Kafka Connect knows a converter by, which is
// how errors and dead letters name it.
func javaClassOf(name string) string {
	for _, d := range convert.Known() {
		if d.Is(name) {
			return d.Class
		}
	}
	return name
}

func converterConfig(worker, connector map[string]string, key, otherwise string) (class string, settings map[string]string) {
	from := worker
	if connector[key] != "" {
		from = connector
	}
	class = strings.TrimSpace(from[key])
	if class == "" {
		class = otherwise
	}
	return class, config.WithPrefix(from, key+".")
}

// processKey returns which process a connector (task < 0) or a task runs in.
func processKey(config map[string]string, connector string, task int) (string, error) {
	switch mode := strings.TrimSpace(config["outboard.isolation"]); mode {
	case "", "connector":
		return "connector " + connector, nil
	case "task":
		if task < 0 {
			return "connector " + connector, nil
		}
		return fmt.Sprintf("task %s-%d", connector, task), nil
	case "plugin":
		return "plugin", nil
	default:
		return "", fmt.Errorf("outboard.isolation is %q: use connector, task or plugin", mode)
	}
}
