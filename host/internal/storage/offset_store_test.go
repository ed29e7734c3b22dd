package storage_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/outboard-connect/outboard/host/internal/storage"
)

func openOffsetStore(t *testing.T, log storage.Log) *storage.OffsetStore {
	t.Helper()
	store := storage.NewOffsetStore(log, hclog.NewNullLogger())
	must(t, store.Open(t.Context()))
	return store
}

// offset is a partition with its offset; an empty offset is none.
func offset(partition, offset string) storage.PartitionOffset {
	o := storage.PartitionOffset{Partition: []byte(partition)}
	if offset != "" {
		o.Offset = []byte(offset)
	}
	return o
}

// list writes down what a store lists, a line each.
func list(store *storage.OffsetStore, connector string) string {
	var lines []string
	for _, o := range store.List(connector) {
		lines = append(lines, fmt.Sprintf("%s %s", o.Partition, o.Offset))
	}
	return strings.Join(lines, "\n")
}

// The records that are written are those that Kafka Connect would write, in the spelling it would look for.
func TestOffsetStoreRecords(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		stored []string // key and value
		put    []storage.PartitionOffset
		want   []string
		list   string
	}{
		"the connector's spelling without blanks": {
			put:  []storage.PartitionOffset{offset(` { "b" : 1 , "a" : "x y" } `, ` {"pos": 5} `)},
			want: []string{`["my \"c\"",{"b":1,"a":"x y"}] {"pos":5}`},
			list: `{"b":1,"a":"x y"} {"pos":5}`,
		},
		"the stored spelling of an equal partition": {
			stored: []string{`["my \"c\"",{"b":1,"a":{"d":1,"c":[{"f":1,"e":2}]}}] {"pos":1}`},
			put:    []storage.PartitionOffset{offset(`{"a":{"c":[{"e":2,"f":1}],"d":1},"b":1}`, `{"pos":2}`)},
			want:   []string{`["my \"c\"",{"b":1,"a":{"d":1,"c":[{"f":1,"e":2}]}}] {"pos":2}`},
			list:   `{"b":1,"a":{"d":1,"c":[{"f":1,"e":2}]}} {"pos":2}`,
		},
		"blanks and escapes are the same partition": {
			stored: []string{`[ "my \"c\"" , { "f" : "\u00fc\/" } ] {"pos":1}`},
			put:    []storage.PartitionOffset{offset(`{"f":"ü/"}`, `{"pos":2}`)},
			want:   []string{`[ "my \"c\"" , { "f" : "\u00fc\/" } ] {"pos":2}`},
			list:   `{ "f" : "\u00fc\/" } {"pos":2}`,
		},
		"numbers as they are written": {
			stored: []string{`["my \"c\"",{"n":1}] {"pos":1}`},
			put:    []storage.PartitionOffset{offset(`{"n":1.0}`, `{"pos":12345678901234567890}`), offset(`{"n":"1"}`, `{"pos":1e3}`)},
			want:   []string{`["my \"c\"",{"n":1.0}] {"pos":12345678901234567890}`, `["my \"c\"",{"n":"1"}] {"pos":1e3}`},
			list:   "{\"n\":\"1\"} {\"pos\":1e3}\n{\"n\":1.0} {\"pos\":12345678901234567890}\n{\"n\":1} {\"pos\":1}",
		},
		"no offset is a tombstone": {
			stored: []string{`["my \"c\"",{"n":1}] {"pos":1}`, `["my \"c\"",{"n":2}] {"pos":1}`},
			put:    []storage.PartitionOffset{offset(`{"n":1}`, ``), offset(`{"n":3}`, ``)},
			want:   []string{`["my \"c\"",{"n":1}] null`, `["my \"c\"",{"n":3}] null`},
			list:   `{"n":2} {"pos":1}`,
		},
		"several spellings become one": {
			stored: []string{`["my \"c\"",{"a":1,"b":2}] {"pos":1}`, `["my \"c\"",{"b":2,"a":1}] {"pos":2}`},
			put:    []storage.PartitionOffset{offset(`{"a":1,"b":2}`, `{"pos":3}`)},
			want:   []string{`["my \"c\"",{"a":1,"b":2}] null`, `["my \"c\"",{"b":2,"a":1}] {"pos":3}`},
			list:   `{"b":2,"a":1} {"pos":3}`,
		},
		"several spellings are all deleted": {
			stored: []string{`["my \"c\"",{"a":1,"b":2}] {"pos":1}`, `["my \"c\"",{"b":2,"a":1}] {"pos":2}`},
			put:    []storage.PartitionOffset{offset(`{"a":1,"b":2}`, ``)},
			want:   []string{`["my \"c\"",{"a":1,"b":2}] null`, `["my \"c\"",{"b":2,"a":1}] null`},
		},
		"two spellings of a new partition share the first": {
			put:  []storage.PartitionOffset{offset(`{"b":2,"a":1}`, `{"pos":1}`), offset(`{"a":1,"b":2}`, `{"pos":2}`)},
			want: []string{`["my \"c\"",{"b":2,"a":1}] {"pos":1}`, `["my \"c\"",{"b":2,"a":1}] {"pos":2}`},
			list: `{"b":2,"a":1} {"pos":2}`,
		},
		"deleted and put again": {
			stored: []string{`["my \"c\"",{"b":2,"a":1}] {"pos":1}`, `["my \"c\"",{"b":2,"a":1}] null`},
			put:    []storage.PartitionOffset{offset(`{"a":1,"b":2}`, `{"pos":2}`)},
			want:   []string{`["my \"c\"",{"a":1,"b":2}] {"pos":2}`},
			list:   `{"a":1,"b":2} {"pos":2}`,
		},
		"others' records": {
			stored: []string{`["other",{"n":1}] {"pos":1}`, `nonsense {}`, `["my \"c\""] {}`, `["my \"c\"",{},1] {}`, `[1,{}] {}`, `{"n":1} {}`,
				`["my \"c\"",{"n":1}] nonsense`, `["my \"c\"",{"n":2}] [1]`, `["my \"c\"",{"n":3}] "null"`, `["my \"c\"",{}] {}`},
			list: `{} {}`,
		},
		"a null in JSON is a tombstone": {
			stored: []string{`["my \"c\"",{"n":1}] {"pos":1}`, `["my \"c\"",{"n":1}]  null `},
		},
		"the last of equal members counts": {
			stored: []string{`["my \"c\"",{"n":1,"n":2}] {"pos":1}`},
			put:    []storage.PartitionOffset{offset(`{"n":2}`, `{"pos":2}`)},
			want:   []string{`["my \"c\"",{"n":1,"n":2}] {"pos":2}`},
			list:   `{"n":1,"n":2} {"pos":2}`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const connector = `my "c"`
			log := openFile(t, "", hclog.NewNullLogger())
			store := openOffsetStore(t, log)
			for _, record := range c.stored {
				at := strings.LastIndex(record, "] ") + 1
				if at == 0 {
					at = strings.IndexByte(record, ' ')
				}
				e := entry(record[:at], record[at+1:])
				if record[at+1:] == "null" {
					e.Value = nil
				}
				put(t, log, e)
			}
			must(t, store.Sync(t.Context()))
			entries, err := store.Entries(connector, c.put)
			must(t, err)
			var got []string
			for _, e := range entries {
				value := string(e.Value)
				if e.Value == nil {
					value = "null"
				}
				got = append(got, string(e.Key)+" "+value)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("records (-want +got)\n%s", diff)
			}
			must(t, store.Put(t.Context(), connector, c.put))
			must(t, store.Sync(t.Context()))
			if diff := cmp.Diff(c.list, list(store, connector)); diff != "" {
				t.Errorf("list (-want +got)\n%s", diff)
			}
		})
	}
}

