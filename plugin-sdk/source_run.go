package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// sourceService serves the streams of source tasks.
type sourceService struct {
	connectv1.UnimplementedSourceTaskServer
	plugin *Plugin
}

// Run is the life of one source task.
//
//	Start ─ task.Start ─ Started ─┬─ Poll ─ batch ─┬─ Stop or failure
//	                              └────── ◀ ───────┘        │
//	  Stopped ─ task.Stop ─ host closes its side ─ acks ─ Drained
func (s *sourceService) Run(stream connectv1.SourceTask_RunServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil {
		return status.Error(codes.InvalidArgument, "the first message is not Start")
	}
	source := s.plugin.source(start.GetClass())
	if source == nil {
		return status.Errorf(codes.NotFound, "this plugin has no source connector %q", start.GetClass())
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	r := &sourceRun{stream: stream, task: source.Task(), drained: make(chan struct{}), wake: make(chan struct{}, 1)}
	r.offsets.done = ctx.Done()
	r.committer, _ = r.task.(SourceCommitter)
	r.batch.keep = r.committer != nil
	if r.batch.keep {
		r.batch.last = map[string]Offset{}
	}
	r.grant(start.GetFlow())
	return r.live(ctx, start)
}

// sourceRun is one source task that runs.
type sourceRun struct {
	stream    connectv1.SourceTask_RunServer
	task      SourceTask
	committer SourceCommitter
	calls     calls
	offsets   offsetReads
	batch     SourceBatch
	seq       uint64

	sending sync.Mutex
	drained chan struct{} // closed when the host has closed its side
	wake    chan struct{} // credit, pause or stop changed

	mu       sync.Mutex
	batches  int64
	bytes    int64
	paused   bool
	stopping bool
	deadline time.Duration
	polling  context.CancelFunc // ends the Poll that runs
	unacked  []sentOffsets
	durable  map[string]Offset
}

// sentOffsets are the last offsets of a batch, for SourceCommitter.
type sentOffsets struct {
	seq  uint64
	last map[string]Offset
}

func (r *sourceRun) send(m *connectv1.SourceToHost) error {
	r.sending.Lock()
	defer r.sending.Unlock()
	return r.stream.Send(m)
}

func (r *sourceRun) live(ctx context.Context, start *connectv1.SourceStart) error {
	go r.receive()
	go r.calls.beat(ctx, func(h *connectv1.Heartbeat) error {
		return r.send(&connectv1.SourceToHost{Message: &connectv1.SourceToHost_Heartbeat{Heartbeat: h}})
	})
	commits := make(chan struct{})
	committed := make(chan struct{})
	go r.commit(ctx, commits, committed)

	err := r.start(ctx, start)
	if err == nil {
		err = r.pollUntilStop(ctx)
	}
	if ctx.Err() == nil {
		r.finish(ctx, err)
	}
	close(commits)
	<-committed
	return r.stop(ctx)
}

func (r *sourceRun) start(ctx context.Context, start *connectv1.SourceStart) error {
	tc := &SourceContext{
		Connector: start.GetConnector(), Task: int(start.GetTask()), Config: start.GetConfig(),
		Logger: taskLogger(start.GetConnector(), start.GetTask()), run: r,
	}
	sctx, started := context.WithCancel(ctx)
	err := r.calls.run("SourceTask.Start", func() error { return r.task.Start(sctx, tc) })
	started()
	serr := r.send(&connectv1.SourceToHost{Message: &connectv1.SourceToHost_Started{
		Started: &connectv1.Started{Error: errorToProto(err, "SourceTask.Start")}}})
	if err != nil {
		return errStarted
	}
	return serr
}

// errStarted marks a failure that Started has told already.
var errStarted = errors.New("start failed")

// pollUntilStop polls while there is credit; nil means that it was stopped.
func (r *sourceRun) pollUntilStop(ctx context.Context) error {
	wait := time.Duration(0)
	for {
		pctx, stopped := r.await(ctx, wait)
		if stopped {
			return nil
		}
		err := r.calls.run("SourceTask.Poll", func() error { return r.task.Poll(pctx, &r.batch) })
		if interrupted := pctx.Err() != nil; interrupted && errors.Is(err, context.Canceled) {
			err = nil
		}
		if wrong := r.batch.take(); wrong != nil {
			return errors.Join(wrong, err) // the batch has a record that is wrong: nothing of it can be sent
		}
		if serr := r.flush(); serr != nil {
			return serr
		}
		if err == nil {
			wait = 0
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Class != Retry {
			return err
		}
		wait = retryWait(wait, e.After)
		if serr := r.send(&connectv1.SourceToHost{Message: &connectv1.SourceToHost_Retrying{
			Retrying: &connectv1.Retrying{Error: errorToProto(err, "SourceTask.Poll")}}}); serr != nil {
			return serr
		}
	}
}

// retryWait returns how long to wait after one more failure: what the author
// asked for, else from 100 ms doubling to 10 s.
func retryWait(last, asked time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	return min(max(2*last, 100*time.Millisecond), 10*time.Second)
}

// flush sends the batch if there is anything in it.
func (r *sourceRun) flush() error {
	defer r.batch.reset()
	if r.batch.Len() == 0 {
		return nil
	}
	m, err := r.batch.b.Batch(r.seq + 1)
	if err == nil {
		err = fits(m)
	}
	if err != nil {
		return err
	}
	r.seq++
	r.mu.Lock()
	r.batches--
	r.bytes -= int64(r.batch.b.Bytes())
	if r.batch.keep {
		r.unacked = append(r.unacked, sentOffsets{r.seq, r.batch.last})
	}
	r.mu.Unlock()
	r.sending.Lock()
	defer r.sending.Unlock()
	return r.stream.SendMsg(r.batch.b.Lend())
}

// fits tells that the host would not take a batch: sent all the same it would
// break the stream and cost the process.
func fits(m *connectv1.RecordBatch) error {
	const envelope = 16 // what the message around the batch takes at most
	if size := m.SizeVT(); m.Count > wire.MaxRecords || size > wire.MaxMessage-envelope {
		return Fatal(fmt.Errorf("one Poll appended %d records that take %d bytes, a batch takes %d records and %d bytes: return when batch.Full says so",
			m.Count, size, wire.MaxRecords, wire.MaxMessage))
	}
	return nil
}

// await returns when the author may be polled, with the context for it, or true
// when the task is to stop.
func (r *sourceRun) await(ctx context.Context, atLeast time.Duration) (context.Context, bool) {
	var timer <-chan time.Time
	if atLeast > 0 {
		t := time.NewTimer(atLeast)
		defer t.Stop()
		timer = t.C
	}
	for {
		r.mu.Lock()
		if r.stopping || ctx.Err() != nil {
			r.mu.Unlock()
			return nil, true
		}
		if timer == nil && !r.paused && r.batches > 0 && r.bytes > 0 {
			defer r.mu.Unlock()
			if r.polling != nil {
				r.polling()
			}
			pctx, cancel := context.WithCancel(ctx)
			r.polling = cancel
			return pctx, false
		}
		r.mu.Unlock()
		select {
		case <-r.wake:
		case <-timer:
			timer = nil
		case <-ctx.Done():
		}
	}
}

// finish tells the host that nothing more comes and waits for it to close.
func (r *sourceRun) finish(ctx context.Context, err error) {
	if errors.Is(err, errStarted) {
		return
	}
	if err != nil {
		_ = r.send(&connectv1.SourceToHost{Message: &connectv1.SourceToHost_Failed{
			Failed: &connectv1.Failed{Error: errorToProto(err, "SourceTask.Poll")}}})
	}
	_ = r.send(&connectv1.SourceToHost{Message: &connectv1.SourceToHost_Drained{Drained: &connectv1.Drained{LastSeq: r.seq}}})
	select {
	case <-r.drained:
	case <-ctx.Done():
	}
}

func (r *sourceRun) stop(ctx context.Context) error {
	r.mu.Lock()
	deadline := r.deadline
	r.mu.Unlock()
	if deadline == 0 {
		deadline = defaultStop
	}
	// The stream may be gone: stopping is owed to the author all the same.
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadline)
	defer cancel()
	err := r.calls.run("SourceTask.Stop", func() error { return r.task.Stop(sctx) })
	_ = r.send(&connectv1.SourceToHost{Message: &connectv1.SourceToHost_Stopped{
		Stopped: &connectv1.Stopped{Error: errorToProto(err, "SourceTask.Stop")}}})
	return nil
}

// defaultStop is the deadline of a stop that came without one.
const defaultStop = 5 * time.Second

// receive handles the host's messages until it closes its side.
func (r *sourceRun) receive() {
	defer close(r.drained)
	defer r.halt(0)
	for {
		m, err := r.stream.Recv()
		if err != nil {
			return // the host closed its side, or is gone
		}
		switch m := m.GetMessage().(type) {
		case *connectv1.HostToSource_Flow:
			r.grant(m.Flow)
		case *connectv1.HostToSource_Ack:
			r.acked(m.Ack.GetSeq())
		case *connectv1.HostToSource_Offsets:
			r.offsets.answer(m.Offsets)
		case *connectv1.HostToSource_Stop:
			r.halt(time.Duration(m.Stop.GetDeadlineMs()) * time.Millisecond)
		}
	}
}

// grant adds credit, pauses or resumes.
func (r *sourceRun) grant(f *connectv1.Flow) {
	r.mu.Lock()
	r.batches += int64(f.GetBatches())
	r.bytes += int64(f.GetBytes())
	r.paused = f.GetPaused()
	if r.paused && r.polling != nil {
		r.polling()
	}
	r.mu.Unlock()
	r.signal()
}

// halt ends polling.
func (r *sourceRun) halt(deadline time.Duration) {
	r.mu.Lock()
	r.stopping = true
	if deadline > 0 {
		r.deadline = deadline
	}
	if r.polling != nil {
		r.polling()
	}
	r.mu.Unlock()
	r.signal()
}

func (r *sourceRun) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// acked notes what is durable, for commit.
func (r *sourceRun) acked(seq uint64) {
	if r.committer == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.unacked) > 0 && r.unacked[0].seq <= seq {
		if r.durable == nil {
			r.durable = map[string]Offset{}
		}
		for p, o := range r.unacked[0].last {
			r.durable[p] = o
		}
		r.unacked = r.unacked[1:]
	}
}

