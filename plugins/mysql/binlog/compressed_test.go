package binlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"
	"github.com/klauspost/compress/zstd"
)

// compress puts the events of each transaction into one, as binlog_transaction_compression=ON does.
func compress(t testing.TB, events []raw, kind byte) []raw {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []raw
	var inside []byte
	for _, r := range events {
		begins := r.header.EventType == replication.QUERY_EVENT && bytes.HasSuffix(r.body, []byte("BEGIN"))
		if inside == nil && !begins {
			out = append(out, r)
			continue
		}
		inside = append(inside, eventBytes(r)...)
		ends := r.header.EventType == replication.XID_EVENT || r.header.EventType == replication.QUERY_EVENT && bytes.HasSuffix(r.body, []byte("COMMIT"))
		if !ends {
			continue
		}
		packed := inside
		if kind == compressedZstd {
			packed = w.EncodeAll(inside, nil)
		}
		body := []byte{2, 3, 0xfc, kind, 0, 1, 3, 0xfc, byte(len(packed)), byte(len(packed) >> 8), 0}
		r.header.EventType, r.body = replication.TRANSACTION_PAYLOAD_EVENT, append(body, packed...)
		out = append(out, r)
		inside = nil
	}
	return out
}

func eventBytes(r raw) []byte {
	b := binary.LittleEndian.AppendUint32(nil, r.header.Timestamp)
	b = append(b, byte(r.header.EventType))
	b = binary.LittleEndian.AppendUint32(b, r.header.ServerID)
	b = binary.LittleEndian.AppendUint32(b, uint32(replication.EventHeaderSize+len(r.body)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint16(b, r.header.Flags)
	return append(b, r.body...)
}

func TestCompressedTransactions(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]byte{"zstd": compressedZstd, "none": compressedNot} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var plain, unpacked []Event
			events := readLog(t, "mysql")
			feed(t, newFramer(false, begin, begin, &plain), from(events, 4))
			sent := compress(t, from(events, 4), kind)
			if len(sent) >= len(from(events, 4)) {
				t.Fatal("nothing was compressed")
			}
			feed(t, newFramer(false, begin, begin, &unpacked), sent)
			if got, want := contents(unpacked), contents(plain); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// contents are events without their places, which those of a compressed transaction do not have.
func contents(events []Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%d %d %s %x\n", e.Kind, e.Index, e.GTID, e.Body)
	}
	return b.String()
}

func TestDamagedPayload(t *testing.T) {
	t.Parallel()
	for name, body := range map[string][]byte{
		"empty":          {},
		"no end":         {2, 1, 0},
		"field too long": {2, 9, 0},
		"not zstd":       {0, 1, 2, 3, 4},
		"unknown kind":   {2, 1, 7, 0},
		"cut event":      {2, 1, compressedNot + 0, 0, 1, 2, 3},
		"nested":         append([]byte{2, 2, 0xfc, 0xff, 0}, eventBytes(raw{header: replication.EventHeader{EventType: replication.TRANSACTION_PAYLOAD_EVENT}})...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var emitted []Event
			f := newFramer(false, begin, begin, &emitted)
			h := &replication.EventHeader{EventType: replication.TRANSACTION_PAYLOAD_EVENT, EventSize: 100, LogPos: 200}
			if err := f.handle(h, body); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

func TestInflate(t *testing.T) {
	t.Parallel()
	for name, src := range map[string][]byte{
		"empty": {}, "other algorithm": {0x91, 1, 0}, "length too long": {0x87, 1}, "no length": {0x80}, "not zlib": {0x81, 5, 1, 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if text, err := inflate(src); err == nil {
				t.Errorf("%x was taken as %q", src, text)
			}
		})
	}
}

func FuzzFramer(f *testing.F) {
	for name, mariadb := range logs {
		events := readLog(f, name)
		for i := 0; i+8 < len(events); i += 8 {
			var some []byte
			for _, r := range events[i : i+8] {
				some = append(some, eventBytes(r)...)
			}
			if len(some) < 1000 {
				f.Add(mariadb, some)
			}
		}
	}
	f.Fuzz(func(t *testing.T, mariadb bool, src []byte) {
		var emitted []Event
		framer := newFramer(mariadb, begin, begin, &emitted)
		for len(src) >= replication.EventHeaderSize {
			var h replication.EventHeader
			if err := h.Decode(src); err != nil || int(h.EventSize) > len(src) {
				return
			}
			if framer.handle(&h, src[replication.EventHeaderSize:h.EventSize]) != nil {
				return
			}
			src = src[h.EventSize:]
		}
	})
}

func FuzzInflate(f *testing.F) {
	f.Add([]byte{0x81, 5, 0x78, 0x9c, 0x4b, 0x4c, 0x4a, 0x4e, 0x49, 0x05, 0x00, 0x05, 0xbe, 0x01, 0xef})
	f.Fuzz(func(_ *testing.T, src []byte) { _, _ = inflate(src) })
}
