//go:build integration

package integration

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A plugin in another language, written from proto/README.md: it is dropped into plugin.path, its records arrive as the
// converters make them, and after a kill -9 it goes on from its stored offset.
func TestPythonPlugin(t *testing.T) {
	t.Parallel()
	const records = 8_000 // a quarter of a minute of it at the plugin's pace: the kill comes long before the end, however slow the machine
	const middle = 200
	k := shared(t)
	w := newWorker(t, k, map[string]string{
		"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "true",
		"offset.flush.interval.ms": "200",
	})
	script := pythonPlugin(t)
	w.start()
	plugin := filepath.Join(w.plugins, "python-source")
	if err := os.WriteFile(plugin+".tmp", script, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(plugin+".tmp", plugin); err != nil {
		t.Fatal(err)
	}
	eventually(t, flowLimit, "the plugin to be found", func() string {
		if w.offers("PythonSource") {
			return ""
		}
		return "the worker does not offer PythonSource"
	})

	topic, name := w.prefix+"-python", w.prefix+"-counter"
	k.create(t, topic, 1, map[string]string{"retention.ms": "-1"}) // the records say that they are years old
	config := map[string]string{"connector.class": "PythonSource", "topic": topic, "records": "many"}
	if _, _, err := w.rest.PutConfig(w.ctx(), name, config); err == nil || !strings.Contains(err.Error(), "Not a number of type LONG") {
		t.Errorf("a configuration that the plugin's declaration forbids: %v", err)
	}
	config["records"] = "-1"
	w.put(name, config)
	eventually(t, flowLimit, "the plugin's own error", func() string {
		status, err := w.rest.Status(w.ctx(), name)
		if err != nil {
			return err.Error()
		}
		if len(status.Tasks) == 1 && status.Tasks[0].State == "FAILED" && strings.Contains(status.Tasks[0].Trace, "records is -1: nobody counts to there") {
			return ""
		}
		return fmt.Sprintf("%+v", status)
	})
	config["records"] = strconv.Itoa(records)
	w.put(name, config)
	w.awaitState(name, "RUNNING", 1)
	eventually(t, flowLimit, "an offset in the middle to be stored", func() string {
		stored := k.latest(t, w.props["offset.storage.topic"])[fmt.Sprintf(`["%s",{"counter":"python"}]`, name)]
		var offset struct{ Next int }
		if json.Unmarshal(stored, &offset) == nil && offset.Next > middle {
			return ""
		}
		return fmt.Sprintf("it is %q", stored)
	})
	seen := k.records(t, topic)
	victim := pythonRecordOf(t, seen[len(seen)-1]).pid
	sigkill(t, victim)
	eventually(t, flowLimit, "all records to arrive", func() string {
		all := k.records(t, topic)
		if last := pythonRecordOf(t, all[len(all)-1]); last.n < records-1 {
			return fmt.Sprintf("the last one is %d", last.n)
		}
		return ""
	})

	all := k.records(t, topic)
	survivor := checkPythonRecords(t, all, victim)
	if last := pythonRecordOf(t, all[len(all)-1]); last.n != records-1 {
		t.Errorf("the last record is %d, want %d", last.n, records-1)
	}
	w.do(w.rest.Delete, name)
	eventually(t, stopLimit, "the process to end with its connector", func() string {
		if err := syscall.Kill(survivor, 0); errors.Is(err, syscall.ESRCH) {
			return ""
		}
		return fmt.Sprintf("process %d still runs", survivor)
	})
	deaths := 0
	for _, e := range w.entries() {
		if e.Connector == name && e.Message == "plugin process is gone" {
			deaths++
		}
		if e.Connector == name && e.Message == "did not stop in order" {
			t.Errorf("log: %s: %s", e.Message, e.Err)
		}
	}
	if deaths != 1 {
		t.Errorf("%d plugin processes died, 1 was killed", deaths)
	}
}

// pythonRecord is what the headers of a record tell.
type pythonRecord struct {
	n, pid int
	acked  int // up to here the host had acknowledged
}

func pythonRecordOf(t *testing.T, r *kgo.Record) pythonRecord {
	t.Helper()
	var p pythonRecord
	for i, to := range []*int{&p.n, &p.pid, &p.acked} {
		var err error
		if len(r.Headers) != 3 || r.Headers[i].Key != []string{"n", "pid", "acked"}[i] {
			t.Fatalf("record at offset %d has the headers %v", r.Offset, r.Headers)
		}
		if *to, err = strconv.Atoi(string(r.Headers[i].Value)); err != nil {
			t.Fatalf("record at offset %d: header %s: %v", r.Offset, r.Headers[i].Key, err)
		}
	}
	return p
}

// checkPythonRecords checks that two processes wrote all records in order, the second from where the offset of the first
// was stored, and that each is what it must be. It returns the id of the second process.
func checkPythonRecords(t *testing.T, all []*kgo.Record, victim int) (survivor int) {
	t.Helper()
	next, acked := 0, 0
	for _, r := range all {
		p := pythonRecordOf(t, r)
		switch {
		case p.pid == victim && survivor == 0:
			acked = p.acked
		case survivor == 0:
			survivor = p.pid
			t.Logf("the first process wrote %d records and knew that %d were safe, the second went on from %d", next, acked, p.n)
			if p.n > next || p.n < acked || p.n == 0 {
				t.Fatalf("the second process went on from %d", p.n)
			}
			next = p.n
		case p.pid != survivor:
			t.Fatalf("record %d is of process %d, after process %d", p.n, p.pid, survivor)
		}
		if p.n != next {
			t.Fatalf("record %d came where %d was due", p.n, next)
		}
		next++
		checkPythonRecord(t, r, p.n)
	}
	if survivor == 0 {
		t.Fatal("there was no second process")
	}
	return survivor
}

// pythonOrderSchema is how JsonConverter writes the schema of the rows.
const pythonOrderSchema = `{"type":"struct","name":"example.Order","version":2,"optional":false,"fields":[
	{"field":"id","type":"int64","optional":false},
	{"field":"customer","type":"string","optional":true},
	{"field":"total","type":"bytes","name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"},"optional":false},
	{"field":"paid","type":"boolean","optional":false},
	{"field":"weight","type":"double","optional":true},
	{"field":"items","type":"array","items":{"type":"string","optional":true},"optional":false},
	{"field":"stock","type":"map","keys":{"type":"string","optional":false},"values":{"type":"int32","optional":false},"optional":false}]}`

func checkPythonRecord(t *testing.T, r *kgo.Record, n int) {
	t.Helper()
	if want := fmt.Sprintf("key %d", n); string(r.Key) != want {
		t.Errorf("record %d has the key %s, want %s", n, r.Key, want)
	}
	if want := int64(1_700_000_000_000 + n); r.Timestamp.UnixMilli() != want {
		t.Errorf("record %d has the timestamp %d, want %d", n, r.Timestamp.UnixMilli(), want)
	}
	var want string
	switch n % 4 {
	case 0:
		total := make([]byte, 8)
		for i, left := 7, n*100+99; i >= 0; i, left = i-1, left>>8 {
			total[i] = byte(left)
		}
		customer, weight := `"Zoë"`, strconv.FormatFloat(float64(n)/2, 'f', -1, 64)
		if n%8 == 0 {
			customer, weight = "null", "null"
		}
		want = fmt.Sprintf(`{"schema":%s,"payload":{"id":%d,"customer":%s,"total":%s,"paid":true,"weight":%s,"items":["pen",null],"stock":{"pen":%d}}}`,
			pythonOrderSchema, n, customer, jsonText(t, total), weight, -n)
	case 1:
		want = fmt.Sprintf(`{"schema":{"type":"string","optional":false},"payload":"text %d"}`, n)
	case 2:
		want = fmt.Sprintf(`{"schema":null,"payload":{"n":%d}}`, n)
	case 3:
		want = fmt.Sprintf(`{"schema":{"type":"bytes","optional":false},"payload":%s}`, jsonText(t, []byte{0, 255, byte(n)}))
	}
	var got, wanted any
	if err := errors.Join(json.Unmarshal(r.Value, &got), json.Unmarshal([]byte(want), &wanted)); err != nil {
		t.Fatalf("record %d: %v", n, err)
	}
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("record %d is\n%s\nwant\n%s", n, r.Value, want)
	}
}

