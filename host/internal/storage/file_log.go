package storage

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hashicorp/go-hclog"
)

// FileLog is a [Log] in a file of one process, or in memory when it has no path. Its entries are in memory as well.
//
// One goroutine writes: it takes all that Appends have queued, writes it as one frame, syncs the disk, delivers it and
// only then lets the Appends return. The more callers wait, the more share one sync. A frame is found whole or not at
// all when the file is opened again, and with it each Append.
//
// A write that fails for want of space is undone, and a later Append may succeed. When the disk fails to sync, what it
// holds is unknown: the log fails for good.
type FileLog struct {
	logger hclog.Logger
	path   string // empty: in memory

	// After Follow these are the writer's.
	file    *logFile         // nil: in memory
	live    map[string]Entry // what counts for each key
	next    int64            // offset
	size    int64            // of live, in a file
	retryAt int64            // size of the file at which compaction is tried again after it failed

	mu       sync.Mutex
	followed bool
	closed   bool
	queue    []*appendRequest
	wake     chan struct{} // has room for one: queue or closed changed
	done     chan struct{} // the writer has returned
	failed   chan struct{}
	err      error
}

// appendRequest is a call of Append, or of Sync when it has no entries.
type appendRequest struct {
	entries []Entry
	size    int64
	done    chan error // has room for one
}

// Sizes of FileLog, in bytes.
const (
	maxGroup      = 16 << 20 // Appends that share a frame
	minCompaction = 1 << 20  // a file below is not worth it
)

// OpenFileLog opens the log at path or creates it; an empty path keeps it in memory. No other process can have it open
// at the same time. The end of a file whose writer was killed is cut off with a warning: no Append has returned for it.
//
// A file of offsets written by a standalone worker of Kafka Connect is converted; the original stays beside it with
// ".java-backup" added to its name. Any other file that is not a log is refused and left as it is.
func OpenFileLog(path string, logger hclog.Logger) (*FileLog, error) {
	l := &FileLog{
		logger: logger, path: path, live: map[string]Entry{},
		wake: make(chan struct{}, 1), done: make(chan struct{}), failed: make(chan struct{}),
	}
	if path == "" {
		return l, nil
	}
	file, next, err := openLogFile(path, logger, func(e Entry) {
		l.keep(Entry{Key: slices.Clone(e.Key), Value: cloneValue(e.Value), Offset: e.Offset})
	})
	if err != nil {
		return nil, err
	}
	l.file, l.next = file, next
	return l, nil
}

// keep makes an entry the one that counts for its key. The log owns its bytes.
func (l *FileLog) keep(e Entry) {
	if old, ok := l.live[string(e.Key)]; ok {
		l.size -= entrySize(old)
	}
	if e.Value == nil {
		delete(l.live, string(e.Key))
		return
	}
	l.live[string(e.Key)] = e
	l.size += entrySize(e)
}

// Follow implements [Log].
func (l *FileLog) Follow(ctx context.Context, fn func(Entry)) error {
	l.mu.Lock()
	switch {
	case l.closed:
		l.mu.Unlock()
		return ErrClosed
	case l.followed:
		l.mu.Unlock()
		return errFollowed
	}
	l.followed = true
	l.mu.Unlock()
	go l.write(fn)
	return l.Sync(ctx) // the writer delivers what is there before it looks at the queue
}

// Append implements [Log].
func (l *FileLog) Append(ctx context.Context, entries ...Entry) error {
	r := &appendRequest{entries: make([]Entry, len(entries)), done: make(chan error, 1)}
	for i, e := range entries {
		if e.Key == nil {
			return errNoKey
		}
		r.entries[i] = Entry{Key: slices.Clone(e.Key), Value: cloneValue(e.Value)}
		r.size += entrySize(e)
	}
	if r.size > maxFrame {
		return fmt.Errorf("%d entries of %d bytes are too much for one write; the limit is %d bytes", len(entries), r.size, maxFrame)
	}
	return l.submit(ctx, r)
}

// Sync implements [Log].
func (l *FileLog) Sync(ctx context.Context) error {
	return l.submit(ctx, &appendRequest{done: make(chan error, 1)})
}

