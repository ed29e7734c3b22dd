package binlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// packets makes packets of payloads, the first one with a number.
func packets(seq byte, payloads ...[]byte) []byte {
	var b []byte
	for _, p := range payloads {
		for {
			n := min(len(p), mysql.MaxPayloadLen)
			b = append(b, byte(n), byte(n>>8), byte(n>>16), seq)
			b = append(b, p[:n]...)
			p = p[n:]
			seq++
			if n < mysql.MaxPayloadLen {
				break
			}
		}
	}
	return b
}

// sent makes the payload of a packet with an event, with a checksum or without.
func sent(t replication.EventType, body []byte, sum bool) []byte {
	b := binary.LittleEndian.AppendUint32([]byte{mysql.OK_HEADER}, 1_700_000_000)
	size := replication.EventHeaderSize + len(body)
	if sum {
		size += replication.BinlogChecksumLength
	}
	b = append(b, byte(t))
	b = binary.LittleEndian.AppendUint32(b, 5)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = append(b, 0, 0, 0, 0, 0, 0)
	b = append(b, body...)
	if sum {
		b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b[1:]))
	}
	return b
}

// description is the body of the event that describes a file's format.
func description(algorithm byte) []byte {
	b := make([]byte, 2+50+4)
	copy(b[2:], "10.11.6-MariaDB-log")
	b[0] = 4
	b = append(b, replication.EventHeaderSize)
	b = append(b, make([]byte, 40)...)
	return append(b, algorithm, 1, 2, 3, 4)
}

// linked returns a link to a server that sends bytes, so many at once, and closes the connection.
func linked(t testing.TB, send []byte, piece int) *link {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		for len(send) > 0 {
			n := min(piece, len(send))
			if _, err := theirs.Write(send[:n]); err != nil {
				return
			}
			send = send[n:]
		}
		theirs.Close()
	}()
	l := &link{net: ours, seq: 1, refused: func(p []byte) error { return errors.New("refused: " + string(p[1:])) }}
	t.Cleanup(func() { ours.Close(); l.close() })
	return l
}

func TestLink(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte("0123456789abcdef"), 2*mysql.MaxPayloadLen/16+100)
	exact := bytes.Repeat([]byte{'x'}, mysql.MaxPayloadLen-1-replication.EventHeaderSize)
	const write = replication.WRITE_ROWS_EVENTv1
	for name, c := range map[string]struct {
		payloads [][]byte
		want     []string // bodies
		err      string
	}{
		"two events":     {[][]byte{sent(write, []byte("first"), false), sent(write, []byte("second"), false)}, []string{"first", "second"}, "closed the connection"},
		"an empty event": {[][]byte{sent(replication.STOP_EVENT, nil, false)}, []string{""}, "closed the connection"},
		"checksums are taken off": {[][]byte{sent(write, []byte("before"), false), sent(replication.FORMAT_DESCRIPTION_EVENT, description(1), false), sent(write, []byte("summed"), true)},
			[]string{"before", string(description(1)), "summed"}, "closed the connection"},
		"no checksums": {[][]byte{sent(replication.FORMAT_DESCRIPTION_EVENT, description(0), false), sent(write, []byte("plain"), false)},
			[]string{string(description(0)), "plain"}, "closed the connection"},
		"shorter than a checksum": {[][]byte{sent(replication.FORMAT_DESCRIPTION_EVENT, description(1), false), sent(write, []byte("abc"), false)},
			[]string{string(description(1))}, "no event"},
		"a description that is cut": {[][]byte{sent(replication.FORMAT_DESCRIPTION_EVENT, description(1)[:30], false)}, nil, "no event"},
		"of three parts":            {[][]byte{sent(write, long, false), sent(write, []byte("behind"), false)}, []string{string(long), "behind"}, "closed the connection"},
		"a part that is empty":      {[][]byte{sent(write, exact, false), sent(write, []byte("behind"), false)}, []string{string(exact), "behind"}, "closed the connection"},
		"an error":                  {[][]byte{sent(write, []byte("first"), false), []byte("\xffno more")}, []string{"first"}, "refused: no more"},
		"the end":                   {[][]byte{{mysql.EOF_HEADER, 0, 0, 0, 0}}, nil, "ended the log"},
		"an empty packet":           {[][]byte{{}}, nil, "no event"},
		"another packet":            {[][]byte{{7, 1, 2}}, nil, "no event"},
		"a header that is cut":      {[][]byte{sent(write, nil, false)[:10]}, nil, "no event"},
		"more than the event":       {[][]byte{append(sent(write, []byte("x"), false), 'y')}, nil, "an event of 20 bytes came in a packet with 21"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := packets(1, c.payloads...)
			for _, piece := range []int{7, 4096, 1 << 30} {
				if piece == 7 && len(all) > 1<<20 {
					continue
				}
				l := linked(t, all, piece)
				for i, want := range c.want {
					_, body, err := l.event()
					if err != nil || string(body) != want {
						t.Fatalf("in pieces of %d: event %d: %v, %d bytes %.100q, want %d bytes", piece, i, err, len(body), body, len(want))
					}
				}
				if _, _, err := l.event(); err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("in pieces of %d: error %v, want one with %q", piece, err, c.err)
				}
			}
		})
	}
}

