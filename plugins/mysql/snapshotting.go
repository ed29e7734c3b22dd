package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strconv"
	"time"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/snapshot"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// beginSnapshot takes the position where streaming goes on and has it stored before the first row is delivered: a row that is deleted while
// the task is down must not be delivered by a snapshot that begins anew behind the delete.
func (t *task) beginSnapshot(ctx context.Context) error {
	if !t.wait(ctx, t.settings.snapshot.delay) {
		return nil
	}
	options, err := t.snapshotOptions()
	if err != nil {
		return err
	}
	for {
		same, err := t.takeSnapshot(ctx, options)
		if ctx.Err() != nil {
			t.until = time.Now() // it has waited long enough
			return nil
		}
		if err != nil || same {
			return err
		}
		t.log.Info("a captured table was altered while the snapshot began; beginning again")
	}
}

// takeSnapshot begins a snapshot; false: tables were altered meanwhile, so that nobody knows what they looked like at its position.
func (t *task) takeSnapshot(ctx context.Context, options snapshot.Options) (bool, error) {
	shapes, err := t.capturedShapes(ctx)
	if err != nil {
		return false, err
	}
	tables, err := t.snapshotTables(ctx, shapes)
	if err != nil {
		return false, err
	}
	s, at, err := snapshot.Begin(ctx, options, tables)
	if err != nil {
		return false, err
	}
	if !t.server.fullMetadata() {
		now, err := t.capturedShapes(ctx)
		if err != nil || !reflect.DeepEqual(shapes, now) {
			s.Close()
			return false, err
		}
		t.stream.catalog.Add(shapes)
	}
	t.log.Info("the snapshot begins", "tables", len(tables), "position", at.String())
	t.snapshot, t.stream.position, t.stream.server = s, at, t.server.identity
	return true, t.store(snapshotRead)
}

// snapshotTables chooses the tables to read.
func (t *task) snapshotTables(ctx context.Context, shapes []table.Shape) ([]table.ID, error) {
	wanted, err := matcher(t.settings.snapshot.tables)
	if err != nil {
		return nil, sdk.Fatal(fmt.Errorf("%s: %w", keySnapshotTables, err))
	}
	var ids []table.ID
	for _, s := range shapes {
		if wanted == nil || wanted(s.ID.String()) {
			ids = append(ids, s.ID)
		}
	}
	return t.arrange(ctx, len(shapes), ids)
}

func (t *task) snapshotOptions() (snapshot.Options, error) {
	s := t.settings
	o := snapshot.Options{
		Server: snapshot.Server{
			Address: net.JoinHostPort(s.host, strconv.Itoa(s.port)), User: s.user, Password: s.password, MariaDB: t.server.mariadb, GTID: t.server.gtids,
			ConnectTimeout: s.connectTimeout, QueryTimeout: s.queryTimeout, Statements: s.initialStatements,
		},
		DB: t.db, Compile: t.compile, Wanted: t.wanted, Source: change.Source{File: t.stream.position.File, Pos: t.stream.position.Pos}, Marks: !s.rows,
		LockTimeout: s.snapshot.lockTimeout, Threads: s.snapshot.threads, QueueBytes: s.queueBytes, Selects: s.snapshot.selects,
		Retries: s.maxRetries, RetryWait: s.retryWait, SkipBad: s.failure != failureFail, LogBad: s.failure == failureWarn, Logger: t.log,
	}
	switch s.snapshot.locking {
	case lockExtended:
		o.Locking = snapshot.LockWhole
	case lockNone:
		o.Locking = snapshot.LockNever
	}
	if t.server.tls {
		var err error
		if o.Server.TLS, err = s.tls.config(s.host); err != nil {
			return o, err
		}
	}
	return o, nil
}

// wanted tells which columns a snapshot reads: those of values, and those of keys, which are not known by name here.
func (t *task) wanted(id table.ID, c *column.Column) bool { return t.filter.Column(id, c).Included }

// store has the position stored before the next phase begins.
func (t *task) store(next phase) error {
	at := t.stream.position
	t.stored.Store(&storing{file: at.File, pos: at.Pos, snapshotting: t.snapshotting, next: next, done: make(chan struct{})})
	t.phase = storeWait
	return t.beats.beat(&t.out, time.Now())
}

