package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/outboard-connect/outboard/host/herder"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// progressEvery is how often the table of what runs is drawn.
const progressEvery = time.Second

// progress remembers what was counted, to tell how fast it grows.
type progress struct {
	at    time.Time
	tasks map[worker.TaskID]worker.TaskStats
}

// showProgress draws what runs until ctx is done.
func showProgress(ctx context.Context, display *screen, h *herder.Herder) error {
	defer func() { _ = display.Draw(nil) }() // the terminal is gone, or another program's, when this fails
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	var p progress
	for {
		select {
		case now := <-ticker.C:
			statuses, err := connectorStatuses(ctx, h)
			if err != nil {
				continue // the herder is busy or stopping; the next round shows more
			}
			if err := display.Draw(p.table(now, statuses, h.Stats())); err != nil {
				return nil // a terminal that went away is no reason to stop
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// connectorStatuses are those of all connectors. One that is deleted meanwhile is left out.
func connectorStatuses(ctx context.Context, h *herder.Herder) ([]herder.ConnectorStatus, error) {
	names, err := h.Connectors(ctx)
	if err != nil {
		return nil, err
	}
	var all []herder.ConnectorStatus
	for _, name := range names {
		if status, err := h.Status(ctx, name); err == nil {
			all = append(all, status)
		}
	}
	return all, nil
}

// table is a line for each connector, below a headline. A failure follows on a line of its own.
func (p *progress) table(now time.Time, statuses []herder.ConnectorStatus, stats []worker.TaskStats) []string {
	type sum struct{ records, failed, fresh int64 }
	sums := map[string]sum{}
	tasks := make(map[worker.TaskID]worker.TaskStats, len(stats))
	for _, s := range stats {
		tasks[s.ID] = s
		total := sums[s.ID.Connector]
		total.records += s.Records
		total.failed += s.Failed
		// A task that was started again counts from zero.
		if fresh := s.Records - p.tasks[s.ID].Records; fresh >= 0 {
			total.fresh += fresh
		} else {
			total.fresh += s.Records
		}
		sums[s.ID.Connector] = total
	}
	seconds := now.Sub(p.at).Seconds()
	first := p.at.IsZero()
	p.at, p.tasks = now, tasks
	if len(statuses) == 0 {
		return []string{"no connectors yet"}
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CONNECTOR\tSTATE\tTASKS\tRECORDS/S\tRECORDS\tERRORS\t")
	for _, status := range statuses {
		total, rate := sums[status.Name], "-"
		if !first && seconds > 0 {
			rate = fmt.Sprintf("%.0f", float64(total.fresh)/seconds)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", visible(status.Name), status.Connector.State, taskStates(status.Tasks),
			rate, total.records, total.failed, trouble(status))
	}
	_ = table.Flush() // into a strings.Builder
	return strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")
}

// taskStates counts tasks by state: "2 RUNNING, 1 FAILED".
func taskStates(tasks []herder.TaskStatus) string {
	var order []string
	counts := map[string]int{}
	for _, t := range tasks {
		if counts[t.State]++; counts[t.State] == 1 {
			order = append(order, t.State)
		}
	}
	for i, state := range order {
		order[i] = fmt.Sprintf("%d %s", counts[state], state)
	}
	if len(order) == 0 {
		return "none"
	}
	return strings.Join(order, ", ")
}

// trouble is the first line of the first failure; empty when there is none.
func trouble(status herder.ConnectorStatus) string {
	trace := status.Connector.Trace
	for _, t := range status.Tasks {
		if trace == "" {
			trace = t.Trace
		}
	}
	line, _, _ := strings.Cut(trace, "\n")
	return visible(line)
}

// visible replaces what would not stay in its place on a terminal.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}
