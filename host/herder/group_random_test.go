package herder_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/host/herder/herdertest"
)

// The sequence of what happens depends on the seed alone; how the workers take it does not.
var (
	seed  = flag.Uint64("seed", 1, "of the random sequence of TestGroup/whatever_happens")
	steps = flag.Int("steps", 25, "number of steps of TestGroup/whatever_happens")
)

// whateverHappens has clients ask any worker for anything, one request after another, while workers come, go and are cut off.
// Then all of them run what was asked for last, once.
func whateverHappens(t *testing.T, g *workers, exactlyOnce bool) {
	r := &random{workers: g, exactlyOnce: exactlyOnce, Rand: rand.New(rand.NewPCG(*seed, 0)), want: map[string]*wanted{}}
	defer func() {
		if t.Failed() {
			t.Logf("-seed=%d -steps=%d:\n%s", *seed, *steps, strings.Join(r.history, "\n"))
		}
	}()
	r.enter()
	r.enter()
	for range *steps {
		r.step()
	}
	for _, name := range r.names() {
		r.worker(r.live[name]).Slow(0)
	}
	for limit := time.Now().Add(3 * time.Minute); r.wrong() != ""; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal(r.wrong())
		}
	}
	for name, w := range r.want {
		if w.target == herder.TargetStopped { // what has stopped is known to have stopped
			r.do("alter offsets of "+name, func(h *herder.Herder) error {
				_, err := h.AlterOffsets(t.Context(), name, []herder.Offset{{Partition: json.RawMessage(`{"task":0}`), Offset: json.RawMessage(`{"n":7}`)}})
				return err
			})
		}
	}
}

// random is a cluster to which things happen.
type random struct {
	*workers
	*rand.Rand
	exactlyOnce bool
	live        map[string]string // URLs of the workers that run, by name
	gone        []*herder.Herder
	want        map[string]*wanted
	marks       int
	history     []string
}

// wanted is a connector as clients have asked for it.
type wanted struct {
	tasks  int
	mark   string
	target herder.Target
}

func (r *random) names() []string { return slices.Sorted(maps.Keys(r.live)) }

// anybody is one of the workers that run.
func (r *random) anybody() *herdertest.Worker {
	names := r.names()
	return r.worker(r.live[names[r.IntN(len(names))]])
}

// step lets one thing happen.
func (r *random) step() {
	switch n := r.IntN(20); {
	case n == 0 && len(r.live) < 3:
		r.enter()
	case n == 1 && len(r.live) > 1:
		r.leave()
	case n == 2:
		r.slow()
	case n < 7:
		r.cut()
	default:
		r.request()
	}
}

func (r *random) enter() {
	if r.live == nil {
		r.live = map[string]string{}
	}
	for _, name := range []string{"a", "b", "c"} {
		if _, taken := r.live[name]; !taken {
			r.history = append(r.history, "join "+name)
			r.join(name, func(m *herdertest.Member) { m.Session, m.ExactlyOnce = 6*time.Second, r.exactlyOnce })
			r.live[name] = "http://" + name + ":8083/"
			return
		}
	}
}

func (r *random) leave() {
	names := r.names()
	name := names[r.IntN(len(names))]
	r.history = append(r.history, "stop "+name)
	w := r.worker(r.live[name])
	w.Stop()
	delete(r.live, name)
	r.gone = append(r.gone, w.Herder)
}

func (r *random) slow() {
	w, by := r.anybody(), time.Duration(r.IntN(3))*20*time.Millisecond
	r.history = append(r.history, fmt.Sprint("slow by ", by))
	w.Slow(by)
}

// cut takes a worker's network away while clients go on, at times for as long as its session.
func (r *random) cut() {
	w, after, expire, requests := r.anybody(), time.Duration(r.IntN(300))*time.Millisecond, r.IntN(3) == 0, 1+r.IntN(3)
	r.history = append(r.history, fmt.Sprintf("cut off for %s, expire %t, %d requests", after, expire, requests))
	if r.IntN(3) == 0 {
		w.CutConfig()
	} else {
		w.Cut()
	}
	if expire {
		if err := w.Expire(r.t.Context()); err != nil { // it may be out of the group already
			r.history = append(r.history, err.Error())
		}
	}
	mend := time.AfterFunc(after, w.Mend)
	for range requests {
		r.request()
	}
	if mend.Stop() {
		w.Mend()
	}
}