// commitEvery is how often durable offsets are handed to a SourceCommitter.
const commitEvery = 10 * time.Millisecond

// commit calls the author's Commit with what became durable, until end is
// closed, and once more then. What fails is tried again.
func (r *sourceRun) commit(ctx context.Context, end <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	if r.committer == nil {
		return
	}
	t := time.NewTicker(commitEvery)
	defer t.Stop()
	var wait time.Duration
	var notBefore time.Time
	for over := false; !over; {
		select {
		case <-t.C:
		case <-end:
			over = true
		}
		if !over && time.Now().Before(notBefore) {
			continue
		}
		r.mu.Lock()
		durable := r.durable
		r.durable = nil
		r.mu.Unlock()
		if len(durable) == 0 {
			continue
		}
		offsets := make([]SourceOffset, 0, len(durable))
		for p, o := range durable {
			offsets = append(offsets, SourceOffset{Partition{p}, o})
		}
		err := r.calls.run("SourceTask.Commit", func() error { return r.committer.Commit(context.WithoutCancel(ctx), offsets) })
		if err == nil {
			wait = 0
		} else {
			r.owe(durable)
			var e *Error
			if !errors.As(err, &e) {
				e = new(Error)
			}
			wait = retryWait(wait, e.After)
			notBefore = time.Now().Add(wait)
			_ = r.send(&connectv1.SourceToHost{Message: &connectv1.SourceToHost_Retrying{
				Retrying: &connectv1.Retrying{Error: errorToProto(fmt.Errorf("acknowledging: %w", err), "SourceTask.Commit")}}})
		}
	}
}

// owe puts offsets back that the author could not acknowledge, but for
// partitions that moved on meanwhile.
func (r *sourceRun) owe(offsets map[string]Offset) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.durable == nil {
		r.durable = offsets
		return
	}
	for p, o := range offsets {
		if _, newer := r.durable[p]; !newer {
			r.durable[p] = o
		}
	}
}
