package storage

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
)

// readBack is how long a writer waits for its own record when its context sets no earlier end; Kafka Connect's limit.
const readBack = 30 * time.Second

// ChangeKind says what a [Change] is about.
type ChangeKind uint8

const (
	ConnectorChanged   ChangeKind = iota + 1 // the configuration of Connector was written; it may be new, or the same
	ConnectorRemoved                         // Connector was deleted, its task configurations with it
	TasksChanged                             // a set of task configurations of Connector was committed; it may be inconsistent
	TargetChanged                            // the target state of Connector is another one
	RestartRequested                         // Restart says what of Connector
	SessionKeyChanged                        // the snapshot has another session key
	LoggerLevelChanged                       // Logger has Level, on every worker
)

func (k ChangeKind) String() string {
	switch k {
	case ConnectorChanged:
		return "connector changed"
	case ConnectorRemoved:
		return "connector removed"
	case TasksChanged:
		return "tasks changed"
	case TargetChanged:
		return "target state changed"
	case RestartRequested:
		return "restart requested"
	case SessionKeyChanged:
		return "session key changed"
	case LoggerLevelChanged:
		return "logger level changed"
	}
	return "change " + strconv.Itoa(int(k))
}

// Change is one thing that became different in the config store. State belongs to the snapshot: a Change names what to
// look at there. Only the two commands, restart and logger level, carry all they have to say.
type Change struct {
	Kind          ChangeKind
	Connector     string  // for the kinds about a connector
	Restart       Restart // RestartRequested
	Logger, Level string  // LoggerLevelChanged
}

// Restart says which parts of a connector a restart is about.
type Restart struct {
	IncludeTasks bool // the tasks too, not only the Connector object
	OnlyFailed   bool // only what is FAILED
}

// SessionKey is the shared secret with which workers sign requests to each other.
type SessionKey struct {
	Key       []byte
	Algorithm string // of Java's KeyGenerator, e.g. HmacSHA256
	Created   time.Time
}

// ConfigStore keeps what a cluster is told to run: configurations, task configurations and target states of
// connectors, in the records of Kafka Connect's config topic. Its log has one partition: the order of all records
// counts.
//
// All methods may be called concurrently after Open. What is written becomes visible in Snapshot when the writer
// returns.
type ConfigStore struct {
	log    Log
	logger hclog.Logger
	// leader writes what only the leader may write; nil: the log does.
	leader *ExclusiveWriter

	mu       sync.Mutex
	names    map[string]*connectorRecords
	dirty    map[string]struct{} // names whose part of the snapshot is outdated
	snapshot *ConfigSnapshot     // the last one handed out
	offset   int64
	session  *SessionKey
	stale    bool // a record came after the last snapshot
	live     bool // the initial read is done
	onChange func(Change)
	foreign  bool // a record with an unknown key was logged
}

// NewConfigStore returns a store over a log that nobody follows yet.
func NewConfigStore(log Log, logger hclog.Logger) *ConfigStore {
	return &ConfigStore{
		log: log, logger: logger,
		names: map[string]*connectorRecords{}, dirty: map[string]struct{}{},
		snapshot: &ConfigSnapshot{Offset: -1}, offset: -1,
	}
}

// OnChange sets the function that hears of every change after the initial read, in order, from one goroutine, when the
// change is in the snapshot already. It must return soon and must not call the store's writers or Sync. It is
// called before Open. What Open itself reads is not reported: take a Snapshot when Open returned.
func (s *ConfigStore) OnChange(fn func(Change)) { s.onChange = fn }

// WriteExclusively has all that only the leader of a group may write go through w: configurations of connectors and tasks,
// deletions, fencing records and session keys. It is called before Open.
func (s *ConfigStore) WriteExclusively(w *ExclusiveWriter) { s.leader = w }

// Claim makes this store the only one that writes what only the leader may write. The leader calls it when it becomes that;
// its writes claim again what was lost to another.
func (s *ConfigStore) Claim(ctx context.Context) error {
	if s.leader == nil {
		return nil
	}
	return s.leader.Claim(ctx)
}

