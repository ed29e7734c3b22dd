package logging

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Root is the name above all loggers.
const Root = "root"

// counterparts are the names that the parts of a worker have in Kafka Connect, by their names here.
var counterparts = map[string][]string{
	"outboard":           {"org.apache.kafka.connect"},
	"outboard.broker":    {"kafka"},
	"outboard.herder":    {"org.apache.kafka.connect.runtime.distributed", "org.apache.kafka.connect.runtime.standalone", "org.apache.kafka.connect.runtime.AbstractHerder"},
	"outboard.isolation": {"org.apache.kafka.connect.runtime.isolation"},
	"outboard.kafka":     {"org.apache.kafka.clients"},
	"outboard.plugins":   {"org.apache.kafka.connect.runtime.isolation.Plugins"},
	"outboard.rest":      {"org.apache.kafka.connect.runtime.rest"},
	"outboard.storage":   {"org.apache.kafka.connect.storage", "org.apache.kafka.connect.util.KafkaBasedLog"},
	"outboard.worker":    {"org.apache.kafka.connect.runtime", "org.apache.kafka.connect.runtime.Worker", "org.apache.kafka.connect.runtime.WorkerSinkTask", "org.apache.kafka.connect.runtime.WorkerSourceTask"},
}

// Levels are those of all loggers that New's logger has led to. Its methods are safe for concurrent use. The zero Levels has
// no loggers.
type Levels struct {
	mu      sync.Mutex
	options hclog.LoggerOptions
	loggers map[string]*named // by name
	now     func() time.Time  // nil: time.Now
}

// named is what has a level: loggers of one name, or none yet.
type named struct {
	names    []string
	base     hclog.Logger // nil when there is none yet
	word     string
	modified time.Time // zero: never
}

// State is the level of a name.
type State struct {
	Level string
	// Modified is when the level was last changed, zero if never.
	Modified time.Time
}

// New returns a logger as hclog.New does, and the levels of it and of all those that come from it with Named.
func New(options hclog.LoggerOptions) (hclog.Logger, *Levels) {
	if options.Mutex == nil {
		options.Mutex = &sync.Mutex{} // they write to the same place
	}
	l := &Levels{options: options, loggers: map[string]*named{}}
	l.loggers[Root] = &named{names: []string{Root}, word: wordOf(options.Level)}
	return &logger{l.base(options.Name), l}, l
}

// base returns the logger of a name without arguments.
func (l *Levels) base(name string) hclog.Logger {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.find(name)
	if n == nil {
		n = l.add(name)
	}
	if n.base == nil {
		options := l.options
		options.Name, options.Level = name, levelOf(n.word)
		n.base = hclog.New(&options)
	}
	return n.base
}

// find returns what has a name. The caller holds the lock.
func (l *Levels) find(name string) *named {
	if n := l.loggers[name]; n != nil {
		return n
	}
	for _, n := range l.loggers {
		if slices.Contains(n.names, name) {
			return n
		}
	}
	return nil
}

// add makes something of a name, with the level of what is above it. The caller holds the lock.
func (l *Levels) add(name string) *named {
	if l.loggers == nil {
		l.loggers = map[string]*named{Root: {names: []string{Root}, word: "INFO"}}
	}
	n := &named{names: append([]string{name}, counterparts[name]...), word: l.loggers[Root].word}
	for above := name; ; {
		i := strings.LastIndexByte(above, '.')
		if i < 0 {
			break
		}
		above = above[:i]
		if higher := l.find(above); higher != nil {
			n.word = higher.word
			break
		}
	}
	l.loggers[name] = n
	return n
}

// All returns the levels of all names.
func (l *Levels) All() map[string]State {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]State{}
	for _, n := range l.loggers {
		for _, name := range n.names {
			all[name] = State{n.word, n.modified}
		}
	}
	return all
}

// Get returns the level of a name.
func (l *Levels) Get(name string) (State, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.find(name)
	if n == nil {
		return State{}, false
	}
	return State{n.word, n.modified}, true
}

// Set gives a name and all below it a level in the spelling of [ParseLevel]. A name that nothing has yet is for loggers to
// come. It returns the names whose level is another one now, sorted.
func (l *Levels) Set(name, word string) (changed []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.EqualFold(name, Root) {
		name = Root
	}
	now := time.Now
	if l.now != nil {
		now = l.now
	}
	fresh := l.find(name) == nil
	if fresh {
		l.add(name)
	}
	for _, n := range l.loggers {
		added := fresh && n.names[0] == name
		if !n.below(name) || n.word == word && !added {
			continue
		}
		n.word, n.modified = word, now()
		if n.base != nil {
			n.base.SetLevel(levelOf(word))
		}
		changed = append(changed, n.names...)
	}
	slices.Sort(changed)
	return changed
}

// below tells whether one of the names is a name, or below it.
func (n *named) below(name string) bool {
	return name == Root || slices.ContainsFunc(n.names, func(own string) bool {
		return own == name || strings.HasPrefix(own, name+".")
	})
}
