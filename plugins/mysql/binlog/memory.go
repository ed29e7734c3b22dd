package binlog

import (
	"sync"
	"sync/atomic"
)

// block is memory that events are read into, one behind the other. It is used again when the reader and all events in it have let go of it.
type block struct {
	bytes []byte
	users atomic.Int32
}

// blockSize is that of all blocks but those of large events.
const blockSize = 128 << 10

var blocks = sync.Pool{New: func() any { return &block{bytes: make([]byte, blockSize)} }}

// newBlock returns a block of n bytes at least, for one user.
func newBlock(n int) *block {
	var b *block
	if n <= blockSize {
		b = blocks.Get().(*block)
	} else {
		b = &block{bytes: make([]byte, n)}
	}
	b.users.Store(1)
	return b
}

// use adds a user, who calls release; first tells that there was but one.
func (b *block) use() (first bool) { return b.users.Add(1) == 2 }

func (b *block) release() {
	if b.users.Add(-1) > 0 || len(b.bytes) != blockSize {
		return
	}
	if poison {
		for i := range b.bytes {
			b.bytes[i] = 0xDB
		}
	}
	blocks.Put(b)
}
