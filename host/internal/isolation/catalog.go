package isolation

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/plugin-sdk/client"
)

const (
	// settleTime is how long a file must be left alone before it is taken for complete.
	settleTime = 200 * time.Millisecond
	// settleLimit is how long Scan waits for files that somebody keeps writing to; Watch takes them up later.
	settleLimit = 5 * time.Second
	// atOnce is how many binaries are read and launched at a time.
	atOnce = 2
	// maxAttempts is how often a binary is launched to be described, a rescan apart. An overloaded machine looks like a broken plugin, once.
	maxAttempts = 3

	defaultRescan = time.Minute
)

// CatalogSettings say where plugins are.
type CatalogSettings struct {
	// Path is plugin.path: folders that hold plugin binaries, directly or one folder deep. Relative ones are taken from the working directory.
	Path []string
	// CacheFile keeps descriptions between runs, so that known binaries need not be launched. Empty: none is kept.
	CacheFile string
	// Rescan is how often Watch looks at everything, for file systems that do not tell of changes. 0: one minute.
	Rescan time.Duration
	// SocketDir is where plugin processes have their private directories, see client.Settings.Dir.
	SocketDir string
	// HostVersion is what plugins are told.
	HostVersion string
	Logger      hclog.Logger
}

// Catalog knows the plugin binaries in plugin.path. Each binary, told apart by its checksum, is launched once to be described; several versions
// of a connector stand side by side. All methods are safe for concurrent use; Find, List and Changed never wait.
type Catalog struct {
	settings CatalogSettings
	current  atomic.Pointer[snapshot]

	scanning sync.Mutex // held during a pass
	known    *descriptions

	mu       sync.Mutex // guards what follows, which workers of one pass change
	files    map[string]*file
	problems []Entry // of folders
}

// file is a candidate with what became of it.
type file struct {
	candidate
	read     bool // checksum is set
	checksum Checksum
	plugin   *Plugin
	problem  string
	unsteady bool // somebody is still writing to it
	attempts int  // launches that failed
	retry    time.Time
}

// NewCatalog returns an empty catalog. Call Scan or Watch to fill it.
func NewCatalog(s CatalogSettings) (*Catalog, error) {
	if s.Rescan == 0 {
		s.Rescan = defaultRescan
	}
	path := make([]string, 0, len(s.Path))
	for _, folder := range s.Path {
		if folder = strings.TrimSpace(folder); folder == "" {
			continue
		}
		absolute, err := filepath.Abs(folder)
		if err != nil {
			return nil, fmt.Errorf("plugin.path: %s: %w", folder, err)
		}
		path = append(path, absolute)
	}
	s.Path = path
	c := &Catalog{settings: s, files: map[string]*file{}, known: loadDescriptions(s.CacheFile, s.HostVersion, s.Logger)}
	c.current.Store(newSnapshot(nil, nil))
	return c, nil
}

// Find returns the newest connector that a class name and a version requirement mean. class is the class name of a connector, one of its
// aliases, or a simple name: the last part of either, with or without the suffix Connector; case matters. requirement is that of
// [ParseRequirement]. The error of an unknown class begins as Kafka Connect's does and lists what there is.
func (c *Catalog) Find(class, requirement string) (*Connector, error) {
	return c.current.Load().find(class, requirement)
}

// List returns all connectors by class, the newest first, then all files and folders that cannot be used. Do not change the slice.
func (c *Catalog) List() []Entry { return c.current.Load().entries }

// Connectors returns all connectors by class, the newest first. Do not change the slice.
func (c *Catalog) Connectors() []*Connector { return c.current.Load().connectors }

// Changed returns a channel that is closed when Find and List may answer differently from now on. Ask for it before asking them.
func (c *Catalog) Changed() <-chan struct{} { return c.current.Load().changed }

