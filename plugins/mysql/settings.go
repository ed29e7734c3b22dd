package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/outboard-connect/outboard/plugin-sdk"
	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugins/mysql/column"
	"github.com/outboard-connect/outboard/plugins/mysql/table"
)

// snapshotMode is snapshot.mode.
type snapshotMode uint8

const (
	snapshotInitial snapshotMode = iota
	snapshotInitialOnly
	snapshotNoData
	snapshotWhenNeeded
	snapshotAlways
	snapshotNever // no data, and the stream starts at the oldest change the server has
)

var snapshotModes = map[string]snapshotMode{
	"initial": snapshotInitial, "initial_only": snapshotInitialOnly, "no_data": snapshotNoData, "schema_only": snapshotNoData,
	"when_needed": snapshotWhenNeeded, "always": snapshotAlways, "never": snapshotNever,
}

// lockingMode is snapshot.locking.mode.
type lockingMode uint8

const (
	lockMinimal lockingMode = iota
	lockExtended
	lockNone
)

var lockingModes = map[string]lockingMode{
	"minimal": lockMinimal, "extended": lockExtended, "none": lockNone, "minimal_percona": lockNone, "minimal_percona_no_table_locks": lockNone,
}

// failureMode is event.processing.failure.handling.mode or inconsistent.schema.handling.mode.
type failureMode uint8

const (
	failureFail failureMode = iota
	failureWarn
	failureSkip
)

var failureModes = map[string]failureMode{"fail": failureFail, "warn": failureWarn, "skip": failureSkip, "ignore": failureSkip}

// lostAction is position.lost.action.
type lostAction uint8

const (
	lostFail lostAction = iota
	lostSnapshot
	lostSkipToOldest
)

var lostActions = map[string]lostAction{"fail": lostFail, "snapshot": lostSnapshot, "skip_to_oldest": lostSkipToOldest}

var (
	decimalModes = map[string]column.DecimalMode{"precise": column.DecimalPrecise, "double": column.DecimalDouble, "string": column.DecimalString}
	bigintModes  = map[string]column.BigintMode{"long": column.BigintLong, "precise": column.BigintPrecise}
	binaryModes  = map[string]column.BinaryMode{"bytes": column.BinaryBytes, "base64": column.BinaryBase64, "base64-url-safe": column.BinaryBase64URL, "hex": column.BinaryHex}
	timeModes    = map[string]column.TimeMode{
		"adaptive_time_microseconds": column.TimeAdaptiveMicros, "adaptive": column.TimeAdaptive, "connect": column.TimeConnect,
		"isostring": column.TimeISOString, "microseconds": column.TimeMicros, "nanoseconds": column.TimeNanos,
	}
)

// tlsMode is database.ssl.mode, in MySQL's words.
type tlsMode string

const (
	tlsDisabled       tlsMode = "disabled"
	tlsPreferred      tlsMode = "preferred"
	tlsRequired       tlsMode = "required"
	tlsVerifyCA       tlsMode = "verify_ca"
	tlsVerifyIdentity tlsMode = "verify_identity"
)

// settings is a configuration that was checked, by type. It is not changed after parseSettings.
type settings struct {
	// class is connector.class, which decides what server the records name where it is one of Debezium's.
	class string

	prefix               string
	host                 string
	port                 int
	user, password       string
	tls                  tlsSettings
	serverID             uint32 // 0: choose one
	initialStatements    []string
	queryTimeout         time.Duration // 0: none
	connectTimeout       time.Duration
	keepAlive            time.Duration // between the server's heartbeats on the replication connection; 0: none
	netWriteTimeout      time.Duration // of the replication connection; 0: the server's
	netReadTimeout       time.Duration
	validationTimeout    time.Duration
	maxRetries           int // -1: without limit
	retryWait            time.Duration
	failure              failureMode
	inconsistentSchema   failureMode
	positionLost         lostAction
	selection            table.Selection
	missingTables        bool // elements of include lists that match nothing are fine
	messageKey           string
	guardrail            int // 0: none
	guardrailFails       bool
	snapshot             snapshotSettings
	signals              signalSettings
	columns              column.Options // but for what depends on the column or the server
	rows                 bool           // output=row
	tombstones           bool
	skipped              []string // operations: c, u, d, t
	transactions         bool
	includeQuery         bool
	schemaNames          string // none, avro, avro_unicode
	fieldNames           string
	topicDelimiter       string
	topicTransaction     string
	topicHeartbeat       string // the prefix
	heartbeatInterval    time.Duration
	heartbeatQuery       string
	queueBytes           int64
	gtidIncludes         string // lists as table.Patterns takes them
	gtidExcludes         string
	gtidFilterDML        bool
	gtidIgnoreOnRecovery bool
}

