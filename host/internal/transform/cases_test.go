package transform

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// The cases in testdata: a folder a transformation. A file holds cases, each of which begins with a line "== name":
//
//	== what it shows
//	type=Cast$Value
//	spec=id:int64
//	-- record
//	{"topic": "orders", "value": {"schema": "struct{id:string}", "payload": {"id": "7"}}}
//	-- want
//	{"topic": "orders", "value": {"schema": "struct{id:int64}", "payload": {"id": 7}}}
//
// The settings are those of one transformation, or with transforms=… those of a connector. The outcome is a record, the word
// dropped, or in place of "-- want" a section "-- error" with a part of the message. Of a record, what is left out is not
// there: a record with offset goes to a sink. Keys, values and header values are
//
//	{"schema": …, "payload": …}   a row; schema null: JSON without schema; "any": values that carry their own type
//	{"text": …}                   text that is no row
//	{"bytes": …}                  bytes that are no row, in base64
//
// Schemas are written as parseSchema reads them. Payloads are JSON: bytes in base64, decimals as texts, dates and times as
// numbers, maps whose keys are no texts as arrays of pairs.
//
// Comment lines begin with #. scripts/transforms runs the same files through Apache's classes.
func TestCases(t *testing.T) {
	for _, c := range readCases(t) {
		t.Run(c.id(), func(t *testing.T) {
			got, err := c.run(t)
			want, ok := c.sections["error"]
			switch {
			case ok && *fillErrors && want == "?":
				c.fill(t, err)
			case ok && err == nil:
				t.Fatalf("no error, got %s", got)
			case ok && (want == "" || !strings.Contains(err.Error(), want)):
				t.Fatalf("got error  %v\nwant error %s", err, want)
			case ok:
			case err != nil:
				t.Fatal(err)
			case got == "dropped" || c.sections["want"] == "dropped":
				if got != c.sections["want"] {
					t.Errorf("\ngot  %s\nwant %s", got, c.sections["want"])
				}
			default:
				if want := c.sections["want"]; want == "?" {
					t.Errorf("\ngot  %s\nwant ?", got)
				} else if !reflect.DeepEqual(normal(t, got), normal(t, want)) {
					t.Errorf("\ngot  %s\nwant %s", got, want)
				}
			}
		})
	}
}

// fillErrors is for whoever adds cases: what the error of a case is to say is written down where it has a question mark.
var fillErrors = flag.Bool("fill", false, "write the messages of errors into cases that have ? for theirs")

func (c testCase) fill(t *testing.T, err error) {
	if err == nil {
		t.Fatal("no error")
	}
	file := filepath.Join("testdata", c.file)
	text, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatal(readErr)
	}
	message, _, _ := strings.Cut(err.Error(), "\n")
	body := strings.Replace(c.body, "-- error\n?\n", "-- error\n"+message+"\n", 1)
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "== "+c.name+"\n"+c.body, "== "+c.name+"\n"+body, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
}

type testCase struct {
	file, name, body string
	config           map[string]string
	sections         map[string]string
}

func (c testCase) id() string { return c.file + ": " + c.name }

// mark changes whenever the case does.
func (c testCase) mark() string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(c.body)))
	return fmt.Sprintf("%x", sum[:4])
}

func readCases(t testing.TB) []testCase {
	t.Helper()
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases:", err)
	}
	var cases []testCase
	seen := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		path, _ := filepath.Rel("testdata", file)
		for _, block := range strings.Split("\n"+string(text), "\n== ")[1:] {
			name, body, _ := strings.Cut(block, "\n")
			c := parseCase(filepath.ToSlash(path), strings.TrimSpace(name), body)
			if seen[c.id()] {
				t.Fatalf("%s is there twice", c.id())
			}
			seen[c.id()] = true
			cases = append(cases, c)
		}
	}
	return cases
}

