package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// connect is the REST API of a worker, Outboard's or Kafka Connect's.
type connect struct{ url string }

// put creates a connector.
func (c connect) put(ctx context.Context, name string, config map[string]string) error {
	body, err := json.Marshal(config)
	if err != nil {
		return err
	}
	_, err = c.ask(ctx, http.MethodPut, "/connectors/"+name+"/config", body)
	return err
}

// remove deletes a connector; one that is not there is as good as deleted.
func (c connect) remove(ctx context.Context, name string) error {
	_, err := c.ask(ctx, http.MethodDelete, "/connectors/"+name, nil)
	return err
}

// running tells whether a connector has a task and all of it runs. A part that failed is an error.
func (c connect) running(ctx context.Context, name string) (bool, error) {
	type part struct{ State, Trace string }
	var status struct {
		Connector part
		Tasks     []part
	}
	text, err := c.ask(ctx, http.MethodGet, "/connectors/"+name+"/status", nil)
	if err != nil || text == nil {
		return false, err
	}
	if err := json.Unmarshal(text, &status); err != nil {
		return false, fmt.Errorf("status of connector %s: %w", name, err)
	}
	all := len(status.Tasks) > 0
	for _, p := range append(status.Tasks, status.Connector) {
		if p.State == "FAILED" {
			return false, fmt.Errorf("connector %s failed: %s", name, p.Trace)
		}
		all = all && p.State == "RUNNING"
	}
	return all, nil
}

// healthy tells whether the worker is ready.
func (c connect) healthy(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/health", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// ask makes a request, again for a while when the worker is busy with itself. What is not there is answered with nil.
func (c connect) ask(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		code, answer, err := c.once(ctx, method, path, body)
		switch {
		case err != nil:
			return nil, err
		case code < 300:
			return answer, nil
		case code == http.StatusNotFound && method != http.MethodPut:
			return nil, nil
		case code == http.StatusConflict || code >= 500:
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
			}
		}
		return nil, fmt.Errorf("%s %s answered %d: %.2000s", method, c.url+path, code, strings.TrimSpace(string(answer)))
	}
}

func (c connect) once(ctx context.Context, method, path string, body []byte) (code int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}
