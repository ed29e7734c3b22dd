//go:build !race

package wire

// poison overwrites freed memory, so that a use after Release shows. It is on
// where tests run with the race detector.
const poison = false
