package main

import (
	"os"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
)

func TestConformance(t *testing.T) {
	settings := func(more ...string) func(testing.TB) map[string]string {
		return func(testing.TB) map[string]string {
			m := map[string]string{}
			for i := 0; i < len(more); i += 2 {
				m[more[i]] = more[i+1]
			}
			return m
		}
	}
	sdktest.Run(t, sdktest.Suite{
		Plugin:  plugin(),
		Package: ".",
		Sinks: []sdktest.SinkCase{
			{Class: "BlackholeSink", Config: settings(), Bad: map[string]string{keyDelay: "-1", keyFailEvery: "often", keyFailKind: "silent"}},
			{Class: "BlackholeSink", Config: settings(keyFailEvery, "100", keyDelay, "1")},
		},
	})
}

// TestReadme holds the tables of README.md against the definitions.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{sinkConfig.Markdown()} {
		if !strings.Contains(string(readme), table) {
			t.Errorf("README.md does not have this any more, copy it:\n%s", table)
		}
	}
}
