package herder

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// TestConcurrentChangesConverge has several callers do anything to a few connectors at the same time. Whatever the order,
// nobody gets an error that is not a consequence of what others did, and in the end everything runs as it is stored.
func TestConcurrentChangesConverge(t *testing.T) {
	w := newWorld(t)
	h, _ := w.start()
	ctx := t.Context()
	names := []string{"a", "b", "c"}
	operations := []func(name string, n int) error{
		func(name string, n int) error {
			_, err := h.Create(ctx, name, w.source(name), []Target{"", TargetPaused, TargetStopped}[n%3])
			return err
		},
		func(name string, n int) error {
			_, _, err := h.PutConfig(ctx, name, w.source(name, "size", fmt.Sprint(1+n%2)))
			return err
		},
		func(name string, n int) error { w.control(name, fmt.Sprint(1+n%3)); return nil },
		func(name string, n int) error { return h.Pause(ctx, name) },
		func(name string, n int) error { return h.Resume(ctx, name) },
		func(name string, n int) error { return h.Stop(ctx, name) },
		func(name string, n int) error { return h.RestartConnector(ctx, name) },
		func(name string, n int) error { return h.RestartTask(ctx, name, 0) },
		func(name string, n int) error { _, err := h.Restart(ctx, name, true, n%2 == 0); return err },
		func(name string, n int) error { return h.Delete(ctx, name) },
		func(name string, n int) error { _, err := h.Status(ctx, name); return err },
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var all sync.WaitGroup
	var control sync.Mutex // of the control files, which have one writer at a time
	for i, name := range append(names, names...) {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for range 25 {
				operation, n := random.IntN(len(operations)), random.IntN(6)
				if operation == 2 {
					control.Lock()
				}
				err := operations[operation](name, n)
				if operation == 2 {
					control.Unlock()
				}
				var e *Error
				if errors.As(err, &e) && (e.Code == NotFound || e.Code == AlreadyExists || e.Code == Conflict) {
					continue
				}
				if err != nil {
					t.Errorf("operation %d on %s: %v", operation, name, err)
				}
			}
		})
	}
	all.Wait()
	for _, name := range names {
		w.control(name, "2")
		must(two(h.PutConfig(ctx, name, w.source(name))))(t)
		if err := h.Resume(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		awaitStates(t, h, name, "RUNNING RUNNING RUNNING")
	}
	await(t, 3+6, func() int { c, tasks := h.worker.Running(); return len(c) + len(tasks) })
	for _, name := range names {
		if err := h.Delete(context.Background(), name); err != nil {
			t.Error(err)
		}
	}
	await(t, 0, func() int { c, tasks := h.worker.Running(); return len(c) + len(tasks) })
	lanes := func() (n int) {
		done := make(chan struct{})
		h.loop.post(func() { n = len(h.lanes); close(done) })
		<-done
		return n
	}
	await(t, 0, lanes)
	await(t, 0, func() int { return len(h.settings.Status.Connectors()) })
}
