package group_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

// Kafka Connect's times.
const (
	sessionTimeout    = 10 * time.Second
	heartbeatInterval = 3 * time.Second
	rebalanceTimeout  = time.Minute
	syncTimeout       = 3 * time.Second
	kafkaDelay        = 5 * time.Minute
)

// cluster is a broker, a config topic and workers, in a synctest bubble. It checks at any time that no work has two
// owners.
type cluster struct {
	t       *testing.T
	network kfake.VirtualNetwork
	broker  *kfake.Cluster

	mu      sync.Mutex
	work    []group.Work
	offset  int64
	owner   map[group.Work]*worker
	stops   map[group.Work]int // how often a live worker stopped it
	workers []*worker
}

// inBubble runs a test on a virtual network, in virtual time.
func inBubble(t *testing.T, test func(c *cluster)) {
	bubble.Test(t, func(t *testing.T) {
		c := &cluster{t: t, offset: -1, owner: map[group.Work]*worker{}, stops: map[group.Work]int{}}
		var err error
		if c.broker, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(c.network.Listen)); err != nil {
			t.Fatal(err)
		}
		defer c.broker.Close()
		defer c.close()
		test(c)
	})
}

func (c *cluster) close() {
	for _, w := range c.all() {
		w.close()
	}
}

func (c *cluster) all() []*worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.workers)
}

// connector is a connector with some tasks.
func connector(name string, tasks int) []group.Work {
	work := []group.Work{{Connector: name, Task: group.TheConnector}}
	for n := range tasks {
		work = append(work, group.Work{Connector: name, Task: n})
	}
	return work
}

// configure writes what is to run from now on, all of it.
func (c *cluster) configure(work ...[]group.Work) {
	c.mu.Lock()
	c.work = slices.Concat(work...)
	c.offset++
	c.mu.Unlock()
	for _, w := range c.all() {
		w.member.WorkChanged()
	}
}

// worker is one process.
type worker struct {
	c      *cluster
	name   string
	client string // its client id
	member *group.Member
	line   *line
	logs   *bytes.Buffer
	// stopTime is how long it takes to stop something; behind, how far its view of the config topic is.
	stopTime time.Duration
	behind   int64
	catchUp  func(context.Context) error

	mu            sync.Mutex // the cluster's comes after it
	owned         map[group.Work]bool
	dead, retired bool
	lapsed        bool // the last time that it stopped something, others could already run it
	died          time.Time
	last          group.Assignment
	calls         int
}

// start starts a worker and waits until it is in the group.
func (c *cluster) start(name string, change ...func(*group.Settings)) *worker {
	c.t.Helper()
	w := c.make(name, change...)
	if err := w.member.Start(c.t.Context()); err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	return w
}

func (c *cluster) make(name string, change ...func(*group.Settings)) *worker {
	w := &worker{c: c, name: name, line: &line{dialer: c.network.DialContext}, logs: &bytes.Buffer{}, owned: map[group.Work]bool{}}
	s := group.Settings{
		Logger: hclog.New(&hclog.LoggerOptions{Name: name, Level: hclog.Info, Output: c.t.Output(), TimeFormat: "05.000"}),
		Client: []kgo.Opt{kgo.SeedBrokers("127.0.0.1:9092"), kgo.Dialer(w.line.dial)},
		Group:  "connect-cluster", URL: "http://" + name + ":8083/", Protocol: group.Sessioned,
		SessionTimeout: sessionTimeout, HeartbeatInterval: heartbeatInterval, RebalanceTimeout: rebalanceTimeout, SyncTimeout: syncTimeout,
		Work: w.work, CatchUp: func(ctx context.Context) error {
			c.mu.Lock()
			catchUp := w.catchUp
			c.mu.Unlock()
			if catchUp != nil {
				return catchUp(ctx)
			}
			return nil
		}, Assigned: w.assigned,
	}
	c.mu.Lock()
	c.workers = append(c.workers, w)
	s.ClientID = fmt.Sprintf("%s.%d", name, len(c.workers))
	c.mu.Unlock()
	w.client = s.ClientID
	for _, f := range change {
		f(&s)
	}
	w.member = group.NewMember(s)
	return w
}

func (w *worker) work() ([]group.Work, int64) {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	return w.c.work, w.c.offset - w.behind
}

// assigned does what a herder does: it stops what is not its own, then starts the rest.
func (w *worker) assigned(ctx context.Context, a group.Assignment) {
	w.mu.Lock()
	stopping := w.stopTime
	dead := w.dead
	var stop []group.Work
	for work := range w.owned {
		if !a.Owns(work) {
			stop = append(stop, work)
		}
	}
	w.mu.Unlock()
	if dead {
		return
	}
	if len(stop) > 0 {
		select {
		case <-time.After(stopping):
		case <-ctx.Done():
		}
	}
	lapsed := w.member.Lapsed()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return
	}
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	if len(stop) > 0 {
		w.lapsed = lapsed
	}
	for _, work := range stop {
		delete(w.owned, work)
		if w.c.owner[work] != w {
			w.c.t.Errorf("%s stops %s, which %v runs", w.name, work, w.c.owner[work])
		}
		delete(w.c.owner, work)
		w.c.stops[work]++
	}
	for _, work := range a.Assigned {
		if other := w.c.owner[work]; other != nil {
			w.c.t.Errorf("%s starts %s, which %s runs", w.name, work, other.name)
		}
		w.c.owner[work] = w
		w.owned[work] = true
	}
	w.last = a
	w.calls++
}

