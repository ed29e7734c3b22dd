// Package logging makes the loggers of a worker, each with a name and with a level that can be changed while the worker runs.
//
// Names form a tree: outboard, outboard.rest, and so on. A logger begins with the level of the nearest name above it; setting
// the level of a name sets those of all loggers below it, too. Each part of the worker also answers to the names that its
// counterpart in Kafka Connect has, so that what people have learned to type works: org.apache.kafka.connect.runtime.rest is
// outboard.rest. "root" is above everything.
package logging
