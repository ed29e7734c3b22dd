package group_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// vector is what Kafka Connect's own classes wrote.
func vector(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); fields[0] == name {
			data, err := hex.DecodeString(fields[2])
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	t.Fatalf("no vector %s", name)
	return nil
}

// javaWorker is a member that says and orders what Kafka Connect's would. As a leader it has all members run c1 and c2.
type javaWorker struct {
	c      *cluster
	line   *line
	client *kgo.Client
	stop   context.CancelFunc
	done   chan struct{}

	mu         sync.Mutex
	id         string
	led        int
	rounds     int
	assignment []byte
}

func (c *cluster) java() *javaWorker {
	c.t.Helper()
	j := &javaWorker{c: c, line: &line{dialer: c.network.DialContext}, done: make(chan struct{})}
	var err error
	if j.client, err = kgo.NewClient(kgo.SeedBrokers("127.0.0.1:9092"), kgo.Dialer(j.line.dial), kgo.ClientID("connect-java")); err != nil {
		c.t.Fatal(err)
	}
	metadata, order := vector(c.t, "mf"), vector(c.t, "a2")
	ctx, stop := context.WithCancel(c.t.Context())
	j.stop = stop
	go func() {
		defer close(j.done)
		for ctx.Err() == nil {
			j.round(ctx, metadata, order)
		}
	}()
	c.await(20*time.Second, "the Java worker is in the group", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.rounds > 0
	})
	return j
}

// round is in the group for one generation.
func (j *javaWorker) round(ctx context.Context, metadata, order []byte) {
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType, join.MemberID = "connect-cluster", "connect", j.id
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = int32(sessionTimeout.Milliseconds()), int32(rebalanceTimeout.Milliseconds())
	for _, name := range []string{"sessioned", "compatible", "default"} {
		p := kmsg.NewJoinGroupRequestProtocol()
		p.Name, p.Metadata = name, metadata
		join.Protocols = append(join.Protocols, p)
	}
	joined, err := join.RequestWith(ctx, j.client)
	if err != nil {
		return
	}
	j.mu.Lock()
	j.id = joined.MemberID
	j.mu.Unlock()
	switch kerr.ErrorForCode(joined.ErrorCode) {
	case nil:
	case kerr.UnknownMemberID:
		j.id = ""
		return
	default:
		return
	}
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.Generation = "connect-cluster", joined.MemberID, joined.Generation
	for _, m := range joined.Members {
		a := kmsg.NewSyncGroupRequestGroupAssignment()
		leader := append([]byte{0, byte(len(joined.MemberID))}, joined.MemberID...)
		a.MemberID, a.MemberAssignment = m.MemberID, bytes.Replace(order, []byte("\x00\x03w-1"), leader, 1)
		sync.GroupAssignment = append(sync.GroupAssignment, a)
	}
	synced, err := sync.RequestWith(ctx, j.client)
	if err != nil || synced.ErrorCode != 0 {
		return
	}
	j.mu.Lock()
	j.rounds++
	if len(joined.Members) > 0 {
		j.led++
	}
	j.assignment = synced.MemberAssignment
	j.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		beat := kmsg.NewPtrHeartbeatRequest()
		beat.Group, beat.MemberID, beat.Generation = "connect-cluster", joined.MemberID, joined.Generation
		if resp, err := beat.RequestWith(ctx, j.client); err == nil && resp.ErrorCode != 0 {
			if kerr.ErrorForCode(resp.ErrorCode) == kerr.UnknownMemberID {
				j.id = ""
			}
			return
		}
	}
}

// kill ends the worker without a word.
func (j *javaWorker) kill() {
	j.line.cut()
	j.stop()
	<-j.done
	j.client.Close()
}

