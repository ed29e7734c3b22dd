// Package binlog reads the binary log of a MySQL or MariaDB server as a replica does.
//
// A [Stream] turns the server's events into the few that matter for captured tables, in order, each with its place in its transaction:
//
//	server ──▶ link ──▶ framer ──▶ queue ──▶ Stream.Take
//	           │        │          bounded   │
//	           │        │          in bytes  └─ Event: Begin TableMap Statement Rows Commit …
//	           │        └─ transactions, positions, what is done already, compressed transactions, rows of tables that nobody wants
//	           └─ packets; their bytes stay where they were read to, in memory that is used again when the events in it are done
//
// Rows are not decoded here: [Rows] splits an event into the cells of its rows, which package column reads.
//
// # Resuming
//
// A server sends whole transactions. The framer leaves out what the position to start at says is done: whole events, and the first rows of
// the one after them. When a connection is lost, the stream connects again by itself, with growing waits, and goes on behind the last event
// that it queued; so within a process nothing comes twice. Errors that waiting does not mend end it, see [Error].
//
//	          ┌──────────── lost, will pass ───────────┐
//	          ▼                                        │
//	Open ─▶ locate (Config.Locate) ─▶ connect ─▶ read ─┴─▶ failed
//
// # Groups of events
//
//	MySQL    GTID  BEGIN  [ROWS_QUERY  TABLE_MAP… ROWS…]…  XID or COMMIT
//	MariaDB  GTID         [ANNOTATE    TABLE_MAP… ROWS…]…  XID or COMMIT
//	both     GTID  a statement such as DDL
//	MySQL    GTID  TRANSACTION_PAYLOAD(BEGIN … XID), compressed
//	both     GTID  XA START … XA END  XA_PREPARE, as if it were committed then
//
// Without GTIDs MySQL sends an anonymous GTID event, MariaDB none that differs.
package binlog
