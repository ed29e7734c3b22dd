package group_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/group"
)

func identity(id string) func(*group.Settings) {
	return func(s *group.Settings) { s.InstanceID = id }
}

func delay(d time.Duration) func(*group.Settings) {
	return func(s *group.Settings) { s.MaxDelay = d }
}

// three starts a group of three with 18 tasks of three connectors, the first of which leads.
func (c *cluster) three(change ...func(*group.Settings)) (one, two, three *worker) {
	c.t.Helper()
	c.configure(connector("a", 6), connector("b", 6), connector("c", 6))
	one, two, three = c.start("one", change...), c.start("two", change...), c.start("three", change...)
	c.awaitTasks(3*time.Second, map[*worker]int{one: 6, two: 6, three: 6})
	if !one.leads() || two.leads() || three.leads() {
		c.t.Fatal("the first worker does not lead")
	}
	return one, two, three
}

// Each worker that comes gets its part, and nothing else moves.
func TestMemberGroupGrows(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.configure(connector("a", 6), connector("b", 6), connector("c", 6))
		one := c.start("one")
		c.awaitAll(time.Second)
		two := c.start("two")
		c.awaitTasks(2*time.Second, map[*worker]int{one: 9, two: 9})
		three := c.start("three")
		c.awaitTasks(2*time.Second, map[*worker]int{one: 6, two: 6, three: 6})
		moved := 0
		for _, n := range c.stopped() {
			moved += n
		}
		if want := 9 + 1 + 6 + 1; moved != want { // the tasks and connectors that must move
			t.Errorf("%d times something was stopped, want %d", moved, want)
		}
		for _, w := range []*worker{one, two, three} {
			a := w.assignment()
			if a.Leader.URL != "http://one:8083/" || a.Leader.Self != (w == one) || a.ConfigOffset != 0 || a.Generation < 1 || a.Protocol != group.Sessioned {
				t.Errorf("%s was told %+v", w.name, a)
			}
		}
	})
}

// What a killed worker ran runs elsewhere within the session time-out and two seconds, whichever worker it was, whenever
// it dies, and nothing else is stopped for that.
func TestMemberKilled(t *testing.T) {
	for _, victim := range []int{0, 1, 2} {
		for phase := time.Duration(0); phase < time.Minute; phase += 7330 * time.Millisecond {
			t.Run(fmt.Sprintf("worker %d after %s", victim, phase), func(t *testing.T) {
				inBubble(t, func(c *cluster) {
					interval := heartbeatInterval
					c.three(func(s *group.Settings) { // heartbeats of all at the same time would hide a late one
						s.HeartbeatInterval = interval
						interval -= 400 * time.Millisecond
					})
					time.Sleep(time.Minute + phase)
					before := c.stopped()
					c.all()[victim].kill()
					took := c.awaitAll(sessionTimeout + 1200*time.Millisecond) // the rest is for processes to start
					if took < sessionTimeout-heartbeatInterval {
						t.Errorf("its session cannot have ended after %s", took)
					}
					if after := c.stopped(); !maps.Equal(before, after) {
						t.Errorf("others were stopped: %v, before %v", after, before)
					}
				})
			})
		}
	}
}

// What the leader is told includes what nobody ran: a dead worker's.
func TestMemberUnowned(t *testing.T) {
	inBubble(t, func(c *cluster) {
		one, two, _ := c.three()
		lost := two.runs()
		two.kill()
		c.awaitAll(sessionTimeout + 2*time.Second)
		var unowned []string
		for _, work := range one.assignment().Unowned {
			unowned = append(unowned, work.String())
		}
		if slices.Sort(unowned); !slices.Equal(unowned, lost) {
			t.Errorf("nobody ran %v, want %v", unowned, lost)
		}
		for _, work := range c.work {
			url, ok := one.member.Owner(work)
			if !ok || url != "http://"+c.owner[work].name+":8083/" {
				t.Errorf("%s runs on %q, as the leader says, and on %s", work, url, c.owner[work])
			}
		}
	})
}

