package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// process is a process that a benchmark started. It is in this process's group, which run.sh ends whatever happens.
type process struct {
	name  string
	log   string
	cmd   *exec.Cmd
	stdin io.Closer
	done  chan struct{} // closed when it has ended
	err   error         // of its end
}

// launch starts a process and returns what follows prefix in the first line of its standard output that begins with it.
// Without a prefix it waits for nothing. Standard error goes to a file.
func (l *lab) launch(ctx context.Context, name, prefix, path string, args ...string) (*process, string, error) {
	p := &process{name: name, log: l.path(l.unique(name) + ".log"), done: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir = l.folder
	// What connect.sh is told with variables would be settings of Outboard's worker.
	p.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CONNECT_") })
	log, err := os.Create(p.log)
	if err != nil {
		return nil, "", err
	}
	defer log.Close()
	p.cmd.Stderr = log
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, "", err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, "", fmt.Errorf("starting %s: %w", name, err)
	}
	said := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if text, found := strings.CutPrefix(lines.Text(), prefix); found && prefix != "" {
				select {
				case said <- text:
				default:
				}
			}
		}
		_, _ = io.Copy(io.Discard, out) // an overlong line ends the scanner
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if prefix == "" {
		return p, "", nil
	}
	select {
	case text := <-said:
		return p, text, nil
	case <-p.done:
		return nil, "", p.failure("ended while starting")
	case <-ctx.Done():
		p.stop()
		return nil, "", ctx.Err()
	case <-time.After(startLimit):
		p.stop()
		return nil, "", p.failure(fmt.Sprintf("did not say %q within %s", prefix, startLimit))
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// failure is an error with the end of the process's log.
func (p *process) failure(what string) error {
	text, _ := os.ReadFile(p.log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Errorf("%s %s; the end of its log:\n  %s", p.name, what, strings.Join(lines[max(0, len(lines)-15):], "\n  "))
}

// stop ends the process: it is asked to, and killed when it takes too long, which is an error.
func (p *process) stop() error {
	_ = p.stdin.Close()                       // the processes of this program end with it
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it has ended already, or does now
	select {
	case <-p.done:
		return nil
	case <-time.After(stopLimit):
	}
	_ = p.cmd.Process.Kill()
	<-p.done
	return p.failure(fmt.Sprintf("did not stop within %s and was killed", stopLimit))
}

// wait returns when the process has ended by itself; that it failed is an error.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if p.err != nil {
		return p.failure("failed: " + p.err.Error())
	}
	return nil
}

// withParent returns a context that ends with ctx, and when standard input does: a process of this program that is gone.
func withParent(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // its end is what matters
		cancel()
	}()
	return ctx, cancel
}
