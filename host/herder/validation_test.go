package herder

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/transform"
	"github.com/outboard-connect/outboard/host/internal/worker"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

var update = flag.Bool("update", false, "write the expected answers of testdata anew")

// wordsSource and shelfSink are connectors with a little of everything that validation looks at.
func wordsSource() *isolation.Connector {
	limit := 1.0
	return &isolation.Connector{Version: isolation.ParseVersion("1.4.0"), Description: &connectv1.ConnectorDescription{
		Class: "WordsSource", Aliases: []string{"org.example.WordsSourceConnector"}, Type: connectv1.ConnectorType_CONNECTOR_TYPE_SOURCE,
		Config: []*connectv1.ConfigKey{
			{
				Name: "words.file", Type: connectv1.ConfigType_CONFIG_TYPE_STRING, Required: true, NonEmpty: true,
				Importance: connectv1.Importance_IMPORTANCE_HIGH, Documentation: "File to read. One word a line.",
				Group: "Words", Order: 1, Width: connectv1.Width_WIDTH_LONG, DisplayName: "File", Dependents: []string{"words.batch"},
			},
			{
				Name: "words.batch", Type: connectv1.ConfigType_CONFIG_TYPE_INT, DefaultValue: config.Default("100"), Min: &limit,
				Importance: connectv1.Importance_IMPORTANCE_LOW, Documentation: "Words a batch.", Group: "Words", Order: 2,
			},
			{
				Name: "words.password", Type: connectv1.ConfigType_CONFIG_TYPE_PASSWORD, Importance: connectv1.Importance_IMPORTANCE_MEDIUM,
				Documentation: "Opens the file.", Group: "Words", Order: 3, DisplayName: "Password",
			},
		},
	}}
}

func shelfSink() *isolation.Connector {
	return &isolation.Connector{Version: isolation.ParseVersion("2.0"), Description: &connectv1.ConnectorDescription{
		Class: "ShelfSinkConnector", Type: connectv1.ConnectorType_CONNECTOR_TYPE_SINK,
		Config: []*connectv1.ConfigKey{
			{
				Name: "shelf.order", Type: connectv1.ConfigType_CONFIG_TYPE_STRING, ValidValues: []string{"size", "title"},
				DefaultValue: config.Default("size"), Importance: connectv1.Importance_IMPORTANCE_HIGH, Documentation: "Order of the books.",
			},
			{
				Name: "tasks.max", Type: connectv1.ConfigType_CONFIG_TYPE_INT, DefaultValue: config.Default("2"),
				Importance: connectv1.Importance_IMPORTANCE_LOW, Documentation: "The shelf's own word on tasks.", Group: "Shelf", Order: 1,
			},
		},
	}}
}

// testConverters are some of a worker's converters.
func testConverters() []ConverterInfo {
	return []ConverterInfo{
		{Class: "org.example.JsonConverter", Aliases: []string{"JsonConverter", "Json"}, Converter: true, HeaderConverter: true, Definition: config.Definition{{
			Name: "schemas.enable", Type: config.TypeBoolean, Default: config.Default("true"), Importance: config.ImportanceHigh,
			Doc: "Whether every value carries its schema.", Group: "Schemas", Order: 1, Width: config.WidthShort, DisplayName: "Enable schemas",
		}}},
		{Class: "org.example.SimpleHeaderConverter", HeaderConverter: true},
	}
}

// testValidation holds a configuration against the connector that it names.
func testValidation(values map[string]string) validation {
	v := validation{values: values, connector: wordsSource(), versions: []string{"1.4.0", "1.3.9"}, settings: &Settings{
		Converters: testConverters(),
		Transforms: Transforms{Definition: transform.Definition, Check: transform.Check},
		Worker: worker.Settings{Properties: map[string]string{
			"group.id":      "connect-cluster",
			"key.converter": "org.example.JsonConverter", "value.converter": "org.example.JsonConverter",
			"header.converter": "org.example.SimpleHeaderConverter", "value.converter.schemas.enable": "false",
		}},
		ClientOverrides: func(connectorType string, values map[string]string) []config.Info {
			var infos []config.Info
			if value, ok := values["producer.override.linger.ms"]; ok && connectorType == TypeSource {
				d := config.Definition{{Name: "producer.override.linger.ms", Type: config.TypeLong, Importance: config.ImportanceMedium}}
				infos = append(infos, d.Info(d.Validate(map[string]string{"producer.override.linger.ms": value})[0]))
			}
			return infos
		},
	}}
	if strings.HasPrefix(values["connector.class"], "Shelf") {
		v.connector, v.versions = shelfSink(), []string{"2.0"}
	}
	if values["connector.plugin.version"] == "9" {
		v.versionProblem = "Plugin not found that matches the version range 9"
	}
	return v
}