// A worker that stops hands over at once, also where work waits for workers that died.
func TestMemberStops(t *testing.T) {
	for name, change := range map[string]func(*group.Settings){
		"no delay": delay(0), "Kafka Connect's delay": delay(kafkaDelay), "stable identity": func(s *group.Settings) { s.InstanceID, s.MaxDelay = s.URL, kafkaDelay },
	} {
		for victim, who := range []string{"leader", "follower"} {
			t.Run(name+", "+who, func(t *testing.T) {
				inBubble(t, func(c *cluster) {
					c.three(change)
					w := c.all()[victim]
					w.stopsFor(3 * time.Second)
					began := time.Now()
					w.close()
					stopped := time.Since(began)
					c.awaitAll(2 * time.Second)
					if handed := time.Since(began) - w.stopTime; handed > 2*time.Second {
						t.Errorf("handed over %s after everything had stopped", handed)
					}
					if stopped > w.stopTime+2*time.Second {
						t.Errorf("to stop took %s", stopped)
					}
					if runs := w.runs(); len(runs) > 0 {
						t.Errorf("it still runs %v", runs)
					}
				})
			})
		}
	}
}

// With a delay the work of a worker that died waits for it, for that long and no longer.
func TestMemberDelay(t *testing.T) {
	inBubble(t, func(c *cluster) {
		one, two, three := c.three(delay(kafkaDelay))
		before := two.runs()
		two.kill()
		time.Sleep(time.Minute)
		if got := len(c.unowned()); got != len(before) {
			t.Errorf("%d of its %d wait", got, len(before))
		}
		again := c.start("two", delay(kafkaDelay))
		c.awaitAll(3 * time.Second)
		if got := again.runs(); !slices.Equal(got, before) {
			t.Errorf("it has %v back, had %v", got, before)
		}
		again.kill()
		if took := c.awaitAll(kafkaDelay + sessionTimeout + 2*time.Second); took < kafkaDelay {
			t.Errorf("they waited %s", took)
		}
		if _, tasks := one.count(); tasks != 9 {
			t.Error(c)
		}
		if _, tasks := three.count(); tasks != 9 {
			t.Error(c)
		}
	})
}

// A worker that comes while work waits gets nothing of it, and its part when the waiting is over.
func TestMemberDelayNewWorker(t *testing.T) {
	inBubble(t, func(c *cluster) {
		one, two, three := c.three(delay(time.Minute))
		two.kill()
		time.Sleep(sessionTimeout + 2*time.Second)
		four := c.start("four", delay(time.Minute))
		time.Sleep(10 * time.Second)
		if runs := four.runs(); len(runs) > 0 {
			t.Errorf("the new worker has %v", runs)
		}
		c.awaitTasks(time.Minute+sessionTimeout, map[*worker]int{one: 6, three: 6, four: 6})
	})
}

// A worker with a stable identity that is back within the session time-out has its work back at once; the others do not
// notice. One that comes later gets back what went to others.
func TestMemberStableIdentity(t *testing.T) {
	for victim, who := range []string{"leader", "follower"} {
		t.Run(who, func(t *testing.T) {
			inBubble(t, func(c *cluster) {
				names := []string{"one", "two", "three"}
				c.configure(connector("a", 6), connector("b", 6), connector("c", 6))
				for _, name := range names {
					c.start(name, identity(name))
				}
				all := c.all()
				c.awaitTasks(3*time.Second, map[*worker]int{all[0]: 6, all[1]: 6, all[2]: 6})
				before := all[victim].runs()

				all[victim].kill()
				time.Sleep(5 * time.Second)
				stops := c.stopped()
				back := c.start(names[victim], identity(names[victim]))
				c.awaitAll(2 * time.Second)
				if got := back.runs(); !slices.Equal(got, before) {
					t.Errorf("within the session: it has %v back, had %v", got, before)
				}
				if got := c.stopped(); !maps.Equal(got, stops) {
					t.Errorf("within the session: others were stopped: %v, before %v", got, stops)
				}
				if victim == 0 { // a leader that is new does not know what ran where
					return
				}
				back.kill()
				c.awaitAll(sessionTimeout + 2*time.Second)
				back = c.start(names[victim], identity(names[victim]))
				c.await(3*time.Second, "it has its work back", func() bool { return slices.Equal(back.runs(), before) && len(c.unowned()) == 0 })
			})
		})
	}
}

