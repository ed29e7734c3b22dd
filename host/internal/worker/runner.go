package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/provider"
)

// runner keeps a connector or a task running over as many attempts as it takes.
type runner struct {
	worker *Worker
	log    hclog.Logger
	name   string // of the connector
	task   int    // -1 for the connector itself
	// raw is the connector's configuration as it is stored, config that of the
	// attempt that runs, with values in the place of references: it is not to be
	// shown, nor is what resolved knows, which log hides. Config belongs to the
	// runner's goroutine.
	raw      map[string]string
	config   map[string]string
	resolved *atomic.Pointer[provider.Resolved]
	// attempt runs until it is stopped (nil) or fails. It calls started when it
	// is up. The process is alive when it is called.
	attempt func(ctx context.Context, a *attempt) error
	report  func(Status)

	// stopping is closed when the runner must end; the attempt then ends in an
	// orderly way. killed ends when that takes too long.
	stopping chan struct{}
	killed   context.Context
	kill     context.CancelFunc
	done     chan struct{}

	mu      sync.Mutex
	target  Target
	changed chan struct{} // closed and replaced when target changes
}

// attempt is one try to run.
type attempt struct {
	lease     *isolation.Lease
	connector *isolation.Connector
	// started reports RUNNING or PAUSED.
	started func()
}

func newRunner(w *Worker, name string, task int, config map[string]string, target Target) *runner {
	killed, kill := context.WithCancel(context.Background())
	resolved := &atomic.Pointer[provider.Resolved]{}
	log := discreetLogger{w.log, resolved}.With("connector", name)
	if task >= 0 {
		log = log.With("task", task)
	}
	return &runner{
		worker: w, log: log, name: name, task: task, raw: config, config: config, resolved: resolved, target: target,
		stopping: make(chan struct{}), killed: killed, kill: kill, done: make(chan struct{}), changed: make(chan struct{}),
	}
}

// desired returns the target and a channel that is closed when it changes.
func (r *runner) desired() (Target, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.target, r.changed
}

func (r *runner) setTarget(t Target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.target == t {
		return
	}
	r.target = t
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *runner) isStopping() bool {
	select {
	case <-r.stopping:
		return true
	default:
		return false
	}
}

// run is the life of the runner.
func (r *runner) run() {
	defer close(r.done)
	defer r.kill()
	var backoff isolation.Backoff
	version := ""
	for {
		if !r.awaitStarted(version) {
			return
		}
		began := time.Now()
		err := r.try(&version)
		if err == nil && !r.isStopping() {
			backoff.Reset() // it was paused
			continue
		}
		if r.isStopping() || err == nil {
			if err != nil && !errors.Is(err, context.Canceled) {
				r.log.Warn("did not stop in order", "err", firstLine(err))
			}
			return
		}
		if !r.recover(err, version, &backoff, time.Since(began)) {
			return
		}
	}
}

// awaitStarted waits until the target is to run; false means to end.
func (r *runner) awaitStarted(version string) bool {
	reported := Target("")
	for {
		target, changed := r.desired()
		if target == TargetStarted {
			return !r.isStopping()
		}
		if target != reported {
			state := Paused
			if target == TargetStopped {
				state = Stopped
			}
			r.report(Status{State: state, Version: version})
			reported = target
		}
		select {
		case <-changed:
		case <-r.stopping:
			return false
		}
	}
}

// try makes one attempt.
func (r *runner) try(version *string) error {
	ctx, cancel := context.WithCancel(r.killed)
	defer cancel()
	resolved, err := r.worker.settings.Providers.Resolve(r.raw)
	if err != nil {
		return fmt.Errorf("resolving the configuration: %w", err)
	}
	r.resolved.Store(resolved)
	r.config = resolved.Values
	connector, err := r.worker.find(r.config)
	if err != nil {
		return &permanentError{err}
	}
	*version = connector.Version.String()
	key, err := processKey(r.config, r.name, r.task)
	if err != nil {
		return &permanentError{err}
	}
	if r.task < 0 {
		defer r.watchProviders(resolved)()
	}
	lease, err := r.acquire(ctx, isolation.Request{Plugin: connector.Plugin, Key: key, Name: r.name})
	if err != nil {
		return err
	}
	defer lease.Release()
	return r.attempt(ctx, &attempt{lease: lease, connector: connector, started: func() {
		target, _ := r.desired()
		state := Running
		if target == TargetPaused {
			state = Paused
		}
		r.report(Status{State: state, Version: *version})
	}})
}

// watchProviders tells when what the configuration refers to has changed, for
// providers whose values do not count for ever, unless config.action.reload=none.
// The function it returns ends it.
func (r *runner) watchProviders(resolved *provider.Resolved) (stop func()) {
	if resolved.TTL == 0 || strings.EqualFold(strings.TrimSpace(resolved.Values["config.action.reload"]), "none") {
		return func() {}
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-time.After(resolved.TTL):
			case <-ended:
				return
			}
			now, err := r.worker.settings.Providers.Resolve(r.raw)
			if err != nil {
				r.log.Warn("what the configuration refers to cannot be read again; the connector goes on with what it has", "err", err)
				continue
			}
			if !maps.Equal(now.Values, resolved.Values) {
				r.log.Info("what the configuration refers to has changed; the connector starts again")
				r.worker.settings.Events.Expired(r.name)
				return
			}
		}
	}()
	return func() { close(ended) }
}

// acquire waits for a process, or for the runner to stop.
func (r *runner) acquire(ctx context.Context, q isolation.Request) (*isolation.Lease, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-r.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return r.worker.settings.Supervisor.Acquire(ctx, q)
}

// patience is the number of deaths of a process in a row that count as hiccups.
const patience = 3

// recover reports a failure and waits for the next attempt; false means to end.
func (r *runner) recover(err error, version string, backoff *isolation.Backoff, ran time.Duration) bool {
	kind := severityOf(err)
	where := "worker.connector(" + r.name + ")"
	if r.task >= 0 {
		where = "worker.task(" + TaskID{r.name, r.task}.String() + ")"
	}
	if kind == permanent {
		r.log.Error("failed; it stays so until it is restarted", "err", firstLine(err))
		r.report(Status{State: Failed, Trace: r.resolved.Load().Hide(javaTrace(err, where, time.Time{}, 0)), Version: version})
		<-r.stopping
		return false
	}
	wait := backoff.Next(ran)
	state := Failed
	if kind == processGone {
		wait = 0 // the supervisor paces restarts of processes
		if backoff.Failures() < patience {
			state = Restarting
		}
	}
	r.log.Error("failed and will be restarted", "err", firstLine(err), "attempt", backoff.Failures()+1, "in", wait.Round(time.Millisecond))
	r.report(Status{State: state, Trace: r.resolved.Load().Hide(javaTrace(err, where, time.Now().Add(wait), backoff.Failures()+1)), Version: version})
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.stopping:
		return false
	}
}

// stop ends the runner in order, until ctx is done, then by force.
func (r *runner) stop(ctx context.Context) {
	close(r.stopping)
	select {
	case <-r.done:
	case <-ctx.Done():
		r.kill()
		<-r.done
	}
}

func firstLine(err error) string {
	s := err.Error()
	for i, c := range s {
		if c == '\n' {
			return s[:i]
		}
	}
	return s
}
