// The plugin mysql captures the rows of MySQL and MariaDB tables and every change of them: MySqlSource, which takes the settings of Debezium's
// connectors, writes their topics and records, and goes on from their offsets.
//
// # Way of a change
//
//	            binlog.Stream            stream.go                      output.go
//	server ──▶ events, in order ──▶ table.Catalog: which columns ──▶ records of one batch ──▶ Kafka
//	            positions           change.Table: key and value       the last one with the offset
//	            what is done        column.Codec: each value
//
// Package binlog reads in goroutines of its own and bounds what waits in bytes; all else happens in Poll, so that an offset is at any time
// exactly what is behind the records before it. A batch ends where it is full, also in the middle of an event with many rows: the offset then
// counts them.
//
// # Phases of a task
//
//	      no offset                        offset
//	          │                   ┌──────────┴──────────────┐
//	┌─────────▼──────────┐   snapshot not done         all tables read
//	│ begin: position,   │        │                         │
//	│ then a heartbeat   │        │      tables added by a  │
//	│ with it            │        │      new configuration  │
//	└─────────┬──────────┘        │            │            │
//	┌─────────▼──────────┐   ┌────▼────────────▼──┐    ┌────▼────────────────┐
//	│ wait: the position │──▶│ read: blocks of    │───▶│ stream: changes,    │
//	│ must be stored     │   │ package snapshot   │    │ incremental rows    │
//	└────────────────────┘   └────────────────────┘    │ between them        │
//	          ▲                        ▲               └──┬──────────┬───────┘
//	          │ position lost, with position.lost.action= │          │
//	          └──────────── snapshot ─────────────────────┘          │
//	                                   └───── a signal orders a ─────┘
//	                                          blocking snapshot
//
// The first row of a snapshot is delivered after its position is stored. Otherwise a task that dies early would begin a snapshot anew at a later
// position; a row that was delivered by the first and deleted between the two would stay in the topic for ever. Without a snapshot, with
// snapshot.mode=no_data, the stream itself waits: what was committed between the two would be missing.
//
// # Positions
//
// An offset names the transaction under way and how much of it is done, see package position. Where there are GTIDs they decide where a server is
// asked to begin, else file and byte; the locator checks before each connection that the server has all that follows, and that it is the one
// that was read before. A server that is another one, or that has deleted or lost a part of its log, is never read as if nothing had happened: the
// task fails and says what to do, or does what position.lost.action says.
//
// Debezium's offsets are read, and the connector's own have its fields, so that one may take over from the other in either direction, exactly.
// Two cases repeat rows instead: a transaction under way on another server after a failover, whose log may be cut differently, and going back
// to Debezium in the middle of a transaction of MariaDB with include.query.
//
// # What differs from Debezium
//
// The tables' shapes come from the log and from information_schema, see package table: there is no schema history, and no topic for schema changes.
// Heartbeats are on. Transaction metadata have no records for statements that are transactions by themselves, such as DDL. Deletes of tables
// without a key have no tombstone. Rows of the signal table are no records unless the lists capture it. Rows that were changed by statements that
// are logged themselves fail the task instead of being missed. Of MariaDB's system-versioned tables the present rows are delivered: their history
// and the columns row_start and row_end that the server adds are not, and a row that ends is a delete. A position that is lost is never skipped
// silently, with GTIDs neither.
package main
