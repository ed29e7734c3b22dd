// Package document makes of a Kafka record what a search server takes: the
// document, as one JSON object on one line, its id, the name of its index, and
// the mapping that fits the record's schema.
//
//	value ──▶ Encoder ──▶ Document ──┬──▶ Pattern ──▶ index
//	           (unwraps a change      ├──▶ Lookup  ──▶ routing, @timestamp
//	            event on request)     └──▶ the bulk request
//	key   ──▶ Encoder ──▶ id
//	schema ─▶ Mapping
//
// Text that is JSON passes through; rows are written as JSON in one pass, by a
// plan that is worked out once a schema. What a document says is read from its
// JSON, whatever it was made of.
//
// # Types
//
// Numbers, texts, booleans, structs and arrays are what they are in JSON, a
// FLOAT64 always with a point or an exponent, since a server would take 1 for a
// whole number and then cut the fraction off the next value of the field. Bytes are base64.
//
//	schema                                    document            mapping
//	org.apache.kafka.connect.data.Decimal     12.50               double
//	org.apache.kafka.connect.data.Date        ms since the epoch  date
//	org.apache.kafka.connect.data.Time        ms since midnight   date
//	org.apache.kafka.connect.data.Timestamp   ms since the epoch  date
//	io.debezium.time.Date, Time, Timestamp    the same            date
//	io.debezium.time.MicroTimestamp, Nano…    ISO 8601, exact     date
//	io.debezium.time.ZonedTimestamp, Iso…     as it is            date
//	io.debezium.time.MicroTime, NanoTime, …   as it is            long
//	io.debezium.data.VariableScaleDecimal     12.50               double
//
// A map with keys of text is an object, another one an array of objects with
// the members key and value.
package document
