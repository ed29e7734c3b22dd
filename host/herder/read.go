package herder

import (
	"context"
	"slices"

	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// Connectors returns the names of all connectors, sorted.
func (h *Herder) Connectors(ctx context.Context) ([]string, error) {
	if err := h.ready(); err != nil {
		return nil, err
	}
	connectors := h.config.Snapshot().Connectors()
	names := make([]string, len(connectors))
	for i, c := range connectors {
		names[i] = c.Name
	}
	return names, nil
}

// Info returns a connector.
func (h *Herder) Info(ctx context.Context, name string) (ConnectorInfo, error) {
	c, err := h.connector(name)
	if err != nil {
		return ConnectorInfo{}, err
	}
	return h.info(c), nil
}

// Config returns the configuration of a connector, byte for byte as it was written (Invariant 5), with its name.
func (h *Herder) Config(ctx context.Context, name string) (map[string]string, error) {
	c, err := h.connector(name)
	if err != nil {
		return nil, err
	}
	return c.Config(), nil
}

// Tasks returns the tasks of a connector in the order of their numbers. It is never nil without an error.
func (h *Herder) Tasks(ctx context.Context, name string) ([]TaskInfo, error) {
	c, err := h.connector(name)
	if err != nil {
		return nil, err
	}
	tasks := make([]TaskInfo, c.Tasks())
	for n := range tasks {
		tasks[n] = TaskInfo{ID: TaskRef{Connector: name, Task: n}, Config: c.Task(n)}
	}
	return tasks, nil
}

// Status returns what became of a connector and its tasks. What runs nowhere yet is UNASSIGNED.
func (h *Herder) Status(ctx context.Context, name string) (ConnectorStatus, error) {
	c, err := h.connector(name)
	if err != nil {
		return ConnectorStatus{}, err
	}
	return h.status(c), nil
}

// TaskStatus returns what became of a task.
func (h *Herder) TaskStatus(ctx context.Context, name string, task int) (TaskStatus, error) {
	c, err := h.connector(name)
	if err != nil {
		return TaskStatus{}, err
	}
	status := h.status(c)
	if task < 0 || task >= len(status.Tasks) {
		return TaskStatus{}, taskNotFound(c, task)
	}
	return status.Tasks[task], nil
}

// Topics returns the topics that a connector has used since it was created or its topics were reset, sorted. A topic shows
// when its first use is stored. It is never nil without an error.
func (h *Herder) Topics(ctx context.Context, name string) ([]string, error) {
	if !h.settings.TopicTracking {
		return nil, errorf(Forbidden, "Topic tracking is disabled. Set topic.tracking.enable=true in the worker's configuration")
	}
	if _, err := h.connector(name); err != nil {
		return nil, err
	}
	return append([]string{}, slices.Clip(h.settings.Status.Topics(name))...), nil
}

// ResetTopics forgets the topics of a connector.
func (h *Herder) ResetTopics(ctx context.Context, name string) error {
	r, err := h.begin(ctx)
	if err != nil {
		return err
	}
	defer r.cancel()
	switch {
	case !h.settings.TopicTracking:
		return errorf(Forbidden, "Topic tracking is disabled. Set topic.tracking.enable=true in the worker's configuration")
	case !h.settings.TopicTrackingReset:
		return errorf(Forbidden, "Topic tracking reset is disabled. Set topic.tracking.allow.reset=true in the worker's configuration")
	}
	if _, err := h.connector(name); err != nil {
		return err
	}
	r.act("resetting the topics of connector %s", name)
	h.settings.Status.ResetTopics(name)
	if err := h.settings.Status.Flush(r); err != nil {
		return r.failed(err)
	}
	if err := h.settings.Status.Sync(r); err != nil {
		return r.failed(err)
	}
	return nil
}

// connector finds a connector in the config store.
func (h *Herder) connector(name string) (*storage.Connector, error) {
	if err := h.ready(); err != nil {
		return nil, err
	}
	c := h.config.Snapshot().Connector(name)
	if c == nil {
		return nil, errorf(NotFound, "Connector %s not found", name)
	}
	return c, nil
}

func (h *Herder) info(c *storage.Connector) ConnectorInfo {
	config := c.Config()
	info := ConnectorInfo{Name: c.Name, Config: config, Tasks: make([]TaskRef, c.Tasks()), Type: h.kind(config)}
	for n := range info.Tasks {
		info.Tasks[n] = TaskRef{Connector: c.Name, Task: n}
	}
	return info
}

func (h *Herder) status(c *storage.Connector) ConnectorStatus {
	status := ConnectorStatus{
		Name:      c.Name,
		Connector: h.statuses.connector(c.Name),
		Tasks:     make([]TaskStatus, c.Tasks()),
		Type:      h.kind(c.Config()),
	}
	for n := range status.Tasks {
		status.Tasks[n] = TaskStatus{ID: n, StateInfo: h.statuses.task(worker.TaskID{Connector: c.Name, Task: n})}
	}
	h.fillVersions(&status, c.Config())
	return status
}

// fillVersions gives what rests here the version with which it will go on: nothing has reported one.
func (h *Herder) fillVersions(status *ConnectorStatus, config map[string]string) {
	found, problem, err := h.find(config)
	if err != nil || problem != "" {
		return
	}
	version := found.Version.String()
	fill := func(s *StateInfo) {
		resting := s.State == string(worker.Stopped) || s.State == string(worker.Paused) || s.State == string(worker.Restarting)
		if s.Version == nil && resting && version != "" {
			s.Version = &version
		}
	}
	fill(&status.Connector)
	for i := range status.Tasks {
		fill(&status.Tasks[i].StateInfo)
	}
}

func taskNotFound(c *storage.Connector, task int) error {
	if c.Tasks() == 0 {
		return errorf(NotFound, "Task %s-%d not found: the connector has no tasks", c.Name, task)
	}
	return errorf(NotFound, "Task %s-%d not found: the connector has tasks 0 to %d", c.Name, task, c.Tasks()-1)
}
