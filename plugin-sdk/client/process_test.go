package client

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// patience is how long a test waits for what must happen. Only a test that fails takes that long.
const patience = time.Minute

// The programs of testdata.
var testPlugin, testHost string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "client")
	if err == nil {
		testPlugin, testHost = filepath.Join(dir, "plugin"), filepath.Join(dir, "host")
		err = errors.Join(build(testPlugin, "./testdata/plugin"), build(testHost, "./testdata/host"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if left := survivors(testPlugin); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "processes outlived the tests:", left)
		code = 1
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// survivors lists the processes that run a binary, where the system tells.
func survivors(binary string) (pids []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == binary {
			pids = append(pids, filepath.Base(filepath.Dir(link)))
		}
	}
	return pids
}

func build(binary, source string) error {
	output, err := exec.Command("go", "build", "-o", binary, source).CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build %s: %w\n%s", source, err, output)
	}
	return nil
}

// launch starts the test plugin with variables, in a directory that must be empty in the end.
func launch(t *testing.T, s Settings, env ...string) (*Process, error) {
	t.Helper()
	if s.Path == "" {
		s.Path = testPlugin
	}
	if s.Dir == "" {
		s.Dir = socketDir(t)
	}
	if s.StartTimeout == 0 {
		s.StartTimeout = patience
	}
	s.Env = append(s.Env, env...)
	p, err := Launch(t.Context(), s)
	if p != nil {
		t.Cleanup(func() {
			p.Kill()
			<-p.cleared
		})
	}
	return p, err
}

// socketDir is a short directory: the socket of a process must be empty when the test ends.
func socketDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Errorf("a process left something behind: %v", err)
		}
	})
	return dir
}

// tell makes the test plugin misbehave.
func tell(t *testing.T, p *Process) {
	t.Helper()
	if err := syscall.Kill(p.PID(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
}

func mustLaunch(t *testing.T, s Settings, env ...string) *Process {
	t.Helper()
	p, err := launch(t, s, env...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// alive listens for processes of the test plugin that are to be watched.
type alive struct {
	address string
	conns   chan net.Conn
}

// watched is one of them.
type watched struct {
	conn  net.Conn
	lines *bufio.Reader
}

func listen(t *testing.T) *alive {
	dir, err := os.MkdirTemp("", "a") // short: the path of a socket has some hundred bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	address := filepath.Join(dir, "alive")
	l, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	a := &alive{address: address, conns: make(chan net.Conn)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			select {
			case a.conns <- conn:
			case <-t.Context().Done():
				conn.Close()
			}
		}
	}()
	return a
}

// next waits for a process to say its id.
func (a *alive) next(t *testing.T) (pid int, w watched) {
	t.Helper()
	select {
	case w.conn = <-a.conns:
	case <-time.After(patience):
		t.Fatal("no process reported")
	}
	t.Cleanup(func() { w.conn.Close() })
	w.lines = bufio.NewReader(w.conn)
	pid, err := strconv.Atoi(w.line(t))
	if err != nil {
		t.Fatal(err)
	}
	return pid, w
}

// line waits for the process to say something.
func (w watched) line(t *testing.T) string {
	t.Helper()
	if err := w.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	line, err := w.lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// mustEnd waits for the end of a process that reported.
func mustEnd(t *testing.T, w watched) {
	t.Helper()
	if err := w.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.lines.ReadByte(); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("the process lives on after %s: %v", patience, err)
	}
}

func TestDescribe(t *testing.T) {
	t.Setenv("SECRET_TOKEN", "hunter2")
	t.Setenv("LC_ALL", "C")
	p := mustLaunch(t, Settings{Env: []string{"GREETING=hello"}, MemoryLimit: 1000 << 20, HostVersion: "1.2.3"})
	d, err := p.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d.GetName() != "test" || d.GetVersion() != "1.0.0" || d.GetSdk() != "1.2.3" {
		t.Errorf("got %v", d)
	}
	env := strings.Split(d.GetConnectors()[0].GetDocumentation(), "\n")
	for _, want := range []string{"GREETING=hello", "LC_ALL=C", "PATH=" + os.Getenv("PATH"), "GOMEMLIMIT=943718400"} {
		if !slices.Contains(env, want) {
			t.Errorf("the environment lacks %s: %q", want, env)
		}
	}
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		known := []string{"PATH", "HOME", "TMPDIR", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "GREETING", "GOMEMLIMIT", "OUTBOARD_PLUGIN"}
		if !slices.Contains(known, name) && !strings.HasPrefix(name, "LC_") && !strings.HasPrefix(name, "PLUGIN_") && !strings.HasPrefix(name, "OUTBOARD_PLUGIN_") {
			t.Errorf("the environment holds %s", v)
		}
	}
}

func TestPrivateDirectory(t *testing.T) {
	dir := socketDir(t)
	p := mustLaunch(t, Settings{Dir: dir})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("got %v, %v", entries, err)
	}
	info, err := entries[0].Info()
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got != os.ModeDir|0o700 {
		t.Errorf("the directory has mode %s", got)
	}
	p.Stop(t.Context())
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("Stop left %v behind", entries)
	}
}

