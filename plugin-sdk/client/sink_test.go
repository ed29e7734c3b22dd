package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// sink is a task whose Put may do anything.
type sink struct {
	tc    *sdk.SinkContext
	start error
	put   func(ctx context.Context, b *sdk.SinkBatch) error
	stop  error
}

func (s *sink) Start(_ context.Context, tc *sdk.SinkContext) error { s.tc = tc; return s.start }
func (s *sink) Put(ctx context.Context, b *sdk.SinkBatch) error {
	if s.put == nil {
		return nil
	}
	return s.put(ctx, b)
}
func (s *sink) Stop(context.Context) error { return s.stop }
func (s *sink) Open(_ context.Context, p []sdk.PartitionOffset) ([]sdk.PartitionOffset, error) {
	return p, nil
}

func sinkPlugin(t *testing.T, s *sink) func(*grpc.Server) {
	return plugin(t, sdk.Plugin{Name: "test", Version: "1", Sinks: []sdk.Sink{{
		Description: sdk.Description{Class: "Sink"}, Task: func() sdk.SinkTask { return s }}}})
}

func startSink(t *testing.T, conn *grpc.ClientConn, sent func(*connectv1.RecordBatch), l client.Limits) *client.SinkTask {
	t.Helper()
	task, err := client.StartSinkTask(t.Context(), conn, client.TaskStart{Connector: "c", Class: "Sink", Task: 1}, true, sent, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { task.Abort(nil) })
	return task
}

func forget(*connectv1.RecordBatch) {}

// sinkBatch returns a batch of one record.
func sinkBatch(seq uint64, value string) *connectv1.RecordBatch {
	var b wire.Builder
	b.Begin("t", 2, data.NoTimestamp)
	b.Value(data.StringValue(value))
	b.Sink(int64(seq), data.TimestampNone, "", 0)
	b.End()
	m, _ := b.Batch(seq)
	return m
}