// awaitStored waits until the position is stored where the task begins.
func (t *task) awaitStored(ctx context.Context) error {
	waiting := t.stored.Load()
	select {
	case <-waiting.done:
		t.stored.Store(nil)
		t.phase = waiting.next
	case <-ctx.Done():
	}
	return nil
}

// readSnapshot delivers a block of rows, or waits for one until limit ends.
func (t *task) readSnapshot(ctx, limit context.Context) error {
	if t.snapshot == nil {
		if err := t.resumeSnapshot(ctx); err != nil || t.snapshot == nil {
			return err
		}
	}
	b, err := t.snapshot.Next(limit)
	switch {
	case limit.Err() != nil && errors.Is(err, limit.Err()):
		return nil
	case err != nil:
		return err
	case b == nil:
		return t.endSnapshot()
	}
	t.out.block(b)
	t.snapshot.Delivered(b)
	return nil
}

func (t *task) resumeSnapshot(ctx context.Context) error {
	options, err := t.snapshotOptions()
	if err != nil {
		return err
	}
	s, err := snapshot.Resume(ctx, options, t.progress)
	if ctx.Err() != nil {
		if s != nil {
			s.Close()
		}
		return nil
	}
	if err != nil {
		return err
	}
	t.log.Info("the snapshot goes on", "tables", len(t.progress.Tables()))
	t.snapshot, t.progress = s, nil
	return nil
}

// endSnapshot goes on to streaming.
func (t *task) endSnapshot() error {
	t.snapshot.Close()
	t.snapshot, t.snapshotting = nil, false
	t.log.Info("the snapshot is complete", "position", t.stream.position.String())
	t.phase = streamWait
	if t.settings.snapshot.mode == snapshotInitialOnly {
		t.phase = idle
	}
	if t.beats.interval == 0 {
		return nil
	}
	return t.beats.beat(&t.out, time.Now())
}

// openStream goes on to changes, and to the incremental snapshots that are under way.
func (t *task) openStream(ctx context.Context) error {
	o, err := t.snapshotOptions()
	if err != nil {
		return err
	}
	s := t.settings
	x, err := snapshot.NewIncremental(ctx, snapshot.IncrementalOptions{
		Options: o, ChunkRows: s.signals.chunkRows, DeleteMark: s.signals.deleteMark,
		Captured: func(ctx context.Context) ([]table.ID, error) { return table.List(ctx, t.db, t.filter) },
		Exec: func(ctx context.Context, statement string, args ...any) error {
			_, err := t.db.ExecContext(ctx, statement, args...)
			return err
		},
		SignalTable: t.markTable(),
	}, t.incremental)
	if err != nil {
		return sdk.Fatal(fmt.Errorf("what the stored offset says of incremental snapshots cannot be read: %w; reset or alter the connector's offsets", err))
	}
	if s.signals.request != "" {
		id, tables, err := splitRequest(s.signals.request)
		if err != nil {
			return sdk.Fatal(fmt.Errorf("%s: %w", keyIncrementalRequest, err))
		}
		x.Order(id, tables)
	}
	t.stream.incremental = x
	t.stream.open(t.binlogConfig())
	t.phase = streamRead
	return nil
}

// markTable is the signal table, if it may be written to.
func (t *task) markTable() table.ID {
	if t.settings.signals.readOnly {
		return table.ID{}
	}
	return t.settings.signals.table
}

// closeStream keeps what incremental snapshots have left to do.
func (t *task) closeStream() {
	t.stream.close()
	if x := t.stream.incremental; x != nil {
		t.incremental = x.State()
		x.Close()
		t.stream.incremental = nil
	}
}

// beginBlocking begins a snapshot that a signal ordered, for which the stream waits. Where the stream goes on is known already.
func (t *task) beginBlocking(ctx context.Context, r *snapshot.Request) error {
	captured, err := table.List(ctx, t.db, t.filter)
	if err != nil {
		return sdk.Retriable(err)
	}
	t.stream.incremental.BlockingDone()
	t.closeStream()
	t.progress = r.Choose(captured)
	t.log.Info("the stream waits for a snapshot", "id", r.ID, "tables", len(t.progress.Tables()))
	t.phase = snapshotRead
	return nil
}
