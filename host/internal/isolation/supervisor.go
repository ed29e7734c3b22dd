package isolation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/plugin-sdk/client"
)

// defaultStopTimeout is how long a process may take to end when its last lease is released.
const defaultStopTimeout = 5 * time.Second

// ErrShutdown is what Acquire fails with once the supervisor is shut down.
var ErrShutdown = errors.New("the worker is shutting down")

// SupervisorSettings say how processes are run.
type SupervisorSettings struct {
	// SocketDir is where plugin processes have their private directories, see client.Settings.Dir.
	SocketDir string
	// HostVersion is what plugins are told.
	HostVersion string
	// StopTimeout is how long a process may take to end by itself when its last lease is released. 0: 5 s.
	StopTimeout time.Duration
	Logger      hclog.Logger
}

// Supervisor owns the plugin processes: it starts one when it is first asked for, shares it, notices its death, and paces restarts. Who needs a
// process holds a lease on it. All methods are safe for concurrent use.
type Supervisor struct {
	settings SupervisorSettings
	// closing ends with the beginning of Shutdown, patience when that must use force.
	closing, patience context.Context
	close, force      context.CancelFunc

	mu       sync.Mutex
	slots    map[slotKey]*slot
	restarts map[Cause]uint64
	work     sync.WaitGroup // launches and processes
}

// slotKey: a new version of a plugin gets a process of its own while tasks move over one by one.
type slotKey struct {
	key      string
	checksum Checksum
}

// slot is the place of one process at a time.
type slot struct {
	key      slotKey
	name     string
	plugin   *Plugin
	waiting  int       // Acquire calls that are not done
	current  *instance // launching, running or ending
	backoff  Backoff
	earliest time.Time // no launch before
	restarts map[Cause]uint64
}

// instance is one process, from its launch to its end.
type instance struct {
	slot     *slot
	launched chan struct{} // closed when process or err is set
	process  *client.Process
	err      error
	started  time.Time

	leases  int
	ending  bool   // it is meant to end
	verdict *Death // set by Lease.Fail before the process is killed
	death   Death  // set before dead is closed
	dead    chan struct{}
	gone    chan struct{} // closed when the slot is free
}

// Death tells why a process is no more.
type Death struct {
	Cause Cause
	// Err says what happened, with the last words of the process: its first line is for newcomers.
	Err error
}

// NewSupervisor returns a supervisor without processes. It removes what those of a killed host have left on disk.
func NewSupervisor(s SupervisorSettings) *Supervisor {
	if s.StopTimeout == 0 {
		s.StopTimeout = defaultStopTimeout
	}
	if err := client.Sweep(s.SocketDir); err != nil {
		s.Logger.Warn("directories of earlier plugin processes remain", "err", err)
	}
	closing, closeNow := context.WithCancel(context.Background())
	patience, force := context.WithCancel(context.Background())
	return &Supervisor{
		settings: s, closing: closing, close: closeNow, patience: patience, force: force,
		slots: map[slotKey]*slot{}, restarts: map[Cause]uint64{},
	}
}

// Request asks for a process.
type Request struct {
	// Plugin is what to run. Its binary is started only if its checksum still is the one in the catalog (Invariant 6).
	Plugin *Plugin
	// Key tells processes apart: requests with the same key and plugin share one. It is the name of the connector, or that of the task, or
	// nothing when all connectors of a plugin share a process.
	Key string
	// Name stands for the process in logs: the name of the connector, usually.
	Name string
	// Env and MemoryLimit are as in client.Settings. Those of the request that starts the process count.
	Env         []string
	MemoryLimit int64
}

// Acquire returns a lease on the process of a key. It starts one when there is none, and waits as long as it takes: for the launch, for an
// earlier process of the key to be gone, and after a death or a failed launch for the time of the restart, see [Backoff]. A launch that fails
// is the error of all who wait for it; asking again waits for the next try. How often to ask is the caller's policy.
//
// The error is the context's when that ends first, wraps [ErrShutdown] after Shutdown, and client.ErrChanged when the plugin's binary was
// replaced: find the plugin again then.
func (s *Supervisor) Acquire(ctx context.Context, r Request) (*Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := s.slot(r)
	slot.waiting++
	defer func() {
		slot.waiting--
		s.tidy(slot)
	}()
	for {
		i := slot.current
		switch {
		case s.closing.Err() != nil:
			return nil, refusal(r)
		case i == nil:
			if wait := time.Until(slot.earliest); wait > 0 {
				if err := s.unlocked(ctx, nil, wait); err != nil {
					return nil, err
				}
				continue
			}
			s.launch(slot, r)
			continue
		case i.ending:
			if err := s.unlocked(ctx, i.gone, 0); err != nil {
				return nil, err
			}
			continue
		}
		// The lease is counted before it is handed out, so that nobody ends the process in between.
		i.leases++
		if err := s.unlocked(ctx, i.launched, 0); err != nil {
			s.release(i)
			return nil, err
		}
		if s.closing.Err() != nil {
			s.release(i)
			return nil, refusal(r)
		}
		if i.err != nil {
			return nil, i.err
		}
		return &Lease{supervisor: s, instance: i}, nil
	}
}

