package searchtest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Flavor is a product in a version.
type Flavor struct {
	Product string // Elasticsearch or OpenSearch
	Version string
	Major   int
}

// The flavors.
var (
	Elasticsearch6 = Flavor{"Elasticsearch", "6.8.23", 6}
	Elasticsearch7 = Flavor{"Elasticsearch", "7.17.29", 7}
	Elasticsearch8 = Flavor{"Elasticsearch", "8.15.0", 8}
	Elasticsearch9 = Flavor{"Elasticsearch", "9.1.0", 9}
	OpenSearch1    = Flavor{"OpenSearch", "1.3.20", 1}
	OpenSearch2    = Flavor{"OpenSearch", "2.19.1", 2}
	OpenSearch3    = Flavor{"OpenSearch", "3.2.0", 3}
)

// String names the flavor.
func (f Flavor) String() string { return f.Product + " " + f.Version }

func (f Flavor) elastic() bool { return f.Product == "Elasticsearch" }

// Server is a search server. Its methods are safe for concurrent use.
type Server struct {
	// URL is its address.
	URL    string
	flavor Flavor
	http   *httptest.Server

	mu        sync.Mutex
	indexes   map[string]*index
	templates map[string]bool // names of data streams that may be made
	accept    string          // the Authorization that is let in; empty: all
	forbidden bool            // whoever is let in may not write
	noAuto    bool            // no index is made by writing
	most      int             // bytes of a request, 0: no bound
	trouble   func(*Bulk) *Trouble
	item      func(*Bulk, *Operation) *Trouble
	bulks     []*Bulk
	active    int
	peak      int
	requests  []string
}

// Trouble is what a server does instead of what it was asked.
type Trouble struct {
	Status int
	// Type and Reason are in the error; no Type: the answer is no JSON.
	Type, Reason string
	// RetryAfter is the header, in seconds.
	RetryAfter int
	// Cut closes the connection: before anything is done, or with Done after it.
	Cut, Done bool
}

// Bulk is a bulk request that came.
type Bulk struct {
	// Number counts from 1.
	Number     int
	Bytes      int
	Operations []Operation
	Gzip       bool
}

// Operation is one of a bulk request.
type Operation struct {
	Kind, Index, ID, Routing string
	Version                  int64 // -1: none
	Document                 json.RawMessage
}

// New starts a server that ends with the test.
func New(t testing.TB, f Flavor) *Server {
	t.Helper()
	s := newServer(f)
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL
	t.Cleanup(s.http.Close)
	return s
}

// NewTLS starts a server that speaks TLS and asks for certificates of clients as the function says. See Certificate.
func NewTLS(t testing.TB, f Flavor, adjust func(*httptest.Server)) *Server {
	t.Helper()
	s := newServer(f)
	s.http = httptest.NewUnstartedServer(s)
	adjust(s.http)
	s.http.StartTLS()
	s.URL = s.http.URL
	t.Cleanup(s.http.Close)
	return s
}

func newServer(f Flavor) *Server {
	return &Server{flavor: f, indexes: map[string]*index{}, templates: map[string]bool{}}
}

// Certificate returns the server's, in DER.
func (s *Server) Certificate() []byte { return s.http.Certificate().Raw }

// Close ends the server before the test does.
func (s *Server) Close() { s.http.CloseClientConnections(); s.http.Close() }

