// Package herdertest runs a whole Outboard in one process for tests of packages above the herder: an embedded Kafka broker,
// plugins as real binaries in processes of their own, and a worker that keeps its state in memory, or several that keep it in
// Kafka and share the work.
package herdertest
