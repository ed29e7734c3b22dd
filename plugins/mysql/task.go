package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugins/mysql/binlog"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/snapshot"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// phase is what the task does next; see the package documentation.
type phase uint8

const (
	snapshotBegin phase = iota // begin a snapshot
	streamBegin                // begin without one
	storeWait                  // until the position where either begins is stored
	snapshotRead               // deliver the rows of the snapshot
	streamWait                 // streaming.delay.ms
	streamOpen                 // open the stream
	streamRead                 // deliver changes
	idle                       // nothing is left to do
)

// task reads one server.
type task struct {
	settings *settings
	log      hclog.Logger
	context  *sdk.SourceContext
	db       *sql.DB
	server   *server
	serverID uint32 // of this client
	filter   *table.Filter
	options  change.Options
	out      output
	stream   stream
	beats    *heartbeat

	phase    phase
	until    time.Time          // of a wait; zero: not begun
	snapshot *snapshot.Snapshot // nil: none is under way
	progress *snapshot.Progress // of one that is to be resumed
	// snapshotting: the snapshot is the one that comes before all changes.
	snapshotting bool
	selection    json.RawMessage
	incremental  json.RawMessage // of the offset, while the stream is not open
	stored       atomic.Pointer[storing]

	background sync.WaitGroup
	cancel     context.CancelFunc
}

// storing is a position that must be stored before anything else is delivered.
type storing struct {
	file         string
	pos          uint64
	snapshotting bool
	next         phase // then
	done         chan struct{}
	once         sync.Once
}

// Start finds out where to go on. It talks to the server, but reads nothing of it yet.
func (t *task) Start(ctx context.Context, tc *sdk.SourceContext) error {
	s, err := parseSettings(tc.Config)
	if err != nil {
		return err
	}
	t.settings, t.context, t.log = s, tc, tc.Logger
	t.out.partition = sdk.NewPartition("server", s.prefix)
	offset, err := t.readOffset(ctx)
	if err != nil {
		return err
	}
	if err := t.connect(ctx); err != nil {
		return err
	}
	if err := t.prepare(offset); err != nil {
		return err
	}
	return t.plan(ctx, offset)
}

func (t *task) readOffset(ctx context.Context) (*position.Offset, error) {
	text, err := t.context.Offset(ctx, t.out.partition)
	if err != nil {
		return nil, fmt.Errorf("reading the stored offset of %s: %w", t.settings.prefix, err)
	}
	if text == nil {
		return nil, nil
	}
	o, err := position.ParseOffset(text)
	if err != nil {
		return nil, sdk.Fatal(fmt.Errorf("the stored offset of %s=%s cannot be read: %w; reset or alter the connector's offsets", keyPrefix, t.settings.prefix, err))
	}
	return o, nil
}

// connect opens the pool and asks the server what it is.
func (t *task) connect(ctx context.Context) error {
	var err error
	if t.db, err = openDatabase(t.settings); err != nil {
		return err
	}
	if t.server, err = readServer(ctx, t.db); err != nil {
		_, explained := connectError(t.settings, err)
		return explained
	}
	c := &check{settings: t.settings, server: t.server, given: t.context.Config, problems: &problems{texts: map[string][]string{}}}
	c.log()
	for _, v := range c.problems.values() {
		return sdk.Fatal(errors.New(v.Errors[0]))
	}
	t.serverID = t.settings.serverID
	if t.serverID == 0 {
		t.serverID = 5400 + rand.Uint32N(1001)
	}
	return nil
}

