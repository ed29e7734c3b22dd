package bubble_test

import (
	"sync"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/scripts/bubble"
)

// With the race detector and two processors, Go 1.26 does not survive this in a plain synctest.Test.
func TestTimersOfManyGoroutines(t *testing.T) {
	for range 2 {
		bubble.Test(t, func(*testing.T) {
			var group sync.WaitGroup
			for i := range 600 {
				group.Go(func() {
					for range 50 {
						if i%2 == 0 {
							time.Sleep(time.Millisecond)
						}
						<-time.After(0)
					}
				})
			}
			group.Wait()
		})
	}
}
