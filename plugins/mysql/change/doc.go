// Package change makes Connect records of the changes of a table: a [Table] is compiled once for a shape, then it writes the key, and an
// [Encoder] the value of each row, straight from the cells that the server sent.
//
//	table.Shape ─┐
//	Options ─────┼─▶ Compile ─▶ Table ──▶ Key      p.shop.orders.Key       {id}
//	table.Filter ┘                │
//	                   Encoder ───┴─────▶ Value    p.shop.orders.Envelope  {before, after, source, transaction, op, ts_ms, ts_us, ts_ns}
//	                                      or       p.shop.orders.Value     the row, with Output Row; a delete is a null
//
// Names, versions, parameters, defaults, optional marks and the order of fields are those of Debezium, so that consumers written for it need no
// change. [Transactions] and [Heartbeats] make the records of the two topics beside those of tables.
//
// # Differences from Debezium
//
// The tests hold all records against those of Debezium's connectors (MySQL 3.6.1, MariaDB 3.5.0) for the same rows. Debezium's snapshot and
// stream do not always agree on a value; here they do, so one of them has to differ. It is the one that loses something.
//
// Values in snapshots, as Debezium has them in the stream:
//   - TIMESTAMP(n) has n digits after the point; Debezium's snapshot leaves zeros at the end out.
//   - FLOAT has all its digits; Debezium's snapshot has six.
//   - A DATETIME with the year 0 is a missing value, as every other date with a zero in it.
//
// Values in the stream, as Debezium has them in snapshots:
//   - JSON of MySQL is the text that the server makes of the document: {"a": 1} with its spaces, numbers as the server writes them, times with six
//     digits, base64:type15:… for opaque values. Debezium's stream has {"a":1}, numbers with all digits of their binary value, and negative
//     times that cannot be read.
//   - A member of an ENUM that has a comma is the text itself, not a\,b. The parameter "allowed" keeps Debezium's form.
//   - Character sets are read as the servers read them: Debezium takes koi8u for koi8r, and does not know cp932 on MariaDB. Bytes that are no
//     character of the set are '?', as in an answer of the server.
//   - The YEAR 0000 is 2000 (without enable.time.adjuster 0); Debezium's stream has 1900.
//   - A UUID of MariaDB that ends in zeros is right.
//
// Values in both:
//   - A TIME before 0 or beyond a day is its milliseconds, or -01:02:03Z, in the modes connect and isostring of time.precision.mode. Debezium has a
//     null, or fails where the column must not be NULL.
//   - Zero TIMESTAMPs of MariaDB are missing values, as those of MySQL are since Debezium 3.6.
//   - INET4, INET6, COMPRESSED columns of MariaDB are texts and bytes; Debezium cannot read tables that have them.
//   - A date that does not exist, a DATETIME beyond 64 bits of nanoseconds and a column that a row image lacks are errors, which
//     event.processing.failure.handling.mode decides on; they are never a null by themselves. What an update did not log because it did not
//     change (binlog_row_image=MINIMAL) is taken from the row before it, where that has it.
//
// Schemas:
//   - A default is what the column has: it's, not it”s; the bytes of a BINARY, not the text of their escapes; a negative TIME in all modes.
//     Numbers are not rounded to 53 bits.
//   - The length of VARCHAR(0) is not propagated.
//
// Records:
//   - source.version is that of this connector. The headers __debezium.context.* are not there.
//   - A delete in a table without a key is not followed by a tombstone: a null with a null key means nothing.
//   - TRUNCATE is in no transaction on MariaDB either.
//
// UUID columns that MariaDB 10.7 to 10.11.4 made keep another order of bytes until ALTER TABLE … FORCE, which the log does not tell.
package change