// A worker without a stable identity that is restarted has its work back when its predecessor's session has ended, and
// nothing else moves.
func TestMemberRestarted(t *testing.T) {
	inBubble(t, func(c *cluster) {
		_, two, _ := c.three()
		time.Sleep(20 * time.Second)
		before, stops := two.runs(), c.stopped()
		two.kill()
		time.Sleep(2 * time.Second)
		began := time.Now()
		again := c.start("two")
		c.awaitAll(time.Second)
		if took := time.Since(began); took > sessionTimeout {
			t.Errorf("it took %s", took)
		}
		if got := again.runs(); !slices.Equal(got, before) {
			t.Errorf("it has %v back, had %v", got, before)
		}
		if got := c.stopped(); !maps.Equal(got, stops) {
			t.Errorf("others were stopped: %v, before %v", got, stops)
		}
	})
}

// Workers that all say that they are reached under the same URL share the work all the same.
func TestMemberSameURL(t *testing.T) {
	same := func(s *group.Settings) { s.URL = "http://127.0.0.1:8083/" }
	inBubble(t, func(c *cluster) {
		c.configure(connector("a", 6), connector("b", 6), connector("c", 6))
		one, two, three := c.start("one", same), c.start("two", same), c.start("three", same)
		c.awaitTasks(3*time.Second, map[*worker]int{one: 6, two: 6, three: 6})
		three.kill()
		c.awaitTasks(sessionTimeout+2*time.Second, map[*worker]int{one: 9, two: 9})
		two.close()
		c.awaitAll(2 * time.Second)
		four := c.start("four", same)
		c.awaitTasks(3*time.Second, map[*worker]int{one: 9, four: 9})
	})
}

// Two workers with one identity: the later one has it, and the earlier one says so and runs nothing.
func TestMemberIdentityTaken(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.configure(connector("a", 2))
		first := c.start("one", identity("worker-1"))
		c.awaitAll(time.Second)
		time.Sleep(5 * time.Second)
		first.mu.Lock()
		first.owned = map[group.Work]bool{} // the second takes the place of a worker that it believes dead
		c.owner = map[group.Work]*worker{}
		first.mu.Unlock()
		c.start("two", identity("worker-1"))
		c.awaitAll(2 * time.Second)
		<-first.member.Failed()
		err := first.member.Err()
		if err == nil || !strings.Contains(err.Error(), "group.instance.id=worker-1 is used by another worker") {
			t.Errorf("the error is %v", err)
		}
		first.close()
		time.Sleep(sessionTimeout)
		if missing := c.unowned(); len(missing) > 0 {
			t.Errorf("the second lost %v", missing)
		}
	})
}

// A worker that hears nothing of the group stops everything before others start it. c checks that nothing runs twice.
func TestMemberFencesItself(t *testing.T) {
	for name, state := range map[string]lineState{"connections break": broken, "packets get lost": silent} {
		for victim, who := range []string{"leader", "follower"} {
			t.Run(name+", "+who, func(t *testing.T) {
				inBubble(t, func(c *cluster) {
					c.three()
					w := c.all()[victim]
					w.stopsFor(time.Hour) // it is killed in the end
					time.Sleep(20 * time.Second)
					w.line.set(state)
					began := time.Now()
					c.await(sessionTimeout, "it runs nothing", func() bool { return len(w.runs()) == 0 })
					if took := time.Since(began); took < sessionTimeout/2 {
						t.Errorf("it gave up after %s", took)
					}
					c.awaitAll(sessionTimeout + 2*time.Second - time.Since(began))
					for n, other := range c.all() {
						if lapsed := other.hasLapsed(); lapsed != (n == victim) {
							t.Errorf("%s was told that others may run its work: %t", other.name, lapsed)
						}
					}
					ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
					defer cancel()
					if _, err := w.member.Leader(ctx); err == nil {
						t.Error("it knows a leader")
					}
					w.stopsFor(0)
					time.Sleep(time.Minute)
					w.line.set(up)
					all := c.all()
					c.awaitTasks(10*time.Second, map[*worker]int{all[0]: 6, all[1]: 6, all[2]: 6})
				})
			})
		}
	}
}

