package column

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// written appends a cell and returns what a reader of the row finds.
func written(t *testing.T, c Column, o Options, cell Cell) (any, error) {
	t.Helper()
	codec, err := Compile(c, o)
	if err != nil {
		t.Fatal(err)
	}
	s := data.NewStruct("").Field("v", codec.Schema).MustBuild()
	var w data.Writer
	w.Reset(nil, s)
	if err := codec.Append(&w, cell); err != nil {
		return nil, err
	}
	row, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	v, err := data.Decode(s, row)
	if err != nil {
		t.Fatal(err)
	}
	v = v.(map[string]any)["v"]
	if d, ok := v.(data.Decimal); ok {
		return d.String(), nil
	}
	return v, nil
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var members = []string{"a", "b", "c,d"}

// What the servers of today send is held against Debezium in package change; here is what they do not send, or rarely.
func TestBinlog(t *testing.T) {
	for name, c := range map[string]struct {
		column  Column
		options Options
		hex     string
		want    string
	}{
		"TINYINT(1) as BOOLEAN":           {Column{Type: TinyInt, Length: 1, Wire: WireTiny}, Options{TinyIntBool: true}, "02", "true"},
		"TINYINT(2) stays a number":       {Column{Type: TinyInt, Length: 2, Wire: WireTiny}, Options{TinyIntBool: true}, "02", "2"},
		"TINYINT(1) UNSIGNED":             {Column{Type: TinyInt, Length: 1, Unsigned: true, Wire: WireTiny}, Options{TinyIntBool: true}, "ff", "255"},
		"BIGINT UNSIGNED, precise":        {Column{Type: BigInt, Unsigned: true, Wire: WireLongLong}, Options{BigintUnsigned: BigintPrecise}, "ffffffffffffffff", "18446744073709551615"},
		"DATETIME before MySQL 5.6":       {Column{Type: DateTime, Wire: WireDateTime}, Options{}, "45ece7335f120000", "1577934245000"},
		"zero DATETIME before MySQL 5.6":  {Column{Type: DateTime, Nullable: true, Wire: WireDateTime}, Options{}, "0000000000000000", "<nil>"},
		"TIMESTAMP before MySQL 5.6":      {Column{Type: Timestamp, Wire: WireTimestamp}, Options{}, "a55d0d5e", "2020-01-02T03:04:05Z"},
		"TIME before MySQL 5.6":           {Column{Type: Time, Wire: WireTime}, Options{}, "40e201", "45296000000"},
		"negative TIME before MySQL 5.6":  {Column{Type: Time, Wire: WireTime}, Options{}, "c01dfe", "-45296000000"},
		"DATE by its other number":        {Column{Type: Date, Wire: WireNewDate}, Options{}, "22c80f", "18263"},
		"TIME(3), adaptive":               {Column{Type: Time, Scale: 3, Wire: WireTime2, Meta: 3}, Options{Time: TimeAdaptive}, "800001 000a", "1001"},
		"TIME(6), adaptive":               {Column{Type: Time, Scale: 6, Wire: WireTime2, Meta: 6}, Options{Time: TimeAdaptive}, "800001 000001", "1000001"},
		"TIME beyond a day, connect":      {Column{Type: Time, Wire: WireTime2}, Options{Time: TimeConnect}, "864000", "100h0m0s"},
		"TIME beyond a day, isostring":    {Column{Type: Time, Wire: WireTime2}, Options{Time: TimeISOString}, "b46efb", "838:59:59Z"},
		"negative TIME, isostring":        {Column{Type: Time, Scale: 2, Wire: WireTime2, Meta: 2}, Options{Time: TimeISOString}, "7fffffce", "-00:00:00.5Z"},
		"year of two digits":              {Column{Type: Date, Wire: WireDate}, Options{Time: TimeISOString}, "f48a00", "2069-07-20Z"},
		"year of two digits, kept":        {Column{Type: Date, Wire: WireDate}, Options{Time: TimeISOString, KeepYears: true}, "f48a00", "0069-07-20Z"},
		"a year that ends a day early":    {Column{Type: DateTime, Wire: WireDateTime2}, Options{Time: TimeMicros}, "fef3ff7efb", "253402300799000000"},
		"ENUM of two bytes":               {Column{Type: Enum, Members: members, Wire: WireString, Meta: 0xf702}, Options{}, "0300", "c,d"},
		"ENUM without a value":            {Column{Type: Enum, Members: members, Wire: WireEnum, Meta: 1}, Options{}, "00", ""},
		"SET of all":                      {Column{Type: Set, Members: members, Wire: WireSet, Meta: 1}, Options{}, "07", "a,b,c,d"},
		"VECTOR":                          {Column{Type: Vector, Wire: WireVector, Meta: 4}, Options{}, "08000000 0000803f 000000c0", "[1 -2]"},
		"text that is not UTF-8":          {Column{Type: String, Charset: "utf8mb4", Wire: WireVarchar, Meta: 40}, Options{}, "03 61ff62", "a\uFFFDb"},
		"text that the charset cannot be": {Column{Type: String, Charset: "ascii", Wire: WireVarchar, Meta: 40}, Options{}, "03 61ff62", "a?b"},
		"JSON without bytes":              {Column{Type: JSON, Wire: WireJSON, Meta: 4}, Options{}, "00000000", "null"},
		"masked ENUM":                     {Column{Type: Enum, Members: members, Wire: WireEnum, Meta: 1}, Options{Mask: Mask{Kind: MaskFixed, Length: 3}}, "01", "***"},
		"truncated BLOB":                  {Column{Type: Blob, Wire: WireBlob, Meta: 1}, Options{Mask: Mask{Kind: MaskTruncate, Length: 2}}, "03 010203", "[1 2]"},
		"truncated within a pair of UTF-16": {Column{Type: String, Charset: "utf8mb4", Wire: WireVarchar, Meta: 40},
			Options{Mask: Mask{Kind: MaskTruncate, Length: 2}}, "05 61f09f8e89", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := written(t, c.column, c.options, Cell{Bytes: unhex(t, c.hex), State: Binlog})
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != c.want {
				t.Errorf("%v, expected %v", got, c.want)
			}
		})
	}
}

