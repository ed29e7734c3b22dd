//go:build integration

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What the workers of a cluster promise. The limits of the test are far beyond, for busy machines; what it measured is in its log.
const (
	sessionTimeout = 10 * time.Second // as by default
	// untouchedLimit is how long what runs on the other workers may be without progress.
	untouchedLimit = 30 * time.Second
	// clusterSample is the time between two looks at how far all topics are.
	clusterSample = 50 * time.Millisecond
)

// cluster is three workers of a group and the connectors that they share.
type cluster struct {
	t       *testing.T
	kafka   *kafka
	workers []*worker
	names   []string // of the connectors
	streams []*stream
	files   []*arrivals // of sinks, each with the stream of its number
	rewound map[string]bool
}

// stream is what the tasks of a datagen source write into a topic of one partition.
type stream struct {
	connector, topic string
	tasks            int
	progress         progress
}

// The work of the cluster: streams that a sink writes to a file, and streams of two tasks alone.
const (
	sunkStreams  = 8
	plainStreams = 14
)

// startCluster starts three workers and all connectors, each at a worker of its own choice.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, kafka: shared(t), rewound: map[string]bool{}}
	first := newWorker(t, c.kafka, map[string]string{"session.timeout.ms": strconv.FormatInt(sessionTimeout.Milliseconds(), 10)})
	c.workers = []*worker{first}
	for range 2 {
		same := maps.Clone(first.props)
		for _, key := range []string{"listeners", "plugin.path"} {
			delete(same, key)
		}
		c.workers = append(c.workers, newWorker(t, c.kafka, same))
	}
	// At the same time, as when a cluster is switched on.
	for _, w := range c.workers {
		w.launch()
	}
	for _, w := range c.workers {
		w.awaitHealthy()
	}
	for n := range sunkStreams + plainStreams {
		c.stream(n)
	}
	c.awaitRunning(c.workers, 0)
	c.watch()
	return c
}

// any is a worker that the caller has not chosen.
func (c *cluster) any() *worker { return c.workers[rand.IntN(len(c.workers))] }

// stream makes a source and, for the first ones, a sink.
func (c *cluster) stream(n int) {
	c.t.Helper()
	prefix := c.workers[0].prefix
	s := &stream{connector: fmt.Sprintf("%s-source-%d", prefix, n), topic: fmt.Sprintf("%s-stream-%d", prefix, n), tasks: 2}
	if n < sunkStreams {
		s.tasks = 1
	}
	c.kafka.create(c.t, s.topic, 1, nil)
	c.any().put(s.connector, s.config())
	c.streams, c.names = append(c.streams, s), append(c.names, s.connector)
	if n >= sunkStreams {
		return
	}
	sink, file := fmt.Sprintf("%s-sink-%d", prefix, n), fmt.Sprintf("%s/%d.out", c.workers[0].folder, n)
	c.any().put(sink, map[string]string{"connector.class": "FileStreamSink", "tasks.max": "1", "file": file, "topics": s.topic})
	c.names, c.files = append(c.names, sink), append(c.files, &arrivals{path: file})
}

func (s *stream) config() map[string]string {
	return map[string]string{
		"connector.class": "DatagenSource", "tasks.max": strconv.Itoa(s.tasks), "topic": s.topic, "rate": "100", "value.size": strconv.Itoa(digits),
		"key.converter": "ByteArrayConverter", "value.converter": "ByteArrayConverter",
	}
}

