package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk"
)

// memoryPeriod is how often the memory of a process with a limit is looked at.
const memoryPeriod = 250 * time.Millisecond

// processRunner is one plugin process, as go-plugin's runner.Runner. Different from go-plugin's own
//
//   - the process has its own process group, which is killed with it, and dies with the host;
//   - its end is seen when it ends, not when the last of its children closes standard error;
//   - its standard error is read here, where foreign bytes cannot hurt and lines without a level are not hidden;
//   - the handshake is read and judged here, so that errors can tell what happened.
type processRunner struct {
	path string
	dir  string   // private to the process, holds its socket
	lock *os.File // on dir, as long as the process is
	pid  int
	cmd  *exec.Cmd

	handshake string
	stdin     *os.File // never written to: the plugin reads the end of file when the host is gone
	ooms      int64    // kills for want of memory the kernel had counted before the start

	mu        sync.Mutex
	reaping   bool  // the process has ended, its id may soon be another's
	expected  bool  // the host asked for the end, or forced it
	overLimit int64 // the bytes of memory that it was killed for

	exited chan struct{}
	exit   ExitState // set before exited is closed
}

// start starts a plugin process and waits for its handshake. dir is removed on failure. Errors begin with a verb: the caller names the plugin.
func start(ctx context.Context, s Settings, handshakeEnv []string, dir string, logs *stderr) (r *processRunner, err error) {
	lock, err := hold(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot be started, its directory cannot be locked: %w", err), os.RemoveAll(dir))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir), lock.Close())
		}
	}()
	binary, err := openBinary(s.Path, s.Checksum)
	if err != nil {
		return nil, err
	}
	defer binary.close()

	cmd, err := binary.command(dir)
	if err != nil {
		return nil, err
	}
	cmd.Env = environment(s, handshakeEnv)
	cmd.SysProcAttr = processAttributes()
	r = &processRunner{path: s.Path, dir: dir, lock: lock, cmd: cmd, ooms: outOfMemoryKills(), exited: make(chan struct{})}
	lines, err := r.fork(logs, s.Stdout)
	if err != nil {
		return nil, binary.explain(err)
	}
	if err := binary.unchanged(); err != nil {
		r.kill()
		<-r.exited
		return nil, err
	}
	if err := preferAsVictim(r.pid); err != nil {
		s.Logger.Debug("the kernel may kill the worker before the plugin when there is no memory", "pid", r.pid, "err", err)
	}
	if s.MemoryLimit > 0 {
		go r.watchMemory(s.MemoryLimit)
	}
	return r, r.awaitHandshake(ctx, lines, s.StartTimeout)
}

// environment builds a plugin's environment from nothing. Of variables given twice the last one counts.
func environment(s Settings, handshakeEnv []string) []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "PATH", "HOME", "TMPDIR", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR":
			env = append(env, v)
		default:
			if strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "OUTBOARD_PLUGIN_") {
				env = append(env, v)
			}
		}
	}
	if s.MemoryLimit > 0 {
		env = append(env, "GOMEMLIMIT="+strconv.FormatInt(s.MemoryLimit/10*9, 10))
	}
	return slices.Concat(env, s.Env, handshakeEnv)
}

// fork starts the process with pipes for its standard files, and what serves them. The channel gives the first line of its standard output.
func (r *processRunner) fork(logs *stderr, stdout io.Writer) (firstLine <-chan string, err error) {
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	var ours []*os.File
	for i := range 3 {
		read, write, err := os.Pipe()
		if err != nil {
			for _, f := range ours {
				f.Close()
			}
			return nil, fmt.Errorf("cannot be started: %w", err)
		}
		if i == 0 {
			read, write = write, read
		}
		ours, theirs = append(ours, read), append(theirs, write)
	}
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = theirs[0], theirs[1], theirs[2]
	r.stdin = ours[0]

	started := make(chan error, 1)
	reaped := make(chan struct{})
	go func() {
		r.run(started)
		close(reaped)
	}()
	if err := <-started; err != nil {
		for _, f := range ours {
			f.Close()
		}
		return nil, err
	}
	lines := make(chan string, 1)
	go func() {
		readOutput(&output{pipe: ours[1]}, lines, stdout)
		ours[1].Close()
	}()
	logged := make(chan struct{})
	go func() {
		w := &lineWriter{to: logs}
		_, _ = io.Copy(w, &output{pipe: ours[2]}) // ends with the process, whatever the error
		w.flush()
		close(logged)
	}()
	go r.await(reaped, logged, ours, logs)
	return lines, nil
}

// run forks the process and reaps it. It stays on one thread throughout: on Linux the process dies with the thread that forked it.
func (r *processRunner) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := r.cmd.Start()
	if err != nil {
		started <- err
		return
	}
	r.pid = r.cmd.Process.Pid
	started <- nil
	awaitExit(r.pid)

	r.mu.Lock()
	r.reaping = true
	_ = syscall.Kill(-r.pid, syscall.SIGKILL) // what it left behind in its group
	r.mu.Unlock()
	_ = r.cmd.Wait() // how it ended is in its ProcessState
}

