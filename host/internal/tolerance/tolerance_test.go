package tolerance_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/metrics"
	"github.com/outboard-connect/outboard/host/internal/tolerance"
	"github.com/outboard-connect/outboard/scripts/bubble"
)

func TestPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		config  map[string]string
		fails   bool
		log     string
		wantErr string
	}{
		"default":           {nil, true, "", ""},
		"none":              {map[string]string{"errors.tolerance": "none"}, true, "", ""},
		"all":               {map[string]string{"errors.tolerance": "ALL"}, false, "", ""},
		"all and log":       {map[string]string{"errors.tolerance": "all", "errors.log.enable": "true"}, false, "stage=VALUE_CONVERTER", ""},
		"log with messages": {map[string]string{"errors.log.enable": "true", "errors.log.include.messages": "true"}, true, "offset=7", ""},
		"something else":    {map[string]string{"errors.tolerance": "some"}, false, "", `errors.tolerance is "some": use none or all`},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				p, err := tolerance.NewPolicy(c.config)
				if c.wantErr != "" {
					if err == nil || err.Error() != c.wantErr {
						t.Fatalf("got %v, want %s", err, c.wantErr)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				o := tolerance.NewOperator(p, hclog.New(&hclog.LoggerOptions{Output: &out}))
				cause := errors.New("no JSON")
				err = o.Handle(tolerance.Failure{Stage: tolerance.ValueConverter, Class: "JsonConverter", Err: cause, Topic: "t", Partition: 1, Offset: 7})
				if (err != nil) != c.fails {
					t.Errorf("got %v", err)
				}
				if err != nil && !errors.Is(err, cause) {
					t.Error("the cause is lost")
				}
				if err != nil && !strings.HasPrefix(err.Error(), "record of topic t partition 1 offset 7 failed in VALUE_CONVERTER: no JSON") {
					t.Errorf("got %v", err)
				}
				if !strings.Contains(out.String(), c.log) || c.log == "" && out.Len() > 0 {
					t.Errorf("log is %q", out.String())
				}
				want := metrics.TaskErrors{Failures: 1, Failed: 1, Skipped: 1, Logged: 1, LastFailed: time.Now().UnixMilli()}
				if c.fails {
					want.Skipped = 0
				}
				if c.log == "" {
					want.Logged = 0
				}
				if got := o.Errors(); got != want {
					t.Errorf("counted %+v, want %+v", got, want)
				}
			})
		})
	}
}

func TestLettersAreCounted(t *testing.T) {
	for name, c := range map[string]struct {
		refused error
		want    metrics.TaskErrors
	}{
		"taken":   {nil, metrics.TaskErrors{Letters: 1}},
		"refused": {errors.New("not allowed"), metrics.TaskErrors{Letters: 1, LostLetters: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			o := tolerance.NewOperator(tolerance.Policy{Letters: "dlq"}, hclog.NewNullLogger())
			produce := func(_ context.Context, k *kgo.Record, promise func(*kgo.Record, error)) {
				if k.Topic != "dlq" || string(k.Value) != "v" {
					t.Errorf("the letter is %q in topic %s", k.Value, k.Topic)
				}
				promise(k, c.refused)
			}
			f := tolerance.Failure{Stage: tolerance.ValueConverter, Topic: "t", Partition: 1, Offset: 7, Err: errors.New("no JSON"), Record: &kgo.Record{Value: []byte("v")}}
			calls := 0
			tolerance.NewLetters(o, "c", 0).Write(t.Context(), produce, &f, func(err error) {
				calls++
				if !errors.Is(err, c.refused) {
					t.Errorf("got %v", err)
				}
				if want := "the dead letter queue dlq (errors.deadletterqueue.topic.name) did not take the record of topic t partition 1 offset 7, " +
					"which failed in VALUE_CONVERTER (no JSON): not allowed"; c.refused != nil && err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
			})
			if got := o.Errors(); got != c.want || calls != 1 {
				t.Errorf("counted %+v after %d calls, want %+v", got, calls, c.want)
			}
		})
	}
}

func TestRefusedRecordsAreCounted(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		o := tolerance.NewOperator(tolerance.Policy{All: true}, hclog.NewNullLogger())
		if got := o.Errors(); got != (metrics.TaskErrors{}) {
			t.Errorf("at the beginning there is %+v", got)
		}
		o.Refused()
		if got, want := o.Errors(), (metrics.TaskErrors{Failures: 1, Failed: 1, LastFailed: time.Now().UnixMilli()}); got != want {
			t.Errorf("counted %+v, want %+v", got, want)
		}
	})
}
