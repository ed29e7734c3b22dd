package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// SinkOffset is what the consumer group of a sink connector has committed for a partition.
type SinkOffset struct {
	Topic     string
	Partition int32
	// Offset is that of the next record to read; -1 when there is none.
	Offset int64
}

// GroupActiveError is the refusal to alter the offsets of a consumer group that has members.
type GroupActiveError struct {
	Group string
	Err   error
}

// Error says what to do.
func (e *GroupActiveError) Error() string {
	return fmt.Sprintf("consumer group %s still has members: %v", e.Group, e.Err)
}

// Unwrap returns Kafka's own error.
func (e *GroupActiveError) Unwrap() error { return e.Err }

// groupAdmin is the consumer group of a sink connector, with a client to administer it.
type groupAdmin struct {
	*kadm.Client
	group    string
	patience time.Duration // with members that are leaving
}

// groupAdmin connects with the connector's own rights. The caller closes it.
func (w *Worker) groupAdmin(name string, config map[string]string) (*groupAdmin, error) {
	id := TaskID{Connector: name}
	log := w.log.With("connector", name)
	resolved, err := w.settings.Providers.Resolve(config)
	if err != nil {
		return nil, fmt.Errorf("resolving the configuration: %w", err)
	}
	consumer, err := w.settings.client(kafka.Consumer, id, resolved.Values, log)
	if err != nil {
		return nil, discreet(resolved, err)
	}
	admin, err := w.settings.admin(id, resolved.Values, log)
	if err != nil {
		return nil, discreet(resolved, err)
	}
	return &groupAdmin{admin, consumer.GroupID, w.settings.GracefulTimeout}, nil
}

// SinkOffsets returns what the consumer group of a sink connector has committed, sorted; nothing when there is no group.
func (w *Worker) SinkOffsets(ctx context.Context, name string, config map[string]string) ([]SinkOffset, error) {
	admin, err := w.groupAdmin(name, config)
	if err != nil {
		return nil, err
	}
	defer admin.Close()
	return admin.offsets(ctx)
}

func (g *groupAdmin) offsets(ctx context.Context) ([]SinkOffset, error) {
	committed, err := g.FetchOffsets(ctx, g.group)
	if err == nil {
		err = committed.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the offsets of consumer group %s: %w", g.group, err)
	}
	var offsets []SinkOffset
	committed.Each(func(o kadm.OffsetResponse) {
		if o.At >= 0 {
			offsets = append(offsets, SinkOffset{Topic: o.Topic, Partition: o.Partition, Offset: o.At})
		}
	})
	slices.SortFunc(offsets, func(a, b SinkOffset) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return offsets, nil
}

// AlterSinkOffsets commits offsets in the consumer group of a sink connector that is stopped, after the connector's own
// code, if it has any for that, has agreed; -1 deletes one. Of equal partitions the last counts. Handled tells that the
// connector has changed what it keeps itself, too. A [RefusedOffsetsError] is the connector's objection, or that Kafka does
// not have a partition; a [GroupActiveError] is Kafka's.
func (w *Worker) AlterSinkOffsets(ctx context.Context, name string, config map[string]string, offsets []SinkOffset) (handled bool, err error) {
	admin, err := w.groupAdmin(name, config)
	if err != nil {
		return false, err
	}
	defer admin.Close()
	if err := admin.inactive(ctx); err != nil {
		return false, err
	}
	if err := admin.known(ctx, offsets); err != nil {
		return false, err
	}
	if handled, err = w.consultSink(ctx, name, config, offsets); err != nil {
		return false, err
	}
	last := map[topicPartition]int64{}
	for _, o := range offsets {
		last[topicPartition{o.Topic, o.Partition}] = o.Offset
	}
	commit, remove := kadm.Offsets{}, kadm.TopicsSet{}
	for tp, offset := range last {
		if offset >= 0 {
			commit.AddOffset(tp.topic, tp.partition, offset, -1)
		} else {
			remove.Add(tp.topic, tp.partition)
		}
	}
	if err := admin.commit(ctx, commit); err != nil {
		return false, err
	}
	return handled, admin.remove(ctx, remove)
}

// ResetSinkOffsets deletes the consumer group of a sink connector that is stopped; that there is none is fine. For the rest
// it is AlterSinkOffsets.
func (w *Worker) ResetSinkOffsets(ctx context.Context, name string, config map[string]string) (handled bool, err error) {
	admin, err := w.groupAdmin(name, config)
	if err != nil {
		return false, err
	}
	defer admin.Close()
	if err := admin.inactive(ctx); err != nil {
		return false, err
	}
	offsets, err := admin.offsets(ctx)
	if err != nil {
		return false, err
	}
	for i := range offsets {
		offsets[i].Offset = -1
	}
	if handled, err = w.consultSink(ctx, name, config, offsets); err != nil {
		return false, err
	}
	if _, err := admin.DeleteGroup(ctx, admin.group); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return false, admin.refused("deleting consumer group "+admin.group, err)
	}
	return handled, nil
}

