package herder_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/host/herder/herdertest"
)

// TestGroup has several workers share the work of a cluster.
func TestGroup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir() // deleted when nobody writes to it any more
	settings := herdertest.Settings{Plugins: []string{"./testdata/probe"}}
	if testing.Verbose() {
		settings.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: t.Output()})
	}
	cluster, err := herdertest.StartKafka(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	for name, test := range map[string]func(*testing.T, *workers){
		"a change disturbs no other":     changeDisturbsNoOther,
		"a clean stop hands over":        cleanStopHandsOver,
		"a worker that is cut off":       workerIsCutOff,
		"a dead worker's work waits":     deadWorkersWorkWaits,
		"restarts find the owner":        restartsFindTheOwner,
		"offsets wait for other workers": offsetsWaitForOthers,
		"internal requests are signed":   internalRequestsAreSigned,
		"a leader that reads late":       leaderReadsLate,
		"a stop that was not seen":       stopNotSeen,
		"a state that was not seen":      stateNotSeen,
		"an end that was not seen":       endNotSeen,
		"a claim that is taken":          claimIsTaken,
		"whatever happens":               func(t *testing.T, g *workers) { whateverHappens(t, g, false) },
		"whatever happens, exactly once": func(t *testing.T, g *workers) { whateverHappens(t, g, true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := &workers{t: t, cluster: cluster, group: strings.NewReplacer(" ", "-", ",", "").Replace(name), at: map[string]*herdertest.Worker{}}
			g.dir = filepath.Join(dir, g.group)
			if err := os.Mkdir(g.dir, 0o700); err != nil {
				t.Fatal(err)
			}
			test(t, g)
		})
	}
}

// workers are those of one group, by name.
type workers struct {
	t       *testing.T
	cluster *herdertest.Cluster
	dir     string
	group   string

	mu   sync.Mutex
	at   map[string]*herdertest.Worker
	sent func(header http.Header, body []byte) // sees what workers send each other; nil: nobody does
}

// join starts a worker.
func (g *workers) join(name string, change ...func(*herdertest.Member)) *herder.Herder {
	g.t.Helper()
	m := herdertest.Member{Group: g.group, URL: "http://" + name + ":8083/", Send: g.send}
	for _, c := range change {
		c(&m)
	}
	w, err := g.cluster.Join(m)
	if err != nil {
		g.t.Fatal(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at[m.URL] = w
	return w.Herder
}

// worker returns a worker that was started.
func (g *workers) worker(url string) *herdertest.Worker {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.at[url]
}

// send carries a request of one worker to another one.
func (g *workers) send(ctx context.Context, method, url string, header http.Header, body []byte) error {
	g.mu.Lock()
	sent := g.sent
	g.mu.Unlock()
	if sent != nil {
		sent(header, body)
	}
	base, path, _ := strings.Cut(url, "connectors/")
	name, what, _ := strings.Cut(path, "/")
	to := g.worker(base)
	if to == nil {
		return fmt.Errorf("%s %s leads nowhere", method, url)
	}
	if err := to.Herder.Verify(header, body); err != nil {
		return err
	}
	switch method + " " + what {
	case "PUT fence":
		return to.Herder.Fence(ctx, name)
	case "POST tasks":
		var configs []map[string]string
		if err := json.Unmarshal(body, &configs); err != nil {
			return err
		}
		return to.Herder.PutTasks(ctx, name, configs)
	default:
		return fmt.Errorf("%s %s leads nowhere", method, url)
	}
}

// ask has a worker do something, or those that it names, in at most two hops.
func (g *workers) ask(h *herder.Herder, what func(*herder.Herder) error) error {
	for hops := 0; ; hops++ {
		err := what(h)
		var e *herder.Error
		if hops == 2 || !errors.As(err, &e) || e.Code != herder.Elsewhere {
			return err
		}
		h = g.worker(e.URL).Herder
	}
}

// must is ask for what has to work.
func (g *workers) must(h *herder.Herder, what func(*herder.Herder) error) {
	g.t.Helper()
	if err := g.ask(h, what); err != nil {
		g.t.Fatal(err)
	}
}

// create makes a connector that notes what is done to it.
func (g *workers) create(h *herder.Herder, name string, tasks int) {
	g.t.Helper()
	g.control(name, tasks)
	g.must(h, func(h *herder.Herder) error {
		_, err := h.Create(g.t.Context(), name, g.config(name), "")
		return err
	})
}

func (g *workers) config(name string) map[string]string {
	return map[string]string{
		"connector.class": "ProbeSource", "tasks.max": "8",
		"notes": filepath.Join(g.dir, name+".notes"), "control": filepath.Join(g.dir, name+".control"),
	}
}

// control tells a connector how many tasks it has.
func (g *workers) control(name string, tasks int) {
	g.t.Helper()
	g.answer(name, strconv.Itoa(tasks))
}

// answer tells a connector how to answer when it is asked for its task configurations.
func (g *workers) answer(name, text string) {
	g.t.Helper()
	path := filepath.Join(g.dir, name+".control")
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		g.t.Fatal(err)
	}
}

// starts are the starts and stops of a connector and its tasks so far.
func (g *workers) starts(names ...string) (all []string) {
	for _, name := range names {
		text, _ := os.ReadFile(filepath.Join(g.dir, name+".notes"))
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "divide") {
				all = append(all, name+": "+line)
			}
		}
	}
	return all
}