// request has a client ask for something.
func (r *random) request() {
	ctx := r.t.Context()
	name := []string{"one", "two", "three"}[r.IntN(3)]
	w := r.want[name]
	targets := []herder.Target{herder.TargetRunning, herder.TargetPaused, herder.TargetStopped}
	if w == nil {
		w = &wanted{tasks: 1 + r.IntN(4), target: targets[max(0, r.IntN(5)-2)], mark: r.mark()}
		r.want[name] = w
		r.answer(name, "max")
		r.do(fmt.Sprintf("create %s %+v", name, *w), func(h *herder.Herder) error {
			_, err := h.Create(ctx, name, r.config(name), w.target)
			return except(err, herder.AlreadyExists)
		})
		return
	}
	switch r.IntN(9) {
	case 0:
		w.tasks, w.mark = 1+r.IntN(4), r.mark()
		r.do(fmt.Sprintf("put %s %+v", name, *w), func(h *herder.Herder) error {
			_, _, err := h.PutConfig(ctx, name, r.config(name))
			return err
		})
	case 1:
		w.mark = r.mark()
		r.do(fmt.Sprintf("patch %s %+v", name, *w), func(h *herder.Herder) error {
			_, err := h.PatchConfig(ctx, name, map[string]*string{"mark": &w.mark})
			return err
		})
	case 2:
		w.target = herder.TargetPaused
		r.do("pause "+name, func(h *herder.Herder) error { return h.Pause(ctx, name) })
	case 3:
		w.target = herder.TargetStopped
		r.do("stop "+name, func(h *herder.Herder) error { return h.Stop(ctx, name) })
	case 4, 5:
		w.target = herder.TargetRunning
		r.do("resume "+name, func(h *herder.Herder) error { return h.Resume(ctx, name) })
	case 6:
		delete(r.want, name)
		r.do("delete "+name, func(h *herder.Herder) error { return except(h.Delete(ctx, name), herder.NotFound) })
	case 7:
		failed := r.IntN(2) == 0
		r.do(fmt.Sprintf("restart %s, only failed %t", name, failed), func(h *herder.Herder) error {
			_, err := h.Restart(ctx, name, true, failed)
			return err
		})
	default:
		task := r.IntN(2)
		r.do(fmt.Sprintf("restart task %s-%d", name, task), func(h *herder.Herder) error {
			return except(h.RestartTask(ctx, name, task), herder.NotFound, herder.Conflict, herder.Internal)
		})
	}
}

func (r *random) mark() string {
	r.marks++
	return fmt.Sprint("mark-", r.marks)
}

// config is the configuration that clients want.
func (r *random) config(name string) map[string]string {
	config := r.workers.config(name)
	config["tasks.max"], config["mark"] = fmt.Sprint(r.want[name].tasks), r.want[name].mark
	return config
}

