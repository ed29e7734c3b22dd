package storage

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
)

// StatusStore keeps the statuses of connectors and tasks and the topics that connectors use, in the records of Kafka
// Connect's status topic.
//
// Writing never blocks and never fails: the newest value of each key waits for the writer, which tries until it is
// durable or replaced. What is written shows when it was read back. All methods may be called concurrently after Open.
type StatusStore struct {
	log      Log
	workerID string
	logger   hclog.Logger

	mu         sync.RWMutex
	connectors map[string]*connectorStatus
	pending    map[statusKey]statusValue // newest values nobody writes yet
	writing    map[statusKey]statusValue // what the writer has taken; nil between rounds
	unread     map[statusKey]struct{}    // what it has taken and nobody has read back yet
	settled    chan struct{}             // closed and replaced after every round
	wake       chan struct{}             // has room for one: there is something pending
	stop       context.CancelFunc        // nil before Open
	stopped    chan struct{}
	foreign    bool // a record with an unknown key was logged
	onOther    func(Other)
}

// Other is a status that another worker has written, or its deletion by any.
type Other struct {
	Connector  string
	Task       int   // −1: that of the connector itself
	Generation int32 // −1 of a deletion
}

// connectorStatus is all that is known of one connector name.
type connectorStatus struct {
	status *Status
	tasks  map[int]Status
	topics map[string]struct{}
}

// statusValue is the value of a record to be written: nil is a tombstone. status is what it says, nil for topics.
type statusValue struct {
	value  []byte
	status *Status
}

// Limits between two attempts of the writer while the log takes nothing.
const (
	minWriteBackoff = 250 * time.Millisecond
	maxWriteBackoff = 5 * time.Second
)

// NewStatusStore returns a store over a log that nobody follows yet. workerID is this worker's host:port.
func NewStatusStore(log Log, workerID string, logger hclog.Logger) *StatusStore {
	return &StatusStore{
		log: log, workerID: workerID, logger: logger,
		connectors: map[string]*connectorStatus{}, pending: map[statusKey]statusValue{}, unread: map[statusKey]struct{}{},
		settled: make(chan struct{}), wake: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
}

// OnOther sets the function that hears of each status that this store has not written, and each deletion, when it is read, unless this
// store is about to write something else there. It must return soon, and may call the store, but for Sync and Flush. It is called
// before Open.
func (s *StatusStore) OnOther(fn func(Other)) { s.onOther = fn }

// Open reads the log to its end, goes on following it, and starts the writer.
func (s *StatusStore) Open(ctx context.Context) error {
	if err := s.log.Follow(ctx, s.apply); err != nil {
		return fmt.Errorf("reading statuses: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.mu.Lock()
	s.stop = stop
	s.mu.Unlock()
	go s.write(ctx)
	return nil
}

// Flush returns when all that was put before the call is durable, replaced or refused.
func (s *StatusStore) Flush(ctx context.Context) error {
	for {
		s.mu.RLock()
		waiting, settled := len(s.pending)+len(s.writing), s.settled
		s.mu.RUnlock()
		if waiting == 0 {
			return nil
		}
		select {
		case <-settled:
		case <-s.stopped:
			return fmt.Errorf("%d statuses were not written: the status store is closed", waiting)
		case <-ctx.Done():
			return fmt.Errorf("%d statuses are not written yet: %w", waiting, ctx.Err())
		}
	}
}

// Sync returns when the reads know everything that any worker wrote before the call.
func (s *StatusStore) Sync(ctx context.Context) error { return s.log.Sync(ctx) }

// Close flushes as long as ctx allows and stops the writer; its error says how many statuses were lost. The log stays open.
func (s *StatusStore) Close(ctx context.Context) error {
	s.mu.RLock()
	stop := s.stop
	s.mu.RUnlock()
	if stop == nil {
		return nil
	}
	err := s.Flush(ctx)
	stop()
	<-s.stopped
	return err
}

// PutConnector writes the status of a connector. UNASSIGNED and FAILED are written only when the status in the store is
// this worker's or of no later generation: the last word of an old owner must not replace the first of the new one.
func (s *StatusStore) PutConnector(connector string, status Status) {
	s.put(statusKey{kind: connectorStatusKey, connector: connector}, statusValue{encodeStatus(status), &status})
}

// PutTask writes the status of a task, under the rule of PutConnector.
func (s *StatusStore) PutTask(connector string, task int, status Status) {
	s.put(statusKey{kind: taskStatusKey, connector: connector, task: task}, statusValue{encodeStatus(status), &status})
}

// PutTopic records that a task of a connector uses a topic. It costs two lookups when that is known.
func (s *StatusStore) PutTopic(connector string, task int, topic string) {
	key := statusKey{kind: topicStatusKey, connector: connector, topic: topic}
	s.mu.RLock()
	known := false
	if c := s.connectors[connector]; c != nil {
		_, known = c.topics[topic]
	}
	for _, queued := range []map[statusKey]statusValue{s.writing, s.pending} {
		if v, ok := queued[key]; ok {
			known = v.value != nil
		}
	}
	s.mu.RUnlock()
	if !known {
		s.put(key, statusValue{value: encodeTopic(connector, task, topic, time.Now())})
	}
}

// ResetTopics forgets the topics of a connector; those it goes on using come back by PutTopic.
func (s *StatusStore) ResetTopics(connector string) {
	s.remove(connector, func(k statusKey) bool { return k.kind == topicStatusKey })
}

// RemoveConnector deletes the status of a connector, of its tasks, and its topics.
func (s *StatusStore) RemoveConnector(connector string) {
	s.remove(connector, func(statusKey) bool { return true })
}

// RemoveTask deletes the status of one task.
func (s *StatusStore) RemoveTask(connector string, task int) {
	s.remove(connector, func(k statusKey) bool { return k.kind == taskStatusKey && k.task == task })
}

// Connectors returns the names that have a status, tasks or topics, sorted: those of deleted connectors too, until
// somebody removes them.
func (s *StatusStore) Connectors() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.connectors))
}

