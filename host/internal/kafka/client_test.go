package kafka_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

// Every codec and partitioner works end to end.
func TestProducerSettings(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{
		"", "compression.type=gzip\ncompression.gzip.level=9", "compression.type=snappy", "compression.type=lz4\ncompression.lz4.level=12",
		"compression.type=zstd\ncompression.zstd.level=-5", "acks=1", "acks=0", "partitioner.ignore.keys=true",
		"partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner",
		"partitioner.class=org.apache.kafka.clients.producer.UniformStickyPartitioner",
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			if err := talk(t, newCluster(t), parse(t, setting)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A record goes where it says, and where the partitioner says when it does not.
func TestExplicitPartition(t *testing.T) {
	t.Parallel()
	for _, class := range []string{"", "org.apache.kafka.clients.producer.RoundRobinPartitioner"} {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(10, "many"))
		if err != nil {
			t.Fatal(err)
		}
		defer cluster.Close()
		config, err := kafka.NewConfig(kafka.Producer, map[string]string{"bootstrap.servers": cluster.ListenAddrs()[0], "partitioner.class": class}, hclog.NewNullLogger())
		if err != nil {
			t.Fatal(err)
		}
		client, err := kgo.NewClient(append(config.Options, kgo.RecordPartitioner(kafka.ExplicitPartition(config.Partitioner)), kgo.DefaultProduceTopic("many"))...)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		for partition := range int32(10) {
			r, err := client.ProduceSync(t.Context(), &kgo.Record{Partition: partition, Key: []byte("same key")}).First()
			if err != nil || r.Partition != partition {
				t.Errorf("%s: for partition %d: %v, %v", class, partition, r, err)
			}
		}
		chosen := map[int32]bool{}
		for range 20 {
			r, err := client.ProduceSync(t.Context(), &kgo.Record{Partition: -1, Key: []byte("same key")}).First()
			if err != nil {
				t.Fatal(err)
			}
			chosen[r.Partition] = true
		}
		if byKey := class == ""; byKey != (len(chosen) == 1) {
			t.Errorf("%s: one key was sent to the partitions %v", class, chosen)
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Partition: 10}).FirstErr(); err == nil {
			t.Errorf("%s: a partition that does not exist took a record", class)
		}
	}
}

// Levels of the client go down by one, and a client that says the same over and over is cut short.
func TestLogger(t *testing.T) {
	t.Parallel()
	t.Run("levels", func(t *testing.T) {
		for level, want := range map[hclog.Level]string{
			hclog.Trace: "error warn info debug", hclog.Debug: "error warn info", hclog.Info: "error warn", hclog.Warn: "error warn", hclog.Error: "error", hclog.Off: "",
		} {
			var b bytes.Buffer
			logger := kafka.NewLogger(hclog.New(&hclog.LoggerOptions{Output: &b, Level: level, DisableTime: true}))
			var written []string
			for word, l := range map[string]kgo.LogLevel{"error": kgo.LogLevelError, "warn": kgo.LogLevelWarn, "info": kgo.LogLevelInfo, "debug": kgo.LogLevelDebug} {
				b.Reset()
				if l <= logger.Level() { // as the client does
					logger.Log(l, "message", "key", "value")
				}
				if strings.Contains(b.String(), "message: key=value") {
					written = append(written, word)
				}
			}
			for word := range strings.FieldsSeq(want) {
				if !strings.Contains(fmt.Sprint(written), word) {
					t.Errorf("at %v %s is missing: %v", level, word, written)
				}
			}
			if len(written) != len(strings.Fields(want)) {
				t.Errorf("at %v: %v", level, written)
			}
		}
	})
	t.Run("bounds", func(t *testing.T) {
		bubble.Test(t, func(t *testing.T) {
			var b bytes.Buffer
			logger := kafka.NewLogger(hclog.New(&hclog.LoggerOptions{Output: &b}))
			for range 1000 {
				logger.Log(kgo.LogLevelWarn, "unable to dial")
			}
			if n := strings.Count(b.String(), "unable to dial"); n != 20 {
				t.Errorf("%d lines at once", n)
			}
			time.Sleep(time.Minute)
			b.Reset()
			logger.Log(kgo.LogLevelWarn, "later")
			logger.Log(kgo.LogLevelWarn, "still later")
			if !strings.Contains(b.String(), "later: suppressed=980\n") || strings.Count(b.String(), "suppressed") != 1 {
				t.Errorf("later: %s", &b)
			}
		})
	})
}

// Any properties make a client or an error, and what makes a Config is good for franz-go.
func FuzzNewConfig(f *testing.F) {
	index := func(role kafka.Role, key string) uint8 { return uint8(slices.Index(kafka.Keys(role), key)) }
	for role, pair := range map[kafka.Role][4]string{
		kafka.Consumer: {"fetch.max.bytes", "1073741824", "max.partition.fetch.bytes", "0"},
		kafka.Producer: {"max.request.size", "1073741824", "buffer.memory", "0"},
		kafka.Admin:    {"metadata.max.age.ms", "0", "connections.max.idle.ms", "-1"},
	} {
		f.Add(uint8(slices.Index([]kafka.Role{kafka.Producer, kafka.Consumer, kafka.Admin}, role)), index(role, pair[0]), pair[1], index(role, pair[2]), pair[3])
	}
	f.Add(uint8(1), index(kafka.Consumer, "session.timeout.ms"), "100", index(kafka.Consumer, "heartbeat.interval.ms"), "99")
	f.Add(uint8(1), index(kafka.Consumer, "auto.offset.reset"), "by_duration:p999999dt1s", index(kafka.Consumer, "client.rack"), "r")
	f.Add(uint8(0), index(kafka.Producer, "enable.idempotence"), "false", index(kafka.Producer, "max.in.flight.requests.per.connection"), "2147483647")
	f.Fuzz(func(t *testing.T, r, k1 uint8, v1 string, k2 uint8, v2 string) {
		role := []kafka.Role{kafka.Producer, kafka.Consumer, kafka.Admin}[r%3]
		keys := kafka.Keys(role)
		props := map[string]string{keys[int(k1)%len(keys)]: v1, keys[int(k2)%len(keys)]: v2, "bootstrap.servers": "127.0.0.1:1"}
		for key := range props {
			if strings.HasSuffix(key, ".location") {
				return // it would read files
			}
		}
		config, err := kafka.NewConfig(role, props, hclog.NewNullLogger())
		if err != nil {
			return
		}
		client, err := kgo.NewClient(config.Options...)
		if err != nil {
			t.Fatalf("%s: franz-go refuses what was made of %q: %v", role, props, err)
		}
		client.Close()
	})
}
