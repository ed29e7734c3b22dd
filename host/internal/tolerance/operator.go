package tolerance

import (
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/metrics"
)

// Operator applies a policy to the records of one task. It is safe for concurrent use.
type Operator struct {
	policy Policy
	log    hclog.Logger

	failed, skipped, retries, logged atomic.Int64
	letters, lostLetters             atomic.Int64
	lastFailed                       atomic.Int64 // in milliseconds since 1970
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
	o.Refused()
	if o.policy.Log {
		args := []any{"stage", string(f.Stage), "class", f.Class, "err", f.Err}
		if o.policy.Messages {
			args = append(args, "topic", f.Topic, "partition", f.Partition, "offset", f.Offset)
		}
		o.log.Error("error encountered in task", args...)
		o.logged.Add(1)
	}
	if !o.policy.All && f.Stage != SchemaEvolution {
		return &Error{Failure: f, Letter: o.policy.Letters}
	}
	o.skipped.Add(1)
	return nil
}

// Refused counts a record that failed and is not for Handle to decide about: whatever the policy, the task does not go past it.
func (o *Operator) Refused() {
	o.failed.Add(1)
	o.lastFailed.Store(time.Now().UnixMilli())
}

// Errors returns what was counted so far. A failure shows as soon as it is known whether its record is tried again.
func (o *Operator) Errors() metrics.TaskErrors {
	failed, retries := o.failed.Load(), o.retries.Load()
	return metrics.TaskErrors{
		Failures: retries + failed, // an attempt that fails is followed by another one or is the record's last
		Failed:   failed, Skipped: o.skipped.Load(), Retries: retries, Logged: o.logged.Load(),
		Letters: o.letters.Load(), LostLetters: o.lostLetters.Load(), LastFailed: o.lastFailed.Load(),
	}
}
