//go:build race

package bubble

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// single holds the process at one processor for as long as a bubble is there.
var single struct {
	sync.Mutex
	bubbles    int
	processors int // before the first of them
}

// Test is synctest.Test. Parallel tests may call it.
func Test(t *testing.T, f func(*testing.T)) {
	t.Helper()
	single.Lock()
	if single.bubbles++; single.bubbles == 1 {
		single.processors = runtime.GOMAXPROCS(1)
	}
	single.Unlock()
	defer func() {
		single.Lock()
		defer single.Unlock()
		if single.bubbles--; single.bubbles == 0 {
			runtime.GOMAXPROCS(single.processors)
		}
	}()
	synctest.Test(t, f)
}
