package sdktest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// Source is a source task that runs, seen from the host.
type Source struct {
	t       testing.TB
	stream  connectv1.SourceTask_RunClient
	cancel  context.CancelFunc
	offsets *Offsets

	sending sync.Mutex

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced with every message
	started  bool
	startErr error
	records  []Record // received, not taken
	seq      uint64   // of the batch received last
	granted  int
	skip     int // records still to be thrown away
	beats    int
	call     string // of the last heartbeat
	retries  []error
	failed   error
	drained  bool
	stopped  bool
	stopErr  error
	over     error // how the stream ended
}

// StartSource starts a source task without credit. config is that of a task, see
// TaskConfigs; offsets may be nil. The error is that of the author's Start.
func (p *Plugin) StartSource(class string, config map[string]string, offsets *Offsets) (*Source, error) {
	p.t.Helper()
	if offsets == nil {
		offsets = new(Offsets)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.t.Cleanup(cancel)
	stream, err := connectv1.NewSourceTaskClient(p.conn).Run(ctx)
	if err != nil {
		p.t.Fatalf("SourceTask.Run: %v", err)
	}
	s := &Source{t: p.t, stream: stream, cancel: cancel, offsets: offsets, changed: make(chan struct{})}
	s.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Start{Start: &connectv1.SourceStart{
		Connector: "sdktest", Class: class, Config: config, Generation: 1, Flow: &connectv1.Flow{}}}})
	go s.receive()
	s.await("Started", func() bool { return s.started })
	return s, s.startErr
}

func (s *Source) send(m *connectv1.HostToSource) {
	s.sending.Lock()
	defer s.sending.Unlock()
	// A stream that is broken shows where its messages are received.
	_ = s.stream.Send(m)
}

// await waits until a condition, which is called with the lock, is true.
func (s *Source) await(what string, done func() bool) {
	s.t.Helper()
	if !s.awaitFor(Patience, done) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.t.Fatalf("sdktest: waited in vain for %s: %d batches received, %d granted, failed: %v, retries: %v, stream: %v",
			what, s.seq, s.granted, s.failed, s.retries, s.over)
	}
}

func (s *Source) awaitFor(d time.Duration, done func() bool) bool {
	timeout := time.NewTimer(d)
	defer timeout.Stop()
	for {
		s.mu.Lock()
		ok, over, changed := done(), s.over != nil, s.changed
		s.mu.Unlock()
		if ok || over {
			return ok
		}
		select {
		case <-changed:
		case <-timeout.C:
			return false
		}
	}
}

func (s *Source) receive() {
	var dec wire.Decoder
	for {
		var m wire.FromSource
		err := s.stream.RecvMsg(&m)
		if err == nil {
			err = s.handle(&m, &dec)
		}
		s.mu.Lock()
		s.over = err
		close(s.changed)
		s.changed = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *Source) handle(m *wire.FromSource, dec *wire.Decoder) error {
	if r := m.GetReadOffsets(); r != nil {
		answer := &connectv1.Offsets{Id: r.GetId()}
		for _, p := range r.GetPartitions() {
			answer.Offsets = append(answer.Offsets, &connectv1.SourceOffset{Partition: p, Offset: s.offsets.get(string(p))})
		}
		s.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Offsets{Offsets: answer}})
		return nil
	}
	frame := m.Take()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch x := m.GetMessage().(type) {
	case *connectv1.SourceToHost_Started:
		s.started, s.startErr = true, authorsError(x.Started.GetError())
	case *connectv1.SourceToHost_Batch:
		defer frame.Release()
		return s.take(frame.Batch, dec)
	case *connectv1.SourceToHost_Drained:
		if x.Drained.GetLastSeq() != s.seq {
			return fmt.Errorf("the plugin says with Drained that batch %d was the last, it was %d", x.Drained.GetLastSeq(), s.seq)
		}
		s.drained = true
	case *connectv1.SourceToHost_Failed:
		s.failed = authorsError(x.Failed.GetError())
	case *connectv1.SourceToHost_Retrying:
		s.retries = append(s.retries, authorsError(x.Retrying.GetError()))
	case *connectv1.SourceToHost_Heartbeat:
		s.beats++
		s.call = x.Heartbeat.GetCall()
	case *connectv1.SourceToHost_Stopped:
		s.stopped, s.stopErr = true, authorsError(x.Stopped.GetError())
	}
	return nil
}

// take checks a batch against the protocol and copies its records.
func (s *Source) take(b *connectv1.RecordBatch, dec *wire.Decoder) error {
	switch {
	case !s.started:
		return errors.New("a batch came before Started")
	case s.drained:
		return errors.New("a batch came after Drained")
	case b.GetSeq() != s.seq+1:
		return fmt.Errorf("batch %d came after batch %d", b.GetSeq(), s.seq)
	case int(b.GetSeq()) > s.granted:
		return fmt.Errorf("batch %d came, credit was granted for %d", b.GetSeq(), s.granted)
	case b.GetCount() == 0:
		return fmt.Errorf("batch %d is empty", b.GetSeq())
	}
	if err := dec.Open(b); err != nil {
		return err
	}
	s.seq = b.GetSeq()
	if s.skip > 0 {
		s.skip -= dec.Len()
		return nil
	}
	var r data.SourceRecord
	for dec.NextSource(&r) {
		if r.Value.Kind == data.KindRow && r.Value.Data != nil {
			if err := data.Check(r.Value.Schema, r.Value.Data); err != nil {
				return fmt.Errorf("batch %d: %w", b.GetSeq(), err)
			}
		}
		s.records = append(s.records, own(&r, s.seq))
	}
	s.records[len(s.records)-1].last = true
	return nil
}

