package sdk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// sinkService serves the streams of sink tasks.
type sinkService struct {
	connectv1.UnimplementedSinkTaskServer
	plugin *Plugin
}

// Run is the life of one sink task: messages are handled one at a time, in the
// order they came.
//
//	Start ─ task.Start ─ Started ─┬─ Open, batch, Commit, Close … ─┬─ Stop
//	                              └─────────────── ◀ ──────────────┘   │
//	                                              Stopped ─ task.Stop ─┘
func (s *sinkService) Run(stream connectv1.SinkTask_RunServer) error {
	var first wire.ToSink
	if err := stream.RecvMsg(&first); err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil {
		return status.Error(codes.InvalidArgument, "the first message is not Start")
	}
	sink := s.plugin.sink(start.GetClass())
	if sink == nil {
		return status.Errorf(codes.NotFound, "this plugin has no sink connector %q", start.GetClass())
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	r := &sinkRun{
		stream: stream, task: sink.Task(), cancelPut: cancel, inbox: make(chan inbound, 64),
		positions: map[TopicPartition]int64{}, batch: SinkBatch{dec: new(wire.Decoder)},
	}
	return r.live(ctx, start)
}

// sinkRun is one sink task that runs.
type sinkRun struct {
	stream    connectv1.SinkTask_RunServer
	task      SinkTask
	calls     calls
	batch     SinkBatch
	inbox     chan inbound
	cancelPut context.CancelFunc

	// redo is the batch that failed, 0 for none: later ones are dropped until it
	// comes again, which it does only after a retriable error.
	redo uint64

	sending sync.Mutex

	mu        sync.Mutex
	positions map[TopicPartition]int64
	deadline  time.Duration
}

// inbound is one message of the host.
type inbound struct {
	m     *connectv1.HostToSink
	frame *wire.Frame
}

func (r *sinkRun) send(m *connectv1.SinkToHost) error {
	r.sending.Lock()
	defer r.sending.Unlock()
	return r.stream.Send(m)
}

func (r *sinkRun) request(q *connectv1.SinkRequest) {
	_ = r.send(&connectv1.SinkToHost{Message: &connectv1.SinkToHost_Request{Request: q}})
}

func (r *sinkRun) live(ctx context.Context, start *connectv1.SinkStart) error {
	go r.receive()
	go r.calls.beat(ctx, func(h *connectv1.Heartbeat) error {
		return r.send(&connectv1.SinkToHost{Message: &connectv1.SinkToHost_Heartbeat{Heartbeat: h}})
	})
	tc := &SinkContext{
		Connector: start.GetConnector(), Task: int(start.GetTask()), Config: start.GetConfig(),
		Logger: taskLogger(start.GetConnector(), start.GetTask()), ReportsErrant: start.GetErrantRecordReporter(), run: r,
	}
	sctx, started := context.WithCancel(ctx)
	err := r.calls.run("SinkTask.Start", func() error { return r.task.Start(sctx, tc) })
	started()
	serr := r.send(&connectv1.SinkToHost{Message: &connectv1.SinkToHost_Started{
		Started: &connectv1.Started{Error: errorToProto(err, "SinkTask.Start")}}})
	if err == nil && serr == nil {
		for in := range r.inbox {
			if r.handle(ctx, in) != nil {
				break
			}
		}
	}
	return r.stop(ctx)
}

// receive queues the host's messages. The host's window bounds how many batches
// there are. Stop ends a Put that is running.
func (r *sinkRun) receive() {
	defer close(r.inbox)
	defer r.cancelPut()
	for {
		var m wire.ToSink
		if r.stream.RecvMsg(&m) != nil {
			return
		}
		if s := m.GetStop(); s != nil {
			r.mu.Lock()
			r.deadline = time.Duration(s.GetDeadlineMs()) * time.Millisecond
			r.mu.Unlock()
			return
		}
		select {
		case r.inbox <- inbound{&m.HostToSink, m.Take()}:
		case <-r.stream.Context().Done():
			return
		}
	}
}

func (r *sinkRun) handle(ctx context.Context, in inbound) error {
	switch m := in.m.GetMessage().(type) {
	case *connectv1.HostToSink_Batch:
		defer in.frame.Release()
		return r.put(ctx, in.frame.Batch)
	case *connectv1.HostToSink_Open:
		return r.open(ctx, m.Open)
	case *connectv1.HostToSink_Close:
		return r.close(ctx, m.Close)
	case *connectv1.HostToSink_Commit:
		return r.commit(ctx, m.Commit)
	}
	return nil
}

func (r *sinkRun) put(ctx context.Context, m *connectv1.RecordBatch) error {
	if err := r.batch.dec.Open(m); err != nil {
		r.redo = m.GetSeq()
		return r.send(&connectv1.SinkToHost{Message: &connectv1.SinkToHost_Failed{
			Failed: &connectv1.Failed{Error: errorToProto(err, "SinkTask.Put")}}})
	}
	if r.redo != 0 && m.GetSeq() != r.redo {
		return nil // sent before the host knew that an earlier batch failed
	}
	r.redo = 0
	r.batch.errant = nil
	err := r.calls.run("SinkTask.Put", func() error { return r.task.Put(ctx, &r.batch) })
	if ctx.Err() != nil && err != nil {
		return ctx.Err() // stopped in the middle: the batch was not put
	}
	if err == nil {
		r.advance()
	} else {
		r.redo = m.GetSeq()
	}
	return r.send(&connectv1.SinkToHost{Message: &connectv1.SinkToHost_Put{Put: &connectv1.PutResult{
		Seq: m.GetSeq(), Error: errorToProto(err, "SinkTask.Put"), Errant: r.batch.errant}}})
}

// advance moves the positions behind the batch that was put.
func (r *sinkRun) advance() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batch.dec.EachEnd(func(topic string, partition int32, next int64) {
		r.positions[TopicPartition{topic, partition}] = next
	})
}

