// The plugin hostile misbehaves as its configuration says, to test the host.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

func main() {
	if strings.HasPrefix(os.Args[0], "/") && strings.HasSuffix(os.Args[0], "garbage") {
		fmt.Println("this is no handshake")
		time.Sleep(time.Minute)
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: sdk.Handshake,
		Plugins:         plugin.PluginSet{sdk.ServiceName: &served{}},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, sdk.ServerOptions()...)...)
		},
	})
}

var definition = config.Definition{{Name: "mode", Type: config.TypeString, Doc: "What to do."}}

// served registers the SDK's services, but for the source tasks of "Raw".
type served struct{ plugin.NetRPCUnsupportedPlugin }

func (*served) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	return sdk.Register(&registrar{s}, sdk.Plugin{
		Name: "hostile", Version: "6.6.6",
		Sources: []sdk.Source{{
			Description: sdk.Description{Class: "HostileSource", Config: definition},
			Connector:   func() sdk.Connector { return &connector{} },
			Task:        func() sdk.SourceTask { return &source{} },
		}},
		Sinks: []sdk.Sink{{
			Description: sdk.Description{Class: "HostileSink", Config: definition},
			Task:        func() sdk.SinkTask { return &sink{} },
		}},
	})
}

func (*served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("not a host")
}

// registrar puts raw in front of the SDK's source service.
type registrar struct{ *grpc.Server }

func (r *registrar) RegisterService(d *grpc.ServiceDesc, impl any) {
	if d.ServiceName == connectv1.SourceTask_ServiceDesc.ServiceName {
		impl = &raw{next: impl.(connectv1.SourceTaskServer)}
	}
	r.Server.RegisterService(d, impl)
}

// raw speaks the protocol badly where the mode begins with "raw".
type raw struct {
	connectv1.UnimplementedSourceTaskServer
	next connectv1.SourceTaskServer
}

// replay gives the first message back to the SDK.
type replay struct {
	connectv1.SourceTask_RunServer
	first *connectv1.HostToSource
}

func (s *replay) Recv() (*connectv1.HostToSource, error) {
	if m := s.first; m != nil {
		s.first = nil
		return m, nil
	}
	return s.SourceTask_RunServer.Recv()
}

func (r *raw) Run(stream connectv1.SourceTask_RunServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	mode := first.GetStart().GetConfig()["mode"]
	if !strings.HasPrefix(mode, "raw ") {
		return r.next.Run(&replay{stream, first})
	}
	started := &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Started{Started: &connectv1.Started{}}}
	batch := &connectv1.RecordBatch{Seq: 1, Count: 2, Topics: []string{"t"}, ValueType: []uint32{1}, ValueLength: []uint32{4}, Values: []byte("abcdef")}
	switch mode {
	case "raw lengths":
		batch.ValueLength = []uint32{400, 4}
	case "raw offset":
		batch.ValueLength = []uint32{4, 4}
		batch.SourcePartitions, batch.SourcePartition = [][]byte{[]byte(`{"p":1}`)}, []uint32{1}
		batch.SourceOffsetLength, batch.SourceOffsets = []uint32{0, 5}, []byte("oops")
	case "raw sequence":
		batch.Seq = 7
	case "raw record of 100 MB":
		batch.Count, batch.Values = 1, make([]byte, 100<<20)
		batch.ValueLength = []uint32{100<<20 + 1}
	case "raw before started":
		started = &connectv1.SourceToHost{Message: &connectv1.SourceToHost_Drained{Drained: &connectv1.Drained{}}}
	case "raw end":
		return nil
	}
	if err := stream.Send(started); err != nil {
		return err
	}
	if err := stream.Send(&connectv1.SourceToHost{Message: &connectv1.SourceToHost_Batch{Batch: batch}}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

// misbehave does what the mode says of a method.
func misbehave(mode, method string) error {
	switch mode {
	case "hang in " + method:
		select {}
	case "panic in " + method:
		panic("on purpose")
	case "exit in " + method:
		fmt.Fprintln(os.NewFile(2, "stderr"), "going down")
		os.Exit(3)
	case "fail in " + method:
		return errors.New("it failed")
	case "fail for good in " + method:
		return sdk.Fatal(errors.New("it failed for good"))
	}
	return nil
}

type connector struct{ config map[string]string }

func (c *connector) Start(_ context.Context, cc *sdk.ConnectorContext) error {
	c.config = cc.Config
	return misbehave(cc.Config["mode"], "Connector.Start")
}

func (c *connector) TaskConfigs(context.Context, int) ([]map[string]string, error) {
	return []map[string]string{c.config}, misbehave(c.config["mode"], "Connector.TaskConfigs")
}

func (c *connector) Stop(context.Context) error { return misbehave(c.config["mode"], "Connector.Stop") }

type source struct {
	mode string
	p    sdk.Partition
	n    int64
}

func (s *source) Start(ctx context.Context, tc *sdk.SourceContext) error {
	s.mode, s.p = tc.Config["mode"], sdk.NewPartition("p", 1)
	o, err := tc.Offset(ctx, s.p)
	if err != nil {
		return err
	}
	s.n, _ = o.Int64("n")
	return misbehave(s.mode, "SourceTask.Start")
}

func (s *source) Poll(ctx context.Context, b *sdk.SourceBatch) error {
	if s.n > 0 {
		if err := misbehave(s.mode, "SourceTask.Poll"); err != nil {
			return err
		}
	}
	s.n++
	b.Add("hostile").ValueString(fmt.Sprint(s.n)).OffsetInt64(s.p, "n", s.n)
	select {
	case <-ctx.Done():
	case <-time.After(time.Millisecond):
	}
	return nil
}

func (s *source) Stop(context.Context) error { return misbehave(s.mode, "SourceTask.Stop") }

type sink struct{ mode string }

func (s *sink) Start(_ context.Context, tc *sdk.SinkContext) error {
	s.mode = tc.Config["mode"]
	return misbehave(s.mode, "SinkTask.Start")
}

func (s *sink) Put(_ context.Context, b *sdk.SinkBatch) error {
	if b.Len() > 0 {
		return misbehave(s.mode, "SinkTask.Put")
	}
	return nil
}

func (s *sink) Flush(context.Context) error { return misbehave(s.mode, "SinkTask.Flush") }

func (s *sink) Open(context.Context, []sdk.PartitionOffset) ([]sdk.PartitionOffset, error) {
	return nil, misbehave(s.mode, "SinkTask.Open")
}

func (s *sink) Stop(context.Context) error { return misbehave(s.mode, "SinkTask.Stop") }
