// Package snapshot reads rows that are in the tables already: all of them before the stream of changes begins ([Snapshot]), or some tables again
// while it goes on ([Incremental]).
//
// # A snapshot, and why the last record of a row is right
//
//	     position P: stored ──▶ rows are delivered ──▶ everything is read ──▶ the stream begins at P
//	──────────┬───────────────────────┬───────────────────────┬──────────────────────▶ the server's log
//	          P                       R: what some reader sees, never before P
//
// Readers see the tables at positions R that are not before P. The stream repeats every change from P on. So for each row, whatever was delivered of
// it by the snapshot, all changes after P follow, in order: the last record of its key is its last change, or, when it was not changed after P, the
// row that was read. This holds for deletes, whose delete follows even when the row was delivered before it, for rows that get another key,
// and however often the snapshot is interrupted, because P stays what it is. Rows that change between P and R are delivered once by the snapshot and
// once more by the stream, and between the two of them the topic goes back in time.
//
// P must be in the offset store before the first row is delivered. Otherwise a crash could forget it: a row that was delivered by the first attempt
// and deleted before the second one would stay in the topic for ever.
//
// # Positions without a lock
//
//	MariaDB              START TRANSACTION WITH CONSISTENT SNAPSHOT tells its position (binlog_snapshot_file, _position): R is known exactly
//	MySQL with GTIDs     a transaction is in gtid_executed after the engine has committed it: what is in it before a reader's transaction
//	                     begins is seen, and when it is the same after, nothing else is: R is known exactly
//	MySQL without GTIDs  a transaction may be in the log before the engine has committed it, so only a lock tells: FLUSH TABLES WITH READ LOCK, or
//	                     LOCK TABLES of the captured tables, held until all readers have begun
//
// In the first two cases readers try to begin at the same position, P, and on a server that is not busy they do; then nothing is delivered twice. Tables
// that cannot be divided, which have no key by which a record could be replaced, are left to readers that are at P exactly. After a
// restart, a lost connection, a statement that altered a table, or a quarter of an hour, a reader begins anew and sees a later R. For tables without a
// key that means that rows may come twice: delivery is at least once.
//
// Transactions that are prepared (XA PREPARE) when the snapshot begins and committed later are in neither: the log has their rows where they were
// prepared.
//
// # Readers
//
//	      ┌─────────┐ work  ┌────────┐ rows   ┌───────┐ blocks of 256 KiB ┌───────┐ Next ┌──────┐
//	plan ▶│  board  │──────▶│ reader │───────▶│ Block │──────────────────▶│ queue │─────▶│ task │
//	      │ pieces  │──────▶│ reader │        └───────┘                   │bounded│      └──┬───┘
//	      │ left    │   …   └────────┘                                    └───────┘         │
//	      └────▲────┘                           Delivered                                   │
//	           └────────────────────────────────────────────────────────────────────────────┘
//
// Each reader has a connection, reads the text protocol itself, and encodes rows into blocks as they come: a table is never in memory. The first reader
// that comes to a table plans it: a large one is divided into pieces by ranges of its key, which the optimizer's estimates and single look-ups in the
// index find without reading the table ([Progress] says what is left, in the offset). Ranges are compared by the server, with the collation of their
// columns. Where a key has columns that cannot be written as literals and compared in the order of the index (FLOAT, ENUM, SET, BIT, prefixes), the columns
// before them divide the table.
//
// A table is looked at within the transaction that reads it, under a metadata lock, for each piece anew: one that was altered meanwhile is read with its
// present columns. Between pieces the lock is let go, so that ALTER TABLE waits for one piece at the most.
//
// # Incremental snapshots
//
// A table is read in chunks while the stream goes on, and a chunk is delivered between two transactions of the stream:
//
//	stream:  ── t1 ── t2 ──┬── t3 ── t4 ── t5 ──┬── t6 ──▶
//	                    window opens          window is passed: the chunk's rows are delivered,
//	                       └ the chunk is read  │    but not those with keys that t3, t4 or t5 changed
//	                         at some position   high: the stream has delivered what the chunk may have seen
//
// What the chunk sees is not before what the stream had delivered when the window was opened: MariaDB tells the position of the chunk's transaction; with
// MySQL's GTIDs the reader waits until gtid_executed has what was delivered; without them it writes a row into the signal table, because when that is
// committed everything before it in the log is, too. What the chunk sees is not after high, the end of the log when its transaction had begun. So a row of the
// chunk whose key nobody changed since the window was opened is not older than anything in the topic, and what changed it after high comes after it. A
// key that was changed has its newer record in the topic. When the table is altered while a window is open, the chunk is read again.
//
// Signals and the configuration order such snapshots ([Incremental.Signal], [Incremental.Order]); what is ordered, what is left and which orders are done is
// in the offset.
package snapshot