// prepare makes what records are made with.
func (t *task) prepare(offset *position.Offset) error {
	var err error
	if t.filter, err = table.NewFilter(t.settings.selection); err != nil {
		return sdk.Fatal(err)
	}
	if t.options, err = t.recordOptions(); err != nil {
		return sdk.Fatal(err)
	}
	if t.beats, err = newHeartbeat(t.options, t.settings); err != nil {
		return sdk.Fatal(err)
	}
	sources, err := newSourceFilter(t.settings)
	if err != nil {
		return sdk.Fatal(err)
	}
	if t.selection, err = json.Marshal(selectionOf(t.settings)); err != nil {
		return err
	}
	t.stream = stream{
		settings: t.settings, log: t.log, mariadb: t.server.mariadb, captures: t.captures, wanted: t.filter.Captures, sources: sources, compile: t.compile,
		catalog: table.NewCatalog(t.server.charsets, t.server.mariadb, t.captures, t.readShape), signals: t.settings.signals.table,
	}
	if t.settings.transactions {
		records, err := change.NewTransactions(t.options, t.settings.topicTransaction)
		if err != nil {
			return sdk.Fatal(err)
		}
		t.stream.transactions = &transactions{records: records, byTable: make(map[table.ID]int)}
	}
	if offset != nil {
		if err := t.stream.catalog.Load(offset.Shapes); err != nil {
			return sdk.Fatal(fmt.Errorf("%w; reset or alter the connector's offsets", err))
		}
	}
	run, cancel := context.WithCancel(context.Background())
	t.cancel = cancel
	if t.beats.actions != nil {
		t.background.Go(func() { t.beats.act(run, t.db, t.settings.heartbeatQuery, t.log) })
	}
	return nil
}

// recordOptions are what package change makes records with.
func (t *task) recordOptions() (change.Options, error) {
	s := t.settings
	keys, err := change.ParseKeyColumns(s.messageKey)
	if err != nil {
		return change.Options{}, fmt.Errorf("%s: %w", keyMessageKey, err)
	}
	o := change.Options{
		Prefix: s.prefix, Delimiter: s.topicDelimiter, Connector: t.server.connectorName(), Version: sdk.Version, Column: s.columns, KeyColumns: keys,
		FieldNames: change.Naming(s.fieldNames), SchemaNames: change.Naming(s.schemaNames),
	}
	o.Column.MariaDB = t.server.mariadb
	if s.rows {
		o.Output = change.Row
	}
	switch s.class {
	case classMySQL:
		o.Connector = "mysql"
	case classMariaDB:
		o.Connector = "mariadb"
	}
	return o, nil
}

// compile makes the records of a table. It is called from several goroutines.
func (t *task) compile(shape table.Shape) (*change.Table, error) {
	compiled, err := change.Compile(shape, t.options, t.filter)
	if err != nil {
		return nil, err
	}
	for _, warning := range compiled.Warnings {
		t.log.Warn(warning)
	}
	return compiled, nil
}

// captures tells which tables are read: the signal table, too.
func (t *task) captures(id table.ID) bool {
	return t.filter.Captures(id) || id == t.settings.signals.table && id != (table.ID{})
}

// readShape asks information_schema for a table.
func (t *task) readShape(ctx context.Context, id table.ID) (*table.Shape, error) {
	shapes, err := table.Read(ctx, t.db, id)
	if err != nil || len(shapes) == 0 {
		return nil, err
	}
	return &shapes[0], nil
}

// plan decides what to do first.
func (t *task) plan(ctx context.Context, offset *position.Offset) error {
	mode := t.settings.snapshot.mode
	if offset == nil || offset.Snapshotting && offset.Snapshot == nil {
		return t.anew(ctx)
	}
	t.take(offset)
	switch {
	case offset.Snapshotting || offset.Snapshot != nil:
		return t.resume(offset)
	case mode == snapshotAlways:
		return t.again(ctx, offset)
	case mode == snapshotInitialOnly:
		t.log.Info("the snapshot is done, and " + keySnapshotMode + "=initial_only asks for nothing more")
		t.phase = idle
		return nil
	}
	added, err := t.added(ctx, offset)
	if err != nil {
		return err
	}
	t.phase = streamOpen
	if len(added) > 0 {
		t.log.Info("reading tables that a changed configuration captures", "tables", len(added), "first", added[0].String())
		t.progress, t.phase = snapshot.NewProgress(added), snapshotRead
	}
	return t.shapesNow(ctx, offset)
}

