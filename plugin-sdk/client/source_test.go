package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// source is a task whose Poll may do anything.
type source struct {
	from   sdk.Offset
	tc     *sdk.SourceContext
	poll   func(ctx context.Context, b *sdk.SourceBatch) error
	commit []string
	stop   error
}

var place = sdk.NewPartition("file", "a")

func (s *source) Start(ctx context.Context, tc *sdk.SourceContext) (err error) {
	s.tc = tc
	s.from, err = tc.Offset(ctx, place)
	return err
}
func (s *source) Poll(ctx context.Context, b *sdk.SourceBatch) error { return s.poll(ctx, b) }
func (s *source) Stop(context.Context) error                         { return s.stop }
func (s *source) Commit(_ context.Context, o []sdk.SourceOffset) error {
	s.commit = append(s.commit, string(o[0].Offset))
	return nil
}

func sourcePlugin(t *testing.T, s *source) func(*grpc.Server) {
	return plugin(t, sdk.Plugin{Name: "test", Version: "1", Sources: []sdk.Source{{
		Description: sdk.Description{Class: "Source"}, Task: func() sdk.SourceTask { return s }}}})
}

func startSource(t *testing.T, conn *grpc.ClientConn, batches uint32, l client.Limits) *client.SourceTask {
	t.Helper()
	task, err := client.StartSourceTask(t.Context(), conn, client.TaskStart{Connector: "c", Class: "Source"}, batches, 1<<30, false, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { task.Abort(nil) })
	return task
}

func noOffsets(partitions [][]byte) ([][]byte, error) { return make([][]byte, len(partitions)), nil }

func TestSourceTask(t *testing.T) {
	s := &source{stop: errors.New("slow goodbye")}
	n := 0
	s.poll = func(ctx context.Context, b *sdk.SourceBatch) error {
		switch n++; n {
		case 1:
			return sdk.RetryAfter(errors.New("not yet"), time.Second)
		case 2:
			o, err := s.tc.Offset(ctx, place)
			b.Add("t").ValueBytes(o).OffsetInt64(place, "n", 9)
			return err
		}
		<-ctx.Done()
		return nil
	}
	inBubble(t, sourcePlugin(t, s), func(t *testing.T, conn *grpc.ClientConn) {
		task := startSource(t, conn, 1, client.Limits{})
		err := task.AwaitStarted(func(p [][]byte) ([][]byte, error) {
			if fmt.Sprintf("%s", p) != `[{"file":"a"}]` {
				t.Errorf("asked for %s", p)
			}
			return [][]byte{[]byte(`{"n":8}`)}, nil
		})
		if err != nil || string(s.from) != `{"n":8}` {
			t.Fatalf("started from %s, %v", s.from, err)
		}
		ev := next(t, task)
		if ev.Retrying == nil || ev.Retrying.Message != "not yet" || ev.Retrying.RetryAfter != time.Second || ev.Retrying.Method != "SourceTask.Poll" {
			t.Fatalf("got %+v", ev)
		}
		ev = next(t, task)
		if ev.ReadOffsets == nil {
			t.Fatalf("got %+v", ev)
		}
		if err := task.Offsets(ev.ReadOffsets, [][]byte{[]byte(`{"n":8}`)}, nil); err != nil {
			t.Fatal(err)
		}
		ev = next(t, task)
		if ev.Batch == nil || string(ev.Batch.Batch.GetValues()) != `{"n":8}` {
			t.Fatalf("got %+v", ev)
		}
		ev.Batch.Release()
		if err := task.Grant(1, 1, false); err != nil {
			t.Fatal(err)
		}
		if err := task.Stop(time.Minute); err != nil {
			t.Fatal(err)
		}
		if ev = next(t, task); !ev.Drained {
			t.Fatalf("got %+v", ev)
		}
		if err := task.Ack(1); err != nil {
			t.Fatal(err)
		}
		var author *client.AuthorError
		if err := task.Finish(); !errors.As(err, &author) || author.Message != "slow goodbye" || author.Method != "SourceTask.Stop" {
			t.Errorf("Finish: %v", err)
		}
	})
	if len(s.commit) != 1 || s.commit[0] != `{"n":9}` {
		t.Errorf("committed %v", s.commit)
	}
}

