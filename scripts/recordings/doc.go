// Command recordings makes the golden records under plugins/mysql/testdata/debezium: what Debezium's connectors for MySQL and MariaDB emit
// under Apache Kafka Connect for the tables and changes described there in SQL, and what the servers themselves sent for the same rows.
// debezium-mysql.sh starts the services and runs it.
//
// For each server it makes the tables and the rows, creates one connector for each combination of settings in the table runs, waits for their
// snapshots, then writes the rows again, keeps the answers of the text protocol and of information_schema, makes the changes and keeps the binary
// log. Records are stored with their schema once a topic:
//
//	mysql/tables.json.gz    a line a table: information_schema.columns, its unique keys, and all rows in the text protocol
//	mysql/binlog.gz         the file of the binary log with the stream's changes
//	mysql/<run>.jsonl.gz    schemas and records in the order of each topic, without the headers that hold random numbers
//
// What only MariaDB has and Debezium cannot read is in mariadb/beyond-tables.json.gz and beyond-binlog.gz.
//
// For package column it asks MySQL for its character sets and for its notation of numbers.
package main
