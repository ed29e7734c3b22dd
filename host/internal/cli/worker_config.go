package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/outboard-connect/outboard/host/internal/convert"
	"github.com/outboard-connect/outboard/host/internal/kafka"
	"github.com/outboard-connect/outboard/host/internal/provider"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/rest"
)

// workerConfig is the configuration of a worker, checked.
type workerConfig struct {
	config.Values
	mode      modes
	listeners []listener
	admin     adminPart
	// shown is the index of the listener that others are told of.
	shown int
	users users // nil: everybody may use REST
	// providers resolve references in configurations of connectors; those in the worker's own are resolved.
	providers *provider.Providers
	headers   []rest.HeaderRule
	// warnings are for the user, inert for those who look for something.
	warnings, inert []string
}

// parseWorkerConfig checks the properties of a worker. The error holds every mistake, a line each, with key, value and what
// to do about it.
func parseWorkerConfig(props map[string]string, mode modes) (workerConfig, error) {
	c := workerConfig{mode: mode}
	definition := config.Definition{}
	for _, k := range workerKeys {
		if k.modes&mode != 0 {
			definition = append(definition, k.Key)
		}
	}
	props, unresolved := c.resolve(props)
	values, err := definition.Parse(props)
	problems := []error{unresolved, err}
	c.Values = values
	for _, key := range slices.Sorted(maps.Keys(props)) {
		problems = append(problems, c.weigh(key, props[key]))
	}
	if err == nil {
		problems = append(problems, c.rest(), c.factors(), c.sharing(), c.converters(props))
	}
	return c, errors.Join(problems...)
}

// rest reads what concerns the REST API.
func (c *workerConfig) rest() error {
	var problems [4]error
	if c.listeners, c.admin, problems[0] = listenersOf(c.Values); problems[0] == nil {
		c.shown, problems[1] = advertised(c.listeners, c.String("rest.advertised.listener"))
	}
	c.users, problems[2] = usersOf(c.Values, os.Getenv)
	text := c.String("response.http.headers.config")
	var err error
	if c.headers, err = rest.ParseHeaders(text); err != nil {
		problems[3] = invalidValue("response.http.headers.config", text, err.Error())
	}
	return errors.Join(problems[:]...)
}

// weigh says what comes of a key that is given, as far as its value is not to be parsed.
func (c *workerConfig) weigh(key, value string) error {
	if i := slices.IndexFunc(workerKeys, func(k workerKey) bool { return k.Name == key }); i >= 0 {
		k := workerKeys[i]
		switch {
		case k.modes&c.mode == 0:
			c.warnings = append(c.warnings, fmt.Sprintf("%s has no effect here: it is a setting of outboard %s", key, k.modes))
			return nil
		case k.fate == used || k.standard(value):
			return nil
		}
		return c.tell(k.fate, key, value, k.why)
	}
	if knownClientKey(key, kafka.Producer|kafka.Consumer|kafka.Admin) {
		return nil
	}
	prefix := ""
	for _, p := range workerPrefixes {
		if p.modes&c.mode == 0 || !strings.HasPrefix(key, p.prefix) || len(p.prefix) <= len(prefix) {
			continue
		}
		prefix = p.prefix
		if p.fate != used {
			c.inert = append(c.inert, key+" "+p.why)
		}
	}
	switch prefix {
	case "":
		c.unknown(key, "", c.known())
	case "producer.":
		c.client(key, prefix, kafka.Producer)
	case "consumer.":
		c.client(key, prefix, kafka.Consumer)
	case "admin.":
		c.client(key, prefix, kafka.Admin)
	case "config.storage.", "offset.storage.", "status.storage.":
		if setting := strings.TrimPrefix(key, prefix); slices.Contains(fixedTopicSettings, setting) {
			c.warnings = append(c.warnings, fmt.Sprintf("%s=%s has no effect: the worker decides the topic's %s", key, value, setting))
		}
	}
	return nil
}

// standard tells whether a value asks for nothing that Outboard does not do anyway.
func (k workerKey) standard(value string) bool {
	value = strings.TrimSpace(value)
	same := func(s string) bool { return s == value || k.IgnoreCase && strings.EqualFold(s, value) }
	return k.Default != nil && same(*k.Default) || slices.ContainsFunc(k.harmless, same)
}

func (c *workerConfig) tell(f fate, key, value, why string) error {
	switch f {
	case refused:
		return fmt.Errorf("%s=%s %s", key, value, why)
	case missing:
		c.warnings = append(c.warnings, key+" "+why)
	case inert:
		c.inert = append(c.inert, key+" "+why)
	}
	return nil
}

