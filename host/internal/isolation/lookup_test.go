package isolation

import (
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/client"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// offer makes a plugin of "class version alias alias…" descriptions.
func offer(path string, connectors ...string) *Plugin {
	p := &Plugin{Path: path, Description: &client.Description{Name: path, Version: "0.1"}}
	for _, c := range connectors {
		fields := strings.Fields(c)
		p.Description.Connectors = append(p.Description.Connectors, &client.ConnectorDescription{
			Class: fields[0], Version: strings.Trim(fields[1], "-"), Aliases: fields[2:], Type: connectv1.ConnectorType_CONNECTOR_TYPE_SINK,
		})
	}
	return p
}

func TestFind(t *testing.T) {
	s := newSnapshot([]*Plugin{
		offer("/p/file-1", "FileStreamSource 1.0 org.apache.kafka.connect.file.FileStreamSourceConnector"),
		offer("/p/file-1.10", "FileStreamSource 1.10 org.apache.kafka.connect.file.FileStreamSourceConnector", "FileStreamSink 1.10"),
		offer("/p/file-1.9", "FileStreamSource 1.9"),
		offer("/p/copy", "FileStreamSource 1.9"),
		offer("/p/jdbc", "io.aiven.connect.jdbc.JdbcSourceConnector -", "MySource 1"),
		offer("/p/jdbc2", "io.confluent.connect.jdbc.JdbcSourceConnector 5"),
		offer("/p/my", "Other 1 MySource com.example.MySource"),
	}, []Entry{{Path: "/p/bad", Problem: "exited with code 3\n | more"}})
	tests := map[string]struct{ class, version, want, err string }{
		"class":                     {class: "FileStreamSource", want: "/p/file-1.10"},
		"latest":                    {class: "FileStreamSource", version: "latest", want: "/p/file-1.10"},
		"exact version":             {class: "FileStreamSource", version: "1.0.0", want: "/p/file-1"},
		"range":                     {class: "FileStreamSource", version: "[1.0,1.10)", want: "/p/copy"},
		"alias":                     {class: "org.apache.kafka.connect.file.FileStreamSourceConnector", want: "/p/file-1.10"},
		"simple name of the alias":  {class: "FileStreamSourceConnector", want: "/p/file-1.10"},
		"suffix that no class has":  {class: "FileStreamSinkConnector", want: "/p/file-1.10"},
		"version of the plugin":     {class: "io.aiven.connect.jdbc.JdbcSourceConnector", version: "0.1", want: "/p/jdbc"},
		"a class before an alias":   {class: "MySource", want: "/p/jdbc"},
		"alias in full":             {class: "com.example.MySource", want: "/p/my"},
		"case matters":              {class: "filestreamsource", err: "Failed to find any class that implements Connector and which name matches filestreamsource, available connectors are: "},
		"unknown":                   {class: "X", err: "FileStreamSource 1.10 (sink), FileStreamSource 1.9 (sink)"},
		"unknown, with a bad file":  {class: "X", err: "; not usable: /p/bad: exited with code 3"},
		"empty":                     {class: "", err: "Failed to find any class that implements Connector"},
		"ambiguous":                 {class: "JdbcSource", err: "is ambiguous: it may be io.aiven.connect.jdbc.JdbcSourceConnector of /p/jdbc or io.confluent.connect.jdbc.JdbcSourceConnector of /p/jdbc2"},
		"no such version":           {class: "FileStreamSource", version: "[2,)", err: "Plugin FileStreamSource not found that matches the version range [2,), available versions: [1.10, 1.9, 1.0]"},
		"not a version requirement": {class: "FileStreamSource", version: "[2", err: "invalid version range"},
		"a path is no class":        {class: "/p/jdbc", err: "Failed to find"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := s.find(test.class, test.version)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got %v, want %q", err, test.err)
				}
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("more than one line: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Plugin.Path != test.want {
				t.Errorf("got %s of %s", c.Class(), c.Plugin.Path)
			}
		})
	}
	if _, err := newSnapshot(nil, nil).find("X", ""); err == nil || !strings.HasSuffix(err.Error(), "available connectors are: none, drop plugin binaries into a folder of plugin.path") {
		t.Errorf("got %v", err)
	}
}
