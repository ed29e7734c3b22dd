package client

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// socketParent returns the directory to make private directories in. go-plugin adds /plugin-dir and /plugin, each with up to ten digits.
func socketParent(dir string) string {
	const added = len(privatePrefix) + len("//plugin") + 2*10
	for _, d := range []string{dir, os.TempDir()} {
		if d != "" && len(d)+added < maxSocketPath {
			return d
		}
	}
	return "/tmp" // TMPDIR may be long, too
}

const (
	// privatePrefix is how go-plugin has the names of private directories begin.
	privatePrefix = "plugin-dir"
	// lockName is the file in a private directory that its host keeps locked.
	lockName = "host"
)

// hold locks a private directory until the file is closed, or the host has ended in any way.
func hold(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, lockName+".*")
	if err != nil {
		return nil, err
	}
	if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, lockName)) // who finds it under its name finds it locked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Sweep removes the private directories of processes whose hosts were killed and could not do it. dir is that of [Settings]. Directories of
// hosts that live, and of other users, stay. A host calls it when it starts; hosts may do so at the same time. The error names what could not
// be removed.
func Sweep(dir string) (err error) {
	parent := socketParent(dir)
	entries, _ := os.ReadDir(parent) // where nothing can be read, this host has left nothing
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), privatePrefix) {
			continue
		}
		if removeErr := removeAbandoned(filepath.Join(parent, e.Name())); removeErr != nil {
			err = errors.Join(err, fmt.Errorf("cannot remove what a plugin process left behind; remove it by hand: %w", removeErr))
		}
	}
	return err
}

// removeAbandoned removes a private directory whose lock nobody holds.
func removeAbandoned(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return nil // it is gone, or none of ours
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Getuid() {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil // it has no lock
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil // its host lives
	}
	return os.RemoveAll(dir)
}
