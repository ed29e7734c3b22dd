package sdk

import (
	"context"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// Plugin is what a binary offers. Give it to Serve.
type Plugin struct {
	// Name of the plugin, lower case, usually the name of the binary.
	Name string
	// Version, as semantic versioning or Maven orders it: "1.2.0".
	Version string
	Sources []Source
	Sinks   []Sink
}

// Description says how users find and configure a connector.
type Description struct {
	// Class is the value of connector.class, e.g. "FileStreamSource".
	Class string
	// Aliases are other accepted values, e.g. a Java class name.
	Aliases []string
	// Documentation is a sentence or two for people.
	Documentation string
	// Config declares the keys. The host validates with it before the plugin is
	// ever started, and draws forms and documentation from it.
	Config config.Definition
	// MaxTasks is the largest number of tasks that makes sense; 0 means any.
	MaxTasks int
}

// Source describes a connector that reads from a system.
type Source struct {
	Description
	// Connector makes the part that divides the work, one for each connector
	// that runs. Nil: there is one task and it gets the connector's configuration.
	Connector func() Connector
	// Task makes a task, one for each that runs. Required.
	Task func() SourceTask
}

// Sink describes a connector that writes to a system.
type Sink struct {
	Description
	// Connector is as for a source. Nil: there are as many tasks as the user
	// allows, each with the connector's configuration.
	Connector func() Connector
	// Task makes a task. Required.
	Task func() SinkTask
}

// Connector divides the work of a source or a sink into tasks. Methods are
// called one at a time. A Connector may also implement Validator, OffsetAlterer and ExactlyOnceSource.
type Connector interface {
	// Start is called once, first. A connector that watches its system for
	// changes starts to do so here and calls cc.RequestReconfiguration when the
	// tasks should change; ctx ends when Start returns, cc.Context with Stop.
	Start(ctx context.Context, cc *ConnectorContext) error
	// TaskConfigs returns the configuration of each task, at most max of them. It
	// is called after Start and whenever reconfiguration was requested.
	TaskConfigs(ctx context.Context, max int) ([]map[string]string, error)
	// Stop is called once, last. ctx ends at the deadline, when the process is killed.
	Stop(ctx context.Context) error
}

// Validator is implemented by a Connector that can check a configuration beyond
// its declaration, e.g. by connecting. It is called before Start or without it.
type Validator interface {
	// Validate returns what is wrong, key by key; keys left out are fine. The
	// error is for when it could not find out.
	Validate(ctx context.Context, config map[string]string) ([]config.Value, error)
}

// ExactlyOnceSource is implemented by the Connector of a source whose author has considered exactly once. Where the user has it
// enabled, records and their offsets are written together or not at all, whatever stands here; but they are worth it only when a
// task that starts anew with the stored offsets goes on exactly behind the record that the last of them belongs to.
type ExactlyOnceSource interface {
	// SupportsExactlyOnce tells whether that is so with a configuration. Users can make it a condition
	// (exactly.once.support=required). It is called as Validate is, also without it.
	SupportsExactlyOnce(config map[string]string) bool
}

// OffsetAlterer is implemented by a Connector that wants to check changes of
// its offsets, or that keeps them itself as well.
type OffsetAlterer interface {
	// AlterSourceOffsets is called for a source, while its tasks are stopped, between
	// Start and Stop of a Connector made for this; a nil offset is a reset. It returns
	// whether it changed what it keeps itself; an error refuses the change.
	AlterSourceOffsets(ctx context.Context, offsets []SourceOffset) (bool, error)
	// AlterSinkOffsets is AlterSourceOffsets for a sink; an offset of -1 is a reset. A
	// reset of a sink that has no offsets in Kafka has none here.
	AlterSinkOffsets(ctx context.Context, offsets []PartitionOffset) (bool, error)
}

// SourceTask reads from a system. Start, Poll and Stop are called one at a
// time. It may also implement SourceCommitter.
type SourceTask interface {
	// Start is called once, first. Read where to resume with tc.Offset here.
	// ctx ends when Start returns.
	Start(ctx context.Context, tc *SourceContext) error
	// Poll appends the records that are ready to batch and returns; it is called
	// again at once. With nothing ready it waits: for something to read, or for
	// ctx, which ends when the task is paused or stopped. It must then return
	// soon, with nil; what it appended is still sent. Leave when batch.Full.
	//
	// An error made with Retriable is shown and Poll is called again after a
	// while; any other one ends the task, after the records appended so far are
	// delivered.
	Poll(ctx context.Context, batch *SourceBatch) error
	// Stop is called once, last, after everything sent is durable or the task has
	// failed. ctx ends at the deadline, when the process is killed.
	Stop(ctx context.Context) error
}

// SourceCommitter is implemented by a SourceTask that acknowledges to its
// system what is safe.
type SourceCommitter interface {
	// Commit tells, for each source partition that moved on, the last offset
	// that is durable: its records are in Kafka and it is in the offset store.
	// Never early; so a source may now delete what it read. Calls do not overlap
	// one another, but may overlap Poll, since Poll may wait for ever. After an
	// error, which is shown, it is called again after a while with the same
	// offsets or later ones.
	Commit(ctx context.Context, offsets []SourceOffset) error
}

// SinkTask writes to a system. Methods are called one at a time. It may also
// implement Flusher, PreCommitter, Opener and Closer.
type SinkTask interface {
	// Start is called once, first. ctx ends when Start returns.
	Start(ctx context.Context, tc *SinkContext) error
	// Put takes a batch, all of it or, through batch.Errant, all but records
	// that the system will never take. Records are valid until Put returns. ctx
	// ends when the task is stopped. How long Put takes does not matter to the
	// consumer group.
	//
	// An error made with Retriable gives the same batch to Put again after a
	// while; any other one ends the task.
	Put(ctx context.Context, batch *SinkBatch) error
	// Stop is called once, last. ctx ends at the deadline, when the process is killed.
	Stop(ctx context.Context) error
}

// Flusher is implemented by a SinkTask that buffers.
type Flusher interface {
	// Flush returns when everything put is safe in the system. It is called
	// before offsets are committed; an error means that none is.
	Flush(ctx context.Context) error
}

// PreCommitter is implemented by a SinkTask that knows better than "all that
// was put" what is safe. It is used instead of Flusher.
type PreCommitter interface {
	// PreCommit returns the offsets that may be committed, each that of the next
	// record to read, no further than the given ones; partitions left out are
	// not committed.
	PreCommit(ctx context.Context, offsets []PartitionOffset) ([]PartitionOffset, error)
}

// Opener is implemented by a SinkTask that prepares for partitions.
type Opener interface {
	// Open gives partitions to the task, with the offsets they start at. It
	// returns the offsets to start at instead, for those it knows better.
	Open(ctx context.Context, partitions []PartitionOffset) ([]PartitionOffset, error)
}

// Closer is implemented by a SinkTask that cleans up after partitions.
type Closer interface {
	// Close takes partitions away; what was put for them should be safe.
	Close(ctx context.Context, partitions []TopicPartition) error
}

// TopicPartition is a partition of a Kafka topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// PartitionOffset is a position in a partition: the offset of the next record.
type PartitionOffset struct {
	Topic     string
	Partition int32
	Offset    int64
}