func parseCase(file, name, body string) testCase {
	c := testCase{file: file, name: name, body: body, config: map[string]string{}, sections: map[string]string{}}
	section := ""
	for _, line := range strings.Split(body, "\n") {
		title, begins := strings.CutPrefix(line, "-- ")
		switch {
		case begins:
			section = strings.TrimSpace(title)
			c.sections[section] = ""
		case strings.HasPrefix(line, "#"):
		case section != "":
			c.sections[section] += line + "\n"
		case strings.TrimSpace(line) != "":
			key, value, _ := strings.Cut(line, "=")
			c.config[key] = value
		}
	}
	for k, v := range c.sections {
		c.sections[k] = strings.TrimSpace(v)
	}
	return c
}

// connector returns the configuration of a connector: a case with type=… alone is the transformation t.
func (c testCase) connector() map[string]string {
	if _, ok := c.config["transforms"]; ok {
		return c.config
	}
	full := map[string]string{"transforms": "t"}
	for k, v := range c.config {
		full["transforms.t."+k] = v
	}
	return full
}

// run applies the case's chain to its record, twice: the second time with what the first one left behind.
func (c testCase) run(t *testing.T) (string, error) {
	chain, err := NewChain(c.connector())
	if err != nil {
		return "", err
	}
	a := &Arena{buf: []byte("what was there before")}
	var outcomes [2]string
	for i := range outcomes {
		r := parseRecord(t, c.sections["record"])
		before := r
		headers := slices.Clone(r.Headers)
		keep, err := chain.Apply(a, &r)
		if !reflect.DeepEqual(before.Headers, headers) {
			t.Fatal("the headers were changed in place")
		}
		if err != nil || !keep {
			if !reflect.DeepEqual(r, before) {
				t.Fatalf("the record was changed before the error: %v", err)
			}
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("%v is no *Error", err)
			}
			outcomes[i] = "dropped"
			if err != nil {
				return "", err
			}
			continue
		}
		outcomes[i] = printRecord(t, r)
	}
	if outcomes[0] != outcomes[1] {
		t.Errorf("the same record again gives\n%s, not\n%s", outcomes[1], outcomes[0])
	}
	c.checkIdentity(t, chain)
	return outcomes[0], nil
}

// checkIdentity checks that the same schemas in give the same schemas out: their addresses are their identity.
func (c testCase) checkIdentity(t *testing.T, chain *Chain) {
	in := parseRecord(t, c.sections["record"])
	first, again := in, in
	for _, r := range []*Record{&first, &again} {
		if _, err := chain.Apply(&Arena{}, r); err != nil {
			t.Fatal(err)
		}
	}
	if first.Key.Schema != again.Key.Schema || first.Value.Schema != again.Value.Schema {
		t.Error("the same schema in does not give the same schema out")
	}
	for i := range first.Headers {
		if first.Headers[i].Value.Schema != again.Headers[i].Value.Schema {
			t.Error("the same schema in does not give the same schema of a header out")
		}
	}
}

// jsonRecord is a record as cases have it.
type jsonRecord struct {
	Topic     string       `json:"topic"`
	Partition *int32       `json:"partition,omitempty"`
	Offset    *int64       `json:"offset,omitempty"`
	Timestamp *int64       `json:"timestamp,omitempty"`
	Key       *jsonValue   `json:"key,omitempty"`
	Value     *jsonValue   `json:"value,omitempty"`
	Headers   []jsonHeader `json:"headers,omitempty"`
}

