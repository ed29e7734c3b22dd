package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
)

// sourceTask follows one file by its name.
type sourceTask struct {
	place     *place
	topic     string
	batchSize int
	log       hclog.Logger

	watcher *watcher
	stop    context.CancelFunc
	stopped chan struct{} // the watcher has ended

	partition sdk.Partition
	stored    *stored // where to resume, until the first file is open; nil: nowhere
	next      *found  // taken from the watcher, not begun
	file      *found  // being read; nil: none
	lines     lines
	timer     *time.Timer // for files that have lost their name, which nobody watches
	quiet     time.Time   // since when the end of a file that was rotated away is reached

	offset     []byte // room for the offset of a line
	idSize     int    // bytes that the identity in suffix is of
	suffix     []byte // what offsets of this file end with
	toldBinary bool
}

const (
	// rotatedQuiet is how long a file that was rotated away must be quiet before
	// it is left: its writer may still have it open.
	rotatedQuiet = time.Second
	offsetPrefix = `{"` + positionField + `":`
)

// Start finds out where to resume; the file need not be there.
func (t *sourceTask) Start(ctx context.Context, tc *sdk.SourceContext) error {
	v, err := parse(sourceConfig, tc.Config)
	if err != nil {
		return err
	}
	path := v.String(keyFile)
	t.topic, t.batchSize, t.log = v.String(keyTopic), v.Int(keyBatchSize), tc.Logger
	t.partition = sdk.NewPartition(filenameField, path)
	offset, err := tc.Offset(ctx, t.partition)
	if err != nil {
		return fmt.Errorf("reading the stored offset of %s: %w", path, err)
	}
	if t.stored, err = parseStored(offset); err != nil {
		return sdk.Fatal(fmt.Errorf("the stored offset %s of %s: %w; reset or alter the connector's offsets", offset, path, err))
	}
	if t.place, err = newPlace(path); err != nil {
		return sdk.Fatal(pathError(path, err))
	}
	t.watcher, t.timer = newWatcher(t.place, t.log), time.NewTimer(lookEvery)
	var run context.Context
	run, t.stop = context.WithCancel(context.Background())
	t.stopped = make(chan struct{})
	go func() {
		defer close(t.stopped)
		t.watcher.run(run)
	}()
	return nil
}

// Stop closes what is open.
func (t *sourceTask) Stop(context.Context) error {
	if t.stop == nil {
		return nil // Start failed
	}
	t.stop()
	<-t.stopped
	for _, f := range []*found{t.file, t.next} {
		if f != nil {
			_ = f.Close() // it was only read
		}
	}
	return t.place.Close()
}

// Poll appends the lines that are there, and waits when there are none.
func (t *sourceTask) Poll(ctx context.Context, batch *sdk.SourceBatch) error {
	for ctx.Err() == nil {
		err := t.read(batch)
		if err != nil || batch.Len() > 0 {
			return err
		}
		t.wait(ctx)
	}
	return nil
}

// read appends lines until the batch is full or there are no more.
func (t *sourceTask) read(batch *sdk.SourceBatch) error {
	for {
		if t.file == nil {
			if more, err := t.openNext(); err != nil || !more {
				return err
			}
		}
		if full, err := t.cut(batch); err != nil || full {
			return err
		}
		n, err := t.lines.fill()
		switch {
		case errors.Is(err, errOverwritten):
			if err := t.startOver(); err != nil {
				return err
			}
		case err != nil:
			return sdk.Retriable(pathError(t.place.path, fmt.Errorf("reading at byte %d: %w", t.lines.position, reason(err))))
		case n > 0:
			t.quiet = time.Time{}
			t.identify()
		case batch.Len() > 0:
			return nil // what there is must not wait for more
		case t.left():
			t.finish(batch)
		default:
			return nil
		}
	}
}

// cut appends the lines that are in the buffer. It returns true when no more fit
// into the batch.
func (t *sourceTask) cut(batch *sdk.SourceBatch) (full bool, err error) {
	var now int64
	for batch.Len() < t.batchSize && !batch.Full() {
		line, ok, err := t.lines.next()
		if err != nil {
			return false, sdk.Fatal(pathError(t.place.path, err))
		}
		if !ok {
			return false, nil
		}
		if now == 0 {
			now = time.Now().UnixMilli()
		}
		t.add(batch, line, now)
	}
	return true, nil
}

func (t *sourceTask) add(batch *sdk.SourceBatch, line []byte, now int64) {
	r := batch.Add(t.topic).TimestampMillis(now)
	if utf8.Valid(line) {
		r.ValueText(line)
	} else {
		if !t.toldBinary {
			t.toldBinary = true
			t.log.Warn("the file has a line that is not UTF-8 text; such lines are delivered as bytes", "file", t.place.path, "position", t.lines.position)
		}
		r.ValueBytes(line)
	}
	t.offset = strconv.AppendInt(append(t.offset[:0], offsetPrefix...), t.lines.position, 10)
	t.offset = append(t.offset, t.suffix...)
	r.Offset(t.partition, t.offset)
}

// identify renews the end of the offsets while the beginning of the file is
// still growing.
func (t *sourceTask) identify() {
	if seen := t.lines.head.seen; len(seen) != t.idSize || t.suffix == nil {
		t.idSize = len(seen)
		t.suffix = fmt.Appendf(t.suffix[:0], `,"%s":"%s"}`, fileField, identityOf(t.file.inode, seen))
	}
}

