package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// divider is a Connector that notes what it is asked; err is what all of it returns.
type divider struct {
	err   error
	start func(ctx context.Context, cc *sdk.ConnectorContext) error

	mu    sync.Mutex
	calls []string
	cc    *sdk.ConnectorContext
}

func (d *divider) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, fmt.Sprintf(format, args...))
}

func (d *divider) noted() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

func (d *divider) Start(ctx context.Context, cc *sdk.ConnectorContext) error {
	d.note("Start %s %v", cc.Name, cc.Config)
	d.cc = cc
	if d.start != nil {
		return d.start(ctx, cc)
	}
	return nil
}

func (d *divider) TaskConfigs(_ context.Context, most int) ([]map[string]string, error) {
	d.note("TaskConfigs %d", most)
	return []map[string]string{{"part": "a"}, {"part": "b"}}, d.err
}

func (d *divider) Stop(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	d.note("Stop within %s, context ended: %v", time.Until(deadline), d.cc.Context.Err() != nil)
	return d.err
}

// checker is a divider that also validates and looks after offsets.
type checker struct{ *divider }

func (c checker) Validate(_ context.Context, cfg map[string]string) ([]config.Value, error) {
	if cfg["url"] == "panic" {
		panic("in Validate")
	}
	return []config.Value{
		{Name: "url", Errors: []string{"nobody answers"}},
		{Name: "table", Recommended: []string{"orders"}, Visible: true},
		{Name: "made.up", Errors: []string{"is made up"}},
	}, c.err
}

func (c checker) AlterSourceOffsets(_ context.Context, offsets []sdk.SourceOffset) (bool, error) {
	for _, o := range offsets {
		c.note("alter %s to %s", o.Partition, o.Offset)
	}
	return true, c.err
}

func (c checker) AlterSinkOffsets(_ context.Context, offsets []sdk.PartitionOffset) (bool, error) {
	c.note("alter %v", offsets)
	return false, c.err
}

func dividedPlugin(connector func() sdk.Connector) sdk.Plugin {
	d := sdk.Description{Class: "Divided", MaxTasks: 3, Config: config.Definition{
		{Name: "url", Type: config.TypeString, Required: true}, {Name: "table", Type: config.TypeString}}}
	sink := d
	sink.Class = "DividedSink"
	return sdk.Plugin{Name: "test", Version: "1",
		Sources: []sdk.Source{{Description: d, Connector: connector, Task: func() sdk.SourceTask { return &counter{} }}},
		Sinks:   []sdk.Sink{{Description: sink, Connector: connector, Task: func() sdk.SinkTask { return &bucket{} }}},
	}
}

// connectorHost plays the host of one connector.
type connectorHost struct {
	t      *testing.T
	stream connectv1.Connector_RunClient
}

func runConnector(t *testing.T, conn *grpc.ClientConn, class string) *connectorHost {
	t.Helper()
	stream, err := connectv1.NewConnectorClient(conn).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h := &connectorHost{t, stream}
	h.send(&connectv1.HostToConnector{Message: &connectv1.HostToConnector_Start{Start: &connectv1.ConnectorStart{
		Name: "c", Class: class, Config: map[string]string{"k": "v"}}}})
	return h
}

func (h *connectorHost) send(m *connectv1.HostToConnector) {
	h.t.Helper()
	if err := h.stream.Send(m); err != nil {
		h.t.Fatal(err)
	}
}

func (h *connectorHost) taskConfigs(id uint64, most uint32) {
	h.t.Helper()
	h.send(&connectv1.HostToConnector{Message: &connectv1.HostToConnector_TaskConfigs{TaskConfigs: &connectv1.TaskConfigsRequest{Id: id, MaxTasks: most}}})
}

func (h *connectorHost) alter(m *connectv1.AlterOffsets) {
	h.t.Helper()
	h.send(&connectv1.HostToConnector{Message: &connectv1.HostToConnector_AlterOffsets{AlterOffsets: m}})
}

