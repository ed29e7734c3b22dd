package sdk_test

import (
	"context"
	"io"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
	"github.com/outboard-connect/outboard/proto/wire"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

// inBubble serves a plugin in memory and lets play be its host, with time that
// passes only while everybody waits. synctest.Wait then means that the plugin
// has done all that it will do for now.
func inBubble(t *testing.T, p sdk.Plugin, play func(t *testing.T, conn *grpc.ClientConn)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		server := grpc.NewServer(append(sdk.ServerOptions(), grpc.WaitForHandlers(true))...)
		if err := sdk.Register(server, p); err != nil {
			t.Fatal(err)
		}
		listener := bufconn.Listen(1 << 20)
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		conn, err := grpc.NewClient("passthrough:///plugin",
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }),
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithInitialWindowSize(wire.StreamWindow), grpc.WithInitialConnWindowSize(wire.ConnWindow),
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

// heartbeats is how many of them a test listens to, two seconds each, while it
// waits for something else.
const heartbeats = 300

// receive returns the next message that is no heartbeat, and false at the end of
// the stream, which must be an orderly one.
func receive[M interface {
	GetHeartbeat() *connectv1.Heartbeat
}](t *testing.T, recv func() (M, error)) (m M, ok bool) {
	t.Helper()
	for range heartbeats {
		m, err := recv()
		if err == io.EOF {
			return m, false
		}
		if err != nil {
			t.Fatalf("the stream broke: %v", err)
		}
		if m.GetHeartbeat() == nil {
			return m, true
		}
	}
	t.Fatal("nothing came but heartbeats")
	return m, false
}
