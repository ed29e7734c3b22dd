package producer

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// maxLengthSize is how many bytes the length of a record takes at most.
const maxLengthSize = binary.MaxVarintLen32

// maxFrameSize is how many bytes a record takes at most, beside its contentSize: length, attributes, time and number.
const maxFrameSize = maxLengthSize + 1 + binary.MaxVarintLen64 + maxLengthSize

// contentSize is the size of key, value and headers in a batch, in bytes, with their lengths.
func contentSize(r *kgo.Record) int {
	n := bytesSize(r.Key) + bytesSize(r.Value) + 1
	if len(r.Headers) > 0 {
		n += headersSize(r.Headers)
	}
	return n
}

// headersSize is the size of headers, but for one byte of their number.
func headersSize(headers []kgo.RecordHeader) int {
	n := signedSize(int64(len(headers))) - 1
	for i := range headers {
		h := &headers[i]
		n += signedSize(int64(len(h.Key))) + len(h.Key) + bytesSize(h.Value)
	}
	return n
}

// bodySize is the size of a record in a batch, in bytes, without its length. content is its contentSize.
func bodySize(content int, sinceFirst int64, index int) int {
	return 1 + signedSize(sinceFirst) + signedSize(int64(index)) + content
}

// appendRecord appends a record as it is in a batch of version 2 (Kafka's documentation, "Record"): size is its bodySize.
func appendRecord(dst []byte, r *kgo.Record, size int, sinceFirst int64, index int) []byte {
	n := len(dst)
	dst = slices.Grow(dst, maxLengthSize+size)[:n+maxLengthSize+size]
	n = putSigned(dst, n, int64(size))
	dst[n] = 0 // attributes, of which there are none
	n = putSigned(dst, n+1, sinceFirst)
	n = putSigned(dst, n, int64(index))
	n = putBytes(dst, n, r.Key)
	n = putBytes(dst, n, r.Value)
	n = putSigned(dst, n, int64(len(r.Headers)))
	if len(r.Headers) > 0 {
		n = putHeaders(dst, n, r.Headers)
	}
	return dst[:n]
}

func putHeaders(dst []byte, n int, headers []kgo.RecordHeader) int {
	for i := range headers {
		h := &headers[i]
		n = putSigned(dst, n, int64(len(h.Key)))
		n += copy(dst[n:], h.Key)
		n = putBytes(dst, n, h.Value)
	}
	return n
}

// putBytes writes bytes behind their length, which is -1 for nil, and returns where they end, as the others do.
func putBytes(dst []byte, n int, b []byte) int {
	if b == nil {
		dst[n] = 1
		return n + 1
	}
	n = putSigned(dst, n, int64(len(b)))
	return n + copy(dst[n:], b)
}

// putSigned is binary.PutVarint.
func putSigned(dst []byte, n int, v int64) int {
	u := uint64(v<<1) ^ uint64(v>>63)
	for ; u >= 1<<7; u >>= 7 {
		dst[n] = byte(u) | 1<<7
		n++
	}
	dst[n] = byte(u)
	return n + 1
}

func bytesSize(b []byte) int {
	if b == nil {
		return sizeOf(-1)
	}
	return sizeOf(len(b))
}

// sizeOf is the size of bytes with their length; -1 stands for null.
func sizeOf(length int) int { return signedSize(int64(length)) + max(length, 0) }

// signedSize is how many bytes binary.AppendVarint takes: one for each 7 bits that are used. 9/64 is as good as 1/7, and there is no division.
func signedSize(v int64) int {
	return (bits.Len64(uint64(v<<1)^uint64(v>>63)|1)*9 + 64) / 64
}

// readRecord reads what appendRecord has appended, and returns what is behind it. r shares the memory of src. first is the time that the
// record's is relative to.
func readRecord(src []byte, r *kgo.Record, first int64) []byte {
	number := func() int {
		v, n := binary.Varint(src)
		src = src[n:]
		return int(v)
	}
	text := func() []byte {
		n := number()
		if n < 0 {
			return nil
		}
		b := src[:n:n]
		src = src[n:]
		return b
	}
	number()
	src = src[1:]
	r.Timestamp = time.UnixMilli(first + int64(number()))
	number()
	r.Key = text()
	r.Value = text()
	for range number() {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: string(text()), Value: text()})
	}
	return src
}