func (s *Server) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Password lets only a user with a password in.
func (s *Server) Password(user, password string) {
	s.Authorization("Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

// Authorization lets only requests with this header in.
func (s *Server) Authorization(header string) { s.locked(func() { s.accept = header }) }

// Forbid lets nobody write.
func (s *Server) Forbid() { s.locked(func() { s.forbidden = true }) }

// NoAutoCreate makes writing to an index that is missing an error.
func (s *Server) NoAutoCreate() { s.locked(func() { s.noAuto = true }) }

// MaxBytes bounds requests: larger ones are refused with 413.
func (s *Server) MaxBytes(n int) { s.locked(func() { s.most = n }) }

// OnBulk is asked about each bulk request; nil is no trouble. It may wait, to be a slow server.
func (s *Server) OnBulk(f func(*Bulk) *Trouble) { s.locked(func() { s.trouble = f }) }

// OnItem is asked about each operation; nil is no trouble.
func (s *Server) OnItem(f func(*Bulk, *Operation) *Trouble) { s.locked(func() { s.item = f }) }

// Block makes an index read-only, as a full disk does, until Unblock.
func (s *Server) Block(name string) { s.locked(func() { s.make(name).blocked = true }) }

// Unblock ends Block.
func (s *Server) Unblock(name string) { s.locked(func() { s.make(name).blocked = false }) }

// Bulks returns the bulk requests that came, in order.
func (s *Server) Bulks() []*Bulk {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.bulks)
}

// Peak returns how many bulk requests there were at the same time at the most, since the last call.
func (s *Server) Peak() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peak
	s.peak = s.active
	return p
}

// Requests returns method and path of all requests that came.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Documents returns those of an index by their ids.
func (s *Server) Documents(name string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]string{}
	if x := s.indexes[name]; x != nil {
		for id, d := range x.documents {
			if !d.deleted {
				all[id] = string(d.source)
			}
		}
	}
	return all
}

// Routing returns that of a document.
func (s *Server) Routing(name, id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.indexes[name]; x != nil && x.documents[id] != nil {
		return x.documents[id].routing
	}
	return ""
}

// Indexes returns the names of all indexes and data streams.
func (s *Server) Indexes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.indexes))
}

// Types returns the mapping of an index: types by the paths of fields.
func (s *Server) Types(name string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.indexes[name]; x != nil {
		return maps.Clone(x.types)
	}
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.locked(func() { s.requests = append(s.requests, r.Method+" "+r.URL.Path) })
	if s.flavor.elastic() && s.flavor.Major >= 7 {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
	}
	w.Header().Set("Content-Type", "application/json")
	body, zipped, err := readBody(r)
	switch {
	case err != nil:
		fail(w, http.StatusBadRequest, "parse_exception", err.Error())
	case !s.lets(w, r):
	case s.exceeds(len(body)):
		w.WriteHeader(http.StatusRequestEntityTooLarge) // without a body, as the real ones
	case r.URL.Path == "/_bulk":
		s.bulk(w, body, zipped)
	case r.URL.Path == "/":
		s.root(w)
	default:
		s.resource(w, r, body)
	}
}

func readBody(r *http.Request) (body []byte, zipped bool, err error) {
	body, err = io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Encoding") != "gzip" {
		return body, false, err
	}
	unzip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, true, err
	}
	body, err = io.ReadAll(unzip)
	return body, true, err
}

func (s *Server) exceeds(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most > 0 && n > s.most
}

// lets answers a request that nobody may make.
func (s *Server) lets(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	given := r.Header.Get("Authorization")
	switch {
	case s.accept != "" && given == "":
		w.Header().Set("WWW-Authenticate", `Basic realm="security"`)
		fail(w, http.StatusUnauthorized, "security_exception", "missing authentication credentials for REST request ["+r.URL.Path+"]")
		return false
	case s.accept != "" && given != s.accept:
		fail(w, http.StatusUnauthorized, "security_exception", "unable to authenticate user for REST request ["+r.URL.Path+"]")
		return false
	case s.forbidden && r.Method != http.MethodGet && r.Method != http.MethodHead:
		fail(w, http.StatusForbidden, "security_exception", "action [indices:data/write/bulk] is unauthorized for user [reader]")
		return false
	}
	return true
}

func fail(w http.ResponseWriter, status int, kind, reason string) {
	e := map[string]any{"type": kind, "reason": reason}
	answer(w, status, map[string]any{"error": map[string]any{"root_cause": []any{e}, "type": kind, "reason": reason}, "status": status})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that is gone needs no answer
}

