package client_test

import (
	"testing"

	"google.golang.org/grpc"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/client"
)

// declaring is a connector that says whether it supports exactly once.
type declaring struct{ *connector }

func (declaring) SupportsExactlyOnce(config map[string]string) bool {
	if config["file"] == "panic" {
		panic("in SupportsExactlyOnce")
	}
	return config["file"] != ""
}

func TestExactlyOnce(t *testing.T) {
	offer := sdk.Plugin{Name: "test", Version: "1",
		Sources: []sdk.Source{
			{Description: sdk.Description{Class: "Declaring"}, Connector: func() sdk.Connector { return declaring{&connector{}} }, Task: func() sdk.SourceTask { return nil }},
			{Description: sdk.Description{Class: "Silent"}, Connector: func() sdk.Connector { return &connector{} }, Task: func() sdk.SourceTask { return nil }},
			{Description: sdk.Description{Class: "Plain"}, Task: func() sdk.SourceTask { return nil }},
		},
		Sinks: []sdk.Sink{{Description: sdk.Description{Class: "Sink"}, Connector: func() sdk.Connector { return declaring{&connector{}} }, Task: func() sdk.SinkTask { return nil }}},
	}
	for name, c := range map[string]struct {
		class, file                string
		supported, declared, fails bool
	}{
		"it can":          {class: "Declaring", file: "f", supported: true, declared: true},
		"it cannot":       {class: "Declaring", declared: true},
		"it panics":       {class: "Declaring", file: "panic", fails: true},
		"it says nothing": {class: "Silent", file: "f"},
		"no Connector":    {class: "Plain", file: "f"},
		"a sink":          {class: "Sink", file: "f"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, plugin(t, offer), func(t *testing.T, conn *grpc.ClientConn) {
				supported, declared, err := client.ExactlyOnce(t.Context(), conn, c.class, map[string]string{"file": c.file}, client.Limits{})
				if supported != c.supported || declared != c.declared || (err != nil) != c.fails {
					t.Errorf("supported %t, declared %t, %v", supported, declared, err)
				}
			})
		})
	}
}