func (r *sinkRun) open(ctx context.Context, m *connectv1.SinkOpen) error {
	partitions := offsetsFromProto(m.GetPartitions())
	r.mu.Lock()
	for _, p := range partitions {
		r.positions[TopicPartition{p.Topic, p.Partition}] = p.Offset
	}
	r.mu.Unlock()
	var rewind []PartitionOffset
	var err error
	if o, ok := r.task.(Opener); ok {
		err = r.calls.run("SinkTask.Open", func() (err error) { rewind, err = o.Open(ctx, partitions); return err })
	}
	return r.send(&connectv1.SinkToHost{Message: &connectv1.SinkToHost_Opened{Opened: &connectv1.SinkOpened{
		Id: m.GetId(), Rewind: offsetsToProto(rewind), Error: errorToProto(err, "SinkTask.Open")}}})
}

func (r *sinkRun) close(ctx context.Context, m *connectv1.SinkClose) error {
	partitions := make([]TopicPartition, len(m.GetPartitions()))
	r.mu.Lock()
	for i, p := range m.GetPartitions() {
		partitions[i] = TopicPartition{p.GetTopic(), p.GetPartition()}
		delete(r.positions, partitions[i])
	}
	r.mu.Unlock()
	var err error
	if c, ok := r.task.(Closer); ok {
		err = r.calls.run("SinkTask.Close", func() error { return c.Close(ctx, partitions) })
	}
	return r.send(&connectv1.SinkToHost{Message: &connectv1.SinkToHost_Closed{Closed: &connectv1.SinkClosed{
		Id: m.GetId(), Error: errorToProto(err, "SinkTask.Close")}}})
}

func (r *sinkRun) commit(ctx context.Context, m *connectv1.CommitRequest) error {
	offsets := offsetsFromProto(m.GetOffsets())
	method, err := "", error(nil)
	switch t := r.task.(type) {
	case PreCommitter:
		method = "SinkTask.PreCommit"
		err = r.calls.run(method, func() (err error) { offsets, err = t.PreCommit(ctx, offsets); return err })
	case Flusher:
		method = "SinkTask.Flush"
		err = r.calls.run(method, func() error { return t.Flush(ctx) })
	}
	if err != nil {
		offsets = nil
	}
	return r.send(&connectv1.SinkToHost{Message: &connectv1.SinkToHost_Committable{Committable: &connectv1.Committable{
		Id: m.GetId(), Offsets: offsetsToProto(offsets), Error: errorToProto(err, method)}}})
}

func (r *sinkRun) stop(ctx context.Context) error {
	r.mu.Lock()
	deadline := r.deadline
	r.mu.Unlock()
	if deadline == 0 {
		deadline = defaultStop
	}
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadline)
	defer cancel()
	err := r.calls.run("SinkTask.Stop", func() error { return r.task.Stop(sctx) })
	if err != nil {
		err = fmt.Errorf("stopping: %w", err)
	}
	_ = r.send(&connectv1.SinkToHost{Message: &connectv1.SinkToHost_Stopped{
		Stopped: &connectv1.Stopped{Error: errorToProto(err, "SinkTask.Stop")}}})
	return nil // what is left in the inbox nobody puts any more: the garbage collector takes it
}
