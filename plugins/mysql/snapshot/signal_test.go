package snapshot

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// incremental makes one that never reads: it is paused.
func incremental(t *testing.T, log *bytes.Buffer, stored string) *Incremental {
	t.Helper()
	captured := []table.ID{orders, {Database: "shop", Name: "items"}, {Database: "crm", Name: "customers"}}
	x, err := NewIncremental(t.Context(), IncrementalOptions{
		Options:  Options{Logger: hclog.New(&hclog.LoggerOptions{Output: log, DisableTime: true}), Threads: 1},
		Captured: func(context.Context) ([]table.ID, error) { return captured, nil },
	}, json.RawMessage(stored))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

const paused = `{"paused":true}`

// settled returns the state when requests are chosen.
func settled(x *Incremental) string {
	for {
		x.mu.Lock()
		choosing := x.choosing
		x.mu.Unlock()
		if !choosing {
			return string(x.State())
		}
	}
}

func TestSignals(t *testing.T) {
	type signal struct{ id, kind, data string }
	tests := map[string]struct {
		signals []signal
		state   string
		log     string
	}{
		"execute": {
			[]signal{{"1", "execute-snapshot", `{"data-collections": ["shop.orders"]}`}},
			`{"progress":{"tables":[{"table":"shop.orders"}]},"paused":true,"seen":["1"]}`, "snapshot ordered",
		},
		"expression, with type": {
			[]signal{{"1", "execute-snapshot", `{"data-collections": ["shop\\..*"], "type": "INCREMENTAL"}`}},
			`{"progress":{"tables":[{"table":"shop.orders"},{"table":"shop.items"}]},"paused":true,"seen":["1"]}`, "",
		},
		"conditions": {
			[]signal{{"1", "execute-snapshot", `{"data-collections": ["shop.orders","shop.items"], "additional-conditions": [{"data-collection":"shop.items","filter":"qty > 3"}], "surrogate-key": "ref"}`}},
			`{"progress":{"tables":[{"table":"shop.orders","surrogate":"ref"},{"table":"shop.items","condition":"qty \u003e 3","surrogate":"ref"}]},"paused":true,"seen":["1"]}`, "",
		},
		"one condition, the old way": {
			[]signal{{"1", "execute-snapshot", `{"data-collections": ["shop.orders"], "additional-condition": "id<9"}`}},
			`{"progress":{"tables":[{"table":"shop.orders","condition":"id\u003c9"}]},"paused":true,"seen":["1"]}`, "",
		},
		"the same again": {
			[]signal{{"1", "execute-snapshot", `{"data-collections": ["shop.orders"]}`}, {"1", "execute-snapshot", `{"data-collections": ["shop.items"]}`}},
			`{"progress":{"tables":[{"table":"shop.orders"}]},"paused":true,"seen":["1"]}`, "carried out before",
		},
		"table that is read already": {
			[]signal{{"1", "execute-snapshot", `{"data-collections": ["shop.orders"]}`}, {"2", "execute-snapshot", `{"data-collections": ["shop.*"]}`}},
			`{"progress":{"tables":[{"table":"shop.orders","next":{"table":"shop.orders"}},{"table":"shop.items"}]},"paused":true,"seen":["1","2"]}`, "once more after that",
		},
		"an expression with a comma": {
			[]signal{{"1", "execute-snapshot", `{"data-collections": [" shop\\.[a-z]{6,7}"], "additional-conditions": [{"data-collection":"shop.order.{1,2}","filter":"id<9"}]}`}},
			`{"progress":{"tables":[{"table":"shop.orders","condition":"id\u003c9"}]},"paused":true,"seen":["1"]}`, "",
		},
		"no such table": {
			[]signal{{"1", "execute-snapshot", `{"data-collections": ["shop.order"]}`}},
			`{"paused":true,"seen":["1"]}`, "no captured table matches",
		},
		"blocking": {
			[]signal{{"1", "execute-snapshot", `{"data-collections": ["shop.orders"], "type": "blocking"}`}},
			`{"blocking":[{"id":"1","tables":["shop.orders"],"blocking":true}],"paused":true,"seen":["1"]}`, "blocking=true",
		},
		"stop all": {
			[]signal{{"1", "execute-snapshot", `{"data-collections": ["shop.*"]}`}, {"2", "stop-snapshot", `{"type":"incremental"}`}},
			`{"paused":true,"seen":["1","2"]}`, "stopped",
		},
		"stop one": {
			[]signal{{"1", "execute-snapshot", `{"data-collections": ["shop.*"]}`}, {"2", "stop-snapshot", `{"type":"incremental","data-collections":["shop.items"]}`}},
			`{"progress":{"tables":[{"table":"shop.orders"}]},"paused":true,"seen":["1","2"]}`, "shop.items",
		},
		"resume and pause": {
			[]signal{{"1", "resume-snapshot", ""}, {"2", "pause-snapshot", `{"type":"incremental"}`}},
			`{"paused":true,"seen":["1","2"]}`, "carried out",
		},
		"log":             {[]signal{{"1", "log", `{"message":"Hello from the table"}`}}, paused, "Hello from the table"},
		"no tables":       {[]signal{{"1", "execute-snapshot", `{}`}}, paused, `no \"data-collections\"`},
		"no JSON":         {[]signal{{"1", "execute-snapshot", `shop.orders`}}, paused, "not the JSON"},
		"unknown kind":    {[]signal{{"1", "execute-snapshot", `{"data-collections":["a.b"],"type":"fast"}`}}, paused, "neither incremental nor blocking"},
		"bad expression":  {[]signal{{"1", "execute-snapshot", `{"data-collections":["shop.("]}`}}, paused, "regular expression"},
		"unknown type":    {[]signal{{"1", "explode", ""}}, paused, "its type is none of"},
		"marks of chunks": {[]signal{{"1-open", "snapshot-window-open", ""}, {"1-close", "snapshot-window-close", ""}}, paused, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			x := incremental(t, &log, paused)
			for _, s := range test.signals {
				x.Signal(s.id, s.kind, s.data)
				settled(x)
			}
			if got := settled(x); got != test.state {
				t.Errorf("state\n%s\ninstead of\n%s", got, test.state)
			}
			x.Close()
			if !strings.Contains(log.String(), test.log) {
				t.Errorf("%q is not logged, but\n%s", test.log, &log)
			}
		})
	}
}

