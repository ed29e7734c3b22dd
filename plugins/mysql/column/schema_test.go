package column

import (
	"fmt"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// Most defaults are held against Debezium's in package change.
func TestDefault(t *testing.T) {
	maria := Options{MariaDB: true}
	for name, c := range map[string]struct {
		column  Column
		options Options
		text    string
		want    string // "none" where the schema has none
	}{
		"a number of more than 53 bits":      {Column{Type: BigInt}, Options{}, "9007199254740993", "9007199254740993"},
		"a number beyond 63 bits":            {Column{Type: BigInt, Unsigned: true}, Options{}, "18446744073709551615", "9223372036854775807"},
		"the same, precise":                  {Column{Type: BigInt, Unsigned: true}, Options{BigintUnsigned: BigintPrecise}, "18446744073709551615", "18446744073709551615"},
		"fewer decimals than the column has": {Column{Type: Decimal, Length: 10, Scale: 4}, Options{}, "1.5", "1.5000"},
		"the time of insertion, DATETIME":    {Column{Type: DateTime, Nullable: true}, Options{}, "CURRENT_TIMESTAMP", "0"},
		"the time of insertion, as a text":   {Column{Type: DateTime}, Options{Time: TimeISOString}, "CURRENT_TIMESTAMP(3)", "1970-01-01T00:00:00Z"},
		"the time of insertion, TIMESTAMP":   {Column{Type: Timestamp, Scale: 3}, Options{}, "CURRENT_TIMESTAMP(3)", "1970-01-01T00:00:00Z"},
		"the same, of one that may be NULL":  {Column{Type: Timestamp, Nullable: true}, Options{}, "CURRENT_TIMESTAMP", "none"},
		"TIMESTAMP(3) of a whole second":     {Column{Type: Timestamp, Scale: 3}, Options{}, "2020-01-02 03:04:05.500", "2020-01-02T03:04:05.5Z"},
		"a zero date":                        {Column{Type: Date}, Options{}, "0000-00-00", "0"},
		"a zero date that may be NULL":       {Column{Type: Date, Nullable: true}, Options{}, "0000-00-00", "none"},
		"a date that does not exist":         {Column{Type: Date}, Options{}, "2023-02-30", "none"},
		"bytes, MySQL":                       {Column{Type: Binary, Length: 3}, Options{}, "0x6100", "[97 0 0]"},
		"bytes that look so, MariaDB":        {Column{Type: Blob}, maria, "0x61", "[48 120 54 49]"},
		"bytes that are no hex":              {Column{Type: Blob}, Options{}, "0xzz", "[48 120 122 122]"},
		"bits":                               {Column{Type: Bit, Length: 9}, Options{}, "b'100000001'", "[1 1]"},
		"bits as a number":                   {Column{Type: Bit, Length: 1}, maria, "1", "true"},
		"no bits":                            {Column{Type: Bit, Length: 1}, Options{}, "b'2'", "none"},
		"JSON":                               {Column{Type: JSON}, Options{}, "{}", "none"},
		"UUID":                               {Column{Type: UUID}, maria, "123e4567-e89b-12d3-a456-426655440000", "none"},
		"of a masked column":                 {Column{Type: String}, Options{Mask: Mask{Kind: MaskFixed, Length: 3}}, "new", "new"},
		"no number":                          {Column{Type: Int}, Options{}, "x", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			c.column.Default = &c.text
			codec, err := Compile(c.column, c.options)
			if err != nil {
				t.Fatal(err)
			}
			row, ok := codec.Schema.Default()
			got := "none"
			if ok {
				v, err := data.Decode(codec.Schema, row)
				if err != nil {
					t.Fatal(err)
				}
				if d, decimal := v.(data.Decimal); decimal {
					v = d.String()
				}
				got = fmt.Sprint(v)
			}
			if got != c.want {
				t.Errorf("%s, expected %s", got, c.want)
			}
		})
	}
}
