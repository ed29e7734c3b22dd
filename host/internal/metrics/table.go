package metrics

// metric is one of Kafka Connect's, or would be if it had it.
type metric struct {
	group, name string // Kafka Connect's
	kind        kind
	help        string
	read        func(*scrape, series)
}

// kind is the type of a metric in the text format.
type kind string

const (
	counter kind = "counter"
	gauge   kind = "gauge"
)

// table is every metric.
var table = []metric{
	{"connect-worker-metrics", "connector-count", gauge, "Connectors that run on this worker.",
		single(func(s *scrape) int64 { return int64(len(s.connectors)) })},
	{"connect-worker-metrics", "task-count", gauge, "Tasks that run on this worker.",
		single(func(s *scrape) int64 { return int64(len(s.tasks)) })},
	{"connect-worker-metrics", "connector-total-task-count", gauge, "Tasks of the connector on this worker.",
		connectors(func(c *connectorTasks) int64 { return c.total })},
	{"connect-worker-metrics", "connector-running-task-count", gauge, "Running tasks of the connector on this worker.",
		connectors(func(c *connectorTasks) int64 { return c.by["running"] })},
	{"connect-worker-metrics", "connector-paused-task-count", gauge, "Paused tasks of the connector on this worker.",
		connectors(func(c *connectorTasks) int64 { return c.by["paused"] })},
	{"connect-worker-metrics", "connector-failed-task-count", gauge, "Failed tasks of the connector on this worker.",
		connectors(func(c *connectorTasks) int64 { return c.by["failed"] })},
	{"connect-worker-metrics", "connector-unassigned-task-count", gauge, "Tasks of the connector on this worker that have not reported a state yet.",
		connectors(func(c *connectorTasks) int64 { return c.by["unassigned"] })},
	{"connect-worker-metrics", "connector-restarting-task-count", gauge, "Restarting tasks of the connector on this worker.",
		connectors(func(c *connectorTasks) int64 { return c.by["restarting"] })},

	{"connector-metrics", "status", gauge, "The status of the connector; 1 for the one that it has.",
		connectorStatus},
	{"connector-task-metrics", "status", gauge, "The status of the task; 1 for the one that it has.",
		taskStatus},

	{"source-task-metrics", "source-record-write-total", counter, "Records that the task wrote to Kafka.",
		tasksOf(Source, func(t *Task) int64 { return t.Records })},
	{"sink-task-metrics", "sink-record-send-total", counter, "Records that the plugin's task took.",
		tasksOf(Sink, func(t *Task) int64 { return t.Records })},

	{"task-error-metrics", "total-record-failures", counter, "Attempts to process a record that failed, those that succeeded when tried again included.",
		tasks(func(t *Task) int64 { return t.Failures })},
	{"task-error-metrics", "total-record-errors", counter, "Records that failed in the end.",
		tasks(func(t *Task) int64 { return t.Failed })},
	{"task-error-metrics", "total-records-skipped", counter, "Records that failed in the end and were skipped.",
		tasks(func(t *Task) int64 { return t.Skipped })},
	{"task-error-metrics", "total-retries", counter, "Attempts to process a record that were made again.",
		tasks(func(t *Task) int64 { return t.Retries })},
	{"task-error-metrics", "total-errors-logged", counter, "Failures that were logged, by errors.log.enable.",
		tasks(func(t *Task) int64 { return t.Logged })},
	{"task-error-metrics", "deadletterqueue-produce-requests", counter, "Records that were to be written to the dead letter queue.",
		tasks(func(t *Task) int64 { return t.Letters })},
	{"task-error-metrics", "deadletterqueue-produce-failures", counter, "Records that the dead letter queue did not take.",
		tasks(func(t *Task) int64 { return t.LostLetters })},
	{"task-error-metrics", "last-error-timestamp", gauge, "When a record failed in the end for the last time, in milliseconds since 1970; 0 if none did.",
		tasks(func(t *Task) int64 { return t.LastFailed })},
}

// single reads a metric of the worker itself.
func single(value func(*scrape) int64) func(*scrape, series) {
	return func(s *scrape, add series) { add(value(s)) }
}

// connectors reads a metric of every connector that runs, or has tasks, on the worker.
func connectors(value func(*connectorTasks) int64) func(*scrape, series) {
	return func(s *scrape, add series) {
		for i := range s.connectorTasks {
			add(value(&s.connectorTasks[i]), "connector", s.connectorTasks[i].connector)
		}
	}
}

func connectorStatus(s *scrape, add series) {
	for i := range s.connectors {
		c := &s.connectors[i]
		add(1, "connector", c.Name, "status", c.Status)
	}
}

func taskStatus(s *scrape, add series) {
	for i := range s.tasks {
		t := &s.tasks[i]
		add(1, "connector", t.Connector, "task", s.numbers[i], "status", t.Status)
	}
}

// tasks reads a metric of every task.
func tasks(value func(*Task) int64) func(*scrape, series) {
	return func(s *scrape, add series) {
		for i := range s.tasks {
			add(value(&s.tasks[i]), "connector", s.tasks[i].Connector, "task", s.numbers[i])
		}
	}
}

// tasksOf reads a metric of the tasks of a type.
func tasksOf(of TaskType, value func(*Task) int64) func(*scrape, series) {
	return func(s *scrape, add series) {
		for i := range s.tasks {
			if s.tasks[i].Type == of {
				add(value(&s.tasks[i]), "connector", s.tasks[i].Connector, "task", s.numbers[i])
			}
		}
	}
}
