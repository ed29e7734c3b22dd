package herder

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// Source tasks that deliver exactly once write in transactions, each under a name of its own. Before the tasks of a new
// generation run, the leader takes the names of the generation before away from whoever has them: a worker that is cut off
// may still run those tasks, and the new generation may have fewer. The config topic remembers that it is done.
//
//	tasks are stored ─▶ the first task to start asks the leader ─▶ names are taken ─▶ record in the config topic ─▶ tasks run

const (
	// claimTimeout bounds how long a new leader tries to become the only writer of the config topic; its first write tries again.
	claimTimeout = 5 * time.Second
	// fenceRetry is the time between attempts to have earlier tasks shut out, fencePatience for how long they are made before
	// the task shows the error.
	fenceRetry    = 250 * time.Millisecond
	fencePatience = 20 * time.Second
)

// exactlyOnce tells whether source tasks deliver exactly once.
func (h *Herder) exactlyOnce() bool { return h.settings.Worker.ExactlyOnceGroup != "" }

// claim makes this worker, which leads from now on, the only one that writes what only a leader writes.
func (h *Herder) claim() {
	ctx, cancel := context.WithTimeout(h.killed, claimTimeout)
	defer cancel()
	if err := h.config.Claim(ctx); err != nil {
		h.log.Error("the leader could not claim the config topic; its first write tries again", "err", err)
	}
}

// Fence has the transactions of all earlier tasks of a source connector ended, and their producers shut out, unless that is
// done for its present tasks. It is for the leader.
func (h *Herder) Fence(ctx context.Context, name string) error {
	r, unlock, err := h.changeAsLeader(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	c, err := h.connector(name)
	if err != nil {
		return err
	}
	if kind := h.kind(c.Config()); kind != TypeSource || !h.exactlyOnce() {
		return errorf(BadRequest, "Connector %s has no tasks to fence: it is a %s, and exactly.once.source.support of this worker must be enabled", name, kind)
	}
	r.act("shutting out the earlier tasks of connector %s", name)
	if err := h.fence(r, name); err != nil {
		return r.failed(err)
	}
	return nil
}

// fence is Fence for who leads, holds the name and knows what others have stored.
func (h *Herder) fence(ctx context.Context, name string) error {
	c := h.config.Snapshot().Connector(name)
	if c == nil || !c.Unfenced {
		return nil
	}
	// One task after one task needs no help: both have the same name, and the later one takes it.
	if c.FencedTasks != 1 || c.TaskCount != 1 {
		if err := h.takeNames(ctx, c); err != nil {
			return err
		}
	}
	if now := h.config.Snapshot().Connector(name); now == nil || now.TasksOffset != c.TasksOffset {
		return fmt.Errorf("connector %s has other tasks meanwhile", name)
	}
	return h.config.PutFencing(ctx, name, c.TaskCount)
}

// takeNames shuts out the producers of the tasks that the last fencing record counts.
func (h *Herder) takeNames(ctx context.Context, c *storage.Connector) error {
	if c.FencedTasks <= 0 {
		return nil
	}
	h.log.Info("shutting out earlier tasks", "connector", c.Name, "tasks", c.FencedTasks)
	return h.worker.FenceTasks(ctx, c.Name, c.Config(), c.FencedTasks)
}

// fencing is what the worker asks before a task writes in transactions.
func (h *Herder) fencing() worker.Fencing {
	return worker.Fencing{Fence: h.fenceBefore, Current: h.current}
}

// fenceBefore returns when the earlier tasks of a connector are shut out.
func (h *Herder) fenceBefore(ctx context.Context, id worker.TaskID, generation int64) error {
	ctx, cancel := context.WithTimeout(ctx, fencePatience)
	defer cancel()
	for {
		c := h.config.Snapshot().Connector(id.Connector)
		if c == nil || c.TasksOffset != generation || !c.Unfenced {
			return nil // or it is not to run at all, as current tells
		}
		err := h.askToFence(ctx, id.Connector)
		if err == nil {
			err = h.config.Sync(ctx)
		}
		if err == nil {
			continue
		}
		select {
		case <-time.After(fenceRetry):
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		}
	}
}

// askToFence has the leader fence, wherever that is.
func (h *Herder) askToFence(ctx context.Context, name string) error {
	leader, err := h.group.Leader(ctx)
	switch {
	case err != nil:
		return err
	case leader.Self:
		return h.leading(ctx, name, func() error { return h.fence(ctx, name) })
	}
	return h.ask(ctx, leader, http.MethodPut, "connectors/"+url.PathEscape(name)+"/fence", nil)
}

// current tells whether a task is this worker's to run, after what everybody has stored.
func (h *Herder) current(ctx context.Context, id worker.TaskID, generation int64) (bool, error) {
	if err := h.config.Sync(ctx); err != nil {
		return false, err
	}
	c := h.config.Snapshot().Connector(id.Connector)
	return c != nil && c.TasksOffset == generation && h.owns(group.Work{Connector: id.Connector, Task: id.Task}), nil
}
