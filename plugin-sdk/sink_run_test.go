package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// bucket is a sink that does what its fields say and notes what it is asked.
type bucket struct {
	put  func(ctx context.Context, n int, b *sdk.SinkBatch) error
	stop func(ctx context.Context) error

	mu    sync.Mutex
	calls []string
	puts  int
	tc    *sdk.SinkContext
}

func (s *bucket) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
}

func (s *bucket) noted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *bucket) Start(_ context.Context, tc *sdk.SinkContext) error {
	s.note("Start %s-%d %v, reports errant: %v", tc.Connector, tc.Task, tc.Config, tc.ReportsErrant)
	s.tc = tc
	return nil
}

func (s *bucket) Put(ctx context.Context, b *sdk.SinkBatch) error {
	var values []string
	for _, r := range b.Records() {
		values = append(values, string(r.Value.Data))
	}
	s.note("Put %s", strings.Join(values, " "))
	s.puts++ // methods are called one at a time
	if s.put != nil {
		return s.put(ctx, s.puts, b)
	}
	return nil
}

func (s *bucket) Stop(ctx context.Context) error {
	s.note("Stop")
	if s.stop != nil {
		return s.stop(ctx)
	}
	return nil
}

type flusher struct {
	*bucket
	err error
}

func (s flusher) Flush(context.Context) error { s.note("Flush"); return s.err }

type preCommitter struct {
	flusher // whose Flush must not be called
}

func (s preCommitter) PreCommit(_ context.Context, offsets []sdk.PartitionOffset) ([]sdk.PartitionOffset, error) {
	s.note("PreCommit %v", offsets)
	offsets[0].Offset--
	return offsets[:1], s.err
}

type opener struct {
	*bucket
	err error
}

func (s opener) Open(_ context.Context, p []sdk.PartitionOffset) ([]sdk.PartitionOffset, error) {
	s.note("Open %v", p)
	return []sdk.PartitionOffset{{Topic: p[0].Topic, Partition: p[0].Partition, Offset: 100}}, s.err
}

func (s opener) Close(_ context.Context, p []sdk.TopicPartition) error {
	s.note("Close %v", p)
	return s.err
}

func sinkPlugin(task sdk.SinkTask) sdk.Plugin {
	return sdk.Plugin{Name: "test", Version: "1", Sinks: []sdk.Sink{{
		Description: sdk.Description{Class: "Bucket"},
		Task:        func() sdk.SinkTask { return task },
	}}}
}

// sinkHost plays the host of one sink task.
type sinkHost struct {
	t       *testing.T
	stream  connectv1.SinkTask_RunClient
	builder wire.Builder
	offset  int64
}

func runSink(t *testing.T, conn *grpc.ClientConn) *sinkHost {
	t.Helper()
	stream, err := connectv1.NewSinkTaskClient(conn).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h := &sinkHost{t: t, stream: stream}
	h.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Start{Start: &connectv1.SinkStart{
		Connector: "c", Class: "Bucket", Task: 3, Config: map[string]string{"k": "v"}, ErrantRecordReporter: true}}})
	h.expect("Started")
	return h
}

func (h *sinkHost) send(m *connectv1.HostToSink) {
	h.t.Helper()
	if err := h.stream.Send(m); err != nil {
		h.t.Fatal(err)
	}
}

// batch sends the values, of partition 0 of topic t, as batch seq.
func (h *sinkHost) batch(seq uint64, values ...string) {
	h.t.Helper()
	for _, v := range values {
		h.builder.Begin("t", 0, data.NoTimestamp)
		h.builder.Value(data.StringValue(v))
		h.builder.Sink(h.offset, data.TimestampNone, "", 0)
		h.builder.End()
		h.offset++
	}
	m, err := h.builder.Batch(seq)
	if err != nil {
		h.t.Fatal(err)
	}
	h.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Batch{Batch: m}})
	h.builder.Reset()
}

