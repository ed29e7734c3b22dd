package convert

import (
	"fmt"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// byteArray is Kafka's ByteArrayConverter: bytes pass through.
type byteArray struct{ use Use }

func newByteArray(s settings) (Converter, error) { return byteArray{s.use}, nil }

func (c byteArray) FromConnect(_ *Arena, _ string, v data.Value) ([]byte, error) {
	switch {
	case isNull(v):
		return nil, nil
	case v.Kind == data.KindBytes:
		return v.Data, nil
	case v.Kind == data.KindRow && v.Schema.Type() == data.Bytes && v.Schema.Name() != data.DecimalName:
		var r data.Reader
		r.Reset(v.Data)
		b := r.Bytes()
		return b, whole(&r, v.Schema)
	}
	return nil, fmt.Errorf("%s is %s, and ByteArrayConverter takes bytes only; set %s to StringConverter or JsonConverter",
		c.use, describe(v), c.use.setting(""))
}

func (byteArray) ToConnect(_ *Arena, _ string, b []byte) (data.Value, error) {
	return data.BytesValue(b), nil
}

// Opaque tells whether a converter's values are the bytes as they are: ToConnect returns them as data.BytesValue does.
func Opaque(c Converter) bool {
	_, ok := c.(byteArray)
	return ok
}
