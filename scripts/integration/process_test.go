//go:build integration

package integration

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is one of this machine, as /proc shows it.
type process struct {
	pid, parent int
	exe         string
}

// processesOf returns the processes whose executable is, or was, in a folder. A zombie has none.
func processesOf(t *testing.T, folder string) []process {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		exe, err := os.Readlink(filepath.Join("/proc", e.Name(), "exe"))
		if err != nil || !strings.HasPrefix(exe, folder+string(filepath.Separator)) {
			continue
		}
		stat, err := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		if err != nil {
			continue // it has just ended
		}
		// pid (name) state parent …; the name may hold anything.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			t.Fatalf("/proc/%d/stat: %v", pid, err)
		}
		found = append(found, process{pid, parent, exe})
	}
	return found
}

// sigkill ends a process as kill -9 does.
func sigkill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill -9 %d: %v", pid, err)
	}
}

// pollEvery is the time between two looks at something that tells nobody when it changes.
const pollEvery = 20 * time.Millisecond

// eventually looks until a condition holds. It returns what the last look said is missing; an empty text says that
// nothing is.
func eventually(t *testing.T, limit time.Duration, what string, missing func() string) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		lacks := missing()
		if lacks == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s: %s", limit, what, lacks)
		}
		time.Sleep(pollEvery)
	}
}
