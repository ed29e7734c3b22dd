package main

import sdk "github.com/outboard-connect/outboard/plugin-sdk"

func main() { sdk.Serve(plugin()) }

const documentation = "Writes the records of topics as documents to Elasticsearch 7 to 9 and OpenSearch 1 to 3: in bulk, in order for each document, " +
	"and the same however often it is repeated. Change events of Debezium become the rows they are about."

func plugin() sdk.Plugin {
	sink := func(class string, aliases ...string) sdk.Sink {
		return sdk.Sink{
			Description: sdk.Description{Class: class, Aliases: aliases, Documentation: documentation, Config: sinkConfig()},
			Connector:   func() sdk.Connector { return &connector{} },
			Task:        func() sdk.SinkTask { return &task{} },
		}
	}
	return sdk.Plugin{
		Name:    "elasticsearch",
		Version: sdk.Version,
		Sinks: []sdk.Sink{
			sink("ElasticsearchSink",
				"ElasticsearchSinkConnector",
				"io.confluent.connect.elasticsearch.ElasticsearchSinkConnector",
				"io.aiven.connect.elasticsearch.ElasticsearchSinkConnector",
			),
			sink("OpenSearchSink",
				"OpenSearchSinkConnector",
				"OpensearchSinkConnector",
				"io.confluent.connect.opensearch.OpenSearchSinkConnector",
				"io.aiven.kafka.connect.opensearch.OpensearchSinkConnector",
				"io.aiven.kafka.connect.opensearch.OpenSearchSinkConnector",
			),
		},
	}
}