func (s *Server) root(w http.ResponseWriter) {
	version := map[string]any{"number": s.flavor.Version, "build_type": "tar", "lucene_version": "9.12.1"}
	tagline := "You Know, for Search"
	if s.flavor.elastic() {
		version["build_flavor"] = "default"
	} else {
		version["distribution"], tagline = "opensearch", "The OpenSearch Project: https://opensearch.org/"
	}
	answer(w, http.StatusOK, map[string]any{"name": "node", "cluster_name": "fake", "version": version, "tagline": tagline})
}

// resource answers requests about indexes, mappings, data streams and documents.
func (s *Server) resource(w http.ResponseWriter, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	name, verb := parts[0], ""
	if len(parts) > 1 {
		verb = parts[1]
	}
	switch {
	case name == "_data_stream" && r.Method == http.MethodPut:
		s.putDataStream(w, verb)
	case name == "_index_template" && r.Method == http.MethodPut:
		s.putTemplate(w, body)
	case r.Method == http.MethodPut && verb == "":
		s.putIndex(w, name, body)
	case s.indexes[name] == nil:
		if r.Method == http.MethodDelete && strings.HasSuffix(name, "*") {
			maps.DeleteFunc(s.indexes, func(n string, _ *index) bool { return strings.HasPrefix(n, strings.TrimSuffix(name, "*")) })
			answer(w, http.StatusOK, map[string]any{"acknowledged": true})
			return
		}
		fail(w, http.StatusNotFound, "index_not_found_exception", "no such index ["+name+"]")
	case r.Method == http.MethodDelete && verb == "":
		delete(s.indexes, name)
		answer(w, http.StatusOK, map[string]any{"acknowledged": true})
	case r.Method == http.MethodPut && verb == "_mapping":
		s.putMapping(w, name, body)
	case verb == "_mapping":
		answer(w, http.StatusOK, map[string]any{name: map[string]any{"mappings": s.indexes[name].mapping()}})
	case r.Method == http.MethodPut && verb == "_settings":
		s.putSettings(w, name, body)
	case verb == "_search":
		s.search(w, name)
	case verb == "_count":
		answer(w, http.StatusOK, map[string]any{"count": s.indexes[name].count()})
	case verb == "" || verb == "_refresh":
		answer(w, http.StatusOK, map[string]any{})
	default:
		fail(w, http.StatusBadRequest, "illegal_argument_exception", "request ["+r.URL.Path+"] contains unrecognized parameter")
	}
}

func (s *Server) putIndex(w http.ResponseWriter, name string, body []byte) {
	if s.indexes[name] != nil {
		fail(w, http.StatusBadRequest, "resource_already_exists_exception", "index ["+name+"/x] already exists")
		return
	}
	var settings struct{ Mappings json.RawMessage }
	if len(body) > 0 && json.Unmarshal(body, &settings) != nil {
		fail(w, http.StatusBadRequest, "parse_exception", "request body is not JSON")
		return
	}
	x := newIndex()
	if err := x.putMapping(settings.Mappings); err != nil {
		fail(w, http.StatusBadRequest, "mapper_parsing_exception", err.Error())
		return
	}
	s.indexes[name] = x
	answer(w, http.StatusOK, map[string]any{"acknowledged": true, "index": name})
}

func (s *Server) putMapping(w http.ResponseWriter, name string, body []byte) {
	if err := s.indexes[name].putMapping(body); err != nil {
		fail(w, http.StatusBadRequest, "illegal_argument_exception", err.Error())
		return
	}
	answer(w, http.StatusOK, map[string]any{"acknowledged": true})
}

// putSettings knows the block that a full disk makes.
func (s *Server) putSettings(w http.ResponseWriter, name string, body []byte) {
	var settings map[string]any
	if err := json.Unmarshal(body, &settings); err != nil {
		fail(w, http.StatusBadRequest, "parse_exception", "request body is not JSON")
		return
	}
	s.indexes[name].blocked = settings["index.blocks.read_only_allow_delete"] == true
	answer(w, http.StatusOK, map[string]any{"acknowledged": true})
}

