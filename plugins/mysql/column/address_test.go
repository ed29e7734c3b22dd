package column

import (
	"net/netip"
	"testing"
)

// The texts are MariaDB's.
func TestINET6(t *testing.T) {
	for address, want := range map[string]string{
		"::":                  "::",
		"::1":                 "::1",
		"1::":                 "1::",
		"::1:0:0:0":           "::1:0:0:0",
		"::1:2":               "::0.1.0.2",
		"::1.2.3.4":           "::1.2.3.4",
		"::0.0.1.2":           "::102",
		"::0.1.0.0":           "::0.1.0.0",
		"::1.0.0.0":           "::1.0.0.0",
		"::ffff:1.2.3.4":      "::ffff:1.2.3.4",
		"::ffff:0.0.0.0":      "::ffff:0.0.0.0",
		"::ffff:0:1.2.3.4":    "::ffff:0:102:304",
		"0:1:0:2:0:3:0:4":     "::1:0:2:0:3:0:4",
		"1:0:0:1:0:0:0:1":     "1:0:0:1::1",
		"0:0:1:1:1:1:0:0":     "::1:1:1:1:0:0",
		"1:0:2:3:4:5:6:7":     "1::2:3:4:5:6:7",
		"1:2:3:4:5:6:7:0":     "1:2:3:4:5:6:7::",
		"2001:db8::ff00:42:8": "2001:db8::ff00:42:8",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	} {
		if got := string(appendINET6(nil, netip.MustParseAddr(address).As16())); got != want {
			t.Errorf("%s: %s, expected %s", address, got, want)
		}
	}
}
