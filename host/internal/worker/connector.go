package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/provider"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
)

// connector runs the Connector of a plugin, which divides the work.
type connector struct {
	*runner

	mu      sync.Mutex
	current *client.Connector  // nil while none runs
	given   *provider.Resolved // the configuration that current has
}

func newConnector(w *Worker, spec ConnectorSpec) *connector {
	c := &connector{runner: newRunner(w, spec.Name, -1, maps.Clone(spec.Config), spec.Target)}
	c.attempt = c.live
	c.report = func(s Status) { w.settings.Events.Connector(spec.Name, s) }
	return c
}

// live runs the connector in one process until it is stopped, paused or fails.
func (c *connector) live(ctx context.Context, a *attempt) error {
	l, err := limits(c.config)
	if err != nil {
		return &permanentError{err}
	}
	stored, err := c.worker.sourceOffsets(c.name, c.config)
	if err != nil {
		return &permanentError{err}
	}
	defer stored.close(c.killed)
	failed := make(chan error, 1)
	running, err := client.StartConnector(ctx, a.lease.Process().Conn(), c.name, a.connector.Class(), c.config, client.ConnectorEvents{
		Reconfigure: func() { c.worker.settings.Events.Reconfigure(c.name) },
		Failed: func(e *client.AuthorError) {
			select {
			case failed <- e:
			default:
			}
		},
		ReadOffsets: func(partitions [][]byte) ([][]byte, error) {
			return stored.read(ctx, partitions)
		},
	}, l)
	if err != nil {
		return explain(a.lease, err, "Connector.Start")
	}
	c.set(running, c.resolved.Load())
	defer c.set(nil, nil)
	a.started()
	c.worker.settings.Events.Reconfigure(c.name)
	return c.watch(ctx, a, running, failed)
}

func (c *connector) watch(ctx context.Context, a *attempt, running *client.Connector, failed <-chan error) error {
	target, changed := c.desired()
	for target == TargetStarted {
		select {
		case <-changed:
			if target, changed = c.desired(); target == TargetStarted {
				// It was paused for too short a time to stop. What comes of a start is waited for all the same.
				a.started()
				c.worker.settings.Events.Reconfigure(c.name)
			}
			continue
		case <-c.stopping:
		case err := <-failed:
			_ = running.Stop(ctx, c.worker.settings.GracefulTimeout)
			return err
		case <-running.Done():
			return explain(a.lease, running.Err(), "Connector")
		}
		break
	}
	err := running.Stop(ctx, c.worker.settings.GracefulTimeout)
	var author *client.AuthorError
	if errors.As(err, &author) {
		c.log.Warn("the connector's Stop failed", "err", author.Message)
		return nil
	}
	if err != nil && c.isStopping() {
		// It hangs or is gone: nothing of it may go on.
		a.lease.Fail(isolation.CauseStall, fmt.Errorf("Connector.Stop did not return in time: %w", err))
		return nil
	}
	if err != nil {
		return explain(a.lease, err, "Connector.Stop")
	}
	return nil
}

func (c *connector) set(running *client.Connector, given *provider.Resolved) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, c.given = running, given
}

// taskConfigs asks the connector. What it made of resolved references are references again.
func (c *connector) taskConfigs(ctx context.Context, maxTasks int) ([]map[string]string, error) {
	c.mu.Lock()
	running, given := c.current, c.given
	c.mu.Unlock()
	if running == nil {
		return nil, fmt.Errorf("connector %s is not running", c.name)
	}
	configs, err := running.TaskConfigs(ctx, maxTasks)
	for i := range configs {
		configs[i] = given.Restore(configs[i])
	}
	return configs, discreet(given, err)
}
