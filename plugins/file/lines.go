package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
)

const (
	// quietSize is the room for one read of a file that gives little: most files that are followed do, and there may be hundreds.
	quietSize = 4 << 10
	// readSize is the room for one read of a file that fills the smaller one.
	readSize = 256 << 10
	// maxLine leaves room in a record for what goes with the line.
	maxLine = sdk.MaxRecord - 64<<10
)

// lines cuts an open file into lines, in one buffer that is used again, grows
// with what there is to read and with the longest line, and shrinks by release.
//
//	buf:   lines returned │ next line … │ read, not cut yet │ room
//	       0              start         scan                end
type lines struct {
	file *os.File
	head head
	// position is the offset in the file of buf[start].
	position int64

	buf              []byte
	start, scan, end int
	newline          int  // position of the next \n in buf, -1: none up to scan
	returns          bool // there may be a \r in the buffer
}

// errOverwritten says that the file is not the one that was read so far.
var errOverwritten = errors.New("the file was truncated or overwritten")

// open starts to read a file at a position.
func (l *lines) open(f *os.File, position int64) error {
	l.file, l.position = f, position
	l.start, l.scan, l.end, l.newline, l.returns = 0, 0, 0, -1, false
	l.head.seen = l.head.seen[:0]
	_, err := l.head.changed(f)
	return err
}

// fill reads more of the file and returns how many bytes there were; none means
// that the end is reached. errOverwritten: what was read is void.
func (l *lines) fill() (int, error) {
	l.makeRoom()
	n, err := l.file.ReadAt(l.buf[l.end:], l.position+int64(l.end-l.start))
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	// Looked at after the read, so that what was read is of the same file.
	info, err := l.file.Stat()
	if err != nil {
		return 0, err
	}
	overwritten, err := l.head.changed(l.file)
	if err != nil {
		return 0, err
	}
	if overwritten || info.Size() < l.position+int64(l.end-l.start+n) {
		return 0, errOverwritten
	}
	l.returns = l.returns || bytes.IndexByte(l.buf[l.end:l.end+n], '\r') >= 0
	l.end += n
	return n, nil
}

// makeRoom moves what is left to the front, and takes a larger buffer for a long
// line or for a file that has more than fits.
func (l *lines) makeRoom() {
	filled := l.end == len(l.buf) // the last read took all the room there was
	l.moveToFront()
	switch {
	case l.buf == nil:
		l.resize(quietSize)
	case l.end > len(l.buf)/2, filled && len(l.buf) < readSize:
		l.resize(max(readSize, 2*l.end))
	}
}

// release exchanges a large buffer for a small one, for a file that is quiet.
func (l *lines) release() {
	l.moveToFront()
	if l.end <= quietSize/2 && len(l.buf) > quietSize {
		l.resize(quietSize)
	}
}

func (l *lines) moveToFront() {
	if l.start == 0 {
		return
	}
	left := copy(l.buf, l.buf[l.start:l.end])
	if l.newline >= 0 {
		l.newline -= l.start
	}
	l.start, l.scan, l.end = 0, l.scan-l.start, left
	l.returns = l.returns && bytes.IndexByte(l.buf[:left], '\r') >= 0
}

// resize takes a buffer of another size for what is left, which is at its front.
func (l *lines) resize(size int) {
	buf := make([]byte, size)
	copy(buf, l.buf[:l.end])
	l.buf = buf
}

// next returns the next whole line without its end, valid until fill. No line
// means that fill has to read more first.
func (l *lines) next() (line []byte, ok bool, err error) {
	if l.newline < l.scan {
		l.newline = -1
	}
	if l.newline < 0 {
		if i := bytes.IndexByte(l.buf[l.scan:l.end], '\n'); i >= 0 {
			l.newline = l.scan + i
		}
	}
	to, after := l.newline, l.newline+1
	if l.returns {
		limit := l.end
		if l.newline >= 0 {
			limit = l.newline
		}
		if i := bytes.IndexByte(l.buf[l.scan:limit], '\r'); i >= 0 {
			to = l.scan + i
			after = to + 1
			switch {
			case after == l.newline:
				after++
			case after == l.end:
				// What follows decides: \r\n is one end.
				l.scan = to
				return nil, false, l.checkLength()
			}
		}
	}
	if to < 0 {
		l.scan = l.end
		return nil, false, l.checkLength()
	}
	line = l.buf[l.start:to]
	if len(line) > maxLine {
		return nil, false, l.tooLong()
	}
	l.position += int64(after - l.start)
	l.start, l.scan = after, after
	return line, true, nil
}

// rest returns what is left at the end of a file that nobody will finish.
func (l *lines) rest() ([]byte, bool) {
	rest := bytes.TrimSuffix(l.buf[l.start:l.end], []byte{'\r'})
	ok := l.start < l.end
	l.position += int64(l.end - l.start)
	l.start, l.scan = l.end, l.end
	return rest, ok
}

func (l *lines) checkLength() error {
	if l.end-l.start > maxLine {
		return l.tooLong()
	}
	return nil
}

func (l *lines) tooLong() error {
	return fmt.Errorf("the line at byte %d is longer than %d bytes, which is more than a record can be; "+
		"is it a text file? Break the line, or set the offset behind it", l.position, maxLine)
}