// Scan looks at everything once and returns when all binaries are described or known to be unusable. Files that are still being written to after
// five seconds are left to Watch. The error is the context's.
func (c *Catalog) Scan(ctx context.Context) error {
	for deadline := time.Now().Add(settleLimit); ; {
		_, unsteady := c.pass(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !unsteady || time.Now().After(deadline) {
			return nil
		}
		select {
		case <-time.After(settleTime):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pass brings the catalog up to date. It returns the folders it looked at, and whether some file should be looked at again soon.
func (c *Catalog) pass(ctx context.Context) (folders []string, unsteady bool) {
	c.scanning.Lock()
	defer c.scanning.Unlock()
	found := look(c.settings.Path)
	c.take(found)

	lists := map[string]sums{}
	unreadable := map[string]error{}
	for _, folder := range found.folders {
		lists[folder], unreadable[folder] = readSums(folder)
	}
	var workers sync.WaitGroup
	work := make(chan *file)
	for range atOnce {
		workers.Go(func() {
			for f := range work {
				folder := filepath.Dir(f.path)
				c.settle(f, c.examine(ctx, *f, lists[folder], unreadable[folder]))
			}
		})
	}
	for _, f := range slices.SortedFunc(maps.Values(c.files), func(a, b *file) int { return strings.Compare(a.path, b.path) }) {
		if ctx.Err() != nil {
			break
		}
		work <- f
	}
	close(work)
	workers.Wait()
	c.publish()
	c.remember()
	for _, f := range c.files {
		unsteady = unsteady || f.unsteady
	}
	return found.folders, unsteady
}

// take notes which files there are. What is known of a file that nobody touched stays.
func (c *Catalog) take(found survey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	files := make(map[string]*file, len(found.candidates))
	for _, new := range found.candidates {
		if old := c.files[new.path]; old != nil && old.same(new) {
			files[new.path] = old
		} else {
			files[new.path] = &file{candidate: new}
		}
	}
	for path, old := range c.files {
		if files[path] == nil {
			c.settings.Logger.Info("plugin binary is gone", "path", path, "plugin", old.name())
		}
	}
	for _, p := range found.problems {
		if !slices.Contains(c.problems, p) {
			c.settings.Logger.Warn("cannot look for plugins", "path", p.Path, "err", p.Problem)
		}
	}
	c.files, c.problems = files, found.problems
}

func (f *file) name() string {
	if f.plugin == nil {
		return filepath.Base(f.path)
	}
	return f.plugin.Description.GetName()
}

// settle replaces what is known of a file by what was found out, and publishes a change at once: others may take their time.
func (c *Catalog) settle(old *file, new file) {
	log := c.settings.Logger
	c.mu.Lock()
	changed := old.plugin != new.plugin || old.problem != new.problem
	*old = new
	c.mu.Unlock()
	if !changed {
		return
	}
	switch {
	case new.plugin != nil:
		log.Info("plugin found", "plugin", new.name(), "version", new.plugin.Description.GetVersion(), "path", new.path,
			"connectors", len(new.plugin.Description.GetConnectors()))
	case !new.unsteady:
		log.Warn("plugin cannot be used", "path", new.path, "err", new.problem)
	}
	c.publish()
}

// examine finds out about one file.
func (c *Catalog) examine(ctx context.Context, f file, list sums, listErr error) file {
	f.unsteady = false
	refuse := func(problem string) file {
		f.plugin, f.problem = nil, problem
		return f
	}
	if f.candidate.problem != "" {
		return refuse(f.candidate.problem)
	}
	if age := time.Since(f.info.ModTime()); !f.read && 0 <= age && age < settleTime {
		f.unsteady = true
		return refuse("is still being written")
	}
	if !f.read {
		sum, err := checksum(f.path)
		if err != nil {
			return refuse(fmt.Sprintf("cannot be read: %v", err))
		}
		f.checksum, f.read = sum, true
	}
	if listErr != nil {
		return refuse(fmt.Sprintf("is not started because the %s beside it cannot be used: %v", sumsName, listErr))
	}
	if problem := list.check(f.path, f.checksum); problem != "" {
		return refuse(problem)
	}
	if f.plugin != nil {
		return f
	}
	if d, ok := c.known.get(f.checksum); ok {
		f.plugin, f.problem = &Plugin{Path: f.path, Checksum: f.checksum, Description: d}, ""
		return f
	}
	if f.attempts >= maxAttempts || time.Now().Before(f.retry) {
		return f
	}
	d, err := c.describe(ctx, f)
	switch {
	case err == nil:
		c.known.put(f.checksum, d)
		f.plugin, f.problem = &Plugin{Path: f.path, Checksum: f.checksum, Description: d}, ""
		return f
	case ctx.Err() != nil:
		return f
	case errors.Is(err, syscall.ETXTBSY), errors.Is(err, client.ErrChanged):
		f.read, f.unsteady = false, true
		return refuse("is still being written")
	}
	f.attempts++
	f.retry = time.Now().Add(c.settings.Rescan)
	return refuse(strings.TrimPrefix(err.Error(), "plugin "+f.path+" "))
}

// describe launches a binary to ask what it is.
func (c *Catalog) describe(ctx context.Context, f file) (*client.Description, error) {
	p, err := client.Launch(ctx, client.Settings{
		Path: f.path, Checksum: f.checksum[:], Dir: c.settings.SocketDir, HostVersion: c.settings.HostVersion,
		Logger: c.settings.Logger.With("plugin", filepath.Base(f.path)),
	})
	if err != nil {
		return nil, err
	}
	defer p.Stop(ctx)
	return p.Describe(ctx)
}

func checksum(path string) (sum Checksum, err error) {
	file, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return sum, err
	}
	hash.Sum(sum[:0])
	return sum, nil
}

// publish makes what is known visible, if that makes a difference.
func (c *Catalog) publish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	var plugins []*Plugin
	problems := slices.Clone(c.problems)
	for _, f := range c.files {
		if f.plugin != nil {
			plugins = append(plugins, f.plugin)
		} else if f.problem != "" {
			e := Entry{Path: f.path, Problem: f.problem}
			if f.read {
				e.Checksum = f.checksum.String()
			}
			problems = append(problems, e)
		}
	}
	slices.SortFunc(problems, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Problem, b.Problem))
	})
	old, new := c.current.Load(), newSnapshot(plugins, problems)
	if slices.Equal(old.entries, new.entries) {
		return
	}
	c.current.Store(new)
	close(old.changed)
}

// remember keeps the descriptions of the binaries that there are.
func (c *Catalog) remember() {
	current := map[Checksum]bool{}
	for _, f := range c.files {
		if f.read {
			current[f.checksum] = true
		}
	}
	if err := c.known.save(current); err != nil {
		c.settings.Logger.Warn("cannot keep the descriptions of plugins, they will be launched again at the next start", "path", c.settings.CacheFile, "err", err)
	}
}
