package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// ConnectorEvents is what a connector asks of the host. The functions are called
// one at a time and must not call the connector back.
type ConnectorEvents struct {
	// Reconfigure asks for TaskConfigs to be called.
	Reconfigure func()
	// Failed tells that the connector cannot go on.
	Failed func(*AuthorError)
	// ReadOffsets returns stored offsets.
	ReadOffsets func(partitions [][]byte) ([][]byte, error)
}

// Connector is a connector that runs in a plugin. Its methods are safe for
// concurrent use, but calls that wait for an answer go one at a time.
type Connector struct {
	stream connectv1.Connector_RunClient
	ctx    context.Context
	cancel context.CancelCauseFunc
	pulse  *pulse
	events ConnectorEvents

	sending sync.Mutex
	asking  sync.Mutex
	next    atomic.Uint64
	due     atomic.Pointer[func(*connectv1.ConnectorToHost) bool] // recognises the answer that is waited for
	answers chan *connectv1.ConnectorToHost
	done    chan struct{}
	err     error // why it ended, after done
}

// StartConnector opens the stream and returns when the author's Start has.
func StartConnector(ctx context.Context, conn *grpc.ClientConn, name, class string, cfg map[string]string, ev ConnectorEvents, l Limits) (*Connector, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stream, err := connectv1.NewConnectorClient(conn).Run(ctx)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	c := &Connector{
		stream: stream, ctx: ctx, cancel: cancel, pulse: newPulse(ctx, cancel, l), events: ev,
		answers: make(chan *connectv1.ConnectorToHost, 1), done: make(chan struct{}),
	}
	go c.receive()
	m, err := c.ask(ctx, "Connector.Start", &connectv1.HostToConnector{Message: &connectv1.HostToConnector_Start{
		Start: &connectv1.ConnectorStart{Name: name, Class: class, Config: cfg}}},
		func(m *connectv1.ConnectorToHost) bool { return m.GetStarted() != nil })
	if err == nil {
		err = AuthorErrorOf(m.GetStarted().GetError(), "Connector.Start").asError()
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	return c, nil
}

func (c *Connector) send(m *connectv1.HostToConnector) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.stream.Send(m)
}

// ask sends a message and waits for the answer.
func (c *Connector) ask(ctx context.Context, method string, m *connectv1.HostToConnector, answers func(*connectv1.ConnectorToHost) bool) (*connectv1.ConnectorToHost, error) {
	c.asking.Lock()
	defer c.asking.Unlock()
	if c.ctx.Err() != nil {
		return nil, context.Cause(c.ctx) // who asked before has given up
	}
	c.due.Store(&answers)
	c.pulse.expect(method)
	defer c.pulse.expect("")
	if err := c.send(m); err != nil && !errors.Is(err, io.EOF) {
		return nil, broken(c.ctx, err)
	}
	select {
	case a := <-c.answers:
		return a, nil
	case <-c.done:
		select {
		case a := <-c.answers: // the last words
			return a, nil
		default:
			return nil, c.err
		}
	case <-ctx.Done():
		err := context.Cause(ctx)
		c.cancel(err) // an answer that comes too late would be taken for the next one
		return nil, err
	}
}

func (c *Connector) receive() {
	defer close(c.done)
	for {
		c.pulse.listen()
		m, err := c.stream.Recv()
		if err != nil {
			c.err = broken(c.ctx, err)
			return
		}
		c.pulse.heardFrom(m.GetHeartbeat())
		switch message := m.GetMessage().(type) {
		case *connectv1.ConnectorToHost_RequestReconfiguration:
			c.events.Reconfigure()
		case *connectv1.ConnectorToHost_Failed:
			c.events.Failed(AuthorErrorOf(message.Failed.GetError(), "Connector"))
		case *connectv1.ConnectorToHost_ReadOffsets:
			go c.answerOffsets(message.ReadOffsets)
		case *connectv1.ConnectorToHost_Heartbeat, nil:
		default:
			due := c.due.Swap(nil)
			if due == nil || !(*due)(m) {
				c.err = &ProtocolError{Reason: fmt.Sprintf("%T came, which nobody asked for", message)}
				c.cancel(c.err)
				return
			}
			c.answers <- m // there is room: one answer is due at a time, and taken
		}
	}
}

