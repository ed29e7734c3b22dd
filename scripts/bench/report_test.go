package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/report.md anew")

// filled is a report of one case and some figures.
func filled(t *testing.T) *report {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bench.jsonl")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	r := &report{
		origin: origin{Date: "2026-01-02T03:04:05Z", Command: "bench", Commit: "abc", CPU: "Z80", Cores: 2, Kernel: "6.1", Go: "go1", Quick: true},
		path:   path, file: file,
	}
	c := testCase{name: "source", contenders: []contender{
		{name: "bare", leastRate: 0.7, mostCPU: 3}, {name: subject}, {name: "slow", mostCPU: 0.01}, {name: "other"},
	}}
	for round := range 4 {
		speed := float64(round) // 0 is the warm-up, which must not count
		for _, c := range c.contenders {
			m := measurement{
				Case: "source", Contender: c.name, Round: round, Warmup: round == 0, Records: 900, Stored: 101.4,
				Rate: 1e6 * speed, HostCPU: 0.2 / max(speed, 1), BrokerCPU: 0.1, HostPeak: 20 << 20, HostPSS: 10 << 20,
			}
			if c.name == subject {
				m.Rate, m.PluginCPU, m.PluginPeak, m.PluginPSS = 0.8e6*speed, 0.1/max(speed, 1), 5<<20, 4<<20
			}
			if err := r.measured(m); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.compared(c); err != nil {
		t.Fatal(err)
	}
	for _, alone := range []testCase{{name: "thrifty", budget: 4}, {name: "lavish", budget: 2}} {
		m := measurement{Case: alone.name, Contender: subject, Round: 1, Rate: 2e5, HostCPU: 1, PluginCPU: 1.5}
		if err := errors.Join(r.measured(m), r.compared(alone)); err != nil {
			t.Fatal(err)
		}
	}
	for round, seconds := range []float64{0.3, 0.1, 0.2} {
		for _, f := range []figure{{"idle", subject, round, "start", seconds, "s"}, {"idle", subject, round, "resident", 100 * seconds, "MiB"}} {
			if err := r.figure(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	return r
}

func TestReport(t *testing.T) {
	r := filled(t)
	var got bytes.Buffer
	if err := r.close(&got, nil); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(got.String(), r.path, "bench.jsonl")
	const golden = "testdata/report.md"
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestReportOfAFailure(t *testing.T) {
	r := filled(t)
	r.completed, r.figures = nil, nil // the case was not completed
	var got bytes.Buffer
	if err := r.close(&got, errors.New("it broke")); err != nil {
		t.Fatal(err)
	}
	if text := got.String(); !strings.Contains(text, "Not complete") || strings.Contains(text, "|") {
		t.Errorf("got %s", text)
	}
}

func TestReportLines(t *testing.T) {
	r := filled(t)
	if err := r.close(&bytes.Buffer{}, nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		for _, key := range []string{"kind", "date", "commit", "cpu", "cores", "kernel", "case"} {
			if fields[key] == nil {
				t.Errorf("no %s in %s", key, line)
			}
		}
		kinds[fields["kind"].(string)]++
	}
	if kinds["run"] != 18 || kinds["comparison"] != 3 || kinds["spending"] != 2 || kinds["figure"] != 6 {
		t.Errorf("got %v", kinds)
	}
}

func TestCompare(t *testing.T) {
	// The machine was half as fast in the second round, for both: ratios of rounds do not see it.
	ours := []measurement{{Rate: 80, HostCPU: 2, PluginCPU: 1}, {Rate: 40, HostCPU: 4, PluginCPU: 2}, {Rate: 90, HostCPU: 2, PluginCPU: 1}}
	others := []measurement{{Rate: 100, HostCPU: 4}, {Rate: 50, HostCPU: 8}, {Rate: 100, HostCPU: 2}}
	got := compare(ours, others)
	want := comparison{Rate: 0.8, CPU: 0.75, HostCPU: 0.5, BestCPU: 1.5}
	for name, pair := range map[string][2]float64{
		"rate": {got.Rate, want.Rate}, "CPU": {got.CPU, want.CPU}, "host": {got.HostCPU, want.HostCPU}, "best": {got.BestCPU, want.BestCPU},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-9 {
			t.Errorf("%s: got %v, want %v", name, pair[0], pair[1])
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[float64]string{0: "0 k", 1499: "1 k", 999_499: "999 k", 1_234_567: "1,235 k", 1_234_567_890: "1,234,568 k"} {
		if got := thousands(n); got != want {
			t.Errorf("%v: got %q, want %q", n, got, want)
		}
	}
}

func TestModelOf(t *testing.T) {
	if got := modelOf("processor\t: 0\nmodel name\t: Z80 A: 4 MHz\n"); got != "Z80 A: 4 MHz" {
		t.Errorf("got %q", got)
	}
	if got := modelOf("processor : 0\n"); got == "" {
		t.Error("a processor without a name has none at all")
	}
}
