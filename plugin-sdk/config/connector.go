package config

import "slices"

// The groups of the framework's keys, as Kafka Connect names them. Each transformation, predicate and topic creation group has a group of
// its own, such as "Transforms: route".
const (
	GroupCommon        = "Common"
	GroupTransforms    = "Transforms"
	GroupPredicates    = "Predicates"
	GroupErrors        = "Error Handling"
	GroupTopicCreation = "Topic Creation"
	GroupExactlyOnce   = "Exactly Once Support"
	GroupOffsetsTopic  = "offsets.topic"
	GroupOutboard      = "Outboard"
)

// Common returns the keys that the framework gives every connector. Those of [Source] or [Sink] follow them, then those of the connector
// itself. A converter key that is not set means the worker's converter.
func Common() Definition {
	return Definition{
		{
			Name: "name", Type: TypeString, Required: true, NonEmpty: true, Importance: ImportanceHigh,
			Group: GroupCommon, Order: 1, Width: WidthMedium, DisplayName: "Connector name",
			Doc: "Name of the connector, unique in the cluster. Offsets, the consumer group of a sink (connect-<name>) and logs go by it.",
		},
		{
			Name: "connector.class", Type: TypeString, Required: true, NonEmpty: true, Importance: ImportanceHigh,
			Group: GroupCommon, Order: 2, Width: WidthLong, DisplayName: "Connector class",
			Doc: "The connector to run: the name a plugin gives it or one of its aliases, such as FileStreamSource, " +
				"FileStreamSourceConnector or org.apache.kafka.connect.file.FileStreamSourceConnector. GET /connector-plugins lists what there is.",
		},
		pluginVersion("connector", "connector", "Connector version", 3, ImportanceMedium, WidthMedium),
		{
			Name: "tasks.max", Type: TypeInt, Default: Default("1"), Min: Limit(1), Importance: ImportanceHigh,
			Group: GroupCommon, Order: 4, Width: WidthShort, DisplayName: "Tasks max",
			Doc: "The largest number of tasks that share the connector's work. A connector may use fewer: " +
				"one that reads a single file or log has one task, whatever stands here.",
		},
		{
			Name: "tasks.max.enforce", Type: TypeBoolean, Default: Default("true"), Importance: ImportanceLow,
			Group: GroupCommon, Order: 5, Width: WidthShort, DisplayName: "Enforce tasks max",
			Doc: "Whether a connector that asks for more tasks than tasks.max fails. Deprecated: set it to false only " +
				"to keep an old connector running until it is mended.",
		},
		converter("key", "keys", "Key", 6),
		pluginVersion("key.converter", "key converter", "Key converter version", 7, ImportanceLow, WidthShort),
		converter("value", "values", "Value", 8),
		pluginVersion("value.converter", "value converter", "Value converter version", 9, ImportanceLow, WidthShort),
		converter("header", "header values", "Header", 10),
		pluginVersion("header.converter", "header converter", "Header converter version", 11, ImportanceLow, WidthShort),
		{
			Name: "transforms", Type: TypeList, Default: Default(""), Importance: ImportanceLow,
			Group: GroupTransforms, Order: 12, Width: WidthLong, DisplayName: "Transforms",
			Doc: "Aliases of the transformations that every record goes through, in this order. Each alias is configured by " +
				"transforms.<alias>.type and further keys with the prefix transforms.<alias>.",
		},
		{
			Name: "predicates", Type: TypeList, Default: Default(""), Importance: ImportanceLow,
			Group: GroupPredicates, Order: 13, Width: WidthLong, DisplayName: "Predicates",
			Doc: "Aliases of the predicates that transformations refer to with transforms.<alias>.predicate. Each alias is configured by " +
				"predicates.<alias>.type and further keys with the prefix predicates.<alias>.",
		},
		{
			Name: "config.action.reload", Type: TypeString, Default: Default("restart"), Valid: []string{"none", "restart"}, Importance: ImportanceLow,
			Group: GroupCommon, Order: 14, Width: WidthMedium, DisplayName: "Reload Action",
			Doc: "What happens when a configuration provider announces that a value it supplied has changed or expires. " +
				"With restart the connector is restarted in time with the new value; with none it keeps the old one.",
		},
		{
			Name: "errors.retry.timeout", Type: TypeLong, Default: Default("0"), Min: Limit(-1), Importance: ImportanceMedium,
			Group: GroupErrors, Order: 1, Width: WidthMedium, DisplayName: "Retry Timeout for Errors",
			Doc: "For how many milliseconds a failed conversion or transformation is tried again, if the failure may pass. 0 means not at all, -1 without end.",
		},
		{
			Name: "errors.retry.delay.max.ms", Type: TypeLong, Default: Default("60000"), Min: Limit(0), Importance: ImportanceMedium,
			Group: GroupErrors, Order: 2, Width: WidthMedium, DisplayName: "Maximum Delay Between Retries for Errors",
			Doc: "The longest pause between two such attempts, in milliseconds. Pauses double from one attempt to the next; at the limit their length is random.",
		},
		{
			Name: "errors.tolerance", Type: TypeString, Default: Default("none"), Valid: []string{"none", "all"}, Importance: ImportanceMedium,
			Group: GroupErrors, Order: 3, Width: WidthShort, DisplayName: "Error Tolerance",
			Doc: "What a record does that cannot be converted, transformed or written. With none it fails its task; with all it is skipped " +
				"(and reported, see errors.log.enable and, for sinks, errors.deadletterqueue.topic.name).",
		},
		{
			Name: "errors.log.enable", Type: TypeBoolean, Default: Default("false"), Importance: ImportanceMedium,
			Group: GroupErrors, Order: 4, Width: WidthShort, DisplayName: "Log Errors",
			Doc: "Whether every failed record is logged. Otherwise only failures that stop a task are.",
		},
		{
			Name: "errors.log.include.messages", Type: TypeBoolean, Default: Default("false"), Importance: ImportanceMedium,
			Group: GroupErrors, Order: 5, Width: WidthShort, DisplayName: "Log Error Details",
			Doc: "Whether such log lines show the record: for a sink its topic, partition, offset and timestamp, for a source also keys, values and headers. " +
				"Leave it off where records are confidential.",
		},
		{
			Name: "outboard.isolation", Type: TypeString, Default: Default("connector"), Valid: []string{"connector", "task", "plugin"}, Importance: ImportanceLow,
			Group: GroupOutboard, Order: 1, Width: WidthShort, DisplayName: "Isolation",
			Doc: "Who shares a process on a worker. With connector, the connector and its tasks have one of their own; with task, each task has; " +
				"with plugin, all connectors of one binary and version share one, which saves memory when there are hundreds of small ones.",
		},
		{
			Name: "outboard.call.timeout.ms", Type: TypeLong, Default: Default("60000"), Min: Limit(1), Importance: ImportanceLow,
			Group: GroupOutboard, Order: 2, Width: WidthShort, DisplayName: "Call timeout",
			Doc: "How many milliseconds the plugin may take for one control call, such as starting, validating or dividing its work into tasks, before it counts as hung.",
		},
		{
			Name: "outboard.stall.timeout.ms", Type: TypeLong, Default: Default("1800000"), Min: Limit(1), Importance: ImportanceLow,
			Group: GroupOutboard, Order: 3, Width: WidthShort, DisplayName: "Stall timeout",
			Doc: "How many milliseconds a task may spend in one call of the plugin without any progress before it counts as stalled. " +
				"Set it above the longest write or query that the connector may rightly need.",
		},
	}
}

