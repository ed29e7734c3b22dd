package client

import (
	"context"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// AlterSourceOffsets asks the connector of a source whose tasks are stopped to check a change of its offsets, and to carry
// it out where it keeps them itself as well; an absent offset is a reset. It returns whether the connector has changed what
// it keeps. Nothing is to be changed by the host after an error: an [AuthorError] says what the connector objects to.
func (c *Connector) AlterSourceOffsets(ctx context.Context, offsets []*connectv1.SourceOffset) (handled bool, err error) {
	return c.alter(ctx, &connectv1.AlterOffsets{Source: offsets})
}

// AlterSinkOffsets is AlterSourceOffsets for a sink; an offset of -1 is a reset.
func (c *Connector) AlterSinkOffsets(ctx context.Context, offsets []*connectv1.PartitionOffset) (handled bool, err error) {
	return c.alter(ctx, &connectv1.AlterOffsets{Sink: offsets})
}

func (c *Connector) alter(ctx context.Context, change *connectv1.AlterOffsets) (handled bool, err error) {
	change.Id = c.next.Add(1)
	m, err := c.ask(ctx, "Connector.AlterOffsets", &connectv1.HostToConnector{Message: &connectv1.HostToConnector_AlterOffsets{AlterOffsets: change}},
		func(m *connectv1.ConnectorToHost) bool {
			return m.GetOffsetsAltered() != nil && m.GetOffsetsAltered().GetId() == change.GetId()
		})
	if err != nil {
		return false, err
	}
	altered := m.GetOffsetsAltered()
	return altered.GetHandled(), AuthorErrorOf(altered.GetError(), "Connector.AlterOffsets").asError()
}
