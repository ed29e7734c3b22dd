package column

import (
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

func stringSchema(*Codec) *data.Builder { return data.NewSchema(data.String) }

func jsonSchema(*Codec) *data.Builder {
	return data.NewSchema(data.String).Name("io.debezium.data.Json").Version(1)
}

// content returns the bytes of a text or a blob, which a length in c.size bytes precedes, decompressed.
func (c *Codec) content(src []byte, into *[]byte) ([]byte, error) {
	if len(src) < c.size {
		return nil, errShort
	}
	if number(src[:c.size]) != len(src)-c.size {
		return nil, errLength
	}
	src = src[c.size:]
	if c.column.Wire == WireVarcharCompressed || c.column.Wire == WireBlobCompressed {
		return decompress(src, into)
	}
	return src, nil
}

// number reads a little-endian number of up to four bytes.
func number(src []byte) int {
	n := 0
	for i := len(src) - 1; i >= 0; i-- {
		n = n<<8 | int(src[i])
	}
	return n
}

func stringBinlog(c *Codec, w *data.Writer, src []byte) error {
	if c.column.Wire == WireVarcharCompressed || c.column.Wire == WireBlobCompressed {
		b := c.scratch()
		defer c.release(b)
		text, err := c.content(src, b)
		if err != nil {
			return err
		}
		c.appendEncoded(w, text)
		return nil
	}
	text, err := c.content(src, nil)
	if err != nil {
		return err
	}
	c.appendEncoded(w, text)
	return nil
}

// appendEncoded writes a text that is in the column's character set.
func (c *Codec) appendEncoded(w *data.Writer, text []byte) {
	if c.charset.plain(text) {
		c.appendText(w, text)
		return
	}
	b := c.scratch()
	defer c.release(b)
	*b = c.charset.decode((*b)[:0], text)
	c.appendText(w, *b)
}

// stringText reads a text that is in UTF-8, as the text protocol has all texts.
func stringText(c *Codec, w *data.Writer, src []byte) error {
	if utf8.Valid(src) {
		c.appendText(w, src)
		return nil
	}
	b := c.scratch()
	defer c.release(b)
	*b = repair((*b)[:0], src)
	c.appendText(w, *b)
	return nil
}

// appendText writes a text in UTF-8, masked.
func (c *Codec) appendText(w *data.Writer, text []byte) {
	if c.mask == nil {
		w.StringBytes(text)
		return
	}
	b := c.scratch()
	defer c.release(b)
	*b = c.mask.hide((*b)[:0], text)
	w.StringBytes(*b)
}

// repair appends a text with U+FFFD in place of what is not UTF-8.
func repair(dst, src []byte) []byte {
	for len(src) > 0 {
		r, n := utf8.DecodeRune(src)
		dst = utf8.AppendRune(dst, r)
		src = src[n:]
	}
	return dst
}
