package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// connector divides its work as it likes.
type connector struct {
	cc          *sdk.ConnectorContext
	taskConfigs func(ctx context.Context, most int) ([]map[string]string, error)
	start, stop error
	altered     []string
	refuse      error // a change of offsets
}

func (c *connector) Start(_ context.Context, cc *sdk.ConnectorContext) error {
	c.cc = cc
	return c.start
}
func (c *connector) TaskConfigs(ctx context.Context, most int) ([]map[string]string, error) {
	return c.taskConfigs(ctx, most)
}
func (c *connector) Stop(context.Context) error { return c.stop }
func (c *connector) Validate(ctx context.Context, cfg map[string]string) ([]config.Value, error) {
	if cfg["url"] == "slow" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []config.Value{{Name: "url", Errors: []string{"nobody answers"}}}, c.start
}

func (c *connector) AlterSourceOffsets(_ context.Context, offsets []sdk.SourceOffset) (bool, error) {
	for _, o := range offsets {
		c.altered = append(c.altered, fmt.Sprintf("%s to %s", o.Partition, o.Offset))
	}
	return c.cc.Config["url"] == "own", c.refuse
}

func (c *connector) AlterSinkOffsets(_ context.Context, offsets []sdk.PartitionOffset) (bool, error) {
	c.altered = append(c.altered, fmt.Sprint(offsets))
	return false, c.refuse
}

func connectorPlugin(t *testing.T, c *connector) func(*grpc.Server) {
	return plugin(t, sdk.Plugin{Name: "test", Version: "1", Sources: []sdk.Source{{
		Description: sdk.Description{Class: "Source", Config: config.Definition{{Name: "url", Type: config.TypeString}}},
		Connector:   func() sdk.Connector { return c }, Task: func() sdk.SourceTask { return &source{} }}}})
}

func deafEars(t *testing.T) client.ConnectorEvents {
	return client.ConnectorEvents{
		Reconfigure: func() { t.Error("Reconfigure was called") },
		Failed:      func(e *client.AuthorError) { t.Errorf("Failed was called: %v", e) },
		ReadOffsets: func([][]byte) ([][]byte, error) { t.Error("ReadOffsets was called"); return nil, nil },
	}
}

func TestConnector(t *testing.T) {
	c := &connector{stop: errors.New("slow goodbye")}
	c.taskConfigs = func(_ context.Context, most int) ([]map[string]string, error) {
		if most == 0 {
			return nil, sdk.Fatal(errors.New("nothing to do"))
		}
		return []map[string]string{{"n": "1"}, nil}, nil
	}
	inBubble(t, connectorPlugin(t, c), func(t *testing.T, conn *grpc.ClientConn) {
		reconfigured, failed := make(chan struct{}, 1), make(chan *client.AuthorError, 1)
		running, err := client.StartConnector(t.Context(), conn, "c", "Source", map[string]string{"url": "x"}, client.ConnectorEvents{
			Reconfigure: func() { reconfigured <- struct{}{} },
			Failed:      func(e *client.AuthorError) { failed <- e },
			ReadOffsets: func(p [][]byte) ([][]byte, error) { return [][]byte{[]byte(`{"n":3}`)}, nil },
		}, client.Limits{})
		if err != nil || c.cc.Config["url"] != "x" {
			t.Fatal(err)
		}
		configs, err := running.TaskConfigs(t.Context(), 2)
		if err != nil || len(configs) != 2 || configs[0]["n"] != "1" || configs[1] == nil {
			t.Errorf("got %v, %v", configs, err)
		}
		var author *client.AuthorError
		if _, err := running.TaskConfigs(t.Context(), 0); !errors.As(err, &author) || !author.Fatal || author.Method != "Connector.TaskConfigs" {
			t.Errorf("got %v", err)
		}
		c.cc.RequestReconfiguration()
		<-reconfigured
		c.cc.Fail(errors.New("the system is gone"))
		if e := <-failed; e.Message != "the system is gone" {
			t.Errorf("got %v", e)
		}
		offsets, err := c.cc.Offsets(t.Context(), place)
		if err != nil || string(offsets[0]) != `{"n":3}` {
			t.Errorf("got %s, %v", offsets, err)
		}
		if err := running.Stop(t.Context(), time.Minute); !errors.As(err, &author) || author.Message != "slow goodbye" {
			t.Errorf("Stop: %v", err)
		}
		<-running.Done()
		if running.Err() != io.EOF && status.Code(running.Err()) != codes.Canceled {
			t.Errorf("Err: %v", running.Err())
		}
		if _, err := running.TaskConfigs(t.Context(), 1); err == nil {
			t.Error("TaskConfigs after the end")
		}
	})
}

