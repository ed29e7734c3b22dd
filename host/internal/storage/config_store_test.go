package storage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/storage"
)

// TestConfigStoreReads runs the cases in testdata/config: records that are there when the store is opened, records that
// come after it, and what the store then tells. A record is its key, a blank, and its value or null.
func TestConfigStoreReads(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/config/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			sections := readSections(t, file)
			cluster := newCluster(t)
			log := openKafka(t, cluster, configTopic)
			client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("configs"))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			for _, e := range records(sections["read"]) {
				must(t, client.ProduceSync(t.Context(), kgo.KeySliceRecord(e.Key, e.Value)).FirstErr())
			}
			var told recorder
			store := openConfigStore(t, log, &told)
			put(t, log, records(sections["live"])...)
			must(t, store.Sync(t.Context()))
			got := told.String() + dump(store.Snapshot())
			if diff := cmp.Diff(sections["want"], got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// readSections splits a case at lines like "-- read --".
func readSections(t *testing.T, file string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sections, name := map[string]string{}, ""
	for line := range strings.Lines(string(content)) {
		if heading, ok := strings.CutPrefix(line, "-- "); ok {
			name = strings.TrimSuffix(heading, " --\n")
			continue
		}
		sections[name] += line
	}
	return sections
}

func records(section string) (entries []storage.Entry) {
	for line := range strings.Lines(section) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		e := entry(key, value)
		if value == "null" {
			e.Value = nil
		}
		entries = append(entries, e)
	}
	return entries
}

// recorder writes changes down.
type recorder struct {
	mu    sync.Mutex
	lines strings.Builder
}

func (r *recorder) take(c storage.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch c.Kind {
	case storage.RestartRequested:
		fmt.Fprintf(&r.lines, "%s %s include-tasks=%t only-failed=%t\n", c.Kind, c.Connector, c.Restart.IncludeTasks, c.Restart.OnlyFailed)
	case storage.LoggerLevelChanged:
		fmt.Fprintf(&r.lines, "%s %s=%s\n", c.Kind, c.Logger, c.Level)
	case storage.SessionKeyChanged:
		fmt.Fprintf(&r.lines, "%s\n", c.Kind)
	default:
		fmt.Fprintf(&r.lines, "%s %s\n", c.Kind, c.Connector)
	}
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines.String()
}

func openConfigStore(t *testing.T, log storage.Log, told *recorder) *storage.ConfigStore {
	t.Helper()
	store := storage.NewConfigStore(log, hclog.NewNullLogger())
	store.OnChange(told.take)
	must(t, store.Open(t.Context()))
	return store
}

// dump writes a snapshot as text.
func dump(s *storage.ConfigSnapshot) string {
	var b strings.Builder
	text := func(m map[string]string) string {
		var b strings.Builder
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		encoder.Encode(m)
		return b.String()
	}
	fmt.Fprintf(&b, "offset %d\n", s.Offset)
	if k := s.SessionKey; k != nil {
		fmt.Fprintf(&b, "session key %q %s %d\n", k.Key, k.Algorithm, k.Created.UnixMilli())
	}
	for _, c := range s.Connectors() {
		fmt.Fprintf(&b, "%s %s tasks=%d/%d generation=%d fenced=%d", c.Name, c.Target, c.Tasks(), c.TaskCount, c.TasksOffset, c.FencedTasks)
		for _, flag := range []struct {
			word string
			set  bool
		}{{" inconsistent", c.Inconsistent}, {" outdated", c.Outdated()}, {" unfenced", c.Unfenced}} {
			if flag.set {
				b.WriteString(flag.word)
			}
		}
		fmt.Fprintf(&b, "\n  config %s", text(c.Config()))
		if c.AppliedConfig() != nil {
			fmt.Fprintf(&b, "  applied %s", text(c.AppliedConfig()))
		}
		for i := range c.Tasks() {
			fmt.Fprintf(&b, "  task %d %s", i, text(c.Task(i)))
		}
	}
	return b.String()
}

