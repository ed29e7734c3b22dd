package provider

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/magiconair/properties"
)

// source is what a provider reads from. path is "" for ${alias:key}. ok is false for a key that there is not.
type source func(path, key string) (value string, ok bool, err error)

// Providers are those of a worker. It is safe for concurrent use; nil has none.
type Providers struct {
	sources map[string]source
	// ttl is how long a value counts, by alias; 0 is for ever.
	ttl map[string]time.Duration
}

// kinds are the built-in providers, by class and by short name.
var kinds = map[string]func(params map[string]string) (source, error){
	"org.apache.kafka.common.config.provider.FileConfigProvider":      newFile,
	"org.apache.kafka.common.config.provider.DirectoryConfigProvider": newDirectory,
	"org.apache.kafka.common.config.provider.EnvVarConfigProvider":    newEnvironment,
	"FileConfigProvider":      newFile,
	"DirectoryConfigProvider": newDirectory,
	"EnvVarConfigProvider":    newEnvironment,
}

// New returns the providers that a worker's properties name: config.providers, config.providers.<alias>.class and
// config.providers.<alias>.param.*, of which ttl.ms is Outboard's own.
func New(props map[string]string) (*Providers, error) {
	p := &Providers{sources: map[string]source{}, ttl: map[string]time.Duration{}}
	for alias := range strings.SplitSeq(props["config.providers"], ",") {
		if alias = strings.TrimSpace(alias); alias == "" {
			continue
		}
		prefix := "config.providers." + alias + "."
		class := strings.TrimSpace(props[prefix+"class"])
		kind, ok := kinds[class]
		switch {
		case class == "":
			return nil, fmt.Errorf("%sclass is missing: it is the class of the config provider that config.providers=%s names, such as FileConfigProvider",
				prefix, props["config.providers"])
		case !ok:
			return nil, fmt.Errorf("%sclass is %q: use FileConfigProvider, DirectoryConfigProvider or EnvVarConfigProvider", prefix, class)
		}
		params := map[string]string{}
		for key, value := range props {
			if name, ok := strings.CutPrefix(key, prefix+"param."); ok {
				params[name] = value
			}
		}
		s, err := kind(params)
		if err != nil {
			return nil, fmt.Errorf("%sparam.%w", prefix, err)
		}
		p.sources[alias] = s
		if text := params["ttl.ms"]; text != "" {
			ttl, err := time.ParseDuration(strings.TrimSpace(text) + "ms")
			if err != nil || ttl <= 0 {
				return nil, fmt.Errorf("%sparam.ttl.ms is %q: it takes a number of milliseconds from 1", prefix, text)
			}
			p.ttl[alias] = ttl
		}
	}
	return p, nil
}

// Resolved is a configuration in which references have become values.
type Resolved struct {
	// Values is the configuration. Those that hold secrets are not to be shown; see Hide.
	Values map[string]string
	// TTL is how long the values count: the shortest time of those that are in it, 0 for ever.
	TTL time.Duration

	raw     map[string]string
	secrets []string // longest first
}

// reference is Kafka's pattern.
var reference = regexp.MustCompile(`\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}`)

