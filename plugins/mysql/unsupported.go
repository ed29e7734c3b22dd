package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// ignored are keys of Debezium that existing configurations have and that make no difference here.
var ignored = []struct{ name, why string }{
	{"schema.history.internal", noHistory},
	{"schema.history.internal.kafka.bootstrap.servers", noHistory},
	{"schema.history.internal.kafka.topic", noHistory},
	{"schema.history.internal.kafka.recovery.attempts", noHistory},
	{"schema.history.internal.kafka.recovery.poll.interval.ms", noHistory},
	{"schema.history.internal.kafka.query.timeout.ms", noHistory},
	{"schema.history.internal.file.filename", noHistory},
	{"schema.history.internal.skip.unparseable.ddl", noHistory},
	{"schema.history.internal.store.only.captured.tables.ddl", noHistory},
	{"schema.history.internal.store.only.captured.databases.ddl", noHistory},
	{"schema.history.internal.kafka.create.timeout.ms", noHistory},
	{"schema.history.internal.kafka.buffer.batch.size", noHistory},
	{"schema.history.internal.prefer.ddl", noHistory},
	{"schema.history.internal.name", noHistory},
	{"schema.history.internal.connector.class", noHistory},
	{"schema.history.internal.connector.id", noHistory},
	{"internal.schema.history.internal.ddl.filter", noHistory},
	{"ddl.parser.type", "Statements that change tables are not parsed."},
	{"include.schema.comments", "Comments of tables and columns are in no record."},
	{"database.jdbc.driver", "There is no JDBC."},
	{"database.protocol", "There is no JDBC."},
	{"database.server.id.offset", "Connections of a snapshot are no replicas, they need no server id."},
	{"snapshot.fetch.size", "Rows are streamed as the server sends them; memory is bounded by max.queue.size.in.bytes."},
	{"query.fetch.size", "Rows are streamed as the server sends them."},
	{"min.row.count.to.stream.results", "Rows are always streamed as the server sends them."},
	{"snapshot.max.threads.multiplier", "Ranges of a table are planned by its size; see snapshot.max.threads."},
	{"legacy.snapshot.max.threads", "Ranges of a table are planned by its size; see snapshot.max.threads."},
	{"internal.legacy.snapshot.max.threads", "Ranges of a table are planned by its size; see snapshot.max.threads."},
	{"internal.snapshot.scan.all.columns.force", "Only columns of captured tables are looked at."},
	{"incremental.snapshot.allow.schema.changes", "Tables may be altered during a snapshot of any kind."},
	{"max.batch.size", "Batches end at 1 MiB or 2000 records, or with what is there."},
	{"max.queue.size", "What is read ahead is bounded in bytes, see max.queue.size.in.bytes."},
	{"poll.interval.ms", "Changes are delivered when they come."},
	{"signal.poll.interval.ms", "Orders come with the stream of changes."},
	{"binlog.buffer.size", "The server logs a transaction when it is committed."},
	{"use.nongraceful.disconnect", "A connection that is gone is left behind at once."},
	{"executor.shutdown.timeout.ms", "See task.shutdown.graceful.timeout.ms of the worker."},
	{"memory.management.schemas.class", "There is no JVM."},
	{"memory.management.tables.class", "There is no JVM."},
	{"statistics.metrics.enabled", "There is no JVM."},
	{"custom.metric.tags", "There is no JVM."},
	{"custom.sanitize.pattern", "Passwords are in no log and in no answer."},
	{"internal.advanced.metrics.enable", "There is no JVM."},
	{"internal.log.position.check.enable", "The position is always checked."},
	{"internal.custom.retriable.exception", "There is no JVM."},
	{"queue.provider.type", "There is one kind of queue."},
	{"signal.kafka.poll.timeout.ms", "Orders do not come from Kafka."},
	{"unavailable.value.placeholder", "The log has all values."},
	{"openlineage.integration.config.file.path", noLineage},
	{"openlineage.integration.dataset.kafka.bootstrap.servers", noLineage},
	{"openlineage.integration.job.description", noLineage},
	{"openlineage.integration.job.namespace", noLineage},
	{"openlineage.integration.job.owners", noLineage},
	{"openlineage.integration.job.tags", noLineage},
	{"topic.cache.size", "Names of topics are kept with their tables."},
}

const noLineage = "See openlineage.integration.enabled."

const noHistory = "There is no schema history: shapes of tables come from the binary log and from information_schema."

func ignoredKeys() config.Definition {
	var d config.Definition
	for _, k := range ignored {
		d = append(d, config.Key{Name: k.name, Type: config.TypeString, Width: config.WidthMedium, Doc: "No effect. " + k.why})
	}
	return d
}