func TestNull(t *testing.T) {
	for name, c := range map[string]struct {
		column  Column
		options Options
		want    any
	}{
		"optional":                      {Column{Type: Int, Nullable: true}, Options{}, nil},
		"masked":                        {Column{Type: String, Nullable: true}, Options{Mask: Mask{Kind: MaskFixed, Length: 2}}, "**"},
		"truncated":                     {Column{Type: String, Nullable: true}, Options{Mask: Mask{Kind: MaskTruncate, Length: 2}}, nil},
		"required number":               {Column{Type: Int}, Options{}, int32(0)},
		"required, with a default":      {Column{Type: Int, Default: ptr("7")}, Options{}, int32(7)},
		"required text":                 {Column{Type: String}, Options{}, ""},
		"required JSON":                 {Column{Type: JSON}, Options{}, "{}"},
		"required DECIMAL":              {Column{Type: Decimal, Length: 5, Scale: 2}, Options{}, "0.00"},
		"required DECIMAL as a text":    {Column{Type: Decimal, Length: 5}, Options{Decimal: DecimalString}, "0"},
		"required BIT":                  {Column{Type: Bit, Length: 1}, Options{}, false},
		"required TIMESTAMP":            {Column{Type: Timestamp}, Options{}, "1970-01-01T00:00:00Z"},
		"required DATE as a text":       {Column{Type: Date}, Options{Time: TimeISOString}, "1970-01-01Z"},
		"required TIME as a text":       {Column{Type: Time}, Options{Time: TimeISOString}, "00:00:00Z"},
		"GEOMETRY, which is never that": {Column{Type: Geometry}, Options{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := written(t, c.column, c.options, Cell{State: Null})
			if err != nil || got != c.want {
				t.Errorf("%v, %v; expected %v", got, err, c.want)
			}
		})
	}
	if _, err := written(t, Column{Type: Point}, Options{}, Cell{State: Null}); err == nil {
		t.Error("a POINT that must not be null has a null")
	}
}

func ptr(s string) *string { return &s }

