// The plugin elasticsearch writes topics to Elasticsearch 7 to 9 and OpenSearch
// 1 to 3, with the keys of Confluent's and Aiven's sinks.
//
//	Put: records ─▶ document ─▶ bulk ─▶ search ─▶ server
//	       │        what, where,  lanes,   HTTP
//	       │        which id      retries
//	       └──────────◀──────────── what the server never takes, to the error handling
//
// # Delivery
//
// Put returns when the server has answered for every record of the batch, so an
// offset that is committed is a document that is written, a document that the
// server has refused and the error handling has been told of, or a record that
// the configuration says to skip. A batch is at most about 1 MiB; it is divided
// among several bulk requests at the same time. A record is written again after
// a crash, and that changes nothing: its id is that of its key, or made of topic,
// partition and offset.
//
// With an id of the key, the version of the document is the record's offset: the
// server refuses what is older than what it has, whatever comes late. Topics that
// were deleted and made again start over at 0: raise version.epoch then.
//
// # Failures
//
// A document that the server refuses goes to the error handling with the
// server's reason; the others of its batch are written. When the server is busy,
// there are fewer requests at the same time; when it cannot be reached, has its
// disk full or fails otherwise, requests are repeated as max.retries says, then
// the task fails, is shown as failed with what to do, and is started again by the
// host after a while. Only a configuration that cannot work fails it for good.
//
// # Indexes
//
// An index or a data stream that a record needs is looked for once by each task,
// and created when it is missing; with a schema, its mapping is that of the
// schema, and fields that a later schema has are added.
package main
