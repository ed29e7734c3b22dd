package storage

import (
	"fmt"
	"strings"
)

// TargetState is what a connector is told to be. The zero value is what a connector without a record is.
type TargetState uint8

const (
	Started TargetState = iota // runs
	Paused                     // keeps its tasks, moves no records
	Stopped                    // has no tasks
)

// String returns Kafka Connect's word.
func (t TargetState) String() string {
	switch t {
	case Started:
		return "STARTED"
	case Paused:
		return "PAUSED"
	case Stopped:
		return "STOPPED"
	}
	return fmt.Sprintf("TargetState(%d)", uint8(t))
}

// ParseTargetState reads Kafka Connect's word in upper or lower case.
func ParseTargetState(s string) (TargetState, error) {
	for _, t := range []TargetState{Started, Paused, Stopped} {
		if strings.EqualFold(s, t.String()) {
			return t, nil
		}
	}
	return 0, fmt.Errorf("target state %q is none of STARTED, PAUSED, STOPPED", s)
}

// targetEntry writes the state twice: workers that do not know STOPPED read the first, where it is PAUSED.
func targetEntry(name string, t TargetState) Entry {
	old := t
	if t == Stopped {
		old = Paused
	}
	return Entry{Key: []byte(targetKey + name), Value: fmt.Appendf(nil, `{"state":"%s","state.v2":"%s"}`, old, t)}
}

// decodeTarget prefers the newer of the two members. A value that is no text counts as absent.
func decodeTarget(value []byte) (TargetState, error) {
	if err := checkObject(value); err != nil {
		return 0, err
	}
	var state, newer []byte
	walk(value, func(key, value []byte) {
		if value[0] != '"' {
			return
		}
		switch unquote(key) {
		case "state":
			state = value
		case "state.v2":
			newer = value
		}
	})
	if newer != nil {
		state = newer
	}
	if state == nil {
		return 0, fmt.Errorf(`no text "state" or "state.v2" in %.100q`, value)
	}
	for _, t := range []TargetState{Started, Paused, Stopped} {
		if unquote(state) == t.String() {
			return t, nil
		}
	}
	return 0, fmt.Errorf("state %s is none of STARTED, PAUSED, STOPPED", state)
}
