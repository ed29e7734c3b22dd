package transform

import (
	"slices"
	"strings"
	"sync"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
)

// Settings that several transformations have.
const (
	replaceNullKey = "replace.null.with.default"
	syntaxKey      = "field.syntax.version"
)

// kafka is the package of Kafka's transformations.
const kafka = "org.apache.kafka.connect.transforms."

// debezium is the package of Debezium's transformations.
const debezium = "io.debezium.transforms."

// Packages of transformations of others.
const (
	confluent = "io.confluent.connect.transforms."
	aiven     = "io.aiven.kafka.connect.transforms."
)

// Known returns the built-in transformations and predicates. They are everybody's: nothing of them may be changed.
func Known() []Description { return known() }

var known = sync.OnceValue(func() []Description {
	return slices.Concat(
		onKeyAndValue(kafka+"Cast", newCast, config.Definition{
			{
				Name: "spec", Type: config.TypeList, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
				Doc: "What becomes which type: field:type,field:type for fields of a struct or a map, or one type for the whole. " +
					"The types are int8, int16, int32, int64, float32, float64, boolean and string; bytes can become string alone, in base64.",
				Order: 1, Width: config.WidthLong, DisplayName: "Fields and types",
			},
			replaceNull(2),
		}),
		one(kafka+"DropHeaders", newDropHeaders, config.Definition{{
			Name: "headers", Type: config.TypeList, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
			Doc:   "Names of headers to take away, all of each name.",
			Order: 1, Width: config.WidthLong, DisplayName: "Headers",
		}}),
		onKeyAndValue(kafka+"ExtractField", newExtractField, config.Definition{
			{
				Name: "field", Type: config.TypeString, Required: true, Importance: config.ImportanceMedium,
				Doc:   "The field that takes the place of the whole. With field.syntax.version=V2 it may be a path, such as after.id.",
				Order: 1, Width: config.WidthMedium, DisplayName: "Field",
			},
			replaceNull(2),
			fieldSyntax(3),
		}),
		one(kafka+"Filter", newFilter, config.Definition{}),
		onKeyAndValue(kafka+"Flatten", newFlatten, config.Definition{{
			Name: "delimiter", Type: config.TypeString, Default: config.Default("."), Importance: config.ImportanceMedium,
			Doc:   "What stands between the names that a flat name is made of.",
			Order: 1, Width: config.WidthShort, DisplayName: "Delimiter",
		}}),
		onKeyAndValue(kafka+"HeaderFrom", newHeaderFrom, config.Definition{
			{
				Name: "fields", Type: config.TypeList, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
				Doc:   "Names of the fields that headers are made of.",
				Order: 1, Width: config.WidthLong, DisplayName: "Fields",
			},
			{
				Name: "headers", Type: config.TypeList, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
				Doc:   "Names of the headers, as many as fields and in their order.",
				Order: 2, Width: config.WidthLong, DisplayName: "Headers",
			},
			{
				Name: "operation", Type: config.TypeString, Required: true, Valid: []string{"move", "copy"}, Importance: config.ImportanceHigh,
				Doc:   "Whether the fields go from where they are (move) or stay there, too (copy).",
				Order: 3, Width: config.WidthShort, DisplayName: "Operation",
			},
			replaceNull(4),
		}),
		onKeyAndValue(kafka+"HoistField", newHoistField, config.Definition{{
			Name: "field", Type: config.TypeString, Required: true, Importance: config.ImportanceMedium,
			Doc:   "Name of the field that the whole becomes, in a struct or map of its own.",
			Order: 1, Width: config.WidthMedium, DisplayName: "Field",
		}}),
		onKeyAndValue(kafka+"InsertField", newInsertField, append(config.Definition{
			insertedField("topic.field", "the topic", 1),
			insertedField("partition.field", "the Kafka partition", 2),
			insertedField("offset.field", "the offset in Kafka, for sinks alone,", 3),
			insertedField("timestamp.field", "the record's timestamp", 4),
			insertedField("static.field", "static.value", 5),
			{
				Name: "static.value", Type: config.TypeString, Importance: config.ImportanceMedium,
				Doc: "The text for static.field.", Order: 6, Width: config.WidthMedium, DisplayName: "Static value",
			},
		}, replaceNull(7))),
		one(kafka+"InsertHeader", newInsertHeader, config.Definition{
			{
				Name: "header", Type: config.TypeString, Required: true, Importance: config.ImportanceHigh,
				Doc: "Name of the header. A header of that name that is there stays.", Order: 1, Width: config.WidthMedium, DisplayName: "Header",
			},
			{
				Name: "value.literal", Type: config.TypeString, Required: true, Importance: config.ImportanceHigh,
				Doc: "The value. What looks like a number, true, a date, a [list] or a {map} is one, anything else is text.", Order: 2, Width: config.WidthMedium, DisplayName: "Value",
			},
		}),
		onKeyAndValue(kafka+"MaskField", newMaskField, config.Definition{
			{
				Name: "fields", Type: config.TypeList, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
				Doc: "Names of the fields to mask.", Order: 1, Width: config.WidthLong, DisplayName: "Fields",
			},
			{
				Name: "replacement", Type: config.TypeString, NonEmpty: true, Importance: config.ImportanceLow,
				Doc: "What numbers and texts become, instead of 0 and an empty text. It must fit the type of every one of the fields.", Order: 2, Width: config.WidthMedium, DisplayName: "Replacement",
			},
			replaceNull(3),
		}),
		one(kafka+"RegexRouter", newRegexRouter, config.Definition{
			{
				Name: "regex", Type: config.TypeString, Required: true, Importance: config.ImportanceHigh,
				Doc: "Regular expression (RE2 syntax) that the whole topic must match to be renamed.", Order: 1, Width: config.WidthLong, DisplayName: "Regular expression",
			},
			{
				Name: "replacement", Type: config.TypeString, Required: true, Importance: config.ImportanceHigh,
				Doc: "The new topic, in which $1 is the first group of regex.", Order: 2, Width: config.WidthLong, DisplayName: "Replacement",
			},
		}),
		onKeyAndValue(kafka+"ReplaceField", newReplaceField, config.Definition{
			{
				Name: "exclude", Type: config.TypeList, Default: config.Default(""), Importance: config.ImportanceMedium,
				Doc: "Fields to leave out, whatever include says.", Order: 1, Width: config.WidthLong, DisplayName: "Exclude",
			},
			{
				Name: "include", Type: config.TypeList, Default: config.Default(""), Importance: config.ImportanceMedium,
				Doc: "The only fields to keep; none means all.", Order: 2, Width: config.WidthLong, DisplayName: "Include",
			},
			{
				Name: "renames", Type: config.TypeList, Default: config.Default(""), Importance: config.ImportanceMedium,
				Doc: "New names, as old:new,old:new.", Order: 3, Width: config.WidthLong, DisplayName: "Renames",
			},
			replaceNull(4),
		}),
		onKeyAndValue(kafka+"SetSchemaMetadata", newSetSchemaMetadata, config.Definition{
			{
				Name: "schema.name", Type: config.TypeString, Importance: config.ImportanceHigh,
				Doc: "The name that the schema gets.", Order: 1, Width: config.WidthLong, DisplayName: "Schema name",
			},
			{
				Name: "schema.version", Type: config.TypeInt, Importance: config.ImportanceHigh,
				Doc: "The version that the schema gets.", Order: 2, Width: config.WidthShort, DisplayName: "Schema version",
			},
			replaceNull(3),
		}),
		onKeyAndValue(kafka+"TimestampConverter", newTimestampConverter, config.Definition{
			{
				Name: "field", Type: config.TypeString, Default: config.Default(""), Importance: config.ImportanceHigh,
				Doc: "The field with the timestamp; empty when the whole is one.", Order: 1, Width: config.WidthMedium, DisplayName: "Field",
			},
			{
				Name: "target.type", Type: config.TypeString, Required: true, Valid: []string{"string", "unix", "Date", "Time", "Timestamp"}, Importance: config.ImportanceHigh,
				Doc: "What the timestamp becomes: text in format, a number in unix.precision, or one of Connect's types.", Order: 2, Width: config.WidthShort, DisplayName: "Target type",
			},
			{
				Name: "format", Type: config.TypeString, Default: config.Default(""), Importance: config.ImportanceMedium,
				Doc: "How timestamps that are text are written or read, a pattern of Java's SimpleDateFormat such as yyyy-MM-dd'T'HH:mm:ss.SSSX. The time zone is UTC.", Order: 3, Width: config.WidthMedium, DisplayName: "Format",
			},
			{
				Name: "unix.precision", Type: config.TypeString, Default: config.Default("milliseconds"),
				Valid: []string{"nanoseconds", "microseconds", "milliseconds", "seconds"}, Importance: config.ImportanceLow,
				Doc: "The unit of timestamps that are numbers, written or read. What is below a millisecond is lost.", Order: 4, Width: config.WidthShort, DisplayName: "Unix precision",
			},
			replaceNull(5),
		}),
		one(kafka+"TimestampRouter", newTimestampRouter, config.Definition{
			{
				Name: "topic.format", Type: config.TypeString, Default: config.Default("${topic}-${timestamp}"), Importance: config.ImportanceHigh,
				Doc: "The new topic, in which ${topic} is the old one and ${timestamp} the record's time.", Order: 1, Width: config.WidthLong, DisplayName: "Topic format",
			},
			{
				Name: "timestamp.format", Type: config.TypeString, Default: config.Default("yyyyMMdd"), Importance: config.ImportanceHigh,
				Doc: "How the time is written, a pattern of Java's SimpleDateFormat. The time zone is UTC.", Order: 2, Width: config.WidthMedium, DisplayName: "Timestamp format",
			},
		}),
		one(kafka+"ValueToKey", newValueToKey, config.Definition{
			{
				Name: "fields", Type: config.TypeList, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
				Doc: "Names of the fields of the value that the key is made of.", Order: 1, Width: config.WidthLong, DisplayName: "Fields",
			},
			replaceNull(2),
		}),
		one(debezium+"ExtractNewRecordState", newUnwrap, config.Definition{
			{
				Name: "delete.tombstone.handling.mode", Type: config.TypeString, IgnoreCase: true, Importance: config.ImportanceMedium,
				Valid: []string{"drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"},
				Doc: "What becomes of deletions and of the tombstones that follow them. drop: both go. tombstone, the default: a deletion becomes null with the row's schema, " +
					"the tombstone goes. rewrite: a deletion becomes the row as it was, and the field __deleted tells it from others, the tombstone goes. " +
					"rewrite-with-tombstone: the same, the tombstone stays. delete-to-tombstone: a deletion becomes a tombstone, the other one goes.",
				Order: 1, Width: config.WidthMedium, DisplayName: "Deletions and tombstones",
			},
			{
				Name: "route.by.field", Type: config.TypeString, Default: config.Default(""), Importance: config.ImportanceLow,
				Doc: "The field of the row, a STRING, whose value becomes the topic.", Order: 2, Width: config.WidthMedium, DisplayName: "Route by field",
			},
			{
				Name: "add.fields.prefix", Type: config.TypeString, Default: config.Default("__"), Importance: config.ImportanceLow,
				Doc: "What the names of added fields begin with.", Order: 3, Width: config.WidthShort, DisplayName: "Prefix of added fields",
			},
			{
				Name: "add.fields", Type: config.TypeList, Default: config.Default(""), Importance: config.ImportanceLow,
				Doc:   "Fields of the change event to add to the row, such as op, source.ts_ms or db:database, which gives it another name. Those that an event does not have are left out.",
				Order: 4, Width: config.WidthLong, DisplayName: "Fields to add",
			},
			{
				Name: "add.headers.prefix", Type: config.TypeString, Default: config.Default("__"), Importance: config.ImportanceLow,
				Doc: "What the names of added headers begin with.", Order: 5, Width: config.WidthShort, DisplayName: "Prefix of added headers",
			},
			{
				Name: "add.headers", Type: config.TypeList, Default: config.Default(""), Importance: config.ImportanceLow,
				Doc: "Fields of the change event that become headers, written as in add.fields.", Order: 6, Width: config.WidthLong, DisplayName: "Headers to add",
			},
			{
				Name: "drop.fields.header.name", Type: config.TypeString, Importance: config.ImportanceLow,
				Doc: "Name of a header that lists fields to take out of the row.", Order: 7, Width: config.WidthMedium, DisplayName: "Header with fields to drop",
			},
			{
				Name: "drop.fields.from.key", Type: config.TypeBoolean, Default: config.Default("false"), Importance: config.ImportanceLow,
				Doc: "Whether these fields go from the key, too.", Order: 8, Width: config.WidthShort, DisplayName: "Drop fields from the key",
			},
			{
				Name: "drop.fields.keep.schema.compatible", Type: config.TypeBoolean, Default: config.Default("true"), Importance: config.ImportanceLow,
				Doc: "Whether only optional fields are taken out, which leaves the schema compatible. With false all of them are.", Order: 9, Width: config.WidthShort, DisplayName: "Keep the schema compatible",
			},
			replaceNull(10),
			{
				Name: "drop.tombstones", Type: config.TypeBoolean, Importance: config.ImportanceLow,
				Doc: "Deprecated, see delete.tombstone.handling.mode: whether tombstones go.", Order: 11, Width: config.WidthShort, DisplayName: "Drop tombstones",
			},
			{
				Name: "delete.handling.mode", Type: config.TypeString, Valid: []string{"drop", "none", "rewrite"}, IgnoreCase: true, Importance: config.ImportanceLow,
				Doc: "Deprecated, see delete.tombstone.handling.mode: what becomes of deletions.", Order: 12, Width: config.WidthShort, DisplayName: "Deletions",
			},
		}),
		one(debezium+"TimezoneConverter", newTimezoneConverter, config.Definition{
			{
				Name: "converted.timezone", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
				Doc: "The time zone: a place, such as Europe/Berlin, or an offset, such as +02:00.", Order: 1, Width: config.WidthMedium, DisplayName: "Time zone",
			},
			{
				Name: "include.list", Type: config.TypeList, Default: config.Default(""), Importance: config.ImportanceHigh,
				Doc: "The events and fields to convert: source:table, source:table:field, topic:topic, topic:topic:field, or table:field, where a topic may stand for the table. " +
					"A field may begin with before., after. or source. Nothing means all.",
				Order: 2, Width: config.WidthLong, DisplayName: "Include",
			},
			{
				Name: "exclude.list", Type: config.TypeList, Default: config.Default(""), Importance: config.ImportanceHigh,
				Doc: "The events and fields not to convert, written as in include.list, which must not be given beside it.", Order: 3, Width: config.WidthLong, DisplayName: "Exclude",
			},
		}),
		named("ContentFilter", one(debezium+"Filter", newContentFilter, append(scopeKeys(2), config.Key{
			Name: "condition", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceMedium,
			Doc: "A CEL expression; records for which it is true stay, others go. It sees topic, partition, timestamp, key, value, keySchema, valueSchema and headers: " +
				"value.op == 'u' && value.after.amount > 100.0, or has(value.note) where a field may be missing.",
			Order: 1, Width: config.WidthLong, DisplayName: "Condition",
		}))),
		one(debezium+"ContentBasedRouter", newContentRouter, append(scopeKeys(2), config.Key{
			Name: "topic.expression", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceMedium,
			Doc: "A CEL expression whose outcome is the topic; null and an empty text leave it as it is. It sees topic, partition, timestamp, key, value, keySchema, " +
				"valueSchema and headers: value.country == 'GB' ? 'orders-uk' : topic.",
			Order: 1, Width: config.WidthLong, DisplayName: "Topic expression",
		}), "ContentRouter"),
		onKeyAndValue("TopicFromField", newTopicFromField, config.Definition{
			{
				Name: "field", Type: config.TypeString, Default: config.Default(""), Importance: config.ImportanceMedium,
				Doc:   "The field whose value becomes the topic; empty means the whole. With field.syntax.version=V2 it may be a path, such as after.country.",
				Order: 1, Width: config.WidthMedium, DisplayName: "Field",
			},
			fieldSyntax(2),
			skipMissing(3),
		}),
		onKeyAndValue(confluent+"ExtractTopic", newConfluentExtractTopic, config.Definition{
			{
				Name: "field", Type: config.TypeString, Default: config.Default(""), Importance: config.ImportanceHigh,
				Doc:   "The field whose value becomes the topic; empty means the whole.",
				Order: 1, Width: config.WidthMedium, DisplayName: "Field",
			},
			{
				Name: "field.format", Type: config.TypeString, Default: config.Default("PLAIN"), Valid: []string{"PLAIN", "JSON_PATH"}, IgnoreCase: true, Importance: config.ImportanceMedium,
				Doc:   "Whether field is a name (PLAIN) or a path such as $.after.country (JSON_PATH).",
				Order: 2, Width: config.WidthShort, DisplayName: "Field format",
			},
			skipMissing(3),
		}),
		one(confluent+"ExtractTopic$Header", newExtractTopicHeader, config.Definition{
			{
				Name: "field", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
				Doc: "The header whose value becomes the topic.", Order: 1, Width: config.WidthMedium, DisplayName: "Header",
			},
			skipMissing(2),
		}),
		named("AivenExtractTopic", onKeyAndValue(aiven+"ExtractTopic", newAivenExtractTopic, config.Definition{
			{
				Name: "field.name", Type: config.TypeString, Default: config.Default(""), Importance: config.ImportanceMedium,
				Doc:   "The field whose value becomes the topic; empty means the whole.",
				Order: 1, Width: config.WidthMedium, DisplayName: "Field",
			},
			skipMissing(2),
		})),
		named("ConditionFilter", onKeyAndValue(confluent+"Filter", newConditionFilter, config.Definition{
			{
				Name: "filter.condition", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
				Doc: "A condition in JSONPath: $[?(@.country == 'GB')], $.after[?(@.amount > 100 && @.active == true)], or a path that must lead to a value. " +
					"There are ==, !=, <, <=, >, >=, =~ /regex/, in [..], &&, || and !.",
				Order: 1, Width: config.WidthLong, DisplayName: "Condition",
			},
			{
				Name: "filter.type", Type: config.TypeString, Required: true, Valid: []string{"include", "exclude"}, Importance: config.ImportanceHigh,
				Doc: "Whether records for which the condition holds stay (include) or go (exclude).", Order: 2, Width: config.WidthShort, DisplayName: "Filter type",
			},
			{
				Name: "missing.or.null.behavior", Type: config.TypeString, Default: config.Default("fail"), Valid: []string{"fail", "include", "exclude"}, Importance: config.ImportanceMedium,
				Doc: "What becomes of records that lack a field of the condition: they fail, stay (include) or go (exclude).", Order: 3, Width: config.WidthShort, DisplayName: "Missing or null",
			},
		})),
		onKeyAndValue(confluent+"Drop", newDrop, config.Definition{{
			Name: "schema.behavior", Type: config.TypeString, Default: config.Default("nullify"), Valid: []string{"nullify", "retain", "force_optional"}, Importance: config.ImportanceMedium,
			Doc:   "What becomes of the schema when the key or value becomes null: it goes (nullify), stays, if it takes null (retain), or stays and takes null from now on (force_optional).",
			Order: 1, Width: config.WidthShort, DisplayName: "Schema behavior",
		}}),
		one(confluent+"TombstoneHandler", newTombstoneHandler, config.Definition{{
			Name: "behavior", Type: config.TypeString, Default: config.Default("drop_silent"), Valid: []string{"drop_silent", "drop_warn", "ignore", "warn", "fail"}, Importance: config.ImportanceHigh,
			Doc:   "What becomes of records without value: they go (drop_silent, drop_warn), stay (ignore, warn) or fail (fail). No line is logged for them.",
			Order: 1, Width: config.WidthShort, DisplayName: "Behavior",
		}}),
		one(confluent+"MessageTimestampRouter", newMessageTimestampRouter, config.Definition{
			{
				Name: "message.timestamp.keys", Type: config.TypeList, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
				Doc: "Fields of the value that may tell the time; the first that is not null does.", Order: 1, Width: config.WidthMedium, DisplayName: "Timestamp fields",
			},
			{
				Name: "message.timestamp.format", Type: config.TypeString, Default: config.Default("yyyy-MM-dd"), Importance: config.ImportanceHigh,
				Doc: "How a time that is text is read, a pattern of Java's SimpleDateFormat. The time zone is UTC.", Order: 2, Width: config.WidthMedium, DisplayName: "Timestamp format",
			},
			{
				Name: "topic.format", Type: config.TypeString, Default: config.Default("${topic}-${timestamp}"), Importance: config.ImportanceHigh,
				Doc: "The new topic, in which ${topic} is the old one and ${timestamp} the time.", Order: 3, Width: config.WidthLong, DisplayName: "Topic format",
			},
			{
				Name: "topic.timestamp.format", Type: config.TypeString, Default: config.Default("yyyyMMdd"), Importance: config.ImportanceHigh,
				Doc: "How the time is written in the topic, a pattern of Java's SimpleDateFormat.", Order: 4, Width: config.WidthMedium, DisplayName: "Timestamp format in the topic",
			},
		}),
		onKeyAndValue("ParseJson", newParseJSON, config.Definition{{
			Name: "fields", Type: config.TypeList, Default: config.Default(""), Importance: config.ImportanceHigh,
			Doc:   "Fields whose text is JSON; they become values without schema, which JsonConverter writes with schemas.enable=false. None means the whole, which then has no schema.",
			Order: 1, Width: config.WidthLong, DisplayName: "Fields",
		}}),
		onKeyAndValue("FormatJson", newFormatJSON, config.Definition{{
			Name: "fields", Type: config.TypeList, Default: config.Default(""), Importance: config.ImportanceHigh,
			Doc:   "Fields that become text, which is JSON: decimals as numbers, dates and times as their numbers, bytes in base64. None means the whole.",
			Order: 1, Width: config.WidthLong, DisplayName: "Fields",
		}}),
		predicateOf("HasHeaderKey", newHasHeaderKey, config.Definition{{
			Name: "name", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceMedium,
			Doc: "Name of a header. The predicate holds for records that have one or more of that name.", Order: 1, Width: config.WidthMedium, DisplayName: "Header",
		}}),
		predicateOf("RecordIsTombstone", newRecordIsTombstone, config.Definition{}),
		[]Description{{Class: "Condition", Name: "Condition", Kind: Predicate, build: newCondition, Definition: config.Definition{{
			Name: "condition", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceMedium,
			Doc: "A CEL expression; the predicate holds for records for which it is true. It sees topic, partition, timestamp, key, value, keySchema, valueSchema and headers: " +
				"value != null && value.op == 'd'.",
			Order: 1, Width: config.WidthLong, DisplayName: "Condition",
		}}}},
		predicateOf("TopicNameMatches", newTopicNameMatches, config.Definition{{
			Name: "pattern", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceMedium,
			Doc: "Regular expression (RE2 syntax). The predicate holds for records whose whole topic matches.", Order: 1, Width: config.WidthLong, DisplayName: "Pattern",
		}}),
	)
})

