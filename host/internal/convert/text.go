package convert

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// textWriter writes values as text, in one of two ways: as Java's toString does, Struct{a=1,b=x}, which people read;
// or as a literal, {"a":1,"b":"x"}, which Kafka's header values are and which can be read back.
type textWriter struct {
	literal bool
	row     data.Reader
	err     error
	depth   int
}

var errBytes = errors.New("it is bytes that are not UTF-8 text")

// text returns the text of a value that is not null. It may share memory with v and with a.
func (w *textWriter) text(a *Arena, v data.Value) ([]byte, error) {
	from := len(a.buf)
	switch v.Kind {
	case data.KindString:
		return v.Data, nil
	case data.KindBytes:
		return w.bytes(a, v.Data)
	case data.KindJSON:
		text := v.Data[space(v.Data, 0):]
		if len(text) > 0 && text[0] == '"' {
			end, escaped, err := skipString(text, 0)
			if err != nil {
				return nil, err
			}
			if !escaped {
				return text[1 : end-1 : end-1], nil
			}
			return a.cut(appendUnescaped(a.buf, text[1:end-1]), from), nil
		}
		return v.Data, nil
	}
	w.row.Reset(v.Data)
	w.err, w.depth = nil, 0
	switch t := v.Schema.Type(); {
	case t == data.String:
		text := w.row.Bytes()
		return text, whole(&w.row, v.Schema)
	case t == data.Bytes && v.Schema.Name() != data.DecimalName:
		b := w.row.Bytes()
		if err := whole(&w.row, v.Schema); err != nil {
			return nil, err
		}
		return w.bytes(a, b)
	}
	buf := w.value(a.buf, v.Schema, false)
	if w.err == nil {
		w.err = whole(&w.row, v.Schema)
	}
	if w.err != nil {
		return nil, w.err
	}
	return a.cut(buf, from), nil
}

// bytes returns the text of bytes on their own: literals have base64; elsewhere bytes that are text are that text.
func (w *textWriter) bytes(a *Arena, b []byte) ([]byte, error) {
	from := len(a.buf)
	if w.literal {
		return a.cut(base64.StdEncoding.AppendEncode(a.buf, b), from), nil
	}
	if !utf8.Valid(b) {
		return nil, errBytes
	}
	return b, nil
}

func (w *textWriter) ok() bool { return w.err == nil && w.row.Err() == nil }

// value appends the value that comes next; inner values are parts of another one.
func (w *textWriter) value(dst []byte, s *data.Schema, inner bool) []byte {
	switch t := s.Type(); t {
	case data.Struct:
		return w.structure(dst, s)
	case data.Array:
		return w.array(dst, s)
	case data.Map:
		return w.mapping(dst, s)
	case data.Any:
		return w.any(dst, inner)
	case data.Bytes:
		if s.Name() == data.DecimalName {
			scale, err := scaleOf(s)
			if err != nil && w.err == nil {
				w.err = err
			}
			return data.AppendDecimalText(dst, w.row.Bytes(), scale)
		}
		return w.scalar(dst, t, inner)
	case data.Int32:
		switch s.Name() {
		case data.DateName:
			return w.time(dst, time.Unix(int64(w.row.Int32())*86400, 0), time.DateOnly)
		case data.TimeName:
			return w.time(dst, time.UnixMilli(int64(w.row.Int32())), timeLayout)
		}
		return w.scalar(dst, t, inner)
	case data.Int64:
		if s.Name() == data.TimestampName {
			return w.time(dst, time.UnixMilli(w.row.Int64()), timestampLayout)
		}
		return w.scalar(dst, t, inner)
	default:
		return w.scalar(dst, t, inner)
	}
}

// Layouts of literals.
const (
	timeLayout      = "15:04:05.000Z"
	timestampLayout = time.DateOnly + "T" + timeLayout
)

