package convert

import (
	"errors"
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

func TestRecent(t *testing.T) {
	var built []string
	broken := errors.New("broken")
	r := newRecent(2, func(k string) (string, error) {
		built = append(built, k)
		if k == "bad" {
			return "", broken
		}
		return "of " + k, nil
	})
	for _, k := range []string{"a", "a", "b", "bad", "b", "a", "bad", "c", "c", "b"} {
		v, err := r.get(k)
		switch {
		case k == "bad" && err != broken:
			t.Errorf("%s: %q, %v", k, v, err)
		case k != "bad" && (err != nil || v != "of "+k):
			t.Errorf("%s: %q, %v", k, v, err)
		}
	}
	if got, want := strings.Join(built, " "), "a b bad bad c b"; got != want {
		t.Errorf("built %s, want %s", got, want)
	}
}
