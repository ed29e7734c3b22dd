package client

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// Limits bound how long the author's code may take. Whoever exceeds one is
// stalled: the stream ends with a StallError. Time in which the host does not
// read what the plugin says does not count.
type Limits struct {
	// Call bounds Start, TaskConfigs, Validate, Open, Close and Stop. 0: 60 s.
	Call time.Duration
	// Work bounds Put, Flush, PreCommit and Commit, which move data. 0: 30 min.
	// Poll waits as long as there is nothing to read, so that it is bounded only
	// by a Work that was given.
	Work time.Duration
	// Silence is the longest time without a message from a process that sends
	// heartbeats. 0: 10 s.
	Silence time.Duration
}

func (l Limits) orDefault() Limits {
	if l.Call == 0 {
		l.Call = time.Minute
	}
	if l.Work == 0 {
		l.Work = 30 * time.Minute
	}
	if l.Silence == 0 {
		l.Silence = 10 * time.Second
	}
	return l
}

// StallError ends the stream of a process that does not go on. The process is
// to be killed.
type StallError struct {
	// Method is the author's code that does not return, empty when the process
	// does not even send heartbeats.
	Method string
	For    time.Duration
}

// Error says which method has been running for how long.
func (e *StallError) Error() string {
	if e.Method == "" {
		return fmt.Sprintf("the process has not answered for %s: it hangs or is stopped", e.For.Round(time.Second))
	}
	return fmt.Sprintf("%s has not returned for %s", e.Method, e.For.Round(100*time.Millisecond))
}

// ProtocolError ends the stream of a plugin that breaks the protocol. The
// process is to be killed.
type ProtocolError struct{ Reason string }

// Error says how the protocol was broken.
func (e *ProtocolError) Error() string { return "the plugin breaks the protocol: " + e.Reason }

// AuthorError is an error of the author's code, told in band.
type AuthorError struct {
	Method  string
	Message string
	// Detail is the chain of causes or a stack, lines separated by "\n".
	Detail string
	// Retriable means that the same call may succeed later, after RetryAfter.
	Retriable  bool
	RetryAfter time.Duration
	// Fatal means that only a person can help.
	Fatal bool
}

// Error returns the author's message.
func (e *AuthorError) Error() string { return e.Message }

// AuthorErrorOf returns the error of a message, nil for none.
func AuthorErrorOf(m *connectv1.Error, method string) *AuthorError {
	if m == nil {
		return nil
	}
	e := &AuthorError{
		Method: m.GetMethod(), Message: clean(m.GetMessage(), false), Detail: clean(m.GetDetail(), true),
		Retriable:  m.GetClass() == connectv1.ErrorClass_ERROR_CLASS_RETRIABLE,
		RetryAfter: time.Duration(min(m.GetRetryAfterMs(), uint64(time.Hour/time.Millisecond))) * time.Millisecond,
		Fatal:      m.GetClass() == connectv1.ErrorClass_ERROR_CLASS_FATAL,
	}
	if e.Method == "" {
		e.Method = method
	}
	if e.Message == "" {
		e.Message = "no message"
	}
	return e
}

// asError avoids a nil pointer in an interface.
func (e *AuthorError) asError() error {
	if e == nil {
		return nil
	}
	return e
}

// maxText bounds the texts of errors, in bytes.
const maxText = 16 << 10

// clean makes a stranger's text safe for logs and pages.
func clean(text string, lines bool) string {
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	out := []rune(text)
	for i, r := range out {
		if r < ' ' && r != '\t' && (r != '\n' || !lines) || r == 0x7f {
			out[i] = ' '
		}
	}
	return string(out)
}

// pulse watches over one stream: what the plugin is doing, and whether it is
// still there.
type pulse struct {
	limits Limits
	poll   time.Duration // bounds Poll, 0: it may wait for ever
	cancel context.CancelCauseFunc

	mu      sync.Mutex
	heard   time.Time // the last message
	deaf    time.Time // since when the host does not listen, zero while it does
	beats   bool      // it sends heartbeats
	call    string    // the author's method that runs, as far as known
	since   time.Time
	ordered string // what the host waits for, with since when
	asked   time.Time
}

// newPulse starts to watch; it ends with ctx.
func newPulse(ctx context.Context, cancel context.CancelCauseFunc, l Limits) *pulse {
	now := time.Now()
	p := &pulse{limits: l.orDefault(), poll: l.Work, cancel: cancel, heard: now, deaf: now}
	go p.watch(ctx)
	return p
}

// expect notes that the host waits for an answer to a call; "" that it does not.
func (p *pulse) expect(method string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ordered, p.asked = method, time.Now()
	if !p.deaf.IsZero() {
		p.asked = p.deaf // listen moves it to where it listens
	}
}

// listen notes that the host waits for the next message. Until then it was busy
// with the last one, and whatever the plugin said meanwhile lies unread.
func (p *pulse) listen() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaf.IsZero() {
		return
	}
	missed := time.Since(p.deaf)
	p.heard, p.since, p.asked = p.heard.Add(missed), p.since.Add(missed), p.asked.Add(missed)
	p.deaf = time.Time{}
}

// heardFrom notes a message, beat that it is a heartbeat.
func (p *pulse) heardFrom(beat *connectv1.Heartbeat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = time.Now()
	p.deaf = p.heard
	if beat != nil {
		p.beats = true
		p.call = clean(beat.GetCall(), false)
		p.since = p.heard.Add(-time.Duration(min(beat.GetRunningMs(), uint64(24*time.Hour/time.Millisecond))) * time.Millisecond)
	}
}

// Busy returns the author's method that runs and for how long, as of the last heartbeat.
func (p *pulse) Busy() (method string, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.call == "" {
		return "", 0
	}
	return p.call, time.Since(p.since)
}

func (p *pulse) watch(ctx context.Context) {
	every := max(min(p.limits.Call, p.limits.Work, p.limits.Silence)/10, 10*time.Millisecond)
	t := time.NewTicker(min(every, time.Second))
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			if err := p.stalled(now); err != nil {
				p.cancel(err)
				return
			}
		}
	}
}

func (p *pulse) stalled(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.deaf.IsZero() {
		return nil
	}
	if p.beats && now.Sub(p.heard) > p.limits.Silence {
		return &StallError{For: now.Sub(p.heard)}
	}
	if p.ordered != "" && now.Sub(p.asked) > p.limits.Call {
		return &StallError{Method: p.ordered, For: now.Sub(p.asked)}
	}
	limit := p.limits.Call
	switch p.call {
	case "":
		return nil
	case "SourceTask.Poll":
		if limit = p.poll; limit == 0 {
			return nil
		}
	case "SourceTask.Commit", "SinkTask.Put", "SinkTask.Flush", "SinkTask.PreCommit":
		limit = p.limits.Work
	}
	if d := now.Sub(p.since); d > limit {
		return &StallError{Method: p.call, For: d}
	}
	return nil
}

// broken explains why a stream ended: the reason it was cancelled for, if any.
func broken(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}
