//go:build integration

package integration

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/scripts/integration/exchanges"
)

// settings that both workers of the comparison have beyond what they need.
var exchangeSettings = map[string]string{
	"key.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter": "org.apache.kafka.connect.json.JsonConverter",
	"offset.flush.interval.ms":     "1000",
	"access.control.allow.origin":  "https://ui.example.com",
	"access.control.allow.methods": "GET,PUT",
	"response.http.headers.config": "set X-Frame-Options: DENY",
}

// TestExchangesWithKafkaConnect sends the requests of testdata/exchanges to Apache Kafka Connect and to Outboard. What they
// answer is compared field by field; differences.txt has the reason for every difference.
func TestExchangesWithKafkaConnect(t *testing.T) {
	steps, err := exchanges.Parse(readText(t, "testdata/exchanges/requests.txt"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := exchanges.ParseRules(readText(t, "testdata/exchanges/differences.txt"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, shared(t), exchangeSettings)
	java, id := startKafkaConnect(t, w.prefix)
	w.start()
	one, other := newSide(t, java, "x1"+id), newSide(t, "127.0.0.1:"+w.port, "x2"+id)

	compared, explained := 0, map[string]int{}
	var unexplained []exchanges.Difference
	record := newRecord(t)
	for _, step := range steps {
		a, b := both(t, one, other, step)
		if step.Until != nil {
			continue
		}
		compared++
		record(step, a, b)
		for _, d := range exchanges.Compare(step.Label, a, b) {
			if reason, ok := rules.Explain(d); ok {
				explained[reason]++
				continue
			}
			unexplained = append(unexplained, d)
		}
	}
	total := 0
	for _, n := range explained {
		total += n
	}
	t.Logf("%d requests compared; %d fields differ for %d reasons", compared, total, len(explained))
	if compared < 150 {
		t.Errorf("only %d requests were compared", compared)
	}
	for _, d := range unexplained {
		t.Errorf("unexplained: %s", d)
	}
	for _, rule := range rules.Unused() {
		t.Errorf("differences.txt explains what is not there: %s", rule)
	}
}

// newRecord returns what writes both answers to every request into the folder that OUTBOARD_EXCHANGES names, a file for each
// server, to be read or compared; nothing without one.
func newRecord(t *testing.T) func(step exchanges.Step, one, other exchanges.Answer) {
	t.Helper()
	folder := os.Getenv("OUTBOARD_EXCHANGES")
	if folder == "" {
		return func(exchanges.Step, exchanges.Answer, exchanges.Answer) {}
	}
	files := map[string]*os.File{}
	for _, name := range []string{"kafka-connect.txt", "outboard.txt"} {
		f, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		files[name] = f
	}
	return func(step exchanges.Step, one, other exchanges.Answer) {
		for name, a := range map[string]exchanges.Answer{"kafka-connect.txt": one, "outboard.txt": other} {
			fmt.Fprintf(files[name], "[%s] %s %s\n%s\n%d %v\n%s\n\n", step.Label, step.Method, step.Path, step.Body, a.Status, a.Headers, a.Body)
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// newSide prepares what the requests are about: a folder with a file of two lines.
func newSide(t *testing.T, address, id string) *exchanges.Side {
	t.Helper()
	folder := filepath.Join(t.TempDir(), id)
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "in.txt"), []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &exchanges.Side{Address: address, Names: []exchanges.Name{{Variable: "dir", Value: folder}, {Variable: "id", Value: id}}}
}

// both takes a step on both sides at the same time.
func both(t *testing.T, one, other *exchanges.Side, step exchanges.Step) (a, b exchanges.Answer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	do := func(side *exchanges.Side) (answer exchanges.Answer, err error) {
		if step.Until != nil {
			return answer, side.Await(ctx, step)
		}
		return side.Send(ctx, step)
	}
	failed := make(chan error, 1)
	go func() {
		var err error
		a, err = do(one)
		failed <- err
	}()
	b, err := do(other)
	if javaErr := <-failed; javaErr != nil || err != nil {
		t.Fatalf("line %d: Kafka Connect: %v; Outboard: %v", step.Line, javaErr, err)
	}
	return a, b
}

// startKafkaConnect starts a worker of Apache Kafka Connect, or takes the one that OUTBOARD_KAFKA_CONNECT (host:port) names.
// The id is different each time.
func startKafkaConnect(t *testing.T, group string) (address, id string) {
	t.Helper()
	id = fmt.Sprintf("%x", time.Now().UnixMilli()&0xffffff)
	if address := os.Getenv("OUTBOARD_KAFKA_CONNECT"); address != "" {
		return address, id
	}
	extra := maps.Clone(exchangeSettings)
	maps.DeleteFunc(extra, func(key, _ string) bool { return strings.HasSuffix(key, "converter") }) // the script gives it these
	java := newKafkaConnect(t, group+"-java", extra)
	java.start()
	return java.address(), id
}