// noted counts the starts or stops of one kind.
func (g *workers) noted(name, line string) int {
	return len(slices.DeleteFunc(g.starts(name), func(l string) bool { return l != name+": "+line }))
}

// states are what a worker tells of a connector: the state of the connector and those of its tasks.
func (g *workers) states(h *herder.Herder, name string) string {
	s, err := h.Status(g.t.Context(), name)
	if err != nil {
		return err.Error()
	}
	text := s.Connector.State
	for _, t := range s.Tasks {
		text += " " + t.State
	}
	return text
}

// owners are the workers that run a part of a connector, sorted.
func (g *workers) owners(h *herder.Herder, name string) string {
	s, err := h.Status(g.t.Context(), name)
	if err != nil {
		return err.Error()
	}
	all := map[string]bool{strings.TrimSuffix(s.Connector.WorkerID, ":8083"): true}
	for _, t := range s.Tasks {
		all[strings.TrimSuffix(t.WorkerID, ":8083")] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(all)), " ")
}

// await waits until something is as it should be.
func await[T comparable](t *testing.T, what string, want T, get func() T) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(time.Minute)
	for {
		got := get()
		if got == want {
			return
		}
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("%s: %v after a minute, want %v", what, got, want)
		}
	}
}

func (g *workers) awaitStates(h *herder.Herder, name, want string) {
	g.t.Helper()
	await(g.t, "states of "+name, want, func() string { return g.states(h, name) })
}

func changeDisturbsNoOther(t *testing.T, g *workers) {
	a, b := g.join("a"), g.join("b")
	names := []string{"one", "two", "three"}
	for _, name := range names {
		g.create(b, name, 2) // whoever is asked
	}
	for _, h := range []*herder.Herder{a, b} {
		for _, name := range names {
			g.awaitStates(h, name, "RUNNING RUNNING RUNNING")
		}
	}
	all := map[string]bool{}
	for _, name := range names {
		for owner := range strings.FieldsSeq(g.owners(a, name)) {
			all[owner] = true
		}
	}
	if len(all) != 2 {
		t.Errorf("only %v run something", all)
	}
	before, started := g.starts("two", "three"), g.noted("one", "start 1")

	g.must(b, func(h *herder.Herder) error {
		config := g.config("one")
		config["topic"] = "elsewhere"
		_, _, err := h.PutConfig(t.Context(), "one", config)
		return err
	})
	await(t, "another start of a task", true, func() bool { return g.noted("one", "start 1") > started })
	g.control("one", 5)
	g.awaitStates(a, "one", "RUNNING RUNNING RUNNING RUNNING RUNNING RUNNING")
	g.create(a, "four", 3)
	g.awaitStates(b, "four", "RUNNING RUNNING RUNNING RUNNING")
	g.must(a, func(h *herder.Herder) error { return h.Pause(t.Context(), "four") })
	g.awaitStates(b, "four", "PAUSED PAUSED PAUSED PAUSED")
	g.must(b, func(h *herder.Herder) error { return h.Stop(t.Context(), "four") })
	g.awaitStates(a, "four", "STOPPED")
	g.must(b, func(h *herder.Herder) error { return h.Delete(t.Context(), "one") })
	await(t, "an end", "Connector one not found", func() string { return g.states(a, "one") })
	g.create(b, "one", 1)
	for _, h := range []*herder.Herder{a, b} {
		g.awaitStates(h, "one", "RUNNING RUNNING")
	}
	if after := g.starts("two", "three"); !slices.Equal(after, before) {
		t.Errorf("others were disturbed:\n%q\nbefore:\n%q", after, before)
	}
}

