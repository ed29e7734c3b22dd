package main

import (
	"math/rand/v2"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// rowSchema has ten fields, of which two may be null.
var rowSchema = data.NewStruct("outboard.datagen.Order").Version(1).
	Field("id", data.Int64Schema).
	Field("quantity", data.Int32Schema).
	Field("discount", data.OptionalInt32Schema).
	Field("customer", data.StringSchema).
	Field("city", data.StringSchema).
	Field("note", data.OptionalStringSchema).
	Field("paid", data.BooleanSchema).
	Field("ordered_at", data.TimestampSchema).
	Field("price", data.NewDecimal(2).MustBuild()).
	Field("weight", data.Float64Schema).
	MustBuild()

// firstOrder is the time of record 0; each record is 250 ms later.
const (
	firstOrder = 1767225600000 // 2026-01-01
	orderEvery = 250
)

// rows makes values with a schema.
type rows struct {
	mix       uint64
	customers [1024]string
}

func newRows(seed int64) *rows {
	random := rand.New(rand.NewPCG(uint64(seed), 1))
	w := &rows{mix: random.Uint64()}
	for i := range w.customers {
		name := make([]byte, 8+random.IntN(9))
		for k := range name {
			name[k] = 'a' + byte(random.IntN(26))
		}
		w.customers[i] = string(name)
	}
	return w
}

// write draws all fields from one random number.
func (w *rows) write(r *sdk.Record, number int64) {
	x := scramble(uint64(number) ^ w.mix)
	row := r.ValueRow(rowSchema)
	row.Int64(number)
	row.Int32(int32(1 + x&15))
	if x>>4&3 == 0 {
		row.Int32(int32(5 * (x >> 6 & 15)))
	} else {
		row.Null()
	}
	row.String(w.customers[x>>10&1023])
	row.String(cities[x>>20&15])
	if x>>24&1 == 0 {
		row.String(notes[x>>25&3])
	} else {
		row.Null()
	}
	row.Bool(x>>27&1 == 1)
	row.Int64(firstOrder + orderEvery*number)
	row.DecimalInt64(int64(100 + x>>28&0xFFFFF))
	row.Float64(float64(x>>48) / 64)
}

var cities = [16]string{
	"Amsterdam", "Bergen", "Cádiz", "Dublin", "Esbjerg", "Faro", "Genova", "Hamburg",
	"Istanbul", "Jūrmala", "Kristiansand", "La Rochelle", "Marseille", "Nantes", "Oostende", "Piräus",
}

var notes = [4]string{"leave at the door", "call before delivery", "gift", "fragile: keep upright, and do not stack"}
