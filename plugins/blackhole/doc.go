// The plugin blackhole takes records and forgets them, for benchmarks and for
// tests of what happens when a sink is slow or fails.
//
// It looks at every field of every record, so that it costs what the least real
// sink would.
package main