func TestLongDirectory(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("a", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, temporary := range map[string]string{"the directory": os.TempDir(), "TMPDIR as well": long} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", temporary)
			p, err := Launch(t.Context(), Settings{Path: testPlugin, Dir: long})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Describe(t.Context()); err != nil {
				t.Error(err)
			}
			p.Stop(t.Context())
		})
	}
}

func TestLaunchFails(t *testing.T) {
	tests := map[string]struct {
		mode  string
		want  []string // of the first line
		lines []string // below it
	}{
		"garbage before the handshake": {
			mode: "garbage",
			want: []string{`printed "hello \\x1b[31mworld" where the handshake belongs`, "log to standard error"},
		},
		"endless first line": {mode: "flood", want: []string{"where the handshake belongs"}},
		"exit": {
			mode: "exit 3", want: []string{"exited with code 3 before its handshake", `cannot open \x1b[2Jthe store`},
			lines: []string{"  | reading settings", `  | cannot open \x1b[2Jthe store`},
		},
		"exit without a word":      {mode: "exit 4 without a word", want: []string{"exited with code 4 before its handshake; it wrote nothing to standard error"}},
		"other protocol version":   {mode: "version 7", want: []string{`speaks protocol version "7", this worker speaks 1`, "upgrade the worker"}},
		"other go-plugin":          {mode: "core 9", want: []string{`speaks core protocol "9"`}},
		"net/rpc":                  {mode: "netrpc", want: []string{`speaks "netrpc", this worker speaks grpc`}},
		"TCP":                      {mode: "tcp", want: []string{`listens on tcp "127.0.0.1:1"`, "PLUGIN_UNIX_SOCKET_DIR"}},
		"foreign socket":           {mode: "socket elsewhere", want: []string{`listens on unix "/tmp/elsewhere"`}},
		"exit after the handshake": {mode: "exit 5 after the handshake", want: []string{"exited with code 5 right after the handshake", "out of luck"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			watch := listen(t)
			got := make(chan error, 1)
			go func() {
				_, err := launch(t, Settings{StartTimeout: patience}, "MODE="+test.mode, "ALIVE="+watch.address)
				got <- err
			}()
			_, plugin := watch.next(t)
			rest := mustFail(t, <-got, test.want...)
			for _, want := range test.lines {
				if !slices.Contains(strings.Split(rest, "\n"), want) {
					t.Errorf("%q lacks the line %q", rest, want)
				}
			}
			mustEnd(t, plugin)
		})
	}
}

