package herder

import "fmt"

// Code is the kind of an [Error].
type Code uint8

// The kinds of errors. Each says what a caller can do.
const (
	// Internal is a failure inside the worker or of its log.
	Internal Code = iota
	// NotFound: the connector, task or plugin does not exist.
	NotFound
	// AlreadyExists: a connector of this name exists.
	AlreadyExists
	// BadRequest is the caller's mistake; the same request always fails.
	BadRequest
	// Forbidden: the worker's configuration does not allow the request.
	Forbidden
	// Conflict: the connector's state does not allow the request.
	Conflict
	// Rebalance: work is being distributed anew; the same request succeeds later.
	Rebalance
	// Unavailable: the worker is starting or shutting down.
	Unavailable
	// Timeout: the request took too long; it may still take effect.
	Timeout
	// Elsewhere: the worker at URL has to carry out the request.
	Elsewhere
)

// String returns the name of the code.
func (c Code) String() string {
	switch c {
	case NotFound:
		return "not found"
	case AlreadyExists:
		return "already exists"
	case BadRequest:
		return "bad request"
	case Forbidden:
		return "forbidden"
	case Conflict:
		return "conflict"
	case Rebalance:
		return "rebalance"
	case Unavailable:
		return "unavailable"
	case Timeout:
		return "timeout"
	case Elsewhere:
		return "elsewhere"
	default:
		return "internal"
	}
}

// Error is every error that a [Herder] returns.
type Error struct {
	Code Code
	// Message is for people and is Kafka Connect's where clients know it.
	Message string
	// Cause is the error behind it, nil when there is none. Message tells of it already.
	Cause error
	// URL is where the worker is reached that carries out the request, of Elsewhere. It ends in a slash.
	URL string
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
