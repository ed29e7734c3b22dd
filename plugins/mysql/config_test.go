package main

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

func TestDefinition(t *testing.T) {
	for _, problem := range sourceConfig.Lint() {
		t.Error(problem)
	}
}

// otherDefaults are those of Debezium's keys that differ here, on purpose.
var otherDefaults = map[string]string{
	keySnapshotThreads:   "4",
	keyHeartbeatInterval: "10000",
	keyQueueBytes:        "4194304",
	// Other names of keys, which have the default.
	keyFailureModeOld:     "",
	keyFailureModeConvert: "",
	keyHeartbeatPrefixOld: "",
}

// Every key of Debezium's connector is declared, and those that are carried out have Debezium's defaults.
func TestDebeziumKeys(t *testing.T) {
	text, err := os.ReadFile("testdata/config/debezium-3.6.1.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "\t")
		k, ok := sourceConfig.Lookup(name)
		if !ok {
			t.Errorf("%s is not declared", name)
			continue
		}
		if k.Group == groupIgnored || k.Group == groupRefused {
			continue
		}
		if value == "null" {
			value = ""
		}
		if other, differs := otherDefaults[name]; differs {
			value = other
		}
		got := ""
		if k.Default != nil {
			got = *k.Default
		}
		if got != value {
			t.Errorf("%s: default %q, Debezium's %q", name, got, value)
		}
	}
}

func minimal(more map[string]string) map[string]string {
	given := map[string]string{keyPrefix: "shop", keyHostname: "db", keyUser: "reader", keyPassword: "secret", "connector.class": "MySqlSource"}
	maps.Copy(given, more)
	return given
}

func TestProblems(t *testing.T) {
	tests := map[string]struct {
		given map[string]string
		key   string
		want  string // a regular expression for the text
	}{
		"no prefix":           {map[string]string{keyPrefix: ""}, keyPrefix, `may not be empty`},
		"prefix":              {map[string]string{keyPrefix: "a/b"}, keyPrefix, `a/b`},
		"mode":                {map[string]string{keySnapshotMode: "sometimes"}, keySnapshotMode, `sometimes.*initial`},
		"recovery":            {map[string]string{keySnapshotMode: "recovery"}, keySnapshotMode, `no schema history that could be recovered\. Set no_data`},
		"custom mode":         {map[string]string{keySnapshotMode: "custom"}, keySnapshotMode, `Java do not run here\. Set initial`},
		"based on":            {map[string]string{keySnapshotMode: "Configuration_Based"}, keySnapshotMode, `Set initial`},
		"custom lock":         {map[string]string{keyLockingMode: "custom"}, keyLockingMode, `Set minimal`},
		"both lists":          {map[string]string{keyTableInclude: "a.b", keyTableExclude: "c.d"}, keyTableExclude, `Use it or table\.include\.list, not both`},
		"expression":          {map[string]string{keyTableInclude: `shop\.(orders`}, keyTableInclude, `regular expression "shop\\\\.\(orders"`},
		"lookahead":           {map[string]string{keyTableInclude: `shop\.(?!secret).*`}, keyTableInclude, `not supported; name what is to be left out in the exclude list`},
		"mask's columns":      {map[string]string{"column.mask.with.3.chars": "("}, "column.mask.with.3.chars", `regular expression`},
		"mistyped mask":       {map[string]string{"column.mask.with.three.chars": "a.b.c"}, "column.mask.with.three.chars", `Unknown configuration column\.mask\.with\.three\.chars.*such as column\.mask\.with\.12\.chars`},
		"mistyped truncation": {map[string]string{"column.truncate.to.x": "a.b.c"}, "column.truncate.to.x", `Unknown configuration`},
		"select without text": {map[string]string{keySnapshotSelects: "shop.orders"}, keySnapshotSelects, `Add snapshot\.select\.statement\.overrides\.shop\.orders with a SELECT`},
		"select without name": {map[string]string{keySnapshotSelects: "orders"}, keySnapshotSelects, `DATABASE\.TABLE`},
		"signal table":        {map[string]string{keySignalTable: "signals"}, keySignalTable, `DATABASE\.TABLE`},
		"signal channel":      {map[string]string{keySignalChannels: "source,kafka"}, keySignalChannels, `kafka.*incremental\.snapshot\.request`},
		"request":             {map[string]string{keyIncrementalRequest: "shop.orders"}, keyIncrementalRequest, `it has the form ID: DATABASE\.TABLE`},
		"request's tables":    {map[string]string{keyIncrementalRequest: "1: shop.("}, keyIncrementalRequest, `regular expression`},
		"skipped":             {map[string]string{keySkippedOperations: "none,c"}, keySkippedOperations, `none stands alone`},
		"schema changes":      {map[string]string{"include.schema.changes": "true"}, "include.schema.changes", `Remove it or set it to false`},
		"converters":          {map[string]string{"converters": "isbn"}, "converters", `Java do not run here`},
		"naming strategy":     {map[string]string{"topic.naming.strategy": "com.acme.Mine"}, "topic.naming.strategy", `com\.acme\.Mine`},
		"two problems":        {map[string]string{"converters": "x", keyLockingMode: "custom"}, "converters", `Java`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, found := inspect(minimal(test.given))
			for _, v := range found {
				if v.Name != test.key {
					continue
				}
				if text := strings.Join(v.Errors, "\n"); !regexp.MustCompile(test.want).MatchString(text) {
					t.Errorf("%s: %q does not match %q", v.Name, text, test.want)
				}
				return
			}
			t.Errorf("nothing is said of %s, but %v", test.key, found)
		})
	}
}

