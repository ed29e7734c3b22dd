package worker_test

import (
	"testing"
	"time"

	"github.com/outboard-connect/outboard/host/internal/worker"
)

// A connector that is paused and resumed is to be asked for its task configurations, however short the pause was.
func TestShortPause(t *testing.T) {
	asked := make(chan struct{}, 100)
	b := newBench(t, func(s *worker.Settings) { s.Events.Reconfigure = func(string) { asked <- struct{}{} } })
	await := func(after string) {
		t.Helper()
		select {
		case <-asked:
		case <-time.After(patience):
			t.Fatalf("it did not want to be asked after %s", after)
		}
	}
	b.worker.StartConnector(worker.ConnectorSpec{Name: "gen", Config: datagen("name", "gen", "records", "1"), Target: worker.TargetStarted})
	await("the start")
	for range 20 { // most pauses are too short to be noticed
		b.worker.SetTarget("gen", worker.TargetPaused)
		b.worker.SetTarget("gen", worker.TargetStarted)
		await("a pause")
	}
}