// What is written is what Kafka Connect would write, in the order that readers rely on, and visible on return.
func TestConfigStoreWrites(t *testing.T) {
	t.Parallel()
	paused := storage.Paused
	cases := map[string]struct {
		write func(context.Context, *storage.ConfigStore) error
		want  string
	}{
		"connector": {func(ctx context.Context, s *storage.ConfigStore) error {
			return s.PutConnector(ctx, "a", map[string]string{"z": "<&>\"", "b": "ü\u2028"}, nil)
		}, `connector-a {"properties":{"b":"ü` + "\u2028" + `","z":"<&>\""}}`},
		"connector with an initial state": {func(ctx context.Context, s *storage.ConfigStore) error {
			return s.PutConnector(ctx, "a", nil, &paused)
		}, `target-state-a {"state":"PAUSED","state.v2":"PAUSED"}
connector-a {"properties":{}}`},
		"removal": {func(ctx context.Context, s *storage.ConfigStore) error { return s.RemoveConnector(ctx, "a") },
			"connector-a null\ntarget-state-a null"},
		"tasks": {func(ctx context.Context, s *storage.ConfigStore) error {
			return s.PutTasks(ctx, "a-b", []map[string]string{{"n": "0"}, {"n": "1"}})
		}, `task-a-b-0 {"properties":{"n":"0"}}
task-a-b-1 {"properties":{"n":"1"}}
commit-a-b {"tasks":2}`},
		"no tasks": {func(ctx context.Context, s *storage.ConfigStore) error { return s.PutTasks(ctx, "a", nil) }, `commit-a {"tasks":0}`},
		"started":  {func(ctx context.Context, s *storage.ConfigStore) error { return s.PutTarget(ctx, "a", storage.Started) }, `target-state-a {"state":"STARTED","state.v2":"STARTED"}`},
		"stopped":  {func(ctx context.Context, s *storage.ConfigStore) error { return s.PutTarget(ctx, "a", storage.Stopped) }, `target-state-a {"state":"PAUSED","state.v2":"STOPPED"}`},
		"stopped with its tasks": {func(ctx context.Context, s *storage.ConfigStore) error {
			return s.PutTargetWithoutTasks(ctx, "a", storage.Stopped)
		}, `commit-a {"tasks":0}
target-state-a {"state":"PAUSED","state.v2":"STOPPED"}`},
		"restart": {func(ctx context.Context, s *storage.ConfigStore) error {
			return s.RequestRestart(ctx, "a", storage.Restart{OnlyFailed: true})
		}, `restart-connector-a {"include-tasks":false,"only-failed":true}`},
		"logger level": {func(ctx context.Context, s *storage.ConfigStore) error { return s.PutLoggerLevel(ctx, "root", "DEBUG") }, `logger-cluster-root {"level":"DEBUG"}`},
		"session key": {func(ctx context.Context, s *storage.ConfigStore) error {
			return s.PutSessionKey(ctx, storage.SessionKey{Key: []byte("secret"), Algorithm: "HmacSHA256", Created: time.UnixMilli(5)})
		}, `session-key {"key":"c2VjcmV0","algorithm":"HmacSHA256","creation-timestamp":5}`},
		"fencing": {func(ctx context.Context, s *storage.ConfigStore) error { return s.PutFencing(ctx, "a", 3) }, `tasks-fencing-a {"task-count":3}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t)
			store := openConfigStore(t, openKafka(t, cluster, configTopic), &recorder{})
			must(t, c.write(t.Context(), store))
			reader := follow(t, openKafka(t, cluster, configTopic))
			var got []string
			for _, e := range reader.all() {
				value := string(e.Value)
				if e.Value == nil {
					value = "null"
				}
				got = append(got, string(e.Key)+" "+value)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if offset := store.Snapshot().Offset; offset != int64(len(got)) {
				t.Errorf("the snapshot is at %d of %d", offset, len(got))
			}
		})
	}
}

// Invariant 5: a configuration read back is the one acknowledged, byte for byte, or it was not acknowledged.
func TestConfigStoreInvariant5(t *testing.T) {
	t.Parallel()
	var everything strings.Builder
	for r := range rune(0x300) {
		everything.WriteRune(r)
	}
	everything.WriteString("\u2028\u2029\ufeff\uffff😀")
	config := map[string]string{"all": everything.String(), "": "empty name", "empty": "", "blank": "  \t ", "json": `{"a":"\u0041"}`, everything.String(): "name"}
	path := filepath.Join(t.TempDir(), "log")
	log := openFile(t, path, hclog.NewNullLogger())
	store := openConfigStore(t, log, &recorder{})
	must(t, store.PutConnector(t.Context(), "a", config, nil))
	must(t, store.PutTasks(t.Context(), "a", []map[string]string{config}))
	check := func(when string, store *storage.ConfigStore) {
		t.Helper()
		c := store.Snapshot().Connector("a")
		if !maps.Equal(c.Config(), config) || !maps.Equal(c.Task(0), config) {
			t.Errorf("%s: it came back different", when)
		}
	}
	check("at once", store)
	store.Snapshot().Connector("a").Config()["all"] = "the caller's own"
	check("after a caller changed its map", store)
	log.Close()
	check("after a restart", openConfigStore(t, openFile(t, path, hclog.NewNullLogger()), &recorder{}))

	log = openFile(t, "", hclog.NewNullLogger())
	store = openConfigStore(t, log, &recorder{})
	for name, err := range map[string]error{
		"a value":       store.PutConnector(t.Context(), "a", map[string]string{"bad.key": "\xff"}, nil),
		"a key":         store.PutConnector(t.Context(), "a", map[string]string{"bad.key\xff": ""}, nil),
		"a task":        store.PutTasks(t.Context(), "a", []map[string]string{{"bad.key": "\xff"}}),
		"a name":        store.PutConnector(t.Context(), "bad.key\xff", nil, nil),
		"an empty name": store.PutConnector(t.Context(), "", map[string]string{"bad.key": ""}, nil),
	} {
		if err == nil {
			t.Errorf("%s that cannot be stored was acknowledged", name)
		} else if name != "an empty name" && !strings.Contains(err.Error(), "bad.key") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if offset := store.Snapshot().Offset; offset != -1 {
		t.Errorf("something was written: offset %d", offset)
	}
}

// Snapshots are immutable, and taken while others write.
func TestConfigStoreSnapshots(t *testing.T) {
	t.Parallel()
	store := openConfigStore(t, openFile(t, "", hclog.NewNullLogger()), &recorder{})
	first := store.Snapshot()
	if first.Offset != -1 || len(first.Connectors()) != 0 || first.Connector("c5") != nil {
		t.Errorf("empty: %s", dump(first))
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			name := fmt.Sprint("c", i)
			if err := store.PutConnector(t.Context(), name, map[string]string{"i": name}, nil); err != nil {
				t.Error(err)
			}
			if c := store.Snapshot().Connector(name); c == nil || c.Config()["i"] != name {
				t.Errorf("%s is not in the snapshot after it was written", name)
			}
		})
	}
	wg.Wait()
	full := store.Snapshot()
	before := dump(full)
	if full != store.Snapshot() {
		t.Error("nothing changed, and the snapshot is another one")
	}
	if n := len(full.Connectors()); n != 20 {
		t.Errorf("%d connectors", n)
	}
	for i := range full.Connectors()[1:] {
		if a, b := full.Connectors()[i].Name, full.Connectors()[i+1].Name; a >= b {
			t.Errorf("%s before %s", a, b)
		}
	}
	must(t, store.RemoveConnector(t.Context(), "c7"))
	must(t, store.PutTarget(t.Context(), "c8", storage.Stopped))
	if after := dump(full); after != before {
		t.Errorf("a snapshot changed:\n%s", cmp.Diff(before, after))
	}
	now := store.Snapshot()
	if now.Connector("c7") != nil || now.Connector("c8").Target != storage.Stopped || len(now.Connectors()) != 19 {
		t.Errorf("now:\n%s", dump(now))
	}
}

// A change is in the snapshot by the time it is told.
func TestConfigStoreTellsAfterwards(t *testing.T) {
	t.Parallel()
	store := storage.NewConfigStore(openFile(t, "", hclog.NewNullLogger()), hclog.NewNullLogger())
	told := make(chan bool, 1)
	store.OnChange(func(c storage.Change) { told <- store.Snapshot().Connector(c.Connector) != nil })
	must(t, store.Open(t.Context()))
	must(t, store.PutConnector(t.Context(), "a", nil, nil))
	if !<-told {
		t.Error("told of a connector that is not in the snapshot")
	}
}

// A write that cannot be confirmed says so, and what.
func TestConfigStoreWriteFails(t *testing.T) {
	t.Parallel()
	log := openFile(t, "", hclog.NewNullLogger())
	store := openConfigStore(t, log, &recorder{})
	log.Close()
	err := store.PutConnector(t.Context(), "orders", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "the configuration of connector orders") {
		t.Error(err)
	}
}

func TestParseTargetState(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]storage.TargetState{"STARTED": storage.Started, "paused": storage.Paused, "Stopped": storage.Stopped} {
		if got, err := storage.ParseTargetState(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := storage.ParseTargetState("RUNNING"); err == nil || !strings.Contains(err.Error(), `"RUNNING" is none of STARTED, PAUSED, STOPPED`) {
		t.Error(err)
	}
}
