// Package bubble runs a test in a bubble of testing/synctest. With the race detector, the whole process has one processor
// meanwhile: up to Go 1.26 the timers of a bubble share one context of the detector, which two threads use at once when a
// channel's timer is due while others run, and the process dies of SIGSEGV in __tsan::SlotLock. 600 goroutines that sleep and
// wait for time.After(0) show it within a second on two processors, never on one, and not with Go 1.27.4. Without the
// detector a bubble has all processors. The package can go when go.mod asks for Go 1.27.
package bubble
