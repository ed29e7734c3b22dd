package client

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// TaskStart says which task to run.
type TaskStart struct {
	Connector, Class string
	Task             int
	Generation       int64
	Config           map[string]string
}

// SourceTask is a source task that runs in a plugin. One goroutine calls Next;
// the other methods are safe for concurrent use.
//
//	StartSourceTask ─ Next: batches … ─ Stop ─ Next: batches, Drained ─ Ack … ─ Finish
type SourceTask struct {
	stream connectv1.SourceTask_RunClient
	ctx    context.Context
	cancel context.CancelCauseFunc
	pulse  *pulse

	sending sync.Mutex
	in      wire.FromSource
	seq     uint64
	// What was granted, and what of the bytes was used.
	batches, bytes atomic.Uint64
	used           uint64
}

// SourceEvent is what Next returns: exactly one field is set.
type SourceEvent struct {
	// Batch must be released by the caller.
	Batch *wire.Frame
	// ReadOffsets asks for stored offsets; answer with Offsets.
	ReadOffsets *connectv1.ReadOffsets
	// Retrying tells that Poll failed and will be called again.
	Retrying *AuthorError
	// Failed tells that the task cannot go on; Drained follows.
	Failed *AuthorError
	// Drained tells that no batch comes any more.
	Drained bool
}

// StartSourceTask opens the stream and asks the task to start, with credit for
// the given number of batches and bytes. Read Started with Next's first answers:
// the author may ask for offsets before it has started.
func StartSourceTask(ctx context.Context, conn *grpc.ClientConn, s TaskStart, batches uint32, bytes uint64, paused bool, l Limits) (*SourceTask, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stream, err := connectv1.NewSourceTaskClient(conn).Run(ctx)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	t := &SourceTask{stream: stream, ctx: ctx, cancel: cancel, pulse: newPulse(ctx, cancel, l)}
	t.pulse.expect("SourceTask.Start")
	t.batches.Add(uint64(batches))
	t.bytes.Add(bytes)
	err = t.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Start{Start: &connectv1.SourceStart{
		Connector: s.Connector, Class: s.Class, Task: uint32(s.Task), Generation: s.Generation, Config: s.Config,
		Flow: &connectv1.Flow{Batches: batches, Bytes: bytes, Paused: paused},
	}}})
	if err != nil {
		t.Abort(nil)
		return nil, broken(ctx, err)
	}
	return t, nil
}

func (t *SourceTask) send(m *connectv1.HostToSource) error {
	t.sending.Lock()
	defer t.sending.Unlock()
	return t.stream.Send(m)
}

// AwaitStarted returns when the author's Start has, with its error. In the
// meantime it answers the author's questions for offsets with read.
func (t *SourceTask) AwaitStarted(read func(partitions [][]byte) ([][]byte, error)) error {
	for {
		m, err := t.receive()
		if err != nil {
			return err
		}
		switch m := m.GetMessage().(type) {
		case *connectv1.SourceToHost_Started:
			t.pulse.expect("")
			return AuthorErrorOf(m.Started.GetError(), "SourceTask.Start").asError()
		case *connectv1.SourceToHost_ReadOffsets:
			offsets, rerr := read(m.ReadOffsets.GetPartitions())
			if err := t.Offsets(m.ReadOffsets, offsets, rerr); err != nil {
				return err
			}
		case *connectv1.SourceToHost_Heartbeat:
		default:
			return t.violation(fmt.Sprintf("%T came before Started", m))
		}
	}
}

// Next returns what the plugin says next. It fails when the process or the
// stream is gone, with a StallError or a ProtocolError where that is why, and
// with io.EOF when the task has stopped.
func (t *SourceTask) Next() (SourceEvent, error) {
	for {
		m, err := t.receive()
		if err != nil {
			return SourceEvent{}, err
		}
		switch m := m.GetMessage().(type) {
		case *connectv1.SourceToHost_Batch:
			f := t.in.Take()
			if wrong := t.spend(f.Batch); wrong != "" {
				f.Release()
				return SourceEvent{}, t.violation(wrong)
			}
			return SourceEvent{Batch: f}, nil
		case *connectv1.SourceToHost_ReadOffsets:
			return SourceEvent{ReadOffsets: m.ReadOffsets}, nil
		case *connectv1.SourceToHost_Retrying:
			return SourceEvent{Retrying: AuthorErrorOf(m.Retrying.GetError(), "SourceTask.Poll")}, nil
		case *connectv1.SourceToHost_Failed:
			return SourceEvent{Failed: AuthorErrorOf(m.Failed.GetError(), "SourceTask.Poll")}, nil
		case *connectv1.SourceToHost_Drained:
			if last := m.Drained.GetLastSeq(); last != t.seq {
				return SourceEvent{}, t.violation(fmt.Sprintf("Drained names batch %d as the last, batch %d was", last, t.seq))
			}
			return SourceEvent{Drained: true}, nil
		}
	}
}

