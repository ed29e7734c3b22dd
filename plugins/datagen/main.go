package main

import sdk "github.com/outboard-connect/outboard/plugin-sdk"

func main() { sdk.Serve(plugin()) }

func plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:    "datagen",
		Version: sdk.Version,
		Sources: []sdk.Source{{
			Description: sdk.Description{
				Class:         "DatagenSource",
				Documentation: "Makes records out of nothing, the same ones each time, as fast as wanted.",
				Config:        sourceConfig,
			},
			Connector: func() sdk.Connector { return &connector{} },
			Task:      func() sdk.SourceTask { return &task{} },
		}},
	}
}