// Source returns the keys that the framework gives source connectors beyond [Common]. With any topic.creation. key in the configuration
// those of [TopicCreation] join them.
func Source() Definition {
	return Definition{
		{
			Name: "topic.creation.groups", Type: TypeList, Default: Default(""), Importance: ImportanceLow,
			Group: GroupTopicCreation, Order: 1, Width: WidthLong, DisplayName: "Topic Creation Groups",
			Doc: "Aliases of groups of settings for topics that the connector creates. The first group that includes a topic's name applies; " +
				"the group default always exists and comes last. Each is configured by keys with the prefix topic.creation.<alias>.",
		},
		{
			Name: "exactly.once.support", Type: TypeString, Default: Default("requested"), Valid: []string{"requested", "required"}, IgnoreCase: true, Importance: ImportanceMedium,
			Group: GroupExactlyOnce, Order: 2, Width: WidthShort, DisplayName: "Exactly once support",
			Doc: "Whether the connector must write every record exactly once. With required, it is refused unless it says that it can and the worker has " +
				"exactly.once.source.support enabled; with requested, it runs with what there is.",
		},
		{
			Name: "transaction.boundary", Type: TypeString, Default: Default("poll"), Valid: []string{"poll", "interval", "connector"}, IgnoreCase: true, Importance: ImportanceMedium,
			Group: GroupExactlyOnce, Order: 3, Width: WidthShort, DisplayName: "Transaction Boundary",
			Doc: "When exactly-once tasks commit a transaction. With poll, after every batch that a task delivers; with interval, after transaction.boundary.interval.ms; " +
				"with connector, where the connector says, if it can.",
		},
		{
			Name: "transaction.boundary.interval.ms", Type: TypeLong, Min: Limit(0), Importance: ImportanceLow,
			Group: GroupExactlyOnce, Order: 4, Width: WidthShort, DisplayName: "Transaction boundary interval",
			Doc: "Milliseconds between transactions when transaction.boundary is interval. Without it, the worker's offset.flush.interval.ms applies.",
		},
		{
			Name: "offsets.storage.topic", Type: TypeString, NonEmpty: true, Pattern: `[a-zA-Z0-9._-]{1,249}`, Importance: ImportanceLow,
			Group: GroupOffsetsTopic, Order: 1, Width: WidthLong, DisplayName: "Offsets topic",
			Doc: "A topic for the source offsets of this connector alone, in the Kafka cluster that it writes to; it is created when missing. " +
				"Without it, the worker's offsets topic is used. A standalone worker ignores it.",
		},
		{
			Name: "outboard.schema.evolution", Type: TypeString, Default: Default("evolve"), Valid: []string{"evolve", "hold", "dlq", "fail"}, Importance: ImportanceMedium,
			Group: GroupOutboard, Order: 4, Width: WidthShort, DisplayName: "Schema evolution",
			Doc: "What happens when the schema of a topic's keys or values, after transformations, changes so that not all readers can follow: a field that is neither optional nor " +
				"has a default comes or goes, or a type or whether null is allowed changes. With evolve, all passes; with hold, the task delivers nothing more and is PAUSED with the reason " +
				"in its status, until the configuration is changed; with dlq, such records go to errors.deadletterqueue.topic.name, whatever errors.tolerance says; with fail, the task fails. " +
				"Known schemas are kept beside the offsets and survive restarts; evolve forgets them, so that it lets a change pass for good.",
		},
	}
}

