package worker_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

// deadConsumer is in the group of a sink, has its partitions, and is gone without a word. Its session lasts for much longer than a test.
func (b *bench) deadConsumer(group, clientID string) {
	b.t.Helper()
	var mu sync.Mutex
	dead, conns := false, []net.Conn{}
	assigned := make(chan struct{}, 1)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(b.kafka.ListenAddrs()...), kgo.ClientID(clientID), kgo.ConsumerGroup(group), kgo.ConsumeTopics("in"),
		kgo.SessionTimeout(4*time.Minute), kgo.RebalanceTimeout(4*time.Minute), kgo.DisableAutoCommit(),
		kgo.RetryTimeout(time.Second), // how long its end takes
		kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			var d net.Dialer
			conn, err := d.DialContext(ctx, network, address)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && dead {
				conn.Close()
				return nil, net.ErrClosed
			}
			conns = append(conns, conn)
			return conn, err
		}),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, p map[string][]int32) {
			if len(p["in"]) > 0 {
				select {
				case assigned <- struct{}{}:
				default: // it is known
				}
			}
		}),
	)
	if err != nil {
		b.t.Fatal(err)
	}
	select {
	case <-assigned:
	case <-time.After(patience):
		b.t.Fatal("the consumer was assigned nothing")
	}
	mu.Lock()
	dead = true
	for _, conn := range conns {
		conn.Close()
	}
	mu.Unlock()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	_ = client.LeaveGroupContext(gone) // it does not even try
	client.Close()
}

// A sink task does not wait for the end of the session of whoever had it before.
func TestSinkTakesOverFromTheDead(t *testing.T) {
	b := newBench(t, nil)
	b.deadConsumer("connect-sink", "connector-consumer-sink-0")
	b.produce("in", 100)
	id := b.start("sink", blackhole())
	b.until("the commit", func() bool { return b.groupOffsets("sink") == 100 })
	b.stop(id)
}

// A consumer that may be somebody else's stays: its name was chosen by the configuration.
func TestSinkLeavesOthersAlone(t *testing.T) {
	b := newBench(t, func(s *worker.Settings) { s.Properties["connector.client.config.override.policy"] = "All" })
	b.deadConsumer("connect-sink", "mine")
	id := b.start("sink", blackhole("consumer.override.client.id", "mine"))
	b.await(id, is(worker.Running))
	b.until("the task's own consumer", func() bool { return b.members("connect-sink", "mine") == 2 })
	b.stop(id)
	if n := b.members("connect-sink", "mine"); n == 0 {
		t.Error("the other consumer was taken out of the group")
	}
}

// members counts the consumers of a group that have a client.id.
func (b *bench) members(group, clientID string) (n int) {
	for _, m := range b.kafka.GroupInfo(group).Members {
		if m.ClientID == clientID {
			n++
		}
	}
	return n
}
