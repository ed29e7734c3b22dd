//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/herder"
)

// poison makes records fail at one stage.
type poison struct {
	settings map[string]string
	// good and bad are the records of a sink's topic; of each pair the second one is bad.
	good, bad kgo.Record
}

// nowhere is a schema registry that does not answer.
const nowhere = "http://127.0.0.1:1"

var (
	anObject = []byte(`{"n":1}`)
	notJSON  = []byte("no JSON")
	badKey   = []byte{0xff, 1} // of all bad records: it is in the dead letter as it is
	plain    = kgo.Record{Key: anObject, Value: anObject}
	noJSON   = kgo.Record{Key: badKey, Value: notJSON}
)

// poisons are by direction, stage and error of the table. What is not set is ByteArrayConverter for keys and StringConverter for values.
var poisons = map[string]poison{
	"sink KEY_CONVERTER lasting": {map[string]string{"key.converter": jsonConverter, "key.converter.schemas.enable": "false"},
		plain, kgo.Record{Key: badKey, Value: anObject}},
	"sink VALUE_CONVERTER lasting": {map[string]string{"value.converter": jsonConverter, "value.converter.schemas.enable": "false"}, plain, noJSON},
	"sink VALUE_CONVERTER away": {map[string]string{"value.converter": "AvroConverter", "value.converter.schema.registry.url": nowhere},
		kgo.Record{Key: anObject}, kgo.Record{Key: badKey, Value: []byte("\x00\x00\x00\x00\x07text")}},
	"sink HEADER_CONVERTER lasting": {map[string]string{"header.converter": jsonConverter}, plain,
		kgo.Record{Key: badKey, Value: anObject, Headers: []kgo.RecordHeader{{Key: "mine", Value: notJSON}}}},
	"sink TRANSFORMATION lasting": {map[string]string{
		"transforms": "cast", "transforms.cast.type": "org.apache.kafka.connect.transforms.Cast$Value", "transforms.cast.spec": "int32",
		"transforms.cast.predicate": "bad", "predicates": "bad", "predicates.bad.type": "HasHeaderKey", "predicates.bad.name": "mine"},
		plain, kgo.Record{Key: badKey, Value: anObject, Headers: []kgo.RecordHeader{{Key: "mine", Value: []byte("yes")}}}},
	"sink TASK_PUT lasting": {map[string]string{"fail.every": "2", "fail.kind": "errant"}, plain, noJSON},
	"sink TASK_PUT passing": {map[string]string{"fail.every": "2", "fail.kind": "retriable"}, plain, noJSON},

	"source TRANSFORMATION lasting": {settings: map[string]string{
		"transforms": "cast", "transforms.cast.type": "org.apache.kafka.connect.transforms.Cast$Value", "transforms.cast.spec": "int32"}},
	"source KEY_CONVERTER lasting":    {settings: map[string]string{"key": "sequence", "key.converter": "LongConverter"}},
	"source VALUE_CONVERTER lasting":  {settings: map[string]string{"shape": "row", "value.converter": "ByteArrayConverter"}},
	"source VALUE_CONVERTER away":     {settings: map[string]string{"shape": "row", "value.converter": "AvroConverter", "value.converter.schema.registry.url": nowhere}},
	"source HEADER_CONVERTER lasting": {settings: map[string]string{"headers": "1", "header.converter": "LongConverter"}},
	"source KAFKA_PRODUCE lasting":    {settings: map[string]string{"value.size": "1000"}}, // more than the topic takes
}

// outcome is a line of the table.
type outcome struct {
	direction, stage, cause, policy, state string
	// letters are at least and at most so many; -1: there is no queue.
	letters, most int
	done          int
}

func readOutcomes(t *testing.T) []outcome {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "poison.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []outcome
	for number, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		var o outcome
		var letters string
		if n, err := fmt.Sscan(line, &o.direction, &o.stage, &o.cause, &o.policy, &o.state, &letters, &o.done); err != nil {
			t.Fatalf("poison.txt:%d: column %d: %v", number+1, n+1, err)
		}
		o.letters = -1
		if letters != "-" {
			least, most, ranged := strings.Cut(letters, "..")
			if !ranged {
				most = least
			}
			var second error
			o.letters, err = strconv.Atoi(least)
			o.most, second = strconv.Atoi(most)
			if err := errors.Join(err, second); err != nil {
				t.Fatalf("poison.txt:%d: %v", number+1, err)
			}
		}
		if _, known := poisons[o.poison()]; !known || (o.letters >= 0) != strings.Contains(o.policy, "queue") {
			t.Fatalf("poison.txt:%d: no such case: %s", number+1, line)
		}
		all = append(all, o)
	}
	return all
}

