package convert

const (
	keep  = 1 << 20 // bytes that an arena never gives back
	small = 16      // batches in a row that use little of what is above, before it is given back
)

// Arena is the memory that the conversions of one batch append to. What they return is valid until Reset. An arena that
// has grown to the size of the batches is used without allocation. It is not safe for concurrent use; the zero value is
// ready.
type Arena struct {
	buf  []byte
	idle int // batches in a row that used little
}

// Reset makes the memory available again: everything that conversions returned since the last Reset becomes invalid. What
// one large batch needed is given back when those after it do not need it.
func (a *Arena) Reset() {
	if cap(a.buf) <= keep || len(a.buf) >= cap(a.buf)/8 {
		a.idle = 0
	} else if a.idle++; a.idle == small {
		*a = Arena{}
	}
	a.buf = a.buf[:0]
}

// Len is how many bytes were appended since the last Reset.
func (a *Arena) Len() int { return len(a.buf) }

// Grow makes room for n bytes in an arena that is empty. One that grows while it is used copies what it has, and what it returned
// before keeps the old memory alive.
func (a *Arena) Grow(n int) {
	if cap(a.buf) < n {
		a.buf = make([]byte, 0, n)
	}
}

// cut ends what was appended to buf, which began as a.buf[:from], and returns it. The result is never nil, because nil
// stands for null, and has no room left, so that nobody can append into a neighbour.
func (a *Arena) cut(buf []byte, from int) []byte {
	a.buf = buf
	if len(buf) == from {
		return []byte{}
	}
	return buf[from:len(buf):len(buf)]
}
