package worker

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topicCreator creates the topics of a source connector that has
// topic.creation.* settings; without them the broker decides.
type topicCreator struct {
	groups []topicGroup
	admin  func() (*kadm.Client, error)

	mu    sync.Mutex
	known map[string]bool
	last  string // the topic asked for last: most tasks have one
}

// topicGroup is topic.creation.<name>.*.
type topicGroup struct {
	name              string
	include, exclude  []*regexp.Regexp
	partitions        int32
	replicationFactor int16
	configs           map[string]*string
}

func newTopicCreator(w *Worker, t *task) (*topicCreator, error) {
	c := &topicCreator{known: map[string]bool{}}
	if !w.settings.TopicCreation {
		return c, nil
	}
	var err error
	if c.groups, err = topicGroups(t.config); err != nil {
		return nil, err
	}
	c.admin = func() (*kadm.Client, error) { return w.settings.admin(t.spec.ID, t.config, t.log) }
	return c, nil
}

const topicCreation = "topic.creation."

// topicGroups reads the groups, in the order in which they are tried.
func topicGroups(config map[string]string) ([]topicGroup, error) {
	used := false
	for key := range config {
		used = used || strings.HasPrefix(key, topicCreation)
	}
	if !used {
		return nil, nil
	}
	base, err := readTopicGroup(config, "default", topicGroup{})
	if err != nil {
		return nil, err
	}
	var groups []topicGroup
	for name := range strings.SplitSeq(config[topicCreation+"groups"], ",") {
		if name = strings.TrimSpace(name); name == "" || name == "default" {
			continue
		}
		g, err := readTopicGroup(config, name, base)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	base.include = []*regexp.Regexp{regexp.MustCompile(".*")}
	return append(groups, base), nil
}

func readTopicGroup(config map[string]string, name string, base topicGroup) (topicGroup, error) {
	g := topicGroup{name: name, partitions: base.partitions, replicationFactor: base.replicationFactor, configs: map[string]*string{}}
	prefix := topicCreation + name + "."
	for _, n := range []struct {
		key string
		set func(int64)
	}{
		{"partitions", func(v int64) { g.partitions = int32(v) }},
		{"replication.factor", func(v int64) { g.replicationFactor = int16(v) }},
	} {
		text, ok := config[prefix+n.key]
		if !ok {
			if name == "default" {
				return g, fmt.Errorf("%s%s is missing: it is required as soon as any %s* is set; -1 means the broker's default", prefix, n.key, topicCreation)
			}
			continue
		}
		v, err := strconv.ParseInt(strings.TrimSpace(text), 10, 16)
		if err != nil || v == 0 || v < -1 {
			return g, fmt.Errorf("%s%s is %q: it takes a positive number, or -1 for the broker's default", prefix, n.key, text)
		}
		n.set(v)
	}
	for _, l := range []struct {
		key string
		to  *[]*regexp.Regexp
	}{{"include", &g.include}, {"exclude", &g.exclude}} {
		for part := range strings.SplitSeq(config[prefix+l.key], ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			re, err := regexp.Compile("^(?:" + part + ")$")
			if err != nil {
				return g, fmt.Errorf("%s%s: %w", prefix, l.key, err)
			}
			*l.to = append(*l.to, re)
		}
	}
	for key, value := range config {
		rest, ok := strings.CutPrefix(key, prefix)
		if ok && rest != "partitions" && rest != "replication.factor" && rest != "include" && rest != "exclude" {
			g.configs[rest] = kadm.StringPtr(value)
		}
	}
	return g, nil
}

func (g *topicGroup) matches(topic string) bool {
	return anyMatch(g.include, topic) && !anyMatch(g.exclude, topic)
}

func anyMatch(list []*regexp.Regexp, s string) bool {
	for _, re := range list {
		if re.MatchString(s) {
			return true
		}
	}
	return false
}

func (c *topicCreator) enabled() bool { return len(c.groups) > 0 }

// ensure creates a topic that does not exist, the first time it is asked for.
func (c *topicCreator) ensure(ctx context.Context, topic string) error {
	if len(c.groups) == 0 || topic == c.last {
		return nil
	}
	return c.look(ctx, topic)
}

// look is ensure for another topic than before.
func (c *topicCreator) look(ctx context.Context, topic string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known[topic] {
		if err := c.create(ctx, topic); err != nil {
			return err
		}
		c.known[topic] = true
	}
	c.last = topic
	return nil
}

func (c *topicCreator) create(ctx context.Context, topic string) error {
	admin, err := c.admin()
	if err != nil {
		return err
	}
	defer admin.Close()
	details, err := admin.ListTopics(ctx, topic)
	if err == nil && details.Has(topic) {
		return nil
	}
	for i := range c.groups {
		g := &c.groups[i]
		if !g.matches(topic) {
			continue
		}
		_, err := admin.CreateTopic(ctx, g.partitions, g.replicationFactor, g.configs, topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("topic %s could not be created with the settings of %s%s: %w", topic, topicCreation, g.name, err)
		}
		return nil
	}
	return nil
}

// explainProduce says what to do about a record that Kafka refuses.
func explainProduce(k *kgo.Record, err error) error {
	size := len(k.Key) + len(k.Value)
	switch {
	case errors.Is(err, kerr.MessageTooLarge):
		return fmt.Errorf("record of %d bytes is too large for Kafka: raise producer.override.max.request.size and the topic's max.message.bytes: %w", size, err)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("topic %s does not exist and the broker does not create it: create it, or set topic.creation.default.partitions and topic.creation.default.replication.factor: %w", k.Topic, err)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return fmt.Errorf("not allowed to write to topic %s: give the worker's producer the right to: %w", k.Topic, err)
	}
	return err
}
