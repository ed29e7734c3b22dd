package herder

import (
	"math"
	"sync"

	"github.com/outboard-connect/outboard/host/internal/group"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// statuses is what became of the connectors and tasks of this worker, in memory, so that whoever asks sees at once what
// the worker reported; every change goes on to the status store, for other workers and other days.
type statuses struct {
	store    *storage.StatusStore
	workerID string
	// alone: there are no other workers.
	alone bool

	mu sync.RWMutex
	// generation is that of this worker's statuses in the store: that of the group, or, of a worker that is alone, one higher
	// than those of its predecessors.
	generation int32
	connectors map[string]*statusesOf
	// waiting are told the next outcome of a connector's start, once.
	waiting map[string][]chan<- worker.Status
}

// statusesOf is what was reported of one connector and its tasks.
type statusesOf struct {
	connector *worker.Status
	tasks     map[int]worker.Status
}

func newStatuses(store *storage.StatusStore, workerID string, alone bool) *statuses {
	return &statuses{
		store: store, workerID: workerID, alone: alone,
		connectors: map[string]*statusesOf{}, waiting: map[string][]chan<- worker.Status{},
	}
}

// open begins a generation after all that the store has seen, if no group tells the generations.
func (s *statuses) open() {
	if !s.alone {
		return
	}
	latest := int32(-1)
	for _, name := range s.store.Connectors() {
		if status, ok := s.store.Connector(name); ok {
			latest = max(latest, status.Generation)
		}
		for _, t := range s.store.Tasks(name) {
			latest = max(latest, t.Generation)
		}
	}
	s.generation = min(latest, math.MaxInt32-1) + 1
}

// enter takes in the generation of an assignment.
func (s *statuses) enter(a group.Assignment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.alone && a.Generation >= 0 {
		s.generation = a.Generation
	}
}

// mark shows what nobody ran when the work was divided as UNASSIGNED. It says so in the name of the worker that is gone, so
// that the first word of the new owner counts for more, whichever comes first; what the new owner has said already, which is of
// the generation of the division or a later one, stays.
func (s *statuses) mark(a group.Assignment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range a.Unowned {
		of := s.connectors[w.Connector]
		if w.Task == group.TheConnector {
			status, ok := s.store.Connector(w.Connector)
			if ok && status.Generation < a.Generation && status.State != storage.StateUnassigned && (of == nil || of.connector == nil) {
				s.store.PutConnector(w.Connector, unassigned(status))
			}
			continue
		}
		status, ok := s.store.Task(w.Connector, w.Task)
		if ok && status.Generation < a.Generation && status.State != storage.StateUnassigned && !of.has(w.Task) {
			s.store.PutTask(w.Connector, w.Task, unassigned(status))
		}
	}
}

func unassigned(s storage.Status) storage.Status {
	s.State, s.Trace = storage.StateUnassigned, ""
	return s
}

// clean deletes what is left of connectors and tasks that ended while nobody looked.
func (s *statuses) clean(snapshot *storage.ConfigSnapshot, a group.Assignment) {
	stopping := map[group.Work]bool{} // theirs are deleted by who stops them
	for _, w := range a.Stopping {
		stopping[w] = true
	}
	for _, name := range s.store.Connectors() {
		c := snapshot.Connector(name)
		if c == nil && !stopping[group.Work{Connector: name, Task: group.TheConnector}] {
			s.remove(name)
			continue
		}
		for _, t := range s.store.Tasks(name) {
			if (c == nil || t.Task >= c.Tasks()) && !stopping[group.Work{Connector: name, Task: t.Task}] {
				s.removeTask(worker.TaskID{Connector: name, Task: t.Task})
			}
		}
	}
}

// insist writes the status of a connector or task that runs here again: the store has read another one, which an earlier owner, or
// who cleaned up after one, was late with. Later owners are right.
func (s *statuses) insist(o storage.Other) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.connectors[o.Connector]
	switch {
	case s.alone || of == nil || o.Generation >= s.generation:
	case o.Task == group.TheConnector && of.connector != nil:
		s.store.PutConnector(o.Connector, s.stored(*of.connector))
	case of.has(o.Task):
		s.store.PutTask(o.Connector, o.Task, s.stored(of.tasks[o.Task]))
	}
}

// setConnector takes in the status of a connector.
func (s *statuses) setConnector(name string, status worker.Status) {
	s.mu.Lock()
	s.of(name).connector = &status
	var waiting []chan<- worker.Status
	if status.State != worker.Restarting && status.State != worker.Unassigned {
		waiting = s.waiting[name]
		delete(s.waiting, name)
	}
	s.store.PutConnector(name, s.stored(status))
	s.mu.Unlock()
	for _, c := range waiting {
		c <- status
	}
}