// An outage of the coordinator that is shorter than the worker's patience is not noticed.
func TestMemberShortOutage(t *testing.T) {
	inBubble(t, func(c *cluster) {
		one, two, three := c.three()
		time.Sleep(20 * time.Second)
		before := c.stopped()
		for _, w := range []*worker{one, two, three} {
			w.line.set(broken)
		}
		time.Sleep(5 * time.Second)
		for _, w := range []*worker{one, two, three} {
			w.line.set(up)
		}
		time.Sleep(time.Minute)
		if after := c.stopped(); !maps.Equal(before, after) || len(c.unowned()) > 0 {
			t.Errorf("stopped: %v, before %v; %s", after, before, c)
		}
	})
}

// The group's coordinator may move from broker to broker.
func TestMemberCoordinatorMoves(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.three()
		before := c.stopped()
		for range 5 {
			c.broker.RehashCoordinators()
			time.Sleep(7 * time.Second)
		}
		if after := c.stopped(); !maps.Equal(before, after) {
			t.Errorf("stopped: %v, before %v", after, before)
		}
	})
}

// What happens to one connector stops nothing of another.
func TestMemberChangesTouchNothingElse(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.three()
		time.Sleep(time.Minute)
		before := c.stopped()
		changes := [][][]group.Work{
			{connector("a", 6), connector("b", 6), connector("c", 6), connector("d", 0)},
			{connector("a", 6), connector("b", 6), connector("c", 6), connector("d", 10)},
			{connector("a", 6), connector("b", 6), connector("c", 6), connector("d", 3)},
			{connector("a", 6), connector("b", 6), connector("c", 6)},
		}
		for i, work := range changes {
			c.configure(work...)
			took := c.awaitAll(time.Second)
			if i < 3 && took > 200*time.Millisecond {
				t.Errorf("change %d took %s", i, took)
			}
		}
		time.Sleep(5 * time.Second)
		after := c.stopped()
		maps.DeleteFunc(after, func(w group.Work, _ int) bool { return w.Connector == "d" })
		if !maps.Equal(before, after) {
			t.Errorf("stopped: %v, before %v", after, before)
		}
		if n := len(c.owner); n != len(c.work) {
			t.Errorf("%d run, %d are to", n, len(c.work))
		}
		// A connector whose tasks were all on some workers leaves those with less; new work goes there.
		c.configure(connector("a", 6), connector("b", 6), connector("e", 6))
		c.awaitAll(time.Second)
		after = c.stopped()
		for work, n := range after {
			if (work.Connector == "a" || work.Connector == "b") && before[work] != n {
				t.Errorf("%s was stopped", work)
			}
		}
	})
}

// A hundred connectors in a burst, each written alone.
func TestMemberBurst(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.three()
		before := c.stopped()
		work := [][]group.Work{connector("a", 6), connector("b", 6), connector("c", 6)}
		for i := range 100 {
			work = append(work, connector(fmt.Sprintf("burst-%d", i), 2))
			c.configure(work...)
			time.Sleep(time.Millisecond)
		}
		c.awaitAll(3 * time.Second)
		if after := c.stopped(); !maps.Equal(before, after) {
			t.Errorf("stopped: %v, before %v", after, before)
		}
	})
}

// Until the workers have come to a division of work, who asks for the leader waits.
func TestMemberLeaderWaits(t *testing.T) {
	inBubble(t, func(c *cluster) {
		one, two, _ := c.three()
		three := c.all()[2]
		three.kill()
		// A join that the dead worker keeps from ending.
		c.configure(connector("a", 7), connector("b", 6), connector("c", 6))
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		leader, err := two.member.Leader(c.t.Context())
		if err != nil || leader.URL != "http://one:8083/" {
			t.Errorf("the leader is %+v, %v", leader, err)
		}
		if waited := time.Since(began); waited < time.Second || waited > sessionTimeout+2*time.Second {
			t.Errorf("it waited %s", waited)
		}
		c.awaitAll(time.Second)
		_ = one
	})
}

