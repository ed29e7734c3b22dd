package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestRotationStorm writes and rotates as fast as it can, while nobody reads,
// and in between.
func TestRotationStorm(t *testing.T) {
	const files, each = 40, 500
	path := filepath.Join(t.TempDir(), "in.txt")
	write(t, path, numbered(0, each))
	s := inProcess(t, path)
	read := s.Take(1)
	for i := 1; i < files; i++ {
		if err := os.Rename(path, fmt.Sprintf("%s.%d", path, i)); err != nil {
			t.Fatal(err)
		}
		appendTo(t, path, numbered(i*each, i*each+each/2))
		// The next rotation must not come before the watcher's look: it opens by name.
		awaitOpen(t, path)
		appendTo(t, path, numbered(i*each+each/2, (i+1)*each))
		if i%10 == 0 {
			read = append(read, s.Take(each)...)
		}
	}
	read = append(read, s.Take(files*each-len(read))...)
	for i, r := range read {
		if want := fmt.Sprintf("line %d", i); r.Text() != want {
			t.Fatalf("record %d is %q", i, r.Text())
		}
	}
	stop(t, s)
}

// awaitOpen waits until this process has the file open, as /proc tells.
func awaitOpen(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			if to, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil && to == path {
				return
			}
		}
	}
	t.Fatalf("%s was not opened", path)
}
