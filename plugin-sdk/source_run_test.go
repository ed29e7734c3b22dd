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
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// counter is a source that does what its fields say and notes what it is asked.
type counter struct {
	start  func(ctx context.Context, tc *sdk.SourceContext) error
	poll   func(ctx context.Context, n int, b *sdk.SourceBatch) error
	commit func(ctx context.Context, n int) error
	stop   func(ctx context.Context) error

	mu      sync.Mutex
	calls   []string
	polls   int
	commits int
}

var counterPartition = sdk.NewPartition("p", 1)

func (c *counter) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, fmt.Sprintf(format, args...))
}

// noted returns the calls so far, those of Poll left out.
func (c *counter) noted() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

func (c *counter) polled() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.polls
}

func (c *counter) Start(ctx context.Context, tc *sdk.SourceContext) error {
	c.note("Start %s-%d %v", tc.Connector, tc.Task, tc.Config)
	if c.start != nil {
		return c.start(ctx, tc)
	}
	return nil
}

// Poll appends one record by default.
func (c *counter) Poll(ctx context.Context, b *sdk.SourceBatch) error {
	c.mu.Lock()
	c.polls++
	n := c.polls
	c.mu.Unlock()
	if c.poll != nil {
		return c.poll(ctx, n, b)
	}
	b.Add("t").ValueString(fmt.Sprint(n)).OffsetInt64(counterPartition, "n", int64(n))
	return nil
}

func (c *counter) Stop(ctx context.Context) error {
	c.note("Stop")
	if c.stop != nil {
		return c.stop(ctx)
	}
	return nil
}

// committer is a counter that also acknowledges to its system.
type committer struct{ *counter }

func (c committer) Commit(ctx context.Context, offsets []sdk.SourceOffset) error {
	var list []string
	for _, o := range offsets {
		list = append(list, o.Partition.String()+string(o.Offset))
	}
	slices.Sort(list)
	c.note("Commit %s", strings.Join(list, " "))
	if c.commit == nil {
		return nil
	}
	c.mu.Lock()
	c.commits++
	n := c.commits
	c.mu.Unlock()
	return c.commit(ctx, n)
}

func sourcePlugin(task sdk.SourceTask) sdk.Plugin {
	return sdk.Plugin{Name: "test", Version: "1", Sources: []sdk.Source{{
		Description: sdk.Description{Class: "Counter", Aliases: []string{"org.example.Counter"}},
		Task:        func() sdk.SourceTask { return task },
	}}}
}

// sourceHost plays the host of one source task.
type sourceHost struct {
	t      *testing.T
	stream connectv1.SourceTask_RunClient
}

func runSource(t *testing.T, conn *grpc.ClientConn, flow *connectv1.Flow) *sourceHost {
	t.Helper()
	stream, err := connectv1.NewSourceTaskClient(conn).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h := &sourceHost{t, stream}
	h.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Start{Start: &connectv1.SourceStart{
		Connector: "c", Class: "Counter", Task: 3, Generation: 1, Config: map[string]string{"k": "v"}, Flow: flow}}})
	return h
}

func (h *sourceHost) send(m *connectv1.HostToSource) {
	h.t.Helper()
	if err := h.stream.Send(m); err != nil {
		h.t.Fatal(err)
	}
}

func (h *sourceHost) flow(batches uint32, bytes uint64, paused bool) {
	h.t.Helper()
	h.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Flow{Flow: &connectv1.Flow{Batches: batches, Bytes: bytes, Paused: paused}}})
}

func (h *sourceHost) ack(seq uint64) {
	h.t.Helper()
	h.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Ack{Ack: &connectv1.Ack{Seq: seq}}})
}

func (h *sourceHost) stop() {
	h.t.Helper()
	h.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Stop{Stop: &connectv1.Stop{DeadlineMs: 3000}}})
}

// next returns the next message in short, "" at the end of the stream.
func (h *sourceHost) next() string {
	h.t.Helper()
	m, ok := receive(h.t, h.stream.Recv)
	if !ok {
		return ""
	}
	switch x := m.GetMessage().(type) {
	case *connectv1.SourceToHost_Started:
		return "Started" + inShort(x.Started.GetError())
	case *connectv1.SourceToHost_Batch:
		return fmt.Sprintf("batch %d of %d: %s", x.Batch.GetSeq(), x.Batch.GetCount(), x.Batch.GetValues())
	case *connectv1.SourceToHost_Retrying:
		return "Retrying" + inShort(x.Retrying.GetError())
	case *connectv1.SourceToHost_Failed:
		return "Failed" + inShort(x.Failed.GetError())
	case *connectv1.SourceToHost_Drained:
		return fmt.Sprintf("Drained %d", x.Drained.GetLastSeq())
	case *connectv1.SourceToHost_Stopped:
		return "Stopped" + inShort(x.Stopped.GetError())
	}
	return fmt.Sprintf("%T", m.GetMessage())
}

