//go:build integration

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// What is said of the crash tests depends on these: they must see what is wrong.
func TestArrivals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		written              []string // one piece after another, a look after each
		numbers, lines, torn int64
		wrong                string
	}{
		"nothing":           {},
		"in order":          {written: []string{numbered(0, 3)}, numbers: 3, lines: 3},
		"in pieces":         {written: []string{"00000000", "00000000\n0000000000000001", "\n"}, numbers: 2, lines: 2},
		"again from one on": {written: []string{numbered(0, 5), numbered(2, 5)}, numbers: 7, lines: 10},
		"torn and again":    {written: []string{numbered(0, 2), "00000000\n", numbered(2, 1)}, numbers: 3, lines: 4, torn: 1},
		"one is missing":    {written: []string{numbered(0, 2), numbered(3, 2)}, numbers: 2, lines: 4, wrong: "number 3 came when 2 had not come"},
		"missing, late":     {written: []string{numbered(0, 2), numbered(3, 1), numbered(2, 1)}, numbers: 3, lines: 4, wrong: "number 3 came when 2 had not come"},
		"something else":    {written: []string{"what is this?\n"}, lines: 1, wrong: `line 1 is "what is this?"`},
		"two in one":        {written: []string{"00000000000000000000000000000001\n"}, lines: 1, wrong: `line 1 is "00000000000000000000000000000001"`},
	} {
		t.Run(name, func(t *testing.T) {
			a := &arrivals{path: filepath.Join(t.TempDir(), "out")}
			for _, text := range append([]string{""}, c.written...) {
				if text != "" {
					appendTo(t, a.path, text)
				}
				if err := a.look(); err != nil {
					t.Fatal(err)
				}
			}
			numbers, lines := a.count()
			if numbers != c.numbers || lines != c.lines || a.torn != c.torn || a.wrong != c.wrong {
				t.Errorf("%d numbers, %d lines, %d torn, wrong %q; want %d, %d, %d, %q", numbers, lines, a.torn, a.wrong, c.numbers, c.lines, c.torn, c.wrong)
			}
		})
	}
}

func TestPauses(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	at := func(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }
	for name, c := range map[string]struct {
		moves    []float64
		from, to float64
		want     float64
	}{
		"no progress at all":       {nil, 1, 4, 3},
		"steady":                   {[]float64{0, 1, 2, 3, 4}, 0.5, 4, 1},
		"a stop in the middle":     {[]float64{0, 1, 5, 6}, 0.5, 6, 4},
		"a stop right at the kill": {[]float64{0, 1, 5, 6}, 1.5, 6, 3.5},
		"a stop at the end":        {[]float64{0, 1, 2}, 0.5, 7, 5},
		"a stop before":            {[]float64{0, 5, 6, 7}, 5.5, 7, 1},
		"a stop after":             {[]float64{0, 1, 2, 9}, 0.5, 2.5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := &progress{}
			for _, m := range c.moves {
				p.moves = append(p.moves, at(m))
			}
			if got := p.pause(at(c.from), at(c.to)); got.Round(time.Millisecond) != time.Duration(c.want*float64(time.Second)) {
				t.Errorf("the longest pause is %s, want %gs", got, c.want)
			}
		})
	}
}

// A process whose executable is in a folder is found, also when the file is gone.
func TestProcessesOf(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	program, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(folder, "plugin")
	if err := copyFile(binary, program, 0o755); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary, "600")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		found := processesOf(t, folder)
		if len(found) != 1 || found[0].pid != command.Process.Pid || found[0].parent != os.Getpid() {
			t.Errorf("found %+v, want %d", found, command.Process.Pid)
		}
		if err := os.RemoveAll(binary); err != nil {
			t.Fatal(err)
		}
	}
	sigkill(t, command.Process.Pid)
	_ = command.Wait() // it was killed
	if found := processesOf(t, folder); len(found) != 0 {
		t.Errorf("found %+v after the end", found)
	}
}
