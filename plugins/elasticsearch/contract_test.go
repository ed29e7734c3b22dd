package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
	"github.com/outboard-connect/outboard/plugins/elasticsearch/searchtest"
)

// serversVariable names the addresses of real search servers, which the contract is then run on, too.
const serversVariable = "OUTBOARD_TEST_SEARCH_SERVERS"

// TestContract runs the sink against each product and version, and against real servers where there are any.
func TestContract(t *testing.T) {
	for _, f := range []searchtest.Flavor{
		searchtest.Elasticsearch7, searchtest.Elasticsearch8, searchtest.Elasticsearch9,
		searchtest.OpenSearch1, searchtest.OpenSearch2, searchtest.OpenSearch3,
	} {
		t.Run(f.String(), func(t *testing.T) { runContract(t, searchtest.New(t, f).URL, true) })
	}
	for _, url := range strings.FieldsFunc(os.Getenv(serversVariable), func(r rune) bool { return r == ',' }) {
		t.Run("real "+strings.TrimPrefix(url, "http://"), func(t *testing.T) {
			// A node from few jars may be without data streams.
			status, _ := request(t, http.MethodGet, url+"/_data_stream", nil)
			runContract(t, url, status == http.StatusOK)
		})
	}
}

// contract is one server, seen from a test of the contract.
type contract struct {
	*testing.T
	url    string
	prefix string // of the names of its topics and indexes
}

func runContract(t *testing.T, url string, streams bool) {
	cases := maps.Clone(contracts)
	if streams {
		maps.Copy(cases, streamContracts)
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		t.Run(name, func(t *testing.T) {
			c := &contract{t, url, fmt.Sprintf("contract-%x-", rand.Uint32())}
			t.Cleanup(func() { request(t, http.MethodDelete, url+"/"+c.prefix+"*", nil) })
			cases[name](c)
		})
	}
}

func request(t testing.TB, method, url string, body any) (int, []byte) {
	t.Helper()
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			t.Fatal(err)
		}
	}
	r, err := http.NewRequest(method, url, &content)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, text
}

// hit is a document as a search finds it.
type hit struct {
	ID      string          `json:"_id"`
	Source  json.RawMessage `json:"_source"`
	Routing string          `json:"_routing"`
	Version int64           `json:"_version"`
}

// hits returns all documents of an index by their ids.
func (c *contract) hits(index string) map[string]hit {
	c.Helper()
	request(c, http.MethodPost, c.url+"/"+index+"/_refresh", nil)
	status, text := request(c, http.MethodPost, c.url+"/"+index+"/_search", map[string]any{"size": 10000, "version": true})
	if status == http.StatusNotFound {
		return nil
	}
	var found struct{ Hits struct{ Hits []hit } }
	if err := json.Unmarshal(text, &found); err != nil || status != http.StatusOK {
		c.Fatalf("%d %s: %v", status, text, err)
	}
	all := map[string]hit{}
	for _, h := range found.Hits.Hits {
		all[h.ID] = h
	}
	return all
}

// expect holds the documents of an index against those wanted, in JSON.
func (c *contract) expect(index string, want map[string]string) {
	c.Helper()
	got := c.hits(index)
	for id, text := range want {
		if !sameJSON(c, got[id].Source, text) {
			c.Errorf("document %s of %s is %s, expected is %s", id, index, got[id].Source, text)
		}
	}
	for id := range got {
		if _, ok := want[id]; !ok {
			c.Errorf("document %s of %s is not expected: %s", id, index, got[id].Source)
		}
	}
}

