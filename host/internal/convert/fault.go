package convert

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// fault is a mistake at a place inside a value.
type fault struct {
	path string
	err  error
}

func (f *fault) Error() string { return "field " + f.path + ": " + f.err.Error() }

func (f *fault) Unwrap() error { return f.err }

// within adds a field name or an index such as [3] in front of the place of an error.
func within(err error, step string) error {
	var f *fault
	if !errors.As(err, &f) {
		return &fault{step, err}
	}
	if !strings.HasPrefix(f.path, "[") {
		step += "."
	}
	return &fault{step + f.path, f.err}
}

// foreign tells what bytes look like when they were written by another converter; "" when they do not look like it.
func foreign(b []byte) string {
	switch {
	case len(b) >= 5 && b[0] == 0:
		return fmt.Sprintf("begins with magic byte 0, schema id %d: this is Avro, Protobuf or JSON Schema with a schema registry",
			binary.BigEndian.Uint32(b[1:]))
	case len(b) >= 18 && b[0] == 3 && (b[1] == 0 || b[1] == 5):
		return "begins like AWS Glue's schema registry writes it (version 3)"
	case len(b) >= 2 && (b[0] == 0xFE && b[1] == 0xFF || b[0] == 0xFF && b[1] == 0xFE):
		return "is text in UTF-16"
	}
	return ""
}
