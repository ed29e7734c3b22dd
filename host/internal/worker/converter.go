package worker

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/outboard-connect/outboard/host/internal/convert"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// converter is the one of keys or of values of a task.
type converter struct {
	convert.Converter
	opaque bool           // bytes stay as they are
	headed convert.Headed // the same, if a header of the record may name the schema
	header string
}

func newConverter(class string, settings map[string]string, use convert.Use) (c converter, err error) {
	if c.Converter, err = convert.New(class, settings, use); err != nil {
		return c, err
	}
	if headed, ok := c.Converter.(convert.Headed); ok {
		c.headed, c.header = headed, headed.SchemaHeader()
	}
	c.opaque = convert.Opaque(c.Converter)
	return c, nil
}

// fromConnect makes the bytes of a key or value, and adds the header that names its schema to the record's, which are the last of the batch.
func (c *converter) fromConnect(b *batch, topic string, v *data.Value) ([]byte, error) {
	if c.opaque && v.Kind == data.KindBytes {
		return v.Data, nil
	}
	if c.headed == nil {
		return c.FromConnect(&b.made.arena, topic, *v)
	}
	bytes, header, err := c.headed.FromConnectHeaded(&b.made.arena, topic, *v)
	if header != nil {
		b.made.headers = append(b.made.headers, kgo.RecordHeader{Key: c.header, Value: header})
	}
	return bytes, err
}

// toConnect makes v the key or value of a record, from its bytes.
func (c *converter) toConnect(v *data.Value, a *convert.Arena, k *kgo.Record, bytes []byte) (err error) {
	if c.opaque {
		v.Kind, v.Schema, v.Data = data.KindBytes, nil, bytes
		return nil
	}
	if c.headed == nil {
		*v, err = c.ToConnect(a, k.Topic, bytes)
		return err
	}
	var header []byte
	for i := len(k.Headers) - 1; i >= 0; i-- {
		if k.Headers[i].Key == c.header {
			header = k.Headers[i].Value
			break
		}
	}
	*v, err = c.headed.ToConnectHeaded(a, k.Topic, bytes, header)
	return err
}
