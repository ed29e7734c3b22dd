package position

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Offset is the source offset: Debezium's fields, so that either connector goes on from an offset of the other, and this connector's own.
// Debezium ignores those.
type Offset struct {
	Position
	TimeSec  int64  // when the last change was made, in seconds since the epoch
	ServerID uint32 // of the server that wrote it
	// Server is the identity of the server whose log it is: MySQL's server_uuid, MariaDB's server_uid; "": not known.
	Server string
	// Snapshotting tells that the initial snapshot is not complete; the position is then where streaming begins after it.
	Snapshotting bool
	// Snapshot and Incremental are what package snapshot keeps of the initial snapshot and of ad-hoc ones: JSON or nil.
	Snapshot, Incremental json.RawMessage
	// Shapes are those of the captured tables where the log does not have them; see package table.
	Shapes string
	// Selection is which tables were captured: JSON or nil. A configuration that captures more has to read those first.
	Selection json.RawMessage
}

// fields is the JSON form. The order is that of Debezium.
type fields struct {
	TimeSec     int64           `json:"ts_sec,omitempty"`
	File        string          `json:"file"`
	Pos         uint64          `json:"pos"`
	GTIDs       string          `json:"gtids,omitempty"`
	Row         int             `json:"row,omitempty"`
	ServerID    uint32          `json:"server_id,omitempty"`
	Event       int             `json:"event,omitempty"`
	Snapshot    any             `json:"snapshot,omitempty"`
	Completed   *bool           `json:"snapshot_completed,omitempty"`
	Transaction string          `json:"gtid,omitempty"`
	Server      string          `json:"server_uuid,omitempty"`
	Progress    json.RawMessage `json:"snapshot_progress,omitempty"`
	Incremental json.RawMessage `json:"incremental_snapshot,omitempty"`
	Shapes      string          `json:"shapes,omitempty"`
	Selection   json.RawMessage `json:"selection,omitempty"`
}

// JSON returns the text of the offset.
func (o *Offset) JSON() ([]byte, error) {
	f := fields{
		TimeSec: o.TimeSec, File: o.File, Pos: o.Pos, GTIDs: o.GTIDs.String(), Row: o.Rows, ServerID: o.ServerID, Event: o.Events,
		Transaction: o.Transaction.String(), Server: o.Server, Progress: o.Snapshot, Incremental: o.Incremental, Shapes: o.Shapes,
		Selection: o.Selection,
	}
	if o.Snapshotting {
		f.Snapshot = "INITIAL"
	}
	text, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("the offset cannot be written: %w", err)
	}
	return text, nil
}

// ParseOffset reads an offset of this connector or of Debezium's. The error says what is wrong with it.
func ParseOffset(text []byte) (*Offset, error) {
	var f fields
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	if f.Row < 0 || f.Event < 0 {
		return nil, errors.New(`"event" and "row" must not be negative`)
	}
	snapshotting, err := snapshotting(f.Snapshot, f.Completed)
	if err != nil {
		return nil, err
	}
	gtids, err := ParseSet(f.GTIDs)
	if err != nil {
		return nil, fmt.Errorf(`"gtids": %w`, err)
	}
	if f.File == "" && gtids.Empty() {
		return nil, errors.New(`it has neither "file" nor "gtids"`)
	}
	transaction, err := ParseGTID(f.Transaction)
	if err != nil {
		return nil, fmt.Errorf(`"gtid": %w`, err)
	}
	return &Offset{
		Position: Position{File: f.File, Pos: f.Pos, GTIDs: gtids, Transaction: transaction, Events: f.Event, Rows: f.Row},
		TimeSec:  f.TimeSec, ServerID: f.ServerID, Server: f.Server, Snapshotting: snapshotting,
		Snapshot: f.Progress, Incremental: f.Incremental, Shapes: f.Shapes, Selection: f.Selection,
	}, nil
}

// snapshotting reads Debezium's fields, which say true, "true", or the kind of the snapshot, and in some releases whether it is complete
// all the same.
func snapshotting(kind any, completed *bool) (bool, error) {
	if completed != nil && *completed {
		return false, nil
	}
	switch kind := kind.(type) {
	case nil:
		return false, nil
	case bool:
		return kind, nil
	case string:
		switch strings.ToUpper(kind) {
		case "TRUE", "INITIAL", "BLOCKING", "LAST", "FIRST", "FIRST_IN_DATA_COLLECTION", "LAST_IN_DATA_COLLECTION":
			return true, nil
		case "FALSE", "INCREMENTAL", "":
			return false, nil
		}
	}
	return false, fmt.Errorf(`"snapshot": %v is not known`, kind)
}
