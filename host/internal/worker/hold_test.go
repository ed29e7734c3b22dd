package worker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kgo"

	connectv1 "github.com/outboard-connect/outboard/proto/connect/v1"
)

// What polls bring of a partition that the author paused waits, and comes before what is read later.
func TestPausedRecordsWait(t *testing.T) {
	pause := &connectv1.SinkRequest{Pause: []*connectv1.TopicPartition{{Topic: "t", Partition: 1}}}
	resume := &connectv1.SinkRequest{Resume: pause.GetPause()}
	for name, c := range map[string]struct {
		steps         []any // a request, or the offset that a poll brings of each partition
		backlog, held string
	}{
		"nothing paused":         {[]any{0, 1}, "0@0 1@0 0@1 1@1", ""},
		"paused before the poll": {[]any{pause, 0}, "0@0", "1@0"},
		"paused after the poll":  {[]any{0, pause, 1}, "0@0 0@1", "1@0 1@1"},
		"paused twice":           {[]any{0, pause, pause}, "0@0", "1@0"},
		"resumed":                {[]any{pause, 0, resume, 1}, "1@0 0@0 0@1 1@1", ""},
		"resumed and paused":     {[]any{0, pause, 1, resume, 2, pause}, "0@0 0@1 0@2", "1@0 1@1 1@2"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := kgo.NewClient()
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			consumer := &sinkConsumer{client: client, owned: map[topicPartition]*position{}}
			w := New(Settings{Logger: hclog.NewNullLogger(), Events: Events{TopicUsed: func(TaskID, string) {}}})
			r := &sinkRun{task: newTask(w, TaskSpec{ID: TaskID{Connector: "c"}}), consumer: consumer}
			fetched := kgo.FetchTopic{Topic: "t", Partitions: make([]kgo.FetchPartition, 2)}
			for n := range fetched.Partitions {
				fetched.Partitions[n].Partition = int32(n)
				consumer.owned[topicPartition{"t", int32(n)}] = &position{-1, -1, -1, -1, -1}
			}
			for _, step := range c.steps {
				if q, ok := step.(*connectv1.SinkRequest); ok {
					r.requested(q)
					continue
				}
				for n := range fetched.Partitions {
					fetched.Partitions[n].Records = []*kgo.Record{{Topic: "t", Partition: int32(n), Offset: int64(step.(int))}}
				}
				if err := r.take(fetch{Fetches: kgo.Fetches{{Topics: []kgo.FetchTopic{fetched}}}}); err != nil {
					t.Fatal(err)
				}
			}
			if got := places(r.backlog); got != c.backlog {
				t.Errorf("to be sent are %s, want %s", got, c.backlog)
			}
			if got := places(r.held); got != c.held {
				t.Errorf("held are %s, want %s", got, c.held)
			}
		})
	}
}

// places tells partition and offset of records.
func places(records []*kgo.Record) string {
	var all []string
	for _, k := range records {
		all = append(all, fmt.Sprintf("%d@%d", k.Partition, k.Offset))
	}
	return strings.Join(all, " ")
}

func TestPollsAreBounded(t *testing.T) {
	for name, c := range map[string]struct{ records, size, want int }{
		"before the first batch": {2000, 0, 2000},
		"short records":          {2000, 100, 64_000},
		"long records":           {2000, 1 << 10, 8 << 10},
		"very long records":      {2000, 1 << 20, 2000},
		"one at a time":          {1, 100, 32},
	} {
		t.Run(name, func(t *testing.T) {
			r := &sinkRun{consumer: &sinkConsumer{records: c.records}, recordSize: c.size}
			if n := r.ahead(); n != c.want {
				t.Errorf("got %d, want %d", n, c.want)
			}
		})
	}
}
