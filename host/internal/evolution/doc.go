// Package evolution decides whether a source may go on when the schema of what it delivers changes.
//
// The schemas of the keys and of the values of each topic are remembered, those of records as they go to the converters, after all
// transformations. A record with another schema than the one remembered has a change that is compatible, and is remembered from then on, or
// one that breaks, about which the connector's policy decides:
//
//	record ─▶ same schema as the last of its topic? ─ yes ──────────────────────────────▶ delivered
//	                       │ no
//	                       ▼
//	          Differences from the one remembered ─ none ─▶ remember the new one ─▶ delivered
//	                       │ some
//	                       ▼
//	          outboard.schema.evolution ─┬─ hold: the task delivers nothing more, and waits for a person
//	                                     ├─ dlq:  the record goes to the dead letter queue, the next one is looked at
//	                                     └─ fail: the task fails
//
// With evolve, the default, nothing is compared or remembered: everything passes.
//
// # What breaks
//
// A change breaks when a reader who knows one of the two schemas cannot read what was written with the other, whichever came first. So a
// source that reads again after a restart what it had read under an earlier schema is not taken for one that changes its mind, and tasks of
// a connector may see a change at different times. In particular:
//
//   - A field that is optional or has a default may come and go; any other that is new, is gone or has another name breaks.
//   - Another type breaks, wider or narrower, and so does another logical type or another scale of a Decimal.
//   - A field that may be null from now on breaks, and one that may not be any more.
//   - The same holds within nested structs, elements of arrays, and keys and values of maps. Whether the whole key or value may be null does
//     not matter: a null is always let through.
//   - Documentation, versions, defaults themselves, the order of fields and parameters other than a Decimal's scale do not matter.
//   - Bytes and text without schema count as BYTES and STRING, schemaless JSON as ANY. Headers are not looked at.
//
// Structs with different names are records of different kinds: a topic may have several, each of which is remembered on its own. One that was
// not there before is not a change.
//
// # What is remembered, and for how long
//
// A [Memory] belongs to one task. What it learns is to be stored before the offsets of the records that taught it: then a record that comes
// after a restart is compared with what came before it. The policy evolve forgets what is stored: with it, a person lets a change pass, and
// under a policy that is set again the first record of each topic counts as right.
package evolution
