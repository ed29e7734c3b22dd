package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/proto/wire"
)

const (
	defaultStartTimeout = 10 * time.Second
	defaultStopTimeout  = 5 * time.Second
	endPatience         = 5 * time.Second
	bufferSize          = 128 << 10

	// shutdownMethod is go-plugin's own request to end. Its generated client is internal to go-plugin, and its Client.Kill waits two
	// seconds, no more and no less, before it uses force.
	shutdownMethod = "/plugin.GRPCController/Shutdown"
)

// ErrChanged is what Launch fails with when the binary is not the one that was discovered.
var ErrChanged = errors.New("the binary has changed since it was discovered")

// Settings say what to launch.
type Settings struct {
	// Path is the binary, absolute.
	Path string
	// Checksum is the SHA-256 recorded when the binary was discovered. Launch refuses a binary that differs (Invariant 6). Nil checks
	// nothing and is for tests.
	Checksum []byte
	// Dir is where the private directory of the process is made, mode 0700, removed when the process has ended. It is created if need be.
	// The private directory holds the socket, whose path has some hundred bytes at most. Empty or too long: os.TempDir, or /tmp when that is
	// too long as well.
	Dir string
	// Env are variables, KEY=value, in addition to the few a plugin gets in any case: PATH, HOME, TMPDIR, LANG, LC_*, TZ, SSL_CERT_FILE,
	// SSL_CERT_DIR and OUTBOARD_PLUGIN_* (the operator's settings for plugins) of the host. Nothing else of the host's environment reaches a plugin.
	Env []string
	// MemoryLimit in bytes becomes the target of Go's garbage collector in the plugin (GOMEMLIMIT, 90 %). On Linux a process that uses
	// more is killed, which is looked after four times a second; its children are not counted. 0: no limit.
	MemoryLimit int64
	// HostVersion is what the plugin is told in Describe.
	HostVersion string
	// Logger receives what the plugin logs; name it after the plugin or the connector. Nil: discarded.
	Logger hclog.Logger
	// Stdout receives what the plugin prints after the handshake. A slow writer slows down the plugin's printing. Nil: discarded.
	Stdout io.Writer
	// StartTimeout bounds Launch. 0: 10 s.
	StartTimeout time.Duration
}

// Process is a running plugin process. All methods are safe for concurrent use.
type Process struct {
	settings Settings
	runner   *processRunner
	conn     *grpc.ClientConn
	stopping sync.Once
	cleared  chan struct{} // closed when connection and directory are gone, too
}

// Launch starts a plugin and returns when it answers. It fails with an error that names the binary and the fix, and leaves nothing behind then:
// no process, no directory. A cancelled context kills what was started; it has no effect after Launch has returned.
//
// Errors wrap [ErrChanged] when the checksum is not the expected one, and the operating system's when the binary could not be executed.
func Launch(ctx context.Context, s Settings) (*Process, error) {
	if !filepath.IsAbs(s.Path) {
		return nil, fmt.Errorf("plugin %q: the path must be absolute", s.Path)
	}
	if s.Logger == nil {
		s.Logger = hclog.NewNullLogger()
	}
	if s.Stdout == nil {
		s.Stdout = io.Discard
	}
	s.Stdout = &serialized{to: s.Stdout}
	if s.StartTimeout == 0 {
		s.StartTimeout = defaultStartTimeout
	}
	s.Dir = socketParent(s.Dir)
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("plugin %s cannot be started, there is no directory for its socket: %w", s.Path, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.StartTimeout, errStartTimeout)
	defer cancel()

	p := &Process{settings: s, cleared: make(chan struct{})}
	logs := newStderr(s.Logger)
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake,
		VersionedPlugins: map[int]goplugin.PluginSet{int(sdk.Handshake.ProtocolVersion): {}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		SkipHostEnv:      true,
		StartTimeout:     s.StartTimeout,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: s.Dir},
		Logger:           goPluginLogger(s.Logger),
		SyncStdout:       s.Stdout,
		SyncStderr:       &lineWriter{to: logs},
		GRPCDialOptions:  dialOptions(),
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
			r, err := start(ctx, s, cmd.Env, dir, logs)
			if err != nil {
				return nil, err
			}
			p.runner = r
			return r, nil
		},
	})
	_, err := client.Start()
	if p.runner == nil {
		return nil, fmt.Errorf("plugin %s %w", s.Path, err)
	}
	go p.clear(client)
	if err == nil {
		err = p.connect(ctx, client)
	}
	if err != nil {
		p.awaitEnd(err)
		p.Kill()
		<-p.cleared
		return nil, p.startError(ctx, err)
	}
	s.Logger.Debug("plugin process started", "plugin", s.Path, "pid", p.PID())
	return p, nil
}

var errStartTimeout = errors.New("the start timeout")

// connect opens the connection and waits until the plugin serves.
func (p *Process) connect(ctx context.Context, client *goplugin.Client) error {
	// go-plugin connects without a deadline; the end of the process breaks that off.
	defer context.AfterFunc(ctx, p.runner.kill)()
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	g, ok := protocol.(*goplugin.GRPCClient)
	if !ok {
		return fmt.Errorf("it does not speak gRPC but %T", protocol)
	}
	p.conn = g.Conn
	health, err := grpc_health_v1.NewHealthClient(p.conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
	if err != nil {
		return fmt.Errorf("its health service does not answer for the service %q: %w", goplugin.GRPCServiceName, err)
	}
	if health.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("its health service says %s for the service %q, it must say SERVING", health.GetStatus(), goplugin.GRPCServiceName)
	}
	return nil
}

