package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// The exit codes that say more than that something went wrong; doc.go lists them all.
const (
	codeFailed    = 1
	codeNoKafka   = 2
	codeConnector = 3
	codeSignal    = 128
)

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	error
}

func (e *exitError) Unwrap() error { return e.error }

// StopSignals are the signals that Run wants to be told of. A process that was started with SIGHUP ignored, as nohup does,
// goes on ignoring it.
func StopSignals() []os.Signal {
	all := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}

// Run runs a command line, without the name of the program, and returns the exit code. The first signal stops what runs in
// order. With the second, Run returns at once while the stop still goes on: its caller ends the process.
func Run(signals <-chan os.Signal, args []string, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan int, 1)
	go func() { done <- execute(ctx, args, stdout, stderr) }()
	code, second := await(done, signals, cancel)
	if second != nil {
		fmt.Fprintf(stderr, "outboard: stopped at once by a second signal (%s): what was delivered and not yet committed will be delivered again\n", second)
	}
	return code
}

// echoes is how long a signal may come again and be the same request: what passes signals on, such as timeout, sends them
// to the process and to its group.
const echoes = 250 * time.Millisecond

// await returns the exit code of what runs when it is done. The first signal has it stopped; the second one is not waited
// with, and returned.
func await(done <-chan int, signals <-chan os.Signal, stop func()) (code int, second os.Signal) {
	var first os.Signal
	select {
	case code := <-done:
		return code, nil
	case first = <-signals:
		stop()
	}
	for stopping := time.Now(); ; {
		select {
		case code := <-done:
			return code, nil
		case s := <-signals:
			if s == first && time.Since(stopping) < echoes {
				continue
			}
			number, _ := s.(syscall.Signal) // what signal.Notify sends is one
			return codeSignal + int(number), s
		}
	}
}

// execute runs a command until it is done, or until ctx is, and reports its error.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand(stdout, stderr)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "outboard: %s\n", strings.TrimSpace(err.Error()))
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.code
	}
	return codeFailed
}

// rootCommand is the table of commands.
func rootCommand(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "outboard",
		Short: "Moves data into and out of Kafka, with a process for each connector",
		Long: "Outboard is Kafka Connect with connectors that are programs of their own: drop one into a folder and use it.\n" +
			"It takes Kafka Connect's configuration files and answers its REST API.\n\n" +
			"Try it:  outboard dev",
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(
		devCommand(stdout, stderr),
		standaloneCommand(stdout, stderr),
		workerCommand(stdout, stderr),
		pluginCommand(stdout, stderr),
		previewCommand(stdout),
		versionCommand(stdout),
	)
	return root
}