func TestLinkSequence(t *testing.T) {
	t.Parallel()
	l := linked(t, packets(2, sent(replication.XID_EVENT, make([]byte, 8), false)), 100)
	if _, _, err := l.event(); err == nil || err.Error() != "packet 2 came instead of 1" {
		t.Error(err)
	}
	var all [][]byte
	for range 600 { // the numbers begin again after 255
		all = append(all, sent(replication.XID_EVENT, make([]byte, 8), false))
	}
	l = linked(t, packets(1, all...), 1000)
	for i := range all {
		if _, _, err := l.event(); err != nil {
			t.Fatal(i, err)
		}
	}
}

func TestLinkCut(t *testing.T) {
	t.Parallel()
	all := packets(1, sent(replication.XID_EVENT, make([]byte, 8), false))
	for n := range len(all) {
		if _, _, err := linked(t, all[:n], 100).event(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestLinkSilence(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	defer ours.Close()
	l := &link{net: ours, silence: 20 * time.Millisecond}
	defer l.close()
	if _, _, err := l.event(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// TestMemory: the bodies of events stay as they are until Take is called again, and their memory is used again then. A large event's is not.
func TestMemory(t *testing.T) {
	t.Parallel()
	const size, events = 8000, 2000
	var all [][]byte
	body := func(i int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8)}, size/2) }
	for i := range events {
		b := body(i)
		if i%500 == 250 {
			b = bytes.Repeat(b, 50)
		}
		all = append(all, sent(replication.WRITE_ROWS_EVENTv1, b, false))
	}
	l := linked(t, packets(1, all...), 1<<20)
	s := &Stream{queue: newQueue(1 << 20), link: l, ctx: t.Context()}
	go func() {
		for range events {
			_, body, err := l.event()
			if err == nil {
				err = s.push(&Event{Kind: Insert, Body: body})
			}
			if err != nil {
				s.queue.fail(err)
				return
			}
		}
	}()
	used := map[*block]bool{}
	for i := 0; i < events; {
		taken, err := s.Take(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		bytesOf := map[*block]int{}
		for _, e := range taken {
			if want := body(i); !bytes.HasPrefix(e.Body, want) {
				t.Fatalf("event %d has changed: %.20x, want %.20x", i, e.Body, want)
			}
			used[e.block], bytesOf[e.block] = true, len(e.block.bytes)
			i++
		}
		sum := 0
		for _, n := range bytesOf {
			sum += n
		}
		if most := 1<<20 + 2*50*size + blockSize; sum > most {
			t.Fatalf("%d bytes are held, the limit is %d", sum, most)
		}
	}
	if len(used) > (events*size)/blockSize/2 {
		t.Errorf("%d blocks were made for %d bytes", len(used), events*size)
	}
}
