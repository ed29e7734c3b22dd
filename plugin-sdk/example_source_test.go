package sdk_test

import (
	"context"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

var squaresConfig = config.Definition{
	{Name: "topic", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
		Group: "Squares", DisplayName: "Topic", Doc: "The topic to write to."},
	{Name: "last", Type: config.TypeLong, Default: config.Default("100"), Min: config.Limit(1), Importance: config.ImportanceLow,
		Group: "Squares", DisplayName: "Last", Doc: "The number to stop at."},
}

// A schema is made once and kept.
var squareSchema = data.NewStruct("Square").Field("number", data.Int64Schema).Field("square", data.Int64Schema).MustBuild()

// squares writes 1, 2, 3 … and their squares.
type squares struct {
	topic      string
	next, last int64
}

var squaresPartition = sdk.NewPartition("numbers", "natural")

func (s *squares) Start(ctx context.Context, tc *sdk.SourceContext) error {
	v, err := squaresConfig.Parse(tc.Config)
	if err != nil {
		return sdk.Fatal(err)
	}
	s.topic, s.last = v.String("topic"), v.Int64("last")
	offset, err := tc.Offset(ctx, squaresPartition)
	if err != nil {
		return err
	}
	done, _ := offset.Int64("done") // 0 the first time
	s.next = done + 1
	return nil
}

func (s *squares) Poll(ctx context.Context, batch *sdk.SourceBatch) error {
	if s.next > s.last {
		<-ctx.Done() // nothing more: wait until the task is stopped
	}
	for ; s.next <= s.last && !batch.Full(); s.next++ {
		row := batch.Add(s.topic).OffsetInt64(squaresPartition, "done", s.next).ValueRow(squareSchema)
		row.Int64(s.next)
		row.Int64(s.next * s.next)
	}
	return nil
}

func (s *squares) Stop(context.Context) error { return nil }

// This is the main function of a plugin with a source.
func ExampleSource() {
	d := sdk.Description{Class: "SquaresSource", Documentation: "Writes numbers and their squares.", Config: squaresConfig}
	sdk.Serve(sdk.Plugin{Name: "squares", Version: "1.0.0", Sources: []sdk.Source{{Description: d, Task: func() sdk.SourceTask { return &squares{} }}}})
}
