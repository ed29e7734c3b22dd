package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
)

// runGroup holds the running parts of a process in the order in which they were started, and stops them in reverse.
//
//	Add, Go, Watch …  ──▶  Wait: until a stop is asked for or a part fails  ──▶  Stop: the newest part first
//
// Add, Go and Watch are called from one goroutine; Wait and Stop afterwards.
type runGroup struct {
	logger hclog.Logger
	parts  []part
	failed chan error // has room for one: the first failure is the reason, the others follow from it
	quit   chan struct{}
}

type part struct {
	name string
	stop func(context.Context) error
}

func newRunGroup(log hclog.Logger) *runGroup {
	return &runGroup{logger: log, failed: make(chan error, 1), quit: make(chan struct{})}
}

// Add takes a part that runs already. stop returns when the part is gone, at the latest soon after its context is done,
// and must then leave nothing behind that the parts below it need.
func (g *runGroup) Add(name string, stop func(context.Context) error) {
	g.parts = append(g.parts, part{name, stop})
}

// Go starts a part. run returns when the part ends: with its context, and with nil then. That it ends before Stop is a
// failure, also without an error.
func (g *runGroup) Go(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := run(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		g.fail(name, err)
	}()
	g.Add(name, func(stop context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-stop.Done():
			return stop.Err()
		}
	})
}

// Watch makes it a failure of the process when failed is closed; why then tells the reason.
func (g *runGroup) Watch(name string, failed <-chan struct{}, why func() error) {
	go func() {
		select {
		case <-failed:
			g.fail(name, why())
		case <-g.quit:
		}
	}()
}

func (g *runGroup) fail(name string, err error) {
	select {
	case g.failed <- fmt.Errorf("%s: %w", name, err):
	default:
	}
}

// Wait returns nil when ctx is done, or the error of the first part that fails.
func (g *runGroup) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-g.failed:
		return err
	}
}

// Stop stops all parts, one after another, within one limit for all of them. A part that does not stop, or not in time,
// does not keep those below it from being stopped. The error names the parts that did not stop as they should.
func (g *runGroup) Stop(limit time.Duration) error {
	close(g.quit)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var problems []error
	for _, p := range slices.Backward(g.parts) {
		began := time.Now()
		if err := p.stop(ctx); err != nil {
			problems = append(problems, fmt.Errorf("stopping %s: %w", p.name, err))
		}
		g.logger.Debug("stopped", "part", p.name, "took", time.Since(began).Round(time.Millisecond))
	}
	return errors.Join(problems...)
}
