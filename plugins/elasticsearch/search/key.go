package search

import (
	"errors"
	"fmt"
	"net/http"
)

// KeyError is a mistake in the configuration. Its text names the key.
type KeyError struct {
	Key string
	err error
}

func keyErrorf(key, format string, args ...any) error {
	return &KeyError{key, fmt.Errorf(format, args...)}
}

// Error says what is wrong and what to do.
func (e *KeyError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *KeyError) Unwrap() error { return e.err }

// KeyOf returns the key of the configuration that an error has most to do with.
func KeyOf(err error) string {
	var mistake *KeyError
	var away *Unreachable
	var refusal *Refusal
	switch {
	case errors.As(err, &mistake):
		return mistake.Key
	case errors.As(err, &away):
		return away.diagnose().key
	case errors.As(err, &refusal) && refusal.Status == http.StatusUnauthorized:
		if refusal.key != "" {
			return refusal.key
		}
		return "connection.username"
	}
	return "connection.url"
}

// Permanent tells that an error is there until somebody changes the
// configuration: whoever asks, and whom, is wrong.
func Permanent(err error) bool {
	var mistake *KeyError
	var away *Unreachable
	var refusal *Refusal
	switch {
	case errors.As(err, &mistake):
		return true
	case errors.As(err, &away):
		return away.diagnose().permanent
	case errors.As(err, &refusal):
		return refusal.Status == http.StatusUnauthorized
	}
	return false
}

// Temporary tells that the same request may succeed soon.
func Temporary(err error) bool {
	var away *Unreachable
	var refusal *Refusal
	switch {
	case errors.As(err, &away):
		return !away.diagnose().permanent
	case errors.As(err, &refusal):
		c := refusal.Class()
		return c == Busy || c == Unavailable || c == Blocked
	}
	return false
}
