package column

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
	"unicode/utf8"
)

// mask hides a text.
type mask interface {
	// hide appends what stands for a text. It may be called several times at once.
	hide(dst, text []byte) []byte
}

// newMask makes the mask of a column, nil if it has none, or if its type is not masked.
func newMask(m Mask, c Column) (mask, error) {
	text := c.Type == String || c.Type == Enum || c.Type == Set
	switch m.Kind {
	case MaskNone:
		return nil, nil
	case MaskTruncate:
		if m.Length < 0 {
			return nil, fmt.Errorf("a text cannot be truncated to %d characters", m.Length)
		}
		return truncation(m.Length), nil
	}
	if !text {
		return nil, nil
	}
	if m.Kind == MaskFixed {
		if m.Length < 0 {
			return nil, fmt.Errorf("a mask cannot have %d characters", m.Length)
		}
		return fixed(bytes.Repeat([]byte{'*'}, m.Length)), nil
	}
	h, err := newHash(m.Algorithm)
	if err != nil {
		return nil, err
	}
	length := c.Length
	switch c.Type {
	case Enum:
		length = 1
	case Set:
		length = max(0, 2*len(c.Members)-1)
	}
	if length == 0 {
		length = 1 << 20 // TEXT has no length
	}
	return hashed{new: h, salt: []byte(m.Salt), serialized: m.Kind == MaskHash, length: length}, nil
}

// fixed is the same text for every value, NULL too.
type fixed []byte

func (f fixed) hide(dst, _ []byte) []byte { return append(dst, f...) }

// truncation keeps so many characters, counted as Java does: those beyond U+FFFF are two.
type truncation int

func (t truncation) hide(dst, text []byte) []byte {
	at, count := 0, 0
	for at < len(text) {
		r, n := utf8.DecodeRune(text[at:])
		count++
		if r > 0xffff {
			count++
		}
		if count > int(t) {
			break
		}
		at += n
	}
	return append(dst, text[:at]...)
}

// hashed is the hash of a salt and the text, in hex, no longer than the column is.
type hashed struct {
	new        func() hash.Hash
	salt       []byte
	serialized bool // the text as Java serializes a String: what Debezium hashed first, and still does without "v2"
	length     int
}

func (m hashed) hide(dst, text []byte) []byte {
	h := m.new()
	h.Write(m.salt)
	if m.serialized {
		h.Write(serialize(text))
	} else {
		h.Write(text)
	}
	sum := hex.AppendEncode(nil, h.Sum(nil))
	return append(dst, sum[:min(len(sum), m.length)]...)
}

// serialize returns a text as java.io.ObjectOutputStream writes it.
func serialize(text []byte) []byte {
	modified := make([]byte, 0, len(text)+16)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case r == 0:
			modified = append(modified, 0xc0, 0x80)
		case r > 0xffff: // two surrogates of three bytes each
			r -= 0x10000
			for _, half := range [2]rune{0xd800 + r>>10, 0xdc00 + r&0x3ff} {
				modified = append(modified, 0xe0|byte(half>>12), 0x80|byte(half>>6&0x3f), 0x80|byte(half&0x3f))
			}
		default:
			modified = append(modified, text[i:i+n]...)
		}
		i += n
	}
	stream := []byte{0xac, 0xed, 0x00, 0x05}
	if len(modified) <= 0xffff {
		stream = binary.BigEndian.AppendUint16(append(stream, 't'), uint16(len(modified)))
	} else {
		stream = binary.BigEndian.AppendUint64(append(stream, '|'), uint64(len(modified)))
	}
	return append(stream, modified...)
}

// newHash finds a hash by Java's name of it.
func newHash(algorithm string) (func() hash.Hash, error) {
	switch strings.ReplaceAll(strings.ToUpper(algorithm), "-", "") {
	case "MD5":
		return md5.New, nil
	case "SHA", "SHA1":
		return sha1.New, nil
	case "SHA224":
		return sha256.New224, nil
	case "SHA256":
		return sha256.New, nil
	case "SHA384":
		return sha512.New384, nil
	case "SHA512":
		return sha512.New, nil
	}
	return nil, fmt.Errorf("hash %q is not known: use MD5, SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512", algorithm)
}