// Connector returns the status of a connector; ok is false when there is none (yet).
func (s *StatusStore) Connector(connector string) (status Status, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.current(statusKey{kind: connectorStatusKey, connector: connector})
}

// Task returns the status of one task; ok is false when there is none (yet).
func (s *StatusStore) Task(connector string, task int) (status Status, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.current(statusKey{kind: taskStatusKey, connector: connector, task: task})
}

// Tasks returns the statuses of the tasks of a connector, by number.
func (s *StatusStore) Tasks(connector string) []TaskStatus {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.connectors[connector]
	if c == nil {
		return nil
	}
	tasks := make([]TaskStatus, 0, len(c.tasks))
	for _, task := range slices.Sorted(maps.Keys(c.tasks)) {
		tasks = append(tasks, TaskStatus{Task: task, Status: c.tasks[task]})
	}
	return tasks
}

// Topics returns the topics a connector uses, sorted.
func (s *StatusStore) Topics(connector string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.connectors[connector]
	if c == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(c.topics))
}

// put queues a value for the writer.
func (s *StatusStore) put(key statusKey, v statusValue) {
	if !utf8.ValidString(key.connector) || !utf8.ValidString(key.topic) {
		s.logger.Error("not writing a status: the name is not UTF-8", "connector", key.connector, "topic", key.topic)
		return
	}
	s.mu.Lock()
	s.pending[key] = v
	s.mu.Unlock()
	s.awake()
}

func (s *StatusStore) awake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// remove queues tombstones for the chosen keys of a connector that are stored or on their way there.
func (s *StatusStore) remove(connector string, chosen func(statusKey) bool) {
	s.mu.Lock()
	bury := func(k statusKey) {
		if k.connector == connector && chosen(k) {
			s.pending[k] = statusValue{}
		}
	}
	if c := s.connectors[connector]; c != nil {
		c.keys(connector, bury)
	}
	for k := range s.unread { // with those that are being written
		bury(k)
	}
	for k := range s.pending {
		bury(k)
	}
	s.mu.Unlock()
	s.awake()
}

// keys calls fn with the key of every record of a connector.
func (c *connectorStatus) keys(connector string, fn func(statusKey)) {
	if c.status != nil {
		fn(statusKey{kind: connectorStatusKey, connector: connector})
	}
	for task := range c.tasks {
		fn(statusKey{kind: taskStatusKey, connector: connector, task: task})
	}
	for topic := range c.topics {
		fn(statusKey{kind: topicStatusKey, connector: connector, topic: topic})
	}
}

