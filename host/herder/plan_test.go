package herder

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

// wanted is all of connector c with tasks of a generation; a task number below zero is one that is refused.
func wanted(revision int64, target worker.Target, generation int64, tasks ...int) *share {
	s := &share{connector: &worker.ConnectorSpec{Name: "c", Target: target}, target: target, revision: revision, count: len(tasks)}
	for _, n := range tasks {
		t := task{spec: worker.TaskSpec{ID: worker.TaskID{Connector: "c", Task: max(n, -n-1)}, Generation: generation, Target: target}}
		if n < 0 {
			t.refusal = "X: too many"
		}
		s.tasks = append(s.tasks, t)
	}
	return s
}

// of leaves the tasks of a share that other workers have to them, and the connector too unless it is kept.
func (s *share) of(connector bool, tasks ...int) *share {
	part := *s
	if !connector {
		part.connector = nil
	}
	part.tasks = slices.DeleteFunc(slices.Clone(s.tasks), func(t task) bool { return !slices.Contains(tasks, t.spec.ID.Task) })
	return &part
}

// now is what runs after a share was carried out.
func now(s *share) running { return diff(running{}, s, restart{}).result }

// steps renders a plan in the order in which it is carried out.
func (p plan) steps() string {
	var steps []string
	say := func(format string, args ...any) { steps = append(steps, fmt.Sprintf(format, args...)) }
	for _, id := range p.stopTasks {
		say("stop %s", id)
	}
	if p.stopConnector {
		say("stop")
	}
	for _, n := range p.dropTasks {
		say("drop %d", n)
	}
	if p.yieldConnector {
		say("yield")
	}
	for _, n := range p.yieldTasks {
		say("yield %d", n)
	}
	if p.target != "" {
		say("target %s", p.target)
	}
	if p.startConnector != nil {
		say("start %s %s", p.startConnector.Name, p.startConnector.Target)
	}
	for _, t := range p.refuseTasks {
		say("refuse %s", t.spec.ID)
	}
	for _, t := range p.startTasks {
		say("start %s %s", t.ID, t.Target)
	}
	return strings.Join(steps, ", ")
}

