package herder

import (
	"github.com/outboard-connect/outboard/host/internal/metrics"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// Stats returns the counters of the tasks that run on this worker.
func (h *Herder) Stats() []worker.TaskStats { return h.worker.Stats() }

// Metrics returns the metrics of this worker in the text format of Prometheus, version 0.0.4. Other workers of the group have
// their own. It answers at any time, without waiting.
func (h *Herder) Metrics() []byte {
	connectors, _ := h.worker.Running()
	w := metrics.Worker{Connectors: make([]metrics.Connector, len(connectors))}
	for i, name := range connectors {
		w.Connectors[i] = metrics.Connector{Name: name, Status: string(h.statuses.connectorHere(name))}
	}
	for _, t := range h.worker.Stats() {
		w.Tasks = append(w.Tasks, metrics.Task{
			Connector: t.ID.Connector, Number: t.ID.Task, Status: string(h.statuses.taskHere(t.ID)),
			Type: t.Type, Records: t.Records, TaskErrors: t.TaskErrors,
		})
	}
	return w.Text()
}

// connectorHere is the state that this worker has reported last of a connector, UNASSIGNED before it has.
func (s *statuses) connectorHere(name string) worker.State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if of := s.connectors[name]; of != nil && of.connector != nil {
		return of.connector.State
	}
	return worker.Unassigned
}

// taskHere is the state of a task, likewise.
func (s *statuses) taskHere(id worker.TaskID) worker.State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if of := s.connectors[id.Connector]; of.has(id.Task) {
		return of.tasks[id.Task].State
	}
	return worker.Unassigned
}