// Resign gives up what Claim brought. It is called when this worker leads no more, also when it never did.
func (s *ConfigStore) Resign() {
	if s.leader != nil {
		s.leader.Resign()
	}
}

// Open reads the log to its end and goes on following it.
func (s *ConfigStore) Open(ctx context.Context) error {
	if err := s.log.Follow(ctx, s.apply); err != nil {
		return fmt.Errorf("reading connector configurations: %w", err)
	}
	s.mu.Lock()
	s.live = true
	s.mu.Unlock()
	return nil
}

// Sync returns when the snapshot has everything that any worker wrote before the call.
func (s *ConfigStore) Sync(ctx context.Context) error { return s.log.Sync(ctx) }

// PutConnector creates or replaces a connector's configuration. A target, when given, is written before it: the
// connector then never runs in another state.
func (s *ConfigStore) PutConnector(ctx context.Context, name string, config map[string]string, target *TargetState) error {
	if name == "" {
		return fmt.Errorf("writing a connector's configuration: its name is empty")
	}
	value, err := encodeProperties(config)
	if err != nil {
		return fmt.Errorf("configuration of connector %q: %w", name, err)
	}
	var entries []Entry
	if target != nil {
		entries = append(entries, targetEntry(name, *target))
	}
	entries = append(entries, Entry{Key: []byte(connectorKey + name), Value: value})
	return s.lead(ctx, "the configuration of connector "+name, entries...)
}

// RemoveConnector deletes a connector with its tasks and its target state. Deleting what does not exist is no error.
func (s *ConfigStore) RemoveConnector(ctx context.Context, name string) error {
	return s.lead(ctx, "the deletion of connector "+name,
		Entry{Key: []byte(connectorKey + name)}, Entry{Key: []byte(targetKey + name)})
}

// PutTasks replaces the task configurations of a connector as a whole: readers see all of them, or none.
func (s *ConfigStore) PutTasks(ctx context.Context, name string, configs []map[string]string) error {
	entries := make([]Entry, 0, len(configs)+1)
	for i, config := range configs {
		value, err := encodeProperties(config)
		if err != nil {
			return fmt.Errorf("configuration of task %d of connector %q: %w", i, name, err)
		}
		entries = append(entries, Entry{Key: fmt.Appendf(nil, "%s%s-%d", taskKey, name, i), Value: value})
	}
	entries = append(entries, commitEntry(name, len(configs)))
	return s.lead(ctx, "the task configurations of connector "+name, entries...)
}

func commitEntry(name string, tasks int) Entry {
	return Entry{Key: []byte(commitKey + name), Value: fmt.Appendf(nil, `{"tasks":%d}`, tasks)}
}

// PutTarget sets the target state of a connector.
func (s *ConfigStore) PutTarget(ctx context.Context, name string, state TargetState) error {
	return s.write(ctx, fmt.Sprintf("target state %s of connector %s", state, name), targetEntry(name, state))
}

// PutTargetWithoutTasks sets the target state of a connector after all its task configurations are gone.
func (s *ConfigStore) PutTargetWithoutTasks(ctx context.Context, name string, state TargetState) error {
	return s.lead(ctx, fmt.Sprintf("target state %s of connector %s, without tasks", state, name), commitEntry(name, 0), targetEntry(name, state))
}

// RequestRestart asks every worker to restart what it runs of a connector.
func (s *ConfigStore) RequestRestart(ctx context.Context, name string, r Restart) error {
	return s.write(ctx, "the restart request for connector "+name, Entry{
		Key:   []byte(restartKey + name),
		Value: fmt.Appendf(nil, `{"include-tasks":%t,"only-failed":%t}`, r.IncludeTasks, r.OnlyFailed),
	})
}

