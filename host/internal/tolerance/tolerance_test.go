package tolerance_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/tolerance"
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
			if o.Failed() != 1 || (o.Skipped() == 1) == c.fails {
				t.Errorf("failed %d, skipped %d", o.Failed(), o.Skipped())
			}
		})
	}
}
