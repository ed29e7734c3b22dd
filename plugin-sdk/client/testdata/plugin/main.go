// Command plugin is a plugin that behaves as the variable MODE says, mostly badly. It is written without the SDK.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

func main() {
	// Whoever listens on ALIVE sees the end of this process as the end of the connection.
	if address := os.Getenv("ALIVE"); address != "" {
		var err error
		if watcher, err = net.Dial("unix", address); err != nil {
			fail(err)
		}
		fmt.Fprintln(watcher, os.Getpid())
		go func() { _, _ = io.Copy(io.Discard, watcher) }()
	}
	before, ok := modes[os.Getenv("MODE")]
	if !ok {
		fail(fmt.Errorf("no mode %q", os.Getenv("MODE")))
	}
	if before != nil {
		before()
	}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: sdk.Handshake,
		Plugins:         goplugin.PluginSet{sdk.ServiceName: &service{}},
		GRPCServer:      goplugin.DefaultGRPCServer,
	})
	if os.Getenv("MODE") == "stubborn" {
		select {}
	}
}

// watcher is who listens on ALIVE.
var watcher net.Conn

// told receives the signal to misbehave, once the host has seen a good plugin.
var told = func() chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	return c
}()

// modes are what happens before Serve, if it ever comes to that.
var modes = map[string]func(){
	"":      nil,
	"sleep": func() { time.Sleep(time.Hour) },
	"silent": func() {
		fmt.Fprintln(os.Stderr, "looking for the meaning of life")
		time.Sleep(time.Hour)
	},
	"garbage": func() {
		fmt.Print("hello \x1b[31mworld\n")
		time.Sleep(time.Hour)
	},
	"flood": func() {
		for {
			if _, err := fmt.Print(strings.Repeat("a", 64<<10)); err != nil {
				os.Exit(1)
			}
		}
	},
	"closed": func() {
		os.Stdout.Close()
		fmt.Fprintln(watcher, "closed")
		time.Sleep(time.Hour)
	},
	"exit 3": func() {
		fmt.Fprint(os.Stderr, "reading settings\ncannot open \x1b[2Jthe store\n")
		os.Exit(3)
	},
	"exit 4 without a word": func() { os.Exit(4) },
	"version 7":             func() { handshake("1|7|unix|" + socket() + "|grpc|") },
	"core 9":                func() { handshake("9|1|unix|" + socket() + "|grpc|") },
	"netrpc":                func() { handshake("1|1|unix|" + socket() + "|netrpc|") },
	"tcp":                   func() { handshake("1|1|tcp|127.0.0.1:1|grpc|") },
	"socket elsewhere":      func() { handshake("1|1|unix|/tmp/elsewhere|grpc|") },
	"mute": func() { // accepts the connection and says nothing
		l, err := net.Listen("unix", socket())
		if err != nil {
			fail(err)
		}
		go func() {
			if _, err := l.Accept(); err != nil {
				fail(err)
			}
			fmt.Fprintln(watcher, "connected")
		}()
		handshake("1|1|unix|" + socket() + "|grpc|")
	},
	"exit 5 after the handshake": func() {
		fmt.Println("1|1|unix|" + socket() + "|grpc|")
		fmt.Fprintln(os.Stderr, "out of luck")
		os.Exit(5)
	},
	"panic": func() {
		go func() {
			<-told
			fmt.Fprintln(os.Stderr, "all is well")
			panic("the disk is full")
		}()
	},
	"killed": func() {
		go func() {
			<-told
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}()
	},
	"stubborn": func() { signal.Ignore(syscall.SIGTERM) },
	"exit 6 with the input": func() {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(6)
		}()
	},
	"child":          func() { child(nil) },
	"child and exit": func() { child(nil); exitSoon() },
	"child that left the group and exit": func() {
		child(&syscall.SysProcAttr{Setpgid: true})
		exitSoon()
	},
	"logs": func() {
		fmt.Fprintln(os.Stderr, `{"@level":"warn","@message":"slow \u001b[1mdisk","@timestamp":"2026-01-02T03:04:05.000000Z","ms":12,"path":"/a\nb"}`)
		fmt.Fprintln(os.Stderr, "plain \x07words")
	},
	"prints": func() {
		go func() { // Serve replaces the variables
			<-told
			fmt.Println("printed")
			fmt.Fprintln(os.Stderr, "printed as an error")
		}()
	},
	"eats memory": func() {
		go func() {
			<-told
			var all [][]byte
			for {
				block := make([]byte, 8<<20)
				for i := 0; i < len(block); i += 4096 {
					block[i] = 1
				}
				all = append(all, block)
				if len(all) > 24 {
					select {}
				}
			}
		}()
	},
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func exitSoon() {
	go func() {
		<-told
		os.Exit(8)
	}()
}

func socket() string { return filepath.Join(os.Getenv(goplugin.EnvUnixSocketDir), "socket") }

func handshake(line string) {
	fmt.Println(line)
	time.Sleep(time.Hour)
}

// child starts a process that holds standard output and standard error.
func child(attributes *syscall.SysProcAttr) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{"MODE=sleep", "ALIVE=" + os.Getenv("CHILD_ALIVE")}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = os.Stdout, os.Stderr, attributes
	if err := cmd.Start(); err != nil {
		fail(err)
	}
}

type service struct {
	goplugin.NetRPCUnsupportedPlugin
	connectv1.UnimplementedPluginServer
}

func (s *service) GRPCServer(_ *goplugin.GRPCBroker, server *grpc.Server) error {
	connectv1.RegisterPluginServer(server, s)
	return nil
}

func (s *service) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, nil
}

// Describe tells, as documentation, the environment of this process.
func (s *service) Describe(ctx context.Context, r *connectv1.DescribeRequest) (*connectv1.DescribeResponse, error) {
	switch os.Getenv("DESCRIBE") {
	case "nothing":
		return &connectv1.DescribeResponse{}, nil
	case "never":
		<-ctx.Done()
		return nil, ctx.Err()
	case "too much":
		return &connectv1.DescribeResponse{Name: strings.Repeat("a", 9<<20)}, nil
	case "death":
		fmt.Fprintln(os.NewFile(2, "stderr"), "tired") // the variable is replaced by then
		os.Exit(9)
	}
	class := os.Getenv("CLASS")
	if class == "" {
		class = "TestSource"
	}
	version := os.Getenv("VERSION")
	if version == "" {
		version = "1.0.0"
	}
	return &connectv1.DescribeResponse{
		Name: "test", Version: version, Sdk: r.GetHostVersion(),
		Connectors: []*connectv1.ConnectorDescription{{
			Class:         class,
			Aliases:       strings.Fields(os.Getenv("ALIASES")),
			Type:          connectv1.ConnectorType_CONNECTOR_TYPE_SOURCE,
			Documentation: strings.Join(os.Environ(), "\n"),
		}},
	}, nil
}
