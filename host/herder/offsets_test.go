package herder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/outboard-connect/outboard/host/internal/provider"
	"github.com/outboard-connect/outboard/host/internal/storage"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

// offsetsOf renders the offsets of a connector.
func offsetsOf(t *testing.T, h *Herder, name string) string {
	t.Helper()
	offsets, err := h.Offsets(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, o := range offsets.Offsets {
		fmt.Fprintf(&text, "%s at %s\n", o.Partition, o.Offset)
	}
	return text.String()
}

func offset(partition, offset string) []Offset {
	return []Offset{{Partition: []byte(partition), Offset: []byte(offset)}}
}

func TestConnectorIsAskedOfItsOffsets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, stop := w.start()
	must(h.Create(t.Context(), "c", w.source("c"), TargetStopped))(t)
	if message := must(h.AlterOffsets(t.Context(), "c", offset(`{ "p": 1 }`, `{"n": 2}`)))(t); message != "The offsets for this connector have been altered successfully" {
		t.Error(message)
	}
	if n := w.noted("c", `alter {"p":1} to {"n":2}`); n != 1 {
		t.Errorf("the connector was asked %d times", n)
	}
	for text, want := range map[string]struct {
		code    Code
		message string
	}{
		"not these": {BadRequest, "not these"},
		"exit":      {Internal, "The request failed while having the offsets of connector c altered, by its own code first"},
	} {
		config := w.source("c")
		config["alter"] = text
		if _, _, err := h.PutConfig(t.Context(), "c", config); err != nil {
			t.Fatal(err)
		}
		_, err := h.AlterOffsets(t.Context(), "c", offset(`{"p":1}`, `{"n":3}`))
		refused(t, err, want.code, want.message)
		_, err = h.ResetOffsets(t.Context(), "c")
		refused(t, err, want.code, strings.Replace(want.message, "altered", "reset", 1))
	}
	if got := offsetsOf(t, h, "c"); got != `{"p":1} at {"n":2}`+"\n" {
		t.Errorf("after refusals: %s", got)
	}
	stop()
	h, _ = w.start()
	if got := offsetsOf(t, h, "c"); got != `{"p":1} at {"n":2}`+"\n" {
		t.Errorf("after a restart: %s", got)
	}
}

// What a configuration refers to is for the connector, and in no answer.
func TestOffsetsWithSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.WriteFile(filepath.Join(w.dir, "secret"), []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.providers = must(provider.New(map[string]string{
		"config.providers": "dir", "config.providers.dir.class": "org.apache.kafka.common.config.provider.DirectoryConfigProvider",
	}))(t)
	h, _ := w.start()
	must(h.Create(t.Context(), "c", w.source("c", "alter", "wrong password: ${dir:"+w.dir+":secret}"), TargetStopped))(t)
	_, err := h.AlterOffsets(t.Context(), "c", offset(`{"p":1}`, `{"n":1}`))
	refused(t, err, BadRequest, "")
	if err == nil || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "${") {
		t.Errorf("the error is %v", err)
	}
	group := `${dir:` + w.dir + `:secret}`
	must(h.Create(t.Context(), "s", w.source("s", "connector.class", "ProbeSink", "topics", "t", "consumer.override.group.id", group), TargetStopped))(t)
	w.produce("t")
	must(h.AlterOffsets(t.Context(), "s", offset(`{"kafka_topic":"t","kafka_partition":0}`, `{"kafka_offset":1}`)))(t)
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group = "s3cret"
	if answer, err := request.RequestWith(t.Context(), w.client()); err != nil || len(answer.Topics) != 1 {
		t.Errorf("the group of the reference has %+v, %v", answer, err)
	}
}