// again reads all tables once more, before the stream goes on from where it was: so rows that were deleted while the task was down are deleted.
func (t *task) again(ctx context.Context, offset *position.Offset) error {
	shapes, err := t.capturedShapes(ctx)
	if err != nil {
		return err
	}
	tables, err := t.snapshotTables(ctx, shapes)
	if err != nil {
		return err
	}
	t.log.Info("reading the tables again, as "+keySnapshotMode+"=always wants", "tables", len(tables))
	t.progress, t.phase = snapshot.NewProgress(tables), snapshotRead
	return t.shapesNow(ctx, offset)
}

// take goes on from an offset.
func (t *task) take(o *position.Offset) {
	t.stream.position, t.stream.timeSec, t.stream.serverID, t.stream.server = o.Position, o.TimeSec, o.ServerID, o.Server
	t.incremental = o.Incremental
}

// anew starts without an offset.
func (t *task) anew(ctx context.Context) error {
	switch t.settings.snapshot.mode {
	case snapshotNoData:
		t.phase = streamBegin
		return t.startAt(ctx, func() (position.Position, error) { return endPosition(ctx, t.db, t.server) })
	case snapshotNever:
		t.phase = streamBegin
		return t.startAt(ctx, func() (position.Position, error) { return oldest(ctx, t.db) })
	}
	t.phase, t.snapshotting = snapshotBegin, true
	return nil
}

// startAt takes a position, with the shapes that tables have there.
func (t *task) startAt(ctx context.Context, find func() (position.Position, error)) error {
	p, err := find()
	if err != nil {
		return err
	}
	t.stream.position, t.stream.server = p, t.server.identity
	return t.shapesNow(ctx, nil)
}

// shapesNow fills the catalog from information_schema where neither the log nor the offset has the shapes.
func (t *task) shapesNow(ctx context.Context, offset *position.Offset) error {
	if t.server.fullMetadata() || offset != nil && offset.Shapes != "" {
		return nil
	}
	shapes, err := t.capturedShapes(ctx)
	if err != nil {
		return err
	}
	t.stream.catalog.Add(shapes)
	return nil
}

func (t *task) capturedShapes(ctx context.Context) ([]table.Shape, error) {
	ids, err := table.List(ctx, t.db, t.filter)
	if err != nil {
		return nil, err
	}
	return table.Read(ctx, t.db, ids...)
}

// resume goes on with a snapshot that was interrupted.
func (t *task) resume(offset *position.Offset) error {
	progress, err := snapshot.ParseProgress(offset.Snapshot)
	if err != nil {
		return sdk.Fatal(fmt.Errorf("what the stored offset says of the snapshot cannot be read: %w; reset or alter the connector's offsets", err))
	}
	t.progress, t.phase, t.snapshotting = progress, snapshotRead, offset.Snapshotting
	return nil
}

// selection is what the offset says of the tables that were captured.
type selection struct {
	DatabaseInclude string `json:"database.include.list,omitempty"`
	DatabaseExclude string `json:"database.exclude.list,omitempty"`
	TableInclude    string `json:"table.include.list,omitempty"`
	TableExclude    string `json:"table.exclude.list,omitempty"`
	BuiltIn         bool   `json:"builtin,omitempty"`
}

func selectionOf(s *settings) selection {
	return selection{s.selection.DatabaseInclude, s.selection.DatabaseExclude, s.selection.TableInclude, s.selection.TableExclude, s.selection.BuiltIn}
}

// added returns the tables that are captured now and were not before the configuration was changed.
func (t *task) added(ctx context.Context, offset *position.Offset) ([]table.ID, error) {
	if offset.Selection == nil || !t.settings.snapshot.newTables || string(offset.Selection) == string(t.selection) {
		return nil, nil
	}
	var before selection
	if err := json.Unmarshal(offset.Selection, &before); err != nil {
		return nil, sdk.Fatal(fmt.Errorf("what the stored offset says of the captured tables cannot be read: %w; reset or alter the connector's offsets", err))
	}
	old, err := table.NewFilter(table.Selection{
		DatabaseInclude: before.DatabaseInclude, DatabaseExclude: before.DatabaseExclude, TableInclude: before.TableInclude, TableExclude: before.TableExclude, BuiltIn: before.BuiltIn,
	})
	if err != nil {
		return nil, sdk.Fatal(fmt.Errorf("what the stored offset says of the captured tables: %w; reset or alter the connector's offsets", err))
	}
	now, err := table.List(ctx, t.db, t.filter)
	if err != nil {
		return nil, err
	}
	var added []table.ID
	for _, id := range now {
		if !old.Captures(id) {
			added = append(added, id)
		}
	}
	return added, nil
}