// The start timeout ends while a plugin says nothing, has closed its standard output, or does not answer. The test says when that is, not a clock.
func TestLaunchTakesTooLong(t *testing.T) {
	tests := map[string]struct {
		mode   string
		logged string // what the host is to have read by then
		ready  string // what the plugin is to have said by then
		want   []string
	}{
		"no handshake": {
			mode: "silent", logged: "looking for the meaning of life",
			want: []string{"printed no handshake within 1m0s", "looking for the meaning of life"},
		},
		"standard output closed": {mode: "closed", ready: "closed"}, // whether the host knows by then is open
		"mute":                   {mode: "mute", ready: "connected", want: []string{"printed its handshake but did not answer within 1m0s"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			watch := listen(t)
			var logged lockedBuffer
			dir := socketDir(t)
			ctx, expire := context.WithCancelCause(t.Context())
			got := make(chan error, 1)
			go func() {
				_, err := Launch(ctx, Settings{
					Path: testPlugin, Dir: dir, StartTimeout: time.Minute, Env: []string{"MODE=" + test.mode, "ALIVE=" + watch.address},
					Logger: hclog.New(&hclog.LoggerOptions{Output: &logged, Level: hclog.Info}),
				})
				got <- err
			}()
			_, plugin := watch.next(t)
			if test.ready != "" {
				if line := plugin.line(t); line != test.ready {
					t.Fatalf("the plugin said %q", line)
				}
			}
			logged.await(t, test.logged)
			expire(errStartTimeout)
			mustFail(t, <-got, test.want...)
			mustEnd(t, plugin)
		})
	}
	t.Run("by the clock", func(t *testing.T) {
		_, err := launch(t, Settings{StartTimeout: time.Millisecond}, "MODE=silent")
		mustFail(t, err, "printed no handshake within 1ms")
	})
}

// mustFail checks the first line of a launch's error and returns the others.
func mustFail(t *testing.T, err error, wants ...string) string {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	first, rest, _ := strings.Cut(err.Error(), "\n")
	for _, want := range append(wants, "plugin "+testPlugin+" ") {
		if !strings.Contains(first, want) {
			t.Errorf("%q lacks %q", first, want)
		}
	}
	return rest
}

func TestLaunchRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := "arm64"
	if runtime.GOARCH == foreign {
		foreign = "amd64"
	}
	elsewhere := filepath.Join(dir, "elsewhere")
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cross := exec.Command("go", "build", "-o", elsewhere, filepath.Join(dir, "main.go"))
	cross.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+foreign, "CGO_ENABLED=0")
	if output, err := cross.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	tests := map[string]struct {
		path     string
		checksum []byte
		want     string
		is       error
	}{
		"relative path":       {path: "plugin", want: "the path must be absolute"},
		"no file":             {path: filepath.Join(dir, "none"), want: "is not there any more: install it again", is: os.ErrNotExist},
		"a folder":            {path: dir, want: "is not a file"},
		"not executable":      {path: write("plain", "#!/bin/sh\n", 0o600), want: "is not executable: chmod +x " + filepath.Join(dir, "plain"), is: syscall.EACCES},
		"missing interpreter": {path: write("script", "#!/no/such/thing -x\n", 0o700), want: "needs /no/such/thing, which is not there", is: syscall.ENOENT},
		"not a program":       {path: write("text", "hello", 0o700), want: "is not a program: remove it from plugin.path", is: syscall.ENOEXEC},
		"for Windows":         {path: write("windows", "MZ\x00\x00", 0o700), want: "is built for windows", is: syscall.ENOEXEC},
		"other architecture":  {path: elsewhere, want: "is built for linux/" + foreign + ", this worker runs on " + runtime.GOOS + "/" + runtime.GOARCH, is: syscall.ENOEXEC},
		"changed":             {path: testPlugin, checksum: make([]byte, sha256.Size), want: "the binary has changed since it was discovered", is: ErrChanged},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := launch(t, Settings{Path: test.path, Checksum: test.checksum})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v is not %v", err, test.is)
			}
		})
	}
}