// consultSink asks the connector's own code.
func (w *Worker) consultSink(ctx context.Context, name string, config map[string]string, offsets []SinkOffset) (handled bool, err error) {
	change := make([]*connectv1.PartitionOffset, len(offsets))
	for i, o := range offsets {
		change[i] = &connectv1.PartitionOffset{Topic: o.Topic, Partition: o.Partition, Offset: o.Offset}
	}
	return w.consult(ctx, name, config, func(c *client.Connector) (bool, error) { return c.AlterSinkOffsets(ctx, change) })
}

// leavePause is between two looks at a group whose members may be leaving.
const leavePause = 100 * time.Millisecond

// inactive waits for the members to leave, before anything is changed; the broker looks again. Those that stopped are about
// to be gone, others are not waited for long.
func (g *groupAdmin) inactive(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	for {
		err := g.look(ctx)
		var active *GroupActiveError
		if !errors.As(err, &active) {
			return err
		}
		select {
		case <-time.After(leavePause):
		case <-bounded.Done():
			return err
		}
	}
}

// look tells whether the group has members.
func (g *groupAdmin) look(ctx context.Context) error {
	described, err := g.DescribeGroups(ctx, g.group)
	if err == nil {
		err = described[g.group].Err
	}
	switch {
	case errors.Is(err, kerr.GroupIDNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("looking at consumer group %s: %w", g.group, err)
	case len(described[g.group].Members) > 0:
		return &GroupActiveError{g.group, kerr.NonEmptyGroup}
	}
	return nil
}

// known refuses partitions that do not exist, but for those whose offset is only to be deleted.
func (g *groupAdmin) known(ctx context.Context, offsets []SinkOffset) error {
	var topics []string
	for _, o := range offsets {
		if o.Offset >= 0 && !slices.Contains(topics, o.Topic) {
			topics = append(topics, o.Topic)
		}
	}
	if len(topics) == 0 {
		return nil
	}
	details, err := g.ListTopics(ctx, topics...)
	if err != nil {
		return fmt.Errorf("looking at the topics %v: %w", topics, err)
	}
	for _, o := range offsets {
		if o.Offset < 0 {
			continue
		}
		topic := details[o.Topic]
		if topic.Err != nil && !errors.Is(topic.Err, kerr.UnknownTopicOrPartition) {
			return fmt.Errorf("looking at topic %s: %w", o.Topic, topic.Err)
		}
		if _, ok := topic.Partitions[o.Partition]; !ok {
			return &RefusedOffsetsError{fmt.Errorf("partition %d of topic %s does not exist; nothing was changed", o.Partition, o.Topic)}
		}
	}
	return nil
}

func (g *groupAdmin) commit(ctx context.Context, offsets kadm.Offsets) error {
	if len(offsets) == 0 {
		return nil
	}
	committed, err := g.CommitOffsets(ctx, g.group, offsets)
	if err == nil {
		err = committed.Error()
	}
	return g.refused("committing offsets of consumer group "+g.group, err)
}

// remove deletes offsets. Those that are not there, for whatever reason, are deleted.
func (g *groupAdmin) remove(ctx context.Context, partitions kadm.TopicsSet) error {
	if len(partitions) == 0 {
		return nil
	}
	doing := "deleting offsets of consumer group " + g.group
	deleted, err := g.DeleteOffsets(ctx, g.group, partitions)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil
	}
	if err != nil {
		return g.refused(doing, err)
	}
	for _, topic := range deleted {
		for _, err := range topic {
			if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
				return g.refused(doing, err)
			}
		}
	}
	return nil
}

// refused tells apart a group that is at work from other failures.
func (g *groupAdmin) refused(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.NonEmptyGroup), errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.GroupSubscribedToTopic),
		errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.RebalanceInProgress):
		return &GroupActiveError{g.group, err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}
