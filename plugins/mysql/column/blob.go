package column

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func binarySchema(c *Codec) *data.Builder {
	if c.options.Binary == BinaryBytes {
		return data.NewSchema(data.Bytes)
	}
	return data.NewSchema(data.String)
}

func binaryBinlog(c *Codec, w *data.Writer, src []byte) error {
	if c.column.Wire == WireVarcharCompressed || c.column.Wire == WireBlobCompressed {
		b := c.scratch()
		defer c.release(b)
		value, err := c.content(src, b)
		if err != nil {
			return err
		}
		return binaryText(c, w, value)
	}
	value, err := c.content(src, nil)
	if err != nil {
		return err
	}
	return binaryText(c, w, value)
}

// binaryText writes bytes; the log leaves the zeros at the end of a BINARY out.
func binaryText(c *Codec, w *data.Writer, src []byte) error {
	if c.column.Type == Binary && len(src) < c.column.Length {
		b := c.scratch()
		defer c.release(b)
		src = pad((*b)[:0], src, c.column.Length)
		*b = src
	}
	if t, ok := c.mask.(truncation); ok && c.options.Binary == BinaryBytes && len(src) > int(t) {
		src = src[:t]
	}
	if c.options.Binary == BinaryBytes {
		w.Bytes(src)
		return nil
	}
	b := c.scratch()
	defer c.release(b)
	switch c.options.Binary {
	case BinaryBase64:
		*b = base64.StdEncoding.AppendEncode((*b)[:0], src)
	case BinaryBase64URL:
		*b = base64.URLEncoding.AppendEncode((*b)[:0], src)
	default:
		*b = hex.AppendEncode((*b)[:0], src)
	}
	w.StringBytes(*b)
	return nil
}

// pad appends src and zeros up to a length.
func pad(dst, src []byte, length int) []byte {
	dst = append(dst, src...)
	for len(dst) < length {
		dst = append(dst, 0)
	}
	return dst
}
