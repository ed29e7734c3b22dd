package herder

import (
	"encoding/json"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// The types of a connector.
const (
	TypeSource  = "source"
	TypeSink    = "sink"
	TypeUnknown = "unknown" // no plugin has the class
)

// ConnectorInfo is a connector with its configuration as stored, and nothing else: clients refuse other members.
type ConnectorInfo struct {
	Name   string            `json:"name"`
	Config map[string]string `json:"config"`
	// Tasks is never null.
	Tasks []TaskRef `json:"tasks"`
	Type  string    `json:"type"`
}

// TaskRef names a task.
type TaskRef struct {
	Connector string `json:"connector"`
	Task      int    `json:"task"`
}

// TaskInfo is a task with its configuration: what the connector made, with what the framework adds.
type TaskInfo struct {
	ID     TaskRef           `json:"id"`
	Config map[string]string `json:"config"`
}

// Target is what a connector is meant to do, in the words of initial_state.
type Target string

// The values of initial_state; the empty one is TargetRunning.
const (
	TargetRunning Target = "RUNNING"
	TargetPaused  Target = "PAUSED"
	TargetStopped Target = "STOPPED"
)

// ConnectorStatus is what became of a connector and its tasks, these in order of their numbers and never null.
type ConnectorStatus struct {
	Name      string       `json:"name"`
	Connector StateInfo    `json:"connector"`
	Tasks     []TaskStatus `json:"tasks"`
	Type      string       `json:"type"`
}

// StateInfo is the state of a connector.
type StateInfo struct {
	State    string `json:"state"`
	WorkerID string `json:"worker_id"`
	// Version is that of the plugin, null while it is not known.
	Version *string `json:"version"`
	// Trace is the error of a failure in the shape of a Java stack trace.
	Trace string `json:"trace,omitempty"`
}

// TaskStatus is the state of a task.
type TaskStatus struct {
	ID int `json:"id"`
	StateInfo
}

// Offsets are where a connector is.
type Offsets struct {
	// Offsets is never null.
	Offsets []Offset `json:"offsets"`
}

// Offset is where a connector is in a part of what it reads. Both are JSON objects: for a source of its own making, for a sink
// {"kafka_topic": …, "kafka_partition": …} and {"kafka_offset": …}, which is that of the next record. An Offset of null is none.
type Offset struct {
	Partition json.RawMessage `json:"partition"`
	Offset    json.RawMessage `json:"offset"`
}

// LoggerLevel is the level of a logger of a worker.
type LoggerLevel struct {
	// Level is a word of Kafka Connect: OFF, FATAL, ERROR, WARN, INFO, DEBUG, TRACE or ALL.
	Level string `json:"level"`
	// LastModified is when the level was last changed, in milliseconds since 1970; null if never.
	LastModified *int64 `json:"last_modified"`
}

// PluginInfo is an installed connector, in one of its versions.
type PluginInfo struct {
	Class   string `json:"class"`
	Type    string `json:"type"`
	Version string `json:"version,omitempty"`
}

// KeyInfo is a key of a plugin's configuration.
type KeyInfo = config.KeyInfo

// ConfigInfos is the answer of a validation.
type ConfigInfos struct {
	// Name is the value of connector.class.
	Name string `json:"name"`
	// ErrorCount is the number of error texts.
	ErrorCount int      `json:"error_count"`
	Groups     []string `json:"groups"`
	// Configs holds the framework's keys, the connector's, overridden client keys and those of converters.
	Configs []config.Info `json:"configs"`
}

// ServerInfo says which Kafka Connect this worker behaves as, and what it is made of.
type ServerInfo struct {
	// Version is the version of Kafka Connect whose REST API this is: clients derive from it what they may call.
	Version        string `json:"version"`
	Commit         string `json:"commit"`
	KafkaClusterID string `json:"kafka_cluster_id"`
}

// HealthStatus is a word of the health answer.
type HealthStatus string

// The words of the health answer.
const (
	Healthy   HealthStatus = "healthy"
	Starting  HealthStatus = "starting"
	Unhealthy HealthStatus = "unhealthy"
)

// Health tells whether the worker can do its work.
type Health struct {
	Status  HealthStatus `json:"status"`
	Message string       `json:"message"`
}
