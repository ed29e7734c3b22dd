package client

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// SinkTask is a sink task that runs in a plugin. One goroutine calls Next;
// messages are sent by a goroutine of its own, so that no method waits for a
// plugin that does not read.
//
//	StartSinkTask ─ AwaitStarted ─ Open, Put, Commit, Close … ─ Stop ─ Next: io.EOF
type SinkTask struct {
	stream connectv1.SinkTask_RunClient
	ctx    context.Context
	cancel context.CancelCauseFunc
	pulse  *pulse

	mu     sync.Mutex
	queue  []*connectv1.HostToSink
	wake   chan struct{}
	closed bool
	sent   func(*connectv1.RecordBatch)
}

// SinkEvent is what Next returns: exactly one field is set.
type SinkEvent struct {
	Put         *connectv1.PutResult
	Opened      *connectv1.SinkOpened
	Committable *connectv1.Committable
	Closed      *connectv1.SinkClosed
	Errant      *connectv1.Errant
	Request     *connectv1.SinkRequest
	Failed      *AuthorError
}

// StartSinkTask opens the stream and asks the task to start. sent is called
// with each batch that was sent: its memory may then be used again.
func StartSinkTask(ctx context.Context, conn *grpc.ClientConn, s TaskStart, reporter bool, sent func(*connectv1.RecordBatch), l Limits) (*SinkTask, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stream, err := connectv1.NewSinkTaskClient(conn).Run(ctx)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	t := &SinkTask{stream: stream, ctx: ctx, cancel: cancel, pulse: newPulse(ctx, cancel, l), wake: make(chan struct{}, 1), sent: sent}
	t.pulse.expect("SinkTask.Start")
	go t.sender()
	t.enqueue(&connectv1.HostToSink{Message: &connectv1.HostToSink_Start{Start: &connectv1.SinkStart{
		Connector: s.Connector, Class: s.Class, Task: uint32(s.Task), Generation: s.Generation, Config: s.Config,
		ErrantRecordReporter: reporter,
	}}})
	return t, nil
}

func (t *SinkTask) enqueue(m *connectv1.HostToSink) {
	t.mu.Lock()
	t.queue = append(t.queue, m)
	t.mu.Unlock()
	t.signal()
}

func (t *SinkTask) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// sender sends what is queued, in order. An error shows where Next reads.
func (t *SinkTask) sender() {
	for {
		t.mu.Lock()
		queue, closed := t.queue, t.closed
		t.queue = nil
		t.mu.Unlock()
		for _, m := range queue {
			err := t.stream.Send(m)
			if b := m.GetBatch(); b != nil {
				t.sent(b)
			}
			if err != nil {
				closed = false
			}
		}
		if closed {
			_ = t.stream.CloseSend()
			return
		}
		select {
		case <-t.wake:
		case <-t.ctx.Done():
			return
		}
	}
}

// AwaitStarted returns when the author's Start has, with its error.
func (t *SinkTask) AwaitStarted() error {
	for {
		m, err := t.receive()
		if err != nil {
			return err
		}
		switch m := m.GetMessage().(type) {
		case *connectv1.SinkToHost_Started:
			t.pulse.expect("")
			return AuthorErrorOf(m.Started.GetError(), "SinkTask.Start").asError()
		case *connectv1.SinkToHost_Heartbeat, *connectv1.SinkToHost_Request:
		default:
			err := &ProtocolError{Reason: fmt.Sprintf("%T came before Started", m)}
			t.cancel(err)
			return err
		}
	}
}

// Next returns what the plugin says next; see SourceTask.Next. It fails with an
// AuthorError when the author's Stop did.
func (t *SinkTask) Next() (SinkEvent, error) {
	for {
		m, err := t.receive()
		if err != nil {
			return SinkEvent{}, err
		}
		switch m := m.GetMessage().(type) {
		case *connectv1.SinkToHost_Put:
			return SinkEvent{Put: m.Put}, nil
		case *connectv1.SinkToHost_Opened:
			return SinkEvent{Opened: m.Opened}, nil
		case *connectv1.SinkToHost_Committable:
			return SinkEvent{Committable: m.Committable}, nil
		case *connectv1.SinkToHost_Closed:
			return SinkEvent{Closed: m.Closed}, nil
		case *connectv1.SinkToHost_Errant:
			return SinkEvent{Errant: m.Errant}, nil
		case *connectv1.SinkToHost_Request:
			return SinkEvent{Request: m.Request}, nil
		case *connectv1.SinkToHost_Failed:
			return SinkEvent{Failed: AuthorErrorOf(m.Failed.GetError(), "SinkTask")}, nil
		case *connectv1.SinkToHost_Stopped:
			if e := AuthorErrorOf(m.Stopped.GetError(), "SinkTask.Stop"); e != nil {
				return SinkEvent{}, e
			}
		}
	}
}

func (t *SinkTask) receive() (*connectv1.SinkToHost, error) {
	t.pulse.listen()
	m, err := t.stream.Recv()
	if err != nil {
		if err == io.EOF {
			return nil, err
		}
		return nil, broken(t.ctx, err)
	}
	t.pulse.heardFrom(m.GetHeartbeat())
	return m, nil
}

// Put sends a batch; it belongs to the task until it was sent.
func (t *SinkTask) Put(b *connectv1.RecordBatch) {
	t.enqueue(&connectv1.HostToSink{Message: &connectv1.HostToSink_Batch{Batch: b}})
}

// Open gives partitions to the task.
func (t *SinkTask) Open(id uint64, p []*connectv1.PartitionOffset) {
	t.enqueue(&connectv1.HostToSink{Message: &connectv1.HostToSink_Open{Open: &connectv1.SinkOpen{Id: id, Partitions: p}}})
}

// Close takes partitions away.
func (t *SinkTask) Close(id uint64, p []*connectv1.TopicPartition, lost bool) {
	t.enqueue(&connectv1.HostToSink{Message: &connectv1.HostToSink_Close{Close: &connectv1.SinkClose{Id: id, Partitions: p, Lost: lost}}})
}

// Commit asks what may be committed.
func (t *SinkTask) Commit(id uint64, offsets []*connectv1.PartitionOffset) {
	t.enqueue(&connectv1.HostToSink{Message: &connectv1.HostToSink_Commit{Commit: &connectv1.CommitRequest{Id: id, Offsets: offsets}}})
}

// ErrantHandled answers Errant.
func (t *SinkTask) ErrantHandled(id uint64, err error) {
	m := &connectv1.ErrantHandled{Id: id}
	if err != nil {
		m.Error = &connectv1.Error{Message: err.Error()}
	}
	t.enqueue(&connectv1.HostToSink{Message: &connectv1.HostToSink_ErrantHandled{ErrantHandled: m}})
}

// Stop asks the task to end, after what was sent before, and closes the host's
// side. Next then returns what is left and io.EOF.
func (t *SinkTask) Stop(deadline time.Duration) {
	t.pulse.expect("SinkTask.Stop")
	t.enqueue(&connectv1.HostToSink{Message: &connectv1.HostToSink_Stop{
		Stop: &connectv1.Stop{DeadlineMs: uint64(deadline.Milliseconds())}}})
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.signal()
}

// Abort ends the stream at once.
func (t *SinkTask) Abort(cause error) { t.cancel(cause) }

// Busy returns the author's method that runs and for how long.
func (t *SinkTask) Busy() (string, time.Duration) { return t.pulse.Busy() }
