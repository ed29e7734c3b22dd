// The plugin evolving delivers records whose schemas change as its configuration says, to test the host.
package main

import (
	"context"
	"fmt"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func main() {
	sdk.Serve(sdk.Plugin{
		Name: "evolving", Version: "1.0.0",
		Sources: []sdk.Source{{
			Description: sdk.Description{Class: "EvolvingSource", Config: config.Definition{
				{Name: "topic", Type: config.TypeString, Required: true, Doc: "Where the records go."},
				{Name: "versions", Type: config.TypeString, Required: true, Doc: "The schema of each record, a letter of: a, b (one more optional field), c (another type)."},
			}},
			Connector: func() sdk.Connector { return &connector{} },
			Task:      func() sdk.SourceTask { return &task{} },
		}},
	})
}

var schemas = map[byte]*data.Schema{
	'a': data.NewStruct("item").Field("n", data.Int64Schema).Field("price", data.Int32Schema).MustBuild(),
	'b': data.NewStruct("item").Field("n", data.Int64Schema).Field("price", data.Int32Schema).Field("note", data.OptionalStringSchema).MustBuild(),
	'c': data.NewStruct("item").Field("n", data.Int64Schema).Field("price", data.Int64Schema).MustBuild(),
}

type connector struct{ config map[string]string }

func (c *connector) Start(_ context.Context, cc *sdk.ConnectorContext) error {
	c.config = cc.Config
	return nil
}

func (c *connector) TaskConfigs(context.Context, int) ([]map[string]string, error) {
	return []map[string]string{c.config}, nil
}

func (c *connector) Stop(context.Context) error { return nil }

type task struct {
	topic, versions string
	partition       sdk.Partition
	next            int64
}

func (t *task) Start(ctx context.Context, tc *sdk.SourceContext) error {
	t.topic, t.versions, t.partition = tc.Config["topic"], tc.Config["versions"], sdk.NewPartition("p", 1)
	o, err := tc.Offset(ctx, t.partition)
	t.next, _ = o.Int64("n")
	return err
}

// Poll delivers up to three records, and waits when there are no more.
func (t *task) Poll(ctx context.Context, b *sdk.SourceBatch) error {
	for b.Len() < 3 && t.next < int64(len(t.versions)) {
		version := t.versions[t.next]
		schema := schemas[version]
		if schema == nil {
			return sdk.Fatal(fmt.Errorf("no version %c", version))
		}
		t.next++
		row := b.Add(t.topic).OffsetInt64(t.partition, "n", t.next).ValueRow(schema)
		row.Int64(t.next)
		switch version {
		case 'a':
			row.Int32(1)
		case 'b':
			row.Int32(1)
			row.Null()
		case 'c':
			row.Int64(1)
		}
	}
	if b.Len() == 0 {
		<-ctx.Done()
	}
	return nil
}

func (t *task) Stop(context.Context) error { return nil }
