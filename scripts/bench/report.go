package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// report keeps what was measured: at once in a file of JSON lines, at the end as Markdown.
type report struct {
	origin
	path         string
	file         *os.File
	measurements []measurement
	completed    []outcome
	figures      []figure
}

// outcome is what is said of a case.
type outcome struct {
	testCase    string
	spending    *spending // nil: no budget
	comparisons []comparison
}

// spending is Outboard's CPU time against what it may use.
type spending struct {
	Case   string  `json:"case"`
	CPU    float64 `json:"cpu_s_per_million"` // host and plugin together
	Budget float64 `json:"budget_cpu_s_per_million"`
	Met    bool    `json:"met"`
}

// comparison is Outboard's figures divided by those of another contender.
type comparison struct {
	Case      string  `json:"case"`
	Against   string  `json:"against"`
	Rate      float64 `json:"rate_ratio"`
	CPU       float64 `json:"cpu_ratio"`      // host and plugin together
	BestCPU   float64 `json:"best_cpu_ratio"` // of the best rounds of both, whichever they are
	HostCPU   float64 `json:"host_cpu_ratio"` // the host alone
	LeastRate float64 `json:"least_rate_ratio,omitempty"`
	MostCPU   float64 `json:"most_cpu_ratio,omitempty"`
	Met       *bool   `json:"met,omitempty"` // nil: there is no target
}

func newReport(ctx context.Context, s settings) (*report, error) {
	o, err := newOrigin(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return nil, err
	}
	r := &report{origin: o, path: filepath.Join(s.out, s.command+".jsonl")}
	r.file, err = os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return r, err
}

func (r *report) line(kind string, values any) error {
	text, err := json.Marshal(struct {
		Kind string `json:"kind"`
		origin
	}{kind, r.origin})
	if err != nil {
		return err
	}
	more, err := json.Marshal(values)
	if err != nil {
		return err
	}
	// Two objects of which none is empty, in one.
	_, err = fmt.Fprintf(r.file, "%s,%s\n", text[:len(text)-1], more[1:])
	return err
}

func (r *report) measured(m measurement) error {
	r.measurements = append(r.measurements, m)
	return r.line("run", m)
}

func (r *report) figure(f figure) error {
	r.figures = append(r.figures, f)
	return r.line("figure", f)
}

// of returns the runs of a contender that count, in the order of rounds.
func (r *report) of(testCase, contender string) (runs []measurement) {
	for _, m := range r.measurements {
		if m.Case == testCase && m.Contender == contender && !m.Warmup {
			runs = append(runs, m)
		}
	}
	return runs
}

// compared ends a case: Outboard is compared with all others, round by round.
func (r *report) compared(c testCase) error {
	ours := r.of(c.name, subject)
	o := outcome{testCase: c.name}
	if c.budget > 0 {
		var cpu []float64
		for _, m := range ours {
			cpu = append(cpu, m.cpu())
		}
		o.spending = &spending{Case: c.name, CPU: median(cpu), Budget: c.budget, Met: median(cpu) <= c.budget}
		if err := r.line("spending", o.spending); err != nil {
			return err
		}
	}
	for _, other := range c.contenders {
		if other.name == subject {
			continue
		}
		x := compare(ours, r.of(c.name, other.name))
		x.Case, x.Against, x.LeastRate, x.MostCPU = c.name, other.name, other.leastRate, other.mostCPU
		if x.LeastRate > 0 || x.MostCPU > 0 {
			met := (x.LeastRate == 0 || x.Rate >= x.LeastRate) && (x.MostCPU == 0 || x.CPU <= x.MostCPU)
			x.Met = &met
		}
		o.comparisons = append(o.comparisons, x)
		if err := r.line("comparison", x); err != nil {
			return err
		}
	}
	r.completed = append(r.completed, o)
	return nil
}

// compare returns the medians of the ratios of the rounds.
func compare(ours, others []measurement) comparison {
	var rate, cpu, host []float64
	for i, a := range ours {
		b := others[i]
		rate, cpu, host = append(rate, a.Rate/b.Rate), append(cpu, a.cpu()/b.cpu()), append(host, a.HostCPU/b.HostCPU)
	}
	return comparison{Rate: median(rate), CPU: median(cpu), HostCPU: median(host), BestCPU: leastCPU(ours) / leastCPU(others)}
}

func leastCPU(runs []measurement) float64 {
	least := runs[0].cpu()
	for _, m := range runs {
		least = min(least, m.cpu())
	}
	return least
}

// close prints the tables, and with failure that they are not all.
func (r *report) close(w io.Writer, failure error) error {
	var text strings.Builder
	fmt.Fprintf(&text, "\n%s, commit %s, %s, %d cores, Linux %s, %s\n", r.Date, r.Commit, r.CPU, r.Cores, r.Kernel, r.Go)
	if r.Quick {
		text.WriteString("Quick: few records, so differences of a tenth mean nothing, and a JVM is not warm.\n")
	}
	if failure != nil {
		text.WriteString("Not complete: a case failed, see the error.\n")
	}
	r.runsTable(&text)
	r.figuresTable(&text)
	fmt.Fprintf(&text, "\nEach run: %s\n", r.path)
	_, err := io.WriteString(w, text.String())
	return errors.Join(err, r.file.Close())
}