// tlsSettings say how connections are encrypted.
type tlsSettings struct {
	mode                 tlsMode
	truststore, keystore string // files
	keystorePassword     string
}

// snapshotSettings say how rows that are in the tables already are read.
type snapshotSettings struct {
	mode           snapshotMode
	locking        lockingMode
	lockTimeout    time.Duration
	threads        int
	tables         string // list of regular expressions; "": all
	order          string // disabled, ascending, descending
	selects        map[table.ID]string
	delay          time.Duration
	streamingDelay time.Duration
	newTables      bool // tables that a changed configuration adds are read
}

// signalSettings say how incremental snapshots are ordered and made.
type signalSettings struct {
	table      table.ID // zero: none
	request    string   // incremental.snapshot.request
	chunkRows  int
	deleteMark bool // insert_delete
	readOnly   bool
}

// parseSettings checks a configuration. The error is for good.
func parseSettings(given map[string]string) (*settings, error) {
	s, found := inspect(given)
	if len(found) == 0 {
		return s, nil
	}
	var problems []error
	for _, v := range found {
		for _, text := range v.Errors {
			problems = append(problems, errors.New(text))
		}
	}
	return nil, sdk.Fatal(errors.Join(problems...))
}

// inspect checks a configuration as far as that needs no server. Of the settings only what has no problems is complete.
func inspect(given map[string]string) (*settings, []config.Value) {
	p := &problems{texts: map[string][]string{}}
	for _, v := range sourceConfig.Validate(given) {
		p.texts[v.Name] = v.Errors
	}
	refuse(given, p.report)
	if len(p.values()) > 0 {
		return nil, p.values()
	}
	v, err := sourceConfig.Parse(given)
	if err != nil { // Validate found nothing, so it cannot be
		p.report(keyPrefix, err.Error())
		return nil, p.values()
	}
	s := read(v, p.report)
	s.check(given, p.report)
	return s, p.values()
}

// problems collects texts by key.
type problems struct{ texts map[string][]string }

func (p *problems) report(key, text string) { p.texts[key] = append(p.texts[key], text) }

