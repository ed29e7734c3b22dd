package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

var update = flag.Bool("update", false, "write the golden files in testdata anew")

// golden compares a text with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s: %s", path, d)
	}
}

// lines is a JSON array with an element a line.
func lines[T any](t *testing.T, list []T) []byte {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	for _, element := range list {
		if err := encoder.Encode(element); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// shop has a key of every shape.
var shop = config.Definition{
	{
		Name: "url", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
		Group: "Connection", Order: 2, Width: config.WidthLong, DisplayName: "URL", Dependents: []string{"tables"},
		Doc:     "Where the shop is, such as https://shop.example.\nAn address with a path | query is fine.",
		Pattern: "https?://.+|`.*`",
	},
	{
		Name: "password", Type: config.TypePassword, Default: config.Default("changeit"), Importance: config.ImportanceHigh,
		Group: "Connection", Order: 1, Width: config.WidthMedium, DisplayName: "Password", Doc: "Password of the user.",
	},
	{
		Name: "retries", Type: config.TypeInt, Default: config.Default("10"), Min: config.Limit(0), Max: config.Limit(100), Importance: config.ImportanceLow,
		Group: "Connection", Width: config.WidthShort, DisplayName: "Retries", Doc: "How often to try again.",
	},
	{Name: "columns", Type: config.TypeList, Importance: config.ImportanceLow, Group: "Tables", DisplayName: "Columns", Doc: "Which columns to read."},
	{
		Name: "tables", Type: config.TypeList, Default: config.Default(""), Valid: []string{"orders", "items"}, Importance: config.ImportanceMedium,
		Group: "Tables", Order: 1, DisplayName: "Tables", Doc: "What to read.", Recommended: []string{"orders"},
	},
	{Name: "mode", Type: config.TypeString, Default: config.Default("`fast`"), Valid: []string{"`fast`", "safe"}, IgnoreCase: true},
	{Name: "ratio", Type: config.TypeDouble, Max: config.Limit(0.5)},
	{Name: "level", Type: config.TypeShort, Min: config.Limit(-1)},
	{Name: "strange", Type: 77, Importance: 77, Width: 77},
}

func TestKeyInfo(t *testing.T) {
	var infos []config.KeyInfo
	for _, k := range shop {
		infos = append(infos, k.Info())
	}
	golden(t, "keyinfo.jsonl", lines(t, infos))
}

func TestInfo(t *testing.T) {
	results := shop.Validate(map[string]string{"password": "s3cret", "tables": "orders, item", "retries": " 7 "})
	results = append(results, config.Value{Name: "elsewhere", Value: config.Default("x"), Errors: []string{"not known"}})
	var infos []config.Info
	for _, r := range results {
		infos = append(infos, shop.Info(r))
	}
	data := lines(t, infos)
	golden(t, "info.jsonl", data)
	for _, secret := range []string{"s3cret", "changeit"} {
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("the answer shows the password %s", secret)
		}
	}
	if got := text(results[1].Value); got != "s3cret" {
		t.Errorf("Validate itself returns the password as %q", got)
	}
}

func TestMarkdown(t *testing.T) {
	golden(t, "markdown.md", []byte(shop.Markdown()))
	if got := (config.Definition{}).Markdown(); got != "" {
		t.Errorf("the empty definition renders as %q", got)
	}
}

func TestNumbersOfTheProtocol(t *testing.T) {
	types := []string{
		1: "BOOLEAN", 2: "STRING", 3: "INT", 4: "SHORT", 5: "LONG", 6: "DOUBLE", 7: "LIST", 8: "CLASS", 9: "PASSWORD",
	}
	for i := 1; i < len(types); i++ {
		if got := config.Type(i).String(); got != types[i] {
			t.Errorf("type %d is %s, want %s", i, got, types[i])
		}
	}
	importances := []string{1: "HIGH", 2: "MEDIUM", 3: "LOW"}
	for i := 1; i < len(importances); i++ {
		if got := config.Importance(i).String(); got != importances[i] {
			t.Errorf("importance %d is %s, want %s", i, got, importances[i])
		}
	}
	for i, want := range []string{"NONE", "SHORT", "MEDIUM", "LONG"} {
		if got := config.Width(i).String(); got != want {
			t.Errorf("width %d is %s, want %s", i, got, want)
		}
	}
}