func next(t *testing.T, task *client.SourceTask) client.SourceEvent {
	t.Helper()
	ev, err := task.Next()
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestSourceTaskFails(t *testing.T) {
	s := &source{poll: func(_ context.Context, b *sdk.SourceBatch) error {
		b.Add("t").ValueString("x")
		return sdk.Fatal(errors.New("no"))
	}}
	inBubble(t, sourcePlugin(t, s), func(t *testing.T, conn *grpc.ClientConn) {
		task := startSource(t, conn, 1, client.Limits{})
		if err := task.AwaitStarted(noOffsets); err != nil {
			t.Fatal(err)
		}
		if ev := next(t, task); ev.Batch == nil {
			t.Fatalf("got %+v", ev)
		}
		if ev := next(t, task); ev.Failed == nil || !ev.Failed.Fatal || ev.Failed.Message != "no" {
			t.Fatalf("got %+v", ev)
		}
		if ev := next(t, task); !ev.Drained {
			t.Fatalf("got %+v", ev)
		}
		if err := task.Finish(); err != nil {
			t.Errorf("Finish: %v", err)
		}
	})
}

func TestSourceTaskStartFails(t *testing.T) {
	inBubble(t, sourcePlugin(t, &source{}), func(t *testing.T, conn *grpc.ClientConn) {
		task := startSource(t, conn, 1, client.Limits{})
		err := task.AwaitStarted(func([][]byte) ([][]byte, error) { return nil, errors.New("the store is down") })
		var author *client.AuthorError
		if !errors.As(err, &author) || author.Message != "the store is down" || !author.Retriable {
			t.Errorf("got %v", err)
		}
	})
}

// sourceScript serves what a test says after Start came.
func sourceScript(run func(connectv1.SourceTask_RunServer) error) func(*grpc.Server) {
	return func(s *grpc.Server) {
		connectv1.RegisterSourceTaskServer(s, script{source: func(stream connectv1.SourceTask_RunServer) error {
			if _, err := stream.Recv(); err != nil {
				return err
			}
			return run(stream)
		}})
	}
}

// say sends messages and then hangs.
func say(messages ...*connectv1.SourceToHost) func(connectv1.SourceTask_RunServer) error {
	return func(stream connectv1.SourceTask_RunServer) error {
		for _, m := range messages {
			if err := stream.Send(m); err != nil {
				return err
			}
		}
		<-stream.Context().Done()
		return nil
	}
}

func started() *connectv1.SourceToHost {
	return &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Started{Started: &connectv1.Started{}}}
}

func batch(seq uint64, values string) *connectv1.SourceToHost {
	var b wire.Builder
	b.Begin("t", data.NoPartition, data.NoTimestamp)
	b.Value(data.StringValue(values))
	b.End()
	m, _ := b.Batch(seq)
	return &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: m}}
}

func drained(last uint64) *connectv1.SourceToHost {
	return &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Drained{Drained: &connectv1.Drained{LastSeq: last}}}
}

func stopped() *connectv1.SourceToHost {
	return &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Stopped{Stopped: &connectv1.Stopped{}}}
}

func beat(call string, running time.Duration) *connectv1.SourceToHost {
	return &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Heartbeat{
		Heartbeat: &connectv1.Heartbeat{Call: call, RunningMs: uint64(running.Milliseconds())}}}
}

// run reads all that a source task says, up to its end.
func run(task *client.SourceTask) error {
	if err := task.AwaitStarted(noOffsets); err != nil {
		return err
	}
	for {
		ev, err := task.Next()
		switch {
		case err != nil:
			return err
		case ev.Batch != nil:
			ev.Batch.Release()
		case ev.Drained:
			return task.Finish()
		}
	}
}