func (h *sinkHost) open(id uint64, p ...*connectv1.PartitionOffset) {
	h.t.Helper()
	h.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Open{Open: &connectv1.SinkOpen{Id: id, Partitions: p}}})
}

func (h *sinkHost) close(id uint64, p ...*connectv1.TopicPartition) {
	h.t.Helper()
	h.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Close{Close: &connectv1.SinkClose{Id: id, Partitions: p}}})
}

func (h *sinkHost) commit(id uint64, offsets ...*connectv1.PartitionOffset) {
	h.t.Helper()
	h.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Commit{Commit: &connectv1.CommitRequest{Id: id, Offsets: offsets}}})
}

func at(partition int32, offset int64) *connectv1.PartitionOffset {
	return &connectv1.PartitionOffset{Topic: "t", Partition: partition, Offset: offset}
}

// next returns the next message in short, "" at the end of the stream.
func (h *sinkHost) next() string {
	h.t.Helper()
	m, ok := receive(h.t, h.stream.Recv)
	if !ok {
		return ""
	}
	switch x := m.GetMessage().(type) {
	case *connectv1.SinkToHost_Started:
		return "Started" + inShort(x.Started.GetError())
	case *connectv1.SinkToHost_Put:
		text := fmt.Sprintf("Put %d%s", x.Put.GetSeq(), inShort(x.Put.GetError()))
		for _, e := range x.Put.GetErrant() {
			text += fmt.Sprintf(", errant %d%s", e.GetIndex(), inShort(e.GetError()))
		}
		return text
	case *connectv1.SinkToHost_Opened:
		return fmt.Sprintf("Opened %d%s%s", x.Opened.GetId(), positions(x.Opened.GetRewind()), inShort(x.Opened.GetError()))
	case *connectv1.SinkToHost_Closed:
		return fmt.Sprintf("Closed %d%s", x.Closed.GetId(), inShort(x.Closed.GetError()))
	case *connectv1.SinkToHost_Committable:
		return fmt.Sprintf("Committable %d%s%s", x.Committable.GetId(), positions(x.Committable.GetOffsets()), inShort(x.Committable.GetError()))
	case *connectv1.SinkToHost_Request:
		q := x.Request
		return fmt.Sprintf("Request pause %d resume %d rewind%s commit %v", len(q.GetPause()), len(q.GetResume()), positions(q.GetRewind()), q.GetCommit())
	case *connectv1.SinkToHost_Failed:
		return "Failed" + inShort(x.Failed.GetError())
	case *connectv1.SinkToHost_Stopped:
		return "Stopped" + inShort(x.Stopped.GetError())
	}
	return fmt.Sprintf("%T", m.GetMessage())
}

func positions(list []*connectv1.PartitionOffset) string {
	text := ""
	for _, p := range list {
		text += fmt.Sprintf(" %s-%d@%d", p.GetTopic(), p.GetPartition(), p.GetOffset())
	}
	return text
}

func (h *sinkHost) expect(want ...string) {
	h.t.Helper()
	for _, w := range want {
		if got := h.next(); got != w {
			h.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

// stop stops the task and expects the rest of the stream.
func (h *sinkHost) stop(want ...string) {
	h.t.Helper()
	h.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Stop{Stop: &connectv1.Stop{DeadlineMs: 3000}}})
	if err := h.stream.CloseSend(); err != nil {
		h.t.Fatal(err)
	}
	h.expect(append(want, "")...)
}

const startOfBucket = "Start c-3 map[k:v], reports errant: true"

func TestSinkPutsInOrder(t *testing.T) {
	task := &bucket{}
	inBubble(t, sinkPlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSink(t, conn)
		h.open(1, at(0, 0), at(1, -1))
		h.batch(1, "a", "b")
		h.batch(2)
		h.batch(3, "c")
		h.commit(2, at(0, 3))
		h.expect("Opened 1", "Put 1", "Put 2", "Put 3", "Committable 2 t-0@3")
		if got := task.tc.Assignment(); len(got) != 2 || got[sdk.TopicPartition{Topic: "t"}] != 3 || got[sdk.TopicPartition{Topic: "t", Partition: 1}] != -1 {
			t.Errorf("assignment is %v", got)
		}
		h.close(3, &connectv1.TopicPartition{Topic: "t", Partition: 1})
		h.expect("Closed 3")
		if got := task.tc.Assignment(); len(got) != 1 {
			t.Errorf("assignment is %v after a partition was closed", got)
		}
		h.stop("Stopped")
	})
	expectCalls(t, task.noted(), startOfBucket, "Put a b", "Put ", "Put c", "Stop")
}