func jsonText(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// pythonPlugin prepares all that testdata/python/source.py needs and returns the script that runs it.
func pythonPlugin(t *testing.T) []byte {
	t.Helper()
	python := pythonPackages(t)
	generated := t.TempDir()
	run(t, 2*time.Minute, python, "-m", "grpc_tools.protoc", "-I", filepath.Join("..", "..", "proto"),
		"--python_out", generated, "--grpc_python_out", generated, "connect/v1/connect.proto")
	source, err := filepath.Abs(filepath.Join("testdata", "python", "source.py"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, "#!/bin/sh\nPYTHONPATH=%s PYTHONDONTWRITEBYTECODE=1 exec %s %s\n", generated, python, source)
}

// pythonPackages returns a Python that has the packages of requirements.txt, in a folder of the cache. They are installed
// the first time.
func pythonPackages(t *testing.T) string {
	t.Helper()
	requirements := filepath.Join("testdata", "python", "requirements.txt")
	text, err := os.ReadFile(requirements)
	if err != nil {
		t.Fatal(err)
	}
	cache := os.Getenv("OUTBOARD_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache", "outboard")
	}
	version := run(t, time.Minute, "python3", "--version")
	folder := filepath.Join(cache, fmt.Sprintf("python-%x", sha256.Sum256(append(version, text...)))[:len("python-")+12])
	python := filepath.Join(folder, "bin", "python")
	if _, err := os.Stat(folder); err == nil {
		return python
	}
	// The folder gets its name when it is complete. What venv writes into it does not name it but in scripts, which nobody runs.
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(cache, "python-new-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(fresh) }) // nothing is there when it got its name
	run(t, 2*time.Minute, "python3", "-m", "venv", fresh)
	run(t, 10*time.Minute, filepath.Join(fresh, "bin", "python"), "-m", "pip", "install", "--quiet", "--requirement", requirements)
	if err := os.Rename(fresh, folder); err != nil {
		if _, there := os.Stat(folder); there != nil { // else another run was faster
			t.Fatal(err)
		}
	}
	return python
}

// run runs a command to its end and returns what it printed.
func run(t *testing.T, limit time.Duration, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	command.WaitDelay = time.Second
	if err := command.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, strings.TrimSpace(output.String()))
	}
	return output.Bytes()
}