func refusal(r Request) error {
	return fmt.Errorf("plugin %s is not started: %w", r.Plugin.Path, ErrShutdown)
}

// slot returns the place for a request.
func (s *Supervisor) slot(r Request) *slot {
	key := slotKey{key: r.Key, checksum: r.Plugin.Checksum}
	if found := s.slots[key]; found != nil {
		return found
	}
	new := &slot{key: key, name: r.Name, plugin: r.Plugin, restarts: map[Cause]uint64{}}
	s.slots[key] = new
	return new
}

// tidy forgets a slot that nobody uses, unless it remembers failures that still slow down the next start.
func (s *Supervisor) tidy(slot *slot) {
	if slot.waiting > 0 || slot.current != nil {
		return
	}
	if slot.backoff.Failures() == 0 {
		delete(s.slots, slot.key)
		return
	}
	time.AfterFunc(time.Until(slot.earliest)+stablePeriod, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if slot.waiting == 0 && slot.current == nil && time.Since(slot.earliest) >= stablePeriod && s.slots[slot.key] == slot {
			delete(s.slots, slot.key)
		}
	})
}

// unlocked waits, without the lock, for a channel or a time, whichever is given.
func (s *Supervisor) unlocked(ctx context.Context, done <-chan struct{}, wait time.Duration) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	var elapsed <-chan time.Time
	if done == nil {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		elapsed = timer.C
	}
	select {
	case <-done:
	case <-elapsed:
	case <-s.closing.Done(): // the caller looks again
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// launch fills an empty slot. The launch belongs to nobody: who asked for it may lose patience while others still wait.
func (s *Supervisor) launch(slot *slot, r Request) {
	i := &instance{slot: slot, launched: make(chan struct{}), dead: make(chan struct{}), gone: make(chan struct{})}
	slot.current, slot.name, slot.plugin = i, r.Name, r.Plugin
	s.work.Go(func() { s.run(i, r) })
}

// run is the life of one process.
func (s *Supervisor) run(i *instance, r Request) {
	log := s.settings.Logger.With("connector", r.Name, "plugin", r.Plugin.Description.GetName())
	process, err := client.Launch(s.closing, client.Settings{
		Path: r.Plugin.Path, Checksum: r.Plugin.Checksum[:], Dir: s.settings.SocketDir, Env: r.Env, MemoryLimit: r.MemoryLimit,
		HostVersion: s.settings.HostVersion, Logger: log,
	})
	s.mu.Lock()
	i.process, i.err, i.started = process, err, time.Now()
	close(i.launched)
	if err != nil {
		i.death = Death{Cause: CauseStart, Err: err}
		s.bury(i, log)
		s.mu.Unlock()
		return
	}
	log.Info("plugin process started", "pid", process.PID(), "version", r.Plugin.Description.GetVersion())
	if i.leases == 0 || s.closing.Err() != nil { // all who waited lost patience
		s.end(i)
	}
	s.mu.Unlock()

	<-process.Exited()
	s.mu.Lock()
	defer s.mu.Unlock()
	exit := process.Exit()
	switch {
	case i.verdict != nil && exit.ByHost:
		i.death = *i.verdict
	case i.ending:
		i.death = Death{Cause: CauseStop, Err: fmt.Errorf("plugin %s (pid %d) was stopped: %s", r.Plugin.Path, process.PID(), exit)}
	default:
		i.death = Death{Cause: causeOf(exit), Err: fmt.Errorf("plugin %s (pid %d) %s", r.Plugin.Path, process.PID(), exit.Report())}
	}
	s.bury(i, log)
}

// bury closes the account of a process that has ended, or of a launch that failed, and decides when the next may start.
func (s *Supervisor) bury(i *instance, log hclog.Logger) {
	slot := i.slot
	switch cause := i.death.Cause; {
	case cause == CauseStop || s.closing.Err() != nil:
		log.Info("plugin process ended")
		slot.backoff.Reset()
	default:
		var ran time.Duration
		if cause != CauseStart {
			ran = time.Since(i.started)
		}
		delay := slot.backoff.Next(ran)
		slot.earliest = time.Now().Add(delay)
		slot.restarts[cause]++
		s.restarts[cause]++
		log.Error("plugin process is gone", "cause", string(cause), "failures_in_a_row", slot.backoff.Failures(),
			"next_start_not_before", delay.Round(time.Millisecond), "err", i.death.Err)
	}
	slot.current = nil
	close(i.dead)
	close(i.gone)
	s.tidy(slot)
}

// end lets a process end, by force when it takes too long.
func (s *Supervisor) end(i *instance) {
	if i.ending {
		return
	}
	i.ending = true
	s.work.Go(func() {
		ctx, cancel := context.WithTimeout(s.patience, s.settings.StopTimeout)
		defer cancel()
		i.process.Stop(ctx)
	})
}

// release takes back one lease.
func (s *Supervisor) release(i *instance) {
	i.leases--
	if i.leases > 0 || i.process == nil {
		return
	}
	select {
	case <-i.dead:
	default:
		s.end(i)
	}
}

// Shutdown ends all processes, by force after the stop timeout or when the context is done, and returns when they are gone. Launches are broken
// off, leases die with the cause stop. A second call with a context that is done makes the first one use force at once.
func (s *Supervisor) Shutdown(ctx context.Context) {
	s.mu.Lock()
	s.close()
	for _, slot := range s.slots {
		if slot.current != nil && slot.current.process != nil {
			s.end(slot.current)
		}
	}
	s.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		s.work.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		s.force()
		<-idle
	}
}

