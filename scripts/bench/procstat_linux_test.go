package main

import (
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"testing"
	"time"
)

func TestOwnProcess(t *testing.T) {
	before, err := cpuOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); ; { // until the clock of /proc has ticked
		now, err := cpuOf(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now > before {
			break
		}
		if time.Since(begin) > time.Minute {
			t.Fatalf("a minute of work, and the time used is still %s", now)
		}
	}
	debug.FreeOSMemory() // what other tests left behind would be used again, and not be more
	m, err := memoryOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if m.peak <= 0 || m.resident <= 0 || m.proportional <= 0 {
		t.Errorf("memory %+v: none may be 0", m)
	}
	ballast := make([]byte, 64<<20)
	for i := 0; i < len(ballast); i += 4096 {
		ballast[i] = 1
	}
	high, err := memoryOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if high.peak < m.resident+int64(len(ballast))/2 {
		t.Errorf("peak %d after %d more bytes than %d", high.peak, len(ballast), m.resident)
	}
	if _, err := busy(); err != nil {
		t.Error(err)
	}
}

func TestChildren(t *testing.T) {
	child := exec.Command("cat")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	pids, err := childrenOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(pids, child.Process.Pid) {
		t.Errorf("children %v without %d", pids, child.Process.Pid)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := cpuOf(child.Process.Pid); err == nil {
		t.Error("a process that is gone has a time")
	}
}