// PutLoggerLevel asks every worker to set the level of a logger and those below it.
func (s *ConfigStore) PutLoggerLevel(ctx context.Context, logger, level string) error {
	return s.write(ctx, "the level of logger "+logger, Entry{
		Key: []byte(loggerKey + logger), Value: append(appendQuoted([]byte(`{"level":`), level), '}'),
	})
}

// PutSessionKey replaces the key with which workers sign requests to each other.
func (s *ConfigStore) PutSessionKey(ctx context.Context, k SessionKey) error {
	value := appendQuoted([]byte(`{"key":`), base64.StdEncoding.EncodeToString(k.Key))
	value = appendQuoted(append(value, `,"algorithm":`...), k.Algorithm)
	value = fmt.Appendf(value, `,"creation-timestamp":%d}`, k.Created.UnixMilli())
	return s.lead(ctx, "the session key", Entry{Key: []byte(sessionKey), Value: value})
}

// PutFencing records that the producers of all task generations of a connector before the next one are fenced; tasks
// is the number of tasks of the next generation.
func (s *ConfigStore) PutFencing(ctx context.Context, name string, tasks int) error {
	return s.lead(ctx, "the fencing record of connector "+name, Entry{
		Key: []byte(fencingKey + name), Value: fmt.Appendf(nil, `{"task-count":%d}`, tasks),
	})
}

// write appends entries that any worker may write, and returns when they were read back.
func (s *ConfigStore) write(ctx context.Context, what string, entries ...Entry) error {
	return s.append(ctx, s.log.Append, what, entries)
}

// lead is write for what only the leader may write.
func (s *ConfigStore) lead(ctx context.Context, what string, entries ...Entry) error {
	if s.leader == nil {
		return s.write(ctx, what, entries...)
	}
	return s.append(ctx, s.leader.Append, what, entries)
}

