package isolation

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/plugin-sdk/client"
)

// patience is how long a test waits for what must happen. Only a test that fails takes that long.
const patience = time.Minute

// bench is a supervisor with the test plugin in its catalog.
type bench struct {
	*Supervisor
	plugin *Plugin
}

func newBench(t *testing.T, env ...string) *bench {
	t.Helper()
	dir := t.TempDir()
	install(t, filepath.Join(dir, "plugin"), script("", env...), 0o755)
	c := newTestCatalog(t, CatalogSettings{Path: []string{dir}})
	scan(t, c)
	found, err := c.Find("TestSource", "")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Supervisor: NewSupervisor(SupervisorSettings{Logger: hclog.NewNullLogger(), StopTimeout: patience}), plugin: found.Plugin}
	t.Cleanup(func() {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		b.Shutdown(over)
		for _, p := range b.Processes() {
			if p.PID != 0 {
				t.Errorf("left behind: %+v", p)
			}
		}
	})
	return b
}

func (b *bench) acquire(t *testing.T, key string, env ...string) *Lease {
	t.Helper()
	l, err := b.Acquire(t.Context(), Request{Plugin: b.plugin, Key: key, Name: key, Env: env})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// tell makes the test plugin misbehave.
func tell(l *Lease) { _ = syscall.Kill(l.Process().PID(), syscall.SIGUSR1) }

// mustDie waits for the death of a process.
func mustDie(t *testing.T, l *Lease) Death {
	t.Helper()
	select {
	case <-l.Dead():
	case <-time.After(patience):
		t.Fatal("the death was not noticed")
	}
	return l.Death()
}

func TestProcessesAreShared(t *testing.T) {
	b := newBench(t)
	one, two, other := b.acquire(t, "a"), b.acquire(t, "a"), b.acquire(t, "b")
	if one.Process() != two.Process() || one.Process() == other.Process() {
		t.Error("the key does not tell processes apart")
	}
	infos := b.Processes()
	if len(infos) != 2 || infos[0].Leases != 2 || infos[0].PID != one.Process().PID() || infos[1].Key != "b" || infos[0].Started.IsZero() {
		t.Errorf("got %+v", infos)
	}
	one.Release()
	one.Release() // does nothing
	if _, err := two.Process().Describe(t.Context()); err != nil {
		t.Errorf("the process ended with a lease left: %v", err)
	}
	old := two.Process()
	two.Release()
	three := b.acquire(t, "a")
	select {
	case <-old.Exited():
	default:
		t.Error("two processes for one key at a time")
	}
	if e := old.Exit(); !e.ByHost || e.Signal != 0 {
		t.Errorf("the process was not asked to end: %+v", e)
	}
	if three.Process() == old {
		t.Error("got a process that has ended")
	}
	if n := len(b.Restarts()); n != 0 {
		t.Errorf("a start after a stop is counted as a restart: %v", b.Restarts())
	}
	three.Release()
	other.Release()
	mustDie(t, three)
	mustDie(t, other)
	if left := b.Processes(); len(left) != 0 {
		t.Errorf("still known: %+v", left)
	}
}

func TestVersionsDoNotShare(t *testing.T) {
	b, newer := newBench(t), newBench(t, "VERSION=2")
	one := b.acquire(t, "a")
	two, err := b.Acquire(t.Context(), Request{Plugin: newer.plugin, Key: "a", Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if one.Process() == two.Process() {
		t.Error("two versions share a process")
	}
}

func TestDeath(t *testing.T) {
	b := newBench(t)
	var leases []*Lease
	for range 3 {
		leases = append(leases, b.acquire(t, "a"))
	}
	killed := time.Now()
	pid := leases[0].Process().PID()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, l := range leases {
		if d := mustDie(t, l); d.Cause != CauseSignal || !strings.Contains(d.Err.Error(), "was killed by SIGKILL") || !strings.Contains(d.Err.Error(), b.plugin.Path) {
			t.Errorf("got %+v", d)
		}
	}
	// All come back at once and get one new process.
	var group sync.WaitGroup
	again := make([]*Lease, len(leases))
	for i, l := range leases {
		group.Go(func() {
			l.Release()
			again[i] = b.acquire(t, "a")
		})
	}
	group.Wait()
	took := time.Since(killed)
	if took < 200*time.Millisecond {
		t.Errorf("the restart took %s, without a pause", took)
	}
	for _, l := range again {
		if l.Process() != again[0].Process() || l.Process().PID() == pid {
			t.Error("not one new process for all")
		}
	}
	info := b.Processes()[0]
	if got := b.Restarts(); len(got) != 1 || got[CauseSignal] != 1 || info.Restarts[CauseSignal] != 1 || info.Failures != 1 {
		t.Errorf("got %v, %+v", got, info)
	}
}

func TestCauses(t *testing.T) {
	stalled := errors.New("no heartbeat for 30 s")
	tests := map[string]struct {
		env   []string
		do    func(*Lease)
		cause Cause
		want  string
	}{
		"exit":     {env: []string{"MODE=panic"}, do: tell, cause: CauseExit, want: "exited with code 2; it wrote to standard error: panic: the disk is full"},
		"signal":   {env: []string{"MODE=killed"}, do: tell, cause: CauseSignal, want: "was killed by SIGKILL"},
		"stall":    {do: func(l *Lease) { l.Fail(CauseStall, stalled); l.Fail(CauseProtocol, nil) }, cause: CauseStall, want: "was killed: no heartbeat for 30 s"},
		"protocol": {do: func(l *Lease) { l.Fail(CauseProtocol, errors.New("batch 3 after batch 1")) }, cause: CauseProtocol, want: "batch 3 after batch 1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			l := b.acquire(t, "a", test.env...)
			test.do(l)
			d := mustDie(t, l)
			if d.Cause != test.cause || !strings.Contains(firstLine(d.Err.Error()), test.want) {
				t.Errorf("got %+v", d)
			}
			if got := b.Restarts(); got[test.cause] != 1 || len(got) != 1 {
				t.Errorf("got %v", got)
			}
			l.Fail(CauseStall, stalled)
			if l.Death().Cause != test.cause {
				t.Error("a dead process died again")
			}
			l.Release()
		})
	}
}

func TestOutOfMemory(t *testing.T) {
	b := newBench(t)
	l, err := b.Acquire(t.Context(), Request{Plugin: b.plugin, Key: "a", Name: "a", Env: []string{"MODE=eats memory"}, MemoryLimit: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	tell(l)
	if d := mustDie(t, l); d.Cause != CauseOOM {
		t.Errorf("got %+v", d)
	}
}

func TestLaunchFails(t *testing.T) {
	b := newBench(t)
	bad := Request{Plugin: b.plugin, Key: "a", Name: "a", Env: []string{"MODE=exit 3"}}
	// A script sets its variables, so Env reaches the test plugin behind it.
	if _, err := b.Acquire(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "exited with code 3 before its handshake") {
		t.Fatalf("got %v", err)
	}
	info := b.Processes()[0]
	if info.Failures != 1 || info.PID != 0 || info.NextStart.IsZero() || b.Restarts()[CauseStart] != 1 {
		t.Errorf("got %+v, %v", info, b.Restarts())
	}
	// Impatience ends the wait for the next try.
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := b.Acquire(ctx, bad); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	// All who wait share the next try, and it waits for its time.
	next := b.Processes()[0].NextStart
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			if _, err := b.Acquire(t.Context(), bad); err == nil || time.Now().Before(next) {
				t.Errorf("got %v, %s too early", err, time.Until(next))
			}
		})
	}
	group.Wait()
	if got := b.Restarts()[CauseStart]; got < 2 || got > 5 { // those who came late may have had a try of their own, but not each of them
		t.Errorf("%d tries", got)
	}
}

func TestChangedBinaryIsNotStarted(t *testing.T) {
	b := newBench(t)
	install(t, b.plugin.Path, script("", "VERSION=2"), 0o755)
	if _, err := b.Acquire(t.Context(), Request{Plugin: b.plugin, Key: "a", Name: "a"}); !errors.Is(err, client.ErrChanged) {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(b.plugin.Path); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Acquire(t.Context(), Request{Plugin: b.plugin, Key: "b", Name: "b"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// A launch goes on when the one who asked for it loses patience, and ends when all have.
func TestLostPatience(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	request := Request{Plugin: b.plugin, Key: "a", Name: "a"}
	cancel()
	if _, err := b.Acquire(ctx, request); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	l := b.acquire(t, "a") // joins the launch, or follows it
	if _, err := l.Process().Describe(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := b.Acquire(ctx, Request{Plugin: b.plugin, Key: "b", Name: "b"}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	b.mu.Lock()
	orphan := b.slots[slotKey{key: "b", checksum: b.plugin.Checksum}].current
	b.mu.Unlock()
	select {
	case <-orphan.gone:
	case <-time.After(patience):
		t.Error("a process that nobody wants lives on")
	}
	if orphan.death.Cause != CauseStop {
		t.Errorf("got %+v", orphan.death)
	}
}

func TestShutdown(t *testing.T) {
	b := newBench(t)
	good, stubborn := b.acquire(t, "a"), b.acquire(t, "b", "MODE=stubborn")
	// The time is up when the good one has ended.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		<-good.Process().Exited()
		cancel()
	}()
	// One waits for a launch that takes for ever, one for a restart.
	dying := b.acquire(t, "c", "MODE=killed")
	tell(dying)
	mustDie(t, dying)
	waiting := make(chan error, 2)
	dir, err := os.MkdirTemp("", "a") // short: the path of a socket has some hundred bytes
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	started, err := net.Listen("unix", filepath.Join(dir, "alive"))
	if err != nil {
		t.Fatal(err)
	}
	defer started.Close()
	go func() {
		env := []string{"MODE=silent", "ALIVE=" + started.Addr().String()}
		_, err := b.Acquire(t.Context(), Request{Plugin: b.plugin, Key: "d", Name: "d", Env: env})
		waiting <- err
	}()
	conn, err := started.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		_, err := b.Acquire(t.Context(), Request{Plugin: b.plugin, Key: "c", Name: "c", Env: []string{"MODE=silent"}})
		waiting <- err
	}()
	b.Shutdown(ctx)
	for range 2 {
		if err := <-waiting; !errors.Is(err, ErrShutdown) {
			t.Errorf("got %v", err)
		}
	}
	for _, l := range []*Lease{good, stubborn} {
		if d := mustDie(t, l); d.Cause != CauseStop {
			t.Errorf("got %+v", d)
		}
	}
	if e := good.Process().Exit(); e.Signal != 0 {
		t.Errorf("the good one was killed: %+v", e)
	}
	if e := stubborn.Process().Exit(); e.Signal != syscall.SIGKILL {
		t.Errorf("the stubborn one was not killed: %+v", e)
	}
	good.Release()
	if _, err := b.Acquire(t.Context(), Request{Plugin: b.plugin, Key: "a", Name: "a"}); !errors.Is(err, ErrShutdown) {
		t.Errorf("got %v", err)
	}
	b.Shutdown(t.Context())
}
