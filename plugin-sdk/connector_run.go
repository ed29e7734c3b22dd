package sdk

import (
	"context"
	"maps"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// connectorService serves the streams of connectors.
type connectorService struct {
	connectv1.UnimplementedConnectorServer
	plugin *Plugin
}

// Validate checks a configuration with the declaration and the author's Validator.
func (s *connectorService) Validate(ctx context.Context, m *connectv1.ValidateRequest) (*connectv1.ValidateResponse, error) {
	d, make := s.plugin.connector(m.GetClass())
	if d == nil {
		return nil, status.Errorf(codes.NotFound, "this plugin has no connector %q", m.GetClass())
	}
	values := d.Config.Validate(m.GetConfig())
	answer := &connectv1.ValidateResponse{}
	if make != nil {
		c := make()
		if e, ok := c.(ExactlyOnceSource); ok && s.plugin.source(d.Class) != nil {
			answer.ExactlyOnceSupport = connectv1.ExactlyOnceSupport_EXACTLY_ONCE_SUPPORT_UNSUPPORTED
			supported := false
			err := guard(func() error { supported = e.SupportsExactlyOnce(m.GetConfig()); return nil })
			answer.Error = errorToProto(err, "Connector.SupportsExactlyOnce")
			if supported {
				answer.ExactlyOnceSupport = connectv1.ExactlyOnceSupport_EXACTLY_ONCE_SUPPORT_SUPPORTED
			}
		}
		if v, ok := c.(Validator); ok && answer.Error == nil {
			var found []config.Value
			err := guard(func() (err error) { found, err = v.Validate(ctx, m.GetConfig()); return err })
			answer.Error = errorToProto(err, "Connector.Validate")
			values = merge(values, found)
		}
	}
	for _, v := range values {
		answer.Values = append(answer.Values, wire.ConfigValueToProto(v))
	}
	return answer, nil
}

// merge adds what the author found to what the declaration says.
func merge(declared, found []config.Value) []config.Value {
	for _, f := range found {
		at := -1
		for i := range declared {
			if declared[i].Name == f.Name {
				at = i
			}
		}
		if at < 0 {
			declared = append(declared, f)
			continue
		}
		d := &declared[at]
		d.Errors = append(d.Errors, f.Errors...)
		if f.Recommended != nil {
			d.Recommended = f.Recommended
		}
		d.Visible = f.Visible || len(f.Errors) > 0 // what must be mended must be seen
	}
	return declared
}

// Run is the life of one connector.
func (s *connectorService) Run(stream connectv1.Connector_RunServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	start := first.GetStart()
	if start == nil {
		return status.Error(codes.InvalidArgument, "the first message is not Start")
	}
	d, make := s.plugin.connector(start.GetClass())
	if d == nil {
		return status.Errorf(codes.NotFound, "this plugin has no connector %q", start.GetClass())
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	r := &connectorRun{stream: stream, connector: s.plugin.divide(d, make, start.GetConfig()), sink: s.plugin.sink(start.GetClass()) != nil}
	r.offsets.done = ctx.Done()
	return r.live(ctx, cancel, start)
}

// connectorRun is one connector that runs.
type connectorRun struct {
	stream    connectv1.Connector_RunServer
	connector Connector
	sink      bool
	calls     calls
	offsets   offsetReads
	sending   sync.Mutex
}

func (r *connectorRun) send(m *connectv1.ConnectorToHost) error {
	r.sending.Lock()
	defer r.sending.Unlock()
	return r.stream.Send(m)
}

func (r *connectorRun) live(ctx context.Context, cancel context.CancelFunc, start *connectv1.ConnectorStart) error {
	inbox := make(chan *connectv1.HostToConnector, 16)
	deadline := defaultStop
	go func() {
		defer close(inbox)
		defer cancel()
		for {
			m, err := r.stream.Recv()
			if err != nil {
				return
			}
			switch m := m.GetMessage().(type) {
			case *connectv1.HostToConnector_Offsets:
				r.offsets.answer(m.Offsets)
				continue
			case *connectv1.HostToConnector_Stop:
				if d := m.Stop.GetDeadlineMs(); d > 0 {
					deadline = time.Duration(d) * time.Millisecond
				}
				return
			}
			select {
			case inbox <- m:
			case <-ctx.Done():
				return
			}
		}
	}()
	go r.calls.beat(ctx, func(h *connectv1.Heartbeat) error {
		return r.send(&connectv1.ConnectorToHost{Message: &connectv1.ConnectorToHost_Heartbeat{Heartbeat: h}})
	})
	cc := &ConnectorContext{
		Name: start.GetName(), Config: start.GetConfig(), Context: ctx,
		Logger: logger().With("connector", start.GetName()), run: r,
	}
	startCtx, started := context.WithCancel(ctx)
	err := r.calls.run("Connector.Start", func() error { return r.connector.Start(startCtx, cc) })
	started()
	serr := r.send(&connectv1.ConnectorToHost{Message: &connectv1.ConnectorToHost_Started{
		Started: &connectv1.Started{Error: errorToProto(err, "Connector.Start")}}})
	failed := err != nil || serr != nil
	if failed {
		cancel()
	}
	for m := range inbox { // until the host has closed its side
		if !failed {
			failed = r.handle(ctx, m) != nil
		}
	}
	sctx, stopped := context.WithTimeout(context.WithoutCancel(ctx), deadline)
	defer stopped()
	err = r.calls.run("Connector.Stop", func() error { return r.connector.Stop(sctx) })
	_ = r.send(&connectv1.ConnectorToHost{Message: &connectv1.ConnectorToHost_Stopped{
		Stopped: &connectv1.Stopped{Error: errorToProto(err, "Connector.Stop")}}})
	return nil
}

func (r *connectorRun) handle(ctx context.Context, m *connectv1.HostToConnector) error {
	switch m := m.GetMessage().(type) {
	case *connectv1.HostToConnector_TaskConfigs:
		return r.taskConfigs(ctx, m.TaskConfigs)
	case *connectv1.HostToConnector_AlterOffsets:
		return r.alterOffsets(ctx, m.AlterOffsets)
	}
	return nil
}

func (r *connectorRun) taskConfigs(ctx context.Context, m *connectv1.TaskConfigsRequest) error {
	answer := &connectv1.TaskConfigs{Id: m.GetId()}
	err := r.calls.run("Connector.TaskConfigs", func() error {
		configs, err := r.connector.TaskConfigs(ctx, int(m.GetMaxTasks()))
		for _, c := range configs {
			answer.Configs = append(answer.Configs, &connectv1.TaskConfig{Config: c})
		}
		return err
	})
	answer.Error = errorToProto(err, "Connector.TaskConfigs")
	return r.send(&connectv1.ConnectorToHost{Message: &connectv1.ConnectorToHost_TaskConfigs{TaskConfigs: answer}})
}

func (r *connectorRun) alterOffsets(ctx context.Context, m *connectv1.AlterOffsets) error {
	answer := &connectv1.OffsetsAltered{Id: m.GetId()}
	if a, ok := r.connector.(OffsetAlterer); ok {
		err := r.calls.run("Connector.AlterOffsets", func() (err error) {
			if len(m.GetSink()) > 0 || r.sink && len(m.GetSource()) == 0 { // a reset of nothing is one, too
				answer.Handled, err = a.AlterSinkOffsets(ctx, offsetsFromProto(m.GetSink()))
				return err
			}
			var offsets []SourceOffset
			for _, o := range m.GetSource() {
				offsets = append(offsets, SourceOffset{Partition{string(o.GetPartition())}, o.Offset})
			}
			answer.Handled, err = a.AlterSourceOffsets(ctx, offsets)
			return err
		})
		answer.Error = errorToProto(err, "Connector.AlterOffsets")
	}
	return r.send(&connectv1.ConnectorToHost{Message: &connectv1.ConnectorToHost_OffsetsAltered{OffsetsAltered: answer}})
}

// whole is the Connector of those that declare none: every task gets the
// connector's configuration.
type whole struct {
	config map[string]string
	tasks  int // 0: as many as allowed
}

func (w *whole) Start(context.Context, *ConnectorContext) error { return nil }
func (w *whole) Stop(context.Context) error                     { return nil }

func (w *whole) TaskConfigs(_ context.Context, most int) ([]map[string]string, error) {
	n := most
	if w.tasks > 0 {
		n = min(n, w.tasks)
	}
	configs := make([]map[string]string, n)
	for i := range configs {
		configs[i] = maps.Clone(w.config)
	}
	return configs, nil
}
