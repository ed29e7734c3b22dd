package herder

import (
	"maps"
	"slices"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

// share is what this worker is to run of one connector.
type share struct {
	// connector is nil when another worker runs it.
	connector *worker.ConnectorSpec
	target    worker.Target
	// revision rises each time the configuration is written, also with the same content.
	revision int64
	// count is the number of tasks, on whatever worker.
	count int
	// tasks are those of this worker, in the order of their numbers.
	tasks []task
}

// empty tells that other workers run all of it.
func (s *share) empty() bool { return s.connector == nil && len(s.tasks) == 0 }

// task is a task to run, or one that must not run.
type task struct {
	spec worker.TaskSpec
	// refusal is the trace of a task that must not run and is FAILED; empty otherwise.
	refusal string
}

// running is what the worker was told to run of one connector.
type running struct {
	connector bool
	revision  int64
	target    worker.Target
	tasks     map[int]task
}

// restart is what to start again although nothing has changed, and who waits for it.
type restart struct {
	connector bool
	tasks     map[int]bool
	// started is told what became of the connector, or closed when it was not started.
	started []chan<- worker.Status
	// restarted is told, when the tasks are started, why they could not be; empty when they could.
	restarted []chan<- string
}

// notStarted tells those who wait for the connector that it was not started.
func (r restart) notStarted() {
	for _, c := range r.started {
		close(c)
	}
}

// plan is what turns one running into another. Its steps are carried out in the order of the fields.
type plan struct {
	stopTasks     []worker.TaskID
	stopConnector bool
	// dropTasks are the numbers of tasks that do not exist any more.
	dropTasks []int
	// yieldConnector and yieldTasks are for other workers to run from now on.
	yieldConnector bool
	yieldTasks     []int
	// target is new for what goes on running; empty when it stays.
	target         worker.Target
	startConnector *worker.ConnectorSpec
	refuseTasks    []task
	startTasks     []worker.TaskSpec
	// result is what runs afterwards.
	result running
}

// empty tells that there is nothing to do.
func (p plan) empty() bool {
	return !p.stops() && len(p.dropTasks) == 0 && !p.yields() && p.target == "" &&
		p.startConnector == nil && len(p.refuseTasks) == 0 && len(p.startTasks) == 0
}

// stops tells that something is to be stopped.
func (p plan) stops() bool { return len(p.stopTasks) > 0 || p.stopConnector }

// yields tells that something is for other workers.
func (p plan) yields() bool { return p.yieldConnector || len(p.yieldTasks) > 0 }

// diff plans how to get from what runs to what this worker is to run; want is nil when the connector does not exist. What is as
// it should be is not touched. A task is as it should be while its generation is: a connector whose configuration has changed
// publishes its tasks anew, and until then they go on.
func diff(now running, want *share, again restart) plan {
	exists := want != nil
	if !exists {
		want = &share{}
	}
	p := plan{result: running{
		connector: want.connector != nil,
		revision:  want.revision,
		target:    want.target,
		tasks:     make(map[int]task, len(want.tasks)),
	}}

	// To stop is to start anew with that target, so that it ends what hangs and what has FAILED too.
	stops := now.target != worker.TargetStopped && want.target == worker.TargetStopped
	restartConnector := now.connector && (now.revision != want.revision || again.connector || stops)
	p.stopConnector = now.connector && (want.connector == nil || restartConnector)
	p.yieldConnector = now.connector && want.connector == nil && exists
	if !now.connector || restartConnector {
		p.startConnector = want.connector
	}

	keepsTasks := false
	for _, t := range want.tasks {
		n := t.spec.ID.Task
		before, exists := now.tasks[n]
		if exists && before.spec.Generation == t.spec.Generation && !again.tasks[n] {
			p.result.tasks[n] = before
			keepsTasks = keepsTasks || before.refusal == ""
			continue
		}
		p.result.tasks[n] = t
		if exists && before.refusal == "" {
			p.stopTasks = append(p.stopTasks, before.spec.ID)
		}
		if t.refusal != "" {
			p.refuseTasks = append(p.refuseTasks, t)
		} else {
			p.startTasks = append(p.startTasks, t.spec)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(now.tasks)) {
		if _, wanted := p.result.tasks[n]; wanted {
			continue
		}
		if n < want.count {
			p.yieldTasks = append(p.yieldTasks, n)
		} else {
			p.dropTasks = append(p.dropTasks, n)
		}
		if before := now.tasks[n]; before.refusal == "" {
			p.stopTasks = append(p.stopTasks, before.spec.ID)
		}
	}

	keepsConnector := now.connector && p.result.connector && p.startConnector == nil
	if now.target != want.target && (keepsTasks || keepsConnector) {
		p.target = want.target
	}
	return p
}
