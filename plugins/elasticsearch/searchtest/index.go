package searchtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// index is an index or a data stream.
type index struct {
	stream    bool
	blocked   bool
	documents map[string]*document
	types     map[string]string // by path
	made      int               // ids that the server made
}

// document is one, or what is left of it: the version of one that was deleted counts on.
type document struct {
	source  json.RawMessage
	version int64
	routing string
	deleted bool
}

// fault is an error of an operation.
type fault struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Index  string `json:"index,omitempty"`
	Cause  *fault `json:"caused_by,omitempty"`
}

func newFault(kind, reason string) *fault { return &fault{Type: kind, Reason: reason} }

func newIndex() *index {
	return &index{documents: map[string]*document{}, types: map[string]string{}}
}

func (x *index) count() int {
	n := 0
	for _, d := range x.documents {
		if !d.deleted {
			n++
		}
	}
	return n
}

// parse reads the lines of a bulk request.
func (f Flavor) parse(body []byte) (list []Operation, refused *fault) {
	refuse := func(format string, args ...any) ([]Operation, *fault) {
		return nil, newFault("illegal_argument_exception", fmt.Sprintf(format, args...))
	}
	lines := bytes.Split(body, []byte{'\n'})
	if len(lines) < 2 || len(lines[len(lines)-1]) > 0 {
		return refuse("The bulk request must be terminated by a newline [\\n]")
	}
	for n := 0; n < len(lines)-1; n++ {
		var action map[string]struct {
			Index   string `json:"_index"`
			ID      string `json:"_id"`
			Type    string `json:"_type"`
			Routing string `json:"routing"`
			Version *int64 `json:"version"`
			Kind    string `json:"version_type"`
			Retry   int    `json:"retry_on_conflict"`
		}
		decoder := json.NewDecoder(bytes.NewReader(lines[n]))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&action); err != nil || len(action) != 1 {
			return refuse("Malformed action/metadata line [%d], expected START_OBJECT or END_OBJECT", n+1)
		}
		for kind, meta := range action {
			o := Operation{Kind: kind, Index: meta.Index, ID: meta.ID, Routing: meta.Routing, Version: -1}
			switch {
			case !slices.Contains([]string{"index", "create", "update", "delete"}, kind):
				return refuse("Malformed action/metadata line [%d], expected field [create], [delete], [index] or [update] but found [%s]", n+1, kind)
			case meta.Type != "" && !(f.elastic() && f.Major < 8):
				return refuse("Action/metadata line [%d] contains an unknown parameter [_type]", n+1)
			case len(meta.ID) > 512:
				return refuse("Validation Failed: 1: id [%s] is too long, must be no longer than 512 bytes but was: %d;", meta.ID, len(meta.ID))
			case meta.Version != nil && meta.Kind == "external" && (kind == "index" || kind == "delete"):
				o.Version = *meta.Version
			case meta.Version != nil:
				return refuse("Validation Failed: 1: %s operations only support internal versioning;", kind)
			}
			if kind != "delete" {
				if n++; n >= len(lines)-1 {
					return refuse("Validation Failed: 1: no requests added;")
				}
				o.Document = json.RawMessage(lines[n])
			}
			list = append(list, o)
		}
	}
	return list, nil
}

// do does one operation.
func (s *Server) do(o *Operation) (int, *fault) {
	x := s.indexes[o.Index]
	switch {
	case x == nil && (o.Kind == "delete" && o.Version < 0 || s.noAuto):
		return http.StatusNotFound, newFault("index_not_found_exception", "no such index ["+o.Index+"]")
	case x == nil:
		x = s.make(o.Index)
	case x.blocked:
		return http.StatusTooManyRequests, newFault("cluster_block_exception", "index ["+o.Index+
			"] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];")
	case x.stream && o.Kind != "create":
		return http.StatusBadRequest, newFault("illegal_argument_exception", "only write ops with an op_type of create are allowed in data streams")
	}
	if o.ID == "" {
		x.made++
		o.ID = fmt.Sprintf("made-%d", x.made)
	}
	old := x.documents[o.ID]
	if fault := conflict(o, old); fault != nil {
		fault.Index = o.Index
		return http.StatusConflict, fault
	}
	version := o.Version
	if version < 0 {
		version = 1
		if old != nil {
			version = old.version + 1
		}
	}
	if o.Kind == "delete" {
		status := http.StatusOK
		if old == nil || old.deleted {
			status = http.StatusNotFound
		}
		x.documents[o.ID] = &document{version: version, deleted: true}
		return status, nil
	}
	source, fault := s.flavor.source(o, old)
	if fault == nil {
		fault = s.flavor.check(x, o.ID, source)
	}
	if fault != nil {
		return http.StatusBadRequest, fault
	}
	x.documents[o.ID] = &document{source: source, version: version, routing: o.Routing}
	if old == nil || old.deleted {
		return http.StatusCreated, nil
	}
	return http.StatusOK, nil
}

