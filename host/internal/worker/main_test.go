package worker_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/isolation"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/host/internal/worker"
)

// plugins is the folder of the binaries that the tests run.
var plugins string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if plugins, err = os.MkdirTemp("", "worker-test-"); err != nil {
			panic(err)
		}
		defer os.RemoveAll(plugins)
		build := exec.Command("go", "build", "-o", plugins+"/", "./testdata/hostile", "./testdata/evolving", "./testdata/choosy", "../../../plugins/datagen", "../../../plugins/blackhole")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintln(os.Stderr, string(out))
			return 1
		}
		return m.Run()
	}())
}

// patience is how long a test waits for what must happen. Only a test that fails takes that long.
const patience = time.Minute

// bench is a worker with all it needs, on an embedded Kafka.
type bench struct {
	t       *testing.T
	kafka   *kfake.Cluster
	client  *kgo.Client
	worker  *worker.Worker
	offsets *storage.OffsetStore
	sup     *isolation.Supervisor

	mu      sync.Mutex
	changed chan struct{}
	tasks   map[worker.TaskID][]worker.Status
	conns   map[string][]worker.Status
	expired []string
}

func newBench(t *testing.T, change func(*worker.Settings)) *bench {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(2),
		kfake.SeedTopics(2, "in", "hostile"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	servers := strings.Join(cluster.ListenAddrs(), ",")
	cl, err := kgo.NewClient(kgo.SeedBrokers(servers))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: testWriter{t}})
	catalog, err := isolation.NewCatalog(isolation.CatalogSettings{Path: []string{plugins}, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := catalog.Scan(t.Context()); err != nil {
		t.Fatal(err)
	}
	fl, err := storage.OpenFileLog("", log)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, kafka: cluster, client: cl, changed: make(chan struct{}), tasks: map[worker.TaskID][]worker.Status{}, conns: map[string][]worker.Status{}}
	b.offsets = storage.NewOffsetStore(fl, log)
	if err := b.offsets.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.sup = isolation.NewSupervisor(isolation.SupervisorSettings{Logger: log, StopTimeout: 2 * time.Second})
	s := worker.Settings{
		ID: "127.0.0.1:8083", Logger: log, Catalog: catalog, Supervisor: b.sup, Offsets: b.offsets,
		Properties: map[string]string{
			"bootstrap.servers": servers,
			"key.converter":     "StringConverter", "value.converter": "StringConverter",
		},
		FlushInterval: 200 * time.Millisecond, FlushTimeout: patience, GracefulTimeout: patience, TopicCreation: true,
		Events: worker.Events{
			Connector: func(name string, st worker.Status) {
				b.note(func() { b.conns[name] = append(b.conns[name], st) })
			},
			Task: func(id worker.TaskID, st worker.Status) {
				b.note(func() { b.tasks[id] = append(b.tasks[id], st) })
			},
			Reconfigure: func(string) {},
			Expired:     func(name string) { b.note(func() { b.expired = append(b.expired, name) }) },
			TopicUsed:   func(worker.TaskID, string) {},
		},
	}
	if change != nil {
		change(&s)
	}
	b.worker = worker.New(s)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		b.worker.Close(ctx)
		b.sup.Shutdown(ctx)
		fl.Close()
	})
	return b
}

// testWriter logs to the test while it runs.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Log(strings.TrimSuffix(string(b), "\n"))
	}
	return len(b), nil
}

func (b *bench) note(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	close(b.changed)
	b.changed = make(chan struct{})
}

// await waits until one of the statuses of a task is right.
func (b *bench) await(id worker.TaskID, right func(worker.Status) bool) worker.Status {
	b.t.Helper()
	return b.wait(func() []worker.Status { return b.tasks[id] }, right)
}

func (b *bench) awaitConnector(name string, right func(worker.Status) bool) worker.Status {
	b.t.Helper()
	return b.wait(func() []worker.Status { return b.conns[name] }, right)
}

func (b *bench) wait(list func() []worker.Status, right func(worker.Status) bool) worker.Status {
	b.t.Helper()
	limit := time.After(patience)
	seen := 0
	for {
		b.mu.Lock()
		all, changed := list(), b.changed
		b.mu.Unlock()
		for ; seen < len(all); seen++ {
			if right(all[seen]) {
				return all[seen]
			}
		}
		select {
		case <-changed:
		case <-limit:
			b.t.Fatalf("the status did not come; there were %v", all)
		}
	}
}

func is(state worker.State) func(worker.Status) bool {
	return func(s worker.Status) bool { return s.State == state }
}

// start runs a task that gets the connector's configuration.
func (b *bench) start(name string, config map[string]string) worker.TaskID {
	id := worker.TaskID{Connector: name}
	config["name"] = name
	b.worker.StartTask(worker.TaskSpec{ID: id, Generation: 1, ConnectorConfig: config, Config: config, Target: worker.TargetStarted})
	return id
}

func (b *bench) stop(id worker.TaskID) { b.worker.StopTasks(b.t.Context(), id) }

// produce writes n numbered values.
func (b *bench) produce(topic string, n int) {
	b.t.Helper()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%d", i), Partition: int32(i % 2)})
	}
	if err := b.client.ProduceSync(b.t.Context(), records...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// produceTo writes n numbered values to a partition.
func (b *bench) produceTo(topic string, partition int32, n int) {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.kafka.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		b.t.Fatal(err)
	}
	defer client.Close()
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, "%d", i)})
	}
	if err := client.ProduceSync(b.t.Context(), records...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// end returns the number of records of a topic.
func (b *bench) end(topic string) int64 {
	b.t.Helper()
	ends, err := kadm.NewClient(b.client).ListEndOffsets(b.t.Context(), topic)
	if err != nil {
		b.t.Fatal(err)
	}
	var n int64
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n
}

// consume reads n records of a topic.
func (b *bench) consume(topic string, n int) []string {
	b.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.kafka.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	var all []string
	for len(all) < n {
		f := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			b.t.Fatalf("got %d of %d records", len(all), n)
		}
		f.EachRecord(func(r *kgo.Record) { all = append(all, string(r.Value)) })
	}
	return all
}

// until polls a condition that has no event.
func (b *bench) until(what string, ok func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s did not happen", what)
		}
	}
}

// groupOffsets returns what the group of a sink has committed, over all partitions.
func (b *bench) groupOffsets(name string) int64 {
	offsets, err := kadm.NewClient(b.client).FetchOffsets(b.t.Context(), "connect-"+name)
	if err != nil {
		return 0
	}
	var n int64
	offsets.Each(func(o kadm.OffsetResponse) { n += max(0, o.At) })
	return n
}
