package storage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// What a worker does with each record when it starts: the config topic holds every version of every configuration.
func BenchmarkConfigStoreRead(b *testing.B) {
	config := map[string]string{}
	for i := range 25 {
		config[fmt.Sprint("some.configuration.key.", i)] = strings.Repeat("v", 25)
	}
	value, err := encodeProperties(config)
	if err != nil {
		b.Fatal(err)
	}
	entries := make([]Entry, 1000)
	for i := range entries {
		entries[i] = Entry{Key: fmt.Appendf(nil, "connector-%d", i%300), Value: value, Offset: int64(i)}
	}
	s := NewConfigStore(nil, hclog.NewNullLogger())
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.apply(entries[i%len(entries)])
	}
}

// What a commit of source offsets does for each partition.
func BenchmarkOffsetStoreEntries(b *testing.B) {
	s := NewOffsetStore(nil, hclog.NewNullLogger())
	offsets := make([]PartitionOffset, 1000)
	for i := range offsets {
		offsets[i] = PartitionOffset{Partition: fmt.Appendf(nil, `{"server":"db1","table":"t%d"}`, i), Offset: []byte(`{"lsn":123456789,"snapshot":false}`)}
		s.apply(Entry{Key: fmt.Appendf(nil, `["c",%s]`, offsets[i].Partition), Value: offsets[i].Offset})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Entries("c", offsets); err != nil {
			b.Fatal(err)
		}
	}
}