func (c *Connector) answerOffsets(q *connectv1.ReadOffsets) {
	offsets, err := c.events.ReadOffsets(q.GetPartitions())
	_ = c.send(&connectv1.HostToConnector{Message: &connectv1.HostToConnector_Offsets{Offsets: offsetsAnswer(q, offsets, err)}})
}

// TaskConfigs asks the connector to divide its work.
func (c *Connector) TaskConfigs(ctx context.Context, maxTasks int) ([]map[string]string, error) {
	id := c.next.Add(1)
	m, err := c.ask(ctx, "Connector.TaskConfigs", &connectv1.HostToConnector{Message: &connectv1.HostToConnector_TaskConfigs{
		TaskConfigs: &connectv1.TaskConfigsRequest{Id: id, MaxTasks: uint32(maxTasks)}}},
		func(m *connectv1.ConnectorToHost) bool {
			return m.GetTaskConfigs() != nil && m.GetTaskConfigs().GetId() == id
		})
	if err != nil {
		return nil, err
	}
	if err := AuthorErrorOf(m.GetTaskConfigs().GetError(), "Connector.TaskConfigs").asError(); err != nil {
		return nil, err
	}
	configs := []map[string]string{}
	for _, t := range m.GetTaskConfigs().GetConfigs() {
		cfg := t.GetConfig()
		if cfg == nil {
			cfg = map[string]string{}
		}
		configs = append(configs, cfg)
	}
	return configs, nil
}

// Stop asks the connector to end and returns when its Stop has, with its error.
func (c *Connector) Stop(ctx context.Context, deadline time.Duration) error {
	defer c.cancel(nil)
	m, err := c.ask(ctx, "Connector.Stop", &connectv1.HostToConnector{Message: &connectv1.HostToConnector_Stop{
		Stop: &connectv1.Stop{DeadlineMs: uint64(deadline.Milliseconds())}}},
		func(m *connectv1.ConnectorToHost) bool { return m.GetStopped() != nil })
	if err != nil {
		return err
	}
	return AuthorErrorOf(m.GetStopped().GetError(), "Connector.Stop").asError()
}

// Done is closed when the stream has ended; Err then says why.
func (c *Connector) Done() <-chan struct{} { return c.done }

// Err returns why the stream ended.
func (c *Connector) Err() error { return c.err }

// Validate asks a plugin to check a configuration.
func Validate(ctx context.Context, conn *grpc.ClientConn, class string, cfg map[string]string, l Limits) ([]config.Value, error) {
	m, err := validate(ctx, conn, class, cfg, l)
	if err != nil {
		return nil, err
	}
	values := make([]config.Value, len(m.GetValues()))
	for i, v := range m.GetValues() {
		values[i] = wire.ConfigValueFromProto(v)
	}
	return values, nil
}

// ExactlyOnce asks a source connector whether it supports exactly once with a configuration. Declared is false when it says nothing
// about that. The errors are those of Validate.
func ExactlyOnce(ctx context.Context, conn *grpc.ClientConn, class string, cfg map[string]string, l Limits) (supported, declared bool, err error) {
	m, err := validate(ctx, conn, class, cfg, l)
	if err != nil {
		return false, false, err
	}
	s := m.GetExactlyOnceSupport()
	return s == connectv1.ExactlyOnceSupport_EXACTLY_ONCE_SUPPORT_SUPPORTED, s != connectv1.ExactlyOnceSupport_EXACTLY_ONCE_SUPPORT_UNSPECIFIED, nil
}

func validate(ctx context.Context, conn *grpc.ClientConn, class string, cfg map[string]string, l Limits) (*connectv1.ValidateResponse, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.orDefault().Call, &StallError{Method: "Connector.Validate", For: l.orDefault().Call})
	defer cancel()
	m, err := connectv1.NewConnectorClient(conn).Validate(ctx, &connectv1.ValidateRequest{Class: class, Config: cfg})
	if status.Code(err) == codes.DeadlineExceeded {
		<-ctx.Done() // the plugin's clock was faster
	}
	if err != nil {
		return nil, broken(ctx, err)
	}
	if err := AuthorErrorOf(m.GetError(), "Connector.Validate").asError(); err != nil {
		return nil, err
	}
	return m, nil
}
