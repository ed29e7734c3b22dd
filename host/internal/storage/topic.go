package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Topic says what the topic of a [KafkaLog] has to be.
type Topic struct {
	Name string
	// Setting is the beginning of the worker settings about this topic, e.g. "config.storage"; errors name them.
	Setting string
	// NameKey is the setting that names the topic, when it is not Setting with .topic.
	NameKey string
	// Partitions and ReplicationFactor count when the topic is created; -1 is the broker's default.
	Partitions        int32
	ReplicationFactor int16
	// OnePartition refuses an existing topic with more: the order of all its records counts.
	OnePartition bool
	// Configs are further settings of a topic that is created, e.g. segment.bytes. cleanup.policy is always compact.
	Configs map[string]string
	// ReadCommitted reads what transactions wrote only when they are committed.
	ReadCommitted bool
	// Admin are the options of the client that looks at the topic and creates it; nil: those of the log.
	Admin []kgo.Opt
}

// nameKey is the setting that names the topic.
func (t Topic) nameKey() string {
	if t.NameKey != "" {
		return t.NameKey
	}
	return t.Setting + ".topic"
}

// lookPause is the time between two looks at a topic that is not ready.
const lookPause = 50 * time.Millisecond

// ensure creates the topic if there is none and returns its id when it is what a log needs. A broker that forbids to look
// at the settings is taken at its word that all is well.
func (t Topic) ensure(ctx context.Context, clientOptions []kgo.Opt, logger hclog.Logger) (id [16]byte, err error) {
	client, err := kgo.NewClient(clientOptions...)
	if err != nil {
		return id, fmt.Errorf("topic %s: Kafka client settings: %w", t.Name, err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for {
		found, err := describeTopic(ctx, client, t.Name)
		switch {
		case err == nil:
			return found.TopicID, t.check(ctx, admin, len(found.Partitions), logger)
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			if err := t.create(ctx, admin, logger); err != nil {
				return id, err
			}
		case errors.Is(err, kerr.TopicAuthorizationFailed):
			return id, fmt.Errorf("topic %s: the worker may not describe it: grant its principal DESCRIBE, READ and WRITE on the topic: %w", t.Name, err)
		case !isTransient(err) && ctx.Err() == nil:
			return id, fmt.Errorf("topic %s: asking the brokers for it: %w", t.Name, err)
		}
		select {
		case <-time.After(lookPause):
		case <-ctx.Done():
			return id, fmt.Errorf("topic %s: no broker answered in time, check bootstrap.servers and the security settings: %w", t.Name, errors.Join(ctx.Err(), err))
		}
	}
}

// isTransient tells whether an error of the brokers, or on the way to them, may go away by itself.
func isTransient(err error) bool {
	var network *net.OpError
	return kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) || errors.As(err, &network)
}

// describeTopic returns a topic of which each partition has a leader. It asks the brokers every time: what the client
// remembers of a topic that was missing, or was deleted, is seconds old.
func describeTopic(ctx context.Context, client *kgo.Client, name string) (kmsg.MetadataResponseTopic, error) {
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(name)
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return kmsg.MetadataResponseTopic{}, err
	}
	if len(resp.Topics) != 1 {
		return kmsg.MetadataResponseTopic{}, fmt.Errorf("the broker described %d topics in place of one", len(resp.Topics))
	}
	found := resp.Topics[0]
	if err := kerr.ErrorForCode(found.ErrorCode); err != nil {
		return found, err
	}
	if len(found.Partitions) == 0 {
		return found, kerr.LeaderNotAvailable
	}
	for _, p := range found.Partitions {
		if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
			return found, err
		}
	}
	return found, nil
}

// create asks for the topic. That another worker was faster is as good.
func (t Topic) create(ctx context.Context, admin *kadm.Client, logger hclog.Logger) error {
	configs := map[string]*string{}
	for key, value := range t.Configs {
		configs[key] = &value
	}
	configs["cleanup.policy"] = kadm.StringPtr("compact")
	_, err := admin.CreateTopic(ctx, t.Partitions, t.ReplicationFactor, configs, t.Name)
	switch {
	case err == nil:
		logger.Info("created a topic", "topic", t.Name, "partitions", t.Partitions, "replication.factor", t.ReplicationFactor)
		return nil
	case errors.Is(err, kerr.TopicAlreadyExists):
		return nil
	case errors.Is(err, kerr.InvalidReplicationFactor):
		return fmt.Errorf("topic %s: the cluster has no %d brokers for its replicas: set %s.replication.factor to at most the number of brokers, or to -1 for their default: %w", t.Name, t.ReplicationFactor, t.Setting, err)
	case errors.Is(err, kerr.InvalidPartitions):
		return fmt.Errorf("topic %s cannot be created with %s.partitions=%d: %w", t.Name, t.Setting, t.Partitions, err)
	case errors.Is(err, kerr.InvalidConfig):
		keys := slices.Sorted(maps.Keys(t.Configs))
		return fmt.Errorf("topic %s cannot be created: the brokers refuse one of the settings %s.{%s}: %w", t.Name, t.Setting, strings.Join(keys, ","), err)
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("topic %s does not exist and the worker may not create it: create it with cleanup.policy=compact, or grant the worker's principal CREATE: %w", t.Name, err)
	case isTransient(err):
		return nil // the caller looks again
	}
	return fmt.Errorf("topic %s cannot be created: %w", t.Name, err)
}

// check compares an existing topic with what a log needs.
func (t Topic) check(ctx context.Context, admin *kadm.Client, partitions int, logger hclog.Logger) error {
	if t.OnePartition && partitions != 1 {
		return fmt.Errorf("topic %s has %d partitions and needs exactly 1, because the order of all its records counts: set %s to another name, or copy it to a new topic with one partition", t.Name, partitions, t.nameKey())
	}
	policy, err := t.cleanupPolicy(ctx, admin)
	switch {
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed), errors.Is(err, kerr.UnsupportedVersion):
		logger.Warn("the worker may not read the topic's settings; make sure that its cleanup.policy is compact, or state will be lost", "topic", t.Name, "err", err)
		return nil
	case err != nil:
		return fmt.Errorf("topic %s: reading its settings: %w", t.Name, err)
	case policy != "compact":
		return fmt.Errorf("topic %s has cleanup.policy=%s and needs compact, or what the worker stores would be deleted after some time: run kafka-configs --alter --entity-type topics --entity-name %s --add-config cleanup.policy=compact, or set %s to another name", t.Name, policy, t.Name, t.nameKey())
	}
	return nil
}

func (t Topic) cleanupPolicy(ctx context.Context, admin *kadm.Client) (string, error) {
	described, err := admin.DescribeTopicConfigs(ctx, t.Name)
	if err != nil {
		return "", err
	}
	configs, err := described.On(t.Name, nil)
	if err != nil {
		return "", err
	}
	if configs.Err != nil {
		return "", configs.Err
	}
	for _, c := range configs.Configs {
		if c.Key == "cleanup.policy" {
			return c.MaybeValue(), nil
		}
	}
	return "", errors.New("the brokers did not tell its cleanup.policy")
}
