package storage

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func seeds(f *testing.F, pattern string) {
	f.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds in %s: %v", pattern, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
}

// A log file of any content is read or refused; what was read is written and read back the same.
func FuzzReadLog(f *testing.F) {
	whole := appendFrame(appendHeader(nil, 7), []Entry{{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("b"), Offset: 9}})
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(appendFrame(whole, []Entry{{Key: []byte{}, Value: []byte{}, Offset: 1 << 40}}))
	f.Add([]byte(logMagic))
	f.Fuzz(func(t *testing.T, content []byte) {
		var entries []Entry
		next, good, err := readLog(content, func(e Entry) { entries = append(entries, e) })
		if err != nil {
			return
		}
		if good < int64(headerSize) || good > int64(len(content)) {
			t.Fatalf("%d of %d bytes are good", good, len(content))
		}
		again := appendHeader(nil, next)
		if len(entries) > 0 {
			again = appendFrame(again, entries)
		}
		var back []Entry
		next2, good2, err := readLog(again, func(e Entry) { back = append(back, e) })
		if err != nil || next2 != next || good2 != int64(len(again)) || len(back) != len(entries) {
			t.Fatalf("written and read back: next %d and %d, %d and %d entries: %v", next, next2, len(entries), len(back), err)
		}
		for i := range entries {
			if !bytes.Equal(entries[i].Key, back[i].Key) || !bytes.Equal(entries[i].Value, back[i].Value) ||
				(entries[i].Value == nil) != (back[i].Value == nil) || entries[i].Offset != back[i].Offset {
				t.Fatalf("entry %d: %v and %v", i, entries[i], back[i])
			}
		}
	})
}

// A payload is read or refused, whatever a correct checksum promises.
func FuzzReadPayload(f *testing.F) {
	f.Add(appendEntry(appendEntry(nil, Entry{Key: []byte("a"), Value: []byte("1")}), Entry{Key: []byte("b"), Offset: 300}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x01, 'k', 0x01})
	f.Fuzz(func(t *testing.T, payload []byte) {
		last := int64(-1)
		next, err := readPayload(payload, 0, func(e Entry) { last = max(last, e.Offset) })
		if err == nil && next != last+1 {
			t.Fatalf("next is %d after %d", next, last)
		}
	})
}

func FuzzReadJavaMap(f *testing.F) {
	seeds(f, "testdata/java/*.bin")
	f.Fuzz(func(t *testing.T, content []byte) {
		if !bytes.HasPrefix(content, javaMagic) {
			return
		}
		n := 0
		readJavaMap(content, func(key, value []byte) { n += len(key) + len(value) })
	})
}

// Any record is applied or ignored, and the snapshot can be read to the end.
func FuzzConfigStore(f *testing.F) {
	for _, record := range [][2]string{
		{"connector-a", `{"properties":{"k":"v","n":1,"x":null}}`}, {"task-a-0", `{"properties":{"k":"v"}}`}, {"commit-a", `{"tasks":1}`},
		{"target-state-a", `{"state":"PAUSED","state.v2":"STOPPED"}`}, {"tasks-fencing-a", `{"task-count":2}`},
		{"session-key", `{"key":"b2xk","algorithm":"HmacSHA1","creation-timestamp":1}`}, {"restart-connector-a", `{"include-tasks":true,"only-failed":false}`},
		{"logger-cluster-root", `{"level":"DEBUG"}`}, {"other", ``},
	} {
		f.Add([]byte(record[0]), []byte(record[1]), false)
		f.Add([]byte(record[0]), []byte(record[1]), true)
	}
	f.Fuzz(func(t *testing.T, key, value []byte, deleted bool) {
		s := NewConfigStore(nil, hclog.NewNullLogger())
		s.live = true
		s.OnChange(func(Change) { s.Snapshot() })
		for _, e := range []Entry{entryOf("connector-a", `{"properties":{"known":"1"}}`), entryOf("task-a-0", `{"properties":{}}`), {Key: key, Value: value}, entryOf("commit-a", `{"tasks":1}`)} {
			if deleted && e.Key != nil && bytes.Equal(e.Key, key) {
				e.Value = nil
			}
			s.apply(e)
		}
		for _, c := range s.Snapshot().Connectors() {
			config := c.Config()
			encoded, err := encodeProperties(config)
			if err != nil {
				t.Fatalf("read %q, which cannot be written: %v", config, err)
			}
			back, err := newProperties(encoded)
			if err != nil || !maps.Equal(back.decode(), config) {
				t.Fatalf("%q came back as %q: %v", config, back.decode(), err)
			}
			for i := range c.Tasks() {
				c.Task(i)
			}
			c.AppliedConfig()
			c.Outdated()
		}
	})
}