// A sink may keep its offsets itself, and is asked also when Kafka has none.
func TestSinkIsAskedOfItsOffsets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h, _ := w.start()
	config := w.source("s", "connector.class", "ProbeSink", "topics", "t", "consumer.override.group.id", "mine")
	must(h.Create(t.Context(), "s", config, TargetStopped))(t)
	if message := must(h.ResetOffsets(t.Context(), "s"))(t); !strings.HasPrefix(message, "The Connect framework-managed offsets for this connector have been reset") {
		t.Error(message)
	}
	if n := w.noted("s", "alter []"); n != 1 {
		t.Errorf("the connector was asked %d times", n)
	}
	w.produce("t")
	must(h.AlterOffsets(t.Context(), "s", offset(`{"kafka_topic":"t","kafka_partition":0}`, `{"kafka_offset":1}`)))(t)
	if n := w.noted("s", "alter [{t 0 1}]"); n != 1 {
		t.Errorf("the connector was asked %d times", n)
	}
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group = "mine"
	answer, err := request.RequestWith(t.Context(), w.client())
	if err != nil || len(answer.Topics) != 1 || answer.Topics[0].Partitions[0].Offset != 1 {
		t.Errorf("the group of consumer.override.group.id has %+v, %v", answer, err)
	}
}

// Whoever is in the group would commit over what is altered.
func TestOffsetsOfAGroupAtWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.graceful = 3 * time.Second // it passes twice: the group stays at work
	h, _ := w.start()
	must(h.Create(t.Context(), "s", w.source("s", "connector.class", "ProbeSink", "topics", "t"), TargetStopped))(t)
	w.produce("t")
	must(h.AlterOffsets(t.Context(), "s", offset(`{"kafka_topic":"t","kafka_partition":0}`, `{"kafka_offset":1}`)))(t)

	joined := make(chan struct{}, 1)
	zombie := w.client(kgo.ConsumerGroup("connect-s"), kgo.ConsumeTopics("t"), kgo.OnPartitionsAssigned(
		func(context.Context, *kgo.Client, map[string][]int32) { joined <- struct{}{} }))
	go zombie.PollFetches(t.Context())
	<-joined
	for name, call := range map[string]func() (string, error){
		"altered": func() (string, error) {
			return h.AlterOffsets(t.Context(), "s", offset(`{"kafka_topic":"t","kafka_partition":0}`, `{"kafka_offset":0}`))
		},
		"reset": func() (string, error) { return h.ResetOffsets(t.Context(), "s") },
	} {
		_, err := call()
		refused(t, err, Internal, "Failed to have the consumer group offsets for connector s "+name)
		if err != nil && (!strings.Contains(err.Error(), "can be safely retried") || !strings.Contains(err.Error(), "zombie sink task")) {
			t.Errorf("%s: the error does not say what to do: %v", name, err)
		}
	}
	if n := w.noted("s", "alter [{t 0 0}]") + w.noted("s", "alter [{t 0 -1}]"); n != 0 {
		t.Errorf("the connector was asked although Kafka would refuse")
	}
	zombie.Close()
	must(h.ResetOffsets(t.Context(), "s"))(t)
	if got := offsetsOf(t, h, "s"); got != "" {
		t.Errorf("after the reset: %s", got)
	}
}

// Tasks that are about to end may still store offsets: the change waits for them.
func TestOffsetsWaitForTheStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.graceful = 2 * time.Second
	h, _ := w.start()
	must(h.Create(t.Context(), "c", w.source("c", "hang.stop", "x", "topic", "t"), ""))(t)
	awaitStates(t, h, "c", "RUNNING RUNNING")
	if err := h.Stop(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	must(h.ResetOffsets(t.Context(), "c"))(t)
	if got := states(h, "c"); got != "STOPPED" {
		t.Errorf("the offsets were reset while the connector was %s", got)
	}
	if n := w.noted("c", "stop"); n == 0 {
		t.Error("the connector was not asked to stop")
	}
	if got := offsetsOf(t, h, "c"); got != "" {
		t.Errorf("after the reset: %s", got)
	}
}