func (l *FileLog) submit(ctx context.Context, r *appendRequest) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	if err := l.usable(); err != nil {
		l.mu.Unlock()
		return err
	}
	l.queue = append(l.queue, r)
	l.mu.Unlock()
	l.awake()
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s did not take the entries in time: %w", l.name(), ctx.Err())
	}
}

// usable returns why the log cannot be used, nil when it can. The caller holds the lock.
func (l *FileLog) usable() error {
	switch {
	case l.err != nil:
		return l.err
	case l.closed:
		return ErrClosed
	case !l.followed:
		return errNotFollowed
	}
	return nil
}

func (l *FileLog) name() string {
	if l.path == "" {
		return "the log in memory"
	}
	return l.path
}

func (l *FileLog) awake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write is the writer. It ends when the log is closed and the queue is empty, or when the log failed.
func (l *FileLog) write(fn func(Entry)) {
	defer close(l.done)
	for _, e := range l.ordered() {
		fn(e)
	}
	for {
		group, last := l.takeGroup()
		if len(group) == 0 {
			if last {
				return
			}
			<-l.wake
			continue
		}
		err := l.commit(group, fn)
		for _, r := range group {
			r.done <- err
		}
		if err == nil {
			l.compactIfWorth()
		}
		if l.Err() != nil {
			l.refuseQueue()
			return
		}
	}
}

// ordered returns the live entries in the order of their offsets.
func (l *FileLog) ordered() []Entry {
	return slices.SortedFunc(maps.Values(l.live), func(a, b Entry) int { return cmp.Compare(a.Offset, b.Offset) })
}

// takeGroup takes Appends off the queue that go into one frame; last tells that nothing follows.
func (l *FileLog) takeGroup() (group []*appendRequest, last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, size := 0, int64(0)
	for n < len(l.queue) && (n == 0 || size+l.queue[n].size <= maxGroup) {
		size += l.queue[n].size
		n++
	}
	group, l.queue = l.queue[:n:n], l.queue[n:]
	return group, l.closed
}

// commit makes a group durable and delivers it.
func (l *FileLog) commit(group []*appendRequest, fn func(Entry)) error {
	var entries []Entry
	for _, r := range group {
		for _, e := range r.entries {
			e.Offset = l.next + int64(len(entries))
			entries = append(entries, e)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if l.file != nil {
		if fatal, err := l.file.append(entries); fatal {
			l.fail(err)
			return err
		} else if err != nil {
			return err
		}
	}
	l.next += int64(len(entries))
	for _, e := range entries {
		l.keep(e)
		fn(e)
	}
	return nil
}

// compactIfWorth rewrites the file when more than half of it is garbage. Appends wait meanwhile.
func (l *FileLog) compactIfWorth() {
	if l.file == nil || l.file.size < max(minCompaction, 2*l.size, l.retryAt) {
		return
	}
	compacted, err := l.file.rewrite(l.ordered(), l.next)
	switch {
	case err == nil:
		l.file, l.retryAt = compacted, 0
	case compacted != nil: // replaced, but the disk may forget it, and with it all that is appended from now on
		l.file = compacted
		l.fail(err)
	default: // the file is as good as before; a full disk is not tried again at every write
		l.logger.Warn("the log could not be compacted, it goes on growing", "path", l.path, "err", err)
		l.retryAt = 2 * l.file.size
	}
}

// fail stops the log for good.
func (l *FileLog) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
	close(l.failed)
}

func (l *FileLog) refuseQueue() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.queue {
		r.done <- l.err
	}
	l.queue = nil
}

// Failed implements [Log].
func (l *FileLog) Failed() <-chan struct{} { return l.failed }

// Err implements [Log].
func (l *FileLog) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Close implements [Log]. Appends that wait are made durable first.
func (l *FileLog) Close() error {
	l.mu.Lock()
	again, followed := l.closed, l.followed
	l.closed = true
	l.mu.Unlock()
	l.awake()
	if followed {
		<-l.done
	}
	if again || l.file == nil {
		return nil
	}
	return l.file.close()
}

var _ Log = (*FileLog)(nil)
