package client

import (
	"strings"
	"testing"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

func TestCheckDescription(t *testing.T) {
	source := connectv1.ConnectorType_CONNECTOR_TYPE_SOURCE
	text := connectv1.ConfigType_CONFIG_TYPE_STRING
	keys := func(k ...*connectv1.ConfigKey) func(*Description) {
		return func(d *Description) { d.Connectors[0].Config = k }
	}
	one, two := 1.0, 2.0
	tests := map[string]struct {
		change func(*Description)
		want   string
	}{
		"fine":                   {change: func(*Description) {}},
		"key":                    {change: keys(&connectv1.ConfigKey{Name: "a.b", Type: text, Min: &one, Max: &two, Pattern: "a+"})},
		"type of a newer plugin": {change: keys(&connectv1.ConfigKey{Name: "a", Type: 99})},
		"no name":                {change: func(d *Description) { d.Name = "" }, want: "its name is empty"},
		"name with a space":      {change: func(d *Description) { d.Name = "a b" }, want: "white space"},
		"name not UTF-8":         {change: func(d *Description) { d.Name = "a\xff" }, want: `"a\\xff"`},
		"no version":             {change: func(d *Description) { d.Version = "" }, want: "its version is empty"},
		"long version":           {change: func(d *Description) { d.Version = strings.Repeat("1", 256) }, want: "256 bytes long, 255"},
		"no connector":           {change: func(d *Description) { d.Connectors = nil }, want: "it has no connector"},
		"many connectors": {
			change: func(d *Description) { d.Connectors = make([]*ConnectorDescription, 257) }, want: "it has 257 connectors",
		},
		"nil connector":     {change: func(d *Description) { d.Connectors[0] = nil }, want: "no class name"},
		"class with a path": {change: func(d *Description) { d.Connectors[0].Class = "../x" }, want: `"../x" is no class name`},
		"bad alias":         {change: func(d *Description) { d.Connectors[0].Aliases = []string{"a..b"} }, want: `"a..b" is no class name`},
		"alias of its own":  {change: func(d *Description) { d.Connectors[0].Aliases = []string{"A"} }, want: "connectors A and A both answer"},
		"class twice": {
			change: func(d *Description) {
				d.Connectors = append(d.Connectors, &ConnectorDescription{Class: "B", Aliases: []string{"A"}, Type: source})
			},
			want: "connectors A and B both answer to the class name A",
		},
		"no type":            {change: func(d *Description) { d.Connectors[0].Type = 0 }, want: "neither source nor sink"},
		"type nobody knows":  {change: func(d *Description) { d.Connectors[0].Type = 7 }, want: "neither source nor sink"},
		"connector version":  {change: func(d *Description) { d.Connectors[0].Version = "1\n2" }, want: "version of connector A"},
		"many keys":          {change: func(d *Description) { d.Connectors[0].Config = make([]*connectv1.ConfigKey, 2001) }, want: "2001 configuration keys"},
		"key without a name": {change: keys(&connectv1.ConfigKey{Type: text}), want: "name of a configuration key is empty"},
		"key without a type": {change: keys(&connectv1.ConfigKey{Name: "a"}), want: `"a" has no type`},
		"key twice":          {change: keys(&connectv1.ConfigKey{Name: "a", Type: text}, &connectv1.ConfigKey{Name: "a", Type: text}), want: `key "a" twice`},
		"bad pattern":        {change: keys(&connectv1.ConfigKey{Name: "a", Type: text, Pattern: "("}), want: "pattern"},
		"empty limits":       {change: keys(&connectv1.ConfigKey{Name: "a", Type: text, Min: &two, Max: &one}), want: "min 2 is greater than max 1"},
		"nil key":            {change: keys(nil), want: "name of a configuration key is empty"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := &Description{
				Name: "test", Version: "1.0",
				Connectors: []*ConnectorDescription{{Class: "A", Aliases: []string{"org.example.A$B", "AConnector"}, Type: source}},
			}
			test.change(d)
			err := CheckDescription(d)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