func TestKernelKillsPluginsFirst(t *testing.T) {
	p := mustLaunch(t, Settings{})
	score, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", p.PID()))
	if runtime.GOOS == "linux" && (err != nil || string(score) != "500\n") {
		t.Errorf("got %q, %v", score, err)
	}
}

func TestChecksum(t *testing.T) {
	text, err := os.ReadFile(testPlugin)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	p := mustLaunch(t, Settings{Checksum: sum[:]})
	if _, err := p.Describe(t.Context()); err != nil {
		t.Error(err)
	}
}

// A file that is swapped after it was opened does not run.
func TestSwappedBinary(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "swapped")
	text, err := os.ReadFile(testPlugin)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o700); err != nil {
		t.Fatal(err)
	}
	b, err := openBinary(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, []byte("#!/bin/sh\necho swapped\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	cmd, err := b.command(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	output, err := cmd.CombinedOutput()
	if runtime.GOOS == "linux" && (err == nil || !strings.Contains(string(output), "This binary is a plugin")) {
		t.Errorf("got %q, %v", output, err)
	}
	if err := b.unchanged(); err != nil {
		t.Errorf("the open file did not change: %v", err)
	}
	if err := os.Chtimes("/proc/self/fd/"+strconv.Itoa(int(b.file.Fd())), time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := b.unchanged(); !errors.Is(err, ErrChanged) {
		t.Errorf("a changed file: %v", err)
	}
}

func TestLaunchCancelled(t *testing.T) {
	watch := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error, 1)
	dir := socketDir(t)
	go func() {
		_, err := Launch(ctx, Settings{Path: testPlugin, Dir: dir, Env: []string{"MODE=silent", "ALIVE=" + watch.address}})
		got <- err
	}()
	_, plugin := watch.next(t)
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	mustEnd(t, plugin)
}

func TestDescribeFails(t *testing.T) {
	tests := map[string]struct {
		limit time.Duration
		want  string
	}{
		"nothing":  {limit: patience, want: "describes itself wrongly, tell its author: its name is empty"},
		"too much": {limit: patience, want: "received message larger than max"},
		"death":    {limit: patience, want: "exited with code 9 during Describe; it wrote to standard error: tired"},
		"never":    {limit: 100 * time.Millisecond, want: "was asked to describe itself: context deadline exceeded"},
	}
	for how, test := range tests {
		t.Run(how, func(t *testing.T) {
			p := mustLaunch(t, Settings{}, "DESCRIBE="+how)
			ctx, cancel := context.WithTimeout(t.Context(), test.limit)
			defer cancel()
			_, err := p.Describe(ctx)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestEnd(t *testing.T) {
	tests := map[string]struct {
		mode   string
		want   string
		code   int
		signal syscall.Signal
		oom    bool
		first  string // line of standard error
		limit  int64
	}{
		"panic":              {mode: "panic", code: 2, want: "exited with code 2", first: "panic: the disk is full"},
		"killed by somebody": {mode: "killed", code: -1, signal: syscall.SIGKILL, want: "was killed by SIGKILL"},
		"out of memory":      {mode: "eats memory", code: -1, signal: syscall.SIGKILL, oom: true, limit: 64 << 20, want: "was killed because it used * MiB of memory, which is more than its limit"},
	}
	memory := regexp.MustCompile(`used \d+ MiB`)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := mustLaunch(t, Settings{MemoryLimit: test.limit}, "MODE="+test.mode)
			tell(t, p)
			select {
			case <-p.Exited():
			case <-time.After(patience):
				t.Fatal("the end was not noticed")
			}
			e := p.Exit()
			if e.Code != test.code || e.Signal != test.signal || e.ByHost || e.OutOfMemory != test.oom || memory.ReplaceAllString(e.String(), "used * MiB") != test.want {
				t.Errorf("got %+v, %s", e, e)
			}
			if test.first != "" && (len(e.Stderr) == 0 || !strings.HasPrefix(e.Stderr[0], test.first)) {
				t.Errorf("got %q, want %q", e.Stderr, test.first)
			}
		})
	}
}

func TestStop(t *testing.T) {
	tests := map[string]struct {
		mode     string
		deadline time.Duration
		signal   syscall.Signal
		atLeast  time.Duration
	}{
		"obeys":            {deadline: patience},
		"ignores it":       {mode: "stubborn", deadline: 300 * time.Millisecond, signal: syscall.SIGKILL, atLeast: 300 * time.Millisecond},
		"no time to spare": {signal: syscall.SIGKILL},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := mustLaunch(t, Settings{}, "MODE="+test.mode)
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
			defer cancel()
			var calls sync.WaitGroup
			for range 3 {
				calls.Go(func() { p.Stop(ctx) })
			}
			calls.Wait()
			took := time.Since(start)
			if e := p.Exit(); e.Signal != test.signal || !e.ByHost {
				t.Errorf("got %+v", e)
			}
			if took < test.atLeast {
				t.Errorf("took %s", took)
			}
			p.Stop(ctx)
			p.Kill()
		})
	}
}

