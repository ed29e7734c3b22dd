package herder

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/outboard-connect/outboard/host/internal/storage"
)

// requestTimeout bounds every request that waits for something.
const requestTimeout = 90 * time.Second

// request is a call of the API that may wait. It knows what it is waiting for, so that it can say so when time is up.
type request struct {
	context.Context
	cancel context.CancelFunc
	stage  string
	began  time.Time
	// acts: something may have been changed already.
	acts bool
}

// begin starts a request. It fails while the herder is not at work. The caller calls cancel at the end.
func (h *Herder) begin(ctx context.Context) (*request, error) {
	if err := h.ready(); err != nil {
		return nil, err
	}
	ctx, interrupt := context.WithCancelCause(ctx)
	stop := context.AfterFunc(h.closing, func() { interrupt(errShuttingDown) })
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	return &request{Context: ctx, cancel: func() { stop(); cancel(); interrupt(nil) }}, nil
}

// ready tells whether the herder is at work.
func (h *Herder) ready() error {
	switch {
	case h.closing.Err() != nil:
		return shuttingDown()
	case !h.started.Load():
		return errorf(Unavailable, "Worker is starting: it reads its configurations. Try again in a moment")
	}
	return nil
}

// errShuttingDown is why requests are cut off when the worker stops.
var errShuttingDown = errors.New("the worker is shutting down")

// shuttingDown is for requests that have changed nothing: another worker can carry them out.
func shuttingDown() error { return errorf(Unavailable, "Worker is shutting down") }

// enter tells what the request is doing from now on, in words that follow "The worker is currently".
func (r *request) enter(format string, args ...any) {
	r.stage, r.began = fmt.Sprintf(format, args...), time.Now()
}

// act is enter for what changes something.
func (r *request) act(format string, args ...any) {
	r.enter(format, args...)
	r.acts = true
}

// failed turns the error of a stage into one for the caller. A request that was cut off says where it was.
func (r *request) failed(err error) error {
	var known *Error
	var lost *storage.LostClaimError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &lost):
		return &Error{Code: Rebalance, Cause: err, Message: fmt.Sprintf("%s: %v", rebalance, lost)}
	case errors.Is(context.Cause(r), errShuttingDown) && !r.acts:
		return shuttingDown()
	case errors.Is(context.Cause(r), errShuttingDown):
		return &Error{Code: Internal, Cause: err, Message: fmt.Sprintf(
			"Worker is shutting down. The request was cut off while %s, and may still take effect", r.stage)}
	case errors.Is(r.Err(), context.DeadlineExceeded), r.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: Timeout, Cause: err, Message: fmt.Sprintf(
			"Request timed out. The worker is currently %s, which began at %s. The request may still take effect",
			r.stage, r.began.UTC().Format(time.RFC3339Nano))}
	case r.Err() == nil:
		return &Error{Code: Internal, Cause: err, Message: fmt.Sprintf("The request failed while %s: %v", r.stage, err)}
	default:
		return &Error{Code: Internal, Cause: err, Message: fmt.Sprintf(
			"Request interrupted while %s. It may still take effect", r.stage)}
	}
}
