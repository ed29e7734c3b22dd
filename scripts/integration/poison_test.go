//go:build integration

package integration

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// poison is a sink or a source in which every second record of ten fails at one stage.
type poison struct {
	stage string
	sink  bool
	// config fails records, input is the topic of a sink.
	config func(input, output string) map[string]string
}

var poisons = map[string]poison{
	"a sink's converter": {"VALUE_CONVERTER", true, func(input, _ string) map[string]string {
		return map[string]string{"connector.class": "BlackholeSink", "topics": input, "key.converter": "ByteArrayConverter",
			"value.converter": jsonConverter, "value.converter.schemas.enable": "false"}
	}},
	"a sink's transformation": {"TRANSFORMATION", true, func(input, _ string) map[string]string {
		return map[string]string{"connector.class": "BlackholeSink", "topics": input, "key.converter": "ByteArrayConverter", "value.converter": "StringConverter",
			"transforms": "cast", "transforms.cast.type": "org.apache.kafka.connect.transforms.Cast$Value", "transforms.cast.spec": "int32",
			"transforms.cast.predicate": "bad", "predicates": "bad", "predicates.bad.type": "HasHeaderKey", "predicates.bad.name": "bad"}
	}},
	"a sink's task": {"TASK_PUT", true, func(input, _ string) map[string]string {
		return map[string]string{"connector.class": "BlackholeSink", "topics": input, "key.converter": "ByteArrayConverter", "value.converter": "StringConverter",
			"fail.every": "2", "fail.kind": "errant"}
	}},
	"a source's transformation": {"TRANSFORMATION", false, func(_, output string) map[string]string {
		return map[string]string{"connector.class": "DatagenSource", "topic": output, "records": "5", "value.converter": "StringConverter",
			"transforms": "cast", "transforms.cast.type": "org.apache.kafka.connect.transforms.Cast$Value", "transforms.cast.spec": "int32"}
	}},
	"a source's converter": {"VALUE_CONVERTER", false, func(_, output string) map[string]string {
		return map[string]string{"connector.class": "DatagenSource", "topic": output, "records": "5", "shape": "row", "value.converter": "ByteArrayConverter"}
	}},
}

// TestPoison is every stage, in both directions, under every policy: what fails is in the dead letter queue with its
// headers, skipped, or fails the task, as the configuration says, and nothing is lost.
func TestPoison(t *testing.T) {
	t.Parallel()
	k := shared(t)
	w := newWorker(t, k, nil)
	w.start()
	number := 0
	for name, p := range poisons {
		for policy, settings := range map[string]map[string]string{
			"none":              {},
			"none and queue":    {"errors.deadletterqueue.topic.name": "queue"},
			"all":               {"errors.tolerance": "all"},
			"all and queue":     {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "queue"},
			"retries that fail": {"errors.tolerance": "all", "errors.retry.timeout": "500", "errors.deadletterqueue.topic.name": "queue"},
		} {
			number++
			base := fmt.Sprintf("%s-poison-%d", w.prefix, number)
			t.Run(name+"/"+policy, func(t *testing.T) {
				t.Parallel()
				settings := maps.Clone(settings)
				checkPoison(t, k, w, base, p, settings)
			})
		}
	}
}