// After a retriable error later batches are dropped until the one that failed
// comes again.
func TestSinkRedo(t *testing.T) {
	task := &bucket{}
	task.put = func(_ context.Context, n int, _ *sdk.SinkBatch) error {
		switch n {
		case 2:
			return sdk.RetryAfter(errors.New("busy"), 7*time.Second)
		case 3:
			return sdk.Retriable(errors.New("still busy"))
		}
		return nil
	}
	inBubble(t, sinkPlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSink(t, conn)
		h.batch(1, "a")
		h.batch(2, "b")
		h.batch(3, "c")
		h.batch(4, "d")
		h.commit(1, at(0, 1))
		m, _ := receive(t, h.stream.Recv)
		if m.GetPut().GetSeq() != 1 {
			t.Fatalf("got %v", m)
		}
		m, _ = receive(t, h.stream.Recv)
		if e := m.GetPut().GetError(); e.GetRetryAfterMs() != 7000 || e.GetClass() != connectv1.ErrorClass_ERROR_CLASS_RETRIABLE {
			t.Errorf("the error is %v", e)
		}
		h.expect("Committable 1 t-0@1") // all else goes on
		h.offset = 1
		h.batch(2, "b")
		h.batch(3, "c")
		h.expect("Put 2: retriable SinkTask.Put: still busy")
		h.offset = 1
		h.batch(2, "b")
		h.batch(3, "c")
		h.batch(4, "d")
		h.expect("Put 2", "Put 3", "Put 4")
		h.stop("Stopped")
	})
	expectCalls(t, task.noted(), startOfBucket, "Put a", "Put b", "Put b", "Put b", "Put c", "Put d", "Stop")
}

// Schemas come once: those of a batch that is dropped count.
func TestSinkLearnsSchemasOfDroppedBatches(t *testing.T) {
	schema := data.NewStruct("S").Field("n", data.Int8Schema).MustBuild()
	task := &bucket{}
	task.put = func(_ context.Context, n int, b *sdk.SinkBatch) error {
		if n == 1 {
			return sdk.Retriable(errors.New("busy"))
		}
		for _, r := range b.Records() {
			task.note("%v %v", r.Value.Schema, r.Value.Data)
		}
		return nil
	}
	row := func(h *sinkHost, seq uint64) {
		h.builder.Begin("t", 0, data.NoTimestamp)
		h.builder.Value(data.RowValue(schema, []byte{42}))
		h.builder.Sink(0, data.TimestampNone, "", 0)
		h.builder.End()
		h.batch(seq)
	}
	inBubble(t, sinkPlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSink(t, conn)
		h.batch(1)
		row(h, 2)
		h.expect("Put 1: retriable SinkTask.Put: busy")
		h.batch(1)
		row(h, 2)
		h.expect("Put 1", "Put 2")
		h.stop("Stopped")
	})
	expectCalls(t, task.noted(), startOfBucket, "Put ", "Put ", "Put *", "STRUCT(S) [42]", "Stop")
}