// Stop ends what runs.
func (t *task) Stop(context.Context) error {
	if t.cancel != nil {
		t.cancel()
	}
	t.closeStream()
	if t.snapshot != nil {
		t.snapshot.Close()
	}
	t.background.Wait()
	if t.db == nil {
		return nil
	}
	return t.db.Close()
}

// Commit is told what is durable: what begins waits for its position.
func (t *task) Commit(_ context.Context, offsets []sdk.SourceOffset) error {
	waiting := t.stored.Load()
	if waiting == nil {
		return nil
	}
	for _, stored := range offsets {
		o, err := position.ParseOffset(stored.Offset)
		if err == nil && o.Snapshotting == waiting.snapshotting && o.File == waiting.file && o.Pos == waiting.pos {
			waiting.once.Do(func() { close(waiting.done) })
		}
	}
	return nil
}

// Poll appends what there is to deliver.
func (t *task) Poll(ctx context.Context, batch *sdk.SourceBatch) error {
	t.out.begin(batch)
	err := t.poll(ctx)
	return errors.Join(err, t.out.end(t.offset))
}

func (t *task) poll(ctx context.Context) error {
	limit, cancel := t.beats.deadline(ctx)
	defer cancel()
	for ctx.Err() == nil && t.out.batch.Len() == 0 {
		if now := time.Now(); t.beats.due(now) {
			if t.placed() {
				return t.beats.beat(&t.out, now)
			}
			t.beats.next = now.Add(t.beats.interval)
		}
		if limit.Err() != nil {
			cancel()
			limit, cancel = t.beats.deadline(ctx)
		}
		if err := t.step(ctx, limit); err != nil {
			return err
		}
	}
	return nil
}

// placed tells that there is a position to store.
func (t *task) placed() bool { return !t.stream.position.IsZero() }

// step does one thing. It waits for something to deliver until limit ends, when a heartbeat is due.
func (t *task) step(ctx, limit context.Context) error {
	switch t.phase {
	case snapshotBegin:
		return t.beginSnapshot(ctx)
	case streamBegin:
		return t.store(streamOpen)
	case storeWait:
		return t.awaitStored(limit)
	case snapshotRead:
		return t.readSnapshot(ctx, limit)
	case streamWait:
		if t.wait(limit, t.settings.snapshot.streamingDelay) {
			t.phase = streamOpen
		}
	case streamOpen:
		return t.openStream(ctx)
	case streamRead:
		return t.readStream(ctx, limit)
	case idle:
		<-limit.Done()
	}
	return nil
}

// wait waits for a time that begins with its first call; false: ctx ended first.
func (t *task) wait(ctx context.Context, d time.Duration) bool {
	if t.until.IsZero() {
		t.until = time.Now().Add(d)
	}
	timer := time.NewTimer(time.Until(t.until))
	defer timer.Stop()
	select {
	case <-timer.C:
		t.until = time.Time{}
		return true
	case <-ctx.Done():
		return false
	}
}

// offset returns where to go on behind what was appended.
func (t *task) offset() (sdk.Offset, error) {
	o := position.Offset{
		Position: t.stream.position, TimeSec: t.stream.timeSec, ServerID: t.stream.serverID, Server: t.stream.server, Snapshotting: t.snapshotting,
		Selection: t.selection,
	}
	if t.snapshot != nil {
		o.Snapshot = t.snapshot.Progress()
	} else if t.progress != nil {
		o.Snapshot = t.progress.JSON()
	}
	o.Incremental = t.incremental
	if x := t.stream.incremental; x != nil {
		o.Incremental = x.State()
	}
	if !t.server.fullMetadata() || t.stream.nameless {
		var err error
		if o.Shapes, err = t.stream.catalog.Text(); err != nil {
			return nil, err
		}
	}
	return o.JSON()
}