func cleanStopHandsOver(t *testing.T, g *workers) {
	a := g.join("a")
	g.create(a, "one", 4)
	g.awaitStates(a, "one", "RUNNING RUNNING RUNNING RUNNING RUNNING")
	b := g.join("b")
	await(t, "owners", "a b", func() string { return g.owners(b, "one") })
	g.awaitStates(b, "one", "RUNNING RUNNING RUNNING RUNNING RUNNING")
	g.worker("http://a:8083/").Stop() // the leader
	await(t, "owners", "b", func() string { return g.owners(b, "one") })
	g.awaitStates(b, "one", "RUNNING RUNNING RUNNING RUNNING RUNNING")
	g.must(b, func(h *herder.Herder) error { return h.RestartTask(t.Context(), "one", 3) })
	if err := a.Pause(t.Context(), "one"); err == nil || err.(*herder.Error).Code != herder.Unavailable {
		t.Errorf("a worker that has stopped answers %v", err)
	}
}

func workerIsCutOff(t *testing.T, g *workers) {
	short := func(m *herdertest.Member) { m.Session = 6 * time.Second }
	a := g.join("a", short)
	b := g.join("b", short)
	g.create(a, "one", 4)
	await(t, "owners", "a b", func() string { return g.owners(a, "one") })
	g.awaitStates(a, "one", "RUNNING RUNNING RUNNING RUNNING RUNNING")
	g.worker("http://b:8083/").Cut()
	await(t, "owners", "a", func() string { return g.owners(a, "one") })
	g.awaitStates(a, "one", "RUNNING RUNNING RUNNING RUNNING RUNNING")
	await(t, "tasks of a worker that is out of the group", 0, func() int { return len(b.Stats()) })
	g.worker("http://b:8083/").Mend()
	await(t, "owners", "a b", func() string { return g.owners(a, "one") })
	g.awaitStates(b, "one", "RUNNING RUNNING RUNNING RUNNING RUNNING")
}

func deadWorkersWorkWaits(t *testing.T, g *workers) {
	patient := func(m *herdertest.Member) { m.MaxDelay = time.Hour }
	a := g.join("a", patient)
	g.create(a, "one", 2)
	g.join("b", patient)
	g.create(a, "two", 2)
	for _, name := range []string{"one", "two"} {
		g.awaitStates(a, name, "RUNNING RUNNING RUNNING")
	}
	count := func(state string) (n int) {
		for _, name := range []string{"one", "two"} {
			n += strings.Count(g.states(a, name), state)
		}
		return n
	}
	lost := 0
	for _, name := range []string{"one", "two"} {
		s, err := a.Status(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range append([]herder.TaskStatus{{StateInfo: s.Connector}}, s.Tasks...) {
			if id.WorkerID == "b:8083" {
				lost++
			}
		}
	}
	if lost == 0 {
		t.Fatal("a worker that joined was given nothing")
	}
	dead := g.worker("http://b:8083/")
	dead.Cut()
	if err := dead.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "UNASSIGNED", lost, func() int { return count("UNASSIGNED") })
	if n := count("RUNNING"); n != 6-lost {
		t.Errorf("%d run on, want %d", n, 6-lost)
	}
	dead.Mend()
	await(t, "RUNNING", 6, func() int { return count("RUNNING") })
}