// write is the writer: it takes all that is pending, appends it, and starts over.
func (s *StatusStore) write(ctx context.Context) {
	defer close(s.stopped)
	backoff := time.Duration(0)
	for {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
		entries := s.takePending()
		err := error(nil)
		if len(entries) > 0 {
			err = s.log.Append(ctx, entries...)
		}
		s.settle(err != nil)
		if err == nil {
			if backoff > 0 {
				s.logger.Info("statuses are written again")
			}
			backoff = 0
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if backoff == 0 {
			s.logger.Warn("statuses cannot be written; trying on, the newest are kept", "err", err)
		}
		backoff = min(max(2*backoff, minWriteBackoff), maxWriteBackoff)
		select {
		case <-time.After(backoff):
			s.awake()
		case <-s.log.Failed():
			return
		case <-ctx.Done():
			return
		}
	}
}

// takePending moves what is pending to writing, leaving out what must not be written.
func (s *StatusStore) takePending() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing, s.pending = s.pending, map[statusKey]statusValue{}
	entries := make([]Entry, 0, len(s.writing))
	for key, v := range s.writing {
		if v.status != nil && v.status.lastWord() {
			if current, ok := s.current(key); ok && current.WorkerID != s.workerID && current.Generation > v.status.Generation {
				continue
			}
		}
		entries = append(entries, Entry{Key: key.encode(), Value: v.value})
		s.unread[key] = struct{}{}
	}
	return entries
}

// settle ends a round. After a failed one the values go back, unless newer ones wait already.
func (s *StatusStore) settle(failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if failed {
		maps.Copy(s.writing, s.pending)
		s.pending = s.writing
	}
	s.writing = nil
	close(s.settled)
	s.settled = make(chan struct{})
}

// current returns what is stored under a key of a status. The caller holds the lock.
func (s *StatusStore) current(key statusKey) (Status, bool) {
	c := s.connectors[key.connector]
	switch {
	case c == nil:
		return Status{}, false
	case key.kind == taskStatusKey:
		status, ok := c.tasks[key.task]
		return status, ok
	case c.status == nil:
		return Status{}, false
	default:
		return *c.status, true
	}
}

// apply takes one record of the log in.
func (s *StatusStore) apply(e Entry) {
	key, ok := decodeStatusKey(string(e.Key))
	if !ok {
		if !s.foreign { // only this goroutine looks at it
			s.foreign = true
			s.logger.Warn("the status topic has records that are not ours; they are ignored and not reported again", "key", string(e.Key))
		}
		return
	}
	var status Status
	var err error
	if e.Value != nil {
		if key.kind == topicStatusKey {
			err = checkTopic(e.Value)
		} else {
			status, err = decodeStatus(e.Value)
		}
	}
	if err != nil {
		s.logger.Warn("ignoring a record of the status topic that cannot be read", "key", string(e.Key), "err", err)
		return
	}
	if other, ok := s.take(key, status, e.Value == nil); ok && s.onOther != nil {
		s.onOther(other)
	}
}

// take takes in what was read of a key; other is told when it is not this store's last word.
func (s *StatusStore) take(key statusKey, status Status, deleted bool) (other Other, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := !s.queued(key)
	delete(s.unread, key)
	if status.State == StateUnassigned {
		// The old owner's goodbye may come after the new owner's first word.
		current, ok := s.current(key)
		anew := current.State == StateRunning || current.State != StateUnassigned && current.WorkerID != status.WorkerID
		if ok && anew && current.Generation > status.Generation {
			return key.other(status, deleted), last && status.WorkerID != s.workerID
		}
	}
	c := s.connectors[key.connector]
	if c == nil {
		c = &connectorStatus{tasks: map[int]Status{}, topics: map[string]struct{}{}}
		s.connectors[key.connector] = c
	}
	c.put(key, status, deleted)
	if c.status == nil && len(c.tasks) == 0 && len(c.topics) == 0 {
		delete(s.connectors, key.connector)
	}
	return key.other(status, deleted), last && key.kind != topicStatusKey && (deleted || status.WorkerID != s.workerID)
}

// queued tells whether something of this store is on its way to a key. The caller holds the lock.
func (s *StatusStore) queued(key statusKey) bool {
	_, unread := s.unread[key]
	_, writing := s.writing[key]
	_, pending := s.pending[key]
	return unread || writing || pending
}

func (k statusKey) other(status Status, deleted bool) Other {
	o := Other{Connector: k.connector, Task: k.task, Generation: status.Generation}
	if k.kind == connectorStatusKey {
		o.Task = -1
	}
	if deleted {
		o.Generation = -1
	}
	return o
}

func (c *connectorStatus) put(key statusKey, status Status, deleted bool) {
	switch key.kind {
	case connectorStatusKey:
		c.status = &status
		if deleted {
			c.status = nil
		}
	case taskStatusKey:
		c.tasks[key.task] = status
		if deleted {
			delete(c.tasks, key.task)
		}
	case topicStatusKey:
		c.topics[key.topic] = struct{}{}
		if deleted {
			delete(c.topics, key.topic)
		}
	}
}