// inShort writes an error as ": class method message", nothing for none.
func inShort(e *connectv1.Error) string {
	if e == nil {
		return ""
	}
	class := strings.ToLower(strings.TrimPrefix(e.GetClass().String(), "ERROR_CLASS_"))
	return fmt.Sprintf(": %s %s: %s", class, e.GetMethod(), e.GetMessage())
}

func (h *sourceHost) expect(want ...string) {
	h.t.Helper()
	for _, w := range want {
		if got := h.next(); got != w {
			h.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

// end closes the host's side and expects the rest of the stream.
func (h *sourceHost) end(want ...string) {
	h.t.Helper()
	if err := h.stream.CloseSend(); err != nil {
		h.t.Fatal(err)
	}
	h.expect(append(want, "")...)
}

func expectCalls(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("the author was called\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

const plenty = 1 << 40

func TestSourceIsNotPolledWithoutCredit(t *testing.T) {
	for name, c := range map[string]struct {
		flow *connectv1.Flow
		want int
	}{
		"nothing granted":            {nil, 0},
		"no batch":                   {&connectv1.Flow{Bytes: plenty}, 0},
		"no byte":                    {&connectv1.Flow{Batches: 9}, 0},
		"three batches":              {&connectv1.Flow{Batches: 3, Bytes: plenty}, 3},
		"the last byte is overdrawn": {&connectv1.Flow{Batches: 9, Bytes: 11}, 2}, // a batch has a value of 1 byte and an offset of 7
		"paused":                     {&connectv1.Flow{Batches: 9, Bytes: plenty, Paused: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			task := &counter{}
			inBubble(t, sourcePlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
				h := runSource(t, conn, c.flow)
				h.expect("Started")
				synctest.Wait()
				if got := task.polled(); got != c.want {
					t.Errorf("polled %d times, want %d", got, c.want)
				}
				for i := range c.want {
					h.expect(fmt.Sprintf("batch %d of 1: %d", i+1, i+1))
				}
				h.stop()
				h.expect(fmt.Sprintf("Drained %d", c.want))
				h.end("Stopped")
			})
		})
	}
}

func TestSourcePausesAndResumes(t *testing.T) {
	task := &counter{}
	ended := false
	task.poll = func(ctx context.Context, n int, b *sdk.SourceBatch) error {
		if n == 2 {
			<-ctx.Done() // nothing to read: only the pause ends it
			ended = true
		}
		b.Add("t").ValueString(fmt.Sprint(n))
		return ctx.Err()
	}
	inBubble(t, sourcePlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSource(t, conn, &connectv1.Flow{Batches: 3, Bytes: plenty})
		h.expect("Started", "batch 1 of 1: 1")
		synctest.Wait()
		h.flow(0, 0, true)
		h.expect("batch 2 of 1: 2") // what it appended all the same
		synctest.Wait()
		if !ended || task.polled() != 2 {
			t.Errorf("Poll was ended: %v, polled %d times while paused", ended, task.polled())
		}
		h.flow(0, 0, false)
		h.expect("batch 3 of 1: 3")
		h.stop()
		h.expect("Drained 3")
		h.end("Stopped")
	})
}

// The order of a stop: what Poll appended, Drained, the last Ack reaches Commit,
// then Stop, then the end.
func TestSourceStops(t *testing.T) {
	task := &counter{}
	task.poll = func(ctx context.Context, n int, b *sdk.SourceBatch) error {
		<-ctx.Done()
		b.Add("t").ValueString("last words").OffsetInt64(counterPartition, "n", 7)
		return nil
	}
	task.stop = func(ctx context.Context) error {
		deadline, _ := ctx.Deadline()
		return fmt.Errorf("%s are left", time.Until(deadline))
	}
	inBubble(t, sourcePlugin(committer{task}), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSource(t, conn, &connectv1.Flow{Batches: 9, Bytes: plenty})
		h.expect("Started")
		synctest.Wait()
		h.stop()
		h.expect("batch 1 of 1: last words", "Drained 1")
		synctest.Wait()
		expectCalls(t, task.noted(), "Start c-3 map[k:v]")
		h.ack(1)
		h.end("Stopped: unspecified SourceTask.Stop: 3s are left")
	})
	expectCalls(t, task.noted(), "Start c-3 map[k:v]", `Commit {"p":1}{"n":7}`, "Stop")
}

func TestSourceReadsOffsetsInStart(t *testing.T) {
	for name, c := range map[string]struct {
		answer *connectv1.Offsets
		want   string
	}{
		"some": {&connectv1.Offsets{Offsets: []*connectv1.SourceOffset{{Partition: []byte(`{"p":1}`), Offset: []byte(`{"n":5}`)}, {Partition: []byte(`{"p":2}`)}}}, "Started"},
		"error": {&connectv1.Offsets{Error: &connectv1.Error{Message: "the store is down"}},
			"Started: retriable SourceTask.Start: the store is down"},
	} {
		t.Run(name, func(t *testing.T) {
			task := &counter{}
			task.start = func(ctx context.Context, tc *sdk.SourceContext) error {
				offsets, err := tc.Offsets(ctx, counterPartition, sdk.NewPartition("p", 2))
				if err == nil {
					n, _ := offsets[0].Int64("n")
					task.note("offset %d, then %v", n, offsets[1] == nil)
				}
				return err
			}
			inBubble(t, sourcePlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
				h := runSource(t, conn, nil)
				m, _ := receive(t, h.stream.Recv)
				q := m.GetReadOffsets()
				if got := fmt.Sprintf("%s", q.GetPartitions()); got != `[{"p":1} {"p":2}]` {
					t.Fatalf("asked for %s", got)
				}
				c.answer.Id = q.GetId()
				h.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Offsets{Offsets: c.answer}})
				h.expect(c.want)
				if c.answer.Error != nil {
					h.expect("Stopped", "")
					return
				}
				expectCalls(t, task.noted(), "Start c-3 map[k:v]", "offset 5, then true")
				h.stop()
				h.expect("Drained 0")
				h.end("Stopped")
			})
		})
	}
}

