package herder

import "github.com/outboard-connect/outboard/host/internal/worker"

// Stats returns the counters of the tasks that run on this worker.
func (h *Herder) Stats() []worker.TaskStats { return h.worker.Stats() }