func replaceNull(order int) config.Key {
	return config.Key{
		Name: replaceNullKey, Type: config.TypeBoolean, Default: config.Default("true"), Importance: config.ImportanceMedium,
		Doc:   "Whether a field that is null counts as the default of its schema, where there is one. With false it is null.",
		Order: order, Width: config.WidthShort, DisplayName: "Replace null with default",
	}
}

func fieldSyntax(order int) config.Key {
	return config.Key{
		Name: syntaxKey, Type: config.TypeString, Default: config.Default("V1"), Valid: []string{"V1", "V2"}, IgnoreCase: true, Importance: config.ImportanceHigh,
		Doc: "How fields are named. With V1 a name is the name of a field at the top, dots and all. With V2 it is a path: " +
			"a.b is the field b of the field a, and `a.b`.c the field c of the field a.b.",
		Order: order, Width: config.WidthShort, DisplayName: "Field syntax version",
	}
}

func insertedField(key, what string, order int) config.Key {
	return config.Key{
		Name: key, Type: config.TypeString, Importance: config.ImportanceMedium,
		Doc:   "Name of a field to insert " + what + " as. With ! behind it the field is required, with ? or nothing it is optional.",
		Order: order, Width: config.WidthMedium, DisplayName: key,
	}
}

// shortName is a class without its package.
func shortName(class string) string { return class[strings.LastIndexByte(class, '.')+1:] }