// Errors name the column and its type and never show the value.
func TestErrors(t *testing.T) {
	decimal := Column{Name: "c", SQLType: "DECIMAL", Type: Decimal, Length: 4, Scale: 2, Wire: WireNewDecimal, Meta: 4<<8 | 2}
	for name, c := range map[string]struct {
		column  Column
		options Options
		cell    Cell
		want    string
	}{
		"absent":                 {Column{Type: Int}, Options{}, Cell{}, "binlog_row_image=FULL"},
		"without a table map":    {Column{Type: Int}, Options{}, Cell{Bytes: []byte{1, 0, 0, 0}, State: Binlog}, "without the type of the table map"},
		"short INT":              {Column{Type: Int, Wire: WireLong}, Options{}, Cell{Bytes: []byte{1}, State: Binlog}, "length"},
		"short text":             {Column{Type: String, Wire: WireVarchar, Meta: 300}, Options{}, Cell{Bytes: []byte{1}, State: Binlog}, "shorter"},
		"text of another length": {Column{Type: String, Wire: WireVarchar, Meta: 30}, Options{}, Cell{Bytes: []byte("\x05secret"), State: Binlog}, "length"},
		"DECIMAL of hex digits":  {decimal, Options{}, Cell{Bytes: []byte{0xff, 0xff}, State: Binlog}, "not a number"},
		"the same as a text":     {decimal, Options{Decimal: DecimalString}, Cell{Bytes: []byte{0xff, 0xff}, State: Binlog}, "not a number"},
		"no ENUM's member":       {Column{Type: Enum, Members: members, Wire: WireEnum, Meta: 1}, Options{}, Cell{Bytes: []byte{4}, State: Binlog}, "not a member"},
		"no SET's member":        {Column{Type: Set, Members: members, Wire: WireSet, Meta: 1}, Options{}, Cell{Bytes: []byte{8}, State: Binlog}, "not a member"},
		"30 February":            {Column{Type: Date, Wire: WireDate}, Options{}, Cell{Bytes: []byte{0x5e, 0xce, 0x0f}, State: Binlog}, "does not exist"},
		"30 February as a text":  {Column{Type: Date}, Options{}, Cell{Bytes: []byte("2023-02-30"), State: Text}, "does not exist"},
		"beyond nanoseconds":     {Column{Type: DateTime}, Options{Time: TimeNanos}, Cell{Bytes: []byte("9999-12-31 00:00:00"), State: Text}, "time.precision.mode"},
		"839 hours":              {Column{Type: Time, Wire: WireTime2}, Options{}, Cell{Bytes: []byte{0xb4, 0x70, 0}, State: Binlog}, "not a time"},
		"a minute of 60 seconds": {Column{Type: Time}, Options{}, Cell{Bytes: []byte("00:00:60"), State: Text}, "not a time"},
		"text as a number":       {Column{Type: Int}, Options{}, Cell{Bytes: []byte("secret"), State: Text}, "not a number"},
		"too large a number":     {Column{Type: BigInt}, Options{}, Cell{Bytes: []byte("9223372036854775808"), State: Text}, "not a number"},
		"text as a FLOAT":        {Column{Type: Float}, Options{}, Cell{Bytes: []byte("secret"), State: Text}, "not a number"},
		"text as a DECIMAL":      {decimal, Options{}, Cell{Bytes: []byte("1.2.3"), State: Text}, "not a number"},
		"too many decimals":      {decimal, Options{}, Cell{Bytes: []byte("1.234"), State: Text}, "not a number"},
		"short GEOMETRY":         {Column{Type: Geometry, Wire: WireGeometry, Meta: 1}, Options{}, Cell{Bytes: []byte{2, 0, 0}, State: Binlog}, "not a geometry"},
		"a line as POINT":        {Column{Type: Point}, Options{}, Cell{Bytes: make([]byte, 25), State: Text}, "not a geometry"},
		"half a VECTOR":          {Column{Type: Vector}, Options{}, Cell{Bytes: make([]byte, 3), State: Text}, "length"},
		"long UUID":              {Column{Type: UUID, Wire: WireString, Meta: 0xfe20}, Options{}, Cell{Bytes: append([]byte{17}, make([]byte, 17)...), State: Binlog}, "length"},
		"damaged compression":    {Column{Type: Blob, Wire: WireBlobCompressed, Meta: 1}, Options{}, Cell{Bytes: []byte{3, 0x81, 9, 9}, State: Binlog}, "damaged"},
		"damaged JSON":           {Column{Type: JSON, Wire: WireJSON, Meta: 1}, Options{}, Cell{Bytes: []byte{1, 99}, State: Binlog}, "damaged"},
		"short BIT":              {Column{Type: Bit, Length: 9}, Options{}, Cell{Bytes: []byte{1}, State: Text}, "length"},
	} {
		t.Run(name, func(t *testing.T) {
			c.column.Name, c.column.SQLType = "total", "T"
			_, err := written(t, c.column, c.options, c.cell)
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), "column total T: ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Error(err)
			}
			if c.cell.State == Absent && !errors.Is(err, ErrAbsent) {
				t.Error("not ErrAbsent")
			}
		})
	}
}