// client warns of a setting for connectors' clients that no client has.
func (c *workerConfig) client(key, prefix string, role kafka.Role) {
	if name := strings.TrimPrefix(key, prefix); !knownClientKey(name, role) {
		c.unknown(key, prefix, kafka.Keys(role))
	}
}

// knownClientKey tells whether a Kafka client of one of the roles has a setting.
func knownClientKey(name string, roles kafka.Role) bool {
	for _, role := range []kafka.Role{kafka.Producer, kafka.Consumer, kafka.Admin} {
		if roles&role != 0 && slices.Contains(kafka.Keys(role), name) {
			return true
		}
	}
	return false
}

func (c *workerConfig) unknown(key, prefix string, known []string) {
	text := fmt.Sprintf("%s is an unknown key and has no effect", key)
	if nearest := config.Nearest(strings.TrimPrefix(key, prefix), known); nearest != "" {
		text += fmt.Sprintf("; did you mean %s?", prefix+nearest)
	}
	c.warnings = append(c.warnings, text)
}

// known are all keys that a worker of this mode knows by name.
func (c *workerConfig) known() []string {
	var names []string
	for _, k := range workerKeys {
		if k.modes&c.mode != 0 {
			names = append(names, k.Name)
		}
	}
	for _, role := range []kafka.Role{kafka.Admin, kafka.Producer, kafka.Consumer} {
		names = append(names, kafka.Keys(role)...)
	}
	return names
}

// fixedTopicSettings are settings of internal topics that a properties file cannot change.
var fixedTopicSettings = []string{"cleanup.policy", "partitions"}

// resolve puts values in the place of references in the worker's own properties, and keeps the providers for connectors.
func (c *workerConfig) resolve(props map[string]string) (map[string]string, error) {
	var err error
	if c.providers, err = provider.New(props); err != nil {
		return props, err
	}
	resolved, err := c.providers.Resolve(props)
	if err != nil {
		return props, err
	}
	return resolved.Values, nil
}

// factors refuses a size of 0, which lies between "as many as" and "the brokers' default".
func (c *workerConfig) factors() error {
	var problems []error
	for _, k := range workerKeys {
		if k.modes&c.mode == 0 || k.Min == nil || *k.Min != -1 {
			continue
		}
		if c.Int(k.Name) == 0 {
			problems = append(problems, invalidValue(k.Name, "0", "Value must be at least 1, or -1 for the brokers' default"))
		}
	}
	return errors.Join(problems...)
}

// invalidValue is an error in the words of Kafka and of package config, for rules that a definition cannot express.
func invalidValue(key, value, problem string) error {
	return errors.New("Invalid value " + value + " for configuration " + key + ": " + problem)
}

// converters makes the worker's converters once, to see whether they can be made.
func (c *workerConfig) converters(props map[string]string) error {
	_, keyErr := convert.New(c.String("key.converter"), config.WithPrefix(props, "key.converter."), convert.Key)
	_, valueErr := convert.New(c.String("value.converter"), config.WithPrefix(props, "value.converter."), convert.Value)
	_, headerErr := convert.NewHeader(c.String("header.converter"), config.WithPrefix(props, "header.converter."))
	return errors.Join(keyErr, valueErr, headerErr)
}

// String names the command that runs a worker of the mode.
func (m modes) String() string {
	switch m {
	case standalone:
		return "standalone"
	case distributed:
		return "worker"
	default:
		return "worker and standalone"
	}
}

// stopLimit is how long a stop may take: the tasks, then a last division of work where that of workers that are gone waits
// for them, and then a moment for what they stand on.
func (c workerConfig) stopLimit() time.Duration {
	limit := c.Duration("task.shutdown.graceful.timeout.ms") + 10*time.Second
	if c.mode == distributed && c.Int("scheduled.rebalance.max.delay.ms") > 0 {
		limit += c.Duration("session.timeout.ms")
	}
	return limit
}

// pluginPath are the folders that hold plugins: those of the command line, or else of plugin.path.
func (c workerConfig) pluginPath(given []string) ([]string, error) {
	if len(given) > 0 {
		return given, nil
	}
	if path := c.List("plugin.path"); len(path) > 0 {
		return path, nil
	}
	return defaultPluginPath()
}

// defaultPluginPath is the folder plugins beside the binary: what is unpacked or built together works together.
func defaultPluginPath() ([]string, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("plugin.path is not set, and where this binary lies is unknown: %w", err)
	}
	if real, err := filepath.EvalSymlinks(binary); err == nil {
		binary = real
	}
	return []string{filepath.Join(filepath.Dir(binary), "plugins")}, nil
}