// conflict tells what keeps an operation from being done after the one before.
func conflict(o *Operation, old *document) *fault {
	switch {
	case old == nil:
		return nil
	case o.Kind == "create" && !old.deleted:
		return newFault("version_conflict_engine_exception", fmt.Sprintf("[%s]: version conflict, document already exists (current version [%d])", o.ID, old.version))
	case o.Version >= 0 && o.Version <= old.version:
		return newFault("version_conflict_engine_exception",
			fmt.Sprintf("[%s]: version conflict, current version [%d] is higher or equal to the one provided [%d]", o.ID, old.version, o.Version))
	}
	return nil
}

// source returns the document that an operation makes.
func (f Flavor) source(o *Operation, old *document) (json.RawMessage, *fault) {
	if o.Kind != "update" {
		return o.Document, nil
	}
	var update struct {
		Doc         map[string]json.RawMessage `json:"doc"`
		DocAsUpsert bool                       `json:"doc_as_upsert"`
	}
	if err := json.Unmarshal(o.Document, &update); err != nil || !update.DocAsUpsert {
		return nil, newFault("x_content_parse_exception", "[UpdateRequest] failed to parse field [doc]")
	}
	merged := map[string]json.RawMessage{}
	if old != nil && !old.deleted {
		if err := json.Unmarshal(old.source, &merged); err != nil {
			return nil, newFault("mapper_parsing_exception", "failed to parse")
		}
	}
	maps.Copy(merged, update.Doc)
	source, err := json.Marshal(merged)
	if err != nil {
		return nil, newFault("mapper_parsing_exception", "failed to parse")
	}
	return source, nil
}

// check holds a document against the mapping, to which it adds what is new.
func (f Flavor) check(x *index, id string, source json.RawMessage) *fault {
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.UseNumber()
	var fields map[string]any
	err := decoder.Decode(&fields)
	if err != nil {
		return f.refuse("failed to parse", newFault("json_parse_exception", err.Error()))
	}
	if _, rest := decoder.Token(); !errors.Is(rest, io.EOF) {
		return f.refuse("failed to parse", newFault("illegal_argument_exception", "Malformed content, found extra data after parsing: START_OBJECT"))
	}
	if _, ok := fields["@timestamp"]; x.stream && !ok {
		return f.refuse("failed to parse", newFault("illegal_argument_exception", "documents must contain a single-valued timestamp field '@timestamp' of date type"))
	}
	learned := maps.Clone(x.types)
	if fault := f.checkObject(learned, "", id, fields); fault != nil {
		return fault
	}
	x.types = learned
	return nil
}

// refuse is what the server calls a document that it cannot take.
func (f Flavor) refuse(reason string, cause *fault) *fault {
	kind := "mapper_parsing_exception"
	if f.elastic() && f.Major >= 8 {
		kind, reason = "document_parsing_exception", "[1:2] "+reason
	}
	return &fault{Type: kind, Reason: reason, Cause: cause}
}

func (f Flavor) checkObject(types map[string]string, path, id string, fields map[string]any) *fault {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if fault := f.checkValue(types, strings.TrimPrefix(path+"."+name, "."), id, fields[name]); fault != nil {
			return fault
		}
	}
	return nil
}

