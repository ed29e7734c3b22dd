package tolerance

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Stage is where a record failed, in Kafka Connect's words.
type Stage string

// The stages of a record.
const (
	Transformation  Stage = "TRANSFORMATION"
	KeyConverter    Stage = "KEY_CONVERTER"
	ValueConverter  Stage = "VALUE_CONVERTER"
	HeaderConverter Stage = "HEADER_CONVERTER"
	KafkaProduce    Stage = "KAFKA_PRODUCE"
	TaskPut         Stage = "TASK_PUT"
	// SchemaEvolution is not one of Kafka Connect's: a record whose schema breaks with that of its topic, which goes to the dead letter
	// queue whatever errors.tolerance says.
	SchemaEvolution Stage = "SCHEMA_EVOLUTION"
)

// Failure is one record that failed.
type Failure struct {
	Stage Stage
	// Class is what failed: the Java class of the converter, the transformation, the task.
	Class string
	Err   error
	// Topic, Partition and Offset are where the record comes from or goes to;
	// Partition and Offset are negative when they are not known.
	Topic     string
	Partition int32
	Offset    int64
	// SourcePartition and SourceOffset are the connector's, JSON texts, nil for a sink.
	SourcePartition, SourceOffset []byte
	// Record is what a dead letter holds: key, value, headers and timestamp. The memory of its key, value and headers stays as
	// it is until the letter is written; nil where the record is not known.
	Record *kgo.Record
}

// where names the record.
func (f *Failure) where() string {
	s := "topic " + f.Topic
	if f.Partition >= 0 {
		s += fmt.Sprintf(" partition %d", f.Partition)
	}
	if f.Offset >= 0 {
		s += fmt.Sprintf(" offset %d", f.Offset)
	}
	if f.SourceOffset != nil {
		s += fmt.Sprintf(" (source partition %s, offset %s)", f.SourcePartition, f.SourceOffset)
	}
	return s
}

// exception is the class of what Kafka Connect would have thrown.
func (f *Failure) exception() string {
	switch f.Stage {
	case KeyConverter, ValueConverter, HeaderConverter, Transformation, SchemaEvolution:
		return "org.apache.kafka.connect.errors.DataException"
	}
	return "org.apache.kafka.connect.errors.ConnectException"
}

// Error is a record that is not tolerated: the task fails.
type Error struct {
	Failure Failure
	// Letter is the dead letter queue that has the record; empty when there is none.
	Letter string
}

// Error says what happened to which record and what the user can set.
func (e *Error) Error() string {
	advice := "errors.tolerance=all would skip it, and errors.deadletterqueue.topic.name keep it"
	if e.Letter != "" {
		advice = "it is in the dead letter queue " + e.Letter + "; errors.tolerance=all lets the task go on after it"
	}
	return fmt.Sprintf("record of %s failed in %s: %v (%s)", e.Failure.where(), e.Failure.Stage, e.Failure.Err, advice)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Failure.Err }
