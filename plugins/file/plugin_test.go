package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
)

func TestConformance(t *testing.T) {
	sdktest.Run(t, sdktest.Suite{
		Plugin:  plugin(),
		Package: ".",
		Sources: []sdktest.SourceCase{{
			Class: "FileStreamSource",
			Config: func(t testing.TB) map[string]string {
				path := filepath.Join(t.TempDir(), "in.txt")
				write(t, path, numbered(0, 3000))
				return map[string]string{keyFile: path, keyTopic: "lines"}
			},
			Records: 3000,
			Bad:     map[string]string{keyFile: "", keyTopic: " ", keyBatchSize: "0"},
		}},
		Sinks: []sdktest.SinkCase{{
			Class: "FileStreamSink",
			Config: func(t testing.TB) map[string]string {
				return map[string]string{keyFile: filepath.Join(t.TempDir(), "out.txt")}
			},
			Written: func(t testing.TB, config map[string]string) []string { return readLines(t, config[keyFile]) },
			Bad:     map[string]string{keyFile: "/nowhere/at/all"},
		}},
	})
}

// numbered makes the lines "line 7\n" from a number up to another one.
func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "line %d\n", i)
	}
	return b.String()
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func readLines(t testing.TB, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		return nil
	}
	text, whole := strings.CutSuffix(string(b), "\n")
	if !whole {
		t.Errorf("the last line of %s is not finished: %q", path, text[strings.LastIndexByte(text, '\n')+1:])
	}
	return strings.Split(text, "\n")
}

// TestReadme holds the tables of README.md against the definitions.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{sourceConfig.Markdown(), sinkConfig.Markdown()} {
		if !strings.Contains(string(readme), table) {
			t.Errorf("README.md does not have this any more, copy it:\n%s", table)
		}
	}
}