// A frozen process answers nothing, not even the request to end.
func TestStopFrozen(t *testing.T) {
	p := mustLaunch(t, Settings{})
	mustFreeze(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	p.Stop(ctx)
	if e := p.Exit(); e.Signal != syscall.SIGKILL || !e.ByHost || e.OutOfMemory {
		t.Errorf("got %+v", e)
	}
}

// mustFreeze stops the process and returns when the kernel says that all of its threads stand still: a signal that was sent is not yet one that acts.
func mustFreeze(t *testing.T, p *Process) {
	t.Helper()
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	for {
		pid, err := syscall.Wait4(p.PID(), &status, syscall.WUNTRACED, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid != p.PID() || !status.Stopped() {
			t.Fatalf("wait4: pid %d, status %#x, %v", pid, uint32(status), err)
		}
		return
	}
}

func TestChildren(t *testing.T) {
	tests := map[string]struct {
		mode     string
		survives bool // only a child that left the group
	}{
		"killed with the process":             {mode: "child"},
		"killed when the process exits":       {mode: "child and exit"},
		"do not delay the end of the process": {mode: "child that left the group and exit", survives: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			watch, watchChild := listen(t), listen(t)
			p := mustLaunch(t, Settings{}, "MODE="+test.mode, "ALIVE="+watch.address, "CHILD_ALIVE="+watchChild.address)
			_, plugin := watch.next(t)
			pid, child := watchChild.next(t)
			if test.mode == "child" {
				p.Kill()
			} else {
				tell(t, p)
			}
			mustEnd(t, plugin)
			select {
			case <-p.Exited():
			case <-time.After(patience):
				t.Error("the end was not noticed")
			}
			if test.survives {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Errorf("the child is gone: %v", err)
				}
			}
			mustEnd(t, child)
		})
	}
}

func TestEndOfInput(t *testing.T) {
	p := mustLaunch(t, Settings{}, "MODE=exit 6 with the input")
	p.runner.stdin.Close() // the kernel does it when the host dies
	if e := p.Exit(); e.Code != 6 {
		t.Errorf("got %+v", e)
	}
}

