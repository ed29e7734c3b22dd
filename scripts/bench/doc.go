// Command bench measures what Outboard costs: against a bare franz-go loop, and against Apache Kafka Connect on the same work,
// with Debezium where the work is the capture of a database.
//
//	make bench ARGS="-quick"                          about a minute
//	make bench ARGS="-cases source-100 -rounds 3"
//	make bench-kafka-connect ARGS="-cases sink"
//	make bench-mysql ARGS="-rounds 2 snapshot"
//
// The work of a case is done by two or more contenders, each in processes of its own, which take turns within one run:
//
//	round 0 (warm-up)   bare  outboard
//	round 1                   outboard  bare
//	round 2             bare  outboard          …
//
// A shared machine changes its speed between runs, so only figures of one round are compared: a ratio is the median of the
// ratios of the rounds.
//
// # What is measured
//
// One way for all contenders, from the outside. How far one is says Kafka (end offsets of a source's topic, committed
// offsets of a sink's group) or the size of the file that a sink writes; what it has used says /proc. Each look takes both,
// and the figures are the difference of two looks: the first past a tenth of the records, and the one that ends the run.
// Contenders have more records than that, so no end of input is in the figures. Host and plugin are told apart by their
// process. The peak of memory is VmHWM, set back before each run; shared pages are counted in proportion as PSS.
//
// # The commands
//
// bench runs against kfake in a process of its own, which discards what is produced and answers every fetch with a prepared
// batch, so that the broker costs little. The bare loops have the settings of the host's clients: idempotent, linger 5 ms,
// batches up to 1 MiB, 32 MiB buffered, 6 partitions. What they produce, and what the prepared batches hold, are records
// that DatagenSource made: 8 MiB of each kind are taken from a run of it at the beginning.
//
// kafka-connect runs against a real Kafka and beside Apache Kafka Connect, with 1 partition. Its plugins hand out
// preallocated records, the same bytes as Outboard's or rows of the same schema, so their own cost is nil. Each case has a
// fresh JVM, which goes on getting faster for several runs: -quick flatters Outboard. What says "equal" has
// batch.size=262144 and linger.ms=5; Outboard has its defaults in both. A sink commits every 200 ms, on both sides.
//
// mysql captures a table of MariaDB, a million rows of ten columns of about 150 bytes, in which all connectors have their
// defaults and JSON without schemas: its snapshot, and what the binlog has of half a million rows that were inserted or
// updated while the connector was stopped, so that the database does not write while it is read. The rows go on into OpenSearch,
// one document each. Outboard has a budget of CPU time there. Latency is that of rows committed one by one, 50 a second: from
// the answer to the commit until a consumer of the topic has the record, and until a search finds the document, which depends
// on how often the index is refreshed. mysql-debezium does the same work, without the search server, beside Debezium in Kafka
// Connect.
//
// idle is a worker that has little to do: how fast it starts, how soon a connector's first record is in Kafka, and what fifty connectors take that
// have made all their records, in a process each and in one, at once and a minute later.
//
// crowd is a worker with a thousand STOPPED connectors and five hundred that make a record a second each, in one plugin process:
// how long it takes to start, what memory it has, and how long it takes to tell of all of them.
//
// Results are printed as Markdown and appended to a file of JSON lines, one for each run, ratio and figure, all with date,
// commit and machine.
package main
