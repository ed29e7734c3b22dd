package client

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// maxLastWords bounds what is read of a process that has ended, in bytes: a child that left its group may write for ever. No pipe holds more.
const maxLastWords = 1 << 20

// output reads what a process writes into a pipe. When the process has ended, which its waiter says by a read deadline in the past, output
// gives what is in the pipe still and then ends, whoever holds the other end: all that the process wrote is in the pipe by then, and a child
// that left the process group and kept the pipe is not waited for.
type output struct {
	pipe *os.File
	last int // bytes read since the process ended
}

// Read is io.Reader's.
func (o *output) Read(b []byte) (int, error) {
	n, err := o.pipe.Read(b)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	return o.readRest(b)
}

// readRest reads without waiting, which a deadline in the past would not let the file itself do.
func (o *output) readRest(b []byte) (int, error) {
	if o.last >= maxLastWords || len(b) == 0 {
		return 0, io.EOF
	}
	raw, err := o.pipe.SyscallConn()
	if err != nil {
		return 0, err
	}
	var n int
	var readErr error
	err = raw.Control(func(fd uintptr) {
		for {
			n, readErr = syscall.Read(int(fd), b)
			if readErr != syscall.EINTR {
				return
			}
		}
	})
	switch {
	case err != nil:
		return 0, err
	case readErr == syscall.EAGAIN || readErr == nil && n == 0:
		return 0, io.EOF
	case readErr != nil:
		return 0, readErr
	}
	o.last += n
	return n, nil
}
