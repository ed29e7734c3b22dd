package cli

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/scripts/bubble"
)

func TestAwait(t *testing.T) {
	type step struct {
		after  time.Duration
		signal os.Signal // nil: what runs ends
	}
	cases := map[string]struct {
		steps  []step
		code   int
		second os.Signal
		took   time.Duration
	}{
		"ends by itself":           {[]step{{time.Hour, nil}}, 7, nil, time.Hour},
		"stops in order":           {[]step{{time.Minute, syscall.SIGTERM}, {time.Second, nil}}, 7, nil, 61 * time.Second},
		"second interrupt":         {[]step{{0, syscall.SIGINT}, {time.Second, syscall.SIGINT}}, 130, syscall.SIGINT, time.Second},
		"second of another kind":   {[]step{{0, syscall.SIGINT}, {time.Millisecond, syscall.SIGTERM}}, 143, syscall.SIGTERM, time.Millisecond},
		"one signal, sent twice":   {[]step{{0, syscall.SIGTERM}, {time.Millisecond, syscall.SIGTERM}, {time.Second, nil}}, 7, nil, time.Second + time.Millisecond},
		"sent twice, then another": {[]step{{0, syscall.SIGHUP}, {0, syscall.SIGHUP}, {time.Second, syscall.SIGHUP}}, 129, syscall.SIGHUP, time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				done, signals := make(chan int, 1), make(chan os.Signal, 2)
				go func() {
					for _, s := range c.steps {
						time.Sleep(s.after)
						if s.signal == nil {
							done <- 7
						} else {
							signals <- s.signal
						}
					}
				}()
				stops, began := 0, time.Now()
				code, second := await(done, signals, func() { stops++ })
				if code != c.code || second != c.second || time.Since(began) != c.took {
					t.Errorf("got code %d, second signal %v after %v", code, second, time.Since(began))
				}
				if asked := c.steps[0].signal != nil; asked != (stops == 1) {
					t.Errorf("stopped %d times", stops)
				}
			})
		})
	}
}
