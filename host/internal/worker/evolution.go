package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/outboard-connect/outboard/host/internal/evolution"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/tolerance"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// evolving is what a source task does about schemas that change. Nil: everything passes.
type evolving struct {
	policy evolution.Policy
	memory *evolution.Memory
	store  *storage.OffsetStore
	shelf  string
	// change is why the task delivers nothing more, nil while it does.
	change atomic.Pointer[heldError]
}

// heldError is the change at which a task stands.
type heldError struct{ change error }

func (e *heldError) Error() string { return e.change.Error() }

// shelf is the name under which the offset store keeps the schemas of a connector, beside its offsets.
func shelf(connector string) string { return "outboard.schemas/" + connector }

// place is the key of a stored schema, in the place of a source partition.
type place struct {
	Topic string        `json:"topic"`
	Use   evolution.Use `json:"use"`
	Kind  string        `json:"kind,omitempty"`
}

// newEvolving reads the policy and what the connector's tasks have learned. Evolve forgets that.
func (t *task) newEvolving(ctx context.Context) (*evolving, error) {
	policy, err := evolution.ParsePolicy(t.config)
	if err != nil {
		return nil, &permanentError{err}
	}
	e := &evolving{policy: policy, store: t.worker.settings.Offsets, shelf: shelf(t.name)}
	if _, chosen := t.config[evolution.PolicyKey]; !chosen && len(e.store.List(e.shelf)) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.worker.settings.FlushTimeout)
	defer cancel()
	if err := e.store.Sync(ctx); err != nil {
		return nil, fmt.Errorf("reading the schemas remembered for %s: %w", evolution.PolicyKey, err)
	}
	stored := e.store.List(e.shelf)
	if policy == evolution.Evolve {
		return nil, e.forget(ctx, stored)
	}
	entries := make([]evolution.Entry, len(stored))
	for i, s := range stored {
		if entries[i], err = readSchema(s); err != nil {
			return nil, &permanentError{fmt.Errorf("reading the schemas remembered for %s: %w; start once with %s=%s to forget them",
				evolution.PolicyKey, err, evolution.PolicyKey, evolution.Evolve)}
		}
	}
	e.memory = evolution.NewMemory(entries)
	return e, nil
}

// forget deletes what is stored.
func (e *evolving) forget(ctx context.Context, stored []storage.PartitionOffset) error {
	for i := range stored {
		stored[i].Offset = nil
	}
	if err := e.store.Put(ctx, e.shelf, stored); err != nil {
		return fmt.Errorf("forgetting the schemas remembered for %s: %w", evolution.PolicyKey, err)
	}
	return nil
}

// check is the failure of a record whose schema breaks with the one remembered.
func (e *evolving) check(rec *data.SourceRecord) *recordFailure {
	if e == nil {
		return nil
	}
	if err := e.memory.Check(rec.Topic, rec.Key, rec.Value); err != nil {
		return &recordFailure{tolerance.SchemaEvolution, evolution.PolicyKey, err}
	}
	return nil
}

// stops returns the error with which such a record ends the batch, nil when it goes to the dead letter queue.
func (e *evolving) stops(failed *recordFailure) error {
	if failed.stage != tolerance.SchemaEvolution {
		return nil
	}
	var change *evolution.Change
	errors.As(failed.err, &change)
	what := "the task fails (%s=fail). Nothing is lost: mend the records with a transformation, or set %s=evolve to let the change pass, and restart the task"
	switch e.policy {
	case evolution.Letters:
		return nil
	case evolution.Hold:
		what = "the task holds (%s=hold). Nothing is lost: mend the records with a transformation, or set %s=evolve to let the change pass; it goes on by itself then"
	}
	err := fmt.Errorf("%w; "+what, change, evolution.PolicyKey, evolution.PolicyKey)
	for _, d := range change.More() {
		err = fmt.Errorf("%w\n%s", err, d)
	}
	if e.policy == evolution.Hold {
		return &heldError{err}
	}
	return &permanentError{err}
}

// held is why the task delivers nothing more, nil while it does.
func (e *evolving) held() *heldError {
	if e == nil {
		return nil
	}
	return e.change.Load()
}

// hold ends the delivery when err is a change at which the task is to stand, or a stop that left something undecided, and returns
// every other error. The plugin lives on, the batch at which the task stands stays open, those that follow are not looked at: all of
// them come again with the next attempt.
func (r *sourceRun) hold(err error) error {
	if errors.Is(err, errInterrupted) {
		r.interrupted = true
		return nil
	}
	var held *heldError
	if !errors.As(err, &held) {
		return err
	}
	r.evolving.change.Store(held)
	r.log.Error("the task holds; it goes on when its configuration is changed", "err", firstLine(held))
	r.tell()
	return nil
}

// gaveUp tells that the task stands at a record that it has not decided about: what comes after it does not count, and comes again.
func (r *sourceRun) gaveUp() bool { return r.interrupted || r.evolving.held() != nil }

// tell reports the state: RUNNING, PAUSED, or PAUSED with the reason why the task holds.
func (r *sourceRun) tell() {
	r.telling.Lock()
	defer r.telling.Unlock()
	target, _ := r.desired()
	held := r.evolving.held()
	r.credit.pause(target == TargetPaused || held != nil)
	if held == nil {
		r.current.started()
		return
	}
	trace := r.resolved.Load().Hide(javaTrace(held, "worker.task("+r.spec.ID.String()+")", time.Time{}, 0))
	r.report(Status{State: Paused, Trace: trace, Version: r.current.connector.Version.String()})
}

// save stores what was learned. It comes before the offsets of the records that taught it.
func (e *evolving) save(ctx context.Context, connector string) error {
	if e == nil {
		return nil
	}
	learned := e.memory.Take()
	if len(learned) == 0 {
		return nil
	}
	entries := make([]storage.PartitionOffset, len(learned))
	for i, l := range learned {
		key, err := json.Marshal(place{l.Topic, l.Use, l.Kind})
		if err != nil {
			return fmt.Errorf("writing the schema of topic %s: %w", l.Topic, err)
		}
		schema, err := protojson.Marshal(wire.SchemaToProto(l.Schema, 0))
		if err != nil {
			return fmt.Errorf("writing the schema of topic %s: %w", l.Topic, err)
		}
		entries[i] = storage.PartitionOffset{Partition: key, Offset: schema}
	}
	if err := e.store.Put(ctx, e.shelf, entries); err != nil {
		e.memory.GiveBack(learned)
		return fmt.Errorf("storing the schemas of connector %s: %w", connector, err)
	}
	return nil
}

func readSchema(s storage.PartitionOffset) (evolution.Entry, error) {
	var p place
	if err := json.Unmarshal(s.Partition, &p); err != nil {
		return evolution.Entry{}, fmt.Errorf("%s: %w", s.Partition, err)
	}
	var m connectv1.Schema
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(s.Offset, &m); err != nil {
		return evolution.Entry{}, fmt.Errorf("the schema of %s: %w", s.Partition, err)
	}
	schema, err := wire.SchemaFromProto(&m)
	if err != nil {
		return evolution.Entry{}, fmt.Errorf("the schema of %s: %w", s.Partition, err)
	}
	return evolution.Entry{Topic: p.Topic, Use: p.Use, Kind: p.Kind, Schema: schema}, nil
}
