package position

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestOffset(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want string // as it is written again; "": the same
		err  string
	}{
		"ours":                {in: `{"ts_sec":1700000000,"file":"binlog.000003","pos":157,"gtids":"` + a + `:1-5","row":1,"server_id":1,"event":2,"gtid":"` + a + `:6","server_uuid":"x"}`},
		"ours, in a snapshot": {in: `{"file":"binlog.000003","pos":157,"snapshot":"INITIAL","snapshot_progress":{"tables":[]},"incremental_snapshot":[1],"shapes":"abc"}`},
		"debezium": {
			in:   `{"transaction_id":null,"ts_sec":1700000000,"file":"mysql-bin.000003","pos":219,"gtids":"` + a + `:1-5","row":1,"server_id":223344,"event":2}`,
			want: `{"ts_sec":1700000000,"file":"mysql-bin.000003","pos":219,"gtids":"` + a + `:1-5","row":1,"server_id":223344,"event":2}`,
		},
		"debezium, old snapshot":     {in: `{"file":"f.1","pos":4,"snapshot":true}`, want: `{"file":"f.1","pos":4,"snapshot":"INITIAL"}`},
		"debezium, snapshot":         {in: `{"file":"f.1","pos":4,"snapshot":"INITIAL","snapshot_completed":false}`, want: `{"file":"f.1","pos":4,"snapshot":"INITIAL"}`},
		"debezium, snapshot is done": {in: `{"file":"f.1","pos":4,"snapshot":"INITIAL","snapshot_completed":true}`, want: `{"file":"f.1","pos":4}`},
		"debezium, incremental":      {in: `{"file":"f.1","pos":4,"snapshot":"INCREMENTAL"}`, want: `{"file":"f.1","pos":4}`},
		"mariadb":                    {in: `{"file":"f.1","pos":4,"gtids":"0-1-7,1-1-3","gtid":"0-1-8"}`},
		"no place":                   {in: `{"pos":4}`, err: "neither"},
		"not JSON":                   {in: `x`, err: "invalid character"},
		"negative row":               {in: `{"file":"f.1","row":-1}`, err: "negative"},
		"strange GTIDs":              {in: `{"file":"f.1","gtids":"x"}`, err: `"gtids"`},
		"strange GTID":               {in: `{"file":"f.1","gtid":"x"}`, err: `"gtid"`},
		"strange snapshot":           {in: `{"file":"f.1","snapshot":7}`, err: `"snapshot"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := ParseOffset([]byte(c.in))
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := o.JSON()
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			if want == "" {
				want = c.in
			}
			if string(got) != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func FuzzParseOffset(f *testing.F) {
	f.Add([]byte(`{"ts_sec":1,"file":"f.1","pos":4,"gtids":"0-1-7","event":2,"row":1,"snapshot":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := ParseOffset(text)
		if err != nil {
			return
		}
		written, err := o.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseOffset(written); err != nil || again.String() != o.String() || !json.Valid(written) {
			t.Fatalf("%s is written as %s, which reads as %v, %v", text, written, again, err)
		}
	})
}

func TestPosition(t *testing.T) {
	t.Parallel()
	p := Position{File: "b.000001", Pos: 4, GTIDs: set(t, "0-1-7")}
	g := GTID{Source: Source{MariaDB: true}, Server: 1, N: 8}
	p.Begin("b.000002", 100, g)
	p.Events, p.Rows = 2, 3
	if got, want := p.String(), "b.000002:100 (2 events and 3 rows into the transaction), GTIDs 0-1-7"; got != want {
		t.Errorf("inside: got %s, want %s", got, want)
	}
	p.Done("b.000002", 200)
	if got, want := p.String(), "b.000002:200, GTIDs 0-1-8"; got != want {
		t.Errorf("behind: got %s, want %s", got, want)
	}
	// Without the GTIDs before it, a transaction's own says nothing about where to resume.
	q := Position{File: "b.000001", Pos: 4}
	q.Begin("b.000001", 4, g)
	q.Done("b.000001", 90)
	if got, want := q.String(), "b.000001:90"; got != want {
		t.Errorf("without a set: got %s, want %s", got, want)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	ascending := []Position{
		{File: "b.000009", Pos: 900}, {File: "b.000010", Pos: 4}, {File: "b.000010", Pos: 90, Events: 2}, {File: "b.000010", Pos: 90, Events: 2, Rows: 1},
		{File: "b.999999", Pos: 4}, {File: "b.1000000", Pos: 4},
	}
	for i := range ascending {
		for j := range ascending {
			got := Compare(ascending[i], ascending[j])
			if got != 0 && (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%s against %s: %d", ascending[i], ascending[j], got)
			}
		}
	}
}
