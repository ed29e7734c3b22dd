package main

// A run is one connector: settings beyond the common ones, and the tables it captures (none: all).
type run struct {
	name     string
	tables   []string
	settings map[string]string
}

var numbers = []string{"integers", "decimals", "floats", "bits", "moments", "binaries", "defaults_null", "defaults_required"}

var runs = []run{
	{name: "default"},
	{name: "double", tables: numbers, settings: map[string]string{
		"decimal.handling.mode": "double", "time.precision.mode": "connect", "bigint.unsigned.handling.mode": "precise", "binary.handling.mode": "base64",
	}},
	{name: "string", tables: numbers, settings: map[string]string{
		"decimal.handling.mode": "string", "time.precision.mode": "isostring", "binary.handling.mode": "hex",
	}},
	{name: "microseconds", tables: []string{"times", "moments", "binaries", "defaults_null", "defaults_required"}, settings: map[string]string{
		"time.precision.mode": "microseconds", "binary.handling.mode": "base64-url-safe",
	}},
	{name: "nanoseconds", tables: []string{"moments", "people", "strings", "defaults_null", "defaults_required"}, settings: map[string]string{
		"time.precision.mode": "nanoseconds", "enable.time.adjuster": "false",
		"column.mask.hash.SHA-256.with.salt.CzQMA0cB5K": "recorded.people.email,recorded.people.age,recorded.strings.c",
		"column.mask.hash.v2.SHA-512.with.salt.pepper":  "recorded.people.phone,recorded.strings.tx,recorded.strings.vc",
		"column.mask.with.0.chars":                      "recorded.people.bio,recorded.strings.c1",
	}},
	{name: "options", settings: map[string]string{
		"provide.transaction.metadata": "true", "tombstones.on.delete": "false", "skipped.operations": "none", "include.query": "true",
		"heartbeat.interval.ms":        "1000",
		"column.propagate.source.type": ".*",
		"schema.name.adjustment.mode":  "avro",
		"field.name.adjustment.mode":   "avro",
		"message.key.columns":          "recorded.keyless:b;recorded.orders:sku,customer_id",
		"column.exclude.list":          "recorded.orders.note",
		"column.mask.with.12.chars":    "recorded.people.name,recorded.people.age",
		"column.truncate.to.10.chars":  "recorded.people.bio,recorded.strings.c1",
	}},
}
