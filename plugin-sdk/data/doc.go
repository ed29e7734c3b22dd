// Package data holds Kafka Connect's data model: schemas, values and records.
//
// A [Value] is bytes with a [Kind]. Four kinds travel between a plugin and the
// host and none of them is a tree of Go objects:
//
//	KindBytes   opaque bytes                    (schema BYTES)
//	KindString  UTF-8 text                      (schema STRING)
//	KindJSON    JSON text nobody looked inside  (no schema)
//	KindRow     the row encoding of a [Schema]  (any schema)
//
// The row encoding is positional: what the schema says is not repeated in the
// data. Numbers are little endian.
//
//	BOOLEAN, INT8          1 byte
//	INT16 INT32 INT64      2, 4, 8 bytes
//	FLOAT32 FLOAT64        4, 8 bytes, IEEE 754
//	STRING BYTES           uvarint length, then the bytes
//	ARRAY                  uvarint count, null bits of the elements when they
//	                       are optional, the elements that are not null
//	MAP                    uvarint count, null bits of the keys when they are
//	                       optional, null bits of the values when they are
//	                       optional, then key and value of each entry, those
//	                       that are not null
//	STRUCT                 null bits of the optional fields, in order, then the
//	                       fields that are not null, in order
//	ANY                    one byte, the type (0: null, when not optional), then
//	                       the value; elements of an ARRAY, keys and values of
//	                       a MAP are optional ANY; STRUCT is not allowed
//
// Null bits fill whole bytes, least significant bit first; a set bit is a null.
// Logical types are encoded as the type they are based on: Decimal as BYTES
// (big-endian two's complement of the unscaled number), Date as INT32 (days
// since the epoch), Time as INT32 (milliseconds since midnight) and Timestamp
// as INT64 (milliseconds since the epoch).
//
// A [Writer] appends a row field by field, a [Reader] takes it apart in order,
// and [Fields] finds single fields without reading the others. None of them
// allocates once warm. [Encode] and [Decode] convert from and to ordinary Go
// values where speed does not matter.
package data
