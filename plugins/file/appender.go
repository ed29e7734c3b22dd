package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"github.com/hashicorp/go-hclog"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
)

// appender adds whole batches of lines to the end of a file, which other tasks,
// also those of other processes, may do as well.
type appender struct {
	place *place
	log   hclog.Logger
	file  *os.File
	info  os.FileInfo
	// torn is where the part of a batch begins that a failed write has left and
	// that could not be cut off, tornEnd where it ends; -1: there is none.
	torn, tornEnd int64
}

// open opens the file of the name. A line that a crash has left unfinished gets
// its end, so that the next one does not become a part of it.
func (a *appender) open() error {
	// Read, too: for the last byte.
	f, err := a.place.openFile(os.O_RDWR | os.O_CREATE | os.O_APPEND)
	if errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENXIO) {
		f, err = a.place.openFile(os.O_WRONLY | os.O_CREATE | os.O_APPEND)
	}
	if err != nil {
		return openError(a.place.path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(openError(a.place.path, err), f.Close())
	}
	a.file, a.info, a.torn = f, info, -1
	return a.locked(func() error { return a.endLine() })
}

func (a *appender) endLine() error {
	size, err := a.size()
	if err != nil || size <= 0 {
		return err
	}
	var last [1]byte
	if _, err := a.file.ReadAt(last[:], size-1); err != nil && !errors.Is(err, io.EOF) || last[0] == '\n' {
		return nil // it cannot be read, so nobody can tell
	}
	a.log.Warn("the file ends within a line; the next one starts on a line of its own", "file", a.place.path)
	return a.write([]byte{'\n'})
}

// append writes lines, all or none. After a retriable error it may be called
// again with the same lines.
func (a *appender) append(lines []byte) error {
	if err := a.reopen(); err != nil {
		return err
	}
	if err := a.locked(func() error { return a.write(lines) }); err != nil {
		return sdk.Retriable(err)
	}
	return nil
}

// write appends under the lock. What a failed write has left is cut off.
func (a *appender) write(lines []byte) error {
	if err := a.mend(); err != nil {
		return err
	}
	size, err := a.size()
	if err != nil {
		return err
	}
	n, err := a.file.Write(lines)
	if err == nil {
		return nil
	}
	err = pathError(a.place.path, fmt.Errorf("%d of %d bytes could be written: %w; the batch is tried again", n, len(lines), reason(err)))
	if n == 0 || size < 0 {
		return err
	}
	a.torn, a.tornEnd = size, size+int64(n)
	return errors.Join(err, a.mend())
}

// mend cuts off the part of a batch that a failed write has left.
func (a *appender) mend() error {
	if a.torn < 0 {
		return nil
	}
	size, err := a.size()
	if err != nil {
		return err
	}
	if size != a.tornEnd {
		a.log.Error("an unfinished line stays in the file, since others have written behind it", "file", a.place.path, "position", a.torn)
		a.torn = -1
		return nil
	}
	if err := a.file.Truncate(a.torn); err != nil {
		return pathError(a.place.path, fmt.Errorf("an unfinished line at byte %d cannot be cut off: %w", a.torn, reason(err)))
	}
	a.torn = -1
	return nil
}

// size returns the size of the file, -1 of what has none, such as a device.
func (a *appender) size() (int64, error) {
	if !a.info.Mode().IsRegular() {
		return -1, nil
	}
	info, err := a.file.Stat()
	if err != nil {
		return 0, pathError(a.place.path, reason(err))
	}
	return info.Size(), nil
}

// locked keeps other tasks from writing meanwhile: their lines would be cut off
// together with ours.
func (a *appender) locked(f func() error) error {
	if !a.info.Mode().IsRegular() {
		return f()
	}
	for {
		err := syscall.Flock(int(a.file.Fd()), syscall.LOCK_EX)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil && !slices.Contains(noLocks, err) {
			return pathError(a.place.path, fmt.Errorf("the file cannot be locked: %w", err))
		}
		break
	}
	defer func() { _ = syscall.Flock(int(a.file.Fd()), syscall.LOCK_UN) }() // cannot fail for a lock that is held
	return f()
}

// noLocks are the errors of file systems that cannot lock.
var noLocks = []error{syscall.ENOTSUP, syscall.ENOSYS, syscall.ENOLCK}

// reopen goes on in a new file when the old one was renamed or removed: lines
// that nobody finds are lost.
func (a *appender) reopen() error {
	info, err := a.place.stat()
	if err == nil && os.SameFile(info, a.info) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return sdk.Retriable(openError(a.place.path, err))
	}
	a.log.Info("the file was renamed or removed; going on in a new one", "file", a.place.path)
	if err := a.sync(); err != nil {
		return err // not to be retried, see sync
	}
	old := a.file
	if err = a.open(); err != nil {
		err = sdk.Retriable(err)
	}
	if a.file != old {
		_ = old.Close() // synced above
	}
	return err
}

// sync returns when everything is on disk. After an error nobody knows what is:
// the system may have dropped it, and would not say so again.
func (a *appender) sync() error {
	if !a.info.Mode().IsRegular() {
		return nil
	}
	if err := a.file.Sync(); err != nil {
		return pathError(a.place.path, fmt.Errorf("lines may be lost, the system could not write them to disk: %w", reason(err)))
	}
	return nil
}

func (a *appender) close() error {
	var err error
	if a.file != nil {
		err = a.file.Close()
	}
	return errors.Join(err, a.place.Close())
}
