package transform

import (
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// JSON with a member twice would be read by nobody: names that come to be the same are written once.
func TestNamesThatMeetAreWrittenOnce(t *testing.T) {
	for name, c := range map[string]struct{ config, json, want string }{
		"rename to one before":  {"type=ReplaceField$Value renames=d:b", `{"b":1,"c":0,"d":2}`, `{"b":2,"c":0}`},
		"rename to one behind":  {"type=ReplaceField$Value renames=b:d", `{"b":1,"c":0,"d":2}`, `{"d":2,"c":0}`},
		"two to one":            {"type=ReplaceField$Value renames=b:x,d:x", `{"b":1,"c":0,"d":2}`, `{"x":2,"c":0}`},
		"swapped":               {"type=ReplaceField$Value renames=b:d,d:b", `{"b":1,"c":0,"d":2}`, `{"d":1,"c":0,"b":2}`},
		"flat before":           {"type=Flatten$Value", `{"a.b":1,"a":{"b":2},"c":0}`, `{"a.b":2,"c":0}`},
		"flat behind":           {"type=Flatten$Value", `{"a":{"b":2},"c":0,"a.b":1}`, `{"a.b":1,"c":0}`},
		"flat, from two levels": {"type=Flatten$Value delimiter=_", `{"a":{"b_c":1},"a_b":{"c":2}}`, `{"a_b_c":2}`},
		"flat, no delimiter":    {"type=Flatten$Value delimiter=", `{"a":{"b":{"c":1}},"ab":{"c":2},"abc":3}`, `{"abc":3}`},
	} {
		t.Run(name, func(t *testing.T) {
			config := map[string]string{"transforms": "t"}
			for setting := range strings.SplitSeq(c.config, " ") {
				key, value, _ := strings.Cut(setting, "=")
				config["transforms.t."+key] = value
			}
			chain, err := NewChain(config)
			if err != nil {
				t.Fatal(err)
			}
			r := Record{Topic: "t", Value: data.JSONValue([]byte(c.json))}
			if keep, err := chain.Apply(&Arena{}, &r); err != nil || !keep {
				t.Fatal(keep, err)
			}
			if got := string(r.Value.Data); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
