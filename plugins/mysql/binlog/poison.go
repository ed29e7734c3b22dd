//go:build !race

package binlog

// poison overwrites memory that nobody uses any more, so that a use of it shows. It is on where tests run with the race detector.
const poison = false
