package herder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// The pauses between attempts to get task configurations double from the first to the second of these.
const (
	reconfigureDelayMin = 250 * time.Millisecond
	reconfigureDelayMax = time.Minute
)

// reconfigure has a connector make its task configurations and publishes them, off the loop.
func (h *Herder) reconfigure(l *lane, connector worker.ConnectorSpec) {
	ctx, cancel := context.WithCancel(h.closing)
	l.busy, l.reconfigure, l.rewritten, l.interrupt = true, false, false, cancel
	h.job(func() func() {
		defer cancel()
		made, err := h.publish(ctx, connector)
		interrupted := ctx.Err() != nil
		return func() {
			l.made = made
			h.reconfigured(l, err, interrupted)
			h.finish(l)
		}
	})
}

// reconfigured takes in how an attempt to get task configurations ended. It runs on the loop.
func (h *Herder) reconfigured(l *lane, err error, interrupted bool) {
	var refused *tooManyTasks
	switch {
	case err == nil:
		l.delay = 0
		if l.failed {
			l.failed = false
			h.statuses.revive(l.name)
		}
	case interrupted:
		l.reconfigure = true
	case errors.As(err, &refused):
		h.log.Error("the connector fails: it made too many tasks", "connector", l.name, "err", err)
		l.failed = true
		h.statuses.fail(l.name, refused.trace)
	default:
		l.reconfigure = true
		h.pause(l)
		h.log.Warn("task configurations are not up to date; they are made again after a pause", "connector", l.name, "pause", l.delay, "err", err)
		var failed *noTaskConfigs
		// A connector that does not run has a status that says so, and is asked again when it does.
		if errors.As(err, &failed) && (l.failed || h.statuses.connector(l.name).State == string(worker.Running)) {
			l.failed = true
			h.statuses.fail(l.name, trace(err, "herder.taskConfigs("+l.name+")"))
		}
	}
}

// pause keeps a lane from reconfiguring for a while, longer each time. It runs on the loop.
func (h *Herder) pause(l *lane) {
	l.delay = min(max(2*l.delay, reconfigureDelayMin), reconfigureDelayMax)
	var timer *time.Timer
	timer = time.AfterFunc(l.delay, func() {
		h.loop.post(func() {
			if l.wait == timer {
				l.wait = nil
				h.step(l)
			}
		})
	})
	l.wait = timer
}

// reconfigurationRequested takes in that a connector wants to make its task configurations. There is no pause before that. It
// runs on the loop.
func (h *Herder) reconfigurationRequested(name string) {
	l := h.lanes[name]
	if l == nil {
		return
	}
	l.reconfigure = true
	l.endPause()
	h.step(l)
}

// settle forgets requests to reconfigure and failed attempts: the connector that made them is gone. It runs on the loop.
func (l *lane) settle() {
	l.reconfigure, l.failed, l.delay, l.made = false, false, 0, nil
	l.endPause()
}

func (l *lane) endPause() {
	if l.wait != nil {
		l.wait.Stop()
		l.wait = nil
	}
}

// tooManyTasks is the refusal of a set of task configurations. Trying again does not help.
type tooManyTasks struct{ trace string }

func (e *tooManyTasks) Error() string { return firstLine(e.trace) }

// noTaskConfigs is the failure of a connector to make task configurations, as opposed to that of storing them.
type noTaskConfigs struct {
	connector string
	err       error
}

func (e *noTaskConfigs) Error() string {
	return fmt.Sprintf("connector %s made no task configurations: %v", e.connector, e.err)
}

func (e *noTaskConfigs) Unwrap() error { return e.err }

// publish asks a connector for its task configurations and has the leader store them; it returns those that it made when that is
// done. A connector that was changed meanwhile is left alone: it is asked again when it has started.
func (h *Herder) publish(ctx context.Context, connector worker.ConnectorSpec) (made []map[string]string, err error) {
	name := connector.Name
	maximum, err := tasksMax(connector.Config)
	if err != nil {
		return nil, &noTaskConfigs{name, err}
	}
	configs, err := h.worker.TaskConfigs(ctx, name, maximum)
	if err != nil {
		return nil, &noTaskConfigs{name, err}
	}
	if refusal := tooMany(connector.Config, len(configs)); refusal != "" {
		return nil, &tooManyTasks{trace: refusal}
	}
	configs = h.framed(connector.Config, configs)
	c := h.config.Snapshot().Connector(name)
	if c == nil || !maps.Equal(c.Config(), connector.Config) || upToDate(c, configs) {
		return configs, nil
	}
	if err := h.store(ctx, name, configs); err != nil {
		return nil, err
	}
	return configs, nil
}

// store has the leader store the task configurations of a connector.
func (h *Herder) store(ctx context.Context, name string, configs []map[string]string) error {
	leader, err := h.group.Leader(ctx)
	switch {
	case err != nil:
		return err
	case leader.Self:
		return h.leading(ctx, name, func() error { return h.putTasks(ctx, name, configs) })
	}
	body, err := json.Marshal(configs)
	if err != nil {
		return err
	}
	return h.ask(ctx, leader, http.MethodPost, "connectors/"+url.PathEscape(name)+"/tasks", body)
}

// PutTasks stores the task configurations that another worker's connector has made. It is for the leader.
func (h *Herder) PutTasks(ctx context.Context, name string, configs []map[string]string) error {
	r, unlock, err := h.changeAsLeader(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := h.connector(name); err != nil {
		return err
	}
	r.act("writing the task configurations of connector %s and reading them back", name)
	if err := h.putTasks(r, name, configs); err != nil {
		return r.failed(err)
	}
	return nil
}

// putTasks stores task configurations if they are others than those stored, or if the connector's configuration is another one
// than when they were stored. The caller leads, holds the name and knows what others have stored.
func (h *Herder) putTasks(ctx context.Context, name string, configs []map[string]string) error {
	c := h.config.Snapshot().Connector(name)
	if c == nil || upToDate(c, configs) {
		return nil
	}
	return h.config.PutTasks(ctx, name, configs)
}

// upToDate tells whether task configurations need not, or must not, be stored.
func upToDate(c *storage.Connector, configs []map[string]string) bool {
	return c.Target != storage.Started || !c.Inconsistent && !c.Outdated() && sameTasks(c, configs)
}

// framed returns task configurations with what the framework adds to those that the connector made.
func (h *Herder) framed(connector map[string]string, configs []map[string]string) []map[string]string {
	class := strings.TrimSpace(connector["connector.class"])
	if c, _, err := h.find(connector); err == nil {
		class = c.Class()
	}
	framed := make([]map[string]string, len(configs))
	for i, c := range configs {
		framed[i] = maps.Clone(c)
		if framed[i] == nil {
			framed[i] = map[string]string{}
		}
		framed[i]["task.class"] = strings.TrimSuffix(class, "Connector") + "Task"
		for _, key := range []string{"topics", "topics.regex"} {
			if value, ok := connector[key]; ok {
				framed[i][key] = value
			}
		}
	}
	return framed
}

// sameTasks tells whether the stored task configurations are these.
func sameTasks(c *storage.Connector, configs []map[string]string) bool {
	if c.Tasks() != len(configs) {
		return false
	}
	for n, config := range configs {
		if !maps.Equal(c.Task(n), config) {
			return false
		}
	}
	return true
}
