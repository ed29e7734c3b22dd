// Package tolerance decides what happens to a record that failed, in one place for both directions:
//
//	            ┌─ again ─┐ errors.retry.timeout
//	a stage ──► Attempt ──┴─ no ──► Operator: count, log (errors.log.*), dead letter ──► errors.tolerance
//	                                                                                     ├─ none: the task fails
//	                                                                                     └─ all:  the record is skipped
//
// Every failure is counted, and reported before it is tolerated or not: with tolerance none the first bad record is in the
// dead letter queue when the task fails. No record is lost without a trace (Invariant 3).
//
// # Dead letters
//
// A sink's dead letter is the record as it was in Kafka: key, value and headers untouched. A source's has what the
// connector made, before transformation and conversion: bytes and text as they are, anything else as JSON with its schema; or the
// converted record, where Kafka did not take it. errors.deadletterqueue.context.headers.enable adds the headers of Kafka
// Connect that say what happened.
//
// # Counters
//
// Operator.Errors has Kafka Connect's eight counters: an attempt that fails is followed by another one, a retry, or is the record's last,
// and the record an error; the error is skipped, or the task fails. Records for which a task fails or holds because of
// outboard.schema.evolution are errors, too.
//
// # What is not as in Kafka Connect
//
//   - Sources have a dead letter queue, too. It also gets the records that outboard.schema.evolution=dlq keeps back, whatever errors.tolerance
//     says; their stage is SCHEMA_EVOLUTION.
//   - An offset is not committed before the dead letters of the records up to it are in Kafka; a letter that cannot be written
//     fails the task. Kafka Connect writes a line to its log, and the record is gone.
//   - Errant records of sinks, and records that Kafka refuses, count as errors, and as skipped where they are; Kafka Connect counts
//     those that it tolerates as failed attempts only.
//   - The last attempt at a record whose retries are used up counts as one that failed; Kafka Connect counts it twice.
//   - A stop that comes while a retry is waited for decides nothing: the record comes again. Kafka Connect skips it, even with none.
package tolerance
