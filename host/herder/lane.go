package herder

import (
	"context"
	"time"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// lane is one connector's way from what the config store says to what the worker runs. The loop owns it; at any time at
// most one job works for it off the loop, so that calls of the worker for one connector do not overlap and those for
// others do not wait.
type lane struct {
	name     string
	running  running
	revision int64
	// busy: a job is under way. It changes nothing here: it posts its result. carrying: it carries out a plan.
	busy, carrying bool
	// interrupt ends a job that waits for the connector, at the connector's cost; nil when there is none.
	interrupt context.CancelFunc
	// removed: the connector was deleted, and what is stored now, if anything, is another one of the same name.
	removed bool
	// again is what to start again although nothing has changed.
	again restart
	// settled are closed when there is nothing left to do, stopped when there is nothing left to stop.
	settled, stopped []chan<- struct{}

	// reconfigure: the connector is to be asked for its task configurations.
	reconfigure bool
	// made is what the connector that runs made of itself last; nil before that. rewritten: what is stored may be something else.
	made      []map[string]string
	rewritten bool
	// delay is the pause before the next attempt after a failed one; 0 when the last one succeeded.
	delay time.Duration
	// wait ends the pause; nil when there is none.
	wait *time.Timer
	// failed: it made no task configurations, and is shown as FAILED because of that.
	failed bool
}

// lane returns the lane of a connector. It runs on the loop.
func (h *Herder) lane(name string) *lane {
	l := h.lanes[name]
	if l == nil {
		l = &lane{name: name}
		h.lanes[name] = l
	}
	return l
}

// changed takes in a change of the config store. It runs on the loop.
func (h *Herder) changed(c storage.Change) {
	switch c.Kind {
	case storage.ConnectorChanged:
		h.lane(c.Connector).revision++
	case storage.ConnectorRemoved:
		l := h.lane(c.Connector)
		l.removed = true
		h.statuses.forget(c.Connector)
	case storage.TasksChanged:
		h.lane(c.Connector).rewritten = true
	case storage.TargetChanged:
		// One that is stopped and resumed at a stroke does not stop, but its tasks are gone; one that stops asks when it starts.
		l := h.lane(c.Connector)
		l.reconfigure = l.reconfigure || l.running.connector
	case storage.RestartRequested:
		h.restartRequested(c.Connector, c.Restart)
		return
	case storage.LoggerLevelChanged:
		h.loggerChanged(c.Logger, c.Level)
		return
	case storage.SessionKeyChanged:
		h.renewSessionKey()
		return
	default:
		return
	}
	h.log.Info(c.Kind.String(), "connector", c.Connector)
	h.group.WorkChanged()
	h.step(h.lane(c.Connector))
}

// step starts the next job of a lane, if there is something to do and none is under way. It runs on the loop.
func (h *Herder) step(l *lane) {
	mine, _ := h.assignment()
	stored := h.config.Snapshot().Connector(l.name)
	var want *share
	if !l.removed {
		want = shareOf(stored, l.revision, mine)
	}
	p := diff(l.running, want, l.again)
	switch {
	case l.busy:
		// Who waits for what is to stop may be whom the job waits for: the leader, while work is divided.
		waited := len(l.stopped) > 0 && p.stops()
		if l.interrupt != nil && (l.removed || waited || p.stopConnector || p.target != "" || p.yields()) {
			l.interrupt()
		}
	case l.removed || !p.empty():
		h.carryOut(l, p)
	default:
		l.dismiss(gone)
		if want == nil || want.empty() {
			l.endPause()
			delete(h.lanes, l.name)
		} else if want.connector != nil && want.target == worker.TargetStarted && h.closing.Err() == nil {
			l.compare(stored)
			if l.reconfigure && l.wait == nil {
				h.reconfigure(l, *want.connector)
			}
		}
		if !l.busy {
			closeAll(&l.settled)
		}
	}
	if !l.carrying && !p.stops() {
		closeAll(&l.stopped)
	}
}

// compare has the connector asked again when what is stored of its tasks is not what it made: a worker that ran it before, or led,
// was late with what it had to store.
func (l *lane) compare(stored *storage.Connector) {
	if l.rewritten && l.made != nil && !sameTasks(stored, l.made) {
		l.reconfigure = true
	}
	l.rewritten = false
}

func closeAll(waiting *[]chan<- struct{}) {
	for _, c := range *waiting {
		close(c)
	}
	*waiting = nil
}

// gone is why something that was deleted or moved meanwhile cannot be restarted.
const gone = "It does not exist any more, or another worker runs it now"

// dismiss drops a restart that there is nothing left to do for.
func (l *lane) dismiss(why string) {
	for _, c := range l.again.restarted {
		c <- why
	}
	l.again.notStarted()
	l.again = restart{}
}

// carryOut brings the worker to what a plan says, off the loop.
func (h *Herder) carryOut(l *lane, p plan) {
	name, removed, again := l.name, l.removed, l.again
	ran := l.running.connector
	l.busy, l.carrying, l.removed, l.again = true, true, false, restart{}
	limit := h.stopLimit.context()
	h.job(func() func() {
		if len(p.stopTasks) > 0 {
			h.worker.StopTasks(limit, p.stopTasks...)
		}
		if p.stopConnector {
			h.worker.StopConnector(limit, name)
		}
		if p.stopConnector || p.target != "" {
			// Here nothing is reported of the connector as it was, and nothing yet of the connector as it will be.
			h.loop.post(l.settle)
			h.statuses.abandon(name)
		}
		if removed && ran { // otherwise they are those of the worker that ran the connector, or the leader's to clean up
			h.statuses.remove(name)
		}
		for _, n := range p.dropTasks {
			h.statuses.removeTask(worker.TaskID{Connector: name, Task: n})
		}
		if p.yieldConnector {
			h.statuses.yieldConnector(name)
		}
		for _, n := range p.yieldTasks {
			h.statuses.yieldTask(worker.TaskID{Connector: name, Task: n})
		}
		if p.target != "" {
			h.worker.SetTarget(name, p.target)
		}
		mine, _ := h.assignment() // what is not ours any more is not even begun; the next plan takes it out
		if p.startConnector != nil && mine.Owns(group.Work{Connector: name, Task: group.TheConnector}) {
			h.statuses.await(name, again.started)
			h.worker.StartConnector(*p.startConnector)
		} else {
			again.notStarted()
		}
		refusal := ""
		if removed {
			refusal = gone
		}
		for _, t := range p.refuseTasks {
			h.statuses.setTask(t.spec.ID, worker.Status{State: worker.Failed, Trace: t.refusal})
			refusal = firstLine(t.refusal)
		}
		for _, t := range p.startTasks {
			if mine.Owns(group.Work{Connector: name, Task: t.ID.Task}) {
				h.worker.StartTask(t)
			}
		}
		for _, c := range again.restarted {
			c <- refusal
		}
		return func() {
			l.running = p.result
			h.finish(l)
		}
	})
}

// finish ends a job of a lane. It runs on the loop.
func (h *Herder) finish(l *lane) {
	l.busy, l.carrying, l.interrupt = false, false, nil
	h.step(l)
}

// job runs work off the loop and then, on the loop, what it returns.
func (h *Herder) job(work func() func()) {
	h.jobs.Go(func() { h.loop.post(work()) })
}