// startError explains why a process that was started, and is gone by now, did not get as far as to serve.
func (p *Process) startError(ctx context.Context, err error) error {
	switch exit := p.runner.exit; {
	case context.Cause(ctx) == errStartTimeout:
		return fmt.Errorf("plugin %s printed its handshake but did not answer within %s: %w", p.settings.Path, p.settings.StartTimeout, err)
	case ctx.Err() != nil:
		return fmt.Errorf("plugin %s: the start was cancelled: %w", p.settings.Path, context.Cause(ctx))
	case !exit.ByHost:
		return errors.New(exit.describe(fmt.Sprintf("plugin %s %s right after the handshake", p.settings.Path, exit)))
	default:
		return fmt.Errorf("plugin %s printed its handshake but cannot be used: %w", p.settings.Path, err)
	}
}

// clear gives back what is left when the process has ended.
func (p *Process) clear(client *goplugin.Client) {
	<-p.runner.exited
	p.settings.Logger.Debug("plugin process ended", "plugin", p.settings.Path, "pid", p.PID(), "state", p.runner.exit.String())
	client.Kill() // closes the connection; there is no process left to kill
	if err := errors.Join(os.RemoveAll(p.runner.dir), p.runner.lock.Close()); err != nil {
		p.settings.Logger.Warn("cannot remove the directory of a plugin process; remove it by hand", "plugin", p.settings.Path, "err", err)
	}
	close(p.cleared)
}

// Conn is the connection to the process. Its calls fail when the process has ended. Do not close it.
func (p *Process) Conn() *grpc.ClientConn { return p.conn }

// PID is the process id; it belongs to somebody else once the process has ended.
func (p *Process) PID() int { return p.runner.pid }

// Path is the binary.
func (p *Process) Path() string { return p.settings.Path }

// Exited is closed when the process has ended, milliseconds after the fact, whatever its children do.
func (p *Process) Exited() <-chan struct{} { return p.runner.exited }

// Exit tells how the process ended. It waits until it has.
func (p *Process) Exit() ExitState {
	<-p.runner.exited
	return p.runner.exit
}

// Kill kills the process and all that it started in its process group, and returns without waiting for the end.
func (p *Process) Kill() { p.runner.kill() }

// Stop asks the process to end and kills it, with all that it started in its process group, when the context is done; a context without a
// deadline gives it 5 s. It returns when the process is gone, with its directory. Calling it again, also while another call waits, is
// allowed: the earliest deadline counts.
func (p *Process) Stop(ctx context.Context) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultStopTimeout)
		defer cancel()
	}
	p.stopping.Do(func() { go p.askToEnd(ctx) })
	select {
	case <-p.runner.exited:
	case <-ctx.Done():
		p.runner.kill()
	}
	<-p.cleared
}

// askToEnd makes go-plugin's request, and sends SIGTERM to a plugin that does not know it.
func (p *Process) askToEnd(ctx context.Context) {
	p.runner.expectEnd()
	err := p.conn.Invoke(ctx, shutdownMethod, &emptypb.Empty{}, &emptypb.Empty{})
	// A server that stops usually breaks the connection before the answer is out.
	if status.Code(err) == codes.Unimplemented {
		p.runner.terminate()
	}
}

// lost explains a call that failed because the process or the connection is gone: a gRPC status never is an author's error.
func (p *Process) lost(call string, err error) error {
	p.awaitEnd(err)
	select {
	case <-p.runner.exited:
		exit := p.runner.exit
		return errors.New(exit.describe(fmt.Sprintf("plugin %s (pid %d) %s during %s", p.settings.Path, p.PID(), exit, call)))
	default:
		return fmt.Errorf("plugin %s (pid %d) failed in %s: %w", p.settings.Path, p.PID(), call, err)
	}
}

// awaitEnd gives a process whose connection broke the time that it takes to end, and to learn of it, on a machine that is busy: how it ended
// is the better explanation. Only a plugin that closes its connection and lives on takes that long.
func (p *Process) awaitEnd(err error) {
	if status.Code(err) != codes.Unavailable {
		return
	}
	select {
	case <-p.runner.exited:
	case <-time.After(endPatience):
	}
}

// dialOptions sets up the host's side of the connection; package sdk does the same for the plugin's.
func dialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithInitialWindowSize(wire.StreamWindow),
		grpc.WithInitialConnWindowSize(wire.ConnWindow),
		grpc.WithReadBufferSize(bufferSize),
		grpc.WithWriteBufferSize(bufferSize),
		experimental.WithBufferPool(wire.Pool()),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodecV2(wire.Codec()),
			grpc.MaxCallRecvMsgSize(wire.MaxMessage),
			grpc.MaxCallSendMsgSize(wire.MaxMessage),
		),
	}
}

// goPluginLogger passes on go-plugin's warnings; what it says of starts and ends is said better here.
func goPluginLogger(to hclog.Logger) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{
		Name:        "go-plugin",
		Level:       hclog.Warn,
		DisableTime: true,
		Output:      to.StandardWriter(&hclog.StandardLoggerOptions{InferLevels: true}),
	})
}

// serialized lets two streams write to one writer.
type serialized struct {
	mu sync.Mutex
	to io.Writer
}

func (s *serialized) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(b)
}
