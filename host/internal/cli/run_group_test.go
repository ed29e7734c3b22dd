package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/scripts/bubble"
)

func TestRunGroupStopsInReverse(t *testing.T) {
	g := newRunGroup(hclog.NewNullLogger())
	var stopped []string
	for _, name := range []string{"log", "herder", "rest"} {
		g.Add(name, func(context.Context) error { stopped = append(stopped, name); return nil })
	}
	if err := g.Stop(time.Second); err != nil {
		t.Fatal(err)
	}
	if want := []string{"rest", "herder", "log"}; !slices.Equal(stopped, want) {
		t.Errorf("stopped %v, want %v", stopped, want)
	}
}

func TestRunGroupReportsTheFirstFailure(t *testing.T) {
	cases := map[string]struct {
		add  func(*runGroup)
		want string
	}{
		"part that fails": {func(g *runGroup) {
			g.Go("REST", func(context.Context) error { return errors.New("port taken") })
		}, "REST: port taken"},
		"part that ends": {func(g *runGroup) {
			g.Go("REST", func(context.Context) error { return nil })
		}, "REST: ended by itself"},
		"watched failure": {func(g *runGroup) {
			failed := make(chan struct{})
			g.Watch("config topic", failed, func() error { return errors.New("deleted") })
			close(failed)
		}, "config topic: deleted"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				g := newRunGroup(hclog.NewNullLogger())
				c.add(g)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := g.Wait(ctx)
				if err == nil || err.Error() != c.want {
					t.Errorf("got %v, want %s", err, c.want)
				}
				if err := g.Stop(time.Second); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestRunGroupWaitsForAStop(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		g := newRunGroup(hclog.NewNullLogger())
		ended := false
		g.Go("part", func(ctx context.Context) error {
			<-ctx.Done()
			time.Sleep(time.Second) // takes its time to stop
			ended = true
			return ctx.Err()
		})
		g.Watch("log", make(chan struct{}), nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := g.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		if err := g.Stop(2 * time.Second); err != nil {
			t.Error(err)
		}
		if !ended {
			t.Error("Stop did not wait for the part")
		}
	})
}

func TestRunGroupGoesOnWhenAPartHangs(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		g := newRunGroup(hclog.NewNullLogger())
		closed := false
		g.Add("log", func(context.Context) error { closed = true; return nil })
		release := make(chan struct{})
		g.Go("herder", func(context.Context) error { <-release; return nil })
		began := time.Now()
		err := g.Stop(5 * time.Second)
		if err == nil || !strings.Contains(err.Error(), "stopping herder: context deadline exceeded") {
			t.Errorf("got %v, want an error that names herder", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("Stop took %v, want its limit", took)
		}
		if !closed {
			t.Error("the part below the one that hangs was not stopped")
		}
		close(release)
	})
}
