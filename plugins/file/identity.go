package main

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// headSize is how many of its first bytes tell a file from another one.
const headSize = 256

// identity tells a file from others, across restarts and whatever its name: the
// inode and a checksum of the first bytes, since inodes are used again.
type identity struct {
	inode uint64
	n     int // bytes the checksum is of
	sum   uint32
}

func identityOf(inode uint64, head []byte) identity {
	h := fnv.New32a()
	_, _ = h.Write(head) // a hash takes everything
	return identity{inode, len(head), h.Sum32()}
}

// String is the form that offsets have: inode, length and checksum, in hexadecimal.
func (i identity) String() string {
	return fmt.Sprintf("%x-%x-%08x", i.inode, i.n, i.sum)
}

func parseIdentity(s string) (identity, error) {
	parts := strings.Split(s, "-")
	if len(parts) != 3 {
		return identity{}, fmt.Errorf("%q is not three numbers", s)
	}
	inode, err1 := strconv.ParseUint(parts[0], 16, 64)
	n, err2 := strconv.ParseUint(parts[1], 16, 32)
	sum, err3 := strconv.ParseUint(parts[2], 16, 32)
	if err := errors.Join(err1, err2, err3); err != nil {
		return identity{}, err
	}
	if n > headSize {
		return identity{}, fmt.Errorf("%q counts more than %d bytes", s, headSize)
	}
	return identity{inode, int(n), uint32(sum)}, nil
}

// is tells whether a file is the one with this identity, which had at least
// size bytes.
func (i identity) is(f *os.File, size int64) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if inodeOf(info) != i.inode || info.Size() < max(size, int64(i.n)) {
		return false, nil
	}
	head := make([]byte, i.n)
	if _, err := f.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	return identityOf(i.inode, head) == i, nil
}

func inodeOf(info os.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	// Elsewhere the first bytes must do, and the time of birth is not known.
	return 0
}

// head is the beginning of an open file, to notice that it was overwritten.
type head struct {
	seen []byte
	room [headSize]byte
}

// changed reads the beginning again. It tells whether what was seen of it is
// different now, and else remembers what is more.
func (h *head) changed(f *os.File) (bool, error) {
	n, err := f.ReadAt(h.room[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	now := h.room[:n]
	if len(now) < len(h.seen) || !bytes.Equal(now[:len(h.seen)], h.seen) {
		return true, nil
	}
	if len(now) > len(h.seen) {
		h.seen = append(h.seen[:0], now...)
	}
	return false, nil
}
