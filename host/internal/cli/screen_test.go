package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/host/internal/metrics"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// terminal shows what a terminal would, as far as a screen uses it.
func terminal(out string) string {
	var lines []string
	row := 0
	for out != "" {
		switch {
		case strings.HasPrefix(out, "\x1b[1A"):
			row--
			out = out[len("\x1b[1A"):]
		case strings.HasPrefix(out, "\r\x1b[J"):
			lines = lines[:row]
			out = out[len("\r\x1b[J"):]
		default:
			line, rest, _ := strings.Cut(out, "\n")
			lines = append(lines[:row], line)
			row++
			out = rest
		}
	}
	return strings.Join(lines, "\n")
}

func TestScreenKeepsTheTableBelow(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out, width: func() int { return 10 }}
	write := func(line string) {
		t.Helper()
		if n, err := s.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	draw := func(lines ...string) {
		t.Helper()
		if err := s.Draw(lines); err != nil {
			t.Fatal(err)
		}
	}
	write("log 1\n")
	draw("old", "table")
	write("log 2\n")
	draw("a table that is too wide", "with", "three")
	write("log 3\nlog 4\n")
	if got, want := terminal(out.String()), "log 1\nlog 2\nlog 3\nlog 4\na table t…\nwith\nthree"; got != want {
		t.Errorf("the terminal shows\n%s\nwant\n%s", got, want)
	}
	draw()
	if got, want := terminal(out.String()), "log 1\nlog 2\nlog 3\nlog 4"; got != want {
		t.Errorf("the terminal shows\n%s\nwant\n%s", got, want)
	}
}

func TestProgressTable(t *testing.T) {
	status := func(name, state, trace string, tasks ...string) herder.ConnectorStatus {
		s := herder.ConnectorStatus{Name: name, Connector: herder.StateInfo{State: state, Trace: trace}}
		for i, state := range tasks {
			s.Tasks = append(s.Tasks, herder.TaskStatus{ID: i, StateInfo: herder.StateInfo{State: state}})
		}
		return s
	}
	counted := func(task int, records, failed int64) worker.TaskStats {
		return worker.TaskStats{ID: worker.TaskID{Connector: "a", Task: task}, Records: records, TaskErrors: metrics.TaskErrors{Failed: failed}}
	}
	statuses := []herder.ConnectorStatus{
		status("a", "RUNNING", "", "RUNNING", "RUNNING", "FAILED"),
		status("b\x1b[2J", "FAILED", "no such file: x\n\tat", []string{}...),
	}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var p progress
	steps := []struct {
		after time.Duration
		stats []worker.TaskStats
		want  string
	}{
		{0, []worker.TaskStats{counted(0, 100, 0)}, "a          RUNNING  2 RUNNING, 1 FAILED  -          100      0"},
		{2 * time.Second, []worker.TaskStats{counted(0, 300, 1), counted(1, 50, 0)}, "a          RUNNING  2 RUNNING, 1 FAILED  125        350      1"},
		{3 * time.Second, []worker.TaskStats{counted(0, 40, 0), counted(1, 50, 2)}, "a          RUNNING  2 RUNNING, 1 FAILED  40         90       2"},
		{4 * time.Second, nil, "a          RUNNING  2 RUNNING, 1 FAILED  0          0        0"},
	}
	for _, step := range steps {
		table := p.table(begin.Add(step.after), statuses, step.stats)
		if len(table) != 3 {
			t.Fatalf("%d lines: %q", len(table), table)
		}
		if got := strings.TrimRight(table[1], " "); got != step.want {
			t.Errorf("after %v\n got %q\nwant %q", step.after, got, step.want)
		}
		if want := "b?[2J      FAILED   none"; !strings.HasPrefix(table[2], want) || !strings.HasSuffix(table[2], "no such file: x") {
			t.Errorf("got %q, want it to begin with %q and end with the failure", table[2], want)
		}
	}
	if got := p.table(begin, nil, nil); len(got) != 1 || got[0] != "no connectors yet" {
		t.Errorf("got %q", got)
	}
}
