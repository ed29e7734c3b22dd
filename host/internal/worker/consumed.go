package worker

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// consumed lends the client of a sink task memory for the records it reads.
// kgo asks for a slab for each batch of a partition, and gives it back when the
// last record of the slab was recycled; a slab of which one never is, is left to
// the garbage collector. Safe for concurrent use.
type consumed struct {
	mu    sync.Mutex
	slabs [][]kgo.Record
}

// maxSlabs and maxSlab bound what is kept: a task that reads fast has some tens
// of batches of a few thousand records on their way.
const (
	maxSlabs = 32
	maxSlab  = 16 << 10
)

// GetRecords implements kgo.PoolRecords.
func (c *consumed) GetRecords(n int) []kgo.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.slabs) - 1; i >= 0; i-- {
		if s := c.slabs[i]; cap(s) >= n {
			last := len(c.slabs) - 1
			c.slabs[i] = c.slabs[last]
			c.slabs = c.slabs[:last]
			return s[:n]
		}
	}
	return make([]kgo.Record, n)
}

// PutRecords implements kgo.PoolRecords.
func (c *consumed) PutRecords(s []kgo.Record) {
	if cap(s) > maxSlab {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.slabs) < maxSlabs {
		c.slabs = append(c.slabs, s)
	}
}
