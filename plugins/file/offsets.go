package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
)

// The members of partitions and offsets. Kafka's source has the first two.
const (
	filenameField = "filename"
	positionField = "position"
	fileField     = "file"
)

// stored is a stored offset.
type stored struct {
	position int64
	id       *identity // nil: the position is Kafka's, in characters
}

// parseStored reads a stored offset; nil is none.
func parseStored(o sdk.Offset) (*stored, error) {
	if o == nil {
		return nil, nil
	}
	var members map[string]json.RawMessage
	if err := o.Decode(&members); err != nil {
		return nil, err
	}
	raw, ok := members[positionField]
	if !ok {
		return nil, fmt.Errorf("offset objects should either be null or contain the key '%s'", positionField)
	}
	s := &stored{}
	if bytes.Equal(raw, []byte("null")) || json.Unmarshal(raw, &s.position) != nil {
		return nil, fmt.Errorf("the value for the '%s' key in the offset is expected to be a Long value, not %s", positionField, raw)
	}
	if s.position < 0 {
		return nil, fmt.Errorf("the value for the '%s' key in the offset should be a non-negative value, not %d", positionField, s.position)
	}
	if raw, ok = members[fileField]; !ok {
		return s, nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, fmt.Errorf("the value for the '%s' key in the offset is expected to be a string, not %s; leave it out to give the position in characters", fileField, raw)
	}
	id, err := parseIdentity(text)
	if err != nil {
		return nil, fmt.Errorf("the value for the '%s' key in the offset names no file: %w; leave it out to give the position in characters", fileField, err)
	}
	s.id = &id
	return s, nil
}

// sourceConnector runs one task and checks changes of offsets.
type sourceConnector struct{ config map[string]string }

func (c *sourceConnector) Start(_ context.Context, cc *sdk.ConnectorContext) error {
	v, err := parse(sourceConfig, cc.Config)
	if err != nil {
		return err
	}
	c.config = cc.Config
	return check(v.String(keyFile))
}

// check says what is wrong with a path before any task runs.
func check(path string) error {
	p, err := newPlace(path)
	if err != nil {
		return sdk.Fatal(pathError(path, err))
	}
	return p.Close()
}

func (c *sourceConnector) TaskConfigs(context.Context, int) ([]map[string]string, error) {
	return []map[string]string{c.config}, nil
}

func (c *sourceConnector) Stop(context.Context) error { return nil }

// AlterSourceOffsets has Kafka's rules. Removing an offset is always fine:
// there may be some of earlier configurations.
func (c *sourceConnector) AlterSourceOffsets(_ context.Context, offsets []sdk.SourceOffset) (bool, error) {
	for _, o := range offsets {
		if o.Offset == nil {
			continue
		}
		if _, err := parseStored(o.Offset); err != nil {
			return false, err
		}
		var partition map[string]any
		if err := o.Partition.Decode(&partition); err != nil || partition == nil {
			return false, errors.New("partition objects cannot be null")
		}
		if _, ok := partition[filenameField].(string); !ok {
			return false, fmt.Errorf("partition objects should contain the key '%s' with the path of the file, not %s", filenameField, o.Partition)
		}
	}
	return true, nil
}

func (c *sourceConnector) AlterSinkOffsets(context.Context, []sdk.PartitionOffset) (bool, error) {
	return false, errors.New("FileStreamSource is a source: it has no offsets of topics")
}

// sinkConnector gives each task the same configuration.
type sinkConnector struct{ config map[string]string }

func (c *sinkConnector) Start(_ context.Context, cc *sdk.ConnectorContext) error {
	v, err := parse(sinkConfig, cc.Config)
	if err != nil {
		return err
	}
	c.config = cc.Config
	if v.String(keyFile) == "" {
		return nil
	}
	return check(v.String(keyFile))
}

func (c *sinkConnector) TaskConfigs(_ context.Context, most int) ([]map[string]string, error) {
	configs := make([]map[string]string, most)
	for i := range configs {
		configs[i] = maps.Clone(c.config)
	}
	return configs, nil
}

func (c *sinkConnector) Stop(context.Context) error { return nil }

func (c *sinkConnector) AlterSourceOffsets(context.Context, []sdk.SourceOffset) (bool, error) {
	return false, errors.New("FileStreamSink is a sink: it has no offsets of files")
}

// AlterSinkOffsets lets every change pass: nothing is kept but the lines.
func (c *sinkConnector) AlterSinkOffsets(context.Context, []sdk.PartitionOffset) (bool, error) {
	return true, nil
}

// SupportsExactlyOnce tells that the offset of each line is the position behind it, if there is a file to have positions in.
func (c *sourceConnector) SupportsExactlyOnce(config map[string]string) bool {
	return config[keyFile] != ""
}
