package search

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Server is what a cluster says it is.
type Server struct {
	// Product is "Elasticsearch" or "OpenSearch", empty when it may not be known.
	Product string
	Version string
	Major   int
}

// String returns product and version.
func (s Server) String() string {
	if s.Product == "" {
		return "a search server that does not say what it is"
	}
	return s.Product + " " + s.Version
}

// Server asks what the cluster is. A user who may not know that is no error.
// The error says what to do.
func (c *Client) Server(ctx context.Context) (Server, error) {
	a, err := c.ask(ctx, http.MethodGet, "/", "", nil)
	if err != nil {
		return Server{}, err
	}
	if a.status == http.StatusForbidden {
		return Server{}, nil
	}
	if a.status != http.StatusOK {
		return Server{}, c.refusal(a, "ask what it is")
	}
	s, err := parseServer(a.body, a.header.Get("X-Elastic-Product"))
	if err != nil {
		return s, fmt.Errorf("%s: %w", a.url, err)
	}
	return s, nil
}

// parseServer reads the answer to GET /.
func parseServer(body []byte, productHeader string) (Server, error) {
	var raw struct {
		Version struct {
			Number       string `json:"number"`
			Distribution string `json:"distribution"`
		} `json:"version"`
		Tagline string `json:"tagline"`
	}
	if err := json.Unmarshal(body, &raw); err != nil || raw.Version.Number == "" {
		return Server{}, keyErrorf(urlKey, "what answers there is no search server: check connection.url")
	}
	major, err := strconv.Atoi(strings.SplitN(raw.Version.Number, ".", 2)[0])
	if err != nil {
		return Server{}, keyErrorf(urlKey, "the search server has the version %q, which is none", raw.Version.Number)
	}
	s := Server{Product: "Elasticsearch", Version: raw.Version.Number, Major: major}
	switch {
	case raw.Version.Distribution == "opensearch":
		s.Product = "OpenSearch"
	case productHeader == "" && raw.Tagline != "You Know, for Search":
		return s, keyErrorf(urlKey, "what answers there is neither Elasticsearch nor OpenSearch: check connection.url")
	case major < 7:
		return s, keyErrorf(urlKey, "the search server is %s: this connector writes to Elasticsearch 7, 8 and 9 and to OpenSearch 1, 2 and 3", s)
	}
	return s, nil
}
