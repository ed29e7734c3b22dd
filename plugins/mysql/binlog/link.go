package binlog

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
)

// link reads the events that a server sends. They are not copied: each stays in the block that it was read into.
type link struct {
	net      net.Conn
	silence  time.Duration // how long the server may say nothing; 0: for ever
	deadline time.Time
	seq      byte // of the next packet

	block *block
	r, w  int // block.bytes[r:w] is read and not consumed

	format  replication.FormatDescriptionEvent
	summed  bool // events end with a checksum
	header  replication.EventHeader
	refused func(packet []byte) error // the error in a packet of the server's
}

func (l *link) close() {
	if l.block != nil {
		l.block.release()
		l.block = nil
	}
}

// event reads the next event: its header, and what follows without the checksum. Both are valid until the next call; what follows also as
// long as somebody uses the block.
func (l *link) event() (*replication.EventHeader, []byte, error) {
	p, err := l.packet()
	if err != nil {
		return nil, nil, err
	}
	if len(p) == 0 {
		return nil, nil, errPacket
	}
	switch p[0] {
	case mysql.OK_HEADER:
	case mysql.ERR_HEADER:
		return nil, nil, l.refused(p)
	case mysql.EOF_HEADER:
		return nil, nil, errEnd
	default:
		return nil, nil, errPacket
	}
	p = p[1:]
	if err := l.header.Decode(p); err != nil {
		return nil, nil, errPacket
	}
	if int64(l.header.EventSize) != int64(len(p)) {
		return nil, nil, fmt.Errorf("an event of %d bytes came in a packet with %d", l.header.EventSize, len(p))
	}
	body := p[replication.EventHeaderSize:]
	if l.header.EventType == replication.FORMAT_DESCRIPTION_EVENT {
		return &l.header, body, l.describe(body)
	}
	if l.summed {
		if len(body) < replication.BinlogChecksumLength {
			return nil, nil, errPacket
		}
		body = body[:len(body)-replication.BinlogChecksumLength]
	}
	return &l.header, body, nil
}

// describe finds out whether the events that follow have checksums, which a server may send though they are not asked for.
func (l *link) describe(body []byte) error {
	const shortest = 2 + 50 + 4 + 1 + 1 + replication.BinlogChecksumLength
	if len(body) < shortest {
		return errPacket
	}
	if err := l.format.Decode(body); err != nil {
		return errPacket
	}
	l.summed = l.format.ChecksumAlgorithm == replication.BINLOG_CHECKSUM_ALG_CRC32
	return nil
}

var (
	errPacket = errors.New("the server has sent what is no event")
	errEnd    = errors.New("the server has ended the log")
)

// packet reads one, whose bytes stay where they are as long as somebody uses the block.
func (l *link) packet() ([]byte, error) {
	size := 0 // of the parts that were read
	for {
		n, err := l.part(size)
		if err != nil {
			return nil, err
		}
		if size += n; n < mysql.MaxPayloadLen {
			break
		}
	}
	p := l.block.bytes[l.r : l.r+size : l.r+size]
	l.r += size
	return p, nil
}

// part reads what one header announces behind the parts of the packet that begin at l.r, and returns its size. The header is dropped.
func (l *link) part(behind int) (int, error) {
	const size = 4
	if err := l.fill(behind + size); err != nil {
		return 0, err
	}
	h := l.block.bytes[l.r+behind:]
	n := int(h[0]) | int(h[1])<<8 | int(h[2])<<16
	if h[3] != l.seq {
		return 0, fmt.Errorf("packet %d came instead of %d", h[3], l.seq)
	}
	l.seq++
	if err := l.fill(behind + size + n); err != nil {
		return 0, err
	}
	if behind == 0 {
		l.r += size
		return n, nil
	}
	at := l.r + behind
	copy(l.block.bytes[at:], l.block.bytes[at+size:l.w])
	l.w -= size
	return n, nil
}

// fill makes n bytes available at l.r, in one block.
func (l *link) fill(n int) error {
	if l.r == l.w {
		switch {
		case l.block == nil:
			l.block = newBlock(n)
		case len(l.block.bytes) != blockSize: // a large one is not kept
			l.block.release()
			l.block = newBlock(n)
			l.r, l.w = 0, 0
		case l.block.users.Load() == 1: // nobody needs what is before
			l.r, l.w = 0, 0
		}
	}
	if n > len(l.block.bytes)-l.r {
		have := l.w - l.r
		room := n
		if have > blockSize { // the parts of a large packet are not to be copied each time
			room = max(n, 2*have)
		}
		b := newBlock(room)
		copy(b.bytes, l.block.bytes[l.r:l.w])
		l.block.release()
		l.block, l.r, l.w = b, 0, have
	}
	for l.w-l.r < n {
		if err := l.move(); err != nil {
			return err
		}
		m, err := l.net.Read(l.block.bytes[l.w:])
		l.w += m
		if err != nil && l.w-l.r < n {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("the server has closed the connection: %w", io.ErrUnexpectedEOF)
			}
			return err
		}
	}
	return nil
}

// slack is how much too early a deadline may be: moving it costs more than reading.
const slack = time.Second

// move moves the deadline for reading, when it has to be.
func (l *link) move() error {
	if l.silence <= 0 {
		return nil
	}
	t := time.Now().Add(l.silence)
	if d := t.Sub(l.deadline); d >= 0 && d < slack {
		return nil
	}
	l.deadline = t
	return l.net.SetReadDeadline(t)
}
