package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// logs are what the state of a worker is kept in.
type logs struct {
	config, offsets, status storage.Log
}

// openLogs opens the logs of a worker, in Kafka for as long as ctx allows. Those that open are the run group's to close.
func openLogs(ctx context.Context, c workerConfig, own []kgo.Opt, group *runGroup, log hclog.Logger) (l logs, err error) {
	log = log.Named("storage")
	if c.mode == standalone {
		if l.config, err = openFile("", log); err == nil {
			group.log("configurations", l.config)
			l.offsets, err = openFile(c.String("offset.storage.file.filename"), log)
		}
		if err == nil {
			group.log("offset file", l.offsets)
			l.status, err = openFile("", log)
		}
		if err == nil {
			group.log("statuses", l.status)
		}
		return l, err
	}
	opened := make([]storage.Log, 0, 3)
	for _, topic := range c.topics() {
		l, err := storage.OpenKafkaLog(ctx, topic, own, log)
		if err != nil {
			return logs{}, err
		}
		group.log("topic "+topic.Name, l)
		opened = append(opened, l)
	}
	return logs{config: opened[0], offsets: opened[1], status: opened[2]}, nil
}

// exactlyOnce is exactly.once.source.support.
func (c workerConfig) exactlyOnce() string {
	if c.mode == standalone {
		return "disabled"
	}
	return c.String("exactly.once.source.support")
}

// configStore returns the store of configurations. What only the leader writes it writes in transactions unless that is disabled.
func (c workerConfig) configStore(l logs, own []kgo.Opt, group *runGroup, log hclog.Logger) *storage.ConfigStore {
	store := storage.NewConfigStore(l.config, log.Named("storage"))
	if c.exactlyOnce() != "disabled" {
		writer := storage.NewExclusiveWriter(c.String("config.storage.topic"), "connect-cluster-"+c.String("group.id"), own)
		group.Add("the leader's writer", func(context.Context) error { return writer.Close() })
		store.WriteExclusively(writer)
	}
	return store
}

// transactions has source tasks deliver exactly once, if that is enabled, and tells what an offsets topic is made like.
func (c workerConfig) transactions(s *worker.Settings) {
	if c.mode == standalone {
		return
	}
	s.OffsetsTopic = c.topics()[1]
	if c.exactlyOnce() == "enabled" {
		s.ExactlyOnceGroup = c.String("group.id")
	}
}

// openFile opens a log in a file, or in memory without a path.
func openFile(path string, log hclog.Logger) (storage.Log, error) {
	l, err := storage.OpenFileLog(path, log)
	if err != nil {
		return nil, fmt.Errorf("offset.storage.file.filename=%s: %w", path, err)
	}
	return l, nil
}

// log takes an open log.
func (g *runGroup) log(name string, l storage.Log) {
	g.Add(name, func(context.Context) error { return l.Close() })
	g.Watch(name, l.Failed(), l.Err)
}

// topics are the internal topics: those of configurations, offsets and statuses.
func (c workerConfig) topics() []storage.Topic {
	topic := func(prefix string, partitions int) storage.Topic {
		return storage.Topic{
			Name: c.String(prefix + ".topic"), Setting: prefix,
			Partitions: int32(partitions), ReplicationFactor: int16(c.Int(prefix + ".replication.factor")),
			Configs: c.topicSettings(prefix),
		}
	}
	all := []storage.Topic{
		topic("config.storage", 1),
		topic("offset.storage", c.Int("offset.storage.partitions")),
		topic("status.storage", c.Int("status.storage.partitions")),
	}
	all[0].OnePartition = true
	all[0].ReadCommitted = c.exactlyOnce() != "disabled"
	all[1].ReadCommitted = c.exactlyOnce() == "enabled"
	return all
}

// topicSettings are the settings of an internal topic, such as segment.bytes, that the properties give.
func (c workerConfig) topicSettings(prefix string) map[string]string {
	settings := map[string]string{}
	for name, value := range config.WithPrefix(c.Raw(), prefix+".") {
		own := slices.ContainsFunc(workerKeys, func(k workerKey) bool { return k.Name == prefix+"."+name })
		if !own && !slices.Contains(fixedTopicSettings, name) {
			settings[name] = value
		}
	}
	return settings
}