// Under all protocols, and when they are changed worker by worker, nothing is stopped that need not.
func TestMemberProtocols(t *testing.T) {
	protocol := func(p group.Protocol) func(*group.Settings) {
		return func(s *group.Settings) { s.Protocol = p }
	}
	for _, p := range []group.Protocol{group.Eager, group.Compatible, group.Sessioned} {
		t.Run(p.String(), func(t *testing.T) {
			inBubble(t, func(c *cluster) {
				one, two, three := c.three(protocol(p))
				for _, w := range []*worker{one, two, three} {
					if got := w.assignment().Protocol; got != p {
						t.Errorf("%s uses %s", w.name, got)
					}
				}
				before := c.stopped()
				two.kill()
				c.awaitTasks(sessionTimeout+2*time.Second, map[*worker]int{one: 9, three: 9})
				if after := c.stopped(); !maps.Equal(before, after) {
					t.Errorf("others were stopped: %v, before %v", after, before)
				}
			})
		})
	}
	t.Run("changed", func(t *testing.T) {
		inBubble(t, func(c *cluster) {
			one, two, three := c.three(protocol(group.Sessioned))
			uses := func(p group.Protocol) {
				t.Helper()
				c.await(3*time.Second, "the group uses "+p.String(), func() bool { return one.assignment().Protocol == p && len(c.unowned()) == 0 })
			}
			three.close()
			four := c.start("four", protocol(group.Eager))
			uses(group.Eager)
			c.awaitTasks(time.Second, map[*worker]int{one: 6, two: 6, four: 6})
			before := c.stopped()
			c.configure(connector("a", 6), connector("b", 6), connector("c", 6), connector("d", 3))
			c.awaitTasks(time.Second, map[*worker]int{one: 7, two: 7, four: 7})
			if after := c.stopped(); !maps.Equal(before, after) {
				t.Errorf("stopped: %v, before %v", after, before)
			}
			four.close()
			uses(group.Sessioned)
		})
	})
}

// A leader that is behind reads on before it decides; one that cannot has everybody keep what they run.
func TestMemberLeaderBehind(t *testing.T) {
	inBubble(t, func(c *cluster) {
		one, two, three := c.three()
		before := c.stopped()
		broken := true
		c.mu.Lock()
		one.behind, one.catchUp = 1, func(ctx context.Context) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if broken {
				return fmt.Errorf("no broker")
			}
			one.behind = 0
			return nil
		}
		c.mu.Unlock()
		c.configure(connector("a", 6), connector("b", 6), connector("c", 6), connector("d", 3))
		time.Sleep(10 * time.Second)
		if got := len(c.unowned()); got != 4 {
			t.Errorf("%d wait, want 4", got)
		}
		c.mu.Lock()
		broken = false
		c.mu.Unlock()
		c.awaitTasks(syncTimeout+2*time.Second, map[*worker]int{one: 7, two: 7, three: 7})
		if after := c.stopped(); !maps.Equal(before, after) {
			t.Errorf("stopped: %v, before %v", after, before)
		}
	})
}

// A leader with a stable identity that restarts so soon that the coordinator divides nothing anew knows who runs what, and
// goes on leading.
func TestMemberLeaderIsBack(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.configure(connector("a", 3))
		c.start("one", identity("one"))
		c.awaitAll(time.Second)
		c.all()[0].kill()
		one := c.start("one", identity("one"))
		c.awaitAll(time.Second)
		time.Sleep(time.Second)
		if url, ok := one.member.Owner(group.Work{Connector: "a", Task: 1}); !ok || url != "http://one:8083/" || !one.leads() {
			t.Errorf("a-1 runs on %q, %t", url, ok)
		}
		c.configure(connector("a", 3), connector("b", 3))
		c.awaitAll(time.Second)
	})
}

// A member that the coordinator does not know any more stops everything at once, and comes back.
func TestMemberExpelled(t *testing.T) {
	for _, e := range []*kerr.Error{kerr.UnknownMemberID, kerr.IllegalGeneration} {
		t.Run(e.Message, func(t *testing.T) {
			inBubble(t, func(c *cluster) {
				one, two, three := c.three()
				two.stopsFor(time.Hour) // the context must end at once
				generation := two.assignment().Generation
				id := ""
				for _, m := range c.broker.GroupInfo("connect-cluster").Members {
					if m.ClientID == two.client {
						id = m.MemberID
					}
				}
				c.broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: "connect-cluster", Err: e, When: func(r kmsg.Request) bool {
					return r.(*kmsg.HeartbeatRequest).MemberID == id
				}})
				c.await(heartbeatInterval, "it runs nothing", func() bool { return len(two.runs()) == 0 })
				two.stopsFor(0)
				c.awaitTasks(sessionTimeout+5*time.Second, map[*worker]int{one: 6, two: 6, three: 6})
				if two.assignment().Generation <= generation {
					t.Error("it never left the group")
				}
			})
		})
	}
}

