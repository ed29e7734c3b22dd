package isolation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// testPlugin is the misbehaving plugin of package client.
var testPlugin string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "isolation")
	if err == nil {
		testPlugin = filepath.Join(dir, "plugin")
		var output []byte
		output, err = exec.Command("go", "build", "-o", testPlugin, "../../../plugin-sdk/client/testdata/plugin").CombinedOutput()
		os.Stderr.Write(output)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if left := survivors(testPlugin); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "processes outlived the tests:", left)
		code = 1
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// survivors lists the processes that run a binary, where the system tells.
func survivors(binary string) (pids []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == binary {
			pids = append(pids, filepath.Base(filepath.Dir(link)))
		}
	}
	return pids
}

// script is a plugin binary: the test plugin with variables, KEY=value. Each launch adds a line to the file launches, if that is given.
func script(launches string, env ...string) string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		fmt.Fprintf(&b, "export %s='%s'\n", name, value)
	}
	if launches != "" {
		fmt.Fprintf(&b, "echo \"$0\" >> '%s'\n", launches)
	}
	fmt.Fprintf(&b, "exec '%s'\n", testPlugin)
	return b.String()
}

// install puts a file into its place in one step, last written to a while ago, as a package does.
func install(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(filepath.Dir(path), ".new")
	if err := os.WriteFile(temporary, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(temporary, mode), os.Chtimes(temporary, time.Time{}, time.Now().Add(-time.Hour)), os.Rename(temporary, path)); err != nil {
		t.Fatal(err)
	}
}