func TestSourcesThatBreakTheProtocol(t *testing.T) {
	for name, c := range map[string]struct {
		says []*connectv1.SourceToHost
		want string
	}{
		"batch before Started":     {[]*connectv1.SourceToHost{batch(1, "a")}, "SourceToHost_Batch came before Started"},
		"sequence from 0":          {[]*connectv1.SourceToHost{started(), batch(0, "a")}, "batch 0 came where 1 was due"},
		"gap":                      {[]*connectv1.SourceToHost{started(), batch(1, "a"), batch(3, "a")}, "batch 3 came where 2 was due"},
		"repetition":               {[]*connectv1.SourceToHost{started(), batch(1, "a"), batch(1, "a")}, "batch 1 came where 2 was due"},
		"more batches than credit": {[]*connectv1.SourceToHost{started(), batch(1, "a"), batch(2, "a"), batch(3, "a")}, "batch 3 came, credit was granted for 2"},
		"more bytes than credit": {[]*connectv1.SourceToHost{started(), batch(1, strings.Repeat("a", 200)), batch(2, "a")},
			"batch 2 came when 200 bytes had come, credit was granted for 100"},
		"batch lost":        {[]*connectv1.SourceToHost{started(), batch(1, "a"), drained(2)}, "Drained names batch 2 as the last, batch 1 was"},
		"batch not counted": {[]*connectv1.SourceToHost{started(), batch(1, "a"), drained(0)}, "Drained names batch 0 as the last, batch 1 was"},
		"batch after Drained": {[]*connectv1.SourceToHost{started(), batch(1, "a"), drained(1), batch(2, "a"), stopped()},
			"a batch came after Drained had named batch 1 as the last"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sourceScript(say(c.says...)), func(t *testing.T, conn *grpc.ClientConn) {
				task, err := client.StartSourceTask(t.Context(), conn, client.TaskStart{}, 2, 100, false, client.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				expectProtocolError(t, run(task), c.want)
				if _, err := task.Next(); err == nil {
					t.Error("the stream goes on")
				}
			})
		})
	}
}

// What a newer plugin says in addition is ignored.
func TestUnknownMessagesAreIgnored(t *testing.T) {
	inBubble(t, sourceScript(say(started(), &connectv1.SourceToHost{}, batch(1, "a"), drained(1), &connectv1.SourceToHost{}, stopped())), func(t *testing.T, conn *grpc.ClientConn) {
		if err := run(startSource(t, conn, 2, client.Limits{})); err != nil {
			t.Error(err)
		}
	})
}

func TestSourceStalls(t *testing.T) {
	for name, c := range map[string]struct {
		says   []*connectv1.SourceToHost
		limits client.Limits
		method string
		after  time.Duration
	}{
		"in Start":             {nil, client.Limits{}, "SourceTask.Start", time.Minute},
		"in Start, own limit":  {nil, client.Limits{Call: time.Second}, "SourceTask.Start", time.Second},
		"in Poll, own limit":   {[]*connectv1.SourceToHost{started(), beat("SourceTask.Poll", 4*time.Second)}, client.Limits{Work: 7 * time.Second}, "SourceTask.Poll", 7 * time.Second},
		"in Commit":            {[]*connectv1.SourceToHost{started(), beat("SourceTask.Commit", 30*time.Minute-time.Second)}, client.Limits{}, "SourceTask.Commit", 30 * time.Minute},
		"in an unknown method": {[]*connectv1.SourceToHost{started(), beat("SourceTask.Dance", 59*time.Second)}, client.Limits{}, "SourceTask.Dance", time.Minute},
		"without a heartbeat":  {[]*connectv1.SourceToHost{started(), beat("", 0)}, client.Limits{}, "", 10 * time.Second},
		"in Stop":              {[]*connectv1.SourceToHost{started(), drained(0)}, client.Limits{}, "SourceTask.Stop", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sourceScript(say(c.says...)), func(t *testing.T, conn *grpc.ClientConn) {
				expectStall(t, run(startSource(t, conn, 2, c.limits)), c.method, c.after)
			})
		})
	}
}