// Commit is told what was acknowledged, when it was, and never more.
func TestCommitFollowsAck(t *testing.T) {
	two := sdk.NewPartition("p", 2)
	task := &counter{}
	task.poll = func(ctx context.Context, n int, b *sdk.SourceBatch) error {
		b.Add("t").ValueString(fmt.Sprint(n)).OffsetInt64(counterPartition, "n", int64(n))
		if n == 2 {
			b.Add("t").ValueString("two").Offset(two, sdk.NewOffset("n", "a"))
			b.Add("t").ValueString("none").Offset(two, nil)
		}
		return nil
	}
	inBubble(t, sourcePlugin(committer{task}), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSource(t, conn, &connectv1.Flow{Batches: 4, Bytes: plenty})
		h.expect("Started", "batch 1 of 1: 1", "batch 2 of 3: 2twonone", "batch 3 of 1: 3", "batch 4 of 1: 4")
		time.Sleep(time.Minute)
		expectCalls(t, task.noted(), "Start c-3 map[k:v]")
		h.ack(1)
		time.Sleep(time.Second)
		h.ack(3)
		time.Sleep(time.Minute)
		expectCalls(t, task.noted(), "Start c-3 map[k:v]", `Commit {"p":1}{"n":1}`, `Commit {"p":1}{"n":3} {"p":2}{"n":"a"}`)
		h.stop()
		h.expect("Drained 4")
		h.end("Stopped") // batch 4 is never acknowledged
	})
	expectCalls(t, task.noted(), "Start c-3 map[k:v]", `Commit {"p":1}{"n":1}`, `Commit {"p":1}{"n":3} {"p":2}{"n":"a"}`, "Stop")
}

func TestCommitThatFailsIsCalledAgain(t *testing.T) {
	task := &counter{}
	var mu sync.Mutex
	var times []time.Duration
	var began time.Time
	task.commit = func(_ context.Context, n int) error {
		mu.Lock()
		times = append(times, time.Since(began))
		mu.Unlock()
		switch n {
		case 1:
			return errors.New("no connection")
		case 2:
			return sdk.RetryAfter(errors.New("come back later"), time.Minute)
		}
		return nil
	}
	inBubble(t, sourcePlugin(committer{task}), func(t *testing.T, conn *grpc.ClientConn) {
		began = time.Now()
		h := runSource(t, conn, &connectv1.Flow{Batches: 2, Bytes: plenty})
		h.expect("Started", "batch 1 of 1: 1", "batch 2 of 1: 2")
		h.ack(1)
		h.expect("Retrying: unspecified SourceTask.Commit: acknowledging: no connection")
		h.ack(2)
		h.expect("Retrying: retriable SourceTask.Commit: acknowledging: come back later")
		time.Sleep(2 * time.Minute)
		expectCalls(t, task.noted()[1:], `Commit {"p":1}{"n":1}`, `Commit {"p":1}{"n":2}`, `Commit {"p":1}{"n":2}`)
		mu.Lock()
		defer mu.Unlock()
		if len(times) == 3 && (times[1]-times[0] < 100*time.Millisecond || times[2]-times[1] < time.Minute) {
			t.Errorf("called after %v: too soon", times)
		}
		h.stop()
		h.expect("Drained 2")
		h.end("Stopped")
	})
}

