package sdk_test

import (
	"context"
	"fmt"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// sum adds up the lengths of values; it takes one longer than max for a mistake.
type sum struct{ total, max int }

var sumConfig = config.Definition{{Name: "max", Type: config.TypeInt, Default: config.Default("1000"), Min: config.Limit(1),
	Importance: config.ImportanceLow, Group: "Sum", DisplayName: "Max", Doc: "The longest value to add, in bytes."}}

func (s *sum) Start(_ context.Context, tc *sdk.SinkContext) error {
	v, err := sumConfig.Parse(tc.Config)
	if err == nil {
		s.max = v.Int("max")
	}
	return err
}

func (s *sum) Put(_ context.Context, batch *sdk.SinkBatch) error {
	for i, r := range batch.Records() {
		if n := len(r.Value.Data); n > s.max {
			batch.Errant(i, fmt.Errorf("the value has %d bytes, max=%d", n, s.max))
		} else {
			s.total += n
		}
	}
	return nil
}

func (s *sum) Stop(context.Context) error { return nil }

// This is the main function of a plugin with a sink.
func ExampleSink() {
	d := sdk.Description{Class: "SumSink", Documentation: "Adds up lengths.", Config: sumConfig}
	sdk.Serve(sdk.Plugin{Name: "sum", Version: "1.0.0", Sinks: []sdk.Sink{{Description: d, Task: func() sdk.SinkTask { return &sum{} }}}})
}
