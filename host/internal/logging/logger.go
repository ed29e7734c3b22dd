package logging

import "github.com/hashicorp/go-hclog"

// logger gives each name a level of its own. Loggers that differ in arguments alone share theirs.
type logger struct {
	hclog.Logger
	levels *Levels
}

// With returns a logger of the same name with more arguments.
func (l *logger) With(args ...any) hclog.Logger { return &logger{l.Logger.With(args...), l.levels} }

// Named returns a logger whose name is below this one's.
func (l *logger) Named(name string) hclog.Logger {
	if own := l.Name(); own != "" {
		name = own + "." + name
	}
	return l.ResetNamed(name)
}

// ResetNamed returns a logger of another name with the same arguments.
func (l *logger) ResetNamed(name string) hclog.Logger {
	return &logger{l.levels.base(name).With(l.ImpliedArgs()...), l.levels}
}

// SetLevel is Set of the logger's name.
func (l *logger) SetLevel(level hclog.Level) { l.levels.Set(l.Name(), wordOf(level)) }
