// Package transform changes records between connector and Kafka: Kafka Connect's transformations and predicates, and those
// of others that everybody installs next to them, one file each.
//
//	source: plugin ─► Record ─► Chain.Apply ─► convert ─► Kafka
//	sink:   Kafka ─► convert ─► Record ─► Chain.Apply ─► plugin
//
//	                    ┌─ Chain ───────────────────────────────────────────────┐
//	Record ── opened ──►│ step: predicate? ─► transformation  (transforms, in   │── written ──► Record
//	                    │ step: predicate? ─► transformation   their order)     │
//	                    └───────────────────────────────────────────────────────┘
//
// # How a worker uses it
//
// [NewChain] makes the chain of a connector's configuration, once a task. For every batch the worker takes an [Arena],
// and for every record it fills a [Record], from a data.SourceRecord or from what the converters read of a Kafka record,
// and calls [Chain.Apply]:
//
//	keep, err := chain.Apply(&batch.arena, &rec)
//
// keep is false for a record that a transformation drops: it counts as done (a source offset may move over it, a sink's
// offset too). After an error, an [*Error] that has the Class and the Alias for stage TRANSFORMATION of the tolerance
// operator, rec is as it was. Otherwise rec has the record's new form. The worker keeps the original topic, partition and
// offset of a sink record itself. What rec then points to lives in the arena, or is the memory that the record came with,
// and is valid until Arena.Reset; for a source that is when the batch has been acknowledged, because converters pass bytes
// through without copying.
//
// For validation, [Definition] has the keys of all transformations and predicates that a configuration names, the
// framework's and their own; [Check] has the mistakes that a single key does not show. [Known] is what
// /connector-plugins lists and describes.
//
// # How it is fast
//
// A key or value stays in its row encoding. The first transformation that looks inside splits it into cells, one a field,
// each the bytes of the field as they are; transformations drop, add, exchange and reorder cells by a plan that is worked
// out once a schema; the cells are joined again at the end of the chain. Only cells that a transformation must understand
// are decoded. The same schema in gives the same *data.Schema out, which is its identity on the wire. JSON without schema
// and maps of values that carry their own type are split into entries in the same way; their values are not parsed either,
// and JSON that nobody looks into is not checked. What is new is appended to the arena: a record costs no allocation.
// Expressions are the exception: CEL boxes the few values that it works with. ParseJson makes Go values on its way.
//
// # What is Kafka's and what is not
//
// Class names, settings, defaults and results are those of Kafka 4.3.1 and, for theirs, of Debezium 3.6 and Confluent. The
// cases in testdata of what has a Java class at hand are confirmed by it (scripts/transforms); testdata/differences.txt has
// those where we differ, each with its reason. Some that concern every record:
//
//   - Regular expressions are RE2's, dates are Gregorian, and the zone is UTC unless a setting says otherwise.
//   - Values without schema have no dates: what becomes one is its number.
//   - Debezium's Filter and ContentBasedRouter, which run Groovy or JavaScript there, take CEL here. Another language is an
//     error on its key.
//   - Confluent's Filter and ExtractTopic read paths of names and one condition of JSONPath, and refuse the rest.
//   - A field that is required, and null after the chain, is an error here. In Java it is one in the converter.
package transform