func nextOfSink(t *testing.T, task *client.SinkTask) client.SinkEvent {
	t.Helper()
	ev, err := task.Next()
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestSinkTask(t *testing.T) {
	s := &sink{put: func(_ context.Context, b *sdk.SinkBatch) error {
		for i, r := range b.Records() {
			if string(r.Value.Data) == "bad" {
				b.Errant(i, errors.New("no such animal"))
			}
		}
		return nil
	}}
	partitions := []*connectv1.PartitionOffset{{Topic: "t", Partition: 2, Offset: 1}}
	inBubble(t, sinkPlugin(t, s), func(t *testing.T, conn *grpc.ClientConn) {
		var sent []uint64
		task := startSink(t, conn, func(b *connectv1.RecordBatch) { sent = append(sent, b.GetSeq()) }, client.Limits{})
		if err := task.AwaitStarted(); err != nil || !s.tc.ReportsErrant {
			t.Fatalf("reports errant: %v, %v", s.tc.ReportsErrant, err)
		}
		task.Open(1, partitions)
		task.Put(sinkBatch(1, "good"))
		task.Put(sinkBatch(2, "bad"))
		task.Commit(2, partitions)
		task.ErrantHandled(7, errors.New("nobody asked")) // ignored by this SDK
		task.Close(3, []*connectv1.TopicPartition{{Topic: "t", Partition: 2}}, false)
		if ev := nextOfSink(t, task); ev.Opened.GetId() != 1 || len(ev.Opened.GetRewind()) != 1 {
			t.Errorf("got %+v", ev)
		}
		if ev := nextOfSink(t, task); ev.Put.GetSeq() != 1 || len(ev.Put.GetErrant()) != 0 {
			t.Errorf("got %+v", ev)
		}
		if ev := nextOfSink(t, task); ev.Put.GetSeq() != 2 || len(ev.Put.GetErrant()) != 1 || ev.Put.GetErrant()[0].GetError().GetMessage() != "no such animal" {
			t.Errorf("got %+v", ev)
		}
		if ev := nextOfSink(t, task); ev.Committable.GetId() != 2 || len(ev.Committable.GetOffsets()) != 1 {
			t.Errorf("got %+v", ev)
		}
		if ev := nextOfSink(t, task); ev.Closed.GetId() != 3 {
			t.Errorf("got %+v", ev)
		}
		s.tc.RequestCommit()
		if ev := nextOfSink(t, task); !ev.Request.GetCommit() {
			t.Errorf("got %+v", ev)
		}
		task.Stop(time.Minute)
		if ev, err := task.Next(); err != io.EOF {
			t.Errorf("got %+v, %v", ev, err)
		}
		if !slices.Equal(sent, []uint64{1, 2}) {
			t.Errorf("sent are %v", sent)
		}
	})
}

// The error of the author's Stop is not lost.
func TestSinkTaskStopFails(t *testing.T) {
	inBubble(t, sinkPlugin(t, &sink{stop: errors.New("cannot let go")}), func(t *testing.T, conn *grpc.ClientConn) {
		task := startSink(t, conn, forget, client.Limits{})
		if err := task.AwaitStarted(); err != nil {
			t.Fatal(err)
		}
		task.Stop(time.Minute)
		_, err := task.Next()
		var author *client.AuthorError
		if !errors.As(err, &author) || author.Message != "stopping: cannot let go" || author.Method != "SinkTask.Stop" {
			t.Errorf("got %v", err)
		}
	})
}

func TestSinkTaskStartFails(t *testing.T) {
	inBubble(t, sinkPlugin(t, &sink{start: sdk.Fatal(errors.New("wrong password"))}), func(t *testing.T, conn *grpc.ClientConn) {
		task := startSink(t, conn, forget, client.Limits{})
		var author *client.AuthorError
		if err := task.AwaitStarted(); !errors.As(err, &author) || !author.Fatal || author.Method != "SinkTask.Start" {
			t.Errorf("got %v", err)
		}
	})
}

// A plugin that does not read never makes a method of the host wait.
func TestSinkTaskNeverBlocksTheHost(t *testing.T) {
	inBubble(t, sinkSays(sinkStarted()), func(t *testing.T, conn *grpc.ClientConn) {
		sent := 0
		task := startSink(t, conn, func(*connectv1.RecordBatch) { sent++ }, client.Limits{})
		if err := task.AwaitStarted(); err != nil {
			t.Fatal(err)
		}
		value := strings.Repeat("x", 1<<20)
		const batches = 20
		for i := range batches {
			task.Put(sinkBatch(uint64(i+1), value))
		}
		synctest.Wait()
		if sent == 0 || sent == batches {
			t.Errorf("%d of %d batches were sent to a plugin that does not read", sent, batches)
		}
	})
}

func sinkStarted() *connectv1.SinkToHost {
	return &connectv1.SinkToHost{Message: &connectv1.SinkToHost_Started{Started: &connectv1.Started{}}}
}

// sinkSays serves messages and then hangs.
func sinkSays(messages ...*connectv1.SinkToHost) func(*grpc.Server) {
	return func(s *grpc.Server) {
		connectv1.RegisterSinkTaskServer(s, sinkScript{sink: func(stream connectv1.SinkTask_RunServer) error {
			for _, m := range messages {
				if err := stream.Send(m); err != nil {
					return err
				}
			}
			<-stream.Context().Done()
			return nil
		}})
	}
}

func TestSinkAnswersBeforeStarted(t *testing.T) {
	beat := &connectv1.SinkToHost{Message: &connectv1.SinkToHost_Heartbeat{Heartbeat: &connectv1.Heartbeat{}}}
	request := &connectv1.SinkToHost{Message: &connectv1.SinkToHost_Request{Request: &connectv1.SinkRequest{Commit: true}}}
	put := &connectv1.SinkToHost{Message: &connectv1.SinkToHost_Put{Put: &connectv1.PutResult{Seq: 1}}}
	inBubble(t, sinkSays(beat, request, put), func(t *testing.T, conn *grpc.ClientConn) {
		task := startSink(t, conn, forget, client.Limits{})
		expectProtocolError(t, task.AwaitStarted(), "SinkToHost_Put came before Started")
		if _, err := task.Next(); err == nil {
			t.Error("the stream goes on")
		}
	})
}

func TestSinkEvents(t *testing.T) {
	failed := &connectv1.SinkToHost{Message: &connectv1.SinkToHost_Failed{Failed: &connectv1.Failed{Error: &connectv1.Error{Message: "no more"}}}}
	errant := &connectv1.SinkToHost{Message: &connectv1.SinkToHost_Errant{Errant: &connectv1.Errant{Id: 4, Topic: "t", Partition: 1, Offset: 9}}}
	inBubble(t, sinkSays(sinkStarted(), &connectv1.SinkToHost{}, failed, errant), func(t *testing.T, conn *grpc.ClientConn) {
		task := startSink(t, conn, forget, client.Limits{})
		if err := task.AwaitStarted(); err != nil {
			t.Fatal(err)
		}
		if ev := nextOfSink(t, task); ev.Failed == nil || ev.Failed.Message != "no more" {
			t.Errorf("got %+v", ev)
		}
		if ev := nextOfSink(t, task); ev.Errant.GetId() != 4 || ev.Errant.GetOffset() != 9 {
			t.Errorf("got %+v", ev)
		}
	})
}

func TestSinkStalls(t *testing.T) {
	beat := func(call string, running time.Duration) *connectv1.SinkToHost {
		return &connectv1.SinkToHost{Message: &connectv1.SinkToHost_Heartbeat{Heartbeat: &connectv1.Heartbeat{Call: call, RunningMs: uint64(running.Milliseconds())}}}
	}
	for name, c := range map[string]struct {
		says   []*connectv1.SinkToHost
		method string
		after  time.Duration
	}{
		"in Start":            {nil, "SinkTask.Start", time.Minute},
		"in Put":              {[]*connectv1.SinkToHost{sinkStarted(), beat("SinkTask.Put", 30*time.Minute-time.Second)}, "SinkTask.Put", 30 * time.Minute},
		"in Flush":            {[]*connectv1.SinkToHost{sinkStarted(), beat("SinkTask.Flush", 30*time.Minute-time.Second)}, "SinkTask.Flush", 30 * time.Minute},
		"in Open":             {[]*connectv1.SinkToHost{sinkStarted(), beat("SinkTask.Open", 59*time.Second)}, "SinkTask.Open", time.Minute},
		"without a heartbeat": {[]*connectv1.SinkToHost{sinkStarted(), beat("", 0)}, "", 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sinkSays(c.says...), func(t *testing.T, conn *grpc.ClientConn) {
				task := startSink(t, conn, forget, client.Limits{})
				err := task.AwaitStarted()
				for err == nil {
					_, err = task.Next()
				}
				expectStall(t, err, c.method, c.after)
			})
		})
	}
}