// setTask takes in the status of a task.
func (s *statuses) setTask(id worker.TaskID, status worker.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of(id.Connector).tasks[id.Task] = status
	s.store.PutTask(id.Connector, id.Task, s.stored(status))
}

// fail shows a connector as FAILED that runs but does not do its work.
func (s *statuses) fail(name, trace string) {
	s.setConnector(name, worker.Status{State: worker.Failed, Trace: trace, Version: s.version(name)})
}

// revive shows a connector as RUNNING again after fail.
func (s *statuses) revive(name string) {
	s.setConnector(name, worker.Status{State: worker.Running, Version: s.version(name)})
}

func (s *statuses) version(name string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if of := s.connectors[name]; of != nil && of.connector != nil {
		return of.connector.Version
	}
	return ""
}

// forget drops what is known of a connector that was deleted, before it has stopped.
func (s *statuses) forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connectors, name)
}

// remove deletes all statuses and topics of a connector that was deleted and has stopped.
func (s *statuses) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connectors, name)
	s.store.RemoveConnector(name)
}

// removeTask deletes the status of a task that does not exist any more.
func (s *statuses) removeTask(id worker.TaskID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of := s.connectors[id.Connector]; of != nil {
		delete(of.tasks, id.Task)
	}
	s.store.RemoveTask(id.Connector, id.Task)
}

// await has channels told what becomes of a connector that is about to be started. They need room for one status.
func (s *statuses) await(name string, started []chan<- worker.Status) {
	if len(started) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[name] = append(s.waiting[name], started...)
}

// abandon closes the channels of a start that was overtaken by a stop.
func (s *statuses) abandon(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.waiting[name] {
		close(c)
	}
	delete(s.waiting, name)
}

// yieldConnector shows a connector that this worker ran, unless it has FAILED, as UNASSIGNED. From then on its status is what
// other workers write.
func (s *statuses) yieldConnector(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.connectors[name]
	if of == nil || of.connector == nil {
		return
	}
	if of.connector.State != worker.Failed {
		s.store.PutConnector(name, s.stored(worker.Status{State: worker.Unassigned, Version: of.connector.Version}))
	}
	of.connector = nil
}

// yieldTask is yieldConnector for a task.
func (s *statuses) yieldTask(id worker.TaskID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.connectors[id.Connector]
	if !of.has(id.Task) {
		return
	}
	if status := of.tasks[id.Task]; status.State != worker.Failed {
		s.store.PutTask(id.Connector, id.Task, s.stored(worker.Status{State: worker.Unassigned, Version: status.Version}))
	}
	delete(of.tasks, id.Task)
}

// connector is the state of a connector: what was reported here, or else what another worker wrote.
func (s *statuses) connector(name string) StateInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if of := s.connectors[name]; of != nil && of.connector != nil {
		return s.info(s.stored(*of.connector))
	}
	stored, ok := s.store.Connector(name)
	return s.foreign(stored, ok)
}

// task is the state of a task, likewise.
func (s *statuses) task(id worker.TaskID) StateInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if of := s.connectors[id.Connector]; of != nil {
		if t, ok := of.tasks[id.Task]; ok {
			return s.info(s.stored(t))
		}
	}
	stored, ok := s.store.Task(id.Connector, id.Task)
	return s.foreign(stored, ok)
}

// foreign is the state of what this worker has not reported anything of. What one that is alone wrote in an earlier life is over.
func (s *statuses) foreign(stored storage.Status, ok bool) StateInfo {
	if !ok || s.alone && stored.WorkerID == s.workerID {
		stored = storage.Status{State: storage.State(worker.Unassigned), WorkerID: s.workerID}
	}
	return s.info(stored)
}

func (s *statuses) info(status storage.Status) StateInfo {
	info := StateInfo{State: string(status.State), WorkerID: status.WorkerID, Trace: status.Trace}
	if status.Version != "" {
		info.Version = &status.Version
	}
	return info
}

func (s *statuses) stored(status worker.Status) storage.Status {
	return storage.Status{
		State: storage.State(status.State), Trace: status.Trace, Version: status.Version,
		WorkerID: s.workerID, Generation: s.generation,
	}
}

// has tells whether something was reported of a task.
func (of *statusesOf) has(task int) bool {
	if of == nil {
		return false
	}
	_, ok := of.tasks[task]
	return ok
}

// of returns what is known of a connector. The caller holds the lock.
func (s *statuses) of(name string) *statusesOf {
	of := s.connectors[name]
	if of == nil {
		of = &statusesOf{tasks: map[int]worker.Status{}}
		s.connectors[name] = of
	}
	return of
}
