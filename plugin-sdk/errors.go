package sdk

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// Error says how the host should take an error. Make one with Retriable,
// RetryAfter or Fatal; an error that is none ends the task, which the host
// restarts after a while.
type Error struct {
	Err   error
	Class Class
	// After is the least time until the next attempt, for Retry.
	After time.Duration
}

// Class is a kind of error.
type Class uint8

// The classes of errors.
const (
	// Transient ends the task; a new one may fare better.
	Transient Class = iota
	// Retry means that the same call may succeed later.
	Retry
	// Permanent ends the task for good: somebody must change something.
	Permanent
)

// Error returns the message of the error inside.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error inside.
func (e *Error) Unwrap() error { return e.Err }

// Retriable marks an error after which the same call may succeed.
func Retriable(err error) error { return &Error{Err: err, Class: Retry} }

// RetryAfter is Retriable with the time to wait first.
func RetryAfter(err error, d time.Duration) error { return &Error{Err: err, Class: Retry, After: d} }

// Fatal marks an error that only a changed configuration, or a person, can mend.
func Fatal(err error) error { return &Error{Err: err, Class: Permanent} }

// maxErrorText bounds what an author's error may weigh on the wire.
const maxErrorText = 64 << 10

// errorToProto returns the message of an author's error, nil for nil.
func errorToProto(err error, method string) *connectv1.Error {
	if err == nil {
		return nil
	}
	m := &connectv1.Error{Message: clip(err.Error()), Method: method, Detail: clip(causes(err))}
	var e *Error
	if errors.As(err, &e) {
		switch e.Class {
		case Retry:
			m.Class = connectv1.ErrorClass_ERROR_CLASS_RETRIABLE
			m.RetryAfterMs = uint64(max(0, e.After.Milliseconds()))
		case Permanent:
			m.Class = connectv1.ErrorClass_ERROR_CLASS_FATAL
		}
	}
	return m
}

// causes lists the types and messages of the errors inside an error, a line each.
func causes(err error) string {
	var p *panicked
	if errors.As(err, &p) {
		return p.stack
	}
	text := ""
	for e := errors.Unwrap(err); e != nil; e = errors.Unwrap(e) {
		if own := new(Error); errors.As(e, &own) && own == e {
			continue
		}
		if e.Error() != err.Error() {
			text += fmt.Sprintf("%T: %s\n", e, e)
		}
	}
	return text
}

// clip returns a text that fits into a message, which takes UTF-8 only.
func clip(s string) string {
	if len(s) > maxErrorText {
		s = s[:maxErrorText] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// panicked is a panic of the author's code.
type panicked struct {
	value any
	stack string
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// guard calls the author's code and turns a panic into an error.
func guard(call func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicked{v, string(debug.Stack())}
		}
	}()
	return call()
}

// errorFromProto returns an error of the host.
func errorFromProto(m *connectv1.Error) error { return errors.New(m.GetMessage()) }
