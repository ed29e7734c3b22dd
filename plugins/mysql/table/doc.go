// Package table knows which tables are captured and what their columns are.
//
// A [Shape] is what a table looks like at one place of the binary log. It comes from two sources that each lack something:
//
//	              names  types  signs  members  key     defaults  display width
//	table map      FULL    yes   FULL   FULL    primary    –           –
//	information_
//	schema         yes     yes   yes    yes     yes       yes         yes       but of now, not of then
//
// FULL is binlog_row_metadata=FULL. With it, [Map.Shape] makes the shape of the table map and takes from information_schema what the map
// does not have, column by column, where it still fits. Without it, a [Catalog] keeps the shape that is in force at the place of the log where
// the connector is: it starts with information_schema, follows the statements that change captured tables ([ParseStatement]), asks
// information_schema again where a statement does not say all, and travels in the source offset. Whatever the source, a shape is used for rows
// only when every column fits what the table map says of it.
package table
