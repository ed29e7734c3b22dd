package main

import (
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	rest := " S 17 1 1 0 -1 4194560 19 0 1 0 120 30 7 8 20 0 9 0 1234 56 78"
	tests := map[string]struct {
		text  string
		want  stat
		error string
	}{
		"plain":                {text: "42 (outboard)" + rest, want: stat{17, 1500 * time.Millisecond}},
		"parentheses in name":  {text: "42 (a) b (c)" + rest, want: stat{17, 1500 * time.Millisecond}},
		"empty":                {error: "no name"},
		"no name":              {text: "42 outboard" + rest, error: "no name"},
		"name without an end":  {text: "42 (outboard", error: "no name"},
		"cut off":              {text: "42 (outboard) S 17 1", error: "3 fields"},
		"time is no number":    {text: strings.Replace("42 (x)"+rest, "120", "abc", 1), error: "abc"},
		"parent is no number":  {text: strings.Replace("42 (x)"+rest, "17", "abc", 1), error: "abc"},
		"parenthesis comes up": {text: ")(", error: "no name"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat([]byte(test.text))
			checkError(t, err, test.error)
			if test.error == "" && got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// checkError compares an error with a part of its text; none is expected when that is empty.
func checkError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil && want != "":
		t.Errorf("no error, want %q", want)
	case err != nil && (want == "" || !strings.Contains(err.Error(), want)):
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestParseKilobytes(t *testing.T) {
	text := "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\nOdd: 3 MB\n"
	tests := map[string]struct {
		key   string
		want  int64
		error string
	}{
		"there":       {key: "VmHWM:", want: 2 << 20},
		"missing":     {key: "Pss:", error: "no line Pss:"},
		"other unit":  {key: "Odd:", error: "no line Odd:"},
		"part of one": {key: "Vm", error: "no line Vm"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseKilobytes([]byte(text), test.key)
			checkError(t, err, test.error)
			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestParseBusy(t *testing.T) {
	got, err := parseBusy([]byte("cpu  10 1 20 5000 300 2 3 4 0 0\ncpu0 1 2 3 4 5 6 7 8\n"))
	if err != nil || got != 400*time.Millisecond {
		t.Errorf("got %s, %v; want 400ms: all but idle and waiting for disks", got, err)
	}
	for _, text := range []string{"", "cpu0 1 2 3 4 5 6 7 8 9", "cpu 1 2", "cpu 1 2 3 4 5 6 7 x 9"} {
		if _, err := parseBusy([]byte(text)); err == nil {
			t.Errorf("no error for %q", text)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (a) b (c) S 17 1 1 0 -1 4194560 19 0 1 0 120 30 7 8"))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = parseStat(text)
		_, _ = parseBusy(text)
		_, _ = parseKilobytes(text, "VmHWM:")
	})
}
