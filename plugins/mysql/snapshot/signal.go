package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// The orders that a row of the signal table gives, in its column type.
const (
	signalExecute = "execute-snapshot"
	signalStop    = "stop-snapshot"
	signalPause   = "pause-snapshot"
	signalResume  = "resume-snapshot"
	signalLog     = "log"
	signalOpen    = "snapshot-window-open"
	signalClose   = "snapshot-window-close"
)

// Request is a snapshot that somebody ordered.
type Request struct {
	ID string `json:"id"`
	// Tables are regular expressions for database.table.
	Tables []string `json:"tables"`
	// Conditions restrict the rows of tables.
	Conditions []Condition `json:"conditions,omitempty"`
	// Surrogate is a column to divide tables by instead of their key; "": none.
	Surrogate string `json:"surrogate,omitempty"`
	// Blocking tells that the stream waits for the snapshot.
	Blocking bool `json:"blocking,omitempty"`
}

// Condition restricts the rows of tables.
type Condition struct {
	Table  string `json:"data-collection"` // a regular expression
	Filter string `json:"filter"`          // for WHERE
}

// signalData is the column data, as Debezium has it.
type signalData struct {
	Type           string      `json:"type"`
	DataCollection []string    `json:"data-collections"`
	Condition      string      `json:"additional-condition"`
	Conditions     []Condition `json:"additional-conditions"`
	Surrogate      string      `json:"surrogate-key"`
	Message        string      `json:"message"`
}

func parseSignal(data string) (signalData, error) {
	var d signalData
	if strings.TrimSpace(data) == "" {
		return d, nil
	}
	if err := json.Unmarshal([]byte(data), &d); err != nil {
		return d, fmt.Errorf("data is not the JSON of such a signal: %w", err)
	}
	if d.Type = strings.ToLower(d.Type); d.Type != "" && d.Type != "incremental" && d.Type != "blocking" {
		return d, fmt.Errorf("type %q is neither incremental nor blocking", d.Type)
	}
	for _, expression := range d.DataCollection {
		if _, err := table.Pattern(expression); err != nil {
			return d, err
		}
	}
	for _, c := range d.Conditions {
		if _, err := table.Pattern(c.Table); err != nil {
			return d, err
		}
	}
	return d, nil
}

// request makes a request of the data of an order.
func (d signalData) request(id string) (Request, error) {
	if len(d.DataCollection) == 0 {
		return Request{}, errors.New(`data has no "data-collections"`)
	}
	r := Request{ID: id, Tables: d.DataCollection, Conditions: d.Conditions, Surrogate: d.Surrogate, Blocking: d.Type == "blocking"}
	if d.Condition != "" {
		r.Conditions = append(r.Conditions, Condition{Table: ".*", Filter: d.Condition})
	}
	return r, nil
}

// matches tells whether one of some regular expressions matches a table.
func matches(expressions []string, id table.ID) bool {
	return slices.ContainsFunc(expressions, func(expression string) bool {
		re, err := table.Pattern(expression) // it was checked
		return err == nil && re.MatchString(id.String())
	})
}

// Choose returns what a request leaves to be read of the captured tables.
func (r Request) Choose(captured []table.ID) *Progress {
	p := &Progress{}
	for _, id := range captured {
		if matches(r.Tables, id) {
			p.tables = append(p.tables, r.begin(id))
		}
	}
	return p
}

func (r Request) begin(id table.ID) *tableProgress {
	t := &tableProgress{id: id, surrogate: r.Surrogate}
	i := slices.IndexFunc(r.Conditions, func(c Condition) bool { return matches([]string{c.Table}, id) })
	if i >= 0 {
		t.condition = r.Conditions[i].Filter
	}
	return t
}