func TestConnectorAltersOffsets(t *testing.T) {
	c := &connector{}
	inBubble(t, connectorPlugin(t, c), func(t *testing.T, conn *grpc.ClientConn) {
		running, err := client.StartConnector(t.Context(), conn, "c", "Source", map[string]string{"url": "own"}, deafEars(t), client.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		handled, err := running.AlterSourceOffsets(t.Context(), []*connectv1.SourceOffset{
			{Partition: []byte(`{"p":1}`), Offset: []byte(`{"n":1}`)}, {Partition: []byte(`{"p":2}`)}})
		if err != nil || !handled {
			t.Errorf("got %t, %v", handled, err)
		}
		handled, err = running.AlterSinkOffsets(t.Context(), []*connectv1.PartitionOffset{{Topic: "t", Partition: 3, Offset: -1}})
		if err != nil || handled {
			t.Errorf("got %t, %v", handled, err)
		}
		c.refuse = errors.New("no such place")
		var author *client.AuthorError
		if _, err := running.AlterSourceOffsets(t.Context(), nil); !errors.As(err, &author) || author.Message != "no such place" || author.Method != "Connector.AlterOffsets" {
			t.Errorf("got %v", err)
		}
		if want := []string{`{"p":1} to {"n":1}`, `{"p":2} to `, "[{t 3 -1}]"}; !slices.Equal(c.altered, want) {
			t.Errorf("the connector was told of %q, want %q", c.altered, want)
		}
		if err := running.Stop(t.Context(), time.Minute); err != nil {
			t.Errorf("Stop: %v", err)
		}
	})
}

func TestConnectorStartFails(t *testing.T) {
	inBubble(t, connectorPlugin(t, &connector{start: errors.New("no")}), func(t *testing.T, conn *grpc.ClientConn) {
		_, err := client.StartConnector(t.Context(), conn, "c", "Source", nil, deafEars(t), client.Limits{})
		var author *client.AuthorError
		if !errors.As(err, &author) || author.Message != "no" || author.Method != "Connector.Start" {
			t.Errorf("got %v", err)
		}
	})
}

// connectorAnswers serves what answer makes of each message; nil ends the stream.
func connectorAnswers(answer func(*connectv1.HostToConnector) []*connectv1.ConnectorToHost) func(*grpc.Server) {
	return func(s *grpc.Server) {
		connectv1.RegisterConnectorServer(s, connectorScript{run: func(stream connectv1.Connector_RunServer) error {
			for {
				m, err := stream.Recv()
				if err != nil {
					return err
				}
				answers := answer(m)
				for _, a := range answers {
					if err := stream.Send(a); err != nil {
						return err
					}
				}
				if m.GetStop() != nil {
					return nil
				}
			}
		}})
	}
}

func connectorStarted() *connectv1.ConnectorToHost {
	return &connectv1.ConnectorToHost{Message: &connectv1.ConnectorToHost_Started{Started: &connectv1.Started{}}}
}

func taskConfigs(id uint64) *connectv1.ConnectorToHost {
	return &connectv1.ConnectorToHost{Message: &connectv1.ConnectorToHost_TaskConfigs{TaskConfigs: &connectv1.TaskConfigs{
		Id: id, Configs: []*connectv1.TaskConfig{{}}}}}
}

// The last answer and the end of the stream come together: the answer counts.
func TestLastAnswerIsNotLost(t *testing.T) {
	script := connectorAnswers(func(m *connectv1.HostToConnector) []*connectv1.ConnectorToHost {
		if m.GetStart() != nil {
			return []*connectv1.ConnectorToHost{connectorStarted()}
		}
		return []*connectv1.ConnectorToHost{{Message: &connectv1.ConnectorToHost_Stopped{Stopped: &connectv1.Stopped{}}}}
	})
	inBubble(t, script, func(t *testing.T, conn *grpc.ClientConn) {
		for range 200 {
			c, err := client.StartConnector(t.Context(), conn, "c", "Source", nil, deafEars(t), client.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Stop(t.Context(), time.Second); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestConnectorsThatBreakTheProtocol(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(*connectv1.HostToConnector) []*connectv1.ConnectorToHost
		want   string
	}{
		"started twice": {func(m *connectv1.HostToConnector) []*connectv1.ConnectorToHost {
			return []*connectv1.ConnectorToHost{connectorStarted(), connectorStarted()}
		}, "ConnectorToHost_Started came, which nobody asked for"},
		"another answer": {func(m *connectv1.HostToConnector) []*connectv1.ConnectorToHost {
			if m.GetStart() != nil {
				return []*connectv1.ConnectorToHost{connectorStarted()}
			}
			return []*connectv1.ConnectorToHost{{Message: &connectv1.ConnectorToHost_OffsetsAltered{OffsetsAltered: &connectv1.OffsetsAltered{Id: 1}}}}
		}, "ConnectorToHost_OffsetsAltered came, which nobody asked for"},
		"another id": {func(m *connectv1.HostToConnector) []*connectv1.ConnectorToHost {
			if m.GetStart() != nil {
				return []*connectv1.ConnectorToHost{connectorStarted()}
			}
			return []*connectv1.ConnectorToHost{taskConfigs(m.GetTaskConfigs().GetId() + 1)}
		}, "ConnectorToHost_TaskConfigs came, which nobody asked for"},
		"answered twice": {func(m *connectv1.HostToConnector) []*connectv1.ConnectorToHost {
			if m.GetStart() != nil {
				return []*connectv1.ConnectorToHost{connectorStarted()}
			}
			id := m.GetTaskConfigs().GetId()
			return []*connectv1.ConnectorToHost{taskConfigs(id), taskConfigs(id)}
		}, "ConnectorToHost_TaskConfigs came, which nobody asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, connectorAnswers(c.answer), func(t *testing.T, conn *grpc.ClientConn) {
				running, err := client.StartConnector(t.Context(), conn, "c", "Source", nil, deafEars(t), client.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				for err == nil {
					_, err = running.TaskConfigs(t.Context(), 1)
				}
				<-running.Done()
				expectProtocolError(t, running.Err(), c.want)
				_, err = running.TaskConfigs(t.Context(), 1)
				expectProtocolError(t, err, c.want)
			})
		})
	}
}

// Who loses patience ends the stream: a late answer must not be taken for the next one.
func TestConnectorCallCancelled(t *testing.T) {
	c := &connector{taskConfigs: func(ctx context.Context, most int) ([]map[string]string, error) {
		<-ctx.Done()
		return []map[string]string{{}}, nil
	}}
	inBubble(t, connectorPlugin(t, c), func(t *testing.T, conn *grpc.ClientConn) {
		running, err := client.StartConnector(t.Context(), conn, "c", "Source", nil, deafEars(t), client.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		enough := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		asked := make(chan error, 1)
		go func() {
			_, err := running.TaskConfigs(ctx, 1)
			asked <- err
		}()
		synctest.Wait()
		cancel(enough)
		if err := <-asked; err != enough {
			t.Errorf("got %v", err)
		}
		if _, err := running.TaskConfigs(t.Context(), 1); err != enough {
			t.Errorf("the next call: %v", err)
		}
	})
}

func TestConnectorStalls(t *testing.T) {
	c := &connector{taskConfigs: func(context.Context, int) ([]map[string]string, error) { time.Sleep(time.Hour); return nil, nil }}
	inBubble(t, connectorPlugin(t, c), func(t *testing.T, conn *grpc.ClientConn) {
		running, err := client.StartConnector(t.Context(), conn, "c", "Source", nil, deafEars(t), client.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // idle is not stalled
		_, err = running.TaskConfigs(t.Context(), 1)
		expectStall(t, err, "Connector.TaskConfigs", time.Minute)
		time.Sleep(time.Hour)
	})
}

func TestClientValidate(t *testing.T) {
	for name, c := range map[string]struct {
		config map[string]string
		start  error
		want   func([]config.Value, error) bool
	}{
		"finds": {nil, nil, func(v []config.Value, err error) bool {
			return err == nil && len(v) == 1 && fmt.Sprint(v[0].Errors) == "[nobody answers]"
		}},
		"fails": {nil, errors.New("no network"), func(_ []config.Value, err error) bool {
			var author *client.AuthorError
			return errors.As(err, &author) && author.Message == "no network" && author.Method == "Connector.Validate"
		}},
		"hangs": {map[string]string{"url": "slow"}, nil, func(_ []config.Value, err error) bool {
			var stall *client.StallError
			return errors.As(err, &stall) && stall.Method == "Connector.Validate" && stall.For == time.Minute
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, connectorPlugin(t, &connector{start: c.start}), func(t *testing.T, conn *grpc.ClientConn) {
				if v, err := client.Validate(t.Context(), conn, "Source", c.config, client.Limits{}); !c.want(v, err) {
					t.Errorf("got %v, %v", v, err)
				}
			})
		})
	}
}

// The plugin's clock may be a little faster than the host's.
func TestValidateTimesOutInThePlugin(t *testing.T) {
	script := func(s *grpc.Server) {
		connectv1.RegisterConnectorServer(s, connectorScript{validate: func(context.Context) (*connectv1.ValidateResponse, error) {
			time.Sleep(time.Minute - time.Millisecond)
			return nil, status.Error(codes.DeadlineExceeded, "context deadline exceeded")
		}})
	}
	inBubble(t, script, func(t *testing.T, conn *grpc.ClientConn) {
		_, err := client.Validate(t.Context(), conn, "Source", nil, client.Limits{})
		expectStall(t, err, "Connector.Validate", time.Minute)
		_, err = client.Validate(t.Context(), conn, "Source", nil, client.Limits{Call: time.Second})
		expectStall(t, err, "Connector.Validate", time.Second)
	})
	if !strings.Contains((&client.StallError{Method: "Connector.Validate", For: time.Minute}).Error(), "Connector.Validate has not returned for 1m0s") {
		t.Error("the error does not say what hangs for how long")
	}
}