// An order of the configuration is carried out once for each id, whatever happens in between.
func TestOrder(t *testing.T) {
	var log bytes.Buffer
	x := incremental(t, &log, paused)
	x.Order("monday", "shop.orders, crm.*")
	x.Order("monday", "shop.orders, crm.*")
	want := `{"progress":{"tables":[{"table":"shop.orders"},{"table":"crm.customers"}]},"paused":true,"ordered":"monday"}`
	if got := settled(x); got != want {
		t.Errorf("state\n%s\ninstead of\n%s", got, want)
	}
	again := incremental(t, &log, want)
	again.Order("monday", "shop.orders, crm.*")
	if got := settled(again); got != want {
		t.Errorf("state after a restart\n%s\ninstead of\n%s", got, want)
	}
	again.Order("tuesday", "shop.items")
	want = `{"progress":{"tables":[{"table":"shop.orders"},{"table":"crm.customers"},{"table":"shop.items"}]},"paused":true,"ordered":"tuesday"}`
	if got := settled(again); got != want {
		t.Errorf("state after another order\n%s\ninstead of\n%s", got, want)
	}
}

func TestBlocking(t *testing.T) {
	var log bytes.Buffer
	x := incremental(t, &log, paused)
	if x.Blocking() != nil {
		t.Error("a snapshot that nobody ordered")
	}
	x.Signal("1", "execute-snapshot", `{"data-collections": ["shop.*"], "type": "blocking", "additional-conditions": [{"data-collection":"shop.orders","filter":"id=1"}]}`)
	r := x.Blocking()
	if r == nil {
		t.Fatal("no snapshot")
	}
	p := r.Choose([]table.ID{orders, {Database: "crm", Name: "customers"}})
	if got := string(p.JSON()); got != `{"tables":[{"table":"shop.orders","condition":"id=1"}]}` {
		t.Error(got)
	}
	if x.BlockingDone(); x.Blocking() != nil {
		t.Error("the snapshot is ordered for ever")
	}
}

func FuzzSignal(f *testing.F) {
	f.Add(`{"data-collections": ["shop.orders"], "type": "blocking", "additional-conditions": [{"data-collection":"shop.orders","filter":"id=1"}]}`)
	f.Fuzz(func(_ *testing.T, data string) {
		d, err := parseSignal(data)
		if err != nil {
			return
		}
		if r, err := d.request("1"); err == nil {
			r.Choose([]table.ID{orders})
		}
	})
}
