package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/kafka"
)

// topicPartition is a partition of a topic.
type topicPartition struct {
	topic     string
	partition int32
}

// sinkConsumer is a sink task's membership of its consumer group. It outlives
// attempts, so that the death of a plugin does not cause a rebalance.
type sinkConsumer struct {
	client  *kgo.Client
	records int // that one batch has at most

	permits chan permit // to poll once
	fetched chan fetch
	polling context.CancelFunc
	done    chan struct{}

	generations uint64 // those given out; the attempt that runs counts

	mu    sync.Mutex
	owned map[topicPartition]*position
	// events go to the attempt that runs; nil between attempts.
	events chan<- rebalance
	// settled is closed when the attempt that runs ends.
	settled chan struct{}
}

// position is where a task is in a partition. A field is -1 when it is not known.
type position struct {
	committed int64 // the group's offset, or where reading began
	stored    int64 // the group's offset, as far as this task committed it
	put       int64 // behind the last record that the plugin took
	next      int64 // behind the last record that was sent, or where reading began
	epoch     int32 // leader epoch of the last record
}

// permit is for one poll.
type permit struct {
	generation uint64
	records    int // that it returns at most
}

// fetch is the result of a poll.
type fetch struct {
	kgo.Fetches
	generation uint64
}

// rebalance tells an attempt of partitions that came, go or are lost. The group
// waits until done is closed.
type rebalance struct {
	assigned, revoked, lost []topicPartition
	done                    chan struct{}
}

func (t *task) newSinkConsumer() (*sinkConsumer, error) {
	cfg, err := t.worker.settings.client(kafka.Consumer, t.spec.ID, t.config, t.log)
	if err != nil {
		return nil, err
	}
	c := &sinkConsumer{
		records: cfg.MaxPollRecords, owned: map[topicPartition]*position{},
		permits: make(chan permit, 1), fetched: make(chan fetch, 1), done: make(chan struct{}),
	}
	subscription, err := subscribe(t.config)
	if err != nil {
		return nil, err
	}
	c.client, err = kgo.NewClient(append(append(cfg.Options, subscription...),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.WithPools(&consumed{}),
		kgo.OnPartitionsAssigned(func(ctx context.Context, _ *kgo.Client, p map[string][]int32) { c.changed(ctx, p, assigned) }),
		kgo.OnPartitionsRevoked(func(ctx context.Context, _ *kgo.Client, p map[string][]int32) { c.changed(ctx, p, revoked) }),
		kgo.OnPartitionsLost(func(ctx context.Context, _ *kgo.Client, p map[string][]int32) { c.changed(ctx, p, lost) }),
	)...)
	if err != nil {
		return nil, fmt.Errorf("making the consumer: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.polling = cancel
	go c.poll(ctx)
	return c, nil
}

// subscribe returns what the task consumes: topics or topics.regex.
func subscribe(config map[string]string) ([]kgo.Opt, error) {
	if re := strings.TrimSpace(config["topics.regex"]); re != "" {
		return []kgo.Opt{kgo.ConsumeRegex(), kgo.ConsumeTopics("^(?:" + re + ")$")}, nil
	}
	var topics []string
	for t := range strings.SplitSeq(config["topics"], ",") {
		if t = strings.TrimSpace(t); t != "" {
			topics = append(topics, t)
		}
	}
	if len(topics) == 0 {
		return nil, fmt.Errorf("a sink needs topics or topics.regex")
	}
	return []kgo.Opt{kgo.ConsumeTopics(topics...)}, nil
}

// poll fetches once for each permit.
func (c *sinkConsumer) poll(ctx context.Context) {
	defer close(c.done)
	for {
		var p permit
		select {
		case p = <-c.permits:
		case <-ctx.Done():
			return
		}
		f := c.client.PollRecords(ctx, p.records)
		select {
		case c.fetched <- fetch{f, p.generation}:
		case <-ctx.Done():
			return
		}
	}
}

type rebalanceKind uint8

const (
	assigned rebalanceKind = iota
	revoked
	lost
)

// changed is the group's callback: it hands the change to the attempt and waits
// until it is dealt with.
func (c *sinkConsumer) changed(ctx context.Context, p map[string][]int32, kind rebalanceKind) {
	ev := rebalance{done: make(chan struct{})}
	var list []topicPartition
	for topic, partitions := range p {
		for _, n := range partitions {
			list = append(list, topicPartition{topic, n})
		}
	}
	if len(list) == 0 {
		return
	}
	switch kind {
	case assigned:
		ev.assigned = list
	case revoked:
		ev.revoked = list
	case lost:
		ev.lost = list
	}
	c.mu.Lock()
	if kind == assigned {
		for _, tp := range list {
			c.owned[tp] = &position{-1, -1, -1, -1, -1}
		}
	}
	events, settled := c.events, c.settled
	c.mu.Unlock()
	if events != nil {
		select {
		case events <- ev:
			select {
			case <-ev.done:
			case <-settled:
			case <-ctx.Done():
			}
		case <-settled:
		case <-ctx.Done():
		}
	}
	if kind != assigned {
		c.mu.Lock()
		for _, tp := range list {
			delete(c.owned, tp)
		}
		c.mu.Unlock()
		// A pause outlives a rebalance: the partition may come back.
		c.client.ResumeFetchPartitions(p)
	}
}

// attach makes an attempt the one that is told of rebalances, and returns the
// partitions that it begins with.
func (c *sinkConsumer) attach(events chan<- rebalance) []topicPartition {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events, c.settled = events, make(chan struct{})
	var list []topicPartition
	for tp := range c.owned {
		list = append(list, tp)
	}
	return list
}

// detach ends that.
func (c *sinkConsumer) detach() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.events != nil {
		close(c.settled)
		c.events = nil
	}
}

// position returns the position of a partition, nil when the task does not have it.
func (c *sinkConsumer) position(tp topicPartition) *position {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owned[tp]
}

// nextGeneration returns a number for new reading positions. Attempts follow
// one another, so it needs no lock.
func (c *sinkConsumer) nextGeneration() uint64 {
	c.generations++
	return c.generations
}

// each calls fn for the partitions of the task.
func (c *sinkConsumer) each(fn func(topicPartition, *position)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for tp, p := range c.owned {
		fn(tp, p)
	}
}

// pausedByAuthor tells whether the author wants no records of a partition.
func (c *sinkConsumer) pausedByAuthor() func(topic string, partition int32) bool {
	paused := c.client.PauseFetchPartitions(nil)
	return func(topic string, partition int32) bool { return slices.Contains(paused[topic], partition) }
}

// seek goes on reading at the given offsets.
func (c *sinkConsumer) seek(to map[topicPartition]int64) {
	set := map[string]map[int32]kgo.EpochOffset{}
	for tp, offset := range to {
		if set[tp.topic] == nil {
			set[tp.topic] = map[int32]kgo.EpochOffset{}
		}
		set[tp.topic][tp.partition] = kgo.EpochOffset{Epoch: -1, Offset: offset}
	}
	c.client.SetOffsets(set)
}

func (c *sinkConsumer) close() {
	c.polling()
	c.client.AllowRebalance()
	<-c.done
	c.client.CloseAllowingRebalance()
}
