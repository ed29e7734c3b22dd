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

// bodySize is the size of a record in a batch, in bytes, without its length.
func bodySize(r *kgo.Record, sinceFirst int64, index int) int {
	n := 1 + signedSize(sinceFirst) + signedSize(int64(index)) + bytesSize(r.Key) + bytesSize(r.Value) + signedSize(int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		n += signedSize(int64(len(h.Key))) + len(h.Key) + bytesSize(h.Value)
	}
	return n
}

// appendRecord appends a record as it is in a batch of version 2 (Kafka's documentation, "Record"): size is its bodySize.
func appendRecord(dst []byte, r *kgo.Record, size int, sinceFirst int64, index int) []byte {
	dst = slices.Grow(dst, maxLengthSize+size)
	dst = appendSigned(dst, size)
	dst = append(dst, 0) // attributes, of which there are none
	dst = appendSigned(dst, int(sinceFirst))
	dst = appendSigned(dst, index)
	dst = appendBytes(dst, r.Key)
	dst = appendBytes(dst, r.Value)
	dst = appendSigned(dst, len(r.Headers))
	for i := range r.Headers {
		h := &r.Headers[i]
		dst = appendSigned(dst, len(h.Key))
		dst = append(dst, h.Key...)
		dst = appendBytes(dst, h.Value)
	}
	return dst
}

// appendBytes appends bytes behind their length, which is -1 for nil.
func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 1)
	}
	return append(appendSigned(dst, len(b)), b...)
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return signedSize(int64(len(b))) + len(b)
}

// appendSigned is binary.AppendVarint, quicker for the numbers that records are full of.
func appendSigned(dst []byte, v int) []byte {
	if uint(v) < 1<<6 {
		return append(dst, byte(v<<1))
	}
	return appendLarge(dst, v)
}

func appendLarge(dst []byte, v int) []byte {
	switch u := uint64(v<<1) ^ uint64(v>>63); {
	case u < 1<<7:
		return append(dst, byte(u))
	case u < 1<<14:
		return append(dst, byte(u)|0x80, byte(u>>7))
	case u < 1<<21:
		return append(dst, byte(u)|0x80, byte(u>>7)|0x80, byte(u>>14))
	}
	return binary.AppendVarint(dst, int64(v))
}

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
