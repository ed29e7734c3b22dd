package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/hashicorp/go-hclog"
)

const (
	// lookEvery is the time between looks where no event tells of changes, as on
	// network file systems.
	lookEvery = 100 * time.Millisecond
	// lookGap is the least time between two looks: a busy folder must not make
	// a busy watcher. The kernel keeps events meanwhile.
	lookGap = time.Millisecond
	// maxBehind is how many rotated files are kept open for a reader that is slow.
	maxBehind = 100
)

// watcher looks at what file a name stands for. It opens each one at once, so
// that it can be read after it is renamed or removed.
type watcher struct {
	place *place
	log   hclog.Logger
	// changed has an element when there may be something new to read.
	changed chan struct{}

	mu    sync.Mutex
	files []*found // not taken yet, oldest first
	err   error    // why the name cannot be opened

	last     os.FileInfo // of the file opened last, as it was at the last look
	missing  bool        // told that the name has no file
	tooFar   bool        // told that there are too many
	events   *fsnotify.Watcher
	watching bool
}

// found is a file that the name stood for at some time.
type found struct {
	*os.File
	inode uint64
}

func newWatcher(p *place, log hclog.Logger) *watcher {
	w := &watcher{place: p, log: log, changed: make(chan struct{}, 1)}
	events, err := fsnotify.NewWatcher()
	if err != nil {
		log.Info("files are looked at every 100 ms, since the system gives no events", "err", err)
		return w
	}
	w.events = events
	return w
}

// run watches until ctx ends. It closes what nobody took.
func (w *watcher) run(ctx context.Context) {
	defer w.close()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	gap := time.NewTimer(lookGap)
	defer gap.Stop()
	var events chan fsnotify.Event
	var problems chan error
	if w.events != nil {
		events, problems = w.events.Events, w.events.Errors
	}
	w.look()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case e := <-events:
			if filepath.Base(e.Name) != filepath.Base(w.place.path) {
				continue
			}
		case <-problems: // events were lost: look
		}
		w.look()
		gap.Reset(lookGap)
		select {
		case <-ctx.Done():
			return
		case <-gap.C:
		}
	}
}

func (w *watcher) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.files {
		_ = f.Close() // it was only read
	}
	w.files = nil
	if w.events != nil {
		_ = w.events.Close()
	}
}

// look opens the file of the name if it is a new one, and wakes the reader if
// anything changed.
func (w *watcher) look() {
	if w.events != nil && !w.watching {
		// The folder, since the file need not be there; it may be missing, too.
		w.watching = w.events.Add(filepath.Dir(w.place.path)) == nil
	}
	info, err := w.place.stat()
	switch {
	case err == nil && w.last != nil && os.SameFile(info, w.last):
		if info.Size() != w.last.Size() || !info.ModTime().Equal(w.last.ModTime()) {
			w.last = info
			w.wake()
		}
	case err == nil:
		err = w.add()
	case errors.Is(err, fs.ErrNotExist):
		if w.last == nil && !w.missing {
			w.missing = true
			w.log.Info("waiting for the file to appear", "file", w.place.path)
		}
		err = nil
	}
	w.mu.Lock()
	w.err = err
	w.mu.Unlock()
	if err != nil {
		w.wake()
	}
}

// add opens the file of the name.
func (w *watcher) add() error {
	w.mu.Lock()
	full := len(w.files) >= maxBehind
	w.mu.Unlock()
	if full {
		if !w.tooFar {
			w.log.Error("the file is rotated faster than it is read; files that come and go from now on are missed",
				"file", w.place.path, "waiting", maxBehind)
		}
		w.tooFar = true
		return nil
	}
	w.tooFar = false
	f, info, err := w.openRegular()
	if err != nil {
		return err
	}
	w.last = info
	w.mu.Lock()
	w.files = append(w.files, &found{f, inodeOf(info)})
	w.mu.Unlock()
	w.wake()
	return nil
}

func (w *watcher) openRegular() (*os.File, os.FileInfo, error) {
	info, err := w.place.stat() // before opening: a named pipe would wait for its writer
	if err == nil && !info.Mode().IsRegular() {
		return nil, nil, errNotRegular
	}
	f, err := w.place.open()
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = errNotRegular
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

var errNotRegular = errors.New("it is a folder or a device, and only regular files can be followed; name a file")

func (w *watcher) wake() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// take hands over the oldest file that was found, nil when there is none; the
// caller closes it. The error says why the name cannot be opened.
func (w *watcher) take() (*found, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.files) == 0 {
		if w.err != nil {
			return nil, fmt.Errorf("the file cannot be read: %w", reason(w.err))
		}
		return nil, nil
	}
	f := w.files[0]
	w.files = w.files[1:]
	return f, nil
}

// waiting returns how many files follow.
func (w *watcher) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.files)
}
