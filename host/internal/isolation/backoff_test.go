package isolation

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	s := time.Second
	type step struct{ ran, least, most time.Duration }
	tests := map[string][]step{
		"a crash loop": {
			{0, 200 * time.Millisecond, 500 * time.Millisecond},
			{s, 600 * time.Millisecond, 1400 * time.Millisecond},
			{s, 1200 * time.Millisecond, 2800 * time.Millisecond},
			{s, 2400 * time.Millisecond, 5600 * time.Millisecond},
			{s, 4800 * time.Millisecond, 11200 * time.Millisecond},
			{s, 9600 * time.Millisecond, 22400 * time.Millisecond},
			{s, 19200 * time.Millisecond, 44800 * time.Millisecond},
			{s, 38400 * time.Millisecond, 89600 * time.Millisecond},
			{s, 72 * s, 120 * s},
			{s, 72 * s, 120 * s},
		},
		"stable in between": {
			{0, 200 * time.Millisecond, 500 * time.Millisecond},
			{59 * s, 600 * time.Millisecond, 1400 * time.Millisecond},
			{60 * s, 200 * time.Millisecond, 500 * time.Millisecond},
			{s, 600 * time.Millisecond, 1400 * time.Millisecond},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			seen := map[time.Duration]bool{}
			for range 100 {
				var b Backoff
				for i, step := range steps {
					got := b.Next(step.ran)
					if got < step.least || got > step.most {
						t.Fatalf("delay %d is %s, want %s to %s", i, got, step.least, step.most)
					}
					seen[got] = true
				}
			}
			if len(seen) < 100 {
				t.Errorf("only %d different delays: no jitter", len(seen))
			}
		})
	}
}

func TestBackoffReset(t *testing.T) {
	var b Backoff
	for range 1000 {
		b.Next(0)
	}
	if b.Failures() != 1000 {
		t.Errorf("%d failures", b.Failures())
	}
	b.Reset()
	if b.Failures() != 0 {
		t.Errorf("%d failures", b.Failures())
	}
	if got := b.Next(0); got > 500*time.Millisecond {
		t.Errorf("the first delay is %s", got)
	}
}
