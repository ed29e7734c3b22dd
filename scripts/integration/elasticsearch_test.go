//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/plugins/elasticsearch/searchtest"
)

// The plugin's own contract test also runs on the real servers.
func TestSearchContract(t *testing.T) {
	t.Parallel()
	command := exec.Command("go", "test", "-count=1", "-run", "^TestContract$/^real", "./plugins/elasticsearch")
	command.Dir = "../.."
	command.Env = append(os.Environ(), "OUTBOARD_TEST_SEARCH_SERVERS="+openSearch(t).address+","+elasticsearch(t).address)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	if !bytes.Contains(output, []byte("ok  \t")) {
		t.Errorf("the contract was not run:\n%s", output)
	}
}

// send writes records to a topic: keys and values in turn.
func (k *kafka) send(t *testing.T, topic string, keysAndValues ...string) {
	t.Helper()
	for i := 0; i+1 < len(keysAndValues); i += 2 {
		r := &kgo.Record{Topic: topic, Key: []byte(keysAndValues[i]), Value: []byte(keysAndValues[i+1])}
		if keysAndValues[i+1] == "" {
			r.Value = nil
		}
		if err := k.client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// A topic becomes an index: changes, deletions, a poison record that goes to the dead letter queue, and a process that is
// killed in the middle.
func TestTopicToSearch(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *server{"opensearch": openSearch, "elasticsearch": elasticsearch} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorker(t, shared(t), map[string]string{"value.converter": jsonConverter, "value.converter.schemas.enable": "false"})
			engine := newSearch(t, start(t), w.prefix)
			w.start()
			// The server learns the types from the first documents.
			topic, sink, refused := w.prefix+"-products", w.prefix+"-search", w.prefix+"-refused"
			w.kafka.create(t, topic, 2, nil)
			w.kafka.send(t, topic, "1", `{"name":"chair","price":49}`, "2", `{"name":"table","price":120}`)
			w.put(sink, map[string]string{
				"connector.class": "ElasticsearchSink", "topics": topic, "tasks.max": "2", "connection.url": engine.url,
				"errors.tolerance": "all", "errors.deadletterqueue.topic.name": refused, "errors.deadletterqueue.context.headers.enable": "true",
				"errors.deadletterqueue.topic.replication.factor": "1",
			})
			await := func(want map[string]string) {
				t.Helper()
				eventually(t, flowLimit, "the documents", func() string {
					got, err := engine.documents(topic)
					if err != nil {
						return err.Error()
					}
					texts := map[string]string{}
					for id, d := range got {
						texts[id] = string(d)
					}
					if !maps.Equal(texts, want) {
						return fmt.Sprintf("there are %v", texts)
					}
					return ""
				})
			}
			await(map[string]string{"1": `{"name":"chair","price":49}`, "2": `{"name":"table","price":120}`})

			w.kafka.send(t, topic, "3", `{"name":"lamp","price":"cheap"}`, "4", `{"name":"rug","price":80}`, "2", "", "1", `{"name":"armchair","price":99}`)
			await(map[string]string{"1": `{"name":"armchair","price":99}`, "4": `{"name":"rug","price":80}`})
			eventually(t, flowLimit, "the record that was refused", func() string {
				if n, err := w.kafka.end(t.Context(), refused); err != nil || n != 1 {
					return fmt.Sprintf("%d records, %v", n, err)
				}
				return ""
			})
			letter := w.kafka.records(t, refused)[0]
			reason := ""
			for _, h := range letter.Headers {
				if h.Key == "__connect.errors.exception.message" {
					reason = string(h.Value)
				}
			}
			if string(letter.Key) != "3" || !strings.Contains(reason, "failed to parse field [price] of type [long]") {
				t.Errorf("the dead letter is %s, because of %q", letter.Key, reason)
			}

			killPlugin(w, sink)
			want := map[string]string{"1": `{"name":"armchair","price":99}`, "4": `{"name":"rug","price":80}`}
			for i := range 200 {
				id, text := fmt.Sprint("many-", i), fmt.Sprintf(`{"name":"n%d","price":%d}`, i, i)
				want[id] = text
				w.kafka.send(t, topic, id, text)
			}
			await(want)
			w.awaitState(sink, "RUNNING", 2)
			w.stop()
		})
	}
}

