package storage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

var configTopic = storage.Topic{Name: "configs", Setting: "config.storage", Partitions: 1, ReplicationFactor: -1, OnePartition: true}

// virtual is a cluster and clients on a network of their own, for tests in a synctest bubble.
type virtual struct {
	network kfake.VirtualNetwork
	folder  string // keeps the cluster's data when not empty
}

func (v *virtual) start(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	opts = append(opts, kfake.Ports(9092), kfake.ListenFn(v.network.Listen))
	if v.folder != "" {
		opts = append(opts, kfake.DataDir(v.folder))
	}
	return newCluster(t, opts...)
}

func (v *virtual) options() []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers("127.0.0.1:9092"), kgo.Dialer(v.network.DialContext)}
}

func (v *virtual) open(t *testing.T, topic storage.Topic) *storage.KafkaLog {
	t.Helper()
	log, err := storage.OpenKafkaLog(t.Context(), topic, v.options(), hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func (v *virtual) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(v.options(), opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func TestKafkaLogCreatesTopic(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	topic := storage.Topic{Name: "offsets", Setting: "offset.storage", Partitions: 25, ReplicationFactor: 1, Configs: map[string]string{"segment.bytes": "1048576", "cleanup.policy": "delete"}}
	openKafka(t, cluster, topic)
	info := cluster.TopicInfo("offsets")
	if info == nil || len(cluster.PartitionInfos("offsets")) != 25 {
		t.Fatalf("topic %+v", info)
	}
	for key, want := range map[string]string{"cleanup.policy": "compact", "segment.bytes": "1048576"} {
		if got := info.Configs[key]; got == nil || *got != want {
			t.Errorf("%s is %v, want %s", key, got, want)
		}
	}
}

func TestKafkaLogRefuses(t *testing.T) {
	t.Parallel()
	topics := map[string]struct {
		partitions int32
		policy     string // of a topic that exists
		ask        storage.Topic
		fault      kfake.Fault
		want       []string // parts of the error; none: it is opened
		warning    string
	}{
		"cleanup.policy delete":         {partitions: 1, policy: "delete", ask: configTopic, want: []string{"topic configs has cleanup.policy=delete and needs compact", "kafka-configs --alter", "config.storage.topic"}},
		"cleanup.policy compact,delete": {partitions: 1, policy: "compact,delete", ask: configTopic, want: []string{"cleanup.policy=compact,delete"}},
		"too many partitions":           {partitions: 3, policy: "compact", ask: configTopic, want: []string{"topic configs has 3 partitions and needs exactly 1"}},
		"an existing compacted topic":   {partitions: 1, policy: "compact", ask: configTopic},
		"more partitions where allowed": {partitions: 3, policy: "compact", ask: storage.Topic{Name: "configs", Setting: "offset.storage", Partitions: 25, ReplicationFactor: 3}},
		"too few brokers": {ask: storage.Topic{Name: "configs", Setting: "config.storage", Partitions: 1, ReplicationFactor: 3},
			want: []string{"no 3 brokers", "config.storage.replication.factor", "-1"}},
		"no partitions": {ask: storage.Topic{Name: "configs", Setting: "offset.storage", Partitions: 0, ReplicationFactor: 1}, want: []string{"offset.storage.partitions=0"}},
		"may not create": {ask: configTopic, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "configs", Err: kerr.TopicAuthorizationFailed},
			want: []string{"does not exist and the worker may not create it", "CREATE"}},
		"may not describe": {partitions: 1, policy: "compact", ask: configTopic, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: "configs", Err: kerr.TopicAuthorizationFailed},
			want: []string{"may not describe it", "DESCRIBE"}},
		"may not read the settings": {partitions: 1, policy: "delete", ask: configTopic, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeConfigs}, Resource: "configs", Err: kerr.TopicAuthorizationFailed},
			warning: "make sure that its cleanup.policy is compact"},
		"another worker creates it first": {ask: configTopic, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "configs", Err: kerr.TopicAlreadyExists}},
		"a broker that is not ready":      {ask: configTopic, fault: kfake.Fault{Keys: []kmsg.Key{kmsg.CreateTopics}, Topic: "configs", Err: kerr.NotController}},
	}
	for name, c := range topics {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t)
			if c.policy != "" {
				if err := cluster.CreateTopic("configs", c.partitions, map[string]string{"cleanup.policy": c.policy}); err != nil {
					t.Fatal(err)
				}
			}
			if c.fault.Err != nil {
				cluster.Fault(c.fault)
			}
			var said bytes.Buffer
			log, err := storage.OpenKafkaLog(t.Context(), c.ask, []kgo.Opt{kgo.SeedBrokers(cluster.ListenAddrs()...)}, hclog.New(&hclog.LoggerOptions{Output: &said}))
			if err == nil {
				log.Close()
			}
			if (err != nil) != (c.want != nil) {
				t.Fatalf("err %v", err)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
			if !strings.Contains(said.String(), c.warning) {
				t.Errorf("no warning %q in %s", c.warning, &said)
			}
		})
	}
	t.Run("no broker", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := storage.OpenKafkaLog(ctx, configTopic, []kgo.Opt{kgo.SeedBrokers("127.0.0.1:1")}, hclog.NewNullLogger())
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "check bootstrap.servers") {
			t.Error(err)
		}
	})
}