func TestHostDies(t *testing.T) {
	watch := listen(t)
	dir := socketDir(t)
	host := exec.Command(testHost, testPlugin, "ALIVE="+watch.address)
	host.Env = []string{"TMPDIR=" + dir}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	_, plugin := watch.next(t)
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	mustEnd(t, plugin)
	_ = host.Wait()
	left := func() int {
		t.Helper()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	p := mustLaunch(t, Settings{Dir: dir})
	if n := left(); n != 2 {
		t.Fatalf("there are %d directories: one of the dead host's plugin, and one of this one's are expected", n)
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	if n := left(); n != 1 {
		t.Errorf("%d directories remain", n)
	}
	if _, err := p.Describe(t.Context()); err != nil {
		t.Errorf("the plugin of this host does not answer any more: %v", err)
	}
	p.Stop(t.Context())
}

// Nothing but what a host has locked is removed, whatever it is called.
func TestSweepKnowsItsOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[*]")
	for _, d := range []string{"plugin-dir1", "plugin-dir2/host", "plugin-dir3", "other"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"plugin-dir3/host", "other/host", "plugin-dir4"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{"other", "plugin-dir1", "plugin-dir2", "plugin-dir4"}; !slices.Equal(names, want) {
		t.Errorf("there are %q, want %q", names, want)
	}
}

// Threads of the Go run time come and go; a plugin must not go with the one that happened to start it.
func TestThreadsDie(t *testing.T) {
	started := make(chan *Process)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		p, err := launch(t, Settings{})
		if err != nil {
			t.Error(err)
		}
		started <- p
	}()
	p := <-started
	for range 20 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread()
		}()
		<-done
	}
	if _, err := p.Describe(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOutput(t *testing.T) {
	var logged, printed lockedBuffer
	log := hclog.New(&hclog.LoggerOptions{Output: &logged, Level: hclog.Info, DisableTime: true})
	p := mustLaunch(t, Settings{Logger: log}, "MODE=logs")
	p.Stop(t.Context())
	for _, want := range []string{
		`[WARN]  slow \x1b[1mdisk: ms=12 path=/a\x0ab` + "\n",
		`[INFO]  plain \x07words` + "\n",
	} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("%q lacks %q", logged.String(), want)
		}
	}

	p = mustLaunch(t, Settings{Logger: log, Stdout: &printed}, "MODE=prints")
	tell(t, p)
	printed.await(t, "printed\n")
	logged.await(t, "[INFO]  printed as an error\n")
	p.Stop(t.Context())
}

// lockedBuffer is written to by others.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
	new chan struct{}
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.new != nil {
		close(b.new)
		b.new = nil
	}
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *lockedBuffer) await(t *testing.T, want string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		b.mu.Lock()
		if strings.Contains(b.buf.String(), want) {
			b.mu.Unlock()
			return
		}
		if b.new == nil {
			b.new = make(chan struct{})
		}
		changed := b.new
		b.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%q lacks %q", b.String(), want)
		}
	}
}

// Processes leave neither files open nor goroutines behind.
func TestNothingLeaks(t *testing.T) {
	cycle := func() {
		p := mustLaunch(t, Settings{Dir: os.TempDir()})
		p.Stop(t.Context())
		if _, err := Launch(t.Context(), Settings{Path: testPlugin, Env: []string{"MODE=garbage"}}); err == nil {
			t.Fatal("no error")
		}
	}
	cycle() // what is set up once
	files, routines := openFiles(t), runtime.NumGoroutine()
	for range 5 {
		cycle()
	}
	deadline := time.Now().Add(patience)
	for openFiles(t) > files || runtime.NumGoroutine() > routines {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d files, %d before; %d goroutines, %d before\n%s", openFiles(t), files, runtime.NumGoroutine(), routines,
				stacks[:runtime.Stack(stacks, true)])
		}
		runtime.Gosched()
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestSocketDirectory(t *testing.T) {
	dir := filepath.Join(socketDir(t), "made")
	t.Cleanup(func() { os.Remove(dir) })
	p := mustLaunch(t, Settings{Dir: dir})
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("got %v, %v", entries, err)
	}
	p.Stop(t.Context())
	if _, err := launch(t, Settings{Dir: filepath.Join(testPlugin, "below")}); err == nil || !strings.Contains(err.Error(), "there is no directory for its socket") {
		t.Errorf("got %v", err)
	}
}