// TestValidation reads cases of the form: properties, a line ---, the answer. In files whose name begins with answer- that
// is the JSON of the whole answer, in others the number of errors and each of them with its key.
func TestValidation(t *testing.T) {
	files, err := filepath.Glob("testdata/validate/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			given, want, _ := strings.Cut(string(text), "---\n")
			infos := testValidation(properties(given)).answer().infos(properties(given))
			for _, c := range infos.Configs {
				if c.Definition != nil && !strings.HasPrefix(c.Value.Name, "words.") {
					c.Definition.Documentation = "" // the framework's wording is not what this is about
				}
			}
			var got string
			if strings.HasPrefix(filepath.Base(file), "answer-") {
				j, err := json.MarshalIndent(infos, "", " ")
				if err != nil {
					t.Fatal(err)
				}
				got = string(j) + "\n"
			} else {
				got = fmt.Sprintf("%d errors\n", infos.ErrorCount)
				for _, c := range infos.Configs {
					for _, e := range c.Value.Errors {
						got += c.Value.Name + ": " + e + "\n"
					}
				}
			}
			if got == want {
				return
			}
			if !*update {
				t.Errorf("the answer is\n%s\nwant\n%s", got, want)
				return
			}
			if err := os.WriteFile(file, []byte(given+"---\n"+got), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// properties reads key=value lines; lines that begin with # are comments.
func properties(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok && !strings.HasPrefix(key, "#") {
			values[key] = value
		}
	}
	return values
}

// TestValidationNeverNull holds what strict clients insist on, over every case.
func TestValidationNeverNull(t *testing.T) {
	files, _ := filepath.Glob("testdata/validate/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		given, _, _ := strings.Cut(string(text), "---\n")
		infos := testValidation(properties(given)).answer().infos(properties(given))
		if infos.Groups == nil || infos.Configs == nil {
			t.Errorf("%s: groups or configs are null", file)
		}
		count := 0
		for _, c := range infos.Configs {
			if c.Value.Errors == nil || c.Value.RecommendedValues == nil || c.Definition != nil && c.Definition.Dependents == nil {
				t.Errorf("%s: %s has a null list", file, c.Value.Name)
			}
			count += len(c.Value.Errors)
		}
		if count != infos.ErrorCount {
			t.Errorf("%s: error_count is %d, there are %d", file, infos.ErrorCount, count)
		}
	}
}

func TestLiveValidationIsMerged(t *testing.T) {
	values := map[string]string{"name": "w", "connector.class": "WordsSource", "words.file": "/w"}
	a := testValidation(values).answer()
	if a.count() != 0 {
		t.Fatalf("%d errors before", a.count())
	}
	a.merge([]config.Value{
		{Name: "words.file", Errors: []string{"There is no such file."}, Visible: true},
		{Name: "words.batch", Recommended: []string{"10", "20"}, Visible: false},
		{Name: "words.secret", Errors: []string{"Unknown."}, Visible: true},
	})
	infos := a.infos(values)
	if infos.ErrorCount != 2 {
		t.Errorf("error_count %d, want 2", infos.ErrorCount)
	}
	seen := map[string]config.Info{}
	for _, c := range infos.Configs {
		seen[c.Value.Name] = c
	}
	if e := seen["words.file"].Value.Errors; len(e) != 1 || e[0] != "There is no such file." {
		t.Errorf("errors of words.file: %q", e)
	}
	if v := seen["words.batch"].Value; v.Visible || len(v.RecommendedValues) != 2 || *v.Value != "100" {
		t.Errorf("words.batch: %+v", v)
	}
	if c, ok := seen["words.secret"]; !ok || c.Definition != nil {
		t.Errorf("words.secret: %+v", c)
	}
}

// FuzzValidation: whatever a configuration holds, validation ends, counts what it finds and shows no password.
func FuzzValidation(f *testing.F) {
	files, _ := filepath.Glob("testdata/validate/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		given, _, _ := strings.Cut(string(text), "---\n")
		f.Add(given)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values := properties(text)
		values["words.password"] = "s3cr3t-t0k3n"
		a := testValidation(values).answer()
		infos := a.infos(values)
		count := 0
		for _, c := range infos.Configs {
			count += len(c.Value.Errors)
		}
		if count != infos.ErrorCount || count != a.count() {
			t.Errorf("error_count is %d, there are %d", infos.ErrorCount, count)
		}
		j, err := json.Marshal(infos)
		if err != nil || strings.Contains(string(j), "s3cr3t-t0k3n") && !strings.Contains(text, "s3cr3t-t0k3n") {
			t.Errorf("answer %s, %v", j, err)
		}
	})
}