func (h *connectorHost) next() string {
	h.t.Helper()
	m, ok := receive(h.t, h.stream.Recv)
	if !ok {
		return ""
	}
	switch x := m.GetMessage().(type) {
	case *connectv1.ConnectorToHost_Started:
		return "Started" + inShort(x.Started.GetError())
	case *connectv1.ConnectorToHost_TaskConfigs:
		text := fmt.Sprintf("TaskConfigs %d", x.TaskConfigs.GetId())
		for _, c := range x.TaskConfigs.GetConfigs() {
			text += fmt.Sprintf(" %v", c.GetConfig())
		}
		return text + inShort(x.TaskConfigs.GetError())
	case *connectv1.ConnectorToHost_OffsetsAltered:
		return fmt.Sprintf("OffsetsAltered %d %v%s", x.OffsetsAltered.GetId(), x.OffsetsAltered.GetHandled(), inShort(x.OffsetsAltered.GetError()))
	case *connectv1.ConnectorToHost_Failed:
		return "Failed" + inShort(x.Failed.GetError())
	case *connectv1.ConnectorToHost_Stopped:
		return "Stopped" + inShort(x.Stopped.GetError())
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", m.GetMessage()), "*connectv1.ConnectorToHost_")
}

func (h *connectorHost) expect(want ...string) {
	h.t.Helper()
	for _, w := range want {
		if got := h.next(); got != w {
			h.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

func (h *connectorHost) stop(want ...string) {
	h.t.Helper()
	h.send(&connectv1.HostToConnector{Message: &connectv1.HostToConnector_Stop{Stop: &connectv1.Stop{DeadlineMs: 3000}}})
	h.expect(append(want, "")...)
}

func TestConnectorDividesItsWork(t *testing.T) {
	d := &divider{}
	inBubble(t, dividedPlugin(func() sdk.Connector { return d }), func(t *testing.T, conn *grpc.ClientConn) {
		h := runConnector(t, conn, "Divided")
		h.expect("Started")
		h.taskConfigs(7, 4)
		h.expect("TaskConfigs 7 map[part:a] map[part:b]")
		d.cc.RequestReconfiguration()
		h.expect("RequestReconfiguration")
		d.cc.Fail(sdk.Fatal(errors.New("the system is gone")))
		h.expect("Failed: fatal Connector: the system is gone")
		h.alter(&connectv1.AlterOffsets{Id: 8})
		h.expect("OffsetsAltered 8 false")
		h.stop("Stopped")
	})
	expectCalls(t, d.noted(), "Start c map[k:v]", "TaskConfigs 4", "Stop within 3s, context ended: true")
}

func TestConnectorErrors(t *testing.T) {
	d := &divider{err: errors.New("out of order")}
	inBubble(t, dividedPlugin(func() sdk.Connector { return checker{d} }), func(t *testing.T, conn *grpc.ClientConn) {
		h := runConnector(t, conn, "Divided")
		h.expect("Started")
		h.taskConfigs(1, 4)
		h.expect("TaskConfigs 1 map[part:a] map[part:b]: unspecified Connector.TaskConfigs: out of order")
		h.alter(&connectv1.AlterOffsets{Id: 2, Source: []*connectv1.SourceOffset{{Partition: []byte(`{"p":1}`), Offset: []byte(`{"n":1}`)}, {Partition: []byte(`{"p":2}`)}}})
		h.expect("OffsetsAltered 2 true: unspecified Connector.AlterOffsets: out of order")
		h.alter(&connectv1.AlterOffsets{Id: 3, Sink: []*connectv1.PartitionOffset{at(4, -1)}})
		h.expect("OffsetsAltered 3 false: unspecified Connector.AlterOffsets: out of order")
		h.stop("Stopped: unspecified Connector.Stop: out of order")
	})
	expectCalls(t, d.noted(), "Start c map[k:v]", "TaskConfigs 4", `alter {"p":1} to {"n":1}`, `alter {"p":2} to `, "alter [{t 4 -1}]",
		"Stop within 3s, context ended: true")
}

// A sink that keeps offsets itself resets them also when Kafka has none.
func TestSinkIsToldOfAResetOfNothing(t *testing.T) {
	d := &divider{}
	inBubble(t, dividedPlugin(func() sdk.Connector { return checker{d} }), func(t *testing.T, conn *grpc.ClientConn) {
		h := runConnector(t, conn, "DividedSink")
		h.expect("Started")
		h.alter(&connectv1.AlterOffsets{Id: 1})
		h.expect("OffsetsAltered 1 false")
		h.stop("Stopped")
	})
	expectCalls(t, d.noted(), "Start c map[k:v]", "alter []", "Stop within 3s, context ended: true")
}

func TestConnectorStartFails(t *testing.T) {
	d := &divider{start: func(context.Context, *sdk.ConnectorContext) error { panic("not today") }}
	inBubble(t, dividedPlugin(func() sdk.Connector { return d }), func(t *testing.T, conn *grpc.ClientConn) {
		h := runConnector(t, conn, "Divided")
		h.expect("Started: unspecified Connector.Start: panic: not today")
		h.taskConfigs(1, 4) // not answered any more
		if err := h.stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		h.expect("Stopped", "")
	})
	expectCalls(t, d.noted(), "Start c map[k:v]", "Stop within 5s, context ended: true")
}

// The offsets can be read while Start runs, and for as long as the connector does.
func TestConnectorReadsOffsets(t *testing.T) {
	d := &divider{}
	d.start = func(ctx context.Context, cc *sdk.ConnectorContext) error {
		offsets, err := cc.Offsets(ctx, sdk.NewPartition("p", 1))
		d.note("offset %s, %v", offsets[0], err)
		return err
	}
	inBubble(t, dividedPlugin(func() sdk.Connector { return d }), func(t *testing.T, conn *grpc.ClientConn) {
		h := runConnector(t, conn, "Divided")
		m, _ := receive(t, h.stream.Recv)
		h.send(&connectv1.HostToConnector{Message: &connectv1.HostToConnector_Offsets{Offsets: &connectv1.Offsets{
			Id: m.GetReadOffsets().GetId(), Offsets: []*connectv1.SourceOffset{{Offset: []byte(`{"n":3}`)}}}}})
		h.expect("Started")
		waiting := make(chan error, 1)
		go func() {
			_, err := d.cc.Offsets(context.Background(), sdk.NewPartition("p", 2))
			waiting <- err
		}()
		h.expect("ReadOffsets")
		h.stop("Stopped") // without an answer
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("an unanswered question ended with %v", err)
		}
	})
	expectCalls(t, d.noted(), "Start c map[k:v]", `offset {"n":3}, <nil>`, "Stop within 3s, context ended: true")
}

// A Connector that is not declared gives every task the whole configuration.
func TestUndividedConnectors(t *testing.T) {
	for class, want := range map[string]int{"Divided": 1, "DividedSink": 3} {
		t.Run(class, func(t *testing.T) {
			inBubble(t, dividedPlugin(nil), func(t *testing.T, conn *grpc.ClientConn) {
				h := runConnector(t, conn, class)
				h.expect("Started")
				h.taskConfigs(1, 8)
				h.expect("TaskConfigs 1" + strings.Repeat(" map[k:v]", want))
				h.stop("Stopped")
			})
		})
	}
}

func TestConnectorHeartbeats(t *testing.T) {
	d := &divider{start: func(context.Context, *sdk.ConnectorContext) error { time.Sleep(3 * time.Second); return nil }}
	inBubble(t, dividedPlugin(func() sdk.Connector { return d }), func(t *testing.T, conn *grpc.ClientConn) {
		h := runConnector(t, conn, "Divided")
		m, err := h.stream.Recv()
		if err != nil || m.GetHeartbeat().GetCall() != "Connector.Start" || m.GetHeartbeat().GetRunningMs() != 2000 {
			t.Errorf("got %v, %v", m, err)
		}
		h.expect("Started")
		synctest.Wait()
		h.stop("Stopped")
	})
}

func TestValidate(t *testing.T) {
	declared := map[string]string{"url": "Missing required configuration \"url\" which has no default value."}
	for name, c := range map[string]struct {
		connector func() sdk.Connector
		config    map[string]string
		want      map[string]string
		err       string
	}{
		"declaration only": {nil, nil, declared, ""},
		"no Validator":     {func() sdk.Connector { return &divider{} }, nil, declared, ""},
		"Validator": {func() sdk.Connector { return checker{&divider{}} }, nil,
			map[string]string{"url": declared["url"] + "|nobody answers", "made.up": "is made up"}, ""},
		"Validator fails": {func() sdk.Connector { return checker{&divider{err: errors.New("no network")}} }, map[string]string{"url": "x"},
			map[string]string{"url": "nobody answers", "made.up": "is made up"}, ": unspecified Connector.Validate: no network"},
		"Validator panics": {func() sdk.Connector { return checker{&divider{}} }, map[string]string{"url": "panic"},
			map[string]string{}, ": unspecified Connector.Validate: panic: in Validate"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, dividedPlugin(c.connector), func(t *testing.T, conn *grpc.ClientConn) {
				m, err := connectv1.NewConnectorClient(conn).Validate(t.Context(), &connectv1.ValidateRequest{Class: "Divided", Config: c.config})
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]string{}
				for _, v := range m.GetValues() {
					if len(v.GetErrors()) > 0 {
						got[v.GetName()] = strings.Join(v.GetErrors(), "|")
					}
				}
				if !maps.Equal(got, c.want) || inShort(m.GetError()) != c.err {
					t.Errorf("got %v%s, want %v%s", got, inShort(m.GetError()), c.want, c.err)
				}
			})
		})
	}
}

