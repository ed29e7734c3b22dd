package column

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// MySQL stores a JSON document as a tree with offsets. What is written here is the text that the server makes of it, so that the text protocol
// and the binary log have the same.

// jsonBinlog reads a document; one without bytes is a null that a server put there itself.
func jsonBinlog(c *Codec, w *data.Writer, src []byte) error {
	value, err := c.content(src, nil)
	if err != nil {
		return err
	}
	if len(value) == 0 {
		w.String("null")
		return nil
	}
	b := c.scratch()
	defer c.release(b)
	p := jsonPrinter{dst: (*b)[:0], limit: 16*len(value) + 256}
	p.value(value[0], value[1:], 0)
	*b = p.dst
	if p.failed {
		return errJSON
	}
	w.StringBytes(p.dst)
	return nil
}

var errJSON = errors.New("the JSON document in the binary log is damaged")

// The types of a value in a document.
const (
	jsonSmallObject = 0
	jsonLargeObject = 1
	jsonSmallArray  = 2
	jsonLargeArray  = 3
	jsonLiteral     = 4
	jsonInt16       = 5
	jsonUint16      = 6
	jsonInt32       = 7
	jsonUint32      = 8
	jsonInt64       = 9
	jsonUint64      = 10
	jsonDouble      = 11
	jsonString      = 12
	jsonOpaque      = 15
)

// jsonDepth is deeper than the servers allow.
const jsonDepth = 128

// jsonPrinter appends a document as text. After a failure it does nothing more.
type jsonPrinter struct {
	dst    []byte
	limit  int // no document makes more text than this of its bytes: parts of a damaged one may overlap
	failed bool
}

func (p *jsonPrinter) fail() { p.failed = true }

func (p *jsonPrinter) value(t byte, src []byte, depth int) {
	if p.failed || depth > jsonDepth || len(p.dst) > p.limit {
		p.fail()
		return
	}
	switch t {
	case jsonSmallObject, jsonLargeObject, jsonSmallArray, jsonLargeArray:
		p.container(t, src, depth)
	case jsonLiteral:
		if len(src) < 1 || src[0] > 2 {
			p.fail()
			return
		}
		p.dst = append(p.dst, [...]string{"null", "true", "false"}[src[0]]...)
	case jsonString:
		text, _, ok := jsonBytes(src)
		if !ok {
			p.fail()
			return
		}
		p.text(text)
	case jsonOpaque:
		p.opaque(src)
	default:
		p.number(t, src)
	}
}

func (p *jsonPrinter) number(t byte, src []byte) {
	size := 8
	switch t {
	case jsonInt16, jsonUint16:
		size = 2
	case jsonInt32, jsonUint32:
		size = 4
	case jsonInt64, jsonUint64, jsonDouble:
	default:
		p.fail()
		return
	}
	if len(src) < size {
		p.fail()
		return
	}
	switch t {
	case jsonInt16:
		p.dst = strconv.AppendInt(p.dst, int64(int16(binary.LittleEndian.Uint16(src))), 10)
	case jsonUint16:
		p.dst = strconv.AppendUint(p.dst, uint64(binary.LittleEndian.Uint16(src)), 10)
	case jsonInt32:
		p.dst = strconv.AppendInt(p.dst, int64(int32(binary.LittleEndian.Uint32(src))), 10)
	case jsonUint32:
		p.dst = strconv.AppendUint(p.dst, uint64(binary.LittleEndian.Uint32(src)), 10)
	case jsonInt64:
		p.dst = strconv.AppendInt(p.dst, int64(binary.LittleEndian.Uint64(src)), 10)
	case jsonUint64:
		p.dst = strconv.AppendUint(p.dst, binary.LittleEndian.Uint64(src), 10)
	default:
		v := math.Float64frombits(binary.LittleEndian.Uint64(src))
		if math.IsNaN(v) || math.IsInf(v, 0) {
			p.fail()
			return
		}
		p.dst = appendDouble(p.dst, v)
	}
}

// container prints an object or an array. Its header has the number of elements, its size, then for each element of an object the place and the
// length of the key, and for each element the type with the place of the value, or with the value itself where it is short.
func (p *jsonPrinter) container(t byte, src []byte, depth int) {
	width := 2
	if t == jsonLargeObject || t == jsonLargeArray {
		width = 4
	}
	object := t == jsonSmallObject || t == jsonLargeObject
	if len(src) < 2*width {
		p.fail()
		return
	}
	count, size := number(src[:width]), number(src[width:2*width])
	if size > len(src) {
		p.fail()
		return
	}
	src = src[:size]
	keys, values := 2*width, 2*width
	if object {
		values += count * (width + 2)
	}
	if count > size || values+count*(1+width) > size {
		p.fail()
		return
	}
	open, end := byte('['), byte(']')
	if object {
		open, end = '{', '}'
	}
	p.dst = append(p.dst, open)
	for i := range count {
		if i > 0 {
			p.dst = append(p.dst, ", "...)
		}
		if object {
			entry := src[keys+i*(width+2):]
			from, length := number(entry[:width]), number(entry[width:width+2])
			if from+length > size {
				p.fail()
				return
			}
			p.text(src[from : from+length])
			p.dst = append(p.dst, ": "...)
		}
		entry := src[values+i*(1+width):][:1+width]
		p.element(entry[0], entry[1:], src, depth)
		if p.failed {
			return
		}
	}
	p.dst = append(p.dst, end)
}

func (p *jsonPrinter) element(t byte, entry, src []byte, depth int) {
	inline := t == jsonLiteral || t == jsonInt16 || t == jsonUint16 || len(entry) == 4 && (t == jsonInt32 || t == jsonUint32)
	if inline {
		p.value(t, entry, depth+1)
		return
	}
	from := number(entry)
	if from >= len(src) {
		p.fail()
		return
	}
	p.value(t, src[from:], depth+1)
}

