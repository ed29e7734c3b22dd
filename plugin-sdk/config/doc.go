// Package config declares the configuration of a connector, a converter, a transformation or a worker once. From one [Definition] come
// validation with Kafka's own error texts, defaults, typed access, the answers of the REST API, documentation and forms.
//
//	var definition = config.Definition{
//		{
//			Name: "file", Type: config.TypeString, Required: true, NonEmpty: true, Importance: config.ImportanceHigh,
//			Group: "File", Order: 1, Width: config.WidthLong, DisplayName: "File",
//			Doc: "Path of the file to read, on the worker's machine.",
//		},
//		{
//			Name: "batch.size", Type: config.TypeInt, Default: config.Default("2000"), Min: config.Limit(1), Importance: config.ImportanceLow,
//			Group: "File", Order: 2, Width: config.WidthShort, DisplayName: "Batch size",
//			Doc: "How many lines to read before they are handed over. More lines need more memory and cost less work a line.",
//		},
//	}
//
//	values, err := definition.Parse(settings) // every mistake at once, each with key, value and what is allowed
//	lines := values.Int("batch.size")
//
// How a value is read is Kafka's: white space around it does not count; BOOLEAN takes true and false in any case; a LIST is split at
// commas, and an empty text is an empty list; a key that is there with an empty text is given, not missing.
//
// The texts of errors begin with Kafka's words, which clients and people search for, and go on with a hint. Passwords are in none of them.
//
// The keys that the framework itself gives every connector are declared here too, because they are documentation for authors as much as
// for users: [Common], [Source], [Sink], and those of an alias, [Transformation], [Predicate], [TopicCreation]. What they demand of each
// other, [CheckSource] and [CheckSink] check.
//
// A definition may come from a plugin of another age or make: whatever it says, Validate and the forms of the REST API do not panic.
// [Definition.Lint] finds what its author should mend.
package config
