package worker

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/provider"
)

// discreetError is an error whose text does not show what references stand for. What it wraps is for errors.As alone.
type discreetError struct {
	text string
	err  error
}

func (e *discreetError) Error() string { return e.text }
func (e *discreetError) Unwrap() error { return e.err }

// discreet returns err without the values that a configuration refers to in its text.
func discreet(resolved *provider.Resolved, err error) error {
	if err == nil {
		return nil
	}
	text := resolved.Hide(err.Error())
	if text == err.Error() {
		return err
	}
	var refused *RefusedOffsetsError
	if errors.As(err, &refused) {
		return &RefusedOffsetsError{&discreetError{text, err}} // its text is shown, wherever it was wrapped
	}
	return &discreetError{text, err}
}

// discreetLogger is the logger of a runner and of the clients that are made for it: errors of plugins, transformations and converters quote
// settings, and settings may be secrets.
type discreetLogger struct {
	hclog.Logger
	// resolved is what the present attempt knows of references; nothing before the first one.
	resolved *atomic.Pointer[provider.Resolved]
}

// hide returns arguments without the values that references stand for.
func (l discreetLogger) hide(args []any) []any {
	resolved := l.resolved.Load()
	if !resolved.Secret() {
		return args
	}
	shown := slices.Clone(args)
	for i, arg := range args {
		text := fmt.Sprint(arg)
		if hidden := resolved.Hide(text); hidden != text {
			shown[i] = hidden
		}
	}
	return shown
}

func (l discreetLogger) Log(level hclog.Level, text string, args ...any) {
	l.Logger.Log(level, text, l.hide(args)...)
}
func (l discreetLogger) Trace(text string, args ...any) { l.Logger.Trace(text, l.hide(args)...) }
func (l discreetLogger) Debug(text string, args ...any) { l.Logger.Debug(text, l.hide(args)...) }
func (l discreetLogger) Info(text string, args ...any)  { l.Logger.Info(text, l.hide(args)...) }
func (l discreetLogger) Warn(text string, args ...any)  { l.Logger.Warn(text, l.hide(args)...) }
func (l discreetLogger) Error(text string, args ...any) { l.Logger.Error(text, l.hide(args)...) }

func (l discreetLogger) With(args ...any) hclog.Logger {
	return discreetLogger{l.Logger.With(l.hide(args)...), l.resolved}
}

func (l discreetLogger) Named(name string) hclog.Logger {
	return discreetLogger{l.Logger.Named(name), l.resolved}
}

func (l discreetLogger) ResetNamed(name string) hclog.Logger {
	return discreetLogger{l.Logger.ResetNamed(name), l.resolved}
}
