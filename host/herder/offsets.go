package herder

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// Offsets returns where a connector is: a source as far as it is stored, a sink as far as its consumer group has committed. In
// any state of the connector it sees what was altered before the call. The list is never nil without an error.
func (h *Herder) Offsets(ctx context.Context, name string) (Offsets, error) {
	r, err := h.begin(ctx)
	if err != nil {
		return Offsets{}, err
	}
	defer r.cancel()
	c, err := h.connector(name)
	if err != nil {
		return Offsets{}, err
	}
	config := c.Config()
	kind, err := h.kindWithOffsets(config)
	if err != nil {
		return Offsets{}, err
	}
	found := Offsets{Offsets: []Offset{}}
	if kind == TypeSink {
		r.enter("reading the offsets of the consumer group of connector %s", name)
		committed, err := h.worker.SinkOffsets(r, name, config)
		if err != nil {
			return Offsets{}, r.failed(err)
		}
		for _, o := range committed {
			found.Offsets = append(found.Offsets, sinkOffset(o))
		}
		return found, nil
	}
	r.enter("reading the stored offsets of connector %s to their end", name)
	stored, err := h.worker.SourceOffsets(r, name, config)
	if err != nil {
		return Offsets{}, r.failed(err)
	}
	for _, o := range stored {
		found.Offsets = append(found.Offsets, Offset{Partition: o.Partition, Offset: o.Offset})
	}
	return found, nil
}

// AlterOffsets replaces offsets of a connector, which must be STOPPED, after its own code has agreed; a null offset deletes
// one. Offsets that are not mentioned stay, of equal partitions the last counts. It returns what is to be told to the user
// when Offsets sees the change. Offsets that the connector or Kafka refuses are a BadRequest.
func (h *Herder) AlterOffsets(ctx context.Context, name string, offsets []Offset) (message string, err error) {
	if len(offsets) == 0 {
		return "", errorf(BadRequest, "Partitions / offsets need to be provided for an alter offsets request")
	}
	return h.alterOffsets(ctx, name, "altered", func(r *request, kind string, config map[string]string) (handled bool, err error) {
		if kind == TypeSink {
			change, err := sinkChange(offsets)
			if err != nil {
				return false, err
			}
			return h.worker.AlterSinkOffsets(r, name, config, change)
		}
		change, err := sourceChange(offsets)
		if err != nil {
			return false, err
		}
		return h.worker.AlterSourceOffsets(r, name, config, change)
	})
}

// ResetOffsets is AlterOffsets with all offsets there are, to be deleted. For a sink it deletes the consumer group.
func (h *Herder) ResetOffsets(ctx context.Context, name string) (message string, err error) {
	return h.alterOffsets(ctx, name, "reset", func(r *request, kind string, config map[string]string) (handled bool, err error) {
		if kind == TypeSink {
			return h.worker.ResetSinkOffsets(r, name, config)
		}
		return h.worker.ResetSourceOffsets(r, name, config)
	})
}

// alterOffsets changes offsets while the connector is stopped and cannot be resumed.
func (h *Herder) alterOffsets(ctx context.Context, name, participle string, change func(r *request, kind string, config map[string]string) (handled bool, err error)) (message string, err error) {
	r, unlock, err := h.changeAsLeader(ctx, name)
	if err != nil {
		return "", err
	}
	defer unlock()
	c, err := h.connector(name)
	if err != nil {
		return "", err
	}
	if c.Target != storage.Stopped || c.Tasks() > 0 {
		return "", errorf(BadRequest, "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the "+
			"specified connector by issuing a 'PUT' request to the '/connectors/%s/stop' endpoint", name)
	}
	config := c.Config()
	kind, err := h.kindWithOffsets(config)
	if err != nil {
		return "", err
	}
	r.enter("waiting for connector %s and its tasks to stop", name)
	if err := h.settled(r, name); err != nil {
		return "", r.failed(err)
	}
	if err := h.atRest(r, name); err != nil {
		return "", r.failed(err)
	}
	r.act("having the offsets of connector %s %s, by its own code first", name, participle)
	if kind == TypeSource && h.exactlyOnce() {
		if err := h.takeNames(r, c); err != nil {
			return "", r.failed(err)
		}
	}
	handled, err := change(r, kind, config)
	if err != nil {
		return "", r.failed(refusedOffsets(name, participle, err))
	}
	if handled {
		return "The offsets for this connector have been " + participle + " successfully", nil
	}
	return "The Connect framework-managed offsets for this connector have been " + participle + " successfully. However, if this connector manages " +
		"offsets externally, they will need to be manually " + participle + " in the system that the connector uses.", nil
}