func one(class string, build func(settings) (built, error), d config.Definition, aliases ...string) []Description {
	return []Description{{Class: class, Name: shortName(class), Aliases: aliases, Definition: d, build: build}}
}

// named gives a transformation a short name that is not that of its class, because another one has that.
func named(name string, all []Description) []Description {
	for i := range all {
		_, suffix, on := strings.Cut(all[i].Name, "$")
		if all[i].Name = name; on {
			all[i].Name += "$" + suffix
		}
	}
	return all
}

// onKeyAndValue makes two descriptions of a transformation that works on the key or on the value.
func onKeyAndValue(class string, build func(side) func(settings) (built, error), d config.Definition, aliases ...string) []Description {
	var both []Description
	for _, s := range [...]side{key, value} {
		suffix := "$" + title(s)
		of := Description{Class: class + suffix, Name: shortName(class) + suffix, Definition: d, build: build(s)}
		for _, a := range aliases {
			of.Aliases = append(of.Aliases, a+suffix)
		}
		both = append(both, of)
	}
	return both
}

func predicateOf(name string, build func(settings) (built, error), d config.Definition) []Description {
	return []Description{{Class: kafka + "predicates." + name, Name: name, Kind: Predicate, Definition: d, build: build}}
}

func skipMissing(order int) config.Key {
	return config.Key{
		Name: skipKey, Type: config.TypeBoolean, Default: config.Default("false"), Importance: config.ImportanceLow,
		Doc:   "Whether a record passes with the topic it has where the name of the new one is missing, null or empty. With false it fails.",
		Order: order, Width: config.WidthShort, DisplayName: "Skip missing or null",
	}
}

// scopeKeys are the settings that expressions over records have in common.
func scopeKeys(order int) config.Definition {
	return config.Definition{
		{
			Name: "language", Type: config.TypeString, Default: config.Default("cel"), Recommended: []string{"cel"}, Importance: config.ImportanceLow,
			Doc: "The language of the expression, which is CEL.", Order: order, Width: config.WidthShort, DisplayName: "Language",
		},
		{
			Name: "topic.regex", Type: config.TypeString, Importance: config.ImportanceLow,
			Doc: "Regular expression (RE2 syntax); records whose whole topic does not match pass as they are. Without it all are looked at.", Order: order + 1, Width: config.WidthMedium, DisplayName: "Topic regex",
		},
		{
			Name: "null.handling.mode", Type: config.TypeString, Default: config.Default("keep"), Valid: []string{"keep", "drop", "evaluate"}, IgnoreCase: true, Importance: config.ImportanceMedium,
			Doc: "What becomes of records without value: they pass (keep), go (drop), or the expression decides (evaluate).", Order: order + 2, Width: config.WidthShort, DisplayName: "Records without value",
		},
	}
}