func entryOf(key, value string) Entry { return Entry{Key: []byte(key), Value: []byte(value)} }

// Any record is applied or ignored; a partition that was read is found again, in whatever spelling.
func FuzzOffsetStore(f *testing.F) {
	for _, record := range [][2]string{
		{`["c",{"b":1,"a":"x"}]`, `{"pos":1}`}, {`[ "c" , {"a":[{"z":1,"y":null}],"a":1.0e5} ]`, ` null`}, {`["c",{}]`, `{}`}, {`["\u00fc\ud83d\ude00",{"\u0061":"\/"}]`, `{"p":true}`}, {`{}`, `x`},
	} {
		f.Add([]byte(record[0]), []byte(record[1]))
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		s := NewOffsetStore(nil, hclog.NewNullLogger())
		s.apply(Entry{Key: key, Value: value})
		for connector := range s.connectors {
			for _, o := range s.List(connector) {
				canonical := appendCanonical(nil, o.Partition)
				if !json.Valid(canonical) || !bytes.Equal(canonical, appendCanonical(nil, canonical)) {
					t.Fatalf("the canonical form of %q is %q", o.Partition, canonical)
				}
				got, err := s.Get(connector, [][]byte{o.Partition, canonical, append([]byte(" "), o.Partition...)})
				if err != nil || !bytes.Equal(got[0], o.Offset) || !bytes.Equal(got[1], o.Offset) || !bytes.Equal(got[2], o.Offset) {
					t.Fatalf("%q: got %q, want %q: %v", o.Partition, got, o.Offset, err)
				}
				entries, err := s.Entries(connector, []PartitionOffset{{Partition: canonical, Offset: o.Offset}})
				if err != nil || len(entries) != 1 || !bytes.Equal(entries[0].Key, key) {
					t.Fatalf("stored under %q, written under %v: %v", key, entries, err)
				}
			}
		}
	})
}

func FuzzStatusStore(f *testing.F) {
	for _, record := range [][2]string{
		{"status-connector-a", `{"state":"RUNNING","trace":null,"worker_id":"w","generation":1,"version":null}`},
		{"status-task-a-0", `{"state":"UNASSIGNED","worker_id":"w","generation":0}`}, {"status-topic-t:connector-a", `{"topic":{"name":"t"}}`}, {"x", ``},
	} {
		f.Add([]byte(record[0]), []byte(record[1]))
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if k, ok := decodeStatusKey(string(key)); ok && !bytes.Equal(k.encode(), key) {
			t.Fatalf("key %q comes back as %q", key, k.encode())
		}
		s := NewStatusStore(nil, "us", hclog.NewNullLogger())
		s.apply(Entry{Key: key, Value: value})
		for _, name := range s.Connectors() {
			if status, ok := s.Connector(name); ok {
				back, err := decodeStatus(encodeStatus(status))
				if err != nil || back != status {
					t.Fatalf("%+v came back as %+v: %v", status, back, err)
				}
			}
		}
		s.apply(Entry{Key: key})
		if len(s.Connectors()) != 0 {
			t.Fatalf("left after the tombstone: %v", s.Connectors())
		}
	})
}

// Batches of any content say where they end, or nothing.
func FuzzEndOfEmpty(f *testing.F) {
	f.Add(batchOf(5, 3, 0), int64(5))
	f.Add(append(batchOf(5, 3, 0), batchOf(9, 0, 1)...), int64(5))
	f.Fuzz(func(t *testing.T, batches []byte, next int64) {
		if end, ok := endOfEmpty(batches, next); ok && end <= next {
			t.Fatalf("the end is %d at %d", end, next)
		}
	})
}
