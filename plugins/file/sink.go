package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// sinkTask appends values as lines.
type sinkTask struct {
	out *appender // nil: standard output
	buf []byte    // the lines of a batch
}

// keptRoom is how much room for lines is kept from one batch to the next.
const keptRoom = 4 << 20

// Start opens the file, and creates it when it is missing.
func (t *sinkTask) Start(_ context.Context, tc *sdk.SinkContext) error {
	v, err := parse(sinkConfig, tc.Config)
	if err != nil {
		return err
	}
	path := v.String(keyFile)
	if path == "" {
		return nil
	}
	p, err := newPlace(path)
	if err != nil {
		return sdk.Fatal(pathError(path, err))
	}
	t.out = &appender{place: p, log: tc.Logger}
	return t.out.open()
}

// Put writes the batch in one go; what fails leaves nothing behind.
func (t *sinkTask) Put(_ context.Context, batch *sdk.SinkBatch) error {
	if cap(t.buf) > keptRoom {
		t.buf = nil
	}
	t.buf = t.buf[:0]
	for i, r := range batch.Records() {
		at := len(t.buf)
		var err error
		if t.buf, err = data.AppendText(t.buf, r.Value); err != nil {
			t.buf = t.buf[:at]
			batch.Errant(i, err)
			continue
		}
		t.buf = append(t.buf, '\n')
	}
	if len(t.buf) == 0 {
		return nil
	}
	if t.out == nil {
		// Not kept: the host's end is put in its place after the start.
		if _, err := os.Stdout.Write(t.buf); err != nil {
			return fmt.Errorf("writing to standard output: %w", err)
		}
		return nil
	}
	return t.out.append(t.buf)
}

// Flush returns when the lines are on disk.
func (t *sinkTask) Flush(context.Context) error {
	if t.out == nil {
		return nil
	}
	return t.out.sync()
}

// Stop closes the file.
func (t *sinkTask) Stop(context.Context) error {
	if t.out == nil {
		return nil
	}
	return t.out.close()
}

// openError tells for which errors a person has to help.
func openError(path string, err error) error {
	var hint string
	switch {
	case errors.Is(err, syscall.ENOENT):
		hint = "; its folder does not exist, create it"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		hint = "; allow the user of the worker to write there"
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EROFS):
		hint = "; name another file"
	}
	full := pathError(path, fmt.Errorf("the file cannot be opened: %w%s", reason(err), hint))
	if hint != "" {
		return sdk.Fatal(full)
	}
	return full
}
