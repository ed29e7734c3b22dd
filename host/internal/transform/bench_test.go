package transform

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// The chains of the benchmarks, on change events of a row of ten fields.
var benchChains = map[string]map[string]string{
	"unwrap": {
		"transforms":             "unwrap",
		"transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
	},
	"five steps": {
		"transforms":             "unwrap,route,insert,mask,rename",
		"transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
		"transforms.unwrap.delete.tombstone.handling.mode": "rewrite",
		"transforms.unwrap.add.fields":                     "op,source.ts_ms",
		"transforms.route.type":                            "RegexRouter",
		"transforms.route.regex":                           `(.*)\.(.*)`,
		"transforms.route.replacement":                     "$2",
		"transforms.insert.type":                           "InsertField$Value",
		"transforms.insert.topic.field":                    "topic",
		"transforms.insert.static.field":                   "origin",
		"transforms.insert.static.value":                   "outboard",
		"transforms.mask.type":                             "MaskField$Value",
		"transforms.mask.fields":                           "email,phone",
		"transforms.mask.replacement":                      "***",
		"transforms.rename.type":                           "ReplaceField$Value",
		"transforms.rename.renames":                        "name:full_name",
		"transforms.rename.exclude":                        "note",
	},
	"content filter": {
		"transforms":                "only",
		"transforms.only.type":      "io.debezium.transforms.Filter",
		"transforms.only.condition": "value.op == 'u' && value.after.id > 100",
	},
	"content route": {
		"transforms":                        "route",
		"transforms.route.type":             "io.debezium.transforms.ContentBasedRouter",
		"transforms.route.topic.expression": "value.op == 'u' ? 'updates' : topic",
	},
	"five steps with headers and predicate": {
		"transforms":                  "unwrap,header,key,id,time",
		"transforms.unwrap.type":      "io.debezium.transforms.ExtractNewRecordState",
		"transforms.header.type":      "HeaderFrom$Value",
		"transforms.header.fields":    "country",
		"transforms.header.headers":   "country",
		"transforms.header.operation": "move",
		"transforms.key.type":         "ValueToKey",
		"transforms.key.fields":       "id",
		"transforms.id.type":          "ExtractField$Key",
		"transforms.id.field":         "id",
		"transforms.time.type":        "TimestampConverter$Value",
		"transforms.time.field":       "created",
		"transforms.time.target.type": "string",
		"transforms.time.format":      "yyyy-MM-dd'T'HH:mm:ss.SSSX",
		"transforms.time.predicate":   "orders",
		"predicates":                  "orders",
		"predicates.orders.type":      "TopicNameMatches",
		"predicates.orders.pattern":   ".*orders",
	},
}

func benchRow(t testing.TB) (*data.Schema, map[string]any) {
	s := parseSchema(t, `struct{id:int64,name:string,email:string,phone:string?,country:string,city:string?,created:timestamp,amount:decimal(2),active:boolean,note:string?}?[name="srv.shop.orders.Value"]`)
	return s, map[string]any{
		"id": int64(4711), "name": "Ada Lovelace", "email": "ada@example.org", "phone": "+44 20 7946 0000", "country": "GB", "city": nil,
		"created": int64(1700000000123), "amount": payload(t, parseSchema(t, "decimal(2)"), "1234.56"), "active": true,
		"note": "first of her kind, and a text of some length as notes are",
	}
}

// benchEvent is a change event.
func benchEvent(t testing.TB) Record {
	row, v := benchRow(t)
	source := parseSchema(t, `struct{version:string,connector:string,name:string,ts_ms:int64,snapshot:string?,db:string,schema:string,table:string,txId:int64?,lsn:int64?}[name="io.debezium.connector.postgresql.Source"]`)
	s, err := data.NewStruct("srv.shop.orders.Envelope").Field("before", row).Field("after", row).Field("source", source).
		Field("op", data.StringSchema).Field("ts_ms", data.OptionalInt64Schema).Build()
	if err != nil {
		t.Fatal(err)
	}
	value, err := data.Encode([]byte{}, s, map[string]any{"before": v, "after": v, "op": "u", "ts_ms": int64(1700000000500), "source": map[string]any{
		"version": "3.6.1.Final", "connector": "postgresql", "name": "srv", "ts_ms": int64(1700000000400), "snapshot": nil,
		"db": "shop", "schema": "public", "table": "orders", "txId": int64(571), "lsn": int64(34567)}})
	if err != nil {
		t.Fatal(err)
	}
	k, err := data.NewStruct("srv.shop.orders.Key").Field("id", data.Int64Schema).Build()
	if err != nil {
		t.Fatal(err)
	}
	id, err := data.Encode([]byte{}, k, map[string]any{"id": int64(4711)})
	if err != nil {
		t.Fatal(err)
	}
	return Record{Topic: "srv.orders", Partition: data.NoPartition, Offset: NoOffset, Timestamp: 1700000000123, Key: data.RowValue(k, id), Value: data.RowValue(s, value)}
}

const benchBatch = 1000

func benchmark(b *testing.B, config map[string]string, in Record) {
	chain, err := NewChain(config)
	if err != nil {
		b.Fatal(err)
	}
	var a Arena
	b.ReportAllocs()
	b.SetBytes(int64(len(in.Value.Data)))
	n := 0
	for b.Loop() {
		if n++; n%benchBatch == 0 {
			a.Reset()
		}
		r := in
		if keep, err := chain.Apply(&a, &r); err != nil || !keep {
			b.Fatal(keep, err)
		}
	}
}

func BenchmarkChain(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(benchChains)) {
		b.Run(name, func(b *testing.B) { benchmark(b, benchChains[name], benchEvent(b)) })
	}
}

// BenchmarkWide is the cost of fields that are not touched: a struct of so many strings, of which one is masked.
func BenchmarkWide(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		schema, row := data.NewStruct(""), map[string]any{}
		for i := range n {
			name := fmt.Sprint("f", i)
			schema.Field(name, data.OptionalStringSchema)
			row[name] = "some text"
		}
		s := schema.MustBuild()
		v, err := data.Encode([]byte{}, s, row)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchmark(b, map[string]string{"transforms": "m", "transforms.m.type": "MaskField$Value", "transforms.m.fields": "f1"},
				Record{Topic: "t", Value: data.RowValue(s, v)})
		})
	}
}

// BenchmarkJSON is the five steps that make sense without a schema.
func BenchmarkJSON(b *testing.B) {
	config := map[string]string{}
	for k, v := range benchChains["five steps"] {
		config[k] = v
	}
	config["transforms"] = "cast,route,insert,mask,rename"
	config["transforms.cast.type"], config["transforms.cast.spec"] = "Cast$Value", "id:string,amount:float64"
	benchmark(b, config, Record{Topic: "srv.orders", Partition: data.NoPartition, Offset: NoOffset, Timestamp: 1700000000123, Value: data.JSONValue([]byte(
		`{"id": 4711, "name": "Ada Lovelace", "email": "ada@example.org", "phone": "+44 20 7946 0000", "country": "GB", "city": null, ` +
			`"created": 1700000000123, "amount": "1234.56", "active": true, "note": "first of her kind, and a text of some length as notes are"}`))})
}
