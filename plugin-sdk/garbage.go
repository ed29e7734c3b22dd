package sdk

import (
	"os"
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

// limitGarbage decides anew after each collection, until the author does: by
// GOGC, or by debug.SetGCPercent at any time. It is called once.
func limitGarbage() {
	if _, percent := collection(); os.Getenv("GOGC") != "" || percent != leanPercent {
		return
	}
	g := &garbage{percent: leanPercent, last: time.Now()}
	g.await()
}

// await lets the next collection decide: it is what frees an object that nobody
// has.
func (g *garbage) await() {
	runtime.AddCleanup(&struct{ _ [64]byte }{}, (*garbage).collected, g)
}

func (g *garbage) collected() {
	live, percent := collection()
	if percent != uint64(g.percent) {
		return // the author's choice
	}
	if g.decide(time.Now(), live) != int(percent) {
		debug.SetGCPercent(g.percent)
	}
	g.await()
}

// collection returns the bytes that the last one left, and the percentage that is
// set.
func collection() (live, percent uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/gogc:percent"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), samples[1].Value.Uint64()
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
