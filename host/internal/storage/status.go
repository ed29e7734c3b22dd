package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// State is what a connector or a task does, in Kafka Connect's words.
type State string

const (
	StateUnassigned State = "UNASSIGNED" // on no worker right now
	StateRunning    State = "RUNNING"
	StatePaused     State = "PAUSED"     // the target state took effect
	StateStopped    State = "STOPPED"    // likewise; connectors only
	StateFailed     State = "FAILED"     // Trace says why
	StateRestarting State = "RESTARTING" // a restart was requested
)

// Status is the state of a connector or a task as its owner wrote it last.
type Status struct {
	State      State
	Trace      string // empty: none
	WorkerID   string // host:port of the owner's REST API
	Generation int32  // of the group when the owner got it
	Version    string // of the plugin; empty: unknown
}

// TaskStatus is the status of one task of a connector.
type TaskStatus struct {
	Task int
	Status
}

// lastWord tells whether this may be what a worker says of something that another worker owns by now.
func (s Status) lastWord() bool { return s.State == StateUnassigned || s.State == StateFailed }

func encodeStatus(s Status) []byte {
	orNull := func(dst []byte, text string) []byte {
		if text == "" {
			return append(dst, "null"...)
		}
		return appendQuoted(dst, strings.ToValidUTF8(text, "\uFFFD"))
	}
	value := appendQuoted([]byte(`{"state":`), string(s.State))
	value = orNull(append(value, `,"trace":`...), s.Trace)
	value = appendQuoted(append(value, `,"worker_id":`...), s.WorkerID)
	value = strconv.AppendInt(append(value, `,"generation":`...), int64(s.Generation), 10)
	value = orNull(append(value, `,"version":`...), s.Version)
	return append(value, '}')
}

// decodeStatus reads what any version of Kafka Connect wrote; members it does not know are ignored.
func decodeStatus(value []byte) (Status, error) {
	var s struct {
		State      State  `json:"state"`
		Trace      string `json:"trace"`
		WorkerID   string `json:"worker_id"`
		Generation int32  `json:"generation"`
		Version    string `json:"version"`
	}
	if err := json.Unmarshal(value, &s); err != nil {
		return Status{}, err
	}
	if s.State == "" || s.WorkerID == "" {
		return Status{}, errors.New(`"state" or "worker_id" is missing`)
	}
	return Status{State: s.State, Trace: s.Trace, WorkerID: s.WorkerID, Generation: s.Generation, Version: s.Version}, nil
}

func encodeTopic(connector string, task int, topic string, discovered time.Time) []byte {
	value := appendQuoted([]byte(`{"topic":{"name":`), topic)
	value = appendQuoted(append(value, `,"connector":`...), connector)
	return fmt.Appendf(value, `,"task":%d,"discoverTimestamp":%d}}`, task, discovered.UnixMilli())
}

// checkTopic checks that value is a topic's; which one, and of which connector, the key says.
func checkTopic(value []byte) error {
	var t struct {
		Topic *struct {
			Name string `json:"name"`
		} `json:"topic"`
	}
	if err := json.Unmarshal(value, &t); err != nil {
		return err
	}
	if t.Topic == nil || t.Topic.Name == "" {
		return errors.New(`"topic" is missing`)
	}
	return nil
}

// statusKey is a decoded key of the status topic.
type statusKey struct {
	kind      statusKeyKind
	connector string
	task      int    // of taskStatusKey
	topic     string // of topicStatusKey
}

type statusKeyKind uint8

const (
	connectorStatusKey statusKeyKind = iota
	taskStatusKey
	topicStatusKey
)

// Keys of the status topic.
const (
	connectorStatusPrefix = "status-connector-"
	taskStatusPrefix      = "status-task-"
	topicStatusPrefix     = "status-topic-"
	topicStatusConnector  = ":connector-"
)

func (k statusKey) encode() []byte {
	switch k.kind {
	case taskStatusKey:
		return fmt.Appendf(nil, "%s%s-%d", taskStatusPrefix, k.connector, k.task)
	case topicStatusKey:
		return []byte(topicStatusPrefix + k.topic + topicStatusConnector + k.connector)
	default:
		return []byte(connectorStatusPrefix + k.connector)
	}
}

// decodeStatusKey is the inverse of encode. Names may hold dashes, topics no colons.
func decodeStatusKey(key string) (statusKey, bool) {
	if name, ok := strings.CutPrefix(key, connectorStatusPrefix); ok {
		return statusKey{kind: connectorStatusKey, connector: name}, name != ""
	}
	if rest, ok := strings.CutPrefix(key, taskStatusPrefix); ok {
		name, number, found := cutTask(rest)
		return statusKey{kind: taskStatusKey, connector: name, task: number}, found
	}
	if rest, ok := strings.CutPrefix(key, topicStatusPrefix); ok {
		topic, name, found := strings.Cut(rest, topicStatusConnector)
		return statusKey{kind: topicStatusKey, connector: name, topic: topic}, found && topic != "" && name != ""
	}
	return statusKey{}, false
}

// cutTask splits <connector>-<task>.
func cutTask(s string) (connector string, task int, ok bool) {
	dash := strings.LastIndexByte(s, '-')
	if dash <= 0 {
		return "", 0, false
	}
	n, err := strconv.ParseUint(s[dash+1:], 10, 31)
	if err != nil || strconv.FormatUint(n, 10) != s[dash+1:] {
		return "", 0, false
	}
	return s[:dash], int(n), true
}
