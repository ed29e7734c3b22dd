// Package column reads one column of a table: it knows its Connect schema and turns each value of it, as the binary log or as the text protocol has
// it, into the value of that schema. Both ways give the same value, so that a row of a snapshot and the same row in the stream are equal.
//
//	Column, Options ──▶ Compile ──▶ Codec.Schema
//	                                Codec.Append   ◀── Cell{Binlog}  the bytes in a row event, of which Width finds the end
//	                                               ◀── Cell{Text}    the bytes in an answer to a query
//	                                               ◀── Cell{Null}
//
// Schemas and values are Debezium's; package change lists where they differ on purpose. A value that Connect cannot have, such as the date
// 0000-00-00, is null in a column that may be NULL, and otherwise the column's default or else zero or the epoch.
//
// Bytes come from a server, but are not trusted: whatever they are, the answer is a value or an error. Values of the common types are written
// without allocating.
//
// charsets.txt has the character sets as MySQL reads them; scripts/recordings asks a server and makes the file.
package column