// A source that has nothing to read waits in Poll for as long as it takes.
func TestSourceThatWaitsIsNotStalled(t *testing.T) {
	s := &source{poll: func(ctx context.Context, b *sdk.SourceBatch) error {
		select {
		case <-ctx.Done():
		case <-time.After(40 * time.Minute):
			b.Add("t").ValueString("at last")
		}
		return nil
	}}
	inBubble(t, sourcePlugin(t, s), func(t *testing.T, conn *grpc.ClientConn) {
		task := startSource(t, conn, 2, client.Limits{})
		if err := task.AwaitStarted(noOffsets); err != nil {
			t.Fatal(err)
		}
		if ev := next(t, task); ev.Batch == nil {
			t.Errorf("got %+v", ev)
		}
	})
}

// The plugin is not to blame for a host that does not listen: its heartbeats lie
// unread, and what it was busy with may be long over.
func TestBusyHostBlamesNobody(t *testing.T) {
	s := &source{poll: func(ctx context.Context, b *sdk.SourceBatch) error {
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
			b.Add("t").ValueString("x")
		}
		return nil
	}}
	inBubble(t, sourcePlugin(t, s), func(t *testing.T, conn *grpc.ClientConn) {
		task := startSource(t, conn, 9, client.Limits{Work: time.Minute})
		err := task.AwaitStarted(func(p [][]byte) ([][]byte, error) {
			time.Sleep(50 * time.Second)
			return noOffsets(p)
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if ev := next(t, task); ev.Batch == nil {
				t.Errorf("got %+v", ev)
			}
			if method, d := task.Busy(); method != "SourceTask.Poll" || d > time.Minute {
				t.Errorf("busy with %s for %s", method, d)
			}
			time.Sleep(2 * time.Minute)
		}
		if err := task.Stop(time.Minute); err != nil {
			t.Fatal(err)
		}
		for ev := next(t, task); !ev.Drained; ev = next(t, task) {
		}
		time.Sleep(2 * time.Minute) // the last records reach Kafka
		if err := task.Finish(); err != nil {
			t.Error(err)
		}
	})
}

func TestSourceStreamsThatEnd(t *testing.T) {
	for name, c := range map[string]struct {
		end  error
		want func(error) bool
	}{
		"in order, unasked": {nil, func(err error) bool { return err == io.EOF }},
		"with a status": {status.Error(codes.Internal, "out of cheese"), func(err error) bool {
			return status.Code(err) == codes.Internal && strings.Contains(err.Error(), "out of cheese")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			end := func(stream connectv1.SourceTask_RunServer) error {
				if err := stream.Send(started()); err != nil {
					return err
				}
				return c.end
			}
			inBubble(t, sourceScript(end), func(t *testing.T, conn *grpc.ClientConn) {
				if err := run(startSource(t, conn, 2, client.Limits{})); !c.want(err) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestAbortSource(t *testing.T) {
	cause := errors.New("the host has its reasons")
	for name, c := range map[string]struct {
		abort func(*client.SourceTask, context.CancelFunc)
		want  func(error) bool
	}{
		"with a cause":           {func(s *client.SourceTask, _ context.CancelFunc) { s.Abort(cause) }, func(err error) bool { return err == cause }},
		"without one":            {func(s *client.SourceTask, _ context.CancelFunc) { s.Abort(nil) }, func(err error) bool { return status.Code(err) == codes.Canceled }},
		"by a cancelled context": {func(_ *client.SourceTask, cancel context.CancelFunc) { cancel() }, func(err error) bool { return status.Code(err) == codes.Canceled }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sourceScript(say(started())), func(t *testing.T, conn *grpc.ClientConn) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				task, err := client.StartSourceTask(ctx, conn, client.TaskStart{}, 2, 100, false, client.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- run(task) }()
				synctest.Wait()
				c.abort(task, cancel)
				if err := <-ended; !c.want(err) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}