// Grant gives credit for more batches.
func (s *Source) Grant(batches int) { s.flow(batches, false) }

// Pause stops polling; Resume goes on.
func (s *Source) Pause() { s.flow(0, true) }

// Resume lets the source be polled again after Pause.
func (s *Source) Resume() { s.flow(0, false) }

func (s *Source) flow(batches int, paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.granted += batches
	s.sendFlow(batches, paused)
}

// sendFlow grants batches of any size.
func (s *Source) sendFlow(batches int, paused bool) {
	s.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Flow{Flow: &connectv1.Flow{
		Batches: uint32(batches), Bytes: uint64(batches) * wire.MaxMessage, Paused: paused}}})
}

// Take returns the next n records. It grants credit as needed and waits.
func (s *Source) Take(n int) []Record {
	s.t.Helper()
	records := s.TakeWithin(n, Patience)
	if len(records) < n {
		s.t.Fatalf("sdktest: %d records came, %d were to: failed: %v, retries: %v, stream: %v", len(records), n, s.failed, s.retries, s.over)
	}
	return records
}

// TakeWithin returns the next records, at most n of them and no later than after
// d. It grants credit as needed.
func (s *Source) TakeWithin(n int, d time.Duration) []Record {
	s.t.Helper()
	s.awaitFor(d, func() bool {
		if len(s.records) < n && s.granted-int(s.seq) < 4 && s.over == nil {
			s.granted += 8
			s.sendFlow(8, false)
		}
		return len(s.records) >= n || s.failed != nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil && !errors.Is(s.over, io.EOF) && len(s.records) < n {
		s.t.Errorf("sdktest: the stream broke: %v", s.over)
	}
	n = min(n, len(s.records))
	records := s.records[:n:n]
	s.records = s.records[n:]
	return records
}

// Skip throws at least n records away, in whole batches, without looking at
// them: it is for benchmarks.
func (s *Source) Skip(n int) {
	s.t.Helper()
	s.mu.Lock()
	s.skip = n - len(s.records)
	s.records = nil
	s.mu.Unlock()
	s.await("records to skip", func() bool {
		if s.granted-int(s.seq) < 8 && s.skip > 0 {
			s.granted += 8
			s.sendFlow(8, false)
		}
		return s.skip <= 0
	})
}

// Received returns how many batches have come.
func (s *Source) Received() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int(s.seq)
}

// Retries returns the retriable errors of Poll, and those of Commit, so far.
func (s *Source) Retries() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]error(nil), s.retries...)
}

// AwaitRetry waits for the first retriable error and returns it.
func (s *Source) AwaitRetry() error {
	s.t.Helper()
	s.await("a retriable error", func() bool { return len(s.retries) > 0 })
	return s.Retries()[0]
}

// AwaitFailure waits until the task has failed and returns why.
func (s *Source) AwaitFailure() error {
	s.t.Helper()
	s.await("a failure", func() bool { return s.failed != nil })
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// AwaitIdle waits until the plugin says that none of its methods is running, as
// is so without credit or when it is paused.
func (s *Source) AwaitIdle() {
	s.t.Helper()
	s.mu.Lock()
	from := s.beats
	s.mu.Unlock()
	s.await("a heartbeat without a call", func() bool { return s.beats > from && s.call == "" })
}

// Commit stores the offsets of records, which are those taken next, in order,
// and acknowledges the batches that are complete.
func (s *Source) Commit(records ...Record) {
	if len(records) == 0 {
		return
	}
	for _, r := range records {
		if r.SourceOffset != nil {
			s.offsets.set(string(r.SourcePartition), r.SourceOffset)
		}
	}
	seq := records[len(records)-1].Seq
	if !records[len(records)-1].last {
		seq--
	}
	s.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Ack{Ack: &connectv1.Ack{Seq: seq}}})
}

// Stop stops the task as a host does and waits until the stream has ended. The
// error is that of the author's Stop. Records that came meanwhile can be taken.
func (s *Source) Stop() error {
	s.t.Helper()
	begin := time.Now()
	const deadline = Patience
	s.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Stop{Stop: &connectv1.Stop{DeadlineMs: uint64(deadline.Milliseconds())}}})
	if s.startErr == nil {
		s.await("Drained", func() bool { return s.drained })
	}
	s.sending.Lock()
	_ = s.stream.CloseSend() // never fails
	s.sending.Unlock()
	s.await("Stopped", func() bool { return s.stopped })
	s.awaitFor(Patience, func() bool { return s.over != nil })
	if !errors.Is(s.over, io.EOF) {
		s.t.Errorf("sdktest: the stream did not end but broke: %v", s.over)
	}
	if took := time.Since(begin); took > deadline {
		s.t.Errorf("sdktest: Stop took %v, the deadline was %v", took, deadline)
	}
	return s.stopErr
}
