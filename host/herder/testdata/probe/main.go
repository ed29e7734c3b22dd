// Command probe offers connectors that do what their configuration and a file say, and note what is done to them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

func main() {
	sdk.Serve(sdk.Plugin{
		Name: "probe", Version: "1.2.3",
		Sources: []sdk.Source{{
			Description: sdk.Description{Class: "ProbeSource", Aliases: []string{"org.example.ProbeSourceConnector"}, Documentation: "A source.", Config: keys()},
			Connector:   func() sdk.Connector { return &connector{} },
			Task:        func() sdk.SourceTask { return &task{} },
		}},
		Sinks: []sdk.Sink{{
			Description: sdk.Description{Class: "ProbeSink", Documentation: "A sink.", Config: keys()},
			Connector:   func() sdk.Connector { return &validating{} },
			Task:        func() sdk.SinkTask { return sink{} },
		}},
	})
}

func keys() config.Definition {
	text := func(name, doc string) config.Key {
		return config.Key{Name: name, Type: config.TypeString, Default: config.Default(""), Importance: config.ImportanceLow, Doc: doc}
	}
	return config.Definition{
		text("notes", "File that gets a line for each start and stop."),
		text("control", "File that says how TaskConfigs answers: a number of tasks, max for as many as there may be, hang, or an error. When it changes the connector asks to be divided again."),
		text("fail.start", "Error of the connector's Start."),
		text("fail.task", "Error of a task's Start."),
		text("hang.stop", "If not empty, the connector's Stop never returns."),
		text("alter", "What a change of offsets meets: exit, or an error."),
		text("mark", "What tasks note with their part when they start, if it is not empty."),
		text("silent", "If not empty, a change of the control file is not noticed."),
		text("topic", "Topic that each task writes one record to."),
		{Name: "size", Type: config.TypeInt, Default: config.Default("1"), Min: config.Limit(1), Importance: config.ImportanceLow, Doc: "Any number."},
	}
}

// note appends a line to the file of notes.
func note(values map[string]string, format string, args ...any) {
	if values["notes"] == "" {
		return
	}
	f, err := os.OpenFile(values["notes"], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintf(f, format+"\n", args...)
}

type connector struct{ *sdk.ConnectorContext }

func (c *connector) control() string {
	text, _ := os.ReadFile(c.Config["control"])
	return strings.TrimSpace(string(text))
}

func (c *connector) Start(_ context.Context, cc *sdk.ConnectorContext) error {
	c.ConnectorContext = cc
	note(cc.Config, "start")
	if text := cc.Config["fail.start"]; text != "" {
		return sdk.Fatal(errors.New(text))
	}
	if cc.Config["control"] != "" && cc.Config["silent"] == "" {
		go c.watch(c.control())
	}
	return nil
}

// watch looks for a change of the control file.
func (c *connector) watch(seen string) {
	for c.Context.Err() == nil {
		time.Sleep(10 * time.Millisecond)
		if now := c.control(); now != seen {
			seen = now
			c.RequestReconfiguration()
		}
	}
}

func (c *connector) TaskConfigs(_ context.Context, maximum int) ([]map[string]string, error) {
	text := c.control()
	switch text {
	case "":
		text = "1"
	case "max":
		text = strconv.Itoa(maximum)
	}
	note(c.Config, "divide %s", text)
	if text == "hang" {
		select {}
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, errors.New(text)
	}
	tasks := make([]map[string]string, n)
	for i := range tasks {
		tasks[i] = map[string]string{"part": fmt.Sprintf("%d of %d", i, n)}
		for _, key := range []string{"notes", "topic", "fail.task", "mark"} {
			tasks[i][key] = c.Config[key]
		}
	}
	return tasks, nil
}

func (c *connector) Stop(context.Context) error {
	note(c.Config, "stop")
	if c.Config["hang.stop"] != "" {
		select {}
	}
	return nil
}

func (c *connector) AlterSourceOffsets(_ context.Context, offsets []sdk.SourceOffset) (bool, error) {
	for _, o := range offsets {
		note(c.Config, "alter %s to %s", o.Partition, o.Offset)
	}
	switch text := c.Config["alter"]; text {
	case "":
		return true, nil
	case "exit":
		os.Exit(7)
		return false, nil
	default:
		return false, errors.New(text)
	}
}

func (c *connector) AlterSinkOffsets(_ context.Context, offsets []sdk.PartitionOffset) (bool, error) {
	note(c.Config, "alter %v", offsets)
	return false, nil
}

// validating is a connector with validation of its own.
type validating struct{ connector }

func (v *validating) Validate(context.Context, map[string]string) ([]config.Value, error) {
	return nil, nil
}

type task struct {
	topic     string
	partition sdk.Partition
}

func (t *task) Start(_ context.Context, tc *sdk.SourceContext) error {
	note(tc.Config, "start %d", tc.Task)
	if mark := tc.Config["mark"]; mark != "" {
		note(tc.Config, "run %s %s", tc.Config["part"], mark)
	}
	t.topic, t.partition = tc.Config["topic"], sdk.NewPartition("task", tc.Task)
	if text := tc.Config["fail.task"]; text != "" {
		return sdk.Fatal(errors.New(text))
	}
	return nil
}

func (t *task) Poll(ctx context.Context, batch *sdk.SourceBatch) error {
	if t.topic != "" {
		batch.Add(t.topic).ValueString("one").OffsetInt64(t.partition, "n", 1)
		t.topic = ""
		return nil
	}
	<-ctx.Done()
	return nil
}

func (t *task) Stop(context.Context) error { return nil }

type sink struct{}

func (sink) Start(_ context.Context, tc *sdk.SinkContext) error {
	note(tc.Config, "start %d", tc.Task)
	return nil
}
func (sink) Put(context.Context, *sdk.SinkBatch) error { return nil }
func (sink) Stop(context.Context) error                { return nil }