func TestPutFails(t *testing.T) {
	for name, c := range map[string]struct {
		put  func(b *sdk.SinkBatch) error
		want string
	}{
		"error": {func(*sdk.SinkBatch) error { return errors.New("no") }, "Put 1: unspecified SinkTask.Put: no"},
		"fatal": {func(*sdk.SinkBatch) error { return sdk.Fatal(errors.New("no table")) }, "Put 1: fatal SinkTask.Put: no table"},
		"panic": {func(*sdk.SinkBatch) error { panic("oh") }, "Put 1: unspecified SinkTask.Put: panic: oh"},
		"errant record that is not there": {func(b *sdk.SinkBatch) error { b.Errant(2, errors.New("x")); return nil },
			"Put 1: unspecified SinkTask.Put: panic: sdk: Errant(2) for a batch of 2 records"},
	} {
		t.Run(name, func(t *testing.T) {
			task := &bucket{put: func(_ context.Context, _ int, b *sdk.SinkBatch) error { return c.put(b) }}
			inBubble(t, sinkPlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
				h := runSink(t, conn)
				h.batch(1, "a", "b")
				h.batch(2, "c")
				h.expect(c.want)
				h.stop("Stopped")
			})
			expectCalls(t, task.noted(), startOfBucket, "Put a b", "Stop")
		})
	}
}

func TestErrantRecords(t *testing.T) {
	task := &bucket{put: func(_ context.Context, n int, b *sdk.SinkBatch) error {
		if n == 1 {
			b.Errant(2, errors.New("too long"))
			b.Errant(0, sdk.Fatal(errors.New("not a number")))
		}
		return nil
	}}
	inBubble(t, sinkPlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSink(t, conn)
		h.batch(1, "a", "b", "c")
		h.batch(2, "d")
		h.expect("Put 1, errant 2: unspecified SinkTask.Put: too long, errant 0: fatal SinkTask.Put: not a number", "Put 2")
		h.stop("Stopped")
	})
}

func TestSinkCommits(t *testing.T) {
	for name, c := range map[string]struct {
		task func(*bucket) sdk.SinkTask
		want string
		call []string
	}{
		"neither":         {func(b *bucket) sdk.SinkTask { return b }, "Committable 9 t-0@5 t-1@7", nil},
		"Flush":           {func(b *bucket) sdk.SinkTask { return flusher{b, nil} }, "Committable 9 t-0@5 t-1@7", []string{"Flush"}},
		"Flush fails":     {func(b *bucket) sdk.SinkTask { return flusher{b, errors.New("full")} }, "Committable 9: unspecified SinkTask.Flush: full", []string{"Flush"}},
		"PreCommit":       {func(b *bucket) sdk.SinkTask { return preCommitter{flusher{b, nil}} }, "Committable 9 t-0@4", []string{"PreCommit [{t 0 5} {t 1 7}]"}},
		"PreCommit fails": {func(b *bucket) sdk.SinkTask { return preCommitter{flusher{b, errors.New("full")}} }, "Committable 9: unspecified SinkTask.PreCommit: full", []string{"PreCommit [{t 0 5} {t 1 7}]"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bucket{}
			inBubble(t, sinkPlugin(c.task(b)), func(t *testing.T, conn *grpc.ClientConn) {
				h := runSink(t, conn)
				h.commit(9, at(0, 5), at(1, 7))
				h.expect(c.want)
				h.stop("Stopped")
			})
			expectCalls(t, b.noted(), append(append([]string{startOfBucket}, c.call...), "Stop")...)
		})
	}
}

func TestSinkOpensAndCloses(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want []string
	}{
		"well":  {nil, []string{"Opened 1 t-4@100", "Closed 2"}},
		"fails": {sdk.Fatal(errors.New("no")), []string{"Opened 1 t-4@100: fatal SinkTask.Open: no", "Closed 2: fatal SinkTask.Close: no"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bucket{}
			inBubble(t, sinkPlugin(opener{b, c.err}), func(t *testing.T, conn *grpc.ClientConn) {
				h := runSink(t, conn)
				h.open(1, at(4, 11))
				h.close(2, &connectv1.TopicPartition{Topic: "t", Partition: 4})
				h.expect(c.want...)
				h.stop("Stopped")
			})
			expectCalls(t, b.noted(), startOfBucket, "Open [{t 4 11}]", "Close [{t 4}]", "Stop")
		})
	}
}