func (f Flavor) checkValue(types map[string]string, path, id string, v any) *fault {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		for _, e := range v {
			if fault := f.checkValue(types, path, id, e); fault != nil {
				return fault
			}
		}
		return nil
	case map[string]any:
		if t := types[path]; t != "" && t != "object" {
			return f.refuse(fmt.Sprintf("failed to parse field [%s] of type [%s] in document with id '%s'. Preview of field's value: '{…}'", path, t, id),
				newFault("illegal_state_exception", "Can't get text on a START_OBJECT at 1:6"))
		}
		types[path] = "object"
		return f.checkObject(types, path, id, v)
	}
	t := types[path]
	if t == "" {
		types[path] = inferred(v)
		return nil
	}
	if t == "object" {
		return f.refuse(fmt.Sprintf("object mapping for [%s] tried to parse field [%s] as object, but found a concrete value", path, path), nil)
	}
	if fits(t, v) {
		return nil
	}
	return f.refuse(fmt.Sprintf("failed to parse field [%s] of type [%s] in document with id '%s'. Preview of field's value: '%v'", path, t, id, v),
		newFault("illegal_argument_exception", fmt.Sprintf("For input string: %q", fmt.Sprint(v))))
}

// inferred is the type that the server gives a field when it first sees a value.
func inferred(v any) string {
	switch v := v.(type) {
	case bool:
		return "boolean"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "float"
		}
		return "long"
	}
	if isDate(fmt.Sprint(v)) {
		return "date"
	}
	return "text"
}

func isDate(text string) bool {
	for _, layout := range []string{"2006-01-02", time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if _, err := time.Parse(layout, text); err == nil {
			return true
		}
	}
	return false
}

// fits tells whether a field of a type takes a value.
func fits(t string, v any) bool {
	text := fmt.Sprint(v)
	_, isNumber := v.(json.Number)
	_, isBool := v.(bool)
	switch t {
	case "byte", "short", "integer", "long":
		n, err := strconv.ParseFloat(text, 64)
		bits := map[string]float64{"byte": 1 << 7, "short": 1 << 15, "integer": 1 << 31, "long": 1 << 63}[t]
		return !isBool && err == nil && n >= -bits && n < bits
	case "float", "double":
		_, err := strconv.ParseFloat(text, 64)
		return !isBool && err == nil && text != "NaN"
	case "boolean":
		return isBool || text == "true" || text == "false"
	case "date":
		_, err := strconv.ParseInt(text, 10, 64)
		return !isBool && (isNumber && err == nil || isDate(text) || err == nil)
	case "binary":
		return !isNumber && !isBool
	}
	return true
}

// putMapping adds fields. It refuses to change types.
func (x *index) putMapping(body json.RawMessage) error {
	if len(body) == 0 {
		return nil
	}
	var m property
	if err := json.Unmarshal(body, &m); err != nil {
		return errors.New("failed to parse the mapping")
	}
	learned := maps.Clone(x.types)
	if err := m.add(learned, ""); err != nil {
		return err
	}
	x.types = learned
	return nil
}

type property struct {
	Type       string               `json:"type"`
	Properties map[string]*property `json:"properties"`
}

func (p *property) add(types map[string]string, path string) error {
	for name, sub := range p.Properties {
		at := strings.TrimPrefix(path+"."+name, ".")
		t := sub.Type
		if t == "" {
			t = "object"
		}
		if old := types[at]; old != "" && old != t {
			return fmt.Errorf("mapper [%s] cannot be changed from type [%s] to [%s]", at, old, t)
		}
		types[at] = t
		if err := sub.add(types, at); err != nil {
			return err
		}
	}
	return nil
}

// mapping returns the mapping as the server shows it.
func (x *index) mapping() *property {
	top := &property{Properties: map[string]*property{}}
	for _, path := range slices.Sorted(maps.Keys(x.types)) {
		at := top
		for _, name := range strings.Split(path, ".") {
			if at.Properties == nil {
				at.Properties = map[string]*property{}
			}
			if at.Properties[name] == nil {
				at.Properties[name] = &property{}
			}
			at = at.Properties[name]
		}
		at.Type = x.types[path]
	}
	return top
}
