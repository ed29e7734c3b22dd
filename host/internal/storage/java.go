package storage

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/go-hclog"
)

// A standalone worker of Kafka Connect keeps its offsets in a file with one serialised java.util.HashMap of byte arrays
// to byte arrays; keys and values are those of the offsets topic.

// javaMagic is how Java's serialisation stream, version 5, begins.
var javaMagic = []byte{0xac, 0xed, 0x00, 0x05}

// javaBackup is added to the name of a file that was converted.
const javaBackup = ".java-backup"

// importJava converts the file. The original is copied first and replaced last: dying in between changes nothing.
func (l *logFile) importJava(content []byte, logger hclog.Logger, keep func(Entry)) (*logFile, int64, error) {
	var entries []Entry
	err := readJavaMap(content, func(key, value []byte) {
		if key != nil && value != nil {
			entries = append(entries, Entry{Key: key, Value: value, Offset: int64(len(entries))})
		}
	})
	if err != nil {
		return nil, 0, fmt.Errorf("%s looks like an offset file of Kafka Connect and cannot be read: %w; it was left as it is", l.path, err)
	}
	backup := l.path + javaBackup
	if err := writeBackup(backup, content); err != nil {
		return nil, 0, fmt.Errorf("keeping a copy of the offset file of Kafka Connect: %w", err)
	}
	next := int64(len(entries))
	converted, err := l.create(entries, next)
	if err != nil {
		return nil, 0, fmt.Errorf("converting the offset file of Kafka Connect: %w", err)
	}
	for _, e := range entries {
		keep(e)
	}
	logger.Info("converted an offset file of Kafka Connect", "path", l.path, "backup", backup, "entries", len(entries))
	return converted, next, nil
}

// writeBackup writes a file that does not exist yet, or has this content already.
func writeBackup(path string, content []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	} else if err == nil {
		return fmt.Errorf("%s exists and is another one: move it away", path)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		os.Remove(path)
		return err
	}
	return syncFolder(path)
}

// Codes of Java's serialisation, as far as a map of byte arrays needs them.
const (
	javaNull         = 0x70
	javaReference    = 0x71
	javaClass        = 0x72
	javaObject       = 0x73
	javaArray        = 0x75
	javaBlockData    = 0x77
	javaEndBlockData = 0x78

	javaFirstHandle = 0x7e0000
)

// javaReader reads a serialisation stream. Its methods do nothing once there is an error.
type javaReader struct {
	rest    []byte
	handles []javaThing // what a reference may point to, in order of appearance
	err     error
}

// javaThing is an array, or the description of a class, or an object of no further interest.
type javaThing struct {
	class string
	bytes []byte
}

// readJavaMap calls fn with each key and value of a stream that holds one HashMap of byte arrays; nil is Java's null.
func readJavaMap(content []byte, fn func(key, value []byte)) error {
	r := &javaReader{rest: content[len(javaMagic):]}
	r.expect(javaObject, "an object")
	class := r.class()
	r.handle(javaThing{})
	if r.err == nil && class != "java.util.HashMap" {
		r.fail("it holds a %.100q and not a java.util.HashMap", class)
	}
	r.take(4 + 4) // the fields loadFactor and threshold
	r.expect(javaBlockData, "the map's size")
	r.expect(4+4, "the map's size")
	r.take(4) // number of buckets
	for n := r.number(4); n > 0 && r.err == nil; n-- {
		key := r.array()
		value := r.array()
		if r.err == nil {
			fn(key, value)
		}
	}
	r.expect(javaEndBlockData, "the end of the map")
	if r.err == nil && len(r.rest) > 0 {
		r.fail("%d bytes follow the map", len(r.rest))
	}
	return r.err
}

func (r *javaReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// take returns the next n bytes, nil after an error.
func (r *javaReader) take(n int) []byte {
	if r.err == nil && n > len(r.rest) {
		r.fail("it ends too early")
	}
	if r.err != nil {
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// number reads a big-endian number of up to four bytes.
func (r *javaReader) number(size int) int {
	n := 0
	for _, b := range r.take(size) {
		n = n<<8 | int(b)
	}
	return n
}

func (r *javaReader) expect(code int, what string) {
	if got := r.number(1); r.err == nil && got != code {
		r.fail("code 0x%02x in place of %s", got, what)
	}
}

func (r *javaReader) handle(t javaThing) { r.handles = append(r.handles, t) }

func (r *javaReader) reference() javaThing {
	n := r.number(4) - javaFirstHandle
	if r.err == nil && (n < 0 || n >= len(r.handles)) {
		r.fail("a reference to nothing")
	}
	if r.err != nil {
		return javaThing{}
	}
	return r.handles[n]
}

// class reads the description of a class and returns its name, empty for null.
func (r *javaReader) class() string {
	switch code := r.number(1); {
	case r.err != nil:
		return ""
	case code == javaNull:
		return ""
	case code == javaReference:
		return r.reference().class
	case code != javaClass:
		r.fail("code 0x%02x in place of a class", code)
		return ""
	}
	name := string(r.take(r.number(2)))
	r.take(8) // serialVersionUID
	r.handle(javaThing{class: name})
	r.take(1) // flags
	for n := r.number(2); n > 0 && r.err == nil; n-- {
		if kind := r.number(1); r.err == nil && (kind == '[' || kind == 'L') {
			r.fail("class %.100q has fields of other classes", name)
		}
		r.take(r.number(2)) // name of the field
	}
	r.expect(javaEndBlockData, "the end of a class")
	if super := r.class(); super != "" {
		r.fail("class %.100q extends %.100q", name, super)
	}
	return name
}

// array reads an array of bytes, nil for null.
func (r *javaReader) array() []byte {
	switch code := r.number(1); {
	case r.err != nil || code == javaNull:
		return nil
	case code == javaReference:
		return r.reference().bytes
	case code != javaArray:
		r.fail("code 0x%02x in place of an array of bytes", code)
		return nil
	}
	if class := r.class(); r.err == nil && class != "[B" {
		r.fail("an array of class %.100q in place of one of bytes", class)
	}
	n := r.number(4)
	b := r.take(n)
	if b == nil {
		return nil
	}
	r.handle(javaThing{bytes: b})
	return b
}
