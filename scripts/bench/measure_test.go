package main

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/scripts/bubble"
)

func TestBetween(t *testing.T) {
	start := time.Now()
	first := look{at: start, records: 500_000, stored: 1e6, storedRecords: 5e5, host: 2 * time.Second, plugin: time.Second, broker: 3 * time.Second, busy: 100 * time.Second}
	last := look{
		at: start.Add(2 * time.Second), records: 2_500_000, stored: 201e6, storedRecords: 2.5e6,
		host: 3 * time.Second, plugin: 1500 * time.Millisecond, broker: 3250 * time.Millisecond, busy: 103 * time.Second,
	}
	var m measurement
	m.between(first, last)
	got := []float64{float64(m.Records), m.Rate, m.HostCPU, m.PluginCPU, m.BrokerCPU, m.cpu(), m.OtherCores, m.Stored}
	want := []float64{2e6, 1e6, 0.5, 0.25, 0.125, 0.75, 0.625, 100}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-9*want[i] {
			t.Errorf("got %v, want %v", got, want)
			break
		}
	}
}

func TestMedian(t *testing.T) {
	tests := map[string]struct {
		values []float64
		want   float64
	}{
		"one":  {[]float64{3}, 3},
		"odd":  {[]float64{9, 1, 4}, 4},
		"even": {[]float64{9, 1, 4, 6}, 5},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := median(test.values); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// contending is a contender that does a record a millisecond.
func contending() *running {
	begin := time.Now()
	return &running{
		progress: func(context.Context) (int64, error) { return time.Since(begin).Milliseconds(), nil },
		failed:   func(context.Context) error { return nil },
	}
}

func TestUntil(t *testing.T) {
	broken := errors.New("it broke")
	tests := map[string]struct {
		change func(*running)
		limit  time.Duration
		want   int64
		error  string
		after  time.Duration // at the latest
	}{
		"done": {want: 5000, limit: time.Hour, after: 5*time.Second + lookEvery},
		"no progress": {
			change: func(r *running) { r.progress = func(context.Context) (int64, error) { return 7, nil } },
			limit:  10 * time.Second, error: "waiting for record 5000, 7 are done", after: 10 * time.Second,
		},
		"cannot look": {
			change: func(r *running) { r.progress = func(context.Context) (int64, error) { return 0, broken } },
			limit:  time.Hour, error: "it broke",
		},
		"failed": {
			change: func(r *running) { r.failed = func(context.Context) error { return broken } },
			limit:  time.Hour, error: "it broke", after: time.Second + 2*lookEvery,
		},
		"failed at the end": {
			change: func(r *running) { r.failed = func(context.Context) error { return broken } },
			limit:  500 * time.Millisecond, error: "it broke", after: 500 * time.Millisecond,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				begin := time.Now()
				r := contending()
				if test.change != nil {
					test.change(r)
				}
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				defer cancel()
				n, err := r.until(ctx, 5000)
				checkError(t, err, test.error)
				if took := time.Since(begin); took > test.after {
					t.Errorf("it took %s, at most %s are expected", took, test.after)
				}
				if test.error == "" && (n < test.want || n > test.want+lookEvery.Milliseconds()) {
					t.Errorf("%d are done, want %d", n, test.want)
				}
			})
		})
	}
}

func TestAwait(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		begin := time.Now()
		soon := func(context.Context) (bool, error) { return time.Since(begin) > time.Second, nil }
		if err := await(t.Context(), time.Minute, "it", soon); err != nil || time.Since(begin) > 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		never := func(context.Context) (bool, error) { return false, nil }
		checkError(t, await(t.Context(), time.Minute, "the moon", never), "waited 1m0s for the moon")
		hanging := func(ctx context.Context) (bool, error) { <-ctx.Done(); return false, errors.New("a call was cut off") }
		checkError(t, await(t.Context(), time.Minute, "the moon", hanging), "waited 1m0s for the moon: a call was cut off")
		broken := func(context.Context) (bool, error) { return false, errors.New("it broke") }
		checkError(t, await(t.Context(), time.Minute, "it", broken), "it broke")
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := await(cancelled, time.Minute, "it", never); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want that of the context", err)
		}
	})
}
