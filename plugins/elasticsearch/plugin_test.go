package main

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/searchtest"
)

func TestConformance(t *testing.T) {
	sinkCase := func(class string, f searchtest.Flavor) sdktest.SinkCase {
		var servers sync.Map // of the suite's parallel parts, by URL
		return sdktest.SinkCase{
			Class: class,
			Config: func(t testing.TB) map[string]string {
				s := searchtest.New(t, f)
				servers.Store(s.URL, s)
				return map[string]string{keyURL: s.URL, keyIgnore: "true", keyValueField: "line", keyIndex: "lines"}
			},
			Written: func(t testing.TB, config map[string]string) []string {
				var lines []string
				server, _ := servers.Load(config[keyURL])
				for _, text := range server.(*searchtest.Server).Documents("lines") {
					var d struct{ Line string }
					if err := json.Unmarshal([]byte(text), &d); err != nil {
						t.Fatal(err)
					}
					lines = append(lines, d.Line)
				}
				return lines
			},
			Bad: map[string]string{keyURL: "ftp://nowhere", keyIndex: "${what}", keyOnNull: "maybe", keyInFlight: "0", keyPrincipal: "me"},
		}
	}
	sdktest.Run(t, sdktest.Suite{
		Plugin:  plugin(),
		Package: ".",
		Sinks:   []sdktest.SinkCase{sinkCase("ElasticsearchSink", searchtest.Elasticsearch9), sinkCase("OpenSearchSink", searchtest.OpenSearch2)},
	})
}

// TestReadme holds the tables of README.md against the definition.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if table := sinkConfig().Markdown(); !strings.Contains(string(readme), table) {
		t.Errorf("README.md does not have this any more, copy it:\n%s", table)
	}
}
