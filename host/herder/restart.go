package herder

import (
	"context"
	"maps"
	"time"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// RestartConnector starts a connector again, without its tasks, and returns when it has started: the error tells that it
// has not. It is for the worker that runs the connector; which one that is the leader knows.
func (h *Herder) RestartConnector(ctx context.Context, name string) error {
	r, err := h.begin(ctx)
	if err != nil {
		return err
	}
	defer r.cancel()
	work := group.Work{Connector: name, Task: group.TheConnector}
	if !h.owns(work) { // who runs it need not ask who leads
		if err := h.lead(r); err != nil {
			return err
		}
	}
	if _, err := h.connector(name); err != nil {
		return err
	}
	if err := h.own(r, work); err != nil {
		return err
	}
	started := make(chan worker.Status, 1)
	h.loop.post(func() {
		h.restart(name, restart{connector: true, started: []chan<- worker.Status{started}})
	})
	r.act("restarting connector %s: waiting for it to stop and to start", name)
	select {
	case s, ok := <-started:
		switch {
		case !ok:
			return errorf(Conflict, "Connector %s was changed or deleted while it restarted: look at its status", name)
		case s.State == worker.Failed:
			return errorf(Internal, "Failed to start connector: %s. %s", name, firstLine(s.Trace))
		}
		return nil
	case <-r.Done():
		return r.failed(r.Err())
	}
}

// RestartTask starts a task again. It returns when the task was stopped and told to start: whether it then works is in
// its status.
func (h *Herder) RestartTask(ctx context.Context, name string, task int) error {
	r, err := h.begin(ctx)
	if err != nil {
		return err
	}
	defer r.cancel()
	work := group.Work{Connector: name, Task: task}
	if !h.owns(work) {
		if err := h.lead(r); err != nil {
			return err
		}
	}
	c, err := h.connector(name)
	if err != nil {
		return err
	}
	if c.Target == storage.Stopped {
		return errorf(Conflict, "Connector %s is STOPPED and has no tasks: resume it, which starts it with its tasks", name)
	}
	if task < 0 || task >= c.Tasks() {
		return taskNotFound(c, task)
	}
	if err := h.own(r, work); err != nil {
		return err
	}
	restarted := make(chan string, 1)
	h.loop.post(func() {
		h.restart(name, restart{tasks: map[int]bool{task: true}, restarted: []chan<- string{restarted}})
	})
	r.act("restarting task %s-%d: waiting for it to stop", name, task)
	select {
	case problem := <-restarted:
		if problem != "" {
			return errorf(Internal, "Failed to start task: %s-%d. %s", name, task, problem)
		}
		return nil
	case <-r.Done():
		return r.failed(r.Err())
	}
}

// Restart asks every worker to start a connector, its tasks, or only what is FAILED of them again. The answer shows what
// is going to be restarted as RESTARTING.
func (h *Herder) Restart(ctx context.Context, name string, includeTasks, onlyFailed bool) (ConnectorStatus, error) {
	r, err := h.begin(ctx)
	if err != nil {
		return ConnectorStatus{}, err
	}
	defer r.cancel()
	if err := h.lead(r); err != nil {
		return ConnectorStatus{}, err
	}
	c, err := h.connector(name)
	if err != nil {
		return ConnectorStatus{}, err
	}
	status := h.status(c)
	status.show(planRestart(status, includeTasks, onlyFailed))
	r.act("writing the restart request for connector %s", name)
	if err := h.config.RequestRestart(r, name, storage.Restart{IncludeTasks: includeTasks, OnlyFailed: onlyFailed}); err != nil {
		return ConnectorStatus{}, r.failed(err)
	}
	return status, nil
}

// planRestart picks what a restart with these flags is about.
func planRestart(s ConnectorStatus, includeTasks, onlyFailed bool) restart {
	affected := func(state string) bool { return !onlyFailed || state == string(worker.Failed) }
	p := restart{connector: affected(s.Connector.State), tasks: map[int]bool{}}
	for _, t := range s.Tasks {
		if includeTasks && affected(t.State) {
			p.tasks[t.ID] = true
		}
	}
	return p
}

// show turns what is going to be restarted into RESTARTING.
func (s *ConnectorStatus) show(p restart) {
	if p.connector {
		s.Connector = StateInfo{State: string(worker.Restarting), WorkerID: s.Connector.WorkerID, Version: s.Connector.Version}
	}
	for i, t := range s.Tasks {
		if p.tasks[t.ID] {
			s.Tasks[i].StateInfo = StateInfo{State: string(worker.Restarting), WorkerID: t.WorkerID, Version: t.Version}
		}
	}
}

// restartRequested takes in a restart that some worker asked all workers for. It runs on the loop.
func (h *Herder) restartRequested(name string, r storage.Restart) {
	if c := h.config.Snapshot().Connector(name); c != nil {
		h.restart(name, planRestart(h.status(c), r.IncludeTasks, r.OnlyFailed))
	}
}

// restart adds to what a lane is to start again, as far as it still exists and runs here, and shows it as RESTARTING. It runs on the
// loop.
func (h *Herder) restart(name string, r restart) {
	mine, _ := h.assignment()
	c := h.config.Snapshot().Connector(name)
	r.connector = r.connector && c != nil && mine.Owns(group.Work{Connector: name, Task: group.TheConnector})
	maps.DeleteFunc(r.tasks, func(n int, _ bool) bool {
		return c == nil || n >= c.Tasks() || c.Target == storage.Stopped || !mine.Owns(group.Work{Connector: name, Task: n})
	})
	l := h.lane(name)
	if r.connector {
		l.again.connector = true
		h.statuses.setConnector(name, worker.Status{State: worker.Restarting})
	}
	for n := range r.tasks {
		h.statuses.setTask(worker.TaskID{Connector: name, Task: n}, worker.Status{State: worker.Restarting})
	}
	if l.again.tasks == nil {
		l.again.tasks = map[int]bool{}
	}
	maps.Copy(l.again.tasks, r.tasks)
	l.again.started = append(l.again.started, r.started...)
	l.again.restarted = append(l.again.restarted, r.restarted...)
	h.step(l)
}

// expiredPause is the pause before the next attempt to have a connector started again that has expired.
const expiredPause = 5 * time.Second

// expired starts a connector and its tasks again, because what its configuration refers to has changed.
func (h *Herder) expired(name string) {
	h.jobs.Go(func() {
		for {
			err := h.config.RequestRestart(h.closing, name, storage.Restart{IncludeTasks: true})
			if err == nil || h.closing.Err() != nil {
				return
			}
			h.log.Warn("the connector goes on with what its configuration referred to before: its restart cannot be requested; trying on", "connector", name, "err", err)
			select {
			case <-time.After(expiredPause):
			case <-h.closing.Done():
				return
			}
		}
	})
}
