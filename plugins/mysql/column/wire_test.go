package column

import (
	"testing"
)

func TestWidth(t *testing.T) {
	for name, c := range map[string]struct {
		wire byte
		meta uint16
		src  []byte
		want int // 0: an error
	}{
		"TINYINT":              {WireTiny, 0, []byte{1, 2}, 1},
		"MEDIUMINT":            {WireInt24, 0, []byte{1, 2, 3, 4}, 3},
		"short BIGINT":         {WireLongLong, 0, []byte{1, 2, 3, 4}, 0},
		"TIME(3)":              {WireTime2, 3, make([]byte, 9), 5},
		"DATETIME(6)":          {WireDateTime2, 6, make([]byte, 9), 8},
		"TIMESTAMP(1)":         {WireTimestamp2, 1, make([]byte, 9), 5},
		"TIMESTAMP(7)":         {WireTimestamp2, 7, make([]byte, 9), 0},
		"DECIMAL(10,2)":        {WireNewDecimal, 10<<8 | 2, make([]byte, 9), 5},
		"DECIMAL(65,30)":       {WireNewDecimal, 65<<8 | 30, make([]byte, 40), 30},
		"DECIMAL(2,10)":        {WireNewDecimal, 2<<8 | 10, make([]byte, 40), 0},
		"BIT(9)":               {WireBit, 1<<8 | 1, make([]byte, 9), 2},
		"BIT(65)":              {WireBit, 8<<8 | 1, make([]byte, 20), 0},
		"ENUM":                 {WireString, 0xf702, make([]byte, 9), 2},
		"SET":                  {WireString, 0xf808, make([]byte, 9), 8},
		"ENUM of nothing":      {WireString, 0xf700, make([]byte, 9), 0},
		"CHAR":                 {WireString, 0xfe28, []byte{2, 'a', 'b', 'c'}, 3},
		"CHAR of 1020 bytes":   {WireString, 0xcefc, []byte{2, 0, 'a', 'b', 'c'}, 4},
		"VARCHAR":              {WireVarchar, 255, []byte{2, 'a', 'b', 'c'}, 3},
		"VARCHAR of 256 bytes": {WireVarchar, 256, []byte{2, 0, 'a', 'b', 'c'}, 4},
		"VARCHAR that is cut":  {WireVarchar, 255, []byte{9, 'a'}, 0},
		"VARCHAR of nothing":   {WireVarchar, 255, nil, 0},
		"MEDIUMBLOB":           {WireBlob, 3, []byte{1, 0, 0, 9, 9}, 4},
		"LONGBLOB that is cut": {WireBlob, 4, []byte{255, 255, 255, 255, 9}, 0},
		"BLOB of no length":    {WireBlob, 0, []byte{1, 1}, 0},
		"JSON":                 {WireJSON, 4, []byte{1, 0, 0, 0, 9, 9}, 5},
		"GEOMETRY":             {WireGeometry, 4, []byte{1, 0, 0, 0, 9, 9}, 5},
		"a type of the future": {200, 0, make([]byte, 9), 0},
		"DECIMAL before 5.0":   {0, 0, make([]byte, 9), 0},
		"VARCHAR COMPRESSED":   {WireVarcharCompressed, 201, []byte{1, 0, 9}, 2},
		"TEXT COMPRESSED":      {WireBlobCompressed, 2, []byte{1, 0, 9}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			l := LayoutOf(c.wire, c.meta)
			n, err := l.Width(c.src)
			if n != c.want || (err == nil) != (c.want > 0) {
				t.Errorf("%d, %v; expected %d", n, err, c.want)
			}
		})
	}
}

func FuzzWidth(f *testing.F) {
	f.Add(byte(WireVarchar), uint16(300), []byte{1, 0, 9})
	f.Add(byte(WireNewDecimal), uint16(10<<8|2), []byte{1, 0, 9, 8, 7})
	f.Add(byte(WireString), uint16(0xcefc), []byte{1, 0, 9, 8, 7})
	f.Fuzz(func(t *testing.T, wire byte, meta uint16, src []byte) {
		l := LayoutOf(wire, meta)
		if n, err := l.Width(src); n < 0 || n > len(src) || err != nil && n != 0 {
			t.Errorf("%d of %d bytes, %v", n, len(src), err)
		}
	})
}
