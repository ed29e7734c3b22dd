//go:build integration

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// search is a search server, seen from a test.
type search struct {
	t      *testing.T
	url    string
	client http.Client
}

// newSearch is for the test's own indexes, whose names begin with prefix; they are deleted at its end.
func newSearch(t *testing.T, s *server, prefix string) *search {
	x := &search{t: t, url: s.address, client: http.Client{Timeout: callLimit}}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), callLimit)
		defer cancel()
		// A test's own server is gone with its data.
		if _, err := x.ask(ctx, http.MethodDelete, "/"+prefix+"*", nil); err != nil && s.shared {
			t.Error(err)
		}
	})
	return x
}

// errNoSuchThing is the server's 404.
var errNoSuchThing = errors.New("not found")

// ask makes one request; body is JSON or nil. An answer that is no success is an error.
func (s *search) ask(ctx context.Context, method, path string, body any) ([]byte, error) {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, &content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusNotFound:
		err = errNoSuchThing
	case response.StatusCode >= 300:
		err = fmt.Errorf("status %d", response.StatusCode)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %.500s", method, path, err, answer)
	}
	return answer, nil
}

// count returns the number of documents that can be found in an index, 0 while there is none.
func (s *search) count(index string) (int64, error) {
	if err := s.refresh(index); err != nil {
		if errors.Is(err, errNoSuchThing) {
			return 0, nil
		}
		return 0, err
	}
	answer, err := s.ask(s.t.Context(), http.MethodGet, "/"+url.PathEscape(index)+"/_count", nil)
	if err != nil {
		return 0, err
	}
	var found struct{ Count int64 }
	return found.Count, json.Unmarshal(answer, &found)
}

// refresh makes all findable that an index has.
func (s *search) refresh(index string) error {
	_, err := s.ask(s.t.Context(), http.MethodPost, "/"+url.PathEscape(index)+"/_refresh", nil)
	return err
}

// documents returns all documents of an index by their ids, none while there is no index.
func (s *search) documents(index string) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if err := s.refresh(index); err != nil {
		if errors.Is(err, errNoSuchThing) {
			return all, nil
		}
		return nil, err
	}
	const page = 5000
	type found struct {
		Scroll string `json:"_scroll_id"`
		Hits   struct {
			Hits []struct {
				ID     string          `json:"_id"`
				Source json.RawMessage `json:"_source"`
			}
		}
	}
	path, body := "/"+url.PathEscape(index)+"/_search?scroll=1m", map[string]any{"size": page, "sort": []string{"_doc"}}
	for {
		answer, err := s.ask(s.t.Context(), http.MethodPost, path, body)
		if err != nil {
			return nil, err
		}
		var f found
		if err := json.Unmarshal(answer, &f); err != nil {
			return nil, err
		}
		for _, hit := range f.Hits.Hits {
			all[hit.ID] = hit.Source
		}
		if len(f.Hits.Hits) < page {
			_, err := s.ask(s.t.Context(), http.MethodDelete, "/_search/scroll", map[string]any{"scroll_id": []string{f.Scroll}})
			return all, err
		}
		path, body = "/_search/scroll", map[string]any{"scroll": "1m", "scroll_id": f.Scroll}
	}
}