func (s *ConfigStore) append(ctx context.Context, to func(context.Context, ...Entry) error, what string, entries []Entry) error {
	for _, e := range entries {
		if !utf8.Valid(e.Key) {
			return fmt.Errorf("writing %q: the name is not UTF-8", what)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, readBack)
	defer cancel()
	if err := to(ctx, entries...); err != nil {
		return fmt.Errorf("writing %s: %w", what, err)
	}
	if err := s.log.Sync(ctx); err != nil {
		return fmt.Errorf("%s is written but was not read back: %w", what, err)
	}
	return nil
}

// Keys of the config topic.
const (
	connectorKey = "connector-"
	taskKey      = "task-"
	commitKey    = "commit-"
	targetKey    = "target-state-"
	fencingKey   = "tasks-fencing-"
	sessionKey   = "session-key"
	restartKey   = "restart-connector-"
	loggerKey    = "logger-cluster-"
)

// connectorRecords is what the log says about one connector name, which need not be that of a connector.
type connectorRecords struct {
	config, applied *properties // the configuration, and the one that was in place at the last task commit
	target          TargetState
	targeted        bool // there is a target state record
	tasks, deferred map[int]*properties
	count           int
	inconsistent    bool
	tasksOffset     int64
	fenced          int
	unfenced        bool
}

func newConnectorRecords() *connectorRecords { return &connectorRecords{tasksOffset: -1, fenced: -1} }

// forget drops all that ends with the connector. The target state has a record, and a deletion, of its own; the fencing
// record outlives the connector because its tasks may: one of the same name must still fence them.
func (r *connectorRecords) forget() {
	old := *r
	*r = *newConnectorRecords()
	r.target, r.targeted = old.target, old.targeted
	r.fenced, r.unfenced = old.fenced, old.unfenced
}

func (r *connectorRecords) empty() bool {
	return r.config == nil && !r.targeted && len(r.deferred) == 0 && r.fenced < 0
}

// apply takes one record of the log in and tells of the change it makes.
func (s *ConfigStore) apply(e Entry) {
	s.mu.Lock()
	change, err := s.take(string(e.Key), e)
	s.offset, s.stale = e.Offset+1, true
	live := s.live
	s.mu.Unlock()
	if err != nil {
		s.logger.Warn("ignoring a record of the config topic that cannot be read; Kafka Connect ignores it too", "key", string(e.Key), "offset", e.Offset, "err", err)
	}
	if change.Kind != 0 && live && s.onChange != nil {
		s.onChange(change)
	}
}

// take dispatches on the key. Its error says why the record was ignored.
func (s *ConfigStore) take(key string, e Entry) (Change, error) {
	cut := func(prefix string) (string, bool) {
		name, ok := strings.CutPrefix(key, prefix)
		return name, ok && name != ""
	}
	if key == sessionKey {
		return s.takeSessionKey(e.Value)
	}
	if name, ok := cut(loggerKey); ok {
		return takeLoggerLevel(name, e.Value)
	}
	if name, ok := cut(restartKey); ok {
		return takeRestart(name, e.Value)
	}
	if name, ok := cut(connectorKey); ok {
		return s.with(name, func(r *connectorRecords) (Change, error) { return r.takeConnector(name, e.Value) })
	}
	if name, ok := cut(targetKey); ok {
		return s.with(name, func(r *connectorRecords) (Change, error) { return r.takeTarget(name, e.Value) })
	}
	if name, ok := cut(commitKey); ok {
		return s.with(name, func(r *connectorRecords) (Change, error) { return r.takeCommit(name, e) })
	}
	if name, ok := cut(fencingKey); ok {
		return s.with(name, func(r *connectorRecords) (Change, error) { return r.takeFencing(e.Value) })
	}
	if rest, ok := cut(taskKey); ok {
		if name, n, ok := cutTask(rest); ok {
			return s.with(name, func(r *connectorRecords) (Change, error) { return r.takeTask(n, e.Value) })
		}
	}
	if !s.foreign {
		s.foreign = true
		s.logger.Warn("the config topic has records that are not ours; they are ignored and not reported again", "key", key, "offset", e.Offset)
	}
	return Change{}, nil
}

// with lets fn work on the records of one name.
func (s *ConfigStore) with(name string, fn func(*connectorRecords) (Change, error)) (Change, error) {
	r := s.names[name]
	if r == nil {
		r = newConnectorRecords()
		s.names[name] = r
	}
	change, err := fn(r)
	if r.empty() {
		delete(s.names, name)
	}
	s.dirty[name] = struct{}{}
	return change, err
}

func (r *connectorRecords) takeConnector(name string, value []byte) (Change, error) {
	if value == nil {
		known := r.config != nil
		r.forget()
		if !known {
			return Change{}, nil
		}
		return Change{Kind: ConnectorRemoved, Connector: name}, nil
	}
	config, err := newProperties(value)
	if err != nil {
		return Change{}, err
	}
	r.config = config
	return Change{Kind: ConnectorChanged, Connector: name}, nil
}

// takeTarget remembers the state of a name even when there is no connector of that name yet. A tombstone tells nobody:
// it comes with the deletion of the connector, and one that does not must not resume it.
func (r *connectorRecords) takeTarget(name string, value []byte) (Change, error) {
	if value == nil {
		r.target, r.targeted = Started, false
		return Change{}, nil
	}
	state, err := decodeTarget(value)
	if err != nil {
		return Change{}, err
	}
	changed := state != r.target
	r.target, r.targeted = state, true
	if !changed || r.config == nil {
		return Change{}, nil
	}
	return Change{Kind: TargetChanged, Connector: name}, nil
}

// takeTask holds a task's configuration back until the commit of the whole set.
func (r *connectorRecords) takeTask(n int, value []byte) (Change, error) {
	if value == nil { // Kafka Connect never writes one; without a configuration the set cannot become complete
		delete(r.deferred, n)
		return Change{}, nil
	}
	config, err := newProperties(value)
	if err != nil {
		return Change{}, err
	}
	if r.deferred == nil {
		r.deferred = map[int]*properties{}
	}
	r.deferred[n] = config
	return Change{}, nil
}

// takeCommit applies the deferred task configurations when they, with those applied before, are a complete set. They
// need not be: compaction may have removed records of an older set that this one replaced in part.
func (r *connectorRecords) takeCommit(name string, e Entry) (Change, error) {
	if e.Value == nil {
		return Change{}, nil
	}
	if r.config == nil { // left behind by a connector of which compaction removed everything else
		r.forget()
		return Change{}, nil
	}
	var commit struct {
		Tasks *int `json:"tasks"`
	}
	if err := json.Unmarshal(e.Value, &commit); err != nil {
		return Change{}, err
	}
	if commit.Tasks == nil || *commit.Tasks < 0 {
		return Change{}, fmt.Errorf(`"tasks" is not the number of tasks in %.100q`, e.Value)
	}
	all := maps.Clone(r.tasks)
	if all == nil {
		all = map[int]*properties{}
	}
	maps.Copy(all, r.deferred)
	r.deferred = nil
	r.count = *commit.Tasks
	r.inconsistent = false
	for i := 0; i < r.count && !r.inconsistent; i++ {
		r.inconsistent = all[i] == nil
	}
	if !r.inconsistent {
		maps.DeleteFunc(all, func(i int, _ *properties) bool { return i >= r.count })
		r.tasks, r.applied, r.tasksOffset, r.unfenced = all, r.config, e.Offset, true
	}
	return Change{Kind: TasksChanged, Connector: name}, nil
}

func (r *connectorRecords) takeFencing(value []byte) (Change, error) {
	if value == nil {
		r.fenced = -1
		return Change{}, nil
	}
	var fencing struct {
		TaskCount *int `json:"task-count"`
	}
	if err := json.Unmarshal(value, &fencing); err != nil {
		return Change{}, err
	}
	if fencing.TaskCount == nil || *fencing.TaskCount < 0 {
		return Change{}, fmt.Errorf(`"task-count" is not the number of tasks in %.100q`, value)
	}
	r.fenced, r.unfenced = *fencing.TaskCount, false
	return Change{}, nil
}

func (s *ConfigStore) takeSessionKey(value []byte) (Change, error) {
	if value == nil {
		return Change{}, nil
	}
	var k struct {
		Key       string `json:"key"`
		Algorithm string `json:"algorithm"`
		Created   int64  `json:"creation-timestamp"`
	}
	if err := json.Unmarshal(value, &k); err != nil {
		return Change{}, fmt.Errorf("session key: %T", err) // the text of err could show the key
	}
	key, err := base64.StdEncoding.DecodeString(k.Key)
	if err != nil || len(key) == 0 || k.Algorithm == "" {
		return Change{}, fmt.Errorf(`session key: it needs "key" in base64 and "algorithm"`)
	}
	s.session = &SessionKey{Key: key, Algorithm: k.Algorithm, Created: time.UnixMilli(k.Created)}
	return Change{Kind: SessionKeyChanged}, nil
}

func takeRestart(name string, value []byte) (Change, error) {
	if value == nil {
		return Change{}, nil
	}
	var r struct {
		IncludeTasks *bool `json:"include-tasks"`
		OnlyFailed   *bool `json:"only-failed"`
	}
	if err := json.Unmarshal(value, &r); err != nil {
		return Change{}, err
	}
	if r.IncludeTasks == nil || r.OnlyFailed == nil {
		return Change{}, fmt.Errorf(`"include-tasks" or "only-failed" is missing in %.100q`, value)
	}
	return Change{Kind: RestartRequested, Connector: name, Restart: Restart{IncludeTasks: *r.IncludeTasks, OnlyFailed: *r.OnlyFailed}}, nil
}

func takeLoggerLevel(logger string, value []byte) (Change, error) {
	if value == nil {
		return Change{}, nil
	}
	var l struct {
		Level string `json:"level"`
	}
	if err := json.Unmarshal(value, &l); err != nil {
		return Change{}, err
	}
	if l.Level == "" {
		return Change{}, fmt.Errorf(`"level" is missing in %.100q`, value)
	}
	return Change{Kind: LoggerLevelChanged, Logger: logger, Level: l.Level}, nil
}

// Snapshot returns the state as of the last record read. It costs next to nothing when nothing changed since the last call.
func (s *ConfigStore) Snapshot() *ConfigSnapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stale {
		return s.snapshot
	}
	connectors := slices.Clone(s.snapshot.connectors)
	for name := range s.dirty {
		i, found := slices.BinarySearchFunc(connectors, name, compareName)
		r := s.names[name]
		switch exists := r != nil && r.config != nil; {
		case exists && found:
			connectors[i] = r.view(name)
		case exists:
			connectors = slices.Insert(connectors, i, r.view(name))
		case found:
			connectors = slices.Delete(connectors, i, i+1)
		}
	}
	clear(s.dirty)
	s.stale = false
	s.snapshot = &ConfigSnapshot{Offset: s.offset, SessionKey: s.session, connectors: connectors}
	return s.snapshot
}

