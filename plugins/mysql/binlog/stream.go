package binlog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/plugins/mysql/position"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// Config says how to read.
type Config struct {
	Host           string
	Port           int
	User, Password string
	ServerID       uint32
	MariaDB        bool
	// Annotations has MariaDB send the statements that made rows; MySQL sends what it has.
	Annotations bool
	// IncludeQuery says that the connector that made the offset had them sent; it counts for offsets of Debezium.
	IncludeQuery bool
	// Captures tells whether rows of a table are wanted. It is called from the stream's goroutine.
	Captures func(table.ID) bool
	// Locate is called before each connection with the position to go on from. It checks that the server has it, and says how to ask.
	// Its context ends with the stream. An error of type *Error with a reason ends the stream, others are tried again.
	Locate func(ctx context.Context, at position.Position) (Start, error)
	// QueueBytes is how much is read ahead.
	QueueBytes int
	// Heartbeat is how often an idle server says that it is there, and how far it has looked; 0: never. A connection that is silent for as long as
	// Silence counts as lost; 0: never.
	Heartbeat, Silence time.Duration
	// WriteTimeout and ReadTimeout are the server's for this connection; 0: as it is set.
	WriteTimeout, ReadTimeout time.Duration
	// Retries is how often in a row a connection is tried again; -1: for ever. MaxWait is the longest wait between.
	Retries int
	MaxWait time.Duration
	Logger  hclog.Logger
}

// Start says how to ask a server for a position.
type Start struct {
	// TLS is how to encrypt the connection, nil for not at all.
	TLS *tls.Config
	// Server is the identity of the server; Other tells that it is not the one that the position is of, so that only GTIDs have a meaning.
	Server string
	Other  bool
	// GTIDs asks for all transactions that are not in a set; ByGTID says that it is to be used, even if it is empty.
	GTIDs  position.Set
	ByGTID bool
	// File and Pos are used otherwise.
	File string
	Pos  uint64
}

// Reason is why a stream cannot go on.
type Reason uint8

// The reasons.
const (
	// Lost: the server does not have the log from the position on.
	Lost Reason = iota + 1
	// Denied: the user may not read the log.
	Denied
	// TooLarge: an event is larger than the server sends.
	TooLarge
	// PartialJSON: the log has parts of JSON documents.
	PartialJSON
	// Damaged: an event cannot be read.
	Damaged
	// Unreachable: the retries are used up.
	Unreachable
)

// Error ends a stream: waiting does not help.
type Error struct {
	Reason Reason
	err    error
}

// NewError returns an error that ends a stream, for Config.Locate.
func NewError(reason Reason, err error) *Error { return &Error{reason, err} }

func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns the error inside.
func (e *Error) Unwrap() error { return e.err }

// Stream is the binary log from a position on. Take is called by one goroutine at a time; Close once, after it.
type Stream struct {
	config Config
	queue  *queue
	framer framer
	link   *link // of the connection
	taken  []Event

	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}
}

// Open starts to read. What the position says is done is not read again, but rows of it come with Event.Done.
func Open(c Config, from position.Position) *Stream {
	s := &Stream{config: c, queue: newQueue(c.QueueBytes / 2), ended: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	at := from
	at.GTIDs = from.GTIDs.Clone()
	at.Transaction, at.Events, at.Rows = position.GTID{}, 0, 0
	s.framer = framer{
		mariadb: c.MariaDB, captures: c.Captures, emit: func(e *Event) error { return s.push(e) },
		at: at, done: from, countAnnotations: c.IncludeQuery && c.MariaDB,
	}
	go func() {
		defer close(s.ended)
		s.queue.fail(s.run())
	}()
	return s
}

// Take returns the events that were read since the last call, at least one, or none when ctx ends or wake has something first; wake may be nil.
// They are valid until the next call that returns some. After an error there is nothing more.
func (s *Stream) Take(ctx context.Context, wake <-chan struct{}) ([]Event, error) {
	events, err := s.queue.take(ctx, wake, s.taken)
	if len(events) > 0 {
		s.taken = events
	}
	return events, err
}

// Close ends the connection.
func (s *Stream) Close() {
	s.cancel()
	<-s.ended
}

// errStopped says that nobody wants events any more.
var errStopped = errors.New("the stream was closed")

// push queues an event. Its body stays where the link has read it to, and the whole block with it.
func (s *Stream) push(e *Event) error {
	cost := overhead
	switch {
	case s.framer.unpacking:
		cost += len(e.Body)
	case len(e.Body) > 0:
		e.block = s.link.block
		if e.block.use() {
			cost += len(e.block.bytes)
		}
	}
	if err := s.queue.push(s.ctx, e, cost); err != nil {
		return errStopped
	}
	return nil
}

// firstWait is how long to wait before the first retry.
const firstWait = 100 * time.Millisecond

// run reads from one connection after another until that cannot go on.
func (s *Stream) run() error {
	wait, failures := firstWait, 0
	for {
		before := s.framer.at
		err := s.read()
		var final *Error
		switch {
		case s.ctx.Err() != nil:
			return errStopped
		case errors.As(err, &final):
			return final
		}
		if position.Compare(before, s.framer.at) != 0 {
			wait, failures = firstWait, 0
		}
		failures++
		if s.config.Retries >= 0 && failures > s.config.Retries {
			return &Error{Unreachable, fmt.Errorf("%d attempts to read the binary log have failed: %w", failures, err)}
		}
		s.config.Logger.Warn("the connection to the binary log is lost; connecting again", "err", err, "position", s.framer.at.String(), "wait", wait)
		select {
		case <-s.ctx.Done():
			return errStopped
		case <-time.After(wait):
		}
		wait = min(2*wait, max(s.config.MaxWait, firstWait))
	}
}
