// Package position tells where in the binary log a connector is, and keeps that in the source offset.
//
// A transaction is the unit that a server can start to send at. So a [Position] names the beginning of a transaction, by file and byte and
// by the GTIDs of all transactions before it, and how much of the transaction was sent already:
//
//	     done: GTIDs                 under way: Transaction
//	──┬───────────────┬──┬───────────────────────────────────────────┬──┬──▶
//	  │  transaction  │  │ BEGIN  TABLE_MAP  WRITE_ROWS  WRITE_ROWS  COMMIT │
//	                     ▲                        ▲
//	                 File, Pos           Events = 2, Rows = 3
//
// Events and Rows count as Debezium's offset fields event and row do: events from BEGIN on that are done as a whole (for MariaDB from the
// GTID event on), and rows of the event after them. What the server counts again after a restart is the same, since a transaction never
// changes once it is in the log; a copy of it in another server's log may be cut into other events, which is why an offset also names
// the server.
//
// [Offset] is the source offset, with Debezium's fields and a few more.
package position
