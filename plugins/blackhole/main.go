package main

import sdk "github.com/outboard-connect/outboard/plugin-sdk"

func main() { sdk.Serve(plugin()) }

func plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:    "blackhole",
		Version: sdk.Version,
		Sinks: []sdk.Sink{{
			Description: sdk.Description{
				Class:         "BlackholeSink",
				Documentation: "Takes records and forgets them; on request it is slow or fails.",
				Config:        sinkConfig,
			},
			Task: func() sdk.SinkTask { return &task{} },
		}},
	}
}
