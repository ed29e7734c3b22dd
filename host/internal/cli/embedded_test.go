package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestEmbeddedKafka(t *testing.T) {
	folder := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	start := func() (*embeddedKafka, *kgo.Client) {
		t.Helper()
		k, err := startEmbeddedKafka(0, folder, hclog.NewNullLogger())
		if err != nil {
			t.Fatal(err)
		}
		client, err := kgo.NewClient(kgo.SeedBrokers(k.address()), kgo.AllowAutoTopicCreation(), kgo.ConsumeTopics("made-by-produce"))
		if err != nil {
			t.Fatal(err)
		}
		return k, client
	}

	k, client := start()
	if _, err := kadm.NewClient(client).CreateTopic(ctx, 2, 3, nil, "three-replicas"); err != nil {
		t.Errorf("a replication factor for three brokers is refused: %v", err)
	}
	if _, err := kadm.NewClient(client).CreateTopic(ctx, -1, -1, nil, "defaults"); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
	if err := client.ProduceSync(ctx, &kgo.Record{Topic: "made-by-produce", Value: []byte("kept")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if _, err := startEmbeddedKafka(0, folder, hclog.NewNullLogger()); err == nil || !strings.Contains(err.Error(), "is in use by another outboard dev") {
		t.Errorf("a second one on the same folder: %v", err)
	}
	taken, err := portOf(k.address())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := startEmbeddedKafka(taken, "", hclog.NewNullLogger()); err == nil || !strings.Contains(err.Error(), "choose another port with --kafka-port") {
		t.Errorf("a second one on the same port: %v", err)
	}
	client.Close()
	k.close()

	k, client = start()
	defer k.close()
	defer client.Close()
	fetches := client.PollFetches(ctx)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	if records := fetches.Records(); len(records) != 1 || string(records[0].Value) != "kept" {
		t.Errorf("after a restart there are %d records", len(records))
	}
}
