package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
)

// PartitionOffset is a source partition and the offset up to which it was read, both the text of a JSON object.
// A nil Offset means that there is none: reading starts over.
type PartitionOffset struct {
	Partition, Offset []byte
}

// OffsetStore keeps the offsets of source connectors in the records of Kafka Connect's offsets topic.
//
// Two partitions are the same when their JSON values are, whatever the order of their members. Kafka compacts by bytes,
// however, and Kafka Connect looks up by bytes: a partition keeps the spelling that its first record gave it.
//
// All methods may be called concurrently after Open.
type OffsetStore struct {
	log    Log
	logger hclog.Logger

	mu         sync.RWMutex
	connectors map[string]*connectorOffsets
	foreign    bool // a record with a key of another form was logged
}

// connectorOffsets is what is stored for one connector.
type connectorOffsets struct {
	partitions map[string]partitionRecords // by canonical form
	spelled    map[string]string           // canonical form by what a stored record wrote: no need to work it out
}

// partitionRecords are the records of one partition: usually one, more when a connector spelled it in several ways.
// The last is the newest.
type partitionRecords []offsetRecord

type offsetRecord struct {
	key       []byte // of the record
	partition []byte // inside key
	offset    []byte
}

// NewOffsetStore returns a store over a log that nobody follows yet.
func NewOffsetStore(log Log, logger hclog.Logger) *OffsetStore {
	return &OffsetStore{log: log, logger: logger, connectors: map[string]*connectorOffsets{}}
}

// Open reads the log to its end and goes on following it.
func (s *OffsetStore) Open(ctx context.Context) error {
	if err := s.log.Follow(ctx, s.apply); err != nil {
		return fmt.Errorf("reading source offsets: %w", err)
	}
	return nil
}

// Sync returns when Get and List know everything that any worker put before the call.
func (s *OffsetStore) Sync(ctx context.Context) error { return s.log.Sync(ctx) }

// Get returns the offsets of partitions, nil where there is none. An error names the partition that is no JSON object.
// The results must not be changed.
func (s *OffsetStore) Get(connector string, partitions [][]byte) ([][]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	offsets := make([][]byte, len(partitions))
	for i, p := range partitions {
		if err := checkObject(p); err != nil {
			return nil, fmt.Errorf("source partition %.200q of connector %q: %w", p, connector, err)
		}
		if c := s.connectors[connector]; c != nil {
			if records := c.partitions[c.canonical(p)]; len(records) > 0 {
				offsets[i] = records[len(records)-1].offset
			}
		}
	}
	return offsets, nil
}

// Put stores offsets and returns when they are durable. Of equal partitions the last counts. Get knows them after Sync.
func (s *OffsetStore) Put(ctx context.Context, connector string, offsets []PartitionOffset) error {
	entries, err := s.Entries(connector, offsets)
	if err != nil || len(entries) == 0 {
		return err
	}
	if err := s.log.Append(ctx, entries...); err != nil {
		return fmt.Errorf("storing %d source offsets of connector %q: %w", len(offsets), connector, err)
	}
	return nil
}

