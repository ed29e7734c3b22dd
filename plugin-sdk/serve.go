package sdk

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/experimental"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
)

// Serve runs a plugin: it is all that main has to do. It returns when the host
// has shut the plugin down, and ends the process when the host is gone. How often
// garbage is collected follows what the plugin does, unless GOGC or
// debug.SetGCPercent say it.
//
//	func main() { sdk.Serve(sdk.Plugin{Name: "clock", Version: "1.0.0", Sources: …}) }
func Serve(p Plugin) {
	if err := p.check(); err != nil {
		fmt.Fprintln(os.Stderr, "plugin", p.Name, "cannot be served:", err)
		os.Exit(2)
	}
	limitGarbage()
	go exitWithHost()
	own := os.Stderr
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: Handshake,
		Plugins:         plugin.PluginSet{ServiceName: &served{p: p, stderr: own}},
		GRPCServer:      newServer,
		Logger:          logger(),
	})
}

// exitWithHost ends the process when the host is gone: the host holds the other
// end of standard input for as long as it lives.
func exitWithHost() {
	if st, err := os.Stdin.Stat(); err != nil || st.Mode()&os.ModeNamedPipe == 0 {
		return // started by hand
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// newServer sets what the boundary needs: our codec, windows and limits.
func newServer(opts []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(opts, ServerOptions()...)...)
}

// ServerOptions returns the options of a plugin's gRPC server, for tests that
// serve a plugin in their own process.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ForceServerCodecV2(wire.Codec()),
		grpc.MaxRecvMsgSize(wire.MaxMessage), grpc.MaxSendMsgSize(wire.MaxMessage),
		grpc.InitialWindowSize(wire.StreamWindow), grpc.InitialConnWindowSize(wire.ConnWindow),
		grpc.ReadBufferSize(128 << 10), grpc.WriteBufferSize(128 << 10),
		experimental.BufferPool(wire.Pool()),
	}
}

// Register adds a plugin's services to a gRPC server, for tests that serve it in
// their own process.
func Register(s grpc.ServiceRegistrar, p Plugin) error {
	return register(s, &describeService{plugin: &p})
}

func register(s grpc.ServiceRegistrar, d *describeService) error {
	p := d.plugin
	if err := p.check(); err != nil {
		return err
	}
	connectv1.RegisterPluginServer(s, d)
	connectv1.RegisterConnectorServer(s, &connectorService{plugin: p})
	connectv1.RegisterSourceTaskServer(s, &sourceService{plugin: p})
	connectv1.RegisterSinkTaskServer(s, &sinkService{plugin: p})
	return nil
}

// served is the plugin as go-plugin takes it.
type served struct {
	plugin.NetRPCUnsupportedPlugin
	p      Plugin
	stderr *os.File
}

// GRPCServer registers the services.
func (s *served) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	return register(g, &describeService{plugin: &s.p, stderr: s.stderr})
}

// GRPCClient is for hosts, which use package client instead.
func (s *served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, fmt.Errorf("sdk: a plugin is not a host")
}

// logger returns the log of the process: JSON lines on standard error, which
// the host reads.
func logger() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: os.Stderr, JSONFormat: true, Mutex: &stderr})
}

func taskLogger(connector string, task uint32) hclog.Logger {
	return logger().With("connector", connector, "task", task)
}
