package main

import (
	"context"
	"errors"
	"fmt"
	"maps"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugins/mysql/position"
)

// connector has one task: a server's binary log is one stream.
type connector struct {
	config map[string]string
}

// Start checks the configuration.
func (c *connector) Start(_ context.Context, cc *sdk.ConnectorContext) error {
	if _, err := parseSettings(cc.Config); err != nil {
		return err
	}
	c.config = cc.Config
	return nil
}

// TaskConfigs gives the one task everything.
func (c *connector) TaskConfigs(context.Context, int) ([]map[string]string, error) {
	return []map[string]string{maps.Clone(c.config)}, nil
}

// Stop has nothing to do.
func (c *connector) Stop(context.Context) error { return nil }

// Validate checks a configuration, and the server that it is for.
func (c *connector) Validate(ctx context.Context, given map[string]string) ([]config.Value, error) {
	return validate(ctx, given)
}

// AlterSourceOffsets accepts what a task can resume from.
func (c *connector) AlterSourceOffsets(_ context.Context, offsets []sdk.SourceOffset) (bool, error) {
	for _, o := range offsets {
		var partition struct{ Server *string }
		if err := o.Partition.Decode(&partition); err != nil || partition.Server == nil {
			return false, fmt.Errorf(`partition %s names no server; give {"server": "…"} with the value of %s`, o.Partition, keyPrefix)
		}
		if o.Offset == nil {
			continue
		}
		if _, err := position.ParseOffset(o.Offset); err != nil {
			return false, fmt.Errorf(`offset %s: %w; give one like {"file": "binlog.000003", "pos": 4} or {"gtids": "…"}`, o.Offset, err)
		}
	}
	return true, nil
}

// AlterSinkOffsets is for sinks.
func (c *connector) AlterSinkOffsets(context.Context, []sdk.PartitionOffset) (bool, error) {
	return false, errors.New("MySqlSource is a source: it has no offsets of topics")
}
