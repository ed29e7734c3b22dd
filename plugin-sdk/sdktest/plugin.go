package sdktest

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/test/bufconn"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// Patience is how long the plugin may take to do what a test waits for.
const Patience = 30 * time.Second

// Plugin is a plugin that runs, seen from the host.
type Plugin struct {
	t    testing.TB
	conn *grpc.ClientConn
	kill func() // nil in process
}

// InProcess runs a plugin in the process of the test, until the test ends.
func InProcess(t testing.TB, p sdk.Plugin) *Plugin {
	t.Helper()
	server := grpc.NewServer(sdk.ServerOptions()...)
	if err := sdk.Register(server, p); err != nil {
		t.Fatal(err)
	}
	return serve(t, server)
}

// serve runs a server, and connects to it as the host does.
func serve(t testing.TB, server *grpc.Server) *Plugin {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := grpc.NewClient("passthrough:///plugin",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(wire.StreamWindow), grpc.WithInitialConnWindowSize(wire.ConnWindow),
		experimental.WithBufferPool(wire.Pool()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(wire.Codec()),
			grpc.MaxCallRecvMsgSize(wire.MaxMessage), grpc.MaxCallSendMsgSize(wire.MaxMessage)),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return &Plugin{t: t, conn: conn}
}

// Binary launches a plugin's binary, as the host does, and stops it when the
// test ends. env are variables KEY=value for it.
func Binary(t testing.TB, path string, env ...string) *Plugin {
	t.Helper()
	process, err := client.Launch(context.Background(), client.Settings{
		Path: path, Env: env, HostVersion: "sdktest",
		Logger: hclog.New(&hclog.LoggerOptions{Name: filepath.Base(path), Level: hclog.Warn}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Stop(context.Background()) })
	return &Plugin{t: t, conn: process.Conn(), kill: func() {
		process.Kill()
		<-process.Exited()
	}}
}

// Build builds the plugin of a package, such as ".", and returns the path of
// the binary, which is removed with the test.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plugin")
	if out, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", pkg, err, out)
	}
	return path
}

// Kill kills the process of a plugin (SIGKILL) and returns when it is gone.
func (p *Plugin) Kill() {
	p.t.Helper()
	if p.kill == nil {
		p.t.Fatal("sdktest: only a Binary can be killed")
	}
	p.kill()
}

// Describe returns what the plugin says of itself. It fails the test when the
// host would not accept it.
func (p *Plugin) Describe() *client.Description {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	d, err := connectv1.NewPluginClient(p.conn).Describe(ctx, &connectv1.DescribeRequest{HostVersion: "sdktest"})
	if err == nil {
		err = client.CheckDescription(d)
	}
	if err != nil {
		p.t.Fatalf("Describe: %v", err)
	}
	return d
}

// connector returns the description of a class and its configuration's definition.
func (p *Plugin) connector(class string) (*client.ConnectorDescription, config.Definition) {
	p.t.Helper()
	for _, c := range p.Describe().GetConnectors() {
		if c.GetClass() != class {
			continue
		}
		var d config.Definition
		for _, k := range c.GetConfig() {
			d = append(d, wire.ConfigKeyFromProto(k))
		}
		return c, d
	}
	p.t.Fatalf("the plugin has no connector of class %s", class)
	return nil, nil
}

// Validate returns what the plugin says of a configuration: texts by key.
func (p *Plugin) Validate(class string, config map[string]string) (map[string][]string, error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	m, err := connectv1.NewConnectorClient(p.conn).Validate(ctx, &connectv1.ValidateRequest{Class: class, Config: config})
	if err != nil {
		p.t.Fatalf("Validate: %v", err)
	}
	found := map[string][]string{}
	for _, v := range m.GetValues() {
		if len(v.GetErrors()) > 0 {
			found[v.GetName()] = v.GetErrors()
		}
	}
	return found, authorsError(m.GetError())
}

// TaskConfigs starts a connector, asks it for the configurations of its tasks
// and stops it.
func (p *Plugin) TaskConfigs(class string, config map[string]string, most int) ([]map[string]string, error) {
	p.t.Helper()
	answer, err := p.ask(class, config, &connectv1.HostToConnector{Message: &connectv1.HostToConnector_TaskConfigs{
		TaskConfigs: &connectv1.TaskConfigsRequest{Id: 1, MaxTasks: uint32(most)}}})
	if err != nil {
		return nil, err
	}
	m := answer.GetTaskConfigs()
	if m.GetId() != 1 {
		p.t.Fatalf("TaskConfigs was answered by %v", answer)
	}
	if n := len(m.GetConfigs()); n > most {
		p.t.Errorf("there are %d task configurations, at most %d were asked for", n, most)
	}
	var configs []map[string]string
	for _, c := range m.GetConfigs() {
		configs = append(configs, c.GetConfig())
	}
	return configs, authorsError(m.GetError())
}

