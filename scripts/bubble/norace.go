//go:build !race

package bubble

import (
	"testing"
	"testing/synctest"
)

// Test is synctest.Test. Parallel tests may call it.
func Test(t *testing.T, f func(*testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
