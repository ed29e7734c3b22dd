package data

// Kind tells how to read a Value's bytes. The numbers are those of the protocol.
type Kind uint8

// The kinds of values; the package documentation explains them.
const (
	KindNone   Kind = 0 // null without schema
	KindBytes  Kind = 1
	KindString Kind = 2
	KindJSON   Kind = 3
	KindRow    Kind = 16
)

// String returns the name of the kind.
func (k Kind) String() string {
	switch k {
	case KindNone:
		return "none"
	case KindBytes:
		return "bytes"
	case KindString:
		return "string"
	case KindJSON:
		return "json"
	case KindRow:
		return "row"
	}
	return "unknown"
}

// Value is a key, a value or the value of a header.
type Value struct {
	Kind Kind
	// Schema is that of a row, nil for the other kinds.
	Schema *Schema
	// Data is nil for null; not nil and empty is an empty value. It may point
	// into memory that is used again: see the owner of the record for how long
	// it may be kept.
	Data []byte
}

// IsNull tells whether the value is null, with or without schema.
func (v Value) IsNull() bool { return v.Data == nil }

// BytesValue returns a value of opaque bytes; nil is null.
func BytesValue(b []byte) Value { return Value{Kind: KindBytes, Data: b} }

// StringValue returns a value of text.
func StringValue(s string) Value { return Value{Kind: KindString, Data: append([]byte{}, s...)} }

// JSONValue returns a schemaless value; text must be valid JSON.
func JSONValue(text []byte) Value { return Value{Kind: KindJSON, Data: text} }

// RowValue returns a value of the row encoding of a schema; nil is null.
func RowValue(s *Schema, row []byte) Value { return Value{Kind: KindRow, Schema: s, Data: row} }

// Header is a named value that accompanies a record; names may repeat.
type Header struct {
	Key   string
	Value Value
}

// NoTimestamp marks a record without timestamp.
const NoTimestamp = -1 << 63

// NoPartition leaves the choice of the Kafka partition to the producer.
const NoPartition = -1

// SourceRecord is one record on its way from a source task to Kafka.
type SourceRecord struct {
	Topic string
	// Partition is the Kafka partition or NoPartition.
	Partition int32
	// Timestamp is in milliseconds since the epoch, or NoTimestamp.
	Timestamp  int64
	Key, Value Value
	Headers    []Header
	// SourcePartition is the text of a JSON object, nil for none. Records of a
	// batch with the same source partition share it.
	SourcePartition []byte
	// SourceOffset is the text of a JSON object; nil: see RecordBatch in proto.
	SourceOffset []byte
}

// TimestampType tells who set a record's timestamp.
type TimestampType uint8

// The timestamp types of Kafka.
const (
	TimestampNone      TimestampType = 0
	TimestampCreate    TimestampType = 1
	TimestampLogAppend TimestampType = 2
)

// SinkRecord is one record on its way from Kafka to a sink task.
type SinkRecord struct {
	Topic         string
	Partition     int32
	Offset        int64
	Timestamp     int64
	TimestampType TimestampType
	Key, Value    Value
	Headers       []Header
	// OriginalTopic and OriginalPartition are those the record was consumed
	// from, whatever transformations made of Topic and Partition.
	OriginalTopic     string
	OriginalPartition int32
}
