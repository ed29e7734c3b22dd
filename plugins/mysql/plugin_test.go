package main

import (
	"slices"
	"strings"
	"testing"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
)

// Whatever needs a server is in scripts/integration.
func TestDescription(t *testing.T) {
	t.Parallel()
	d := sdktest.InProcess(t, plugin()).Describe()
	if len(d.Connectors) != 1 || d.Connectors[0].Class != "MySqlSource" || !slices.Contains(d.Connectors[0].Aliases, classMariaDB) {
		t.Errorf("%+v", d)
	}
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	p := sdktest.InProcess(t, plugin())
	for name, c := range map[string]struct {
		config map[string]string
		says   string
	}{
		"no prefix":    {map[string]string{keyHostname: "h", keyUser: "u"}, keyPrefix},
		"nobody there": {map[string]string{keyPrefix: "p", keyHostname: "127.0.0.1", keyPort: "1", keyUser: "u", keyPassword: "tOpSecret"}, "check " + keyHostname + " and " + keyPort},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := p.StartSource("MySqlSource", c.config, nil)
			if err == nil {
				_ = s.Stop()
				t.Fatal("it started")
			}
			first(t, err, c.says)
		})
	}
}

func TestUnreadableOffset(t *testing.T) {
	t.Parallel()
	var offsets sdktest.Offsets
	offsets.Set(sdk.NewPartition("server", "p"), sdk.Offset(`{"pos": 4}`))
	_, err := sdktest.InProcess(t, plugin()).StartSource("MySqlSource", map[string]string{keyPrefix: "p", keyHostname: "127.0.0.1", keyPort: "1", keyUser: "u"}, &offsets)
	if err == nil {
		t.Fatal("it started")
	}
	first(t, err, "reset or alter the connector's offsets")
}

// first checks the first line of an error.
func first(t *testing.T, err error, says string) {
	t.Helper()
	if line, _, _ := strings.Cut(err.Error(), "\n"); !strings.Contains(line, says) || strings.Contains(err.Error(), "tOpSecret") {
		t.Errorf("the first line lacks %q: %v", says, err)
	}
}