func TestSinkStallsInStop(t *testing.T) {
	inBubble(t, sinkSays(sinkStarted()), func(t *testing.T, conn *grpc.ClientConn) {
		task := startSink(t, conn, forget, client.Limits{Call: time.Second})
		if err := task.AwaitStarted(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // without heartbeats nobody knows that it hangs
		task.Stop(time.Minute)
		_, err := task.Next()
		expectStall(t, err, "SinkTask.Stop", time.Second)
	})
}

func TestSinkStreamBreaks(t *testing.T) {
	script := func(s *grpc.Server) {
		connectv1.RegisterSinkTaskServer(s, sinkScript{sink: func(stream connectv1.SinkTask_RunServer) error {
			if err := stream.Send(sinkStarted()); err != nil {
				return err
			}
			return status.Error(codes.Internal, "out of cheese")
		}})
	}
	inBubble(t, script, func(t *testing.T, conn *grpc.ClientConn) {
		task := startSink(t, conn, forget, client.Limits{})
		if err := task.AwaitStarted(); err != nil {
			t.Fatal(err)
		}
		if _, err := task.Next(); status.Code(err) != codes.Internal {
			t.Errorf("got %v", err)
		}
		task.Put(sinkBatch(1, "x")) // no method fails or panics after the end
		task.Stop(time.Second)
	})
}

func TestAbortSink(t *testing.T) {
	cause := fmt.Errorf("the host has its reasons")
	inBubble(t, sinkSays(sinkStarted()), func(t *testing.T, conn *grpc.ClientConn) {
		task := startSink(t, conn, forget, client.Limits{})
		if err := task.AwaitStarted(); err != nil {
			t.Fatal(err)
		}
		task.Abort(cause)
		if _, err := task.Next(); err != cause {
			t.Errorf("got %v", err)
		}
	})
}
