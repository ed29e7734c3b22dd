package metrics

// Worker is what a worker runs.
type Worker struct {
	// Connectors have a name each, Tasks a connector and number each. The connector of a task may run elsewhere.
	Connectors []Connector
	Tasks      []Task
}

// Connector is a connector that runs on the worker.
type Connector struct {
	Name string
	// Status is a word of Kafka Connect's status, in upper or lower case.
	Status string
}

// TaskType says which way a task's records go. It is empty before that is known.
type TaskType string

// The types of tasks.
const (
	Source TaskType = "source"
	Sink   TaskType = "sink"
)

// Task is a task that runs on the worker.
type Task struct {
	Connector string
	Number    int
	Status    string // as that of a Connector
	Type      TaskType
	// Records is the number of records that Kafka has, for a source, or that the plugin took, for a sink.
	Records int64
	TaskErrors
}

// TaskErrors are the counters of a task's error handling.
type TaskErrors struct {
	// Failures is the number of attempts that failed, those that succeeded when tried again included.
	Failures int64
	// Failed is the number of records that failed in the end, Skipped of those of them with which the task went on.
	Failed, Skipped int64
	// Retries is the number of attempts made again.
	Retries int64
	// Logged is the number of failures in the log, by errors.log.enable.
	Logged int64
	// Letters is the number of dead letters that were to be written, LostLetters of those that Kafka did not take.
	Letters, LostLetters int64
	// LastFailed is when a record failed in the end for the last time, in milliseconds since 1970; 0: none did.
	LastFailed int64
}