func TestCompileErrors(t *testing.T) {
	for name, c := range map[string]struct {
		column  Column
		options Options
		want    string
	}{
		"no type":         {Column{SQLType: "OID"}, Options{}, "not known"},
		"another type":    {Column{Type: Int, Wire: WireShort}, Options{}, "another type"},
		"ENUM as CHAR":    {Column{Type: String, Wire: WireString, Meta: 0xf701}, Options{}, "another type"},
		"no charset":      {Column{Type: String, Charset: "klingon"}, Options{}, `"klingon" is not known`},
		"no hash":         {Column{Type: String}, Options{Mask: Mask{Kind: MaskHash, Algorithm: "CRC"}}, `"CRC" is not known`},
		"DECIMAL(99,99)":  {Column{Type: Decimal, Wire: WireNewDecimal, Meta: 99<<8 | 99}, Options{}, "does not exist"},
		"BLOB of 9 bytes": {Column{Type: Blob, Wire: WireBlob, Meta: 9}, Options{}, "meta data"},
	} {
		t.Run(name, func(t *testing.T) {
			c.column.Name = "total"
			if _, err := Compile(c.column, c.options); err == nil || !strings.Contains(err.Error(), "column total") || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
		})
	}
}

func TestMaskIgnored(t *testing.T) {
	for name, c := range map[string]struct {
		column Column
		mask   Mask
		want   bool
	}{
		"a number":           {Column{Type: Int}, Mask{Kind: MaskFixed}, true},
		"bytes":              {Column{Type: Blob}, Mask{Kind: MaskHash, Algorithm: "MD5"}, true},
		"bytes, truncated":   {Column{Type: Blob}, Mask{Kind: MaskTruncate}, false},
		"a text":             {Column{Type: String}, Mask{Kind: MaskFixed}, false},
		"a number, unmasked": {Column{Type: Int}, Mask{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			codec, err := Compile(c.column, Options{Mask: c.mask})
			if err != nil || codec.MaskIgnored != c.want {
				t.Error(codec, err)
			}
		})
	}
}

// Reading a value of a common type allocates nothing, from either protocol.
func TestAllocations(t *testing.T) {
	for name, c := range map[string]struct {
		column       Column
		binlog, text string
	}{
		"BIGINT":        {Column{Type: BigInt, Wire: WireLongLong}, "0700000000000000", "7"},
		"VARCHAR":       {Column{Type: String, Charset: "utf8mb4", Wire: WireVarchar, Meta: 128}, "03 616263", "abc"},
		"latin1":        {Column{Type: String, Charset: "latin1", Wire: WireVarchar, Meta: 128}, "03 61e963", "abc"},
		"BINARY":        {Column{Type: Binary, Length: 4, Wire: WireString, Meta: 0xfe04}, "02 6162", "abcd"},
		"DECIMAL(10,2)": {Column{Type: Decimal, Length: 10, Scale: 2, Wire: WireNewDecimal, Meta: 10<<8 | 2}, "80000001 32", "1.50"},
		"DECIMAL(65,2)": {Column{Type: Decimal, Length: 65, Scale: 2, Wire: WireNewDecimal, Meta: 65<<8 | 2},
			"80000000000000000000000000000000000000000000000000000001 32", "123456789012345678901234567890.50"},
		"DATETIME(3)":  {Column{Type: DateTime, Scale: 3, Wire: WireDateTime2, Meta: 3}, "99a5443105 0001", "2020-01-02 03:04:05.678"},
		"TIMESTAMP(3)": {Column{Type: Timestamp, Scale: 3, Wire: WireTimestamp2, Meta: 3}, "5e0d5da5 0001", "2020-01-02 03:04:05.678"},
		"TIME":         {Column{Type: Time, Wire: WireTime2}, "864000", "100:00:00"},
		"DATE":         {Column{Type: Date, Wire: WireDate}, "22c80f", "2020-01-02"},
		"DOUBLE":       {Column{Type: Double, Wire: WireDouble}, "000000000000f03f", "1"},
		"ENUM":         {Column{Type: Enum, Members: members, Wire: WireEnum, Meta: 1}, "01", "a"},
		"SET":          {Column{Type: Set, Members: members, Wire: WireSet, Meta: 1}, "03", "a,b"},
		"BIT(20)":      {Column{Type: Bit, Length: 20, Wire: WireBit, Meta: 2<<8 | 4}, "010203", "\x01\x02\x03"},
	} {
		t.Run(name, func(t *testing.T) {
			codec, err := Compile(c.column, Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := data.NewStruct("").Field("v", codec.Schema).MustBuild()
			var w data.Writer
			row := make([]byte, 0, 256)
			for _, cell := range []Cell{{unhex(t, c.binlog), Binlog}, {[]byte(c.text), Text}} {
				n := testing.AllocsPerRun(100, func() {
					w.Reset(row[:0], s)
					if err := codec.Append(&w, cell); err != nil {
						t.Fatal(err)
					}
				})
				if n != 0 && !raceEnabled {
					t.Errorf("state %d: %v allocations", cell.State, n)
				}
			}
		})
	}
}
