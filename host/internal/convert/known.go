package convert

import (
	"sync"

	"github.com/outboard-connect/outboard/plugin-sdk/config"
	"github.com/outboard-connect/outboard/plugin-sdk/data"
)

// DefaultHeaderConverter is used where no header converter is configured.
const DefaultHeaderConverter = "org.apache.kafka.connect.storage.SimpleHeaderConverter"

// Known returns the built-in converters. They are everybody's: nothing of them may be changed.
func Known() []Description { return known() }

var known = sync.OnceValue(func() []Description {
	return []Description{
		{
			Class: "org.apache.kafka.connect.json.JsonConverter", Name: "JsonConverter", Aliases: []string{"Json"},
			Converter: true, HeaderConverter: true, Definition: jsonDefinition(), build: newJSON,
		},
		{
			Class: "org.apache.kafka.connect.storage.StringConverter", Name: "StringConverter", Aliases: []string{"String"},
			Converter: true, HeaderConverter: true, Definition: stringDefinition(), build: newString,
		},
		{
			Class: "org.apache.kafka.connect.converters.ByteArrayConverter", Name: "ByteArrayConverter", Aliases: []string{"ByteArray"},
			Converter: true, HeaderConverter: true, Definition: config.Definition{}, build: newByteArray,
		},
		{
			Class: "io.confluent.connect.avro.AvroConverter", Name: "AvroConverter", Aliases: []string{"Avro"},
			Converter: true, HeaderConverter: false, Definition: avroDefinition(), build: newAvro,
		},
		{
			Class: "io.confluent.connect.json.JsonSchemaConverter", Name: "JsonSchemaConverter", Aliases: []string{"JsonSchema"},
			Converter: true, HeaderConverter: false, Definition: jsonSchemaDefinition(), build: newJSONSchema,
		},
		{
			Class: "io.confluent.connect.protobuf.ProtobufConverter", Name: "ProtobufConverter", Aliases: []string{"Protobuf"},
			Converter: true, HeaderConverter: false, Definition: protobufDefinition(), build: newProtobuf,
		},
		numberDescription("Boolean", 1, data.OptionalBooleanSchema),
		numberDescription("Short", 2, data.OptionalInt16Schema),
		numberDescription("Integer", 4, data.OptionalInt32Schema),
		numberDescription("Long", 8, data.OptionalInt64Schema),
		numberDescription("Float", 4, data.OptionalFloat32Schema),
		numberDescription("Double", 8, data.OptionalFloat64Schema),
		{
			Class: DefaultHeaderConverter, Name: "SimpleHeaderConverter", Aliases: []string{"SimpleHeader", "Simple"},
			HeaderConverter: true, Definition: config.Definition{}, buildHeader: newSimple,
		},
	}
})

func numberDescription(alias string, size int, schema *data.Schema) Description {
	name := alias + "Converter"
	return Description{
		Class: "org.apache.kafka.connect.converters." + name, Name: name, Aliases: []string{alias},
		Converter: true, HeaderConverter: true, Definition: config.Definition{}, build: newNumber(name, size, schema),
	}
}

func jsonDefinition() config.Definition {
	return config.Definition{
		{
			Name: "schemas.enable", Type: config.TypeBoolean, Default: config.Default("true"), Importance: config.ImportanceHigh,
			Doc: "Whether every key and value carries its schema: {\"schema\": …, \"payload\": …}. " +
				"With false the JSON is the bare payload, which most other programs expect.",
			Group: "Schemas", Order: 1, Width: config.WidthShort, DisplayName: "Enable schemas",
		},
		{
			Name: "schemas.cache.size", Type: config.TypeInt, Default: config.Default("1000"), Importance: config.ImportanceHigh,
			Doc:   "How many schemas a converter remembers in each direction. More than this in turn and each is worked out again.",
			Group: "Schemas", Order: 2, Width: config.WidthShort, DisplayName: "Schema cache size", Min: config.Limit(0),
		},
		{
			Name: "schema.content", Type: config.TypeString, Importance: config.ImportanceMedium,
			Doc: "The schema of everything that is read, in the form that \"schema\" has in messages. " +
				"Messages are bare payloads then. For sinks, with schemas.enable=true.",
			Group: "Schemas", Order: 3, Width: config.WidthLong, DisplayName: "Schema content",
		},
		{
			Name: "decimal.format", Type: config.TypeString, Default: config.Default("BASE64"), Importance: config.ImportanceLow,
			Doc: "How decimals are written: NUMERIC as JSON numbers, which people and most programs can read; " +
				"BASE64 as the bytes of the unscaled number. Both are read always.",
			Group: "Serialization", Order: 1, Width: config.WidthShort, DisplayName: "Decimal format",
			Valid: []string{"BASE64", "NUMERIC"}, IgnoreCase: true,
		},
		{
			Name: "replace.null.with.default", Type: config.TypeBoolean, Default: config.Default("true"), Importance: config.ImportanceLow,
			Doc:   "Whether a null becomes the default of its schema, where there is one. With false it stays null.",
			Group: "Serialization", Order: 2, Width: config.WidthShort, DisplayName: "Replace null with default",
		},
	}
}

func stringDefinition() config.Definition {
	return config.Definition{{
		Name: "converter.encoding", Type: config.TypeString, Default: config.Default("UTF-8"), Importance: config.ImportanceHigh,
		Doc:   "The character set of the text in Kafka: UTF-8, US-ASCII or ISO-8859-1. Characters it does not have are errors.",
		Group: "Encoding", Order: 1, Width: config.WidthMedium, DisplayName: "Encoding",
		Valid: []string{"UTF-8", "UTF8", "US-ASCII", "ASCII", "ISO-8859-1", "ISO8859_1", "LATIN1"}, IgnoreCase: true,
		Recommended: []string{"UTF-8", "US-ASCII", "ISO-8859-1"},
	}}
}