// values returns what was found, in the order of the definition.
func (p *problems) values() []config.Value {
	var found []config.Value
	add := func(name string) {
		if texts := p.texts[name]; len(texts) > 0 {
			found = append(found, config.Value{Name: name, Errors: texts, Visible: true})
		}
	}
	for _, k := range sourceConfig {
		add(k.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(p.texts)) {
		if _, declared := sourceConfig.Lookup(name); !declared {
			add(name)
		}
	}
	return found
}

// read takes the values by type.
func read(v config.Values, report func(key, text string)) *settings {
	raw := v.Raw()
	s := &settings{
		class: strings.TrimSpace(raw["connector.class"]), prefix: v.String(keyPrefix),
		host: v.String(keyHostname), port: v.Int(keyPort), user: v.String(keyUser), password: v.String(keyPassword),
		tls: tlsSettings{
			mode: readTLSMode(v.String(keySSLMode)), truststore: v.String(keySSLTruststore),
			keystore: v.String(keySSLKeystore), keystorePassword: v.String(keySSLKeystorePassword),
		},
		serverID: uint32(v.Int64(keyServerID)), initialStatements: splitStatements(v.String(keyInitialStatements)),
		queryTimeout: v.Duration(keyQueryTimeout), connectTimeout: v.Duration(keyConnectTimeout),
		netWriteTimeout: seconds(v.Int64(keyNetWriteTimeout)), netReadTimeout: seconds(v.Int64(keyNetReadTimeout)),
		validationTimeout: v.Duration(keyValidationTimeout), maxRetries: v.Int(keyMaxRetries), retryWait: v.Duration(keyRetryWait),
		inconsistentSchema: failureModes[v.String(keyInconsistentSchema)], positionLost: lostActions[v.String(keyPositionLost)],
		selection: table.Selection{
			DatabaseInclude: raw[keyDatabaseInclude], DatabaseExclude: raw[keyDatabaseExclude],
			TableInclude: raw[keyTableInclude], TableExclude: raw[keyTableExclude],
			ColumnInclude: raw[keyColumnInclude], ColumnExclude: raw[keyColumnExclude],
			BuiltIn: !v.Bool(keyIgnoreBuiltin), Masks: readMasks(raw, report),
			PropagateColumns: raw[keyPropagateColumns], PropagateTypes: raw[keyPropagateTypes],
		},
		missingTables: v.String(keyTableMissing) == "ignore", messageKey: v.String(keyMessageKey),
		guardrail: v.Int(keyGuardrailMax), guardrailFails: v.String(keyGuardrailAction) == "fail",
		snapshot: snapshotSettings{
			mode: snapshotModes[v.String(keySnapshotMode)], locking: lockingModes[v.String(keyLockingMode)], lockTimeout: v.Duration(keyLockTimeout),
			threads: v.Int(keySnapshotThreads), tables: raw[keySnapshotTables], order: v.String(keySnapshotOrder), selects: readSelects(v, report),
			delay: v.Duration(keySnapshotDelay), streamingDelay: v.Duration(keyStreamingDelay), newTables: v.String(keyNewTables) == "initial",
		},
		signals: signalSettings{
			table: readSignalTable(v, report), request: v.String(keyIncrementalRequest), chunkRows: v.Int(keyChunkSize),
			deleteMark: v.String(keyWatermarking) == "insert_delete", readOnly: v.Bool(keyReadOnly),
		},
		columns: column.Options{
			Decimal: decimalModes[v.String(keyDecimalMode)], Time: timeModes[v.String(keyTimeMode)],
			BigintUnsigned: bigintModes[v.String(keyBigintMode)], Binary: binaryModes[v.String(keyBinaryMode)], KeepYears: !v.Bool(keyTimeAdjuster),
		},
		rows: v.String(keyOutput) == "row", tombstones: v.Bool(keyTombstones), skipped: readSkipped(v, report),
		transactions: v.Bool(keyTransactions), includeQuery: v.Bool(keyIncludeQuery),
		schemaNames: v.String(keySchemaNames), fieldNames: v.String(keyFieldNames), topicDelimiter: v.String(keyTopicDelimiter),
		topicTransaction: v.String(keyTopicTransaction), topicHeartbeat: v.String(keyTopicHeartbeat),
		heartbeatInterval: v.Duration(keyHeartbeatInterval), heartbeatQuery: v.String(keyHeartbeatQuery), queueBytes: v.Int64(keyQueueBytes),
		gtidIncludes: raw[keyGTIDIncludes], gtidExcludes: raw[keyGTIDExcludes], gtidFilterDML: v.Bool(keyGTIDFilterDML), gtidIgnoreOnRecovery: v.Bool(keyGTIDIgnore),
	}
	if v.Bool(keyKeepAlive) {
		s.keepAlive = v.Duration(keyKeepAliveInterval)
	}
	mode := keyFailureMode
	for _, other := range []string{keyFailureModeOld, keyFailureModeConvert} {
		if !v.Has(mode) && v.Has(other) {
			mode = other
		}
	}
	s.failure = failureModes[v.String(mode)]
	if old := v.String(keyHeartbeatPrefixOld); old != "" && !v.Has(keyTopicHeartbeat) {
		s.topicHeartbeat = old
	}
	if s.queueBytes == 0 {
		k, _ := sourceConfig.Lookup(keyQueueBytes)
		s.queueBytes, _ = strconv.ParseInt(*k.Default, 10, 64)
	}
	return s
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

func readTLSMode(word string) tlsMode {
	switch word {
	case "disable":
		return tlsDisabled
	case "trust":
		return tlsRequired
	}
	return tlsMode(word)
}

// splitStatements splits at semicolons; two of them stand for one inside a statement.
func splitStatements(text string) []string {
	var statements []string
	const one = "\x00"
	for s := range strings.SplitSeq(strings.ReplaceAll(text, ";;", one), ";") {
		if s = strings.TrimSpace(strings.ReplaceAll(s, one, ";")); s != "" {
			statements = append(statements, s)
		}
	}
	return statements
}

// mask keys have a part that is a value. The key of a rule for all columns of no list would be a privacy leak if it were misread, so every
// key that looks like one must be one.
var (
	maskChars = regexp.MustCompile(`^column\.mask\.with\.([0-9]+)\.chars$`)
	maskHash  = regexp.MustCompile(`^column\.mask\.hash\.(v2\.)?([^.]+)\.with\.salt\.(.+)$`)
	truncate  = regexp.MustCompile(`^column\.truncate\.to\.([0-9]+)\.chars$`)
)

// readMasks finds the keys of masks, in the order of their names.
func readMasks(raw map[string]string, report func(key, text string)) []table.MaskRule {
	var rules []table.MaskRule
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		if !strings.HasPrefix(key, "column.mask.") && !strings.HasPrefix(key, "column.truncate.") {
			continue
		}
		m, ok := readMask(key)
		if raw[key] == "" {
			continue // a form sends every key that it shows
		}
		if !ok {
			report(key, fmt.Sprintf("Unknown configuration %s: masks are %s, %s and %s, such as column.mask.with.12.chars", key, keyMaskChars, keyMaskHash, keyTruncate))
			continue
		}
		rules = append(rules, table.MaskRule{Columns: raw[key], Mask: m})
	}
	return rules
}

func readMask(key string) (column.Mask, bool) {
	if m := maskChars.FindStringSubmatch(key); m != nil {
		n, err := strconv.Atoi(m[1])
		return column.Mask{Kind: column.MaskFixed, Length: n}, err == nil
	}
	if m := truncate.FindStringSubmatch(key); m != nil {
		n, err := strconv.Atoi(m[1])
		return column.Mask{Kind: column.MaskTruncate, Length: n}, err == nil
	}
	m := maskHash.FindStringSubmatch(key)
	if m == nil {
		return column.Mask{}, false
	}
	kind := column.MaskHash
	if m[1] != "" {
		kind = column.MaskHashV2
	}
	return column.Mask{Kind: kind, Algorithm: m[2], Salt: m[3]}, true
}

// readSelects finds the statements of tables that have their own.
func readSelects(v config.Values, report func(key, text string)) map[table.ID]string {
	var selects map[table.ID]string
	raw := v.Raw()
	for _, name := range v.List(keySnapshotSelects) {
		id, ok := table.ParseID(name)
		if !ok {
			report(keySnapshotSelects, invalid(keySnapshotSelects, name, "Tables are named DATABASE.TABLE, such as shop.orders"))
			continue
		}
		key := keySnapshotSelects + "." + name
		statement := strings.TrimSpace(raw[key])
		if statement == "" {
			report(keySnapshotSelects, invalid(keySnapshotSelects, name, fmt.Sprintf("The statement is missing. Add %s with a SELECT", key)))
			continue
		}
		if selects == nil {
			selects = map[table.ID]string{}
		}
		selects[id] = strings.TrimSuffix(statement, ";")
	}
	return selects
}

func readSignalTable(v config.Values, report func(key, text string)) table.ID {
	name := v.String(keySignalTable)
	if name == "" {
		return table.ID{}
	}
	id, ok := table.ParseID(name)
	if !ok {
		report(keySignalTable, invalid(keySignalTable, name, "The table is named DATABASE.TABLE, such as shop.debezium_signal"))
	}
	return id
}

func readSkipped(v config.Values, report func(key, text string)) []string {
	list := v.List(keySkippedOperations)
	if slices.Contains(list, "none") {
		if len(list) > 1 {
			report(keySkippedOperations, invalid(keySkippedOperations, strings.Join(list, ","), "none stands alone"))
		}
		return nil
	}
	return list
}

// check holds keys against one another.
func (s *settings) check(given map[string]string, report func(key, text string)) {
	for _, pair := range [][2]string{
		{keyDatabaseInclude, keyDatabaseExclude}, {keyTableInclude, keyTableExclude}, {keyColumnInclude, keyColumnExclude}, {keyGTIDIncludes, keyGTIDExcludes},
	} {
		if given[pair[0]] != "" && given[pair[1]] != "" {
			report(pair[1], invalid(pair[1], given[pair[1]], "Use it or "+pair[0]+", not both"))
		}
	}
	for _, key := range []string{
		keyDatabaseInclude, keyDatabaseExclude, keyTableInclude, keyTableExclude, keyColumnInclude, keyColumnExclude,
		keyPropagateColumns, keyPropagateTypes, keySnapshotTables, keyGTIDIncludes, keyGTIDExcludes,
	} {
		checkPatterns(key, given[key], report)
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if _, ok := readMask(key); ok {
			checkPatterns(key, given[key], report)
		}
	}
	switch mode := strings.ToLower(strings.TrimSpace(given[keySnapshotMode])); mode {
	case "recovery", "schema_only_recovery":
		report(keySnapshotMode, invalid(keySnapshotMode, mode, "There is no schema history that could be recovered. Set no_data, or initial; a stored offset is kept with either"))
	case "configuration_based", "custom":
		report(keySnapshotMode, invalid(keySnapshotMode, mode, "Classes written in Java do not run here. Set initial, initial_only, no_data, when_needed or always"))
	}
	if mode := strings.TrimSpace(given[keyLockingMode]); strings.EqualFold(mode, "custom") {
		report(keyLockingMode, invalid(keyLockingMode, mode, "Classes written in Java do not run here. Set minimal, extended or none"))
	}
	for channel := range strings.SplitSeq(given[keySignalChannels], ",") {
		if channel = strings.TrimSpace(channel); channel != "" && !strings.EqualFold(channel, "source") {
			report(keySignalChannels, invalid(keySignalChannels, channel, "Orders come from the signal table only. Set source, or use incremental.snapshot.request"))
		}
	}
	if s.signals.request != "" {
		if _, list, err := splitRequest(s.signals.request); err != nil {
			report(keyIncrementalRequest, invalid(keyIncrementalRequest, s.signals.request, err.Error()))
		} else {
			checkPatterns(keyIncrementalRequest, list, report)
		}
	}
}

// checkPatterns reports regular expressions that do not compile.
func checkPatterns(key, list string, report func(key, text string)) {
	if _, err := table.Patterns(list); err != nil {
		report(key, invalid(key, list, err.Error()))
	}
}

// splitRequest reads incremental.snapshot.request.
func splitRequest(request string) (id, tables string, err error) {
	id, tables, found := strings.Cut(request, ":")
	if id = strings.TrimSpace(id); !found || id == "" || strings.TrimSpace(tables) == "" {
		return "", "", errors.New("it has the form ID: DATABASE.TABLE, DATABASE.TABLE, such as 2024-06-01: shop.orders")
	}
	return id, tables, nil
}
