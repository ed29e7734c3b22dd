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
			m := map[string]string{keyTopic: "numbers", keyRecords: "10000"}
			for i := 0; i < len(more); i += 2 {
				m[more[i]] = more[i+1]
			}
			return m
		}
	}
	bad := map[string]string{
		keyTopic: "", keyRecords: "-1", keyRate: "fast", keyShape: "round", keyValueSize: "3", keyKey: "me", keySeed: "x",
	}
	sdktest.Run(t, sdktest.Suite{
		Plugin:  plugin(),
		Package: ".",
		Sources: []sdktest.SourceCase{
			{Class: "DatagenSource", Config: settings(), Records: 2500, Bad: bad},
			{Class: "DatagenSource", Config: settings(keyShape, shapeRow, keyKey, keySequence), Records: 5000},
			{Class: "DatagenSource", Config: settings(keyValueSize, "300000", keyRecords, "20"), Records: 10},
		},
	})
}

// TestReadme holds the tables of README.md against the definitions.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{sourceConfig.Markdown()} {
		if !strings.Contains(string(readme), table) {
			t.Errorf("README.md does not have this any more, copy it:\n%s", table)
		}
	}
}