func compareName(c *Connector, name string) int { return strings.Compare(c.Name, name) }

func (r *connectorRecords) view(name string) *Connector {
	c := &Connector{
		Name: name, Target: r.target, TaskCount: r.count, Inconsistent: r.inconsistent,
		TasksOffset: r.tasksOffset, FencedTasks: r.fenced, Unfenced: r.unfenced,
		config: r.config, applied: r.applied,
	}
	if !r.inconsistent {
		c.tasks = make([]*properties, len(r.tasks))
		for i, config := range r.tasks {
			c.tasks[i] = config
		}
	}
	return c
}

// ConfigSnapshot is an immutable view of the config store.
type ConfigSnapshot struct {
	Offset     int64       // of the last record read plus one, what workers compare; -1 before any
	SessionKey *SessionKey // nil when there is none

	connectors []*Connector // sorted by name
}

// Connectors returns all connectors, sorted by name. The slice is shared: do not change it.
func (s *ConfigSnapshot) Connectors() []*Connector { return s.connectors }

// Connector returns the connector of a name, nil when there is none.
func (s *ConfigSnapshot) Connector(name string) *Connector {
	if i, found := slices.BinarySearchFunc(s.connectors, name, compareName); found {
		return s.connectors[i]
	}
	return nil
}

// Connector is an immutable view of one connector in the config store.
type Connector struct {
	Name         string
	Target       TargetState
	TaskCount    int   // of the last commit, whether its set was complete or not
	Inconsistent bool  // compaction removed a part of the task configurations: run none, publish them again
	TasksOffset  int64 // of the commit of the current task configurations: their generation; -1 when there are none
	FencedTasks  int   // of the last fencing record, -1 when there is none
	Unfenced     bool  // task configurations were committed after the last fencing record

	config, applied *properties
	tasks           []*properties
}

// Config returns the connector's configuration, in a map of the caller's own.
func (c *Connector) Config() map[string]string { return c.config.decode() }

// AppliedConfig returns the configuration that was in place when the current task configurations were committed, nil
// when there are none: another one than Config means that the tasks' configurations are to be made again.
func (c *Connector) AppliedConfig() map[string]string {
	if c.applied == nil {
		return nil
	}
	return c.applied.decode()
}

// Outdated tells, without decoding, whether the configuration was written again after the task configurations.
func (c *Connector) Outdated() bool {
	return c.applied != nil && c.applied != c.config && !bytes.Equal(c.applied.raw, c.config.raw)
}

// Tasks returns the number of task configurations that may be run: 0 when the set is inconsistent.
func (c *Connector) Tasks() int { return len(c.tasks) }

// Task returns the configuration of task n, 0 ≤ n < Tasks, in a map of the caller's own.
func (c *Connector) Task(n int) map[string]string { return c.tasks[n].decode() }
