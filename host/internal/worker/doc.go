// Package worker runs what it is told to run: connectors, source tasks and sink
// tasks, each in its plugin's process.
//
// A connector and each task have a runner, which keeps it running over as many
// attempts as it takes. An attempt has a lease on a process; when the process
// dies or the author's code fails, the runner reports it, waits as long as the
// back-off says and starts the next attempt. A failure that only a person can
// mend ends in FAILED for good, until somebody restarts the task.
//
//	          ┌─────────── back-off ◀── transient failure ──┐
//	          ▼                                             │
//	start ─▶ find plugin ─▶ lease ─▶ Start ─▶ RUNNING ⇄ PAUSED ─▶ stop
//	                                                        │
//	                         FAILED ◀── permanent failure ──┘
//
// # Source path
//
//	batch from the plugin ─▶ decoder ─▶ converters ─▶ producer ─▶ batch to Kafka ─▶ answer
//	                                                                                  │
//	  ack to the plugin ◀─── offset store ◀─── commit ◀─── submitted batches ◀────────┘
//
// Batches in flight are kept in order. Offsets are committed for the records
// that are acknowledged by Kafka and have no earlier record of their source
// partition that is not (Invariant 1); then, and only then, the plugin is told.
//
// The producer (host/internal/producer) copies records into the batches that Kafka gets, some dozens at a time: what a record was
// converted into, and the message that it came in, are used again at once, while they are in the processor's caches. Of a
// batch in flight only its source offsets remain here. Nothing is allocated per record. A batch that is nothing but values, which the converter
// leaves as they are, is not even looked at record by record: the producer gets the column of its values.
//
// A worker that stood still, or that Kafka has not heard of, may be about to be killed while others run its tasks already: a source task
// asks Settings.Lapsed before each batch and each commit, so that what is old does not come behind what is newer. What the producer was
// given before is on its way; exactly once shuts that out, too.
//
// With exactly.once.source.support=enabled a task writes its records and their
// offsets in transactions (type transaction), and acknowledges them to the plugin
// when they are committed:
//
//	earlier tasks shut out ─▶ still ours? ─▶ producer ─▶ still ours? ─▶ offsets read ─▶ Start
//	batch ─▶ begin ─▶ records … ─▶ offsets ─▶ commit ─▶ ack
//	              any error ─▶ abort ─▶ new producer, from the start of the line above
//
// Where the offsets of a connector are, in the worker's store or in a topic of its
// own, is sourceOffsets' business.
//
// With outboard.schema.evolution, a record whose schema breaks with that of its topic is not converted: it goes to the dead letter queue, the
// task fails, or it holds: the plugin is paused, what it still delivers is dropped, the batch at which the task stands stays open, and the
// state is PAUSED with the reason as its trace. All that comes again with the next attempt. What is known of schemas is in the offset store, under
// "outboard.schemas/<connector>", stored before the offsets of the records that it was learned from.
//
// Credit limits what is in flight: a plugin gets back what its batch cost when
// Kafka has acknowledged it. The pause flag goes along with the credit: a slow
// source would go on for minutes on the credit that it has.
//
// # Sink path
//
//	kgo.PollRecords ─▶ converters ─▶ batch to the plugin ─▶ result
//	                                                          │
//	       commit to the group ◀─ what the plugin confirms ◀──┘
//
// A poll brings what the client has fetched, within bounds, and the client goes on
// fetching while batches are made of it. What it brought of partitions that the
// author paused is held until they are resumed.
//
// One goroutine owns a sink task's state; polling, the plugin's answers and the
// group's rebalances come to it as events. The consumer's heartbeats are
// independent of it, so a slow Put never costs the membership. A consumer that
// had the task on a worker that was killed is taken out of the group first
// (predecessor.go); Kafka Connect waits for the end of its session.
package worker