func newTestCatalog(t *testing.T, s CatalogSettings) *Catalog {
	t.Helper()
	if s.Logger == nil {
		s.Logger = hclog.NewNullLogger()
	}
	c, err := NewCatalog(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func scan(t *testing.T, c *Catalog) {
	t.Helper()
	if err := c.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// text renders a catalog, paths relative to a folder.
func text(c *Catalog, folder string) string {
	var b strings.Builder
	for _, e := range c.List() {
		relative, err := filepath.Rel(folder, e.Path)
		if err != nil {
			relative = e.Path
		}
		fmt.Fprintf(&b, "%s: %s\n", relative, strings.TrimSpace(strings.Join([]string{e.Class, e.Type, e.Version, firstLine(e.Problem)}, " ")))
	}
	return strings.ReplaceAll(b.String(), folder, "")
}

func TestScan(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	install(t, at("a-1.0"), script("", "VERSION=1.0", "CLASS=A"), 0o755)
	install(t, at("nested/a-1.1"), script("", "VERSION=1.1", "CLASS=A"), 0o700)
	install(t, at("nested/too/deep"), script("", "CLASS=Deep"), 0o755)
	install(t, at("far/too/deep"), script("", "CLASS=TooDeep"), 0o755)
	install(t, at(".hidden"), script("", "CLASS=Hidden"), 0o755)
	install(t, at(".git/hook"), script("", "CLASS=Hidden"), 0o755)
	install(t, at("b.tmp"), script("", "CLASS=Temporary"), 0o755)
	install(t, at("README.md"), "#!/usr/bin/markdown", 0o755)
	install(t, at("notes"), "buy milk", 0o644)
	install(t, at("forgotten"), script(""), 0o644)
	install(t, at("writable"), script(""), 0o757)
	install(t, at("open/b"), script("", "CLASS=B"), 0o755)
	install(t, at("fails"), script("", "MODE=exit 3"), 0o755)
	install(t, at("nothing"), script("", "DESCRIBE=nothing"), 0o755)
	if err := errors.Join(os.Chmod(at("open"), 0o777), os.Symlink(testPlugin, at("link")), os.Symlink("/no/where", at("nowhere"))); err != nil {
		t.Fatal(err)
	}
	c := newTestCatalog(t, CatalogSettings{Path: []string{dir, "", at("nested"), at("missing")}})
	scan(t, c)
	want := `nested/a-1.1: A source 1.1
a-1.0: A source 1.0
nested/too/deep: Deep source 1.0.0
link: TestSource source 1.0.0
fails: exited with code 3 before its handshake; it wrote to standard error: cannot open \x1b[2Jthe store
forgotten: is not executable: chmod +x /forgotten
missing: this folder of plugin.path does not exist: create it, or correct plugin.path
nothing: describes itself wrongly, tell its author: its name is empty
open/b: everybody may replace it, so it is not started: chmod o-w /open
writable: everybody may change it, so it is not started: chmod o-w /writable
`
	if got := text(c, dir); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	found, err := c.Find("A", "[1.0,1.1)")
	if err != nil || found.Plugin.Path != at("a-1.0") || found.Plugin.Checksum.String() != c.List()[1].Checksum {
		t.Errorf("got %+v, %v", found, err)
	}
	if sum, err := checksum(at("a-1.0")); err != nil || sum != found.Plugin.Checksum {
		t.Errorf("the checksum is %s, not %s: %v", sum, found.Plugin.Checksum, err)
	}
}

func TestScanCancelled(t *testing.T) {
	dir := t.TempDir()
	install(t, filepath.Join(dir, "a"), script(""), 0o755)
	c := newTestCatalog(t, CatalogSettings{Path: []string{dir}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Scan(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := text(c, dir); got != "" {
		t.Errorf("got %s", got)
	}
	scan(t, c)
	if got := text(c, dir); got != "a: TestSource source 1.0.0\n" {
		t.Errorf("after a whole scan: %s", got)
	}
}

func TestSums(t *testing.T) {
	good := script("", "CLASS=Good")
	dir := t.TempDir()
	install(t, filepath.Join(dir, "good"), good, 0o755)
	sum, err := checksum(filepath.Join(dir, "good"))
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Repeat("0", 64)
	tests := map[string]struct{ list, want string }{
		"listed":             {sum.String() + "  good\n", "good: Good source 1.0.0\n"},
		"listed, binary":     {"# plugins\r\n\r\n" + other + "  x y\r\n" + strings.ToUpper(sum.String()) + " *./good\r\n", "good: Good source 1.0.0\n"},
		"other checksum":     {other + "  good\n", "good: has the SHA-256 " + sum.String() + ", the SHA256SUMS beside it says " + other + ": install the file again\n"},
		"not listed":         {sum.String() + "  bad\n", "good: is not listed in the SHA256SUMS beside it, so it is not started: add the line that sha256sum good writes\n"},
		"empty":              {"", "good: is not listed in the SHA256SUMS beside it, so it is not started: add the line that sha256sum good writes\n"},
		"not such a file":    {"\nhello\n", "good: is not started because the SHA256SUMS beside it cannot be used: line 2 is not one that sha256sum writes\n"},
		"checksum too short": {"00  good\n", "good: is not started because the SHA256SUMS beside it cannot be used: line 1 is not one that sha256sum writes\n"},
	}
	c := newTestCatalog(t, CatalogSettings{Path: []string{dir}})
	for name, test := range tests { // one after the other, on a running catalog
		t.Run(name, func(t *testing.T) {
			install(t, filepath.Join(dir, sumsName), test.list, 0o644)
			scan(t, c)
			if got := text(c, dir); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func FuzzSums(f *testing.F) {
	f.Add([]byte(strings.Repeat("0", 64)+"  a\n"), "a")
	f.Add([]byte("x  a\n\n#\n"), "b")
	f.Fuzz(func(t *testing.T, list []byte, name string) {
		all, err := parseSums(bytes.NewReader(list))
		if err == nil && all.check("/p/"+name, Checksum{}) == "" && !bytes.Contains(list, []byte(strings.Repeat("0", 64))) {
			t.Errorf("%q vouches for %q", list, name)
		}
	})
}

// launched returns how often test plugins were started.
func launched(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}

func TestKnownBinariesAreNotLaunched(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	launches, cache := filepath.Join(state, "launches"), filepath.Join(state, "of the user", "plugins.json")
	install(t, filepath.Join(dir, "a"), script(launches, "CLASS=A"), 0o755)
	install(t, filepath.Join(dir, "b"), script(launches, "CLASS=B", "ALIASES=org.example.B"), 0o755)
	install(t, filepath.Join(dir, "bad"), script(launches, "MODE=exit 3"), 0o755)

	steps := []struct {
		name     string
		change   func()
		version  string
		launches int
	}{
		{"first start", func() {}, "1", 3},
		{"second start", func() {}, "1", 1}, // only a good answer is kept
		{"moved", func() { os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "c")) }, "1", 1},
		{"host upgraded", func() {}, "2", 3},
		{"cache cut", func() { os.Truncate(cache, 100) }, "2", 3},
		{"cache of another format", func() { install(t, cache, `{"format":2}`, 0o600) }, "2", 3},
		{"cache with a broken plugin", func() {
			install(t, cache, `{"format":1,"host_version":"2","plugins":{"`+strings.Repeat("0", 64)+`":"/w=="}}`, 0o600)
		}, "2", 3},
		{"cache with a wrong plugin", func() {
			install(t, cache, `{"format":1,"host_version":"2","plugins":{"`+strings.Repeat("0", 64)+`":""}}`, 0o600)
		}, "2", 3},
		{"cache with a wrong checksum", func() { install(t, cache, `{"format":1,"host_version":"2","plugins":{"00":""}}`, 0o600) }, "2", 3},
		{"cache gone", func() { os.Remove(cache) }, "2", 3},
		{"start after all this", func() {}, "2", 1},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			step.change()
			before := launched(t, launches)
			c := newTestCatalog(t, CatalogSettings{Path: []string{dir}, CacheFile: cache, HostVersion: step.version})
			for range 2 { // the second scan knows even the bad one
				scan(t, c)
			}
			if got := launched(t, launches) - before; got != step.launches {
				t.Errorf("%d launches, want %d", got, step.launches)
			}
			if b, err := c.Find("org.example.B", "1.0.0"); err != nil || b.Class() != "B" || b.Type() != "source" {
				t.Errorf("got %v, %v", b, err)
			}
			if n := len(c.Connectors()); n != 2 {
				t.Errorf("%d connectors", n)
			}
		})
	}
}

func FuzzDescriptions(f *testing.F) {
	f.Add([]byte(`{"format":1,"host_version":"2","plugins":{"` + strings.Repeat("0", 64) + `":"CgF4"}}`))
	f.Add([]byte(`{"format":1,"plugins":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		by, err := parseDescriptions(text, "2")
		for _, d := range by {
			if err == nil && (d.GetName() == "" || len(d.GetConnectors()) == 0) {
				t.Errorf("accepted %v", d)
			}
		}
	})
}

// A launch that fails is tried again, but not for ever.
func TestFailedLaunchIsRetried(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	launches, healed := filepath.Join(state, "launches"), filepath.Join(state, "healed")
	bad := filepath.Join(dir, "bad")
	install(t, bad, script(launches, "MODE=exit 3"), 0o755)
	install(t, filepath.Join(dir, "sick"), "#!/bin/sh\n[ -e '"+healed+"' ] || exit 1\nexec '"+testPlugin+"'\n", 0o755)
	c := newTestCatalog(t, CatalogSettings{Path: []string{dir}, Rescan: time.Nanosecond})
	scan(t, c)
	install(t, healed, "", 0o644)
	for range 2 * maxAttempts {
		scan(t, c)
	}
	if got := launched(t, launches); got != maxAttempts {
		t.Errorf("%d launches, want %d", got, maxAttempts)
	}
	if _, err := c.Find("TestSource", ""); err != nil {
		t.Errorf("the plugin that healed: %v", err)
	}
	install(t, bad, script("", "CLASS=Good"), 0o755)
	scan(t, c)
	if _, err := c.Find("Good", ""); err != nil {
		t.Errorf("the plugin that was replaced: %v", err)
	}
}

func TestHalfWrittenFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	whole := script("", "CLASS=Whole")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString(whole[:20]); err != nil {
		t.Fatal(err)
	}
	c := newTestCatalog(t, CatalogSettings{Path: []string{dir}})
	if _, unsteady := c.pass(t.Context()); !unsteady {
		t.Error("a file that is being written to is taken for complete")
	}
	if got := text(c, dir); got != "a: is still being written\n" {
		t.Errorf("got %s", got)
	}
	// It looks complete, but the writer still has it open: the system refuses to execute it.
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, unsteady := c.pass(t.Context()); !unsteady {
		t.Error("an open file is taken for complete")
	}
	_, err = file.WriteString(whole[20:])
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	scan(t, c)
	if got := text(c, dir); got != "a: Whole source 1.0.0\n" {
		t.Errorf("got %s", got)
	}
}

// await waits until a catalog has a certain content.
func await(t *testing.T, c *Catalog, dir, want string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		changed := c.Changed()
		got := text(c, dir)
		if got == want {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	install(t, at("a"), script("", "CLASS=A", "VERSION=1"), 0o755)
	c := newTestCatalog(t, CatalogSettings{Path: []string{dir}, Rescan: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { c.Watch(ctx) })
	await(t, c, dir, "a: A source 1\n")

	install(t, at("b"), script("", "CLASS=B"), 0o755)
	await(t, c, dir, "a: A source 1\nb: B source 1.0.0\n")

	install(t, at("nested/a2"), script("", "CLASS=A", "VERSION=2"), 0o755)
	await(t, c, dir, "nested/a2: A source 2\na: A source 1\nb: B source 1.0.0\n")

	install(t, at("nested/a3"), script("", "CLASS=A", "VERSION=3"), 0o755)
	await(t, c, dir, "nested/a3: A source 3\nnested/a2: A source 2\na: A source 1\nb: B source 1.0.0\n")

	install(t, at("a"), script("", "CLASS=A", "VERSION=4"), 0o755)
	await(t, c, dir, "a: A source 4\nnested/a3: A source 3\nnested/a2: A source 2\nb: B source 1.0.0\n")

	if err := errors.Join(os.Remove(at("b")), os.Chmod(at("a"), 0o644)); err != nil {
		t.Fatal(err)
	}
	await(t, c, dir, "nested/a3: A source 3\nnested/a2: A source 2\na: is not executable: chmod +x /a\n")

	if err := errors.Join(os.Chmod(at("a"), 0o755), os.RemoveAll(at("nested"))); err != nil {
		t.Fatal(err)
	}
	await(t, c, dir, "a: A source 4\n")
	cancel()
	watching.Wait()
}

// A folder that does not exist yet cannot be watched; a rescan finds it.
func TestRescan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	c := newTestCatalog(t, CatalogSettings{Path: []string{dir}, Rescan: 20 * time.Millisecond})
	var watching sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	watching.Go(func() { c.Watch(ctx) })
	await(t, c, dir, ".: this folder of plugin.path does not exist: create it, or correct plugin.path\n")
	install(t, filepath.Join(dir, "a"), script(""), 0o755)
	await(t, c, dir, "a: TestSource source 1.0.0\n")
	cancel()
	watching.Wait()
}
