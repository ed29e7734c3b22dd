package herder

import "testing"

func TestNamed(t *testing.T) {
	for name, c := range map[string]struct {
		included string
		want     string
	}{
		"plain":    {"", ""},
		"same":     {"same", ""},
		"mismatch": {"other", "Connector name configuration (other) doesn't match connector name in the URL (mismatch)"},
		"bell\a":   {"", `Invalid value "bell\a" for configuration name: String may not contain control sequences`},
	} {
		t.Run(name, func(t *testing.T) {
			config := map[string]string{"a": "b"}
			if c.included != "" {
				config["name"] = c.included
			}
			got, err := named(name, config)
			if c.want != "" {
				if err == nil || err.Error() != c.want {
					t.Errorf("got %v, want %s", err, c.want)
				}
				return
			}
			if err != nil || got["name"] != name || got["a"] != "b" {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}