// Sink returns the keys that the framework gives sink connectors beyond [Common].
func Sink() Definition {
	return Definition{
		{
			Name: "topics", Type: TypeList, Default: Default(""), Importance: ImportanceHigh,
			Group: GroupCommon, Order: 4, Width: WidthLong, DisplayName: "Topics",
			Doc: "The topics to read, separated by commas. Give either topics or topics.regex.",
		},
		{
			Name: "topics.regex", Type: TypeString, Default: Default(""), Importance: ImportanceHigh,
			Group: GroupCommon, Order: 4, Width: WidthLong, DisplayName: "Topics regex",
			Doc: "Regular expression that the whole name of a topic must match to be read; topics created later are found too. Give either topics or topics.regex.",
		},
		{
			Name: "errors.deadletterqueue.topic.name", Type: TypeString, Default: Default(""), Importance: ImportanceMedium,
			Group: GroupErrors, Order: 6, Width: WidthMedium, DisplayName: "Dead Letter Queue Topic Name",
			Doc: "The topic that receives records which cannot be converted, transformed or written, unchanged. Empty means that there is none. " +
				"Set errors.tolerance to all if the task is to go on after such a record.",
		},
		{
			Name: "errors.deadletterqueue.topic.replication.factor", Type: TypeShort, Default: Default("3"), Min: Limit(-1), Importance: ImportanceMedium,
			Group: GroupErrors, Order: 7, Width: WidthMedium, DisplayName: "Dead Letter Queue Topic Replication Factor",
			Doc: "Replication factor with which the dead letter queue's topic is created when it is missing; -1 means the broker's default. " +
				"A cluster of one broker needs 1.",
		},
		{
			Name: "errors.deadletterqueue.context.headers.enable", Type: TypeBoolean, Default: Default("false"), Importance: ImportanceMedium,
			Group: GroupErrors, Order: 8, Width: WidthMedium, DisplayName: "Enable Error Context Headers",
			Doc: "Whether records in the dead letter queue carry headers that say where they come from and what went wrong. Their names begin with __connect.errors.",
		},
	}
}

// Transformation returns the framework's keys of a transformation, those of the transformation itself follow them. Predicates are the
// connector's aliases, as suggestions.
func Transformation(alias string, predicates []string) Definition {
	return Definition{
		pluginType("transformation", "Transformation type for "+alias, "org.apache.kafka.connect.transforms.InsertField$Value"),
		pluginVersion("", "transformation", "Transformation version for "+alias, 2, ImportanceMedium, WidthMedium),
		{
			Name: "predicate", Type: TypeString, Recommended: predicates, Importance: ImportanceMedium, Order: 3, Width: WidthMedium, DisplayName: "Predicate for " + alias,
			Doc: "Alias, one of those in predicates, of the condition on which a record is transformed; other records pass unchanged. Without it, every record is transformed.",
		},
		{
			Name: "negate", Type: TypeBoolean, Default: Default("false"), Importance: ImportanceMedium, Order: 4, Width: WidthShort, DisplayName: "Negate the predicate for " + alias,
			Doc: "Whether to transform the records for which the predicate does not hold, instead of those for which it does.",
		},
	}.WithPrefix("transforms."+alias+".", GroupTransforms+": "+alias)
}

