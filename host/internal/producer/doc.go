// Package producer writes the records of source tasks to Kafka, at least once.
//
// franz-go's producer keeps a record as an object until it is sent, when the record has long left the processor's caches, and pays for locks,
// hooks and deadlines per record: most of what a source costs the host (`make bench`). This one appends a record to the batch of its
// partition at once, in the form that Kafka stores, and knows batches from then on. Connections, credentials, retries of
// connections and the knowledge of brokers are franz-go's: requests go through a [kgo.Client], whose options are this producer's settings.
// Transactions are franz-go's producer's, too (host/internal/worker).
//
//	Produce ─▶ topic known? ─no─▶ waits for metadata
//	               │yes               │
//	               ▼                  ▼
//	          partitioner ─▶ open batch of the partition
//	                              │ full, linger is over, or Flush
//	                              ▼
//	                          compressed ─▶ in a request to the leader ─▶ answer ─▶ promises
//	                              ▲                                         │
//	                              └───────── pause, new metadata ◀── can be tried again
//
// Records that differ in nothing but their values come in one piece, as the plugin has sent them: [Producer.AppendValues].
//
// A batch lingers unless its broker had got no request for linger.ms: that bounds how long a record waits, as with Kafka's producer, but one that
// comes alone does not wait.
//
// A partition has one batch in flight at a time, so order survives whatever fails; what gathers meanwhile makes the next batch.
// A broker gets several requests at a time for different partitions.
//
// With enable.idempotence each partition numbers its batches. After an outcome that nobody knows, a repeated batch has the same number,
// and the broker drops it if it has it. When a batch is given up whose outcome is unknown, or the broker has lost count, the partition
// goes on with the next epoch and with number 0; the broker then refuses what is still under way from before.
package producer
