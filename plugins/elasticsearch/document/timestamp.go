package document

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// timestampName is the member that each document of a data stream has.
const timestampName = "@timestamp"

var timestampPath = Path{timestampName}

// AppendTimestamped appends a document with the member @timestamp: the value of
// the first of the fields that it has, else its own @timestamp, else the record's
// time in milliseconds since the epoch.
func AppendTimestamped(dst, document []byte, fields []Path, millis int64) ([]byte, error) {
	own := timestampPath.Lookup(document)
	var value []byte
	for _, f := range fields {
		if v := f.Lookup(document); v != nil && !bytes.Equal(v, []byte("null")) {
			value = v
			break
		}
	}
	switch {
	case value == nil && own != nil, value != nil && bytes.Equal(value, own):
		return append(dst, document...), nil
	case value == nil && millis == data.NoTimestamp:
		return dst, errors.New("neither the record nor the document has a time, and a data stream needs one: name a field in data.stream.timestamp.field")
	case value == nil:
		value = strconv.AppendInt(nil, millis, 10)
	}
	dst = append(append(dst, `{"`+timestampName+`":`...), value...)
	members(document, func(name, member []byte) bool {
		if !named(name, timestampName) {
			dst = append(append(append(append(dst, ',', '"'), name...), '"', ':'), member...)
		}
		return true
	})
	return append(dst, '}'), nil
}