// openNext opens the file to read next, where to resume in it. It returns false
// when there is none.
func (t *sourceTask) openNext() (bool, error) {
	if t.next == nil {
		f, err := t.watcher.take()
		if errors.Is(err, errNotRegular) {
			return false, sdk.Fatal(pathError(t.place.path, err))
		}
		if err != nil {
			return false, sdk.Retriable(pathError(t.place.path, err))
		}
		t.next = f
	}
	f, position, err := t.resume()
	if err == nil && f != nil {
		err = t.begin(f, position)
	}
	if err != nil {
		return false, sdk.Retriable(pathError(t.place.path, reason(err)))
	}
	return f != nil, nil
}

// resume returns the file to begin with, and where. Usually it is the next one;
// after a restart the stored offset decides.
func (t *sourceTask) resume() (*found, int64, error) {
	switch {
	case t.stored == nil:
		return t.next, 0, nil
	case t.stored.id == nil:
		if t.next == nil {
			return nil, 0, nil
		}
		position, err := t.takeOver(t.next)
		return t.next, position, err
	}
	if t.next != nil {
		if same, err := t.stored.id.is(t.next.File, t.stored.position); same || err != nil {
			return t.next, t.stored.position, err
		}
	}
	rotated, err := t.findRotated()
	if err != nil {
		return nil, 0, err
	}
	if rotated != nil {
		t.log.Info("the file was rotated while the task was down; finishing the old one first", "file", t.place.path, "now", rotated.Name())
		return rotated, t.stored.position, nil
	}
	if t.next != nil {
		t.log.Warn("the file is not the one that was read before, which is gone; starting at its beginning. What the old one had beyond the position is not read",
			"file", t.place.path, "position", t.stored.position)
	}
	return t.next, 0, nil
}

// takeOver translates an offset that Kafka's source stored.
func (t *sourceTask) takeOver(f *found) (int64, error) {
	position, ok, err := bytesOf(io.NewSectionReader(f, 0, math.MaxInt64), t.stored.position)
	if err != nil {
		return 0, err
	}
	if !ok {
		t.log.Warn("the file has fewer characters than Kafka's source had read; starting at its beginning", "file", t.place.path, "characters", t.stored.position)
		return 0, nil
	}
	t.log.Info("taking over from Kafka's source", "file", t.place.path, "characters", t.stored.position, "position", position)
	return position, nil
}

// findRotated looks in the folder for the file that was read before, under
// another name.
func (t *sourceTask) findRotated() (*found, error) {
	entries, err := t.place.siblings()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || e.Name() == filepath.Base(t.place.path) {
			continue
		}
		info, err := e.Info()
		if err != nil || inodeOf(info) != t.stored.id.inode {
			continue // an error means that it was removed just now
		}
		f, err := t.place.sibling(e.Name())
		if err != nil {
			return nil, err
		}
		if same, err := t.stored.id.is(f, t.stored.position); same && err == nil {
			return &found{f, t.stored.id.inode}, nil
		}
		_ = f.Close()
	}
	return nil, nil
}

func (t *sourceTask) begin(f *found, position int64) error {
	if err := t.lines.open(f.File, position); err != nil {
		if f != t.next {
			_ = f.Close()
		}
		return err
	}
	if f == t.next {
		t.next = nil
	}
	t.file, t.stored, t.suffix, t.quiet = f, nil, nil, time.Time{}
	t.identify()
	t.log.Info("reading", "file", t.place.path, "position", position)
	return nil
}

// startOver goes back to the beginning of a file that was truncated.
func (t *sourceTask) startOver() error {
	t.log.Warn("the file was truncated or overwritten; starting at its beginning", "file", t.place.path, "position", t.lines.position)
	if err := t.lines.open(t.file.File, 0); err != nil {
		return sdk.Retriable(pathError(t.place.path, reason(err)))
	}
	t.suffix = nil
	t.identify()
	return nil
}

// left tells whether the file, whose end is reached, will not grow any more:
// others took its place.
func (t *sourceTask) left() bool {
	followers := t.watcher.waiting()
	if t.next != nil {
		followers++
	}
	switch {
	case followers == 0:
		t.quiet = time.Time{}
		return false
	case followers > 1:
		return true
	case t.quiet.IsZero():
		t.quiet = time.Now()
	}
	return time.Since(t.quiet) >= rotatedQuiet
}

// finish appends what a file ends with that was rotated away, and closes it.
func (t *sourceTask) finish(batch *sdk.SourceBatch) {
	if line, ok := t.lines.rest(); ok {
		t.add(batch, line, time.Now().UnixMilli())
	}
	t.log.Info("the file was rotated and is read to its end; going on with the new one", "file", t.place.path, "position", t.lines.position)
	_ = t.file.Close() // it was only read
	t.file = nil
}

// wait returns when there may be something to read.
func (t *sourceTask) wait(ctx context.Context) {
	t.timer.Reset(lookEvery)
	select {
	case <-ctx.Done():
	case <-t.watcher.changed:
	case <-t.timer.C:
		t.lines.release()
	}
}