// spend takes a batch off the credit and tells what is wrong with it.
func (t *SourceTask) spend(b *connectv1.RecordBatch) (wrong string) {
	t.seq++
	switch {
	case b.GetSeq() != t.seq:
		return fmt.Sprintf("batch %d came where %d was due", b.GetSeq(), t.seq)
	case t.seq > t.batches.Load():
		return fmt.Sprintf("batch %d came, credit was granted for %d", t.seq, t.batches.Load())
	case t.used >= t.bytes.Load():
		return fmt.Sprintf("batch %d came when %d bytes had come, credit was granted for %d", t.seq, t.used, t.bytes.Load())
	}
	t.used += uint64(len(b.GetValues()) + len(b.GetKeys()) + len(b.GetHeaders()) + len(b.GetSourceOffsets()))
	return ""
}

func (t *SourceTask) receive() (*wire.FromSource, error) {
	t.pulse.listen()
	if err := t.stream.RecvMsg(&t.in); err != nil {
		return nil, broken(t.ctx, err)
	}
	t.pulse.heardFrom(t.in.GetHeartbeat())
	return &t.in, nil
}

func (t *SourceTask) violation(reason string) error {
	err := &ProtocolError{Reason: reason}
	t.cancel(err)
	return err
}

// Grant gives credit for more batches and bytes.
func (t *SourceTask) Grant(batches uint32, bytes uint64, paused bool) error {
	t.batches.Add(uint64(batches))
	t.bytes.Add(bytes)
	return t.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Flow{
		Flow: &connectv1.Flow{Batches: batches, Bytes: bytes, Paused: paused}}})
}

// Ack tells that all batches up to seq are durable, with their offsets.
func (t *SourceTask) Ack(seq uint64) error {
	return t.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Ack{Ack: &connectv1.Ack{Seq: seq}}})
}

// Delivered tells where the records of a batch went.
func (t *SourceTask) Delivered(m *connectv1.Delivered) error {
	return t.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Delivered{Delivered: m}})
}

// Offsets answers a question for stored offsets, in its order; nil is none.
func (t *SourceTask) Offsets(q *connectv1.ReadOffsets, offsets [][]byte, err error) error {
	return t.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Offsets{Offsets: offsetsAnswer(q, offsets, err)}})
}

func offsetsAnswer(q *connectv1.ReadOffsets, offsets [][]byte, err error) *connectv1.Offsets {
	a := &connectv1.Offsets{Id: q.GetId()}
	if err != nil {
		a.Error = &connectv1.Error{Message: err.Error()}
		return a
	}
	for i, p := range q.GetPartitions() {
		o := &connectv1.SourceOffset{Partition: p}
		if i < len(offsets) {
			o.Offset = offsets[i]
		}
		a.Offsets = append(a.Offsets, o)
	}
	return a
}

// Stop asks the task to end: what is ready still comes, then Drained.
func (t *SourceTask) Stop(deadline time.Duration) error {
	return t.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Stop{
		Stop: &connectv1.Stop{DeadlineMs: uint64(deadline.Milliseconds())}}})
}

// Finish closes the host's side after the last Ack and returns when the
// author's Stop has, with its error. It is called by the goroutine of Next.
func (t *SourceTask) Finish() error {
	defer t.cancel(nil)
	t.pulse.expect("SourceTask.Stop")
	t.sending.Lock()
	err := t.stream.CloseSend()
	t.sending.Unlock()
	for err == nil {
		var m *wire.FromSource
		if m, err = t.receive(); err != nil {
			break
		}
		if s := m.GetStopped(); s != nil {
			return AuthorErrorOf(s.GetError(), "SourceTask.Stop").asError()
		}
		if f := t.in.Take(); f != nil {
			f.Release()
			return t.violation(fmt.Sprintf("a batch came after Drained had named batch %d as the last", t.seq))
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

// Abort ends the stream at once, without the author's Stop having been awaited.
func (t *SourceTask) Abort(cause error) { t.cancel(cause) }

// Busy returns the author's method that runs and for how long.
func (t *SourceTask) Busy() (string, time.Duration) { return t.pulse.Busy() }
