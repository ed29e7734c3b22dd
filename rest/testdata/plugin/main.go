// Command plugin offers a source and a sink that do what their configuration says, for the tests of package rest.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

func main() {
	sdk.Serve(sdk.Plugin{
		Name:    "resttest",
		Version: "1.2.3",
		Sources: []sdk.Source{{
			Description: sdk.Description{
				Class: "RestTestSource", Aliases: []string{"com.example.RestTestSourceConnector"},
				Documentation: "Produces the numbers from 0 to records.",
				Config: append(keys(),
					config.Key{Name: "topic", Type: config.TypeString, Required: true, Importance: config.ImportanceHigh,
						Doc: "The topic to write to.", Group: "Test", Order: 1, Width: config.WidthLong, DisplayName: "Topic"},
					config.Key{Name: "records", Type: config.TypeInt, Default: config.Default("1"), Min: config.Limit(0), Importance: config.ImportanceMedium,
						Doc: "How many records each task writes.", Group: "Test", Order: 2, Width: config.WidthShort, DisplayName: "Records"}),
			},
			Connector: func() sdk.Connector { return &divider{} },
			Task:      func() sdk.SourceTask { return &source{} },
		}},
		Sinks: []sdk.Sink{{
			Description: sdk.Description{
				Class: "RestTestSink", Aliases: []string{"com.example.RestTestSinkConnector"},
				Documentation: "Takes everything.",
				Config:        keys(),
			},
			Connector: func() sdk.Connector { return &divider{} },
			Task:      func() sdk.SinkTask { return sink{} },
		}},
	})
}

func keys() config.Definition {
	return config.Definition{
		{Name: "fail", Type: config.TypeString, Default: config.Default("never"), Valid: []string{"never", "connector", "task"}, Importance: config.ImportanceLow,
			Doc: "What fails when it starts.", Group: "Test", Order: 3, Width: config.WidthShort, DisplayName: "Fail"},
		{Name: "offsets", Type: config.TypeString, Default: config.Default("keep"), Valid: []string{"keep", "leave", "refuse"}, Importance: config.ImportanceLow,
			Doc: "What is said to changes of offsets.", Group: "Test", Order: 5, Width: config.WidthShort, DisplayName: "Offsets"},
		{Name: "password", Type: config.TypePassword, Default: config.Default(""), Importance: config.ImportanceLow,
			Doc: "A secret.", Group: "Test", Order: 4, Width: config.WidthMedium, DisplayName: "Password"},
	}
}

// divider makes as many tasks as it may.
type divider struct{ config map[string]string }

func (d *divider) Start(_ context.Context, cc *sdk.ConnectorContext) error {
	d.config = cc.Config
	if d.config["fail"] == "connector" {
		return sdk.Fatal(errors.New("the connector was told to fail"))
	}
	return nil
}

func (d *divider) TaskConfigs(_ context.Context, most int) ([]map[string]string, error) {
	tasks := make([]map[string]string, most)
	for i := range tasks {
		tasks[i] = maps.Clone(d.config)
		tasks[i]["task"] = strconv.Itoa(i)
	}
	return tasks, nil
}

func (d *divider) Stop(context.Context) error { return nil }

func (d *divider) AlterSourceOffsets(_ context.Context, offsets []sdk.SourceOffset) (bool, error) {
	for _, o := range offsets {
		if _, ok := o.Offset.Int64("next"); o.Offset != nil && !ok {
			return false, fmt.Errorf("the offset %s has no number next", o.Offset)
		}
	}
	return d.alter()
}

func (d *divider) AlterSinkOffsets(context.Context, []sdk.PartitionOffset) (bool, error) {
	return d.alter()
}

func (d *divider) alter() (bool, error) {
	if d.config["offsets"] == "refuse" {
		return false, errors.New("the connector was told to refuse")
	}
	return d.config["offsets"] != "leave", nil
}

func fail(config map[string]string) error {
	if config["fail"] != "task" {
		return nil
	}
	return sdk.Fatal(fmt.Errorf("task %s was told to fail: %w", config["task"], errors.New("<b>because</b> & so on")))
}

type source struct {
	topic      string
	partition  sdk.Partition
	next, last int64
}

func (s *source) Start(ctx context.Context, tc *sdk.SourceContext) error {
	s.topic, s.partition = tc.Config["topic"], sdk.NewPartition("task", tc.Task)
	s.last = 1
	if records := tc.Config["records"]; records != "" {
		var err error
		if s.last, err = strconv.ParseInt(records, 10, 64); err != nil {
			return sdk.Fatal(fmt.Errorf("records: %w", err))
		}
	}
	offset, err := tc.Offset(ctx, s.partition)
	if err != nil {
		return err
	}
	if offset != nil {
		s.next, _ = offset.Int64("next")
	}
	return fail(tc.Config)
}

func (s *source) Poll(ctx context.Context, batch *sdk.SourceBatch) error {
	if s.next >= s.last {
		<-ctx.Done()
		return nil
	}
	for ; s.next < s.last && !batch.Full(); s.next++ {
		batch.Add(s.topic).ValueString(strconv.FormatInt(s.next, 10)).OffsetInt64(s.partition, "next", s.next+1)
	}
	return nil
}

func (s *source) Stop(context.Context) error { return nil }

type sink struct{}

func (sink) Start(_ context.Context, tc *sdk.SinkContext) error { return fail(tc.Config) }

func (sink) Put(context.Context, *sdk.SinkBatch) error { return nil }

func (sink) Stop(context.Context) error { return nil }