// stopsFor has the worker take a time to stop something.
func (w *worker) stopsFor(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopTime = d
}

func (w *worker) hasLapsed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lapsed
}

// kill ends a worker as SIGKILL does.
func (w *worker) kill() {
	w.mu.Lock()
	w.dead, w.died = true, time.Now()
	w.c.mu.Lock()
	for work := range w.owned {
		delete(w.c.owner, work)
	}
	w.c.mu.Unlock()
	w.owned = map[group.Work]bool{}
	w.mu.Unlock()
	w.line.cut()
	w.close()
}

// alive tells whether a worker was neither killed nor retired.
func (w *worker) alive() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.dead && !w.retired
}

// retire closes a worker for good.
func (w *worker) retire() {
	w.mu.Lock()
	w.retired = true
	w.mu.Unlock()
	w.close()
}

// close stops a worker.
func (w *worker) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	w.member.Close(ctx)
}

// runs lists what a worker runs.
func (w *worker) runs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []string
	for work := range w.owned {
		names = append(names, work.String())
	}
	slices.Sort(names)
	return names
}

func (w *worker) assignment() group.Assignment {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// count is the number of connectors and of tasks that a worker runs.
func (w *worker) count() (connectors, tasks int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for work := range w.owned {
		if work.Task == group.TheConnector {
			connectors++
		} else {
			tasks++
		}
	}
	return connectors, tasks
}

// unowned is what is to run and does not.
func (c *cluster) unowned() []group.Work {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []group.Work
	for _, work := range c.work {
		if c.owner[work] == nil {
			missing = append(missing, work)
		}
	}
	return missing
}

// await waits for a condition and returns how long that took.
func (c *cluster) await(limit time.Duration, what string, condition func() bool) time.Duration {
	c.t.Helper()
	began := time.Now()
	for !condition() {
		if time.Since(began) > limit {
			c.t.Fatalf("not after %s: %s\n%s", limit, what, c)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(began)
}

// all work runs.
func (c *cluster) awaitAll(limit time.Duration) time.Duration {
	c.t.Helper()
	return c.await(limit, "everything runs", func() bool { return len(c.unowned()) == 0 })
}

// awaitCounts waits until workers run so many tasks each, and everything runs.
func (c *cluster) awaitTasks(limit time.Duration, want map[*worker]int) time.Duration {
	c.t.Helper()
	return c.await(limit, "the tasks are spread as they should be", func() bool {
		for w, n := range want {
			if _, tasks := w.count(); tasks != n {
				return false
			}
		}
		return len(c.unowned()) == 0
	})
}

// stopped counts how often live workers have stopped something.
func (c *cluster) stopped() map[group.Work]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.stops)
}

func (c *cluster) String() string {
	var text strings.Builder
	for _, w := range c.all() {
		if w.alive() {
			fmt.Fprintf(&text, "%s: %s\n", w.name, strings.Join(w.runs(), " "))
		}
	}
	fmt.Fprintf(&text, "nobody: %v", c.unowned())
	return text.String()
}

func (w *worker) String() string {
	if w == nil {
		return "nobody"
	}
	return w.name
}

// leads tells whether a worker leads, as it sees it.
func (w *worker) leads() bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	leader, err := w.member.Leader(ctx)
	return err == nil && leader.Self
}

// line is the network of one worker.
type line struct {
	dialer func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex
	state lineState
	conns []*conn
}

type lineState int

const (
	up     lineState = iota
	broken           // connections break, and none can be made
	silent           // what is sent gets lost
)

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.state {
	case broken:
		return nil, errors.New("the network is cut")
	case silent:
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(sessionTimeout / 5): // the time-out that a member sets for dialling
		}
		l.mu.Lock()
		return nil, errors.New("no answer")
	}
	inner, err := l.dialer(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: inner, line: l}
	l.conns = append(l.conns, c)
	return c, nil
}

func (l *line) set(state lineState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = state
	if state == broken {
		for _, c := range l.conns {
			c.Close()
		}
		l.conns = nil
	}
}

func (l *line) cut() { l.set(broken) }

type conn struct {
	net.Conn
	line *line
}

func (c *conn) Write(b []byte) (int, error) {
	c.line.mu.Lock()
	lose := c.line.state == silent
	c.line.mu.Unlock()
	if lose {
		return len(b), nil
	}
	return c.Conn.Write(b)
}
