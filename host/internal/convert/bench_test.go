package convert

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// order is a value of ten fields: three integers, three strings, a boolean, a timestamp, a decimal and a double.
func order(t testing.TB) data.Value {
	t.Helper()
	decimal, err := data.NewDecimal(2).Build()
	if err != nil {
		t.Fatal(err)
	}
	s, err := data.NewStruct("shop.Order").
		Field("id", data.Int64Schema).Field("customer", data.Int32Schema).Field("lines", data.Int32Schema).
		Field("name", data.StringSchema).Field("city", data.OptionalStringSchema).Field("note", data.OptionalStringSchema).
		Field("paid", data.BooleanSchema).Field("at", data.TimestampSchema).Field("total", decimal).
		Field("weight", data.Float64Schema).Build()
	if err != nil {
		t.Fatal(err)
	}
	row, err := data.Encode(nil, s, map[string]any{
		"id": 1234567890123, "customer": 4711, "lines": 3, "name": "Ada Lovelace", "city": "London, St James's Square",
		"note": "please ring twice", "paid": true, "at": time.UnixMilli(1700000000123),
		"total": data.Decimal{Unscaled: big.NewInt(1234567), Scale: 2}, "weight": 12.345,
	})
	if err != nil {
		t.Fatal(err)
	}
	return data.RowValue(s, row)
}

