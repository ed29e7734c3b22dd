//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// schemaRegistry is the registry of all tests; the subjects of a test begin with its worker's prefix.
func schemaRegistry(t *testing.T) string {
	t.Helper()
	return "http://" + sharedServer(t, "registry").address + "/apis/ccompat/v7"
}

// Rows that go through a registry's converter, there and back, are those that go through JsonConverter.
func TestRowsThroughARegistry(t *testing.T) {
	t.Parallel()
	registry := schemaRegistry(t)
	k := shared(t)
	w := newWorker(t, k, nil)
	w.start()
	const count = 50
	lines := map[string][]string{}
	for name, converter := range map[string]map[string]string{
		"json":     {"": jsonConverter},
		"avro":     {"": "io.confluent.connect.avro.AvroConverter", ".schema.registry.url": registry},
		"schema":   {"": "io.confluent.connect.json.JsonSchemaConverter", ".schema.registry.url": registry},
		"protobuf": {"": "io.confluent.connect.protobuf.ProtobufConverter", ".schema.registry.url": registry, ".optional.for.nullables": "true"},
	} {
		topic := w.prefix + "-" + name
		file := filepath.Join(w.folder, name+".txt")
		source := map[string]string{"connector.class": "DatagenSource", "topic": topic, "records": fmt.Sprint(count), "shape": "row", "key": "sequence",
			"key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter"}
		sink := map[string]string{"connector.class": "FileStreamSink", "tasks.max": "1", "file": file, "topics": topic}
		for setting, value := range converter {
			source["value.converter"+setting], sink["value.converter"+setting] = value, value
		}
		w.put(topic, source)
		w.put(topic+"-sink", sink)
		eventually(t, flowLimit, "the rows of "+name, func() string {
			text, err := os.ReadFile(file)
			if lines[name] = strings.Split(strings.TrimSpace(string(text)), "\n"); err != nil || len(lines[name]) != count {
				return fmt.Sprintf("%d of %d are there (%v)", len(lines[name]), count, err)
			}
			return ""
		})
		if name == "json" {
			continue
		}
		for n, r := range k.records(t, topic) {
			if len(r.Value) < 6 || r.Value[0] != 0 {
				t.Fatalf("%s: record %d is %q, which names no schema", name, n, r.Value)
			}
		}
		if got := registeredType(t, registry, topic+"-value"); got != map[string]string{"avro": "", "schema": "JSON", "protobuf": "PROTOBUF"}[name] {
			t.Errorf("the schema of %s is registered as %q", name, got)
		}
	}
	for name, got := range lines {
		for n, line := range got {
			if line != lines["json"][n] {
				t.Fatalf("%s: row %d came back as\n%s\nwant\n%s", name, n, line, lines["json"][n])
			}
		}
	}
}

// registeredType is the type of the latest schema of a subject, "" for Avro.
func registeredType(t *testing.T, registry, subject string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, registry+"/subjects/"+subject+"/versions/latest", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("subject %s: status %d, %v: %s", subject, response.StatusCode, err, text)
	}
	var found struct {
		Type string `json:"schemaType"`
	}
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	if found.Type == "AVRO" { // as other registries than Confluent's say it
		return ""
	}
	return found.Type
}
