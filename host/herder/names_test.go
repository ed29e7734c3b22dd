package herder

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestNamesLetOneThrough(t *testing.T) {
	var names names
	a, b := 0, 0 // guarded by the names: the race detector sees when they are not
	var all sync.WaitGroup
	for range 50 {
		for name, n := range map[string]*int{"a": &a, "b": &b} {
			all.Go(func() {
				unlock, err := names.lock(t.Context(), name)
				if err != nil {
					t.Error(err)
					return
				}
				defer unlock()
				*n++
			})
		}
	}
	all.Wait()
	if a != 50 || b != 50 {
		t.Errorf("%d and %d went through, want 50 each", a, b)
	}
	if len(names.held) != 0 {
		t.Errorf("%d names are kept", len(names.held))
	}
}

func TestNamesWaitNoLongerThanTheContext(t *testing.T) {
	var names names
	unlock, err := names.lock(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := names.lock(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("lock of a held name: %v", err)
	}
	unlock()
	for range 20 { // the name is free: either end of the wait may come first
		if _, err := names.lock(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Fatalf("lock of a free name, too late: %v", err)
		}
	}
	if len(names.held) != 0 {
		t.Errorf("%d names are kept", len(names.held))
	}
}
