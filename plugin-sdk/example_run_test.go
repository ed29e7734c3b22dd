package sdk_test

import (
	"testing"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
)

// The examples are held to the contract like any plugin.
func TestExamples(t *testing.T) {
	settings := map[string]string{"topic": "squares", "last": "5000"}
	sdktest.Run(t, sdktest.Suite{
		Plugin: sdk.Plugin{
			Name: "examples", Version: "1.0.0",
			Sources: []sdk.Source{{
				Description: sdk.Description{Class: "SquaresSource", Documentation: "Writes numbers and their squares.", Config: squaresConfig},
				Task:        func() sdk.SourceTask { return &squares{} },
			}},
			Sinks: []sdk.Sink{{
				Description: sdk.Description{Class: "SumSink", Documentation: "Adds up lengths.", Config: sumConfig},
				Task:        func() sdk.SinkTask { return &sum{} },
			}},
		},
		Sources: []sdktest.SourceCase{{
			Class: "SquaresSource", Config: func(testing.TB) map[string]string { return settings }, Records: 5000,
			Bad: map[string]string{"topic": "", "last": "0"},
		}},
		Sinks: []sdktest.SinkCase{{
			Class: "SumSink", Config: func(testing.TB) map[string]string { return nil },
			Bad: map[string]string{"max": "-1"},
		}},
	})
}

func TestExampleValues(t *testing.T) {
	p := sdktest.InProcess(t, sdk.Plugin{Name: "examples", Version: "1.0.0",
		Sources: []sdk.Source{{Description: sdk.Description{Class: "SquaresSource", Config: squaresConfig}, Task: func() sdk.SourceTask { return &squares{} }}},
		Sinks:   []sdk.Sink{{Description: sdk.Description{Class: "SumSink", Config: sumConfig}, Task: func() sdk.SinkTask { return &sum{} }}},
	})
	source, err := p.StartSource("SquaresSource", map[string]string{"topic": "squares"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := source.Take(3)[2].Text(); got != "Struct{number=3,square=9}" {
		t.Errorf("the third record is %s", got)
	}
	sink, err := p.StartSink("SumSink", map[string]string{"max": "3"})
	if err != nil {
		t.Fatal(err)
	}
	errant, err := sink.Put([]data.SinkRecord{{Topic: "t", Value: data.StringValue("abc")}, {Topic: "t", Offset: 1, Value: data.StringValue("abcd")}})
	if err != nil || len(errant) != 1 || errant[0].Record.Offset != 1 {
		t.Errorf("%+v, %v", errant, err)
	}
}