// readStream delivers changes, and decides what happens when there are none any more.
func (t *task) readStream(ctx, limit context.Context) error {
	err := t.stream.poll(ctx, limit, &t.out)
	if err == nil {
		if r := t.stream.incremental.Blocking(); r != nil {
			return t.beginBlocking(ctx, r)
		}
	}
	var ended *binlog.Error
	if !errors.As(err, &ended) {
		return err
	}
	t.closeStream()
	switch ended.Reason {
	case binlog.Lost:
		return t.lost(ended)
	case binlog.Denied:
		if isFatal(err) { // it says all
			return err
		}
		return sdk.Fatal(fmt.Errorf("user %s may not read the binary log: run GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the user: %w", t.settings.user, err))
	case binlog.TooLarge:
		return sdk.Fatal(fmt.Errorf("an event in the binary log behind %s is larger than the server sends; raise max_allowed_packet there: %w", t.stream.position, err))
	case binlog.PartialJSON:
		return sdk.Fatal(fmt.Errorf("the binary log behind %s: %w; set binlog_row_value_options='' on the server, and take a new snapshot", t.stream.position, err))
	case binlog.Damaged:
		return sdk.Fatal(fmt.Errorf("the binary log cannot be read behind %s: %w", t.stream.position, err))
	}
	return err
}

// lost decides what happens when the server does not have what follows the position.
func (t *task) lost(why error) error {
	action := t.settings.positionLost
	if t.settings.snapshot.mode == snapshotWhenNeeded && action == lostFail {
		action = lostSnapshot
	}
	switch action {
	case lostSnapshot:
		t.log.Error("the position in the binary log is lost; taking a new snapshot", "position", t.stream.position.String(), "err", why)
		t.phase, t.snapshotting = snapshotBegin, true
		return nil
	case lostSkipToOldest:
		t.log.Error("the position in the binary log is lost; going on with the oldest change that the server has, those in between are missing",
			"position", t.stream.position.String(), "err", why)
		limit, cancel := context.WithTimeout(context.Background(), t.settings.connectTimeout)
		defer cancel()
		if err := t.startAt(limit, func() (position.Position, error) { return oldest(limit, t.db) }); err != nil {
			return err
		}
		t.phase = streamOpen
		return nil
	}
	return sdk.Fatal(fmt.Errorf("the position in the binary log is lost: %w. Changes may be missing: take a new snapshot, with %s=snapshot or by resetting the connector's offsets; "+
		"or set %s=skip_to_oldest to go on without them. The position is %s", why, keyPositionLost, keyPositionLost, t.stream.position))
}

// serverHeartbeat is the longest that an idle server may keep to itself how far it has looked: incremental snapshots wait for it.
const serverHeartbeat = 5 * time.Second

// binlogConfig says how to read the log.
func (t *task) binlogConfig() binlog.Config {
	s := t.settings
	l := &locator{db: t.db, settings: s, sources: t.stream.sources, identity: t.stream.server}
	return binlog.Config{
		Host: s.host, Port: s.port, User: s.user, Password: s.password, ServerID: t.serverID, MariaDB: t.server.mariadb,
		// From 11.4 on MariaDB leaves out places within transactions, which can only be computed when nothing is left out.
		Annotations: s.includeQuery || t.server.atLeast(11, 4, 0), IncludeQuery: s.includeQuery && t.stream.server == "",
		Captures: t.captures, Locate: l.locate, QueueBytes: int(min(s.queueBytes, 1<<30)),
		Heartbeat: min(s.keepAlive, serverHeartbeat), Silence: 3 * s.keepAlive, WriteTimeout: s.netWriteTimeout, ReadTimeout: s.netReadTimeout, Retries: s.maxRetries, MaxWait: s.retryWait, Logger: t.log,
	}
}