// refused are keys of Debezium whose effect is missing here: a configuration that relies on one is not accepted.
var refused = []struct {
	name string
	// harmless are the values, usually Debezium's default, that ask for nothing. The empty one always is.
	harmless []string
	why      string
}{
	{"include.schema.changes", []string{"false"}, "Statements that change tables are not published; the schemas of records tell the shapes of tables. Remove it or set it to false"},
	{"converters", nil, "Converters written in Java do not run here. Remove it; decimal.handling.mode, time.precision.mode and binary.handling.mode cover common wishes, a transformation others"},
	{"post.processors", nil, "Post processors written in Java do not run here. Remove it and use a transformation"},
	{"sourceinfo.struct.maker", []string{"io.debezium.connector.mysql.MySqlSourceInfoStructMaker", "io.debezium.connector.mariadb.MariaDbSourceInfoStructMaker"}, "Classes written in Java do not run here. Remove it"},
	{"transaction.metadata.factory", []string{"io.debezium.pipeline.txmetadata.DefaultTransactionMetadataFactory"}, "Classes written in Java do not run here. Remove it"},
	{"topic.naming.strategy", []string{"io.debezium.schema.SchemaTopicNamingStrategy", "io.debezium.schema.DefaultTopicNamingStrategy"}, "Classes written in Java do not run here. Remove it; topic.delimiter and a transformation (RegexRouter) change names of topics"},
	{"snapshot.query.mode", []string{"select_all"}, "Classes written in Java do not run here. Remove it; snapshot.select.statement.overrides gives tables statements of their own"},
	{"snapshot.query.mode.custom.name", nil, "Classes written in Java do not run here. Remove it"},
	{"snapshot.mode.custom.name", nil, "Classes written in Java do not run here. Remove it"},
	{"snapshot.locking.mode.custom.name", nil, "Classes written in Java do not run here. Remove it"},
	{"snapshot.mode.configuration.based.snapshot.data", []string{"false"}, "snapshot.mode=configuration_based is not supported. Remove it and use initial, initial_only, no_data, when_needed or always"},
	{"snapshot.mode.configuration.based.snapshot.schema", []string{"false"}, "snapshot.mode=configuration_based is not supported. Remove it and use initial, initial_only, no_data, when_needed or always"},
	{"snapshot.mode.configuration.based.start.stream", []string{"false"}, "snapshot.mode=configuration_based is not supported. Remove it and use initial, initial_only, no_data, when_needed or always"},
	{"snapshot.mode.configuration.based.snapshot.on.schema.error", []string{"false"}, "snapshot.mode=configuration_based is not supported. Remove it and use initial, initial_only, no_data, when_needed or always"},
	{"snapshot.mode.configuration.based.snapshot.on.data.error", []string{"false"}, "snapshot.mode=configuration_based is not supported. Remove it and use initial, initial_only, no_data, when_needed or always"},
	{"signal.kafka.topic", nil, noKafkaSignals},
	{"signal.kafka.bootstrap.servers", nil, noKafkaSignals},
	{"signal.kafka.groupId", nil, noKafkaSignals},
	{"signal.file", nil, "Orders do not come from files. Remove it and use signal.data.collection or incremental.snapshot.request"},
	{"notification.enabled.channels", nil, "Notifications are not sent; the log and the connector's status tell how a snapshot goes. Remove it"},
	{"notification.sink.topic.name", nil, "Notifications are not sent; the log and the connector's status tell how a snapshot goes. Remove it"},
	{"skip.messages.without.change", []string{"false"}, "Every change is delivered, also one of columns that are left out. Remove it or set it to false"},
	{"topic.heartbeat.name", nil, "The topic of heartbeats is named by topic.heartbeat.prefix and topic.prefix. Remove it"},
	{"extended.headers.enabled", []string{"false"}, "Headers __debezium.context.* are not written; source tells the same. Remove it or set it to false"},
	{"openlineage.integration.enabled", []string{"false"}, "Data lineage is not sent. Remove it or set it to false"},
}

const noKafkaSignals = "Orders do not come from Kafka. Remove it and use signal.data.collection or incremental.snapshot.request"

func refusedKeys() config.Definition {
	var d config.Definition
	for _, k := range refused {
		doc := "Refused when it is set. "
		if len(k.harmless) > 0 {
			doc = fmt.Sprintf("Refused unless it is %s. ", strings.Join(k.harmless, " or "))
		}
		d = append(d, config.Key{Name: k.name, Type: config.TypeString, Width: config.WidthMedium, Doc: doc + k.why + ".", Recommended: k.harmless})
	}
	return d
}

// refuse reports the keys that ask for what is missing.
func refuse(given map[string]string, report func(key, text string)) {
	for _, k := range refused {
		value := strings.TrimPrefix(strings.TrimSpace(given[k.name]), "class ")
		if value == "" || slices.ContainsFunc(k.harmless, func(h string) bool { return strings.EqualFold(h, value) }) {
			continue
		}
		report(k.name, invalid(k.name, value, k.why))
	}
}

// invalid is the text of an error about a value, in the words of Kafka Connect.
func invalid(key, value, why string) string {
	return fmt.Sprintf("Invalid value %s for configuration %s: %s", value, key, why)
}
