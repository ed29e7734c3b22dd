package storage

import (
	"encoding/binary"
	"testing"
)

// batchOf returns the header of a record batch, of which the records do not matter.
func batchOf(base int64, lastDelta, count uint32) []byte {
	b := make([]byte, 61)
	binary.BigEndian.PutUint64(b, uint64(base))
	binary.BigEndian.PutUint32(b[8:], 61-12)
	b[16] = 2
	binary.BigEndian.PutUint32(b[23:], lastDelta)
	binary.BigEndian.PutUint32(b[57:], count)
	return b
}

// Kafka's cleaner keeps the place of the last batch of a producer when it removed the batch's records.
func TestEndOfEmpty(t *testing.T) {
	t.Parallel()
	join := func(batches ...[]byte) (all []byte) {
		for _, b := range batches {
			all = append(all, b...)
		}
		return all
	}
	cases := map[string]struct {
		batches []byte
		next    int64
		end     int64
		ok      bool
	}{
		"one empty batch":                         {batchOf(5, 3, 0), 5, 9, true},
		"several":                                 {join(batchOf(5, 3, 0), batchOf(12, 0, 0)), 5, 13, true},
		"in the middle of one":                    {batchOf(5, 3, 0), 7, 9, true},
		"records":                                 {batchOf(5, 3, 4), 5, 0, false},
		"records after an empty one":              {join(batchOf(5, 3, 0), batchOf(9, 0, 1)), 5, 0, false},
		"an old batch with records before it":     {join(batchOf(1, 3, 4), batchOf(5, 0, 0)), 5, 6, true},
		"an old batch alone brings nobody on":     {batchOf(1, 3, 4), 5, 5, false},
		"an old batch whose last record is next":  {batchOf(1, 4, 1), 5, 0, false},
		"a batch that is cut off behind its head": {join(batchOf(5, 3, 0), batchOf(9, 0, 0)[:60]), 5, 9, true},
		"nothing": {nil, 5, 5, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if end, ok := endOfEmpty(c.batches, c.next); ok != c.ok || ok && end != c.end {
				t.Errorf("got %d, %t, want %d, %t", end, ok, c.end, c.ok)
			}
		})
	}
}
