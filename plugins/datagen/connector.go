package main

import (
	"context"
	"fmt"
	"maps"
	"strconv"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
)

// connector deals the records to tasks.
type connector struct {
	config  map[string]string
	records int64
}

func (c *connector) Start(_ context.Context, cc *sdk.ConnectorContext) error {
	v, err := parse(sourceConfig, cc.Config)
	if err != nil {
		return err
	}
	c.config, c.records = cc.Config, v.Int64(keyRecords)
	return nil
}

func (c *connector) TaskConfigs(_ context.Context, most int) ([]map[string]string, error) {
	n := int64(most)
	if c.records > 0 {
		n = min(n, c.records)
	}
	configs := make([]map[string]string, n)
	for i := range configs {
		configs[i] = maps.Clone(c.config)
		configs[i][keySlice] = strconv.Itoa(i)
		configs[i][keySlices] = strconv.FormatInt(n, 10)
	}
	return configs, nil
}

func (c *connector) Stop(context.Context) error { return nil }

// AlterSourceOffsets accepts what a task can resume from.
func (c *connector) AlterSourceOffsets(_ context.Context, offsets []sdk.SourceOffset) (bool, error) {
	for _, o := range offsets {
		if o.Offset == nil {
			continue
		}
		var p struct{ Slice, Of *int64 }
		if err := o.Partition.Decode(&p); err != nil || p.Slice == nil || p.Of == nil || *p.Slice < 0 || *p.Slice >= *p.Of {
			return false, fmt.Errorf(`partition %s names no slice; give one like {"slice": 0, "of": 2}`, o.Partition)
		}
		if _, err := nextOf(o.Offset); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (c *connector) AlterSinkOffsets(context.Context, []sdk.PartitionOffset) (bool, error) {
	return false, fmt.Errorf("DatagenSource is a source: it has no offsets of topics")
}

// partitionOf names a slice.
func partitionOf(slice, of int64) sdk.Partition {
	return sdk.NewPartition("slice", slice, "of", of)
}

const offsetField = "n"

// nextOf reads a stored offset; nil is the beginning.
func nextOf(o sdk.Offset) (int64, error) {
	if o == nil {
		return 0, nil
	}
	n, ok := o.Int64(offsetField)
	if !ok || n < 0 {
		return 0, fmt.Errorf(`offset %s counts no records; give one like {"%s": 1000}, with a number that is not negative`, o, offsetField)
	}
	return n, nil
}
