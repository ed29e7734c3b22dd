package transform

import "github.com/outboard-connect/outboard/plugin-sdk/data"

const (
	keep  = 1 << 20 // bytes that an arena never gives back
	small = 16      // batches in a row that use little of what is above, before it is given back
)

// Arena is the memory that transformations of one batch append to. What they return is valid until Reset. An arena that has
// grown to the size of the batches is used without allocation. It is not safe for concurrent use; the zero value is ready.
type Arena struct {
	buf     []byte
	headers []data.Header
	idle    int // batches in a row that used little
}

// Reset makes the memory available again: everything that transformations returned since the last Reset becomes invalid.
// What one large batch needed is given back when those after it do not need it.
func (a *Arena) Reset() {
	if cap(a.buf) <= keep || len(a.buf) >= cap(a.buf)/8 {
		a.idle = 0
	} else if a.idle++; a.idle == small {
		*a = Arena{}
	}
	clear(a.headers) // they point into other batches
	a.buf, a.headers = a.buf[:0], a.headers[:0]
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

// withHeader returns headers with one more, in memory of the arena. Headers that are its latest grow in place.
func (a *Arena) withHeader(headers []data.Header, h data.Header) []data.Header {
	n := len(headers)
	if n == 0 || len(a.headers) < n || &a.headers[len(a.headers)-n] != &headers[0] {
		a.headers = append(a.headers, headers...)
	}
	a.headers = append(a.headers, h)
	return a.headers[len(a.headers)-n-1 : len(a.headers) : len(a.headers)]
}

// withoutHeaders returns headers without those that drop names, in memory of the arena.
func (a *Arena) withoutHeaders(headers []data.Header, drop func(name string) bool) []data.Header {
	from := len(a.headers)
	for _, h := range headers {
		if !drop(h.Key) {
			a.headers = append(a.headers, h)
		}
	}
	return a.headers[from:len(a.headers):len(a.headers)]
}
