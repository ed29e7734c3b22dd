package main

import (
	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// The keys. Names are Debezium's where Debezium has the thing.
const (
	keyPrefix   = "topic.prefix"
	keyHostname = "database.hostname"
	keyPort     = "database.port"
	keyUser     = "database.user"
	keyPassword = "database.password"

	keySSLMode               = "database.ssl.mode"
	keySSLTruststore         = "database.ssl.truststore"
	keySSLTruststorePassword = "database.ssl.truststore.password"
	keySSLKeystore           = "database.ssl.keystore"
	keySSLKeystorePassword   = "database.ssl.keystore.password"

	keyServerID          = "database.server.id"
	keyInitialStatements = "database.initial.statements"
	keyQueryTimeout      = "database.query.timeout.ms"
	keyConnectTimeout    = "connect.timeout.ms"
	keyKeepAlive         = "connect.keep.alive"
	keyKeepAliveInterval = "connect.keep.alive.interval.ms"
	keyNetWriteTimeout   = "binlog.net.write.timeout"
	keyNetReadTimeout    = "binlog.net.read.timeout"
	keyValidationTimeout = "connection.validation.timeout.ms"
	keyMaxRetries        = "errors.max.retries"
	keyRetryWait         = "retriable.restart.connector.wait.ms"

	keyDatabaseInclude = "database.include.list"
	keyDatabaseExclude = "database.exclude.list"
	keyTableInclude    = "table.include.list"
	keyTableExclude    = "table.exclude.list"
	keyTableMissing    = "table.include.missing"
	keyIgnoreBuiltin   = "table.ignore.builtin"
	keyColumnInclude   = "column.include.list"
	keyColumnExclude   = "column.exclude.list"
	keyMessageKey      = "message.key.columns"
	keyMaskChars       = "column.mask.with.(d+).chars"
	keyMaskHash        = "column.mask.hash.([^.]+).with.salt.(.+)"
	keyMaskHashV2      = "column.mask.hash.v2.([^.]+).with.salt.(.+)"
	keyTruncate        = "column.truncate.to.(d+).chars"
	keyGuardrailMax    = "guardrail.collections.max"
	keyGuardrailAction = "guardrail.collections.limit.action"

	keySnapshotMode    = "snapshot.mode"
	keyLockingMode     = "snapshot.locking.mode"
	keyLockTimeout     = "snapshot.lock.timeout.ms"
	keySnapshotThreads = "snapshot.max.threads"
	keySnapshotTables  = "snapshot.include.collection.list"
	keySnapshotOrder   = "snapshot.tables.order.by.row.count"
	keySnapshotSelects = "snapshot.select.statement.overrides"
	keySnapshotDelay   = "snapshot.delay.ms"
	keyStreamingDelay  = "streaming.delay.ms"
	keyNewTables       = "snapshot.new.tables"
	keyPositionLost    = "position.lost.action"

	keySignalTable        = "signal.data.collection"
	keySignalChannels     = "signal.enabled.channels"
	keyIncrementalRequest = "incremental.snapshot.request"
	keyChunkSize          = "incremental.snapshot.chunk.size"
	keyWatermarking       = "incremental.snapshot.watermarking.strategy"
	keyReadOnly           = "read.only"

	keyOutput             = "output"
	keyTombstones         = "tombstones.on.delete"
	keySkippedOperations  = "skipped.operations"
	keyTransactions       = "provide.transaction.metadata"
	keyIncludeQuery       = "include.query"
	keyDecimalMode        = "decimal.handling.mode"
	keyBigintMode         = "bigint.unsigned.handling.mode"
	keyTimeMode           = "time.precision.mode"
	keyBinaryMode         = "binary.handling.mode"
	keyTimeAdjuster       = "enable.time.adjuster"
	keyPropagateColumns   = "column.propagate.source.type"
	keyPropagateTypes     = "datatype.propagate.source.type"
	keySchemaNames        = "schema.name.adjustment.mode"
	keyFieldNames         = "field.name.adjustment.mode"
	keyTopicDelimiter     = "topic.delimiter"
	keyTopicTransaction   = "topic.transaction"
	keyTopicHeartbeat     = "topic.heartbeat.prefix"
	keyHeartbeatPrefixOld = "heartbeat.topics.prefix"

	keyHeartbeatInterval  = "heartbeat.interval.ms"
	keyHeartbeatQuery     = "heartbeat.action.query"
	keyQueueBytes         = "max.queue.size.in.bytes"
	keyFailureMode        = "event.processing.failure.handling.mode"
	keyFailureModeOld     = "event.deserialization.failure.handling.mode"
	keyFailureModeConvert = "event.converting.failure.handling.mode"
	keyInconsistentSchema = "inconsistent.schema.handling.mode"
	keyGTIDIncludes       = "gtid.source.includes"
	keyGTIDExcludes       = "gtid.source.excludes"
	keyGTIDFilterDML      = "gtid.source.filter.dml.events"
	keyGTIDIgnore         = "gtid.ignore.on.recovery"
)

// The groups.
const (
	groupConnection  = "Connection"
	groupCapture     = "What is captured"
	groupSnapshot    = "Snapshot"
	groupIncremental = "Signals and incremental snapshots"
	groupRecords     = "Records"
	groupStream      = "Stream"
	groupIgnored     = "Accepted without effect"
	groupRefused     = "Not supported"
)

// sourceConfig declares every key. Do not change it.
var sourceConfig = definition()

func definition() config.Definition {
	var d config.Definition
	for _, section := range []struct {
		group string
		keys  config.Definition
	}{
		{groupConnection, connectionKeys()},
		{groupCapture, captureKeys()},
		{groupSnapshot, snapshotKeys()},
		{groupIncremental, incrementalKeys()},
		{groupRecords, recordKeys()},
		{groupStream, streamKeys()},
		{groupIgnored, ignoredKeys()},
		{groupRefused, refusedKeys()},
	} {
		for i, k := range section.keys {
			k.Group, k.Order = section.group, i+1
			if k.Importance == 0 {
				k.Importance = config.ImportanceLow
			}
			if k.DisplayName == "" {
				k.DisplayName = k.Name
			}
			if k.Width == config.WidthNone {
				k.Width = widthOf(k)
			}
			d = append(d, k)
		}
	}
	return d
}

func widthOf(k config.Key) config.Width {
	switch {
	case len(k.Valid) > 0, k.Type == config.TypeBoolean, k.Type == config.TypeInt, k.Type == config.TypeLong:
		return config.WidthShort
	case k.Type == config.TypeList, k.Type == config.TypeClass:
		return config.WidthLong
	}
	return config.WidthMedium
}

func connectionKeys() config.Definition {
	return config.Definition{
		{
			Name: keyPrefix, Type: config.TypeString, Required: true, NonEmpty: true, Pattern: `[A-Za-z0-9._-]+`, Importance: config.ImportanceHigh, DisplayName: "Topic prefix",
			Doc: "A name for the server, which topics begin with: rows of the table orders in the database shop go to PREFIX.shop.orders. " +
				"It is also the key of the stored offset, so a connector with another prefix starts anew.",
		},
		{
			Name: keyHostname, Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh, DisplayName: "Host",
			Doc: "Host name or address of the MySQL or MariaDB server.",
		},
		{
			Name: keyPort, Type: config.TypeInt, Default: config.Default("3306"), Min: config.Limit(1), Max: config.Limit(65535), Importance: config.ImportanceHigh, DisplayName: "Port",
			Doc: "TCP port of the server.",
		},
		{
			Name: keyUser, Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh, DisplayName: "User",
			Doc: "The database user. It needs SELECT, REPLICATION SLAVE and REPLICATION CLIENT (on MariaDB from 10.5 BINLOG MONITOR); validation says which statement grants what is missing.",
		},
		{
			Name: keyPassword, Type: config.TypePassword, Importance: config.ImportanceHigh, DisplayName: "Password",
			Doc: "The user's password.",
		},
		{
			Name: keySSLMode, Type: config.TypeString, Default: config.Default("preferred"), Importance: config.ImportanceMedium, DisplayName: "TLS",
			IgnoreCase: true, Valid: []string{"preferred", "disabled", "required", "verify_ca", "verify_identity", "disable", "trust"},
			Dependents: []string{keySSLTruststore, keySSLKeystore},
			Doc: "Encryption of connections. preferred: TLS where the server has it, without checking its certificate; disabled: none; required: TLS or failure; " +
				"verify_ca: the certificate must come from an authority of database.ssl.truststore, or of the system; verify_identity: it must be for the host name, too. " +
				"disable and trust are MariaDB's words for disabled and required.",
		},
		{
			Name: keySSLTruststore, Type: config.TypeString, Importance: config.ImportanceMedium, Width: config.WidthLong, DisplayName: "CA certificates",
			Doc: "File with the certificates of authorities to trust, PEM. A Java key store is refused with the command that converts it.",
		},
		{
			Name: keySSLTruststorePassword, Type: config.TypePassword, DisplayName: "Trust store password",
			Doc: "Not needed: certificates in PEM have no password.",
		},
		{
			Name: keySSLKeystore, Type: config.TypeString, Importance: config.ImportanceMedium, Width: config.WidthLong, DisplayName: "Client certificate",
			Doc: "File with the client's certificate and its private key, PEM, for servers that demand one (REQUIRE X509). A Java key store is refused with the command that converts it.",
		},
		{
			Name: keySSLKeystorePassword, Type: config.TypePassword, DisplayName: "Key store password",
			Doc: "Password of the private key, when it is encrypted.",
		},
		{
			Name: keyServerID, Type: config.TypeLong, Min: config.Limit(1), Max: config.Limit(4294967295), Importance: config.ImportanceHigh, DisplayName: "Server id",
			Doc: "Number of this client among the servers of the replication topology; no other server or connector may have it, or the server cuts one of the two off. " +
				"Without it, a random one from 5400 to 6400 is taken at each start, as in Debezium.",
		},
		{
			Name: keyInitialStatements, Type: config.TypeString, Width: config.WidthLong, DisplayName: "Initial statements",
			Doc: "SQL statements to run on each new connection (not on the one that reads the binary log), separated by semicolons; ;; stands for a semicolon inside a statement.",
		},
		{
			Name: keyQueryTimeout, Type: config.TypeLong, Default: config.Default("600000"), Min: config.Limit(0), DisplayName: "Query timeout (ms)",
			Doc: "How long a query may take until its first row comes. 0 means without limit.",
		},
		{
			Name: keyConnectTimeout, Type: config.TypeInt, Default: config.Default("30000"), Min: config.Limit(1), Importance: config.ImportanceMedium, DisplayName: "Connection timeout (ms)",
			Doc: "How long to wait for a connection to be made.",
		},
		{
			Name: keyKeepAlive, Type: config.TypeBoolean, Default: config.Default("true"), Dependents: []string{keyKeepAliveInterval}, DisplayName: "Keep alive",
			Doc: "Have the server send a heartbeat on an idle replication connection, so that a connection cut silently is noticed and made again.",
		},
		{
			Name: keyKeepAliveInterval, Type: config.TypeLong, Default: config.Default("60000"), Min: config.Limit(1000), DisplayName: "Keep alive interval (ms)",
			Doc: "How often the server sends that heartbeat; three missing ones are a connection that is gone.",
		},
		{
			Name: keyNetWriteTimeout, Type: config.TypeLong, Default: config.Default("0"), Min: config.Limit(0), DisplayName: "net_write_timeout (s)",
			Doc: "Seconds the server waits for the connector to take data of the binary log before it cuts the connection. 0 leaves it at the server's setting.",
		},
		{
			Name: keyNetReadTimeout, Type: config.TypeLong, Default: config.Default("0"), Min: config.Limit(0), DisplayName: "net_read_timeout (s)",
			Doc: "Seconds the server waits for data from the connector. 0 leaves it at the server's setting.",
		},
		{
			Name: keyValidationTimeout, Type: config.TypeLong, Default: config.Default("60000"), Min: config.Limit(1), DisplayName: "Validation timeout (ms)",
			Doc: "How long validation of the configuration may ask the server.",
		},
		{
			Name: keyMaxRetries, Type: config.TypeInt, Default: config.Default("-1"), Min: config.Limit(-1), DisplayName: "Retries",
			Doc: "How often in a row a lost connection is made again before the task fails. -1 means without limit.",
		},
		{
			Name: keyRetryWait, Type: config.TypeLong, Default: config.Default("10000"), Min: config.Limit(1), DisplayName: "Longest wait between retries (ms)",
			Doc: "The wait between attempts to connect grows from a tenth of a second to this.",
		},
	}
}

func captureKeys() config.Definition {
	return config.Definition{
		{
			Name: keyDatabaseInclude, Type: config.TypeList, Importance: config.ImportanceHigh, DisplayName: "Databases",
			Doc: "Databases to capture: regular expressions that match the whole name, case not counting. Without it all but those of the server itself.",
		},
		{
			Name: keyDatabaseExclude, Type: config.TypeList, Importance: config.ImportanceMedium, DisplayName: "Databases left out",
			Doc: "Databases not to capture. Use it or database.include.list, not both.",
		},
		{
			Name: keyTableInclude, Type: config.TypeList, Importance: config.ImportanceHigh, DisplayName: "Tables",
			Doc: "Tables to capture: regular expressions that match the whole of DATABASE.TABLE, such as shop\\.orders, case not counting. Without it all tables of the databases captured.",
		},
		{
			Name: keyTableExclude, Type: config.TypeList, Importance: config.ImportanceMedium, DisplayName: "Tables left out",
			Doc: "Tables not to capture. Use it or table.include.list, not both.",
		},
		{
			Name: keyTableMissing, Type: config.TypeString, Default: config.Default("fail"), Valid: []string{"fail", "ignore"}, IgnoreCase: true, DisplayName: "Lists that match nothing",
			Doc: "What validation says of an element of an include list that matches nothing on the server, which mostly is a mistyped name. ignore is for tables that will be made later.",
		},
		{
			Name: keyIgnoreBuiltin, Type: config.TypeBoolean, Default: config.Default("true"), DisplayName: "Leave out system databases",
			Doc: "Leave out mysql, sys, information_schema and performance_schema, whatever the lists say.",
		},
		{
			Name: keyColumnInclude, Type: config.TypeList, Importance: config.ImportanceMedium, DisplayName: "Columns",
			Doc: "Columns to capture: regular expressions that match the whole of DATABASE.TABLE.COLUMN. Columns of the key are always captured.",
		},
		{
			Name: keyColumnExclude, Type: config.TypeList, Importance: config.ImportanceMedium, DisplayName: "Columns left out",
			Doc: "Columns not to capture. Use it or column.include.list, not both.",
		},
		{
			Name: keyMessageKey, Type: config.TypeString, Importance: config.ImportanceMedium, Width: config.WidthLong, DisplayName: "Key columns",
			Doc: "Columns that make the key of records, for tables without a primary key or to override it: TABLES:COLUMN,COLUMN;TABLES:COLUMN where TABLES is a regular expression for DATABASE.TABLE.",
		},
		{
			Name: keyMaskChars, Type: config.TypeString, Importance: config.ImportanceMedium, Width: config.WidthLong, DisplayName: "Mask with asterisks",
			Doc: "column.mask.with.LENGTH.chars: a list of columns (regular expressions for DATABASE.TABLE.COLUMN) whose text is replaced by that many asterisks.",
		},
		{
			Name: keyMaskHash, Type: config.TypeString, Importance: config.ImportanceMedium, Width: config.WidthLong, DisplayName: "Mask with a hash",
			Doc: "column.mask.hash.ALGORITHM.with.salt.SALT: a list of columns whose text is replaced by a salted hash, such as column.mask.hash.SHA-256.with.salt.CzQMA0cB5K.",
		},
		{
			Name: keyMaskHashV2, Type: config.TypeString, Importance: config.ImportanceMedium, Width: config.WidthLong, DisplayName: "Mask with a hash (v2)",
			Doc: "column.mask.hash.v2.ALGORITHM.with.salt.SALT: the same with Debezium's second way of hashing, which is equal across connectors.",
		},
		{
			Name: keyTruncate, Type: config.TypeString, Importance: config.ImportanceMedium, Width: config.WidthLong, DisplayName: "Truncate",
			Doc: "column.truncate.to.LENGTH.chars: a list of columns whose text is cut to that many characters.",
		},
		{
			Name: keyGuardrailMax, Type: config.TypeInt, Default: config.Default("0"), Min: config.Limit(0), DisplayName: "Most tables",
			Doc: "How many tables the lists may capture. 0 means any number.",
		},
		{
			Name: keyGuardrailAction, Type: config.TypeString, Default: config.Default("warn"), Valid: []string{"warn", "fail"}, IgnoreCase: true, DisplayName: "With more tables",
			Doc: "What to do with more tables than guardrail.collections.max: log a warning, or fail.",
		},
	}
}

func snapshotKeys() config.Definition {
	return config.Definition{
		{
			Name: keySnapshotMode, Type: config.TypeString, Default: config.Default("initial"), Importance: config.ImportanceHigh, IgnoreCase: true, DisplayName: "Snapshot mode",
			Valid:       []string{"initial", "initial_only", "no_data", "when_needed", "always", "schema_only", "never", "recovery", "schema_only_recovery", "configuration_based", "custom"},
			Recommended: []string{"initial", "initial_only", "no_data", "when_needed", "always"},
			Doc: "When rows that are already in the tables are read. initial: at the first start; initial_only: the same, and then nothing more; no_data: not at all, changes from now on; " +
				"when_needed: as initial, and again when the position in the binary log is lost; always: at every start. schema_only is an old name of no_data. " +
				"never reads the binary log from its beginning instead. recovery, schema_only_recovery, configuration_based and custom are refused.",
		},
		{
			Name: keyLockingMode, Type: config.TypeString, Default: config.Default("minimal"), IgnoreCase: true, DisplayName: "Locks",
			Valid:       []string{"minimal", "extended", "none", "minimal_percona", "minimal_percona_no_table_locks", "custom"},
			Recommended: []string{"minimal", "extended", "none"},
			Doc: "How the snapshot finds the position in the binary log that belongs to what it reads. minimal: without a lock where the server tells it (MariaDB; MySQL with gtid_mode=ON), " +
				"otherwise with a global read lock, or read locks on the captured tables, for some milliseconds; extended: with a global read lock for as long as the snapshot takes; " +
				"none: never with a lock, which MySQL without GTIDs cannot. minimal_percona and minimal_percona_no_table_locks mean none.",
		},
		{
			Name: keyLockTimeout, Type: config.TypeLong, Default: config.Default("10000"), Min: config.Limit(1), Importance: config.ImportanceMedium, DisplayName: "Lock timeout (ms)",
			Doc: "How long to wait for those locks. Writers wait behind a lock that is waited for, so keep it short.",
		},
		{
			Name: keySnapshotThreads, Type: config.TypeInt, Default: config.Default("4"), Min: config.Limit(1), Max: config.Limit(64), Importance: config.ImportanceMedium, DisplayName: "Threads",
			Doc: "How many connections read at the same time, from several tables and from several ranges of the key of one table.",
		},
		{
			Name: keySnapshotTables, Type: config.TypeList, Importance: config.ImportanceMedium, DisplayName: "Tables to read",
			Doc: "Of the captured tables those that the snapshot reads: regular expressions that match the whole of DATABASE.TABLE. Without it all.",
		},
		{
			Name: keySnapshotOrder, Type: config.TypeString, Default: config.Default("disabled"), Valid: []string{"disabled", "ascending", "descending"}, IgnoreCase: true, DisplayName: "Order by size",
			Doc: "Read small tables first (ascending) or large ones (descending); otherwise they are read in the order of their names, as the include list gives them.",
		},
		{
			Name: keySnapshotSelects, Type: config.TypeList, Importance: config.ImportanceMedium, DisplayName: "Own SELECT statements",
			Doc: "Tables, as DATABASE.TABLE, that are read with a statement of your own, each given by the key snapshot.select.statement.overrides.DATABASE.TABLE. " +
				"Such a table is read in one piece, and after a crash from its beginning.",
		},
		{
			Name: keySnapshotDelay, Type: config.TypeLong, Default: config.Default("0"), Min: config.Limit(0), DisplayName: "Delay before (ms)",
			Doc: "How long to wait before a snapshot.",
		},
		{
			Name: keyStreamingDelay, Type: config.TypeLong, Default: config.Default("0"), Min: config.Limit(0), DisplayName: "Delay after (ms)",
			Doc: "How long to wait after a snapshot before changes are read.",
		},
		{
			Name: keyNewTables, Type: config.TypeString, Default: config.Default("initial"), Valid: []string{"initial", "no_data"}, IgnoreCase: true, Importance: config.ImportanceMedium, DisplayName: "Tables added later",
			Doc: "What happens to tables that a changed configuration captures and the former one did not. initial: they are read at the next start, before the stream goes on; " +
				"no_data: only their changes are captured, as Debezium does. Tables made while the connector exists need neither: all their rows are in the binary log.",
		},
		{
			Name: keyPositionLost, Type: config.TypeString, Default: config.Default("fail"), Valid: []string{"fail", "snapshot", "skip_to_oldest"}, IgnoreCase: true, Importance: config.ImportanceMedium, DisplayName: "When the position is lost",
			Doc: "What to do when the server no longer has the binary log from the stored position on, or is another server. fail: the task fails and says so; " +
				"snapshot: a new snapshot is taken, as with snapshot.mode=when_needed; skip_to_oldest: go on with the oldest change the server has, which loses what was in between.",
		},
	}
}

func incrementalKeys() config.Definition {
	return config.Definition{
		{
			Name: keySignalTable, Type: config.TypeString, Importance: config.ImportanceMedium, DisplayName: "Signal table",
			Doc: "A table, as DATABASE.TABLE, with the columns id, type and data (VARCHAR, in this order); rows inserted into it are orders to the connector: " +
				"execute-snapshot, stop-snapshot, pause-snapshot, resume-snapshot, log. It is captured whatever the lists say, and its rows are no records unless they say so.",
		},
		{
			Name: keySignalChannels, Type: config.TypeList, Default: config.Default("source"), Importance: config.ImportanceMedium, DisplayName: "Signal channels",
			Doc: "Where orders come from: source is the signal table. Debezium's other channels (kafka, file, jmx, in-process) are refused; use incremental.snapshot.request instead.",
		},
		{
			Name: keyIncrementalRequest, Type: config.TypeString, Importance: config.ImportanceMedium, Width: config.WidthLong, DisplayName: "Incremental snapshot",
			Doc: "Tables to read again while changes go on being captured, as ID: DATABASE.TABLE, DATABASE.TABLE where tables are regular expressions. Each new ID is carried out once: " +
				"change the configuration with a new one to order the next.",
		},
		{
			Name: keyChunkSize, Type: config.TypeInt, Default: config.Default("1024"), Min: config.Limit(1), Importance: config.ImportanceMedium, DisplayName: "Chunk size",
			Doc: "How many rows of an incremental snapshot are read at once. More rows are less work and more memory; a chunk also ends at 4 MiB.",
		},
		{
			Name: keyWatermarking, Type: config.TypeString, Default: config.Default("insert_insert"), Valid: []string{"insert_insert", "insert_delete"}, IgnoreCase: true, DisplayName: "Watermarking",
			Doc: "How chunks of an incremental snapshot are marked in the signal table, where that is needed at all (MySQL without GTIDs): with a row before and a row after the chunk, " +
				"or with one that is deleted after it.",
		},
		{
			Name: keyReadOnly, Type: config.TypeBoolean, Default: config.Default("false"), DisplayName: "Read only",
			Doc: "Never write to the signal table. MariaDB, and MySQL with gtid_mode=ON, need no writing anyhow; MySQL without GTIDs cannot take incremental snapshots then.",
		},
	}
}

func recordKeys() config.Definition {
	return config.Definition{
		{
			Name: keyOutput, Type: config.TypeString, Default: config.Default("envelope"), Valid: []string{"envelope", "row"}, IgnoreCase: true, Importance: config.ImportanceHigh, DisplayName: "Output",
			Doc: "What values are. envelope: before, after, source, op, ts_ms and transaction, as Debezium's; row: the row after the change, and null for a row that was deleted.",
		},
		{
			Name: keyTombstones, Type: config.TypeBoolean, Default: config.Default("true"), Importance: config.ImportanceMedium, DisplayName: "Tombstones",
			Doc: "Whether a delete is followed by a record with the same key and no value, with which Kafka forgets the key in compacted topics. With output=row a delete is that record.",
		},
		{
			Name: keySkippedOperations, Type: config.TypeList, Default: config.Default("t"), Valid: []string{"c", "u", "d", "t", "none"}, IgnoreCase: true, DisplayName: "Operations left out",
			Doc: "Changes that are no records: c inserts, u updates, d deletes, t truncates; none leaves out nothing.",
		},
		{
			Name: keyTransactions, Type: config.TypeBoolean, Default: config.Default("false"), DisplayName: "Transaction metadata",
			Doc: "Whether records tell their transaction and their place in it, and a topic has a record for the begin and the end of each.",
		},
		{
			Name: keyIncludeQuery, Type: config.TypeBoolean, Default: config.Default("false"), Importance: config.ImportanceMedium, DisplayName: "Statement",
			Doc: "Whether source.query has the statement that made the change. The server must log it: binlog_rows_query_log_events=ON, on MariaDB binlog_annotate_row_events=ON. It may hold values of masked columns.",
		},
		{
			Name: keyDecimalMode, Type: config.TypeString, Default: config.Default("precise"), Valid: []string{"precise", "double", "string"}, IgnoreCase: true, Importance: config.ImportanceMedium, DisplayName: "Decimals",
			Doc: "What DECIMAL is. precise: Connect's Decimal, which is bytes in JSON; double: a floating-point number, which may lose digits; string: text.",
		},
		{
			Name: keyBigintMode, Type: config.TypeString, Default: config.Default("long"), Valid: []string{"long", "precise"}, IgnoreCase: true, Importance: config.ImportanceMedium, DisplayName: "BIGINT UNSIGNED",
			Doc: "What BIGINT UNSIGNED is. long: INT64, negative above 9223372036854775807; precise: Connect's Decimal.",
		},
		{
			Name: keyTimeMode, Type: config.TypeString, Default: config.Default("adaptive_time_microseconds"), IgnoreCase: true, Importance: config.ImportanceMedium, DisplayName: "Times",
			Valid: []string{"adaptive_time_microseconds", "adaptive", "connect", "isostring", "microseconds", "nanoseconds"},
			Doc: "What DATE, TIME, DATETIME are. adaptive_time_microseconds: numbers in the unit that the column's precision asks for, TIME in microseconds; connect: Connect's Date, Time, Timestamp in milliseconds; " +
				"isostring: ISO 8601 text; microseconds, nanoseconds: numbers in that unit.",
		},
		{
			Name: keyBinaryMode, Type: config.TypeString, Default: config.Default("bytes"), Valid: []string{"bytes", "base64", "base64-url-safe", "hex"}, IgnoreCase: true, Importance: config.ImportanceMedium, DisplayName: "Binary columns",
			Doc: "What BINARY, VARBINARY and BLOB are: bytes, or text.",
		},
		{
			Name: keyTimeAdjuster, Type: config.TypeBoolean, Default: config.Default("true"), DisplayName: "Two-digit years",
			Doc: "Whether a year below 100 means one from 1970 to 2069, as MySQL reads it.",
		},
		{
			Name: keyPropagateColumns, Type: config.TypeList, DisplayName: "Columns with their SQL type",
			Doc: "Columns (regular expressions for DATABASE.TABLE.COLUMN) whose schema has the SQL type, length and scale as parameters __debezium.source.column.type, .length and .scale.",
		},
		{
			Name: keyPropagateTypes, Type: config.TypeList, DisplayName: "Types with their SQL type",
			Doc: "The same for all columns of SQL types: regular expressions for DATABASE.TABLE.TYPE or TYPE.",
		},
		{
			Name: keySchemaNames, Type: config.TypeString, Default: config.Default("none"), Valid: []string{"none", "avro", "avro_unicode"}, IgnoreCase: true, DisplayName: "Schema names",
			Doc: "What to do with characters in schema names that Avro does not take: nothing, replace them by _, or by _uXXXX.",
		},
		{
			Name: keyFieldNames, Type: config.TypeString, Default: config.Default("none"), Valid: []string{"none", "avro", "avro_unicode"}, IgnoreCase: true, DisplayName: "Field names",
			Doc: "The same for field names.",
		},
		{
			Name: keyTopicDelimiter, Type: config.TypeString, Default: config.Default("."), NonEmpty: true, DisplayName: "Topic delimiter",
			Doc: "What stands between prefix, database and table in the names of topics.",
		},
		{
			Name: keyTopicTransaction, Type: config.TypeString, Default: config.Default("transaction"), NonEmpty: true, DisplayName: "Transaction topic",
			Doc: "The topic of transaction metadata is PREFIX.THIS.",
		},
		{
			Name: keyTopicHeartbeat, Type: config.TypeString, Default: config.Default("__debezium-heartbeat"), NonEmpty: true, DisplayName: "Heartbeat topic",
			Doc: "The topic of heartbeats is THIS.PREFIX.",
		},
		{
			Name: keyHeartbeatPrefixOld, Type: config.TypeString, DisplayName: "Heartbeat topic (old)",
			Doc: "An older name of topic.heartbeat.prefix, which wins when both are given.",
		},
	}
}

func streamKeys() config.Definition {
	failure := []string{"fail", "warn", "skip", "ignore"}
	return config.Definition{
		{
			Name: keyHeartbeatInterval, Type: config.TypeInt, Default: config.Default("10000"), Min: config.Limit(0), Importance: config.ImportanceMedium, DisplayName: "Heartbeat interval (ms)",
			Doc: "How often a heartbeat record carries the position on when no captured table changes; without it the stored position of a quiet capture grows old until the server has deleted the log that it points into. " +
				"0 turns heartbeats off, but for the one that stores the position before a snapshot.",
		},
		{
			Name: keyHeartbeatQuery, Type: config.TypeString, Width: config.WidthLong, DisplayName: "Heartbeat statement",
			Doc: "A statement to run with every heartbeat, such as an UPDATE of a table of your own.",
		},
		{
			Name: keyQueueBytes, Type: config.TypeLong, Default: config.Default("4194304"), Min: config.Limit(0), Importance: config.ImportanceMedium, DisplayName: "Read ahead (bytes)",
			Doc: "How many bytes of events, or of rows of a snapshot, are read ahead of what is delivered. 0 means the default.",
		},
		{
			Name: keyFailureMode, Type: config.TypeString, Default: config.Default("fail"), Valid: failure, IgnoreCase: true, Importance: config.ImportanceMedium, DisplayName: "Events that cannot be read",
			Doc: "What to do with an event that cannot be decoded or converted. fail: the task fails at it; warn: it is logged and left out; skip, or ignore: it is left out.",
		},
		{
			Name: keyFailureModeOld, Type: config.TypeString, Valid: failure, IgnoreCase: true, Importance: config.ImportanceMedium, DisplayName: "Events that cannot be read (old)",
			Doc: "An older name of event.processing.failure.handling.mode, which wins when both are given.",
		},
		{
			Name: keyFailureModeConvert, Type: config.TypeString, Valid: failure, IgnoreCase: true, Importance: config.ImportanceMedium, DisplayName: "Values that cannot be converted",
			Doc: "Another name of event.processing.failure.handling.mode, which wins when both are given.",
		},
		{
			Name: keyInconsistentSchema, Type: config.TypeString, Default: config.Default("fail"), Valid: failure, IgnoreCase: true, Importance: config.ImportanceMedium, DisplayName: "Rows that fit no known shape",
			Doc: "What to do with rows whose columns the connector cannot know any more, because the table was altered while nobody looked and the server logs no column names (binlog_row_metadata=MINIMAL). " +
				"fail: the task fails and says so; warn: they are logged and left out; skip, or ignore: they are left out.",
		},
		{
			Name: keyGTIDIncludes, Type: config.TypeList, Importance: config.ImportanceMedium, DisplayName: "GTID sources",
			Doc: "Servers whose GTIDs count for the position: regular expressions for the UUID (MySQL) or DOMAIN-SERVER (MariaDB).",
		},
		{
			Name: keyGTIDExcludes, Type: config.TypeList, Importance: config.ImportanceMedium, DisplayName: "GTID sources left out",
			Doc: "Servers whose GTIDs do not count. Use it or gtid.source.includes, not both.",
		},
		{
			Name: keyGTIDFilterDML, Type: config.TypeBoolean, Default: config.Default("true"), DisplayName: "Leave out changes of other sources",
			Doc: "Whether changes of servers that do not count are left out, too.",
		},
		{
			Name: keyGTIDIgnore, Type: config.TypeBoolean, Default: config.Default("false"), DisplayName: "Ignore GTIDs at start",
			Doc: "Resume by the name of the binary log and the position in it, even where there are GTIDs. Only on the very server that was read before.",
		},
	}
}
