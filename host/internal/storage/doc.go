// Package storage keeps the state of a cluster: configurations, source offsets and statuses.
//
//	ConfigStore   OffsetStore   StatusStore     records of Kafka Connect's three internal topics
//	      └────────────┼─────────────┘
//	                  Log                       compacted: of each key the last entry counts
//	         ┌─────────┴─────────┐
//	     KafkaLog             FileLog           a topic; a file, or memory when it has no path
//
// A store reads its whole log when it is opened, keeps what counts in memory, and follows the log from then on. What it
// writes comes back through the log, from whichever worker it is, and only then becomes visible: every worker sees the
// same state in the same order. Sync is the one way to read your writes.
//
// Keys and values are byte for byte those of Kafka Connect. A cluster of Kafka Connect is taken over by opening its
// topics, and given back the same way; a standalone worker's offset file is imported.
package storage
