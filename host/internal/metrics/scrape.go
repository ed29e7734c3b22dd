package metrics

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// scrape is a worker as one answer shows it: sorted, with statuses in lower case.
type scrape struct {
	connectors     []Connector
	tasks          []Task
	numbers        []string // of tasks
	connectorTasks []connectorTasks
}

// connectorTasks is how many tasks a connector has on the worker, and by status.
type connectorTasks struct {
	connector string
	total     int64
	by        map[string]int64
}

func newScrape(w *Worker) *scrape {
	s := &scrape{connectors: slices.Clone(w.Connectors), tasks: slices.Clone(w.Tasks)}
	slices.SortFunc(s.connectors, func(a, b Connector) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.tasks, func(a, b Task) int {
		return cmp.Or(strings.Compare(a.Connector, b.Connector), cmp.Compare(a.Number, b.Number))
	})
	of := map[string]*connectorTasks{}
	for i := range s.connectors {
		c := &s.connectors[i]
		c.Status = strings.ToLower(c.Status)
		of[c.Name] = &connectorTasks{connector: c.Name, by: map[string]int64{}}
	}
	for i := range s.tasks {
		t := &s.tasks[i]
		t.Status = strings.ToLower(t.Status)
		s.numbers = append(s.numbers, strconv.Itoa(t.Number))
		if of[t.Connector] == nil { // the connector itself runs elsewhere
			of[t.Connector] = &connectorTasks{connector: t.Connector, by: map[string]int64{}}
		}
		of[t.Connector].total++
		of[t.Connector].by[t.Status]++
	}
	for _, c := range of {
		s.connectorTasks = append(s.connectorTasks, *c)
	}
	slices.SortFunc(s.connectorTasks, func(a, b connectorTasks) int { return strings.Compare(a.connector, b.connector) })
	return s
}
