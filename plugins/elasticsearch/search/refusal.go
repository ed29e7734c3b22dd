package search

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Class says what is to be done about an answer.
type Class uint8

// The classes; the package documentation explains them.
const (
	Done Class = iota
	Conflict
	Busy
	Unavailable
	TooLarge
	Blocked
	Document
	Setup
)

var classNames = [...]string{"done", "conflict", "busy", "unavailable", "too large", "blocked", "document", "setup"}

// String returns the name of the class.
func (c Class) String() string { return classNames[c] }

// Fault is what a server says is wrong.
type Fault struct {
	Type, Reason string
	// Cause is the innermost one, which often is the most telling.
	Cause *Fault
	// Index is the one that it is about, if the server says.
	Index string
}

// UnmarshalJSON reads the server's form, or a text alone.
func (f *Fault) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] != '{' {
		if err := json.Unmarshal(b, &f.Reason); err != nil {
			f.Reason = ""
		}
		return nil
	}
	var raw struct {
		Type     json.RawMessage `json:"type"`
		Reason   json.RawMessage `json:"reason"`
		Index    json.RawMessage `json:"index"`
		CausedBy *Fault          `json:"caused_by"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	f.Type, f.Reason, f.Index = textOf(raw.Type), textOf(raw.Reason), textOf(raw.Index)
	if f.Cause = raw.CausedBy; f.Cause != nil && f.Cause.Cause != nil {
		f.Cause = f.Cause.Cause
	}
	return nil
}

func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// String returns the server's words. They may show a part of the document.
func (f *Fault) String() string {
	text := f.Type
	if f.Reason != "" {
		text = strings.TrimPrefix(text+": "+f.Reason, ": ")
	}
	if f.Cause != nil && f.Cause.Type+f.Cause.Reason != "" {
		text += ", caused by " + f.Cause.String()
	}
	return text
}

// Discreet returns the server's words without those that show values of the
// document: the preview of a value, and the words of the cause unless they are
// about the document as a whole.
func (f *Fault) Discreet() string {
	reason, _, _ := strings.Cut(f.Reason, " Preview of field's value:")
	shown := Fault{Type: f.Type, Reason: strings.TrimSuffix(reason, ".")}
	if f.Cause != nil && f.Cause.Type != "" {
		shown.Cause = &Fault{Type: f.Cause.Type}
		if strings.HasSuffix(reason, "failed to parse") && f.Cause.Type != "json_parse_exception" {
			shown.Cause.Reason = f.Cause.Reason
		}
	}
	return shown.String()
}

// Refusal is an answer that is no success.
type Refusal struct {
	Status int
	Fault  Fault
	// After is the least time until the next attempt that the server asks for.
	After time.Duration
	// URL is the node's.
	URL string

	request string
	identity
}

// Class says what the refusal is about.
func (r *Refusal) Class() Class {
	if r.Status == http.StatusNotFound || r.Status == http.StatusBadRequest && r.Fault.Type == "" {
		return Setup // no search server, or a proxy
	}
	return classOf(r.Status, &r.Fault)
}

// Error says what happened and what to do.
func (r *Refusal) Error() string {
	said := fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status))
	if words := r.Fault.Discreet(); words != "" {
		said = fmt.Sprintf("%d %s", r.Status, words)
	}
	switch {
	case r.Status == http.StatusUnauthorized && r.key == "":
		return fmt.Sprintf("the search server %s wants to know who asks (%s): set connection.username and connection.password, connection.api.key or connection.bearer.token", r.URL, said)
	case r.Status == http.StatusUnauthorized:
		return fmt.Sprintf("the search server %s does not accept %s (%s): check %s", r.URL, r.who, said, r.keys)
	case r.Status == http.StatusForbidden && r.Class() == Setup:
		return fmt.Sprintf("the search server %s does not allow %s to %s (%s): give the right to write to the index, and to create it", r.URL, r.who, r.request, said)
	case r.Status == http.StatusBadRequest && strings.Contains(r.Fault.Reason, "HTTPS"):
		return fmt.Sprintf("the search server %s speaks TLS: write https:// in connection.url", r.URL)
	case r.Status >= 300 && r.Status < 400, r.Status == http.StatusMethodNotAllowed, r.Status == http.StatusNotFound && r.Fault.Type == "":
		return fmt.Sprintf("%s answers like no search server (%s to %s): check connection.url", r.URL, said, r.request)
	}
	return explain(r.Class(), said, r.Fault.Index, fmt.Sprintf("the search server %s", r.URL))
}

// explain says what a class of refusal means for people.
func explain(c Class, said, index, who string) string {
	place := "the index"
	if index != "" {
		place = "index " + index
	}
	switch c {
	case Busy:
		return fmt.Sprintf("%s has more work than it takes (%s): it needs more capacity, or less load: lower max.in.flight.requests or tasks.max", who, said)
	case Unavailable:
		return fmt.Sprintf("%s cannot do this at the moment (%s): look at its health and its log", who, said)
	case TooLarge:
		return fmt.Sprintf("%s takes no request of this size (%s): raise its http.max_content_length or lower bulk.size.bytes", who, said)
	case Blocked:
		return explainBlock(said, index, place)
	case Document:
		return fmt.Sprintf("%s never takes this document (%s): correct the record, or the mapping of %s", who, said, place)
	case Conflict:
		return fmt.Sprintf("%s has another version of this document (%s)", who, said)
	}
	if strings.HasPrefix(said, "security_exception") {
		return fmt.Sprintf("%s does not allow to write to %s (%s): give the user the right to write to it, and to create it", who, place, said)
	}
	return fmt.Sprintf("%s refuses (%s): change its settings, or the connector's", who, said)
}

// explainBlock says why an index may take no writes.
func explainBlock(said, index, place string) string {
	if index == "" {
		index = "_all"
	}
	if !strings.Contains(said, "/12/") { // the number of the block that a full disk makes
		return fmt.Sprintf("%s takes no writes (%s): remove the block from its settings, as with PUT /%s/_settings "+
			`{"index.blocks.write": null, "index.blocks.read_only": null}`, place, said, index)
	}
	return fmt.Sprintf("%s takes no writes since the disk of the search server is full (%s): free space there; "+
		`if the index stays blocked then, send PUT /%s/_settings {"index.blocks.read_only_allow_delete": null}`, place, said, index)
}

// setupReasons are words of servers in refusals of a class of errors that is otherwise about documents, but which a
// document can do nothing about.
var setupReasons = []string{
	"no write index is defined for alias",
	"only write ops with an op_type of create are allowed in data streams",
	"pipeline with id",
	"maximum shards open",
	"maximum normal shards open",
	"contains an unknown parameter",
	"unrecognized parameter",
}

// classOf says what a status and a server's words are about.
func classOf(status int, f *Fault) Class {
	switch f.Type {
	case "cluster_block_exception":
		return Blocked
	case "version_conflict_engine_exception":
		if sameVersion(f.Reason) {
			return Done
		}
		return Conflict
	case "es_rejected_execution_exception", "rejected_execution_exception", "circuit_breaking_exception":
		return Busy
	case "index_not_found_exception", "index_closed_exception", "security_exception", "validation_exception", "illegal_index_shard_state_exception":
		return Setup
	}
	switch {
	case status < 300:
		return Done
	case status == http.StatusConflict:
		return Conflict
	case status == http.StatusTooManyRequests:
		return Busy
	case status == http.StatusRequestEntityTooLarge:
		return TooLarge
	case status == http.StatusRequestTimeout || status >= 500:
		return Unavailable
	case status == http.StatusUnauthorized || status == http.StatusForbidden || status < 400 || status == http.StatusMethodNotAllowed:
		return Setup
	}
	for _, words := range setupReasons {
		if strings.Contains(f.Reason, words) {
			return Setup
		}
	}
	return Document
}

// sameVersion tells whether a version conflict is with the very version that was sent: the operation was done before.
// The words are "version conflict, current version [7] is higher or equal to the one provided [7]".
func sameVersion(reason string) bool {
	_, after, _ := strings.Cut(reason, "current version [")
	current, after, ok := strings.Cut(after, "]")
	_, provided, there := strings.Cut(after, "the one provided [")
	return ok && there && strings.HasPrefix(provided, current+"]")
}

// refusal reads an answer that is no success.
func (c *Client) refusal(a *answer, request string) *Refusal {
	r := &Refusal{Status: a.status, URL: a.url, request: request, identity: c.identity}
	var body struct {
		Error *Fault `json:"error"`
	}
	if json.Unmarshal(a.body, &body) == nil && body.Error != nil {
		r.Fault = *body.Error
	} else if a.status == http.StatusBadRequest {
		r.Fault.Reason = firstWords(a.body) // a proxy's page
	}
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && seconds > 0 {
		r.After = time.Duration(seconds) * time.Second
	}
	return r
}

// firstWords returns the beginning of an answer that is not JSON.
func firstWords(body []byte) string {
	return strings.Join(strings.Fields(string(body[:min(len(body), 200)])), " ")
}