func TestOffsetStoreGet(t *testing.T) {
	t.Parallel()
	store := openOffsetStore(t, openFile(t, "", hclog.NewNullLogger()))
	must(t, store.Put(t.Context(), "c", []storage.PartitionOffset{offset(`{"a":1,"b":2}`, `{"pos":1}`), offset(`{}`, `{}`)}))
	must(t, store.Put(t.Context(), "c", nil))
	must(t, store.Sync(t.Context()))
	got, err := store.Get("c", [][]byte{[]byte(`{"b":2,"a":1}`), []byte(`{"a":1}`), []byte(` {} `), []byte(`{"a":1,"b":2}`)})
	must(t, err)
	if text := fmt.Sprintf("%s", got); text != `[{"pos":1}  {} {"pos":1}]` || got[1] != nil {
		t.Errorf("got %s", text)
	}
	if got, err := store.Get("unknown", [][]byte{[]byte(`{}`)}); err != nil || len(got) != 1 || got[0] != nil {
		t.Errorf("of an unknown connector: %s, %v", got, err)
	}
	if got := store.List("unknown"); len(got) != 0 {
		t.Errorf("list of an unknown connector: %v", got)
	}
	for name, err := range map[string]error{
		"get, no JSON":          second(store.Get("c", [][]byte{[]byte(`{"bad"`)})),
		"get, an array":         second(store.Get("unknown", [][]byte{[]byte(`["bad"]`)})),
		"get, nothing":          second(store.Get("c", [][]byte{nil})),
		"put, partition":        store.Put(t.Context(), "c", []storage.PartitionOffset{offset(`{"bad":}`, `{}`)}),
		"put, offset":           store.Put(t.Context(), "c", []storage.PartitionOffset{offset(`{}`, `"bad"`)}),
		"put, not UTF-8":        store.Put(t.Context(), "c", []storage.PartitionOffset{offset("{\"\xff\":1}", `{}`)}),
		"put, connector's name": store.Put(t.Context(), "\xff", []storage.PartitionOffset{offset(`{}`, `{}`)}),
	} {
		if err == nil || !strings.Contains(err.Error(), "connector") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := list(store, "c"); got != "{\"a\":1,\"b\":2} {\"pos\":1}\n{} {}" {
		t.Errorf("a refused put changed something: %s", got)
	}
}

func second[T any](_ T, err error) error { return err }

// Offsets that a standalone worker of Kafka Connect left behind are found by what the connector asks for.
func TestOffsetStoreTakesOver(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "connect.offsets")
	must(t, os.WriteFile(path, javaSample(t, "offsets.bin"), 0o600))
	store := openOffsetStore(t, openFile(t, path, hclog.NewNullLogger()))
	if n := len(store.List("many")); n != 40 {
		t.Errorf("%d partitions of many", n)
	}
	got, err := store.Get("cdc", [][]byte{[]byte(`{"database":"orders","server":"db1"}`)})
	must(t, err)
	if !strings.Contains(string(got[0]), `"lsn":-5`) {
		t.Errorf("cdc: %s", got[0])
	}
}

func TestOffsetStoreConcurrently(t *testing.T) {
	t.Parallel()
	store := openOffsetStore(t, openFile(t, "", hclog.NewNullLogger()))
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			partition := fmt.Appendf(nil, `{"w":%d}`, w)
			for i := range 50 {
				want := fmt.Sprintf(`{"i":%d}`, i)
				if err := store.Put(t.Context(), "c", []storage.PartitionOffset{{Partition: partition, Offset: []byte(want)}}); err != nil {
					t.Error(err)
				}
				if err := store.Sync(t.Context()); err != nil {
					t.Error(err)
				}
				if got, err := store.Get("c", [][]byte{partition}); err != nil || string(got[0]) != want {
					t.Errorf("got %s, want %s: %v", got, want, err)
				}
				store.List("c")
			}
		})
	}
	wg.Wait()
}