func TestDiff(t *testing.T) {
	const started, paused, stopped = worker.TargetStarted, worker.TargetPaused, worker.TargetStopped
	tests := map[string]struct {
		now   running
		want  *share
		again restart
		steps string
	}{
		"nothing at all":      {running{}, nil, restart{}, ""},
		"as it should be":     {now(wanted(1, started, 5, 0, 1)), wanted(1, started, 5, 0, 1), restart{}, ""},
		"new connector":       {running{}, wanted(1, started, -1), restart{}, "start c STARTED"},
		"new, to be stopped":  {running{}, wanted(1, stopped, -1), restart{}, "start c STOPPED"},
		"worker starts":       {running{}, wanted(0, started, 5, 0, 1), restart{}, "start c STARTED, start c-0 STARTED, start c-1 STARTED"},
		"first tasks":         {now(wanted(1, started, -1)), wanted(1, started, 5, 0, 1), restart{}, "start c-0 STARTED, start c-1 STARTED"},
		"configuration put":   {now(wanted(1, started, 5, 0, 1)), wanted(2, started, 5, 0, 1), restart{}, "stop, start c STARTED"},
		"tasks published":     {now(wanted(1, started, 5, 0, 1)), wanted(1, started, 9, 0, 1), restart{}, "stop c-0, stop c-1, start c-0 STARTED, start c-1 STARTED"},
		"fewer tasks":         {now(wanted(1, started, 5, 0, 1)), wanted(1, started, 9, 0), restart{}, "stop c-0, stop c-1, drop 1, start c-0 STARTED"},
		"paused":              {now(wanted(1, started, 5, 0, 1)), wanted(1, paused, 5, 0, 1), restart{}, "target PAUSED"},
		"resumed":             {now(wanted(1, paused, 5, 0)), wanted(1, started, 5, 0), restart{}, "target STARTED"},
		"stopped":             {now(wanted(1, started, 5, 0, 1)), wanted(1, stopped, 9), restart{}, "stop c-0, stop c-1, stop, drop 0, drop 1, start c STOPPED"},
		"paused and put":      {now(wanted(1, started, 5, 0)), wanted(2, paused, 5, 0), restart{}, "stop, target PAUSED, start c PAUSED"},
		"paused after a stop": {now(wanted(1, stopped, 9)), wanted(1, paused, 9), restart{}, "target PAUSED"},
		"deleted":             {now(wanted(1, started, 5, 0, 1)), nil, restart{}, "stop c-0, stop c-1, stop, drop 0, drop 1"},
		"connector again":     {now(wanted(1, started, 5, 0)), wanted(1, started, 5, 0), restart{connector: true}, "stop, start c STARTED"},
		"task again":          {now(wanted(1, started, 5, 0, 1)), wanted(1, started, 5, 0, 1), restart{tasks: map[int]bool{1: true}}, "stop c-1, start c-1 STARTED"},
		"both again": {
			now(wanted(1, started, 5, 0)), wanted(1, started, 5, 0), restart{connector: true, tasks: map[int]bool{0: true}},
			"stop c-0, stop, start c STARTED, start c-0 STARTED",
		},
		"a task again that went away":  {now(wanted(1, started, 5, 0)), wanted(1, started, 5, 0), restart{tasks: map[int]bool{7: true}}, ""},
		"too many stored":              {running{}, wanted(0, started, 5, -1, -2), restart{}, "start c STARTED, refuse c-0, refuse c-1"},
		"too many, refused already":    {now(wanted(0, started, 5, -1)), wanted(0, started, 5, -1), restart{}, ""},
		"too many, running go on":      {now(wanted(1, started, 5, 0, 1)), wanted(2, started, 5, -1, -2), restart{}, "stop, start c STARTED"},
		"too many, one again":          {now(wanted(1, started, 5, 0, 1)), wanted(1, started, 5, -1, -2), restart{tasks: map[int]bool{0: true}}, "stop c-0, refuse c-0"},
		"refused ones published":       {now(wanted(1, started, 5, -1, -2)), wanted(1, started, 9, 0), restart{}, "drop 1, start c-0 STARTED"},
		"refused ones paused":          {now(wanted(1, started, 5, -1)), wanted(1, paused, 5, -1), restart{}, "target PAUSED"},
		"refused ones deleted":         {now(wanted(1, started, 5, -1)), nil, restart{}, "stop, drop 0"},
		"only tasks are ours":          {running{}, wanted(0, started, 5, 0, 1, 2).of(false, 0, 2), restart{}, "start c-0 STARTED, start c-2 STARTED"},
		"only the connector is ours":   {running{}, wanted(0, started, 5, 0, 1).of(true), restart{}, "start c STARTED"},
		"nothing is ours":              {running{}, wanted(0, started, 5, 0, 1).of(false), restart{connector: true, tasks: map[int]bool{0: true}}, ""},
		"a task goes elsewhere":        {now(wanted(1, started, 5, 0, 1)), wanted(1, started, 5, 0, 1).of(true, 0), restart{}, "stop c-1, yield 1"},
		"all goes elsewhere":           {now(wanted(1, started, 5, 0)), wanted(1, started, 5, 0).of(false), restart{}, "stop c-0, stop, yield, yield 0"},
		"it goes while there are less": {now(wanted(1, started, 5, 0, 1)), wanted(1, started, 9, 0).of(false), restart{}, "stop c-0, stop c-1, stop, drop 1, yield, yield 0"},
		"a refused one goes elsewhere": {now(wanted(1, started, 5, -1)), wanted(1, started, 5, -1).of(true), restart{}, "yield 0"},
		"put, the connector not ours":  {now(wanted(1, started, 5, 0).of(false, 0)), wanted(2, started, 5, 0).of(false, 0), restart{}, ""},
		"paused, the task not ours":    {now(wanted(1, started, 5, 0).of(true)), wanted(1, paused, 5, 0).of(true), restart{}, "target PAUSED"},
		"paused, only a task ours":     {now(wanted(1, started, 5, 0).of(false, 0)), wanted(1, paused, 5, 0).of(false, 0), restart{}, "target PAUSED"},
		"stopped, only a task ours":    {now(wanted(1, started, 5, 0).of(false, 0)), wanted(1, stopped, 9).of(false), restart{}, "stop c-0, drop 0"},
		"both come":                    {now(wanted(1, started, 5, 0, 1).of(false, 1)), wanted(1, started, 5, 0, 1), restart{}, "start c STARTED, start c-0 STARTED"},
		"nothing is left to run again": {running{}, nil, restart{connector: true, tasks: map[int]bool{0: true}}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := diff(test.now, test.want, test.again)
			if got := p.steps(); got != test.steps {
				t.Errorf("plan: %s\nwant: %s", got, test.steps)
			}
			if p.empty() != (test.steps == "") {
				t.Errorf("empty is %t for %q", p.empty(), test.steps)
			}
		})
	}
}

// fuzzedShare makes a share out of bytes: nil, or a connector with up to seven tasks in two generations, without what others have.
func fuzzedShare(shape, tasks, refused, others byte) *share {
	if shape&1 == 0 {
		return nil
	}
	targets := []worker.Target{worker.TargetStarted, worker.TargetPaused, worker.TargetStopped, worker.TargetStarted}
	target := targets[shape>>1&3]
	var numbers []int
	if target != worker.TargetStopped {
		for n := range int(tasks & 7) {
			if refused>>n&1 == 1 {
				n = -n - 1
			}
			numbers = append(numbers, n)
		}
	}
	var ours []int
	for n := range numbers {
		if others>>n&1 == 0 {
			ours = append(ours, n)
		}
	}
	return wanted(int64(shape>>3&3), target, int64(shape>>5&3), numbers...).of(others>>7 == 0, ours...)
}