func TestPollFails(t *testing.T) {
	for name, c := range map[string]struct {
		poll func(b *sdk.SourceBatch) error
		want []string
	}{
		"error": {func(b *sdk.SourceBatch) error {
			b.Add("t").ValueString("before")
			return errors.New("disk on fire")
		}, []string{"batch 1 of 1: before", "Failed: unspecified SourceTask.Poll: disk on fire", "Drained 1"}},
		"fatal": {func(*sdk.SourceBatch) error { return sdk.Fatal(errors.New("wrong password")) },
			[]string{"Failed: fatal SourceTask.Poll: wrong password", "Drained 0"}},
		"panic": {func(*sdk.SourceBatch) error { panic("at the disco") },
			[]string{"Failed: unspecified SourceTask.Poll: panic: at the disco", "Drained 0"}},
		"record without topic": {func(b *sdk.SourceBatch) error { b.Add("").ValueString("x"); return nil },
			[]string{"Failed: unspecified SourceTask.Poll: record has no topic", "Drained 0"}},
		"record too large": {func(b *sdk.SourceBatch) error { b.Add("t").ValueBytes(make([]byte, sdk.MaxRecord+1)); return nil },
			[]string{"Failed: unspecified SourceTask.Poll: record of 33554433 bytes for topic t: the limit is 33554432", "Drained 0"}},
		"offset of no partition": {func(b *sdk.SourceBatch) error { b.Add("t").Offset(sdk.Partition{}, sdk.NewOffset("n", 1)); return nil },
			[]string{`Failed: unspecified SourceTask.Poll: record for topic t has the offset {"n":1} of no source partition`, "Drained 0"}},
		"number of no partition": {func(b *sdk.SourceBatch) error { b.Add("t").OffsetInt64(sdk.Partition{}, "n", 1); return nil },
			[]string{`Failed: unspecified SourceTask.Poll: record for topic t has the offset n 1 of no source partition`, "Drained 0"}},
		"batch too large": {func(b *sdk.SourceBatch) error {
			for range 3 {
				b.Add("t").ValueBytes(make([]byte, wire.MaxMessage/3))
			}
			return nil
		}, []string{"Failed: fatal SourceTask.Poll: one Poll appended 3 records that take 67108885 bytes, a batch takes 1048576 records and 67108864 bytes: return when batch.Full says so", "Drained 0"}},
		"too many records": {func(b *sdk.SourceBatch) error {
			for range wire.MaxRecords + 1 {
				b.Add("t")
			}
			return nil
		}, []string{"Failed: fatal SourceTask.Poll: one Poll appended 1048577 records that take 9 bytes, a batch takes 1048576 records and 67108864 bytes: return when batch.Full says so", "Drained 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			task := &counter{poll: func(_ context.Context, _ int, b *sdk.SourceBatch) error { return c.poll(b) }}
			inBubble(t, sourcePlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
				h := runSource(t, conn, &connectv1.Flow{Batches: 9, Bytes: plenty})
				h.expect(append([]string{"Started"}, c.want...)...)
				synctest.Wait()
				expectCalls(t, task.noted(), "Start c-3 map[k:v]") // Stop comes when the host has had its say
				h.end("Stopped")
			})
			expectCalls(t, task.noted(), "Start c-3 map[k:v]", "Stop")
			if task.polled() != 1 {
				t.Errorf("polled %d times", task.polled())
			}
		})
	}
}

func TestPanicTellsWhere(t *testing.T) {
	task := &counter{poll: func(context.Context, int, *sdk.SourceBatch) error { panic("here") }}
	inBubble(t, sourcePlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSource(t, conn, &connectv1.Flow{Batches: 1, Bytes: plenty})
		h.expect("Started")
		m, _ := receive(t, h.stream.Recv)
		if detail := m.GetFailed().GetError().GetDetail(); !strings.Contains(detail, "TestPanicTellsWhere") {
			t.Errorf("the stack does not lead to the panic:\n%s", detail)
		}
		h.expect("Drained 0")
		h.end("Stopped")
	})
}