const mebibyte = 1 << 20

// runsTable has a row for each contender of each case that was completed.
func (r *report) runsTable(w *strings.Builder) {
	if len(r.completed) == 0 {
		return
	}
	w.WriteString(`
Records/s and CPU-seconds per million records: median (best) of the rounds. Bytes are those of a record in its
topic. Ratios: Outboard's figure divided by that of the row, median of the rounds; CPU is of host and plugin together, in parentheses best divided
by best.

| case | contender | records/s | bytes/record | CPU host | CPU plugin | CPU broker | peak MiB host + plugin | PSS MiB | ratio records/s | ratio CPU | ratio CPU, host alone | target |
| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --- |
`)
	for _, o := range r.completed {
		target := " "
		if o.spending != nil {
			target = fmt.Sprintf(" CPU ≤ %.2f s: %s ", o.spending.Budget, word(o.spending.Met))
		}
		r.row(w, o.testCase, subject, "| | |"+target+"|")
		for _, x := range o.comparisons {
			r.row(w, x.Case, x.Against, fmt.Sprintf("%.2f | %.2f (%.2f) | %.2f | %s |", x.Rate, x.CPU, x.BestCPU, x.HostCPU, x.verdict()))
		}
	}
}

// word is what a table says of a target.
func word(met bool) string {
	if met {
		return "met"
	}
	return "**missed**"
}

func (x comparison) verdict() string {
	if x.Met == nil {
		return ""
	}
	var parts []string
	if x.LeastRate > 0 {
		parts = append(parts, fmt.Sprintf("records/s ≥ %.2f", x.LeastRate))
	}
	if x.MostCPU > 0 {
		parts = append(parts, fmt.Sprintf("CPU ≤ %.2f", x.MostCPU))
	}
	return strings.Join(parts, ", ") + ": " + word(*x.Met)
}

func (r *report) row(w *strings.Builder, testCase, contender, rest string) {
	runs := r.of(testCase, contender)
	get := func(of func(measurement) float64) []float64 {
		var all []float64
		for _, m := range runs {
			all = append(all, of(m))
		}
		return all
	}
	cost := func(of func(measurement) float64) string {
		values := get(of)
		if median(values) == 0 {
			return ""
		}
		return fmt.Sprintf("%.3f (%.3f)", median(values), slices.Min(values))
	}
	most := func(of func(measurement) int64) float64 {
		return slices.Max(get(func(m measurement) float64 { return float64(of(m)) })) / mebibyte
	}
	stored := ""
	if size := median(get(func(m measurement) float64 { return m.Stored })); size > 0 {
		stored = fmt.Sprintf("%.0f", size)
	}
	rates := get(func(m measurement) float64 { return m.Rate })
	peaks := fmt.Sprintf("%.0f", most(func(m measurement) int64 { return m.HostPeak }))
	if plugin := most(func(m measurement) int64 { return m.PluginPeak }); plugin > 0 {
		peaks += fmt.Sprintf(" + %.0f", plugin)
	}
	fmt.Fprintf(w, "| %s | %s | %s (%s) | %s | %s | %s | %s | %s | %.0f | %s\n",
		testCase, contender, thousands(median(rates)), thousands(slices.Max(rates)), stored,
		cost(func(m measurement) float64 { return m.HostCPU }), cost(func(m measurement) float64 { return m.PluginCPU }),
		cost(func(m measurement) float64 { return m.BrokerCPU }), peaks, most(func(m measurement) int64 { return m.HostPSS + m.PluginPSS }), rest)
}

// thousands writes 1234567 as 1,235 k.
func thousands(n float64) string {
	k := fmt.Sprintf("%.0f", n/1000)
	for i := len(k) - 3; i > 0; i -= 3 {
		k = k[:i] + "," + k[i:]
	}
	return k + " k"
}

// figuresTable has a row for each figure of each worker.
func (r *report) figuresTable(w *strings.Builder) {
	if len(r.figures) == 0 {
		return
	}
	w.WriteString("\nSingle figures: median (best) of the rounds.\n\n| worker | | |\n| --- | --- | --: |\n")
	type row struct{ contender, name, unit string }
	var order []row
	values := map[row][]float64{}
	for _, f := range r.figures {
		k := row{f.Contender, f.Name, f.Unit}
		if values[k] == nil {
			order = append(order, k)
		}
		values[k] = append(values[k], f.Value)
	}
	for _, k := range order {
		format := "%.0f"
		switch k.unit {
		case "s":
			format = "%.3f"
		case "ms":
			format = "%.1f"
		}
		fmt.Fprintf(w, "| %s | %s | "+format+" ("+format+") %s |\n", k.contender, k.name, median(values[k]), slices.Min(values[k]), k.unit)
	}
}
