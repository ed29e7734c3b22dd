package main

import sdk "github.com/outboard-connect/outboard/plugin-sdk"

func main() { sdk.Serve(plugin()) }

func plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:    "file",
		Version: sdk.Version,
		Sources: []sdk.Source{{
			Description: sdk.Description{
				Class:         "FileStreamSource",
				Aliases:       []string{"FileStreamSourceConnector", "org.apache.kafka.connect.file.FileStreamSourceConnector"},
				Documentation: "Follows a text file and writes each line to a topic. It survives rotation, truncation and restarts.",
				Config:        sourceConfig,
				MaxTasks:      1,
			},
			Connector: func() sdk.Connector { return &sourceConnector{} },
			Task:      func() sdk.SourceTask { return &sourceTask{} },
		}},
		Sinks: []sdk.Sink{{
			Description: sdk.Description{
				Class:         "FileStreamSink",
				Aliases:       []string{"FileStreamSinkConnector", "org.apache.kafka.connect.file.FileStreamSinkConnector"},
				Documentation: "Appends the value of each record as a line to a text file, or to the worker's standard output.",
				Config:        sinkConfig,
			},
			Connector: func() sdk.Connector { return &sinkConnector{} },
			Task:      func() sdk.SinkTask { return &sinkTask{} },
		}},
	}
}