func restartsFindTheOwner(t *testing.T, g *workers) {
	a, b := g.join("a"), g.join("b")
	g.create(a, "one", 3)
	await(t, "owners", "a b", func() string { return g.owners(a, "one") })
	g.awaitStates(a, "one", "RUNNING RUNNING RUNNING RUNNING")
	for _, h := range []*herder.Herder{a, b} {
		for n := range 3 {
			line := fmt.Sprint("start ", n)
			before := g.noted("one", line)
			g.must(h, func(h *herder.Herder) error { return h.RestartTask(t.Context(), "one", n) })
			await(t, line, before+1, func() int { return g.noted("one", line) })
		}
		before := g.noted("one", "start")
		g.must(h, func(h *herder.Herder) error { return h.RestartConnector(t.Context(), "one") })
		if after := g.noted("one", "start"); after != before+1 {
			t.Errorf("%d starts of the connector, want %d", after, before+1)
		}
		line := "start 2"
		before = g.noted("one", line)
		g.must(h, func(h *herder.Herder) error {
			_, err := h.Restart(t.Context(), "one", true, false)
			return err
		})
		await(t, line, before+1, func() int { return g.noted("one", line) })
		g.awaitStates(b, "one", "RUNNING RUNNING RUNNING RUNNING")
	}
	for what, err := range map[string]error{
		"task":      g.ask(b, func(h *herder.Herder) error { return h.RestartTask(t.Context(), "one", 3) }),
		"connector": g.ask(b, func(h *herder.Herder) error { return h.RestartConnector(t.Context(), "two") }),
	} {
		var e *herder.Error
		if !errors.As(err, &e) || e.Code != herder.NotFound {
			t.Errorf("a %s that does not exist: %v", what, err)
		}
	}
}

func offsetsWaitForOthers(t *testing.T, g *workers) {
	a, b := g.join("a"), g.join("b")
	for _, name := range []string{"one", "two"} { // one of them is the other worker's
		g.create(a, name, 2)
		g.awaitStates(a, name, "RUNNING RUNNING RUNNING")
		g.must(b, func(h *herder.Herder) error { return h.Stop(t.Context(), name) })
		g.must(b, func(h *herder.Herder) error {
			_, err := h.AlterOffsets(t.Context(), name, []herder.Offset{{Partition: json.RawMessage(`{"task":0}`), Offset: json.RawMessage(`{"n":7}`)}})
			return err
		})
		for worker, h := range map[string]*herder.Herder{"a": a, "b": b} {
			offsets, err := h.Offsets(t.Context(), name)
			if err != nil || len(offsets.Offsets) != 1 || string(offsets.Offsets[0].Offset) != `{"n":7}` {
				t.Errorf("%s on %s: %s, %v", name, worker, offsets, err)
			}
		}
		g.must(a, func(h *herder.Herder) error { return h.Resume(t.Context(), name) })
		g.awaitStates(b, name, "RUNNING RUNNING RUNNING")
	}
}