// do has any worker do something, again and again while it says that it cannot now.
func (r *random) do(what string, ask func(*herder.Herder) error) {
	r.t.Helper()
	began := time.Now()
	h := r.anybody().Herder
	for {
		err := r.ask(h, ask)
		r.history = append(r.history, fmt.Sprintf("%s: %v after %s", what, err, time.Since(began).Round(time.Millisecond)))
		var e *herder.Error
		switch {
		case err == nil:
			return
		case !errors.As(err, &e) || !slices.Contains(notNow, e.Code) || time.Since(began) > time.Minute:
			r.t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// notNow are what a worker answers while work is divided, and one that stops or is cut off.
var notNow = []herder.Code{herder.Rebalance, herder.Elsewhere, herder.Unavailable, herder.Timeout}

// except is an error, unless it is one of these.
func except(err error, codes ...herder.Code) error {
	var e *herder.Error
	if errors.As(err, &e) && slices.Contains(codes, e.Code) {
		return nil
	}
	return err
}

// wrong tells what is not as clients want it, or not the same on all workers.
func (r *random) wrong() string {
	var wrong []string
	runs := map[string][]string{}
	for _, at := range r.names() {
		h := r.worker(r.live[at]).Herder
		for _, s := range h.Stats() {
			runs[s.ID.Connector] = append(runs[s.ID.Connector], fmt.Sprint(s.ID.Task))
		}
		names, err := h.Connectors(r.t.Context())
		if want := slices.Sorted(maps.Keys(r.want)); err != nil || !slices.Equal(names, want) {
			wrong = append(wrong, fmt.Sprintf("%s has connectors %q, want %q: %v", at, names, want, err))
		}
	}
	for _, h := range r.gone {
		if n := len(h.Stats()); n > 0 {
			wrong = append(wrong, fmt.Sprintf("a worker that has stopped runs %d tasks", n))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.want)) {
		wrong = append(wrong, r.wrongWith(name, runs[name])...)
		delete(runs, name)
	}
	for name := range runs {
		wrong = append(wrong, name+" does not exist and runs")
	}
	return strings.Join(wrong, "\n")
}

// wrongWith tells what is wrong with a connector, of which tasks with these numbers run.
func (r *random) wrongWith(name string, run []string) (wrong []string) {
	w := r.want[name]
	first := ""
	for _, at := range r.names() {
		h := r.worker(r.live[at]).Herder
		s, err := h.Status(r.t.Context(), name)
		if err != nil {
			return []string{fmt.Sprintf("%s of %s: %v", name, at, err)}
		}
		text, err := json.Marshal(s)
		if first == "" {
			first = string(text)
		}
		if err != nil || string(text) != first {
			wrong = append(wrong, fmt.Sprintf("%s has\n  %s, another\n  %s", at, text, first))
		}
		tasks := w.tasks
		switch w.target {
		case herder.TargetPaused: // its tasks are those of the time when it ran last
			tasks = len(s.Tasks)
		case herder.TargetStopped:
			tasks = 0
		}
		want, numbers := string(w.target), []string{}
		for n := range tasks {
			if w.target == herder.TargetPaused && tooMany(s.Tasks[n]) {
				want += " FAILED"
				continue
			}
			want += " " + string(w.target)
			numbers = append(numbers, fmt.Sprint(n))
		}
		if states := r.states(h, name); states != want {
			wrong = append(wrong, fmt.Sprintf("%s is %s on %s, want %s", name, states, at, want))
		}
		if slices.Sort(run); !slices.Equal(run, numbers) {
			wrong = append(wrong, fmt.Sprintf("tasks of %s run: %q, want %q", name, run, numbers))
		}
		config := r.config(name)
		config["name"] = name
		if stored, err := h.Config(r.t.Context(), name); err != nil || !maps.Equal(stored, config) {
			wrong = append(wrong, fmt.Sprintf("%s of %s has the configuration %v, want %v: %v", name, at, stored, config, err))
		}
	}
	if w.target == herder.TargetRunning {
		for n, last := range r.lastRuns(name, w.tasks) {
			if want := fmt.Sprintf("run %d of %d %s", n, w.tasks, w.mark); last != want {
				wrong = append(wrong, fmt.Sprintf("%s: the last start is %q, want %q", name, last, want))
			}
		}
	}
	return wrong
}

// tooMany tells whether a task is one of more than there may be: until its connector runs and is asked for others, it is refused
// when it is restarted.
func tooMany(t herder.TaskStatus) bool { return strings.Contains(t.Trace, "TooManyTasksException") }

// lastRuns are what the tasks of a connector have noted last.
func (r *random) lastRuns(name string, tasks int) []string {
	runs := make([]string, tasks)
	text, _ := os.ReadFile(filepath.Join(r.dir, name+".notes"))
	for line := range strings.Lines(string(text)) {
		var n int
		if _, err := fmt.Sscanf(line, "run %d of", &n); err == nil && n < tasks {
			runs[n] = strings.TrimSpace(line)
		}
	}
	return runs
}