// await says how the process ended once its last words are read.
func (r *processRunner) await(reaped, logged <-chan struct{}, pipes []*os.File, logs *stderr) {
	<-reaped
	for _, f := range pipes[1:] {
		_ = f.SetReadDeadline(time.Unix(1, 0)) // see output
	}
	<-logged
	for _, f := range []*os.File{pipes[0], pipes[2]} { // the reader of standard output closes its pipe itself
		f.Close()
	}
	state := r.cmd.ProcessState
	exit := ExitState{Code: state.ExitCode()}
	if w, ok := state.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		exit.Signal = w.Signal()
	}
	r.mu.Lock()
	exit.ByHost, exit.MemoryUsed = r.expected && r.overLimit == 0, r.overLimit
	r.mu.Unlock()
	exit.Stderr, exit.OutOfMemory = logs.end(exit.Code != 0)
	if r.overLimit > 0 || exit.Signal == syscall.SIGKILL && !exit.ByHost && outOfMemoryKills() > r.ooms {
		exit.OutOfMemory = true
	}
	r.exit = exit
	close(r.exited)
}

// readOutput gives away the first line and copies the rest.
func readOutput(f io.Reader, first chan<- string, rest io.Writer) {
	line, more := readLine(f, maxHandshake)
	if line != "" {
		first <- line
	}
	close(first)
	if _, err := rest.Write(more); err != nil {
		rest = io.Discard
	}
	if _, err := io.Copy(rest, f); err != nil {
		_, _ = io.Copy(io.Discard, f) // a writer that fails must not block the plugin
	}
}

// watchMemory kills the process group when the process uses more memory than it may. It ends with the process.
func (r *processRunner) watchMemory(limit int64) {
	ticker := time.NewTicker(memoryPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-r.exited:
			return
		case <-ticker.C:
		}
		used, err := memoryInUse(r.pid)
		if err != nil {
			return // it has just ended, or the system does not tell
		}
		if used > limit {
			r.mu.Lock()
			if !r.reaping {
				r.overLimit = used
				_ = syscall.Kill(-r.pid, syscall.SIGKILL)
			}
			r.mu.Unlock()
			return
		}
	}
}

func (r *processRunner) awaitHandshake(ctx context.Context, lines <-chan string, timeout time.Duration) error {
	var line string
	select {
	case line = <-lines:
	case <-r.exited:
		line = <-lines // what it printed before
	case <-ctx.Done():
		r.kill()
		<-r.exited
		if context.Cause(ctx) == errStartTimeout {
			return errors.New(r.exit.describe(fmt.Sprintf("printed no handshake within %s: sdk.Serve must be the first thing in main", timeout)))
		}
		return fmt.Errorf("was not started: %w", context.Cause(ctx))
	}
	err := checkHandshake(line, r.dir, sdk.Handshake.ProtocolVersion)
	switch {
	case err == nil:
		r.handshake = line
		return nil
	case line == "":
		// Standard output was closed; usually because the process ends.
		select {
		case <-r.exited:
		case <-ctx.Done():
		}
	}
	r.kill()
	<-r.exited
	if line == "" && !r.exit.ByHost {
		return errors.New(r.exit.describe(r.exit.String() + " before its handshake"))
	}
	return errors.New(r.exit.describe(err.Error()))
}

// kill kills the process group.
func (r *processRunner) kill() { r.signal(syscall.SIGKILL) }

// terminate asks the process group to end.
func (r *processRunner) terminate() { r.signal(syscall.SIGTERM) }

func (r *processRunner) signal(s syscall.Signal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reaping {
		return
	}
	r.expected = true
	_ = syscall.Kill(-r.pid, s) // it cannot be gone, it is not reaped
}

// expectEnd notes that the host wants the process to end.
func (r *processRunner) expectEnd() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.reaping {
		r.expected = true
	}
}

// The rest is what go-plugin asks of a runner. The process runs already when go-plugin gets hold of it, and standard error is not its concern.

func (r *processRunner) Start(context.Context) error { return nil }

func (r *processRunner) Wait(context.Context) error {
	<-r.exited
	return nil
}

func (r *processRunner) Kill(context.Context) error {
	r.kill()
	return nil
}

func (r *processRunner) Stdout() io.ReadCloser {
	return io.NopCloser(strings.NewReader(r.handshake + "\n"))
}
func (r *processRunner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }
func (r *processRunner) Name() string          { return filepath.Base(r.path) }
func (r *processRunner) ID() string            { return strconv.Itoa(r.pid) }

func (r *processRunner) Diagnose(context.Context) string { return "" }

func (r *processRunner) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

func (r *processRunner) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