// Entries returns the records that Put would append, for a task that writes them in a transaction of its own.
func (s *OffsetStore) Entries(connector string, offsets []PartitionOffset) ([]Entry, error) {
	if !utf8.ValidString(connector) {
		return nil, fmt.Errorf("storing source offsets: the connector's name %q is not UTF-8", connector)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.connectors[connector]
	entries := make([]Entry, 0, len(offsets))
	fresh := map[string][]byte{} // keys of partitions that have no record yet, one spelling each
	for _, o := range offsets {
		if err := checkObject(o.Partition); err != nil {
			return nil, fmt.Errorf("source partition %.200q of connector %q: %w", o.Partition, connector, err)
		}
		var value []byte
		if o.Offset != nil {
			if err := checkObject(o.Offset); err != nil {
				return nil, fmt.Errorf("source offset %.200q of partition %.200q of connector %q: %w", o.Offset, o.Partition, connector, err)
			}
			value = appendCompact(nil, o.Offset)
		}
		canonical := c.canonical(o.Partition)
		records := c.records(canonical)
		if len(records) == 0 {
			key := fresh[canonical]
			if key == nil {
				key = append(appendQuoted([]byte{'['}, connector), ',')
				key = append(appendCompact(key, o.Partition), ']')
				fresh[canonical] = key
			}
			entries = append(entries, Entry{Key: key, Value: value})
			continue
		}
		// Older spellings go, lest they come back as the newest when the log is read in another order.
		newest := len(records) - 1
		for _, r := range records[:newest] {
			entries = append(entries, Entry{Key: r.key})
		}
		entries = append(entries, Entry{Key: records[newest].key, Value: value})
	}
	return entries, nil
}

// List returns all partitions of a connector that have an offset, in a stable order. The results must not be changed.
func (s *OffsetStore) List(connector string) []PartitionOffset {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.connectors[connector]
	if c == nil {
		return nil
	}
	offsets := make([]PartitionOffset, 0, len(c.partitions))
	for _, canonical := range slices.Sorted(maps.Keys(c.partitions)) {
		records := c.partitions[canonical]
		r := records[len(records)-1]
		offsets = append(offsets, PartitionOffset{Partition: r.partition, Offset: r.offset})
	}
	return offsets
}

// MergeOffsets adds to offsets of some partitions those of a second list, where the first has none of that partition.
func MergeOffsets(first, second []PartitionOffset) []PartitionOffset {
	known := make(map[string]bool, len(first))
	for _, o := range first {
		known[string(appendCanonical(nil, o.Partition))] = true
	}
	merged := slices.Clone(first)
	for _, o := range second {
		if !known[string(appendCanonical(nil, o.Partition))] {
			merged = append(merged, o)
		}
	}
	return merged
}

// apply takes one record of the log in.
func (s *OffsetStore) apply(e Entry) {
	connector, r, err := decodeOffset(e)
	if err != nil {
		if !s.foreign { // only this goroutine looks at it
			s.foreign = true
			s.logger.Warn("the offset storage has records that are no source offsets; they are ignored and not reported again", "key", string(e.Key), "err", err)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.connectors[connector]
	if c == nil {
		c = &connectorOffsets{partitions: map[string]partitionRecords{}, spelled: map[string]string{}}
		s.connectors[connector] = c
	}
	c.put(r)
	if len(c.partitions) == 0 {
		delete(s.connectors, connector)
	}
}

// decodeOffset takes a record apart, in bytes of its own. Kafka Connect reads the JSON text null as a tombstone too.
func decodeOffset(e Entry) (connector string, r offsetRecord, err error) {
	r.key = bytes.Clone(e.Key)
	if connector, r.partition, err = decodeOffsetKey(r.key); err != nil {
		return "", offsetRecord{}, err
	}
	if e.Value == nil || string(bytes.TrimSpace(e.Value)) == "null" {
		return connector, r, nil
	}
	if err := checkObject(e.Value); err != nil {
		return "", offsetRecord{}, fmt.Errorf("the offset %.100q is %w", e.Value, err)
	}
	r.offset = bytes.Clone(e.Value)
	return connector, r, nil
}

// decodeOffsetKey splits ["<connector>",{<partition>}]; partition is a part of key.
func decodeOffsetKey(key []byte) (connector string, partition []byte, err error) {
	if !json.Valid(key) || !utf8.Valid(key) {
		return "", nil, errNotJSON
	}
	var elements [][]byte
	if key[skipBlank(key, 0)] == '[' {
		walk(key, func(_, value []byte) { elements = append(elements, value) })
	}
	if len(elements) != 2 || elements[0][0] != '"' || elements[1][0] != '{' {
		return "", nil, errors.New(`the key is not ["connector",{source partition}]`)
	}
	return unquote(elements[0]), elements[1], nil
}

// canonical returns the canonical form of a partition. It does not change c, which may be nil.
func (c *connectorOffsets) canonical(partition []byte) string {
	if c != nil {
		if canonical, ok := c.spelled[string(partition)]; ok {
			return canonical
		}
	}
	return string(appendCanonical(nil, partition))
}

// records returns the records of a partition, none when c is nil.
func (c *connectorOffsets) records(canonical string) partitionRecords {
	if c == nil {
		return nil
	}
	return c.partitions[canonical]
}

// put replaces the record of one key, or deletes it when offset is nil, and makes it the newest of its partition.
func (c *connectorOffsets) put(r offsetRecord) {
	canonical := c.canonical(r.partition)
	records := slices.DeleteFunc(slices.Clone(c.partitions[canonical]), func(old offsetRecord) bool { return bytes.Equal(old.key, r.key) })
	if r.offset == nil {
		delete(c.spelled, string(r.partition))
	} else {
		records = append(records, r)
		c.spelled[string(r.partition)] = canonical
	}
	if len(records) == 0 {
		delete(c.partitions, canonical)
	} else {
		c.partitions[canonical] = records
	}
}
