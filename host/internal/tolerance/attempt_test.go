package tolerance_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/metrics"
	"github.com/outboard-connect/outboard/host/internal/tolerance"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

// away is an error that goes away.
type away struct{ error }

func (away) Retriable() bool { return true }

func TestRetries(t *testing.T) {
	gone := fmt.Errorf("registering: %w", away{errors.New("connection refused")})
	for name, c := range map[string]struct {
		config  map[string]string
		err     error
		again   int
		least   time.Duration
		most    time.Duration
		stopped time.Duration
	}{
		"none by default":     {nil, gone, 0, 0, 0, 0},
		"not retriable":       {map[string]string{"errors.retry.timeout": "-1"}, errors.New("no JSON"), 0, 0, 0, 0},
		"doubling":            {map[string]string{"errors.retry.timeout": "2000"}, gone, 3, 2 * time.Second, 2 * time.Second, 0},
		"at most the maximum": {map[string]string{"errors.retry.timeout": "1000", "errors.retry.delay.max.ms": "300"}, gone, -1, time.Second, time.Second, 0},
		"for ever, but stop":  {map[string]string{"errors.retry.timeout": "-1"}, gone, -1, time.Hour, time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p, err := tolerance.NewPolicy(c.config)
				if err != nil {
					t.Fatal(err)
				}
				ctx := t.Context()
				if c.stopped > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.stopped)
					defer cancel()
				}
				o := tolerance.NewOperator(p, hclog.NewNullLogger())
				began := time.Now()
				var a tolerance.Attempt
				n := 0
				for o.Again(ctx, &a, c.err) {
					n++
				}
				if c.again >= 0 && n != c.again {
					t.Errorf("tried %d times again, want %d", n, c.again)
				}
				if took := time.Since(began); took < c.least || took > c.most {
					t.Errorf("it took %s, want %s to %s", took, c.least, c.most)
				}
				if got, want := o.Errors(), (metrics.TaskErrors{Retries: int64(n), Failures: int64(n)}); got != want {
					t.Errorf("counted %+v, want %+v", got, want)
				}
			})
		})
	}
}

func TestPolicyRefuses(t *testing.T) {
	for name, c := range map[string]struct{ key, value, want string }{
		"timeout":     {"errors.retry.timeout", "-2", `errors.retry.timeout is "-2": it takes a number of milliseconds, 0 for no retry or -1 for no limit`},
		"delay":       {"errors.retry.delay.max.ms", "soon", `errors.retry.delay.max.ms is "soon": it takes a number of milliseconds`},
		"replication": {"errors.deadletterqueue.topic.replication.factor", "40000", `errors.deadletterqueue.topic.replication.factor is "40000": it takes a number of replicas, or -1 for the broker's default`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := tolerance.NewPolicy(map[string]string{c.key: c.value}); err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}