// settled waits until the worker has carried out what is stored of a connector.
func (h *Herder) settled(r *request, name string) error {
	settled := make(chan struct{})
	h.loop.post(func() {
		l := h.lanes[name]
		if l == nil {
			close(settled)
			return
		}
		l.settled = append(l.settled, settled)
		h.step(l)
	})
	select {
	case <-settled:
		return nil
	case <-r.Done():
		return r.Err()
	}
}

// restInterval is how often the statuses that other workers write are looked at.
const restInterval = 20 * time.Millisecond

// atRest waits until the statuses of a connector that is to be stopped tell that it is, on whatever worker: a worker deletes the
// status of a task that is gone when it has stopped it.
func (h *Herder) atRest(r *request, name string) error {
	if err := h.settings.Status.Sync(r); err != nil { // another worker's task may have begun to run just before
		return err
	}
	tick := time.NewTicker(restInterval)
	defer tick.Stop()
	for {
		connector, ok := h.settings.Status.Connector(name)
		stopped := !ok || connector.State == storage.StateStopped || connector.State == storage.StateUnassigned || connector.State == storage.StateFailed
		if stopped && len(h.settings.Status.Tasks(name)) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-r.Done():
			return r.Err()
		}
	}
}

// kindWithOffsets is the type of a connector; that its plugin is not installed is an error: it would have to be asked.
func (h *Herder) kindWithOffsets(config map[string]string) (string, error) {
	c, problem, err := h.find(config)
	if err != nil {
		return "", err
	}
	if problem != "" {
		return "", errorf(BadRequest, "%s", problem)
	}
	return c.Type(), nil
}

// refusedOffsets sorts out whose mistake a failed change of offsets is.
func refusedOffsets(name, participle string, err error) error {
	var known *Error
	var refused *worker.RefusedOffsetsError
	var active *worker.GroupActiveError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &refused):
		return &Error{Code: BadRequest, Message: refused.Error(), Cause: err}
	case errors.As(err, &active):
		return &Error{Code: Internal, Cause: err, Message: fmt.Sprintf("Failed to have the consumer group offsets for connector %s %s, because %v. "+
			"Its tasks have not stopped completely yet, or another program consumes in this group. If the connector is in a stopped state, this operation can be safely retried. "+
			"If it doesn't eventually succeed, look for zombie sink tasks among the members of the group", name, participle, err)}
	}
	return err
}

// sourceChange checks offsets for a source, as far as they are not the connector's to check.
func sourceChange(offsets []Offset) ([]storage.PartitionOffset, error) {
	change := make([]storage.PartitionOffset, len(offsets))
	for i, o := range offsets {
		if isNull(o.Partition) {
			return nil, errorf(BadRequest, "The partition for a source connector offset cannot be null or missing")
		}
		var err error
		if change[i].Partition, err = sourcePart(o.Partition); err != nil {
			return nil, errorf(BadRequest, "The partition %s for a source connector offset: %v", o.Partition, err)
		}
		if isNull(o.Offset) {
			continue
		}
		if change[i].Offset, err = sourcePart(o.Offset); err != nil {
			return nil, errorf(BadRequest, "The source connector offset %s: %v", o.Offset, err)
		}
	}
	return change, nil
}

// sourcePart checks a partition or an offset and returns it without blanks, as connectors write them.
func sourcePart(raw json.RawMessage) ([]byte, error) {
	if err := storage.CheckOffset(raw); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := json.Compact(&text, raw); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }
