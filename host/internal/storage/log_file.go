package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/hashicorp/go-hclog"
)

// A log file is a header and frames, numbers little endian:
//
//	header  "OUTBOARD LOG 1\r\n", offset of the first entry appended after the header was written (8 bytes), CRC of both (4)
//	frame   length of the payload (4), CRC of length and payload (4), payload
//	payload entries: offset (uvarint), key length (uvarint), key, value length + 1 or 0 for a tombstone (uvarint), value
//
// CRC is CRC-32C. A frame is written and synced before the next one is: only the last can be torn.
const (
	logMagic    = "OUTBOARD LOG 1\r\n"
	headerSize  = len(logMagic) + 8 + 4
	frameHeader = 8
	maxFrame    = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// logFile is an open log file, locked against other processes.
type logFile struct {
	path string
	f    *os.File
	size int64
}

// openLogFile opens or creates the file and gives its entries to keep, in order. next is the offset of the entry to come.
func openLogFile(path string, logger hclog.Logger, keep func(Entry)) (l *logFile, next int64, err error) {
	f, err := openLocked(path)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	content, err := io.ReadAll(f)
	if err != nil {
		return nil, 0, fmt.Errorf("reading %s: %w", path, err)
	}
	l = &logFile{path: path, f: f, size: int64(len(content))}
	switch {
	case bytes.HasPrefix(content, []byte(logMagic)) && len(content) >= headerSize:
		next, err = l.load(content, logger, keep)
		return l, next, err
	case bytes.HasPrefix(content, javaMagic):
		return l.importJava(content, logger, keep)
	case len(content) == 0:
		l, err = l.create(nil, 0)
		return l, 0, err
	default:
		return nil, 0, fmt.Errorf("%s is neither a log of Outboard nor an offset file of Kafka Connect: move it away, or name another file in offset.storage.file.filename; it was left as it is", path)
	}
}

// openLocked opens the file and locks it. The lock ends with the process, however that ends.
func openLocked(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("the folder %s does not exist: create it, or name a file elsewhere: %w", filepath.Dir(path), err)
			}
			return nil, err
		}
		if err := lock(f); err != nil {
			f.Close()
			return nil, err
		}
		// Whoever had it open may have replaced it between our opening and our locking.
		locked, err := f.Stat()
		if err == nil {
			var named fs.FileInfo
			if named, err = os.Stat(path); err == nil && os.SameFile(locked, named) {
				return f, nil
			}
		}
		f.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return fmt.Errorf("%s is in use by another worker: stop that one, or give this one a file of its own", f.Name())
	case err != nil:
		return fmt.Errorf("%s cannot be locked, which keeps two workers from sharing it; put it on a local disk: %w", f.Name(), err)
	}
	return nil
}

// load reads the frames and cuts a torn one off.
func (l *logFile) load(content []byte, logger hclog.Logger, keep func(Entry)) (next int64, err error) {
	next, good, err := readLog(content, keep)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", l.path, err)
	}
	if good == l.size {
		return next, nil
	}
	logger.Warn("the last write to the log was cut short when its worker died; it was never confirmed to anybody and is dropped", "path", l.path, "offset", good, "bytes", l.size-good)
	if err := l.cut(good); err != nil {
		return 0, fmt.Errorf("cutting the torn end off %s: %w", l.path, err)
	}
	return next, nil
}

// readLog calls keep with all entries and returns the next offset and the number of bytes that are good: what follows is
// the torn last frame. Anything else that is wrong is an error.
func readLog(content []byte, keep func(Entry)) (next, good int64, err error) {
	if !bytes.HasPrefix(content, []byte(logMagic)) || len(content) < headerSize {
		return 0, 0, errors.New("not a log of Outboard")
	}
	sum := len(logMagic) + 8
	if binary.LittleEndian.Uint32(content[sum:]) != crc32.Checksum(content[:sum], castagnoli) {
		return 0, 0, errors.New("the log's header is damaged; restore the file from a backup, or move it away to start without offsets")
	}
	next = int64(binary.LittleEndian.Uint64(content[len(logMagic):]))
	at := headerSize
	for at < len(content) {
		payload, ok := frameAt(content, at)
		if !ok {
			if later := frameAfter(content, at+1); later >= 0 {
				return 0, 0, fmt.Errorf("the log is damaged at byte %d, with good data after it at byte %d: the disk lost what was written; restore the file from a backup, or move it away to start without offsets", at, later)
			}
			break
		}
		if next, err = readPayload(payload, next, keep); err != nil {
			return 0, 0, fmt.Errorf("the log's frame at byte %d: %w", at, err)
		}
		at += frameHeader + len(payload)
	}
	return next, int64(at), nil
}

// frameAt returns the payload of the frame that starts at a byte, if one does.
func frameAt(content []byte, at int) (payload []byte, ok bool) {
	if len(content)-at < frameHeader {
		return nil, false
	}
	size := binary.LittleEndian.Uint32(content[at:])
	if size == 0 || int64(size) > int64(len(content)-at-frameHeader) {
		return nil, false
	}
	payload = content[at+frameHeader:][:size:size]
	return payload, binary.LittleEndian.Uint32(content[at+4:]) == frameSum(content[at:at+4], payload)
}

// frameAfter returns where the first whole frame starts at or after a byte, -1 when there is none.
func frameAfter(content []byte, at int) int {
	for ; at < len(content); at++ {
		if _, ok := frameAt(content, at); ok {
			return at
		}
	}
	return -1
}

func frameSum(size, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(size, castagnoli), castagnoli, payload)
}

var errBadEntry = errors.New("its checksum is right and its content is not: another version of Outboard wrote it, use that one")

// readPayload calls keep with the entries of a frame and returns the offset after the last.
func readPayload(payload []byte, next int64, keep func(Entry)) (int64, error) {
	field := func(size uint64) ([]byte, bool) {
		if size > uint64(len(payload)) {
			return nil, false
		}
		b := payload[:size:size]
		payload = payload[size:]
		return b, true
	}
	number := func() (uint64, bool) {
		v, n := binary.Uvarint(payload)
		if n <= 0 {
			return 0, false
		}
		payload = payload[n:]
		return v, true
	}
	for len(payload) > 0 {
		var e Entry
		offset, ok := number()
		if !ok || int64(offset) < 0 {
			return 0, errBadEntry
		}
		e.Offset = int64(offset)
		size, ok := number()
		if !ok {
			return 0, errBadEntry
		}
		if e.Key, ok = field(size); !ok {
			return 0, errBadEntry
		}
		if size, ok = number(); !ok {
			return 0, errBadEntry
		}
		if size > 0 {
			if e.Value, ok = field(size - 1); !ok {
				return 0, errBadEntry
			}
		}
		keep(e)
		next = max(next, e.Offset+1)
	}
	return next, nil
}

func appendEntry(dst []byte, e Entry) []byte {
	dst = binary.AppendUvarint(dst, uint64(e.Offset))
	dst = binary.AppendUvarint(dst, uint64(len(e.Key)))
	dst = append(dst, e.Key...)
	if e.Value == nil {
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(len(e.Value))+1)
	return append(dst, e.Value...)
}

// entrySize is about what an entry takes in a file of its own frame.
func entrySize(e Entry) int64 { return frameHeader + 8 + int64(len(e.Key)+len(e.Value)) }

func appendFrame(dst []byte, entries []Entry) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, frameHeader)...)
	for _, e := range entries {
		dst = appendEntry(dst, e)
	}
	payload := dst[start+frameHeader:]
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(dst[start+4:], frameSum(dst[start:start+4], payload))
	return dst
}

func appendHeader(dst []byte, next int64) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint64(append(dst, logMagic...), uint64(next))
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// append writes one frame and syncs it. fatal tells that the state of the file is unknown from now on.
func (l *logFile) append(entries []Entry) (fatal bool, err error) {
	frame := appendFrame(nil, entries)
	if _, err := l.f.WriteAt(frame, l.size); err != nil {
		err = fmt.Errorf("writing to %s: %w", l.path, err)
		if cutting := l.cut(l.size); cutting != nil {
			return true, errors.Join(err, cutting)
		}
		return false, err
	}
	if err := l.f.Sync(); err != nil {
		return true, fmt.Errorf("%s could not be synced to disk, what it holds is unknown; check the disk and restart the worker: %w", l.path, err)
	}
	l.size += int64(len(frame))
	return false, nil
}

// cut drops all from a byte on.
func (l *logFile) cut(size int64) error {
	if err := l.f.Truncate(size); err != nil {
		return err
	}
	l.size = size
	return l.f.Sync()
}

// create is rewrite for a file that nobody uses yet.
func (l *logFile) create(entries []Entry, next int64) (*logFile, error) {
	created, err := l.rewrite(entries, next)
	if err != nil && created != nil {
		created.close()
	}
	return created, err
}

// rewrite replaces the file by one with only these entries. Whenever the process dies, the file is either as before or
// replaced. With an error and without a result l is as it was; with both l is replaced and closed, but the disk may forget
// the new file.
func (l *logFile) rewrite(entries []Entry, next int64) (*logFile, error) {
	content := appendHeader(nil, next)
	for len(entries) > 0 {
		n, size := 0, int64(0)
		for n < len(entries) && (n == 0 || size+entrySize(entries[n]) <= maxGroup) {
			size += entrySize(entries[n])
			n++
		}
		content = appendFrame(content, entries[:n])
		entries = entries[n:]
	}
	temporary := l.path + ".new"
	f, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	replaced := false
	defer func() {
		if !replaced {
			f.Close()
			os.Remove(temporary)
		}
	}()
	if err := lock(f); err != nil {
		return nil, err
	}
	if _, err := f.Write(content); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if err := os.Rename(temporary, l.path); err != nil {
		return nil, err
	}
	replaced = true
	l.f.Close()
	rewritten := &logFile{path: l.path, f: f, size: int64(len(content))}
	if err := syncFolder(l.path); err != nil {
		return rewritten, fmt.Errorf("the folder of %s could not be synced to disk; check the disk and restart the worker: %w", l.path, err)
	}
	return rewritten, nil
}

// syncFolder makes the name of a new file durable.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems have nothing to sync there
		return err
	}
	return nil
}

func (l *logFile) close() error { return l.f.Close() }
