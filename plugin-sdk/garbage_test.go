package sdk

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestGarbage(t *testing.T) {
	type collection struct {
		after time.Duration
		live  uint64
		want  int
	}
	for name, collections := range map[string][]collection{
		"idle":              {{2 * time.Minute, 1 << 20, leanPercent}, {2 * time.Minute, 1 << 20, leanPercent}},
		"records flow":      {{10 * time.Millisecond, 4 << 20, busyPercent}, {40 * time.Millisecond, 4 << 20, busyPercent}},
		"they begin":        {{time.Minute, 4 << 20, leanPercent}, {busyWithin / 2, 4 << 20, busyPercent}, {2 * busyWithin, 4 << 20, busyPercent}},
		"they end":          {{busyWithin / 2, 4 << 20, busyPercent}, {time.Minute, 4 << 20, leanPercent}, {2 * busyWithin, 4 << 20, leanPercent}},
		"much lives":        {{time.Millisecond, largeHeap, leanPercent}, {time.Millisecond, 10 * largeHeap, leanPercent}},
		"no longer so much": {{time.Millisecond, largeHeap, leanPercent}, {time.Millisecond, largeHeap - 1, busyPercent}},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			g := &garbage{percent: busyPercent, last: now}
			for i, c := range collections {
				now = now.Add(c.after)
				if got := g.decide(now, c.live); got != c.want {
					t.Errorf("collection %d: %d percent, expected are %d", i, got, c.want)
				}
			}
		})
	}
}

// TestGarbageOfProcess has the collector of this process decide.
func TestGarbageOfProcess(t *testing.T) {
	before := debug.SetGCPercent(leanPercent)
	defer debug.SetGCPercent(before)
	g := &garbage{percent: leanPercent, last: time.Now()}
	g.await()
	// Two of them within busyWithin are many, on a machine that is not frozen.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		runtime.GC()
		_, percent := collection()
		if percent == busyPercent {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it is %d percent after many collections, expected are %d", percent, busyPercent)
		}
	}
	// What the author says holds.
	debug.SetGCPercent(150)
	for range 10 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if _, percent := collection(); percent != 150 {
		t.Errorf("the author's percentage has become %d", percent)
	}
}
