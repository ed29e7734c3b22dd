package snapshot

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/scripts/bubble"
)

func quiet() hclog.Logger { return hclog.NewNullLogger() }

func sized(n int) *Block { return &Block{buf: make([]byte, n)} }

// A full queue stops who puts until somebody takes.
func TestQueueIsBounded(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		q := newQueue(100)
		put := 0
		go func() {
			for _, n := range []int{60, 30, 20, 500, 10} {
				if q.put(t.Context(), sized(n)) {
					put++
				}
			}
		}()
		for _, want := range []int{2, 3, 3, 4, 5} { // put before each take: the large one waits until the queue is empty
			synctest.Wait()
			if put != want {
				t.Errorf("%d are put instead of %d", put, want)
			}
			if _, err := q.take(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if q.bytes != 0 {
			t.Errorf("%d bytes are counted in an empty queue", q.bytes)
		}
	})
}

func TestQueueEnds(t *testing.T) {
	ended := errors.New("connection lost")
	q := newQueue(100)
	if !q.put(t.Context(), sized(1)) {
		t.Fatal("the queue does not take")
	}
	q.close(ended)
	q.close(nil)
	if q.put(t.Context(), sized(1)) {
		t.Error("a closed queue takes")
	}
	if b, err := q.take(t.Context()); b == nil || err != nil {
		t.Error("what was put before the end is lost", err)
	}
	if _, err := q.take(t.Context()); !errors.Is(err, ended) {
		t.Error(err)
	}
}

// With a context that has ended, take returns what is there without waiting.
func TestQueueDoesNotWait(t *testing.T) {
	q := newQueue(100)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if b, err := q.take(ctx); b != nil || !errors.Is(err, context.Canceled) {
		t.Error(b, err)
	}
	q.put(t.Context(), sized(1))
	if b, err := q.take(ctx); b == nil || err != nil {
		t.Error(b, err)
	}
	q.put(t.Context(), sized(100))
	if q.put(ctx, sized(100)) {
		t.Error("put waits for ever")
	}
}