type jsonValue struct {
	Schema  *string         `json:"schema,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
	Text    *string         `json:"text,omitempty"`
	Bytes   *string         `json:"bytes,omitempty"`
}

type jsonHeader struct {
	name  string
	value *jsonValue
}

func (h *jsonHeader) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&h.name, &h.value})
}

func (h jsonHeader) MarshalJSON() ([]byte, error) { return json.Marshal([]any{h.name, h.value}) }

func parseRecord(t testing.TB, text string) Record {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	var j jsonRecord
	if err := decoder.Decode(&j); err != nil {
		t.Fatalf("record: %v", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		t.Fatal("record: text behind it")
	}
	r := Record{Topic: j.Topic, Partition: data.NoPartition, Offset: NoOffset, Timestamp: data.NoTimestamp}
	if j.Partition != nil {
		r.Partition = *j.Partition
	}
	if j.Offset != nil {
		r.Offset = *j.Offset
		r.Partition = max(r.Partition, 0)
	}
	if j.Timestamp != nil {
		r.Timestamp = *j.Timestamp
	}
	r.Key, r.Value = j.Key.data(t), j.Value.data(t)
	for _, h := range j.Headers {
		r.Headers = append(r.Headers, data.Header{Key: h.name, Value: h.value.data(t)})
	}
	return r
}

// data returns the value.
func (v *jsonValue) data(t testing.TB) data.Value {
	t.Helper()
	switch {
	case v == nil:
		return data.Value{}
	case v.Text != nil:
		return data.StringValue(*v.Text)
	case v.Bytes != nil:
		b, err := base64.StdEncoding.DecodeString(*v.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return data.BytesValue(b)
	case v.Schema == nil:
		return data.JSONValue(v.Payload)
	}
	s := parseSchema(t, *v.Schema)
	goValue := payload(t, s, tree(t, v.Payload))
	if goValue == nil {
		return data.RowValue(s, nil)
	}
	row, err := data.Encode([]byte{}, s, goValue)
	if err != nil {
		t.Fatal(err)
	}
	return data.RowValue(s, row)
}

func tree(t testing.TB, text []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// payload makes of a JSON value what data.Encode takes for the schema. Fields that are left out are null.
func payload(t testing.TB, s *data.Schema, v any) any {
	t.Helper()
	if v == nil {
		return nil
	}
	switch s.Type() {
	case data.Bytes:
		if s.Name() == data.DecimalName {
			d, ok := parseDecimal(v.(string))
			if !ok {
				t.Fatalf("%q is no decimal", v)
			}
			scale, err := s.Scale()
			if err != nil {
				t.Fatal(err)
			}
			unscaled, ok := rescale(*d, scale)
			if !ok {
				t.Fatalf("%q has not the scale %d", v, scale)
			}
			return data.Decimal{Unscaled: unscaled, Scale: scale}
		}
		b, err := base64.StdEncoding.DecodeString(v.(string))
		if err != nil {
			t.Fatal(err)
		}
		return b
	case data.Float32, data.Float64:
		f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	case data.Array:
		list := []any{}
		for _, e := range v.([]any) {
			list = append(list, payload(t, s.Element(), e))
		}
		return list
	case data.Map:
		if m, ok := v.(map[string]any); ok {
			parts := map[string]any{}
			for k, e := range m {
				parts[k] = payload(t, s.Element(), e)
			}
			return parts
		}
		entries := []data.Entry{}
		for _, e := range v.([]any) {
			pair := e.([]any)
			entries = append(entries, data.Entry{Key: payload(t, s.Key(), pair[0]), Value: payload(t, s.Element(), pair[1])})
		}
		return entries
	case data.Struct:
		parts := map[string]any{}
		for name, e := range v.(map[string]any) {
			i := s.Lookup(name)
			if i < 0 {
				t.Fatalf("%v has no field %q", s, name)
			}
			parts[name] = payload(t, s.Fields()[i].Schema, e)
		}
		for _, f := range s.Fields() {
			if _, ok := parts[f.Name]; !ok {
				parts[f.Name] = nil
			}
		}
		return parts
	case data.Any:
		return anyPayload(v)
	}
	return v
}

func anyPayload(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = anyPayload(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = anyPayload(v[k])
		}
	}
	return v
}

func printRecord(t testing.TB, r Record) string {
	t.Helper()
	j := jsonRecord{Topic: r.Topic, Key: printValue(t, r.Key), Value: printValue(t, r.Value)}
	if r.Partition != data.NoPartition {
		j.Partition = &r.Partition
	}
	if r.Timestamp != data.NoTimestamp {
		j.Timestamp = &r.Timestamp
	}
	for _, h := range r.Headers {
		j.Headers = append(j.Headers, jsonHeader{h.Key, printValue(t, h.Value)})
	}
	text, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func printValue(t testing.TB, v data.Value) *jsonValue {
	t.Helper()
	switch {
	case v.Kind == data.KindNone, v.Data == nil && v.Kind != data.KindRow, isNull(v) && (v.Kind == data.KindJSON || v.Schema.Type() == data.Any):
		return nil
	case v.Kind == data.KindString:
		text := string(v.Data)
		return &jsonValue{Text: &text}
	case v.Kind == data.KindBytes:
		text := base64.StdEncoding.EncodeToString(v.Data)
		return &jsonValue{Bytes: &text}
	case v.Kind == data.KindJSON:
		if !json.Valid(v.Data) {
			t.Fatalf("not JSON: %s", v.Data)
		}
		return &jsonValue{Payload: json.RawMessage(v.Data)}
	}
	schema := printSchema(t, v.Schema)
	if v.Data == nil {
		return &jsonValue{Schema: &schema, Payload: json.RawMessage("null")}
	}
	if err := data.Check(v.Schema, v.Data); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(printRow(t, v.Schema, v.Data))
	if err != nil {
		t.Fatal(err)
	}
	return &jsonValue{Schema: &schema, Payload: text}
}

// printRow returns a row as a tree of JSON.
func printRow(t testing.TB, s *data.Schema, row []byte) any {
	t.Helper()
	v, err := data.Decode(s, row)
	if err != nil {
		t.Fatal(err)
	}
	return printGo(s, v)
}

func printGo(s *data.Schema, v any) any {
	switch v := v.(type) {
	case data.Decimal:
		return v.String()
	case float32:
		return floatText(float64(v))
	case float64:
		return floatText(v)
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case []any:
		list := []any{}
		for _, e := range v {
			list = append(list, printGo(elementOf(s), e))
		}
		return list
	case []data.Entry:
		list := []any{}
		for _, e := range v {
			list = append(list, []any{printGo(s.Key(), e.Key), printGo(elementOf(s), e.Value)})
		}
		if len(list) == 0 && (s.Type() == data.Any || s.Key().Type() == data.String) {
			return map[string]any{}
		}
		return list
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			of := elementOf(s)
			if s.Type() == data.Struct {
				of = s.Fields()[s.Lookup(k)].Schema
			}
			m[k] = printGo(of, e)
		}
		return m
	}
	switch s.Name() {
	case data.DateName, data.TimeName, data.TimestampName:
		if s.Type() == data.String || v == nil {
			return v
		}
		row, _ := data.Encode(nil, s, v)
		r, _ := readCell(s, row)
		return r.n
	}
	return v
}

func elementOf(s *data.Schema) *data.Schema {
	if s.Type() == data.Any {
		return s
	}
	return s.Element()
}

func floatText(f float64) any {
	text := string(data.AppendFloatText(nil, f, 64))
	if strings.ContainsAny(text, "NI") {
		return text
	}
	return json.Number(text)
}

// normal returns a record as a tree that can be compared: spaces and the order of members do not count, nor how a float is
// written, nor whether text and bytes are rows.
func normal(t testing.TB, text string) any {
	t.Helper()
	v := tree(t, []byte(text))
	r, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%s is no record", text)
	}
	values := []any{r["key"], r["value"]}
	headers, _ := r["headers"].([]any)
	for _, h := range headers {
		values = append(values, h.([]any)[1])
	}
	for _, v := range values {
		if v, ok := v.(map[string]any); ok {
			for short, schema := range map[string]string{"text": "string", "bytes": "bytes"} {
				if p, ok := v[short]; ok {
					delete(v, short)
					v["schema"], v["payload"] = schema, p
				}
			}
			if s, ok := v["schema"].(string); ok {
				v["schema"] = printSchema(t, parseSchema(t, s))
			} else {
				delete(v, "schema")
			}
		}
	}
	return normalNumbers(r)
}

func normalNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			f, _ := v.Float64()
			return f
		}
		n, _ := new(big.Int).SetString(v.String(), 10)
		return n.String()
	case []any:
		for i := range v {
			v[i] = normalNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = normalNumbers(v[k])
		}
	}
	return v
}
