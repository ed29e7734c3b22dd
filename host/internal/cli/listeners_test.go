package cli

import (
	"slices"
	"strings"
	"testing"
)

func TestParseListeners(t *testing.T) {
	cases := map[string]struct {
		values []string
		want   []string
		err    string
	}{
		"none":            {nil, []string{"127.0.0.1:8083"}, ""},
		"all addresses":   {[]string{"http://:8083"}, []string{":8083"}, ""},
		"upper case":      {[]string{"HTTP://:8083"}, []string{":8083"}, ""},
		"a host":          {[]string{"http://connect.example:8080/"}, []string{"connect.example:8080"}, ""},
		"two":             {[]string{"http://127.0.0.1:1", "http://[::1]:2"}, []string{"127.0.0.1:1", "[::1]:2"}, ""},
		"any port":        {[]string{"http://127.0.0.1:0"}, []string{"127.0.0.1:0"}, ""},
		"https":           {[]string{"https://:8443"}, nil, "https is not supported by this version"},
		"no protocol":     {[]string{"localhost:8083"}, nil, "Invalid value localhost:8083 for configuration listeners"},
		"no port":         {[]string{"http://localhost"}, nil, "a port from 0 to 65535 is missing"},
		"no number":       {[]string{"http://localhost:rest"}, nil, "Unable to parse listener"},
		"port too large":  {[]string{"http://localhost:65536"}, nil, "a port from 0 to 65535 is missing"},
		"other protocol":  {[]string{"ftp://localhost:21"}, nil, "the protocol ftp is unknown"},
		"a path":          {[]string{"http://localhost:8083/connect"}, nil, "there is more than"},
		"a blank element": {[]string{""}, nil, "Invalid value  for configuration listeners"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parseListeners(c.values)
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			switch {
			case c.err == "" && err != nil:
				t.Error(err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("got error %v, want one with %q", err, c.err)
			}
		})
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.1.2.3": true, "::1": true, "localhost": true, "LOCALHOST": true,
		"": false, "0.0.0.0": false, "::": false, "10.0.0.1": false, "localhost.example": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("isLoopback(%q) = %v, want %v", host, got, want)
		}
	}
}