// changes are updates of rows of ten fields, two of which change, with where they come from: as a source that captures changes sends them.
func changes(t testing.TB, n int) []data.Value {
	t.Helper()
	decimal, err := data.NewDecimal(2).Build()
	if err != nil {
		t.Fatal(err)
	}
	row, err := data.NewStruct("shop.orders.Value").Optional().
		Field("id", data.Int64Schema).Field("customer_id", data.Int32Schema).Field("sku", data.StringSchema).Field("status", data.StringSchema).
		Field("qty", data.Int32Schema).Field("price", decimal).Field("note", data.OptionalStringSchema).Field("created", data.Int64Schema).
		Field("updated", data.StringSchema).Field("flag", data.Int16Schema).Build()
	if err != nil {
		t.Fatal(err)
	}
	source, err := data.NewStruct("mysql.Source").
		Field("version", data.StringSchema).Field("connector", data.StringSchema).Field("name", data.StringSchema).Field("ts_ms", data.Int64Schema).
		Field("snapshot", data.OptionalStringSchema).Field("db", data.StringSchema).Field("sequence", data.OptionalStringSchema).
		Field("ts_us", data.Int64Schema).Field("ts_ns", data.Int64Schema).Field("table", data.StringSchema).Field("server_id", data.Int64Schema).
		Field("gtid", data.OptionalStringSchema).Field("file", data.StringSchema).Field("pos", data.Int64Schema).Field("row", data.Int32Schema).
		Field("thread", data.OptionalInt64Schema).Field("query", data.OptionalStringSchema).Build()
	if err != nil {
		t.Fatal(err)
	}
	transaction, err := data.NewStruct("event.block").Optional().Field("id", data.StringSchema).Build()
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := data.NewStruct("shop.orders.Envelope").Field("before", row).Field("after", row).Field("source", source).
		Field("transaction", transaction).Field("op", data.StringSchema).
		Field("ts_ms", data.OptionalInt64Schema).Field("ts_us", data.OptionalInt64Schema).Field("ts_ns", data.OptionalInt64Schema).Build()
	if err != nil {
		t.Fatal(err)
	}
	var all []data.Value
	for i := range n {
		order := func(status string, qty int) map[string]any {
			return map[string]any{
				"id": 123456 + i, "customer_id": i * 7919 % 200000, "sku": fmt.Sprintf("SKU-%012d", i%5000), "status": status, "qty": qty,
				"price": data.Decimal{Unscaled: big.NewInt(int64(i * 7919 % 100000)), Scale: 2}, "note": strings.Repeat(fmt.Sprintf("%08x", i*7919), 8),
				"created": 1704067200123 + 1000*i, "updated": "2024-06-01T00:00:00.456Z", "flag": i % 2,
			}
		}
		second := int64(1732350000 + i/50)
		b, err := data.Encode(nil, envelope, map[string]any{
			"before": order([]string{"new", "shipped", "returned"}[i%3], 1+i%9), "after": order("paid", 2+i%9),
			"source": map[string]any{
				"version": "1.0.0", "connector": "mysql", "name": "live", "ts_ms": second * 1000, "db": "shop", "ts_us": second * 1000000,
				"ts_ns": second * 1000000000, "table": "orders", "server_id": 1, "gtid": fmt.Sprintf("0-1-%d", i/50), "file": "binlog.000001",
				"pos": 53060073 + i/25*8192, "row": i % 25,
			},
			"op": "u", "ts_ms": second*1000 + 7, "ts_us": second*1000000 + 7001, "ts_ns": second*1000000000 + 7001002,
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data.RowValue(envelope, b))
	}
	return all
}

// text200 is a record of 200 bytes or so.
var text200 = []byte(`{"id":1234567890123,"customer":4711,"lines":3,"name":"Ada Lovelace","city":"London, St James's Square",` +
	`"note":"please ring twice","paid":true,"at":1700000000123,"total":12345.67,"weight":12.345}`)

func converter(t testing.TB, class, config string) Converter {
	t.Helper()
	c, err := New(class, pairs(config), Value)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pairs reads settings such as "a=1 b=2".
func pairs(text string) map[string]string {
	m := map[string]string{}
	for _, p := range strings.Fields(text) {
		k, v, _ := strings.Cut(p, "=")
		m[k] = v
	}
	return m
}

// hot are the conversions that records go through by the million.
func hot(t testing.TB) map[string]func(a *Arena) error {
	row := order(t)
	writes := func(class, config string, v data.Value) func(*Arena) error {
		c := converter(t, class, config)
		return func(a *Arena) error { _, err := c.FromConnect(a, "orders", v); return err }
	}
	reads := func(class, config string, b []byte) func(*Arena) error {
		c := converter(t, class, config)
		return func(a *Arena) error { _, err := c.ToConnect(a, "orders", b); return err }
	}
	wrapped, err := converter(t, "Json", "").FromConnect(new(Arena), "orders", row)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := converter(t, "Json", "schemas.enable=false").FromConnect(new(Arena), "orders", row)
	if err != nil {
		t.Fatal(err)
	}
	header, err := NewHeader("SimpleHeaderConverter", nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, json, next := changes(t, 200), converter(t, "Json", "schemas.enable=false"), 0
	m := map[string]func(a *Arena) error{
		"write change": func(a *Arena) error {
			next = (next + 1) % len(rows)
			_, err := json.FromConnect(a, "orders", rows[next])
			return err
		},
		"write row":            writes("Json", "schemas.enable=false", row),
		"write row numeric":    writes("Json", "schemas.enable=false decimal.format=NUMERIC", row),
		"write row envelope":   writes("Json", "", row),
		"write string as JSON": writes("Json", "", data.StringValue("Ada Lovelace")),
		"write JSON":           writes("Json", "schemas.enable=false", data.JSONValue(text200)),
		"write string":         writes("String", "", data.StringValue("Ada Lovelace")),
		"write bytes":          writes("ByteArray", "", data.BytesValue(text200)),
		"write long":           writes("Long", "", data.RowValue(data.Int64Schema, make([]byte, 8))),
		"read schemaless":      reads("Json", "schemas.enable=false", text200),
		"read envelope":        reads("Json", "", wrapped),
		"read string":          reads("String", "", text200),
		"read bytes":           reads("ByteArray", "", text200),
	}
	for class, short := range map[string]string{"AvroConverter": "Avro", "JsonSchemaConverter": "JSON Schema", "ProtobufConverter": "Protobuf"} {
		c, _ := withRegistry(t, class)
		b, err := c.FromConnect(new(Arena), "orders", row)
		if err != nil {
			t.Fatal(err)
		}
		m["write row as "+short] = func(a *Arena) error { _, err := c.FromConnect(a, "orders", row); return err }
		m["read "+short] = func(a *Arena) error { _, err := c.ToConnect(a, "orders", b); return err }
	}
	content := strings.TrimSuffix(strings.TrimPrefix(string(wrapped), `{"schema":`), `,"payload":`+string(bare)+`}`)
	m["read schema.content"] = reads("Json", "schema.content="+content, bare)
	var v data.Value
	for name, text := range map[string]string{"string": "application/json", "integer": "12345", "float": "12.5"} {
		b := []byte(text)
		m["read header "+name] = func(a *Arena) error { return header.ToConnectHeader(&v, a, "orders", "h", b) }
	}
	return m
}

func BenchmarkConvert(b *testing.B) {
	all := hot(b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		convert := all[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var a Arena
			for i := 0; b.Loop(); i++ {
				if i%1000 == 0 {
					a.Reset()
				}
				if err := convert(&a); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestAllocations pins that a record costs no allocation once the arena has its size.
func TestAllocations(t *testing.T) {
	for name, convert := range hot(t) {
		t.Run(name, func(t *testing.T) {
			var a Arena
			batch := func() {
				a.Reset()
				for range 100 {
					if err := convert(&a); err != nil {
						t.Fatal(err)
					}
				}
			}
			batch()
			if n := testing.AllocsPerRun(10, batch); n != 0 {
				t.Errorf("%v allocations a batch of 100 records", n)
			}
		})
	}
}

func BenchmarkScan(b *testing.B) {
	long := []byte(fmt.Sprintf(`{"text":%q}`, strings.Repeat("lorem ipsum ", 100)))
	for name, text := range map[string][]byte{"record": text200, "long string": long} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, _, err := skipValue(text, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
