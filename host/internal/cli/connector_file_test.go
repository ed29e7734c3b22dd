package cli

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseConnectorFile(t *testing.T) {
	cases := map[string]struct {
		text   string
		name   string
		config map[string]string
		target string
	}{
		"properties": {"name=a\nconnector.class=X\n", "a", map[string]string{"name": "a", "connector.class": "X"}, ""},
		"flat JSON": {`{"name": "a", "tasks.max": 2, "x": true, "y": 1.50, "z": "\u00e9"}`, "a",
			map[string]string{"name": "a", "tasks.max": "2", "x": "true", "y": "1.50", "z": "é"}, ""},
		"a request":            {` {"name": "a", "config": {"k": "v"}, "initial_state": "paused"}`, "a", map[string]string{"k": "v"}, "PAUSED"},
		"a request, two names": {`{"name": "a", "config": {"name": "a"}}`, "a", map[string]string{"name": "a"}, ""},
		"name in the config":   {`{"config": {"name": "a"}}`, "a", map[string]string{"name": "a"}, ""},
		"a key called config":  {`{"name": "a", "config": "/etc/x"}`, "a", map[string]string{"name": "a", "config": "/etc/x"}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseConnectorFile([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if got.name != c.name || string(got.target) != c.target || !maps.Equal(got.config, c.config) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestParseConnectorFileRefuses(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"no name":            {"connector.class=X", "the key name is missing"},
		"blank name":         {`{"name": " "}`, "the key name is missing"},
		"empty":              {"", "the key name is missing"},
		"two names":          {`{"name": "a", "config": {"name": "b"}}`, "it names the connector a and in its config b"},
		"bad JSON":           {"{\n\"name\": \"a\",\n}", "line 3 is no JSON"},
		"more than one":      {`{"name": "a"}{"name": "b"}`, "something after the end"},
		"null":               {`{"name": "a", "x": null}`, "key x has the value null"},
		"object":             {`{"name": "a", "x": {}}`, "key x has the value {}"},
		"null in the config": {`{"name": "a", "config": {"x": null}}`, "key x has the value null"},
		"unknown member":     {`{"name": "a", "config": {}, "tasks": []}`, "member tasks: only name, config and initial_state"},
		"name is a number":   {`{"name": 1, "config": {}}`, "member name"},
		"unknown state":      {`{"name": "a", "config": {}, "initial_state": "ASLEEP"}`, "ASLEEP is none of RUNNING, PAUSED, STOPPED"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := parseConnectorFile([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestReadConnectorFileNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	if _, err := readConnectorFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
}

// FuzzParseConnectorFile: whatever a file holds, there is a connector with a name or an error with a text.
func FuzzParseConnectorFile(f *testing.F) {
	for _, seed := range []string{"name=a", `{"name":"a","config":{"k":1}}`, `{"name":"a"}`, "{", `{"config":{}}`, `{"a":1}{`, "{}\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseConnectorFile(text)
		if err == nil && (strings.TrimSpace(c.name) == "" || c.config == nil) {
			t.Errorf("neither a connector nor an error: %+v", c)
		}
	})
}
