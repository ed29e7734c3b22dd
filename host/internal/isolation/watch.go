package isolation

import (
	"context"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Watch keeps the catalog up to date until the context is done: it looks at everything once, again whenever something changes in a folder of
// plugin.path, and again after each rescan period.
func (c *Catalog) Watch(ctx context.Context) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		c.settings.Logger.Warn("changes in plugin.path are noticed by rescans only", "period", c.settings.Rescan, "err", err)
		watcher = &fsnotify.Watcher{} // without channels: nothing ever comes
	} else {
		defer watcher.Close()
	}
	for ctx.Err() == nil {
		folders, soon := c.pass(ctx)
		// What appeared before a folder was watched told nobody.
		soon = c.follow(watcher, folders) || soon
		c.await(ctx, watcher, soon)
	}
}

// follow watches the folders, and tells whether one is new.
func (c *Catalog) follow(watcher *fsnotify.Watcher, folders []string) (new bool) {
	if watcher.Events == nil {
		return false
	}
	watched := watcher.WatchList()
	for _, folder := range folders {
		if slices.Contains(watched, folder) {
			continue
		}
		if err := watcher.Add(folder); err != nil {
			c.settings.Logger.Warn("changes in a folder of plugin.path are noticed by rescans only", "path", folder, "period", c.settings.Rescan, "err", err)
			continue
		}
		new = true
	}
	return new
}

// await returns when it is time for another pass: a moment after the first change, so that one pass sees all that comes together.
func (c *Catalog) await(ctx context.Context, watcher *fsnotify.Watcher, soon bool) {
	wait := c.settings.Rescan
	if soon {
		wait = min(wait, settleTime)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case _, ok := <-watcher.Events:
			if !ok {
				return
			}
			if !soon {
				soon = true
				timer.Reset(min(c.settings.Rescan, settleTime))
			}
		case err := <-watcher.Errors:
			// Changes may have been missed.
			c.settings.Logger.Debug("watching plugin.path", "err", err)
			return
		}
	}
}