func TestSinkRequests(t *testing.T) {
	task := &bucket{}
	inBubble(t, sinkPlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSink(t, conn)
		task.tc.Pause(sdk.TopicPartition{Topic: "t", Partition: 1}, sdk.TopicPartition{Topic: "t", Partition: 2})
		task.tc.Resume(sdk.TopicPartition{Topic: "t", Partition: 1})
		task.tc.Rewind(sdk.PartitionOffset{Topic: "t", Partition: 2, Offset: 17})
		task.tc.RequestCommit()
		h.expect("Request pause 2 resume 0 rewind commit false", "Request pause 0 resume 1 rewind commit false",
			"Request pause 0 resume 0 rewind t-2@17 commit false", "Request pause 0 resume 0 rewind commit true")
		h.stop("Stopped")
	})
}

// Stop ends a Put that waits; its batch does not count as put.
func TestSinkStopsInTheMiddleOfPut(t *testing.T) {
	task := &bucket{put: func(ctx context.Context, _ int, _ *sdk.SinkBatch) error { <-ctx.Done(); return ctx.Err() }}
	task.stop = func(ctx context.Context) error {
		deadline, _ := ctx.Deadline()
		return fmt.Errorf("%s are left", time.Until(deadline))
	}
	inBubble(t, sinkPlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSink(t, conn)
		h.batch(1, "a")
		h.batch(2, "b")
		synctest.Wait()
		h.stop("Stopped: unspecified SinkTask.Stop: stopping: 3s are left")
	})
	expectCalls(t, task.noted(), startOfBucket, "Put a", "Stop")
}

func TestSinkRefusesMalformedBatches(t *testing.T) {
	task := &bucket{}
	inBubble(t, sinkPlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSink(t, conn)
		h.send(&connectv1.HostToSink{Message: &connectv1.HostToSink_Batch{Batch: &connectv1.RecordBatch{Seq: 1, Count: 1, Topics: []string{"t"}, Values: []byte("x")}}})
		h.batch(2, "b")
		h.expect("Failed: unspecified SinkTask.Put: record batch 1 is malformed: lengths of value add up to 0 bytes, there are 1")
		h.stop("Stopped")
	})
	expectCalls(t, task.noted(), startOfBucket, "Stop")
}

func TestSinkHeartbeats(t *testing.T) {
	task := &bucket{put: func(context.Context, int, *sdk.SinkBatch) error { time.Sleep(5 * time.Second); return nil }}
	inBubble(t, sinkPlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSink(t, conn)
		h.batch(1, "a")
		var got []string
		for {
			m, err := h.stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if m.GetHeartbeat() == nil {
				break
			}
			got = append(got, fmt.Sprintf("%s %d", m.GetHeartbeat().GetCall(), m.GetHeartbeat().GetRunningMs()))
		}
		if !slices.Equal(got, []string{"SinkTask.Put 2000", "SinkTask.Put 4000"}) {
			t.Errorf("heartbeats are %v", got)
		}
		h.stop("Stopped")
	})
}

func TestSinkRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		first *connectv1.HostToSink
		code  codes.Code
		want  string
	}{
		"another first message": {&connectv1.HostToSink{Message: &connectv1.HostToSink_Stop{Stop: &connectv1.Stop{}}}, codes.InvalidArgument, "the first message is not Start"},
		"unknown class": {&connectv1.HostToSink{Message: &connectv1.HostToSink_Start{Start: &connectv1.SinkStart{Class: "Nobody"}}},
			codes.NotFound, `this plugin has no sink connector "Nobody"`},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sinkPlugin(&bucket{}), func(t *testing.T, conn *grpc.ClientConn) {
				stream, err := connectv1.NewSinkTaskClient(conn).Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if err := stream.Send(c.first); err != nil {
					t.Fatal(err)
				}
				_, err = stream.Recv()
				if status.Code(err) != c.code || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}
