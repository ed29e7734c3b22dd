package binlog

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/klauspost/compress/zstd"

	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// The fields at the beginning of a compressed transaction, and the kinds of compression.
const (
	payloadEnd         = 0
	payloadCompression = 2

	compressedZstd = 0
	compressedNot  = 255
)

// payload takes the events out of a compressed transaction, one after the other: only one is in memory besides what is compressed. Their
// place is that of the transaction.
func (f *framer) payload(_ *replication.EventHeader, body []byte, start uint64) error {
	compression := uint64(compressedZstd)
	for {
		kind, rest, ok := table.Packed(body)
		if !ok {
			return errDamaged
		}
		body = rest
		if kind == payloadEnd {
			break
		}
		size, rest, ok := table.Packed(body)
		if !ok || size > uint64(len(rest)) {
			return errDamaged
		}
		if kind == payloadCompression {
			if compression, _, ok = table.Packed(rest[:size]); !ok {
				return errDamaged
			}
		}
		body = rest[size:]
	}
	switch compression {
	case compressedNot:
		return f.unpack(bytes.NewReader(body), start)
	case compressedZstd:
		d, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return err
		}
		defer d.Close()
		return f.unpack(d, start)
	}
	return fmt.Errorf("a transaction with compression %d, which is not known", compression)
}

func (f *framer) unpack(r io.Reader, start uint64) error {
	f.unpacking = true
	defer func() { f.unpacking = false }()
	var header [replication.EventHeaderSize]byte
	for {
		if _, err := io.ReadFull(r, header[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("a compressed transaction: %w", err)
		}
		h := &replication.EventHeader{
			Timestamp: binary.LittleEndian.Uint32(header[0:]), EventType: replication.EventType(header[4]), ServerID: binary.LittleEndian.Uint32(header[5:]),
			EventSize: binary.LittleEndian.Uint32(header[9:]), LogPos: binary.LittleEndian.Uint32(header[13:]), Flags: binary.LittleEndian.Uint16(header[17:]),
		}
		if h.EventSize < replication.EventHeaderSize || h.EventType == replication.TRANSACTION_PAYLOAD_EVENT {
			return errDamaged
		}
		size := int64(h.EventSize - replication.EventHeaderSize)
		body, err := readAll(r, size)
		if err != nil {
			return fmt.Errorf("a compressed transaction: %w", err)
		}
		if err := f.dispatch(h, body, start); err != nil {
			return err
		}
	}
}

// readAll reads as many bytes as are promised, and takes memory only for those that come.
func readAll(r io.Reader, size int64) ([]byte, error) {
	const first = 1 << 20
	if size <= first {
		body := make([]byte, size)
		_, err := io.ReadFull(r, body)
		return body, err
	}
	var b bytes.Buffer
	b.Grow(first)
	n, err := io.Copy(&b, io.LimitReader(r, size))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	return b.Bytes(), err
}

// inflate returns what MariaDB has compressed: a byte with the length of a length, that length, zlib.
func inflate(src []byte) ([]byte, error) {
	if len(src) == 0 {
		return nil, errDamaged
	}
	n := int(src[0] & 7)
	if algorithm := src[0] >> 4 & 7; algorithm != 0 || n < 1 || n > 4 || len(src) < 1+n {
		return nil, errDamaged
	}
	var size int64
	for _, b := range src[1 : 1+n] {
		size = size<<8 | int64(b)
	}
	r, err := zlib.NewReader(bytes.NewReader(src[1+n:]))
	if err != nil {
		return nil, errDamaged
	}
	text, err := readAll(r, size)
	if err != nil {
		return nil, errDamaged
	}
	return text, nil
}
