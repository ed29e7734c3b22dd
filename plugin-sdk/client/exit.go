package client

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// ExitState tells how a plugin process ended.
type ExitState struct {
	// Code is the exit code, -1 when a signal ended the process.
	Code int
	// Signal ended the process, 0 when it exited by itself.
	Signal syscall.Signal
	// ByHost is set when this host asked the process to stop, or killed it.
	ByHost bool
	// OutOfMemory is set when the process is known to have run out of memory: it was killed because it used more than its limit, its own
	// run time said so, or it was killed by a signal that this host did not send while the kernel counted out-of-memory kills.
	OutOfMemory bool
	// MemoryUsed is how many bytes a process used that was killed because of its limit; 0 otherwise.
	MemoryUsed int64
	// Stderr holds the last lines of standard error, at most 50 of at most 1 KiB, control characters escaped; when the process died of a Go
	// panic, the lines from there on instead.
	Stderr []string
}

// String says what happened, such as "exited with code 3".
func (e ExitState) String() string {
	var how string
	if e.Signal != 0 {
		how = "was killed by " + signalName(e.Signal)
	} else {
		how = "exited with code " + strconv.Itoa(e.Code)
	}
	switch {
	case e.MemoryUsed > 0:
		return fmt.Sprintf("was killed because it used %d MiB of memory, which is more than its limit", e.MemoryUsed>>20)
	case e.OutOfMemory:
		return "ran out of memory and " + how
	case e.ByHost:
		return how + ", as the worker demanded"
	}
	return how
}

// Report says what happened and what the process said last: the telling line first, for newcomers, and below it all lines that were kept.
func (e ExitState) Report() string { return e.describe(e.String()) }

// describe completes a first line about the end of a process as Report does.
func (e ExitState) describe(first string) string {
	var b strings.Builder
	b.WriteString(first)
	switch n := len(e.Stderr); {
	case n == 0:
		b.WriteString("; it wrote nothing to standard error")
	case n == 1:
		fmt.Fprintf(&b, "; it wrote to standard error: %s", e.Stderr[0])
	default:
		// A panic is told by its first line, anything else by its last.
		telling := e.Stderr[n-1]
		if crashes(e.Stderr[0]) {
			telling = e.Stderr[0]
		}
		fmt.Fprintf(&b, "; it wrote to standard error: %s", telling)
		for _, line := range e.Stderr {
			b.WriteString("\n  | ")
			b.WriteString(line)
		}
	}
	return b.String()
}

func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return "signal " + strconv.Itoa(int(s))
}
