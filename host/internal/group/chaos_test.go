package group_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/group"
)

// Workers come, go, die, come back and lose their network while connectors are created and deleted. Nothing ever has two
// owners, which the cluster checks, and when it is over everything runs.
func TestMemberChaos(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(c *cluster) { chaos(c, rand.New(rand.NewPCG(seed, 0))) })
		})
	}
}

func chaos(c *cluster, random *rand.Rand) {
	between := func(least, most time.Duration) time.Duration { return least + rand.N(most-least) }
	static, maxDelay := random.IntN(2) == 0, time.Duration(random.IntN(2))*time.Minute
	slots := make([]*worker, 5)
	start := func(i int) {
		name := fmt.Sprintf("worker-%d", i)
		w := c.make(name, delay(maxDelay), func(s *group.Settings) {
			s.Protocol = group.Protocol(random.IntN(3))
			if static {
				s.InstanceID = name
			}
		})
		w.stopTime = time.Duration(random.IntN(4)) * time.Second
		slots[i] = w
		go func() {
			if err := w.member.Start(c.t.Context()); err != nil && c.t.Context().Err() == nil && w.alive() {
				c.t.Errorf("%s: %v", name, err)
			}
		}()
	}
	var work [][]group.Work
	connectors := 0
	create := func() {
		connectors++
		work = append(work, connector(fmt.Sprintf("c%d", connectors), random.IntN(6)))
	}
	create()
	c.configure(work...)
	ctx, stop := context.WithCancel(c.t.Context())
	expiring := make(chan struct{})
	defer func() { stop(); <-expiring }()
	go func() { defer close(expiring); c.expire(ctx) }()
	start(0)
	for range 60 {
		time.Sleep(between(0, 8*time.Second))
		i := random.IntN(len(slots))
		w := slots[i]
		switch {
		case random.IntN(3) == 0:
			if create(); len(work) > 3 && random.IntN(2) == 0 {
				work = append(work[:1:1], work[2:]...)
			}
			c.configure(work...)
		case w == nil:
			start(i)
		default:
			switch random.IntN(5) {
			case 0:
				w.kill()
				slots[i] = nil
			case 1:
				w.kill()
				start(i)
			case 2:
				w.retire()
				slots[i] = nil
			case 3:
				w.line.set(lineState(1 + random.IntN(2)))
			case 4:
				w.line.set(up)
			}
		}
	}
	for i, w := range slots {
		if w == nil {
			start(i)
		} else {
			w.line.set(up)
		}
	}
	c.awaitAll(maxDelay + 5*time.Minute)
	time.Sleep(maxDelay + time.Minute)
	// One more worker, which gets its part.
	c.start("last", delay(maxDelay))
	c.await(time.Minute, "tasks are balanced", func() bool {
		least, most := 1<<30, 0
		for _, w := range c.all() {
			if w.alive() {
				_, tasks := w.count()
				least, most = min(least, tasks), max(most, tasks)
			}
		}
		return most-least <= 1 && len(c.unowned()) == 0
	})
}

// expire removes dead workers when their sessions have ended. The embedded broker gives members no session before their first
// JoinGroup was answered: one that dies while it waits would stay until the rebalance time-out, which begins anew with
// each JoinGroup. Kafka's sessions do end.
func (c *cluster) expire(ctx context.Context) {
	client, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:9092"), kgo.Dialer(c.network.DialContext))
	if err != nil {
		c.t.Error(err)
		return
	}
	defer client.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
		info := c.broker.GroupInfo("connect-cluster")
		if info == nil {
			continue
		}
		gone := map[string]bool{}
		for _, w := range c.all() {
			w.mu.Lock()
			gone[w.client] = w.dead && time.Since(w.died) > sessionTimeout
			w.mu.Unlock()
		}
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group = "connect-cluster"
		for _, m := range info.Members {
			if gone[m.ClientID] {
				member := kmsg.NewLeaveGroupRequestMember()
				member.MemberID = m.MemberID
				leave.Members = append(leave.Members, member)
			}
		}
		if len(leave.Members) > 0 {
			_, _ = leave.RequestWith(ctx, client) // when it fails there is a next time
		}
	}
}