// jsonBytes reads bytes that their length precedes, seven bits a byte, the lowest first.
func jsonBytes(src []byte) (content, rest []byte, ok bool) {
	n := 0
	for i := range 5 {
		if i >= len(src) {
			return nil, nil, false
		}
		n |= int(src[i]&0x7f) << (7 * i)
		if src[i]&0x80 == 0 {
			if src = src[i+1:]; n > len(src) {
				return nil, nil, false
			}
			return src[:n], src[n:], true
		}
	}
	return nil, nil, false
}

// text prints a string as the server does: characters other than controls, quotes and backslashes as they are.
func (p *jsonPrinter) text(src []byte) {
	p.dst = append(p.dst, '"')
	from := 0
	for i := 0; i < len(src); {
		b := src[i]
		if b >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && n == 1 {
				p.dst = append(append(p.dst, src[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		if b >= ' ' && b != '"' && b != '\\' {
			i++
			continue
		}
		p.dst = append(p.dst, src[from:i]...)
		switch b {
		case '"', '\\':
			p.dst = append(p.dst, '\\', b)
		case '\b':
			p.dst = append(p.dst, '\\', 'b')
		case '\f':
			p.dst = append(p.dst, '\\', 'f')
		case '\n':
			p.dst = append(p.dst, '\\', 'n')
		case '\r':
			p.dst = append(p.dst, '\\', 'r')
		case '\t':
			p.dst = append(p.dst, '\\', 't')
		default:
			const digits = "0123456789abcdef"
			p.dst = append(p.dst, '\\', 'u', '0', '0', digits[b>>4], digits[b&15])
		}
		i++
		from = i
	}
	p.dst = append(append(p.dst, src[from:]...), '"')
}

// opaque prints a value of one of the server's own types.
func (p *jsonPrinter) opaque(src []byte) {
	if len(src) < 1 {
		p.fail()
		return
	}
	t := src[0]
	value, _, ok := jsonBytes(src[1:])
	if !ok {
		p.fail()
		return
	}
	switch t {
	case WireNewDecimal:
		if len(value) < 2 {
			p.fail()
			return
		}
		precision, scale := int(value[0]), int(value[1])
		size, err := decimalSize(precision, scale)
		if err != nil || len(value) != 2+size {
			p.fail()
			return
		}
		if p.dst, ok = decimalDigits(p.dst, value[2:], precision, scale); !ok {
			p.fail()
		}
	case WireDate, WireTime, WireDateTime, WireTimestamp:
		if len(value) != 8 {
			p.fail()
			return
		}
		p.packed(t, int64(binary.LittleEndian.Uint64(value)))
	default:
		p.dst = append(p.dst, `"base64:type`...)
		p.dst = append(strconv.AppendUint(p.dst, uint64(t), 10), ':')
		p.dst = append(base64.StdEncoding.AppendEncode(p.dst, value), '"')
	}
}

// packed prints a date or a time: the microseconds in the lowest 24 bits, then 17 bits of time, five of the day, and the months.
func (p *jsonPrinter) packed(t byte, v int64) {
	p.dst = append(p.dst, '"')
	if v < 0 {
		p.dst = append(p.dst, '-')
		v = -v
	}
	micro, clock, days := int(v&(1<<24-1)), int(v>>24), int(v>>41)
	switch {
	case micro >= microsSecond || v < 0:
		p.fail()
		return
	case t == WireTime:
		p.dst = appendClock(p.dst, clock>>12&0x3ff, clock>>6&63, clock&63, micro, 6)
	default:
		months := days >> 5
		if months > 9999*13+12 {
			p.fail()
			return
		}
		p.dst = appendDate(p.dst, moment{year: months / 13, month: months % 13, day: days & 31})
		if t != WireDate {
			p.dst = appendClock(append(p.dst, ' '), clock>>12&31, clock>>6&63, clock&63, micro, 6)
		}
	}
	p.dst = append(p.dst, '"')
}

// appendDouble prints a number as the server does: the shortest digits that read as the same number, with an exponent for whole numbers from 10^15
// on and numbers below 10^-15, always with a point or an exponent.
func appendDouble(dst []byte, v float64) []byte {
	var b, d [24]byte
	short := strconv.AppendFloat(b[:0], v, 'e', -1, 64)
	if short[0] == '-' {
		dst = append(dst, '-')
		short = short[1:]
	}
	e := bytes.IndexByte(short, 'e')
	digits := append(d[:0], short[0])
	if e > 2 {
		digits = append(digits, short[2:e]...)
	}
	exponent := 0
	for _, c := range short[e+2:] {
		exponent = exponent*10 + int(c-'0')
	}
	if short[e+1] == '-' {
		exponent = -exponent
	}
	point := exponent + 1 // digits before the point
	switch {
	case v == 0:
		return append(dst, "0.0"...)
	case point > 15 && len(digits) <= point || point < -14:
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(append(dst, '.'), digits[1:]...)
		}
		return strconv.AppendInt(append(dst, 'e'), int64(exponent), 10)
	case point <= 0:
		dst = append(dst, "0."...)
		for ; point < 0; point++ {
			dst = append(dst, '0')
		}
		return append(dst, digits...)
	case point >= len(digits):
		dst = append(dst, digits...)
		for range point - len(digits) {
			dst = append(dst, '0')
		}
		return append(dst, ".0"...)
	}
	dst = append(append(dst, digits[:point]...), '.')
	return append(dst, digits[point:]...)
}