// Resolve reads what the references in a configuration stand for. The error names the key and what cannot be read.
func (p *Providers) Resolve(raw map[string]string) (*Resolved, error) {
	r := &Resolved{Values: raw, raw: raw}
	if p == nil || len(p.sources) == 0 {
		return r, nil
	}
	r.Values = maps.Clone(raw)
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		value, err := p.resolve(r, raw[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		r.Values[key] = value
	}
	slices.SortFunc(r.secrets, func(a, b string) int { return len(b) - len(a) })
	return r, nil
}

func (p *Providers) resolve(r *Resolved, text string) (string, error) {
	if !strings.Contains(text, "${") {
		return text, nil
	}
	var failed error
	result := reference.ReplaceAllStringFunc(text, func(found string) string {
		m := reference.FindStringSubmatch(found)
		alias, path, key := m[1], m[3], m[4]
		s, ok := p.sources[alias]
		if !ok {
			return found
		}
		value, ok, err := s(path, key)
		if err != nil {
			failed = fmt.Errorf("the reference %s cannot be resolved: %w", found, err)
		}
		if !ok || err != nil {
			return found
		}
		if ttl := p.ttl[alias]; ttl > 0 && (r.TTL == 0 || ttl < r.TTL) {
			r.TTL = ttl
		}
		r.hide(value)
		return value
	})
	return result, failed
}

// hidden is what stands for a value in texts.
const hidden = "********"

// shortest is the length from which on a value is looked for in texts: shorter ones are in all of them.
const shortest = 4

// hide notes a value, in the forms in which it may be in a text: as it is; without the white space around it, which files end with and
// most settings do not count; quoted, as errors quote settings; and line by line, since errors and traces are taken apart by lines.
func (r *Resolved) hide(value string) {
	forms := append(strings.Split(value, "\n"), value)
	for _, form := range forms {
		trimmed := strings.TrimSpace(form)
		for _, f := range []string{form, trimmed, quoted(form), quoted(trimmed)} {
			if len(f) >= shortest && !slices.Contains(r.secrets, f) {
				r.secrets = append(r.secrets, f)
			}
		}
	}
}

// quoted is what stands between the quotes when a text is quoted.
func quoted(text string) string {
	q := strconv.Quote(text)
	return q[1 : len(q)-1]
}

// Secret tells that there is something to hide.
func (r *Resolved) Secret() bool { return r != nil && len(r.secrets) > 0 }

// Hide returns a text without the values that references stood for. Values of less than four characters stay.
func (r *Resolved) Hide(text string) string {
	if r == nil {
		return text
	}
	for _, s := range r.secrets {
		text = strings.ReplaceAll(text, s, hidden)
	}
	return text
}

// Restore puts references back into the configuration of a task that the connector made from this one: where a key has
// the value that it has here, it gets the text that it had before. Tasks' configurations are stored and shown.
func (r *Resolved) Restore(task map[string]string) map[string]string {
	if r == nil {
		return task
	}
	restored := maps.Clone(task)
	for key, value := range task {
		if raw, ok := r.raw[key]; ok && r.Values[key] == value {
			restored[key] = raw
		}
	}
	return restored
}

// Raw returns the text that a key had before, if there was a reference in it.
func (r *Resolved) Raw(key string) (string, bool) {
	if r == nil {
		return "", false
	}
	raw, ok := r.raw[key]
	return raw, ok && raw != r.Values[key]
}

// newFile reads ${alias:/path/to/file.properties:key}.
func newFile(params map[string]string) (source, error) {
	allowed, err := allowedPaths(params)
	if err != nil {
		return nil, err
	}
	return func(path, key string) (string, bool, error) {
		if path == "" {
			return "", false, nil
		}
		if err := allowed.check(path); err != nil {
			return "", false, err
		}
		l := properties.Loader{Encoding: properties.ISO_8859_1, DisableExpansion: true}
		p, err := l.LoadFile(path)
		if err != nil {
			return "", false, fmt.Errorf("could not read properties from file %s: %w", path, reason(err))
		}
		value, ok := p.Get(key)
		return value, ok, nil
	}, nil
}

// newDirectory reads ${alias:/path/to/folder:file}: all of the file.
func newDirectory(params map[string]string) (source, error) {
	allowed, err := allowedPaths(params)
	if err != nil {
		return nil, err
	}
	return func(path, key string) (string, bool, error) {
		if path == "" || key == "" || key != filepath.Base(key) {
			return "", false, nil
		}
		file := filepath.Join(path, key)
		if err := allowed.check(file); err != nil {
			return "", false, err
		}
		info, err := os.Stat(path)
		if err != nil || !info.IsDir() {
			return "", false, fmt.Errorf("the path %s is not a directory", path)
		}
		if info, err = os.Stat(file); err != nil || !info.Mode().IsRegular() {
			return "", false, nil
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return "", false, fmt.Errorf("could not read file %s: %w", file, reason(err))
		}
		return string(content), true, nil
	}, nil
}

// reason is the error without the path, which is told already.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// newEnvironment reads ${alias:VARIABLE}.
func newEnvironment(params map[string]string) (source, error) {
	allow := regexp.MustCompile("")
	if text := params["allowlist.pattern"]; text != "" {
		var err error
		if allow, err = regexp.Compile("^(?:" + text + ")$"); err != nil {
			return nil, fmt.Errorf("allowlist.pattern is %q: it takes a regular expression: %w", text, err)
		}
	}
	return func(path, key string) (string, bool, error) {
		if path != "" {
			return "", false, fmt.Errorf("environment variables have no path: write ${alias:%s}", key)
		}
		if !allow.MatchString(key) {
			return "", false, nil
		}
		value, ok := os.LookupEnv(key)
		return value, ok, nil
	}, nil
}

// paths are the folders and files that may be read; none: all.
type paths []string

func allowedPaths(params map[string]string) (paths, error) {
	var all paths
	for p := range strings.SplitSeq(params["allowed.paths"], ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		if !filepath.IsAbs(p) {
			return nil, fmt.Errorf("allowed.paths has %q: it takes absolute paths, separated by commas", p)
		}
		if _, err := os.Stat(p); err != nil {
			return nil, fmt.Errorf("allowed.paths has %s, which cannot be read: %w", p, reason(err))
		}
		all = append(all, filepath.Clean(p))
	}
	return all, nil
}

// check refuses a file outside, also when a symbolic link leads there.
func (allowed paths) check(file string) error {
	if len(allowed) == 0 {
		return nil
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		real = filepath.Clean(file)
	}
	for _, a := range allowed {
		if within(file, a) && (within(real, a) || withinReal(real, a)) {
			return nil
		}
	}
	return fmt.Errorf("%s is outside allowed.paths (%s) of the config provider", file, strings.Join(allowed, ", "))
}

func within(file, folder string) bool {
	rel, err := filepath.Rel(folder, filepath.Clean(file))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// withinReal is within for an allowed path that is a link itself.
func withinReal(file, folder string) bool {
	real, err := filepath.EvalSymlinks(folder)
	return err == nil && within(file, real)
}