// A retriable error is told and Poll is called again, later and later.
func TestPollRetries(t *testing.T) {
	var times []time.Time
	task := &counter{}
	task.poll = func(_ context.Context, n int, b *sdk.SourceBatch) error {
		times = append(times, time.Now())
		switch n {
		case 1, 2:
			return sdk.Retriable(fmt.Errorf("try %d", n))
		case 3:
			return sdk.RetryAfter(fmt.Errorf("try %d", n), time.Minute)
		}
		b.Add("t").ValueString("done")
		return nil
	}
	inBubble(t, sourcePlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSource(t, conn, &connectv1.Flow{Batches: 1, Bytes: plenty})
		h.expect("Started", "Retrying: retriable SourceTask.Poll: try 1", "Retrying: retriable SourceTask.Poll: try 2",
			"Retrying: retriable SourceTask.Poll: try 3", "batch 1 of 1: done")
		for i, want := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, time.Minute} {
			if got := times[i+1].Sub(times[i]); got != want {
				t.Errorf("try %d came after %v, want %v", i+2, got, want)
			}
		}
		h.stop()
		h.expect("Drained 1")
		h.end("Stopped")
	})
}

func TestStartFails(t *testing.T) {
	task := &counter{start: func(context.Context, *sdk.SourceContext) error { return sdk.Fatal(errors.New("no such table")) }}
	inBubble(t, sourcePlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSource(t, conn, &connectv1.Flow{Batches: 1, Bytes: plenty})
		h.expect("Started: fatal SourceTask.Start: no such table", "Stopped", "")
	})
	expectCalls(t, task.noted(), "Start c-3 map[k:v]", "Stop")
}

// A host that is gone without a word ends the task: the author's Poll and Stop.
func TestStreamBreaks(t *testing.T) {
	task := &counter{poll: func(ctx context.Context, _ int, _ *sdk.SourceBatch) error { <-ctx.Done(); return ctx.Err() }}
	inBubble(t, sourcePlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := connectv1.NewSourceTaskClient(conn).Run(ctx)
		if err != nil {
			t.Fatal(err)
		}
		h := &sourceHost{t, stream}
		h.send(&connectv1.HostToSource{Message: &connectv1.HostToSource_Start{Start: &connectv1.SourceStart{
			Connector: "c", Class: "org.example.Counter", Flow: &connectv1.Flow{Batches: 1, Bytes: plenty}}}})
		h.expect("Started")
		synctest.Wait()
		cancel()
		synctest.Wait()
		expectCalls(t, task.noted(), "Start c-0 map[]", "Stop")
	})
}

func TestSourceHeartbeats(t *testing.T) {
	task := &counter{poll: func(ctx context.Context, _ int, _ *sdk.SourceBatch) error {
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
		return nil
	}}
	inBubble(t, sourcePlugin(task), func(t *testing.T, conn *grpc.ClientConn) {
		h := runSource(t, conn, &connectv1.Flow{Batches: 1, Bytes: plenty})
		h.expect("Started")
		began := time.Now()
		for i, want := range []uint64{2000, 4000, 1000} { // the first Poll, then the second
			m, err := h.stream.Recv()
			if err != nil {
				t.Fatal(err)
			}
			b := m.GetHeartbeat()
			if b.GetCall() != "SourceTask.Poll" || b.GetRunningMs() != want || time.Since(began) != time.Duration(i+1)*2*time.Second {
				t.Errorf("heartbeat %d after %v is %v", i+1, time.Since(began), b)
			}
		}
		h.flow(0, 0, true)
		synctest.Wait()
		if m, err := h.stream.Recv(); err != nil || m.GetHeartbeat() == nil || m.GetHeartbeat().GetCall() != "" {
			t.Errorf("paused, the heartbeat is %v, %v", m, err)
		}
		h.stop()
		h.expect("Drained 0")
		h.end("Stopped")
	})
}

func TestSourceRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		first *connectv1.HostToSource
		code  codes.Code
		want  string
	}{
		"another first message": {&connectv1.HostToSource{Message: &connectv1.HostToSource_Ack{Ack: &connectv1.Ack{}}}, codes.InvalidArgument, "the first message is not Start"},
		"unknown class": {&connectv1.HostToSource{Message: &connectv1.HostToSource_Start{Start: &connectv1.SourceStart{Class: "Nobody"}}},
			codes.NotFound, `this plugin has no source connector "Nobody"`},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, sourcePlugin(&counter{}), func(t *testing.T, conn *grpc.ClientConn) {
				stream, err := connectv1.NewSourceTaskClient(conn).Run(t.Context())
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
