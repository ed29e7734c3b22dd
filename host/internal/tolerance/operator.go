package tolerance

import (
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
)

// Operator applies a policy to the records of one task. It is safe for concurrent use.
type Operator struct {
	policy  Policy
	log     hclog.Logger
	failed  atomic.Int64
	skipped atomic.Int64
	retried atomic.Int64
}

// NewOperator returns the operator of a task; log names connector and task.
func NewOperator(p Policy, log hclog.Logger) *Operator { return &Operator{policy: p, log: log} }

// Policy returns what the user chose.
func (o *Operator) Policy() Policy { return o.policy }

// Reports tells that errant records do not fail the task, or are at least logged or kept.
func (o *Operator) Reports() bool { return o.policy.All || o.policy.Log || o.policy.Letters != "" }

// Handle decides about a failed record, of which a dead letter is written if there is a queue for them: nil means that it
// is skipped, an *Error that the task fails.
func (o *Operator) Handle(f Failure) error {
	o.failed.Add(1)
	if o.policy.Log {
		args := []any{"stage", string(f.Stage), "class", f.Class, "err", f.Err}
		if o.policy.Messages {
			args = append(args, "topic", f.Topic, "partition", f.Partition, "offset", f.Offset)
		}
		o.log.Error("error encountered in task", args...)
	}
	if !o.policy.All && f.Stage != SchemaEvolution {
		return &Error{Failure: f, Letter: o.policy.Letters}
	}
	o.skipped.Add(1)
	return nil
}

// Failed returns the number of records that failed, Skipped of those skipped, Retried of attempts made again.
func (o *Operator) Failed() int64 { return o.failed.Load() }

// Skipped returns the number of records that failed and were skipped.
func (o *Operator) Skipped() int64 { return o.skipped.Load() }

// Retried returns the number of attempts that were made again.
func (o *Operator) Retried() int64 { return o.retried.Load() }
