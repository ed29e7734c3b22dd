package sdk

import (
	"context"
	"maps"

	"github.com/hashicorp/go-hclog"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// ConnectorContext is what a Connector knows of its place and may ask of the host.
type ConnectorContext struct {
	// Name of the connector, as the user named it.
	Name string
	// Config is its configuration, with secrets resolved.
	Config map[string]string
	// Logger writes to the connector's log.
	Logger hclog.Logger
	// Context lives as long as the connector: it ends when Stop is due.
	Context context.Context

	run *connectorRun
}

// RequestReconfiguration asks the host to call TaskConfigs again and to restart
// the tasks if they differ. Safe for concurrent use.
func (c *ConnectorContext) RequestReconfiguration() {
	c.run.send(&connectv1.ConnectorToHost{Message: &connectv1.ConnectorToHost_RequestReconfiguration{
		RequestReconfiguration: &connectv1.RequestReconfiguration{}}})
}

// Fail tells the host that the connector cannot go on. Safe for concurrent use.
func (c *ConnectorContext) Fail(err error) {
	c.run.send(&connectv1.ConnectorToHost{Message: &connectv1.ConnectorToHost_Failed{
		Failed: &connectv1.Failed{Error: errorToProto(err, "Connector")}}})
}

// Offsets returns the stored offsets of source partitions, nil for those that
// have none. Safe for concurrent use.
func (c *ConnectorContext) Offsets(ctx context.Context, partitions ...Partition) ([]Offset, error) {
	return c.run.offsets.read(ctx, partitions, func(m *connectv1.ReadOffsets) error {
		return c.run.send(&connectv1.ConnectorToHost{Message: &connectv1.ConnectorToHost_ReadOffsets{ReadOffsets: m}})
	})
}

// SourceContext is what a SourceTask knows of its place and may ask of the host.
type SourceContext struct {
	// Connector is the name of the connector, Task the number of the task.
	Connector string
	Task      int
	// Config is the task's configuration, with secrets resolved.
	Config map[string]string
	// Logger writes to the task's log.
	Logger hclog.Logger

	run *sourceRun
}

// Offset returns the stored offset of a source partition, nil when there is
// none. Safe for concurrent use.
func (c *SourceContext) Offset(ctx context.Context, p Partition) (Offset, error) {
	o, err := c.Offsets(ctx, p)
	if err != nil {
		return nil, err
	}
	return o[0], nil
}

// Offsets is Offset for several partitions in one call.
func (c *SourceContext) Offsets(ctx context.Context, partitions ...Partition) ([]Offset, error) {
	return c.run.offsets.read(ctx, partitions, func(m *connectv1.ReadOffsets) error {
		return c.run.send(&connectv1.SourceToHost{Message: &connectv1.SourceToHost_ReadOffsets{ReadOffsets: m}})
	})
}

// SinkContext is what a SinkTask knows of its place and may ask of the host.
// Its methods are safe for concurrent use.
type SinkContext struct {
	// Connector is the name of the connector, Task the number of the task.
	Connector string
	Task      int
	// Config is the task's configuration, with secrets resolved.
	Config map[string]string
	// Logger writes to the task's log.
	Logger hclog.Logger
	// ReportsErrant tells that the user wants errant records to be dead-lettered
	// or logged; without it reporting one fails the task.
	ReportsErrant bool

	run *sinkRun
}

// Assignment returns the partitions that the task has, with the offsets after
// the last record put.
func (c *SinkContext) Assignment() map[TopicPartition]int64 {
	c.run.mu.Lock()
	defer c.run.mu.Unlock()
	return maps.Clone(c.run.positions)
}

// Pause stops the flow of records of some partitions until Resume.
func (c *SinkContext) Pause(partitions ...TopicPartition) {
	c.run.request(&connectv1.SinkRequest{Pause: partitionsToProto(partitions)})
}

// Resume lets the records of some partitions flow again.
func (c *SinkContext) Resume(partitions ...TopicPartition) {
	c.run.request(&connectv1.SinkRequest{Resume: partitionsToProto(partitions)})
}

// Rewind reads some partitions again, or further on, from the given offsets.
func (c *SinkContext) Rewind(offsets ...PartitionOffset) {
	c.run.request(&connectv1.SinkRequest{Rewind: offsetsToProto(offsets)})
}

// RequestCommit asks for offsets to be committed soon.
func (c *SinkContext) RequestCommit() { c.run.request(&connectv1.SinkRequest{Commit: true}) }

func partitionsToProto(in []TopicPartition) []*connectv1.TopicPartition {
	out := make([]*connectv1.TopicPartition, len(in))
	for i, p := range in {
		out[i] = &connectv1.TopicPartition{Topic: p.Topic, Partition: p.Partition}
	}
	return out
}

func offsetsToProto(in []PartitionOffset) []*connectv1.PartitionOffset {
	out := make([]*connectv1.PartitionOffset, len(in))
	for i, p := range in {
		out[i] = &connectv1.PartitionOffset{Topic: p.Topic, Partition: p.Partition, Offset: p.Offset}
	}
	return out
}

func offsetsFromProto(in []*connectv1.PartitionOffset) []PartitionOffset {
	out := make([]PartitionOffset, len(in))
	for i, p := range in {
		out[i] = PartitionOffset{p.GetTopic(), p.GetPartition(), p.GetOffset()}
	}
	return out
}
