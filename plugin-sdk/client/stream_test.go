package client_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/test/bufconn"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

// inBubble serves a plugin in memory and plays the host with time that passes
// only while everybody waits.
func inBubble(t *testing.T, register func(*grpc.Server), play func(t *testing.T, conn *grpc.ClientConn)) {
	t.Helper()
	serveInBubble(t, nil, register, play)
}

// serveInBubble is inBubble with options for the plugin's server.
func serveInBubble(t *testing.T, options []grpc.ServerOption, register func(*grpc.Server), play func(t *testing.T, conn *grpc.ClientConn)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		server := grpc.NewServer(slices.Concat(sdk.ServerOptions(), []grpc.ServerOption{grpc.WaitForHandlers(true)}, options)...)
		register(server)
		listener := bufconn.Listen(1 << 20)
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		conn, err := grpc.NewClient("passthrough:///plugin",
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithInitialWindowSize(wire.StreamWindow), grpc.WithInitialConnWindowSize(wire.ConnWindow),
			experimental.WithBufferPool(wire.Pool()),
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(wire.Codec()),
				grpc.MaxCallRecvMsgSize(wire.MaxMessage), grpc.MaxCallSendMsgSize(wire.MaxMessage)))
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
		play(t, conn)
	})
}

// plugin registers one of the SDK's.
func plugin(t *testing.T, p sdk.Plugin) func(*grpc.Server) {
	return func(s *grpc.Server) {
		if err := sdk.Register(s, p); err != nil {
			t.Fatal(err)
		}
	}
}

// script is a plugin written for a test: it sends and receives what it likes.
type script struct {
	connectv1.UnimplementedSourceTaskServer
	source func(connectv1.SourceTask_RunServer) error
}

func (s script) Run(stream connectv1.SourceTask_RunServer) error { return s.source(stream) }

type sinkScript struct {
	connectv1.UnimplementedSinkTaskServer
	sink func(connectv1.SinkTask_RunServer) error
}

func (s sinkScript) Run(stream connectv1.SinkTask_RunServer) error { return s.sink(stream) }

type connectorScript struct {
	connectv1.UnimplementedConnectorServer
	run      func(connectv1.Connector_RunServer) error
	validate func(context.Context) (*connectv1.ValidateResponse, error)
}

func (s connectorScript) Run(stream connectv1.Connector_RunServer) error { return s.run(stream) }

func (s connectorScript) Validate(ctx context.Context, _ *connectv1.ValidateRequest) (*connectv1.ValidateResponse, error) {
	return s.validate(ctx)
}

// expectProtocolError checks that err is a ProtocolError for the reason.
func expectProtocolError(t *testing.T, err error, reason string) {
	t.Helper()
	var violation *client.ProtocolError
	if !errors.As(err, &violation) || !strings.Contains(violation.Reason, reason) {
		t.Errorf("got %v, want a ProtocolError that %s", err, reason)
	}
}

// expectStall checks that err is a StallError of a method.
func expectStall(t *testing.T, err error, method string, atLeast time.Duration) {
	t.Helper()
	var stall *client.StallError
	if !errors.As(err, &stall) || stall.Method != method || stall.For < atLeast || stall.For > atLeast+3*time.Second {
		t.Errorf("got %v, want a StallError of %q after %s", err, method, atLeast)
	}
}

func TestAuthorErrorOf(t *testing.T) {
	for name, c := range map[string]struct {
		in   *connectv1.Error
		want client.AuthorError
	}{
		"empty": {&connectv1.Error{}, client.AuthorError{Method: "SinkTask.Put", Message: "no message"}},
		"retriable": {&connectv1.Error{Message: "busy", Class: connectv1.ErrorClass_ERROR_CLASS_RETRIABLE, RetryAfterMs: 1500, Method: "SinkTask.Open"},
			client.AuthorError{Method: "SinkTask.Open", Message: "busy", Retriable: true, RetryAfter: 1500 * time.Millisecond}},
		"fatal": {&connectv1.Error{Message: "no", Class: connectv1.ErrorClass_ERROR_CLASS_FATAL}, client.AuthorError{Method: "SinkTask.Put", Message: "no", Fatal: true}},
		"hostile": {&connectv1.Error{Message: "a\nb\x1b[2Jc\x7f\xff", Detail: "x\n\ty\r\x00", RetryAfterMs: 1 << 63},
			client.AuthorError{Method: "SinkTask.Put", Message: "a b [2Jc \uFFFD", Detail: "x\n\ty  ", RetryAfter: time.Hour}},
		"endless": {&connectv1.Error{Message: strings.Repeat("a", 1<<20)}, client.AuthorError{Method: "SinkTask.Put", Message: strings.Repeat("a", 16<<10) + "…"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := client.AuthorErrorOf(c.in, "SinkTask.Put"); *got != c.want {
				t.Errorf("got %+v, want %+v", *got, c.want)
			}
		})
	}
	if got := client.AuthorErrorOf(nil, "x"); got != nil {
		t.Errorf("no error became %v", got)
	}
}