func (s *Server) putTemplate(w http.ResponseWriter, body []byte) {
	var template struct {
		Patterns []string         `json:"index_patterns"`
		Stream   *json.RawMessage `json:"data_stream"`
	}
	if err := json.Unmarshal(body, &template); err != nil || template.Stream == nil {
		fail(w, http.StatusBadRequest, "x_content_parse_exception", "no data_stream in the template")
		return
	}
	for _, p := range template.Patterns {
		s.templates[p] = true
	}
	answer(w, http.StatusOK, map[string]any{"acknowledged": true})
}

func (s *Server) putDataStream(w http.ResponseWriter, name string) {
	switch {
	case s.indexes[name] != nil:
		fail(w, http.StatusBadRequest, "resource_already_exists_exception", "data_stream ["+name+"] already exists")
	case !s.templates[name]:
		fail(w, http.StatusBadRequest, "illegal_argument_exception", "no matching index template found for data stream ["+name+"]")
	default:
		s.indexes[name] = newIndex()
		s.indexes[name].stream = true
		s.indexes[name].types["@timestamp"] = "date"
		answer(w, http.StatusOK, map[string]any{"acknowledged": true})
	}
}

// search returns all documents.
func (s *Server) search(w http.ResponseWriter, name string) {
	hits := []any{}
	for id, d := range s.indexes[name].documents {
		if !d.deleted {
			hits = append(hits, map[string]any{"_id": id, "_source": d.source, "_version": d.version, "_routing": d.routing})
		}
	}
	answer(w, http.StatusOK, map[string]any{"hits": map[string]any{"hits": hits, "total": map[string]any{"value": len(hits)}}})
}

// make returns an index, and makes it when it is missing.
func (s *Server) make(name string) *index {
	if s.indexes[name] == nil {
		s.indexes[name] = newIndex()
	}
	return s.indexes[name]
}

// bulk answers a bulk request.
func (s *Server) bulk(w http.ResponseWriter, body []byte, zipped bool) {
	operations, refused := s.flavor.parse(body)
	if refused != nil {
		fail(w, http.StatusBadRequest, refused.Type, refused.Reason)
		return
	}
	b := &Bulk{Bytes: len(body), Operations: operations, Gzip: zipped}
	var ask func(*Bulk) *Trouble
	s.locked(func() {
		b.Number = len(s.bulks) + 1
		s.bulks = append(s.bulks, b)
		s.active++
		s.peak = max(s.peak, s.active)
		ask = s.trouble
	})
	defer s.locked(func() { s.active-- })
	if ask == nil {
		ask = func(*Bulk) *Trouble { return nil }
	}
	trouble := ask(b)
	if trouble == nil || trouble.Done {
		items, errors := s.apply(b)
		if trouble == nil {
			answer(w, http.StatusOK, map[string]any{"errors": errors, "items": items})
			return
		}
	}
	if trouble.Cut {
		panic(http.ErrAbortHandler)
	}
	if trouble.RetryAfter > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(trouble.RetryAfter))
	}
	if trouble.Type == "" {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(trouble.Status)
		_, _ = io.WriteString(w, "<html><body>"+trouble.Reason+"</body></html>")
		return
	}
	fail(w, trouble.Status, trouble.Type, trouble.Reason)
}

// apply does the operations of a bulk request.
func (s *Server) apply(b *Bulk) (items []any, errors bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range b.Operations {
		o := &b.Operations[i]
		status, fault := 0, (*fault)(nil)
		if s.item != nil {
			if t := s.item(b, o); t != nil {
				status, fault = t.Status, newFault(t.Type, t.Reason)
			}
		}
		if fault == nil {
			status, fault = s.do(o)
		}
		outcome := map[string]any{"status": status}
		if fault != nil {
			errors = true
			outcome["error"] = fault
		}
		items = append(items, map[string]any{o.Kind: outcome})
	}
	return items, errors
}