func TestOffsetsWithoutTheirPlugin(t *testing.T) {
	h, _ := inMemory(t)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopped := storage.Stopped
	if err := h.config.PutConnector(t.Context(), "c", map[string]string{"name": "c", "connector.class": "Gone"}, &stopped); err != nil {
		t.Fatal(err)
	}
	_, err := h.Offsets(t.Context(), "c")
	refused(t, err, BadRequest, "Failed to find any class that implements Connector")
	_, err = h.ResetOffsets(t.Context(), "c")
	refused(t, err, BadRequest, "Failed to find any class that implements Connector")
}

// A lane that does not come to rest is what the request was waiting for.
func TestOffsetsGiveUpAndSayWhere(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		h, _ := inMemory(t)
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, err := h.begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer r.cancel()
		stuck := make(chan struct{})
		h.loop.post(func() { h.lane("c").busy = true; close(stuck) })
		<-stuck
		began := time.Now()
		r.enter("waiting for connector %s and its tasks to stop", "c")
		err = r.failed(h.settled(r, "c"))
		refused(t, err, Timeout, "Request timed out. The worker is currently waiting for connector c and its tasks to stop, which began at 2000-01-01T00:00:00Z")
		if took := time.Since(began); took != requestTimeout {
			t.Errorf("after %v", took)
		}
		h.loop.post(func() { delete(h.lanes, "c") })
	})
}

// client returns a client of the world's Kafka.
func (w *world) client(options ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	c, err := kgo.NewClient(append(options, kgo.SeedBrokers(w.broker.ListenAddrs()...), kgo.AllowAutoTopicCreation(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

// produce writes a record to partition 0 of a topic.
func (w *world) produce(topic string) {
	w.t.Helper()
	if err := w.client().ProduceSync(w.t.Context(), &kgo.Record{Topic: topic}).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

func TestOffsetsThatAreNone(t *testing.T) {
	h, _ := inMemory(t)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := h.AlterOffsets(t.Context(), "c", nil)
	refused(t, err, BadRequest, "Partitions / offsets need to be provided for an alter offsets request")
	for name, call := range map[string]func() error{
		"read":  func() error { _, err := h.Offsets(t.Context(), "c"); return err },
		"alter": func() error { _, err := h.AlterOffsets(t.Context(), "c", offset(`{}`, `{}`)); return err },
		"reset": func() error { _, err := h.ResetOffsets(t.Context(), "c"); return err },
	} {
		t.Run(name, func(t *testing.T) { refused(t, call(), NotFound, "Connector c not found") })
	}
}

func FuzzSinkOffsets(f *testing.F) {
	for partition, offset := range map[string]string{
		`{"kafka_topic":"t","kafka_partition":"0"}`: `{"kafka_offset":1}`, `null`: `null`, `{"kafka_topic":"","kafka_partition":-1}`: `{"kafka_offset":"x"}`,
		`[]`: `5`, `{"kafka_topic":"é","kafka_partition":2147483648}`: `{"kafka_offset":9223372036854775808}`, ``: `{"kafka_offset":1.5e3}`,
	} {
		f.Add([]byte(partition), []byte(offset))
	}
	f.Fuzz(func(t *testing.T, partition, position []byte) {
		change, err := sinkChange([]Offset{{Partition: partition, Offset: position}})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Code != BadRequest {
				t.Fatalf("%v is no bad request", err)
			}
			return
		}
		o := change[0]
		if o.Topic == "" || o.Partition < 0 || o.Offset < -1 {
			t.Fatalf("%s at %s became %+v", partition, position, o)
		}
		if o.Offset < 0 {
			return
		}
		shown := sinkOffset(o)
		again, err := sinkChange([]Offset{shown})
		if err != nil || again[0] != o {
			t.Fatalf("%+v is shown as %s at %s, which reads %+v, %v", o, shown.Partition, shown.Offset, again, err)
		}
	})
}