// What a new user meets: the first line says what to do.
func TestSearchTroubleInOneLine(t *testing.T) {
	t.Parallel()
	w := newWorker(t, shared(t), map[string]string{"value.converter": jsonConverter, "value.converter.schemas.enable": "false"})
	engine := newSearch(t, openSearch(t), w.prefix)
	locked := searchtest.New(t, searchtest.Elasticsearch9)
	locked.Password("elastic", "right")
	w.start()
	config := func(topic string, changes map[string]string) map[string]string {
		c := map[string]string{"connector.class": "ElasticsearchSink", "topics": w.prefix + topic, "connection.url": engine.url, "max.retries": "1"}
		maps.Copy(c, changes)
		return c
	}
	refused := func(name string, c map[string]string, words ...string) {
		t.Helper()
		body, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://127.0.0.1:"+w.port+"/connectors/"+w.prefix+name+"/config", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var said struct{ Message string }
		if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || answer.StatusCode != http.StatusBadRequest {
			t.Fatalf("%d, %v", answer.StatusCode, err)
		}
		for _, word := range words {
			if !strings.Contains(said.Message, word) {
				t.Errorf("%s: %q does not say %q", name, said.Message, word)
			}
		}
	}
	refused("-away", config("-a", map[string]string{"connection.url": "http://127.0.0.1:" + freePort(t)}), "cannot be reached", "connection refused", "check connection.url")
	refused("-locked", config("-a", map[string]string{"connection.url": locked.URL, "connection.username": "elastic", "connection.password": "wrong"}),
		`does not accept the user "elastic"`, "check connection.username and connection.password")

	failed := func(name string, words ...string) {
		t.Helper()
		first := ""
		eventually(t, flowLimit, "the task of "+name+" to fail", func() string {
			status, err := w.rest.Status(w.ctx(), w.prefix+name)
			if err != nil {
				return err.Error()
			}
			if len(status.Tasks) != 1 || status.Tasks[0].State != "FAILED" {
				return fmt.Sprintf("%+v", status)
			}
			first, _, _ = strings.Cut(status.Tasks[0].Trace, "\n")
			return ""
		})
		for _, word := range words {
			if !strings.Contains(first, word) {
				t.Errorf("%s: the first line does not say %q: %s", name, word, first)
			}
		}
	}
	// A document that does not fit, with errors.tolerance=none.
	if _, err := engine.ask(t.Context(), http.MethodPut, "/"+w.prefix+"-b", map[string]any{
		"mappings": map[string]any{"properties": map[string]any{"price": map[string]any{"type": "long"}}},
	}); err != nil {
		t.Fatal(err)
	}
	w.kafka.create(t, w.prefix+"-b", 1, nil)
	w.kafka.send(t, w.prefix+"-b", "1", `{"price":1}`, "2", `{"price":"cheap"}`)
	w.put(w.prefix+"-conflict", config("-b", nil))
	failed("-conflict", "offset 1", "field [price] of type [long]", "correct the record, or the mapping of index "+w.prefix+"-b", "errors.tolerance=all")

	// A full disk.
	if _, err := engine.ask(t.Context(), http.MethodPut, "/"+w.prefix+"-c", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.ask(t.Context(), http.MethodPut, "/"+w.prefix+"-c/_settings", map[string]any{"index.blocks.read_only_allow_delete": true}); err != nil {
		t.Fatal(err)
	}
	w.kafka.create(t, w.prefix+"-c", 1, nil)
	w.kafka.send(t, w.prefix+"-c", "1", `{"price":1}`)
	w.put(w.prefix+"-full", config("-c", nil))
	failed("-full", "index "+w.prefix+"-c takes no writes", "disk of the search server is full", "free space")
	// With space again, nothing is missing.
	if _, err := engine.ask(t.Context(), http.MethodPut, "/"+w.prefix+"-c/_settings", map[string]any{"index.blocks.read_only_allow_delete": nil}); err != nil {
		t.Fatal(err)
	}
	eventually(t, flowLimit, "the document", func() string {
		if n, err := engine.count(w.prefix + "-c"); err != nil || n != 1 {
			return fmt.Sprintf("%d documents, %v", n, err)
		}
		return ""
	})
	w.awaitState(w.prefix+"-full", "RUNNING", 1)
	w.stop()
}
