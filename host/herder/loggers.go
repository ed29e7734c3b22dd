package herder

import (
	"context"

	"github.com/outboard-connect/outboard/host/internal/logging"
)

// Loggers returns the levels of all loggers of this worker, by name.
func (h *Herder) Loggers(ctx context.Context) map[string]LoggerLevel {
	all := map[string]LoggerLevel{}
	for name, state := range h.settings.Levels.All() {
		all[name] = loggerLevel(state)
	}
	return all
}

// Logger returns the level of a logger of this worker.
func (h *Herder) Logger(ctx context.Context, name string) (LoggerLevel, error) {
	state, ok := h.settings.Levels.Get(name)
	if !ok {
		return LoggerLevel{}, errorf(NotFound, "Logger %s not found.", name)
	}
	return loggerLevel(state), nil
}

// SetLogger sets the level of a logger of this worker, and of those below it, until the worker ends. It returns the names of
// those whose level is another one now, sorted and never nil without an error.
func (h *Herder) SetLogger(ctx context.Context, name, level string) ([]string, error) {
	word, err := logging.ParseLevel(level)
	if err != nil {
		return nil, errorf(BadRequest, "%v", err)
	}
	return append([]string{}, h.setLogger(name, word)...), nil
}

// SetClusterLogger is SetLogger on every worker of the cluster. It returns when this one has done it.
func (h *Herder) SetClusterLogger(ctx context.Context, name, level string) error {
	r, err := h.begin(ctx)
	if err != nil {
		return err
	}
	defer r.cancel()
	word, err := logging.ParseLevel(level)
	if err != nil {
		return errorf(BadRequest, "%v", err)
	}
	r.act("writing the level of logger %s for all workers and reading it back", name)
	if err := h.config.PutLoggerLevel(r, name, word); err != nil {
		return r.failed(err)
	}
	done := make(chan struct{})
	h.loop.post(func() { close(done) }) // behind the change
	select {
	case <-done:
		return nil
	case <-r.Done():
		return r.failed(r.Err())
	}
}

// loggerChanged takes in a level that some worker set for all workers. It runs on the loop.
func (h *Herder) loggerChanged(name, level string) {
	word, err := logging.ParseLevel(level)
	if err != nil {
		h.log.Warn("a worker of the cluster set a level that there is not; nothing changes", "logger", name, "err", err)
		return
	}
	h.setLogger(name, word)
}

func (h *Herder) setLogger(name, word string) (changed []string) {
	changed = h.settings.Levels.Set(name, word)
	h.log.Info("level of loggers set", "logger", name, "level", word, "changed", len(changed))
	return changed
}

func loggerLevel(s logging.State) LoggerLevel {
	l := LoggerLevel{Level: s.Level}
	if !s.Modified.IsZero() {
		ms := s.Modified.UnixMilli()
		l.LastModified = &ms
	}
	return l
}
