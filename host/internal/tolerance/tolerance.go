package tolerance

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
)

// Stage is where a record failed, in Kafka Connect's words.
type Stage string

// The stages of a record.
const (
	KeyConverter    Stage = "KEY_CONVERTER"
	ValueConverter  Stage = "VALUE_CONVERTER"
	HeaderConverter Stage = "HEADER_CONVERTER"
	KafkaProduce    Stage = "KAFKA_PRODUCE"
	TaskPut         Stage = "TASK_PUT"
)

// Policy is what the user chose for a connector.
type Policy struct {
	// All is errors.tolerance=all: failed records are skipped.
	All bool
	// Log is errors.log.enable, Messages errors.log.include.messages.
	Log, Messages bool
}

// NewPolicy reads the policy from the configuration of a connector.
func NewPolicy(config map[string]string) (Policy, error) {
	var p Policy
	switch v := strings.TrimSpace(config["errors.tolerance"]); strings.ToLower(v) {
	case "", "none":
	case "all":
		p.All = true
	default:
		return p, fmt.Errorf("errors.tolerance is %q: use none or all", v)
	}
	p.Log = strings.EqualFold(strings.TrimSpace(config["errors.log.enable"]), "true")
	p.Messages = strings.EqualFold(strings.TrimSpace(config["errors.log.include.messages"]), "true")
	return p, nil
}

// Failure is one record that failed.
type Failure struct {
	Stage Stage
	// Class is what failed: the converter, the task.
	Class string
	Err   error
	// Topic, Partition and Offset are where the record comes from or goes to;
	// Partition and Offset are negative when they are not known.
	Topic     string
	Partition int32
	Offset    int64
}

// where names the record.
func (f Failure) where() string {
	s := "topic " + f.Topic
	if f.Partition >= 0 {
		s += fmt.Sprintf(" partition %d", f.Partition)
	}
	if f.Offset >= 0 {
		s += fmt.Sprintf(" offset %d", f.Offset)
	}
	return s
}

// Error is a record that is not tolerated: the task fails.
type Error struct{ Failure Failure }

// Error says what happened to which record and what the user can set.
func (e *Error) Error() string {
	return fmt.Sprintf("record of %s failed in %s: %v (errors.tolerance=all would skip it)", e.Failure.where(), e.Failure.Stage, e.Failure.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Failure.Err }

// Operator applies a policy to the records of one task. It is safe for concurrent use.
type Operator struct {
	policy  Policy
	log     hclog.Logger
	failed  atomic.Int64
	skipped atomic.Int64
}

// NewOperator returns the operator of a task; log names connector and task.
func NewOperator(p Policy, log hclog.Logger) *Operator { return &Operator{policy: p, log: log} }

// Reports tells that errant records do not fail the task, or are at least logged.
func (o *Operator) Reports() bool { return o.policy.All || o.policy.Log }

// Handle decides about a failed record: nil means that it is skipped, an *Error
// that the task fails.
func (o *Operator) Handle(f Failure) error {
	o.failed.Add(1)
	if o.policy.Log {
		args := []any{"stage", string(f.Stage), "class", f.Class, "err", f.Err}
		if o.policy.Messages {
			args = append(args, "topic", f.Topic, "partition", f.Partition, "offset", f.Offset)
		}
		o.log.Error("error encountered in task", args...)
	}
	if !o.policy.All {
		return &Error{f}
	}
	o.skipped.Add(1)
	return nil
}

// Failed returns the number of records that failed, Skipped of those skipped.
func (o *Operator) Failed() int64 { return o.failed.Load() }

// Skipped returns the number of records that failed and were skipped.
func (o *Operator) Skipped() int64 { return o.skipped.Load() }
