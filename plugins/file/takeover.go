package main

import (
	"bufio"
	"errors"
	"io"
	"unicode/utf8"
)

// bytesOf translates a position that Kafka's source stored: it counts the
// characters of Java, of which those beyond U+FFFF are two, and one for each
// byte that is not UTF-8. ok is false when the text has fewer.
func bytesOf(text io.Reader, characters int64) (position int64, ok bool, err error) {
	r := bufio.NewReaderSize(text, readSize)
	for characters > 0 {
		c, size, err := r.ReadRune()
		if errors.Is(err, io.EOF) {
			return position, false, nil
		}
		if err != nil {
			return position, false, err
		}
		position += int64(size)
		characters--
		if c > 0xFFFF && c <= utf8.MaxRune {
			characters--
		}
	}
	return position, true, nil
}