// Configurations as people have them for Debezium are taken as they are.
func TestAccepted(t *testing.T) {
	tests := map[string]map[string]string{
		"minimal": nil,
		"tutorial": {
			"connector.class": classMySQL, "tasks.max": "1", keyServerID: "184054", keyDatabaseInclude: "inventory",
			"schema.history.internal.kafka.bootstrap.servers": "kafka:9092", "schema.history.internal.kafka.topic": "schema-changes.inventory",
		},
		"defaults that are refused otherwise": {
			"include.schema.changes": "false", "topic.naming.strategy": "io.debezium.schema.SchemaTopicNamingStrategy", "snapshot.query.mode": "select_all",
			"sourceinfo.struct.maker": "class io.debezium.connector.mysql.MySqlSourceInfoStructMaker", "extended.headers.enabled": "false", "converters": "",
		},
		"percona":            {keyLockingMode: "minimal_percona"},
		"form without masks": {keyMaskChars: "", keyMaskHash: ""},
		"upper case":         {keySnapshotMode: "INITIAL", keyDecimalMode: "String"},
	}
	for name, given := range tests {
		t.Run(name, func(t *testing.T) {
			if _, found := inspect(minimal(given)); len(found) > 0 {
				t.Error(found)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	s, err := parseSettings(minimal(map[string]string{
		"connector.class": classMariaDB, keySSLMode: "TRUST", keyInitialStatements: "SET a = 1; SET b = ';;' ;",
		keyFailureModeOld: "warn", keyHeartbeatPrefixOld: "beats", keyKeepAlive: "false", keyQueueBytes: "0", keySnapshotMode: "schema_only",
		keySnapshotSelects: "shop.orders, shop.`odd name`", keySnapshotSelects + ".shop.orders": "SELECT * FROM shop.orders WHERE id > 7;", keySnapshotSelects + ".shop.`odd name`": "SELECT 1",
		"column.mask.with.12.chars": "a.b.c", "column.mask.hash.SHA-256.with.salt.Na.Cl": "a.b.d", "column.mask.hash.v2.MD5.with.salt.x": "a.b.e", "column.truncate.to.5.chars": "a.b.f",
		keySignalTable: "shop.signals", keyIncrementalRequest: "monday: shop.orders, shop.items", keySkippedOperations: "none", keyOutput: "row",
		keyDecimalMode: "double", keyTimeMode: "connect", keyBinaryMode: "base64-url-safe", keyTimeAdjuster: "false",
	}))
	if err != nil {
		t.Fatal(err)
	}
	type some struct {
		TLS        tlsMode
		Statements []string
		Failure    failureMode
		Heartbeat  string
		KeepAlive  time.Duration
		Queue      int64
		Mode       snapshotMode
		Selects    map[table.ID]string
		Masks      []table.MaskRule
		Signal     table.ID
		Skipped    []string
		Rows       bool
		Columns    column.Options
	}
	want := some{
		TLS: tlsRequired, Statements: []string{"SET a = 1", "SET b = ';'"}, Failure: failureWarn, Heartbeat: "beats", Queue: 4 << 20, Mode: snapshotNoData,
		Selects: map[table.ID]string{{Database: "shop", Name: "orders"}: "SELECT * FROM shop.orders WHERE id > 7", {Database: "shop", Name: "odd name"}: "SELECT 1"},
		Masks: []table.MaskRule{
			{Columns: "a.b.d", Mask: column.Mask{Kind: column.MaskHash, Algorithm: "SHA-256", Salt: "Na.Cl"}},
			{Columns: "a.b.e", Mask: column.Mask{Kind: column.MaskHashV2, Algorithm: "MD5", Salt: "x"}},
			{Columns: "a.b.c", Mask: column.Mask{Kind: column.MaskFixed, Length: 12}},
			{Columns: "a.b.f", Mask: column.Mask{Kind: column.MaskTruncate, Length: 5}},
		},
		Signal: table.ID{Database: "shop", Name: "signals"}, Rows: true,
		Columns: column.Options{Decimal: column.DecimalDouble, Time: column.TimeConnect, Binary: column.BinaryBase64URL, KeepYears: true},
	}
	got := some{
		s.tls.mode, s.initialStatements, s.failure, s.topicHeartbeat, s.keepAlive, s.queueBytes, s.snapshot.mode, s.snapshot.selects, s.selection.Masks,
		s.signals.table, s.skipped, s.rows, s.columns,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if id, tables, err := splitRequest(s.signals.request); err != nil || id != "monday" || strings.TrimSpace(tables) != "shop.orders, shop.items" {
		t.Errorf("request %q %q %v", id, tables, err)
	}
}

// A password is in no text.
func TestPasswordIsNotShown(t *testing.T) {
	given := minimal(map[string]string{keyPassword: "hunter2", keyPort: "70000"})
	_, err := parseSettings(given)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
	c := &check{settings: &settings{}, given: given, problems: &problems{texts: map[string][]string{}}}
	c.report(keyPassword, "It is wrong")
	if text := c.problems.texts[keyPassword]; slices.ContainsFunc(text, func(s string) bool { return strings.Contains(s, "hunter2") }) {
		t.Error(text)
	}
}