// A topic that disappears is said so; one that only seems to is waited for.
func TestKafkaLogTopicGone(t *testing.T) {
	cases := map[string]struct {
		happens func(*testing.T, *kfake.Cluster)
		want    string // in the error; empty: the log goes on
		brokers *kversion.Versions
	}{
		"deleted, brokers that know topics by name": {func(t *testing.T, c *kfake.Cluster) { must(t, c.DeleteTopic("configs")) }, "was deleted while the worker used it", kversion.V2_7_0()},
		"deleted": {func(t *testing.T, c *kfake.Cluster) { must(t, c.DeleteTopic("configs")) }, "was deleted while the worker used it", nil},
		"deleted and created again": {func(t *testing.T, c *kfake.Cluster) {
			must(t, c.DeleteTopic("configs"))
			must(t, c.CreateTopic("configs", 1, map[string]string{"cleanup.policy": "compact"}))
		}, "was deleted and created again", nil},
		"unknown to a broker for a moment": {func(t *testing.T, c *kfake.Cluster) {
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata, kmsg.Fetch}, Topic: "configs", Err: kerr.UnknownTopicOrPartition, Count: 4})
		}, "", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				v := &virtual{}
				cluster := v.start(t, kfake.MaxVersions(c.brokers))
				log := v.open(t, configTopic)
				r := follow(t, log)
				put(t, log, entry("k", "1"))
				readToEnd(t, log)
				c.happens(t, cluster)
				select {
				case <-log.Failed():
					if c.want == "" {
						t.Fatalf("it failed: %v", log.Err())
					}
				case <-time.After(time.Minute):
					if c.want != "" {
						t.Fatal("it did not fail within a minute")
					}
					put(t, log, entry("k", "2"))
					readToEnd(t, log)
					if got := r.state()["k"]; got != "2" {
						t.Errorf("k is %q", got)
					}
					return
				}
				for what, err := range map[string]error{"Err": log.Err(), "Append": log.Append(t.Context(), entry("k", "3")), "Sync": log.Sync(t.Context())} {
					if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "topic configs") {
						t.Errorf("%s: %v", what, err)
					}
				}
			})
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// While the brokers are away appends wait; when they are back everything goes on by itself.
func TestKafkaLogBrokerRestart(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		v := &virtual{folder: t.TempDir()}
		cluster := v.start(t)
		log := v.open(t, configTopic)
		r := follow(t, log)
		put(t, log, entry("before", "1"))
		cluster.Close()

		short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := log.Append(short, entry("impatient", "1")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Append without a broker: %v", err)
		}
		if err := log.Sync(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Sync without a broker: %v", err)
		}
		appended := make(chan error)
		go func() { appended <- log.Append(t.Context(), entry("meanwhile", "1")) }()
		time.Sleep(2 * time.Minute)
		v.start(t)
		must(t, <-appended)
		put(t, log, entry("after", "1"))
		readToEnd(t, log)
		state := r.state()
		for _, key := range []string{"before", "meanwhile", "after"} {
			if state[key] != "1" {
				t.Errorf("%s is missing in %v", key, state)
			}
		}
		if log.Err() != nil {
			t.Errorf("it failed: %v", log.Err())
		}
	})
}

