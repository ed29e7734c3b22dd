//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

const jsonConverter = "org.apache.kafka.connect.json.JsonConverter"

// A row becomes JSON as Kafka's own converter writes it, with its schema and without.
func TestRowsAsJSON(t *testing.T) {
	t.Parallel()
	k := shared(t)
	w := newWorker(t, k, nil)
	w.start()
	const count = 50
	written := map[string][]*kgo.Record{}
	for _, schemas := range []string{"true", "false"} {
		name := w.prefix + "-" + schemas
		w.put(name, map[string]string{
			"connector.class": "DatagenSource", "topic": name, "records": fmt.Sprint(count), "shape": "row", "key": "sequence",
			"key.converter":   "org.apache.kafka.connect.converters.ByteArrayConverter",
			"value.converter": jsonConverter, "value.converter.schemas.enable": schemas, "value.converter.decimal.format": "NUMERIC",
		})
		eventually(t, flowLimit, "the rows in "+name, func() string {
			if n, err := k.end(t.Context(), name); err != nil || n != count {
				return fmt.Sprintf("%d of %d are there (%v)", n, count, err)
			}
			return ""
		})
		written[schemas] = k.records(t, name)
	}
	for n := range count {
		with, without := written["true"][n], written["false"][n]
		key := fmt.Sprintf("%0*d", digits, n)
		if string(with.Key) != key || string(without.Key) != key {
			t.Fatalf("record %d has the keys %q and %q, want %q", n, with.Key, without.Key, key)
		}
		checkRow(t, n, decode(t, with.Value), decode(t, without.Value))
	}
}

// decode reads JSON, numbers as they are written.
func decode(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return object
}

// rowFields are those of a row of datagen, with the types of their schemas.
var rowFields = []struct {
	name, kind string
	optional   bool
	logical    string
}{
	{"id", "int64", false, ""},
	{"quantity", "int32", false, ""},
	{"discount", "int32", true, ""},
	{"customer", "string", false, ""},
	{"city", "string", false, ""},
	{"note", "string", true, ""},
	{"paid", "boolean", false, ""},
	{"ordered_at", "int64", false, "org.apache.kafka.connect.data.Timestamp"},
	{"price", "bytes", false, "org.apache.kafka.connect.data.Decimal"},
	{"weight", "double", false, ""},
}

func checkRow(t *testing.T, number int, with, without map[string]any) {
	t.Helper()
	if !reflect.DeepEqual(with["payload"], any(without)) {
		t.Errorf("row %d is %v with a schema and %v without", number, with["payload"], without)
	}
	if without["id"] != json.Number(fmt.Sprint(number)) {
		t.Errorf("row %d has the id %v", number, without["id"])
	}
	schema, _ := with["schema"].(map[string]any)
	if schema["type"] != "struct" || schema["optional"] != false || schema["name"] != "outboard.datagen.Order" || schema["version"] != json.Number("1") {
		t.Errorf("row %d has the schema %v", number, schema)
	}
	fields, _ := schema["fields"].([]any)
	if len(fields) != len(rowFields) || len(without) != len(rowFields) {
		t.Fatalf("row %d has %d fields in its schema and %d values, want %d", number, len(fields), len(without), len(rowFields))
	}
	for i, want := range rowFields {
		field, _ := fields[i].(map[string]any)
		logical, _ := field["name"].(string)
		if field["field"] != want.name || field["type"] != want.kind || field["optional"] != want.optional || logical != want.logical {
			t.Errorf("row %d: field %d of the schema is %v, want %v", number, i, field, want)
		}
		value := without[want.name]
		ok := value == nil && want.optional
		switch value.(type) {
		case json.Number:
			ok = want.kind != "string" && want.kind != "boolean"
		case string:
			ok = want.kind == "string"
		case bool:
			ok = want.kind == "boolean"
		}
		if !ok {
			t.Errorf("row %d: %s is %v (%T), its schema says %s", number, want.name, value, value, want.kind)
		}
	}
}
