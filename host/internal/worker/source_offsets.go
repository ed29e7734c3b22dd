package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/provider"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// RefusedOffsetsError is an objection to offsets: other ones may be fine. Nothing was changed.
type RefusedOffsetsError struct{ Err error }

// Error returns the objection alone.
func (e *RefusedOffsetsError) Error() string { return e.Err.Error() }

// Unwrap returns the connector's or Kafka's own error.
func (e *RefusedOffsetsError) Unwrap() error { return e.Err }

// SourceOffsets returns the stored offsets of a source connector, including those that anybody stored before the call. The
// results must not be changed.
func (w *Worker) SourceOffsets(ctx context.Context, name string, config map[string]string) ([]storage.PartitionOffset, error) {
	stored, err := w.storedOffsets(ctx, name, config)
	if err != nil {
		return nil, err
	}
	defer stored.close(ctx)
	return stored.list(), nil
}

// storedOffsets returns the offsets of a connector, read to their end, for a configuration whose references are not resolved. The
// caller closes them.
func (w *Worker) storedOffsets(ctx context.Context, name string, config map[string]string) (*sourceOffsets, error) {
	resolved, err := w.settings.Providers.Resolve(config)
	if err != nil {
		return nil, fmt.Errorf("resolving the configuration: %w", err)
	}
	stored, err := w.sourceOffsets(name, resolved.Values)
	if err != nil {
		return nil, discreet(resolved, err)
	}
	if err := stored.sync(ctx); err != nil {
		stored.close(ctx)
		return nil, err
	}
	return stored, nil
}

// AlterSourceOffsets replaces offsets of a source connector that is stopped, after the connector's own code, if it has any
// for that, has agreed; a nil offset deletes one. SourceOffsets knows them when it returns. Handled tells that the connector
// has changed what it keeps itself, too. A [RefusedOffsetsError] is the connector's objection. With ExactlyOnceGroup they are
// altered in a transaction, of which task 0 is the author; the caller has fenced the others.
func (w *Worker) AlterSourceOffsets(ctx context.Context, name string, config map[string]string, offsets []storage.PartitionOffset) (handled bool, err error) {
	stored, err := w.storedOffsets(ctx, name, config)
	if err != nil {
		return false, err
	}
	defer stored.close(ctx)
	return w.alter(ctx, stored, config, offsets)
}

func (w *Worker) alter(ctx context.Context, stored *sourceOffsets, config map[string]string, offsets []storage.PartitionOffset) (handled bool, err error) {
	name := stored.connector
	change := make([]*connectv1.SourceOffset, len(offsets))
	for i, o := range offsets {
		change[i] = &connectv1.SourceOffset{Partition: o.Partition, Offset: o.Offset}
	}
	handled, err = w.consult(ctx, name, config, func(c *client.Connector) (bool, error) { return c.AlterSourceOffsets(ctx, change) })
	if err != nil {
		return false, err
	}
	if err := w.store(ctx, stored, config, offsets); err != nil {
		return false, err
	}
	return handled, stored.sync(ctx)
}

// store writes offsets outside of any task.
func (w *Worker) store(ctx context.Context, stored *sourceOffsets, config map[string]string, offsets []storage.PartitionOffset) error {
	if len(offsets) == 0 {
		return nil
	}
	transactional := w.settings.ExactlyOnceGroup != ""
	if stored.topic == nil && !transactional {
		return w.settings.Offsets.Put(ctx, stored.connector, offsets)
	}
	resolved, err := w.settings.Providers.Resolve(config)
	if err != nil {
		return fmt.Errorf("resolving the configuration: %w", err)
	}
	id := TaskID{Connector: stored.connector}
	if !transactional {
		producer, _, err := w.producer(id, resolved.Values, stored.log)
		if err != nil {
			return discreet(resolved, err)
		}
		defer producer.Close()
		return discreet(resolved, stored.put(ctx, producer, offsets))
	}
	t, _, err := w.newTransaction(ctx, id, resolved.Values, stored, stored.log)
	if err != nil {
		return discreet(resolved, err)
	}
	defer t.producer.Close()
	if err := t.begin(); err != nil {
		return err
	}
	err = t.commit(ctx, offsets)
	if err != nil {
		err = errors.Join(err, t.abort(ctx))
	}
	return discreet(resolved, err)
}

// ResetSourceOffsets is AlterSourceOffsets with all offsets there are, to be deleted.
func (w *Worker) ResetSourceOffsets(ctx context.Context, name string, config map[string]string) (handled bool, err error) {
	stored, err := w.storedOffsets(ctx, name, config)
	if err != nil {
		return false, err
	}
	defer stored.close(ctx)
	all := stored.list()
	offsets := make([]storage.PartitionOffset, len(all))
	for i, o := range all {
		offsets[i].Partition = o.Partition
	}
	return w.alter(ctx, stored, config, offsets)
}

// consult runs the connector of a configuration for one question about its offsets. Of a plugin whose description says that
// it has nothing to say, no process is started.
func (w *Worker) consult(ctx context.Context, name string, config map[string]string, ask func(*client.Connector) (bool, error)) (handled bool, err error) {
	resolved, err := w.settings.Providers.Resolve(config)
	if err != nil {
		return false, fmt.Errorf("resolving the configuration: %w", err)
	}
	config = resolved.Values
	defer func() { err = discreet(resolved, err) }()
	stored, err := w.sourceOffsets(name, config)
	if err != nil {
		return false, err
	}
	defer stored.close(ctx)
	connector, err := w.find(config)
	if err != nil {
		return false, err
	}
	if !connector.Description.GetAltersOffsets() {
		return false, nil
	}
	l, err := limits(config)
	if err != nil {
		return false, err
	}
	key, err := processKey(config, name, -1)
	if err != nil {
		return false, err
	}
	lease, err := w.settings.Supervisor.Acquire(ctx, isolation.Request{Plugin: connector.Plugin, Key: key, Name: name})
	if err != nil {
		return false, err
	}
	defer lease.Release()
	running, err := client.StartConnector(ctx, lease.Process().Conn(), name, connector.Class(), config, client.ConnectorEvents{
		Reconfigure: func() {}, // it has no tasks, and will be asked for them when it is resumed
		Failed:      func(*client.AuthorError) {},
		ReadOffsets: func(partitions [][]byte) ([][]byte, error) { return stored.read(ctx, partitions) },
	}, l)
	if err != nil {
		return false, explain(lease, err, "Connector.Start")
	}
	if handled, err = ask(running); err != nil {
		err = explain(lease, err, "Connector.AlterOffsets")
		var author *client.AuthorError
		if errors.As(err, &author) && !author.Retriable {
			err = &RefusedOffsetsError{err}
		}
	}
	w.dismiss(ctx, name, lease, running, resolved)
	return handled, err
}

// dismiss stops a connector that was asked its question. One that does not stop in time loses its process.
func (w *Worker) dismiss(ctx context.Context, name string, lease *isolation.Lease, running *client.Connector, resolved *provider.Resolved) {
	bounded, cancel := context.WithTimeout(ctx, w.settings.GracefulTimeout)
	defer cancel()
	err := running.Stop(bounded, w.settings.GracefulTimeout)
	if err == nil {
		return
	}
	w.log.Warn("the connector's Stop failed after it was asked about its offsets", "connector", name, "err", resolved.Hide(err.Error()))
	if bounded.Err() != nil {
		lease.Fail(isolation.CauseStall, fmt.Errorf("Connector.Stop did not return in time: %w", err))
	}
}