func (w *textWriter) time(dst []byte, t time.Time, layout string) []byte {
	t = t.UTC()
	if w.literal {
		return t.AppendFormat(dst, layout)
	}
	dst = t.AppendFormat(dst, "Mon Jan 02 15:04:05 UTC ")
	return strconv.AppendInt(dst, int64(t.Year()), 10)
}

func (w *textWriter) scalar(dst []byte, t data.Type, inner bool) []byte {
	quoted := inner && w.literal
	switch t {
	case data.Boolean:
		return strconv.AppendBool(dst, w.row.Bool())
	case data.Int8:
		return strconv.AppendInt(dst, int64(w.row.Int8()), 10)
	case data.Int16:
		return strconv.AppendInt(dst, int64(w.row.Int16()), 10)
	case data.Int32:
		return strconv.AppendInt(dst, int64(w.row.Int32()), 10)
	case data.Int64:
		return strconv.AppendInt(dst, w.row.Int64(), 10)
	case data.Float32:
		return data.AppendFloatText(dst, float64(w.row.Float32()), 32)
	case data.Float64:
		return data.AppendFloatText(dst, w.row.Float64(), 64)
	case data.Bytes:
		if quoted {
			return appendBase64(dst, w.row.Bytes())
		}
		return base64.StdEncoding.AppendEncode(dst, w.row.Bytes())
	}
	if quoted {
		return appendQuoted(dst, w.row.Bytes())
	}
	return append(dst, w.row.Bytes()...)
}

// appendQuoted appends a string inside a literal: only quotes and backslashes are escaped.
func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, c := range s {
		if c == '"' || c == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"')
}

func (w *textWriter) element(dst []byte, s *data.Schema, null bool) []byte {
	if null {
		return append(dst, "null"...)
	}
	return w.value(dst, s, true)
}

// structure leaves fields out that are null, as toString does; literals have them.
func (w *textWriter) structure(dst []byte, s *data.Schema) []byte {
	if !w.literal {
		dst = append(dst, "Struct"...)
	}
	dst = append(dst, '{')
	nulls := w.row.Struct(s)
	first := true
	for i, f := range s.Fields() {
		null := nulls.Null(s.NullBit(i))
		if null && !w.literal {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		if w.literal {
			dst = append(appendQuoted(dst, []byte(f.Name)), ':')
		} else {
			dst = append(append(dst, f.Name...), '=')
		}
		dst = w.element(dst, f.Schema, null)
	}
	return append(dst, '}')
}

func (w *textWriter) separate(dst []byte, i int) []byte {
	switch {
	case i == 0:
		return dst
	case w.literal:
		return append(dst, ',')
	}
	return append(dst, ',', ' ')
}

func (w *textWriter) array(dst []byte, s *data.Schema) []byte {
	n, nulls := w.row.Array(s)
	dst = append(dst, '[')
	for i := 0; i < n && w.ok(); i++ {
		dst = w.element(w.separate(dst, i), s.Element(), nulls.Null(i))
	}
	return append(dst, ']')
}

func (w *textWriter) mapping(dst []byte, s *data.Schema) []byte {
	colon := byte('=')
	if w.literal {
		colon = ':'
	}
	n, keys, values := w.row.Map(s)
	dst = append(dst, '{')
	for i := 0; i < n && w.ok(); i++ {
		dst = w.element(w.separate(dst, i), s.Key(), keys.Null(i))
		dst = w.element(append(dst, colon), s.Element(), values.Null(i))
	}
	return append(dst, '}')
}

func (w *textWriter) any(dst []byte, inner bool) []byte {
	if w.depth++; w.depth > data.MaxDepth && w.err == nil {
		w.err = fmt.Errorf("value is nested deeper than %d", data.MaxDepth)
	}
	switch t := w.row.AnyType(); {
	case w.err != nil:
	case t == 0:
		dst = append(dst, "null"...)
	case t == data.Array:
		dst = w.array(dst, anyArray.schema)
	case t == data.Map:
		dst = w.mapping(dst, anyMap.schema)
	default:
		dst = w.scalar(dst, t, inner)
	}
	w.depth--
	return dst
}
