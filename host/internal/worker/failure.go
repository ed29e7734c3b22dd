package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/tolerance"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
)

// severity says what is to be done about a failure.
type severity uint8

const (
	transient   severity = iota // try again after a while
	processGone                 // try again as fast as the supervisor allows
	permanent                   // only a person can help
)

// permanentError marks a failure of the host's own that trying again would not mend.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// severityOf classifies the failure of an attempt.
func severityOf(err error) severity {
	var author *client.AuthorError
	var own *permanentError
	var record *tolerance.Error
	var death *deathError
	switch {
	case errors.As(err, &death):
		return processGone
	case errors.As(err, &author) && author.Fatal, errors.As(err, &own), errors.As(err, &record):
		return permanent
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return permanent
	}
	return transient
}

// deletedTopicError is the end of a Kafka client: it has used a topic that was
// deleted, and takes to no other topic of the name. The next one does.
type deletedTopicError struct {
	topic string
	err   error
}

func (e *deletedTopicError) Error() string {
	return fmt.Sprintf("topic %s was deleted while it was used: what was in it is gone; the task starts again with the topic of that name that there is then: %v", e.topic, e.err)
}
func (e *deletedTopicError) Unwrap() error { return e.err }

// outlived tells whether a failure is the end of the task's Kafka client, too.
func outlived(err error) bool {
	var deleted *deletedTopicError
	return errors.As(err, &deleted)
}

// deathError is the end of a plugin's process.
type deathError struct {
	death isolation.Death
	doing string
}

func (e *deathError) Error() string {
	if e.doing == "" {
		return e.death.Err.Error()
	}
	return fmt.Sprintf("%s (during %s)", e.death.Err, e.doing)
}
func (e *deathError) Unwrap() error { return e.death.Err }

// streamError is the end of a plugin's stream, as opposed to a failure of the host's own.
type streamError struct{ err error }

func (e *streamError) Error() string { return e.err.Error() }
func (e *streamError) Unwrap() error { return e.err }

// deathSoon is how long after a broken stream the end of its process is expected.
const deathSoon = 2 * time.Second

// explain turns the error of a stream into what is behind it: a process that
// died, that stalled, or that broke the protocol. doing is what it was asked.
func explain(lease *isolation.Lease, err error, doing string) error {
	var stall *client.StallError
	var violation *client.ProtocolError
	var author *client.AuthorError
	switch {
	case errors.As(err, &author):
		return err
	case errors.As(err, &stall):
		lease.Fail(isolation.CauseStall, err)
	case errors.As(err, &violation):
		lease.Fail(isolation.CauseProtocol, err)
	case errors.Is(err, context.Canceled):
		return err
	default:
		select {
		case <-lease.Dead():
		case <-time.After(deathSoon):
			// The process lives but the stream is gone: a message over the limit, for instance.
			lease.Fail(isolation.CauseProtocol, fmt.Errorf("the stream of %s broke: %w", doing, err))
		}
	}
	return &deathError{death: lease.Death(), doing: doing}
}

// javaTrace is the trace of a status: where the error was, and when the next attempt will be, unless next is zero.
func javaTrace(err error, where string, next time.Time, attempt int) string {
	message, frames := err.Error(), []string{"outboard." + where}
	var author *client.AuthorError
	if errors.As(err, &author) {
		message += "\n" + author.Detail
		frames = append(frames, "plugin."+author.Method+"()")
	}
	if !next.IsZero() {
		frames = append(frames, fmt.Sprintf("outboard.restart(attempt %d at %s)", attempt, next.UTC().Format(time.RFC3339)))
	}
	return tolerance.Trace(javaClass(err), message, frames...)
}

// javaClass returns the exception that Kafka Connect would have thrown.
func javaClass(err error) string {
	var record *tolerance.Error
	var author *client.AuthorError
	switch {
	case errors.As(err, &record):
		return "org.apache.kafka.connect.errors.DataException"
	case errors.As(err, &author) && author.Retriable:
		return "org.apache.kafka.connect.errors.RetriableException"
	}
	return "org.apache.kafka.connect.errors.ConnectException"
}