func checkPoison(t *testing.T, k *kafka, w *worker, base string, p poison, settings map[string]string) {
	input, queue := base+"-in", ""
	config := p.config(input, base+"-out")
	if settings["errors.deadletterqueue.topic.name"] != "" {
		queue = base + "-dlq"
		settings["errors.deadletterqueue.topic.name"] = queue
		settings["errors.deadletterqueue.topic.replication.factor"] = "1"
		settings["errors.deadletterqueue.context.headers.enable"] = "true"
	}
	maps.Copy(config, settings)
	if p.sink {
		k.create(t, input, 1, nil)
		for i := range 10 {
			r := &kgo.Record{Topic: input, Key: []byte{0xff, byte(i)}, Value: fmt.Appendf(nil, `{"n":%d}`, i)}
			if i%2 == 1 {
				r.Value, r.Headers = []byte("no JSON"), []kgo.RecordHeader{{Key: "bad", Value: []byte("yes")}}
			}
			if err := k.client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.put(base, config)
	letters := 5
	if settings["errors.tolerance"] == "all" {
		w.awaitState(base, "RUNNING", 1)
		if p.sink {
			eventually(t, flowLimit, "the offset of "+base, func() string {
				if n, _ := k.committed(t, "connect-"+base, input); n != 10 {
					return fmt.Sprintf("%d of 10 are committed", n)
				}
				return ""
			})
		}
	} else {
		letters = 1
		eventually(t, flowLimit, "the failure of "+base, func() string {
			s, err := w.rest.Status(t.Context(), base)
			if err != nil || len(s.Tasks) != 1 || s.Tasks[0].State != "FAILED" {
				return fmt.Sprintf("the status is %+v (%v)", s, err)
			}
			if !strings.Contains(s.Tasks[0].Trace, p.stage) {
				t.Fatalf("the trace does not name the stage: %s", s.Tasks[0].Trace)
			}
			return ""
		})
		if n, _ := k.committed(t, "connect-"+base, input); p.sink && n > 1 {
			t.Errorf("%d records are committed, past the one that failed", n)
		}
	}
	if queue == "" {
		return
	}
	eventually(t, flowLimit, "the letters of "+base, func() string {
		if n, err := k.end(t.Context(), queue); err != nil || n != int64(letters) {
			return fmt.Sprintf("%d of %d letters (%v)", n, letters, err)
		}
		return ""
	})
	for _, letter := range k.records(t, queue) {
		headers := map[string]string{}
		for _, h := range letter.Headers {
			headers[h.Key] = string(h.Value)
		}
		if headers["__connect.errors.stage"] != p.stage || headers["__connect.errors.connector.name"] != base || headers["__connect.errors.exception.message"] == "" {
			t.Errorf("a letter has the headers %v", headers)
		}
		if p.sink && (len(letter.Key) != 2 || letter.Key[0] != 0xff || headers["__connect.errors.topic"] != input || headers["__connect.errors.offset"] == "") {
			t.Errorf("a letter is %q %q %v", letter.Key, letter.Value, headers)
		}
	}
}

// TestSecretsStayHidden puts a secret behind a reference into every kind of setting and looks for it everywhere but where it
// belongs.
func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	const canary = "canary-4711-secret"
	k := shared(t)
	file := filepath.Join(t.TempDir(), "secrets.properties")
	if err := os.WriteFile(file, []byte("secret="+canary+"\nbad="+canary+"-number\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, k, map[string]string{"config.providers": "file", "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider"})
	w.start()
	reference := func(key string) string { return "${file:" + file + ":" + key + "}" }
	topic := w.prefix + "-canary"
	good := map[string]string{
		"connector.class": "DatagenSource", "topic": topic, "records": "5", "value.converter": "StringConverter",
		"unknown.password": reference("secret"), "producer.override.client.id": reference("secret"),
		"transforms": "insert", "transforms.insert.type": "InsertHeader", "transforms.insert.header": "h", "transforms.insert.value.literal": reference("secret"),
	}
	w.put(topic, good)
	eventually(t, flowLimit, "the records", func() string {
		if n, err := k.end(t.Context(), topic); err != nil || n != 5 {
			return fmt.Sprintf("%d of 5 (%v)", n, err)
		}
		return ""
	})
	if r := k.records(t, topic)[0]; len(r.Headers) != 1 || string(r.Headers[0].Value) != canary {
		t.Errorf("the transformation did not get the value: %v", r.Headers)
	}
	bad := maps.Clone(good)
	bad["records"] = reference("bad")
	infos, err := w.rest.Validate(t.Context(), "DatagenSource", bad)
	if err != nil || infos.ErrorCount == 0 {
		t.Errorf("a text as a number is valid: %+v, %v", infos, err)
	}
	var shown []string
	shown = append(shown, fmt.Sprintf("%+v", infos))
	for _, c := range infos.Configs {
		shown = append(shown, fmt.Sprint(c.Value.Errors))
		if c.Value.Value != nil {
			shown = append(shown, *c.Value.Value)
		}
	}
	connector, err := w.rest.Info(t.Context(), topic)
	if err != nil || connector.Config["unknown.password"] != reference("secret") {
		t.Errorf("the configuration is %v, %v", connector.Config, err)
	}
	tasks, err := w.rest.Tasks(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	status, err := w.rest.Status(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	shown = append(shown, fmt.Sprintf("%+v %+v %+v", connector, tasks, status), fmt.Sprint(w.entries()), w.tail(100_000))
	pid := w.plugin(topic)
	for _, path := range []string{"cmdline", "environ"} {
		for _, of := range []int{pid, w.process.Process.Pid} {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", of, path))
			if err != nil {
				t.Fatal(err)
			}
			shown = append(shown, string(text))
		}
	}
	for _, internal := range []string{w.prefix + "-configs", w.prefix + "-offsets", w.prefix + "-status"} {
		for _, r := range k.records(t, internal) {
			shown = append(shown, string(r.Value))
		}
	}
	for _, text := range shown {
		if at := strings.Index(text, canary); at >= 0 {
			t.Errorf("the secret is shown: …%s…", text[max(0, at-200):min(len(text), at+100)])
		}
	}
}
