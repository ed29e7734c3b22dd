package convert

import (
	"bytes"
	"fmt"
	"unsafe"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// isNull tells whether v is null; the JSON text null is one, too.
func isNull(v data.Value) bool {
	return v.Data == nil || v.Kind == data.KindJSON && string(bytes.TrimSpace(v.Data)) == "null"
}

// describe names the type of a value for messages.
func describe(v data.Value) string {
	switch v.Kind {
	case data.KindRow:
		return v.Schema.String()
	case data.KindBytes:
		return "bytes"
	case data.KindString:
		return "text"
	case data.KindJSON:
		return "JSON without schema"
	}
	return "null"
}

// whole returns the first mistake of a row that was read to its end.
func whole(r *data.Reader, s *data.Schema) error {
	if err := r.Err(); err != nil {
		return fmt.Errorf("row of %v is damaged: %w", s, err)
	}
	if r.Rest() != 0 {
		return fmt.Errorf("row of %v is damaged: %d bytes too many", s, r.Rest())
	}
	return nil
}

// view is b as a string without a copy; it must not outlive the call it is made for.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
