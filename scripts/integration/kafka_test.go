//go:build integration

package integration

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafka is a cluster, seen from a test.
type kafka struct {
	address string
	client  *kgo.Client
	admin   *kadm.Client
}

// newKafka connects to a cluster. The test's context ends what it is asked.
func newKafka(t *testing.T, address string) *kafka {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &kafka{address: address, client: client, admin: kadm.NewClient(client)}
}

// shared connects to the cluster of all tests.
func shared(t *testing.T) *kafka {
	t.Helper()
	return newKafka(t, stage.kafka)
}

// forget deletes the topics and groups of a test at its end; the cluster may be one that others use.
func (k *kafka) forget(t *testing.T, prefix string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		// Errors leave something behind in a cluster that may be gone by now; they say nothing of what was tested.
		if topics, err := k.admin.ListTopics(ctx); err == nil {
			var own []string
			for _, name := range topics.Names() {
				if strings.HasPrefix(name, prefix) {
					own = append(own, name)
				}
			}
			if len(own) > 0 {
				_, _ = k.admin.DeleteTopics(ctx, own...)
			}
		}
		if groups, err := k.admin.ListGroups(ctx); err == nil {
			var own []string
			for _, name := range groups.Groups() {
				if strings.HasPrefix(name, "connect-"+prefix) {
					own = append(own, name)
				}
			}
			if len(own) > 0 {
				_, _ = k.admin.DeleteGroups(ctx, own...)
			}
		}
	})
}

// create makes a topic.
func (k *kafka) create(t *testing.T, topic string, partitions int32, configs map[string]string) {
	t.Helper()
	values := map[string]*string{}
	for key, value := range configs {
		values[key] = &value
	}
	if _, err := k.admin.CreateTopic(t.Context(), partitions, 1, values, topic); err != nil {
		t.Fatal(err)
	}
}

// end returns the number of records that a topic of one partition has got so far, 0 while there is no topic.
func (k *kafka) end(ctx context.Context, topic string) (int64, error) {
	ends, err := k.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	total := int64(0)
	ends.Each(func(o kadm.ListedOffset) { total += max(o.Offset, 0) })
	return total, nil
}

// list asks for the ends of a topic's partitions. A topic that does not exist, yet, has none; a broker that is about to answer is asked
// again.
func (k *kafka) list(t *testing.T, topic string, ask func(context.Context, ...string) (kadm.ListedOffsets, error)) (ends kadm.ListedOffsets) {
	t.Helper()
	eventually(t, flowLimit, "the end of topic "+topic, func() string {
		var err error
		if ends, err = ask(t.Context(), topic); err == nil {
			err = ends.Error()
		}
		switch {
		case err == nil:
			return ""
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			ends = nil
			return ""
		case !kerr.IsRetriable(err):
			t.Fatalf("the end of topic %s: %v", topic, err)
		}
		return err.Error()
	})
	return ends
}

// records reads all that is in a topic by now.
func (k *kafka) records(t *testing.T, topic string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), flowLimit)
	defer cancel()
	ends := k.list(t, topic, k.admin.ListEndOffsets)
	client, err := kgo.NewClient(kgo.SeedBrokers(k.address), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.KeepControlRecords()) // the last record may be the end of a transaction
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var all []*kgo.Record
	next := map[int32]int64{}
	for {
		behind := false
		ends.Each(func(o kadm.ListedOffset) { behind = behind || next[o.Partition] < o.Offset })
		if !behind {
			return all
		}
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("reading topic %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				all = append(all, r)
			}
		})
	}
}

// position returns where the partitions of a topic end by now.
func (k *kafka) position(t *testing.T, topic string) map[int32]int64 {
	t.Helper()
	ends := k.list(t, topic, k.admin.ListEndOffsets)
	at := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) { at[o.Partition] = o.Offset })
	return at
}

// since reads all that has come to a topic since a position. The order is that of each partition alone.
func (k *kafka) since(t *testing.T, topic string, position map[int32]int64) []*kgo.Record {
	t.Helper()
	return slices.DeleteFunc(k.records(t, topic), func(r *kgo.Record) bool { return r.Offset < position[r.Partition] })
}

// latest returns the last value of each key of a compacted topic; nil is a tombstone.
func (k *kafka) latest(t *testing.T, topic string) map[string][]byte {
	t.Helper()
	last := map[string][]byte{}
	for _, r := range k.records(t, topic) {
		last[string(r.Key)] = r.Value
	}
	return last
}

// committed returns the offsets of a group for a topic, all partitions together, and whether there are any.
func (k *kafka) committed(t *testing.T, group, topic string) (total int64, any bool) {
	t.Helper()
	offsets, err := k.admin.FetchOffsets(t.Context(), group)
	if err != nil {
		t.Fatalf("the offsets of group %s: %v", group, err)
	}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == topic && o.At >= 0 {
			total += o.At
			any = true
		}
	})
	return total, any
}