// watch follows the progress of all streams until the test ends.
func (c *cluster) watch() {
	ctx, stop := context.WithCancel(c.t.Context())
	var topics []string
	for _, s := range c.streams {
		topics = append(topics, s.topic)
	}
	var watching sync.WaitGroup
	watching.Go(func() {
		for tick := time.NewTicker(clusterSample); ; {
			// What Kafka does not tell counts as no progress.
			if ends, err := c.kafka.admin.ListEndOffsets(ctx, topics...); err == nil {
				for _, s := range c.streams {
					if end, ok := ends.Lookup(s.topic, 0); ok && end.Err == nil {
						s.progress.note(end.Offset)
					}
				}
			}
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	})
	c.t.Cleanup(watching.Wait)
	c.t.Cleanup(stop)
}

// owner is where everything of a connector runs: "connector" and the numbers of its tasks.
type owners map[string]map[string]string

// running returns where everything runs as a worker sees it, and what is not as it should be: everything RUNNING on one of the
// workers given.
func (c *cluster) running(seenBy *worker, on []*worker) (where owners, lacks string) {
	all, err := seenBy.rest.Expand(seenBy.ctx())
	if err != nil {
		return nil, err.Error()
	}
	ids := map[string]bool{}
	for _, w := range on {
		ids["127.0.0.1:"+w.port] = true
	}
	where = owners{}
	for _, name := range c.names {
		one, ok := all[name]
		if !ok {
			return nil, fmt.Sprintf("connector %s is not there", name)
		}
		where[name] = map[string]string{"connector": one.Status.Connector.WorkerID}
		if s := one.Status.Connector; s.State != "RUNNING" || !ids[s.WorkerID] {
			return nil, fmt.Sprintf("connector %s: %+v", name, s)
		}
		if len(one.Status.Tasks) == 0 {
			return nil, fmt.Sprintf("connector %s has no tasks", name)
		}
		for _, t := range one.Status.Tasks {
			if t.State != "RUNNING" || !ids[t.WorkerID] {
				return nil, fmt.Sprintf("task %s-%d: %+v", name, t.ID, t.StateInfo)
			}
			where[name][strconv.Itoa(t.ID)] = t.WorkerID
		}
	}
	return where, ""
}

// awaitRunning waits until every worker given sees everything running on them. With a spread none of them has so many parts more
// than another: then nothing is about to move.
func (c *cluster) awaitRunning(on []*worker, spread int) (where owners) {
	c.t.Helper()
	for _, w := range on {
		eventually(c.t, flowLimit, "worker "+w.port+" to see everything RUNNING", func() (lacks string) {
			if where, lacks = c.running(w, on); lacks != "" || spread == 0 {
				return lacks
			}
			var parts []int
			for _, o := range on {
				parts = append(parts, where.of("127.0.0.1:"+o.port))
			}
			if slices.Max(parts)-slices.Min(parts) > spread {
				return fmt.Sprintf("the workers have %v parts", parts)
			}
			return ""
		})
	}
	return where
}

// of counts what a worker runs.
func (o owners) of(id string) (count int) {
	for _, parts := range o {
		for _, at := range parts {
			if at == id {
				count++
			}
		}
	}
	return count
}

// strike is what happens to a worker, and how it comes back.
type strike struct {
	name       string
	hit, again func(c *cluster, w *worker)
}

var strikes = []strike{
	{"killed", func(_ *cluster, w *worker) { w.kill() }, func(_ *cluster, w *worker) { w.start() }},
	{"stopped", func(_ *cluster, w *worker) { w.stop() }, func(_ *cluster, w *worker) { w.start() }},
	{"frozen", func(c *cluster, w *worker) { c.signal(w, syscall.SIGSTOP) }, func(c *cluster, w *worker) { c.signal(w, syscall.SIGCONT) }},
}

func (c *cluster) signal(w *worker, s syscall.Signal) {
	c.t.Helper()
	if err := w.process.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// strikesOf reads how many strikes there are: the first three are one of each kind, one on each worker; nine are all.
func strikesOf(t *testing.T) int {
	t.Helper()
	text, ok := os.LookupEnv("OUTBOARD_CLUSTER_STRIKES")
	if !ok {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("OUTBOARD_CLUSTER_STRIKES is %q: it takes a number from 1", text)
	}
	return n
}

// Three workers share thirty connectors. What one of them does not do any more the others do, nothing is lost, and what it did
// not do does not notice.
func TestCluster(t *testing.T) {
	began := time.Now()
	c := startCluster(t)
	t.Logf("three workers ran %d connectors after %s", len(c.names), time.Since(began).Round(100*time.Millisecond))
	c.requests(t)
	c.oneChange(t)
	for n := range strikesOf(t) {
		c.strike(t, strikes[(n+n/3)%3], c.workers[n%3])
	}
	c.finish()
}

// strike hits a worker, and has it come back when the others have its work.
func (c *cluster) strike(t *testing.T, s strike, w *worker) {
	id := "127.0.0.1:" + w.port
	before := c.awaitRunning(c.workers, 0)
	others := slices.DeleteFunc(slices.Clone(c.workers), func(o *worker) bool { return o == w })
	mark := c.kafka.position(t, c.workers[0].props["status.storage.topic"])
	pids := map[*worker]map[string]int{}
	for _, o := range others {
		pids[o] = o.pids()
	}
	if s.name == "frozen" {
		for name, parts := range before {
			for _, at := range parts {
				c.rewound[name] = c.rewound[name] || at == id
			}
		}
	}
	lost := c.lost(others)
	at := time.Now()
	s.hit(c, w)
	hit := time.Now()
	after := c.awaitRunning(others, 0)
	right := time.Now()

	untouched, moved := time.Duration(0), time.Duration(0)
	for _, stream := range c.streams {
		// The last progress that counts is from before the moment: a look behind it makes it certain.
		eventually(t, flowLimit, "topic "+stream.topic+" to grow again", func() string {
			if stream.progress.end().Before(right) {
				return "it does not"
			}
			return ""
		})
		pause := stream.progress.pause(at, right)
		if before.unchanged(after, stream.connector) {
			untouched = max(untouched, pause)
		} else {
			moved = max(moved, pause)
		}
	}
	t.Logf("worker %s (%d of %d parts) was %s in %s; everything RUNNING elsewhere %s after that began; longest pause of what it ran %s, of what it did not run %s",
		w.port, before.of(id), before.of(c.ids(0))+before.of(c.ids(1))+before.of(c.ids(2)), s.name, hit.Sub(at).Round(time.Millisecond),
		right.Sub(at).Round(time.Millisecond), moved.Round(time.Millisecond), untouched.Round(time.Millisecond))
	defer func() {
		back := time.Now()
		s.again(c, w)
		c.awaitRunning(c.workers, 2) // one connector and one task
		t.Logf("it has its part of the work again %s after it was brought back", time.Since(back).Round(time.Millisecond))
	}()
	if c.lost(others) > lost {
		t.Log("the machine is so busy that another worker lost the group, too: what that one ran had to be interrupted")
		return
	}
	if untouched > untouchedLimit {
		t.Errorf("what the worker did not run made no progress for %s, want at most %s", untouched, untouchedLimit)
	}
	for _, status := range c.statuses(t, mark) {
		part := before[status.connector][status.part]
		if part != "" && part != id && (status.State != "RUNNING" || status.Worker != part) {
			t.Errorf("%s %s was on worker %s all the time, and became %s of %s", status.connector, status.part, part, status.State, status.Worker)
		}
	}
	for _, o := range others {
		now := o.pids()
		for name, pid := range pids[o] {
			if now[name] != pid {
				t.Errorf("the process of %s on worker %s was %d and is %d, though that worker was not %s", name, o.port, pid, now[name], s.name)
			}
		}
	}
}

// lost counts how often workers found that they are not in the group any more.
func (c *cluster) lost(workers []*worker) (times int) {
	for _, w := range workers {
		for _, e := range w.entries() {
			if strings.HasPrefix(e.Message, "the worker is not in the group any more") {
				times++
			}
		}
	}
	return times
}

func (c *cluster) ids(n int) string { return "127.0.0.1:" + c.workers[n].port }

// unchanged tells whether everything of a connector stayed where it was.
func (o owners) unchanged(then owners, connector string) bool {
	return maps.Equal(o[connector], then[connector])
}

// pids returns the process of the plugin of each connector that the worker runs.
func (w *worker) pids() map[string]int {
	w.t.Helper()
	alive := map[int]bool{}
	for _, p := range processesOf(w.t, w.plugins) {
		alive[p.pid] = p.parent == w.process.Process.Pid
	}
	pids := map[string]int{}
	for _, e := range w.entries() {
		if e.Message == "plugin process started" && alive[e.PID] {
			pids[e.Connector] = e.PID
		}
	}
	return pids
}

// clusterStatus is a status of a connector or task as the status topic has it.
type clusterStatus struct {
	connector, part string
	State           string `json:"state"`
	Worker          string `json:"worker_id"`
	Generation      int    `json:"generation"`
}

// statuses returns the statuses of the connectors of the cluster since a position of the status topic, each part's in order.
func (c *cluster) statuses(t *testing.T, position map[int32]int64) []clusterStatus {
	t.Helper()
	var all []clusterStatus
	for _, r := range c.kafka.since(t, c.workers[0].props["status.storage.topic"], position) {
		s := clusterStatus{part: "connector"}
		key := string(r.Key)
		if name, ok := strings.CutPrefix(key, "status-connector-"); ok {
			s.connector = name
		} else if task, ok := strings.CutPrefix(key, "status-task-"); ok {
			at := strings.LastIndexByte(task, '-')
			s.connector, s.part = task[:at], task[at+1:]
		}
		if !slices.Contains(c.names, s.connector) || r.Value == nil {
			continue
		}
		if err := json.Unmarshal(r.Value, &s); err != nil {
			t.Fatalf("status %s is %q: %v", key, r.Value, err)
		}
		all = append(all, s)
	}
	return all
}

// oneChange changes a connector and looks at the others.
func (c *cluster) oneChange(t *testing.T) {
	before := c.awaitRunning(c.workers, 0)
	mark := c.kafka.position(t, c.workers[0].props["status.storage.topic"])
	at := time.Now()
	changed := c.streams[0]
	starts, lost := c.starts(changed)[0], c.lost(c.workers)
	if _, err := c.any().rest.PatchConfig(t.Context(), changed.connector, map[string]*string{"rate": new("90")}); err != nil {
		t.Fatal(err)
	}
	eventually(t, flowLimit, "the changed connector to have started again", func() string {
		if c.starts(changed)[0] == starts {
			return "its task has not"
		}
		return ""
	})
	after := c.awaitRunning(c.workers, 0)
	now, longest := time.Now(), time.Duration(0)
	for _, s := range c.streams[1:] {
		longest = max(longest, s.progress.pause(at, now))
	}
	t.Logf("the longest pause of the others was %s", longest.Round(time.Millisecond))
	if c.lost(c.workers) > lost {
		t.Log("the machine is so busy that a worker lost the group: what that one ran had to be interrupted")
		return
	}
	for _, s := range c.streams[1:] {
		if !before.unchanged(after, s.connector) {
			t.Errorf("connector %s moved from %v to %v when another was changed", s.connector, before[s.connector], after[s.connector])
		}
	}
	for _, s := range c.statuses(t, mark) {
		if s.connector != changed.connector && (s.State != "RUNNING" || s.Worker != before[s.connector][s.part]) {
			t.Errorf("%s %s became %s of %s when another connector was changed", s.connector, s.part, s.State, s.Worker)
		}
	}
}

// finish stops the sources and checks that everything is there.
func (c *cluster) finish() {
	c.t.Helper()
	for _, s := range c.streams {
		w := c.any()
		w.do(w.rest.Stop, s.connector)
	}
	for _, s := range c.streams {
		c.any().awaitState(s.connector, "STOPPED", 0)
	}
	c.oneOwner(c.statuses(c.t, nil))
	again, total := 0, 0
	for n, s := range c.streams {
		records := c.kafka.records(c.t, s.topic)
		numbers := c.check(s, records)
		again, total = again+len(records)-numbers, total+len(records)
		if n < sunkStreams {
			c.files[n].await(c.t, flowLimit, int64(numbers))
		}
	}
	c.t.Logf("%d records, none lost, %d of them twice", total, again)
}

// oneOwner checks that no part ran on two workers in one generation (Invariant 2).
func (c *cluster) oneOwner(statuses []clusterStatus) {
	c.t.Helper()
	type part struct {
		connector, part string
		generation      int
	}
	ran := map[part]string{}
	for _, s := range statuses {
		if s.State != "RUNNING" {
			continue
		}
		p := part{s.connector, s.part, s.Generation}
		if other := ran[p]; other != "" && other != s.Worker {
			c.t.Errorf("%s %s ran on %s and on %s in generation %d", s.connector, s.part, other, s.Worker, s.Generation)
		}
		ran[p] = s.Worker
	}
}

// check looks at what a source has written and returns how many numbers there are. Each task writes its numbers in order; when it
// starts again it may go back, once, to what was not committed.
func (c *cluster) check(s *stream, records []*kgo.Record) (numbers int) {
	c.t.Helper()
	starts := c.starts(s)
	next, last, rewinds := make([]int, s.tasks), make([]int, s.tasks), make([]int, s.tasks)
	for _, r := range records {
		number, err := strconv.Atoi(string(r.Value[:min(digits, len(r.Value))]))
		if err != nil {
			c.t.Fatalf("topic %s has %q at offset %d", s.topic, r.Value, r.Offset)
		}
		task, count := number%s.tasks, number/s.tasks
		if count > next[task] {
			c.t.Fatalf("topic %s has number %d at offset %d before %d", s.topic, number, r.Offset, next[task]*s.tasks+task)
		}
		if count < last[task] {
			rewinds[task]++
		}
		next[task], last[task] = max(next[task], count+1), count
	}
	for task := range s.tasks {
		// A frozen worker's last records may arrive when it is thawed, behind those of its successor.
		if rewinds[task] > starts[task]-1 && !c.rewound[s.connector] {
			c.t.Errorf("task %s-%d started %d times and went back %d times: two of it ran at the same time", s.connector, task, starts[task], rewinds[task])
		}
		numbers += next[task]
	}
	if offsets, err := c.any().rest.Offsets(c.t.Context(), s.connector); err != nil {
		c.t.Error(err)
	} else {
		committed := 0
		for _, o := range offsets {
			var at struct{ N int }
			if err := json.Unmarshal(o.Offset, &at); err != nil {
				c.t.Errorf("offset %s: %v", o.Offset, err)
			}
			committed += at.N
		}
		// What a frozen worker had sent may be ahead of its successor: that writes it again.
		if committed != numbers && (committed > numbers || !c.rewound[s.connector]) {
			c.t.Errorf("source %s was stopped in order and has committed %d of %d records", s.connector, committed, numbers)
		}
	}
	return numbers
}

// starts counts how often each task of a stream has started, on all workers together.
func (c *cluster) starts(s *stream) []int {
	c.t.Helper()
	starts := make([]int, s.tasks)
	for _, w := range c.workers {
		for _, e := range w.entries() {
			if e.Message == "making records" && e.Connector == s.connector {
				starts[e.Task]++
			}
		}
	}
	return starts
}

// asking is a request that all workers get, each for a connector of its own, and the answer that all must give.
type asking struct {
	method, path, body string // {c} is the connector
	status             int
	until              string // what the answer must contain in the end; empty: the first answer counts
	header             map[string]string
}

// requests sends every kind of request to each worker: whoever leads and whoever runs what, the answers are the same.
func (c *cluster) requests(t *testing.T) {
	const config = `"connector.class":"DatagenSource","tasks.max":"1","topic":"{c}","rate":"10"`
	running := `"state":"RUNNING","worker_id":"WORKER","version":`
	for _, a := range []asking{
		{method: "POST", path: "/connectors", body: `{"name":"{c}","initial_state":"STOPPED","config":{` + config + `}}`, status: 201},
		{method: "GET", path: "/connectors/{c}", status: 200},
		{method: "POST", path: "/connectors", body: `{"name":"{c}","config":{` + config + `}}`, status: 409},
		{method: "POST", path: "/connectors", body: `{"name":"{c}-no","config":{"connector.class":"DatagenSource","tasks.max":"many"}}`, status: 400},
		{method: "POST", path: "/connectors", body: `{"name":`, status: 400},
		{method: "PUT", path: "/connectors/{c}/config", body: `{"name":"other",` + config + `}`, status: 400},
		{method: "PATCH", path: "/connectors/{c}/config", body: `{"headers":"1"}`, status: 200},
		{method: "GET", path: "/connectors/{c}/config", status: 200, until: `"headers":"1"`},
		{method: "PATCH", path: "/connectors/{c}/offsets", body: `{"offsets":[{"partition":{"slice":0,"of":1},"offset":{"n":7}}]}`, status: 200},
		{method: "GET", path: "/connectors/{c}/offsets", status: 200, until: `"offset":{"n":7}`},
		{method: "DELETE", path: "/connectors/{c}/offsets", status: 200},
		{method: "POST", path: "/connectors/{c}/tasks/0/restart", status: 409},
		{method: "PUT", path: "/connectors/{c}/resume", status: 202},
		{method: "GET", path: "/connectors/{c}/tasks/0/status", status: 200, until: running},
		{method: "GET", path: "/connectors/{c}/tasks", status: 200, until: `"task":0`},
		{method: "DELETE", path: "/connectors/{c}/offsets", status: 400},
		{method: "POST", path: "/connectors/{c}/restart", status: 204},
		{method: "GET", path: "/connectors/{c}/status", status: 200, until: `"connector":{` + running},
		{method: "POST", path: "/connectors/{c}/restart?includeTasks=true", status: 202},
		{method: "GET", path: "/connectors/{c}/tasks/0/status", status: 200, until: running},
		{method: "GET", path: "/connectors/{c}/status", status: 200, until: `"connector":{` + running},
		{method: "POST", path: "/connectors/{c}/tasks/0/restart", status: 204},
		{method: "POST", path: "/connectors/{c}/tasks/7/restart", status: 404},
		{method: "GET", path: "/connectors/{c}/tasks/0/status", status: 200, until: running},
		{method: "GET", path: "/connectors/{c}/topics", status: 200, until: `{"topics":["{c}"]}`},
		{method: "PUT", path: "/connectors/{c}/pause", status: 202},
		{method: "GET", path: "/connectors/{c}/tasks/0/status", status: 200, until: `"state":"PAUSED"`},
		{method: "PUT", path: "/connectors/{c}/config", body: `{` + config + `,"tasks.max":"2"}`, status: 200},
		{method: "PUT", path: "/connectors/{c}/resume", status: 202},
		{method: "GET", path: "/connectors/{c}/tasks/1/status", status: 200, until: running},
		{method: "PUT", path: "/connectors/{c}/stop", status: 204},
		{method: "GET", path: "/connectors/{c}/status", status: 200, until: `"connector":{"state":"STOPPED"`},
		{method: "PUT", path: "/connectors/{c}/topics/reset", status: 202},
		{method: "POST", path: "/connectors/{c}/tasks", body: `[]`, status: 400},
		{method: "PUT", path: "/connectors/{c}/fence", status: 400},
		{method: "POST", path: "/connectors/{c}/tasks", body: `[]`, status: 403, header: map[string]string{
			"X-Connect-Authorization": "Zm9yZ2Vk", "X-Connect-Request-Signature-Algorithm": "HmacSHA256"}},
		{method: "PUT", path: "/connectors/{c}-none/stop", status: 404},
		{method: "POST", path: "/connectors/{c}-none/restart", status: 404},
		{method: "DELETE", path: "/connectors/{c}", status: 204},
		{method: "DELETE", path: "/connectors/{c}", status: 404},
		{method: "GET", path: "/connectors/{c}/status", status: 404},
	} {
		var first string
		began := time.Now()
		for n, w := range c.workers {
			name := fmt.Sprintf("%s-asked-%d", c.workers[0].prefix, n)
			if a.method == "GET" { // what follows may be up to another worker, which must have seen this
				for _, o := range c.workers {
					c.ask(t, o, name, a)
				}
			}
			got := c.ask(t, w, name, a)
			if n == 0 {
				first = got
			} else if got != first {
				t.Errorf("%s %s: one worker answers\n%s\nanother\n%s", a.method, a.path, first, got)
			}
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Logf("%s %s took all workers together %s", a.method, a.path, took.Round(time.Millisecond))
		}
	}
}

// ask sends a request to a worker and returns the answer, in which names and addresses are those of nobody.
func (c *cluster) ask(t *testing.T, w *worker, connector string, a asking) (text string) {
	t.Helper()
	named := strings.NewReplacer("{c}", connector)
	limit := time.Duration(0)
	if a.until != "" || a.method == "GET" {
		limit = flowLimit // a worker reads what another has written soon, not at once
	}
	deadline := time.Now().Add(limit)
	for {
		r, err := http.NewRequestWithContext(t.Context(), a.method, "http://127.0.0.1:"+w.port+named.Replace(a.path), strings.NewReader(named.Replace(a.body)))
		if err != nil {
			t.Fatal(err)
		}
		if a.body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		for name, value := range a.header {
			r.Header.Set(name, value)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, err = io.Copy(&body, response.Body)
		response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		addresses := []string{connector, "{c}", "http://127.0.0.1:" + w.port + "/", "http://ASKED/"}
		for _, o := range c.workers {
			addresses = append(addresses, "127.0.0.1:"+o.port, "WORKER")
		}
		text = strings.NewReplacer(addresses...).Replace(fmt.Sprintf("%d %s %s\n%s", response.StatusCode,
			response.Header.Get("Content-Type"), response.Header.Get("Location"), body.String()))
		if response.StatusCode == a.status && strings.Contains(text, a.until) {
			return text
		}
		if time.Now().After(deadline) {
			t.Fatalf("worker %s answers to %s %s, after %s:\n%s\nwant %d and %q", w.port, a.method, a.path, limit, text, a.status, a.until)
		}
		time.Sleep(pollEvery)
	}
}