// AlterSourceOffsets starts a source connector, lets it check a change of
// offsets and stops it.
func (p *Plugin) AlterSourceOffsets(class string, config map[string]string, offsets ...sdk.SourceOffset) (handled bool, err error) {
	p.t.Helper()
	m := &connectv1.AlterOffsets{Id: 1}
	for _, o := range offsets {
		m.Source = append(m.Source, &connectv1.SourceOffset{Partition: []byte(o.Partition.String()), Offset: o.Offset})
	}
	return p.alter(class, config, m)
}

// AlterSinkOffsets is AlterSourceOffsets for a sink; an offset of -1 is a reset.
func (p *Plugin) AlterSinkOffsets(class string, config map[string]string, offsets ...sdk.PartitionOffset) (handled bool, err error) {
	p.t.Helper()
	m := &connectv1.AlterOffsets{Id: 1}
	for _, o := range offsets {
		m.Sink = append(m.Sink, &connectv1.PartitionOffset{Topic: o.Topic, Partition: o.Partition, Offset: o.Offset})
	}
	return p.alter(class, config, m)
}

func (p *Plugin) alter(class string, config map[string]string, m *connectv1.AlterOffsets) (bool, error) {
	p.t.Helper()
	answer, err := p.ask(class, config, &connectv1.HostToConnector{Message: &connectv1.HostToConnector_AlterOffsets{AlterOffsets: m}})
	if err != nil {
		return false, err
	}
	altered := answer.GetOffsetsAltered()
	if altered.GetId() != m.Id {
		p.t.Fatalf("AlterOffsets was answered by %v", answer)
	}
	return altered.GetHandled(), authorsError(altered.GetError())
}

// ask is the whole life of a connector that has one question to answer.
func (p *Plugin) ask(class string, config map[string]string, question *connectv1.HostToConnector) (*connectv1.ConnectorToHost, error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	stream, err := connectv1.NewConnectorClient(p.conn).Run(ctx)
	if err != nil {
		p.t.Fatalf("Connector.Run: %v", err)
	}
	send := func(m *connectv1.HostToConnector) {
		p.t.Helper()
		if err := stream.Send(m); err != nil {
			p.t.Fatalf("sending to the connector: %v", err)
		}
	}
	// receive returns the next message that is no heartbeat.
	receive := func() *connectv1.ConnectorToHost {
		p.t.Helper()
		for {
			m, err := stream.Recv()
			if err != nil {
				p.t.Fatalf("the connector's stream: %v", err)
			}
			if m.GetHeartbeat() == nil {
				return m
			}
		}
	}
	send(&connectv1.HostToConnector{Message: &connectv1.HostToConnector_Start{
		Start: &connectv1.ConnectorStart{Name: "sdktest", Class: class, Config: config}}})
	started := receive().GetStarted()
	if started == nil {
		p.t.Fatal("the first message of the connector is not Started")
	}
	err = authorsError(started.GetError())
	var answer *connectv1.ConnectorToHost
	if err == nil {
		send(question)
		answer = receive()
	}
	send(&connectv1.HostToConnector{Message: &connectv1.HostToConnector_Stop{Stop: &connectv1.Stop{DeadlineMs: uint64(Patience.Milliseconds())}}})
	stopped := receive().GetStopped()
	if stopped == nil {
		p.t.Fatal("the connector did not answer Stop")
	}
	return answer, errors.Join(err, authorsError(stopped.GetError()))
}

// authorsError returns an error of the author's code, nil for none.
func authorsError(m *connectv1.Error) error {
	if m == nil {
		return nil
	}
	e := &sdk.Error{Err: errors.New(m.GetMessage()), After: time.Duration(m.GetRetryAfterMs()) * time.Millisecond}
	switch m.GetClass() {
	case connectv1.ErrorClass_ERROR_CLASS_RETRIABLE:
		e.Class = sdk.Retry
	case connectv1.ErrorClass_ERROR_CLASS_FATAL:
		e.Class = sdk.Permanent
	}
	if strings.TrimSpace(m.GetMessage()) == "" {
		e.Err = errors.New("(an error without a message)")
	}
	return e
}