// A worker does not join a group of Kafka Connect, not even for a moment, and says how to take over from it.
func TestMemberRefusesKafkaConnect(t *testing.T) {
	inBubble(t, func(c *cluster) {
		j := c.java()
		defer j.kill()
		before := c.broker.GroupInfo("connect-cluster").Epoch
		err := c.make("one").member.Start(c.t.Context())
		for _, part := range []string{
			"group.id=connect-cluster has workers that are not Outboard's: http://h:8083/", "stop all its workers, then start Outboard with the same group.id, config.storage.topic",
			"choose another group.id",
		} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("the error %v lacks %q", err, part)
			}
		}
		if after := c.broker.GroupInfo("connect-cluster").Epoch; after != before {
			t.Errorf("the group has come to generation %d from %d", after, before)
		}
		ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
		defer cancel()
		if err := c.make("two").member.Start(ctx); err == nil || !strings.Contains(err.Error(), "stop all its workers") {
			t.Errorf("with less time the error is %v", err)
		}
	})
}

// After all of Kafka Connect's workers were killed, the takeover waits until the group has forgotten them.
func TestMemberTakesOver(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.configure(connector("a", 3))
		c.java().kill()
		began := time.Now()
		c.start("one")
		c.awaitAll(time.Second)
		if took := time.Since(began); took > sessionTimeout+2*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// A group that only seems to be empty: the worker that came in goes as soon as it sees who leads.
func TestMemberLeavesKafkaConnect(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.configure(connector("a", 3))
		j := c.java()
		defer j.kill()
		c.broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.DescribeGroups}, Group: "connect-cluster", Err: kerr.GroupIDNotFound, Count: -1})
		w := c.make("one")
		err := w.member.Start(c.t.Context())
		if err == nil || !strings.Contains(err.Error(), "not Outboard's: http://h:8083/") {
			t.Errorf("the error is %v", err)
		}
		if members := c.broker.GroupInfo("connect-cluster").Members; len(members) != 1 {
			t.Errorf("the group has %d members", len(members))
		}
		if w.calls > 0 {
			t.Error("the worker was told to run something")
		}
	})
}

// A worker of Kafka Connect that comes into a group of Outboard gets nothing, and disturbs nobody.
func TestMemberIgnoresKafkaConnect(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.three()
		before := c.stopped()
		j := c.java()
		defer j.kill()
		time.Sleep(time.Minute)
		if after := c.stopped(); !maps.Equal(before, after) || len(c.unowned()) > 0 {
			t.Errorf("stopped: %v, before %v; %s", after, before, c)
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		// Version 2, no problem … the position that it has read itself, nothing to start, nothing to stop, no delay.
		if got := fmt.Sprintf("%x", j.assignment); !strings.HasPrefix(got, "00020000") || !strings.Contains(got, "ffffffffffffffff"+"00000000"+"00000000"+"00000000") {
			t.Errorf("it was told %s", got)
		}
	})
}

// When the leader dies the coordinator may choose a worker of Kafka Connect. It is not followed, and does not stay leader.
func TestMemberDoesNotFollowKafkaConnect(t *testing.T) {
	for range 50 { // the coordinator's choice is a random one
		led := 0
		inBubble(t, func(c *cluster) {
			c.configure(connector("a", 4), connector("b", 4))
			one, two := c.start("one"), c.start("two")
			c.awaitTasks(3*time.Second, map[*worker]int{one: 4, two: 4})
			first, second := c.java(), c.java()
			defer first.kill()
			defer second.kill()
			before := c.stopped()
			one.kill()
			c.awaitTasks(sessionTimeout+10*time.Second, map[*worker]int{two: 8})
			time.Sleep(time.Minute)
			if after := c.stopped(); !maps.Equal(before, after) {
				t.Errorf("stopped: %v, before %v", after, before)
			}
			if leader, err := two.member.Leader(c.t.Context()); err != nil || !leader.Self {
				t.Errorf("the leader is %+v, %v", leader, err)
			}
			for _, j := range []*javaWorker{first, second} {
				j.mu.Lock()
				led += j.led
				j.mu.Unlock()
			}
		})
		if led > 0 || t.Failed() {
			return
		}
	}
	t.Error("Kafka Connect never led")
}