// While a member waits for the others its heartbeats may be told that their generation has passed; that is nothing.
func TestMemberHeartbeatsWhileJoining(t *testing.T) {
	inBubble(t, func(c *cluster) {
		c.three()
		before := c.stopped()
		c.all()[2].kill()
		c.configure(connector("a", 7), connector("b", 6), connector("c", 6)) // a round that the dead worker keeps from ending
		time.Sleep(100 * time.Millisecond)
		fault := c.broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: "connect-cluster", Err: kerr.IllegalGeneration, Count: 3})
		c.awaitAll(sessionTimeout + 2*time.Second)
		if after := c.stopped(); !maps.Equal(before, after) || fault.Hits() != 3 {
			t.Errorf("stopped: %v, before %v; %d heartbeats", after, before, fault.Hits())
		}
	})
}

// What a coordinator refuses for good ends the start with an error that says what to do.
func TestMemberRefused(t *testing.T) {
	cases := map[string]struct {
		key  kmsg.Key
		err  *kerr.Error
		want string
	}{
		"another group":       {kmsg.JoinGroup, kerr.InconsistentGroupProtocol, "group.id=connect-cluster is the name of a group that is not one of Connect workers"},
		"session time-out":    {kmsg.JoinGroup, kerr.InvalidSessionTimeout, "session.timeout.ms=10000 is refused by the broker: choose one between its group.min.session.timeout.ms"},
		"no right to read":    {kmsg.JoinGroup, kerr.GroupAuthorizationFailed, "the worker may not be in group connect-cluster: allow its principal READ on the group"},
		"no right to look":    {kmsg.DescribeGroups, kerr.GroupAuthorizationFailed, "the worker may not be in group connect-cluster: allow its principal READ on the group"},
		"group is full":       {kmsg.JoinGroup, kerr.GroupMaxSizeReached, "group.max.size"},
		"group id is refused": {kmsg.JoinGroup, kerr.InvalidGroupID, "group.id=connect-cluster is refused"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(c *cluster) {
				c.broker.Fault(kfake.Fault{Keys: []kmsg.Key{tc.key}, Group: "connect-cluster", Err: tc.err, Count: -1})
				w := c.make("one")
				err := w.member.Start(c.t.Context())
				if err == nil || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("the error is %v, want %s", err, tc.want)
				}
			})
		})
	}
}

// What passes is tried again.
func TestMemberTriesAgain(t *testing.T) {
	for _, key := range []kmsg.Key{kmsg.DescribeGroups, kmsg.JoinGroup, kmsg.SyncGroup} {
		for _, e := range []*kerr.Error{kerr.CoordinatorLoadInProgress, kerr.NotCoordinator, kerr.UnknownServerError} {
			t.Run(key.Name()+" "+e.Message, func(t *testing.T) {
				inBubble(t, func(c *cluster) {
					c.configure(connector("a", 3))
					c.broker.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Group: "connect-cluster", Err: e, Count: 4})
					c.start("one")
					c.awaitAll(time.Second)
				})
			})
		}
	}
}

// A start without a broker ends with its context and says what it waited for.
func TestMemberNoBroker(t *testing.T) {
	inBubble(t, func(c *cluster) {
		w := c.make("one")
		w.line.cut()
		ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
		defer cancel()
		err := w.member.Start(ctx)
		if err == nil || !strings.Contains(err.Error(), "asking for the members of group connect-cluster") || ctx.Err() == nil {
			t.Errorf("the error is %v", err)
		}
	})
}

// To close a member that was never started, or twice, does nothing.
func TestMemberClose(t *testing.T) {
	inBubble(t, func(c *cluster) {
		w := c.make("one")
		w.close()
		w.close()
		two := c.start("two")
		two.close()
		two.close()
		if w.calls != 0 || two.calls != 2 {
			t.Errorf("%d and %d calls", w.calls, two.calls)
		}
		if _, err := two.member.Leader(c.t.Context()); err == nil {
			t.Error("a closed member has a leader")
		}
	})
}