// The end of a partition need not be a record: what is left there must not be waited for.
func TestKafkaLogEndWithoutRecord(t *testing.T) {
	transaction := func(t *testing.T, v *virtual, end kgo.TransactionEndTry) {
		transactions := kafka.NewTransactions(kgo.StickyKeyPartitioner(nil))
		client := v.client(t, kgo.TransactionalID("task"), kgo.DefaultProduceTopic("configs"), kgo.RecordPartitioner(transactions))
		must(t, client.BeginTransaction())
		must(t, client.ProduceSync(t.Context(), &kgo.Record{Key: []byte("t"), Value: []byte("1")}).FirstErr())
		must(t, transactions.End(t.Context(), client, end))
	}
	cases := map[string]struct {
		happens func(*testing.T, *virtual, *kfake.Cluster)
		want    string
	}{
		"nothing": {func(*testing.T, *virtual, *kfake.Cluster) {}, "map[k:1]"},
		"all records deleted": {func(t *testing.T, _ *virtual, c *kfake.Cluster) {
			must(t, c.DeleteRecords("configs", 0, 1))
		}, "map[]"},
		"a committed transaction": {func(t *testing.T, v *virtual, _ *kfake.Cluster) { transaction(t, v, kgo.TryCommit) }, "map[k:1 t:1]"},
		"an aborted transaction":  {func(t *testing.T, v *virtual, _ *kfake.Cluster) { transaction(t, v, kgo.TryAbort) }, "map[k:1]"},
		"compaction": {func(t *testing.T, v *virtual, c *kfake.Cluster) {
			for _, value := range []string{"2", "3"} {
				must(t, v.client(t, kgo.DefaultProduceTopic("configs")).ProduceSync(t.Context(), kgo.KeySliceRecord([]byte("k"), []byte(value))).FirstErr())
			}
			c.Compact()
		}, "map[k:3]"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				v := &virtual{}
				cluster := v.start(t)
				topic := configTopic
				topic.ReadCommitted = true
				running := v.open(t, topic)
				seen := follow(t, running)
				put(t, running, entry("k", "1"))
				readToEnd(t, running)
				c.happens(t, v, cluster)
				opened := follow(t, v.open(t, topic))
				if got := fmt.Sprint(opened.state()); got != c.want {
					t.Errorf("opened after it: %s, want %s", got, c.want)
				}
				readToEnd(t, running)
				put(t, running, entry("k", "9"))
				readToEnd(t, running)
				if seen.state()["k"] != "9" {
					t.Errorf("open before it: %v", seen.state())
				}
			})
		})
	}
}

// Kafka's cleaner may remove the last records and leave an empty batch in their place, which the fake does not do: its
// answers about offsets 1 and 2 are made here.
func TestKafkaLogEndIsEmptyBatch(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		v := &virtual{}
		cluster := v.start(t)
		log := v.open(t, configTopic)
		r := follow(t, log)
		put(t, log, entry("k", "1"))
		readToEnd(t, log)
		cluster.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			asked := req.(*kmsg.ListOffsetsRequest)
			if asked.Topics[0].Partitions[0].Timestamp != -1 {
				return nil, nil, false
			}
			resp := asked.ResponseKind().(*kmsg.ListOffsetsResponse)
			p := kmsg.NewListOffsetsResponseTopicPartition()
			p.Offset = 3
			resp.Topics = []kmsg.ListOffsetsResponseTopic{{Topic: "configs", Partitions: []kmsg.ListOffsetsResponseTopicPartition{p}}}
			return resp, nil, true
		})
		cluster.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			asked := req.(*kmsg.FetchRequest)
			if asked.SessionEpoch != -1 || len(asked.Topics) == 0 { // the client's own reading goes on in a session
				return nil, nil, false
			}
			resp := asked.ResponseKind().(*kmsg.FetchResponse)
			p := kmsg.NewFetchResponseTopicPartition()
			p.HighWatermark, p.PreferredReadReplica, p.RecordBatches = 3, -1, emptyBatch(1, 1)
			resp.Topics = []kmsg.FetchResponseTopic{{Topic: "configs", TopicID: asked.Topics[0].TopicID, Partitions: []kmsg.FetchResponseTopicPartition{p}}}
			return resp, nil, true
		})
		began := time.Now()
		readToEnd(t, log)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		if got := fmt.Sprint(r.state()); got != "map[k:1]" {
			t.Errorf("state %s", got)
		}
	})
}

