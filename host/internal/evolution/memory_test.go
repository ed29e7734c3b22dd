package evolution_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/host/internal/evolution"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// some is a value of a schema; Check does not look at its bytes.
func some(s *data.Schema) data.Value { return data.RowValue(s, []byte{}) }

func TestCheck(t *testing.T) {
	const topic = "orders"
	small, large := row("a", "x", data.Int32Schema), row("a", "x", data.Int64Schema)
	more := row("a", "x", data.Int32Schema, "y", data.OptionalStringSchema)
	other := row("b", "x", data.Int64Schema)
	null := data.Value{}
	for name, c := range map[string]struct {
		records [][2]data.Value // key and value
		want    string          // of the last record; the others pass
	}{
		"the same":                          {[][2]data.Value{{null, some(small)}, {null, some(small)}}, ""},
		"an equal one":                      {[][2]data.Value{{null, some(small)}, {null, some(row("a", "x", data.Int32Schema))}}, ""},
		"one that breaks":                   {[][2]data.Value{{null, some(small)}, {null, some(large)}}, "value of topic orders changes so that not all readers can follow: field x is INT64 and was INT32"},
		"one that breaks, after a null":     {[][2]data.Value{{null, some(small)}, {null, data.RowValue(large, nil)}, {null, null}, {null, some(large)}}, "field x is INT64"},
		"one that breaks, after a good one": {[][2]data.Value{{null, some(small)}, {null, some(more)}, {null, some(small)}, {null, some(large)}}, "field x is INT64"},
		"the key":                           {[][2]data.Value{{some(small), some(small)}, {some(large), some(small)}}, "key of topic orders"},
		"a struct of another name":          {[][2]data.Value{{null, some(small)}, {null, some(other)}, {null, some(small)}, {null, some(other)}}, ""},
		"each name on its own":              {[][2]data.Value{{null, some(small)}, {null, some(other)}, {null, some(large)}}, "field x is INT64"},
		"no struct any more":                {[][2]data.Value{{null, some(small)}, {null, some(other)}, {null, data.StringValue("x")}}, "it is STRING and was STRUCT(a)"},
		"a struct at last":                  {[][2]data.Value{{null, data.BytesValue([]byte{1})}, {null, some(small)}}, "it is STRUCT(a) and was BYTES"},
		"no schema any more":                {[][2]data.Value{{null, some(small)}, {null, data.JSONValue([]byte("1"))}}, "it is ANY and was STRUCT(a)"},
		"text as text":                      {[][2]data.Value{{null, some(data.OptionalStringSchema)}, {null, data.StringValue("x")}, {null, some(data.StringSchema)}}, ""},
		"several differences":               {[][2]data.Value{{null, some(row("a", "x", data.Int32Schema, "y", data.Int32Schema))}, {null, some(row("a", "x", data.Int64Schema))}}, "field x is INT64 and was INT32 (and 1 more)"},
	} {
		t.Run(name, func(t *testing.T) {
			m := evolution.NewMemory(nil)
			for i, r := range c.records {
				err := m.Check(topic, r[0], r[1])
				if i < len(c.records)-1 || c.want == "" {
					if err != nil {
						t.Fatalf("record %d: %v", i, err)
					}
					continue
				}
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %s", err, c.want)
				}
				var change *evolution.Change
				if again := m.Check(topic, r[0], r[1]); !errors.As(again, &change) || again.Error() != err.Error() {
					t.Errorf("the second time it is %v", again)
				}
			}
			if err := m.Check("another topic", some(large), some(large)); err != nil {
				t.Errorf("another topic: %v", err)
			}
		})
	}
}

// What one memory has learned is what another one starts with.
func TestTake(t *testing.T) {
	small, large := row("a", "x", data.Int32Schema), row("a", "x", data.Int64Schema)
	m := evolution.NewMemory(nil)
	if err := m.Check("orders", data.StringValue("k"), some(small)); err != nil {
		t.Fatal(err)
	}
	learned := m.Take()
	if len(learned) != 2 || len(m.Take()) != 0 {
		t.Fatalf("learned %v", learned)
	}
	m.GiveBack(learned)
	if again := m.Take(); len(again) != 2 {
		t.Errorf("given back, there is %v", again)
	}
	if err := m.Check("orders", data.StringValue("k"), some(small)); err != nil || len(m.Take()) != 0 {
		t.Errorf("the same record taught something (%v)", err)
	}
	m = evolution.NewMemory(learned)
	if err := m.Check("orders", data.StringValue("k"), some(row("a", "x", data.Int32Schema))); err != nil || len(m.Take()) != 0 {
		t.Errorf("an equal schema is news (%v)", err)
	}
	if m.Check("orders", data.Value{}, some(large)) == nil || m.Check("orders", data.BytesValue([]byte{}), some(small)) == nil {
		t.Error("what was stored does not count")
	}
	if len(m.Take()) != 0 {
		t.Error("a change that breaks was learned")
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	s := row("a", "x", data.Int32Schema)
	m := evolution.NewMemory(nil)
	key, value := data.StringValue("k"), some(s)
	check := func() {
		for _, topic := range []string{"a", "b"} {
			if err := m.Check(topic, key, value); err != nil {
				t.Error(err)
			}
		}
	}
	check()
	if n := testing.AllocsPerRun(100, check); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestParsePolicy(t *testing.T) {
	const key = "outboard.schema.evolution"
	for name, c := range map[string]struct {
		config map[string]string
		want   evolution.Policy
		err    string
	}{
		"none":            {nil, evolution.Evolve, ""},
		"evolve":          {map[string]string{key: "evolve"}, evolution.Evolve, ""},
		"hold":            {map[string]string{key: " hold "}, evolution.Hold, ""},
		"fail":            {map[string]string{key: "fail"}, evolution.Fail, ""},
		"dlq":             {map[string]string{key: "dlq", "errors.deadletterqueue.topic.name": "q"}, evolution.Letters, ""},
		"dlq without one": {map[string]string{key: "dlq"}, "", "outboard.schema.evolution=dlq needs a dead letter queue: name its topic in errors.deadletterqueue.topic.name"},
		"something else":  {map[string]string{key: "Hold"}, "", `outboard.schema.evolution is "Hold": use evolve, hold, dlq or fail`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := evolution.ParsePolicy(c.config)
			switch {
			case c.err == "" && (err != nil || got != c.want):
				t.Errorf("got %q, %v", got, err)
			case c.err != "" && (err == nil || err.Error() != c.err):
				t.Errorf("got %v, want %s", err, c.err)
			}
		})
	}
}