func (o outcome) poison() string { return o.direction + " " + o.stage + " " + o.cause }

// config is that of the connector called name.
func (o outcome) config(name, input, output, queue string) map[string]string {
	c := map[string]string{"connector.class": "DatagenSource", "topic": output, "records": "5"}
	if o.direction == "sink" {
		c = map[string]string{"connector.class": "BlackholeSink", "topics": input}
	}
	// One process for all: this is not about processes.
	maps.Copy(c, map[string]string{"key.converter": "ByteArrayConverter", "value.converter": "StringConverter", "outboard.isolation": "plugin"})
	maps.Copy(c, poisons[o.poison()].settings)
	for word := range strings.SplitSeq(o.policy, "+") {
		maps.Copy(c, map[string]map[string]string{
			"all":   {"errors.tolerance": "all"},
			"retry": {"errors.retry.timeout": "500"},
			"queue": {"errors.deadletterqueue.topic.name": queue, "errors.deadletterqueue.topic.replication.factor": "1",
				"errors.deadletterqueue.context.headers.enable": "true"},
		}[word])
	}
	return c
}

// TestPoison is the table of testdata/poison.txt: what fails is in the dead letter queue with its headers, skipped, tried again, or fails the
// task, as the configuration says, and nothing is lost.
func TestPoison(t *testing.T) {
	t.Parallel()
	k := shared(t)
	w := newWorker(t, k, nil)
	w.start()
	inputs := map[string]string{}
	for name, p := range poisons {
		if p.good.Key == nil {
			continue
		}
		topic := fmt.Sprintf("%s-poison-in-%d", w.prefix, len(inputs))
		inputs[name] = topic
		k.create(t, topic, 1, nil)
		var records []*kgo.Record
		for range 5 {
			for _, r := range []kgo.Record{p.good, p.bad} {
				r.Topic = topic
				records = append(records, &r)
			}
		}
		if err := k.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	outcomes := readOutcomes(t)
	base := func(i int) string { return fmt.Sprintf("%s-poison-%d", w.prefix, i) }
	for i, o := range outcomes {
		if o.direction == "source" {
			k.create(t, base(i)+"-out", 1, map[string]string{"max.message.bytes": "500"})
		}
		w.put(base(i), o.config(base(i), inputs[o.poison()], base(i)+"-out", base(i)+"-dlq"))
	}
	for i, o := range outcomes {
		t.Run(o.poison()+" "+o.policy, func(t *testing.T) { o.check(t, k, w, base(i), inputs[o.poison()]) })
	}
}

func (o outcome) check(t *testing.T, k *kafka, w *worker, name, input string) {
	eventually(t, flowLimit, "the state of "+name, func() string {
		s, err := w.rest.Status(t.Context(), name)
		if err != nil || len(s.Tasks) != 1 || s.Tasks[0].State != o.state {
			return fmt.Sprintf("the status is %+v (%v)", s, err)
		}
		if o.state == "FAILED" && !strings.Contains(s.Tasks[0].Trace, o.stage) {
			t.Fatalf("the trace does not name the stage: %s", s.Tasks[0].Trace)
		}
		return ""
	})
	if o.state == "FAILED" {
		if n, err := o.past(t, k, w, name, input); n > o.done || err != nil {
			t.Errorf("the offsets are past %d records, at most %d were right (%v)", n, o.done, err)
		}
	} else {
		eventually(t, flowLimit, "the offsets of "+name, func() string {
			if n, err := o.past(t, k, w, name, input); n != o.done || err != nil {
				return fmt.Sprintf("they are past %d of %d (%v)", n, o.done, err)
			}
			return ""
		})
	}
	if o.direction == "source" {
		if n, err := k.end(t.Context(), name+"-out"); n != 0 || err != nil {
			t.Errorf("%d bad records are in the topic all the same (%v)", n, err)
		}
	}
	if o.letters < 0 {
		return
	}
	queue := name + "-dlq"
	eventually(t, flowLimit, "the letters of "+name, func() string {
		if n, err := k.end(t.Context(), queue); err != nil || n < int64(o.letters) {
			return fmt.Sprintf("%d of %d letters (%v)", n, o.letters, err)
		}
		return ""
	})
	letters := k.records(t, queue)
	if len(letters) > o.most {
		t.Errorf("%d letters, at most %d are right", len(letters), o.most)
	}
	for _, letter := range letters {
		o.checkLetter(t, letter, name, input)
	}
}

// past is how many records the stored offsets are past.
func (o outcome) past(t *testing.T, k *kafka, w *worker, name, input string) (int, error) {
	if o.direction == "sink" {
		n, _ := k.committed(t, "connect-"+name, input)
		return int(n), nil
	}
	offsets, err := w.rest.Offsets(t.Context(), name)
	if err != nil || len(offsets) == 0 {
		return 0, err
	}
	var at map[string]int
	if err := json.Unmarshal(offsets[0].Offset, &at); err != nil || len(at) != 1 || len(offsets) != 1 {
		return 0, fmt.Errorf("the offsets are %s (%w)", offsets, err)
	}
	for _, n := range at {
		return n, nil
	}
	return 0, nil
}

// checkLetter looks whether a letter says where it comes from and why, and of a sink's whether it is the record as it was.
func (o outcome) checkLetter(t *testing.T, letter *kgo.Record, name, input string) {
	t.Helper()
	headers := map[string]string{}
	for _, h := range letter.Headers {
		headers[h.Key] = string(h.Value)
	}
	want := map[string]string{"stage": o.stage, "connector.name": name, "task.id": "0", "topic": name + "-out"}
	filled := []string{"exception.class.name", "exception.message", "exception.stacktrace", "class.name"}
	bad := poisons[o.poison()].bad
	if o.direction == "sink" {
		want["topic"], want["partition"] = input, "0"
		filled = append(filled, "offset")
		if !bytes.Equal(letter.Key, bad.Key) || !bytes.Equal(letter.Value, bad.Value) {
			t.Errorf("a letter is %q %q, the record was %q %q", letter.Key, letter.Value, bad.Key, bad.Value)
		}
		if len(letter.Headers) < len(bad.Headers) || len(bad.Headers) > 0 && headers["mine"] != string(bad.Headers[0].Value) {
			t.Errorf("a letter lacks headers of the record: %v", headers)
		}
	} else if len(letter.Value) == 0 {
		t.Error("a letter has no value")
	}
	for header, text := range want {
		if got := headers["__connect.errors."+header]; got != text {
			t.Errorf("header %s of a letter is %q, want %q", header, got, text)
		}
	}
	for _, header := range filled {
		if headers["__connect.errors."+header] == "" {
			t.Errorf("a letter has no header %s: %v", header, headers)
		}
	}
}

// awaitTask waits for the state of a connector's only task.
func (w *worker) awaitTask(name, state string) (task herder.TaskStatus) {
	w.t.Helper()
	eventually(w.t, flowLimit, "the task of "+name+" to be "+state, func() string {
		s, err := w.rest.Status(w.ctx(), name)
		if err != nil || len(s.Tasks) != 1 || s.Tasks[0].State != state {
			return fmt.Sprintf("the status is %+v (%v)", s, err)
		}
		task = s.Tasks[0]
		return ""
	})
	return task
}

// TestSecretsStayHidden puts a secret behind a reference into every kind of setting and looks for it everywhere but where it
// belongs.
func TestSecretsStayHidden(t *testing.T) {
	t.Parallel()
	const canary = "canary-4711-secret"
	k := shared(t)
	file := filepath.Join(t.TempDir(), "secrets.properties")
	if err := os.WriteFile(file, []byte("secret="+canary+"\nbad="+canary+"-(number\nurl=http\\://ada\\:"+canary+"@127.0.0.1\\:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, k, map[string]string{"config.providers": "file", "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider"})
	w.start()
	reference := func(key string) string { return "${file:" + file + ":" + key + "}" }
	topic := w.prefix + "-canary"
	good := map[string]string{
		"connector.class": "DatagenSource", "topic": topic, "records": "5", "value.converter": "StringConverter",
		"unknown.password": reference("secret"), "producer.override.client.id": reference("secret"),
		"header.converter": "SimpleHeaderConverter", "header.converter.password": reference("secret"),
		"transforms": "insert", "transforms.insert.type": "InsertHeader", "transforms.insert.header": "h", "transforms.insert.value.literal": reference("secret"),
		"transforms.insert.predicate": "other", "transforms.insert.negate": "true",
		"predicates": "other", "predicates.other.type": "TopicNameMatches", "predicates.other.pattern": reference("secret"),
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
	shown := w.secretsOfRecords(topic, reference)
	// What is refused is quoted by who refuses it.
	for setting, changes := range map[string]map[string]string{
		"a number":           {"records": reference("bad")},
		"a transformation's": {"transforms": "bad", "transforms.bad.type": "RegexRouter", "transforms.bad.replacement": "x", "transforms.bad.regex": reference("bad")},
		"a predicate's":      {"predicates.other.pattern": reference("bad")},
		"a converter's":      {"header.converter": "JsonConverter", "header.converter.decimal.format": reference("bad")},
	} {
		bad := maps.Clone(good)
		maps.Copy(bad, changes)
		infos, err := w.rest.Validate(t.Context(), "DatagenSource", bad)
		if err != nil || infos.ErrorCount == 0 {
			t.Errorf("%s: a bad setting is valid: %+v, %v", setting, infos, err)
		}
		for _, c := range infos.Configs {
			shown = append(shown, fmt.Sprint(c.Value.Errors))
			if c.Value.Value != nil {
				shown = append(shown, *c.Value.Value)
			}
		}
		_, _, err = w.rest.PutConfig(t.Context(), topic, bad)
		if err == nil {
			t.Errorf("%s: a bad setting is taken", setting)
		}
		shown = append(shown, fmt.Sprintf("%+v %v", infos, err))
	}
	previews, err := w.rest.Preview(t.Context(), good, 1, 0)
	if err != nil || len(previews) != 1 {
		t.Errorf("the preview is %+v, %v", previews, err)
	}
	text, err := json.Marshal(previews)
	if err != nil {
		t.Fatal(err)
	}
	shown = append(shown, string(text))
	connector, err := w.rest.Info(t.Context(), topic)
	if err != nil || connector.Config["unknown.password"] != reference("secret") {
		t.Errorf("the configuration is %v, %v", connector.Config, err)
	}
	one := "/connectors/" + topic
	for _, path := range []string{"/connectors?expand=info&expand=status", one, one + "/config", one + "/status", one + "/tasks", one + "/tasks/0/status",
		one + "/topics", one + "/offsets", "/metrics"} {
		shown = append(shown, w.answer(path))
	}
	shown = append(shown, fmt.Sprint(w.entries()), w.tail(100_000))
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

// secretsOfRecords runs connectors whose only record fails, with errors that quote the secret, and returns their traces and dead letters.
func (w *worker) secretsOfRecords(topic string, reference func(key string) string) (shown []string) {
	w.t.Helper()
	for name, c := range map[string]struct {
		settings map[string]string
		quotes   string // what tells that the trace is about the setting
	}{
		"-registry": {map[string]string{"value.converter": "AvroConverter", "value.converter.schema.registry.url": reference("url"),
			"value.converter.bearer.auth.token": reference("secret")}, "127.0.0.1:1"},
		"-mask": {map[string]string{"value.converter": jsonConverter, "transforms": "mask", "transforms.mask.type": "MaskField$Value",
			"transforms.mask.fields": "id", "transforms.mask.replacement": reference("secret")}, "********"},
	} {
		failing := topic + name
		config := map[string]string{
			"connector.class": "DatagenSource", "topic": failing, "records": "1", "shape": "row",
			"errors.log.enable": "true", "errors.log.include.messages": "true", "errors.deadletterqueue.topic.name": failing + "-dlq",
			"errors.deadletterqueue.topic.replication.factor": "1", "errors.deadletterqueue.context.headers.enable": "true",
		}
		maps.Copy(config, c.settings)
		w.put(failing, config)
		failed := w.awaitTask(failing, "FAILED")
		if !strings.Contains(failed.Trace, c.quotes) {
			w.t.Errorf("the trace is not about the setting: %s", failed.Trace)
		}
		eventually(w.t, flowLimit, "the letter", func() string {
			if n, err := w.kafka.end(w.t.Context(), failing+"-dlq"); err != nil || n != 1 {
				return fmt.Sprintf("%d of 1 (%v)", n, err)
			}
			return ""
		})
		letter := w.kafka.records(w.t, failing+"-dlq")[0]
		shown = append(shown, failed.Trace, fmt.Sprintf("%+v", letter))
		for _, h := range letter.Headers {
			shown = append(shown, string(h.Value))
		}
	}
	return shown
}

// answer is what REST says to a GET.
func (w *worker) answer(path string) string {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.ctx(), http.MethodGet, "http://127.0.0.1:"+w.port+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		w.t.Fatalf("GET %s: %s %s (%v)", path, answer.Status, text, err)
	}
	return string(text)
}
