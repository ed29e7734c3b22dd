package isolation

import (
	"slices"
	"strings"
	"testing"
)

func TestVersionOrder(t *testing.T) {
	// Each line is older than the next; versions of one line are equal.
	order := []string{
		"dev",
		"0.9",
		"1-alpha-1 1.0.0-a1",
		"1.0-alpha2",
		"1-beta",
		"1-milestone-3 1-m3",
		"1.0-rc1 1.0.0-cr1",
		"1.0-rc2",
		"1.0.0-rc.1", // as Maven has it; nobody mixes the two
		"1.0.0-RC.9",
		"1.0.0-rc.10",
		"1.0-SNAPSHOT 1-snapshot",
		"1 1.0 1.0.0 1-ga 1.0.FINAL 1-release v1.0 V1 1.0.0+build.5 01.000",
		"1-sp",
		"1.0-abc",
		"1.0-xyz",
		"1.0-1",
		"1.0-2",
		"1.0.1-SNAPSHOT",
		"1.0.1",
		"1.2",
		"1.10",
		"2.0.0-rc.1",
		"2",
		"20260101",
		"99999999999999999999999999",
	}
	for i, older := range order {
		for _, a := range strings.Fields(older) {
			for j, newer := range order {
				for _, b := range strings.Fields(newer) {
					got := ParseVersion(a).Compare(ParseVersion(b))
					if got < 0 != (i < j) || got > 0 != (i > j) {
						t.Errorf("%s compared with %s is %d", a, b, got)
					}
				}
			}
		}
	}
	if got := ParseVersion(" v1.0 ").String(); got != " v1.0 " {
		t.Errorf("the text became %q", got)
	}
}

func FuzzVersion(f *testing.F) {
	for _, seed := range []string{"1.0-rc1", "1-2-3", "....", "----", "a1b2c3", "-1", "1.-", "+", "v", strings.Repeat("1-", 1000)} {
		f.Add(seed, "1.0", "1.0-SNAPSHOT")
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		v, w := ParseVersion(a), ParseVersion(b)
		if v.Compare(v) != 0 {
			t.Errorf("%q differs from itself", a)
		}
		if x, y := v.Compare(w), w.Compare(v); x < 0 != (y > 0) || x > 0 != (y < 0) {
			t.Errorf("%q and %q: %d and %d", a, b, x, y)
		}
		all := []Version{v, w, ParseVersion(c)}
		slices.SortFunc(all, Version.Compare) // must not hang
		if r, err := ParseRequirement(a); err == nil {
			r.Admits(w)
		}
	})
}

func TestRequirement(t *testing.T) {
	tests := map[string]struct{ admits, refuses string }{
		"":                      {admits: "0.1 1.0 2.0-rc1"},
		" latest ":              {admits: "0.1 1.0 2.0-rc1"},
		"1.2.3":                 {admits: "1.2.3 1.2.3-ga v1.2.3", refuses: "1.2.4 1.2.2 1.2.3-rc1"},
		"[1.2.3]":               {admits: "1.2.3", refuses: "1.2.4"},
		"[1.0,2.0)":             {admits: "1.0 1.9.9 2.0-rc1", refuses: "0.9 2.0 1.0-rc1"},
		"(1.0,2.0]":             {admits: "1.0.1 2.0", refuses: "1.0 2.0.1"},
		"(,2.0]":                {admits: "0 2.0", refuses: "2.0.1"},
		"[1.0, )":               {admits: "1.0 99", refuses: "0.9"},
		"(,)":                   {admits: "0 99"},
		"(,1.0],[1.2,)":         {admits: "0.5 1.0 1.2 3", refuses: "1.1"},
		"[1.0,1.0]":             {admits: "1", refuses: "1.1"},
		"[1.0] , [3.0]":         {admits: "1 3", refuses: "2"},
		"1.0.0-beta.2+build.77": {admits: "1.0.0-beta.2", refuses: "1.0.0"},
	}
	for text, test := range tests {
		t.Run(text, func(t *testing.T) {
			r, err := ParseRequirement(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range strings.Fields(test.admits) {
				if !r.Admits(ParseVersion(v)) {
					t.Errorf("refuses %s", v)
				}
			}
			for _, v := range strings.Fields(test.refuses) {
				if r.Admits(ParseVersion(v)) {
					t.Errorf("admits %s", v)
				}
			}
		})
	}
}

func TestRequirementErrors(t *testing.T) {
	tests := map[string]string{
		"[1.0":       "a bracket is not closed",
		"1.0]":       `does not begin with [ or (`,
		"1.0,2.0":    "a bracket is not closed",
		"[1.0)":      "is one version, write it as [1.0]",
		"[]":         "is one version",
		"[2.0,1.0]":  "begins after its end",
		"[1,2,3]":    "more than two bounds",
		"[1.0],":     "nothing follows the last comma",
		"[1.0][2.0]": "follows a closed bracket",
		"[1.0,(2.0]": "second bracket",
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			if _, err := ParseRequirement(text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "or latest") {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}
