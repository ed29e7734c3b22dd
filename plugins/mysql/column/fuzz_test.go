package column

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

var charsets = []string{"utf8mb4", "latin1", "ucs2", "utf16", "utf16le", "utf32", "sjis", "gb18030", "big5", "ujis", "swe7"}

// Whatever a server sends: no panic, and what is written is a row of the schema.
func FuzzCell(f *testing.F) {
	for t := TinyInt; t <= INET6; t++ {
		for _, wire := range wires(t) {
			f.Add(byte(t), wire, uint16(3), byte(3), byte(1), uint16(0), []byte{1, 2, 3, 4, 5, 6, 7, 8})
		}
		f.Add(byte(t), byte(0), uint16(0), byte(10), byte(2), uint16(0xffff), []byte("2020-01-02 03:04:05.678"))
		f.Add(byte(t), byte(0), uint16(0), byte(10), byte(2), uint16(1), []byte("-12.5"))
	}
	f.Add(byte(JSON), byte(WireJSON), uint16(1), byte(0), byte(0), uint16(0), []byte("\x17\x00\x01\x00\x16\x00\x0b\x00\x01\x00\x02\x0c\x00a\x02\x00\x0a\x00\x05\x01\x00\x05\x02\x00"))
	f.Fuzz(func(t *testing.T, kind, wire byte, meta uint16, length, scale byte, o uint16, src []byte) {
		c := Column{
			Name: "c", Type: Type(kind), Wire: wire, Meta: meta, Length: int(length), Scale: int(scale % 7), Unsigned: o&1 != 0, Nullable: o&2 != 0,
			Charset: charsets[int(o>>2)%len(charsets)], Members: members,
		}
		options := Options{
			Decimal: DecimalMode(o >> 3 % 3), Time: TimeMode(o >> 5 % 6), BigintUnsigned: BigintMode(o >> 8 & 1), Binary: BinaryMode(o >> 9 & 3), KeepYears: o&0x800 != 0,
			Mask: Mask{Kind: MaskKind(o >> 12 % 5), Length: 3, Algorithm: "MD5"},
		}
		if text := string(src); o&0x4000 != 0 && utf8.ValidString(text) {
			c.Default = &text
		}
		codec, err := Compile(c, options)
		if err != nil {
			return
		}
		s := data.NewStruct("").Field("v", codec.Schema).MustBuild()
		for _, state := range []CellState{Null, Binlog, Text} {
			var w data.Writer
			w.Reset(nil, s)
			if codec.Append(&w, Cell{src, state}) != nil {
				continue
			}
			row, err := w.Finish()
			if err != nil {
				t.Fatal(err)
			}
			if err := data.Check(s, row); err != nil {
				t.Fatalf("state %d: %v", state, err)
			}
		}
	})
}

// A document that is printed is JSON.
func FuzzJSON(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x16\x00\x0b\x00\x01\x00\x02\x0c\x00a\x02\x00\x0a\x00\x05\x01\x00\x05\x02\x00"))
	f.Add([]byte("\x0c\x05a\"\\\x01\xff"))
	f.Add([]byte("\x0f\xf6\x04\x04\x02\x81\x05"))
	f.Add([]byte("\x0f\x0c\x08\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x0b\x00\x00\x00\x00\x00\x00\xf0\x3f"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) == 0 {
			return
		}
		p := jsonPrinter{limit: 16*len(src) + 256}
		p.value(src[0], src[1:], 0)
		if !p.failed && !json.Valid(p.dst) {
			t.Errorf("%s", p.dst)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for i := range charsets {
		f.Add(byte(i), []byte("abc\xe9\x81\x40\xff\xd8\x3d\xdc\x00"))
	}
	f.Fuzz(func(t *testing.T, charset byte, src []byte) {
		text, err := Decode(charsets[int(charset)%len(charsets)], src)
		if err != nil || !utf8.ValidString(text) {
			t.Errorf("%q, %v", text, err)
		}
	})
}
