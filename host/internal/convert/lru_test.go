package convert

import (
	"strings"
	"testing"
)

func TestLRU(t *testing.T) {
	for name, c := range map[string]struct {
		limit int
		want  string
	}{
		"zero counts as one": {0, "3"},
		"one":                {1, "3"},
		"two":                {2, "1 3"},
		"enough":             {3, "1 2 3"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLRU[string, int](c.limit)
			l.put("1", 1)
			l.put("2", 2)
			l.get("1")
			l.put("3", 3)
			var have []string
			for _, k := range []string{"1", "2", "3"} {
				if _, ok := l.get(k); ok {
					have = append(have, k)
				}
			}
			if got := strings.Join(have, " "); got != c.want {
				t.Errorf("kept %s, want %s", got, c.want)
			}
		})
	}
}
