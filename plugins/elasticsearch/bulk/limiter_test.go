package bulk

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/outboard-connect/outboard/scripts/bubble"
)

func TestLimiter(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		l := newLimiter(4)
		take := func() int {
			t.Helper()
			epoch, err := l.acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return epoch
		}
		a, b, c, d := take(), take(), take(), take()
		got := make(chan int)
		go func() {
			epoch, err := l.acquire(t.Context())
			if err != nil {
				t.Error(err)
			}
			got <- epoch
		}()
		synctest.Wait()
		l.release(a, true) // four become two
		l.release(b, true) // the same trouble: no less
		synctest.Wait()
		select {
		case <-got:
			t.Fatal("a third one while two are out and two are the bound")
		default:
		}
		l.release(c, false)
		e := <-got
		if l.limit != 2 {
			t.Errorf("the bound is %d", l.limit)
		}
		l.release(d, false)
		l.release(e, true) // a new trouble
		if l.limit != 1 {
			t.Errorf("the bound is %d", l.limit)
		}
		l.release(take(), true)
		if l.limit != 1 {
			t.Errorf("the bound is %d", l.limit)
		}
		for range 3 * goodToGrow {
			l.release(take(), false)
		}
		if l.limit != 4 {
			t.Errorf("the bound is %d after it went well", l.limit)
		}
		for range 4 {
			take()
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		failed := make(chan error)
		go func() {
			_, err := l.acquire(ctx)
			failed <- err
		}()
		synctest.Wait()
		cancel(enough)
		if err := <-failed; !errors.Is(err, enough) {
			t.Errorf("%v", err)
		}
	})
}
