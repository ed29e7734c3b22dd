package search

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

const jsonType = "application/json"

// Exists tells whether there is an index, an alias or a data stream of the name.
// A user who may not know that is told that there is: writing will tell.
func (c *Client) Exists(ctx context.Context, name string) (bool, error) {
	a, err := c.ask(ctx, http.MethodHead, "/"+url.PathEscape(name), "", nil)
	switch {
	case err != nil:
		return false, err
	case a.status == http.StatusNotFound:
		return false, nil
	case a.status == http.StatusOK, a.status == http.StatusForbidden:
		return true, nil
	}
	return false, c.refusal(a, "look for index "+name)
}

// CreateIndex creates an index with a mapping, nil for none, unless there is one by now.
func (c *Client) CreateIndex(ctx context.Context, name string, mapping []byte) error {
	var body []byte
	if mapping != nil {
		body = append(append([]byte(`{"mappings":`), mapping...), '}')
	}
	return c.put(ctx, "/"+url.PathEscape(name), body, "create index "+name)
}

// Fields returns the names of the fields that the mapping of an index has at its
// top. open tells that the server itself would add others.
func (c *Client) Fields(ctx context.Context, name string) (fields map[string]bool, open bool, err error) {
	a, err := c.ask(ctx, http.MethodGet, "/"+url.PathEscape(name)+"/_mapping", "", nil)
	if err != nil {
		return nil, false, err
	}
	if a.status != http.StatusOK {
		return nil, false, c.refusal(a, "read the mapping of index "+name)
	}
	var indexes map[string]struct {
		Mappings struct {
			Dynamic    json.RawMessage            `json:"dynamic"`
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"mappings"`
	}
	if err := json.Unmarshal(a.body, &indexes); err != nil {
		return nil, false, &Unreachable{URL: a.url, Err: &answerError{fmt.Errorf("the mapping of index %s is none: %w", name, err)}}
	}
	fields, open = map[string]bool{}, true
	for _, index := range indexes { // those of an alias
		dynamic := strings.Trim(string(index.Mappings.Dynamic), `"`)
		open = open && dynamic != "false" && dynamic != "strict"
		for field := range index.Mappings.Properties {
			fields[field] = true
		}
	}
	return fields, open, nil
}

// PutMapping adds fields to the mapping of an index.
func (c *Client) PutMapping(ctx context.Context, name string, mapping []byte) error {
	return c.put(ctx, "/"+url.PathEscape(name)+"/_mapping", mapping, "change the mapping of index "+name)
}

// CreateDataStream creates a data stream, unless there is one by now. If no index
// template asks for data streams of that name, it creates one for this name first.
func (c *Client) CreateDataStream(ctx context.Context, name, template string) error {
	path := "/_data_stream/" + url.PathEscape(name)
	err := c.put(ctx, path, nil, "create data stream "+name)
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest || !strings.Contains(refusal.Fault.Reason, "template") {
		return err
	}
	body := []byte(`{"index_patterns":["` + name + `"],"data_stream":{},"priority":200}`)
	if err := c.put(ctx, "/_index_template/"+url.PathEscape(template), body, "create index template "+template); err != nil {
		return err
	}
	return c.put(ctx, path, nil, "create data stream "+name)
}

// alreadyThere are the server's words for what another task has made meanwhile.
var alreadyThere = [][]byte{[]byte("resource_already_exists_exception"), []byte("already exists")}

func (c *Client) put(ctx context.Context, path string, body []byte, request string) error {
	contentType := jsonType
	if body == nil {
		contentType = ""
	}
	a, err := c.ask(ctx, http.MethodPut, path, contentType, body)
	if err != nil || a.status < 300 {
		return err
	}
	for _, words := range alreadyThere {
		if a.status == http.StatusBadRequest && bytes.Contains(a.body, words) {
			return nil
		}
	}
	return c.refusal(a, request)
}
