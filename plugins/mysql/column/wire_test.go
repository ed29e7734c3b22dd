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
		"TINYINT":              {wireTiny, 0, []byte{1, 2}, 1},
		"MEDIUMINT":            {wireInt24, 0, []byte{1, 2, 3, 4}, 3},
		"short BIGINT":         {wireLongLong, 0, []byte{1, 2, 3, 4}, 0},
		"TIME(3)":              {wireTime2, 3, make([]byte, 9), 5},
		"DATETIME(6)":          {wireDateTime2, 6, make([]byte, 9), 8},
		"TIMESTAMP(1)":         {wireTimestamp2, 1, make([]byte, 9), 5},
		"TIMESTAMP(7)":         {wireTimestamp2, 7, make([]byte, 9), 0},
		"DECIMAL(10,2)":        {wireNewDecimal, 10<<8 | 2, make([]byte, 9), 5},
		"DECIMAL(65,30)":       {wireNewDecimal, 65<<8 | 30, make([]byte, 40), 30},
		"DECIMAL(2,10)":        {wireNewDecimal, 2<<8 | 10, make([]byte, 40), 0},
		"BIT(9)":               {wireBit, 1<<8 | 1, make([]byte, 9), 2},
		"BIT(65)":              {wireBit, 8<<8 | 1, make([]byte, 20), 0},
		"ENUM":                 {wireString, 0xf702, make([]byte, 9), 2},
		"SET":                  {wireString, 0xf808, make([]byte, 9), 8},
		"ENUM of nothing":      {wireString, 0xf700, make([]byte, 9), 0},
		"CHAR":                 {wireString, 0xfe28, []byte{2, 'a', 'b', 'c'}, 3},
		"CHAR of 1020 bytes":   {wireString, 0xcefc, []byte{2, 0, 'a', 'b', 'c'}, 4},
		"VARCHAR":              {wireVarchar, 255, []byte{2, 'a', 'b', 'c'}, 3},
		"VARCHAR of 256 bytes": {wireVarchar, 256, []byte{2, 0, 'a', 'b', 'c'}, 4},
		"VARCHAR that is cut":  {wireVarchar, 255, []byte{9, 'a'}, 0},
		"VARCHAR of nothing":   {wireVarchar, 255, nil, 0},
		"MEDIUMBLOB":           {wireBlob, 3, []byte{1, 0, 0, 9, 9}, 4},
		"LONGBLOB that is cut": {wireBlob, 4, []byte{255, 255, 255, 255, 9}, 0},
		"BLOB of no length":    {wireBlob, 0, []byte{1, 1}, 0},
		"JSON":                 {wireJSON, 4, []byte{1, 0, 0, 0, 9, 9}, 5},
		"GEOMETRY":             {wireGeometry, 4, []byte{1, 0, 0, 0, 9, 9}, 5},
		"a type of the future": {200, 0, make([]byte, 9), 0},
		"DECIMAL before 5.0":   {0, 0, make([]byte, 9), 0},
		"VARCHAR COMPRESSED":   {wireVarcharCompressed, 201, []byte{1, 0, 9}, 2},
		"TEXT COMPRESSED":      {wireBlobCompressed, 2, []byte{1, 0, 9}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := Width(c.wire, c.meta, c.src)
			if n != c.want || (err == nil) != (c.want > 0) {
				t.Errorf("%d, %v; expected %d", n, err, c.want)
			}
		})
	}
}

func FuzzWidth(f *testing.F) {
	f.Add(byte(wireVarchar), uint16(300), []byte{1, 0, 9})
	f.Add(byte(wireNewDecimal), uint16(10<<8|2), []byte{1, 0, 9, 8, 7})
	f.Add(byte(wireString), uint16(0xcefc), []byte{1, 0, 9, 8, 7})
	f.Fuzz(func(t *testing.T, wire byte, meta uint16, src []byte) {
		if n, err := Width(wire, meta, src); n < 0 || n > len(src) || err != nil && n != 0 {
			t.Errorf("%d of %d bytes, %v", n, len(src), err)
		}
	})
}