func TestConnectorRefuses(t *testing.T) {
	inBubble(t, dividedPlugin(nil), func(t *testing.T, conn *grpc.ClientConn) {
		c := connectv1.NewConnectorClient(conn)
		_, err := c.Validate(t.Context(), &connectv1.ValidateRequest{Class: "Nobody"})
		if status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), `no connector "Nobody"`) {
			t.Errorf("Validate: %v", err)
		}
		for want, first := range map[string]*connectv1.HostToConnector{
			"the first message is not Start": {Message: &connectv1.HostToConnector_Stop{Stop: &connectv1.Stop{}}},
			`no connector "Nobody"`:          {Message: &connectv1.HostToConnector_Start{Start: &connectv1.ConnectorStart{Class: "Nobody"}}},
		} {
			stream, err := c.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := stream.Send(first); err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	})
}

func TestDescribe(t *testing.T) {
	for name, c := range map[string]struct {
		connector    func() sdk.Connector
		live, alters bool
	}{
		"undivided": {nil, false, false},
		"divided":   {func() sdk.Connector { return &divider{} }, false, false},
		"checker":   {func() sdk.Connector { return checker{&divider{}} }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, dividedPlugin(c.connector), func(t *testing.T, conn *grpc.ClientConn) {
				d, err := connectv1.NewPluginClient(conn).Describe(t.Context(), &connectv1.DescribeRequest{})
				if err != nil {
					t.Fatal(err)
				}
				if d.GetName() != "test" || d.GetVersion() != "1" || d.GetSdk() != "outboard-go/"+sdk.Version || len(d.GetConnectors()) != 2 {
					t.Errorf("got %v", d)
				}
				for i, want := range []string{"Divided SOURCE", "DividedSink SINK"} {
					got := d.GetConnectors()[i]
					text := got.GetClass() + " " + strings.TrimPrefix(got.GetType().String(), "CONNECTOR_TYPE_")
					if text != want || got.GetLiveValidation() != c.live || got.GetAltersOffsets() != c.alters || got.GetMaxTasks() != 3 || len(got.GetConfig()) != 2 {
						t.Errorf("got %v, want %s", got, want)
					}
				}
			})
		})
	}
}

func TestPluginsThatAreWrong(t *testing.T) {
	task := func() sdk.SourceTask { return &counter{} }
	one := sdk.Source{Description: sdk.Description{Class: "A", Aliases: []string{"B"}}, Task: task}
	for want, p := range map[string]sdk.Plugin{
		"a plugin needs a Name and a Version":    {Name: "x", Sources: []sdk.Source{one}},
		"it has neither Sources nor Sinks":       {Name: "x", Version: "1"},
		`connector "A" needs a Class and a Task`: {Name: "x", Version: "1", Sinks: []sdk.Sink{{Description: one.Description}}},
		`connector "" needs a Class and a Task`:  {Name: "x", Version: "1", Sources: []sdk.Source{{Task: task}}},
		`two connectors are called "B"`: {Name: "x", Version: "1", Sources: []sdk.Source{one},
			Sinks: []sdk.Sink{{Description: sdk.Description{Class: "B"}, Task: func() sdk.SinkTask { return &bucket{} }}}},
	} {
		if err := sdk.Register(grpc.NewServer(), p); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
