package sdktest

import (
	"maps"
	"sync"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
)

// Offsets is an offset store in memory. The zero value is empty. It is safe for
// concurrent use.
type Offsets struct {
	mu     sync.Mutex
	stored map[string]string
}

// Set stores an offset; nil removes it.
func (o *Offsets) Set(p sdk.Partition, offset sdk.Offset) { o.set(p.String(), offset) }

func (o *Offsets) set(partition string, offset []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if offset == nil {
		delete(o.stored, partition)
		return
	}
	if o.stored == nil {
		o.stored = map[string]string{}
	}
	o.stored[partition] = string(offset)
}

// Get returns the stored offset of a partition, nil when there is none.
func (o *Offsets) Get(p sdk.Partition) sdk.Offset { return o.get(p.String()) }

func (o *Offsets) get(partition string) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s, ok := o.stored[partition]; ok {
		return []byte(s)
	}
	return nil
}

// Clone returns a copy.
func (o *Offsets) Clone() *Offsets {
	o.mu.Lock()
	defer o.mu.Unlock()
	return &Offsets{stored: maps.Clone(o.stored)}
}
