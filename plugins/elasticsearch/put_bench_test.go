package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/outboard-connect/outboard/plugin-sdk/data"
	"github.com/outboard-connect/outboard/plugin-sdk/sdktest"
)

// swallower takes bulk requests as fast as it can.
func swallower(b *testing.B) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/t/_mapping" {
			_, _ = io.WriteString(w, `{}`)
			return
		}
		if r.URL.Path != "/_bulk" {
			_, _ = io.WriteString(w, `{"version":{"number":"9.0.0"},"tagline":"You Know, for Search"}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		n := bytes.Count(body, []byte(`{"index":`))
		answer := bytes.Repeat([]byte(`,{"index":{"status":201}}`), n)
		_, _ = fmt.Fprintf(w, `{"errors":false,"items":[%s]}`, answer[1:])
	}))
	b.Cleanup(s.Close)
	return s.URL
}

// BenchmarkPut puts batches of rows of ten fields, and of the same as JSON, through the SDK to a server that does nothing.
func BenchmarkPut(b *testing.B) {
	schema := data.NewStruct("row").Field("id", data.Int64Schema).Field("a", data.Int32Schema).Field("price", data.Float64Schema).
		Field("ok", data.BooleanSchema).Field("name", data.StringSchema).Field("city", data.StringSchema).Field("note", data.OptionalStringSchema).
		Field("at", data.TimestampSchema).Field("raw", data.BytesSchema).Field("n", data.OptionalInt32Schema).MustBuild()
	row, err := data.Encode(nil, schema, map[string]any{"id": 123456, "a": 7, "price": 12.25, "ok": true, "name": "Ada Lovelace", "city": "London",
		"note": "a text of some length, as texts are", "at": int64(1_700_000_000_123), "raw": []byte("0123456789abcdef")})
	if err != nil {
		b.Fatal(err)
	}
	text := []byte(`{"id":123456,"a":7,"price":12.25,"ok":true,"name":"Ada Lovelace","city":"London","note":"a text of some length, as texts are","at":1700000000123,"raw":"MDEyMzQ1Njc4OWFiY2RlZg==","n":null}`)
	for name, value := range map[string]data.Value{"rows": data.RowValue(schema, row), "JSON": data.JSONValue(text)} {
		b.Run(name, func(b *testing.B) {
			s, err := sdktest.InProcess(b, plugin()).StartSink("ElasticsearchSink", map[string]string{keyURL: swallower(b)})
			if err != nil {
				b.Fatal(err)
			}
			batch := make([]data.SinkRecord, 5000)
			for i := range batch {
				batch[i] = data.SinkRecord{Topic: "t", Offset: int64(i), Timestamp: 1_700_000_000_000, Key: data.StringValue(fmt.Sprintf("%016d", i)), Value: value}
			}
			b.ResetTimer()
			for range b.N {
				if _, err := s.Put(batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/record")
			if err := s.Stop(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