func sameJSON(t testing.TB, got json.RawMessage, want string) bool {
	t.Helper()
	if got == nil {
		return false
	}
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	x, _ := json.Marshal(a) // what was just read can be written
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// start starts a task; settings are keys and values in turn.
func (c *contract) start(settings ...string) *sdktest.Sink {
	c.Helper()
	s, err := sdktest.InProcess(c, plugin()).StartSink("ElasticsearchSink", c.config(settings...))
	if err != nil {
		c.Fatal(err)
	}
	return s
}

func (c *contract) config(settings ...string) map[string]string {
	config := map[string]string{keyURL: c.url, keyBackoff: "1"}
	for i := 0; i+1 < len(settings); i += 2 {
		config[settings[i]] = settings[i+1]
	}
	return config
}

// put gives records to a task, none of which may be errant.
func (c *contract) put(s *sdktest.Sink, records ...data.SinkRecord) {
	c.Helper()
	if errant := c.putAny(s, records...); len(errant) > 0 {
		c.Errorf("%d records are errant, the first one: %v", len(errant), errant[0].Reason)
	}
}

func (c *contract) putAny(s *sdktest.Sink, records ...data.SinkRecord) []sdktest.Errant {
	c.Helper()
	errant, err := s.Put(records)
	if err != nil {
		c.Fatal(err)
	}
	return errant
}

func (c *contract) stop(s *sdktest.Sink) {
	c.Helper()
	if err := s.Stop(); err != nil {
		c.Error(err)
	}
}

// record makes a record of the topic name behind the prefix.
func (c *contract) record(topic string, offset int64, key, value string) data.SinkRecord {
	r := data.SinkRecord{Topic: c.prefix + topic, Offset: offset, Timestamp: 1_700_000_000_000 + offset, TimestampType: data.TimestampCreate}
	if key != "" {
		r.Key = data.StringValue(key)
	}
	if value != "" {
		r.Value = data.JSONValue([]byte(value))
	}
	return r
}

var contracts = map[string]func(*contract){
	"documents of all kinds of values": func(c *contract) {
		s := c.start()
		text, object := c.record("a", 1, "text", ""), c.record("a", 2, "bytes", "")
		text.Value, object.Value = data.StringValue("{\"n\": 1,\n \"t\": \"ü\\u0001\"}\n"), data.BytesValue([]byte(` {"n":2}`))
		c.put(s, c.record("a", 0, "json", "{\n\t\"n\": 0\n}"), text, object)
		c.expect(c.prefix+"a", map[string]string{"json": `{"n":0}`, "text": `{"n":1,"t":"ü\u0001"}`, "bytes": `{"n":2}`})
		c.stop(s)
	},
	"a record put twice is one document": func(c *contract) {
		records := []data.SinkRecord{c.record("a", 0, "x", `{"n":0}`), c.record("a", 1, "y", `{"n":1}`), c.record("a", 2, "x", `{"n":2}`)}
		for range 2 { // as after a crash
			s := c.start(keyOnConflict, valueFail)
			errant := c.putAny(s, records...)
			for _, e := range errant {
				if e.Record.Offset != 0 {
					c.Errorf("offset %d conflicts: %v", e.Record.Offset, e.Reason)
				}
			}
			c.stop(s)
		}
		c.expect(c.prefix+"a", map[string]string{"x": `{"n":2}`, "y": `{"n":1}`})
		if v := c.hits(c.prefix + "a")["x"].Version; v != 2 {
			c.Errorf("the version is %d, expected is the offset", v)
		}
	},
	"what is older never replaces what is newer": func(c *contract) {
		s := c.start()
		c.put(s, c.record("a", 7, "x", `{"n":7}`), c.record("a", 8, "gone", `{"n":8}`))
		c.put(s, c.record("a", 9, "gone", ""))
		late := c.start() // a task that does not know that it lost the partition
		c.put(late, c.record("a", 3, "x", `{"n":3}`), c.record("a", 4, "gone", `{"n":4}`))
		c.expect(c.prefix+"a", map[string]string{"x": `{"n":7}`})
		c.stop(s)
		c.stop(late)
	},
	"a topic made anew": func(c *contract) {
		s := c.start()
		c.put(s, c.record("a", 1000, "x", `{"n":1}`))
		c.put(s, c.record("a", 0, "x", `{"n":2}`)) // ignored, with a line in the log
		c.expect(c.prefix+"a", map[string]string{"x": `{"n":1}`})
		c.stop(s)
		s = c.start(keyEpoch, "1")
		c.put(s, c.record("a", 0, "x", `{"n":3}`))
		c.expect(c.prefix+"a", map[string]string{"x": `{"n":3}`})
		c.stop(s)
	},
	"without versions the last writer wins": func(c *contract) {
		s := c.start(keyVersion, valueNone)
		c.put(s, c.record("a", 9, "x", `{"n":9}`))
		c.put(s, c.record("a", 3, "x", `{"n":3}`))
		c.expect(c.prefix+"a", map[string]string{"x": `{"n":3}`})
		c.stop(s)
	},
	"versions of a header": func(c *contract) {
		s := c.start(keyVersionHeader, "seq")
		with := func(offset int64, version data.Value, value string) data.SinkRecord {
			r := c.record("a", offset, "x", value)
			r.Headers = []data.Header{{Key: "seq", Value: data.StringValue("1")}, {Key: "seq", Value: version}}
			return r
		}
		row, err := data.Encode(nil, data.Int64Schema, 50)
		if err != nil {
			c.Fatal(err)
		}
		c.put(s, with(0, data.RowValue(data.Int64Schema, row), `{"n":50}`), with(1, data.StringValue("40"), `{"n":40}`))
		errant := c.putAny(s, with(2, data.StringValue("new"), `{}`), c.record("a", 3, "x", `{}`))
		if len(errant) != 2 || !strings.Contains(errant[0].Reason.Error(), "no version") || !strings.Contains(errant[1].Reason.Error(), "no header seq") {
			c.Errorf("%v", errant)
		}
		c.expect(c.prefix+"a", map[string]string{"x": `{"n":50}`})
		c.stop(s)
	},
	"null values delete": func(c *contract) {
		s := c.start()
		c.put(s, c.record("a", 0, "x", `{"n":0}`), c.record("a", 1, "y", `{"n":1}`), c.record("a", 2, "x", ""), c.record("a", 3, "never", ""), c.record("none", 4, "x", ""))
		noKey := c.record("a", 5, "", "")
		c.put(s, noKey)
		c.expect(c.prefix+"a", map[string]string{"y": `{"n":1}`})
		c.stop(s)
		s = c.start(keyOnNull, valueIgnore)
		c.put(s, c.record("a", 6, "y", ""))
		c.stop(s)
		s = c.start(keyOnNull, valueFail)
		if errant := c.putAny(s, c.record("a", 7, "y", "")); len(errant) != 1 || !strings.Contains(errant[0].Reason.Error(), keyOnNull) {
			c.Errorf("%v", errant)
		}
		c.expect(c.prefix+"a", map[string]string{"y": `{"n":1}`})
		c.stop(s)
	},
	"upsert": func(c *contract) {
		s := c.start(keyWriteMethod, "UPSERT")
		c.put(s, c.record("a", 0, "x", `{"n":0,"t":"t"}`), c.record("a", 1, "x", `{"n":1}`), c.record("a", 2, "y", `{"n":2}`), c.record("a", 3, "y", ""))
		c.put(s, c.record("a", 4, "x", `{"more":true}`))
		c.expect(c.prefix+"a", map[string]string{"x": `{"n":1,"t":"t","more":true}`})
		c.stop(s)
	},
	"many changes of few documents": func(c *contract) {
		for name, settings := range map[string][]string{
			"versions": {}, "upsert": {keyWriteMethod, valueUpsert}, "none": {keyVersion, valueNone},
		} {
			s := c.start(append(settings, keyBatchSize, "7", keyInFlight, "4")...)
			var records []data.SinkRecord
			for i := range int64(600) {
				records = append(records, c.record(name, i, fmt.Sprint("id-", i%5), fmt.Sprintf(`{"n":%d}`, i)))
			}
			c.put(s, records[:250]...)
			c.put(s, records[250:]...)
			want := map[string]string{}
			for i := range 5 {
				want[fmt.Sprint("id-", i)] = fmt.Sprintf(`{"n":%d}`, 595+i)
			}
			c.expect(c.prefix+name, want)
			c.stop(s)
		}
	},
	"one poison record does not stop the others": func(c *contract) {
		s := c.start()
		c.put(s, c.record("a", 0, "first", `{"price":1,"o":{"x":1}}`))
		noKey := c.record("a", 4, "", `{"price":4}`)
		errant := c.putAny(s,
			c.record("a", 1, "good", `{"price":2}`),
			c.record("a", 2, "type", `{"price":"abc"}`),
			c.record("a", 3, "object", `{"o":"flat"}`),
			noKey,
			c.record("a", 5, "list", `[1]`),
			c.record("a", 6, "long-"+strings.Repeat("x", 600), `{"price":6}`),
			c.record("a", 7, "last", `{"price":7}`),
		)
		want := map[int64][]string{
			2: {"price", "long", "mapping of index " + c.prefix + "a"}, 3: {"object mapping for [o]"}, 4: {"key is null", "key.ignore=true"},
			5: {"JSON array"}, 6: {"605 bytes"},
		}
		for _, e := range errant {
			for _, words := range want[e.Record.Offset] {
				if !strings.Contains(e.Reason.Error(), words) {
					c.Errorf("the reason for offset %d does not have %q: %v", e.Record.Offset, words, e.Reason)
				}
			}
			if strings.Contains(e.Reason.Error(), "abc") {
				c.Errorf("the reason shows a value: %v", e.Reason)
			}
			delete(want, e.Record.Offset)
		}
		if len(want) > 0 || len(errant) != 5 {
			c.Errorf("%d are errant, missing are %v", len(errant), want)
		}
		c.expect(c.prefix+"a", map[string]string{"first": `{"price":1,"o":{"x":1}}`, "good": `{"price":2}`, "last": `{"price":7}`})
		c.stop(s)
	},
	"values in reasons on request": func(c *contract) {
		s := c.start(keySensitive, "true")
		c.put(s, c.record("a", 0, "x", `{"price":1}`))
		if errant := c.putAny(s, c.record("a", 1, "y", `{"price":"abc"}`)); len(errant) != 1 || !strings.Contains(errant[0].Reason.Error(), `For input string: "abc"`) {
			c.Errorf("%v", errant)
		}
		c.stop(s)
	},
	"ids without keys": func(c *contract) {
		s := c.start(keyIgnore, "true")
		for range 2 {
			c.put(s, c.record("a", 0, "x", `{"n":0}`), c.record("a", 1, "x", `{"n":1}`), c.record("a", 2, "x", ""))
		}
		topic := c.prefix + "a"
		c.expect(topic, map[string]string{topic + "+0+0": `{"n":0}`, topic + "+0+1": `{"n":1}`})
		c.stop(s)
		s = c.start(keyIgnoreTopics, c.prefix+"b", keyIgnoreStrategy, valueNone)
		c.put(s, c.record("b", 0, "x", `{"n":0}`), c.record("b", 1, "x", `{"n":1}`), c.record("c", 2, "x", `{"n":2}`))
		if n := len(c.hits(c.prefix + "b")); n != 2 {
			c.Errorf("%d documents have ids by the server", n)
		}
		c.expect(c.prefix+"c", map[string]string{"x": `{"n":2}`})
		c.stop(s)
	},
	"ids of structs": func(c *contract) {
		one := data.NewStruct("Key").Field("id", data.Int32Schema).MustBuild()
		two := data.NewStruct("Key").Field("a", data.StringSchema).Field("b", data.Int64Schema).MustBuild()
		row := func(offset int64, s *data.Schema, key map[string]any) data.SinkRecord {
			r := c.record("a", offset, "", fmt.Sprintf(`{"n":%d}`, offset))
			encoded, err := data.Encode(nil, s, key)
			if err != nil {
				c.Fatal(err)
			}
			r.Key = data.RowValue(s, encoded)
			return r
		}
		text := c.record("a", 3, "", `{"n":3}`)
		text.Key = data.JSONValue([]byte(`{"id": 17}`))
		s := c.start()
		c.put(s, row(0, one, map[string]any{"id": 42}), row(1, two, map[string]any{"a": "x|y", "b": 5}), row(2, two, map[string]any{"a": "ä\"\\", "b": -1}), text)
		c.expect(c.prefix+"a", map[string]string{"42": `{"n":0}`, `x\|y|5`: `{"n":1}`, `ä"\\|-1`: `{"n":2}`, "17": `{"n":3}`})
		c.stop(s)
	},
	"names of indexes": func(c *contract) {
		s := c.start(keyIndex, c.prefix+"of-${field:tenant.name}-${time:yyyy.MM}", keyTopicIndex, c.prefix+"special:"+c.prefix+"other")
		a := c.record("a", 0, "x", `{"tenant":{"name":"ACME"}}`)
		b := c.record("a", 1, "y", `{"tenant":{"name":7}}`)
		b.Timestamp = time.Date(2024, 2, 29, 23, 0, 0, 0, time.UTC).UnixMilli()
		c.put(s, a, b, c.record("special", 2, "z", `{"n":1}`), c.record("a", 3, "x", "")) // a null value does not tell
		c.expect(c.prefix+"of-acme-2023.11", map[string]string{"x": `{"tenant":{"name":"ACME"}}`})
		c.expect(c.prefix+"of-7-2024.02", map[string]string{"y": `{"tenant":{"name":7}}`})
		c.expect(c.prefix+"other", map[string]string{"z": `{"n":1}`})
		errant := c.putAny(s, c.record("a", 4, "x", `{"tenant":{"name":"a/b"}}`), c.record("a", 5, "x", `{"tenant":1}`))
		if len(errant) != 2 || !strings.Contains(errant[0].Reason.Error(), "a/b") || !strings.Contains(errant[1].Reason.Error(), "tenant.name") {
			c.Errorf("%v", errant)
		}
		c.stop(s)
	},
	"routing": func(c *contract) {
		s := c.start(keyRouting, valueValue, keyRoutingPath, "/customer/id")
		c.put(s, c.record("a", 0, "x", `{"customer":{"id":"c\"1"}}`), c.record("a", 1, "y", `{"customer":{"id":"5"}}`), c.record("a", 2, "x", ""))
		if errant := c.putAny(s, c.record("a", 3, "z", `{"customer":{}}`)); len(errant) != 1 || !strings.Contains(errant[0].Reason.Error(), "customer.id") {
			c.Errorf("%v", errant)
		}
		got := c.hits(c.prefix + "a")
		if got["x"].Routing != `c"1` || got["y"].Routing != "5" || len(got) != 2 {
			c.Errorf("%v", got)
		}
		c.stop(s)
		s = c.start(keyRouting, valueKey)
		c.put(s, c.record("b", 0, "x", `{"n":1}`), c.record("b", 1, "y", `{"n":1}`), c.record("b", 2, "y", ""))
		if got := c.hits(c.prefix + "b"); got["x"].Routing != "x" || len(got) != 1 {
			c.Errorf("%v", got)
		}
		c.stop(s)
	},
	"change events": func(c *contract) {
		s := c.start()
		event := func(offset int64, key, op, before, after string) data.SinkRecord {
			return c.record("a", offset, key, fmt.Sprintf(`{"before":%s,"after":%s,"source":{"table":"t"},"op":"%s","ts_ms":1}`, before, after, op))
		}
		c.put(s,
			event(0, "1", "r", "null", `{"id":1,"name":"Ada"}`),
			event(1, "2", "c", "null", `{"id":2,"name":"Bob"}`),
			event(2, "1", "u", `{"id":1,"name":"Ada"}`, `{"id":1,"name":"Adele"}`),
			event(3, "2", "d", `{"id":2,"name":"Bob"}`, "null"),
			c.record("a", 4, "2", ""),
			event(5, "", "t", "null", "null"),
			c.record("a", 6, "3", `{"before":1,"op":"c"}`), // no event
		)
		c.expect(c.prefix+"a", map[string]string{"1": `{"id":1,"name":"Adele"}`, "3": `{"before":1,"op":"c"}`})
		c.stop(s)
		s = c.start(keyEnvelope, valueNone)
		whole := event(7, "whole", "c", "null", `{"id":1}`)
		whole.Topic = c.prefix + "b"
		c.put(s, whole)
		c.expect(c.prefix+"b", map[string]string{"whole": string(whole.Value.Data)})
		c.stop(s)
		s = c.start(keyEnvelope, valueDebezium)
		if errant := c.putAny(s, c.record("a", 8, "4", `{"id":4}`)); len(errant) != 1 || !strings.Contains(errant[0].Reason.Error(), "change event") {
			c.Errorf("%v", errant)
		}
		c.stop(s)
	},
	"change events in rows": func(c *contract) {
		row := data.NewStruct("server.db.t.Value").Optional().
			Field("id", data.Int64Schema).
			Field("name", data.OptionalStringSchema).
			Field("day", data.NewSchema(data.Int32).Name("io.debezium.time.Date").MustBuild()).MustBuild()
		envelope := data.NewStruct("server.db.t.Envelope").
			Field("before", row).Field("after", row).
			Field("source", data.NewStruct("S").Field("db", data.StringSchema).MustBuild()).
			Field("op", data.StringSchema).MustBuild()
		event := func(offset int64, key, op string, before, after map[string]any) data.SinkRecord {
			v := map[string]any{"op": op, "source": map[string]any{"db": "d"}}
			if before != nil {
				v["before"] = before
			}
			if after != nil {
				v["after"] = after
			}
			encoded, err := data.Encode(nil, envelope, v)
			if err != nil {
				c.Fatal(err)
			}
			r := c.record("a", offset, key, "")
			r.Value = data.RowValue(envelope, encoded)
			return r
		}
		ada := map[string]any{"id": 1, "name": "Ada", "day": 19000}
		s := c.start()
		c.put(s, event(0, "1", "c", nil, ada), event(1, "2", "c", nil, map[string]any{"id": 2, "day": -1}), event(2, "2", "d", ada, nil), event(3, "9", "d", nil, nil))
		c.expect(c.prefix+"a", map[string]string{"1": `{"id":1,"name":"Ada","day":1641600000000}`})
		if types := c.types(c.prefix + "a"); types["id"] != "long" || types["day"] != "date" || types["name"] != "text" || types["op"] != "" {
			c.Errorf("the mapping is %v", types)
		}
		c.stop(s)
	},
	"mapping of the schema": func(c *contract) {
		inner := data.NewStruct("").Field("f", data.Float32Schema).MustBuild()
		s1 := data.NewStruct("v1").
			Field("n", data.Int8Schema).Field("big", data.Int64Schema).Field("price", data.NewDecimal(2).MustBuild()).
			Field("at", data.TimestampSchema).Field("text", data.OptionalStringSchema).Field("raw", data.BytesSchema).
			Field("list", data.NewArray(data.BooleanSchema).MustBuild()).Field("inner", inner).MustBuild()
		v1 := map[string]any{
			"n": 1, "big": int64(1) << 60, "price": data.Decimal{Unscaled: big.NewInt(1250), Scale: 2}, "at": time.UnixMilli(1_700_000_000_123),
			"raw": []byte("raw"), "list": []any{true}, "inner": map[string]any{"f": float32(0.5)},
		}
		s := c.start()
		c.put(s, c.row("a", 0, s1, v1))
		c.expect(c.prefix+"a", map[string]string{"row": `{"n":1,"big":1152921504606846976,"price":12.50,"at":1700000000123,"text":null,"raw":"cmF3","list":[true],"inner":{"f":0.5}}`})
		want := map[string]string{"n": "byte", "big": "long", "price": "double", "at": "date", "text": "text", "raw": "binary", "list": "boolean", "inner.f": "float"}
		types := c.types(c.prefix + "a")
		for field, t := range want {
			if types[field] != t {
				c.Errorf("field %s has the type %q, expected is %s", field, types[field], t)
			}
		}
		// A later schema adds its fields; one that contradicts the mapping is left to the documents.
		s2 := data.NewStruct("v2").Field("day", data.DateSchema).Field("text", data.Int32Schema).MustBuild()
		c.put(s, c.row("a", 1, s2, map[string]any{"day": time.UnixMilli(0), "text": 5}))
		if types := c.types(c.prefix + "a"); types["day"] != "date" || types["text"] != "text" {
			c.Errorf("the mapping is %v", types)
		}
		c.stop(s)
		s = c.start(keySchemaIgnore, "true")
		c.put(s, c.row("b", 0, s2, map[string]any{"day": time.UnixMilli(0), "text": 5}))
		if types := c.types(c.prefix + "b"); types["day"] != "long" {
			c.Errorf("the mapping is %v", types)
		}
		c.stop(s)
	},
	"large batches": func(c *contract) {
		s := c.start(keyCompression, "true", keyBulkBytes, "20000")
		var records []data.SinkRecord
		want := map[string]string{}
		for i := range int64(1500) {
			id, text := fmt.Sprint("id-", i), fmt.Sprintf(`{"n":%d,"pad":"%s"}`, i, strings.Repeat("x", int(i%200)))
			records = append(records, c.record("a", i, id, text))
			want[id] = text
		}
		c.put(s, records...)
		c.expect(c.prefix+"a", want)
		c.stop(s)
	},
	"a full disk": func(c *contract) {
		index := c.prefix + "a"
		block := func(v any) {
			if status, text := request(c, http.MethodPut, c.url+"/"+index+"/_settings", map[string]any{"index.blocks.read_only_allow_delete": v}); status != http.StatusOK {
				c.Fatalf("%s", text)
			}
		}
		s := c.start(keyRetries, "2")
		c.put(s, c.record("a", 0, "x", `{"n":0}`))
		block(true)
		_, err := s.Put([]data.SinkRecord{c.record("a", 1, "x", `{"n":1}`)})
		if err == nil || !strings.Contains(err.Error(), "index "+index) || !strings.Contains(err.Error(), "free space") || !strings.Contains(err.Error(), "max.retries=2") {
			c.Errorf("%v", err)
		}
		block(nil)
		c.stop(s)
		s = c.start()
		c.put(s, c.record("a", 1, "x", `{"n":1}`))
		c.expect(index, map[string]string{"x": `{"n":1}`})
		c.stop(s)
	},
	"resources that exist": func(c *contract) {
		if status, text := request(c, http.MethodPut, c.url+"/"+c.prefix+"there", nil); status != http.StatusOK {
			c.Fatalf("%s", text)
		}
		settings := []string{keyResourceUsage, usageIndex, keyResources, c.prefix + "a:" + c.prefix + "there"}
		s := c.start(settings...)
		c.put(s, c.record("a", 0, "x", `{"n":0}`))
		if errant := c.putAny(s, c.record("b", 0, "x", `{"n":0}`)); len(errant) != 1 || !strings.Contains(errant[0].Reason.Error(), keyResources) {
			c.Errorf("%v", errant)
		}
		c.expect(c.prefix+"there", map[string]string{"x": `{"n":0}`})
		c.stop(s)
		p := sdktest.InProcess(c, plugin())
		if found, err := p.Validate("ElasticsearchSink", c.config(settings...)); err != nil || len(found) > 0 {
			c.Errorf("%v, %v", found, err)
		}
		settings[3] = c.prefix + "a:" + c.prefix + "missing"
		if found, err := p.Validate("ElasticsearchSink", c.config(settings...)); err != nil || len(found[keyResources]) != 1 {
			c.Errorf("%v, %v", found, err)
		}
	},
}

var streamContracts = map[string]func(*contract){
	"data streams": func(c *contract) {
		s := c.start(keyStreamType, "LOGS", keyStreamDataset, c.prefix+"set", keyStreamSpace, "${topic}")
		stream := "logs-" + c.prefix + "set-" + c.prefix + "a"
		c.Cleanup(func() {
			request(c, http.MethodDelete, c.url+"/_data_stream/"+stream, nil)
			request(c, http.MethodDelete, c.url+"/_index_template/"+stream, nil)
		})
		for range 2 { // a record that is there already is done
			c.put(s, c.record("a", 0, "k", `{"m":"a"}`), c.record("a", 1, "k", `{"m":"b","@timestamp":"2024-01-02T03:04:05Z"}`), c.record("a", 2, "k", ""))
		}
		topic := c.prefix + "a"
		c.expect(stream, map[string]string{
			topic + "+0+0": `{"@timestamp":1700000000000,"m":"a"}`,
			topic + "+0+1": `{"m":"b","@timestamp":"2024-01-02T03:04:05Z"}`,
		})
		c.stop(s)
	},
	"data streams with a time of their own": func(c *contract) {
		s := c.start(keyStreamEnabled, "true", keyStreamPrefix, c.prefix+"p", keyStreamTime, "none,at")
		stream := c.prefix + "p-" + c.prefix + "a"
		c.Cleanup(func() {
			request(c, http.MethodDelete, c.url+"/_data_stream/"+stream, nil)
			request(c, http.MethodDelete, c.url+"/_index_template/"+stream, nil)
		})
		c.put(s, c.record("a", 0, "k", `{"at":5,"@timestamp":7}`), c.record("a", 1, "k", `{}`))
		topic := c.prefix + "a"
		c.expect(stream, map[string]string{topic + "+0+0": `{"at":5,"@timestamp":5}`, topic + "+0+1": `{"@timestamp":1700000000001}`})
		c.stop(s)
	},
}

// row makes a record with a schema, whose key is "row" and the offset, or "row" for the first one.
func (c *contract) row(topic string, offset int64, s *data.Schema, v any) data.SinkRecord {
	c.Helper()
	encoded, err := data.Encode(nil, s, v)
	if err != nil {
		c.Fatal(err)
	}
	key := "row"
	if offset > 0 {
		key = fmt.Sprint("row", offset)
	}
	r := c.record(topic, offset, key, "")
	r.Value = data.RowValue(s, encoded)
	return r
}

// types returns the types of the fields of an index, by path.
func (c *contract) types(index string) map[string]string {
	c.Helper()
	_, text := request(c, http.MethodGet, c.url+"/"+index+"/_mapping", nil)
	var indexes map[string]struct{ Mappings mappingNode }
	if err := json.Unmarshal(text, &indexes); err != nil {
		c.Fatalf("%s: %v", text, err)
	}
	types := map[string]string{}
	for _, x := range indexes {
		x.Mappings.collect(types, "")
	}
	return types
}

type mappingNode struct {
	Type       string
	Properties map[string]*mappingNode
}

func (m *mappingNode) collect(types map[string]string, path string) {
	for name, sub := range m.Properties {
		at := strings.TrimPrefix(path+"."+name, ".")
		types[at] = sub.Type
		sub.collect(types, at)
	}
}