// machine is a worker that only notes what runs, and that a plan never asks for something senseless.
type machine struct {
	t         *testing.T
	connector worker.Target
	tasks     map[int]worker.TaskSpec
	refused   map[int]bool
	touched   map[int]bool
}

func (m *machine) run(p plan) {
	for _, id := range p.stopTasks {
		if _, ok := m.tasks[id.Task]; !ok {
			m.t.Errorf("task %s is stopped and does not run", id)
		}
		delete(m.tasks, id.Task)
		m.touched[id.Task] = true
	}
	if p.stopConnector {
		if m.connector == "" {
			m.t.Error("the connector is stopped and does not run")
		}
		m.connector = ""
	}
	for _, n := range slices.Concat(p.dropTasks, p.yieldTasks) {
		delete(m.refused, n)
	}
	if p.target != "" {
		if m.connector != "" {
			m.connector = p.target
		}
		for n, t := range m.tasks {
			t.Target = p.target
			m.tasks[n] = t
		}
	}
	if p.startConnector != nil {
		if m.connector != "" {
			m.t.Error("the connector is started twice")
		}
		m.connector = p.startConnector.Target
	}
	for _, t := range p.refuseTasks {
		m.refused[t.spec.ID.Task] = true
	}
	for _, s := range p.startTasks {
		if _, ok := m.tasks[s.ID.Task]; ok {
			m.t.Errorf("task %s is started twice", s.ID)
		}
		m.tasks[s.ID.Task] = s
		delete(m.refused, s.ID.Task)
		m.touched[s.ID.Task] = true
	}
}

// FuzzDiff holds plans against what they are for: carried out, they make the worker run what it should; there is nothing
// left to do then; and what was as it should be is left alone.
func FuzzDiff(f *testing.F) {
	f.Add(byte(1), byte(3), byte(0), byte(0), byte(1), byte(3), byte(2), byte(0), byte(9), false)
	f.Add(byte(1|1<<5), byte(7), byte(5), byte(0), byte(5), byte(0), byte(0), byte(0), byte(0), true)
	f.Add(byte(3), byte(2), byte(0), byte(0), byte(0), byte(0), byte(0), byte(0), byte(1), true)
	f.Add(byte(1), byte(3), byte(0), byte(0x81), byte(1), byte(3), byte(0), byte(0x04), byte(0), false)
	f.Fuzz(func(t *testing.T, shape1, tasks1, refused1, others1, shape2, tasks2, refused2, others2, again byte, connector bool) {
		before, after := fuzzedShare(shape1, tasks1, refused1, others1), fuzzedShare(shape2, tasks2, refused2, others2)
		r := restart{connector: connector, tasks: map[int]bool{}}
		for n := range 7 {
			r.tasks[n] = again>>n&1 == 1
		}
		m := &machine{t: t, tasks: map[int]worker.TaskSpec{}, refused: map[int]bool{}, touched: map[int]bool{}}
		first := diff(running{}, before, restart{})
		m.run(first)
		ran := maps.Clone(m.tasks)
		m.touched = map[int]bool{}
		p := diff(first.result, after, r)
		m.run(p)

		if rest := diff(p.result, after, restart{}); !rest.empty() {
			t.Errorf("carried out, there is still to do: %s", rest.steps())
		}
		if after == nil {
			if m.connector != "" || len(m.tasks)+len(m.refused) > 0 {
				t.Errorf("something runs on: %+v", m)
			}
			return
		}
		target := worker.Target("")
		if after.connector != nil {
			target = after.connector.Target
		}
		if m.connector != target {
			t.Errorf("the connector is %q, want %q", m.connector, target)
		}
		var numbers []int
		for _, w := range after.tasks {
			n := w.spec.ID.Task
			numbers = append(numbers, n)
			is, runs := m.tasks[n]
			was, ran := ran[n]
			kept := ran && was.Generation == w.spec.Generation && !r.tasks[n]
			switch {
			case kept && m.touched[n]:
				t.Errorf("task %d was touched and need not be: %s", n, p.steps())
			case kept && is.Target != w.spec.Target:
				t.Errorf("task %d is %s, want %s", n, is.Target, w.spec.Target)
			case kept:
			case p.result.tasks[n].refusal != "" && (runs || !m.refused[n]):
				t.Errorf("task %d is refused and runs", n)
			case p.result.tasks[n].refusal == "" && !reflect.DeepEqual(is, w.spec):
				t.Errorf("task %d is %+v, want %+v", n, is, w.spec)
			}
		}
		all := slices.Sorted(maps.Keys(m.tasks))
		all = append(all, slices.Sorted(maps.Keys(m.refused))...)
		slices.Sort(all)
		if !slices.Equal(all, numbers) {
			t.Errorf("tasks %v run or are refused, want %v", all, numbers)
		}
	})
}
