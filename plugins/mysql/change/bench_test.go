package change_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugins/mysql/change"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// orders is the table of ten columns that the measurements of the whole connector use.
func orders() table.Shape {
	return table.Shape{ID: table.ID{Database: "shop", Name: "orders"}, Key: []int{0}, Columns: []column.Column{
		{Name: "id", Type: column.BigInt, SQLType: "BIGINT", AutoIncrement: true, Wire: 8},
		{Name: "customer_id", Type: column.Int, SQLType: "INT", Wire: 3},
		{Name: "sku", Type: column.String, SQLType: "VARCHAR", Length: 32, Charset: "utf8mb4", Wire: 15, Meta: 128},
		{Name: "status", Type: column.String, SQLType: "VARCHAR", Length: 16, Charset: "utf8mb4", Wire: 15, Meta: 64},
		{Name: "qty", Type: column.Int, SQLType: "INT", Wire: 3},
		{Name: "price", Type: column.Decimal, SQLType: "DECIMAL", Length: 10, Scale: 2, Wire: 246, Meta: 10<<8 | 2},
		{Name: "note", Type: column.String, SQLType: "VARCHAR", Length: 120, Nullable: true, Charset: "utf8mb4", Wire: 15, Meta: 480},
		{Name: "created", Type: column.DateTime, SQLType: "DATETIME", Scale: 3, Wire: 18, Meta: 3},
		{Name: "updated", Type: column.Timestamp, SQLType: "TIMESTAMP", Scale: 3, Wire: 17, Meta: 3},
		{Name: "flag", Type: column.TinyInt, SQLType: "TINYINT", Wire: 1},
	}}
}

// orderCells is a row of it in the binary log, and the same in the text protocol.
func orderCells(t testing.TB) (binlog, text change.Image) {
	for _, c := range []struct{ hex, text string }{
		{"3930000000000000", "12345"}, {"ef1e0000", "7919"},
		{"10 534b552d303030303030303030303031", "SKU-000000000001"}, {"04 70616964", "paid"},
		{"02000000", "2"}, {"8000007b 2d", "123.45"},
		{"4000" + hex.EncodeToString([]byte(strings.Repeat("c4ca4238a0b92382", 4))), strings.Repeat("c4ca4238a0b92382", 4)},
		{"99a5443105 04ce", "2020-01-02 03:04:05.123"}, {"5e0d5da5 11d0", "2020-01-02 03:04:05.456"}, {"01", "1"},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(c.hex, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		binlog = append(binlog, column.Cell{Bytes: b, State: column.Binlog})
		text = append(text, column.Cell{Bytes: []byte(c.text), State: column.Text})
	}
	return binlog, text
}

func TestOrders(t *testing.T) {
	c, err := change.Compile(orders(), change.Options{Prefix: "p", Connector: "mysql"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	streamed, read := orderCells(t)
	src := &change.Source{}
	_, a := record(t, c, change.Read, src, nil, streamed)
	_, b := record(t, c, change.Read, src, nil, read)
	same(t, "row", rowTree(t, c.ValueSchema(), a), rowTree(t, c.ValueSchema(), b))
}

// BenchmarkRecord makes key and value of a row.
func BenchmarkRecord(b *testing.B) {
	streamed, read := orderCells(b)
	src := &change.Source{
		Micros: 1717200000456000, ServerID: 1, GTID: "4ca3b5b0-e6af-11f1-8609-02fc00000001:71", File: "binlog.000002", Pos: 109089, Thread: 354, Now: 1717200000457000000,
	}
	snapshot := &change.Source{Micros: 1717200000456000, Snapshot: "true", File: "binlog.000002", Pos: 109089, Now: 1717200000457000000}
	for _, c := range []struct {
		name          string
		output        change.Output
		op            change.Op
		src           *change.Source
		before, after change.Image
	}{
		{"envelope/insert", change.Envelope, change.Create, src, nil, streamed},
		{"envelope/update", change.Envelope, change.Update, src, streamed, streamed},
		{"envelope/snapshot", change.Envelope, change.Read, snapshot, nil, read},
		{"row/insert", change.Row, change.Create, src, nil, streamed},
		{"row/snapshot", change.Row, change.Read, snapshot, nil, read},
	} {
		b.Run(c.name, func(b *testing.B) {
			t, err := change.Compile(orders(), change.Options{Prefix: "shop", Connector: "mysql", Version: "1.0.0", Output: c.output}, nil)
			if err != nil {
				b.Fatal(err)
			}
			var key, value data.Writer
			var e change.Encoder
			k, v := make([]byte, 0, 1024), make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				key.Reset(k, t.KeySchema())
				if err := t.Key(&key, c.after); err != nil {
					b.Fatal(err)
				}
				value.Reset(v, t.ValueSchema())
				if err := e.Value(&value, t, c.op, c.src, c.before, c.after); err != nil {
					b.Fatal(err)
				}
				if _, err := key.Finish(); err != nil {
					b.Fatal(err)
				}
				if _, err := value.Finish(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
