// Package tolerance decides what happens to a record that failed: the task
// fails, or the record is skipped, as errors.tolerance says. Every failure is
// counted and, where errors.log.enable says so, logged; no record is lost
// without one of the two (Invariant 3).
package tolerance