// Predicate returns the framework's keys of a predicate, those of the predicate itself follow them.
func Predicate(alias string) Definition {
	return Definition{
		pluginType("predicate", "Predicate type for "+alias, "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone"),
		pluginVersion("", "predicate", "Predicate version for "+alias, 2, ImportanceMedium, WidthMedium),
	}.WithPrefix("predicates."+alias+".", GroupPredicates+": "+alias)
}

// TopicCreation returns the keys of the groups that topic.creation.groups names, in that order, and of the group default, which always
// exists and comes last. They apply as soon as the configuration has any key with the prefix topic.creation.; further keys of a group
// are settings of the topic itself, such as cleanup.policy.
func TopicCreation(groups []string) Definition {
	const last = "default"
	var d Definition
	seen := []string{last}
	for _, group := range groups {
		if !slices.Contains(seen, group) {
			seen = append(seen, group)
			d = append(d, topicGroup(group)...)
		}
	}
	return append(d, topicGroup(last)...)
}

func topicGroup(group string) Definition {
	keys := Definition{
		{
			Name: "include", Type: TypeList, Required: true, NonEmpty: true, DisplayName: "Inclusion Topic Pattern for " + group,
			Doc: "Regular expressions, separated by commas. The group applies to topics whose whole name matches one of them and none of exclude.",
		},
		{
			Name: "exclude", Type: TypeList, Default: Default(""), DisplayName: "Exclusion Topic Pattern for " + group,
			Doc: "Regular expressions, separated by commas. The group does not apply to topics whose whole name matches one of them, whatever include says.",
		},
		{
			Name: "replication.factor", Type: TypeShort, Min: Limit(-1), DisplayName: "Replication Factor for Topics in " + group,
			Doc: "Replication factor of topics that are created, not above the number of brokers; -1 means the broker's default. Without it, that of the group default applies.",
		},
		{
			Name: "partitions", Type: TypeInt, Min: Limit(-1), DisplayName: "Partition Count for Topics in " + group,
			Doc: "Number of partitions of topics that are created; -1 means the broker's default. Without it, that of the group default applies.",
		},
	}
	if group == "default" {
		// The last group takes every topic that is left: Kafka Connect ignores the patterns that it is given.
		keys = keys[2:]
		keys[0].Required, keys[0].Doc = true, "Replication factor of topics that no other group includes, not above the number of brokers; -1 means the broker's default."
		keys[1].Required, keys[1].Doc = true, "Number of partitions of topics that no other group includes; -1 means the broker's default."
	}
	for i := range keys {
		keys[i].Importance, keys[i].Width, keys[i].Order = ImportanceLow, WidthLong, i+1
	}
	return keys.WithPrefix("topic.creation."+group+".", GroupTopicCreation+": "+group)
}

func converter(name, of, label string, order int) Key {
	return Key{
		Name: name + ".converter", Type: TypeClass, Importance: ImportanceLow,
		Group: GroupCommon, Order: order, Width: WidthShort, DisplayName: label + " converter class",
		Doc: "How " + of + " are written to and read from Kafka, such as org.apache.kafka.connect.json.JsonConverter. Without it, the worker's " + name +
			".converter applies with the worker's settings, and keys with the prefix " + name + ".converter. are not used.",
	}
}

func pluginType(what, label, example string) Key {
	return Key{
		Name: "type", Type: TypeClass, Required: true, NonEmpty: true, Importance: ImportanceHigh, Order: 1, Width: WidthLong, DisplayName: label,
		Doc: "Class of the " + what + ", such as " + example + ".",
	}
}

// pluginVersion is the key that picks one of several installed versions of a plugin. Without a prefix it is one to be given later.
func pluginVersion(prefix, what, label string, order int, importance Importance, width Width) Key {
	k := Key{
		Name: "plugin.version", Type: TypeString, NonEmpty: true, Importance: importance, Order: order, Width: width, DisplayName: label,
		Doc: "Version of the " + what + " to use, if several are installed: one version, such as 1.4.0, or a range, such as [1.4,2.0). Without it, the latest.",
	}
	if prefix != "" {
		k.Name, k.Group = prefix+"."+k.Name, GroupCommon
	}
	return k
}