// The connector of a follower divides its work anew before the leader has read that it was resumed.
func leaderReadsLate(t *testing.T, g *workers) {
	a, b := g.join("a"), g.join("b")
	name := g.createOn("http://b:8083/", 1)
	g.must(b, func(h *herder.Herder) error { return h.Pause(t.Context(), name) })
	g.awaitStates(b, name, "PAUSED PAUSED")
	g.control(name, 3)
	g.worker("http://a:8083/").Slow(300 * time.Millisecond)
	if err := b.Resume(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	for _, h := range []*herder.Herder{b, a} {
		g.awaitStates(h, name, "RUNNING RUNNING RUNNING RUNNING")
	}
}

// createOn makes connectors until one of them is the worker's, and returns its name.
func (g *workers) createOn(url string, tasks int) string {
	g.t.Helper()
	w := g.worker(url)
	id := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	want := strings.TrimSpace(strings.Repeat("RUNNING ", tasks+1))
	for n := 0; ; n++ {
		name := fmt.Sprint("c", n)
		g.create(w.Herder, name, tasks)
		g.awaitStates(w.Herder, name, want)
		s, err := w.Herder.Status(g.t.Context(), name)
		if err != nil {
			g.t.Fatal(err)
		}
		if s.Connector.WorkerID == id {
			return name
		}
	}
}

// The worker that runs a connector hears of a stop and of its end at the same time: the tasks are gone, and the connector has not
// stopped.
func stopNotSeen(t *testing.T, g *workers) {
	a, b := g.join("a"), g.join("b")
	name := g.createOn("http://b:8083/", 2)
	late := g.worker("http://b:8083/")
	late.Cut()
	if err := a.Stop(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if err := a.Resume(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	late.Mend()
	for _, h := range []*herder.Herder{b, a} {
		g.awaitStates(h, name, "RUNNING RUNNING RUNNING")
	}
}

// A worker is asked for the state that the connector had when it read the config topic last.
func stateNotSeen(t *testing.T, g *workers) {
	a, b := g.join("a"), g.join("b")
	g.create(a, "one", 1)
	for _, h := range []*herder.Herder{b, a} {
		g.awaitStates(h, "one", "RUNNING RUNNING")
	}
	late := g.worker("http://b:8083/")
	late.Cut()
	if err := a.Pause(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	late.Mend()
	if err := b.Resume(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	for _, h := range []*herder.Herder{b, a} {
		g.awaitStates(h, "one", "RUNNING RUNNING")
	}
}

// A worker is told to give up tasks before it has read that they are gone: what is left of them is still its to clean up.
func endNotSeen(t *testing.T, g *workers) {
	a, b := g.join("a"), g.join("b")
	g.create(a, "one", 4)
	for _, h := range []*herder.Herder{a, b} {
		g.awaitStates(h, "one", "RUNNING RUNNING RUNNING RUNNING RUNNING")
	}
	late := g.worker("http://b:8083/")
	late.CutConfig()
	if err := a.Stop(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	// It is told with a heartbeat, one each second. When it has not been told in this time, there is nothing to find.
	told, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	for told.Err() == nil && len(b.Stats()) > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	late.Mend()
	if _, err := a.AlterOffsets(t.Context(), "one", []herder.Offset{{Partition: json.RawMessage(`{"task":0}`), Offset: json.RawMessage(`{"n":7}`)}}); err != nil {
		t.Error(err)
	}
}

func internalRequestsAreSigned(t *testing.T, g *workers) {
	type request struct {
		header http.Header
		body   string
	}
	requests := make(chan request, 1)
	g.sent = func(header http.Header, body []byte) {
		select {
		case requests <- request{header.Clone(), string(body)}:
		default: // one is enough
		}
	}
	a, b := g.join("a"), g.join("b")
	for n := 0; len(requests) == 0; n++ { // until it is the follower's connector that has tasks
		name := fmt.Sprint("c", n)
		g.create(a, name, 1)
		g.awaitStates(b, name, "RUNNING RUNNING")
	}
	r := <-requests
	forged := r.header.Clone()
	forged.Set("X-Connect-Authorization", "Zm9yZ2Vk")
	unreadable := r.header.Clone()
	unreadable.Set("X-Connect-Authorization", "%")
	for name, test := range map[string]struct {
		header http.Header
		body   string
		code   herder.Code
	}{
		"without a signature":   {http.Header{}, r.body, herder.BadRequest},
		"a signature of others": {forged, r.body, herder.Forbidden},
		"another body":          {r.header, r.body + " ", herder.Forbidden},
		"no signature at all":   {unreadable, r.body, herder.BadRequest},
	} {
		for worker, h := range map[string]*herder.Herder{"a": a, "b": b} {
			var e *herder.Error
			if err := h.Verify(test.header, []byte(test.body)); !errors.As(err, &e) || e.Code != test.code {
				t.Errorf("%s, on %s: %v, want %s", name, worker, err, test.code)
			}
		}
	}
	for worker, h := range map[string]*herder.Herder{"a": a, "b": b} {
		if err := h.Verify(r.header, []byte(r.body)); err != nil {
			t.Errorf("%s refuses a signed request: %v", worker, err)
		}
	}
}
