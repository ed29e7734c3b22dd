package search

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Item is the outcome of one operation of a bulk request.
type Item struct {
	// Operation is index, create, update or delete.
	Operation string
	Status    int
	Fault     Fault
}

// Class says what is to be done about it.
func (i *Item) Class() Class {
	// What is to be deleted and is not there is done.
	if i.Operation == "delete" && i.Status == http.StatusNotFound && (i.Fault.Type == "" || i.Fault.Type == "index_not_found_exception") {
		return Done
	}
	return classOf(i.Status, &i.Fault)
}

// Explain says what happened to a document in an index, and what to do.
// Without values nothing of the document is shown.
func (i *Item) Explain(index string, values bool) string {
	said := i.Fault.Discreet()
	if values {
		said = i.Fault.String()
	}
	if said == "" {
		said = fmt.Sprintf("status %d", i.Status)
	}
	if i.Fault.Type == "index_not_found_exception" {
		return fmt.Sprintf("index %s does not exist and the server does not make it (%s): create it, or set auto.create.indices.at.start=true", index, said)
	}
	return explain(i.Class(), said, index, "the search server")
}

// bulkPath asks for no more of the answer than is looked at.
const bulkPath = "/_bulk?filter_path=errors,items.*.status,items.*.error,error,status"

// Bulk sends n operations, each with its lines, and returns their outcomes in
// order; nil when all are done. The error is *Unreachable, when nobody knows
// what was done, *Refusal, when nothing was, or that of the context.
func (c *Client) Bulk(ctx context.Context, body []byte, n int) ([]Item, error) {
	a, err := c.ask(ctx, http.MethodPost, bulkPath, "application/x-ndjson", body)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, c.refusal(a, "write")
	}
	items, err := parseBulk(a.body, n)
	if err != nil {
		return nil, &Unreachable{URL: a.url, Err: &answerError{err}}
	}
	return items, nil
}

// answerError is an answer that is none: nobody knows what was done.
type answerError struct{ err error }

func (e *answerError) Error() string { return e.err.Error() }
func (e *answerError) Unwrap() error { return e.err }

// parseBulk reads the answer to n operations.
func parseBulk(body []byte, n int) ([]Item, error) {
	if bytes.HasPrefix(body, []byte(`{"errors":false,`)) && bytes.Count(body, []byte(`"status":`)) == n {
		return nil, nil // as nearly all answers are
	}
	var raw struct {
		Errors *bool `json:"errors"`
		Items  []map[string]struct {
			Status int   `json:"status"`
			Error  Fault `json:"error"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return nil, fmt.Errorf("the answer to a bulk request is none: %w", err)
	}
	if raw.Errors == nil || len(raw.Items) != n {
		return nil, fmt.Errorf("the answer to a bulk request has %d items, %d were sent", len(raw.Items), n)
	}
	items := make([]Item, n)
	for i, m := range raw.Items {
		if len(m) != 1 {
			return nil, fmt.Errorf("item %d of the answer to a bulk request has %d operations", i, len(m))
		}
		for operation, outcome := range m {
			items[i] = Item{operation, outcome.Status, outcome.Error}
		}
		if items[i].Status < 200 {
			return nil, fmt.Errorf("item %d of the answer to a bulk request has the status %d", i, items[i].Status)
		}
	}
	return items, nil
}
