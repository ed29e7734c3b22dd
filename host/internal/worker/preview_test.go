package worker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestPreviewOfASource(t *testing.T) {
	b := newBench(t, nil)
	config := datagen("name", "trial", "shape", "row", "key", "sequence", "transforms", "some,route",
		"transforms.some.type", "ReplaceField$Value", "transforms.some.include", "id",
		"transforms.route.type", "RegexRouter", "transforms.route.regex", "out", "transforms.route.replacement", "elsewhere",
		"value.converter", "JsonConverter", "value.converter.schemas.enable", "false")
	delete(config, "slice")
	delete(config, "slices")
	previews, err := b.worker.Preview(t.Context(), config, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(previews) != 3 {
		t.Fatalf("there are %d records", len(previews))
	}
	for i, v := range previews {
		if len(v.Stages) != 3 || v.Stages[0].Name != "connector" || v.Stages[1].Name != "some" || v.Stages[2].Name != "route" {
			t.Fatalf("the stages are %v", v.Stages)
		}
		if v.Stages[0].Topic != "out" || v.Stages[2].Topic != "elsewhere" || !strings.Contains(string(v.Stages[0].Value), `"customer"`) ||
			strings.Contains(string(v.Stages[1].Value), `"customer"`) {
			t.Errorf("the record is %+v", v.Stages)
		}
		if want := `{"id":` + string(rune('0'+i)) + `}`; v.Kafka == nil || *v.Kafka.Value.Text != want || v.Kafka.Topic != "elsewhere" {
			t.Errorf("in Kafka it is %+v", v.Kafka)
		}
	}
	if n := len(b.offsets.List("trial")); n != 0 {
		t.Error("an offset was written")
	}
	if b.kafka.TopicInfo("elsewhere") != nil || b.kafka.TopicInfo("out") != nil {
		t.Error("a topic was made")
	}
}

func TestPreviewOfASink(t *testing.T) {
	b := newBench(t, nil)
	for _, text := range []string{`{"a":1}`, `oops`, `{"a":2}`} {
		if err := b.client.ProduceSync(t.Context(), &kgo.Record{Topic: "in", Partition: 0, Value: []byte(text)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	previews, err := b.worker.Preview(ctx, asJSON(blackhole("name", "trial", "transforms", "hoist", "transforms.hoist.type", "HoistField$Value", "transforms.hoist.field", "row")), 3)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, v := range previews {
		if v.Error != "" {
			failed++
			if *v.Kafka.Value.Text != "oops" || !strings.HasPrefix(v.Error, "VALUE_CONVERTER: ") || len(v.Stages) != 0 {
				t.Errorf("the bad record is %+v", v)
			}
			continue
		}
		if len(v.Stages) != 2 || !strings.Contains(string(v.Stages[1].Value), `"row"`) {
			t.Errorf("the stages are %+v", v.Stages)
		}
	}
	if len(previews) != 3 || failed != 1 {
		t.Errorf("%d records, %d failed", len(previews), failed)
	}
	if n := b.groupOffsets("trial"); n != 0 {
		t.Error("an offset was committed")
	}
}

// A source that has fewer records than asked for is not waited for longer than the caller wants.
func TestPreviewEndsInTime(t *testing.T) {
	b := newBench(t, nil)
	config := datagen("name", "trial", "records", "2")
	delete(config, "slice")
	delete(config, "slices")
	for limit := time.Second; ; limit *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		previews, err := b.worker.Preview(ctx, config, 10)
		cancel()
		switch {
		case err == nil && len(previews) == 2:
			return
		case limit > patience: // less is too little for a process to start on a machine that is busy
			t.Fatalf("%d records, %v", len(previews), err)
		}
	}
}