// Lease is the right to use a process. All methods are safe for concurrent use.
type Lease struct {
	supervisor *Supervisor
	instance   *instance
	released   sync.Once
}

// Process is the process.
func (l *Lease) Process() *client.Process { return l.instance.process }

// Dead is closed when the process is no more, milliseconds after the fact.
func (l *Lease) Dead() <-chan struct{} { return l.instance.dead }

// Death tells why the process is no more. It waits until it is.
func (l *Lease) Death() Death {
	<-l.instance.dead
	return l.instance.death
}

// Fail kills the process because it is of no use any more, for all who share it. cause is CauseStall or CauseProtocol, err says what was seen.
// It does nothing when the process is dead already, or was failed before.
func (l *Lease) Fail(cause Cause, err error) {
	l.supervisor.mu.Lock()
	defer l.supervisor.mu.Unlock()
	i := l.instance
	if i.verdict == nil && !i.ending {
		i.verdict = &Death{Cause: cause, Err: fmt.Errorf("plugin %s (pid %d) was killed: %w", i.process.Path(), i.process.PID(), err)}
	}
	i.process.Kill()
}

// Release gives the lease back. With its last lease a process ends; Release does not wait for that, the next Acquire of the key does. Calling it
// again does nothing.
func (l *Lease) Release() {
	l.released.Do(func() {
		l.supervisor.mu.Lock()
		defer l.supervisor.mu.Unlock()
		l.supervisor.release(l.instance)
	})
}

// ProcessInfo tells about one process, or one that is to be started again.
type ProcessInfo struct {
	Key    string
	Name   string
	Plugin *Plugin
	// PID is 0 while no process runs.
	PID     int
	Started time.Time
	Leases  int
	// Failures is the number of failures in a row, NextStart when the next process may start after the last one.
	Failures  int
	NextStart time.Time
	// Restarts counts, for this key, by cause.
	Restarts map[Cause]uint64
}

// Processes lists the processes, by key.
func (s *Supervisor) Processes() []ProcessInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]ProcessInfo, 0, len(s.slots))
	for _, slot := range s.slots {
		info := ProcessInfo{
			Key: slot.key.key, Name: slot.name, Plugin: slot.plugin, Failures: slot.backoff.Failures(), NextStart: slot.earliest,
			Restarts: maps.Clone(slot.restarts),
		}
		if i := slot.current; i != nil && i.process != nil {
			info.PID, info.Started, info.Leases = i.process.PID(), i.started, i.leases
		}
		all = append(all, info)
	}
	slices.SortFunc(all, func(a, b ProcessInfo) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Plugin.Path, b.Plugin.Path))
	})
	return all
}

// Restarts counts, since the start of the worker and for all processes, how often one had to be started again, by cause.
func (s *Supervisor) Restarts() map[Cause]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.restarts)
}
