package sdk

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// quietAfter is the time between two collections from which on they cost
	// nothing worth mentioning.
	quietAfter = 5 * time.Second
	// busyWithin is the time between two collections below which they cost much.
	busyWithin = time.Second
	// largeHeap in bytes is what lives in a plugin whose memory is not to be
	// multiplied.
	largeHeap = 64 << 20

	leanPercent = 100 // Go's default
	busyPercent = 400
)

// garbage decides how much of it may lie beside what lives, in percent of that,
// as GOGC does. The live heap of most plugins is a few MB: while records flow,
// collecting at each doubling would be all the time, and while none do, there is
// no reason to hold more.
//
//	a large live heap, or collections more than quietAfter apart → leanPercent
//	collections less than busyWithin apart                       → busyPercent
//	between                                                      → as it is
type garbage struct {
	percent int
	last    time.Time // the collection before
}

// limitGarbage decides anew after each collection, for as long as the process
// lives. It is called once, and not when GOGC is given.
func limitGarbage() {
	g := &garbage{percent: busyPercent, last: time.Now()}
	debug.SetGCPercent(g.percent)
	g.await()
}

// await lets the next collection decide: it is what frees an object that nobody
// has.
func (g *garbage) await() {
	runtime.AddCleanup(&struct{ _ [64]byte }{}, (*garbage).collected, g)
}

func (g *garbage) collected() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if before := g.percent; g.decide(time.Now(), live[0].Value.Uint64()) != before {
		debug.SetGCPercent(g.percent)
	}
	g.await()
}

// decide returns the percentage after a collection that left live bytes.
func (g *garbage) decide(now time.Time, live uint64) int {
	since := now.Sub(g.last)
	g.last = now
	switch {
	case live >= largeHeap, since > quietAfter:
		g.percent = leanPercent
	case since < busyWithin:
		g.percent = busyPercent
	}
	return g.percent
}