// emptyBatch is a record batch of which compaction removed the records.
func emptyBatch(base int64, lastDelta uint32) []byte {
	b := make([]byte, 61)
	binary.BigEndian.PutUint64(b, uint64(base))
	binary.BigEndian.PutUint32(b[8:], 61-12)
	b[16] = 2
	binary.BigEndian.PutUint32(b[23:], lastDelta)
	return b
}

// What a transaction commits is part of what a Sync that began before it waits for.
func TestKafkaLogWaitsForOpenTransaction(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		v := &virtual{}
		v.start(t)
		topic := configTopic
		topic.ReadCommitted = true
		log := v.open(t, topic)
		r := follow(t, log)
		client := v.client(t, kgo.TransactionalID("task"), kgo.DefaultProduceTopic("configs"))
		must(t, client.BeginTransaction())
		must(t, client.ProduceSync(t.Context(), kgo.KeySliceRecord([]byte("t"), []byte("1"))).FirstErr())
		done := make(chan error, 1)
		go func() { done <- log.Sync(t.Context()) }()
		time.Sleep(10 * time.Second)
		select {
		case err := <-done:
			t.Fatalf("Sync returned before the transaction ended: %v", err)
		default:
		}
		must(t, client.EndTransaction(t.Context(), kgo.TryCommit))
		must(t, <-done)
		if r.state()["t"] != "1" {
			t.Errorf("state %v", r.state())
		}
	})
}

// Partitions that are added while the log is open are read too.
func TestKafkaLogNewPartitions(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		v := &virtual{}
		v.start(t)
		log := v.open(t, storage.Topic{Name: "offsets", Setting: "offset.storage", Partitions: 1, ReplicationFactor: 1})
		r := follow(t, log)
		put(t, log, entry("a", "1"))
		client := v.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic("offsets"))
		if _, err := kadm.NewClient(client).CreatePartitions(t.Context(), 1, "offsets"); err != nil {
			t.Fatal(err)
		}
		must(t, client.ProduceSync(t.Context(), &kgo.Record{Partition: 1, Key: []byte("b"), Value: []byte("1")}).FirstErr())
		time.Sleep(10 * time.Second) // what clients remember of the topic is that old at most
		began := time.Now()
		readToEnd(t, log)
		if r.state()["b"] != "1" {
			t.Errorf("state %v", r.state())
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v to find the new partition", took)
		}
	})
}

// Records of a key meet in the partition where Kafka's own clients put them.
func TestKafkaLogPartitionsAsKafka(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	log := openKafka(t, cluster, storage.Topic{Name: "offsets", Setting: "offset.storage", Partitions: 25, ReplicationFactor: 1})
	follow(t, log)
	// Utils.toPositive(Utils.murmur2(key)) % 25 in Java.
	want := map[string]int32{`["file-source",{"filename":"/tmp/a.txt"}]`: 7, `status-connector-x`: 23}
	for key := range want {
		put(t, log, entry(key, "{}"))
	}
	for key, partition := range want {
		if info := cluster.PartitionInfo("offsets", partition); info.HighWatermark != 1 {
			t.Errorf("%s is not in partition %d", key, partition)
		}
	}
}
