// Package convert turns Connect data into Kafka bytes and back: Kafka's converters and header converters, one file a
// format.
//
//	             source                                     sink
//	data.Value ─ FromConnect ─► bytes ─► Kafka ─► bytes ─ ToConnect ─► data.Value
//
//	kind     JsonConverter          StringConverter   ByteArrayConverter   SimpleHeaderConverter
//	none     null                   null              null                 null
//	string   "text"                 as it is          error                as it is
//	bytes    "base64"               as it is, if      as it is             base64
//	                                it is UTF-8
//	json     as it is               as it is, a       error                as it is, a string
//	                                string unquoted                        unquoted
//	row      one pass over the      Java's toString   bytes only           a literal: [1,2],
//	         row, no tree between                                          {"a":1}, 2024-02-29
//	read as  row; json without      string            bytes                what it looks like
//	         schema
//
// BooleanConverter, ShortConverter, IntegerConverter, LongConverter, FloatConverter and DoubleConverter take and give one
// type. With schemas.enable=true the JSON is in an envelope with its schema. A null without row schema is a tombstone,
// whatever its kind; a null with a row schema is a JSON null, in its envelope.
//
// AvroConverter, JsonSchemaConverter and ProtobufConverter keep schemas in a registry and write, before the value, a zero and
// the four bytes of the schema's id; Protobuf adds where in the schema the message is. With key.schema.id.serializer or
// value.schema.id.serializer set to HeaderSchemaIdSerializer nothing is before the value; a header of the record, __key_schema_id or
// __value_schema_id, has a one and the sixteen bytes of the schema's GUID, and what Protobuf adds. Both are read, unless the
// deserializer is PrefixSchemaIdDeserializer; see [Headed]. ProtobufConverter takes structs; a null that is not an element or a struct survives it with optional.for.nullables or
// wrapper.for.nullables alone, as in Confluent's.
//
// What passes through untouched is not copied. The rest is appended to the [Arena] of the batch, so that a record costs
// no allocation. What is worked out once a schema (its text, the order of its fields) is kept for the schemas used last,
// schemas.cache.size of them; a schema read again has the same address, which is its identity on the way to a plugin.
//
// # What is Kafka's and what is not
//
// Bytes written are Kafka's to the last one: the order of members, numbers as Java writes them, escapes. A key keeps its
// partition and its place in a compacted topic. Reading is as lenient about JSON types as Kafka's: a text where a number
// should be is 0; not so where a Date, a Time, a Timestamp or a Decimal should be. Different, because something would be lost without a word:
//
//   - Text that is not UTF-8, or has characters that converter.encoding does not have, is an error, not question marks.
//   - A decimal in JSON that does not fit its scale exactly is an error; Kafka passes it on under another scale.
//   - A Time outside a day is passed on as it is; Kafka can neither write nor read one.
//   - JSON with text behind it, an object that has a field twice, and an object where an array should be are errors.
//   - NaN and the infinities, which are written as strings, read as what they were, not as 0.
//   - StringConverter writes JSON without schema as JSON, not as {a=1}, and bytes within a struct as base64, not as the
//     address of a Java object.
//   - SimpleHeaderConverter writes dates by their schema, in UTC, so that a Timestamp at midnight or before 1970 stays
//     one; it reads a literal only if all of the text is one, undoes its own escapes, and knows that month 13 does not
//     exist.
package convert
